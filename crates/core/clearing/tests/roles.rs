//! Roles of officers: which order needs which, who may be appointed, and that officers without roles are written as ever.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    AnswerTransfer, Arrangement, AskTransfer, Bic, Breaker, Broadcast, Clearing, Command, CoolingOff, Fund, FundDirection,
    IndexSeed, IsoReason, Notice, Officer, OfficerRole, Order, OrderId, Outcome, ParticipantId, ParticipantKey,
    ParticipantStatus, RegisterParticipant, ReturnTerms, ReviewTerms, Roles, Says, SchemeTerms, SetKey, SetNodes, SetTopUp,
    Settings, SettlementCommand, Tariff, Time, TransferVerdict, Uetr, unmanned,
};
use money::{Currency, CurrencyCode, MinorUnits};

const DAY: u64 = 86_400 * 1_000_000_000;
const BANK: ParticipantId = ParticipantId(0);

fn with(n: u8, roles: &[OfficerRole]) -> Officer {
    Officer { key: [n; 32], name: format!("officer {n}"), roles: Roles::of(roles) }
}

fn all(n: u8) -> Officer {
    Officer { roles: Roles::SIGNING, ..with(n, &[]) }
}

/// Two of each role and no more: 1 and 2 have membership and money, 3 and 4 the others, 5 audits.
fn apart() -> Vec<Officer> {
    use OfficerRole::{Auditor, Communications, Membership, Money, Rules, Security};
    let (one, other) = ([Membership, Money], [Rules, Communications, Security]);
    vec![with(1, &one), with(2, &one), with(3, &other), with(4, &other), with(5, &[Auditor])]
}

fn register() -> RegisterParticipant {
    RegisterParticipant {
        bic: Bic::parse("HARBHKHHXXX").unwrap(),
        name: "Harbour".into(),
        key: [9; 32],
        provides_exchange: false,
        currencies: vec![CurrencyCode::HKD],
    }
}

fn scheme(officers: Vec<Officer>) -> Clearing {
    let mut clearing = Clearing::new(IndexSeed(1));
    let ledger = Command::OpenLedger(Currency { code: CurrencyCode::HKD, exponent: 2 });
    let begin = [ledger, Command::RegisterParticipant(register()), Command::AppointOfficers(officers)];
    let outcomes = clearing.apply_block(Time(DAY), &begin).outcomes;
    assert_eq!(outcomes, [Outcome::Done, Outcome::Registered(BANK), Outcome::Done]);
    clearing
}

fn order(id: u8, officers: [u8; 2], does: Command) -> Command {
    let officers = officers.map(|n| [n; 32]);
    Command::Order(Order { id: OrderId([id; 16]), valid_until: Time(2 * DAY), officers, does: Box::new(does) })
}

/// `ok`, or the code of its refusal.
fn run(clearing: &mut Clearing, command: Command) -> &'static str {
    let time = clearing.time();
    match clearing.apply_block(time, &[command]).outcomes.remove(0) {
        Outcome::Refused(refusal) => refusal.code(),
        _ => "ok",
    }
}

fn suspend() -> Command {
    Command::SetStatus { participant: BANK, status: ParticipantStatus::Suspended }
}

fn fund() -> Command {
    Command::Fund(Fund {
        participant: BANK,
        currency: CurrencyCode::HKD,
        purpose: clearing::AccountPurpose::Settlement,
        direction: FundDirection::In,
        amount: MinorUnits(1),
        reference: [1; 16],
    })
}

fn say() -> Command {
    Command::Broadcast(Broadcast { event: IsoReason(*b"CUTO"), text: "closed".into() })
}

#[test]
fn each_kind_of_order_names_its_role_and_nothing_else_has_one() {
    use OfficerRole::{Communications, Membership, Money, Rules, Security};
    let arrange = Command::Arrange;
    let settle = Command::Settle;
    let answer =
        |agent| settle(SettlementCommand::Answer(AnswerTransfer { reference: [1; 16], agent, verdict: TransferVerdict::Done }));
    let times = ReturnTerms { return_within_ns: 1, recall_within_ns: 1, recall_fraud_within_ns: 1, recall_answer_ns: 1 };
    let tariff = Tariff { version: 1, effective_from: Time(0), lines: Vec::new() };
    let top_up = SetTopUp { participant: BANK, currency: CurrencyCode::HKD, is_on: true };
    let (participant, currency, direction) = (BANK, CurrencyCode::HKD, FundDirection::In);
    let ask = AskTransfer { reference: [1; 16], participant, currency, direction, amount: MinorUnits(1) };
    for (command, role) in [
        (Command::RegisterParticipant(register()), Some(Membership)),
        (suspend(), Some(Membership)),
        (arrange(Arrangement::Apply(register())), Some(Membership)),
        (arrange(Arrangement::SetKey(SetKey { participant, key: ParticipantKey::first([9; 32]) })), Some(Membership)),
        (Command::Notice(Notice { participant, says: Says::Online }), Some(Membership)),
        (Command::SetNodes(SetNodes::default()), Some(Membership)),
        (fund(), Some(Money)),
        (settle(SettlementCommand::SetTopUp(top_up)), Some(Money)),
        (answer(None), Some(Money)),
        (Command::Configure(Settings::default()), Some(Rules)),
        (Command::OpenLedger(Currency { code: CurrencyCode::USD, exponent: 2 }), Some(Rules)),
        (Command::SetReturnTerms(times), Some(Rules)),
        (Command::SchemeTerms(SchemeTerms::Tariff(tariff)), Some(Rules)),
        (Command::SchemeTerms(SchemeTerms::Reviews(ReviewTerms { review_ns: 1 })), Some(Rules)),
        (Command::SchemeTerms(SchemeTerms::CoolingOff(CoolingOff::default())), Some(Rules)),
        (arrange(Arrangement::SetBreaker(Breaker { timeouts: 1, rest_ns: 1 })), Some(Rules)),
        (say(), Some(Communications)),
        (Command::AppointOfficers(apart()), Some(Security)),
        (answer(Some(BANK)), None),
        (settle(SettlementCommand::Ask(ask)), None),
        (Command::ReportCredited { uetr: Uetr([1; 16]), creditor_agent: BANK }, None),
    ] {
        assert_eq!(command.if_ordered().map(|orderable| orderable.role), role, "{command:?}");
    }
}

#[test]
fn both_must_hold_the_role() {
    let mut clearing = scheme(apart());
    for (id, officers, does, answer) in [
        (1, [1, 2], suspend(), "ok"),
        (2, [1, 3], fund(), "CLR-1170"),
        (2, [3, 4], fund(), "CLR-1170"),
        (2, [1, 2], say(), "CLR-1170"),
        (2, [1, 2], Command::AppointOfficers(vec![all(1), all(2)]), "CLR-1170"),
        // An auditor signs nothing.
        (2, [1, 5], suspend(), "CLR-1170"),
        // Nobody in office is said first.
        (2, [1, 6], fund(), "CLR-1030"),
        // What was refused left no trace: the same name serves again.
        (2, [1, 2], fund(), "ok"),
        (3, [3, 4], say(), "ok"),
        (4, [3, 4], Command::AppointOfficers(vec![all(3), all(4), all(1)]), "ok"),
        // Carried out before: answered the same, though who signed it may not any more.
        (1, [1, 3], fund(), "CLR-1033"),
        (5, [1, 3], suspend(), "ok"),
    ] {
        assert_eq!(run(&mut clearing, order(id, officers, does.clone())), answer, "{id} {officers:?} {does:?}");
    }
}

#[test]
fn no_change_of_officers_leaves_a_role_with_fewer_than_two() {
    use OfficerRole::{Auditor, Communications, Membership, Money, Rules, Security};
    let mut clearing = scheme(apart());
    let mut appoint = |officers: &[Officer]| run(&mut clearing, order(1, [3, 4], Command::AppointOfficers(officers.to_vec())));
    for role in [Membership, Money, Rules, Communications, Security] {
        let others: Vec<_> = Roles::SIGNING.iter().filter(|other| *other != role).collect();
        let officers = [all(1), with(2, &others), with(3, &others)];
        assert_eq!(unmanned(&officers).collect::<Vec<_>>(), [role]);
        assert_eq!(appoint(&officers), "CLR-1171", "{role}");
    }
    assert_eq!(appoint(&[all(1), with(2, &[Auditor])]), "CLR-1171");
    assert_eq!(appoint(&[all(1), all(2), with(3, &[])]), "CLR-1172");
    assert_eq!(appoint(&[all(1), all(2), with(3, &[Auditor, Money])]), "CLR-1172");
    assert_eq!(appoint(&[all(1)]), "CLR-1035");
    assert_eq!(appoint(&[all(1), all(2), with(3, &[Auditor])]), "ok");
    // The first ones are held to the same.
    let mut fresh = Clearing::new(IndexSeed(1));
    assert_eq!(run(&mut fresh, Command::AppointOfficers(vec![all(1), with(2, &[Money])])), "CLR-1171");
    assert_eq!(run(&mut fresh, Command::AppointOfficers(apart())), "ok");
}

/// Bytes of officers in blocks, kept for ever: without roles those from before there were any.
#[test]
fn golden_bytes_of_officers() {
    let hex = |officers: Vec<Officer>| {
        let mut bytes = Vec::new();
        Command::AppointOfficers(officers).encode(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    // Key, length of the name, "officer " and a digit.
    let row = |n: u8| format!("{}09006f66666963657220{:02x}", format!("{n:02x}").repeat(32), b'0' + n);
    assert_eq!(hex(vec![all(1), all(2)]), format!("1502{}{}", row(1), row(2)));
    let audits = with(3, &[OfficerRole::Auditor]);
    assert_eq!(hex(vec![all(1), all(2), audits]), format!("4003{}1f{}1f{}20", row(1), row(2), row(3)));
}

#[test]
fn roles_read_back_from_bytes_and_snapshots_in_one_way_only() {
    for officers in [vec![all(1), all(2)], apart()] {
        let mut bytes = Vec::new();
        Command::AppointOfficers(officers.clone()).encode(&mut bytes);
        let mut rest = &bytes[..];
        assert_eq!(Command::decode(&mut rest), Ok(Command::AppointOfficers(officers.clone())));
        assert!(rest.is_empty());
        for cut in 0..bytes.len() {
            assert!(Command::decode(&mut &bytes[..cut]).is_err());
        }
        let clearing = scheme(officers.clone());
        let mut snapshot = Vec::new();
        clearing.encode_snapshot(&mut snapshot);
        assert_eq!(Clearing::decode_snapshot(&snapshot, IndexSeed(2)).unwrap().officers(), officers);
    }
    let mut bytes = Vec::new();
    Command::AppointOfficers(vec![all(1), with(2, &[OfficerRole::Money])]).encode(&mut bytes);
    let last = bytes.len() - 1;
    bytes[last] = 0x1f;
    assert!(Command::decode(&mut &bytes[..]).is_err(), "that is written without roles");
    bytes[last] = 0x40;
    assert!(Command::decode(&mut &bytes[..]).is_err(), "no such role");
}

#[test]
fn officers_of_every_role_lead_to_the_state_they_always_led_to() {
    let roots = [vec![all(1), all(2)], vec![all(1), all(2), with(3, &[OfficerRole::Auditor])]].map(|officers| {
        let mut clearing = Clearing::new(IndexSeed(1));
        clearing.apply_block(Time(DAY), &[Command::AppointOfficers(officers)]).state_root.to_string()
    });
    assert_ne!(roots[0], roots[1]);
    assert_eq!(roots[0], "51572612f258fe2f95e0d28a2d70ce373d707a2b623a6c564cbf4e8b67e7fb42");
}

#[test]
fn names_read_back() {
    for role in OfficerRole::ALL {
        assert_eq!(OfficerRole::parse(role.name()), Some(role));
    }
    assert_eq!(OfficerRole::parse("king"), None);
    assert_eq!(Roles::of(&[OfficerRole::Security, OfficerRole::Money]).to_string(), "money security");
}
