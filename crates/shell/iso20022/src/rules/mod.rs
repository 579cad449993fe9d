//! Business rules: what the scheme asks of a message beyond its schema, in one table.
//!
//! A [`Finding`] is a value. Schema violations are not findings: a message is read first, and only what satisfies its schema
//! is looked at here. `docs/reference/business-rules.md` is written from the same table by [`reference_page`].
//!
//! # Not here
//! Whether the participants, accounts or funds exist (`clearing`), screening and risk (`risk`).
//!
//! # Units and limits
//! Times are nanoseconds since 1970 in UTC; ages and windows in [`RuleSettings`] are seconds and days.
//!
//! # Start reading at
//! [`check`], then `credit_transfer.rs`.

mod codes;
mod credit_transfer;
mod header;
mod other;
mod texts;

use crate::codes::StatusReason;
use crate::envelope::BusinessMessage;
use crate::scheme::Carried;
use crate::value::{Charset, EpochNanos};
use serde::Serialize;
use std::fmt::Write as _;

macro_rules! table {
    ($($name:ident = $id:literal, $reason:ident, $applies:literal, $text:literal;)*) => {
        /// A business rule. Ids are stable: append only, never renumbered, never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum BusinessRule { $(#[doc = $text] $name,)* }

        impl BusinessRule {
            /// The table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Stable id.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// The reason a refusal carries.
            pub const fn iso_reason(self) -> StatusReason {
                match self { $(Self::$name => StatusReason::$reason,)* }
            }

            /// Messages it looks at.
            pub const fn applies_to(self) -> &'static str {
                match self { $(Self::$name => $applies,)* }
            }

            /// The rule in words.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

table! {
    OnePayment = "BR-01", Am18, "pacs.008", "A message carries exactly one payment: `NbOfTxs` is 1 and there is one `CdtTrfTxInf`.";
    HeaderPresent = "BR-02", Ch21, "all", "A business application header stands before the document.";
    Definition = "BR-03", Ff01, "all", "`MsgDefIdr` of the header names the document's message.";
    MessageId = "BR-04", Ch16, "all", "`BizMsgIdr` of the header is the document's message id.";
    Sender = "BR-05", Agnt, "all", "`Fr` of the header is the instructing agent (pacs) or the assigner (acmt).";
    Signer = "BR-06", Ds0g, "all", "`Fr` of the header is the participant that signed the message.";
    SettlementMethod = "BR-07", Ch16, "pacs.008", "`SttlmMtd` is `CLRG` and `ClrSys` names this clearing system.";
    ChargeBearer = "BR-08", Be19, "pacs.008", "`ChrgBr` is one this scheme knows: `SLEV` or `SHAR`.";
    CurrencyKnown = "BR-09", Am11, "pacs.008", "Currencies are active ISO 4217 currencies with a minor unit.";
    CurrencyDecimals = "BR-10", Ch20, "pacs.008", "An amount has no more decimals than its currency.";
    AmountPositive = "BR-11", Am01, "pacs.008", "Amounts are greater than zero.";
    Uetr = "BR-12", Ch21, "pacs", "A payment carries its UETR (a version 4 UUID).";
    Characters = "BR-13", Rr10, "all", "Text is printable ASCII; names (`Nm`) may be in Chinese where the scheme allows it.";
    Identifiers = "BR-14", Ch16, "all", "Identifiers use letters, digits and `/-?:().,'+ ` only, do not begin or end with `/` and hold no `//`.";
    DebtorAddress = "BR-15", Be07, "pacs.008", "The debtor side's address is structured or hybrid: `TwnNm` and `Ctry`, at most two `AdrLine`.";
    CreditorAddress = "BR-16", Be04, "pacs.008", "The creditor side's address is structured or hybrid: `TwnNm` and `Ctry`, at most two `AdrLine`.";
    Country = "BR-17", Be09, "pacs.008", "Country codes are in ISO 3166-1.";
    BicCountry = "BR-18", Rc05, "all", "The country inside a BIC is in ISO 3166-1.";
    Lei = "BR-19", Be15, "pacs.008", "An LEI has valid check digits (ISO 7064 mod 97-10).";
    Iban = "BR-20", Ac01, "pacs.008, acmt.023", "An IBAN has valid check digits (ISO 7064 mod 97-10).";
    Purpose = "BR-21", Ff07, "pacs.008", "`Purp` and `CtgyPurp` codes are in the official external code sets.";
    ValueDate = "BR-22", Dt01, "pacs.008", "`IntrBkSttlmDt` is given and lies in the scheme's window around today (in Hong Kong and Shenzhen).";
    Acceptance = "BR-23", Tm01, "pacs.008", "`AccptncDtTm` is given, not in the future and not older than the scheme's limit.";
    Expiry = "BR-24", Ab03, "pacs.008", "If `SttlmTmReq/RjctTm` is given, that time has not passed since acceptance.";
    Exchange = "BR-25", Am09, "pacs.008", "Where `InstdAmt` and `IntrBkSttlmAmt` differ in currency, `XchgRate` or a quote (`InstrForNxtAgt/InstrInf` = `/QUOT/` and its id) is given.";
    Names = "BR-26", Be21, "pacs.008", "Debtor and creditor are named.";
    Accounts = "BR-27", Ac01, "pacs.008", "Debtor and creditor accounts are given.";
    AgentBics = "BR-28", Rc02, "pacs", "Debtor and creditor agent (pacs.008), and the ends of acmt messages, are named by their BIC.";
    Status = "BR-29", Ch16, "pacs.002", "There is one status, from the codes this scheme uses; a rejection has a reason from the official set.";
    Clearing = "BR-30", Rc08, "all", "Clearing system identification codes are in the official external code sets.";
    Question = "BR-31", Ch21, "acmt.023", "There is one verification with the account it asks for.";
}

/// A rule that a message breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which rule.
    #[serde(serialize_with = "rule_id")]
    pub rule: BusinessRule,
    /// The element.
    pub path: String,
    /// Why, as a status report says it.
    #[serde(serialize_with = "reason_code")]
    pub iso_reason: StatusReason,
    /// Says it to a person, in English.
    pub text: String,
}

fn rule_id<S: serde::Serializer>(rule: &BusinessRule, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(rule.id())
}

fn reason_code<S: serde::Serializer>(reason: &StatusReason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.as_str())
}

impl Finding {
    fn new(rule: BusinessRule, path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { rule, path: path.into(), iso_reason: rule.iso_reason(), text: text.into() }
    }
}

/// What the scheme asks for. Time and signer are told by the caller; without them their rules are not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSettings {
    /// The moment of receipt.
    pub now: Option<EpochNanos>,
    /// BIC (eleven characters) of the participant that signed.
    pub signer: Option<String>,
    /// Whether a header is required. The command line also judges bare documents.
    pub header_required: bool,
    /// `ClrSys` codes that mean this system, proprietary or official.
    pub clearing_systems: Vec<String>,
    /// `ChrgBr` codes taken.
    pub charge_bearers: Vec<String>,
    /// Characters allowed in names.
    pub name_charset: Charset,
    /// Oldest `AccptncDtTm`, in seconds.
    pub acceptance_age_s_max: u64,
    /// How far `AccptncDtTm` may lie ahead of our clock, in seconds.
    pub clock_skew_s_max: u64,
    /// Earliest `IntrBkSttlmDt`, in days before today.
    pub value_date_days_back: u16,
    /// Latest `IntrBkSttlmDt`, in days after today.
    pub value_date_days_ahead: u16,
    /// The same for a payment that says from when on it may be executed.
    pub execution_days_ahead: u16,
}

impl Default for RuleSettings {
    /// The scheme's rules without clock and signer.
    fn default() -> Self {
        Self {
            now: None,
            signer: None,
            header_required: true,
            clearing_systems: vec!["LUOHU".into(), "HKS".into()],
            charge_bearers: vec!["SLEV".into(), "SHAR".into()],
            name_charset: Charset::Latin,
            acceptance_age_s_max: 300,
            clock_skew_s_max: 60,
            // A payment accepted just before midnight arrives just after it.
            value_date_days_back: 1,
            value_date_days_ahead: 1,
            execution_days_ahead: 366,
        }
    }
}

impl RuleSettings {
    /// For judging files at leisure: no clock, no signer, no header needed.
    pub fn offline() -> Self {
        Self { header_required: false, ..Self::default() }
    }
}

/// Every rule the message breaks, in the order of the table. `source` is the text it was read from.
pub fn check(source: &[u8], message: &BusinessMessage, settings: &RuleSettings) -> Vec<Finding> {
    let mut findings = Vec::new();
    header::check(message, settings, &mut findings);
    match message.document.carried() {
        Carried::CreditTransfer(transfer) => credit_transfer::check(transfer, settings, &mut findings),
        Carried::StatusReport(report) => other::status_report(report, &mut findings),
        Carried::StatusRequest(request) => other::status_request(request, &mut findings),
        Carried::NameQuestion(question) => other::identification_request(question, &mut findings),
        Carried::NameAnswer(answer) => other::identification_report(answer, &mut findings),
        Carried::Rejection(_)
        | Carried::Presence(_)
        | Carried::CancellationRequest(_)
        | Carried::Return(_)
        | Carried::CancellationAnswer(_)
        | Carried::LiquidityTransfer(_)
        | Carried::InterbankTransfer(_)
        | Carried::Receipt(_)
        | Carried::StatementRequest(_)
        | Carried::AccountQuery(_)
        | Carried::PaymentQuery(_)
        | Carried::QueryAnswer(_)
        | Carried::Statement(_)
        | Carried::PaymentRequest(_)
        | Carried::RequestReport(_)
        | Carried::RequestWithdrawal(_)
        | Carried::MandateRequest(_)
        | Carried::MandateAmendment(_)
        | Carried::MandateCancellation(_)
        | Carried::MandateAnswer(_)
        | Carried::DirectDebit(_)
        | Carried::Header(_)
        | Carried::Elsewhere(_) => {}
    }
    texts::characters(source, settings, &mut findings);
    findings.sort_by_key(|finding| finding.rule);
    findings
}

/// `docs/reference/business-rules.md`.
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Business rules\n\nWritten from the table in `crates/shell/iso20022/src/rules/mod.rs`; change it there. A message satisfies its schema\n\
         before these rules are looked at. A message that breaks one is answered with `pacs.002` `RJCT` and the reason\n\
         given here (the first one, in this order). Every rule has a test of its own name in\n\
         `crates/shell/iso20022/tests/rules.rs`.\n\n| Rule | Messages | ISO reason | What it asks | Test |\n|---|---|---|---|---|\n",
    );
    for rule in BusinessRule::ALL {
        let test = rule.id().to_lowercase().replace('-', "_");
        let _ = writeln!(page, "| {} | {} | {} | {} | `{test}` |", rule.id(), rule.applies_to(), rule.iso_reason(), rule.text());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_up() {
        for (at, rule) in BusinessRule::ALL.iter().enumerate() {
            assert_eq!(rule.id(), format!("BR-{:02}", at + 1));
        }
    }
}
