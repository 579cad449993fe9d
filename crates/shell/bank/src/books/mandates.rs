//! Mandates this bank's customers gave or were given, and what is collected under them.

use crate::books::records::stored_amount;
use crate::books::tables::{COLLECTIONS, MANDATES, MANDATES_OF, Readable, Writer};
use crate::books::{Books, BooksError, BooksRefusal, Keep};
use money::Amount;
use serde::{Deserialize, Serialize};

/// Most mandates of one customer: a household has a dozen, a small shop that collects has some hundreds.
pub const MANDATES_OF_CUSTOMER_MAX: usize = 1_000;
/// Collections named in a mandate; older ones stay in the books under their UETR.
const COLLECTIONS_NAMED_MAX: usize = 20;

/// Which of the two is this bank's customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MandateSide {
    /// The one who pays.
    Debtor,
    /// The one who collects.
    Creditor,
}

/// How a mandate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MandateStanding {
    /// The debtor is asked.
    Asked,
    /// Something may be collected.
    Active,
    /// Nothing may for now.
    Suspended,
    /// The debtor did not agree.
    Refused,
    /// Over.
    Ended,
}

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MandatePeriod {
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month.
    Month,
    /// A year.
    Year,
    /// The mandate's whole life.
    Whole,
}

/// What a debtor allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MandateCaps {
    /// The most of one collection, or exactly each.
    #[serde(with = "stored_amount")]
    pub each: Amount,
    /// Whether exactly each.
    pub is_fixed: bool,
    /// What the caps below hold for.
    pub period: MandatePeriod,
    /// The most of a period.
    #[serde(with = "stored_amount")]
    pub period_max: Amount,
    /// The most collections in a period.
    pub count: u16,
    /// What each collection is for: an ISO purpose code.
    pub purpose: Option<String>,
    /// First instant.
    pub first_ms: u64,
    /// First instant at which it is over.
    pub last_ms: u64,
}

/// A mandate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandate {
    /// UETR.
    pub uetr: String,
    /// Which side this bank's customer is.
    pub side: MandateSide,
    /// The customer.
    pub sign_in: String,
    /// The customer's account.
    pub account: String,
    /// BIC of the other bank.
    pub other_agent: String,
    /// The other one's name.
    pub other_name: String,
    /// The other one's account.
    pub other_account: String,
    /// The creditor's reference, such as a contract's number.
    pub reference: String,
    /// The caps.
    pub caps: MandateCaps,
    /// Other caps the debtor is asked about.
    pub proposed: Option<MandateCaps>,
    /// How it stands.
    pub standing: MandateStanding,
    /// The question that is open, at the debtor's bank: identification and name of its message.
    pub question: Option<(String, String)>,
    /// ISO reason of the last no.
    pub reason: Option<String>,
    /// The last collections, newest last.
    pub collections: Vec<String>,
    /// When it last changed.
    pub changed_ms: u64,
}

/// How a collection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CollectionStanding {
    /// The debtor's bank is asked to pay.
    Asked,
    /// Paid.
    Paid,
    /// Not paid: refused, or too late.
    Refused,
}

/// A collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// UETR.
    pub uetr: String,
    /// The mandate's.
    pub mandate: String,
    /// How much.
    #[serde(with = "stored_amount")]
    pub amount: Amount,
    /// Words to the debtor.
    pub note: String,
    /// How it stands.
    pub standing: CollectionStanding,
    /// ISO reason of a refusal.
    pub reason: Option<String>,
    /// When it was asked.
    pub asked_ms: u64,
}

impl Books {
    /// A mandate.
    pub fn mandate(&self, uetr: &str) -> Result<Option<Mandate>, BooksError> {
        self.read()?.record(MANDATES, uetr)
    }

    /// A collection.
    pub fn collection(&self, uetr: &str) -> Result<Option<Collection>, BooksError> {
        self.read()?.record(COLLECTIONS, uetr)
    }

    /// A customer's mandates, by UETR.
    pub fn mandates_of(&self, sign_in: &str) -> Result<Vec<Mandate>, BooksError> {
        let reader = self.read()?;
        let mut mandates = Vec::new();
        reader.each(MANDATES_OF, (sign_in, "")..=(sign_in, "\u{10ffff}"), false, |(_, uetr), _| {
            mandates.extend(reader.record::<_, Mandate>(MANDATES, uetr)?);
            Ok(mandates.len() < MANDATES_OF_CUSTOMER_MAX)
        })?;
        mandates.sort_by_key(|mandate| core::cmp::Reverse(mandate.changed_ms));
        Ok(mandates)
    }

    /// Collections a mandate names, newest first.
    pub fn collections_of(&self, mandate: &Mandate) -> Result<Vec<Collection>, BooksError> {
        let reader = self.read()?;
        let found = mandate.collections.iter().rev().map(|uetr| reader.record(COLLECTIONS, uetr.as_str()));
        Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Enters a mandate; one that is known stays as it is.
    ///
    /// # Errors
    /// If the customer has [`MANDATES_OF_CUSTOMER_MAX`].
    pub fn enter_mandate(&self, mandate: &Mandate) -> Result<(), BooksError> {
        let known = self.mandates_of(&mandate.sign_in)?;
        if known.iter().any(|other| other.uetr == mandate.uetr) {
            return Ok(());
        }
        if known.len() >= MANDATES_OF_CUSTOMER_MAX {
            return Err(BooksRefusal::Full.into());
        }
        self.change(Keep::Durably, |writer| {
            writer.put(MANDATES_OF, (&mandate.sign_in, &mandate.uetr), &())?;
            writer.put(MANDATES, mandate.uetr.as_str(), mandate)
        })
    }

    /// Changes a mandate that is known.
    pub fn change_mandate(
        &self,
        uetr: &str,
        at_ms: u64,
        change: impl FnOnce(&mut Mandate),
    ) -> Result<Option<Mandate>, BooksError> {
        self.change(Keep::Durably, |writer| changed(writer, uetr, at_ms, change))
    }

    /// Enters a collection and names it in its mandate; one that is known stays as it is.
    pub fn enter_collection(&self, collection: &Collection) -> Result<(), BooksError> {
        self.change(Keep::Durably, |writer| {
            if writer.record::<_, Collection>(COLLECTIONS, collection.uetr.as_str())?.is_some() {
                return Ok(());
            }
            writer.put(COLLECTIONS, collection.uetr.as_str(), collection)?;
            changed(writer, &collection.mandate, collection.asked_ms, |mandate| {
                mandate.collections.push(collection.uetr.clone());
                if mandate.collections.len() > COLLECTIONS_NAMED_MAX {
                    mandate.collections.remove(0);
                }
            })?;
            Ok(())
        })
    }

    /// How a collection that is known ended.
    pub fn end_collection(&self, uetr: &str, standing: CollectionStanding, reason: Option<&str>) -> Result<(), BooksError> {
        self.change(Keep::Durably, |writer| {
            let Some(known) = writer.record::<_, Collection>(COLLECTIONS, uetr)? else { return Ok(()) };
            writer.put(COLLECTIONS, uetr, &Collection { standing, reason: reason.map(str::to_owned), ..known })
        })
    }
}

fn changed(writer: &Writer, uetr: &str, at_ms: u64, change: impl FnOnce(&mut Mandate)) -> Result<Option<Mandate>, BooksError> {
    let Some(mut mandate) = writer.record::<_, Mandate>(MANDATES, uetr)? else { return Ok(None) };
    change(&mut mandate);
    mandate.changed_ms = at_ms;
    writer.put(MANDATES, uetr, &mandate)?;
    Ok(Some(mandate))
}
