//! A participant's word of itself (`admi.004`): that it will not be there, or is there again.

use crate::admission::Permit;
use crate::answer;
use crate::auth::Authenticated;
use crate::door::Door;
use crate::http::{Answer, empty};
use crate::refusal::{GatewayRefusal, Problem};
use crate::wire::Fault;
use clearing::{Absence, Command, Notice, Outcome, ParticipantId, Says, Time};
use iso20022::view::PresenceNoticeView;
use std::sync::Arc;

/// Enters the notice and answers when it is durable.
pub(crate) async fn take(
    door: &Arc<Door>,
    request: &Authenticated,
    message_id: &str,
    view: PresenceNoticeView,
    permit: Permit,
) -> Result<Answer, Problem> {
    let attachment = Some(request.to_vault());
    let pending = door.submit(command(view, request.sender().id()), attachment, false)?;
    let outcome = pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?;
    permit.durable();
    match outcome {
        Outcome::Done => Ok(empty(200)),
        Outcome::Refused(refusal) => answer::fault(door, request, &Fault::of_code(message_id, refusal)),
        other @ (Outcome::Registered(_)
        | Outcome::Quoted(_)
        | Outcome::Payment { .. }
        | Outcome::Waiting { .. }
        | Outcome::Matter { .. }) => {
            unreachable!("a notice is taken or refused, not {other:?}")
        }
    }
}

/// The command a notice asks for: the same at the door and wherever another operator checks it.
pub(crate) fn command(view: PresenceNoticeView, participant: ParticipantId) -> Command {
    let says = match view {
        PresenceNoticeView::Offline { from, until } => {
            Says::Offline(Absence { from: Time(from.unwrap_or(0)), until: Time(until.unwrap_or(u64::MAX)) })
        }
        PresenceNoticeView::Online => Says::Online,
    };
    Command::Notice(Notice { participant, says })
}
