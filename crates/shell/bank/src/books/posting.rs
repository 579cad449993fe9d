//! Transfers inside the bank: entries that sum to zero in one currency.

use crate::books::records::{Account, Entry, EntryKind, Pot};
use crate::books::tables::{ACCOUNTS, ENTRIES, Writer};
use crate::books::{BooksError, BooksRefusal};
use money::{Amount, Currency};

/// What the bank has at the centre, mirrored: credited when a payment leaves, debited when one arrives.
pub(crate) const CLEARING: &str = "@clearing";
/// What the scheme charges for payments; this bank bears it.
pub(crate) const CHARGES: &str = "@charges";
/// Where opening balances of sample accounts come from.
pub(crate) const OPENING: &str = "@opening";
/// Money that came or went against the books, for people to look at.
pub(crate) const SUSPENSE: &str = "@suspense";

/// What a transfer is for.
pub(crate) struct Purpose<'a> {
    pub(crate) kind: EntryKind,
    pub(crate) uetr: Option<&'a str>,
    pub(crate) counterparty: &'a str,
    pub(crate) at_ms: u64,
}

impl Account {
    /// The pot of a currency.
    pub fn pot(&self, currency: Currency) -> Option<&Pot> {
        self.pots.iter().find(|pot| pot.currency == currency.code.as_str() && pot.exponent == currency.exponent)
    }

    pub(crate) fn pot_mut(&mut self, currency: Currency) -> Option<&mut Pot> {
        self.pots.iter_mut().find(|pot| pot.currency == currency.code.as_str() && pot.exponent == currency.exponent)
    }

    /// Whether it is the bank's own.
    pub fn is_internal(&self) -> bool {
        self.number.starts_with('@')
    }
}

impl Pot {
    /// An empty pot.
    pub fn empty(currency: Currency) -> Self {
        Self { currency: currency.code.as_str().to_owned(), exponent: currency.exponent, balance: 0, held: 0 }
    }

    /// What can be spent, in minor units.
    pub fn available(&self) -> u64 {
        u64::try_from(self.balance).unwrap_or(0).saturating_sub(self.held)
    }
}

pub(crate) fn entry_key(account: &str, currency: Currency) -> String {
    format!("{account}/{}", currency.code)
}

/// An account; internal ones come into being when first used.
fn account(writer: &Writer, number: &str, currency: Currency) -> Result<Account, BooksError> {
    let internal = number.starts_with('@');
    let found: Option<Account> = writer.record(ACCOUNTS, number)?;
    let mut account = match found {
        Some(account) => account,
        None if internal => Account { number: number.to_owned(), owner: String::new(), open: true, pots: Vec::new() },
        None => return Err(BooksRefusal::NoSuchAccount.into()),
    };
    if internal && account.pot(currency).is_none() {
        account.pots.push(Pot::empty(currency));
    }
    Ok(account)
}

/// Moves an amount from one account to another: two entries, in one currency, that sum to zero (BNK-01).
pub(crate) fn transfer(writer: &Writer, from: &str, to: &str, amount: Amount, purpose: &Purpose<'_>) -> Result<u64, BooksError> {
    let signed = i64::try_from(amount.minor.0).map_err(|_| BooksRefusal::TooLarge)?;
    let number = writer.next("transfers")?;
    for (account, amount_minor) in [(from, -signed), (to, signed)] {
        post(writer, account, amount.currency, number, amount_minor, purpose)?;
    }
    Ok(number)
}

fn post(
    writer: &Writer,
    number: &str,
    currency: Currency,
    transfer: u64,
    amount: i64,
    purpose: &Purpose<'_>,
) -> Result<(), BooksError> {
    let mut account = account(writer, number, currency)?;
    let internal = account.is_internal();
    let pot = account.pot_mut(currency).ok_or(BooksRefusal::NoSuchCurrency)?;
    pot.balance = pot.balance.checked_add(amount).ok_or(BooksRefusal::TooLarge)?;
    let held = i64::try_from(pot.held).map_err(|_| BooksRefusal::TooLarge)?;
    if !internal && pot.balance < held {
        return Err(BooksRefusal::NotEnough.into());
    }
    let entry = Entry {
        transfer,
        amount,
        balance: pot.balance,
        exponent: currency.exponent,
        kind: purpose.kind,
        uetr: purpose.uetr.map(str::to_owned),
        counterparty: purpose.counterparty.to_owned(),
        at_ms: purpose.at_ms,
    };
    writer.put(ENTRIES, (&entry_key(number, currency), transfer), &entry)?;
    writer.put(ACCOUNTS, number, &account)
}

/// Reserves an amount on a customer's account.
pub(crate) fn reserve(writer: &Writer, number: &str, amount: Amount) -> Result<(), BooksError> {
    let mut account = account(writer, number, amount.currency)?;
    if !account.open {
        return Err(BooksRefusal::AccountClosed.into());
    }
    let pot = account.pot_mut(amount.currency).ok_or(BooksRefusal::NoSuchCurrency)?;
    if pot.available() < amount.minor.0 {
        return Err(BooksRefusal::NotEnough.into());
    }
    pot.held = pot.held.checked_add(amount.minor.0).ok_or(BooksRefusal::TooLarge)?;
    writer.put(ACCOUNTS, number, &account)
}

/// Releases what was reserved.
pub(crate) fn release(writer: &Writer, number: &str, amount: Amount) -> Result<(), BooksError> {
    let mut account = account(writer, number, amount.currency)?;
    let pot = account.pot_mut(amount.currency).ok_or(BooksRefusal::NoSuchCurrency)?;
    pot.held = pot.held.checked_sub(amount.minor.0).expect("BNK-03: what is released was reserved");
    writer.put(ACCOUNTS, number, &account)
}
