//! Business days at the door: each step in every inbox, once; statements at the end of the day for who asked for them.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use clearing::{AskStatements, BusinessDate, Command, DayCalendar, DayCommand, Time};
use iso20022::view::{AccountStatementView, StatementDayView, StatementForm, SystemEventView, TransactionStatus};
use money::CurrencyCode;
use serde_json::Value;
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, HKD, OTHER, PEARL, World, now_ns};

async fn send(world: &World, bic: &str, body: &[u8]) -> Reply {
    world.connect(bic).await.send(&Draft::xml(world.bank(bic), body)).await
}

/// Every date is a business day, by a clock at which it is half past nine in the morning now: no step comes while a test runs.
fn calendar() -> DayCalendar {
    let minute = (now_ns() / 60_000_000_000 % 1440) as i16;
    DayCalendar {
        currency: CurrencyCode::HKD,
        effective_from: BusinessDate(0),
        utc_offset_minutes: 570 - minute,
        cut_off: 17 * 60 + 30,
        closes: 18 * 60,
        weekdays: 0x7f,
        holidays: Vec::new(),
    }
}

/// A world with business days; the one that is open.
async fn begun() -> (World, DayCalendar, BusinessDate) {
    let world = World::start().await;
    let calendar = calendar();
    world.log.run(Command::Day(DayCommand::SetCalendar(calendar.clone())));
    let today = calendar.business_date(Time(now_ns()));
    (world, calendar, today)
}

async fn items(world: &World, bic: &str, kind: &str) -> Vec<Vec<u8>> {
    let told: Value = world.connect(bic).await.get("/v1/inbox?limit=1000").await.json();
    let is_it = |item: &&Value| item["type"].as_str().unwrap().starts_with(kind);
    let items = told["items"].as_array().unwrap().iter().filter(is_it);
    items.map(|item| item["message"].as_str().unwrap().as_bytes().to_vec()).collect()
}

/// What an inbox was told of days: code, currency and date of each step.
async fn steps(world: &World, bic: &str) -> Vec<String> {
    let told = items(world, bic, "admi.004").await;
    let views = told.iter().map(|item| SystemEventView::of(&parse(item).document).unwrap());
    views.map(|view| format!("{} {} {}", view.event, view.about[0], view.about[1])).collect()
}

async fn statements(world: &World, bic: &str) -> Vec<AccountStatementView> {
    let told = items(world, bic, "camt.053").await;
    told.iter().map(|item| AccountStatementView::of(&parse(item).document).unwrap()).collect()
}

/// A payment of 100.00 from the Harbour to the Pearl, settled.
async fn pay(world: &World) -> [u8; 16] {
    let payment = transfer(HARBOUR, PEARL);
    assert_eq!(send(world, HARBOUR, &pacs008(&payment)).await.status, 202);
    assert_eq!(send(world, PEARL, &pacs002(PEARL, payment.uetr, TransactionStatus::InProcess, None)).await.status, 200);
    payment.uetr
}

#[tokio::test]
async fn each_step_is_told_once_in_every_inbox_of_the_currency() {
    let (world, calendar, today) = begun().await;
    let next = BusinessDate(today.0 + 1);
    world.log.tick_at(calendar.cut_off(today).unwrap().0);
    world.log.tick_at(calendar.closes(today).unwrap().0);
    world.log.tick_at(calendar.closes(today).unwrap().0 + 1);
    let expected =
        [("DOPN", today), ("CUTO", today), ("DCLS", today), ("DOPN", next)].map(|(code, date)| format!("{code} HKD {date}"));
    for bic in [HARBOUR, PEARL] {
        assert_eq!(steps(&world, bic).await, expected, "{bic}");
    }
    let cut_off = &items(&world, HARBOUR, "admi.004").await[1];
    assert_eq!(*cut_off, items(&world, HARBOUR, "admi.004").await[1], "the same whenever it is read");
    let view = SystemEventView::of(&parse(cut_off).document).unwrap();
    assert_eq!(view.at, calendar.cut_off(today).map(|time| time.0));
    assert_eq!(view.text, format!("Business day {today} of HKD is cut off"));
    // Who comes back after all of it asks.
    let told: Value = world.connect(HARBOUR).await.get("/v1/business-days").await.json();
    let day = &told["days"][0];
    assert_eq!(
        (&day["currency"], &day["state"], day["date"].as_str().unwrap()),
        (&"HKD".into(), &"open".into(), &*next.to_string())
    );
    assert_eq!((&day["calendars"][0]["cut_off"], &day["calendars"][0]["closes"]), (&"17:30".into(), &"18:00".into()));
    world.log.check_laws();
}

#[tokio::test]
async fn who_asked_has_a_statement_of_each_day_and_they_join() {
    let (world, calendar, today) = begun().await;
    let ask = camt060_daily(HARBOUR, StatementForm::Statement, &today.to_string(), None);
    assert_eq!(send(&world, HARBOUR, &ask).await.status, 202);
    let uetr = pay(&world).await;
    world.log.tick_at(calendar.closes(today).unwrap().0);
    let at_close = world.log.balance(HARBOUR, HKD);
    let [first] = &statements(&world, HARBOUR).await[..] else { panic!("one statement") };
    assert_eq!(first.day, Some(StatementDayView { date: today.to_string(), sequence: 1 }));
    assert_eq!((first.form, first.is_last, first.statement.check()), (StatementForm::Statement, true, Ok(())));
    assert_eq!((first.statement.opening, first.statement.closing), (0, at_close));
    assert_eq!(first.statement.lines.last().map(|line| line.reference), Some(uetr));
    assert!(statements(&world, PEARL).await.is_empty(), "nobody who did not ask");
    // The next day has nothing in it, and opens where this one closed.
    world.log.tick_at(calendar.closes(BusinessDate(today.0 + 1)).unwrap().0);
    let both = statements(&world, HARBOUR).await;
    let second = &both[1];
    assert_eq!((both[0].statement.proof(), second.statement.lines.len()), (first.statement.proof(), 0));
    assert_eq!((second.statement.after, second.statement.opening), (first.statement.to, at_close));
    assert_eq!(second.day, Some(StatementDayView { date: BusinessDate(today.0 + 1).to_string(), sequence: 2 }));
    // The same span asked for is the same statement.
    let (after, to) = (first.statement.after, first.statement.to);
    let asked = world.connect(HARBOUR).await.get(&format!("/v1/statement?currency=HKD&after={after}&to={to}&limit=500")).await;
    let asked = AccountStatementView::of(&parse(&asked.body).document).unwrap();
    assert_eq!(asked.statement.proof(), first.statement.proof());
    world.log.check_laws();
}

#[tokio::test]
async fn officers_order_them_as_well_and_a_bank_stops_its_own() {
    let (world, calendar, today) = begun().await;
    let ordered = AskStatements {
        participant: world.log.participant(PEARL),
        currency: CurrencyCode::HKD,
        from: today,
        until: None,
        is_ordered: true,
    };
    world.log.run(Command::Day(DayCommand::AskStatements(ordered)));
    world.log.tick_at(calendar.closes(today).unwrap().0);
    assert_eq!(statements(&world, PEARL).await.len(), 1);
    let date = today.to_string();
    assert_eq!(send(&world, PEARL, &camt060_daily(PEARL, StatementForm::Statement, &date, Some(&date))).await.status, 202);
    world.log.tick_at(calendar.closes(BusinessDate(today.0 + 1)).unwrap().0);
    assert_eq!(statements(&world, PEARL).await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused() {
    let world = World::start().await;
    let ask = |form, from: &str, until| camt060_daily(HARBOUR, form, from, until);
    let reply = send(&world, HARBOUR, &ask(StatementForm::Statement, "2026-03-02", None)).await;
    assert_eq!((reply.status, rejection_of(&reply.body).reason.as_str()), (409, "CLR-1222"), "no days yet");
    world.log.run(Command::Day(DayCommand::SetCalendar(calendar())));
    let reply = send(&world, HARBOUR, &ask(StatementForm::Statement, "2026-03-02", Some("2026-03-01"))).await;
    assert_eq!((reply.status, rejection_of(&reply.body).reason.as_str()), (422, "CLR-1223"));
    // A day's statement has one form, and is of the sender's own account.
    assert_eq!(send(&world, HARBOUR, &ask(StatementForm::Report, "2026-03-02", None)).await.code(), "GW-1014");
    assert_eq!(send(&world, OTHER, &ask(StatementForm::Statement, "2026-03-02", None)).await.status, 403);
}
