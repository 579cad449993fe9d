//! A small scheme with every kind of command: three banks, two currencies, an exchanged payment, a refused one.

use clearing::{
    Absence, AccountPurpose, Answer, AnswerRecall, AnswerVerdict, Arrangement, Bic, Breaker, Command, ContentHash, FixedSide,
    Fund, FundDirection, IsoReason, MessageIdHash, Notice, ParticipantId, ParticipantStatus, Pay, Priority, PublishRate, QuoteId,
    Recall, RecallVerdict, RegisterParticipant, RequestQuote, Return, RiskDecision, Says, Settings, Terms, Time, Uetr,
};
use money::{Currency, CurrencyCode, MinorUnits, Rate};

/// Time of the first block.
pub(crate) const START: u64 = 1_795_510_800_000_000_000;

const CURRENCIES: [CurrencyCode; 2] = [CurrencyCode::HKD, CurrencyCode::CNY];

/// Two currencies, two banks and an exchange provider, all with money.
pub(crate) fn genesis() -> Vec<Command> {
    let open = CURRENCIES.map(|code| Command::OpenLedger(Currency { code, exponent: 2 }));
    let register = |bic: &str, provides_exchange| {
        Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(bic).expect("a BIC"),
            name: format!("Bank {bic}"),
            key: [bic.len() as u8; 32],
            provides_exchange,
            currencies: CURRENCIES.to_vec(),
        })
    };
    let mut commands = vec![Command::Configure(Settings::default())];
    commands.extend(open);
    commands.extend([register("HARBHKHHXXX", false), register("PENGCNBSXXX", false), register("LIONHKHHXXX", true)]);
    for participant in 0..3 {
        for (at, currency) in CURRENCIES.into_iter().enumerate() {
            commands.push(fund(participant, currency, AccountPurpose::Settlement, [participant as u8 * 2 + at as u8; 16]));
        }
    }
    commands.push(fund(2, CurrencyCode::CNY, AccountPurpose::Exchange, [9; 16]));
    commands
}

fn fund(participant: u32, currency: CurrencyCode, purpose: AccountPurpose, reference: [u8; 16]) -> Command {
    Command::Fund(Fund {
        participant: ParticipantId(participant),
        currency,
        purpose,
        direction: FundDirection::In,
        amount: MinorUnits(10_000_000),
        reference,
    })
}

/// A standing rate and a quote made from it, number `n`.
pub(crate) fn quote(n: u8) -> [Command; 2] {
    let rate = PublishRate {
        provider: ParticipantId(2),
        debit_currency: CurrencyCode::HKD,
        credit_currency: CurrencyCode::CNY,
        rate: Rate::parse("0.9216").expect("a rate"),
        spread_ppm: 1500,
        credit_max: MinorUnits(1_000_000),
        valid_until: Time(START + 3_600_000_000_000),
    };
    let request = RequestQuote {
        cover: None,
        quote: QuoteId([n; 16]),
        debtor_agent: ParticipantId(0),
        debit_currency: CurrencyCode::HKD,
        credit_currency: CurrencyCode::CNY,
        fixed: FixedSide::Credit(MinorUnits(50_000)),
    };
    [Command::PublishRate(rate), Command::RequestQuote(request)]
}

/// Payment number `n` from bank to bank, in the sender's turn.
pub(crate) fn pay(n: u8, quoted: Option<u8>) -> Command {
    Command::Pay(Pay {
        uetr: Uetr([n; 16]),
        content: ContentHash([n; 32]),
        message_id: MessageIdHash([n; 16]),
        debtor_agent: ParticipantId(0),
        creditor_agent: ParticipantId(1),
        debit: MinorUnits(1_000 + u64::from(n)),
        debit_currency: CurrencyCode::HKD,
        quote: quoted.map(|quote| QuoteId([quote; 16])),
        priority: if n.is_multiple_of(2) { Priority::High } else { Priority::Normal },
        accepted_at: Time(START),
        risk: RiskDecision::PASS,
        terms: Terms::default(),
    })
}

/// The creditor agent's answer to payment `n`.
pub(crate) fn answer(n: u8, credits: bool) -> Command {
    let verdict = if credits { AnswerVerdict::WillCredit } else { AnswerVerdict::Refuses(IsoReason(*b"AC04")) };
    Command::Answer(Answer { uetr: Uetr([n; 16]), creditor_agent: ParticipantId(1), verdict, content: ContentHash([n; 32]) })
}

/// Payments that settle, are refused and stay open, one exchanged, and the rest of the commands.
pub(crate) fn day() -> Vec<Command> {
    let [publish, request] = quote(1);
    vec![
        publish,
        request,
        pay(1, None),
        pay(2, None),
        answer(1, true),
        answer(2, false),
        Command::ReportCredited { uetr: Uetr([1; 16]), creditor_agent: ParticipantId(1) },
        pay(3, None),
        Command::SetStatus { participant: ParticipantId(1), status: ParticipantStatus::Suspended },
        Command::SetStatus { participant: ParticipantId(1), status: ParticipantStatus::Live },
        Command::Arrange(Arrangement::SetBreaker(Breaker { timeouts: 2, rest_ns: 5_000_000_000 })),
        Command::Notice(Notice {
            participant: ParticipantId(1),
            says: Says::Offline(Absence { from: Time(0), until: Time(u64::MAX) }),
        }),
        Command::Notice(Notice { participant: ParticipantId(1), says: Says::Online }),
        Command::Return(Return {
            id: Uetr([11; 16]),
            content: ContentHash([11; 32]),
            message_id: MessageIdHash([11; 16]),
            returner: ParticipantId(1),
            original: Uetr([1; 16]),
            amount: MinorUnits(500),
            portion: MinorUnits(500),
            currency: CurrencyCode::HKD,
            quote: None,
            reason: IsoReason(*b"AC04"),
            created_at: Time(START),
            facts: None,
        }),
        Command::Recall(Recall {
            original: Uetr([1; 16]),
            debtor_agent: ParticipantId(0),
            reason: IsoReason(*b"CUST"),
            content: ContentHash([12; 32]),
            facts: None,
        }),
        Command::AnswerRecall(AnswerRecall {
            original: Uetr([1; 16]),
            creditor_agent: ParticipantId(1),
            verdict: RecallVerdict::Accepts,
        }),
    ]
}
