//! What payments and returns do to positions: checked before money is held, counted when it moves, kept when it is forgotten.

use super::{Clearing, Key, Row, Sponsors, moves};
use crate::laws::LawBroken;
use crate::participant::AccountSet;
use crate::payment::Status;
use crate::{Charges, ParticipantId, Pay, PaymentIndex, PaymentState, PaymentView, Refusal, Rejection};
use ledger::LedgerId;
use money::MinorUnits;
use std::collections::BTreeMap;

/// Which sponsorship a side of a payment moves under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Side {
    /// Its number: another one between the same two is another one.
    pub(super) number: u32,
    pub(super) sponsor: ParticipantId,
}

/// Which sponsorships a payment moves under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sides {
    pub(super) debtor: Option<Side>,
    pub(super) creditor: Option<Side>,
}

impl Sides {
    pub(super) const fn is_none(&self) -> bool {
        self.debtor.is_none() && self.creditor.is_none()
    }
}

/// What a payment moves on each side.
#[derive(Debug, Clone, Copy)]
struct Moved {
    debtor: Key,
    creditor: Key,
    /// The debtor's charges with it.
    paid: u128,
    received: u128,
}

/// Before money is held.
impl Clearing {
    /// The accounts an agent settles over: its own, or its sponsor's.
    pub(crate) fn settling_set(&self, agent: ParticipantId, ledger: LedgerId) -> Option<&AccountSet> {
        let participant = &self.participants[agent.0 as usize];
        match participant.account_set(ledger) {
            Some(own) => Some(own),
            None if participant.is_sponsored => {
                let row = self.sponsorships.rows.get(&(agent, ledger))?;
                self.participants[row.sponsor.0 as usize].account_set(ledger)
            }
            None => None,
        }
    }

    /// Whether the sponsors of a payment's agents may be debited and credited.
    #[cold]
    pub(crate) fn check_sponsors_standing(&self, pay: &Pay) -> Result<(), Rejection> {
        let Some(ledgers) = self.ledgers_of(pay) else { return Ok(()) };
        let status = |agent, ledger| {
            let row = self.sponsorships.rows.get(&(agent, ledger))?;
            Some(self.participants[row.sponsor.0 as usize].status)
        };
        if status(pay.debtor_agent, ledgers[0]).is_some_and(|status| !status.sends()) {
            return Err(Rejection::SponsorNotSending);
        }
        if status(pay.creditor_agent, ledgers[1]).is_some_and(|status| !status.receives()) {
            return Err(Rejection::SponsorNotReceiving);
        }
        Ok(())
    }

    /// The ledgers of both sides of a payment; that of its quote is its own where it is not known.
    fn ledgers_of(&self, pay: &Pay) -> Option<[LedgerId; 2]> {
        let debit = self.ledger_of(pay.debit_currency)?;
        let quoted = pay.quote.and_then(|id| self.quotes.get(&id));
        Some([debit, quoted.map_or(debit, |quote| quote.credit_ledger)])
    }

    /// Under which sponsorships a payment would move, if they let it.
    pub(crate) fn check_sponsors(&self, pay: &Pay, charges: &Charges) -> Result<Sides, Rejection> {
        let is_sponsored = |agent: ParticipantId| self.participants[agent.0 as usize].is_sponsored;
        // A payment between direct participants pays for this and no more.
        if !is_sponsored(pay.debtor_agent) && !is_sponsored(pay.creditor_agent) {
            return Ok(Sides::default());
        }
        let Some(ledgers) = self.ledgers_of(pay) else { return Ok(Sides::default()) };
        let debtor = self.sponsorships.rows.get(&(pay.debtor_agent, ledgers[0]));
        let creditor = self.sponsorships.rows.get(&(pay.creditor_agent, ledgers[1]));
        if debtor.into_iter().chain(creditor).any(|row| row.is_ending) {
            return Err(Rejection::SponsorshipEnding);
        }
        if let Some(row) = debtor {
            if pay.debit > row.limits.payment_max {
                return Err(Rejection::AboveSponsorMaximum);
            }
            if row.room() < i128::from(pay.debit.0) + i128::from(charges.debtor.0) {
                return Err(Rejection::SponsorLimitReached);
            }
        }
        Ok(Sides { debtor: debtor.map(Row::side), creditor: creditor.map(Row::side) })
    }

    /// The same of a return, which no maximum stops and which moves while a sponsorship is ending.
    pub(crate) fn check_return_sponsors(
        &self,
        [returner, debtor_agent]: [ParticipantId; 2],
        ledgers: [LedgerId; 2],
        amount: MinorUnits,
    ) -> Result<Sides, Refusal> {
        if self.sponsorships.rows.is_empty() {
            return Ok(Sides::default());
        }
        let from = self.sponsorships.rows.get(&(returner, ledgers[0]));
        let to = self.sponsorships.rows.get(&(debtor_agent, ledgers[1]));
        if from.into_iter().chain(to).any(|row| !moves(self.participants[row.sponsor.0 as usize].status)) {
            return Err(Refusal::SponsorForbids);
        }
        if from.is_some_and(|row| row.room() < i128::from(amount.0)) {
            return Err(Refusal::ReturnBeyondSponsorLimit);
        }
        Ok(Sides { debtor: from.map(Row::side), creditor: to.map(Row::side) })
    }
}

/// When it moves.
impl Clearing {
    /// A payment was held.
    pub(crate) fn begin_sponsored(&mut self, index: PaymentIndex, sides: Sides) {
        if sides.is_none() {
            return;
        }
        self.enter_used(index, sides);
        let moved = self.moved(index);
        self.change_rows(&sides, &moved, |row, paid| {
            row.held += paid.unwrap_or(0);
            row.under_way += 1;
        });
    }

    /// A held payment has ended; whether it settled.
    #[cold]
    pub(crate) fn end_sponsored(&mut self, index: PaymentIndex, settled: bool) {
        let Some(sides) = self.sponsorships.used.get(&index).copied() else { return };
        let moved = self.moved(index);
        let received = moved.received;
        self.change_rows(&sides, &moved, |row, paid| {
            row.under_way -= 1;
            row.held -= paid.unwrap_or(0);
            if settled {
                row.position += paid.map_or(signed(received), |paid| -signed(paid));
            }
        });
    }

    /// A return moved, which is final from its first moment.
    pub(crate) fn enter_sponsored_return(&mut self, index: PaymentIndex, sides: Sides) {
        if sides.is_none() {
            return;
        }
        self.enter_used(index, sides);
        let moved = self.moved(index);
        let received = moved.received;
        self.change_rows(&sides, &moved, |row, paid| row.position += paid.map_or(signed(received), |paid| -signed(paid)));
    }

    /// Its end was told: one of its sponsorships may be over with it.
    #[cold]
    pub(crate) fn close_sponsored(&mut self, index: PaymentIndex) {
        let Some(sides) = self.sponsorships.used.get(&index).copied() else { return };
        let moved = self.moved(index);
        if sides.debtor.is_some() {
            self.end_if_over(moved.debtor);
        }
        if sides.creditor.is_some() {
            self.end_if_over(moved.creditor);
        }
    }

    /// A payment leaves the record; what it brought to its positions stays.
    #[cold]
    pub(crate) fn forget_sponsored(&mut self, view: &PaymentView) {
        let moved = self.moved(view.index);
        let Some(sides) = self.sponsorships.used.remove(&view.index) else { return };
        if view.state != PaymentState::Settled {
            return;
        }
        for (side, key, change) in each(&sides, &moved) {
            if let Some(row) = self.sponsorships.rows.get_mut(&key).filter(|row| row.number == side.number) {
                row.forgotten += change;
            }
        }
    }

    /// Over whose accounts a payment on record moves.
    #[cold]
    pub(crate) fn sponsors_of(&self, index: PaymentIndex) -> Sponsors {
        let sides = self.sponsorships.used.get(&index).copied().unwrap_or_default();
        Sponsors { debtor: sides.debtor.map(|side| side.sponsor), creditor: sides.creditor.map(|side| side.sponsor) }
    }

    fn enter_used(&mut self, index: PaymentIndex, sides: Sides) {
        self.payments[index].is_sponsored = true;
        self.sponsorships.used.insert(index, sides);
        self.note_used(index, &sides);
    }

    fn moved(&self, index: PaymentIndex) -> Moved {
        let payment = &self.payments[index];
        Moved {
            debtor: (payment.debtor_agent, payment.debit_ledger),
            creditor: (payment.creditor_agent, payment.credit_ledger),
            paid: u128::from(payment.debit.0) + u128::from(payment.charged.charges.debtor.0),
            received: u128::from(payment.credit.0),
        }
    }

    /// Changes the rows of a payment's sides; the debtor's is told what is paid.
    fn change_rows(&mut self, sides: &Sides, moved: &Moved, change: impl Fn(&mut Row, Option<u128>)) {
        let debtor = sides.debtor.map(|side| (side, moved.debtor, Some(moved.paid)));
        let creditor = sides.creditor.map(|side| (side, moved.creditor, None));
        for (side, key, paid) in debtor.into_iter().chain(creditor) {
            if let Some(row) = self.sponsorships.rows.get_mut(&key).filter(|row| row.number == side.number) {
                change(row, paid);
                self.note_sponsorship(key);
            }
        }
    }
}

impl Row {
    fn side(&self) -> Side {
        Side { number: self.number, sponsor: self.sponsor }
    }
}

/// What a settled payment brings to the position of each of its sides.
fn each(sides: &Sides, moved: &Moved) -> impl Iterator<Item = (Side, Key, i128)> {
    let debtor = sides.debtor.map(|side| (side, moved.debtor, -signed(moved.paid)));
    debtor.into_iter().chain(sides.creditor.map(|side| (side, moved.creditor, signed(moved.received))))
}

/// Sums of a few amounts of 64 bits.
fn signed(minor: u128) -> i128 {
    i128::try_from(minor).unwrap_or(i128::MAX)
}

/// What payments on record say of one sponsorship.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sum {
    position: i128,
    held: u128,
    under_way: u32,
}

/// SPN-01: each position is what its payments, forgotten ones too, and its squares brought; what is held for it is what its
/// payments under way hold; and it is never beyond the limit, holds counted.
pub(crate) fn spn_01(clearing: &Clearing) -> Result<(), LawBroken> {
    let broken = |detail| Err(LawBroken { law: "SPN-01", detail });
    let sponsorships = &clearing.sponsorships;
    let marked = (clearing.payments.first()..).zip(clearing.payments.iter()).filter(|(_, payment)| payment.is_sponsored);
    if !marked.map(|(at, _)| PaymentIndex(at)).eq(sponsorships.used.keys().copied()) {
        return broken("the table of sponsored payments is not that of the payments marked so".to_owned());
    }
    let mut sums: BTreeMap<(Key, u32), Sum> = BTreeMap::new();
    for (index, sides) in &sponsorships.used {
        let moved = clearing.moved(*index);
        for (side, key, change) in each(sides, &moved) {
            let sum = sums.entry((key, side.number)).or_default();
            match clearing.payments[*index].status {
                Status::Held(_) => {
                    sum.under_way += 1;
                    sum.held += if change < 0 { change.unsigned_abs() } else { 0 };
                }
                Status::Settled(_) | Status::Returned(_) => sum.position += change,
                Status::Rejected(..) => {}
            }
        }
    }
    for (key, row) in &sponsorships.rows {
        let own = sums.remove(&(*key, row.number)).unwrap_or_default();
        let expected = Sum { position: own.position + row.forgotten + row.squared, ..own };
        let kept = Sum { position: row.position, held: row.held, under_way: row.under_way };
        if kept != expected {
            return broken(format!("sponsorship {} has {kept:?}, its payments say {expected:?}", row.number));
        }
        if row.room() < 0 {
            return broken(format!("sponsorship {} is {} beyond its limit", row.number, -row.room()));
        }
        let [sponsor, participant] = [row.sponsor, key.0].map(|id| &clearing.participants[id.0 as usize]);
        if sponsor.account_set(key.1).is_none() || participant.account_set(key.1).is_some() || !participant.is_sponsored {
            return broken(format!("sponsorship {} is not between a direct and an indirect participant", row.number));
        }
    }
    match sums.into_iter().find(|(_, sum)| sum.under_way > 0) {
        None => Ok(()),
        Some(((_, number), _)) => broken(format!("sponsorship {number} is over with payments under way")),
    }
}
