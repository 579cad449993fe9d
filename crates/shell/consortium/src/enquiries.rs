//! Enquiries: a question of one operator's door to all the others, and what they say to it. Carried, and forgotten.
//!
//! Nothing of it is in a block, the pool or a file. Three kinds of packets on a channel of their own, little endian:
//! ```text
//! 1  question  u64 number, message    to everybody
//! 2  answer    u64 number, message    to who asked
//! 3  nothing   u64 number             to who asked: this operator has no answer, or takes no more questions now
//! ```
//! An operator says one thing to a question. When all have, whoever asked need not wait any longer.
//!
//! # Not here
//! What a message says and who signed it: both doors look for themselves. An operator that lies can say nothing, which is as if
//! it were away, or say what the door that asked refuses.
//!
//! # Limits
//! [`ASKED_MAX`] own questions are open at once, [`WAITING_MAX`] of one other operator, of whom [`A_SECOND`] are taken in a
//! second; a message has at most [`ENQUIRY_BYTES_MAX`] bytes. Beyond that the answer is nothing, at once.

use commonware_cryptography::ed25519::PublicKey;
use commonware_macros::select_loop;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::{Clock, ContextCell, Handle, Metrics, Spawner, spawn_cell};
use commonware_utils::channel::{mpsc, oneshot};
use commonware_utils::futures::Pool;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// Bytes of a message at most: a body of 64 KiB, and what signs it.
pub const ENQUIRY_BYTES_MAX: usize = 80 << 10;
/// Own questions open at once: two hundred a second that all wait five.
pub const ASKED_MAX: usize = 1024;
/// Questions of one other operator that wait for our door at once.
pub const WAITING_MAX: usize = 256;
/// Questions taken of one other operator in a second, and at one moment. With what is said to them it stays below what the
/// network carries on a channel.
pub const A_SECOND: u64 = 500;
/// How long our door may take; it has an answer well before, or none.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often questions are looked through for those nobody waits for any more.
const LOOK: Duration = Duration::from_millis(250);

const QUESTION: u8 = 1;
const ANSWER: u8 = 2;
const NOTHING: u8 = 3;

/// A message as it is carried.
pub type Carried = Arc<[u8]>;

/// Another operator's question to our door.
#[derive(Debug)]
pub struct Enquiry {
    /// What it asks.
    pub message: Carried,
    /// Takes the answer. Dropped: there is none here.
    pub answer: oneshot::Sender<Carried>,
}

/// Our door's side. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Enquiries {
    asks: mpsc::UnboundedSender<Ask>,
    places: Arc<Semaphore>,
    asked: Arc<Mutex<mpsc::Receiver<Enquiry>>>,
}

/// A question of our own.
#[derive(Debug)]
pub(crate) struct Ask {
    message: Carried,
    answers: mpsc::Sender<Carried>,
    place: OwnedSemaphorePermit,
}

impl Enquiries {
    /// Asks every operator within reach. Answers come as they were sent; their end says that nobody has another. Who drops them
    /// does not wait any more. `None`: too many questions are open, or this one is too long.
    pub fn ask(&self, message: Carried) -> Option<mpsc::Receiver<Carried>> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        if message.len() > ENQUIRY_BYTES_MAX {
            return None;
        }
        // One answer of each operator: there is always room.
        let (answers, receiver) = mpsc::channel(crate::engine::PEERS_MAX as usize);
        // Nobody takes it when the node has stopped: then the answers end at once.
        let _ = self.asks.send(Ask { message, answers, place });
        Some(receiver)
    }

    /// Waits for the next question of another operator; `None`: the node has stopped.
    pub async fn asked(&self) -> Option<Enquiry> {
        self.asked.lock().await.recv().await
    }
}

/// What the task has to work with.
pub(crate) struct Inbox {
    asks: mpsc::UnboundedReceiver<Ask>,
    asked: mpsc::Sender<Enquiry>,
}

/// Both ends.
pub(crate) fn enquiries() -> (Enquiries, Inbox) {
    // Bounded by the places.
    let (asks, ask_receiver) = mpsc::unbounded_channel();
    let (asked, asked_receiver) = mpsc::channel(WAITING_MAX);
    let places = Arc::new(Semaphore::new(ASKED_MAX));
    let handle = Enquiries { asks, places, asked: Arc::new(Mutex::new(asked_receiver)) };
    (handle, Inbox { asks: ask_receiver, asked })
}

/// A question of our own that is open.
struct Open {
    /// Who has said nothing yet.
    silent: BTreeSet<PublicKey>,
    answers: mpsc::Sender<Carried>,
    _place: OwnedSemaphorePermit,
}

/// Another operator, as far as it asks.
#[derive(Debug, Default)]
struct Asker {
    waiting: usize,
    /// When it may ask [`A_SECOND`] times at once again, in nanoseconds of our clock.
    rested_ns: u64,
}

impl Asker {
    /// Takes one more question, if it may ask one.
    fn take(&mut self, now_ns: u64) -> bool {
        const SECOND_NS: u64 = 1_000_000_000;
        let rested_ns = self.rested_ns.max(now_ns) + SECOND_NS / A_SECOND;
        let taken = self.waiting < WAITING_MAX && rested_ns <= now_ns.saturating_add(SECOND_NS);
        if taken {
            self.rested_ns = rested_ns;
            self.waiting += 1;
        }
        taken
    }

    fn is_at_rest(&self, now_ns: u64) -> bool {
        self.waiting == 0 && self.rested_ns <= now_ns
    }
}

/// What our door says to another operator's question.
struct Said {
    to: PublicKey,
    number: u64,
    message: Option<Carried>,
}

/// The task that carries questions and answers.
pub(crate) struct Carrier<E> {
    context: ContextCell<E>,
    inbox: Inbox,
    open: BTreeMap<u64, Open>,
    next: u64,
    askers: BTreeMap<PublicKey, Asker>,
    sayings: Pool<'static, Said>,
}

impl<E: Spawner + Clock + Metrics> Carrier<E> {
    pub(crate) fn new(context: E, inbox: Inbox) -> Self {
        // An answer to an earlier run's question finds none with its number.
        let next = now_ns(&context);
        let context = ContextCell::new(context);
        Self { context, inbox, open: BTreeMap::new(), next, askers: BTreeMap::new(), sayings: Pool::default() }
    }

    pub(crate) fn start(
        mut self,
        network: (impl Sender<PublicKey = PublicKey>, impl Receiver<PublicKey = PublicKey>),
    ) -> Handle<()> {
        spawn_cell!(self.context, self.run(network))
    }

    async fn run(
        mut self,
        (mut sender, mut receiver): (impl Sender<PublicKey = PublicKey>, impl Receiver<PublicKey = PublicKey>),
    ) {
        select_loop! {
            self.context,
            on_stopped => {},
            Some(ask) = self.inbox.asks.recv() else return => self.ask(ask, &mut sender),
            packet = receiver.recv() => {
                let Ok((from, packet)) = packet else { return };
                self.receive(&from, packet.as_ref(), &mut sender);
            },
            said = self.sayings.next_completed() => self.say(said, &mut sender),
            _ = self.context.as_present().sleep(LOOK) => self.look(),
        }
    }

    fn ask(&mut self, Ask { message, answers, place }: Ask, sender: &mut impl Sender<PublicKey = PublicKey>) {
        self.look();
        let number = self.next;
        self.next += 1;
        let asked = sender.send(Recipients::All, packet(QUESTION, number, &message), false);
        // With nobody to ask the answers end here.
        if !asked.is_empty() {
            self.open.insert(number, Open { silent: asked.into_iter().collect(), answers, _place: place });
        }
    }

    fn receive(&mut self, from: &PublicKey, packet: &[u8], sender: &mut impl Sender<PublicKey = PublicKey>) {
        match read(packet) {
            Some((QUESTION, number, message)) => self.question(from, number, message, sender),
            Some((ANSWER, number, message)) => self.answered(from, number, Some(message)),
            Some((NOTHING, number, [])) => self.answered(from, number, None),
            Some(_) | None => tracing::warn!(?from, "an operator sent an enquiry that cannot be read"),
        }
    }

    /// Another operator's question goes to our door.
    fn question(&mut self, from: &PublicKey, number: u64, message: &[u8], sender: &mut impl Sender<PublicKey = PublicKey>) {
        let now_ns = now_ns(self.context.as_present());
        let (answer, said) = oneshot::channel();
        let enquiry = Enquiry { message: message.into(), answer };
        let asker = self.askers.entry(from.clone()).or_default();
        if !asker.take(now_ns) {
            sender.send(Recipients::One(from.clone()), packet(NOTHING, number, &[]), false);
            return;
        }
        // A door that is too busy, or gone, drops it: that says nothing as well.
        let _ = self.inbox.asked.try_send(enquiry);
        let (to, late) = (from.clone(), self.context.as_present().sleep(PATIENCE));
        self.sayings.push(async move {
            let message = match futures_util::future::select(said, Box::pin(late)).await {
                futures_util::future::Either::Left((said, _)) => said.ok(),
                futures_util::future::Either::Right(_) => None,
            };
            Said { to, number, message: message.filter(|message| message.len() <= ENQUIRY_BYTES_MAX) }
        });
    }

    /// Our door has an answer, or none.
    fn say(&mut self, said: Said, sender: &mut impl Sender<PublicKey = PublicKey>) {
        let Said { to, number, message } = said;
        if let Some(asker) = self.askers.get_mut(&to) {
            asker.waiting = asker.waiting.saturating_sub(1);
        }
        let packet = match message {
            Some(message) => packet(ANSWER, number, &message),
            None => packet(NOTHING, number, &[]),
        };
        sender.send(Recipients::One(to), packet, false);
    }

    /// Another operator has said what it has to say. What it says twice, or to what it was not asked, is not heard.
    fn answered(&mut self, from: &PublicKey, number: u64, message: Option<&[u8]>) {
        let Some(open) = self.open.get_mut(&number) else { return };
        if !open.silent.remove(from) {
            return;
        }
        if let Some(message) = message {
            // Who asked may have gone.
            let _ = open.answers.try_send(message.into());
        }
        if open.silent.is_empty() {
            self.open.remove(&number);
        }
    }

    /// Forgets questions nobody waits for, and who asks none.
    fn look(&mut self) {
        let now_ns = now_ns(self.context.as_present());
        self.open.retain(|_, open| !open.answers.is_closed());
        self.askers.retain(|_, asker| !asker.is_at_rest(now_ns));
    }
}

fn now_ns(clock: &impl Clock) -> u64 {
    u64::try_from(clock.current().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

fn packet(kind: u8, number: u64, message: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(9 + message.len());
    packet.push(kind);
    packet.extend_from_slice(&number.to_le_bytes());
    packet.extend_from_slice(message);
    packet
}

/// Kind, number and message of a packet that is not too long.
fn read(packet: &[u8]) -> Option<(u8, u64, &[u8])> {
    let (&kind, rest) = packet.split_first()?;
    let (number, message) = rest.split_first_chunk::<8>()?;
    (message.len() <= ENQUIRY_BYTES_MAX).then_some((kind, u64::from_le_bytes(*number), message))
}
