//! Canonical bytes of returns and recalls: in commands, and in snapshots.

use super::recalls::Kept;
use super::{
    Aftermath, AnswerRecall, Facts, OnRecord, Recall, RecallState, RecallVerdict, RecallView, Recalls, Return, ReturnOf,
    ReturnTerms, Returned,
};
use crate::codec::{put_u32, put_u64, take, take_bool, take_code, take_participant, take_reason, take_slice, take_u32, take_u64};
use crate::{Clearing, ContentHash, DecodeError, MessageIdHash, PaymentIndex, PaymentView, Position, QuoteId, Terms, Time, Uetr};
use money::MinorUnits;

impl Return {
    pub(crate) const TAG: u8 = 60;

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::TAG);
        out.extend_from_slice(&self.id.0);
        out.extend_from_slice(&self.content.0);
        out.extend_from_slice(&self.message_id.0);
        put_u32(out, self.returner.0);
        out.extend_from_slice(&self.original.0);
        put_u64(out, self.amount.0);
        put_u64(out, self.portion.0);
        out.extend_from_slice(&self.currency.bytes());
        out.push(u8::from(self.quote.is_some()));
        self.quote.inspect(|quote| out.extend_from_slice(&quote.0));
        out.extend_from_slice(&self.reason.0);
        put_u64(out, self.created_at.0);
        put_facts(out, self.facts.as_ref());
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            id: Uetr(take(bytes)?),
            content: ContentHash(take(bytes)?),
            message_id: MessageIdHash(take(bytes)?),
            returner: take_participant(bytes)?,
            original: Uetr(take(bytes)?),
            amount: MinorUnits(take_u64(bytes)?),
            portion: MinorUnits(take_u64(bytes)?),
            currency: take_code(bytes)?,
            quote: if take_bool(bytes)? { Some(QuoteId(take(bytes)?)) } else { None },
            reason: take_reason(bytes)?,
            created_at: Time(take_u64(bytes)?),
            facts: take_facts(bytes)?,
        })
    }
}

impl Recall {
    pub(crate) const TAG: u8 = 61;

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::TAG);
        out.extend_from_slice(&self.original.0);
        put_u32(out, self.debtor_agent.0);
        out.extend_from_slice(&self.reason.0);
        out.extend_from_slice(&self.content.0);
        put_facts(out, self.facts.as_ref());
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            original: Uetr(take(bytes)?),
            debtor_agent: take_participant(bytes)?,
            reason: take_reason(bytes)?,
            content: ContentHash(take(bytes)?),
            facts: take_facts(bytes)?,
        })
    }
}

impl AnswerRecall {
    pub(crate) const TAG: u8 = 62;

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::TAG);
        out.extend_from_slice(&self.original.0);
        put_u32(out, self.creditor_agent.0);
        self.verdict.encode(out);
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            original: Uetr(take(bytes)?),
            creditor_agent: take_participant(bytes)?,
            verdict: RecallVerdict::decode(bytes)?,
        })
    }
}

impl ReturnTerms {
    pub(crate) const TAG: u8 = 63;

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for time in [self.return_within_ns, self.recall_within_ns, self.recall_fraud_within_ns, self.recall_answer_ns] {
            put_u64(out, time);
        }
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            return_within_ns: take_u64(bytes)?,
            recall_within_ns: take_u64(bytes)?,
            recall_fraud_within_ns: take_u64(bytes)?,
            recall_answer_ns: take_u64(bytes)?,
        })
    }
}

impl RecallVerdict {
    fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::Accepts => out.push(0),
            Self::Rejects(reason) => {
                out.push(1);
                out.extend_from_slice(&reason.0);
            }
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(if take_bool(bytes)? { Self::Rejects(take_reason(bytes)?) } else { Self::Accepts })
    }
}

impl RecallState {
    pub(super) fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::Asked => out.push(0),
            Self::Overdue => out.push(1),
            Self::Answered(verdict) => {
                out.push(2);
                verdict.encode(out);
            }
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(match take(bytes)? {
            [0] => Self::Asked,
            [1] => Self::Overdue,
            [2] => Self::Answered(RecallVerdict::decode(bytes)?),
            [3..=255] => return Err(DecodeError::Unknown("state of a recall")),
        })
    }
}

fn put_facts(out: &mut Vec<u8>, facts: Option<&Facts>) {
    out.push(u8::from(facts.is_some()));
    let Some(facts) = facts else { return };
    put_view(out, &facts.payment);
    facts.terms.encode(out);
}

fn take_facts(bytes: &mut &[u8]) -> Result<Option<Facts>, DecodeError> {
    if !take_bool(bytes)? {
        return Ok(None);
    }
    Ok(Some(Facts { payment: take_view(bytes)?, terms: Terms::decode(bytes)? }))
}

/// A final payment: its number and its row.
fn put_view(out: &mut Vec<u8>, view: &PaymentView) {
    put_u64(out, view.index.0);
    if view.encode_row(out).is_none() {
        // Nobody makes facts of a payment without an end; such bytes are not read.
        out.extend_from_slice(&[u8::MAX; PaymentView::ROW_BYTES]);
    }
}

fn take_view(bytes: &mut &[u8]) -> Result<PaymentView, DecodeError> {
    let index = PaymentIndex(take_u64(bytes)?);
    let row = take_slice(bytes, PaymentView::ROW_BYTES)?;
    let view = PaymentView::decode_row(index, row)?;
    // A row has bytes that mean nothing where it names no quote and no rejection: one encoding alone is taken.
    let mut again = Vec::with_capacity(PaymentView::ROW_BYTES);
    if view.encode_row(&mut again).is_none() || again != row {
        return Err(DecodeError::Unknown("row"));
    }
    Ok(view)
}

impl Aftermath {
    /// Appends the canonical bytes for a snapshot.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.terms.encode(out);
        put_u64(out, self.close.0);
        put_u32(out, self.returned.len() as u32);
        for (uetr, row) in &self.returned {
            out.extend_from_slice(&uetr.0);
            put_u64(out, row.credit.0);
            put_u64(out, row.returned.0);
            put_u64(out, row.settled_at.0);
        }
        put_u32(out, self.on_record.len() as u32);
        for (payment, row) in &self.on_record {
            put_u64(out, payment.0);
            out.extend_from_slice(&row.of.original.0);
            out.extend_from_slice(&row.of.reason.0);
            put_u64(out, row.portion.0);
        }
        self.recalls.encode(out);
    }

    /// Reads what [`Self::encode`] wrote.
    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let mut aftermath = Self { terms: ReturnTerms::decode(bytes)?, close: Time(take_u64(bytes)?), ..Self::default() };
        for _ in 0..take_u32(bytes)? {
            let uetr = Uetr(take(bytes)?);
            let (credit, returned) = (MinorUnits(take_u64(bytes)?), MinorUnits(take_u64(bytes)?));
            let row = Returned { credit, returned, settled_at: Time(take_u64(bytes)?) };
            if aftermath.returned.last_key_value().is_some_and(|(last, _)| *last >= uetr) {
                return Err(DecodeError::Unknown("order of returned payments"));
            }
            aftermath.by_settlement.insert((row.settled_at, uetr));
            aftermath.returned.insert(uetr, row);
        }
        for _ in 0..take_u32(bytes)? {
            let payment = PaymentIndex(take_u64(bytes)?);
            let of = ReturnOf { original: Uetr(take(bytes)?), reason: take_reason(bytes)? };
            if aftermath.on_record.last_key_value().is_some_and(|(last, _)| *last >= payment) {
                return Err(DecodeError::Unknown("order of returns"));
            }
            aftermath.on_record.insert(payment, OnRecord { of, portion: MinorUnits(take_u64(bytes)?) });
        }
        aftermath.recalls = Recalls::decode(bytes)?;
        Ok(aftermath)
    }
}

impl Recalls {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.by_original.len() as u32);
        for Kept { content, settled_at, told } in self.by_original.values() {
            out.extend_from_slice(&content.0);
            put_u64(out, settled_at.0);
            out.push(told.len() as u8);
            for (position, view) in told {
                put_u64(out, position.0);
                put_view(out, &view.payment);
                out.extend_from_slice(&view.reason.0);
                put_u64(out, view.asked_at.0);
                put_u64(out, view.due.0);
                view.state.encode(out);
            }
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let mut recalls = Self::default();
        let mut last = None;
        for _ in 0..take_u32(bytes)? {
            let (content, settled_at) = (ContentHash(take(bytes)?), Time(take_u64(bytes)?));
            let [count] = take(bytes)?;
            let mut of = None;
            for _ in 0..count {
                let position = Position(take_u64(bytes)?);
                let view = RecallView {
                    payment: take_view(bytes)?,
                    reason: take_reason(bytes)?,
                    asked_at: Time(take_u64(bytes)?),
                    due: Time(take_u64(bytes)?),
                    state: RecallState::decode(bytes)?,
                };
                let uetr = view.payment.uetr;
                if of.is_some_and(|of| of != uetr) || usize::from(count) > Clearing::RECALL_TOLD_MAX {
                    return Err(DecodeError::Unknown("recall"));
                }
                of = Some(uetr);
                recalls.enter(content, settled_at, position, view);
            }
            if of.is_none() || last >= of {
                return Err(DecodeError::Unknown("order of recalls"));
            }
            last = of;
        }
        Ok(recalls)
    }
}
