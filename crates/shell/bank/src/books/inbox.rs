//! What the centre tells, booked in batches together with the inbox cursor.
//!
//! Crash note: before the commit nothing of a batch happened and the centre delivers it again; after it the cursor is past
//! the batch. Answers go to the outbox in the same commit and stay there until the centre took or refused them.

use crate::books::outgoing::{OutgoingUpdate, apply_update, note_break};
use crate::books::posting::{CLEARING, Purpose, SUSPENSE, transfer};
use crate::books::records::{EntryKind, Incoming, OutboxMessage, Outgoing};
use crate::books::returns::{OutgoingReturn, book_return, book_return_settled, book_returned};
use crate::books::state::{Contradiction, IncomingEffect, IncomingEvent, OutgoingEvent};
use crate::books::tables::{INCOMING, META, OUTBOX, OUTGOING, Readable, Writer};
use crate::books::{Books, BooksError, Keep};
use money::Amount;

/// One inbox item, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxEntry {
    /// Its position in the chain.
    pub cursor: u64,
    /// What it says.
    pub told: Told,
}

/// What the centre tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A payment for a customer: will this bank credit it? With this bank's answer.
    Asked(Box<Incoming>, Answered),
    /// A payment settled. `report` is the message by which a creditor agent reports its customer credited.
    Settled {
        /// Which.
        uetr: String,
        /// The message, if this bank credits it.
        report: String,
        /// What the scheme charges this bank, if it sent it.
        charge: Option<Amount>,
    },
    /// A payment is rejected.
    Rejected {
        /// Which.
        uetr: String,
        /// ISO reason.
        reason: Option<String>,
        /// Words beside it.
        reason_text: Option<String>,
    },
    /// The creditor agent reports its customer credited.
    Credited {
        /// Which.
        uetr: String,
    },
    /// A payment of a customer's came back, in part or whole.
    Returned {
        /// Which.
        uetr: String,
        /// What came.
        amount: Amount,
        /// ISO reason.
        reason: String,
    },
    /// A return this bank sent settled.
    ReturnSettled {
        /// Its own identification.
        return_id: String,
    },
    /// A payment this bank credited is asked back: with what this bank says.
    Recalled(Box<RecallAnswer>),
    /// Nothing to book.
    Nothing,
}

/// What goes out because a payment was recalled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecallAnswer {
    /// Which.
    pub uetr: String,
    /// The answer's message.
    pub answer: String,
    /// The return that follows, with its message.
    pub back: Option<(OutgoingReturn, String)>,
}

/// What goes out because a payment came in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answered {
    /// Messages to send, in order.
    pub messages: Vec<String>,
    /// Not before this time, in milliseconds since 1970 UTC.
    pub not_before_ms: u64,
    /// Signed with a wrong key (a fault for trials).
    pub wrong_signature: bool,
}

/// What a batch changed, for those who watch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Booked {
    /// Payments out that changed.
    pub outgoing: Vec<String>,
    /// New messages to send, by outbox number.
    pub outbox: Vec<(u64, OutboxMessage)>,
}

impl Books {
    /// Books a batch. Items at or below the cursor were booked before and change nothing.
    pub fn book_inbox(&self, entries: &[InboxEntry], at_ms: u64) -> Result<Booked, BooksError> {
        self.change(Keep::Durably, |writer| {
            let mut cursor = writer.number(META, "cursor")?.unwrap_or(0);
            let mut booked = Booked::default();
            for entry in entries.iter() {
                if entry.cursor <= cursor {
                    continue;
                }
                cursor = entry.cursor;
                book(writer, &entry.told, at_ms, &mut booked)?;
            }
            writer.set_number(META, "cursor", cursor)?;
            Ok(booked)
        })
    }

    /// Messages still to be sent.
    pub fn outbox(&self) -> Result<Vec<(u64, OutboxMessage)>, BooksError> {
        let mut messages = Vec::new();
        self.read()?.each(OUTBOX, 0.., false, |number, bytes| {
            messages.push((number, serde_json::from_slice(bytes)?));
            Ok(true)
        })?;
        Ok(messages)
    }

    /// Forgets messages the centre took or refused. If this is lost in a crash they are sent again, the same.
    pub fn outbox_done(&self, numbers: &[u64]) -> Result<(), BooksError> {
        self.change(Keep::Eventually, |writer| numbers.iter().try_for_each(|number| writer.remove(OUTBOX, *number)))
    }

    /// A payment in.
    pub fn incoming(&self, uetr: &str) -> Result<Option<Incoming>, BooksError> {
        self.read()?.record(INCOMING, uetr)
    }
}

fn book(writer: &Writer, told: &Told, at_ms: u64, booked: &mut Booked) -> Result<(), BooksError> {
    match told {
        Told::Nothing => Ok(()),
        Told::Asked(incoming, answered) => book_asked(writer, incoming, answered, booked),
        Told::Credited { uetr } => book_credited(writer, uetr, at_ms, booked),
        Told::Returned { uetr, amount, reason } => book_returned(writer, uetr, *amount, reason, at_ms, booked),
        Told::ReturnSettled { return_id } => book_return_settled(writer, return_id, at_ms),
        Told::Recalled(recall) => {
            enqueue(writer, plain(&recall.uetr, &recall.answer, 0), booked)?;
            match &recall.back {
                Some((back, xml)) => book_return(writer, back, xml, at_ms, booked),
                None => Ok(()),
            }
        }
        Told::Settled { uetr, report, charge } => {
            if is_outgoing(writer, uetr)? {
                booked.outgoing.push(uetr.clone());
                let update = OutgoingUpdate { charge: *charge, ..OutgoingUpdate::plain(OutgoingEvent::CentreSettled, at_ms) };
                return apply_update(writer, uetr, &update).map(|_| ());
            }
            book_incoming(writer, uetr, IncomingEvent::CentreSettled, Some(report), at_ms, booked)
        }
        Told::Rejected { uetr, reason, reason_text } => {
            if is_outgoing(writer, uetr)? {
                booked.outgoing.push(uetr.clone());
                let (reason, reason_text) = (reason.clone(), reason_text.clone());
                let update = OutgoingUpdate {
                    event: OutgoingEvent::CentreRejected,
                    reason,
                    reason_text,
                    waits: None,
                    charge: None,
                    at_ms,
                };
                return apply_update(writer, uetr, &update).map(|_| ());
            }
            book_incoming(writer, uetr, IncomingEvent::CentreRejected, None, at_ms, booked)
        }
    }
}

fn is_outgoing(writer: &Writer, uetr: &str) -> Result<bool, BooksError> {
    Ok(writer.get(OUTGOING, uetr, |_| Ok(()))?.is_some())
}

fn book_asked(writer: &Writer, incoming: &Incoming, answered: &Answered, booked: &mut Booked) -> Result<(), BooksError> {
    let uetr = incoming.uetr.as_str();
    if writer.get(INCOMING, uetr, |_| Ok(()))?.is_some() {
        note_break(writer, &format!("payment in {uetr} was asked for twice"))?;
        return Ok(());
    }
    writer.put(INCOMING, uetr, incoming)?;
    for xml in &answered.messages {
        let (not_before_ms, wrong_signature) = (answered.not_before_ms, answered.wrong_signature);
        enqueue(writer, OutboxMessage { wrong_signature, ..plain(uetr, xml, not_before_ms) }, booked)?;
    }
    Ok(())
}

/// A message about a payment that leaves at `not_before_ms`.
pub(super) fn plain(uetr: &str, xml: &str, not_before_ms: u64) -> OutboxMessage {
    OutboxMessage { uetr: uetr.to_owned(), xml: xml.to_owned(), not_before_ms, wrong_signature: false, returns: None }
}

pub(super) fn enqueue(writer: &Writer, message: OutboxMessage, booked: &mut Booked) -> Result<(), BooksError> {
    let number = writer.next("outbox")?;
    writer.put(OUTBOX, number, &message)?;
    booked.outbox.push((number, message));
    Ok(())
}

fn book_credited(writer: &Writer, uetr: &str, at_ms: u64, booked: &mut Booked) -> Result<(), BooksError> {
    if let Some(mut payment) = writer.record::<_, Outgoing>(OUTGOING, uetr)? {
        payment.times.credited_ms.get_or_insert(at_ms);
        writer.put(OUTGOING, uetr, &payment)?;
        booked.outgoing.push(uetr.to_owned());
    }
    Ok(())
}

fn book_incoming(
    writer: &Writer,
    uetr: &str,
    event: IncomingEvent,
    report: Option<&str>,
    at_ms: u64,
    booked: &mut Booked,
) -> Result<(), BooksError> {
    let Some(mut payment) = writer.record::<_, Incoming>(INCOMING, uetr)? else {
        if event == IncomingEvent::CentreRejected {
            // It ended before this bank read that it was asked, and the centre does not ask after a reject: nothing to undo.
            return Ok(());
        }
        note_break(writer, &format!("payment {uetr} is unknown here, but {event:?}"))?;
        return Ok(());
    };
    let Ok((state, effect)) = payment.state.step(event).map_err(|Contradiction| ()) else {
        note_break(writer, &format!("payment in {uetr} is {:?}, but {event:?}", payment.state))?;
        return Ok(());
    };
    if state == payment.state {
        return Ok(());
    }
    match effect {
        IncomingEffect::Nothing => {}
        IncomingEffect::Credit => {
            credit(writer, &payment, at_ms)?;
            if payment.credit_twice {
                credit(writer, &payment, at_ms)?;
            }
        }
        IncomingEffect::Suspend => suspend(writer, &payment, at_ms)?,
    }
    if let (IncomingEffect::Credit, Some(report)) = (effect, report) {
        enqueue(writer, plain(uetr, report, 0), booked)?;
    }
    payment.state = state;
    payment.final_ms = Some(at_ms);
    if let Some(late) = payment.late_answer.take() {
        enqueue(writer, plain(uetr, &late, at_ms), booked)?;
    }
    writer.put(INCOMING, uetr, &payment)
}

/// Credits the customer; money that cannot be credited after all stays on suspense, it is never lost.
fn credit(writer: &Writer, payment: &Incoming, at_ms: u64) -> Result<(), BooksError> {
    let account: Option<crate::books::records::Account> =
        writer.record(crate::books::tables::ACCOUNTS, payment.account.as_str())?;
    let takes = account.is_some_and(|account| account.open && account.pot(payment.amount.currency).is_some());
    if takes { move_in(writer, &payment.account, payment, at_ms) } else { suspend(writer, payment, at_ms) }
}

fn suspend(writer: &Writer, payment: &Incoming, at_ms: u64) -> Result<(), BooksError> {
    note_break(writer, &format!("payment in {} settled, but this bank cannot credit it", payment.uetr))?;
    move_in(writer, SUSPENSE, payment, at_ms)
}

fn move_in(writer: &Writer, to: &str, payment: &Incoming, at_ms: u64) -> Result<(), BooksError> {
    let purpose = Purpose { kind: EntryKind::Received, uetr: Some(&payment.uetr), counterparty: &payment.debtor_name, at_ms };
    transfer(writer, CLEARING, to, payment.amount, &purpose).map(|_| ())
}
