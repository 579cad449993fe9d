//! Customers, their accounts and what leads to them.

use crate::books::posting::{OPENING, Purpose, entry_key, transfer};
use crate::books::records::{Account, Customer, Entry, EntryKind, Pot};
use crate::books::tables::{ACCOUNTS, CUSTOMERS, ENTRIES, META, MOBILES, Readable};
use crate::books::{Books, BooksError, Keep};
use money::{Amount, Currency};

/// Customers and accounts a bank begins with.
#[derive(Debug, Clone, Default)]
pub struct Seed {
    /// Customers.
    pub customers: Vec<Customer>,
    /// Account number, owner's sign-in name, opening balances (zero is an empty pot), whether it is open.
    pub accounts: Vec<(String, String, Vec<Amount>, bool)>,
}

impl Books {
    /// Whether books were seeded.
    pub fn is_seeded(&self) -> Result<bool, BooksError> {
        Ok(self.read()?.number(META, "seeded")?.is_some())
    }

    /// Puts sample customers in, on first start only: all in one transaction.
    pub fn seed(&self, seed: &Seed, at_ms: u64) -> Result<bool, BooksError> {
        self.change(Keep::Durably, |writer| {
            if writer.number(META, "seeded")?.is_some() {
                return Ok(false);
            }
            for customer in &seed.customers {
                writer.put(CUSTOMERS, customer.sign_in.as_str(), customer)?;
                if let (Some(mobile), Some(account)) = (&customer.mobile, customer.accounts.first()) {
                    writer.put(MOBILES, mobile.as_str(), account)?;
                }
            }
            for (number, owner, balances, open) in &seed.accounts {
                let pots = balances.iter().map(|amount| Pot::empty(amount.currency)).collect();
                let account = Account { number: number.clone(), owner: owner.clone(), open: *open, pots };
                writer.put(ACCOUNTS, number.as_str(), &account)?;
                for amount in balances.iter().filter(|amount| !amount.minor.is_zero()) {
                    let purpose = Purpose { kind: EntryKind::Opening, uetr: None, counterparty: "", at_ms };
                    transfer(writer, OPENING, number, *amount, &purpose)?;
                }
            }
            writer.set_number(META, "seeded", 1)?;
            Ok(true)
        })
    }

    /// A customer.
    pub fn customer(&self, sign_in: &str) -> Result<Option<Customer>, BooksError> {
        self.read()?.record(CUSTOMERS, sign_in)
    }

    /// Keeps the scheme identifier the directory drew for a customer.
    pub fn set_scheme_id(&self, sign_in: &str, scheme_id: &str) -> Result<(), BooksError> {
        self.change(Keep::Durably, |writer| {
            let Some(mut customer) = writer.record::<_, Customer>(CUSTOMERS, sign_in)? else { return Ok(()) };
            customer.scheme_id = Some(scheme_id.to_owned());
            writer.put(CUSTOMERS, sign_in, &customer)
        })
    }

    /// All customers, by sign-in name, at most `limit`.
    pub fn customers(&self, limit: usize) -> Result<Vec<Customer>, BooksError> {
        let mut customers = Vec::new();
        self.read()?.each(CUSTOMERS, ""..="\u{10ffff}", false, |_, bytes| {
            customers.push(serde_json::from_slice(bytes)?);
            Ok(customers.len() < limit)
        })?;
        Ok(customers)
    }

    /// An account.
    pub fn account(&self, number: &str) -> Result<Option<Account>, BooksError> {
        self.read()?.record(ACCOUNTS, number)
    }

    /// A customer's account and its owner, by account number or mobile number.
    pub fn find_payee(&self, account_or_mobile: &str) -> Result<Option<(Account, Customer)>, BooksError> {
        let reader = self.read()?;
        let resolved: Option<String> = match account_or_mobile.starts_with('+') {
            true => reader.record(MOBILES, account_or_mobile)?,
            false => Some(account_or_mobile.to_owned()),
        };
        let Some(number) = resolved.filter(|number| !number.starts_with('@')) else { return Ok(None) };
        let Some(account) = reader.record::<_, Account>(ACCOUNTS, number.as_str())? else { return Ok(None) };
        let owner = reader.record(CUSTOMERS, account.owner.as_str())?;
        Ok(owner.map(|owner| (account, owner)))
    }

    /// An account's entries in a currency, newest first.
    pub fn entries(&self, account: &str, currency: Currency, limit: usize) -> Result<Vec<Entry>, BooksError> {
        let key = entry_key(account, currency);
        let mut entries = Vec::new();
        self.read()?.each(ENTRIES, (key.as_str(), 0)..=(key.as_str(), u64::MAX), true, |_, bytes| {
            entries.push(serde_json::from_slice(bytes)?);
            Ok(entries.len() < limit)
        })?;
        Ok(entries)
    }
}
