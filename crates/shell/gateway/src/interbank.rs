//! Money that participants pay each other for themselves: `pacs.009`, taken back by `camt.056`.
//!
//! A transfer is answered at once with a `pacs.002` that says `PDNG`: it may wait for money. What became of it comes as an item of
//! the inbox, `pacs.002` to who sent it and, once it has settled, `pacs.009` to who is paid.

use crate::admission::Permit;
use crate::auth::Authenticated;
use crate::door::Door;
use crate::http::{Answer, XML};
use crate::refusal::{GatewayRefusal, Problem};
use crate::wire::{self, Interbank};
use clearing::{Command, Outcome, ParticipantId, Priority, Refusal, SendTransfer, SettlementCommand, Time};
use iso20022::view::{CancellationRequestView, InterbankTransferView, PaymentPriority, TransactionStatus};
use std::sync::Arc;

/// How long a transfer waits that does not say: four hours behind its creation (`CreDtTm`).
const WAIT_NS: u64 = 4 * 3_600 * 1_000_000_000;

/// Enters the transfer and answers when it is durable.
pub(crate) async fn take(door: &Arc<Door>, request: &Authenticated, sent: &Interbank, permit: Permit) -> Result<Answer, Problem> {
    let sender = &request.sender().view;
    if iso20022::view::bic_11(&sent.view.debtor) != sender.bic.as_str() {
        return Err(Problem::from(GatewayRefusal::NotSender).with_field("Dbtr"));
    }
    let outcome = match door.hub.registry.by_bic(sent.creditor) {
        Some(creditor) => enter(door, request, command(&sent.view, sender.id, creditor.id())).await?,
        None => Outcome::Refused(Refusal::UnknownParticipant),
    };
    permit.durable();
    let (http, status, refusal) = match outcome {
        Outcome::Done => (202, TransactionStatus::Pending, None),
        Outcome::Refused(refusal) => (refusal.http_status(), TransactionStatus::Rejected, Some(refusal)),
        other => unreachable!("{}", unexpected(&other)),
    };
    let message = wire::interbank_report(door, sender.bic, &sent.view, status, refusal);
    Ok(door.signed(http, XML, message, request.digest_field()))
}

/// Takes one back; `Done`: it waited, and does not any more.
pub(crate) async fn take_back(
    door: &Arc<Door>,
    request: &Authenticated,
    asked: &CancellationRequestView,
) -> Result<Outcome, Problem> {
    enter(door, request, take_back_command(asked, request.sender().id())).await
}

async fn enter(door: &Arc<Door>, request: &Authenticated, command: Command) -> Result<Outcome, Problem> {
    let pending = door.submit(command, Some(request.to_vault()), false)?;
    match pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)? {
        outcome @ (Outcome::Done | Outcome::Refused(_)) => Ok(outcome),
        other => unreachable!("{}", unexpected(&other)),
    }
}

fn unexpected(outcome: &Outcome) -> String {
    format!("a transfer is taken or refused, not {outcome:?}")
}

/// The command a `pacs.009` asks for: the same at the door and wherever another operator checks it.
pub(crate) fn command(sent: &InterbankTransferView, from: ParticipantId, to: ParticipantId) -> Command {
    Command::Settle(SettlementCommand::Send(SendTransfer {
        reference: sent.uetr,
        from,
        to,
        currency: sent.amount.currency.code,
        amount: sent.amount.minor,
        priority: match sent.priority {
            PaymentPriority::High => Priority::High,
            PaymentPriority::Normal => Priority::Normal,
        },
        until: Time(sent.until.unwrap_or_else(|| sent.created_at.saturating_add(WAIT_NS))),
    }))
}

/// The command a `camt.056` about one asks for.
pub(crate) fn take_back_command(asked: &CancellationRequestView, from: ParticipantId) -> Command {
    Command::Settle(SettlementCommand::TakeBack { reference: asked.uetr, from })
}
