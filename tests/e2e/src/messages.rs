//! ISO 20022 messages as a bank's own software would write them: text with values put in.

/// A customer credit transfer (`pacs.008`) in the making.
#[derive(Debug, Clone)]
pub struct Payment {
    /// Debtor agent, who also signs.
    pub from: String,
    /// Creditor agent.
    pub to: String,
    /// UETR.
    pub uetr: String,
    /// `MsgId` and `BizMsgIdr`.
    pub message_id: String,
    /// Interbank settlement amount, as text.
    pub amount: String,
    /// Its currency.
    pub currency: String,
    /// A quote's identifier, for an exchanged payment.
    pub quote: Option<String>,
    /// The pre-authorisation whose money it reserves.
    pub preauth: Option<String>,
    /// `HIGH` or `NORM`.
    pub priority: String,
    /// Creditor's account at its bank.
    pub creditor_account: String,
    /// Creditor's name.
    pub creditor_name: String,
    /// `AccptncDtTm` and the dates; RFC 3339.
    pub accepted_at: jiff::Timestamp,
}

impl Payment {
    /// A payment of so much from one bank to another, with fresh identifiers.
    pub fn new(from: &str, to: &str, amount: &str, currency: &str) -> Self {
        let uetr = uuid::Uuid::new_v4();
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            uetr: uetr.to_string(),
            message_id: format!("E2E{}", &uetr.simple().to_string()[..24]),
            amount: amount.to_owned(),
            currency: currency.to_owned(),
            quote: None,
            preauth: None,
            priority: "NORM".to_owned(),
            creditor_account: "622848001234567".to_owned(),
            creditor_name: "Li Na".to_owned(),
            accepted_at: jiff::Timestamp::now(),
        }
    }

    /// The same, exchanged by a firm quote.
    pub fn with_quote(mut self, quote: &str) -> Self {
        self.quote = Some(quote.to_owned());
        self
    }

    /// The same, reserving what a pre-authorisation asks for.
    pub fn reserving(mut self, preauth: &str) -> Self {
        self.preauth = Some(preauth.to_owned());
        self
    }

    /// The message.
    pub fn xml(&self) -> String {
        let time = time(self.accepted_at);
        let date = local_date(self.accepted_at);
        let quote = self
            .quote
            .as_ref()
            .map_or(String::new(), |quote| format!("<InstrForNxtAgt><InstrInf>/QUOT/{quote}</InstrInf></InstrForNxtAgt>"));
        let preauth = self
            .preauth
            .as_ref()
            .map_or(String::new(), |uetr| format!("<InstrForNxtAgt><InstrInf>/PREA/{uetr}</InstrInf></InstrForNxtAgt>"));
        let Self { from, to, uetr, message_id, amount, currency, priority, creditor_account, creditor_name, .. } = self;
        let document = format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\"><FIToFICstmrCdtTrf>\
             <GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{time}</CreDtTm><NbOfTxs>1</NbOfTxs>\
             <SttlmInf><SttlmMtd>CLRG</SttlmMtd><ClrSys><Prtry>LUOHU</Prtry></ClrSys></SttlmInf></GrpHdr>\
             <CdtTrfTxInf><PmtId><InstrId>{message_id}</InstrId><EndToEndId>INVOICE-1</EndToEndId><UETR>{uetr}</UETR></PmtId>\
             <PmtTpInf><InstrPrty>{priority}</InstrPrty></PmtTpInf>\
             <IntrBkSttlmAmt Ccy=\"{currency}\">{amount}</IntrBkSttlmAmt><IntrBkSttlmDt>{date}</IntrBkSttlmDt>\
             <AccptncDtTm>{time}</AccptncDtTm><ChrgBr>SLEV</ChrgBr>\
             <InstgAgt><FinInstnId><BICFI>{from}</BICFI></FinInstnId></InstgAgt>\
             <InstdAgt><FinInstnId><BICFI>{to}</BICFI></FinInstnId></InstdAgt>\
             <Dbtr><Nm>Chan Tai Man</Nm><PstlAdr><StrtNm>Nathan Road</StrtNm><TwnNm>Hong Kong</TwnNm><Ctry>HK</Ctry></PstlAdr></Dbtr>\
             <DbtrAcct><Id><Othr><Id>012-345678-001</Id></Othr></Id></DbtrAcct>\
             <DbtrAgt><FinInstnId><BICFI>{from}</BICFI></FinInstnId></DbtrAgt>\
             <CdtrAgt><FinInstnId><BICFI>{to}</BICFI></FinInstnId></CdtrAgt>\
             <Cdtr><Nm>{creditor_name}</Nm><PstlAdr><StrtNm>Shennan Road</StrtNm><TwnNm>Shenzhen</TwnNm><Ctry>CN</Ctry></PstlAdr></Cdtr>\
             <CdtrAcct><Id><Othr><Id>{creditor_account}</Id></Othr></Id></CdtrAcct>{quote}{preauth}\
             <Purp><Cd>GDDS</Cd></Purp></CdtTrfTxInf></FIToFICstmrCdtTrf></Document>"
        );
        envelope(from, message_id, "pacs.008.001.08", &time, &document)
    }
}

/// A stay at a hotel, whose bank has money reserved and captures it.
#[derive(Debug, Clone)]
pub struct Hospitality {
    /// The hotel's bank.
    pub creditor_agent: String,
    /// The guest's bank.
    pub debtor_agent: String,
    /// UETR of the pre-authorisation.
    pub uetr: String,
    /// Its currency.
    pub currency: String,
}

impl Hospitality {
    /// A stay with a fresh UETR.
    pub fn new(creditor_agent: &str, debtor_agent: &str, currency: &str) -> Self {
        let uetr = uuid::Uuid::new_v4().to_string();
        let (creditor_agent, debtor_agent) = (creditor_agent.to_owned(), debtor_agent.to_owned());
        Self { creditor_agent, debtor_agent, uetr, currency: currency.to_owned() }
    }

    /// The `pain.013` that asks for so much, for a week.
    pub fn request(&self, amount: &str) -> String {
        let now = jiff::Timestamp::now();
        let (made, expires) = (time(now), time(jiff::Timestamp::from_second(now.as_second() + 7 * 86_400).unwrap_or(now)));
        let message_id = fresh_id();
        let Self { creditor_agent, debtor_agent, uetr, currency } = self;
        let document = format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.013.001.07\"><CdtrPmtActvtnReq>\
             <GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{made}</CreDtTm><NbOfTxs>1</NbOfTxs><InitgPty><Nm>Bay Hotel</Nm></InitgPty></GrpHdr>\
             <PmtInf><PmtInfId>STAY-7</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt><DtTm>{made}</DtTm></ReqdExctnDt>\
             <XpryDt><DtTm>{expires}</DtTm></XpryDt>\
             <PmtCond><AmtModAllwd>false</AmtModAllwd><EarlyPmtAllwd>true</EarlyPmtAllwd><GrntedPmtReqd>true</GrntedPmtReqd></PmtCond>\
             <Dbtr><Nm>Chan Tai Man</Nm></Dbtr><DbtrAcct><Id><Othr><Id>012-345678-001</Id></Othr></Id></DbtrAcct>\
             <DbtrAgt><FinInstnId><BICFI>{debtor_agent}</BICFI></FinInstnId></DbtrAgt>\
             <CdtTrfTx><PmtId><EndToEndId>STAY-7</EndToEndId><UETR>{uetr}</UETR></PmtId>\
             <Amt><InstdAmt Ccy=\"{currency}\">{amount}</InstdAmt></Amt><ChrgBr>SLEV</ChrgBr>\
             <CdtrAgt><FinInstnId><BICFI>{creditor_agent}</BICFI></FinInstnId></CdtrAgt><Cdtr><Nm>Bay Hotel</Nm></Cdtr>\
             <CdtrAcct><Id><Othr><Id>622848001234567</Id></Othr></Id></CdtrAcct></CdtTrfTx></PmtInf>\
             </CdtrPmtActvtnReq></Document>"
        );
        envelope(creditor_agent, &message_id, "pain.013.001.07", &made, &document)
    }

    /// The `pacs.003` that captures so much, and the UETR of the payment it is.
    pub fn capture(&self, amount: &str, last: bool) -> (String, String) {
        let (made, message_id, uetr) = (time(jiff::Timestamp::now()), fresh_id(), uuid::Uuid::new_v4().to_string());
        let (kind, preauth) = (if last { "FNAL" } else { "RCUR" }, self.uetr.replace('-', ""));
        let Self { creditor_agent, debtor_agent, currency, .. } = self;
        let document = format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.003.001.08\"><FIToFICstmrDrctDbt>\
             <GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{made}</CreDtTm><NbOfTxs>1</NbOfTxs>\
             <SttlmInf><SttlmMtd>CLRG</SttlmMtd><ClrSys><Prtry>LUOHU</Prtry></ClrSys></SttlmInf></GrpHdr>\
             <DrctDbtTxInf><PmtId><EndToEndId>STAY-7</EndToEndId><UETR>{uetr}</UETR></PmtId>\
             <PmtTpInf><SeqTp>{kind}</SeqTp></PmtTpInf><IntrBkSttlmAmt Ccy=\"{currency}\">{amount}</IntrBkSttlmAmt>\
             <ChrgBr>SLEV</ChrgBr><DrctDbtTx><MndtRltdInf><MndtId>{preauth}</MndtId></MndtRltdInf></DrctDbtTx>\
             <Cdtr><Nm>Bay Hotel</Nm></Cdtr><CdtrAcct><Id><Othr><Id>622848001234567</Id></Othr></Id></CdtrAcct>\
             <CdtrAgt><FinInstnId><BICFI>{creditor_agent}</BICFI></FinInstnId></CdtrAgt><Dbtr><Nm>Chan Tai Man</Nm></Dbtr>\
             <DbtrAcct><Id><Othr><Id>012-345678-001</Id></Othr></Id></DbtrAcct>\
             <DbtrAgt><FinInstnId><BICFI>{debtor_agent}</BICFI></FinInstnId></DbtrAgt></DrctDbtTxInf></FIToFICstmrDrctDbt></Document>"
        );
        (uetr, envelope(creditor_agent, &message_id, "pacs.003.001.08", &made, &document))
    }

    /// The `camt.055` of this bank that lets the rest go.
    pub fn release(&self, from: &str) -> String {
        let (made, message_id, uetr) = (time(jiff::Timestamp::now()), fresh_id(), &self.uetr);
        let document = format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.055.001.08\"><CstmrPmtCxlReq>\
             <Assgnmt><Id>{message_id}</Id><Assgnr><Agt><FinInstnId><BICFI>{from}</BICFI></FinInstnId></Agt></Assgnr>\
             <Assgne><Agt><FinInstnId><BICFI>LUOHHKHHXXX</BICFI></FinInstnId></Agt></Assgne><CreDtTm>{made}</CreDtTm></Assgnmt>\
             <Undrlyg><OrgnlPmtInfAndCxl><OrgnlPmtInfId>STAY-7</OrgnlPmtInfId><TxInf><OrgnlUETR>{uetr}</OrgnlUETR>\
             <CxlRsnInf><Rsn><Cd>CUST</Cd></Rsn></CxlRsnInf></TxInf></OrgnlPmtInfAndCxl></Undrlyg></CstmrPmtCxlReq></Document>"
        );
        envelope(from, &message_id, "camt.055.001.08", &made, &document)
    }
}

fn fresh_id() -> String {
    format!("E2E{}", &uuid::Uuid::new_v4().simple().to_string()[..24])
}

/// The creditor agent's answer to a payment (`pacs.002`): a status such as `ACSP`, or `RJCT` with a reason.
pub fn answer(from: &str, uetr: &str, status: &str, reason: Option<&str>) -> String {
    let now = time(jiff::Timestamp::now());
    let message_id = format!("E2E{}", &uuid::Uuid::new_v4().simple().to_string()[..24]);
    let reason = reason.map_or(String::new(), |code| format!("<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>"));
    let document = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10\"><FIToFIPmtStsRpt>\
         <GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{now}</CreDtTm></GrpHdr>\
         <TxInfAndSts><OrgnlUETR>{uetr}</OrgnlUETR><TxSts>{status}</TxSts>{reason}</TxInfAndSts>\
         </FIToFIPmtStsRpt></Document>"
    );
    envelope(from, &message_id, "pacs.002.001.10", &now, &document)
}

/// A question about a payment (`pacs.028`).
pub fn status_request(from: &str, uetr: &str) -> String {
    let now = time(jiff::Timestamp::now());
    let message_id = format!("E2E{}", &uuid::Uuid::new_v4().simple().to_string()[..24]);
    let document = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.028.001.03\"><FIToFIPmtStsReq>\
         <GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{now}</CreDtTm></GrpHdr>\
         <TxInf><OrgnlUETR>{uetr}</OrgnlUETR></TxInf></FIToFIPmtStsReq></Document>"
    );
    envelope(from, &message_id, "pacs.028.001.03", &now, &document)
}

fn envelope(from: &str, message_id: &str, kind: &str, time: &str, document: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<BusinessMessage>\
         <AppHdr xmlns=\"urn:iso:std:iso:20022:tech:xsd:head.001.001.02\">\
         <Fr><FIId><FinInstnId><BICFI>{from}</BICFI></FinInstnId></FIId></Fr>\
         <To><FIId><FinInstnId><BICFI>LUOHHKHHXXX</BICFI></FinInstnId></FIId></To>\
         <BizMsgIdr>{message_id}</BizMsgIdr><MsgDefIdr>{kind}</MsgDefIdr><CreDt>{time}</CreDt></AppHdr>{document}</BusinessMessage>"
    )
}

/// As ISO writes times: whole seconds and an offset.
fn time(at: jiff::Timestamp) -> String {
    let whole = jiff::Timestamp::from_second(at.as_second()).unwrap_or(at);
    whole.to_string().replace('Z', "+00:00")
}

/// Hong Kong and Shenzhen share a date: UTC+8.
fn local_date(at: jiff::Timestamp) -> String {
    let shifted = jiff::Timestamp::from_second(at.as_second() + 8 * 3600).unwrap_or(at);
    shifted.to_string()[..10].to_owned()
}

/// The text of the first element of this name, wherever it stands.
pub fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let start = xml.find(&format!("<{name}>")).map(|at| at + name.len() + 2).or_else(|| {
        let at = xml.find(&format!("<{name} "))?;
        Some(at + xml[at..].find('>')? + 1)
    })?;
    let end = xml[start..].find(&format!("</{name}>"))?;
    Some(&xml[start..start + end])
}

/// What a `pacs.002` says: the transaction's status and the reason's code.
pub fn status_of(xml: &str) -> (String, Option<String>) {
    let status = element(xml, "TxSts").unwrap_or_default().to_owned();
    (status, element(xml, "StsRsnInf").and_then(|reason| element(reason, "Cd")).map(str::to_owned))
}
