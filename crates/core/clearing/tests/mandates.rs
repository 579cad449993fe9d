//! What tables cannot say of mandates: their number, snapshots with them, and what a broken law looks like.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    AskMandate, Bic, Clearing, Collect, CollectionState, CollectionStep, Command, ContentHash, Event, EventKind, IndexSeed,
    MandateAnswer, MandatePeriod, MandateStep, MandateTerms, MatterStep, MatterView, Outcome, ParticipantId, Position, Refusal,
    RegisterParticipant, Time, Uetr, laws,
};
use money::{Currency, CurrencyCode, MinorUnits};

fn uetr(n: u32) -> Uetr {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    Uetr(bytes)
}

fn scheme() -> Clearing {
    let mut clearing = Clearing::new(IndexSeed(1));
    let register = |bic: &str| {
        Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(bic).unwrap(),
            name: bic.to_owned(),
            key: [1; 32],
            provides_exchange: false,
            currencies: vec![CurrencyCode::HKD],
        })
    };
    let ledger = Command::OpenLedger(Currency { code: CurrencyCode::HKD, exponent: 2 });
    clearing.apply_block(Time(1), &[ledger, register("HARBHKHHXXX"), register("PENGCNBSXXX")]);
    clearing
}

fn ask(n: u32) -> Command {
    Command::Matter(MatterStep::Mandate(MandateStep::Ask(AskMandate {
        mandate: uetr(n),
        content: ContentHash([n as u8; 32]),
        creditor_agent: ParticipantId(1),
        debtor_agent: ParticipantId(0),
        terms: MandateTerms {
            currency: CurrencyCode::HKD,
            each: MinorUnits(100),
            is_fixed: false,
            period: MandatePeriod::Month,
            period_max: MinorUnits(250),
            count_max: 3,
            purpose: None,
            first: Time(0),
            last: Time(u64::from(u32::MAX) * 1_000_000),
        },
    })))
}

fn agree(n: u32, asked: Position) -> Command {
    let says = MandateAnswer::Accepted;
    Command::Matter(MatterStep::Mandate(MandateStep::Answer { mandate: uetr(n), debtor_agent: ParticipantId(0), asked, says }))
}

fn collect(n: u32, mandate: u32, minor: u64) -> Command {
    Command::Matter(MatterStep::Collection(CollectionStep::Collect(Collect {
        collection: uetr(n),
        mandate: uetr(mandate),
        content: ContentHash([n as u8; 32]),
        creditor_agent: ParticipantId(1),
        debtor_agent: ParticipantId(0),
        amount: MinorUnits(minor),
        currency: CurrencyCode::HKD,
    })))
}

/// CLR-1197: one creditor agent cannot fill the table, and what is forgotten makes room.
#[test]
fn a_creditor_agent_has_so_many_and_no_more() {
    let mut clearing = scheme();
    for first in (0..Clearing::MANDATES_OF_ONE_MAX).step_by(10_000) {
        let commands: Vec<Command> = (first..first + 10_000).map(ask).collect();
        let applied = clearing.apply_block(Time(2), &commands);
        assert!(applied.outcomes.iter().all(|outcome| matches!(outcome, Outcome::Matter { repeated: false, .. })));
    }
    let one_more = ask(Clearing::MANDATES_OF_ONE_MAX);
    let applied = clearing.apply_block(Time(3), std::slice::from_ref(&one_more));
    assert_eq!(applied.outcomes, [Outcome::Refused(Refusal::TooManyMandates)]);
    assert_eq!(Refusal::TooManyMandates.code(), "CLR-1197");
    // They expire, some with each block, and are forgotten eight days later.
    let ended = Time(u64::from(u32::MAX) * 1_000_000);
    clearing.apply_block(ended, &[]);
    clearing.apply_block(ended.after(Clearing::MATTER_KEPT_NS), &[]);
    let Command::Matter(MatterStep::Mandate(MandateStep::Ask(later))) = one_more else { unreachable!() };
    let terms = MandateTerms { last: ended.after(2 * Clearing::MATTER_KEPT_NS), ..later.terms };
    let later = Command::Matter(MatterStep::Mandate(MandateStep::Ask(AskMandate { terms, ..later })));
    let applied = clearing.apply_block(ended.after(Clearing::MATTER_KEPT_NS), &[later]);
    assert!(matches!(applied.outcomes[..], [Outcome::Matter { .. }]), "{:?}", applied.outcomes);
}

#[test]
fn a_snapshot_has_them() {
    let mut clearing = scheme();
    let applied = clearing.apply_block(Time(2), &[ask(1), ask(2)]);
    let Outcome::Matter { matter: MatterView::Mandate(asked), .. } = applied.outcomes[0] else { panic!("{applied:?}") };
    clearing.apply_block(Time(3), &[agree(1, asked.asked), collect(10, 1, 100), collect(11, 1, 50)]);
    let mut bytes = Vec::new();
    clearing.encode_snapshot(&mut bytes);
    let mut back = Clearing::decode_snapshot(&bytes, IndexSeed(2)).unwrap();
    assert_eq!(back.matters().collect::<Vec<_>>(), clearing.matters().collect::<Vec<_>>());
    assert_eq!(laws::check_all(&back), []);
    let more = [collect(12, 1, 100), collect(13, 1, 1)];
    let (here, there) = (clearing.apply_block(Time(4), &more), back.apply_block(Time(4), &more));
    assert_eq!(here.outcomes, there.outcomes);
    assert_eq!(here.state_root, there.state_root);
    assert!(matches!(here.outcomes[1], Outcome::Refused(Refusal::MandatePeriodUsedUp)));
}

/// The checker over events knows nothing of the centre's own count: a collection too many shows.
#[test]
fn a_collection_too_many_breaks_the_law() {
    let mut clearing = scheme();
    let applied = clearing.apply_block(Time(2), &[ask(1)]);
    let mut told = applied.events.clone();
    let Outcome::Matter { matter: MatterView::Mandate(asked), .. } = applied.outcomes[0] else { panic!("{applied:?}") };
    let applied = clearing.apply_block(Time(3), &[agree(1, asked.asked), collect(10, 1, 100), collect(11, 1, 100)]);
    told.extend(applied.events);
    assert!(laws::mdt_01_told(&told).is_ok());
    let EventKind::Matter(MatterView::Collection(last)) = told.last().unwrap().kind else { panic!("{told:?}") };
    assert_eq!(last.state, CollectionState::Asked);
    let forged = clearing::CollectionView { uetr: uetr(12), ..last };
    told.push(Event { position: Position(1_000), kind: EventKind::Matter(MatterView::Collection(forged)) });
    assert_eq!(laws::mdt_01_told(&told).unwrap_err().law, "MDT-01");
}
