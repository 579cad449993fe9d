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

    /// The message.
    pub fn xml(&self) -> String {
        let time = time(self.accepted_at);
        let date = local_date(self.accepted_at);
        let quote = self
            .quote
            .as_ref()
            .map_or(String::new(), |quote| format!("<InstrForNxtAgt><InstrInf>/QUOT/{quote}</InstrInf></InstrForNxtAgt>"));
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
             <CdtrAcct><Id><Othr><Id>{creditor_account}</Id></Othr></Id></CdtrAcct>{quote}\
             <Purp><Cd>GDDS</Cd></Purp></CdtTrfTxInf></FIToFICstmrCdtTrf></Document>"
        );
        envelope(from, message_id, "pacs.008.001.08", &time, &document)
    }
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
