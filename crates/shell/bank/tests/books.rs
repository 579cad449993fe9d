//! The books under random payments and crashes: whatever happens, each payment is booked once and only once, and the bank
//! agrees with the centre.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use bank::books::records::{Incoming, NameCheck, Outgoing, Payee};
use bank::books::state::{IncomingState, OutgoingEvent, OutgoingState};
use bank::books::{
    Answered, Books, BooksError, BooksRefusal, InboxEntry, OutgoingReturn, OutgoingUpdate, RecallAnswer, ReturnState, Seed, Told,
};
use bank::{PasswordHash, books::records::Customer};
use money::{Amount, Currency, CurrencyCode};
use proptest::prelude::*;
use std::collections::BTreeMap;
use support::{Disk, Random};

const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
const OPENING: u64 = 50_000;

fn seed() -> Seed {
    let customer = Customer {
        sign_in: "amy".to_owned(),
        name: "CHAN Mei".to_owned(),
        name_zh_hant: None,
        name_zh_hans: None,
        town: "Hong Kong".to_owned(),
        country: "HK".to_owned(),
        company: false,
        document: Some("SAMPLE1001".to_owned()),
        email: None,
        scheme_id: None,
        mobile: Some("+852-61234567".to_owned()),
        accounts: vec!["1001".to_owned()],
        password: serde_json::from_str::<PasswordHash>(&format!(r#"{{"rounds":1,"salt":{:?},"hash":{:?}}}"#, [0; 16], [0; 32]))
            .unwrap(),
    };
    let account = ("1001".to_owned(), "amy".to_owned(), vec![Amount::from_minor(OPENING, HKD)], true);
    Seed { customers: vec![customer], accounts: vec![account] }
}

fn draft(uetr: &str, minor: u64) -> Outgoing {
    let payee = Payee {
        agent: "PENGCNBSXXX".to_owned(),
        agent_name: String::new(),
        account: "62".to_owned(),
        mobile: None,
        name: "LI Na".to_owned(),
        check: NameCheck::Match,
        alias: None,
        masked_name: None,
    };
    Outgoing {
        purpose: "GDDS".to_owned(),
        ..Outgoing::draft(
            [uetr.to_owned(), "amy".to_owned(), "1001".to_owned()],
            [Amount::from_minor(minor, HKD), Amount::from_minor(minor, HKD)],
            payee,
            0,
        )
    }
}

fn asked(uetr: &str, minor: u64, accept: bool) -> Told {
    let incoming = Incoming {
        uetr: uetr.to_owned(),
        account: "1001".to_owned(),
        amount: Amount::from_minor(minor, HKD),
        debtor_name: "LI Na".to_owned(),
        debtor_agent: "PENGCNBSXXX".to_owned(),
        note: String::new(),
        state: if accept { IncomingState::Accepted } else { IncomingState::Declined },
        declined_reason: (!accept).then(|| "AC04".to_owned()),
        late_answer: None,
        credit_twice: false,
        asked_ms: 1,
        final_ms: None,
        exchanged: false,
        returned_minor: 0,
    };
    let answer = format!("answer {uetr} {accept}");
    Told::Asked(Box::new(incoming), Answered { messages: vec![answer], not_before_ms: 0, wrong_signature: false })
}

/// The centre as far as one bank sees it: an append-only log and one final state a payment.
#[derive(Default)]
struct Centre {
    log: Vec<InboxEntry>,
    /// By UETR: amount, whether it settled if final, whether this bank pays.
    payments: BTreeMap<String, (u64, Option<bool>, bool)>,
}

impl Centre {
    fn say(&mut self, told: Told) {
        let cursor = self.log.len() as u64 * 3 + 2;
        self.log.push(InboxEntry { cursor, told });
    }

    fn end(&mut self, uetr: &str, settled: bool) {
        let payment = self.payments.get_mut(uetr).unwrap();
        if payment.1.is_none() {
            payment.1 = Some(settled);
            let uetr = uetr.to_owned();
            self.say(match settled {
                true => Told::Settled { report: format!("credited {uetr}"), uetr, charge: None },
                false => Told::Rejected { uetr, reason: Some("AC04".to_owned()), reason_text: None },
            });
        }
    }

    /// A payment out arrives, for the first time or again: it ends at once.
    fn receive(&mut self, uetr: &str, minor: u64, settled: bool) -> bool {
        self.payments.entry(uetr.to_owned()).or_insert((minor, None, true));
        self.end(uetr, settled);
        self.payments[uetr].1.unwrap()
    }

    /// An answer or report of this bank.
    fn hear(&mut self, message: &str) {
        let mut words = message.split(' ');
        if let (Some("answer"), Some(uetr), Some(accept)) = (words.next(), words.next(), words.next()) {
            self.end(uetr, accept == "true");
        }
    }
}

struct World {
    random: Random,
    disk: Disk,
    books: Books,
    centre: Centre,
    count: u64,
    crashes: u32,
}

impl World {
    fn new(seed_number: u64) -> Self {
        let disk = Disk::default();
        let books = Books::open_backend(disk.clone()).unwrap();
        assert!(books.seed(&seed(), 1).unwrap());
        assert!(!books.seed(&seed(), 2).unwrap(), "seeded once");
        Self { random: Random(seed_number | 1), disk, books, centre: Centre::default(), count: 0, crashes: 0 }
    }

    fn crash(&mut self) {
        self.disk.fail_after(0);
        let disk = self.disk.after_crash(&mut self.random);
        self.books = Books::open_backend(disk.clone()).unwrap();
        self.disk = disk;
        self.crashes += 1;
    }

    /// Does something with the books; a dead disk is a crash.
    fn with_books<T>(&mut self, act: impl FnOnce(&Books) -> Result<T, BooksError>) -> Option<T> {
        match act(&self.books) {
            Ok(done) => Some(done),
            Err(BooksError::Refused(refusal)) => {
                assert_eq!(refusal, BooksRefusal::NotEnough);
                None
            }
            Err(_) => {
                self.crash();
                None
            }
        }
    }

    fn uetr(&mut self) -> String {
        self.count += 1;
        format!("00000000-0000-4000-8000-{:012}", self.count)
    }

    fn step(&mut self) {
        if self.random.one_in(6) {
            let writes = self.random.below(30);
            self.disk.fail_after(writes);
        }
        match self.random.below(7) {
            0 | 1 => self.pay(),
            2 => {
                let (uetr, minor) = (self.uetr(), 1 + self.random.below(9_000));
                let accept = !self.random.one_in(4);
                self.centre.payments.insert(uetr.clone(), (minor, None, false));
                self.centre.say(asked(&uetr, minor, accept));
            }
            3 => self.deliver(),
            4 => self.send_outbox(),
            5 => self.resend(),
            6 => {
                // A deadline passes for some payment in.
                let open = self.centre.payments.iter().filter(|(_, payment)| payment.1.is_none() && !payment.2);
                let open: Vec<_> = open.map(|(uetr, _)| uetr.clone()).collect();
                if !open.is_empty() && self.random.one_in(3) {
                    let at = self.random.below(open.len() as u64) as usize;
                    self.centre.end(&open[at], false);
                }
            }
            7.. => unreachable!(),
        }
    }

    fn pay(&mut self) {
        let (uetr, minor) = (self.uetr(), 1 + self.random.below(20_000));
        let confirmed = self.with_books(|books| {
            books.save_draft(&draft(&uetr, minor))?;
            books.reserve(&uetr, "bytes", 5)
        });
        if confirmed.is_some_and(|(payment, new)| new && payment.state == OutgoingState::Reserved) {
            self.send(&uetr, minor);
        }
    }

    /// Sends: it may not arrive, and the answer may not come back.
    fn send(&mut self, uetr: &str, minor: u64) {
        if self.random.one_in(5) {
            self.with_books(|books| books.update_outgoing(uetr, &OutgoingUpdate::plain(OutgoingEvent::LeftInDoubt, 6)));
            return;
        }
        let settles = !self.random.one_in(3);
        let settled = self.centre.receive(uetr, minor, settles);
        let event = match self.random.below(3) {
            0 => return,
            1 => OutgoingEvent::CentreHolds,
            _ if settled => OutgoingEvent::CentreSettled,
            _ => OutgoingEvent::CentreRejected,
        };
        self.with_books(|books| books.update_outgoing(uetr, &OutgoingUpdate::plain(event, 7)));
    }

    fn resend(&mut self) {
        for uetr in self.with_books(Books::outgoing_open).unwrap_or_default() {
            let Some(Some(payment)) = self.with_books(|books| books.outgoing(&uetr)) else { return };
            assert_eq!(payment.message.as_deref(), Some("bytes"), "stored before it leaves");
            self.send(&uetr, payment.debit.minor.0);
        }
    }

    fn deliver(&mut self) {
        let Some(cursor) = self.with_books(Books::cursor) else { return };
        // At least once: sometimes from before the cursor.
        let from = cursor.saturating_sub(self.random.below(9));
        let limit = 1 + self.random.below(6) as usize;
        let batch: Vec<_> = self.centre.log.iter().filter(|entry| entry.cursor > from).take(limit).cloned().collect();
        self.with_books(|books| books.book_inbox(&batch, 9));
    }

    fn send_outbox(&mut self) {
        let Some(messages) = self.with_books(Books::outbox) else { return };
        let mut done = Vec::new();
        for (number, message) in messages {
            self.centre.hear(&message.xml);
            if !self.random.one_in(3) {
                done.push(number);
            }
        }
        self.with_books(|books| books.outbox_done(&done));
    }

    fn settle_everything(&mut self) {
        self.disk.fail_after(u64::MAX);
        for _ in 0..200 {
            self.resend();
            self.deliver();
            self.send_outbox();
            self.disk.fail_after(u64::MAX);
        }
        self.crash();
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let report = self.books.report().unwrap();
        prop_assert_eq!(&report.breaks, &Vec::<String>::new());
        let mut net = 0i128;
        for (uetr, (minor, settled, out)) in &self.centre.payments {
            let booked: Vec<_> = report.payments.iter().filter(|payment| &payment.uetr == uetr).collect();
            prop_assert_eq!(booked.len(), 1, "{}", uetr);
            let expected = match (settled, out) {
                (Some(true), true) => "Settled",
                (Some(false), true) => "Rejected",
                (Some(true), false) => "Credited",
                (Some(false), false) => "Ended",
                (None, _) => return Err(TestCaseError::fail(format!("{uetr} has no end"))),
            };
            prop_assert_eq!(booked[0].state.as_str(), expected, "{}", uetr);
            prop_assert_eq!(booked[0].booked, usize::from(*settled == Some(true)));
            if *settled == Some(true) {
                net += if *out { i128::from(*minor) } else { -i128::from(*minor) };
            }
        }
        let totals = report.currencies["HKD"];
        prop_assert_eq!((totals.paid_out_net, totals.sum, totals.held, totals.suspense), (net, 0, 0, 0));
        prop_assert_eq!(totals.customers, i128::from(OPENING) - net);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn booked_once_and_only_once_across_crashes(seed in any::<u64>()) {
        let mut world = World::new(seed);
        for _ in 0..120 {
            world.step();
        }
        world.settle_everything();
        prop_assert!(world.crashes > 1, "crashes happened");
        world.check()?;
    }
}

#[test]
fn money_that_cannot_be_credited_is_kept_on_suspense_and_said() {
    let books = Books::open_backend(Disk::default()).unwrap();
    books.seed(&seed(), 1).unwrap();
    let uetr = "00000000-0000-4000-8000-000000000001";
    let settled = Told::Settled { uetr: uetr.to_owned(), report: "credited".to_owned(), charge: None };
    let entries = [InboxEntry { cursor: 1, told: asked(uetr, 700, false) }, InboxEntry { cursor: 2, told: settled }];
    let booked = books.book_inbox(&entries, 5).unwrap();
    assert_eq!(booked.outbox.len(), 1, "an answer, and no report of a credit");
    let report = books.report().unwrap();
    assert_eq!((report.currencies["HKD"].suspense, report.currencies["HKD"].customers), (700, i128::from(OPENING)));
    assert_eq!(report.currencies["HKD"].sum, 0);
    assert_eq!(report.breaks.len(), 1, "{:?}", report.breaks);
    assert!(report.breaks[0].contains(uetr));
}

#[test]
fn a_contradiction_is_followed_on_suspense_once() {
    let books = Books::open_backend(Disk::default()).unwrap();
    books.seed(&seed(), 1).unwrap();
    let uetr = "00000000-0000-4000-8000-000000000002";
    books.save_draft(&draft(uetr, 300)).unwrap();
    books.reserve(uetr, "bytes", 2).unwrap();
    for event in [OutgoingEvent::CentreRejected, OutgoingEvent::CentreSettled, OutgoingEvent::CentreSettled] {
        books.update_outgoing(uetr, &OutgoingUpdate::plain(event, 3)).unwrap();
    }
    let report = books.report().unwrap();
    assert_eq!((report.currencies["HKD"].suspense, report.currencies["HKD"].customers), (-300, i128::from(OPENING)));
    assert_eq!(report.breaks.len(), 1, "{:?}", report.breaks);
}

#[test]
fn nobody_spends_what_is_reserved_or_not_theirs() {
    let books = Books::open_backend(Disk::default()).unwrap();
    books.seed(&seed(), 1).unwrap();
    let refusal = |result: Result<(Outgoing, bool), BooksError>| match result {
        Err(BooksError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    books.save_draft(&draft("a", 30_000)).unwrap();
    books.save_draft(&draft("b", 30_000)).unwrap();
    assert!(books.reserve("a", "bytes", 2).unwrap().1);
    assert!(!books.reserve("a", "other bytes", 3).unwrap().1, "confirmed twice is confirmed once");
    assert_eq!(books.outgoing("a").unwrap().unwrap().message.as_deref(), Some("bytes"));
    assert_eq!(refusal(books.reserve("b", "bytes", 2)), BooksRefusal::NotEnough);
    assert_eq!(refusal(books.reserve("c", "bytes", 2)), BooksRefusal::NoSuchPayment);
    let mut foreign = draft("d", 1);
    foreign.sign_in = "bob".to_owned();
    assert!(matches!(books.save_draft(&foreign), Err(BooksError::Refused(BooksRefusal::NoSuchAccount))));
    assert_eq!(books.report().unwrap().breaks, Vec::<String>::new());
}

/// Books with a payment of 7.00 received and one of 20.00 sent, both settled.
fn with_settled(received: &str, sent: &str) -> Books {
    let books = Books::open_backend(Disk::default()).unwrap();
    books.seed(&seed(), 1).unwrap();
    books.save_draft(&draft(sent, 2_000)).unwrap();
    books.reserve(sent, "bytes", 2).unwrap();
    let settled = |uetr: &str| Told::Settled { uetr: uetr.to_owned(), report: "credited".to_owned(), charge: None };
    let told = [asked(received, 700, true), settled(received), settled(sent)];
    let entries: Vec<_> = (1..).zip(told).map(|(cursor, told)| InboxEntry { cursor, told }).collect();
    books.book_inbox(&entries, 5).unwrap();
    books
}

fn back(return_id: &str, uetr: &str, minor: u64) -> OutgoingReturn {
    OutgoingReturn {
        return_id: return_id.to_owned(),
        uetr: uetr.to_owned(),
        amount: Amount::from_minor(minor, HKD),
        reason: "MD06".to_owned(),
        state: ReturnState::Sent,
    }
}

/// What customers have, and by how much the settlement account went down; the books must be sound.
fn sums(books: &Books) -> (i128, i128) {
    let report = books.report().unwrap();
    assert_eq!(report.breaks, Vec::<String>::new());
    (report.currencies["HKD"].customers, report.currencies["HKD"].paid_out_net)
}

const RECEIVED: &str = "00000000-0000-4000-8000-000000000001";
const SENT: &str = "00000000-0000-4000-8000-000000000002";

#[test]
fn a_return_out_is_booked_once_bounded_and_booked_back_if_refused() {
    let books = with_settled(RECEIVED, SENT);
    let opening = i128::from(OPENING);
    assert_eq!(sums(&books), (opening + 700 - 2_000, 2_000 - 700));
    assert!(books.send_return(&back("R1", RECEIVED, 300), "xml", 6).unwrap().is_some());
    assert!(books.send_return(&back("R1", RECEIVED, 300), "xml", 6).unwrap().is_none(), "the same one again");
    assert_eq!(sums(&books), (opening + 400 - 2_000, 2_000 - 400));
    let refused = |found| matches!(found, Err(BooksError::Refused(refusal)) if refusal == BooksRefusal::NotEnough);
    assert!(refused(books.send_return(&back("R2", RECEIVED, 401), "xml", 6)), "more than is left");
    assert!(books.send_return(&back("R2", SENT, 1), "xml", 6).is_err(), "not received");

    // The centre refuses: booked back, once.
    for _ in 0..2 {
        books.refuse_return("R1", 7).unwrap();
        assert_eq!(sums(&books), (opening + 700 - 2_000, 2_000 - 700));
    }
    // An earlier copy of its message came through after all: booked again, once.
    for cursor in 4..6 {
        let settled = InboxEntry { cursor, told: Told::ReturnSettled { return_id: "R1".to_owned() } };
        books.book_inbox(&[settled], 8).unwrap();
        assert_eq!(sums(&books), (opening + 400 - 2_000, 2_000 - 400));
    }
    assert!(books.send_return(&back("R2", RECEIVED, 400), "xml", 8).unwrap().is_some());
    let settled = InboxEntry { cursor: 6, told: Told::ReturnSettled { return_id: "R2".to_owned() } };
    books.book_inbox(&[settled], 9).unwrap();
    books.refuse_return("R2", 9).unwrap();
    assert_eq!(books.outgoing_return("R2").unwrap().unwrap().state, ReturnState::Settled, "final");
    assert_eq!(sums(&books), (opening - 2_000, 2_000));
}

#[test]
fn a_return_in_goes_to_the_account_that_paid_and_a_recall_is_answered_with_its_return() {
    let books = with_settled(RECEIVED, SENT);
    let opening = i128::from(OPENING);
    let returned = Told::Returned { uetr: SENT.to_owned(), amount: Amount::from_minor(500, HKD), reason: "AC04".to_owned() };
    let entry = InboxEntry { cursor: 4, told: returned };
    for _ in 0..2 {
        // Delivered again it changes nothing.
        books.book_inbox(std::slice::from_ref(&entry), 6).unwrap();
        assert_eq!(sums(&books), (opening + 700 - 1_500, 1_500 - 700));
    }
    let payment = books.outgoing(SENT).unwrap().unwrap();
    assert_eq!((payment.returned_minor, payment.return_reason.as_deref()), (500, Some("AC04")));

    let answer = RecallAnswer {
        uetr: RECEIVED.to_owned(),
        answer: "camt.029".to_owned(),
        back: Some((back("R1", RECEIVED, 700), "pacs.004".to_owned())),
    };
    let told = Told::Recalled(Box::new(answer));
    let booked = books.book_inbox(&[InboxEntry { cursor: 5, told }], 7).unwrap();
    let sent: Vec<_> = booked.outbox.iter().map(|(_, message)| (message.xml.as_str(), message.returns.as_deref())).collect();
    assert_eq!(sent, [("camt.029", None), ("pacs.004", Some("R1"))], "the answer leaves first");
    assert_eq!(sums(&books), (opening - 1_500, 1_500));
}
