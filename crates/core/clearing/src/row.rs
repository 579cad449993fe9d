//! A forgotten payment as a row of fixed length, for whoever keeps the past. It names everything itself: reading it takes
//! no tables of the centre. The quote of a return is not in it: it names the payment it returns there.

use crate::codec::{
    put_risk, put_u32, put_u64, take, take_bic, take_bool, take_currency, take_participant, take_reason, take_risk, take_u64,
};
use crate::{
    Bic, Charges, ContentHash, DecodeError, Finality, MessageIdHash, ParticipantId, PaymentIndex, PaymentState, PaymentView,
    Position, Posting, QuoteId, Rejection, ReturnOf, Sponsors, Time, Uetr,
};
use money::{Amount, MinorUnits};

impl PaymentView {
    /// Bytes of a row.
    pub const ROW_BYTES: usize = 237;
    /// Bytes of a row with over whose accounts the payment moved.
    pub const KEPT_BYTES: usize = Self::ROW_BYTES + 8;

    /// Appends [`Self::ROW_BYTES`] bytes; the payment's number is where the row lies. `None`, and nothing appended, while
    /// the payment has no end.
    pub fn encode_row(&self, out: &mut Vec<u8>) -> Option<()> {
        let finality = self.finality?;
        out.extend_from_slice(&self.uetr.0);
        out.extend_from_slice(&self.content.0);
        out.extend_from_slice(&self.message_id.0);
        for (agent, bic) in [(self.debtor_agent, self.debtor_bic), (self.creditor_agent, self.creditor_bic)] {
            put_u32(out, agent.0);
            out.extend_from_slice(&bic.bytes());
        }
        for amount in [self.debit, self.credit] {
            put_u64(out, amount.minor.0);
            out.extend_from_slice(&amount.currency.code.bytes());
            out.push(amount.currency.exponent);
        }
        // A return names the payment it returns where others name their quote, a capture its pre-authorisation.
        let (kind, named) = match (self.returns, self.captured_from, self.quote) {
            (Some(of), _, _) => (2, of.original.0),
            (None, Some(preauth), _) => (3, preauth.0),
            (None, None, Some(quote)) => (1, quote.0),
            (None, None, None) => (0, [0; 16]),
        };
        out.push(kind);
        out.extend_from_slice(&named);
        out.push(u8::from(self.rejection.is_some()));
        out.push(self.rejection.map_or(0, Rejection::number));
        // A settled payment has no reason of its own: what stands there is why it is to be returned.
        out.extend_from_slice(&self.posting_reason.map_or(self.reason_bytes(), |reason| reason.0));
        put_risk(out, self.risk);
        let position = |position: Option<Position>| position.map_or(0, |position| position.0);
        for number in [position(self.credited_position), position(self.forwarded_position), self.received_at.0, self.deadline.0] {
            put_u64(out, number);
        }
        for number in [finality.at.0, finality.height, finality.position.0, finality.leaf_index] {
            put_u64(out, number);
        }
        for number in [self.charges.debtor.0, self.charges.creditor.0, position(self.posting_position)] {
            put_u64(out, number);
        }
        out.push(self.posting as u8);
        Some(())
    }

    /// The same for whoever keeps the past: [`Self::KEPT_BYTES`], over whose accounts it moved with it. Commands carry rows without,
    /// as they did before there were sponsors.
    pub fn encode_kept(&self, out: &mut Vec<u8>) -> Option<()> {
        self.encode_row(out)?;
        for sponsor in [self.sponsors.debtor, self.sponsors.creditor] {
            put_u32(out, sponsor.map_or(u32::MAX, |sponsor| sponsor.0));
        }
        Some(())
    }

    /// Reads what [`Self::encode_kept`] wrote for the payment of that number.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn decode_kept(index: PaymentIndex, bytes: &[u8]) -> Result<Self, DecodeError> {
        let (row, mut rest) = bytes.split_at_checked(Self::ROW_BYTES).ok_or(DecodeError::Short)?;
        let rest = &mut rest;
        let sponsor = |bytes: &mut &[u8]| Ok(Some(take_participant(bytes)?).filter(|sponsor| sponsor.0 != u32::MAX));
        let sponsors = Sponsors { debtor: sponsor(rest)?, creditor: sponsor(rest)? };
        if !rest.is_empty() {
            return Err(DecodeError::Unknown("rest"));
        }
        Ok(Self { sponsors, ..Self::decode_row(index, row)? })
    }

    /// Reads what [`Self::encode_row`] wrote for the payment of that number.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn decode_row(index: PaymentIndex, mut bytes: &[u8]) -> Result<Self, DecodeError> {
        let bytes = &mut bytes;
        let (uetr, content, message_id) = (Uetr(take(bytes)?), ContentHash(take(bytes)?), MessageIdHash(take(bytes)?));
        let ((debtor_agent, debtor_bic), (creditor_agent, creditor_bic)) = (take_agent(bytes)?, take_agent(bytes)?);
        let (debit, credit) = (take_amount(bytes)?, take_amount(bytes)?);
        let ([kind], named) = (take(bytes)?, take(bytes)?);
        let (rejection, reason) = take_rejection(bytes)?;
        let (quote, returns) = match (kind, rejection) {
            (0, _) => (None, None),
            (1, _) => (Some(QuoteId(named)), None),
            (2, None) => (None, Some(ReturnOf { original: Uetr(named), reason: take_reason(&mut reason.as_slice())? })),
            (3, None) => (None, None),
            (2.., _) => return Err(DecodeError::Unknown("kind of row")),
        };
        let captured_from = (kind == 3).then_some(Uetr(named));
        let posting_reason = match (kind, rejection, reason) {
            (2, _, _) | (_, Some(_), _) | (_, None, [b' ', b' ', b' ', b' ']) => None,
            (_, None, reason) => Some(take_reason(&mut reason.as_slice())?),
        };
        let risk = take_risk(bytes)?;
        let position = |bytes: &mut &[u8]| Ok(Some(take_u64(bytes)?).filter(|&position| position != 0).map(Position));
        let (credited_position, forwarded_position) = (position(bytes)?, position(bytes)?);
        let (received_at, deadline) = (Time(take_u64(bytes)?), Time(take_u64(bytes)?));
        let finality = Finality {
            at: Time(take_u64(bytes)?),
            height: take_u64(bytes)?,
            position: Position(take_u64(bytes)?),
            leaf_index: take_u64(bytes)?,
        };
        let charges = Charges { debtor: MinorUnits(take_u64(bytes)?), creditor: MinorUnits(take_u64(bytes)?) };
        let (posting_position, [posting]) = (position(bytes)?, take(bytes)?);
        let posting = Posting::from_number(posting)?;
        if !bytes.is_empty() {
            return Err(DecodeError::Unknown("rest"));
        }
        Ok(Self {
            index,
            uetr,
            content,
            message_id,
            debtor_agent,
            debtor_bic,
            creditor_agent,
            creditor_bic,
            sponsors: Sponsors::default(),
            debit,
            credit,
            quote,
            returns,
            captured_from,
            charges,
            state: if rejection.is_some() { PaymentState::Rejected } else { PaymentState::Settled },
            rejection,
            credited: credited_position.is_some(),
            credited_position,
            posting,
            posting_position,
            posting_reason,
            risk,
            received_at,
            deadline,
            forwarded_position,
            finality: Some(finality),
        })
    }
}

fn take_agent(bytes: &mut &[u8]) -> Result<(ParticipantId, Bic), DecodeError> {
    Ok((take_participant(bytes)?, take_bic(bytes)?))
}

fn take_amount(bytes: &mut &[u8]) -> Result<Amount, DecodeError> {
    Ok(Amount { minor: MinorUnits(take_u64(bytes)?), currency: take_currency(bytes)? })
}

/// A rejection, and the four characters of the reason.
fn take_rejection(bytes: &mut &[u8]) -> Result<(Option<Rejection>, [u8; 4]), DecodeError> {
    let (is_rejected, [number], reason) = (take_bool(bytes)?, take(bytes)?, take(bytes)?);
    if !is_rejected {
        return Ok((None, reason));
    }
    let rejection = Rejection::decode(number, take_reason(&mut reason.as_slice())?);
    rejection.map(|rejection| (Some(rejection), reason)).ok_or(DecodeError::Unknown("rejection"))
}
