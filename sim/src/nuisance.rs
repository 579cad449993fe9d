//! Commands that the centre must refuse, and the few that make others refusable: what an operator's or a bank's software would
//! ask if it were wrong. They go to the journal without passing a door, which would stop most of them.

use crate::model::Model;
use crate::nuisance_behind;
use crate::nuisance_days;
use crate::nuisance_preauths;
use crate::nuisance_sponsors;
use crate::stage::BEGINNING_NS;
use clearing::{
    Absence, AccountPurpose, Answer, AnswerVerdict, Arrangement, Bic, Breaker, Broadcast, ChainNode, Command, ContentHash,
    FixedSide, Fund, FundDirection, IsoReason, LiquidityTerms, MessageIdHash, NetDebitCap, Notice, Officer, OfficerRole, Order,
    OrderId, ParticipantId, ParticipantKey, ParticipantStatus, Pay, PaymentState, Priority, PublishRate, QuoteId,
    RegisterParticipant, RequestQuote, RiskDecision, Roles, Says, SetKey, SetLiquidity, SetNodes, Settings, Terms, Time, Uetr,
    VerifyingKey,
};
use money::{Currency, CurrencyCode, MinorUnits, Rate};
use serde::{Deserialize, Serialize};

const SECOND_NS: u64 = 1_000_000_000;
const DAY_NS: u64 = 86_400 * SECOND_NS;
/// Keys of the two officers there may be.
const OFFICERS: [[u8; 32]; 2] = [[1; 32], [2; 32]];
/// Whoever audits them.
const AUDITOR: [u8; 32] = [3; 32];

/// What is asked. The comment says what it must lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Nuisance {
    /// CLR-1003.
    NobodyKnown,
    /// CLR-1009.
    OtherDecimals,
    /// CLR-1008, CLR-1010, CLR-1011, CLR-1013.
    OddFunding,
    /// CLR-1014, CLR-1015, CLR-1016.
    OddRates,
    /// CLR-1017, CLR-1018.
    OddQuotes,
    /// CLR-1019.
    LongName,
    /// CLR-1001, CLR-1005, CLR-1006, CLR-1007, CLR-1022: about payments that have ended.
    LateWords,
    /// CLR-1023, CLR-1024.
    OddAcceptance,
    /// CLR-1025.
    ShortMemory,
    /// CLR-1100, CLR-1102.
    OddStanding,
    /// CLR-1103, CLR-1104; CLR-1224 to CLR-1226 behind a second key of a bank that goes on signing with its first.
    OddTerms,
    /// An applicant, and CLR-1101, since it may not bring money yet.
    Applicant,
    /// CLR-1020.
    ManyAbsences,
    /// Officers, once; CLR-1034.
    Officers,
    /// CLR-1030, CLR-1031, CLR-1032.
    OddOrders,
    /// An order, and CLR-1033.
    Order,
    /// Nodes by order; CLR-1036, CLR-1037.
    Nodes,
    /// CLR-1035; an auditor, and CLR-1170, since it signs nothing; CLR-1171, CLR-1172.
    LoneOfficer,
    /// CLR-1043.
    NothingToSay,
    /// CLR-1140 to CLR-1145: settlement agents and what is asked of them.
    Settlement,
    /// CLR-1110, CLR-1113, CLR-1114, CLR-1115, CLR-1117, CLR-1118, CLR-1120, CLR-1122, CLR-1161: what follows a payment.
    Aftermath,
    /// CLR-1180 to CLR-1189, PAY-2090 to PAY-2094: participants that settle over the first bank's account.
    Sponsors,
    /// CLR-1200 to CLR-1207, PAY-2110 to PAY-2115: a hotel's bank that has money reserved and captures it.
    Preauths,
    /// CLR-1220 to CLR-1223: business days, two of which end while the story lasts.
    BusinessDays,
}

impl Nuisance {
    /// Those that come in this order: officers before what needs them.
    pub const ALL: [Self; 19] = [
        Self::NobodyKnown,
        Self::OtherDecimals,
        Self::OddFunding,
        Self::OddRates,
        Self::OddQuotes,
        Self::LongName,
        Self::LateWords,
        Self::OddAcceptance,
        Self::ShortMemory,
        Self::OddStanding,
        Self::OddTerms,
        Self::Applicant,
        Self::ManyAbsences,
        Self::Officers,
        Self::OddOrders,
        Self::Order,
        Self::Nodes,
        Self::LoneOfficer,
        Self::NothingToSay,
    ];

    /// Those that need nothing before them.
    pub const ALONE: [Self; 5] = [Self::Settlement, Self::Aftermath, Self::Sponsors, Self::Preauths, Self::BusinessDays];

    /// The commands, as things are so many nanoseconds after the beginning.
    pub fn commands(self, model: &Model, elapsed_ns: u64) -> Vec<Command> {
        let now = Time(BEGINNING_NS + elapsed_ns);
        match self {
            Self::NobodyKnown => vec![status(999, ParticipantStatus::Suspended)],
            Self::OtherDecimals => vec![Command::OpenLedger(Currency { code: CurrencyCode::HKD, exponent: 3 })],
            Self::OddFunding => vec![
                fund(0, CurrencyCode::new(*b"JPY").expect("three capitals"), 1, 1),
                fund(3, CurrencyCode::EUR, 1, 2),
                fund(0, CurrencyCode::HKD, 0, 3),
                fund(0, CurrencyCode::HKD, u64::MAX, 4),
            ],
            Self::OddRates => {
                vec![rate(3, CurrencyCode::CNY, 0), rate(0, CurrencyCode::HKD, 0), rate(0, CurrencyCode::CNY, 1_000_000)]
            }
            Self::OddQuotes => vec![quote(1, u64::MAX >> 8), quote(2, 1_000), quote(2, 1_000)],
            Self::LongName => vec![Command::RegisterParticipant(register(*b"HARBHKHHXXX", 141))],
            Self::LateWords => late_words(model, now),
            Self::OddAcceptance => {
                vec![Command::Pay(pay(Uetr([0xA1; 16]), Time(1))), Command::Pay(pay(Uetr([0xA2; 16]), now.after(30 * DAY_NS)))]
            }
            Self::ShortMemory => vec![Command::Configure(Settings { payment_retention_ns: 1, ..Settings::default() })],
            Self::OddStanding => vec![status(0, ParticipantStatus::Applied), status(0, ParticipantStatus::Left)],
            Self::OddTerms => [vec![breaker(), terms()], keys(now)].concat(),
            Self::Applicant => vec![
                Command::Arrange(Arrangement::Apply(register(*b"NEWBHKHHXXX", 10))),
                fund(model.next_participant(), CurrencyCode::HKD, 1, 5),
            ],
            Self::ManyAbsences => (0..17).map(|nth| absence(now, nth)).collect(),
            Self::Officers => vec![Command::AppointOfficers(officers(2)), Command::SetNodes(nodes(1, 1))],
            Self::OddOrders => vec![
                order(10, [[8; 32], [9; 32]], now.after(SECOND_NS * 600), status(1, ParticipantStatus::Live)),
                order(11, OFFICERS, Time(1), status(1, ParticipantStatus::Live)),
                order(12, OFFICERS, now.after(30 * DAY_NS), status(1, ParticipantStatus::Live)),
            ],
            Self::Order => vec![
                order(13, OFFICERS, Time(BEGINNING_NS + DAY_NS), status(1, ParticipantStatus::Live)),
                order(13, OFFICERS, Time(BEGINNING_NS + DAY_NS), status(2, ParticipantStatus::Live)),
            ],
            Self::Nodes => vec![
                order(14, OFFICERS, Time(BEGINNING_NS + DAY_NS), Command::SetNodes(nodes(model.next_nodes(), 1))),
                order(15, OFFICERS, Time(BEGINNING_NS + DAY_NS), Command::SetNodes(nodes(900, 1))),
                order(16, OFFICERS, Time(BEGINNING_NS + DAY_NS), Command::SetNodes(nodes(model.next_nodes() + 1, 0))),
            ],
            Self::LoneOfficer => odd_officers(Time(BEGINNING_NS + DAY_NS)),
            Self::NothingToSay => {
                let silence = Broadcast { event: IsoReason(*b"CUTO"), text: " ".to_owned() };
                vec![order(18, OFFICERS, Time(BEGINNING_NS + DAY_NS), Command::Broadcast(silence))]
            }
            Self::Settlement => nuisance_behind::settlement(now),
            Self::Aftermath => nuisance_behind::aftermath(model, now),
            Self::Sponsors => nuisance_sponsors::commands(model, now),
            Self::Preauths => nuisance_preauths::commands(model, now),
            Self::BusinessDays => nuisance_days::commands(now),
        }
    }
}

fn status(participant: u32, status: ParticipantStatus) -> Command {
    Command::SetStatus { participant: ParticipantId(participant), status }
}

fn fund(participant: u32, currency: CurrencyCode, minor: u64, nth: u8) -> Command {
    let mut reference = [0xDD; 16];
    reference[0] = nth;
    Command::Fund(Fund {
        participant: ParticipantId(participant),
        currency,
        purpose: AccountPurpose::Settlement,
        direction: FundDirection::In,
        amount: MinorUnits(minor),
        reference,
    })
}

fn rate(provider: u32, credit_currency: CurrencyCode, spread_ppm: u32) -> Command {
    Command::PublishRate(PublishRate {
        provider: ParticipantId(provider),
        debit_currency: CurrencyCode::HKD,
        credit_currency,
        rate: Rate::new(9_000, 4).expect("digits"),
        spread_ppm,
        credit_max: MinorUnits(1),
        valid_until: Time(BEGINNING_NS + DAY_NS),
    })
}

fn quote(nth: u8, minor: u64) -> Command {
    Command::RequestQuote(RequestQuote {
        quote: QuoteId([nth; 16]),
        debtor_agent: ParticipantId(0),
        debit_currency: CurrencyCode::HKD,
        credit_currency: CurrencyCode::CNY,
        fixed: FixedSide::Debit(MinorUnits(minor)),
        cover: None,
    })
}

fn register(bic: [u8; 11], name_bytes: usize) -> RegisterParticipant {
    RegisterParticipant {
        bic: core::str::from_utf8(&bic).ok().and_then(Bic::parse).expect("eleven capitals"),
        name: "x".repeat(name_bytes),
        key: [7; 32],
        provides_exchange: false,
        currencies: vec![CurrencyCode::HKD],
    }
}

fn breaker() -> Command {
    Command::Arrange(Arrangement::SetBreaker(Breaker { timeouts: 1, rest_ns: 0 }))
}

fn terms() -> Command {
    let cap = NetDebitCap::ShareOfFunding { ppm: 1_000_001 };
    let terms = LiquidityTerms { cap, floor: MinorUnits(0), target: MinorUnits(0), reserved: MinorUnits(0) };
    let set = SetLiquidity { participant: ParticipantId(0), currency: CurrencyCode::HKD, terms, from: Time(0) };
    Command::Arrange(Arrangement::SetLiquidity(set))
}

/// Another key of the third participant: begun, told again, ended early; then what is no key of it.
fn keys(now: Time) -> Vec<Command> {
    let set = |number, byte, from, until| {
        let key = ParticipantKey { number, key: VerifyingKey::Ed25519([byte; 32]), from, until };
        Command::Arrange(Arrangement::SetKey(SetKey { participant: ParticipantId(2), key }))
    };
    let (open, soon) = (ParticipantKey::OPEN, now.after(SECOND_NS));
    vec![
        set(2, 0x22, now, open),
        set(2, 0x22, now, open),
        set(2, 0x22, now, soon),
        set(2, 0x23, now, open),
        set(3, 0x22, now, open),
        set(4, 0x24, now, open),
        set(3, 0x23, soon, soon),
    ]
}

/// Far behind the story's end: it keeps nobody away.
fn absence(now: Time, nth: u64) -> Command {
    let from = now.after((100 + nth) * DAY_NS);
    let says = Says::Offline(Absence { from, until: from.after(SECOND_NS) });
    Command::Notice(Notice { participant: ParticipantId(2), says })
}

fn officers(count: usize) -> Vec<Officer> {
    OFFICERS[..count].iter().map(|key| Officer { key: *key, name: "Officer".to_owned(), roles: Roles::SIGNING }).collect()
}

/// One alone; with an auditor, who then signs; one who may sign next to nothing; an auditor with another role.
fn odd_officers(valid_until: Time) -> Vec<Command> {
    let with = |roles| {
        let third = Officer { key: AUDITOR, name: "Auditor".to_owned(), roles: Roles::of(roles) };
        Command::AppointOfficers([officers(2), vec![third]].concat())
    };
    let mut too_few = officers(2);
    too_few[0].roles = Roles::of(&[OfficerRole::Security]);
    vec![
        order(17, OFFICERS, valid_until, Command::AppointOfficers(officers(1))),
        order(19, OFFICERS, valid_until, with(&[OfficerRole::Auditor])),
        order(20, [OFFICERS[0], AUDITOR], valid_until, status(1, ParticipantStatus::Live)),
        order(21, OFFICERS, valid_until, Command::AppointOfficers(too_few)),
        order(22, OFFICERS, valid_until, with(&[OfficerRole::Auditor, OfficerRole::Money])),
    ]
}

fn nodes(version: u64, votes: usize) -> SetNodes {
    let node =
        |at: usize| ChainNode { key: [at as u8; 32], name: "Node".to_owned(), address: "a:1".to_owned(), votes: at < votes };
    SetNodes { version, nodes: (0..2).map(node).collect() }
}

fn order(nth: u8, officers: [[u8; 32]; 2], valid_until: Time, does: Command) -> Command {
    Command::Order(Order { id: OrderId([nth; 16]), valid_until, officers, does: Box::new(does) })
}

fn pay(uetr: Uetr, accepted_at: Time) -> Pay {
    Pay {
        uetr,
        content: ContentHash([0xCC; 32]),
        message_id: MessageIdHash(uetr.0),
        debtor_agent: ParticipantId(0),
        creditor_agent: ParticipantId(1),
        debit: MinorUnits(1),
        debit_currency: CurrencyCode::HKD,
        quote: None,
        priority: Priority::High,
        accepted_at,
        risk: RiskDecision::PASS,
        terms: Terms::default(),
    }
}

fn late_words(model: &Model, now: Time) -> Vec<Command> {
    let answer = |uetr, creditor_agent, verdict| {
        Command::Answer(Answer {
            uetr: Uetr(uetr),
            creditor_agent: ParticipantId(creditor_agent),
            verdict,
            content: ContentHash([0; 32]),
        })
    };
    let refuses = AnswerVerdict::Refuses(IsoReason(*b"AC99"));
    let mut commands = vec![answer([0xAB; 16], 0, AnswerVerdict::WillCredit)];
    if let Some((uetr, creditor)) = model.ended(PaymentState::Settled, now) {
        commands.push(answer(uetr, creditor, refuses));
        commands.push(Command::ReportCredited { uetr: Uetr(uetr), creditor_agent: ParticipantId(creditor + 1) });
        commands.push(Command::Pay(pay(Uetr(uetr), now)));
    }
    if let Some((uetr, creditor)) = model.ended(PaymentState::Rejected, now) {
        commands.push(Command::ReportCredited { uetr: Uetr(uetr), creditor_agent: ParticipantId(creditor) });
    }
    commands
}
