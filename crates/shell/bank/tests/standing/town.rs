//! A bank with one customer, a clock that is set by hand, and no way to the centre.

use bank::books::records::{Customer, NameCheck, Outgoing, Payee};
use bank::books::rhythm::{End, Plan, Rhythm, execution_ms, read_date};
use bank::books::standing::{Execution, StandingOrder, StandingState, run_uetr};
use bank::books::{Books, Seed};
use bank::{Accent, BankConfig, CURRENCIES, Fault, NameForms, PasswordHash, Script};
use banklink::{Connecting, Connector, LinkConfig, LinkError};
use money::{Amount, Currency, CurrencyCode};
use signing::FileSigner;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use world::{Machine, SharedWorld, Task, Work, World};

pub const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
pub const OPENING: u64 = 100_000;
pub const RENT: u64 = 30_000;
pub const PASSWORD: &str = "open sesame";

/// A time of a day in Hong Kong and Shenzhen, in milliseconds since 1970 UTC: minutes behind the hour at which orders are paid.
pub fn at(date: &str, minutes: i64) -> u64 {
    execution_ms(read_date(date).unwrap()).checked_add_signed(minutes * 60_000).unwrap()
}

/// The customer with a password nobody signs in with: making a real one takes long.
pub fn seed() -> Seed {
    seed_with(serde_json::from_str(&format!(r#"{{"rounds":1,"salt":{:?},"hash":{:?}}}"#, [0; 16], [0; 32])).unwrap())
}

pub fn seed_with(password: PasswordHash) -> Seed {
    let customer = Customer {
        sign_in: "amy".to_owned(),
        name: "CHAN Mei".to_owned(),
        name_zh_hant: Some("陳美".to_owned()),
        name_zh_hans: None,
        town: "Hong Kong".to_owned(),
        country: "HK".to_owned(),
        company: false,
        document: Some("SAMPLE1001".to_owned()),
        email: None,
        scheme_id: None,
        mobile: Some("+852-61234567".to_owned()),
        accounts: vec!["1001".to_owned()],
        password,
    };
    let account = ("1001".to_owned(), "amy".to_owned(), vec![Amount::from_minor(OPENING, HKD)], true);
    Seed { customers: vec![customer], accounts: vec![account] }
}

pub fn plan(first: &str, rhythm: Rhythm, end: End) -> Plan {
    Plan::new(read_date(first).unwrap(), rhythm, end).unwrap()
}

/// A draft for the rent.
pub fn rent(id: &str, plan: Plan, drafted_ms: u64) -> StandingOrder {
    StandingOrder {
        id: id.to_owned(),
        sign_in: "amy".to_owned(),
        account: "1001".to_owned(),
        payee: Payee {
            agent: "PENGCNBSXXX".to_owned(),
            agent_name: "Pengcheng Bank".to_owned(),
            account: "6217002000010001".to_owned(),
            mobile: None,
            name: "LI Na".to_owned(),
            check: NameCheck::Match,
            masked_name: None,
            alias: None,
        },
        amount: Amount::from_minor(RENT, HKD),
        fixed_credit: false,
        debit_currency: HKD,
        credit_currency: HKD,
        purpose: "RENT".to_owned(),
        note: "flat 7 <b>".to_owned(),
        plan,
        next: 0,
        state: StandingState::Draft,
        failures: 0,
        drafted_ms,
        confirmed_ms: None,
        changed_ms: drafted_ms,
    }
}

/// Books in which the rent is in force.
pub fn with_rent(books: &Books, id: &str, plan: Plan, confirmed_ms: u64) {
    books.seed(&seed(), 1).unwrap();
    books.draft_standing(&rent(id, plan, confirmed_ms)).unwrap();
    assert!(books.confirm_standing(id, confirmed_ms).unwrap().1);
}

/// The payment of a due date.
pub fn payment(order: &StandingOrder, number: u32) -> Outgoing {
    Outgoing {
        standing: Some(order.id.clone()),
        purpose: order.purpose.clone(),
        note: order.note.clone(),
        ..Outgoing::draft(
            [run_uetr(&order.id, order.plan.date(number).unwrap()), order.sign_in.clone(), order.account.clone()],
            [order.amount, order.amount],
            order.payee.clone(),
            0,
        )
    }
}

pub fn pay(order: &StandingOrder, number: u32) -> Execution {
    Execution::Pay(Box::new(payment(order, number)), "bytes".to_owned())
}

/// The machine, but for its clock.
pub struct Clock(AtomicU64);

impl Clock {
    pub fn at(ms: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(ms)))
    }

    pub fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }
}

impl World for Clock {
    fn now_ns(&self) -> u64 {
        self.0.load(Ordering::SeqCst) * 1_000_000
    }

    fn random(&self) -> [u8; 16] {
        Machine.random()
    }

    fn spawn(&self, task: Task) {
        Machine.spawn(task);
    }

    fn run_blocking(&self, work: Work) {
        Machine.run_blocking(work);
    }
}

struct Nowhere;

impl Connector for Nowhere {
    fn authority(&self) -> &str {
        "localhost"
    }

    fn connect(&self) -> Connecting<'_> {
        Box::pin(async { Err(LinkError::Offline) })
    }
}

pub fn config(clock: &Arc<Clock>, data_dir: PathBuf) -> BankConfig {
    let name = |text: &str| NameForms { en: text.to_owned(), zh_hant: text.to_owned(), zh_hans: text.to_owned() };
    let world: SharedWorld = Arc::<Clock>::clone(clock);
    BankConfig {
        bic: "HARBHKHHXXX".to_owned(),
        name: name("Harbour Bank"),
        accent: Accent::Harbour,
        data_dir,
        listen: ([127, 0, 0, 1], 0).into(),
        link: LinkConfig {
            bic: "HARBHKHHXXX".to_owned(),
            connector: Arc::new(Nowhere),
            signer: Arc::new(FileSigner::ephemeral("HARBHKHHXXX#1")),
            centre_keys: Arc::new(|_: &str| None::<[u8; 32]>),
            world,
        },
        centre_bic: "LUOHHKHHXXX".to_owned(),
        clearing_system: "LUOHU".to_owned(),
        checkpoint_keys: Vec::new(),
        customers: Vec::new(),
        rates: Vec::new(),
        currencies: CURRENCIES.to_vec(),
        registers_aliases: false,
        fault: Fault::None,
        script: Script::default(),
    }
}
