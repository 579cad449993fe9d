//! Money in from and out to settlement agents: `camt.050` from a participant, `camt.025` from the agent.
//!
//! A wish is answered at once with a `camt.025` that says `PDNG`; what became of it comes as an item of the inbox. The agent
//! finds wishes in its own inbox and answers them with `camt.025`. One that names the account of somebody its sender sponsors is no
//! wish: see `sponsorships`.

use crate::admission::Permit;
use crate::answer;
use crate::auth::Authenticated;
use crate::door::Door;
use crate::http::{Answer, XML, empty};
use crate::refusal::{GatewayRefusal, Problem};
use crate::sponsorships;
use crate::wire::{self, Fault};
use clearing::{
    AnswerTransfer, AskTransfer, Command, FundDirection, IsoReason, Outcome, ParticipantId, SettlementCommand, TransferVerdict,
};
use iso20022::view::{LiquidityTransferView, ReceiptStatus, ReceiptView};
use std::sync::Arc;

/// `camt.050`: enters the wish and answers when it is durable.
pub(crate) async fn ask(
    door: &Arc<Door>,
    request: &Authenticated,
    asked: &LiquidityTransferView,
    permit: Permit,
) -> Result<Answer, Problem> {
    let sender = &request.sender().view;
    if asked.participant != sender.bic.as_str() && sponsorships::is_square(door, sender.id, asked) {
        return sponsorships::square(door, request, asked, permit).await;
    }
    if asked.participant != sender.bic.as_str() {
        let field = if asked.is_top_up { "Cdtr" } else { "Dbtr" };
        return Err(Problem::from(GatewayRefusal::NotSender).with_field(field));
    }
    let outcome = enter(door, request, ask_command(asked, sender.id), permit).await?;
    let (status, says) = match outcome {
        None => (200, ReceiptStatus::Pending),
        Some(refusal) => (refusal.http_status(), ReceiptStatus::Refused(refusal.iso_reason().to_string())),
    };
    let words = outcome.map(|refusal| format!("{} {refusal}", refusal.code()));
    let message = wire::receipt(door, sender.bic, asked.uetr, says, words);
    Ok(door.signed(status, XML, message, request.digest_field()))
}

/// `camt.025`: the settlement agent's word on a transfer.
pub(crate) async fn answer(
    door: &Arc<Door>,
    request: &Authenticated,
    receipt: &ReceiptView,
    permit: Permit,
) -> Result<Answer, Problem> {
    let command = answer_command(receipt, request.sender().id());
    let command = command.ok_or_else(|| {
        Problem::from(GatewayRefusal::MessageNotTaken).with_field("ReqHdlg/StsCd").with_detail("ACSC, or RJCT with an ISO reason")
    })?;
    match enter(door, request, command, permit).await? {
        None => Ok(empty(200)),
        Some(refusal) => answer::fault(door, request, &Fault::of_code(&receipt.message_id, refusal)),
    }
}

pub(crate) async fn enter(
    door: &Arc<Door>,
    request: &Authenticated,
    command: Command,
    permit: Permit,
) -> Result<Option<clearing::Refusal>, Problem> {
    let pending = door.submit(command, Some(request.to_vault()), false)?;
    let outcome = pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?;
    permit.durable();
    match outcome {
        Outcome::Done => Ok(None),
        Outcome::Refused(refusal) => Ok(Some(refusal)),
        other @ (Outcome::Registered(_)
        | Outcome::Quoted(_)
        | Outcome::Payment { .. }
        | Outcome::Waiting { .. }
        | Outcome::Matter { .. }) => {
            unreachable!("a transfer is taken or refused, not {other:?}")
        }
    }
}

/// The command a wish asks for: the same at the door and wherever another operator checks it.
pub(crate) fn ask_command(asked: &LiquidityTransferView, participant: ParticipantId) -> Command {
    Command::Settle(SettlementCommand::Ask(AskTransfer {
        reference: asked.uetr,
        participant,
        currency: asked.amount.currency.code,
        direction: if asked.is_top_up { FundDirection::In } else { FundDirection::Out },
        amount: asked.amount.minor,
    }))
}

/// The command an agent's receipt asks for; `None`: it says nothing yet, or refuses without a reason of four characters.
pub(crate) fn answer_command(receipt: &ReceiptView, agent: ParticipantId) -> Option<Command> {
    let verdict = match &receipt.status {
        ReceiptStatus::Done => TransferVerdict::Done,
        ReceiptStatus::Refused(reason) => TransferVerdict::Refused(IsoReason::parse(reason)?),
        ReceiptStatus::Pending => return None,
    };
    Some(Command::Settle(SettlementCommand::Answer(AnswerTransfer { reference: receipt.uetr, agent: Some(agent), verdict })))
}
