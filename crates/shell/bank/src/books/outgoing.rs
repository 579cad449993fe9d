//! Payments out: drafted, reserved with their message stored, and moved on by what the centre says.
//!
//! Crash note: [`Books::reserve`] makes the message and the reservation durable before the first byte leaves, so a crash
//! afterwards leaves a payment that is sent again with the same bytes; a crash before leaves a draft.

use crate::books::posting::{CHARGES, CLEARING, Purpose, SUSPENSE, release, reserve, transfer};
use crate::books::records::{Customer, EntryKind, Outgoing};
use crate::books::standing::end_run;
use crate::books::state::{Contradiction, OutgoingEffect, OutgoingEvent, OutgoingState};
use crate::books::tables::{BREAKS, CUSTOMERS, META, OUTGOING, OUTGOING_OF, OUTGOING_OPEN, Readable, Writer};
use crate::books::{Books, BooksError, BooksRefusal, Keep, OPEN_PAYMENTS_MAX};
use money::Amount;
use planted::{Bug, planted};

/// Drafts nobody confirmed are forgotten after this long.
const DRAFT_KEPT_MS: u64 = 24 * 60 * 60 * 1000;

/// What became known of a payment out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingUpdate {
    /// What.
    pub event: OutgoingEvent,
    /// ISO reason of a rejection.
    pub reason: Option<String>,
    /// Words beside it.
    pub reason_text: Option<String>,
    /// What it waits for, if it waits.
    pub waits: Option<String>,
    /// What the scheme charges this bank on top, once it is settled.
    pub charge: Option<Amount>,
    /// When.
    pub at_ms: u64,
}

impl OutgoingUpdate {
    /// An update without a reason.
    pub fn plain(event: OutgoingEvent, at_ms: u64) -> Self {
        Self { event, reason: None, reason_text: None, waits: None, charge: None, at_ms }
    }
}

impl Books {
    /// Keeps a draft for its customer to confirm.
    pub fn save_draft(&self, draft: &Outgoing) -> Result<(), BooksError> {
        self.change(Keep::Eventually, |writer| {
            let customer: Option<Customer> = writer.record(CUSTOMERS, draft.sign_in.as_str())?;
            if !customer.is_some_and(|customer| customer.accounts.contains(&draft.account)) {
                return Err(BooksRefusal::NoSuchAccount.into());
            }
            if let Some(known) = writer.record::<_, Outgoing>(OUTGOING, draft.uetr.as_str())?
                && known.state != OutgoingState::Draft
            {
                return Ok(());
            }
            writer.put(OUTGOING, draft.uetr.as_str(), draft)
        })
    }

    /// Confirms a draft: reserves the money and stores the message. A payment that was confirmed before is left as it is.
    /// The answer says how it stands and whether this call confirmed it.
    pub fn reserve(&self, uetr: &str, message: &str, at_ms: u64) -> Result<(Outgoing, bool), BooksError> {
        let keep = if planted(Bug::ReservedNotDurable) { Keep::Eventually } else { Keep::Durably };
        self.change(keep, |writer| {
            let payment = load(writer, uetr)?;
            reserved(writer, payment, message, at_ms)
        })
    }

    /// Books what the centre answered directly. What is told again through the inbox changes nothing then.
    pub fn update_outgoing(&self, uetr: &str, update: &OutgoingUpdate) -> Result<Outgoing, BooksError> {
        let keep = match update.event {
            // Told again after a crash: by sending again, and through the inbox.
            OutgoingEvent::LeftInDoubt | OutgoingEvent::CentreHolds => Keep::Eventually,
            OutgoingEvent::Confirmed
            | OutgoingEvent::CentreSettled
            | OutgoingEvent::CentreRejected
            | OutgoingEvent::RefusedAtDoor => Keep::Durably,
        };
        self.change(keep, |writer| apply_update(writer, uetr, update))
    }

    /// Keeps the receipt of a payment.
    pub fn keep_receipt(&self, uetr: &str, receipt: &str) -> Result<(), BooksError> {
        self.change(Keep::Eventually, |writer| {
            let mut payment = load(writer, uetr)?;
            payment.receipt = Some(receipt.to_owned());
            writer.put(OUTGOING, uetr, &payment)
        })
    }

    /// A payment out.
    pub fn outgoing(&self, uetr: &str) -> Result<Option<Outgoing>, BooksError> {
        self.read()?.record(OUTGOING, uetr)
    }

    /// Payments out under way, to be sent or asked about after a start.
    pub fn outgoing_open(&self) -> Result<Vec<String>, BooksError> {
        let mut open = Vec::new();
        self.read()?.each(OUTGOING_OPEN, ..=uetr_end(), false, |uetr, _| {
            open.push(uetr.to_owned());
            Ok(true)
        })?;
        Ok(open)
    }

    /// A customer's confirmed payments out, newest first.
    pub fn outgoing_of(&self, sign_in: &str, limit: usize) -> Result<Vec<Outgoing>, BooksError> {
        let reader = self.read()?;
        let mut uetrs = Vec::new();
        reader.each(OUTGOING_OF, (sign_in, 0, "")..=(sign_in, u64::MAX, uetr_end()), true, |(_, _, uetr), _| {
            uetrs.push(uetr.to_owned());
            Ok(uetrs.len() < limit)
        })?;
        let found = uetrs.iter().map(|uetr| reader.record(OUTGOING, uetr.as_str()));
        found.filter_map(Result::transpose).collect()
    }

    /// Forgets old drafts; how many.
    pub fn forget_drafts(&self, now_ms: u64) -> Result<usize, BooksError> {
        self.change(Keep::Eventually, |writer| {
            let mut old = Vec::new();
            writer.each(OUTGOING, ..=uetr_end(), false, |uetr, bytes| {
                let payment: Outgoing = serde_json::from_slice(bytes)?;
                if payment.state == OutgoingState::Draft && payment.times.drafted_ms.saturating_add(DRAFT_KEPT_MS) < now_ms {
                    old.push(uetr.to_owned());
                }
                Ok(true)
            })?;
            for uetr in &old {
                writer.remove(OUTGOING, uetr.as_str())?;
            }
            Ok(old.len())
        })
    }
}

/// Behind every UETR.
pub(crate) const fn uetr_end() -> &'static str {
    "~"
}

/// A payment reserved with its message, unless it was before. Nothing is written when it is refused.
pub(crate) fn reserved(
    writer: &Writer,
    mut payment: Outgoing,
    message: &str,
    at_ms: u64,
) -> Result<(Outgoing, bool), BooksError> {
    let (state, effect) = payment.state.step(OutgoingEvent::Confirmed).expect("confirming is allowed in every state");
    if effect != OutgoingEffect::Reserve {
        return Ok((payment, false));
    }
    let open = writer.number(META, "open")?.unwrap_or(0);
    if open >= OPEN_PAYMENTS_MAX {
        return Err(BooksRefusal::Full.into());
    }
    reserve(writer, &payment.account, payment.debit)?;
    payment.state = state;
    payment.message = Some(message.to_owned());
    payment.times.confirmed_ms = Some(at_ms);
    let uetr = payment.uetr.as_str();
    writer.set_number(META, "open", open + 1)?;
    writer.set_number(OUTGOING_OPEN, uetr, at_ms)?;
    writer.put(OUTGOING_OF, (&payment.sign_in, at_ms, uetr), &())?;
    writer.put(OUTGOING, uetr, &payment)?;
    Ok((payment, true))
}

fn load(writer: &Writer, uetr: &str) -> Result<Outgoing, BooksError> {
    writer.record(OUTGOING, uetr)?.ok_or_else(|| BooksRefusal::NoSuchPayment.into())
}

/// One step of a payment out, with its bookings.
pub(crate) fn apply_update(writer: &Writer, uetr: &str, update: &OutgoingUpdate) -> Result<Outgoing, BooksError> {
    let mut payment = load(writer, uetr)?;
    let before = payment.state;
    let (state, effect) = match before.step(update.event) {
        Ok(step) => step,
        Err(Contradiction) => {
            contradiction(writer, &payment, update)?;
            return Ok(payment);
        }
    };
    match effect {
        OutgoingEffect::Nothing | OutgoingEffect::Reserve => {}
        OutgoingEffect::Release => release(writer, &payment.account, payment.debit)?,
        OutgoingEffect::Book => {
            release(writer, &payment.account, payment.debit)?;
            let purpose = purpose_of(&payment, update.at_ms);
            transfer(writer, &payment.account, CLEARING, payment.debit, &purpose)?;
            if let Some(charge) = update.charge {
                transfer(writer, CHARGES, CLEARING, charge, &Purpose { kind: EntryKind::Charge, ..purpose })?;
            }
        }
    }
    payment.state = state;
    payment.waits = update.waits.clone().filter(|_| state == OutgoingState::Held);
    if state == OutgoingState::Held {
        payment.times.held_ms.get_or_insert(update.at_ms);
    }
    if before.is_open() && !state.is_open() {
        payment.times.final_ms = Some(update.at_ms);
        payment.reason.clone_from(&update.reason);
        payment.reason_text.clone_from(&update.reason_text);
        let open = writer.number(META, "open")?.unwrap_or(0);
        writer.set_number(META, "open", open.saturating_sub(1))?;
        writer.remove(OUTGOING_OPEN, uetr)?;
        end_run(writer, &payment, update.at_ms)?;
    }
    writer.put(OUTGOING, uetr, &payment)?;
    Ok(payment)
}

fn purpose_of(payment: &Outgoing, at_ms: u64) -> Purpose<'_> {
    Purpose { kind: EntryKind::Sent, uetr: Some(&payment.uetr), counterparty: &payment.payee.name, at_ms }
}

/// The centre says what cannot be: written down for people. Money that moved at the centre is followed on suspense.
fn contradiction(writer: &Writer, payment: &Outgoing, update: &OutgoingUpdate) -> Result<(), BooksError> {
    let words = format!("payment out {} is {:?}, but {:?}", payment.uetr, payment.state, update.event);
    if note_break(writer, &words)? && update.event == OutgoingEvent::CentreSettled && payment.state == OutgoingState::Rejected {
        transfer(writer, SUSPENSE, CLEARING, payment.debit, &purpose_of(payment, update.at_ms))?;
    }
    Ok(())
}

/// Writes down a break, once; whether it is new.
pub(crate) fn note_break(writer: &Writer, words: &str) -> Result<bool, BooksError> {
    let mut known = false;
    writer.each(BREAKS, 0.., false, |_, bytes| {
        known = serde_json::from_slice::<String>(bytes)? == words;
        Ok(!known)
    })?;
    if !known {
        tracing::error!(break_found = words, "the centre contradicts the books");
        let number = writer.next("breaks")?;
        writer.put(BREAKS, number, &words)?;
    }
    Ok(!known)
}
