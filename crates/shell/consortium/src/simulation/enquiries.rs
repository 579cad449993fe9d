//! Questions between doors, over the simulated network and without an engine.

use super::runs::link;
use crate::enquiries::{A_SECOND, ASKED_MAX, Carrier, ENQUIRY_BYTES_MAX, Enquiries, Enquiry, enquiries};
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_p2p::simulated::{self, Network, Oracle};
use commonware_p2p::{Manager as _, Recipients, Sender as _};
use commonware_runtime::deterministic::{self, Context};
use commonware_runtime::{Clock as _, Quota, Runner as _, Spawner as _, Supervisor as _};
use commonware_utils::channel::mpsc;
use commonware_utils::ordered::Set;
use commonware_utils::{NZU32, NZUsize};
use std::sync::Arc;
use std::time::Duration;

const QUOTA: Quota = Quota::per_second(NZU32!(100_000));
const CHANNEL: u64 = 6;
/// What a message takes at most to another operator and back, with time to spare.
const SOON: Duration = Duration::from_millis(100);

type Sender = simulated::Sender<PublicKey, Context>;

/// Four operators; the last one is the test's, which says what it likes.
struct Town {
    context: Context,
    oracle: Oracle<PublicKey, Context>,
    keys: Vec<PublicKey>,
    doors: Vec<Enquiries>,
    liar: Sender,
    heard: simulated::Receiver<PublicKey>,
}

async fn town(context: &Context) -> Town {
    let keys: Vec<_> = (0..4).map(|seed| PrivateKey::from_seed(seed).public_key()).collect();
    let config = simulated::Config {
        max_size: 1 << 20,
        max_peers_per_set: NZUsize!(64),
        disconnect_on_block: true,
        tracked_peer_sets: NZUsize!(1),
    };
    let (network, oracle) = Network::new(context.child("network"), config);
    network.start();
    let _ = oracle.manager().track(0, Set::from_iter_dedup(keys.iter().cloned()));
    let mut channels = Vec::new();
    for from in &keys {
        channels.push(oracle.control(from.clone()).register(CHANNEL, QUOTA).await.unwrap());
        for to in keys.iter().filter(|to| *to != from) {
            oracle.add_link(from.clone(), to.clone(), link(1.0)).await.unwrap();
        }
    }
    let (liar, heard) = channels.pop().unwrap();
    let mut doors = Vec::new();
    for channel in channels {
        let (door, inbox) = enquiries();
        Carrier::new(context.child("enquiries"), inbox).start(channel);
        doors.push(door);
    }
    Town { context: context.child("town"), oracle, keys, doors, liar, heard }
}

fn play<F: Future<Output = ()>>(story: impl FnOnce(Town) -> F) {
    deterministic::Runner::timed(Duration::from_secs(60)).start(|context| async move {
        let town = town(&context).await;
        story(town).await;
    });
}

fn message(text: &str) -> Arc<[u8]> {
    text.as_bytes().into()
}

fn packet(kind: u8, number: u64, text: &[u8]) -> Vec<u8> {
    [&[kind], &number.to_le_bytes()[..], text].concat()
}

impl Town {
    /// A door whose bank answers, or that has none.
    fn attend(&self, door: usize, answer: Option<&'static str>) {
        let door = self.doors[door].clone();
        self.context.child("attend").spawn(move |_| async move {
            while let Some(Enquiry { message: asked, answer: reply }) = door.asked().await {
                if let Some(answer) = answer {
                    let text = format!("{answer} to {}", String::from_utf8_lossy(&asked));
                    let _ = reply.send(message(&text));
                }
            }
        });
    }

    /// The liar hears a question and its number.
    async fn hear(&mut self) -> (PublicKey, u8, u64, Vec<u8>) {
        use commonware_p2p::Receiver as _;
        let (from, bytes) = self.heard.recv().await.unwrap();
        let bytes = bytes.as_ref().to_vec();
        (from, bytes[0], u64::from_le_bytes(bytes[1..9].try_into().unwrap()), bytes[9..].to_vec())
    }

    fn lie(&mut self, to: usize, packet: Vec<u8>) {
        self.liar.send(Recipients::One(self.keys[to].clone()), packet, false);
    }
}

/// Everything that comes back, as text.
async fn all(mut answers: mpsc::Receiver<Arc<[u8]>>) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(answer) = answers.recv().await {
        texts.push(String::from_utf8_lossy(&answer).into_owned());
    }
    texts
}

#[test]
fn a_question_reaches_everybody_and_ends_when_all_have_spoken() {
    play(|mut town| async move {
        town.attend(1, Some("yes"));
        town.attend(2, None);
        let began = town.context.current();
        let answers = town.doors[0].ask(message("A")).unwrap();
        let (from, kind, number, text) = town.hear().await;
        assert_eq!((from, kind, text), (town.keys[0].clone(), 1, b"A".to_vec()));
        town.lie(0, packet(2, number, b"no"));
        // Said twice, to another question, to nobody, without end, without sense: none of it is heard.
        town.lie(0, packet(2, number, b"no, no"));
        town.lie(0, packet(2, number + 1, b"no"));
        town.lie(1, packet(2, number, b"no"));
        town.lie(0, packet(2, number, &[b'x'; ENQUIRY_BYTES_MAX + 1]));
        for nonsense in [&[][..], &[1], &[9, 0, 0, 0, 0, 0, 0, 0, 0], &packet(3, number, b"!")] {
            town.lie(0, nonsense.to_vec());
        }
        let mut said = all(answers).await;
        said.sort();
        assert_eq!(said, ["no", "yes to A"]);
        assert!(town.context.current().duration_since(began).unwrap() < SOON);
    });
}

#[test]
fn who_is_out_of_reach_is_waited_for_by_who_asks_and_nobody_else() {
    play(|mut town| async move {
        town.attend(1, Some("yes"));
        town.oracle.remove_link(town.keys[0].clone(), town.keys[2].clone()).await.unwrap();
        let mut answers = town.doors[0].ask(message("A")).unwrap();
        let (_, _, number, _) = town.hear().await;
        town.lie(0, packet(3, number, b""));
        assert_eq!(answers.recv().await.as_deref(), Some(&b"yes to A"[..]));
        town.context.sleep(SOON).await;
        assert!(answers.try_recv().is_err_and(|error| error == mpsc::error::TryRecvError::Empty), "the question has ended");
    });
}

#[test]
fn open_questions_have_a_limit_and_leave_room_when_nobody_waits() {
    play(|town| async move {
        let ask = || town.doors[0].ask(message("A"));
        assert!(town.doors[0].ask(vec![0; ENQUIRY_BYTES_MAX + 1].into()).is_none());
        let open: Vec<_> = (0..ASKED_MAX).map(|_| ask().unwrap()).collect();
        assert!(ask().is_none());
        town.context.sleep(SOON).await;
        assert!(ask().is_none());
        drop(open);
        town.context.sleep(Duration::from_secs(1)).await;
        assert!(ask().is_some());
    });
}

#[test]
fn an_operator_that_asks_without_end_is_told_nothing_and_disturbs_nobody() {
    play(|mut town| async move {
        town.attend(1, Some("yes"));
        let (asked, took) = (A_SECOND * 3, Duration::from_secs(1));
        for number in 0..asked {
            town.lie(1, packet(1, number, b"L"));
        }
        let (mut yes, mut nothing) = (0, 0);
        for _ in 0..asked {
            match town.hear().await {
                (_, 2, _, text) if text == b"yes to L" => yes += 1,
                (_, 3, _, text) if text.is_empty() => nothing += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(yes <= A_SECOND + A_SECOND / 10 && yes > 0, "{yes} were taken");
        assert_eq!(yes + nothing, asked);
        // Another operator's question is answered all the while, and the flood's maker may ask again later.
        let mut answers = town.doors[0].ask(message("A")).unwrap();
        assert_eq!(answers.recv().await.as_deref(), Some(&b"yes to A"[..]));
        town.context.sleep(took).await;
        town.lie(1, packet(1, asked, b"L"));
        loop {
            match town.hear().await {
                (_, 1, _, _) => {}
                (_, kind, number, _) => break assert_eq!((kind, number), (2, asked)),
            }
        }
    });
}

#[test]
fn a_door_that_says_nothing_has_so_many_questions_and_ten_seconds() {
    play(|mut town| async move {
        // Nobody reads at door 1: what waits there waits.
        let asked = crate::enquiries::WAITING_MAX as u64 + 10;
        let began = town.context.current();
        for number in 0..asked {
            town.lie(1, packet(1, number, b"L"));
        }
        let since = |town: &Town| town.context.current().duration_since(began).unwrap();
        for _ in 0..10 {
            assert_eq!(town.hear().await.1, 3);
        }
        assert!(since(&town) < SOON, "those above the limit are told so at once");
        for _ in 10..asked {
            assert_eq!(town.hear().await.1, 3);
        }
        assert!(since(&town) >= Duration::from_secs(10) && since(&town) < Duration::from_secs(11));
    });
}
