//! The kit's own messages: what its bank says, as any bank would.

use anyhow::{Result, anyhow};
use iso20022::Message;
use iso20022::view::{
    AccountReference, AccountView, AddressView, CancellationAnswerView, CancellationOutcome, CancellationRequestView,
    CreditTransferView, HeaderView, IdentificationReportView, IdentificationRequestView, NameVerdict, PartyView, PaymentPriority,
    PaymentRequestView, PaymentReturnView, RequestReportView, RequestStatus, StatusReportView, TransactionStatus,
    business_message,
};
use money::Amount;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

const CENTRE: &str = gateway::GatewayConfig::CENTRE_BIC;
/// The message this scheme does not have.
pub const UNKNOWN: &str = "admi.998.001.02";
/// Who pays in the kit's bank.
const DEBTOR: &str = "Certification Debtor";

/// Nanoseconds since 1970 in UTC.
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A message identification nobody used yet.
fn fresh_id() -> String {
    format!("KIT{}", Uuid::new_v4().simple()).chars().take(35).collect()
}

fn sealed(from: &str, id: &str, document: &Message) -> Result<String> {
    business_message(&HeaderView::new(from, CENTRE, id, now_ns()), document)
        .map_err(|fault| anyhow!("writing a message: {fault}"))
}

fn party(name: &str, town: &str, country: &str) -> PartyView {
    let address = AddressView { town: Some(town.to_owned()), country: Some(country.to_owned()), ..AddressView::default() };
    PartyView { name: name.to_owned(), address: Some(address), country_of_residence: None, identity: None }
}

/// Whom a payment of the kit goes to.
pub struct Payee<'a> {
    pub bank: &'a str,
    pub account: &'a str,
    pub name: &'a str,
}

fn account(number: &str) -> Option<AccountView> {
    Some(AccountView { number: number.to_owned(), ..AccountView::default() })
}

/// `pacs.008`: the kit's bank pays `payee`, perhaps because it was asked to.
pub fn payment(from: &str, payee: &Payee<'_>, uetr: Uuid, amount: Amount, asked: Option<&PaymentRequestView>) -> Result<String> {
    let (id, now) = (fresh_id(), now_ns());
    // Hong Kong and Shenzhen share a date, eight hours ahead of UTC.
    let today = iso20022::value::date_time_from_nanos(now + 8 * 3600 * 1_000_000_000);
    let view = CreditTransferView {
        message_id: id.clone(),
        created_at: now,
        instruction_id: Some(id.clone()),
        end_to_end_id: asked.map_or_else(|| "CERTIFICATION".to_owned(), |asked| asked.end_to_end_id.clone()),
        transaction_id: Some(id.clone()),
        uetr: uetr.into_bytes(),
        clearing_system_reference: None,
        priority: PaymentPriority::High,
        category_purpose: None,
        interbank_settlement_amount: amount,
        interbank_settlement_date: today.get(..10).map(str::to_owned),
        accepted_at: Some(now),
        execute_from: None,
        instructed_amount: Some(amount),
        exchange_rate: None,
        quote: None,
        request: asked.map(|asked| asked.uetr),
        collection: None,
        preauth: None,
        charge_bearer: "SLEV".to_owned(),
        charges: vec![],
        new_payee: false,
        instructing_agent: from.to_owned(),
        instructed_agent: payee.bank.to_owned(),
        debtor: party(DEBTOR, "Hong Kong", "HK"),
        debtor_account: account(super::counterparty::ACCOUNT),
        debtor_agent: from.to_owned(),
        creditor_agent: payee.bank.to_owned(),
        creditor: party(payee.name, "Hong Kong", "HK"),
        creditor_account: account(payee.account),
        purpose: Some("GDDS".to_owned()),
        remittance: Some("Certification".to_owned()),
        clearing_system: Some("LUOHU".to_owned()),
    };
    sealed(from, &id, &view.message().map_err(|fault| anyhow!("pacs.008: {fault}"))?)
}

/// `pacs.002`: the kit's bank will credit, or refuses with a reason.
pub fn answer(from: &str, asked: &CreditTransferView, refused: Option<&str>) -> Result<String> {
    let status = if refused.is_some() { TransactionStatus::Rejected } else { TransactionStatus::InProcess };
    let id = fresh_id();
    let mut view = StatusReportView::new(&id, now_ns(), asked.uetr, status);
    view.original_message_id = Some(asked.message_id.clone());
    view.original_message_name = Some("pacs.008.001.08".to_owned());
    view.original_end_to_end_id = Some(asked.end_to_end_id.clone());
    view.reason = refused.map(str::to_owned);
    view.instructing_agent = Some(from.to_owned());
    view.instructed_agent = Some(asked.instructing_agent.clone());
    sealed(from, &id, &view.message().map_err(|fault| anyhow!("pacs.002: {fault}"))?)
}

/// `pacs.004`: the kit's bank sends back what it was paid.
pub fn payment_back(from: &str, uetr: [u8; 16], amount: Amount, reason: &str) -> Result<String> {
    let id = fresh_id();
    let view = PaymentReturnView {
        message_id: id.clone(),
        created_at: now_ns(),
        return_id: id.clone(),
        uetr,
        original_end_to_end_id: None,
        original_transaction_id: None,
        original_amount: None,
        returned_amount: amount,
        returned_instructed_amount: None,
        quote: None,
        reason: reason.to_owned(),
        information: None,
        clearing_system_reference: None,
        instructing_agent: Some(from.to_owned()),
        instructed_agent: Some(CENTRE.to_owned()),
    };
    sealed(from, &id, &view.message().map_err(|fault| anyhow!("pacs.004: {fault}"))?)
}

/// `camt.056`: the kit's bank asks for a payment back.
pub fn recall(from: &str, uetr: Uuid) -> Result<String> {
    let id = fresh_id();
    let view = CancellationRequestView {
        message_id: id.clone(),
        created_at: now_ns(),
        assigner: from.to_owned(),
        assignee: CENTRE.to_owned(),
        uetr: uetr.into_bytes(),
        reason: Some("CUST".to_owned()),
    };
    sealed(from, &id, &view.message().map_err(|fault| anyhow!("camt.056: {fault}"))?)
}

/// `camt.029`: the kit's bank will send back what it is asked for.
pub fn recall_answer(from: &str, asked: &CancellationRequestView) -> Result<String> {
    let id = fresh_id();
    let view = CancellationAnswerView {
        message_id: id.clone(),
        created_at: now_ns(),
        assigner: from.to_owned(),
        assignee: CENTRE.to_owned(),
        uetr: asked.uetr,
        outcome: CancellationOutcome::Cancelled,
        reason: None,
        information: None,
    };
    sealed(from, &id, &view.message().map_err(|fault| anyhow!("camt.029: {fault}"))?)
}

/// `pain.013`: the kit's customer asks `debtor` to pay within `life_s` seconds.
pub fn request(from: &str, debtor: &Payee<'_>, uetr: Uuid, amount: Amount, life_s: u64) -> Result<String> {
    let (id, now) = (fresh_id(), now_ns());
    let view = PaymentRequestView {
        message_id: id.clone(),
        created_at: now,
        payment_information_id: None,
        uetr: uetr.into_bytes(),
        end_to_end_id: "CERTIFICATION".to_owned(),
        amount,
        less_allowed: false,
        guaranteed: false,
        expires_at: now + life_s * 1_000_000_000,
        debtor: party(debtor.name, "Hong Kong", "HK"),
        debtor_account: account(debtor.account),
        debtor_agent: debtor.bank.to_owned(),
        creditor_agent: from.to_owned(),
        creditor: party(super::counterparty::CUSTOMER, "Hong Kong", "HK"),
        creditor_account: account(super::counterparty::ACCOUNT),
        purpose: Some("GDDS".to_owned()),
        remittance: Some("Certification".to_owned()),
    };
    sealed(from, &id, &view.message().map_err(|fault| anyhow!("pain.013: {fault}"))?)
}

/// `pain.014`: the kit's customer will pay what is asked.
pub fn request_answer(from: &str, asked: &PaymentRequestView) -> Result<String> {
    let id = fresh_id();
    let view = RequestReportView {
        message_id: id.clone(),
        created_at: now_ns(),
        debtor_agent: from.to_owned(),
        creditor_agent: asked.creditor_agent.clone(),
        original_message_id: Some(asked.message_id.clone()),
        original_payment_information_id: asked.payment_information_id.clone(),
        original_end_to_end_id: Some(asked.end_to_end_id.clone()),
        uetr: asked.uetr,
        status: RequestStatus::Accepted,
        reason: None,
        information: None,
    };
    sealed(from, &id, &view.message().map_err(|fault| anyhow!("pain.014: {fault}"))?)
}

/// A message of a schema that this scheme does not have and may have one day.
pub fn unknown(to: &str) -> String {
    const SCHEMA: &str = "urn:iso:std:iso:20022:tech:xsd";
    let agent = |bic: &str| format!("<FIId><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></FIId>");
    let (id, at) = (fresh_id(), iso20022::value::date_time_from_nanos(now_ns()));
    format!(
        "<BusinessMessage><AppHdr xmlns=\"{SCHEMA}:head.001.001.02\"><Fr>{}</Fr><To>{}</To><BizMsgIdr>{id}</BizMsgIdr>\
         <MsgDefIdr>{UNKNOWN}</MsgDefIdr><CreDt>{at}</CreDt></AppHdr><Document xmlns=\"{SCHEMA}:{UNKNOWN}\"><AdmstnPrtryMsg>\
         <MsgId><Id>{id}</Id></MsgId><PrtryData><Tp>CERTIFICATION</Tp></PrtryData></AdmstnPrtryMsg></Document></BusinessMessage>",
        agent(CENTRE),
        agent(to),
    )
}

/// `acmt.023`: does this name belong to this account?
pub fn name_question(from: &str, payee: &Payee<'_>) -> Result<String> {
    let id = fresh_id();
    let view = IdentificationRequestView {
        message_id: id.clone(),
        created_at: now_ns(),
        assigner: from.to_owned(),
        assignee: payee.bank.to_owned(),
        verification_id: "V1".to_owned(),
        name: Some(payee.name.to_owned()),
        account: AccountReference::Number(payee.account.to_owned()),
        agent: Some(payee.bank.to_owned()),
    };
    sealed(from, &id, &view.message().map_err(|fault| anyhow!("acmt.023: {fault}"))?)
}

/// `acmt.024`: in the kit's bank every name fits.
pub fn name_answer(from: &str, question: &IdentificationRequestView) -> Result<String> {
    let id = fresh_id();
    let view = IdentificationReportView {
        message_id: id.clone(),
        created_at: now_ns(),
        assigner: from.to_owned(),
        assignee: question.assigner.clone(),
        original_message_id: Some(question.message_id.clone()),
        verification_id: question.verification_id.clone(),
        verdict: NameVerdict::Match,
        masked_name: question.name.clone(),
        account: Some(question.account.clone()),
        agent: Some(from.to_owned()),
    };
    sealed(from, &id, &view.message().map_err(|fault| anyhow!("acmt.024: {fault}"))?)
}
