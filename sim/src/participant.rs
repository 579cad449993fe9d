//! A bank's process: the product's own bank over a simulated disk and link.

use crate::centre::centre_signer;
use crate::disk::Platters;
use crate::life::Life;
use crate::machine::Machine;
use crate::net::NetLink;
use crate::outsider::document;
use crate::rng::Rng;
use crate::stage::SharedStage;
use bank::books::records::Customer;
use bank::books::{Books, BooksError, Seed};
use bank::{BankConfig, CURRENCIES, Desk, Fault, PasswordHash, SampleBank, Teller};
use banklink::{Connector, Link, LinkConfig};
use chain::VerifierKey;
use money::Amount;
use signing::{FileSigner, Signer};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::sleep;
use world::SharedWorld;

/// One bank.
pub struct BankSetup {
    /// Who it is.
    pub sample: SampleBank,
    /// Its machine.
    pub machine: Arc<Machine>,
    /// Its link to the centre.
    pub link: Arc<NetLink>,
    /// The stage.
    pub stage: SharedStage,
    /// How it misbehaves, over restarts.
    pub fault: Mutex<Fault>,
    /// Of the life that goes on now, if it works.
    pub running: Mutex<Option<Hands>>,
    /// Whether its customers show documents.
    pub documents: bool,
}

/// A bank at work.
#[derive(Clone)]
pub struct Hands {
    /// Where customers are served.
    pub desk: Desk,
    /// A second link of the same bank, for sending what its own engine would not.
    pub raw: Arc<Link>,
    /// Its life.
    pub life: Arc<Life>,
}

/// A bank's key.
pub fn bank_signer(at: usize, bic: &str) -> FileSigner {
    FileSigner::from_seed(&format!("{bic}#1"), &[at as u8 + 20; 32])
}

/// The keys receipts are verified with.
pub fn checkpoint_key() -> VerifierKey {
    VerifierKey::new("LUOHU", centre_signer().public_key()).expect("the name has no blank")
}

impl BankSetup {
    /// What runs now, if anything does.
    pub fn running(&self) -> Option<Hands> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        running.filter(|hands| hands.life.is_alive())
    }

    fn set_running(&self, running: Option<Hands>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }

    /// Puts a fault in force, now and after restarts.
    pub fn set_fault(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault.clone();
        if let Some(hands) = self.running() {
            hands.desk.set_fault(fault);
        }
    }

    fn open_books(&self, life: &Arc<Life>) -> Result<Books, BooksError> {
        let books = Books::open(&self.machine.platters.open(life))?;
        if !books.is_seeded()? {
            books.seed(&seed(&self.sample, self.documents), life.now_ns() / 1_000_000)?;
        }
        Ok(books)
    }
}

/// The main task of a life of a bank.
pub async fn live(at: usize, setup: Arc<BankSetup>, life: Arc<Life>) {
    setup.set_running(None);
    sleep(life.disk_pause()).await;
    let books = match setup.open_books(&life) {
        Ok(books) => books,
        Err(error) => {
            let _ = life.is_alive().then(|| setup.stage.say(setup.machine.name, format_args!("cannot start: {error}")));
            return;
        }
    };
    let link = link_config(at, &setup, &life);
    let raw = Arc::new(Link::new(link.clone()));
    let fault = setup.fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let teller = Teller::start(config(&setup.sample, link, fault), books);
    setup.set_running(Some(Hands { desk: teller.desk(), raw, life }));
    setup.stage.say(setup.machine.name, "works");
    std::future::pending::<()>().await;
    drop(teller);
}

/// One bit of a copy of a bank's book turns. The copy is refused by name, or says what the book says.
pub fn rot(bank: &BankSetup, draw: u64) {
    let (stage, name) = (&bank.stage, bank.machine.name);
    let read = |platters: &Platters| Books::open(&platters.open_alone()).and_then(|books| books.report());
    let copy = bank.machine.platters.copy();
    // A bank that has not begun its book, or whose disk was never healed, has nothing to lose.
    let Ok(before) = read(&copy.copy()) else { return };
    let Some(flipped) = copy.flip_bit(&mut Rng::new(draw, "rot")) else { return };
    stage.count("bits flipped in books");
    match read(&copy) {
        Err(error) => {
            stage.count("rotten books refused");
            stage.say(name, format_args!("{flipped} flips: {error}"));
            if !error.to_string().contains("books.redb") {
                stage.broke("ROT", format_args!("{name}: {flipped} flips, and the refusal does not name the file: {error}"));
            }
        }
        Ok(after) if after == before => stage.say(name, format_args!("{flipped} flips, and nothing is lost")),
        Ok(_) => stage.broke("ROT", format_args!("{name}: {flipped} flips, and the books say something else without a word")),
    }
}

fn link_config(at: usize, setup: &Arc<BankSetup>, life: &Arc<Life>) -> LinkConfig {
    link_config_of(at, setup.sample.bic, setup.link.connector(life), life.world())
}

/// How the participant at a place reaches the centre.
pub(crate) fn link_config_of(at: usize, bic: &str, connector: Arc<dyn Connector>, world: SharedWorld) -> LinkConfig {
    let key = centre_signer().public_key();
    LinkConfig {
        bic: bic.to_owned(),
        connector,
        signer: Arc::new(bank_signer(at, bic)),
        centre_keys: Arc::new(move |id: &str| (id == "LUOHU#1").then_some(key)),
        world,
    }
}

fn config(sample: &SampleBank, link: LinkConfig, fault: Fault) -> BankConfig {
    BankConfig {
        registers_aliases: false,
        bic: sample.bic.to_owned(),
        name: sample.name.clone(),
        accent: sample.accent,
        data_dir: PathBuf::new(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        link,
        centre_bic: gateway::GatewayConfig::CENTRE_BIC.to_owned(),
        clearing_system: "LUOHU".to_owned(),
        checkpoint_keys: vec![checkpoint_key()],
        customers: sample.customers.clone(),
        rates: sample.rates.clone(),
        currencies: CURRENCIES.to_vec(),
        script: bank::Script::default(),
        fault,
    }
}

/// The sample customers, without the tenth of a second that each password takes.
fn seed(sample: &SampleBank, documents: bool) -> Seed {
    let mut seed = Seed::default();
    for (at, customer) in sample.customers.iter().enumerate() {
        let currency = |code| CURRENCIES.iter().find(|known| known.code == code).copied();
        let balances =
            customer.balances.iter().filter_map(|(code, minor)| Some(Amount::from_minor(*minor, currency(*code)?))).collect();
        seed.accounts.push((customer.account.to_owned(), customer.sign_in.to_owned(), balances, customer.open));
        seed.customers.push(Customer {
            sign_in: customer.sign_in.to_owned(),
            name: customer.name.to_owned(),
            name_zh_hant: Some(customer.zh_hant.to_owned()),
            name_zh_hans: Some(customer.zh_hans.to_owned()),
            town: customer.address.0.to_owned(),
            country: customer.address.1.to_owned(),
            company: customer.company,
            document: if documents { document_of(at, customer.company) } else { None },
            email: None,
            scheme_id: None,
            mobile: customer.mobile.map(str::to_owned),
            accounts: vec![customer.account.to_owned()],
            password: PasswordHash::of_nobody(),
        });
    }
    seed
}

/// The first two customers of all banks of a country are the same two persons; the third shows nothing.
fn document_of(at: usize, company: bool) -> Option<String> {
    match (at, company) {
        (_, true) => Some(format!("COMPANY{at}")),
        (0 | 1, false) => Some(document(at as u8)),
        (_, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bank::books::BooksReport;

    #[test]
    fn a_book_that_was_begun_when_the_power_went_is_begun_again() {
        let mut interrupted = 0;
        for operation in 0..60 {
            let platters = Platters::default();
            platters.crash_after(operation);
            interrupted += u32::from(Books::open(&platters.open_alone()).is_err());
            platters.lose_power(&mut Rng::new(operation, "power"));
            let opened = Books::open(&platters.open_alone()).map(drop);
            assert!(opened.is_ok(), "operation {operation}: {opened:?}");
        }
        assert!(interrupted > 10, "{interrupted}");
    }

    #[test]
    fn a_bit_that_flips_in_a_book_is_found_or_held_nothing() {
        let platters = Platters::default();
        let books = Books::open(&platters.open_alone()).unwrap();
        books.seed(&seed(&bank::sample_banks()[0], true), 0).unwrap();
        drop(books);
        let before = read(&platters.copy()).unwrap();
        let (mut rng, mut refused) = (Rng::new(1, "rot"), 0);
        for _ in 0..100 {
            let rotten = platters.copy();
            let place = rotten.flip_bit(&mut rng).unwrap();
            match read(&rotten) {
                None => refused += 1,
                Some(after) => assert_eq!(after, before, "{place}"),
            }
        }
        assert!(refused > 10, "{refused}");
    }

    /// Nothing if the book does not open; then its name is said.
    fn read(platters: &Platters) -> Option<BooksReport> {
        let read = Books::open(&platters.open_alone()).and_then(|books| books.report());
        read.inspect_err(|error| assert!(error.to_string().contains("books.redb"), "{error}")).ok()
    }
}
