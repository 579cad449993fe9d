//! Money sent back: to this bank's customers, and by them.
//!
//! A return that comes in is credited to the account that had paid. One that goes out is booked, and its message put into the
//! outbox, in one commit; if the centre refuses it, it is booked back.
//!
//! Crash note: before that commit nothing happened; after it the message leaves until the centre took or refused it, and a
//! return sent twice is one return.

use crate::books::inbox::{Booked, enqueue, plain};
use crate::books::outgoing::note_break;
use crate::books::posting::{CLEARING, Purpose, SUSPENSE, transfer};
use crate::books::records::{Account, EntryKind, Incoming, OutboxMessage, Outgoing};
use crate::books::state::{IncomingState, OutgoingState};
use crate::books::tables::{ACCOUNTS, INCOMING, OUTGOING, RETURNS, Readable, Writer};
use crate::books::{Books, BooksError, BooksRefusal, Keep};
use money::Amount;
use serde::{Deserialize, Serialize};

/// How a return that goes out stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReturnState {
    /// Booked; its message leaves.
    Sent,
    /// Final at the centre.
    Settled,
    /// Refused by the centre, and booked back.
    Refused,
}

/// A return of a payment this bank had credited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingReturn {
    /// Its own identification (`RtrId`).
    pub return_id: String,
    /// The payment.
    pub uetr: String,
    /// How much of it.
    #[serde(with = "crate::books::records::stored_amount")]
    pub amount: Amount,
    /// ISO reason.
    pub reason: String,
    /// How it stands.
    pub state: ReturnState,
}

impl Books {
    /// Books a return out and puts its message into the outbox. A return with a known identification changes nothing.
    ///
    /// # Errors
    /// If the payment was not credited here, less is left of it, or its account has not got it.
    pub fn send_return(&self, back: &OutgoingReturn, xml: &str, at_ms: u64) -> Result<Option<(u64, OutboxMessage)>, BooksError> {
        self.change(Keep::Durably, |writer| {
            let mut booked = Booked::default();
            book_return(writer, back, xml, at_ms, &mut booked)?;
            Ok(booked.outbox.pop())
        })
    }

    /// The centre refused a return: it is booked back. Told again it changes nothing.
    pub fn refuse_return(&self, return_id: &str, at_ms: u64) -> Result<(), BooksError> {
        self.change(Keep::Durably, |writer| {
            let Some(back) = writer.record::<_, OutgoingReturn>(RETURNS, return_id)? else { return Ok(()) };
            if back.state != ReturnState::Sent {
                return Ok(());
            }
            let Some(mut payment) = writer.record::<_, Incoming>(INCOMING, back.uetr.as_str())? else { return Ok(()) };
            transfer(writer, CLEARING, &payment.account, back.amount, &purpose(&back.uetr, &payment.debtor_name, at_ms))?;
            payment.returned_minor = payment.returned_minor.saturating_sub(back.amount.minor.0);
            writer.put(INCOMING, back.uetr.as_str(), &payment)?;
            writer.put(RETURNS, return_id, &OutgoingReturn { state: ReturnState::Refused, ..back })
        })
    }

    /// A return that went out.
    pub fn outgoing_return(&self, return_id: &str) -> Result<Option<OutgoingReturn>, BooksError> {
        self.read()?.record(RETURNS, return_id)
    }
}

fn purpose<'a>(uetr: &'a str, counterparty: &'a str, at_ms: u64) -> Purpose<'a> {
    Purpose { kind: EntryKind::Returned, uetr: Some(uetr), counterparty, at_ms }
}

pub(super) fn book_return(
    writer: &Writer,
    back: &OutgoingReturn,
    xml: &str,
    at_ms: u64,
    booked: &mut Booked,
) -> Result<(), BooksError> {
    if writer.get(RETURNS, back.return_id.as_str(), |_| Ok(()))?.is_some() {
        return Ok(());
    }
    let payment = writer.record::<_, Incoming>(INCOMING, back.uetr.as_str())?;
    let credited = payment.filter(|payment| payment.state == IncomingState::Credited && !payment.exchanged);
    let mut payment = credited.ok_or(BooksRefusal::NoSuchPayment)?;
    if payment.left() < back.amount.minor.0 || payment.amount.currency != back.amount.currency {
        return Err(BooksRefusal::NotEnough.into());
    }
    transfer(writer, &payment.account, CLEARING, back.amount, &purpose(&back.uetr, &payment.debtor_name, at_ms))?;
    payment.returned_minor += back.amount.minor.0;
    writer.put(INCOMING, back.uetr.as_str(), &payment)?;
    writer.put(RETURNS, back.return_id.as_str(), back)?;
    let message = OutboxMessage { returns: Some(back.return_id.clone()), ..plain(&back.uetr, xml, 0) };
    enqueue(writer, message, booked)
}

/// A return of this bank's settled at the centre. One that was booked back is booked again: an earlier copy of its message came
/// through after a later one was refused. What the customer has not got any more is looked for on suspense, by people.
pub(super) fn book_return_settled(writer: &Writer, return_id: &str, at_ms: u64) -> Result<(), BooksError> {
    let Some(back) = writer.record::<_, OutgoingReturn>(RETURNS, return_id)? else {
        note_break(writer, &format!("return {return_id} settled, but this bank did not send it"))?;
        return Ok(());
    };
    if back.state == ReturnState::Refused
        && let Some(mut payment) = writer.record::<_, Incoming>(INCOMING, back.uetr.as_str())?
    {
        let account: Option<Account> = writer.record(ACCOUNTS, payment.account.as_str())?;
        let pot = account.as_ref().and_then(|account| account.pot(back.amount.currency));
        let has_it = pot.is_some_and(|pot| pot.available() >= back.amount.minor.0);
        let from = if has_it { payment.account.as_str() } else { SUSPENSE };
        if !has_it {
            note_break(writer, &format!("return {return_id} settled after all, and its customer has not got it any more"))?;
        }
        transfer(writer, from, CLEARING, back.amount, &purpose(&back.uetr, &payment.debtor_name, at_ms))?;
        payment.returned_minor += back.amount.minor.0;
        writer.put(INCOMING, back.uetr.as_str(), &payment)?;
    }
    writer.put(RETURNS, return_id, &OutgoingReturn { state: ReturnState::Settled, ..back })
}

/// Money comes back: to the account that paid, or to suspense where that is closed.
pub(super) fn book_returned(
    writer: &Writer,
    uetr: &str,
    amount: Amount,
    reason: &str,
    at_ms: u64,
    booked: &mut Booked,
) -> Result<(), BooksError> {
    let payment = writer.record::<_, Outgoing>(OUTGOING, uetr)?.filter(|payment| payment.state == OutgoingState::Settled);
    let Some(mut payment) = payment else {
        note_break(writer, &format!("a return of {uetr} came, which this bank did not send or which has not settled"))?;
        transfer(writer, CLEARING, SUSPENSE, amount, &purpose(uetr, "", at_ms)).map(|_| ())?;
        return Ok(());
    };
    let account: Option<Account> = writer.record(ACCOUNTS, payment.account.as_str())?;
    let takes = account.is_some_and(|account| account.open && account.pot(amount.currency).is_some());
    let to = if takes { payment.account.as_str() } else { SUSPENSE };
    if !takes {
        note_break(writer, &format!("a return of {uetr} came, but the account that paid it takes it no more"))?;
    }
    transfer(writer, CLEARING, to, amount, &purpose(uetr, &payment.payee.name, at_ms))?;
    payment.returned_minor += amount.minor.0;
    payment.return_reason = Some(reason.to_owned());
    writer.put(OUTGOING, uetr, &payment)?;
    booked.outgoing.push(uetr.to_owned());
    Ok(())
}
