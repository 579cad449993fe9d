//! Queries as messages: `camt.003` asks how the caller's settlement accounts stand, and its positions over sponsors' accounts, and is answered by `camt.004`, `camt.005` asks for
//! its payments and is answered by `camt.006`. The same as `GET /v1/accounts` and `GET /v1/payments`, signed.
//!
//! # Limits
//! [`NAMED_MAX`] payments asked for by name, and [`LISTED_MAX`] in a list: the answer says when there are more, and who asks for
//! an earlier span gets them. Both count as status enquiries.

use crate::auth::Authenticated;
use crate::door::{Door, rate_limited};
use crate::http::{Answer, XML};
use crate::messages::message_id_hash;
use crate::reads::{decimal, is_party};
use crate::refusal::{GatewayRefusal, Problem};
use crate::registry::Participant;
use crate::wire;
use clearing::{AccountPurpose, AccountView, PaymentState, PaymentView, SponsorshipView, Time, Uetr};
use history::{Key, Order, PaymentQuery};
use iso20022::view::{
    AccountQueryView, AccountReportView, AccountStandingView, PaymentQueryView, PaymentReportView, PaymentStandingView,
    QueryStatus,
};

/// Payments asked for by name in one message.
const NAMED_MAX: usize = 50;
/// Payments of a list.
const LISTED_MAX: usize = 100;

/// `camt.003`.
pub(crate) fn accounts(door: &Door, request: &Authenticated, asked: &AccountQueryView) -> Result<Answer, Problem> {
    let caller = request.sender();
    caller.lane.enquiries.take(door.world.now_ns()).map_err(rate_limited)?;
    let all = door.past.accounts(caller.id());
    let settles = all.iter().filter(|account| account.purpose == AccountPurpose::Settlement);
    let own = settles.map(|account| standing(caller, account));
    let sponsored = door.past.sponsorships(caller.id());
    let sponsored = sponsored.iter().filter(|view| view.participant == caller.id()).map(|view| sponsored_standing(caller, view));
    let standings = own.chain(sponsored).filter(|account| is_meant(asked, account));
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    let report = AccountReportView {
        message_id: id.clone(),
        created_at: now,
        query: asked.message_id.clone(),
        accounts: standings.collect(),
    };
    let message = wire::envelope(door, caller.view.bic, &id, now, &report.message());
    Ok(door.signed(200, XML, message, request.digest_field()))
}

fn is_meant(asked: &AccountQueryView, account: &AccountStandingView) -> bool {
    let number = format!("{}-{}", account.owner, account.currency);
    (asked.accounts.is_empty() || asked.accounts.contains(&number))
        && (asked.currencies.is_empty() || asked.currencies.contains(&account.currency))
}

fn standing(caller: &Participant, account: &AccountView) -> AccountStandingView {
    let amount = |minor| decimal(minor, account.currency);
    AccountStandingView {
        owner: caller.view.bic.to_string(),
        currency: account.currency.code.as_str().to_owned(),
        booked: amount(account.posted),
        held: amount(i128::from(account.held_debit)),
        available: amount(account.available),
        cap: amount(i128::from(account.overdraft)),
    }
}

/// A position over a sponsor's account is told as an account of its own: booked is the position, the cap the sponsor's limit.
fn sponsored_standing(caller: &Participant, view: &SponsorshipView) -> AccountStandingView {
    let amount = |minor| decimal(minor, view.currency);
    AccountStandingView {
        owner: caller.view.bic.to_string(),
        currency: view.currency.code.as_str().to_owned(),
        booked: amount(view.position),
        held: amount(i128::try_from(view.held).unwrap_or(i128::MAX)),
        available: amount(view.room()),
        cap: amount(i128::from(view.limits.net_debit.0)),
    }
}

/// `camt.005`.
pub(crate) fn payments(door: &Door, request: &Authenticated, asked: &PaymentQueryView) -> Result<Answer, Problem> {
    let caller = request.sender();
    caller.lane.enquiries.take(door.world.now_ns()).map_err(rate_limited)?;
    let names = asked.uetrs.len() + asked.messages.len();
    if names > NAMED_MAX {
        let words = format!("{names} payments are asked for by name, {NAMED_MAX} may be");
        return Err(Problem::from(GatewayRefusal::Parameter).with_field("PmtSch").with_detail(words));
    }
    let (found, unknown, is_all) = if names > 0 { named(door, caller, asked)? } else { listed(door, caller, asked)? };
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    let report = PaymentReportView {
        message_id: id.clone(),
        created_at: now,
        query: asked.message_id.clone(),
        is_all,
        payments: found.iter().map(|payment| told(caller, payment)).collect(),
        unknown,
    };
    let message = wire::envelope(door, caller.view.bic, &id, now, &report.message());
    Ok(door.signed(200, XML, message, request.digest_field()))
}

type Found = (Vec<PaymentView>, Vec<[u8; 16]>, bool);

/// Those of the caller's with these names, of the status and time asked for.
fn named(door: &Door, caller: &Participant, asked: &PaymentQueryView) -> Result<Found, Problem> {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    let own = |key: Key| Ok::<_, Problem>(door.past.find(key)?.filter(|payment| is_party(payment, caller)));
    for uetr in &asked.uetrs {
        match own(Key::Uetr(Uetr(*uetr)))? {
            Some(payment) => found.push(payment),
            None => unknown.push(*uetr),
        }
    }
    for message in &asked.messages {
        found.extend(own(Key::Message(message_id_hash(caller.view.bic, message)))?);
    }
    let status = asked.status.map(state_of);
    let is_within = |at: Time| asked.from.is_none_or(|from| at.0 >= from) && asked.to.is_none_or(|to| at.0 < to);
    found.retain(|payment| status.is_none_or(|status| status == payment.state) && is_within(payment.received_at));
    found.sort_by_key(|payment| core::cmp::Reverse(payment.index));
    found.dedup_by_key(|payment| payment.index);
    Ok((found, unknown, true))
}

fn listed(door: &Door, caller: &Participant, asked: &PaymentQueryView) -> Result<Found, Problem> {
    let page = door.past.payments_of(&PaymentQuery {
        who: caller.id(),
        from: asked.from.map(Time),
        to: asked.to.map(Time),
        state: asked.status.map(state_of),
        counterparty: None,
        order: Order::Newest,
        next: None,
        limit: LISTED_MAX,
    })?;
    Ok((page.payments, Vec::new(), page.next.is_none()))
}

const fn state_of(status: QueryStatus) -> PaymentState {
    match status {
        QueryStatus::Pending => PaymentState::Held,
        QueryStatus::Settled => PaymentState::Settled,
        QueryStatus::Rejected => PaymentState::Rejected,
    }
}

fn told(caller: &Participant, payment: &PaymentView) -> PaymentStandingView {
    let is_credit = payment.debtor_agent != caller.id();
    let side = if is_credit { payment.credit } else { payment.debit };
    PaymentStandingView {
        uetr: payment.uetr.0,
        is_credit,
        status: match payment.state {
            PaymentState::Held => QueryStatus::Pending,
            PaymentState::Settled => QueryStatus::Settled,
            PaymentState::Rejected => QueryStatus::Rejected,
        },
        at: payment.finality.map_or(payment.received_at, |finality| finality.at).0,
        reason: payment.iso_reason().map(|reason| reason.to_string()),
        amount: (side.currency.code.as_str().to_owned(), side.to_string()),
        debtor_agent: payment.debtor_bic.to_string(),
        creditor_agent: payment.creditor_bic.to_string(),
    }
}
