//! What payments were charged: the legs beside a payment's own, and the books that prove them.

use super::{ChargeBearer, Tariff};
use crate::codec::{put_u32, put_u64, take, take_u32, take_u64};
use crate::exchange::Quote;
use crate::payment::Status;
use crate::rules::Code;
use crate::{AccountPurpose, Clearing, DecodeError, Pay, PaymentIndex, Refusal, Rejection, Time};
use ledger::laws::LawBroken;
use ledger::{AccountId, Floor, LedgerId, Leg};
use money::{Amount, MinorUnits};

/// What each side bears of a payment's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Charges {
    /// On top of the debit, in its currency.
    pub debtor: MinorUnits,
    /// Out of the credit, in its currency.
    pub creditor: MinorUnits,
}

impl Charges {
    /// Nothing.
    pub const NONE: Self = Self { debtor: MinorUnits::ZERO, creditor: MinorUnits::ZERO };

    /// Whether it is free.
    pub const fn is_none(&self) -> bool {
        self.debtor.is_zero() && self.creditor.is_zero()
    }

    /// Who bears something of it.
    pub const fn bearer(&self) -> Option<ChargeBearer> {
        match (self.debtor.is_zero(), self.creditor.is_zero()) {
            (true, true) => None,
            (false, true) => Some(ChargeBearer::Debtor),
            (true, false) => Some(ChargeBearer::Creditor),
            (false, false) => Some(ChargeBearer::Shared),
        }
    }
}

/// How a payment on record was charged, and by which line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Charged {
    pub(crate) charges: Charges,
    /// 0: by none.
    pub(crate) tariff: u32,
    pub(crate) line: u8,
}

/// The scheme's prices and fee accounts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Books {
    pub(crate) tariffs: Vec<Tariff>,
    /// The last one's.
    pub(crate) version: u32,
    /// Indexed by ledger; none before the first tariff, so that chains without one have the accounts they had.
    pub(crate) accounts: Vec<AccountId>,
    /// Indexed by ledger: what payments paid that are forgotten.
    pub(crate) forgotten: Vec<u128>,
}

impl Clearing {
    /// Enters the next tariff, as it holds.
    pub(crate) fn set_tariff(&mut self, tariff: &Tariff) -> Result<Tariff, Refusal> {
        let effective_from = self.check_tariff(tariff)?;
        let tariff = Tariff { effective_from, ..tariff.clone() };
        self.fees.version = tariff.version;
        self.fees.tariffs.push(tariff.clone());
        self.open_fee_accounts()?;
        Ok(tariff)
    }

    /// Opens what is missing, once there is a tariff.
    pub(crate) fn open_fee_accounts(&mut self) -> Result<(), Refusal> {
        while self.fees.version > 0 && self.fees.accounts.len() < self.currencies.len() {
            let ledger = LedgerId(self.fees.accounts.len() as u16);
            let account = self.open_account(ledger, Floor::Zero, None, AccountPurpose::Fees)?;
            self.fees.accounts.push(account);
            self.fees.forgotten.push(0);
        }
        Ok(())
    }

    /// Lets go of tariffs that nothing can have been accepted under any more.
    pub(crate) fn drop_tariffs(&mut self) {
        let oldest = self.settings.acceptance_age_max_ns.saturating_add(Self::WAIT_MAX_NS);
        while self.fees.tariffs.get(1).is_some_and(|next| next.effective_from.after(oldest) < self.time) {
            self.fees.tariffs.remove(0);
        }
    }

    /// What a payment costs whose corridor and quote are known.
    pub(crate) fn charge(&self, pay: &Pay, corridor: Option<Code>, quote: Option<&Quote>) -> Result<Charged, Rejection> {
        let Some(tariff) = self.tariff_at(pay.accepted_at.min(self.time)) else { return Ok(Charged::default()) };
        let ledger = self.ledger_of(pay.debit_currency).ok_or(Rejection::CurrencyNotServed)?;
        let debit = Amount { minor: pay.debit, currency: self.currency(ledger) };
        let credit = quote.map_or(debit, |quote| quote.terms.credit);
        let Some(priced) = tariff.price(corridor, &pay.terms, debit, credit) else { return Ok(Charged::default()) };
        if priced.charges.creditor >= credit.minor {
            return Err(Rejection::ChargesExceedAmount);
        }
        Ok(Charged { charges: priced.charges, tariff: priced.tariff, line: priced.line })
    }

    /// The fee account of a ledger; there is one wherever something is charged.
    fn fee_account(&self, ledger: LedgerId) -> AccountId {
        self.fees.accounts[usize::from(ledger.0)]
    }

    /// Adds the legs of a payment's charges: the debtor's from where its debit comes from, the creditor's from where the
    /// credit comes from.
    pub(crate) fn push_charges(
        &self,
        charges: &Charges,
        (debtor, debit_ledger): (AccountId, LedgerId),
        (giver, credit_ledger): (AccountId, LedgerId),
        legs: &mut Legs,
    ) {
        for (debit, ledger, amount) in [(debtor, debit_ledger, charges.debtor), (giver, credit_ledger, charges.creditor)] {
            if !amount.is_zero() {
                legs.push(Leg { debit, credit: self.fee_account(ledger), amount });
            }
        }
    }

    /// Enters what an open payment is charged in the block's changes.
    pub(crate) fn note_charged(&mut self, index: PaymentIndex) {
        let charged = self.payments[index].charged;
        if charged.tariff == 0 {
            return;
        }
        self.delta.push(91);
        put_u64(&mut self.delta, index.0);
        encode_charged(&charged, &mut self.delta);
    }

    /// Counts on what a forgotten payment paid.
    pub(crate) fn forget_charges(&mut self, index: PaymentIndex) {
        let payment = &self.payments[index];
        let (charges, debit, credit) = (payment.charged.charges, payment.debit_ledger, payment.credit_ledger);
        for (ledger, amount) in [(debit, charges.debtor), (credit, charges.creditor)] {
            if !amount.is_zero() {
                self.fees.forgotten[usize::from(ledger.0)] += u128::from(amount.0);
            }
        }
    }

    /// FEE-01: each payment on record is charged by the tariff in force when it was accepted, and the fee accounts hold what
    /// settled payments were charged, forgotten ones too, and nothing else.
    pub(crate) fn check_fees(&self) -> Result<(), LawBroken> {
        let broken = |detail| Err(LawBroken { law: "FEE-01", detail });
        let mut paid = self.fees.forgotten.clone();
        let mut held = vec![0u128; paid.len()];
        for payment in self.payments.iter() {
            let charged = payment.charged;
            if matches!(payment.status, Status::Returned(_)) {
                if charged.charges != Charges::default() {
                    return broken(format!("return {} is charged", payment.uetr));
                }
                continue;
            }
            if !self.is_priced(&charged, payment.accepted_at.min(payment.received_at), payment) {
                return broken(format!("payment {} is charged {charged:?}, which is no price of its tariff", payment.uetr));
            }
            let sums = match payment.status {
                Status::Held(_) => &mut held,
                Status::Settled(_) => &mut paid,
                Status::Rejected(..) | Status::Returned(_) => continue,
            };
            let Charges { debtor, creditor } = charged.charges;
            for (ledger, amount) in [(payment.debit_ledger, debtor), (payment.credit_ledger, creditor)] {
                if let Some(sum) = sums.get_mut(usize::from(ledger.0)) {
                    *sum += u128::from(amount.0);
                } else if !amount.is_zero() {
                    return broken(format!("payment {} is charged where there is no fee account", payment.uetr));
                }
            }
        }
        for (at, id) in self.fees.accounts.iter().enumerate() {
            let account = self.ledgers.account(*id);
            let shows = account.map(|row| (row.posted(), row.credits_held().0, row.debits_held().0));
            let expected = (i128::try_from(paid[at]).unwrap_or(i128::MAX), u64::try_from(held[at]).unwrap_or(u64::MAX), 0);
            if shows != Some(expected) {
                return broken(format!(
                    "the fee account in {} shows {shows:?}, payments were charged {expected:?}",
                    self.currencies[at].code
                ));
            }
        }
        Ok(())
    }

    fn is_priced(&self, charged: &Charged, accepted_at: Time, payment: &crate::payment::Payment) -> bool {
        if charged.tariff == 0 {
            return charged.charges.is_none();
        }
        // A tariff that is not kept any more was checked while it was.
        if self.fees.tariffs.first().is_none_or(|first| charged.tariff < first.version) {
            return true;
        }
        let side = |minor: u64, ledger: LedgerId| Amount { minor: MinorUnits(minor), currency: self.currency(ledger) };
        let debit = side(payment.debit.0, payment.debit_ledger);
        let credit = side(payment.credit.0.saturating_add(charged.charges.creditor.0), payment.credit_ledger);
        self.tariff_at(accepted_at).is_some_and(|tariff| {
            tariff.version == charged.tariff
                && tariff.lines.get(usize::from(charged.line)).is_some_and(|line| line.charges(debit, credit) == charged.charges)
        })
    }
}

/// The legs of a payment while they are put together.
pub(crate) struct Legs {
    all: [Leg; ledger::LEGS_MAX],
    count: usize,
}

impl Legs {
    pub(crate) fn new() -> Self {
        let none = Leg { debit: AccountId(0), credit: AccountId(0), amount: MinorUnits::ZERO };
        Self { all: [none; ledger::LEGS_MAX], count: 0 }
    }

    /// Adds one; a payment has no more than a chain may have.
    pub(crate) fn push(&mut self, leg: Leg) {
        self.all[self.count] = leg;
        self.count += 1;
    }

    pub(crate) fn as_slice(&self) -> &[Leg] {
        &self.all[..self.count]
    }
}

fn encode_charged(charged: &Charged, out: &mut Vec<u8>) {
    put_u64(out, charged.charges.debtor.0);
    put_u64(out, charged.charges.creditor.0);
    put_u32(out, charged.tariff);
    out.push(charged.line);
}

fn decode_charged(bytes: &mut &[u8]) -> Result<Charged, DecodeError> {
    let charges = Charges { debtor: MinorUnits(take_u64(bytes)?), creditor: MinorUnits(take_u64(bytes)?) };
    let (tariff, [line]) = (take_u32(bytes)?, take(bytes)?);
    if tariff == 0 { Err(DecodeError::Unknown("tariff of a payment")) } else { Ok(Charged { charges, tariff, line }) }
}

/// Snapshots.
impl Clearing {
    /// Appends tariffs, fee accounts, and what payments on record were charged.
    pub(crate) fn encode_fees(&self, out: &mut Vec<u8>) {
        put_u32(out, self.fees.version);
        put_u32(out, self.fees.tariffs.len() as u32);
        self.fees.tariffs.iter().for_each(|tariff| tariff.encode(out));
        put_u32(out, self.fees.accounts.len() as u32);
        for (account, forgotten) in self.fees.accounts.iter().zip(&self.fees.forgotten) {
            put_u32(out, account.0);
            out.extend_from_slice(&forgotten.to_le_bytes());
        }
        let charged = || (self.payments.first()..).zip(self.payments.iter()).filter(|(_, payment)| payment.charged.tariff != 0);
        put_u32(out, charged().count() as u32);
        for (index, payment) in charged() {
            put_u64(out, index);
            encode_charged(&payment.charged, out);
        }
    }

    /// Reads what [`Self::encode_fees`] wrote, into a state whose payments and ledgers have been read.
    pub(crate) fn decode_fees(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        self.fees.version = take_u32(bytes)?;
        for _ in 0..take_u32(bytes)? {
            self.fees.tariffs.push(Tariff::decode(bytes)?);
        }
        let sound = self.fees.tariffs.len() <= Self::TARIFFS_MAX
            && self.fees.tariffs.iter().all(|tariff| tariff.is_valid(&self.currencies))
            && self.fees.tariffs.last().map_or(0, |last| last.version) == self.fees.version;
        for at in 0..take_u32(bytes)? {
            let account = AccountId(take_u32(bytes)?);
            let ledger = self.ledgers.account(account).map(ledger::Account::ledger);
            if ledger.map(|ledger| u32::from(ledger.0)) != Some(at) {
                return Err(DecodeError::Unknown("fee account"));
            }
            self.fees.accounts.push(account);
            self.fees.forgotten.push(u128::from_le_bytes(take(bytes)?));
        }
        let complete =
            self.fees.version == 0 && self.fees.accounts.is_empty() || self.fees.accounts.len() == self.currencies.len();
        if !sound || !complete {
            return Err(DecodeError::Unknown("tariff"));
        }
        let mut last = None;
        for _ in 0..take_u32(bytes)? {
            let index = PaymentIndex(take_u64(bytes)?);
            let charged = decode_charged(bytes)?;
            if last.replace(index).is_some_and(|last| last >= index) || self.payments.get(index).is_none() {
                return Err(DecodeError::Unknown("charged payment"));
            }
            self.payments[index].charged = charged;
        }
        Ok(())
    }
}
