//! The payee check: one bank asks, through the centre, whether an account at another bank has the name it was given.
//!
//! Nothing of it is in the chain: the question goes to the asked bank's inbox as an item without a place, and whoever asked
//! waits for the answer. Where several operators share the chain the bank may listen at another one's door: then the question
//! goes there as well (`elsewhere.rs`). Silence is not an answer: after [`crate::Limits::payee_check_timeout`] the asker is
//! told that there was none.

use crate::auth::Authenticated;
use crate::door::Door;
use crate::elsewhere::{self, SignedMessage, question_id};
use crate::http::{Answer, XML, empty};
use crate::refusal::{GatewayRefusal, Problem};
use crate::registry::{LiveItem, Participant};
use crate::wire::{self, PayeeCheck, PayeeReply};
use clearing::ParticipantId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// Who may wait for the answer to one and the same question: as many doors as pass it on, and some.
const WAITERS_MAX: usize = 64;

/// What the asked bank said, and the message in which it did.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) reply: PayeeReply,
    pub(crate) signed: SignedMessage,
}

/// Checks that wait for an answer, by who was asked and the identification of the question there.
#[derive(Debug, Clone, Default)]
pub(crate) struct PayeeChecks(Arc<Mutex<Waiters>>);

type Waiters = HashMap<(ParticipantId, String), Vec<oneshot::Sender<Arc<Answered>>>>;

impl PayeeChecks {
    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits from now on; `None`: too many wait for this one.
    pub(crate) fn wait_for(&self, asked: ParticipantId, id: &str) -> Option<Waiting> {
        let (sender, answer) = oneshot::channel();
        let mut checks = self.lock();
        let waiters = checks.entry((asked, id.to_owned())).or_default();
        let first = waiters.is_empty();
        (waiters.len() < WAITERS_MAX).then(|| {
            waiters.push(sender);
            Waiting { checks: self.clone(), asked, id: id.to_owned(), first, answer }
        })
    }

    /// Forgets who does not wait any more.
    fn sweep(&self, asked: ParticipantId, id: &mut String) {
        if let Entry::Occupied(mut waiters) = self.lock().entry((asked, core::mem::take(id))) {
            waiters.get_mut().retain(|waiter| !waiter.is_closed());
            if waiters.get().is_empty() {
                waiters.remove();
            }
        }
    }

    fn take(&self, asked: ParticipantId, id: &str) -> Vec<oneshot::Sender<Arc<Answered>>> {
        self.lock().remove(&(asked, id.to_owned())).unwrap_or_default()
    }
}

/// One that waits for a bank's answer, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    checks: PayeeChecks,
    asked: ParticipantId,
    id: String,
    /// Nobody waited for this answer before: the bank is to be asked.
    first: bool,
    answer: oneshot::Receiver<Arc<Answered>>,
}

impl Waiting {
    /// The answer given at this door, as long as one may take.
    pub(crate) async fn wait(mut self, door: &Door) -> Option<Arc<Answered>> {
        let answered = tokio::time::timeout(door.config.limits.payee_check_timeout, &mut self.answer).await;
        answered.ok().and_then(Result::ok)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.answer.close();
        self.checks.sweep(self.asked, &mut self.id);
    }
}

/// `acmt.023`: asks, waits, answers with `acmt.024`.
pub(crate) async fn check(door: &Arc<Door>, request: &Authenticated, check: &PayeeCheck) -> Result<Answer, Problem> {
    if !request.sender().view.status.sends() {
        return Err(GatewayRefusal::Suspended.into());
    }
    let answered = ask(door, request, check).await?;
    let message = wire::payee_answer(door, request.sender().view.bic, check, answered.as_ref());
    Ok(door.signed(200, XML, message, request.digest_field()))
}

/// The asked bank's reply; `None` if it is offline, unknown or silent.
async fn ask(door: &Arc<Door>, request: &Authenticated, check: &PayeeCheck) -> Result<Option<PayeeReply>, Problem> {
    let Some(asked) = door.hub.registry.by_bic(check.asked) else { return Ok(None) };
    if !asked.receives(door.world.now_ns()) {
        return Ok(None);
    }
    let here = asked.lane.is_online(door.world.now_ns());
    // Who reads here now is looked for nowhere else; who did a minute ago may have turned to another door.
    let doors = door.hub.other_doors().filter(|_| !asked.lane.is_read());
    if !here && doors.is_none() {
        return Ok(None);
    }
    let full = || Problem::from(GatewayRefusal::Overloaded);
    let (id, away) = match doors {
        Some(doors) => {
            let question = request.to_vault();
            (question_id(&question), Some(doors.ask(question).ok_or_else(full)?))
        }
        None => (door.world.uuid().simple().to_string(), None),
    };
    let mut waiting = door.payee_checks.wait_for(asked.id(), &id).ok_or_else(full)?;
    if here && !offer(door, &asked, &waiting, check) {
        return Err(full());
    }
    let patience = door.config.limits.payee_check_timeout;
    Ok(tokio::time::timeout(patience, reply(door, &asked, &mut waiting, here, away)).await.unwrap_or_default())
}

/// Puts the question into the asked bank's inbox, unless it is there; `false` when too many wait.
pub(crate) fn offer(door: &Door, asked: &Participant, waiting: &Waiting, check: &PayeeCheck) -> bool {
    if !waiting.first {
        return true;
    }
    let now = door.world.now_ns();
    let patience = door.config.limits.payee_check_timeout;
    let item = LiveItem {
        message_type: wire::PAYEE_QUESTION,
        message: wire::payee_question(door, asked.view.bic, &waiting.id, check).into(),
        expires_at_ns: now.saturating_add(u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX)),
    };
    asked.lane.offer(item, now)
}

/// The first true reply, from wherever. `None`: it can come from nowhere.
async fn reply(
    door: &Door,
    asked: &Participant,
    waiting: &mut Waiting,
    here: bool,
    mut away: Option<mpsc::Receiver<SignedMessage>>,
) -> Option<PayeeReply> {
    loop {
        let message = tokio::select! {
            biased;
            answered = &mut waiting.answer => return answered.ok().map(|answered| answered.reply.clone()),
            message = next(&mut away) => message,
        };
        match message.map(|message| elsewhere::read_reply(door, asked, &waiting.id, &message)) {
            Some(Ok(reply)) => return Some(reply),
            Some(Err(why)) => {
                tracing::warn!(why, bank = %asked.view.bic, "another operator passed on what is not the bank's answer");
            }
            None if here => away = None,
            None => return None,
        }
    }
}

async fn next(away: &mut Option<mpsc::Receiver<SignedMessage>>) -> Option<SignedMessage> {
    match away {
        Some(away) => away.recv().await,
        None => std::future::pending().await,
    }
}

/// `acmt.024` from the asked bank.
pub(crate) fn answer(door: &Arc<Door>, request: &Authenticated, reply: PayeeReply) -> Result<Answer, Problem> {
    let waiters = door.payee_checks.take(request.sender().id(), &reply.view.verification_id);
    if waiters.is_empty() {
        return Err(GatewayRefusal::UnknownCheck.into());
    }
    let answered = Arc::new(Answered { reply, signed: request.to_vault() });
    for waiter in waiters {
        // The asker may have given up in this very moment; the answer then changes nothing.
        let _ = waiter.send(Arc::clone(&answered));
    }
    Ok(empty(202))
}
