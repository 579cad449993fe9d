//! Forgetting against a model that never forgets: whatever is sent again, however late, no payment ends twice.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    AccountPurpose, Answer, AnswerVerdict, Applied, Bic, Clearing, Command, ContentHash, Event, EventKind, Fund, FundDirection,
    IndexSeed, MessageIdHash, Outcome, ParticipantId, Pay, PaymentState, PaymentView, Posting, PostingReport, PostingWord,
    Priority, Refusal, RegisterParticipant, RiskDecision, Settings, Sponsors, Terms, Time, Uetr, laws,
};
use money::{Currency, CurrencyCode, MinorUnits};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SECOND: u64 = 1_000_000_000;
const BEGIN: u64 = 1_000_000;

fn settings(acceptance_age_s: u64, retention_s: Option<u64>) -> Settings {
    Settings {
        answer_high_ns: 3 * SECOND,
        answer_normal_ns: 5 * SECOND,
        quote_validity_ns: 60 * SECOND,
        acceptance_age_max_ns: acceptance_age_s * SECOND,
        payment_retention_ns: retention_s.map_or(Settings::KEPT, |seconds| seconds * SECOND),
    }
}

fn genesis() -> Vec<Command> {
    let mut commands = vec![Command::OpenLedger(Currency::new(CurrencyCode::HKD, 2).unwrap())];
    for (at, bic) in ["HARBHKHH", "PENGCNBS"].into_iter().enumerate() {
        commands.push(Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(bic).unwrap(),
            name: bic.into(),
            key: [0; 32],
            provides_exchange: false,
            currencies: vec![CurrencyCode::HKD],
        }));
        commands.push(Command::Fund(Fund {
            participant: ParticipantId(at as u32),
            currency: CurrencyCode::HKD,
            purpose: AccountPurpose::Settlement,
            direction: FundDirection::In,
            amount: MinorUnits(500),
            reference: [at as u8; 16],
        }));
    }
    commands
}

fn pay(n: u64, accepted_at: u64, minor: u64) -> Pay {
    let id = u128::from(n).to_le_bytes();
    Pay {
        uetr: Uetr(id),
        content: ContentHash(chain::sha256(&id).0),
        message_id: MessageIdHash(id),
        debtor_agent: ParticipantId(0),
        creditor_agent: ParticipantId(1),
        debit: MinorUnits(minor),
        debit_currency: CurrencyCode::HKD,
        quote: None,
        priority: if n.is_multiple_of(3) { Priority::High } else { Priority::Normal },
        accepted_at: Time(accepted_at),
        risk: RiskDecision::PASS,
        terms: Terms::default(),
    }
}

fn answer(uetr: Uetr) -> Command {
    let (creditor_agent, content) = (ParticipantId(1), ContentHash([1; 32]));
    Command::Answer(Answer { uetr, creditor_agent, verdict: AnswerVerdict::WillCredit, content })
}

fn credited(uetr: Uetr) -> Command {
    Command::ReportCredited { uetr, creditor_agent: ParticipantId(1) }
}

/// What somebody does, with numbers that are turned into times and payments when it is done.
#[derive(Debug, Clone)]
enum Step {
    /// Seconds pass, and the block is sealed.
    Block(u64),
    /// A new payment, accepted so many seconds after now less forty.
    New(u64, u64),
    /// An earlier message once more, counted from the newest.
    Again(usize),
    Answer(usize),
    Credited(usize),
    Configure(Settings),
}

fn step(configures: bool) -> impl Strategy<Value = Step> {
    let changed =
        (5u64..15, prop_oneof![1 => Just(None), 4 => (20u64..90).prop_map(Some)]).prop_map(|(age, kept)| settings(age, kept));
    prop_oneof![
        6 => (0u64..12).prop_map(Step::Block),
        6 => (25u64..60, 1u64..60).prop_map(|(accepted, minor)| Step::New(accepted, minor)),
        6 => (0usize..60).prop_map(Step::Again),
        4 => (0usize..12).prop_map(Step::Answer),
        2 => (0usize..30).prop_map(Step::Credited),
        u32::from(configures) => changed.prop_map(Step::Configure),
    ]
}

/// Everything that ever was.
#[derive(Default)]
struct Record {
    sent: Vec<Pay>,
    /// As each payment was last told.
    told: BTreeMap<Uetr, PaymentView>,
    forgotten: Vec<PaymentView>,
}

impl Record {
    fn nth_newest(&self, back: usize) -> Option<&Pay> {
        self.sent.iter().rev().nth(back)
    }

    fn take_in(&mut self, time: u64, settings: Settings, commands: &[Command], applied: &Applied) -> Result<(), TestCaseError> {
        for view in &applied.forgotten {
            let finality = view.finality.expect("what is under way is not forgotten");
            prop_assert!(finality.at.0 + settings.payment_retention_ns <= time, "{} was forgotten too early", view.uetr);
            prop_assert_eq!(Some(view), self.told.get(&view.uetr), "it is told as it stood");
            prop_assert_eq!(view.index.0, self.forgotten.len() as u64, "in order of arrival, without gaps");
            let mut row = Vec::new();
            view.encode_row(&mut row).expect("it has an end");
            prop_assert_eq!(row.len(), PaymentView::ROW_BYTES);
            prop_assert_eq!(PaymentView::decode_row(view.index, &row), Ok(*view));
            let over = Sponsors { debtor: None, creditor: Some(view.debtor_agent) };
            let (carried, mut kept) = (PaymentView { sponsors: over, ..*view }, Vec::new());
            carried.encode_kept(&mut kept).expect("it has an end");
            prop_assert_eq!(kept.len(), PaymentView::KEPT_BYTES);
            prop_assert_eq!(&kept[..row.len()], &row, "a row, and over whose accounts");
            prop_assert_eq!(PaymentView::decode_kept(view.index, &kept), Ok(carried));
            self.forgotten.push(*view);
        }
        for Event { kind, .. } in &applied.events {
            let (EventKind::PaymentHeld(view)
            | EventKind::PaymentSettled(view)
            | EventKind::PaymentRejected(view)
            | EventKind::PaymentCredited(view)) = kind
            else {
                continue;
            };
            let before = self.told.insert(view.uetr, *view);
            let ended = before.is_some_and(|before| before.state != PaymentState::Held);
            let again = before.is_some_and(|before| before.index != view.index);
            prop_assert!(!again, "payment {} is on record twice", view.uetr);
            prop_assert!(!ended || before.unwrap().state == view.state && view.credited, "payment {} ended twice", view.uetr);
        }
        for (command, outcome) in commands.iter().zip(&applied.outcomes) {
            let Command::Pay(pay) = command else { continue };
            match (outcome, self.told.get(&pay.uetr)) {
                (Outcome::Payment { payment, .. }, Some(told)) => prop_assert_eq!(payment.index, told.index),
                (Outcome::Refused(Refusal::TooOldToKnow | Refusal::AcceptedAhead), _) => {}
                (other, told) => prop_assert!(false, "{pay:?} gave {other:?}, known is {told:?}"),
            }
        }
        Ok(())
    }
}

fn run(first: Settings, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut clearing = Clearing::new(IndexSeed(1));
    let mut replica = Clearing::new(IndexSeed(2));
    let mut record = Record::default();
    let mut now = BEGIN * SECOND;
    let mut commands = genesis();
    commands.push(Command::Configure(first));
    let never_configured = !steps.iter().any(|step| matches!(step, Step::Configure(_)));
    for step in steps.into_iter().chain([Step::Block(0)]) {
        match step {
            Step::New(accepted, minor) => {
                let payment = pay(record.sent.len() as u64, now + accepted * SECOND - 40 * SECOND, minor);
                record.sent.push(payment.clone());
                commands.push(Command::Pay(payment));
            }
            Step::Again(back) => commands.extend(record.nth_newest(back).cloned().map(Command::Pay)),
            Step::Answer(back) => commands.extend(record.nth_newest(back).map(|pay| answer(pay.uetr))),
            Step::Credited(back) => commands.extend(record.nth_newest(back).map(|pay| credited(pay.uetr))),
            Step::Configure(settings) => commands.push(Command::Configure(settings)),
            Step::Block(seconds) => {
                let before = clearing.settings();
                let applied = clearing.apply_block(Time(now), &commands);
                record.take_in(now, before, &commands, &applied)?;
                if never_configured && clearing.height() > 1 {
                    fresh_is_taken(now, before, &commands, &applied)?;
                }
                prop_assert_eq!(laws::check_all(&clearing), Vec::new());
                prop_assert_eq!(clearing.forgotten(), record.forgotten.len() as u64);

                prop_assert_eq!(&replica.apply_block(Time(now), &commands), &applied, "a replica forgets in the same places");
                let mut bytes = Vec::new();
                clearing.encode_snapshot(&mut bytes);
                replica = Clearing::decode_snapshot(&bytes, IndexSeed(now)).unwrap();
                commands.clear();
                now += seconds * SECOND;
            }
        }
    }
    // Everything ends and is forgotten, unless payments are kept for ever.
    let kept = clearing.settings().payment_retention_ns == Settings::KEPT;
    let all = record.told.len();
    for seconds in [0, 100, 200, 300] {
        let before = clearing.settings();
        let applied = clearing.apply_block(Time(now + seconds * SECOND), &[]);
        record.take_in(now + seconds * SECOND, before, &[], &applied)?;
    }
    prop_assert_eq!(laws::check_all(&clearing), Vec::new());
    prop_assert!(kept || (clearing.payments().len(), clearing.forgotten()) == (0, all as u64));
    Ok(())
}

/// Where the times stay as they are, nothing that may be accepted is refused for its age.
fn fresh_is_taken(now: u64, settings: Settings, commands: &[Command], applied: &Applied) -> Result<(), TestCaseError> {
    for (command, outcome) in commands.iter().zip(&applied.outcomes) {
        let Command::Pay(pay) = command else { continue };
        let fresh = pay.accepted_at.0 + settings.acceptance_age_max_ns >= now;
        let ahead = pay.accepted_at.0 > now + settings.acceptance_age_max_ns;
        if fresh && !ahead {
            prop_assert!(matches!(outcome, Outcome::Payment { .. }), "{pay:?} at {now} gave {outcome:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_payment_ends_twice(steps in prop::collection::vec(step(false), 1..160), age in 5u64..15, more in 0u64..30) {
        run(settings(age, Some(2 * age + more)), steps)?;
    }

    #[test]
    fn no_payment_ends_twice_whatever_becomes_of_the_times(steps in prop::collection::vec(step(true), 1..160)) {
        run(settings(10, Some(30)), steps)?;
    }
}

/// One payment that settled, at 100 s retention and 10 s acceptance age, and the block time.
fn settled() -> (Clearing, Pay, u64) {
    let (mut clearing, now) = (Clearing::new(IndexSeed(1)), BEGIN * SECOND);
    let mut commands = genesis();
    commands.push(Command::Configure(settings(10, Some(100))));
    let payment = pay(1, now, 5);
    commands.extend([Command::Pay(payment.clone()), answer(payment.uetr)]);
    clearing.apply_block(Time(now), &commands);
    (clearing, payment, now)
}

fn outcome(clearing: &mut Clearing, time: u64, command: Command) -> Outcome {
    clearing.apply_block(Time(time), &[command]).outcomes.remove(0)
}

#[test]
fn what_is_forgotten_is_refused_by_name() {
    let (mut clearing, payment, now) = settled();
    let last = now + 100 * SECOND - 1;
    assert!(matches!(outcome(&mut clearing, last, answer(payment.uetr)), Outcome::Payment { repeated: true, .. }));
    let again = Command::Pay(payment.clone());
    assert!(matches!(outcome(&mut clearing, last, again.clone()), Outcome::Payment { repeated: true, .. }));
    assert_eq!((clearing.payments().len(), clearing.forgotten()), (1, 0));
    for (command, refusal) in [
        (answer(payment.uetr), Refusal::UnknownPayment),
        (credited(payment.uetr), Refusal::UnknownPayment),
        (again, Refusal::TooOldToKnow),
    ] {
        assert_eq!(outcome(&mut clearing, last + 1, command), Outcome::Refused(refusal));
        assert_eq!((clearing.payments().len(), clearing.forgotten()), (0, 1));
    }
    assert_eq!(clearing.payment(payment.uetr), None);
    assert_eq!(clearing.tree().0, 1, "its end stays in the tree");
}

#[test]
fn a_payment_under_way_keeps_those_behind_it() {
    let (mut clearing, _, now) = settled();
    let slow = Settings { answer_normal_ns: 90 * SECOND, ..settings(10, Some(100)) };
    let (held, ended) = (pay(2, now + SECOND, 5), pay(3, now + SECOND, 5));
    let (first, second) = (Command::Pay(held), Command::Pay(ended.clone()));
    clearing.apply_block(Time(now + SECOND), &[Command::Configure(slow), first, second, answer(ended.uetr)]);
    // The first one goes when its time has come. The held one times out at 91, and keeps the one behind it until it goes.
    for (at, on_record, forgotten) in [(90, 3, 0), (91, 3, 0), (101, 2, 1), (190, 2, 1), (191, 0, 3)] {
        clearing.apply_block(Time(now + at * SECOND), &[]);
        assert_eq!((clearing.payments().len(), clearing.forgotten()), (on_record, forgotten), "at {at}");
        assert_eq!(laws::check_all(&clearing), Vec::new());
    }
}

fn reviewed(uetr: Uetr, says: PostingWord) -> Command {
    Command::ReportPosting(PostingReport { uetr, creditor_agent: ParticipantId(1), says })
}

#[test]
fn a_review_outlives_its_payment_in_memory() {
    let (mut clearing, _, now) = settled();
    let held = [pay(2, now + SECOND, 5), pay(3, now + SECOND, 5)];
    let mut commands: Vec<Command> = held.iter().cloned().map(Command::Pay).collect();
    commands.extend(held.iter().map(|payment| reviewed(payment.uetr, PostingWord::UnderReview)));
    clearing.apply_block(Time(now + SECOND), &commands);
    let late = now + 1000 * SECOND;
    let forgotten = clearing.apply_block(Time(late), &[]).forgotten;
    assert_eq!(forgotten.last().map(|view| view.posting), Some(Posting::UnderReview));
    assert_eq!(clearing.payments().len(), 0, "a review keeps no payment in memory");
    let [first, second] = held.map(|payment| payment.uetr);

    // A centre read back goes on with it.
    let mut bytes = Vec::new();
    clearing.encode_snapshot(&mut bytes);
    let mut clearing = Clearing::decode_snapshot(&bytes, IndexSeed(9)).unwrap();
    let posting = |outcome: Outcome| match outcome {
        Outcome::Payment { payment, repeated } => Ok((payment.posting, repeated)),
        other => Err(format!("{other:?}")),
    };
    let overdue = clearing.apply_block(Time(late + 86_400 * SECOND), &[]);
    let told = overdue.events.iter().filter(|event| matches!(event.kind, EventKind::PaymentReviewed(_)));
    assert_eq!(told.count(), 2, "each is told once that it is overdue");
    let at = late + 90_000 * SECOND;
    assert_eq!(posting(outcome(&mut clearing, at, answer(first))), Ok((Posting::Overdue, true)));
    assert_eq!(posting(outcome(&mut clearing, at, credited(first))), Ok((Posting::Credited, false)));
    assert_eq!(posting(outcome(&mut clearing, at, credited(first))), Ok((Posting::Credited, true)));
    let block = |case| reviewed(second, PostingWord::Blocked { case: [case; 16] });
    assert_eq!(posting(outcome(&mut clearing, at, block(1))), Ok((Posting::Blocked, false)));
    assert_eq!(outcome(&mut clearing, at, block(2)), Outcome::Refused(Refusal::PostingEnded));
    assert_eq!(laws::check_all(&clearing), Vec::new());
}

#[test]
fn a_block_forgets_no_more_than_it_may() {
    let (mut clearing, _, now) = settled();
    let count = 3 * Clearing::FORGOTTEN_MIN as u64;
    // An amount of zero is rejected at once, and stays on record like any other end.
    let many: Vec<_> = (10..10 + count).map(|n| Command::Pay(pay(n, now, 0))).collect();
    clearing.apply_block(Time(now), &many);
    let late = Time(now + 1000 * SECOND);
    let forgotten = |clearing: &mut Clearing, commands: &[Command]| clearing.apply_block(late, commands).forgotten.len();
    assert_eq!(forgotten(&mut clearing, &[]), Clearing::FORGOTTEN_MIN);
    assert_eq!(forgotten(&mut clearing, &vec![answer(Uetr([9; 16])); 10]), Clearing::FORGOTTEN_MIN + 20);
    assert_eq!(forgotten(&mut clearing, &[]), Clearing::FORGOTTEN_MIN - 20 + 1);
    assert_eq!((forgotten(&mut clearing, &[]), clearing.payments().len()), (0, 0));
}

#[test]
fn too_short_a_retention_is_refused() {
    let (mut clearing, _, now) = settled();
    let before = clearing.settings();
    let quick = |retention_s| settings(10, Some(retention_s));
    let slow = |retention_s| Settings { answer_normal_ns: 60 * SECOND, ..settings(10, Some(retention_s)) };
    for (wanted, taken) in
        [(quick(19), false), (slow(60), false), (quick(20), true), (slow(61), true), (settings(10, None), true)]
    {
        let expected = if taken { Outcome::Done } else { Outcome::Refused(Refusal::RetentionTooShort) };
        assert_eq!(outcome(&mut clearing, now, Command::Configure(wanted)), expected, "{wanted:?}");
        assert!(taken == (clearing.settings() == wanted) && (taken || clearing.settings() == before));
        outcome(&mut clearing, now, Command::Configure(before));
    }
}

/// A chain from before payments were forgotten says nothing about retention: it replays to the same roots.
#[test]
fn without_a_retention_nothing_is_forgotten_or_refused() {
    let mut clearing = Clearing::new(IndexSeed(1));
    let old_form = settings(10, None);
    let mut bytes = Vec::new();
    Command::Configure(old_form).encode(&mut bytes);
    assert_eq!((bytes[0], bytes.len()), (0, 33), "the form of old");
    assert_eq!(Command::decode(&mut bytes.as_slice()), Ok(Command::Configure(old_form)));
    let now = BEGIN * SECOND;
    let mut commands = genesis();
    commands.extend([Command::Configure(old_form), Command::Pay(pay(1, now + 3000 * SECOND, 5)), answer(pay(1, 0, 0).uetr)]);
    clearing.apply_block(Time(now), &commands);
    let year = now + 365 * 86_400 * SECOND;
    let again = outcome(&mut clearing, year, Command::Pay(pay(1, now + 3000 * SECOND, 5)));
    assert!(matches!(again, Outcome::Payment { repeated: true, .. }), "{again:?}");
    assert!(matches!(outcome(&mut clearing, year, credited(pay(1, 0, 0).uetr)), Outcome::Payment { repeated: false, .. }));
    assert_eq!(clearing.forgotten(), 0);

    // One encoding a command: "for ever" is not said in the new form.
    let mut forged = vec![10];
    forged.extend_from_slice(&bytes[1..]);
    forged.extend_from_slice(&u64::MAX.to_le_bytes());
    assert!(Command::decode(&mut forged.as_slice()).is_err());
}

#[test]
fn refusals_come_with_their_codes() {
    let (mut clearing, _, now) = settled();
    let at = now + 200 * SECOND;
    for (command, code) in [
        (Command::Pay(pay(7, at - 90 * SECOND - 1, 5)), "CLR-1023"),
        (Command::Pay(pay(8, at + 10 * SECOND + 1, 5)), "CLR-1024"),
        (Command::Configure(settings(10, Some(19))), "CLR-1025"),
    ] {
        match outcome(&mut clearing, at, command) {
            Outcome::Refused(refusal) => assert_eq!(refusal.code(), code),
            other => panic!("{code} expected, {other:?} given"),
        }
    }
}
