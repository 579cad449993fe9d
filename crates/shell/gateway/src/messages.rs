//! `POST /v1/messages`: any message of the scheme, by what it is.
//!
//! ```text
//! body ─▶ schema (400 admi.002) ─▶ sender (403) ─▶ business rules (422 pacs.002 RJCT) ─▶ the message's own way
//! ```

use crate::admission::{Class, Permit};
use crate::answer::{self, Standing};
use crate::assess::PaymentFacts;
use crate::auth::Authenticated;
use crate::cancellations;
use crate::door::{Door, overloaded, rate_limited};
use crate::elsewhere::rules_for;
use crate::enquiries;
use crate::forgotten;
use crate::http::{Answer, XML, empty};
use crate::interbank;
use crate::mandates;
use crate::notices;
use crate::payee;
use crate::preauths;
use crate::reads::{is_party, own_waiting};
use crate::recalls;
use crate::recent::Recent;
use crate::refusal::{GatewayRefusal, Problem};
use crate::requests;
use crate::returns;
use crate::statements;
use crate::terms::terms_of;
use crate::transfers;
use crate::wire::{self, Finding, Original, Payment, Report, Taken, Unposted, Verdict};
use ::http::HeaderValue;
use ::http::request::Parts;
use clearing::{
    AnswerVerdict, Bic, Command, ContentHash, MatterView, MessageIdHash, Outcome, ParticipantId, Pay, PaymentState, PaymentView,
    PostingReport, PostingWord, Refusal, RiskDecision, Uetr, WaitingView,
};
use signing::HashKey;
use std::sync::Arc;
use std::time::Duration;

/// Takes one signed message.
pub(crate) async fn take(door: &Arc<Door>, parts: &Parts, request: &Authenticated, permit: Permit) -> Result<Answer, Problem> {
    let wait = prefer_wait(parts, door.config.limits.wait_max)?;
    let (from, taken) = match wire::read(request.body(), &rules_for(door, request.sender().view.bic)) {
        Ok(read) => read,
        Err(fault) => return answer::fault(door, request, &fault),
    };
    if from != request.sender().view.bic {
        return Err(Problem::from(GatewayRefusal::NotSender).with_field("AppHdr/Fr"));
    }
    permit.turned_out(class(&taken)).map_err(overloaded)?;
    match taken {
        Taken::Payment(payment) => pay(door, request, &payment, wait, permit).await,
        Taken::Report(report) => report_on(door, request, &report, permit).await,
        Taken::StatusRequest(uetr) => status(door, request, uetr),
        Taken::PayeeCheck(check) => {
            // What follows is mostly another bank's time.
            drop(permit);
            payee::check(door, request, &check).await
        }
        Taken::Return(view) => returns::take(door, request, &view, permit).await,
        Taken::CancellationAnswer(view) => recalls::answer(door, request, &view, permit).await,
        Taken::Cancellation(asked) => cancellations::take(door, request, &asked, permit).await,
        Taken::Request(asked) => requests::ask(door, request, &asked, permit).await,
        Taken::RequestReply(reply) => requests::reply(door, request, &reply, permit).await,
        Taken::RequestWithdrawal(withdrawal) => requests::withdraw(door, request, &withdrawal, permit).await,
        Taken::Mandate(asked) => mandates::ask(door, request, &asked, permit).await,
        Taken::MandateAmendment(amendment) => mandates::amend(door, request, &amendment, permit).await,
        Taken::MandateReply(reply) => mandates::reply(door, request, &reply, permit).await,
        Taken::Pulled(pulled) => {
            let captures = preauths::is_preauth(door, Uetr(pulled.view.mandate))
                || preauths::captured_before(door, &pulled, request.content(), request.sender().id())?.is_some();
            match captures {
                true => preauths::capture(door, request, &pulled, permit).await,
                false => mandates::collect(door, request, &pulled, permit).await,
            }
        }
        Taken::CollectionRefusal(refusal) => mandates::refuse(door, request, &refusal, permit).await,
        Taken::Presence(message_id, view) => notices::take(door, request, &message_id, view, permit).await,
        Taken::Transfer(asked) => transfers::ask(door, request, &asked, permit).await,
        Taken::Interbank(sent) => interbank::take(door, request, &sent, permit).await,
        Taken::Receipt(receipt) => transfers::answer(door, request, &receipt, permit).await,
        Taken::StatementRequest(asked) => statements::take(door, request, &asked, permit).await,
        Taken::AccountQuery(asked) => enquiries::accounts(door, request, &asked),
        Taken::PaymentQuery(asked) => enquiries::payments(door, request, &asked),
        Taken::PayeeAnswer(reply) => payee::answer(door, request, *reply),
    }
}

/// What a message is for, now that it has been read.
fn class(taken: &Taken) -> Class {
    match taken {
        Taken::Payment(_) | Taken::Interbank(_) | Taken::Request(_) | Taken::Mandate(_) | Taken::Pulled(_) => Class::Payment,
        Taken::Report(_)
        | Taken::PayeeAnswer(_)
        | Taken::Presence(..)
        | Taken::Cancellation(_)
        | Taken::Transfer(_)
        | Taken::Receipt(_)
        | Taken::Return(_)
        | Taken::CancellationAnswer(_)
        | Taken::RequestReply(_)
        | Taken::RequestWithdrawal(_)
        | Taken::MandateAmendment(_)
        | Taken::MandateReply(_)
        | Taken::CollectionRefusal(_) => Class::Answer,
        Taken::StatusRequest(_) | Taken::StatementRequest(_) | Taken::AccountQuery(_) | Taken::PaymentQuery(_) => Class::Poll,
        Taken::PayeeCheck(_) => Class::Quote,
    }
}

/// `pacs.008`: takes a payment in, and tells how it stands now or, if it ends within `wait`, how it ended.
async fn pay(
    door: &Arc<Door>,
    request: &Authenticated,
    payment: &Payment,
    wait: Duration,
    permit: Permit,
) -> Result<Answer, Problem> {
    if let Some(finding) = &payment.finding {
        return found(door, request, payment, finding);
    }
    let registry = &door.hub.registry;
    let Some(creditor_agent) = registry.by_bic(payment.creditor_agent) else {
        return answer::refused(door, request, payment, Refusal::UnknownParticipant);
    };
    let content = request.content();
    let sender = (request.sender().id(), request.sender().view.bic);
    if door.past.is_behind() {
        return Err(GatewayRefusal::Overloaded.into());
    }
    let known = door.past.payment(payment.uetr())?;
    if known.is_some_and(|known| !forgotten::is_repeated(&known, content, sender.0)) {
        return answer::refused(door, request, payment, Refusal::DuplicateUetr);
    }
    let risk = assess(door, payment, known);
    let pay = payment_command(payment, sender, creditor_agent.id(), content, risk, &door.persons);
    let command = match payment.view.preauth {
        Some(preauth) => preauths::reserve_command(preauth, pay),
        None => Command::Pay(pay),
    };
    // Before the command: its block may wake the creditor agent's stream before this task goes on.
    let original = Arc::new(Original::from(&payment.view));
    door.recent.put(content, Recent { message: Arc::clone(&payment.message), original });
    let pending = door.submit(command, Some(request.to_vault()), !wait.is_zero())?;
    let outcome = pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?;
    permit.durable();
    match outcome {
        Outcome::Payment { payment: view, .. } => {
            let standing = match (view.state, pending.end) {
                (PaymentState::Held, Some(end)) => match tokio::time::timeout(wait, end).await {
                    Ok(Ok(ended)) => ended,
                    // The journal stopped after the hold was durable: as it stood is still true as far as anybody knows.
                    Ok(Err(_)) => view,
                    Err(_) => {
                        door.hub.forget(view.uetr);
                        view
                    }
                },
                (PaymentState::Held | PaymentState::Settled | PaymentState::Rejected, _) => view,
            };
            answer::standing(door, request, payment, &standing)
        }
        Outcome::Waiting { payment: view, .. } => answer::waiting(door, request, payment, &view),
        Outcome::Refused(refusal) => match forgotten::payment(&*door.past, payment.uetr(), content, sender.0, refusal)? {
            Ok(view) => answer::standing(door, request, payment, &view),
            Err(refusal) => answer::refused(door, request, payment, refusal),
        },
        Outcome::Matter { matter: MatterView::Preauth(preauth), .. } => Ok(answer::reserved(door, request, payment, &preauth)),
        other @ (Outcome::Done | Outcome::Registered(_) | Outcome::Quoted(_) | Outcome::Matter { .. }) => {
            unreachable!("a payment is taken or refused, not {other:?}")
        }
    }
}

/// A payment against a rule. One on record is told as it stands: what was in time when it came is late when it comes again, and
/// its sender, told no, would give the money back (PAY-03).
fn found(door: &Door, request: &Authenticated, payment: &Payment, finding: &Finding) -> Result<Answer, Problem> {
    let (content, sender) = (request.content(), request.sender().id());
    if let Some(known) = door.past.payment(payment.uetr())?.filter(|known| forgotten::is_repeated(known, content, sender)) {
        return answer::standing(door, request, payment, &known);
    }
    match own_waiting(door, request.sender(), payment.uetr()).filter(|waiting| waiting.content == content) {
        Some(waiting) => answer::waiting(door, request, payment, &waiting),
        None => answer::rule(door, request, payment, finding),
    }
}

/// The command a `pacs.008` asks for: the same at the door and wherever another operator checks it.
pub(crate) fn payment_command(
    payment: &Payment,
    (debtor_agent, bic): (ParticipantId, Bic),
    creditor_agent: ParticipantId,
    content: ContentHash,
    risk: RiskDecision,
    persons: &HashKey,
) -> Pay {
    Pay {
        uetr: payment.uetr(),
        content,
        message_id: message_id_hash(bic, &payment.view.message_id),
        debtor_agent,
        creditor_agent,
        debit: payment.debit().minor,
        debit_currency: payment.debit().currency.code,
        quote: payment.quote(),
        priority: payment.priority(),
        accepted_at: payment.accepted_at(),
        risk,
        terms: terms_of(payment, persons),
    }
}

fn assess(door: &Door, payment: &Payment, known: Option<PaymentView>) -> RiskDecision {
    // The rules remember what they judged: a payment that is sent again is not a second one.
    if let Some(known) = known {
        return known.risk;
    }
    let reserves = payment.view.preauth.and_then(|preauth| door.past.matter(Uetr(preauth)));
    if matches!(reserves, Some(MatterView::Preauth(it)) if it.reserved.is_some_and(|by| by.payment == payment.uetr())) {
        return RiskDecision::PASS;
    }
    door.risk.assess(&PaymentFacts {
        uetr: payment.uetr(),
        debtor_agent: payment.debtor_agent.as_str(),
        creditor_agent: payment.creditor_agent.as_str(),
        debtor_account: payment.debtor_account(),
        debtor_name: &payment.view.debtor.name,
        creditor_account: payment.creditor_account(),
        creditor_name: &payment.view.creditor.name,
        debit: payment.debit(),
        now: door.now(),
    })
}

/// A message identification with its sender, without its text.
pub(crate) fn message_id_hash(sender: Bic, message_id: &str) -> MessageIdHash {
    let mut hasher = chain::Hasher::new();
    hasher.update(&sender.bytes());
    hasher.update(message_id.as_bytes());
    let [first, _] = halves(hasher.finish().0);
    MessageIdHash(first)
}

fn halves(hash: [u8; 32]) -> [[u8; 16]; 2] {
    let (first, second) = hash.split_at(16);
    [first.try_into().expect("half of 32 is 16"), second.try_into().expect("half of 32 is 16")]
}

/// The command an answer asks for.
pub(crate) fn report_command(
    report: &Report,
    verdict: AnswerVerdict,
    creditor_agent: ParticipantId,
    content: ContentHash,
) -> Command {
    Command::Answer(clearing::Answer { uetr: report.uetr, creditor_agent, verdict, content })
}

/// The command a report of a credit asks for.
pub(crate) fn credited_command(report: &Report, creditor_agent: ParticipantId) -> Command {
    Command::ReportCredited { uetr: report.uetr, creditor_agent }
}

/// The command an `ACWP` or `BLCK` asks for. A case leaves the gateway as a keyed hash only.
pub(crate) fn posting_command(report: &Report, word: Unposted, creditor_agent: ParticipantId, hashes: &HashKey) -> Command {
    let says = match word {
        Unposted::Review => PostingWord::UnderReview,
        Unposted::Blocked => PostingWord::Blocked {
            case: hashes.hash(&["case", &creditor_agent.0.to_string(), report.case.as_deref().unwrap_or_default()]),
        },
    };
    Command::ReportPosting(PostingReport { uetr: report.uetr, creditor_agent, says })
}

/// `pacs.002` from the creditor agent: its answer, or its word that the creditor was credited.
async fn report_on(door: &Arc<Door>, request: &Authenticated, report: &Report, permit: Permit) -> Result<Answer, Problem> {
    let command = match report.verdict {
        Verdict::Answer(verdict) => report_command(report, verdict, request.sender().id(), request.content()),
        Verdict::Credited => credited_command(report, request.sender().id()),
        Verdict::Posting(word) => posting_command(report, word, request.sender().id(), &door.persons),
    };
    let pending = door.submit(command, Some(request.to_vault()), false)?;
    let outcome = pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?;
    permit.durable();
    match outcome {
        Outcome::Payment { payment, .. } => Ok(with_state(empty(200), &payment)),
        Outcome::Refused(refusal) => match forgotten::report(&*door.past, report, request.sender().id(), refusal)? {
            Ok(payment) => Ok(with_state(empty(200), &payment)),
            Err(refusal) => answer::refused_report(door, request, report, refusal),
        },
        other @ (Outcome::Done
        | Outcome::Registered(_)
        | Outcome::Quoted(_)
        | Outcome::Waiting { .. }
        | Outcome::Matter { .. }) => {
            unreachable!("an answer is taken or refused, not {other:?}")
        }
    }
}

/// `pacs.028`: how a payment stands, by what is durable; of one that the centre has forgotten, by history.
fn status(door: &Arc<Door>, request: &Authenticated, uetr: Uetr) -> Result<Answer, Problem> {
    request.sender().lane.enquiries.take(door.world.now_ns()).map_err(rate_limited)?;
    if let Some(waiting) = own_waiting(door, request.sender(), uetr) {
        let original = wire::waiting_original(door, &waiting)?;
        let message = wire::status_report(door, request.sender().view.bic, uetr, &original, &Standing::of_waiting(&waiting));
        return Ok(as_waiting(door.signed(200, XML, message, request.digest_field()), &waiting));
    }
    let payment = door.past.payment(uetr)?.filter(|payment| is_party(payment, request.sender()));
    let payment = payment.ok_or(GatewayRefusal::UnknownPayment)?;
    let message = match payment.returns {
        Some(_) => wire::return_on_record(door, request.sender().view.bic, &payment)?,
        None if payment.captured_from.is_some() => {
            let original = wire::original(door, &payment)?;
            wire::capture_report(door, request.sender().view.bic, &payment, &original, &Standing::of(&payment))
        }
        None => {
            let original = wire::original(door, &payment)?;
            wire::status_report(door, request.sender().view.bic, uetr, &original, &Standing::of(&payment))
        }
    };
    let answer = door.signed(200, XML, message, request.digest_field());
    Ok(with_state(answer, &payment))
}

/// Adds how the payment stands, for clients that do not read the body.
pub(crate) fn with_state(mut answer: Answer, payment: &PaymentView) -> Answer {
    let state = match payment.state {
        PaymentState::Held => "held",
        PaymentState::Settled => "settled",
        PaymentState::Rejected => "rejected",
    };
    answer.headers_mut().insert("luohu-payment-state", HeaderValue::from_static(state));
    let position = payment.finality.map(|finality| finality.position).or(payment.forwarded_position);
    if let Some(position) = position {
        answer.headers_mut().insert("luohu-cursor", HeaderValue::from(position.0));
    }
    answer
}

/// The same for a payment that waits.
pub(crate) fn as_waiting(mut answer: Answer, payment: &WaitingView) -> Answer {
    answer.headers_mut().insert("luohu-payment-state", HeaderValue::from_static("waiting"));
    answer.headers_mut().insert("luohu-cursor", HeaderValue::from(payment.position.0));
    answer
}

/// `Prefer: wait=N` (RFC 7240), seconds; other preferences are not heeded.
fn prefer_wait(parts: &Parts, most: Duration) -> Result<Duration, Problem> {
    let Some(value) = parts.headers.get("prefer") else { return Ok(Duration::ZERO) };
    let bad = || Problem::from(GatewayRefusal::Parameter).with_field("Prefer");
    let text = value.to_str().map_err(|_| bad())?;
    for preference in text.split(',').map(str::trim) {
        if let Some(seconds) = preference.strip_prefix("wait=") {
            let wait = Duration::from_secs(seconds.parse().map_err(|_| bad())?);
            return if wait <= most { Ok(wait) } else { Err(bad()) };
        }
    }
    Ok(Duration::ZERO)
}
