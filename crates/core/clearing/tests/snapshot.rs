//! Damaged snapshots: each is refused, or is a state that encodes as it was read and whose laws can be judged.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    Absence, AccountPurpose, Answer, AnswerRecall, AnswerVerdict, Arrangement, AskStatements, Bic, Breaker, BusinessDate,
    ChargeBearer, Clearing, Code, Command, ContentHash, DayCalendar, DayCommand, FixedSide, Fund, FundDirection, Improvements,
    IndexSeed, IsoReason, LiquidityTerms, MessageIdHash, NetDebitCap, Notice, OfferRate, ParticipantId, Pay, PostingReport,
    PostingWord, Price, Priority, PublishRate, QuoteId, Recall, RecallVerdict, RegisterParticipant, Relation, RequestQuote,
    Return, RiskDecision, Says, SchemeTerms, SendTransfer, SetLiquidity, SettlementCommand, Sponsor, SponsorLimits,
    SponsorshipCommand, Square, SquarePayer, Tariff, TariffLine, Terms, Tier, Time, Uetr, laws,
};
use money::{Currency, CurrencyCode, MinorUnits, Rate};

const CURRENCIES: [CurrencyCode; 2] = [CurrencyCode::HKD, CurrencyCode::CNY];

fn register(bic: &str, provides_exchange: bool) -> Command {
    let (bic, name, currencies) = (Bic::parse(bic).unwrap(), bic.to_owned(), CURRENCIES.to_vec());
    Command::RegisterParticipant(RegisterParticipant { bic, name, key: [1; 32], provides_exchange, currencies })
}

fn fund(participant: u32, currency: CurrencyCode, purpose: AccountPurpose) -> Command {
    let reference = [participant as u8 + 1; 16];
    let (participant, amount) = (ParticipantId(participant), MinorUnits(1_000_000));
    Command::Fund(Fund { participant, currency, purpose, direction: FundDirection::In, amount, reference })
}

fn pay(n: u8, quote: Option<QuoteId>) -> Command {
    Command::Pay(Pay {
        uetr: Uetr([n; 16]),
        content: ContentHash([n; 32]),
        message_id: MessageIdHash([n; 16]),
        debtor_agent: ParticipantId(0),
        creditor_agent: ParticipantId(1),
        debit: MinorUnits(1000),
        debit_currency: CurrencyCode::HKD,
        quote,
        priority: Priority::Normal,
        accepted_at: Time(1),
        risk: RiskDecision::PASS,
        terms: Terms::default(),
    })
}

/// Between the two banks, for themselves.
fn send(n: u8, minor: u64) -> Command {
    Command::Settle(SettlementCommand::Send(SendTransfer {
        reference: [n; 16],
        from: ParticipantId(0),
        to: ParticipantId(1),
        currency: CurrencyCode::HKD,
        amount: MinorUnits(minor),
        priority: Priority::Normal,
        until: Time(1_000_000_000_000),
    }))
}

/// Two currencies, two banks, an exchange provider with an offer and a quote, a payment held and one settled, a
/// transfer that waits and one that has settled.
fn snapshot() -> Vec<u8> {
    let offer = PublishRate {
        provider: ParticipantId(2),
        debit_currency: CurrencyCode::HKD,
        credit_currency: CurrencyCode::CNY,
        rate: Rate::parse("0.9216").unwrap(),
        spread_ppm: 1500,
        credit_max: MinorUnits(1000),
        valid_until: Time(u64::MAX),
    };
    let request = RequestQuote {
        quote: QuoteId([7; 16]),
        debtor_agent: ParticipantId(0),
        debit_currency: CurrencyCode::HKD,
        credit_currency: CurrencyCode::CNY,
        cover: None,
        fixed: FixedSide::Credit(MinorUnits(500)),
    };
    let answer = Answer {
        uetr: Uetr([1; 16]),
        creditor_agent: ParticipantId(1),
        verdict: AnswerVerdict::WillCredit,
        content: ContentHash([2; 32]),
    };
    let mut commands: Vec<Command> = CURRENCIES.map(|code| Command::OpenLedger(Currency { code, exponent: 2 })).into();
    commands.extend([register("HARBHKHHXXX", false), register("PENGCNBSXXX", false), register("LIONHKHHXXX", true)]);
    commands.push(fund(0, CurrencyCode::HKD, AccountPurpose::Settlement));
    commands.push(fund(2, CurrencyCode::CNY, AccountPurpose::Exchange));
    commands.extend([Command::PublishRate(offer.clone()), Command::RequestQuote(request)]);
    commands.extend([send(0x41, 10), send(0x42, 5_000_000)]);
    let price = Price {
        currency: Currency { code: CURRENCIES[0], exponent: 2 },
        flat: MinorUnits(2),
        ppm: 10,
        min: MinorUnits(1),
        max: MinorUnits(9),
    };
    let line = TariffLine {
        code: Code::parse("ALL").unwrap(),
        corridor: None,
        debtor: None,
        creditor: None,
        purposes: vec![],
        bearer: ChargeBearer::Shared,
        prices: vec![price],
    };
    commands.push(Command::SchemeTerms(SchemeTerms::Tariff(Tariff { version: 1, effective_from: Time(0), lines: vec![line] })));
    let tiers = vec![Tier { from: MinorUnits(100), improvement_ppm: 500 }];
    let relations = vec![Relation { debtor_agent: ParticipantId(0), improvement_ppm: 7 }];
    let rate = PublishRate { debit_currency: CurrencyCode::CNY, credit_currency: CurrencyCode::HKD, ..offer };
    commands.push(Command::OfferRate(OfferRate { rate, improvements: Improvements { tiers, relations } }));
    commands.extend([pay(1, None), pay(2, None), Command::Answer(answer)]);
    let says = PostingWord::UnderReview;
    commands.push(Command::ReportPosting(PostingReport { uetr: Uetr([1; 16]), creditor_agent: ParticipantId(1), says }));
    let terms = |cap| LiquidityTerms { cap, floor: MinorUnits(7), target: MinorUnits(9), reserved: MinorUnits(3) };
    let liquidity = |participant, cap, from| {
        let (participant, currency) = (ParticipantId(participant), CurrencyCode::HKD);
        Command::Arrange(Arrangement::SetLiquidity(SetLiquidity { participant, currency, terms: terms(cap), from }))
    };
    commands.push(liquidity(0, NetDebitCap::Fixed(MinorUnits(500)), Time(0)));
    commands.push(liquidity(1, NetDebitCap::ShareOfFunding { ppm: 250_000 }, Time(99)));
    commands.push(Command::Arrange(Arrangement::SetBreaker(Breaker { timeouts: 3, rest_ns: 5 })));
    let says = Says::Offline(Absence { from: Time(50), until: Time(60) });
    commands.push(Command::Notice(Notice { participant: ParticipantId(1), says }));
    commands.push(Command::Return(Return {
        id: Uetr([8; 16]),
        content: ContentHash([8; 32]),
        message_id: MessageIdHash([8; 16]),
        returner: ParticipantId(1),
        original: Uetr([1; 16]),
        amount: MinorUnits(1),
        portion: MinorUnits(1),
        currency: CurrencyCode::HKD,
        quote: None,
        reason: IsoReason(*b"AC04"),
        created_at: Time(1),
        facts: None,
    }));
    commands.push(Command::Recall(Recall {
        original: Uetr([1; 16]),
        debtor_agent: ParticipantId(0),
        reason: IsoReason(*b"CUST"),
        content: ContentHash([9; 32]),
        facts: None,
    }));
    let verdict = RecallVerdict::Rejects(IsoReason(*b"NOAS"));
    commands.push(Command::AnswerRecall(AnswerRecall { original: Uetr([1; 16]), creditor_agent: ParticipantId(1), verdict }));
    commands.extend(sponsored());
    commands.extend(days());
    let mut clearing = Clearing::new(IndexSeed(1));
    clearing.apply_block(Time(1), &commands);
    assert_eq!((clearing.payments().len(), clearing.tree().0, laws::check_all(&clearing)), (5, 3, Vec::new()));
    assert_eq!(clearing.sponsorships().map(|view| (view.position, view.held)).collect::<Vec<_>>(), [(-89, 20)]);
    assert_eq!(clearing.recalls_told().count(), 2);
    let mut bytes = Vec::new();
    clearing.encode_snapshot(&mut bytes);
    bytes
}

/// A bank that settles over the first one: one payment settled and partly squared, one under way.
fn sponsored() -> Vec<Command> {
    let (sponsor, participant, currency) = (ParticipantId(0), ParticipantId(3), CurrencyCode::HKD);
    let bic = Bic::parse("WAYFHKHHXXX").unwrap();
    let register = RegisterParticipant { bic, name: "W".into(), key: [1; 32], provides_exchange: false, currencies: vec![] };
    let limits = SponsorLimits { net_debit: MinorUnits(500), payment_max: MinorUnits(400) };
    let square = Square {
        reference: [6; 16],
        participant,
        currency,
        by: Some(sponsor),
        paid_by: SquarePayer::Participant,
        amount: MinorUnits(11),
    };
    let pay = |n: u8, minor: u64| match pay(n, None) {
        Command::Pay(pay) => Command::Pay(Pay { debtor_agent: participant, debit: MinorUnits(minor), ..pay }),
        other => other,
    };
    let answer = Answer {
        uetr: Uetr([4; 16]),
        creditor_agent: ParticipantId(1),
        verdict: AnswerVerdict::WillCredit,
        content: ContentHash([2; 32]),
    };
    vec![
        Command::RegisterParticipant(register),
        Command::Sponsorship(SponsorshipCommand::Sponsor(Sponsor { sponsor, participant, currency, limits })),
        pay(4, 100),
        Command::Answer(answer),
        Command::Sponsorship(SponsorshipCommand::Square(square)),
        pay(5, 20),
    ]
}

/// Business days with a calendar ahead, and statements that are wanted.
fn days() -> Vec<Command> {
    let calendar = |from, holidays: &[u32]| DayCalendar {
        currency: CurrencyCode::HKD,
        effective_from: BusinessDate(from),
        utc_offset_minutes: 480,
        cut_off: 1050,
        closes: 1080,
        weekdays: 0x1f,
        holidays: holidays.iter().copied().map(BusinessDate).collect(),
    };
    let (participant, currency, from) = (ParticipantId(0), CurrencyCode::HKD, BusinessDate(0));
    let ask = AskStatements { participant, currency, from, until: Some(BusinessDate(9)), is_ordered: false };
    [DayCommand::SetCalendar(calendar(0, &[])), DayCommand::SetCalendar(calendar(4, &[5, 6])), DayCommand::AskStatements(ask)]
        .map(Command::Day)
        .to_vec()
}

/// Whether it is read; if so, it is what it says.
fn is_read(bytes: &[u8]) -> bool {
    let Ok(clearing) = Clearing::decode_snapshot(bytes, IndexSeed(2)) else { return false };
    let mut again = Vec::new();
    clearing.encode_snapshot(&mut again);
    assert!(again == bytes, "a state has one encoding");
    let _ = laws::check_all(&clearing);
    true
}

/// Found by fuzzing: an account on a ledger there is not, a quote listed twice.
#[test]
fn any_changed_byte_is_refused_or_judged() {
    let whole = snapshot();
    assert!(is_read(&whole));
    let (mut read, mut refused) = (0, 0);
    for at in 0..whole.len() {
        for change in [|byte| byte ^ 1, |byte| byte ^ 0x80, |_| 0, |_| 0xFF] as [fn(u8) -> u8; 4] {
            let mut changed = whole.clone();
            changed[at] = change(changed[at]);
            if is_read(&changed) { read += 1 } else { refused += 1 }
        }
    }
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}

/// A tree of 2^63 leaves takes one hash; judging it took memory for each leaf.
#[test]
fn a_tree_with_more_leaves_than_payments_is_refused() {
    let whole = snapshot();
    let changed = (0..whole.len() - 8).filter(|&at| whole[at..at + 8] == 1u64.to_le_bytes()).map(|at| {
        let mut changed = whole.clone();
        changed[at..at + 8].copy_from_slice(&(1u64 << 63).to_le_bytes());
        is_read(&changed)
    });
    assert!(changed.count() >= 3, "height, time and the tree's size are all one");
}
