//! The payee check: one bank asks, through the centre, whether an account at another bank has the name it was given.
//!
//! Nothing of it is in the chain: the question goes to the asked bank's inbox as an item without a place, and whoever asked
//! waits for the answer. Silence is not an answer: after [`crate::Limits::payee_check_timeout`] the asker is told that there
//! was none.

use crate::auth::Authenticated;
use crate::door::Door;
use crate::http::{Answer, XML, empty};
use crate::refusal::{GatewayRefusal, Problem};
use crate::registry::LiveItem;
use crate::wire::{self, PayeeCheck, PayeeReply};
use clearing::ParticipantId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Checks that wait for an answer, by who was asked and the identification the centre gave the question.
#[derive(Debug, Default)]
pub(crate) struct PayeeChecks(Mutex<HashMap<(ParticipantId, String), oneshot::Sender<PayeeReply>>>);

impl PayeeChecks {
    fn wait_for(&self, asked: ParticipantId, id: &str) -> oneshot::Receiver<PayeeReply> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((asked, id.to_owned()), sender);
        receiver
    }

    fn take(&self, asked: ParticipantId, id: &str) -> Option<oneshot::Sender<PayeeReply>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(asked, id.to_owned()))
    }
}

/// `acmt.023`: asks, waits, answers with `acmt.024`.
pub(crate) async fn check(door: &Arc<Door>, request: &Authenticated, check: &PayeeCheck) -> Result<Answer, Problem> {
    if !request.sender().is_live() {
        return Err(GatewayRefusal::Suspended.into());
    }
    let reply = ask(door, check).await?;
    let message = wire::payee_answer(door, request.sender().view.bic, check, reply.as_ref());
    Ok(door.signed(200, XML, message, request.digest_field()))
}

/// The asked bank's reply; `None` if it is offline, unknown or silent.
async fn ask(door: &Arc<Door>, check: &PayeeCheck) -> Result<Option<PayeeReply>, Problem> {
    let Some(asked) = door.hub.registry.by_bic(check.asked) else { return Ok(None) };
    let now = door.world.now_ns();
    if !asked.is_live() || !asked.lane.is_online(now) {
        return Ok(None);
    }
    let id = door.world.uuid().simple().to_string();
    let patience = door.config.limits.payee_check_timeout;
    let message = wire::payee_question(door, asked.view.bic, &id, check);
    let item = LiveItem {
        message_type: wire::PAYEE_QUESTION,
        message: message.into(),
        expires_at_ns: now.saturating_add(u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX)),
    };
    let receiver = door.payee_checks.wait_for(asked.id(), &id);
    if !asked.lane.offer(item, now) {
        door.payee_checks.take(asked.id(), &id);
        return Err(GatewayRefusal::Overloaded.into());
    }
    let reply = tokio::time::timeout(patience, receiver).await;
    door.payee_checks.take(asked.id(), &id);
    Ok(reply.ok().and_then(Result::ok))
}

/// `acmt.024` from the asked bank.
pub(crate) fn answer(door: &Arc<Door>, request: &Authenticated, reply: PayeeReply) -> Result<Answer, Problem> {
    let waiting =
        door.payee_checks.take(request.sender().id(), &reply.view.verification_id).ok_or(GatewayRefusal::UnknownCheck)?;
    // The asker may have given up in this very moment; the answer then changes nothing.
    let _ = waiting.send(reply);
    Ok(empty(202))
}
