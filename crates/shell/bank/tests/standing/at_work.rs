//! A bank at work when orders are due, over restarts and crashes. Its centre cannot be reached: payments wait for it.

use crate::support::{Disk, Random};
use crate::town::{Clock, RENT, at, config, payment, plan, with_rent};
use bank::Teller;
use bank::books::Books;
use bank::books::rhythm::{End, Rhythm};
use bank::books::standing::{RunOutcome, StandingDecision, StandingRun, StandingState};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longer than the engine takes to look at the clock again.
const PATIENCE: Duration = Duration::from_secs(20);

fn disk_with_rent(end: End) -> Disk {
    let disk = Disk::default();
    let books = Books::open_backend(disk.clone()).unwrap();
    with_rent(&books, "r", plan("2026-12-31", Rhythm::Monthly(1), end), at("2026-12-01", 0));
    disk
}

fn teller(disk: &Disk, clock: &Arc<Clock>) -> Teller {
    Teller::start(config(clock, PathBuf::new()), Books::open_backend(disk.clone()).unwrap())
}

/// Stops the bank; the disk as the next one finds it. Work with the books may still come to its end, and this disk has no lock as
/// a file has: it ends on the old one.
async fn stopped(bank: Teller, disk: &Disk) -> Disk {
    bank.shutdown().await;
    disk.after_crash(&mut Random(7))
}

async fn runs(teller: &Teller) -> Vec<StandingRun> {
    teller.desk().standing_order("amy", "r").await.unwrap().1
}

/// Waits until so many due dates are behind the order.
async fn until_runs(teller: &Teller, count: usize) -> Vec<StandingRun> {
    let end = Instant::now() + PATIENCE;
    loop {
        let runs = runs(teller).await;
        if runs.len() >= count {
            return runs;
        }
        assert!(Instant::now() < end, "{runs:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn outcomes(runs: &[StandingRun]) -> Vec<RunOutcome> {
    runs.iter().map(|run| run.outcome).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_paid_when_its_time_comes_and_not_before() {
    let (disk, clock) = (disk_with_rent(End::Open), Clock::at(at("2026-12-31", -1)));
    let bank = teller(&disk, &clock);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(runs(&bank).await.is_empty(), "a minute before");
    clock.set(at("2026-12-31", 0));
    let ran = until_runs(&bank, 1).await;
    let (order, _) = bank.desk().standing_order("amy", "r").await.unwrap();
    assert_eq!((ran[0].outcome, ran[0].uetr.as_ref()), (RunOutcome::UnderWay, Some(&payment(&order, 0).uetr)));
    assert_eq!(order.next_date().unwrap().to_string(), "2027-01-31");
    let report = bank.desk().books_report().await.unwrap();
    assert_eq!((report.payments.len(), report.currencies["HKD"].held), (1, u128::from(RENT)));
    // The message is stored as it leaves.
    let disk = stopped(bank, &disk).await;
    let books = Books::open_backend(disk.clone()).unwrap();
    let kept = books.outgoing(&payment(&order, 0).uetr).unwrap().unwrap();
    assert!(kept.message.unwrap().contains("6217002000010001"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_months_without_the_bank_one_rent_is_paid() {
    let disk = disk_with_rent(End::Open);
    let bank = teller(&disk, &Clock::at(at("2027-03-15", 0)));
    let ran = until_runs(&bank, 3).await;
    assert_eq!(outcomes(&ran), [RunOutcome::UnderWay, RunOutcome::Missed, RunOutcome::Missed]);
    assert_eq!(ran[0].due.to_string(), "2027-02-28");
    let report = bank.desk().books_report().await.unwrap();
    assert_eq!((report.payments.len(), report.breaks), (1, Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_set_back_pays_nothing_twice() {
    let (disk, clock) = (disk_with_rent(End::Open), Clock::at(at("2026-12-31", 0)));
    let bank = teller(&disk, &clock);
    until_runs(&bank, 1).await;
    clock.set(at("2026-12-30", 0));
    let disk = stopped(bank, &disk).await;
    let bank = teller(&disk, &clock);
    tokio::time::sleep(Duration::from_millis(300)).await;
    clock.set(at("2026-12-31", 9));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let disk = stopped(bank, &disk).await;
    let bank = teller(&disk, &clock);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(outcomes(&runs(&bank).await), [RunOutcome::UnderWay]);
    assert_eq!(bank.desk().books_report().await.unwrap().payments.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_customer_decides_holds_for_the_engine() {
    let (disk, clock) = (disk_with_rent(End::Open), Clock::at(at("2026-12-30", 0)));
    let bank = teller(&disk, &clock);
    let paused = bank.desk().decide_standing("amy", "r", StandingDecision::Pause).await.unwrap();
    assert!(matches!(paused.state, StandingState::Paused(_)));
    assert!(bank.desk().standing_order("bob", "r").await.is_err(), "another one's order");
    let disk = stopped(bank, &disk).await;
    clock.set(at("2027-01-15", 0));
    let bank = teller(&disk, &clock);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(runs(&bank).await.is_empty());
    bank.desk().decide_standing("amy", "r", StandingDecision::Resume).await.unwrap();
    clock.set(at("2027-01-31", 0));
    assert_eq!(outcomes(&until_runs(&bank, 2).await), [RunOutcome::UnderWay, RunOutcome::Skipped]);
}

/// The disk goes at one write after the other while the bank is at work; the bank starts again, and each date is paid once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_date_is_paid_once_over_crashes_of_the_bank() {
    for writes in (0..48).step_by(4) {
        let (disk, clock) = (disk_with_rent(End::Open), Clock::at(at("2026-12-31", 0)));
        let books = Books::open_backend(disk.clone()).unwrap();
        disk.fail_after(writes);
        let bank = Teller::start(config(&clock, PathBuf::new()), books);
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(bank);
        disk.fail_after(0);
        let disk = disk.after_crash(&mut Random(writes * 2 + 1));
        let bank = teller(&disk, &clock);
        assert_eq!(outcomes(&until_runs(&bank, 1).await), [RunOutcome::UnderWay], "{writes}");
        let report = bank.desk().books_report().await.unwrap();
        assert_eq!((report.payments.len(), report.breaks), (1, Vec::new()), "{writes}");
        bank.shutdown().await;
    }
}
