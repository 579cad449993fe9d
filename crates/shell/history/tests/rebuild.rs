//! A read model fed block by block and one rebuilt from the state afterwards tell every reader the same.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

use chain::BlockHeader;
use clearing::{
    AccountPurpose, Answer, AnswerVerdict, Bic, Clearing, Command, ContentHash, Event, EventKind, Fund, FundDirection, IndexSeed,
    IsoReason, MessageIdHash, ParticipantId, Pay, PaymentView, Position, Priority, RegisterParticipant, RiskDecision, Settings,
    Terms, Time, Uetr,
};
use history::{InboxKind, ReadModel};
use money::{Currency, CurrencyCode, MinorUnits};
use ordering::{DurableBlock, Forgotten, Recovered, VaultPlace};
use proptest::prelude::*;

const BANKS: u32 = 3;

fn genesis() -> Vec<Command> {
    let mut commands = vec![Command::OpenLedger(Currency::new(CurrencyCode::HKD, 2).unwrap())];
    for (at, bic) in ["HARBHKHH", "LIONHKHH", "PENGCNBS"].into_iter().enumerate() {
        commands.push(Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(bic).unwrap(),
            name: bic.into(),
            key: [at as u8; 32],
            provides_exchange: false,
            currencies: vec![CurrencyCode::HKD],
        }));
        commands.push(Command::Fund(Fund {
            participant: ParticipantId(at as u32),
            currency: CurrencyCode::HKD,
            purpose: AccountPurpose::Settlement,
            direction: FundDirection::In,
            amount: MinorUnits(1000),
            reference: [at as u8; 16],
        }));
    }
    commands
}

fn pay(uetr: Uetr, debtor_agent: u32, creditor_agent: u32, amount: u64) -> Command {
    Command::Pay(Pay {
        uetr,
        content: ContentHash([1; 32]),
        message_id: MessageIdHash(uetr.0),
        debtor_agent: ParticipantId(debtor_agent),
        creditor_agent: ParticipantId(creditor_agent),
        debit: MinorUnits(amount),
        debit_currency: CurrencyCode::HKD,
        quote: None,
        priority: Priority::Normal,
        accepted_at: Time(u64::MAX / 2),
        risk: RiskDecision::PASS,
        terms: Terms::default(),
    })
}

fn answer(uetr: Uetr, bank: u32, will: bool) -> Command {
    Command::Answer(Answer {
        uetr,
        creditor_agent: ParticipantId(bank),
        verdict: if will { AnswerVerdict::WillCredit } else { AnswerVerdict::Refuses(IsoReason(*b"AC04")) },
        content: ContentHash([2; 32]),
    })
}

fn command() -> impl Strategy<Value = Command> {
    let uetr = (0u8..12).prop_map(|n| Uetr([n; 16]));
    let bank = (0..BANKS).prop_map(ParticipantId);
    prop_oneof![
        (uetr.clone(), 0..BANKS, 0..BANKS, 0u64..400).prop_map(|(uetr, from, to, amount)| pay(uetr, from, to, amount)),
        (uetr.clone(), 0..BANKS, any::<bool>()).prop_map(|(uetr, bank, will)| answer(uetr, bank, will)),
        (uetr, bank).prop_map(|(uetr, creditor_agent)| Command::ReportCredited { uetr, creditor_agent }),
    ]
}

fn durable(clearing: &mut Clearing, time: Time, commands: Vec<Command>) -> DurableBlock {
    let applied = clearing.apply_block(time, &commands);
    let header = BlockHeader {
        height: clearing.height(),
        time_ns: time.0,
        parent: chain::Hash::default(),
        body: chain::Hash::default(),
        state_root: applied.state_root,
        tree_size: applied.tree_size,
        tree_root: applied.tree_root,
        first_position: applied.first_position,
        command_count: commands.len() as u32,
        body_bytes: 0,
    };
    let tickets = vec![0; commands.len()];
    let places = vec![(0, VaultPlace { file: 1, offset: header.height as u32, bytes: 9 })];
    DurableBlock { header, hash: header.hash(), commands, tickets, places, applied }
}

/// Ten seconds behind its end a payment is forgotten.
fn brief() -> Settings {
    let second = 1_000_000_000;
    Settings {
        answer_high_ns: 2 * second,
        answer_normal_ns: 4 * second,
        quote_validity_ns: second,
        acceptance_age_max_ns: 5 * second,
        payment_retention_ns: 10 * second,
    }
}

fn accepted(command: Command, now: u64) -> Command {
    match command {
        Command::Pay(pay) => Command::Pay(Pay { accepted_at: Time(now), ..pay }),
        other => other,
    }
}

/// The payment an event tells of, as it stood.
fn told(event: &Event) -> Option<PaymentView> {
    match &event.kind {
        EventKind::PaymentHeld(view)
        | EventKind::PaymentSettled(view)
        | EventKind::PaymentRejected(view)
        | EventKind::PaymentCredited(view) => Some(*view),
        _ => None,
    }
}

proptest! {
    #[test]
    fn fed_and_rebuilt_agree(blocks in prop::collection::vec((prop::collection::vec(command(), 0..6), 0u64..9), 1..30), forgets: bool) {
        let mut clearing = Clearing::new(IndexSeed(1));
        let fed = ReadModel::rebuild(&Recovered::of(&clearing));
        let mut now = 1_000_000_000_000;
        let mut commands = genesis();
        commands.extend(forgets.then_some(Command::Configure(brief())));
        fed.durable(&durable(&mut clearing, Time(now), commands));
        let mut forgotten = Vec::new();
        let mut all = std::collections::BTreeMap::new();
        for (commands, seconds) in blocks {
            now += seconds * 1_000_000_000;
            let commands = commands.into_iter().map(|command| accepted(command, now)).collect();
            let block = durable(&mut clearing, Time(now), commands);
            let place = VaultPlace::default();
            forgotten.extend(block.applied.forgotten.iter().map(|payment| Forgotten { payment: *payment, place }));
            all.extend(block.applied.events.iter().filter_map(told).map(|view| (view.index, view)));
            fed.durable(&block);
            prop_assert!(fed.laws().iter().all(|status| status.holds), "{:?}", fed.laws());
        }
        let rebuilt = ReadModel::rebuild(&Recovered { forgotten: &forgotten, ..Recovered::of(&clearing) });
        prop_assert_eq!(all.len(), forgotten.len() + clearing.payments().len());
        prop_assert_eq!(fed.counts(), rebuilt.counts());
        prop_assert_eq!(fed.laws(), rebuilt.laws());
        prop_assert_eq!(fed.accounts(), rebuilt.accounts());
        prop_assert_eq!(fed.participants(), rebuilt.participants());
        let (a, b) = (fed.tip(), rebuilt.tip());
        prop_assert_eq!((a.size, a.root, a.height, a.time), (b.size, b.root, b.height, b.time));
        for bank in 0..BANKS {
            let inbox = fed.inbox(ParticipantId(bank), Position(0), 10_000);
            prop_assert_eq!(&inbox, &rebuilt.inbox(ParticipantId(bank), Position(0), 10_000));
            // Cursors only rise, and going on from any of them misses nothing.
            prop_assert!(inbox.windows(2).all(|pair| pair[0].0.position < pair[1].0.position));
            for (at, (entry, _)) in inbox.iter().enumerate() {
                let rest = fed.inbox(ParticipantId(bank), entry.position, 10_000);
                prop_assert_eq!(rest.as_slice(), &inbox[at + 1..]);
            }
            // PAY-02: whoever was asked is told the end, and so is whoever paid.
            for view in all.values().filter(|view| view.finality.is_some()) {
                let ends = inbox.iter().filter(|(entry, _)| entry.payment == view.index && entry.kind == InboxKind::Ended).count();
                let concerned = view.debtor_agent.0 == bank || (view.creditor_agent.0 == bank && view.forwarded_position.is_some());
                prop_assert_eq!(ends, usize::from(concerned));
            }
        }
        for view in all.values() {
            // A UETR that was used again, when the centre had forgotten the first, is the newer payment's.
            let newest = all.values().rev().find(|other| other.uetr == view.uetr).copied();
            prop_assert_eq!(fed.payment(view.uetr), newest);
            prop_assert_eq!(rebuilt.payment(view.uetr), newest);
            prop_assert_eq!(fed.payment_at(view.index), Some(*view));
            if let (Some(finality), Some(record)) = (view.finality, view.final_record()) {
                let proof = fed.inclusion_proof(finality.leaf_index, a.size).unwrap();
                prop_assert_eq!(chain::verify_inclusion(finality.leaf_index, a.size, &record.leaf(), &proof, &a.root), Ok(()));
            }
        }
    }
}

#[test]
fn durations_are_those_of_the_last_seconds() {
    let second = 1_000_000_000;
    let mut clearing = Clearing::new(IndexSeed(1));
    let model = ReadModel::rebuild(&Recovered::of(&clearing));
    model.durable(&durable(&mut clearing, Time(1), genesis()));
    for (n, (held_at, ended_at)) in [(10, 13), (60, 61), (61, 69)].into_iter().enumerate() {
        let uetr = Uetr([n as u8; 16]);
        model.durable(&durable(&mut clearing, Time(held_at * second), vec![pay(uetr, 0, 1, 5)]));
        model.durable(&durable(&mut clearing, Time(ended_at * second), vec![answer(uetr, 1, true)]));
    }
    for (now, seconds, expected) in [
        (69, 60, vec![1_000_000, 3_000_000, 8_000_000]),
        (72, 60, vec![1_000_000, 3_000_000, 8_000_000]),
        (73, 60, vec![1_000_000, 8_000_000]),
        (69, 1, vec![8_000_000]),
        (68, 60, vec![1_000_000, 3_000_000]),
        (500, 60, vec![]),
    ] {
        assert_eq!(model.durations_us(now, seconds), expected, "at {now} over {seconds}");
    }
}
