//! Nuisances about sponsorships: two participants without an account of their own settle over the first bank's, and ask for what
//! they and it may not.

use crate::model::Model;
use clearing::{
    Answer, AnswerVerdict, Bic, Command, ContentHash, EndSponsorship, IsoReason, MessageIdHash, ParticipantId, ParticipantStatus,
    Pay, Priority, RegisterParticipant, Return, RiskDecision, Sponsor, SponsorLimits, SponsorshipCommand, Square, SquarePayer,
    Terms, Time, Uetr,
};
use money::{CurrencyCode, MinorUnits};

/// The first sample bank: over its account they settle.
const BANK: ParticipantId = ParticipantId(0);
/// Another one that is direct in the currency.
const OTHER: ParticipantId = ParticipantId(1);
const CODE: CurrencyCode = CurrencyCode::HKD;

/// CLR-1180 to CLR-1189, PAY-2090 to PAY-2094, and what is well between them.
pub fn commands(model: &Model, now: Time) -> Vec<Command> {
    let first = model.next_participant();
    let (one, two) = (ParticipantId(first), ParticipantId(first + 1));
    let (forth, back) = ([one, two], [two, one]);
    let mut all = vec![register("WAYFHKHHXXX"), register("SHORHKHHXXX")];
    all.extend([
        sponsor(one, two, 1, 1),
        sponsor(OTHER, BANK, 1, 1),
        sponsor(BANK, one, 80_000, 0),
        sponsor(BANK, one, 80_000, 50_000),
        sponsor(OTHER, one, 80_000, 50_000),
        sponsor(BANK, two, 0, 50_000),
        // Too large; in order; more than the limit with what is held; back and refused.
        pay(1, forth, 50_001, now),
        pay(2, forth, 50_000, now),
        pay(3, forth, 50_000, now),
        answer(2, two, AnswerVerdict::WillCredit),
        pay(4, forth, 20_000, now),
        sponsor(BANK, one, 10, 50_000),
        answer(4, two, AnswerVerdict::Refuses(IsoReason(*b"AC04"))),
        square(1, one, 10_000_000, SquarePayer::Participant, None),
        square(1, one, 40_000, SquarePayer::Participant, Some(OTHER)),
        square(1, one, 40_000, SquarePayer::Participant, Some(BANK)),
        square(1, one, 40_000, SquarePayer::Participant, Some(BANK)),
        pay(5, forth, 30_000, now),
        answer(5, two, AnswerVerdict::WillCredit),
        pay(6, back, 10_000, now),
        answer(6, one, AnswerVerdict::WillCredit),
        give_back(1, two, 2, 50_000, now),
        give_back(2, two, 5, 30_000, now),
        square(2, two, 5_000, SquarePayer::Sponsor, None),
        // Whoever settles for them can do less and less.
        status(BANK, ParticipantStatus::Left),
        status(BANK, ParticipantStatus::SendOnly),
        pay(7, back, 1_000, now),
        status(BANK, ParticipantStatus::Suspended),
        pay(8, forth, 1_000, now),
        give_back(3, two, 5, 1_000, now),
        status(BANK, ParticipantStatus::Live),
        end(one),
        pay(9, forth, 1_000, now),
        pay(10, back, 1_000, now),
        give_back(4, one, 6, 1_000, now),
        end(OTHER),
    ]);
    all
}

fn register(bic: &str) -> Command {
    let bic = Bic::parse(bic).expect("eleven capitals");
    let name = format!("Indirect {bic}");
    Command::RegisterParticipant(RegisterParticipant { bic, name, key: [7; 32], provides_exchange: false, currencies: vec![] })
}

fn sponsor(sponsor: ParticipantId, participant: ParticipantId, net_debit: u64, payment_max: u64) -> Command {
    let limits = SponsorLimits { net_debit: MinorUnits(net_debit), payment_max: MinorUnits(payment_max) };
    Command::Sponsorship(SponsorshipCommand::Sponsor(Sponsor { sponsor, participant, currency: CODE, limits }))
}

fn square(nth: u8, participant: ParticipantId, minor: u64, paid_by: SquarePayer, by: Option<ParticipantId>) -> Command {
    let (reference, amount) = ([0xC0 | nth; 16], MinorUnits(minor));
    Command::Sponsorship(SponsorshipCommand::Square(Square { reference, participant, currency: CODE, by, paid_by, amount }))
}

fn end(participant: ParticipantId) -> Command {
    Command::Sponsorship(SponsorshipCommand::End(EndSponsorship { participant, currency: CODE }))
}

fn status(participant: ParticipantId, status: ParticipantStatus) -> Command {
    Command::SetStatus { participant, status }
}

fn uetr(nth: u8) -> Uetr {
    let mut uetr = [0xC7; 16];
    uetr[0] = nth;
    Uetr(uetr)
}

fn pay(nth: u8, [debtor_agent, creditor_agent]: [ParticipantId; 2], minor: u64, now: Time) -> Command {
    Command::Pay(Pay {
        uetr: uetr(nth),
        content: ContentHash([nth; 32]),
        message_id: MessageIdHash(uetr(nth).0),
        debtor_agent,
        creditor_agent,
        debit: MinorUnits(minor),
        debit_currency: CODE,
        quote: None,
        priority: Priority::High,
        accepted_at: now,
        risk: RiskDecision::PASS,
        terms: Terms::default(),
    })
}

fn answer(nth: u8, creditor_agent: ParticipantId, verdict: AnswerVerdict) -> Command {
    Command::Answer(Answer { uetr: uetr(nth), creditor_agent, verdict, content: ContentHash([nth; 32]) })
}

fn give_back(nth: u8, returner: ParticipantId, of: u8, minor: u64, now: Time) -> Command {
    let mut id = [0xC8; 16];
    id[0] = nth;
    Command::Return(Return {
        id: Uetr(id),
        content: ContentHash(core::array::from_fn(|_| 0xC8 ^ nth)),
        message_id: MessageIdHash(id),
        returner,
        original: uetr(of),
        amount: MinorUnits(minor),
        portion: MinorUnits(minor),
        currency: CODE,
        quote: None,
        reason: IsoReason(*b"FOCR"),
        created_at: now,
        facts: None,
    })
}
