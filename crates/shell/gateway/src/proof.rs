//! Proof that a command is what its sender signed, from the message as the vault keeps it.
//!
//! Between operators nobody takes another's word: each one reads the signed message itself and makes the command out of it
//! again, with the same functions as its own door. What the door of entry added, the risk decision and a quote's fresh
//! identifier, is taken over; everything else must be equal.

use crate::auth::{body_of_vault, key_of, key_owner};
use crate::cancellations;
use crate::interbank;
use crate::mandates;
use crate::messages::{credited_command, payment_command, posting_command, report_command};
use crate::notices;
use crate::orders::OrderDocument;
use crate::preauths;
use crate::quotes::{quote_terms_of, rate_of};
use crate::recalls;
use crate::requests;
use crate::returns;
use crate::sponsorships;
use crate::statements;
use crate::transfers;
use crate::wire::{self, Taken, Verdict};
use clearing::{
    Bic, Command, ContentHash, Facts, MatterStep, ParticipantId, ParticipantView, PreauthStep, PublicKey, Time, Uetr,
};
use iso20022::rules::RuleSettings;
use money::{Currency, CurrencyCode};
use signing::{CREATED_SKEW_S, Fields, HashKey, Request, verify_request};

/// What is known of participants and currencies where the proof is checked.
pub trait Acquaintance {
    /// A participant by its index.
    fn by_id(&self, id: ParticipantId) -> Option<ParticipantView>;
    /// A participant by its BIC.
    fn by_bic(&self, bic: Bic) -> Option<ParticipantView>;
    /// A currency with a ledger.
    fn currency(&self, code: CurrencyCode) -> Option<Currency>;
    /// The chain's name, as orders carry it.
    fn chain(&self) -> &str;
    /// Names persons whose quotas are counted; the same at all operators.
    fn persons(&self) -> &HashKey;
    /// What a settled payment was, as our own past has it.
    fn facts(&self, uetr: Uetr) -> Option<Facts>;
    /// Whether this is an officer's key.
    fn is_officer(&self, key: &PublicKey) -> bool;
}

/// Whether a participant must have signed a message for this command. The others are operators' own.
pub fn needs_message(command: &Command) -> bool {
    match command {
        Command::Pay(_)
        | Command::Answer(_)
        | Command::ReportCredited { .. }
        | Command::PublishRate(_)
        | Command::RequestQuote(_)
        | Command::Notice(_)
        | Command::Order(_)
        | Command::Return(_)
        | Command::Recall(_)
        | Command::AnswerRecall(_)
        | Command::ReportPosting(_)
        | Command::OfferRate(_)
        | Command::Cancel { .. }
        | Command::Matter(_) => true,
        Command::Configure(_)
        | Command::OpenLedger(_)
        | Command::RegisterParticipant(_)
        | Command::Fund(_)
        | Command::SetStatus { .. }
        | Command::AppointOfficers(_)
        | Command::SetNodes(_)
        | Command::SetRulebook(_)
        | Command::SetReturnTerms(_)
        | Command::Arrange(_)
        | Command::Broadcast(_)
        | Command::SchemeTerms(_) => false,
        Command::Settle(command) => command.signer().is_some(),
        Command::Sponsorship(command) => command.signer().is_some(),
        Command::Day(command) => command.signer().is_some(),
    }
}

/// Checks that `message` is signed by who may ask for `command` and says just that. `now_s`: our clock, seconds since 1970.
///
/// # Errors
/// Why not, in a few words.
pub fn prove(command: &Command, message: &[u8], now_s: u64, known: &dyn Acquaintance) -> Result<(), &'static str> {
    let (sender, path) = match command {
        Command::Pay(pay) => (pay.debtor_agent, "/v1/messages"),
        Command::Answer(answer) => (answer.creditor_agent, "/v1/messages"),
        Command::ReportCredited { creditor_agent, .. } => (*creditor_agent, "/v1/messages"),
        Command::Cancel { debtor_agent, .. } => (*debtor_agent, "/v1/messages"),
        Command::Return(back) => (back.returner, "/v1/messages"),
        Command::Recall(recall) => (recall.debtor_agent, "/v1/messages"),
        Command::AnswerRecall(answer) => (answer.creditor_agent, "/v1/messages"),
        Command::ReportPosting(report) => (report.creditor_agent, "/v1/messages"),
        Command::PublishRate(publish) => (publish.provider, "/v1/rates"),
        Command::OfferRate(offer) => (offer.rate.provider, "/v1/rates"),
        Command::RequestQuote(request) => (request.debtor_agent, "/v1/quotes"),
        Command::Notice(notice) => (notice.participant, "/v1/messages"),
        Command::Settle(command) => (command.signer().ok_or("a participant cannot ask for this")?, "/v1/messages"),
        Command::Sponsorship(command) => (command.signer().ok_or("a participant cannot ask for this")?, "/v1/messages"),
        Command::Day(command) => (command.signer().ok_or("a participant cannot ask for this")?, "/v1/messages"),
        Command::Matter(step) => (step.sender(), "/v1/messages"),
        Command::Order(_) => return prove_order(command, message, known),
        Command::Configure(_)
        | Command::OpenLedger(_)
        | Command::RegisterParticipant(_)
        | Command::Fund(_)
        | Command::SetStatus { .. }
        | Command::AppointOfficers(_)
        | Command::SetNodes(_)
        | Command::SetRulebook(_)
        | Command::SetReturnTerms(_)
        | Command::Arrange(_)
        | Command::Broadcast(_)
        | Command::SchemeTerms(_) => return Err("a participant cannot ask for this"),
    };
    let sender = known.by_id(sender).ok_or("the sender is not known")?;
    let (head, body) = split(message).ok_or("not a message of the vault")?;
    let content = verify(head.as_slice(), body, path, &sender, now_s)?;
    let again = command_of(command, body, &sender, content, Time(now_s.saturating_mul(1_000_000_000)), known)?;
    if again == *command { Ok(()) } else { Err("the command is not what the message says") }
}

/// An order's message is its document.
fn prove_order(command: &Command, document: &[u8], known: &dyn Acquaintance) -> Result<(), &'static str> {
    let Command::Order(order) = command else { return Err("it is no order") };
    let proves = OrderDocument::read(document).and_then(|document| document.proves(known.chain(), order));
    let proves = proves.map_err(|_| "the document is no order signed by two")?;
    if !order.officers.iter().all(|key| known.is_officer(key)) {
        return Err("an order is not signed by officers");
    }
    if proves { Ok(()) } else { Err("the order is not what the document says") }
}

/// Whether a message is the one behind a command, by its content alone.
pub fn belongs(command: &Command, message: &[u8]) -> bool {
    if let Command::Order(order) = command {
        let says = OrderDocument::read(message).and_then(|document| document.says());
        return says
            .is_ok_and(|(id, valid_until, does)| id == order.id && valid_until == order.valid_until && does == *order.does);
    }
    let Some((_, body)) = split(message) else { return false };
    match command {
        Command::Pay(pay) => chain::sha256(body).0 == pay.content.0,
        Command::Answer(answer) => chain::sha256(body).0 == answer.content.0,
        Command::Return(back) => chain::sha256(body).0 == back.content.0,
        Command::Recall(recall) => chain::sha256(body).0 == recall.content.0,
        Command::Matter(step) => step.content().is_none_or(|content| chain::sha256(body).0 == content.0),
        Command::Order(_) => false,
        Command::Configure(_)
        | Command::OpenLedger(_)
        | Command::RegisterParticipant(_)
        | Command::Fund(_)
        | Command::SetStatus { .. }
        | Command::AppointOfficers(_)
        | Command::SetNodes(_)
        | Command::Arrange(_)
        | Command::Notice(_)
        | Command::Settle(_)
        | Command::Sponsorship(_)
        | Command::Day(_)
        | Command::PublishRate(_)
        | Command::RequestQuote(_)
        | Command::ReportCredited { .. }
        | Command::Cancel { .. }
        | Command::AnswerRecall(_)
        | Command::SetReturnTerms(_)
        | Command::SetRulebook(_)
        | Command::Broadcast(_)
        | Command::SchemeTerms(_)
        | Command::ReportPosting(_)
        | Command::OfferRate(_) => true,
    }
}

/// Header fields, name and value.
pub(crate) type Head<'a> = Vec<(&'a str, &'a str)>;

/// The fields that sign, and the body.
pub(crate) fn split(message: &[u8]) -> Option<(Head<'_>, &[u8])> {
    let at = body_of_vault(message)?;
    let head = core::str::from_utf8(&message[..at]).ok()?;
    let fields = head.split("\r\n").filter(|line| !line.is_empty()).map(|line| line.split_once(": ")).collect::<Option<_>>()?;
    Some((fields, &message[at..]))
}

fn verify(
    fields: &[(&str, &str)],
    body: &[u8],
    path: &str,
    sender: &ParticipantView,
    now_s: u64,
) -> Result<ContentHash, &'static str> {
    let fields: &dyn Fields = &fields;
    let request = Request { method: "POST", path, authority: "", fields };
    let own = sender.bic;
    // The door of entry takes a key that holds when the message comes. Its block is a moment later, so it is enough here that the key
    // held within the time a signature is taken.
    let keys = |key_id: &str| {
        let (owner, number) = key_owner(key_id)?;
        let mut moments = [now_s, now_s.saturating_sub(CREATED_SKEW_S)].into_iter().filter(|_| owner == own);
        moments.find_map(|second| key_of(sender, number, Time(second.saturating_mul(1_000_000_000))))
    };
    let valid = verify_request(&request, body, now_s, &keys).map_err(|_| "the signature does not verify")?;
    Ok(ContentHash(valid.body_sha256()))
}

/// The command the message asks for, with what only the door of entry can add taken from `given`.
fn command_of(
    given: &Command,
    body: &[u8],
    sender: &ParticipantView,
    content: ContentHash,
    now: Time,
    known: &dyn Acquaintance,
) -> Result<Command, &'static str> {
    match given {
        Command::PublishRate(publish) => rate_of(body, sender.id, publish.valid_until, now, known),
        Command::OfferRate(offer) => rate_of(body, sender.id, offer.rate.valid_until, now, known),
        Command::RequestQuote(request) => quote_terms_of(body, sender.id, request.quote, known),
        Command::Pay(_)
        | Command::Answer(_)
        | Command::ReportCredited { .. }
        | Command::ReportPosting(_)
        | Command::Cancel { .. }
        | Command::Notice(_)
        | Command::Settle(_)
        | Command::Return(_)
        | Command::Recall(_)
        | Command::AnswerRecall(_)
        | Command::Sponsorship(_)
        | Command::Day(_)
        | Command::Matter(_) => message_command(given, body, sender, content, known),
        Command::Order(_)
        | Command::Configure(_)
        | Command::OpenLedger(_)
        | Command::RegisterParticipant(_)
        | Command::Fund(_)
        | Command::SetStatus { .. }
        | Command::AppointOfficers(_)
        | Command::SetNodes(_)
        | Command::SetRulebook(_)
        | Command::SetReturnTerms(_)
        | Command::Arrange(_)
        | Command::Broadcast(_)
        | Command::SchemeTerms(_) => Err("a participant cannot ask for this"),
    }
}

fn message_command(
    given: &Command,
    body: &[u8],
    sender: &ParticipantView,
    content: ContentHash,
    known: &dyn Acquaintance,
) -> Result<Command, &'static str> {
    let settings = RuleSettings { now: None, signer: Some(sender.bic.to_string()), ..RuleSettings::default() };
    let (from, taken) = wire::read(body, &settings).map_err(|_| "the message is not of the scheme")?;
    if from != sender.bic {
        return Err("the message is from somebody else");
    }
    match (given, taken) {
        (Command::Pay(pay), Taken::Payment(payment)) => {
            if payment.finding.is_some() {
                return Err("the payment breaks a rule of the scheme");
            }
            if payment.view.preauth.is_some() {
                return Err("the payment reserves what a pre-authorisation asks for");
            }
            let creditor_agent = known.by_bic(payment.creditor_agent).ok_or("the creditor agent is not known")?;
            let sender = (sender.id, sender.bic);
            Ok(Command::Pay(payment_command(&payment, sender, creditor_agent.id, content, pay.risk, known.persons())))
        }
        (Command::Matter(MatterStep::Preauth(step)), taken) => preauth_command(step, taken, sender, content, known),
        (Command::Answer(_), Taken::Report(report)) => match report.verdict {
            Verdict::Answer(verdict) => Ok(report_command(&report, verdict, sender.id, content)),
            Verdict::Credited | Verdict::Posting(_) => Err("the report is no answer"),
        },
        (Command::ReportCredited { .. }, Taken::Report(report)) => match report.verdict {
            Verdict::Credited => Ok(credited_command(&report, sender.id)),
            Verdict::Answer(_) | Verdict::Posting(_) => Err("the answer is no report of a credit"),
        },
        (Command::ReportPosting(_), Taken::Report(report)) => match report.verdict {
            Verdict::Posting(word) => Ok(posting_command(&report, word, sender.id, known.persons())),
            Verdict::Answer(_) | Verdict::Credited => Err("the answer says nothing of a review"),
        },
        (Command::Cancel { .. }, Taken::Cancellation(asked)) => Ok(cancellations::command(&asked, sender.id)),
        (Command::Settle(_), Taken::Interbank(sent)) => {
            let creditor = known.by_bic(sent.creditor).ok_or("the creditor is not known")?;
            Ok(interbank::command(&sent.view, sender.id, creditor.id))
        }
        (Command::Settle(_), Taken::Cancellation(asked)) => Ok(interbank::take_back_command(&asked, sender.id)),
        // About another's account it can be a square, and nothing of the sender's own.
        (Command::Settle(_), Taken::Transfer(asked)) if asked.participant == sender.bic.as_str() => {
            Ok(transfers::ask_command(&asked, sender.id))
        }
        (Command::Sponsorship(_), Taken::Transfer(asked)) => sponsorships::square_of(&asked, sender.id, known),
        (Command::Day(_), Taken::StatementRequest(asked)) if asked.owner == sender.bic.as_str() => {
            statements::ask_command(&asked, sender.id).map_err(|_| "the request names no days")
        }
        (Command::Settle(_), Taken::Receipt(receipt)) => {
            transfers::answer_command(&receipt, sender.id).ok_or("the receipt says nothing")
        }
        (Command::Return(back), Taken::Return(view)) => {
            let facts = own_facts(back.facts.as_ref(), back.original, known)?;
            Ok(Command::Return(returns::command(&view, (sender.id, sender.bic), content, facts)))
        }
        (Command::Recall(recall), Taken::Cancellation(asked)) => {
            let facts = own_facts(recall.facts.as_ref(), recall.original, known)?;
            Ok(Command::Recall(recalls::command(&asked, sender.id, content, facts)))
        }
        (Command::AnswerRecall(_), Taken::CancellationAnswer(view)) => {
            recalls::answer_command(&view, sender.id).map(Command::AnswerRecall).ok_or("the message is no answer")
        }
        (Command::Matter(_), Taken::Request(asked)) => {
            if asked.creditor_agent != sender.bic {
                return Err("the request is of another creditor agent");
            }
            let debtor_agent = known.by_bic(asked.debtor_agent).ok_or("the debtor agent is not known")?;
            Ok(requests::ask_command(&asked, sender.id, debtor_agent.id, content))
        }
        (Command::Matter(_), Taken::RequestReply(reply)) if reply.debtor_agent == sender.bic => {
            Ok(requests::reply_command(&reply, sender.id))
        }
        (Command::Matter(_), Taken::RequestWithdrawal(withdrawal)) => Ok(requests::withdraw_command(&withdrawal, sender.id)),
        (Command::Matter(_), Taken::Mandate(asked)) => {
            if asked.creditor_agent != sender.bic {
                return Err("the mandate is of another creditor agent");
            }
            let debtor_agent = known.by_bic(asked.debtor_agent).ok_or("the debtor agent is not known")?;
            Ok(mandates::ask_command(&asked, sender.id, debtor_agent.id, content))
        }
        (Command::Matter(_), Taken::MandateAmendment(amendment)) if amendment.sender == sender.bic => {
            Ok(mandates::amend_command(&amendment, sender.id, content))
        }
        (Command::Matter(_), Taken::MandateReply(reply)) if reply.sender == sender.bic => {
            Ok(mandates::reply_command(&reply, sender.id))
        }
        (Command::Matter(_), Taken::Pulled(pulled)) => {
            if pulled.creditor_agent != sender.bic {
                return Err("the collection is of another creditor agent");
            }
            let debtor_agent = known.by_bic(pulled.debtor_agent).ok_or("the debtor agent is not known")?;
            Ok(mandates::collect_command(&pulled, sender.id, debtor_agent.id, content))
        }
        (Command::Matter(_), Taken::CollectionRefusal(refusal)) => Ok(mandates::refuse_command(&refusal, sender.id)),
        (Command::Notice(_), Taken::Presence(_, view)) => Ok(notices::command(view, sender.id)),
        (_, _) => Err("the message is of another kind"),
    }
}

/// The same of a step of a pre-authorisation: whether a message is about one or about something else is the state's to know, so
/// that a door which said it wrongly is refused by the centre.
fn preauth_command(
    given: &PreauthStep,
    taken: Taken,
    sender: &ParticipantView,
    content: ContentHash,
    known: &dyn Acquaintance,
) -> Result<Command, &'static str> {
    match (given, taken) {
        (PreauthStep::Ask(_), Taken::Request(asked)) if asked.view.guaranteed => {
            if asked.creditor_agent != sender.bic {
                return Err("the pre-authorisation is of another creditor agent");
            }
            let debtor_agent = known.by_bic(asked.debtor_agent).ok_or("the debtor agent is not known")?;
            Ok(preauths::ask_command(&asked, sender.id, debtor_agent.id, content))
        }
        (PreauthStep::Reserve { pay, .. }, Taken::Payment(payment)) => {
            if payment.finding.is_some() {
                return Err("the payment breaks a rule of the scheme");
            }
            let preauth = payment.view.preauth.ok_or("the payment reserves nothing")?;
            let creditor_agent = known.by_bic(payment.creditor_agent).ok_or("the creditor agent is not known")?;
            let sender = (sender.id, sender.bic);
            let pay = payment_command(&payment, sender, creditor_agent.id, content, pay.risk, known.persons());
            Ok(preauths::reserve_command(preauth, pay))
        }
        (PreauthStep::Refuse { .. }, Taken::RequestReply(reply)) if reply.debtor_agent == sender.bic => {
            preauths::reply_command(&reply, sender.id).ok_or("the answer refuses nothing")
        }
        (PreauthStep::Release { .. }, Taken::RequestWithdrawal(withdrawal)) => {
            Ok(preauths::release_command(&withdrawal, sender.id))
        }
        (PreauthStep::Capture(_), Taken::Pulled(pulled)) => {
            if pulled.creditor_agent != sender.bic {
                return Err("the capture is of another creditor agent");
            }
            let debtor_agent = known.by_bic(pulled.debtor_agent).ok_or("the debtor agent is not known")?;
            Ok(preauths::capture_command(&pulled, (sender.id, sender.bic), debtor_agent.id, content))
        }
        (_, _) => Err("the message is of another kind"),
    }
}

/// What our own past has of a payment, where the door of entry added what its past has.
fn own_facts(given: Option<&Facts>, uetr: Uetr, known: &dyn Acquaintance) -> Result<Option<Facts>, &'static str> {
    if given.is_none() {
        return Ok(None);
    }
    known.facts(uetr).map(Some).ok_or("the payment it is about is not known here")
}
