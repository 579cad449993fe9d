//! Messages as banks send them.

use super::{HKD, now_ns};
use iso20022::view::{
    AccountQueryView, AccountReference, AccountView, AddressView, CancellationAnswerView, CancellationOutcome,
    CancellationRequestView, CreditTransferView, HeaderView, IdentificationReportView, IdentificationRequestView,
    InterbankTransferView, LiquidityTransferView, NameVerdict, PartyView, PaymentPriority, PaymentQueryView, PaymentRequestView,
    PaymentReturnView, PresenceNoticeView, ReceiptStatus, ReceiptView, RejectionView, RequestReportView, RequestStatus,
    RequestWithdrawalView, StatementForm, StatementRequestView, StatusReportView, StatusRequestView, TransactionStatus,
    business_message,
};
use iso20022::{BusinessMessage, Limits, Message, read_business_message};
use money::{Amount, MinorUnits};

pub const CENTRE: &str = "LUOHHKHHXXX";

pub fn hkd(minor: u64) -> Amount {
    Amount { minor: MinorUnits(minor), currency: HKD }
}

pub fn fresh_uetr() -> [u8; 16] {
    uuid::Uuid::new_v4().into_bytes()
}

pub fn id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn send(from: &str, message_id: &str, document: &Message) -> Vec<u8> {
    business_message(&HeaderView::new(from, CENTRE, message_id, now_ns()), document).unwrap().into_bytes()
}

/// A document in its envelope.
pub fn enveloped(from: &str, message_id: &str, document: &Message) -> Vec<u8> {
    send(from, message_id, document)
}

pub fn party(name: &str, town: &str, country: &str) -> PartyView {
    let address = AddressView { town: Some(town.into()), country: Some(country.into()), ..AddressView::default() };
    PartyView { name: name.into(), address: Some(address), country_of_residence: None, identity: None }
}

pub fn account(number: &str) -> AccountView {
    AccountView { number: number.into(), is_iban: false, currency: None, alias: None }
}

/// A payment of 100.00 HKD from a customer of `from` to a customer of `to`.
pub fn transfer(from: &str, to: &str) -> CreditTransferView {
    let now = now_ns();
    CreditTransferView {
        message_id: id(),
        created_at: now,
        instruction_id: Some("INSTR-1".into()),
        end_to_end_id: "E2E-1".into(),
        transaction_id: Some("TX-1".into()),
        uetr: fresh_uetr(),
        clearing_system_reference: None,
        priority: PaymentPriority::Normal,
        category_purpose: None,
        interbank_settlement_amount: hkd(10_000),
        interbank_settlement_date: Some(
            jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 8 * 3600)
                .expect("now is in range")
                .strftime("%Y-%m-%d")
                .to_string(),
        ),
        accepted_at: Some(now),
        execute_from: None,
        instructed_amount: None,
        exchange_rate: None,
        quote: None,
        request: None,
        collection: None,
        preauth: None,
        charge_bearer: "SLEV".into(),
        charges: vec![],
        new_payee: false,
        instructing_agent: from.into(),
        instructed_agent: to.into(),
        debtor: party("CHAN TAI MAN", "Hong Kong", "HK"),
        debtor_account: Some(account("012-345678-001")),
        debtor_agent: from.into(),
        creditor_agent: to.into(),
        creditor: party("LI XIAO MING", "Shenzhen", "CN"),
        creditor_account: Some(account("6222000011112222")),
        purpose: Some("GDDS".into()),
        remittance: Some("Invoice 7".into()),
        clearing_system: Some("LUOHU".into()),
    }
}

/// A wish of `from` to move money onto its account, or off it.
pub fn camt050(from: &str, uetr: [u8; 16], is_top_up: bool, amount: Amount) -> Vec<u8> {
    camt050_about(from, from, uetr, is_top_up, amount)
}

/// The same about the account of `participant`.
pub fn camt050_about(from: &str, participant: &str, uetr: [u8; 16], is_top_up: bool, amount: Amount) -> Vec<u8> {
    let participant = participant.into();
    let view = LiquidityTransferView { message_id: id(), created_at: now_ns(), uetr, is_top_up, participant, amount };
    send(from, &view.message_id, &view.message().unwrap())
}

/// An agent's word on it.
pub fn camt025(from: &str, uetr: [u8; 16], status: ReceiptStatus) -> Vec<u8> {
    let view = ReceiptView { message_id: id(), created_at: now_ns(), uetr, status, words: None };
    send(from, &view.message_id, &view.message().unwrap())
}

/// A transfer of Hong Kong dollars of `from` to `to`, for themselves.
pub fn interbank(from: &str, to: &str, minor: u64) -> InterbankTransferView {
    InterbankTransferView {
        message_id: id(),
        created_at: now_ns(),
        end_to_end_id: "LOAN7".into(),
        uetr: fresh_uetr(),
        amount: hkd(minor),
        priority: PaymentPriority::Normal,
        until: None,
        debtor: from.into(),
        creditor: to.into(),
    }
}

/// It as its debtor sends it.
pub fn pacs009(view: &InterbankTransferView) -> Vec<u8> {
    send(&view.debtor, &view.message_id, &view.message().unwrap())
}

/// A request for a statement in Hong Kong dollars.
pub fn camt060(from: &str, form: StatementForm, span: Option<(u64, u64)>) -> Vec<u8> {
    let (created_at, owner, currency) = (now_ns(), from.to_owned(), "HKD".to_owned());
    let view = StatementRequestView { message_id: id(), created_at, form, owner, currency, span, days: None };
    send(from, &view.message_id, &view.message().unwrap())
}

/// A request for a statement in Hong Kong dollars at the end of each business day.
pub fn camt060_daily(from: &str, form: StatementForm, first: &str, last: Option<&str>) -> Vec<u8> {
    let (created_at, owner, currency) = (now_ns(), from.to_owned(), "HKD".to_owned());
    let days = Some((first.to_owned(), last.map(str::to_owned)));
    let view = StatementRequestView { message_id: id(), created_at, form, owner, currency, span: None, days };
    send(from, &view.message_id, &view.message().unwrap())
}

/// A question about settlement accounts.
pub fn camt003(from: &str, currencies: &[&str]) -> Vec<u8> {
    let currencies = currencies.iter().map(|code| (*code).to_owned()).collect();
    let view = AccountQueryView { message_id: id(), accounts: Vec::new(), currencies };
    send(from, &view.message_id, &view.message(now_ns()).unwrap())
}

/// A question about payments, and its identification.
pub fn camt005(from: &str, asked: PaymentQueryView) -> (Vec<u8>, String) {
    let view = PaymentQueryView { message_id: id(), ..asked };
    (send(from, &view.message_id, &view.message(now_ns()).unwrap()), view.message_id)
}

/// A notice of `from`.
pub fn admi004(from: &str, view: PresenceNoticeView) -> Vec<u8> {
    send(from, &id(), &view.message().unwrap())
}

pub fn pacs008(view: &CreditTransferView) -> Vec<u8> {
    send(&view.debtor_agent, &view.message_id, &view.message().unwrap())
}

/// The creditor agent's word on a payment.
pub fn pacs002(from: &str, uetr: [u8; 16], status: TransactionStatus, reason: Option<&str>) -> Vec<u8> {
    let mut view = StatusReportView::new(&id(), now_ns(), uetr, status);
    view.reason = reason.map(str::to_owned);
    view.original_message_id = Some("X".into());
    view.original_message_name = Some("pacs.008.001.08".into());
    send(from, &view.message_id, &view.message().unwrap())
}

/// The same with words beside it.
pub fn pacs002_with(from: &str, uetr: [u8; 16], status: TransactionStatus, information: &str) -> Vec<u8> {
    let mut view = StatusReportView::new(&id(), now_ns(), uetr, status);
    view.information = Some(information.into());
    send(from, &view.message_id, &view.message().unwrap())
}
/// A request of 100.00 HKD from a customer of `creditor` to a customer of `debtor`, open for an hour.
pub fn request(creditor: &str, debtor: &str) -> PaymentRequestView {
    let now = now_ns() / 1_000_000 * 1_000_000;
    PaymentRequestView {
        message_id: id(),
        created_at: now,
        payment_information_id: Some("PMT-1".into()),
        uetr: fresh_uetr(),
        end_to_end_id: "INVOICE-7".into(),
        amount: hkd(10_000),
        less_allowed: false,
        guaranteed: false,
        expires_at: now + 3_600_000_000_000,
        debtor: party("CHAN TAI MAN", "Hong Kong", "HK"),
        debtor_account: Some(account("012-345678-001")),
        debtor_agent: debtor.into(),
        creditor_agent: creditor.into(),
        creditor: party("LI XIAO MING", "Shenzhen", "CN"),
        creditor_account: Some(account("6222000011112222")),
        purpose: Some("GDDS".into()),
        remittance: Some("Invoice 7".into()),
    }
}

pub fn pain013(view: &PaymentRequestView) -> Vec<u8> {
    send(&view.creditor_agent, &view.message_id, &view.message().unwrap())
}

/// A request in a header from somebody else.
pub fn send_as(from: &str, view: &PaymentRequestView) -> Vec<u8> {
    send(from, &view.message_id, &view.message().unwrap())
}

/// The debtor agent's word on a request.
pub fn pain014(request: &PaymentRequestView, status: RequestStatus, reason: Option<&str>) -> Vec<u8> {
    let view = RequestReportView {
        message_id: id(),
        created_at: now_ns(),
        debtor_agent: request.debtor_agent.clone(),
        creditor_agent: request.creditor_agent.clone(),
        original_message_id: None,
        original_payment_information_id: None,
        original_end_to_end_id: None,
        uetr: request.uetr,
        status,
        reason: reason.map(str::to_owned),
        information: None,
    };
    send(&request.debtor_agent, &view.message_id, &view.message().unwrap())
}

/// Takes a request back.
pub fn camt055(from: &str, uetr: [u8; 16]) -> Vec<u8> {
    let view = RequestWithdrawalView {
        message_id: id(),
        created_at: now_ns(),
        assigner: from.into(),
        assignee: CENTRE.into(),
        uetr,
        reason: Some("CUST".into()),
    };
    send(from, &view.message_id, &view.message().unwrap())
}

/// How a request stands.
pub fn request_report_of(body: &[u8]) -> RequestReportView {
    RequestReportView::of(&parse(body).document).unwrap()
}

/// Takes a payment back.
pub fn camt056(from: &str, uetr: [u8; 16]) -> Vec<u8> {
    let view = CancellationRequestView {
        message_id: id(),
        created_at: now_ns(),
        assigner: from.into(),
        assignee: CENTRE.into(),
        uetr,
        reason: Some("CUST".into()),
    };
    send(from, &view.message_id, &view.message().unwrap())
}

/// Sends a payment back.
pub fn pacs004(from: &str, view: &PaymentReturnView) -> Vec<u8> {
    send(from, &view.message_id, &view.message().unwrap())
}

/// Answers a recall.
pub fn camt029(from: &str, uetr: [u8; 16], outcome: CancellationOutcome, reason: Option<&str>) -> Vec<u8> {
    let view = CancellationAnswerView {
        message_id: id(),
        created_at: now_ns(),
        assigner: from.into(),
        assignee: CENTRE.into(),
        uetr,
        outcome,
        reason: reason.map(str::to_owned),
        information: None,
    };
    send(from, &view.message_id, &view.message().unwrap())
}

pub fn pacs028(from: &str, uetr: [u8; 16]) -> Vec<u8> {
    let view = StatusRequestView {
        message_id: id(),
        created_at: now_ns(),
        original_message_id: None,
        original_message_name: None,
        original_end_to_end_id: None,
        uetr,
        instructing_agent: Some(from.into()),
        instructed_agent: None,
    };
    send(from, &view.message_id, &view.message().unwrap())
}

pub fn acmt023(from: &str, to: &str, name: &str) -> Vec<u8> {
    let view = IdentificationRequestView {
        message_id: id(),
        created_at: now_ns(),
        assigner: from.into(),
        assignee: CENTRE.into(),
        verification_id: "V-1".into(),
        name: Some(name.into()),
        account: AccountReference::Mobile("+86-13800000000".into()),
        agent: Some(to.into()),
    };
    send(from, &view.message_id, &view.message().unwrap())
}

pub fn acmt024(from: &str, question: &IdentificationRequestView, verdict: NameVerdict) -> Vec<u8> {
    let view = IdentificationReportView {
        message_id: id(),
        created_at: now_ns(),
        assigner: from.into(),
        assignee: CENTRE.into(),
        original_message_id: Some(question.message_id.clone()),
        verification_id: question.verification_id.clone(),
        verdict,
        masked_name: Some("L* X**O M**G".into()),
        account: Some(AccountReference::Number("6222000011112222".into())),
        agent: Some(from.into()),
    };
    send(from, &view.message_id, &view.message().unwrap())
}

pub fn parse(body: &[u8]) -> BusinessMessage {
    read_business_message(body, Limits::DEFAULT)
        .unwrap_or_else(|violation| panic!("{violation:?} in {}", String::from_utf8_lossy(body)))
}

pub fn status_of(body: &[u8]) -> StatusReportView {
    StatusReportView::of(&parse(body).document).unwrap()
}

pub fn rejection_of(body: &[u8]) -> RejectionView {
    RejectionView::of(&parse(body).document).unwrap()
}
