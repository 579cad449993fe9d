//! Other operators' doors: a payee check whose bank listens at one of them goes there, and its answer comes back.
//!
//! What passes between doors is what the two banks signed, as they signed it, and each door verifies for itself: the one that is
//! asked, that a live participant asks; the one that asked, that the answer is of the bank asked and to this question. The
//! question's identification is made of its signed bytes ([`question_id`]), so an answer fits no other. Whoever carries
//! messages between doors can lose them and no more.
//!
//! # Not here
//! How doors reach each other: [`OtherDoors`] is given to the hub. That a bank is asked by its own door what the asker wrote,
//! it takes from its door, as it takes everything in its inbox.
//!
//! # Limits
//! [`OPEN_MAX`] questions of other doors wait at once, each as long as an own one; whoever carries them has limits of its own.

use crate::aliases;
use crate::auth::{key_of, key_owner};
use crate::door::{Door, stopped};
use crate::limits::Gauge;
use crate::payee::{self, Waiting};
use crate::proof;
use crate::registry::Participant;
use crate::wire::{self, PayeeReply, Taken};
use clearing::{Bic, Time};
use core::fmt;
use iso20022::rules::RuleSettings;
use signing::{Fields, Request, verify_request};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Questions of other doors that wait at once: the items of four inboxes full of them.
const OPEN_MAX: u32 = 1024;

/// A message with the fields that sign it, as the vault keeps it.
pub type SignedMessage = Arc<[u8]>;

/// The doors of other operators, through whatever joins them.
pub trait OtherDoors: fmt::Debug + Send + Sync + 'static {
    /// Puts a question to every other door. What comes back nobody has verified; its end says that no door has another answer.
    /// Dropping it takes the question back. `None`: too many questions are open.
    fn ask(&self, question: SignedMessage) -> Option<mpsc::Receiver<SignedMessage>>;

    /// Waits for the next question of another door; `None`: none will come.
    fn asked(&self) -> Pin<Box<dyn Future<Output = Option<AskedHere>> + Send + '_>>;
}

/// A question of another door. Nobody has verified it.
#[derive(Debug)]
pub struct AskedHere {
    /// What was asked.
    pub question: SignedMessage,
    /// Takes the answer. Dropped: this door has none.
    pub answer: oneshot::Sender<SignedMessage>,
}

/// What the asked bank is to name in its answer: half of the SHA-256 of the signed question, as 32 hexadecimal digits.
pub(crate) fn question_id(question: &[u8]) -> String {
    chain::sha256(question).0[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why a door has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// The bank does not listen here: the usual reason.
    NotHere,
    /// Too much waits.
    Full,
    /// The question is not what it must be: whoever carried it should have known.
    Refused(&'static str),
}

/// Answers other doors' questions until the gateway stops.
pub(crate) async fn serve(door: Arc<Door>, doors: Arc<dyn OtherDoors>) {
    let places = Gauge::new(OPEN_MAX);
    let mut stopping = door.stopping.clone();
    loop {
        let asked = tokio::select! {
            biased;
            () = stopped(&mut stopping) => return,
            asked = doors.asked() => asked,
        };
        let Some(AskedHere { question, answer }) = asked else { return };
        // Without a place it is dropped with its answer, which says that there is none.
        let Some(place) = places.enter() else { continue };
        let world = Arc::clone(&door.world);
        let door = Arc::clone(&door);
        world.spawn(Box::pin(async move {
            if is_look_up(&question) {
                if let Some(found) = aliases::answer_elsewhere(&door, &question).await {
                    let _ = answer.send(found);
                }
                return drop(place);
            }
            match put(&door, &question) {
                Ok(waiting) => {
                    if let Some(answered) = waiting.wait(&door).await {
                        // The door that asked may have given up.
                        let _ = answer.send(Arc::clone(&answered.signed));
                    }
                }
                Err(Silence::NotHere) => {}
                Err(why @ (Silence::Full | Silence::Refused(_))) => {
                    tracing::warn!(?why, "another operator's payee check is not put to the bank");
                }
            }
            drop(place);
        }));
    }
}

/// Puts another door's question into the asked bank's inbox.
fn put(door: &Door, question: &[u8]) -> Result<Waiting, Silence> {
    let (asker, taken) = read(door, question).map_err(Silence::Refused)?;
    let Taken::PayeeCheck(check) = taken else { return Err(Silence::Refused("it is no payee check")) };
    if !asker.view.status.sends() {
        return Err(Silence::Refused("the asker is suspended"));
    }
    let asked = door.hub.registry.by_bic(check.asked).ok_or(Silence::NotHere)?;
    let now = door.world.now_ns();
    if !asked.receives(now) || !asked.lane.is_online(now) {
        return Err(Silence::NotHere);
    }
    let id = question_id(question);
    let waiting = door.payee_checks.wait_for(asked.id(), &id).ok_or(Silence::Full)?;
    payee::offer(door, &asked, &waiting, &check).then_some(waiting).ok_or(Silence::Full)
}

/// The asked bank's reply, if that is what another door sent.
pub(crate) fn read_reply(door: &Door, asked: &Participant, id: &str, message: &[u8]) -> Result<PayeeReply, &'static str> {
    let (from, taken) = read(door, message)?;
    if from.id() != asked.id() {
        return Err("another bank signed it");
    }
    match taken {
        Taken::PayeeAnswer(reply) if reply.view.verification_id == id => Ok(*reply),
        Taken::PayeeAnswer(_) => Err("it answers another question"),
        Taken::Payment(_)
        | Taken::Report(_)
        | Taken::StatusRequest(_)
        | Taken::PayeeCheck(_)
        | Taken::Presence(..)
        | Taken::Transfer(_)
        | Taken::Interbank(_)
        | Taken::Receipt(_)
        | Taken::StatementRequest(_)
        | Taken::AccountQuery(_)
        | Taken::PaymentQuery(_)
        | Taken::Return(_)
        | Taken::CancellationAnswer(_)
        | Taken::Cancellation(_)
        | Taken::Request(_)
        | Taken::RequestReply(_)
        | Taken::RequestWithdrawal(_)
        | Taken::Mandate(_)
        | Taken::MandateAmendment(_)
        | Taken::MandateReply(_)
        | Taken::Pulled(_)
        | Taken::CollectionRefusal(_) => Err("it is no answer"),
    }
}

/// A message as a participant sent it to its own door, with who signed it.
fn read(door: &Door, message: &[u8]) -> Result<(Arc<Participant>, Taken), &'static str> {
    let (sender, body) = read_signed(door, message, "/v1/messages")?;
    let (from, taken) = wire::read(body, &rules_for(door, sender.view.bic)).map_err(|_| "it is not of the scheme")?;
    if from == sender.view.bic { Ok((sender, taken)) } else { Err("it is from somebody else") }
}

/// Whether a question is a look-up of an alias, whose body is JSON, and no payee check.
fn is_look_up(question: &[u8]) -> bool {
    proof::split(question).is_some_and(|(_, body)| body.first() == Some(&b'{'))
}

/// A body that a participant signed for this path, with who did.
pub(crate) fn read_signed<'m>(door: &Door, message: &'m [u8], path: &str) -> Result<(Arc<Participant>, &'m [u8]), &'static str> {
    let (head, body) = proof::split(message).ok_or("it is no signed message")?;
    if body.len() > door.config.limits.body_bytes_max {
        return Err("it is too long");
    }
    let fields = head.as_slice();
    let fields: &dyn Fields = &fields;
    let request = Request { method: "POST", path, authority: "", fields };
    let owner = |key_id: &str| door.hub.registry.by_bic(key_owner(key_id)?.0);
    let now = Time(door.world.now_ns());
    let keys = |key_id: &str| key_of(&owner(key_id)?.view, key_owner(key_id)?.1, now);
    let valid = verify_request(&request, body, door.world.now_s(), &keys).map_err(|_| "its signature does not verify")?;
    let sender = owner(valid.key_id()).ok_or("nobody has its key")?;
    Ok((sender, body))
}

/// The rules of a message this participant signed, as its own door applies them.
pub(crate) fn rules_for(door: &Door, signer: Bic) -> RuleSettings {
    RuleSettings { now: Some(door.world.now_ns()), signer: Some(signer.to_string()), ..door.rules.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_known_by_its_bytes() {
        assert_eq!(question_id(b""), "e3b0c44298fc1c149afbf4c8996fb924");
        assert_ne!(question_id(b"a"), question_id(b"b"));
    }
}
