//! Each due date once, whatever breaks.

use crate::support::{Disk, Random};
use crate::town::{OPENING, RENT, at, pay, payment, plan, rent, seed, with_rent};
use bank::books::rhythm::{End, Plan, Rhythm};
use bank::books::standing::{
    CancelReason, DRAFTS_MAX, Execution, OVER_KEPT, PauseReason, RunFault, RunOutcome, STANDING_ORDERS_MAX, StandingDecision,
    StandingOrder, StandingState,
};
use bank::books::state::OutgoingEvent;
use bank::books::{Books, BooksError, BooksRefusal, OutgoingUpdate, Seed};
use proptest::prelude::*;

fn monthly(end: End) -> Plan {
    plan("2026-12-31", Rhythm::Monthly(1), end)
}

fn started(end: End) -> Books {
    let books = Books::open_backend(Disk::default()).unwrap();
    with_rent(&books, "r", monthly(end), at("2026-12-01", 0));
    books
}

fn order(books: &Books) -> StandingOrder {
    books.standing_order("r").unwrap().unwrap()
}

/// Runs a due date at its time.
fn run(books: &Books, number: u32) -> RunOutcome {
    let order = order(books);
    let due = order.plan.date(number).unwrap().to_string();
    books.run_standing("r", number, &pay(&order, number), at(&due, 1)).unwrap().unwrap().outcome
}

fn end(books: &Books, number: u32, event: OutgoingEvent, reason: Option<&str>) {
    let uetr = payment(&order(books), number).uetr;
    let update = OutgoingUpdate { reason: reason.map(str::to_owned), ..OutgoingUpdate::plain(event, 9) };
    books.update_outgoing(&uetr, &update).unwrap();
}

fn outcomes(books: &Books) -> Vec<RunOutcome> {
    let mut runs = books.standing_runs("r", 1_000).unwrap();
    runs.reverse();
    assert_eq!(books.report().unwrap().breaks, Vec::<String>::new());
    runs.into_iter().map(|run| run.outcome).collect()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, BooksError>) -> BooksRefusal {
    match result {
        Err(BooksError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// A crash at the first write, at the second, and so on, until none is left to crash at.
#[test]
fn a_due_date_is_paid_once_over_a_crash_at_any_write() {
    let mut before = 0;
    for writes in 0.. {
        let (disk, mut random) = (Disk::default(), Random(writes * 2 + 1));
        let books = Books::open_backend(disk.clone()).unwrap();
        with_rent(&books, "r", monthly(End::Times(2)), at("2026-12-01", 0));
        let order = order(&books);
        let now = at("2026-12-31", 0);
        disk.fail_after(writes);
        let done = books.run_standing("r", 0, &pay(&order, 0), now).is_ok();
        disk.fail_after(0);
        drop(books);
        let books = Books::open_backend(disk.after_crash(&mut random)).unwrap();
        let there = outcomes(&books);
        assert!(!done || there == [RunOutcome::UnderWay], "{writes}: what was said to be done is there");
        let report = books.report().unwrap();
        assert_eq!(report.payments.len(), there.len(), "{writes}: run and payment are there together");
        assert_eq!(report.currencies["HKD"].held, u128::from(RENT) * there.len() as u128);
        // After the start it is looked at again.
        let again = books.run_standing("r", 0, &pay(&order, 0), now + 60_000).unwrap();
        assert_eq!(again.is_some(), there.is_empty(), "{writes}");
        assert_eq!(outcomes(&books), [RunOutcome::UnderWay]);
        assert_eq!(books.outgoing_open().unwrap(), [payment(&order, 0).uetr]);
        before += usize::from(there.is_empty());
        if done {
            break;
        }
    }
    assert!(before > 1, "crashes happened before the commit");
}

#[test]
fn of_what_was_missed_the_latest_is_paid() {
    let books = started(End::Open);
    let order = order(&books);
    let now = at("2027-03-01", 30);
    assert_eq!(order.plan.latest_due(order.next, now), Some(2));
    assert!(books.run_standing("r", 2, &pay(&order, 2), at("2027-02-28", -1)).unwrap().is_none(), "not due yet");
    books.run_standing("r", 2, &pay(&order, 2), now).unwrap().unwrap();
    assert_eq!(outcomes(&books), [RunOutcome::Missed, RunOutcome::Missed, RunOutcome::UnderWay]);
    // Neither an earlier date nor the same one can be paid any more.
    for number in 0..3 {
        assert!(books.run_standing("r", number, &pay(&order, number), now).unwrap().is_none());
    }
    assert_eq!(books.next_standing_due().unwrap(), Some(at("2027-03-31", 0)));
}

#[test]
fn three_failures_in_a_row_pause_it() {
    let books = started(End::Open);
    // Three rents of 300.00 are on the account, and no fourth.
    for number in 0..3 {
        assert_eq!(run(&books, number), RunOutcome::UnderWay);
        end(&books, number, OutgoingEvent::CentreSettled, None);
    }
    for number in 3..6 {
        assert_eq!(order(&books).state, StandingState::Active);
        assert_eq!(run(&books, number), RunOutcome::Failed(RunFault::NotEnough));
    }
    let paused = order(&books);
    assert_eq!((paused.state, paused.failures), (StandingState::Paused(PauseReason::Failures), 3));
    assert_eq!(books.next_standing_due().unwrap(), None);
    // Resumed after two more dates: they are skipped.
    let resumed = books.decide_standing("r", StandingDecision::Resume, at("2027-08-15", 0)).unwrap();
    assert_eq!((resumed.state, resumed.failures), (StandingState::Active, 0));
    assert_eq!(resumed.next_date().unwrap().to_string(), "2027-08-31");
    assert_eq!(&outcomes(&books)[6..], [RunOutcome::Skipped, RunOutcome::Skipped]);
    assert_eq!(books.report().unwrap().currencies["HKD"].customers, i128::from(OPENING - 3 * RENT));
}

#[test]
fn a_refusal_of_the_centre_is_kept_with_its_reason() {
    let books = started(End::Open);
    run(&books, 0);
    end(&books, 0, OutgoingEvent::CentreRejected, Some("AC04"));
    let run_of_december = books.standing_runs("r", 1).unwrap().remove(0);
    assert_eq!((run_of_december.outcome, run_of_december.reason.as_deref()), (RunOutcome::Refused, Some("AC04")));
    assert_eq!(order(&books).failures, 1);
    // What the customer took back while it waited is no failure; what settles ends a row of them.
    run(&books, 1);
    end(&books, 1, OutgoingEvent::CentreRejected, Some("CUST"));
    assert_eq!(order(&books).failures, 1);
    run(&books, 2);
    end(&books, 2, OutgoingEvent::CentreSettled, None);
    assert_eq!(order(&books).failures, 0);
    // Told again, nothing changes.
    end(&books, 2, OutgoingEvent::CentreSettled, None);
    for number in 3..6 {
        run(&books, number);
        end(&books, number, OutgoingEvent::CentreRejected, Some("AC04"));
    }
    assert_eq!(order(&books).state, StandingState::Paused(PauseReason::Failures));
    assert_eq!(outcomes(&books).len(), 6);
}

#[test]
fn it_ends_by_count_by_date_and_by_hand() {
    let books = started(End::Times(2));
    run(&books, 0);
    assert_eq!(order(&books).state, StandingState::Active);
    run(&books, 1);
    assert_eq!(order(&books).state, StandingState::Ended);
    end(&books, 1, OutgoingEvent::CentreRejected, Some("AC04"));
    assert_eq!((order(&books).state, books.next_standing_due().unwrap()), (StandingState::Ended, None));
    for decision in StandingDecision::ALL.map(|(decision, _)| decision) {
        let after = books.decide_standing("r", decision, at("2027-02-01", 0)).unwrap();
        assert_eq!(after.state, StandingState::Ended, "{decision:?}");
    }

    let books = started(End::Until("2027-01-31".parse().unwrap()));
    let paused = books.decide_standing("r", StandingDecision::Pause, at("2027-01-01", 0)).unwrap();
    assert_eq!(paused.state, StandingState::Paused(PauseReason::Customer));
    assert!(books.run_standing("r", 0, &pay(&paused, 0), at("2027-01-01", 0)).unwrap().is_none(), "paused");
    let resumed = books.decide_standing("r", StandingDecision::Resume, at("2027-02-01", 0)).unwrap();
    assert_eq!(resumed.state, StandingState::Ended);
    assert_eq!(outcomes(&books), [RunOutcome::Skipped, RunOutcome::Skipped]);

    let books = started(End::Open);
    let cancelled = books.decide_standing("r", StandingDecision::Cancel, at("2026-12-30", 0)).unwrap();
    assert_eq!(cancelled.state, StandingState::Cancelled(CancelReason::Customer));
    assert!(books.run_standing("r", 0, &pay(&cancelled, 0), at("2026-12-31", 0)).unwrap().is_none());
    assert_eq!(outcomes(&books), []);
}

#[test]
fn what_cannot_go_on_without_the_customer_stops_at_once() {
    let books = started(End::Open);
    let fail = |number: u32, fault| {
        let due = order(&books).plan.date(number).unwrap().to_string();
        books.run_standing("r", number, &Execution::Fail(fault), at(&due, 0)).unwrap().unwrap();
        order(&books).state
    };
    assert_eq!(fail(0, RunFault::PayeeChanged), StandingState::Paused(PauseReason::PayeeChanged));
    let same = books.decide_standing("r", StandingDecision::Resume, at("2027-01-01", 0)).unwrap();
    assert_eq!(same.state, StandingState::Paused(PauseReason::PayeeChanged), "only cancelled");

    let books = Books::open_backend(Disk::default()).unwrap();
    let Seed { customers, accounts } = seed();
    let closed = accounts.into_iter().map(|(number, owner, balances, _)| (number, owner, balances, false)).collect();
    books.seed(&Seed { customers, accounts: closed }, 1).unwrap();
    books.draft_standing(&rent("r", monthly(End::Open), 1)).unwrap();
    books.confirm_standing("r", 1).unwrap();
    assert_eq!(run(&books, 0), RunOutcome::Failed(RunFault::AccountClosed));
    assert_eq!(order(&books).state, StandingState::Cancelled(CancelReason::AccountClosed));
}

#[test]
fn limits_have_an_answer() {
    let books = Books::open_backend(Disk::default()).unwrap();
    books.seed(&seed(), 1).unwrap();
    let (now, once) = (at("2026-12-01", 0), plan("2026-12-31", Rhythm::Once, End::Open));
    let confirm = |id: &str| {
        books.draft_standing(&rent(id, once, now)).unwrap();
        books.confirm_standing(id, now)
    };
    for number in 0..STANDING_ORDERS_MAX {
        assert!(confirm(&format!("{number:03}")).unwrap().1);
    }
    assert_eq!(refusal(confirm("one more")), BooksRefusal::StandingOrdersFull);
    assert!(!books.confirm_standing("000", now).unwrap().1, "confirmed twice is confirmed once");
    books.decide_standing("000", StandingDecision::Cancel, now).unwrap();
    assert!(books.confirm_standing("one more", now).unwrap().1);
    // Drafts make room for drafts, and what is over for what is over.
    for number in 0..DRAFTS_MAX + 5 {
        books.draft_standing(&rent(&format!("draft {number}"), once, now + number as u64)).unwrap();
    }
    let drafts = |state| books.standing_orders_of("amy").unwrap().iter().filter(|order| order.state == state).count();
    assert_eq!(drafts(StandingState::Draft), DRAFTS_MAX);
    assert!(books.standing_order("draft 0").unwrap().is_none() && books.standing_order("draft 14").unwrap().is_some());
    books.decide_standing("one more", StandingDecision::Cancel, now).unwrap();
    for number in 0..OVER_KEPT + 5 {
        let id = format!("over {number}");
        confirm(&id).unwrap();
        books.decide_standing(&id, StandingDecision::Cancel, now + number as u64).unwrap();
    }
    assert_eq!(drafts(StandingState::Cancelled(CancelReason::Customer)), OVER_KEPT);
    // Bounded work: a round takes so many and goes on behind them.
    let due = |after: (u64, &str), limit| books.standing_due(after, at("2026-12-31", 0), limit).unwrap();
    let first = due((0, ""), 20);
    let next = due((first[19].0, &first[19].1.id), 100);
    assert_eq!((first.len(), next.len()), (20, 29));
    assert!(first.iter().all(|(_, order)| next.iter().all(|(_, other)| other.id != order.id)));
    assert!(due((u64::MAX, ""), 20).is_empty(), "a clock that was set back");
    assert_eq!(books.report().unwrap().breaks, Vec::<String>::new());
}

#[test]
fn whose_and_when() {
    let books = Books::open_backend(Disk::default()).unwrap();
    books.seed(&seed(), 1).unwrap();
    let foreign = StandingOrder { account: "1002".to_owned(), ..rent("r", monthly(End::Open), 1) };
    assert_eq!(refusal(books.draft_standing(&foreign)), BooksRefusal::NoSuchAccount);
    books.draft_standing(&rent("r", monthly(End::Open), 1)).unwrap();
    assert_eq!(refusal(books.confirm_standing("r", at("2026-12-31", 0))), BooksRefusal::FirstDatePast);
    assert_eq!(refusal(books.confirm_standing("s", 1)), BooksRefusal::NoSuchStandingOrder);
    assert_eq!(books.next_standing_due().unwrap(), None, "a draft is never due");
}

/// The report finds a payment that no run made.
#[test]
fn a_payment_beside_the_runs_is_found() {
    let books = started(End::Open);
    let order = order(&books);
    let stray = payment(&order, 0);
    books.run_standing("r", 1, &pay(&order, 1), at("2027-01-31", 0)).unwrap().unwrap();
    assert_eq!(outcomes(&books), [RunOutcome::Missed, RunOutcome::UnderWay]);
    books.save_draft(&stray).unwrap();
    books.reserve(&stray.uetr, "bytes", 5).unwrap();
    let breaks = books.report().unwrap().breaks;
    assert_eq!(breaks.len(), 1, "{breaks:?}");
    assert!(breaks[0].starts_with("BNK-06: 2026-12-31 of standing order r is Missed"), "{breaks:?}");
}

/// A customer's year: due dates, ends, decisions and crashes in any order.
struct Year {
    random: Random,
    disk: Disk,
    books: Books,
    day: u64,
    crashes: u32,
}

impl Year {
    fn new(seed: u64) -> Self {
        let disk = Disk::default();
        let books = Books::open_backend(disk.clone()).unwrap();
        with_rent(&books, "r", plan("2026-12-02", Rhythm::Daily, End::Open), at("2026-12-01", 0));
        Self { random: Random(seed | 1), disk, books, day: 0, crashes: 0 }
    }

    fn now(&self) -> u64 {
        at("2026-12-01", 5) + self.day * 86_400_000
    }

    fn try_with<T>(&mut self, act: impl FnOnce(&Books) -> Result<T, BooksError>) -> Option<T> {
        match act(&self.books) {
            Ok(done) => Some(done),
            Err(BooksError::Refused(refusal)) => panic!("{refusal}"),
            Err(_) => {
                self.disk.fail_after(0);
                self.disk = self.disk.after_crash(&mut self.random);
                self.books = Books::open_backend(self.disk.clone()).unwrap();
                self.crashes += 1;
                None
            }
        }
    }

    fn step(&mut self) {
        if self.random.one_in(4) {
            self.disk.fail_after(self.random.below(40));
        }
        let now = self.now();
        match self.random.below(6) {
            0 => self.day += self.random.below(4),
            1 | 2 => {
                let due = self.try_with(|books| books.standing_due((0, ""), now, 9)).unwrap_or_default();
                for (_, order) in due {
                    let number = order.plan.latest_due(order.next, now).unwrap();
                    self.try_with(|books| books.run_standing(&order.id, number, &pay(&order, number), now));
                }
            }
            3 => self.end_one(),
            4 => {
                let decision = StandingDecision::ALL[self.random.below(2) as usize].0;
                self.try_with(|books| books.decide_standing("r", decision, now));
            }
            5.. => {
                self.try_with(|books| books.decide_standing("r", StandingDecision::Resume, now));
            }
        }
    }

    fn end_one(&mut self) {
        let open = self.try_with(Books::outgoing_open).unwrap_or_default();
        let Some(uetr) = open.first() else { return };
        let event = if self.random.one_in(3) { OutgoingEvent::CentreRejected } else { OutgoingEvent::CentreSettled };
        self.try_with(|books| books.update_outgoing(uetr, &OutgoingUpdate::plain(event, 9)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_over_a_year_of_crashes(seed in any::<u64>()) {
        let mut year = Year::new(seed);
        for _ in 0..150 {
            year.step();
        }
        year.disk.fail_after(u64::MAX);
        let report = year.books.report().unwrap();
        prop_assert_eq!(&report.breaks, &Vec::<String>::new());
        let runs = year.books.standing_runs("r", 1_000).unwrap();
        let paid = runs.iter().filter(|run| run.uetr.is_some()).count();
        prop_assert_eq!(report.payments.len(), paid, "a payment of each date that was paid, and no other");
        let settled = runs.iter().filter(|run| run.outcome == RunOutcome::Settled).count() as i128;
        prop_assert_eq!(report.currencies["HKD"].customers, i128::from(OPENING) - settled * i128::from(RENT));
        prop_assert!(year.crashes > 0, "crashes happened");
    }
}
