//! Payee checks between the doors of two operators; the test is the network between them, honest or not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use clearing::RiskDecision;
use gateway::{AskedHere, GatewayHandle, Limits, OtherDoors, SignedMessage};
use iso20022::view::{IdentificationReportView, IdentificationRequestView, NameVerdict};
use serde_json::Value;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::client::{Client, Draft, Reply};
use support::messages::*;
use support::{HARBOUR, OTHER, PEARL, World, now_s};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

/// How long a bank may take.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Well below it: nobody has waited for a bank.
const AT_ONCE: Duration = Duration::from_millis(700);

/// A question under way, with where its answers go.
type Asking = (SignedMessage, mpsc::Sender<SignedMessage>);

/// A door's way to the others: both ends are the test's.
#[derive(Debug)]
struct Port {
    asks: mpsc::UnboundedSender<Asking>,
    asked: Mutex<mpsc::UnboundedReceiver<AskedHere>>,
    full: bool,
}

impl OtherDoors for Port {
    fn ask(&self, question: SignedMessage) -> Option<mpsc::Receiver<SignedMessage>> {
        let (answers, receiver) = mpsc::channel(16);
        self.asks.send((question, answers)).unwrap();
        (!self.full).then_some(receiver)
    }

    fn asked(&self) -> Pin<Box<dyn Future<Output = Option<AskedHere>> + Send + '_>> {
        Box::pin(async { self.asked.lock().await.recv().await })
    }
}

/// An operator's door.
struct Operator {
    gateway: GatewayHandle,
}

/// The network's ends of a door's port.
struct Line {
    asks: mpsc::UnboundedReceiver<Asking>,
    put: mpsc::UnboundedSender<AskedHere>,
}

async fn operator(world: &World, full: bool) -> (Operator, Line) {
    let (asks, asks_receiver) = mpsc::unbounded_channel();
    let (put, asked) = mpsc::unbounded_channel();
    let gateway = world.another_door(Arc::new(Port { asks, asked: Mutex::new(asked), full })).await;
    (Operator { gateway }, Line { asks: asks_receiver, put })
}

async fn world() -> World {
    let limits = Limits { payee_check_timeout: PATIENCE, payee_checks_max: 3, ..Limits::default() };
    World::with(limits, |_| RiskDecision::PASS).await
}

impl Operator {
    async fn connect(&self, world: &World, bic: &str) -> Client {
        world.connect_at(self.gateway.addr, &world.bank(bic).identity).await.unwrap()
    }

    async fn send(&self, world: &World, bic: &str, body: &[u8]) -> Reply {
        self.connect(world, bic).await.send(&Draft::xml(world.bank(bic), body)).await
    }

    /// A bank asks here: what the customer is told, and how long that took.
    async fn ask(&self, world: &World, body: &[u8]) -> (NameVerdict, Duration) {
        let began = Instant::now();
        let reply = self.send(world, HARBOUR, body).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let report = IdentificationReportView::of(&parse(&reply.body).document).unwrap();
        assert_eq!(report.verification_id, "V-1");
        (report.verdict, began.elapsed())
    }

    /// A bank's inbox here.
    async fn listen(&self, world: &World, bic: &str) -> Client {
        let mut client = self.connect(world, bic).await;
        let draft = Draft::get("/v1/inbox?after=0").set("Accept", "text/event-stream");
        client.write(&draft.head()).await.unwrap();
        assert_eq!(client.reply_head().await.unwrap().0, 200);
        client
    }

    /// A bank reads the next question and answers it.
    async fn answer(&self, world: &World, inbox: &mut Client, verdict: NameVerdict) -> IdentificationRequestView {
        let asked = question_in(inbox).await;
        assert_eq!(self.send(world, PEARL, &acmt024(PEARL, &asked, verdict)).await.status, 202);
        asked
    }
}

impl Line {
    /// Puts a question as the network would; the answer, or that there is none.
    async fn put(&self, question: SignedMessage) -> Option<SignedMessage> {
        let (answer, answered) = oneshot::channel();
        self.put.send(AskedHere { question, answer }).unwrap();
        timeout(PATIENCE * 2, answered).await.unwrap().ok()
    }

    async fn next(&mut self) -> Asking {
        timeout(PATIENCE, self.asks.recv()).await.unwrap().unwrap()
    }
}

/// The next question in an inbox.
async fn question_in(inbox: &mut Client) -> IdentificationRequestView {
    let event = timeout(PATIENCE, inbox.event()).await.unwrap().unwrap();
    let data = &event.iter().find(|(key, _)| key == "data").unwrap().1;
    let item: Value = serde_json::from_str(data).unwrap();
    assert_eq!((item["cursor"].as_u64(), item["type"].as_str()), (Some(0), Some("acmt.023.001.02")));
    IdentificationRequestView::of(&parse(item["message"].as_str().unwrap().as_bytes()).document).unwrap()
}

async fn nothing_in(inbox: &mut Client) {
    assert!(timeout(Duration::from_millis(200), inbox.event()).await.is_err(), "the bank was asked");
}

/// As a door passes a request on.
fn signed(draft: &Draft) -> SignedMessage {
    let field = |name: &str| format!("{name}: {}\r\n", draft.header(name));
    let head = ["Content-Digest", "Signature-Input", "Signature"].map(field).concat();
    [head.as_bytes(), b"\r\n", &draft.body].concat().into()
}

fn signed_by(world: &World, bic: &str, body: &[u8]) -> SignedMessage {
    signed(&Draft::xml(world.bank(bic), body))
}

fn question(world: &World) -> SignedMessage {
    signed_by(world, HARBOUR, &acmt023(HARBOUR, PEARL, "LI XIAO MING"))
}

/// What the bank is to name, by the question's bytes.
fn id_of(question: &[u8]) -> String {
    let half = &chain::sha256(question).0[..16];
    half.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The body of an answer to a question with this identification.
fn answer_body(from: &str, id: &str) -> Vec<u8> {
    let asked = parse(&acmt023(HARBOUR, PEARL, "LI XIAO MING"));
    let asked = IdentificationRequestView::of(&asked.document).unwrap();
    acmt024(from, &IdentificationRequestView { verification_id: id.to_owned(), ..asked }, NameVerdict::Match)
}

/// Changes one byte.
fn changed(message: &SignedMessage, at: usize) -> SignedMessage {
    let mut bytes = message.to_vec();
    bytes[at] ^= 1;
    bytes.into()
}

#[tokio::test]
async fn a_bank_at_another_door_is_asked_and_its_answer_comes_back() {
    let world = world().await;
    let ((here, mut asks), (there, line)) = (operator(&world, false).await, operator(&world, false).await);
    let mut inbox = there.listen(&world, PEARL).await;
    let body = acmt023(HARBOUR, PEARL, "LI XIAO MING");
    let commands = world.log.commands();
    let carrying = async {
        let (question, answers) = asks.next().await;
        assert!(question.ends_with(&body), "not the message as the bank signed it");
        let answer = line.put(question.clone()).await.expect("the bank is there");
        answers.send(answer).await.unwrap();
        id_of(&question)
    };
    let answering = there.answer(&world, &mut inbox, NameVerdict::CloseMatch);
    let ((verdict, took), id, asked) = tokio::join!(here.ask(&world, &body), carrying, answering);
    assert_eq!(verdict, NameVerdict::CloseMatch);
    assert!(took < PATIENCE);
    assert_eq!((asked.name.as_deref(), asked.verification_id), (Some("LI XIAO MING"), id.clone()));
    // Nobody waits for another.
    let again = there.send(&world, PEARL, &answer_body(PEARL, &id)).await;
    assert_eq!((again.status, again.code().as_str()), (404, "GW-1021"));
    assert_eq!(world.log.commands(), commands, "a payee check reached the chain");
}

#[tokio::test]
async fn nobody_waits_for_a_bank_that_is_nowhere_nor_longer_than_for_one_at_home() {
    let world = world().await;
    let (here, mut asks) = operator(&world, false).await;
    let body = || acmt023(HARBOUR, PEARL, "LI XIAO MING");
    let none = NameVerdict::NotPossible("NORR".into());
    // All other doors say that they have no answer.
    let at_once = body();
    let ((verdict, took), ()) = tokio::join!(here.ask(&world, &at_once), async { drop(asks.next().await) });
    assert_eq!(verdict, none);
    assert!(took < AT_ONCE, "{took:?}");
    // One says nothing at all.
    let silent = body();
    let ((verdict, took), left) = tokio::join!(here.ask(&world, &silent), asks.next());
    assert_eq!(verdict, none);
    assert!(took >= PATIENCE && took < PATIENCE * 2, "{took:?}");
    assert!(left.1.is_closed(), "the question is still open");
    // Too many are open.
    let (full, _line) = operator(&world, true).await;
    let reply = full.send(&world, HARBOUR, &body()).await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "GW-1013"));
    // Who reads here is asked here, and nowhere else.
    let mut inbox = here.listen(&world, PEARL).await;
    let at_home = body();
    let ((verdict, _), _) = tokio::join!(here.ask(&world, &at_home), here.answer(&world, &mut inbox, NameVerdict::NoMatch));
    assert_eq!(verdict, NameVerdict::NoMatch);
    assert!(asks.asks.try_recv().is_err(), "it was asked elsewhere");
}

#[tokio::test]
async fn a_bank_that_turned_to_another_door_is_asked_there_too() {
    let world = world().await;
    let ((here, mut asks), (there, line)) = (operator(&world, false).await, operator(&world, false).await);
    // It read here a moment ago.
    assert_eq!(here.connect(&world, PEARL).await.get("/v1/inbox").await.status, 200);
    let mut inbox = there.listen(&world, PEARL).await;
    let body = acmt023(HARBOUR, PEARL, "LI XIAO MING");
    let carrying = async {
        let (question, answers) = asks.next().await;
        answers.send(line.put(question).await.unwrap()).await.unwrap();
    };
    let answering = there.answer(&world, &mut inbox, NameVerdict::Match);
    let ((verdict, _), (), _) = tokio::join!(here.ask(&world, &body), carrying, answering);
    assert_eq!(verdict, NameVerdict::Match);
}

#[tokio::test]
async fn what_the_bank_did_not_sign_is_no_answer() {
    let world = world().await;
    let (here, mut asks) = operator(&world, false).await;
    let body = acmt023(HARBOUR, PEARL, "LI XIAO MING");
    let forging = async {
        let (question, answers) = asks.next().await;
        let id = id_of(&question);
        let good = signed_by(&world, PEARL, &answer_body(PEARL, &id));
        let old = Draft::post_at(world.bank(PEARL), "/v1/messages", "application/xml", &answer_body(PEARL, &id), now_s() - 600);
        let to_another_path = Draft::post(world.bank(PEARL), "/v1/quotes", "application/xml", &answer_body(PEARL, &id));
        let forged: Vec<(&str, SignedMessage)> = vec![
            ("nothing", Arc::from([])),
            ("no message", Arc::from(*b"yes, it is his")),
            ("a changed body", changed(&good, good.len() - 40)),
            ("a changed signature", changed(&good, id_place(&good, b"Signature: sig1=:") + 20)),
            ("another bank's word, as itself", signed_by(&world, OTHER, &answer_body(OTHER, &id))),
            ("another bank's word, as the bank", signed_by(&world, OTHER, &answer_body(PEARL, &id))),
            ("the bank's word on another question", signed_by(&world, PEARL, &answer_body(PEARL, &id_of(b"other")))),
            ("another message of the bank", signed_by(&world, PEARL, &pacs008(&transfer(PEARL, HARBOUR)))),
            ("the bank's question", signed_by(&world, PEARL, &acmt023(PEARL, HARBOUR, "X"))),
            ("an old answer", signed(&old)),
            ("signed for something else", signed(&to_another_path)),
        ];
        for (what, message) in forged {
            answers.send(message).await.unwrap_or_else(|_| panic!("{what} was taken"));
        }
        // The door has read them all and waits still.
        tokio::time::sleep(AT_ONCE).await;
        assert!(!answers.is_closed(), "something forged was taken");
        answers.send(good).await.unwrap();
    };
    let ((verdict, _), ()) = tokio::join!(here.ask(&world, &body), forging);
    assert_eq!(verdict, NameVerdict::Match);
}

fn id_place(message: &[u8], field: &[u8]) -> usize {
    message.windows(field.len()).position(|window| window == field).unwrap() + field.len()
}

#[tokio::test]
async fn what_no_bank_asked_is_not_put_to_one() {
    let world = world().await;
    let (there, line) = operator(&world, false).await;
    let mut inbox = there.listen(&world, PEARL).await;
    let good = question(&world);
    let body = acmt023(HARBOUR, PEARL, "LI XIAO MING");
    let old = Draft::post_at(world.bank(HARBOUR), "/v1/messages", "application/xml", &body, now_s() - 600);
    let long = [&body[..], &vec![b' '; Limits::default().body_bytes_max]].concat();
    let refused: Vec<(&str, SignedMessage)> = vec![
        ("nothing", Arc::from([])),
        ("no signature", [b"\r\n", &body[..]].concat().into()),
        ("a changed name", changed(&good, good.len() - 60)),
        ("another bank's question", signed_by(&world, OTHER, &body)),
        ("an old question", signed(&old)),
        ("a long one", signed_by(&world, HARBOUR, &long)),
        ("a payment", signed_by(&world, HARBOUR, &pacs008(&transfer(HARBOUR, PEARL)))),
        ("an answer", signed_by(&world, HARBOUR, &answer_body(HARBOUR, "1"))),
        ("for a bank nobody knows", signed_by(&world, HARBOUR, &acmt023(HARBOUR, "NONEHKHHXXX", "X"))),
        ("for a bank that is not here", signed_by(&world, PEARL, &acmt023(PEARL, HARBOUR, "X"))),
    ];
    for (what, message) in refused {
        let began = Instant::now();
        assert_eq!(line.put(message).await, None, "{what}");
        assert!(began.elapsed() < AT_ONCE, "{what}");
    }
    nothing_in(&mut inbox).await;
    // A suspended bank asks nobody, and is asked by nobody.
    world.suspend(OTHER);
    let (there, line) = operator(&world, false).await;
    let (mut inbox, mut suspended) = (there.listen(&world, PEARL).await, there.listen(&world, OTHER).await);
    assert_eq!(line.put(signed_by(&world, OTHER, &acmt023(OTHER, PEARL, "X"))).await, None);
    assert_eq!(line.put(signed_by(&world, HARBOUR, &acmt023(HARBOUR, OTHER, "X"))).await, None);
    nothing_in(&mut inbox).await;
    nothing_in(&mut suspended).await;
}

#[tokio::test]
async fn a_question_that_comes_twice_is_put_once_and_answered_twice() {
    let world = world().await;
    let (there, line) = operator(&world, false).await;
    let mut inbox = there.listen(&world, PEARL).await;
    let question = question(&world);
    let answering = async {
        // Both are on their way before the bank answers.
        let asked = question_in(&mut inbox).await;
        nothing_in(&mut inbox).await;
        assert_eq!(there.send(&world, PEARL, &acmt024(PEARL, &asked, NameVerdict::Match)).await.status, 202);
    };
    let (first, second, ()) = tokio::join!(line.put(question.clone()), line.put(question.clone()), answering);
    assert!(first.is_some() && first == second, "both doors get the bank's message");
    nothing_in(&mut inbox).await;
    // Nobody waits any more: the same question is a new one.
    let (third, _) = tokio::join!(line.put(question), there.answer(&world, &mut inbox, NameVerdict::Match));
    assert!(third.is_some());
}

#[tokio::test]
async fn a_bank_has_so_many_questions_waiting_and_no_more() {
    let world = world().await;
    let (there, line) = operator(&world, false).await;
    // It was here a moment ago, and does not read now.
    assert_eq!(there.connect(&world, PEARL).await.get("/v1/inbox").await.status, 200);
    let questions: Vec<_> = (0..4).map(|_| question(&world)).collect();
    let began = Instant::now();
    let [a, b, c, d] = questions.try_into().unwrap();
    let last = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let began = Instant::now();
        assert_eq!(line.put(d).await, None);
        assert!(began.elapsed() < AT_ONCE, "it was not refused at once");
    };
    let (a, b, c, ()) = tokio::join!(line.put(a), line.put(b), line.put(c), last);
    assert_eq!((a, b, c), (None, None, None));
    assert!(began.elapsed() >= PATIENCE, "who was taken in waits for the bank");
}
