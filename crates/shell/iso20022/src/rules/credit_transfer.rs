//! Rules about credit transfers (`pacs.008`).

use super::{BusinessRule as R, Finding, RuleSettings, codes, texts};
use crate::currencies;
use crate::generated::*;
use crate::value::{Decimal, EpochNanos, date_time_to_nanos, date_to_days, time_to_seconds};
use crate::view::quote_of;

const ROOT: &str = "/Document/FIToFICstmrCdtTrf";
/// Hong Kong and Shenzhen share one clock, eight hours east of UTC.
const ZONE_S: u64 = 8 * 3600;
const SECOND: u64 = 1_000_000_000;
const DAY_S: u64 = 86_400;

pub(super) fn check(transfer: &FIToFICustomerCreditTransferV08, settings: &RuleSettings, findings: &mut Vec<Finding>) {
    group(transfer, settings, findings);
    for (at, tx) in transfer.cdt_trf_tx_inf.iter().enumerate() {
        let path = format!("{ROOT}/CdtTrfTxInf[{}]", at + 1);
        let mut checker = Checker { path: &path, settings, findings };
        checker.identifiers(tx);
        checker.amounts(tx);
        checker.exchange(tx);
        checker.parties(tx);
        checker.agents(tx);
        checker.accounts(tx);
        checker.purpose(tx);
        checker.times(transfer, tx);
    }
}

fn group(transfer: &FIToFICustomerCreditTransferV08, settings: &RuleSettings, findings: &mut Vec<Finding>) {
    let header = &transfer.grp_hdr;
    let count = transfer.cdt_trf_tx_inf.len();
    if header.nb_of_txs.as_str().trim_start_matches('0') != "1" || count != 1 {
        let text = format!("`NbOfTxs` is {}, there are {count} payments; exactly one is taken", header.nb_of_txs.as_str());
        findings.push(Finding::new(R::OnePayment, format!("{ROOT}/GrpHdr/NbOfTxs"), text));
    }
    texts::identifier(&format!("{ROOT}/GrpHdr/MsgId"), header.msg_id.as_str(), findings);
    if header.sttlm_inf.sttlm_mtd != SettlementMethod1Code::Clrg {
        let text = format!("the settlement method is `{}`, not `CLRG`", header.sttlm_inf.sttlm_mtd.code());
        findings.push(Finding::new(R::SettlementMethod, format!("{ROOT}/GrpHdr/SttlmInf/SttlmMtd"), text));
    }
    clearing_system(header, settings, findings);
}

fn clearing_system(header: &GroupHeader93, settings: &RuleSettings, findings: &mut Vec<Finding>) {
    let path = format!("{ROOT}/GrpHdr/SttlmInf/ClrSys");
    let code = match header.sttlm_inf.clr_sys.as_deref() {
        None if header.sttlm_inf.sttlm_mtd == SettlementMethod1Code::Clrg => {
            findings.push(Finding::new(R::SettlementMethod, path, "the clearing system is not named"));
            return;
        }
        None => return,
        Some(ClearingSystemIdentification3Choice::Cd(code)) => {
            if let Err(unknown) = code.known() {
                findings.push(Finding::new(R::Clearing, format!("{path}/Cd"), unknown.to_string()));
            }
            code.as_str()
        }
        Some(ClearingSystemIdentification3Choice::Prtry(own)) => own.as_str(),
    };
    if !settings.clearing_systems.iter().any(|ours| ours == code) {
        findings.push(Finding::new(R::SettlementMethod, path, format!("`{code}` is not this clearing system")));
    }
}

struct Checker<'a> {
    path: &'a str,
    settings: &'a RuleSettings,
    findings: &'a mut Vec<Finding>,
}

impl Checker<'_> {
    fn find(&mut self, rule: R, element: &str, text: impl Into<String>) {
        self.findings.push(Finding::new(rule, format!("{}/{element}", self.path), text));
    }

    fn identifiers(&mut self, tx: &CreditTransferTransaction39) {
        let id = &tx.pmt_id;
        let ids = [
            ("PmtId/InstrId", id.instr_id.as_ref()),
            ("PmtId/EndToEndId", Some(&id.end_to_end_id)),
            ("PmtId/TxId", id.tx_id.as_ref()),
            ("PmtId/ClrSysRef", id.clr_sys_ref.as_ref()),
        ];
        for (element, id) in ids {
            if let Some(id) = id {
                texts::identifier(&format!("{}/{element}", self.path), id.as_str(), self.findings);
            }
        }
        if id.uetr.is_none() {
            self.find(R::Uetr, "PmtId/UETR", "the UETR is missing");
        }
        if !self.settings.charge_bearers.iter().any(|taken| taken == tx.chrg_br.code()) {
            self.find(R::ChargeBearer, "ChrgBr", format!("`{}` is not taken here", tx.chrg_br.code()));
        }
    }

    fn amounts(&mut self, tx: &CreditTransferTransaction39) {
        let settled = &tx.intr_bk_sttlm_amt;
        self.amount("IntrBkSttlmAmt", settled.ccy.as_str(), settled.value.get());
        if let Some(instructed) = &tx.instd_amt {
            self.amount("InstdAmt", instructed.ccy.as_str(), instructed.value.get());
        }
        for (at, charge) in tx.chrgs_inf.iter().enumerate() {
            let element = format!("ChrgsInf[{}]/Amt", at + 1);
            self.currency(&element, charge.amt.ccy.as_str(), charge.amt.value.get());
        }
    }

    fn amount(&mut self, element: &str, currency: &str, value: Decimal) {
        self.currency(element, currency, value);
        if value.mantissa() <= 0 {
            self.find(R::AmountPositive, element, "the amount is zero");
        }
    }

    fn currency(&mut self, element: &str, code: &str, value: Decimal) {
        match code.parse().ok().and_then(currencies::currency) {
            None => self.find(R::CurrencyKnown, &format!("{element}/@Ccy"), format!("`{code}` is no active ISO 4217 currency")),
            Some(currency) if value.decimals() > currency.exponent => {
                let text = format!("{code} has {} decimals, the amount {}", currency.exponent, value.decimals());
                self.find(R::CurrencyDecimals, element, text);
            }
            Some(_) => {}
        }
    }

    fn exchange(&mut self, tx: &CreditTransferTransaction39) {
        let Some(instructed) = &tx.instd_amt else { return };
        let (from, to) = (instructed.ccy.as_str(), tx.intr_bk_sttlm_amt.ccy.as_str());
        if from != to && tx.xchg_rate.is_none() && quote_of(tx).is_none() {
            self.find(R::Exchange, "XchgRate", format!("{from} becomes {to}, but neither rate nor quote is given"));
        }
    }

    fn parties(&mut self, tx: &CreditTransferTransaction39) {
        for (element, party) in [("Dbtr", &tx.dbtr), ("Cdtr", &tx.cdtr)] {
            if party.nm.is_none() {
                self.find(R::Names, &format!("{element}/Nm"), "the name is missing");
            }
        }
        let sides = [
            ("UltmtDbtr", tx.ultmt_dbtr.as_deref(), R::DebtorAddress),
            ("InitgPty", tx.initg_pty.as_deref(), R::DebtorAddress),
            ("Dbtr", Some(&tx.dbtr), R::DebtorAddress),
            ("Cdtr", Some(&tx.cdtr), R::CreditorAddress),
            ("UltmtCdtr", tx.ultmt_cdtr.as_deref(), R::CreditorAddress),
        ];
        for (element, party, rule) in sides {
            let Some(party) = party else { continue };
            if let Some(address) = party.pstl_adr.as_deref() {
                self.address(&format!("{element}/PstlAdr"), address, rule);
            }
            if let Some(country) = &party.ctry_of_res {
                self.country(&format!("{element}/CtryOfRes"), country);
            }
            if let Some(Party38Choice::OrgId(organisation)) = party.id.as_deref() {
                if let Some(lei) = &organisation.lei {
                    self.lei(&format!("{element}/Id/OrgId/LEI"), lei);
                }
                if let Some(bic) = &organisation.any_bic {
                    self.bic(&format!("{element}/Id/OrgId/AnyBIC"), bic.as_str());
                }
            }
        }
    }

    fn address(&mut self, element: &str, address: &PostalAddress24, rule: R) {
        if address.twn_nm.is_none() || address.ctry.is_none() {
            self.find(rule, element, "an address needs `TwnNm` and `Ctry`");
        } else if address.adr_line.len() > 2 {
            self.find(rule, element, format!("{} address lines, at most two are taken", address.adr_line.len()));
        }
        if let Some(country) = &address.ctry {
            self.country(&format!("{element}/Ctry"), country);
        }
    }

    fn country(&mut self, element: &str, country: &CountryCode) {
        if !currencies::is_country(country.as_str()) {
            self.find(R::Country, element, format!("`{}` is no country", country.as_str()));
        }
    }

    fn lei(&mut self, element: &str, lei: &LEIIdentifier) {
        if !codes::is_lei(lei.as_str()) {
            self.find(R::Lei, element, "the LEI's check digits do not fit");
        }
    }

    fn bic(&mut self, element: &str, bic: &str) {
        if !codes::bic_country_exists(bic) {
            self.find(R::BicCountry, element, format!("`{bic}` names no existing country"));
        }
    }

    fn agents(&mut self, tx: &CreditTransferTransaction39) {
        for (element, agent) in [("DbtrAgt", &tx.dbtr_agt), ("CdtrAgt", &tx.cdtr_agt)] {
            if agent.fin_instn_id.bicfi.is_none() {
                self.find(R::AgentBics, &format!("{element}/FinInstnId/BICFI"), "the agent is not named by its BIC");
            }
        }
        let agents = [
            ("PrvsInstgAgt1", tx.prvs_instg_agt1.as_deref(), R::DebtorAddress),
            ("PrvsInstgAgt2", tx.prvs_instg_agt2.as_deref(), R::DebtorAddress),
            ("PrvsInstgAgt3", tx.prvs_instg_agt3.as_deref(), R::DebtorAddress),
            ("InstgAgt", tx.instg_agt.as_deref(), R::DebtorAddress),
            ("InstdAgt", tx.instd_agt.as_deref(), R::CreditorAddress),
            ("IntrmyAgt1", tx.intrmy_agt1.as_deref(), R::CreditorAddress),
            ("IntrmyAgt2", tx.intrmy_agt2.as_deref(), R::CreditorAddress),
            ("IntrmyAgt3", tx.intrmy_agt3.as_deref(), R::CreditorAddress),
            ("DbtrAgt", Some(&tx.dbtr_agt), R::DebtorAddress),
            ("CdtrAgt", Some(&tx.cdtr_agt), R::CreditorAddress),
        ];
        for (element, agent, rule) in agents {
            if let Some(agent) = agent {
                self.agent(&format!("{element}/FinInstnId"), &agent.fin_instn_id, rule);
            }
        }
    }

    fn agent(&mut self, element: &str, agent: &FinancialInstitutionIdentification18, rule: R) {
        if let Some(bic) = &agent.bicfi {
            self.bic(&format!("{element}/BICFI"), bic.as_str());
        }
        if let Some(lei) = &agent.lei {
            self.lei(&format!("{element}/LEI"), lei);
        }
        if let Some(address) = agent.pstl_adr.as_deref() {
            self.address(&format!("{element}/PstlAdr"), address, rule);
        }
        let system = agent.clr_sys_mmb_id.as_deref().and_then(|member| member.clr_sys_id.as_deref());
        if let Some(ClearingSystemIdentification2Choice::Cd(code)) = system
            && let Err(unknown) = code.known()
        {
            self.find(R::Clearing, &format!("{element}/ClrSysMmbId/ClrSysId/Cd"), unknown.to_string());
        }
    }

    fn accounts(&mut self, tx: &CreditTransferTransaction39) {
        for (element, account) in [("DbtrAcct", tx.dbtr_acct.as_deref()), ("CdtrAcct", tx.cdtr_acct.as_deref())] {
            match account.map(|account| &account.id) {
                None => self.find(R::Accounts, element, "the account is missing"),
                Some(AccountIdentification4Choice::IBAN(iban)) if !codes::is_iban(iban.as_str()) => {
                    self.find(R::Iban, &format!("{element}/Id/IBAN"), "the IBAN's check digits do not fit");
                }
                Some(_) => {}
            }
        }
    }

    fn purpose(&mut self, tx: &CreditTransferTransaction39) {
        if let Some(Purpose2Choice::Cd(code)) = tx.purp.as_deref()
            && let Err(unknown) = code.known()
        {
            self.find(R::Purpose, "Purp/Cd", unknown.to_string());
        }
        let category = tx.pmt_tp_inf.as_deref().and_then(|information| information.ctgy_purp.as_deref());
        if let Some(CategoryPurpose1Choice::Cd(code)) = category
            && let Err(unknown) = code.known()
        {
            self.find(R::Purpose, "PmtTpInf/CtgyPurp/Cd", unknown.to_string());
        }
    }

    fn times(&mut self, transfer: &FIToFICustomerCreditTransferV08, tx: &CreditTransferTransaction39) {
        let date = tx.intr_bk_sttlm_dt.as_ref().or(transfer.grp_hdr.intr_bk_sttlm_dt.as_ref());
        match date {
            None => self.find(R::ValueDate, "IntrBkSttlmDt", "the settlement date is missing"),
            Some(date) => self.value_date(date, tx.sttlm_tm_req.as_deref().is_some_and(|request| request.fr_tm.is_some())),
        }
        let Some(accepted) = &tx.accptnc_dt_tm else {
            self.find(R::Acceptance, "AccptncDtTm", "the acceptance time is missing");
            return;
        };
        let (Some(now), Some(accepted_at)) = (self.settings.now, date_time_to_nanos(accepted.as_str())) else { return };
        if accepted_at > now + self.settings.clock_skew_s_max * SECOND {
            self.find(R::Acceptance, "AccptncDtTm", "the acceptance time lies in the future");
        } else if accepted_at + self.settings.acceptance_age_s_max * SECOND < now {
            let text = format!("the payment was accepted more than {} s ago", self.settings.acceptance_age_s_max);
            self.find(R::Acceptance, "AccptncDtTm", text);
        }
        if let Some(reject_at) = tx.sttlm_tm_req.as_deref().and_then(|request| request.rjct_tm.as_ref())
            && expiry(accepted_at, reject_at).is_some_and(|expiry| expiry <= now)
        {
            self.find(R::Expiry, "SttlmTmReq/RjctTm", "the payment's own time limit has passed");
        }
    }

    fn value_date(&mut self, date: &ISODate, is_ahead: bool) {
        let (Some(now), Some(day)) = (self.settings.now, date_to_days(date.as_str())) else { return };
        let today = ((now / SECOND + ZONE_S) / DAY_S) as i64;
        let ahead = if is_ahead { self.settings.execution_days_ahead } else { self.settings.value_date_days_ahead };
        let window = today - i64::from(self.settings.value_date_days_back)..=today + i64::from(ahead);
        if !window.contains(&day) {
            self.find(R::ValueDate, "IntrBkSttlmDt", format!("{} is outside the scheme's window", date.as_str()));
        }
    }
}

/// The first moment at or after acceptance at which the clock shows the time of rejection.
fn expiry(accepted_at: EpochNanos, reject_at: &ISOTime) -> Option<EpochNanos> {
    let of_day = time_to_seconds(reject_at.as_str())?;
    let accepted_s = accepted_at.div_ceil(SECOND);
    let midnight = accepted_s - accepted_s % DAY_S;
    let same_day = midnight + of_day;
    Some(if same_day < accepted_s { same_day + DAY_S } else { same_day } * SECOND)
}
