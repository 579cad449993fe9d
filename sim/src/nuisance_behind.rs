//! Nuisances about what lies behind a payment: settlement agents, returns, recalls, requests and reviews.

use crate::model::Model;
use clearing::{
    AgentTerms, AnswerRecall, AnswerTransfer, AskMandate, AskToPay, AskTransfer, Collect, CollectionStep, Command, ContentHash,
    FundDirection, Hours, IsoReason, MandateAnswer, MandatePeriod, MandateStep, MandateTerms, MatterStep, MessageIdHash,
    OutsideHours, ParticipantId, PaymentState, Position, PostingReport, PostingWord, Priority, Recall, RecallVerdict,
    RequestAnswer, RequestStep, Return, ReturnTerms, SendTransfer, SetAgent, SettlementCommand, Time, TransferVerdict, Uetr,
};
use money::{CurrencyCode, MinorUnits};

/// Who settles US dollars in these stories, and who asks it.
const AGENT: u32 = 2;
const ASKER: u32 = 0;
/// A transfer between them waits so long.
const HOUR_NS: u64 = 3_600_000_000_000;
/// Nobody's.
const UNKNOWN: Uetr = Uetr([0xB1; 16]);

/// No agent, one with no hours, one that is closed, one that is open; money in, money out and not, answers by others and again. Money between the two
/// that is there, that is not there, and that is taken back.
/// The last withdrawal has no answer: what it holds stays held.
pub fn settlement(now: Time) -> Vec<Command> {
    let closed = Hours { opens: 720, closes: 721, ..Hours::always() };
    let steps = [
        ask(1, FundDirection::In, 10_000),
        agent(Hours { opens: 5, closes: 5, ..Hours::always() }),
        agent(closed),
        ask(1, FundDirection::In, 10_000),
        agent(Hours::always()),
        ask(1, FundDirection::In, 10_000),
        answer(1, ASKER, TransferVerdict::Done),
        answer(1, AGENT, TransferVerdict::Done),
        answer(1, AGENT, TransferVerdict::Refused(IsoReason(*b"AM04"))),
        answer(9, AGENT, TransferVerdict::Done),
        ask(2, FundDirection::Out, 4_000),
        answer(2, AGENT, TransferVerdict::Refused(IsoReason(*b"AM04"))),
        ask(2, FundDirection::Out, 4_000),
        ask(3, FundDirection::Out, 3_000),
        answer(3, AGENT, TransferVerdict::Done),
        ask(4, FundDirection::Out, 2_000),
        ask(4, FundDirection::Out, 2_001),
        send(5, AGENT, 1_000, now.after(HOUR_NS)),
        send(5, AGENT, 1_001, now.after(HOUR_NS)),
        send(6, ASKER, 1_000, now.after(HOUR_NS)),
        send(6, AGENT, 1_000, Time(1)),
        send(6, AGENT, 1 << 50, now.after(HOUR_NS)),
        take_back(6, AGENT),
        take_back(6, ASKER),
        take_back(5, ASKER),
    ];
    steps.into_iter().map(Command::Settle).collect()
}

fn agent(hours: Hours) -> SettlementCommand {
    let terms = AgentTerms { agent: ParticipantId(AGENT), hours, outside: OutsideHours::Reject };
    SettlementCommand::SetAgent(SetAgent { currency: CurrencyCode::USD, terms })
}

/// Of the asker to somebody, for themselves.
fn send(nth: u8, to: u32, minor: u64, until: Time) -> SettlementCommand {
    SettlementCommand::Send(SendTransfer {
        reference: reference(nth),
        from: ParticipantId(ASKER),
        to: ParticipantId(to),
        currency: CurrencyCode::USD,
        amount: MinorUnits(minor),
        priority: Priority::Normal,
        until,
    })
}

fn take_back(nth: u8, from: u32) -> SettlementCommand {
    SettlementCommand::TakeBack { reference: reference(nth), from: ParticipantId(from) }
}

/// In the form of a UUID of version 4, as the door demands.
fn reference(nth: u8) -> [u8; 16] {
    let mut reference = [0xE0 | nth; 16];
    (reference[6], reference[8]) = (0x40, 0x80);
    reference
}

fn ask(nth: u8, direction: FundDirection, minor: u64) -> SettlementCommand {
    let (reference, participant) = (reference(nth), ParticipantId(ASKER));
    SettlementCommand::Ask(AskTransfer {
        reference,
        participant,
        currency: CurrencyCode::USD,
        direction,
        amount: MinorUnits(minor),
    })
}

fn answer(nth: u8, agent: u32, verdict: TransferVerdict) -> SettlementCommand {
    SettlementCommand::Answer(AnswerTransfer { reference: reference(nth), agent: Some(ParticipantId(agent)), verdict })
}

/// Returns, recalls, requests and reports that are wrong about a payment that settled, or about nothing.
pub fn aftermath(model: &Model, now: Time) -> Vec<Command> {
    let stranger = ParticipantId(1);
    let answer = AnswerRecall { original: UNKNOWN, creditor_agent: stranger, verdict: RecallVerdict::Accepts };
    let request = |step| Command::Matter(MatterStep::Request(step));
    let mut commands = vec![
        Command::SetReturnTerms(ReturnTerms { recall_answer_ns: 0, ..ReturnTerms::default() }),
        Command::AnswerRecall(answer),
        request(RequestStep::Answer { request: UNKNOWN, debtor_agent: stranger, says: RequestAnswer::Accepted }),
        request(RequestStep::Withdraw { request: UNKNOWN, creditor_agent: stranger }),
        request(RequestStep::Ask(of_its_own(now))),
    ];
    commands.extend(about_mandates(now).into_iter().map(Command::Matter));
    let Some((uetr, creditor)) = model.ended(PaymentState::Settled, now) else { return commands };
    let (uetr, creditor) = (Uetr(uetr), ParticipantId(creditor));
    let back = Return {
        id: Uetr([0xB2; 16]),
        content: ContentHash([0xB2; 32]),
        message_id: MessageIdHash([0xB2; 16]),
        returner: creditor,
        original: uetr,
        amount: MinorUnits(1),
        portion: MinorUnits(1),
        currency: CurrencyCode::HKD,
        quote: None,
        reason: IsoReason(*b"FOCR"),
        created_at: now,
        facts: None,
    };
    let most = MinorUnits(u64::MAX >> 8);
    let unbounded = [CurrencyCode::HKD, CurrencyCode::CNY, CurrencyCode::USD, CurrencyCode::EUR].map(|currency| Return {
        currency,
        amount: most,
        portion: most,
        ..back
    });
    let odd = [
        Return { id: uetr, ..back },
        Return { reason: IsoReason(*b"ZZZZ"), ..back },
        Return { currency: CurrencyCode::new(*b"JPY").expect("three capitals"), ..back },
    ];
    commands.extend(odd.into_iter().chain(unbounded).map(Command::Return));
    commands.extend(model.some_return().map(|(id, to)| {
        Command::Return(Return { id: Uetr([0xB9; 16]), original: Uetr(id), returner: ParticipantId(to), ..back })
    }));
    commands.push(Command::Recall(Recall {
        original: uetr,
        debtor_agent: stranger,
        reason: IsoReason(*b"ZZZZ"),
        content: ContentHash([0xB4; 32]),
        facts: None,
    }));
    let says = [PostingWord::UnderReview, PostingWord::Blocked { case: [0xB5; 16] }];
    commands.extend(says.map(|says| Command::ReportPosting(PostingReport { uetr, creditor_agent: creditor, says })));
    commands
}

/// A mandate whose caps mean nothing, and steps of mandates and collections that nobody knows.
fn about_mandates(now: Time) -> Vec<MatterStep> {
    let stranger = ParticipantId(1);
    let terms = MandateTerms {
        currency: CurrencyCode::HKD,
        each: MinorUnits(2),
        is_fixed: false,
        period: MandatePeriod::Month,
        period_max: MinorUnits(1),
        count_max: 1,
        purpose: None,
        first: now,
        last: now.after(86_400_000_000_000),
    };
    let ask = AskMandate {
        mandate: Uetr([0xB7; 16]),
        content: ContentHash([0xB7; 32]),
        creditor_agent: ParticipantId(0),
        debtor_agent: stranger,
        terms,
    };
    let (reason, asked) = (IsoReason(*b"MD16"), Position(1));
    let collect = Collect {
        collection: Uetr([0xB8; 16]),
        mandate: UNKNOWN,
        content: ContentHash([0xB8; 32]),
        creditor_agent: stranger,
        debtor_agent: ParticipantId(0),
        amount: MinorUnits(1),
        currency: CurrencyCode::HKD,
    };
    vec![
        MatterStep::Mandate(MandateStep::Ask(ask)),
        MatterStep::Mandate(MandateStep::Suspend { mandate: UNKNOWN, debtor_agent: stranger, suspended: true }),
        MatterStep::Mandate(MandateStep::Answer {
            mandate: UNKNOWN,
            debtor_agent: stranger,
            asked,
            says: MandateAnswer::Accepted,
        }),
        MatterStep::Mandate(MandateStep::Cancel { mandate: UNKNOWN, agent: stranger, reason }),
        MatterStep::Collection(CollectionStep::Collect(collect)),
        MatterStep::Collection(CollectionStep::Refuse { collection: UNKNOWN, debtor_agent: stranger, reason }),
    ]
}

/// A bank that asks its own customers.
fn of_its_own(now: Time) -> AskToPay {
    AskToPay {
        request: Uetr([0xB6; 16]),
        content: ContentHash([0xB6; 32]),
        creditor_agent: ParticipantId(1),
        debtor_agent: ParticipantId(1),
        amount: MinorUnits(1),
        currency: CurrencyCode::HKD,
        less_allowed: false,
        expires_at: now.after(60_000_000_000),
    }
}
