//! What tables cannot say of pre-authorisations: any order of steps, snapshots with them, and what a broken law looks like.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    AccountPurpose, AskPreauth, Bic, Capture, Clearing, Command, ContentHash, Event, EventKind, Fund, FundDirection, IndexSeed,
    IsoReason, MatterStep, MatterView, MessageIdHash, Outcome, ParticipantId, Pay, Position, PreauthState, PreauthStep, Priority,
    Refusal, RegisterParticipant, RiskDecision, Terms, Time, Uetr, laws,
};
use money::{Currency, CurrencyCode, MinorUnits};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;
const DEBTOR: ParticipantId = ParticipantId(0);
const CREDITOR: ParticipantId = ParticipantId(1);
const FUND: u64 = 1_000;

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
    let fund = Command::Fund(Fund {
        participant: DEBTOR,
        currency: CurrencyCode::HKD,
        purpose: AccountPurpose::Settlement,
        direction: FundDirection::In,
        amount: MinorUnits(FUND),
        reference: [1; 16],
    });
    clearing.apply_block(Time(1), &[ledger, register("HARBHKHHXXX"), register("PENGCNBSXXX"), fund]);
    clearing
}

fn step(step: PreauthStep) -> Command {
    Command::Matter(MatterStep::Preauth(step))
}

fn ask(n: u32, minor: u64, expires_at: Time) -> Command {
    step(PreauthStep::Ask(AskPreauth {
        preauth: uetr(n),
        content: ContentHash([n as u8; 32]),
        creditor_agent: CREDITOR,
        debtor_agent: DEBTOR,
        amount: MinorUnits(minor),
        currency: CurrencyCode::HKD,
        expires_at,
    }))
}

fn reserve(n: u32, with: u32, minor: u64, now: Time) -> Command {
    let pay = Pay {
        uetr: uetr(with),
        content: ContentHash(uetr(with).0.repeat(2).try_into().unwrap()),
        message_id: MessageIdHash(uetr(with).0),
        debtor_agent: DEBTOR,
        creditor_agent: CREDITOR,
        debit: MinorUnits(minor),
        debit_currency: CurrencyCode::HKD,
        quote: None,
        priority: Priority::Normal,
        accepted_at: now,
        risk: RiskDecision::PASS,
        terms: Terms::default(),
    };
    step(PreauthStep::Reserve { preauth: uetr(n), pay: Box::new(pay) })
}

fn capture(id: u32, of: u32, minor: u64, is_last: bool, now: Time) -> Command {
    step(PreauthStep::Capture(Capture {
        capture: uetr(id),
        preauth: uetr(of),
        content: ContentHash(uetr(id).0.repeat(2).try_into().unwrap()),
        message_id: MessageIdHash(uetr(id).0),
        creditor_agent: CREDITOR,
        debtor_agent: DEBTOR,
        amount: MinorUnits(minor),
        currency: CurrencyCode::HKD,
        is_last,
        created_at: now,
    }))
}

fn release(n: u32) -> Command {
    step(PreauthStep::Release { preauth: uetr(n), creditor_agent: CREDITOR })
}

fn refuse(n: u32) -> Command {
    step(PreauthStep::Refuse { preauth: uetr(n), debtor_agent: DEBTOR, reason: IsoReason(*b"AC04") })
}

/// Posted and held of the debtor agent, posted of the creditor agent.
fn balances(clearing: &Clearing) -> [i128; 3] {
    let of = |who| clearing.accounts().find(|account| account.participant == Some(who)).unwrap();
    [of(DEBTOR).posted, of(DEBTOR).held_debit.into(), of(CREDITOR).posted]
}

fn snapshot(clearing: &Clearing) -> Vec<u8> {
    let mut bytes = Vec::new();
    clearing.encode_snapshot(&mut bytes);
    bytes
}

/// One pre-authorisation as three numbers and a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plain {
    Nothing,
    /// Reserved by `by` or not at all.
    Asked {
        amount: u64,
        until: u64,
        by: u64,
    },
    Reserved {
        amount: u64,
        captured: u64,
        count: u16,
        until: u64,
    },
    Over,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Ask(u8, u64, u64),
    Reserve(u8, u64),
    Capture(u8, u64, bool),
    Release(u8),
    Refuse(u8),
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let which = || 0u8..3;
    prop_oneof![
        3 => (which(), 0u64..700, 0u64..9_000).prop_map(|(at, amount, life)| Act::Ask(at, amount, life)),
        4 => (which(), prop_oneof![4 => Just(0u64), 1 => 1u64..700]).prop_map(|(at, other)| Act::Reserve(at, other)),
        6 => (which(), 0u64..300, prop::bool::weighted(0.2)).prop_map(|(at, amount, last)| Act::Capture(at, amount, last)),
        1 => which().prop_map(Act::Release),
        1 => which().prop_map(Act::Refuse),
        1 => (0u64..4_000).prop_map(Act::Wait),
    ]
}

/// The rules again, as plain sums.
struct Model {
    free: u64,
    paid: u64,
    all: [Plain; 3],
}

impl Model {
    fn held(&self) -> u64 {
        let of = |it: &Plain| if let Plain::Reserved { amount, captured, .. } = it { amount - captured } else { 0 };
        self.all.iter().map(of).sum()
    }

    fn over(&mut self, at: usize) {
        if let Plain::Reserved { amount, captured, .. } = self.all[at] {
            self.free += amount - captured;
        }
        self.all[at] = Plain::Over;
    }

    fn expire(&mut self, now: u64) {
        for at in 0..3 {
            let (Plain::Asked { by: end, .. } | Plain::Reserved { until: end, .. }) = self.all[at] else { continue };
            if end <= now {
                self.over(at);
            }
        }
    }

    /// Whether it should be done.
    fn act(&mut self, act: Act, now: u64) -> bool {
        match act {
            Act::Wait(_) => true,
            Act::Ask(at, amount, life) => {
                let done = self.all[usize::from(at)] == Plain::Nothing && amount > 0 && life > 0;
                if done {
                    self.all[usize::from(at)] = Plain::Asked { amount, until: now + life, by: now + life.min(3_600) };
                }
                done
            }
            Act::Reserve(at, other) => match self.all[usize::from(at)] {
                Plain::Asked { amount, until, .. } if other == 0 && amount <= self.free => {
                    self.free -= amount;
                    self.all[usize::from(at)] = Plain::Reserved { amount, captured: 0, count: 0, until };
                    true
                }
                _ => false,
            },
            Act::Capture(at, taken, last) => match self.all[usize::from(at)] {
                Plain::Reserved { amount, captured, count, until } if taken > 0 && taken <= amount - captured => {
                    self.paid += taken;
                    let (captured, count) = (captured + taken, count + 1);
                    self.all[usize::from(at)] = Plain::Reserved { amount, captured, count, until };
                    if last || captured == amount || count == 16 {
                        self.over(usize::from(at));
                    }
                    true
                }
                _ => false,
            },
            Act::Release(at) => match self.all[usize::from(at)] {
                Plain::Asked { .. } | Plain::Reserved { .. } => {
                    self.over(usize::from(at));
                    true
                }
                // What was released before is told so again; what ended otherwise is not.
                Plain::Nothing | Plain::Over => false,
            },
            Act::Refuse(at) => match self.all[usize::from(at)] {
                Plain::Asked { .. } => {
                    self.over(usize::from(at));
                    true
                }
                Plain::Nothing | Plain::Reserved { .. } | Plain::Over => false,
            },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Any steps in any order: money, holds and outcomes are those of plain sums, a snapshot in the middle changes nothing, and
    /// every step sent twice is done once.
    #[test]
    fn it_agrees_with_plain_sums(acts in prop::collection::vec(act(), 1..60), cut in 0usize..60) {
        let (mut clearing, mut model, mut now) = (scheme(), Model { free: FUND, paid: 0, all: [Plain::Nothing; 3] }, 10u64);
        let (mut told, mut asked) = (Vec::new(), [0u64; 3]);
        for (nth, act) in acts.into_iter().enumerate() {
            if let Act::Wait(seconds) = act {
                now += seconds;
            }
            let (time, id) = (Time(now * SECOND), 1_000 + nth as u32);
            let command = match act {
                Act::Wait(_) => None,
                Act::Ask(at, amount, life) => {
                    if model.all[usize::from(at)] == Plain::Nothing {
                        asked[usize::from(at)] = amount;
                    }
                    Some(ask(at.into(), amount, Time((now + life) * SECOND)))
                }
                Act::Reserve(at, other) => {
                    let amount = if other == 0 { asked[usize::from(at)] } else { asked[usize::from(at)] + other };
                    Some(reserve(at.into(), id, amount, time))
                }
                Act::Capture(at, amount, last) => Some(capture(id, at.into(), amount, last, time)),
                Act::Release(at) => Some(release(at.into())),
                Act::Refuse(at) => Some(refuse(at.into())),
            };
            model.expire(now);
            let expected = model.act(act, now);
            let twice: Vec<Command> = command.iter().chain(&command).cloned().collect();
            let applied = clearing.apply_block(time, &twice);
            if let Some(first) = applied.outcomes.first() {
                let done = match first {
                    Outcome::Matter { repeated, .. } => !repeated,
                    Outcome::Payment { payment, .. } => payment.rejection.is_none(),
                    _ => false,
                };
                prop_assert_eq!(done, expected, "{:?}: {:?} with {:?}", act, first, model.all);
                let again = match &applied.outcomes[1] {
                    Outcome::Matter { repeated, .. } | Outcome::Payment { repeated, .. } => *repeated,
                    _ => first == &applied.outcomes[1],
                };
                prop_assert!(again, "{:?} twice: {:?}", act, applied.outcomes);
            }
            told.extend(applied.events);
            prop_assert_eq!(balances(&clearing), [(FUND - model.paid).into(), model.held().into(), model.paid.into()]);
            prop_assert_eq!(laws::check_all(&clearing), vec![]);
            prop_assert_eq!(laws::pre_01_told(&told), Ok(()));
            if nth == cut {
                let bytes = snapshot(&clearing);
                clearing = Clearing::decode_snapshot(&bytes, IndexSeed(7)).unwrap();
                prop_assert_eq!(snapshot(&clearing), bytes);
            }
        }
    }
}

#[test]
fn a_snapshot_has_them() {
    let mut clearing = scheme();
    let until = Time(9_000 * SECOND);
    clearing.apply_block(Time(SECOND), &[ask(1, 500, until), ask(2, 100, until), reserve(1, 100, 500, Time(SECOND))]);
    clearing.apply_block(Time(SECOND), &[capture(200, 1, 120, false, Time(SECOND))]);
    let mut back = Clearing::decode_snapshot(&snapshot(&clearing), IndexSeed(2)).unwrap();
    assert_eq!(back.matters().collect::<Vec<_>>(), clearing.matters().collect::<Vec<_>>());
    assert_eq!(laws::check_all(&back), []);
    assert_eq!(back.payment(uetr(200)).unwrap().captured_from, Some(uetr(1)));
    let now = Time(2 * SECOND);
    let more = [
        capture(201, 1, 381, false, now),
        capture(202, 1, 380, false, now),
        reserve(2, 101, 100, now),
        reserve(1, 100, 500, Time(SECOND)),
        capture(200, 1, 120, false, Time(SECOND)),
    ];
    let (here, there) = (clearing.apply_block(now, &more), back.apply_block(now, &more));
    assert_eq!(here.outcomes, there.outcomes);
    assert_eq!(here.state_root, there.state_root);
    assert_eq!(here.outcomes[0], Outcome::Refused(Refusal::MoreThanReserved));
    assert!(matches!(here.outcomes[1], Outcome::Payment { repeated: false, .. }));
    assert!(matches!(here.outcomes[3], Outcome::Matter { repeated: true, .. }));
    assert!(matches!(here.outcomes[4], Outcome::Payment { repeated: true, .. }));
}

/// A capture is forgotten like any payment, and a row of it reads back; its pre-authorisation eight days behind its end.
#[test]
fn what_is_over_is_forgotten() {
    let mut clearing = scheme();
    let settings = clearing::Settings { payment_retention_ns: 700 * SECOND, ..clearing.settings() };
    let until = Time(9_000 * SECOND);
    clearing.apply_block(Time(SECOND), &[Command::Configure(settings), ask(1, 500, until), reserve(1, 100, 500, Time(SECOND))]);
    clearing.apply_block(Time(SECOND), &[capture(200, 1, 120, true, Time(SECOND))]);
    let applied = clearing.apply_block(Time(2_000 * SECOND), &[]);
    let [forgotten] = applied.forgotten.as_slice() else { panic!("{applied:?}") };
    assert_eq!(forgotten.captured_from, Some(uetr(1)));
    let mut row = Vec::new();
    forgotten.encode_kept(&mut row).unwrap();
    assert_eq!(clearing::PaymentView::decode_kept(forgotten.index, &row), Ok(*forgotten));
    assert_eq!(laws::check_all(&clearing), []);
    let late = Time(SECOND).after(Clearing::MATTER_KEPT_NS);
    assert_eq!(clearing.apply_block(late, &[]).forgotten_matters, [uetr(1)]);
    assert_eq!(clearing.reserved_with(uetr(100)), None);
    assert_eq!(laws::check_all(&clearing), []);
}

/// The checker over events knows nothing of the centre's own sums: a capture too many shows, and one of what was let go.
#[test]
fn a_capture_too_many_breaks_the_law() {
    let mut clearing = scheme();
    let (now, until) = (Time(SECOND), Time(9_000 * SECOND));
    let commands = [ask(1, 500, until), reserve(1, 100, 500, now), capture(200, 1, 300, false, now), release(1)];
    let told = clearing.apply_block(now, &commands).events;
    assert_eq!(laws::pre_01_told(&told), Ok(()));
    let captured = told.iter().find(|event| matches!(event.kind, EventKind::PaymentSettled(_))).unwrap();
    let forged = Event { position: Position(1_000), kind: captured.kind.clone() };
    let at = told.iter().position(|event| event == captured).unwrap();
    let mut twice = told.clone();
    twice.insert(at, forged.clone());
    assert_eq!(laws::pre_01_told(&twice).unwrap_err().law, "PRE-01");
    let late: Vec<Event> = told.iter().cloned().chain([forged]).collect();
    assert_eq!(laws::pre_01_told(&late).unwrap_err().law, "PRE-01");
    let EventKind::Matter(MatterView::Preauth(last)) = &told.last().unwrap().kind else { panic!("{told:?}") };
    assert_eq!((last.state, last.captured, last.held()), (PreauthState::Released, MinorUnits(300), MinorUnits::ZERO));
}
