//! ISO 20022 messages: whatever is accepted can be written, and means the same when it is read again.

use crate::Target;
use iso20022::rules::{BusinessRule, Finding, RuleSettings, check};
use iso20022::value::EpochNanos;
use iso20022::view::{
    AccountReference, AccountView, AddressView, CreditTransferView, HeaderView, IdentificationReportView,
    IdentificationRequestView, NameVerdict, PartyView, PaymentPriority, RejectionView, StatusReportView, StatusRequestView,
    TransactionStatus, business_message, business_message_of,
};
use iso20022::{
    BusinessMessage, Judged, Limits, Message, Rule, Violation, judge_all, named, read_business_message, read_message, split,
};
use money::{Amount, Currency, CurrencyCode};

pub(crate) const TARGET: Target = Target {
    name: "iso_message",
    about: "what is read is written and read again as the same; every violation lies inside the input",
    run,
    seeds,
    words: &[
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?x ",
        "?>",
        "<!DOCTYPE x [",
        "&amp;",
        "&#x0;",
        "&#10;",
        "&lt;",
        "&x;",
        "xmlns=\"\"",
        "xmlns:a=\"urn:a\"",
        "xsi:nil=\"true\"",
        " Ccy=\"HKD\"",
        "<Document",
        "</Document>",
        "<AppHdr",
        "<Cd>",
        "</Cd>",
        "<SplmtryData>",
        "\u{fffe}",
        "\u{feff}",
        "港",
        "1085.07",
        "0.00000000001",
        "-1",
        "2026-02-29",
        "T24:00:00",
        "+14:00",
        "urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10",
        "0b6ba28f-5e5c-4d1c-9d2e-3f6a3a1f9c01",
        "//",
        "\u{85}",
        "\r",
    ],
};

const LIMITS: Limits = Limits::DEFAULT;
const NOW: EpochNanos = 1_795_510_800_000_000_000;

fn run(input: &[u8]) -> bool {
    let judged = judge_all(input, LIMITS);
    let cut = split(input, LIMITS);
    let all = match &judged {
        Ok(all) => all,
        Err((all, violation)) => {
            is_inside(violation, input);
            all
        }
    };
    for found in all {
        match found {
            Judged::Valid(message) => is_the_same_again(message),
            Judged::Invalid(_, violation) => is_inside(violation, input),
            Judged::Unsupported(id) => assert!(id.len() <= input.len()),
        }
    }
    match (&judged, &cut) {
        (Ok(all), Ok(cut)) => {
            assert_eq!(all.len(), cut.len(), "judging and cutting find the same messages");
            all.iter().zip(cut).for_each(|(found, raw)| is_judged_alike(found, raw.as_str()));
        }
        (Ok(_), Err(violation)) => panic!("judged, but not cut: {violation}"),
        (Err(_), Ok(_)) => {}
        (Err(_), Err(violation)) => is_inside(violation, input),
    }
    match (&judged, named(input, LIMITS)) {
        (Ok(_), Err(violation)) => panic!("judged, but persons are not found in it: {violation}"),
        (_, Ok(found)) => assert!(found.fields.iter().all(|field| !field.text.is_empty())),
        (Err(_), Err(violation)) => is_inside(&violation, input),
    }
    if let Err(violation) = read_message(input, LIMITS) {
        is_inside(&violation, input);
    }
    match read_business_message(input, LIMITS) {
        Ok(message) => {
            business_message_holds(input, &message);
            true
        }
        Err(violation) => {
            is_inside(&violation, input);
            false
        }
    }
}

/// A violation names a line and a column that the input has, or the place right behind its end.
fn is_inside(violation: &Violation, input: &[u8]) {
    let lines: Vec<&[u8]> = input.split(|&byte| byte == b'\n').collect();
    let line = lines.get(violation.line as usize - 1).unwrap_or_else(|| panic!("no such line: {violation}"));
    let characters = line.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
    assert!((1..=characters + 1).contains(&(violation.column as usize)), "no such column: {violation}");
    assert!(violation.path.starts_with('/') && !violation.text.is_empty(), "{violation:?}");
}

fn is_the_same_again(message: &Message) {
    let xml = message.to_xml();
    let again = read_message(xml.as_bytes(), LIMITS);
    assert_eq!(again.as_ref(), Ok(message), "written: {xml}");
}

/// A message cut out gets the verdict it had in its place. Declarations it takes along may be too many for one element.
fn is_judged_alike(found: &Judged, raw: &str) {
    let alone = judge_all(raw.as_bytes(), LIMITS);
    match (found, alone.as_deref()) {
        (Judged::Valid(message), Ok([Judged::Valid(again)])) => assert_eq!(message, again, "{raw}"),
        (Judged::Invalid(kind, _), Ok([Judged::Invalid(again, _)])) => assert_eq!(kind, again, "{raw}"),
        (Judged::Unsupported(id), Ok([Judged::Unsupported(again)])) => assert_eq!(id, again, "{raw}"),
        (_, Err((_, violation))) if violation.rule == Rule::Attributes => {}
        (found, alone) => panic!("{found:?} in its place, {alone:?} alone: {raw}"),
    }
}

fn business_message_holds(input: &[u8], message: &BusinessMessage) {
    let written = business_message_of(message);
    let again = read_business_message(written.as_bytes(), LIMITS);
    assert_eq!(again.as_ref(), Ok(message), "written: {written}");
    let strict = RuleSettings { now: Some(NOW), signer: Some("HARBHKHHXXX".into()), ..RuleSettings::default() };
    for settings in [RuleSettings::offline(), strict] {
        // Comments of the input are gone in what was written, and with them their characters.
        let apart_from_characters = |source: &[u8]| -> Vec<Finding> {
            check(source, message, &settings).into_iter().filter(|finding| finding.rule != BusinessRule::Characters).collect()
        };
        assert_eq!(apart_from_characters(input), apart_from_characters(written.as_bytes()), "{written}");
    }
    view_holds(&message.document);
}

/// What the product takes out of a message, put into a new one, is what it takes out of that. Not every view fits a message
/// again: texts that were joined may be too long. Times are written to the millisecond, so they are compared so.
fn view_holds(document: &Message) {
    macro_rules! same_again {
        ($view:ty) => {
            if let Ok(mut view) = <$view>::of(document) {
                view.cut_times();
                if let Ok(message) = view.message() {
                    is_the_same_again(&message);
                    assert_eq!(<$view>::of(&message).as_ref(), Ok(&view), "{}", message.to_xml());
                }
            }
        };
    }
    same_again!(CreditTransferView);
    same_again!(StatusReportView);
    same_again!(StatusRequestView);
    same_again!(IdentificationRequestView);
    same_again!(IdentificationReportView);
    same_again!(RejectionView);
}

fn seeds() -> Vec<(String, Vec<u8>)> {
    let header = HeaderView::new("HARBHKHHXXX", "LUOHHKHHXXX", "HARB-1", NOW);
    let wrapped = |document: &Message| business_message(&header, document).expect("samples can be written");
    let payment = payment().message().expect("a sample");
    let mut status = StatusReportView::new("LUOH-2", NOW, UETR, TransactionStatus::Rejected);
    status.reason = Some("AC04".into());
    let question = question();
    let report = IdentificationReportView {
        message_id: "PENG-7".into(),
        created_at: NOW,
        assigner: "PENGCNBSXXX".into(),
        assignee: "HARBHKHHXXX".into(),
        original_message_id: Some(question.message_id.clone()),
        verification_id: question.verification_id.clone(),
        verdict: NameVerdict::CloseMatch,
        masked_name: Some("LI N*".into()),
        account: None,
        agent: None,
    };
    let samples = [
        ("pacs008", wrapped(&payment)),
        ("pacs008-bare", payment.to_xml()),
        ("pacs002", wrapped(&status.message().expect("a sample"))),
        ("acmt023", wrapped(&question.message().expect("a sample"))),
        ("acmt024", wrapped(&report.message().expect("a sample"))),
    ];
    samples.map(|(name, xml)| (name.to_owned(), xml.into_bytes())).into()
}

const UETR: [u8; 16] = *b"\x0b\x6b\xa2\x8f\x5e\x5c\x4d\x1c\x9d\x2e\x3f\x6a\x3a\x1f\x9c\x01";

fn payment() -> CreditTransferView {
    let amount = |minor, code| Amount::from_minor(minor, Currency { code, exponent: 2 });
    let party = |name: &str, town: &str, country: &str| PartyView {
        name: name.into(),
        address: Some(AddressView { town: Some(town.into()), country: Some(country.into()), ..AddressView::default() }),
        ..PartyView::default()
    };
    let account = |number: &str| AccountView { number: number.into(), ..AccountView::default() };
    CreditTransferView {
        message_id: "HARB-1".into(),
        created_at: NOW,
        instruction_id: Some("I-1".into()),
        end_to_end_id: "RENT-11".into(),
        transaction_id: None,
        uetr: UETR,
        clearing_system_reference: None,
        priority: PaymentPriority::High,
        category_purpose: Some("CASH".into()),
        interbank_settlement_amount: amount(108_507, CurrencyCode::HKD),
        interbank_settlement_date: Some("2026-11-24".into()),
        accepted_at: Some(NOW),
        execute_from: None,
        instructed_amount: Some(amount(100_000, CurrencyCode::CNY)),
        exchange_rate: Some("0.9216".into()),
        quote: Some(UETR),
        request: None,
        collection: None,
        preauth: None,
        charge_bearer: "SLEV".into(),
        charges: vec![],
        new_payee: false,
        instructing_agent: "HARBHKHHXXX".into(),
        instructed_agent: "PENGCNBSXXX".into(),
        debtor: party("Chan Siu Ming", "Hong Kong", "HK"),
        debtor_account: Some(account("388100200301")),
        debtor_agent: "HARBHKHHXXX".into(),
        creditor_agent: "PENGCNBSXXX".into(),
        creditor: party("Li Wei", "Shenzhen", "CN"),
        creditor_account: Some(account("6217002000010001")),
        purpose: Some("RENT".into()),
        remittance: Some("Rent November".into()),
        clearing_system: Some("LUOHU".into()),
    }
}

fn question() -> IdentificationRequestView {
    IdentificationRequestView {
        message_id: "HARB-9".into(),
        created_at: NOW,
        assigner: "HARBHKHHXXX".into(),
        assignee: "PENGCNBSXXX".into(),
        verification_id: "V-1".into(),
        name: Some("Li Na".into()),
        account: AccountReference::Number("6217002000010001".into()),
        agent: Some("PENGCNBSXXX".into()),
    }
}

/// A view whose times can be cut to the millisecond.
trait CutTimes {
    fn cut_times(&mut self);
}

fn cut(time: &mut u64) {
    *time -= *time % 1_000_000;
}

impl CutTimes for CreditTransferView {
    fn cut_times(&mut self) {
        cut(&mut self.created_at);
        self.accepted_at.iter_mut().for_each(cut);
    }
}

impl CutTimes for StatusReportView {
    fn cut_times(&mut self) {
        cut(&mut self.created_at);
        self.accepted_at.iter_mut().chain(&mut self.settled_at).for_each(cut);
    }
}

impl CutTimes for StatusRequestView {
    fn cut_times(&mut self) {
        cut(&mut self.created_at);
    }
}

impl CutTimes for IdentificationRequestView {
    fn cut_times(&mut self) {
        cut(&mut self.created_at);
    }
}

impl CutTimes for IdentificationReportView {
    fn cut_times(&mut self) {
        cut(&mut self.created_at);
    }
}

impl CutTimes for RejectionView {
    fn cut_times(&mut self) {
        self.rejected_at.iter_mut().for_each(cut);
    }
}
