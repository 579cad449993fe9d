//! The books examined: totals, payments, and every law of this module checked over everything.

use crate::books::outgoing::uetr_end;
use crate::books::posting::{CLEARING, SUSPENSE};
use crate::books::records::{Account, Entry, EntryKind, Incoming, Outgoing};
use crate::books::standing::standing_check;
use crate::books::state::{IncomingState, OutgoingState};
use crate::books::tables::{ACCOUNTS, BREAKS, ENTRIES, INCOMING, META, OUTBOX, OUTGOING, Readable};
use crate::books::{Books, BooksError};
use serde::Serialize;
use std::collections::BTreeMap;

/// The books at a glance. Amounts are minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct BooksReport {
    /// Inbox cursor.
    pub cursor: u64,
    /// Totals by currency code.
    pub currencies: BTreeMap<String, CurrencyTotals>,
    /// Every payment that was confirmed or asked for.
    pub payments: Vec<BookedPayment>,
    /// Messages waiting to be sent.
    pub outbox: usize,
    /// What contradicts the books or breaks a law, in words; empty when all is well.
    pub breaks: Vec<String>,
}

/// Totals of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub struct CurrencyTotals {
    /// What customers have.
    pub customers: i128,
    /// What of it is reserved.
    pub held: u128,
    /// Settled payments out less settled payments in: by how much the settlement account at the centre went down.
    pub paid_out_net: i128,
    /// Money for people to look at.
    pub suspense: i128,
    /// Sum over all accounts of the bank; zero when double entry holds.
    pub sum: i128,
}

/// Which way a payment goes, seen from this bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A customer pays.
    Out,
    /// A customer is paid.
    In,
}

/// One payment as the books have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookedPayment {
    /// UETR.
    pub uetr: String,
    /// Which way.
    pub direction: Direction,
    /// `Reserved`, `Sent`, `Held`, `Settled`, `Rejected`; `Asked`, `Accepted`, `Declined`, `Credited`, `Ended`.
    pub state: String,
    /// Currency of this bank's side.
    pub currency: String,
    /// Amount of this bank's side, in minor units.
    pub amount: u64,
    /// How often it was booked on a customer's or the suspense account.
    pub booked: usize,
    /// What came back of it, or was sent back, in minor units.
    pub returned: u64,
}

type ByPot = BTreeMap<String, i128>;

impl Books {
    /// Reads everything and checks every law. Takes time in proportion to the books; for trials and operators.
    pub fn report(&self) -> Result<BooksReport, BooksError> {
        let reader = self.read()?;
        let mut report = BooksReport { cursor: reader.number(META, "cursor")?.unwrap_or(0), ..BooksReport::default() };
        reader.each(BREAKS, 0.., false, |_, bytes| {
            report.breaks.push(serde_json::from_slice(bytes)?);
            Ok(true)
        })?;
        reader.each(OUTBOX, 0.., false, |_, _| {
            report.outbox += 1;
            Ok(true)
        })?;
        let mut entries = EntryTotals::default();
        reader.each(ENTRIES, ("", 0).., false, |(pot, _), bytes| {
            entries.add(pot, &serde_json::from_slice(bytes)?);
            Ok(true)
        })?;
        let mut held = ByPot::new();
        let customer_bookings = |uetr: &str| entries.by_uetr.get(uetr).copied().unwrap_or(0);
        reader.each(OUTGOING, ..=uetr_end(), false, |_, bytes| {
            let payment: Outgoing = serde_json::from_slice(bytes)?;
            if payment.state.is_open() {
                let pot = format!("{}/{}", payment.account, payment.debit.currency.code);
                *held.entry(pot).or_default() += i128::from(payment.debit.minor.0);
            }
            report.add_outgoing(&payment, customer_bookings(&payment.uetr));
            let whole = if payment.quote.is_some() { u64::MAX } else { payment.debit.minor.0 };
            report.check_returned(&payment.uetr, payment.returned_minor, whole, entries.came_back(&payment.uetr));
            Ok(true)
        })?;
        reader.each(INCOMING, ..=uetr_end(), false, |_, bytes| {
            let payment: Incoming = serde_json::from_slice(bytes)?;
            report.add_incoming(&payment, customer_bookings(&payment.uetr));
            report.check_returned(
                &payment.uetr,
                payment.returned_minor,
                payment.amount.minor.0,
                -entries.came_back(&payment.uetr),
            );
            Ok(true)
        })?;
        reader.each(ACCOUNTS, ""..="\u{10ffff}", false, |_, bytes| {
            report.add_account(&serde_json::from_slice(bytes)?, &entries.by_pot, &held);
            Ok(true)
        })?;
        report.breaks.extend(entries.unbalanced());
        report.breaks.extend(standing_check(&reader)?);
        report.check_sums();
        Ok(report)
    }
}

#[derive(Default)]
struct EntryTotals {
    by_pot: ByPot,
    by_transfer: BTreeMap<(u64, String), i128>,
    by_uetr: BTreeMap<String, usize>,
    /// What returns gave customers, less what they took, by the payment returned.
    returned: BTreeMap<String, i128>,
}

impl EntryTotals {
    fn add(&mut self, pot: &str, entry: &Entry) {
        let currency = pot.rsplit('/').next().unwrap_or_default();
        *self.by_pot.entry(pot.to_owned()).or_default() += i128::from(entry.amount);
        *self.by_transfer.entry((entry.transfer, currency.to_owned())).or_default() += i128::from(entry.amount);
        if let Some(uetr) = &entry.uetr
            && !pot.starts_with(CLEARING)
        {
            match entry.kind {
                EntryKind::Returned => *self.returned.entry(uetr.clone()).or_default() += i128::from(entry.amount),
                EntryKind::Charge => {}
                EntryKind::Opening | EntryKind::Sent | EntryKind::Received => {
                    *self.by_uetr.entry(uetr.clone()).or_default() += 1;
                }
            }
        }
    }

    fn came_back(&self, uetr: &str) -> i128 {
        self.returned.get(uetr).copied().unwrap_or(0)
    }

    fn unbalanced(&self) -> impl Iterator<Item = String> + '_ {
        let off = self.by_transfer.iter().filter(|(_, sum)| **sum != 0);
        off.map(|((transfer, currency), sum)| format!("BNK-01: transfer {transfer} sums to {sum} {currency}"))
    }
}

impl BooksReport {
    fn add_outgoing(&mut self, payment: &Outgoing, booked: usize) {
        if payment.state == OutgoingState::Draft {
            return;
        }
        let expected = usize::from(payment.state == OutgoingState::Settled);
        if booked != expected && !self.breaks.iter().any(|known| known.contains(&payment.uetr)) {
            self.breaks.push(format!("BNK-04: payment out {} is {:?} and booked {booked} times", payment.uetr, payment.state));
        }
        self.payments.push(BookedPayment {
            uetr: payment.uetr.clone(),
            direction: Direction::Out,
            state: format!("{:?}", payment.state),
            currency: payment.debit.currency.code.to_string(),
            amount: payment.debit.minor.0,
            booked,
            returned: payment.returned_minor,
        });
    }

    fn add_incoming(&mut self, payment: &Incoming, booked: usize) {
        let expected = usize::from(payment.state == IncomingState::Credited);
        if booked != expected {
            self.breaks.push(format!("BNK-04: payment in {} is {:?} and booked {booked} times", payment.uetr, payment.state));
        }
        self.payments.push(BookedPayment {
            uetr: payment.uetr.clone(),
            direction: Direction::In,
            state: format!("{:?}", payment.state),
            currency: payment.amount.currency.code.to_string(),
            amount: payment.amount.minor.0,
            booked,
            returned: payment.returned_minor,
        });
    }

    /// BNK-05. What an exchanged payment comes back as is the rate's matter: `whole` is without an end then.
    fn check_returned(&mut self, uetr: &str, recorded: u64, whole: u64, booked: i128) {
        if i128::from(recorded) != booked || recorded > whole {
            self.breaks.push(format!("BNK-05: {recorded} of {whole} came back of payment {uetr}, booked are {booked}"));
        }
    }

    fn add_account(&mut self, account: &Account, entries: &ByPot, held: &ByPot) {
        for pot in &account.pots {
            let key = format!("{}/{}", account.number, pot.currency);
            let (balance, pot_held) = (i128::from(pot.balance), i128::from(pot.held));
            if entries.get(&key).copied().unwrap_or(0) != balance {
                self.breaks.push(format!("BNK-02: {key} shows {balance}, its entries sum to something else"));
            }
            if held.get(&key).copied().unwrap_or(0) != pot_held || (!account.is_internal() && balance < pot_held) {
                self.breaks.push(format!("BNK-03: {key} holds {pot_held} of {balance}"));
            }
            let totals = self.currencies.entry(pot.currency.clone()).or_default();
            totals.sum += balance;
            match account.number.as_str() {
                CLEARING => totals.paid_out_net += balance,
                SUSPENSE => totals.suspense += balance,
                _ if account.is_internal() => {}
                _ => {
                    totals.customers += balance;
                    totals.held += u128::from(pot.held);
                }
            }
        }
    }

    fn check_sums(&mut self) {
        let off: Vec<_> = self.currencies.iter().filter(|(_, totals)| totals.sum != 0).map(|(code, _)| code.clone()).collect();
        self.breaks.extend(off.into_iter().map(|code| format!("BNK-01: all {code} balances do not sum to zero")));
    }
}
