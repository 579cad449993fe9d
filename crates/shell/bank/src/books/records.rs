//! What the books keep, as it lies on disk: JSON values, amounts with currency and decimals, times in milliseconds since 1970 UTC.

use crate::books::state::{IncomingState, OutgoingState};
use crate::password::PasswordHash;
use banklink::AliasProof;
use money::Amount;
use serde::{Deserialize, Serialize};

/// Amounts on disk: `["HKD",2,12345]`.
pub(crate) mod stored_amount {
    use money::{Amount, Currency, CurrencyCode};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(amount: &Amount, serializer: S) -> Result<S::Ok, S::Error> {
        (amount.currency.code.as_str(), amount.currency.exponent, amount.minor.0).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        let (code, exponent, minor) = <(String, u8, u64)>::deserialize(deserializer)?;
        let code: CurrencyCode = code.parse().map_err(D::Error::custom)?;
        Ok(Amount::from_minor(minor, Currency::new(code, exponent).map_err(D::Error::custom)?))
    }
}

/// A customer of this bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Name to sign in with.
    pub sign_in: String,
    /// Name in Latin letters, as on messages: `CHAN Tai Man`.
    pub name: String,
    /// Name in traditional characters, if there is one.
    pub name_zh_hant: Option<String>,
    /// Name in simplified characters, if there is one.
    pub name_zh_hans: Option<String>,
    /// Town of the address.
    pub town: String,
    /// Country of the address, two letters.
    pub country: String,
    /// Whether this is a company.
    pub company: bool,
    /// Number of the identity document the bank has seen, or of the company in its register. It goes into payments abroad,
    /// where quotas are counted by person.
    #[serde(default)]
    pub document: Option<String>,
    /// Mobile number the customer can be paid by: `+852-61234567`.
    pub mobile: Option<String>,
    /// E-mail address the customer can be paid by.
    #[serde(default)]
    pub email: Option<String>,
    /// Scheme identifier the directory drew for the customer.
    #[serde(default)]
    pub scheme_id: Option<String>,
    /// Account numbers.
    pub accounts: Vec<String>,
    /// Password.
    pub password: PasswordHash,
}

/// An account: one number, one balance a currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Number, digits only; internal accounts start with `@`.
    pub number: String,
    /// The customer's sign-in name; empty for internal accounts.
    pub owner: String,
    /// Whether it takes and gives money.
    pub open: bool,
    /// Its currencies.
    pub pots: Vec<Pot>,
}

/// One currency of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pot {
    /// Currency code.
    pub currency: String,
    /// Decimals of the currency.
    pub exponent: u8,
    /// Credits less debits, in minor units: what the bank owes. A customer's is never below `held`.
    pub balance: i64,
    /// Reserved for payments under way, in minor units.
    pub held: u64,
}

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// Opening balance of a sample account.
    Opening,
    /// A payment sent across.
    Sent,
    /// A payment received from across.
    Received,
    /// A payment, or a part of it, that came back or was sent back.
    Returned,
    /// What the scheme charged for a payment sent across.
    Charge,
}

/// One side of a transfer inside the bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The transfer it belongs to.
    pub transfer: u64,
    /// Credit positive, debit negative, in minor units.
    pub amount: i64,
    /// Balance behind it.
    pub balance: i64,
    /// Decimals of the currency.
    pub exponent: u8,
    /// What it is for.
    pub kind: EntryKind,
    /// The payment, if it is one's.
    pub uetr: Option<String>,
    /// The other party's name.
    pub counterparty: String,
    /// When.
    pub at_ms: u64,
}

/// Whom an outgoing payment is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payee {
    /// BIC of the creditor agent.
    pub agent: String,
    /// Its name.
    pub agent_name: String,
    /// Account number; for a mobile number what the creditor agent resolved.
    pub account: String,
    /// Mobile number, if the customer gave one.
    pub mobile: Option<String>,
    /// The name the customer gave.
    pub name: String,
    /// What the creditor agent said of the name.
    pub check: NameCheck,
    /// The name as the creditor agent shows it, masked.
    pub masked_name: Option<String>,
    /// The alias that led to the account, if the customer gave one.
    #[serde(default)]
    pub alias: Option<PayeeAlias>,
}

/// The alias a payee was found by, and what the centre said about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayeeAlias {
    /// Its text.
    pub text: String,
    /// `mobile`, `email` or `scheme_id`.
    pub kind: String,
    /// `warn` or `cool_off`, if the payee is on the scheme's warning list.
    pub warning: Option<String>,
    /// How long a payer waits before it pays a payee of the tier `cool_off`, in hours.
    pub cool_off_hours: u32,
    /// What the centre signed.
    pub proof: AliasProof,
}

impl Payee {
    /// Whether the customer has to say that the payee is right before anything is paid.
    pub fn needs_word(&self) -> bool {
        let checked = match self.check {
            NameCheck::Match | NameCheck::Shown | NameCheck::NotAsked => true,
            NameCheck::Close | NameCheck::NoMatch | NameCheck::UnknownAccount | NameCheck::Unavailable => false,
        };
        !checked || self.alias.as_ref().is_some_and(|alias| alias.warning.is_some())
    }
}

/// What the creditor agent said of the payee's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NameCheck {
    /// The same name.
    Match,
    /// Nearly the same name.
    Close,
    /// Another name.
    NoMatch,
    /// No such account.
    UnknownAccount,
    /// No answer.
    Unavailable,
    /// The customer gave no name; the directory showed one, masked.
    Shown,
    /// Nobody was asked: a line of a file of payments.
    NotAsked,
}

/// The quote a payment uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredQuote {
    /// Its identifier.
    pub quote_id: String,
    /// Who gives the credit currency.
    pub provider: String,
    /// Rate, decimal text.
    pub rate: String,
    /// What the provider earns, in the debit currency.
    #[serde(with = "stored_amount")]
    pub spread: Amount,
    /// Until when, by this bank's clock.
    pub expires_at_ms: u64,
}

/// When an outgoing payment reached each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutgoingTimes {
    /// Drafted.
    pub drafted_ms: u64,
    /// Confirmed by the customer.
    pub confirmed_ms: Option<u64>,
    /// First said to be held by the centre.
    pub held_ms: Option<u64>,
    /// Final.
    pub final_ms: Option<u64>,
    /// Reported credited by the creditor agent.
    pub credited_ms: Option<u64>,
}

/// A payment of a customer to somebody at another bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// UETR.
    pub uetr: String,
    /// The customer.
    pub sign_in: String,
    /// The account debited.
    pub account: String,
    /// Exactly what is debited.
    #[serde(with = "stored_amount")]
    pub debit: Amount,
    /// Exactly what is credited.
    #[serde(with = "stored_amount")]
    pub credit: Amount,
    /// For whom.
    pub payee: Payee,
    /// The quote, if currencies differ.
    pub quote: Option<StoredQuote>,
    /// UETR of the request to pay that it settles.
    #[serde(default)]
    pub request: Option<String>,
    /// UETR of the collection that it settles.
    #[serde(default)]
    pub collection: Option<String>,
    /// Identifier of the standing order that it was made of.
    #[serde(default)]
    pub standing: Option<String>,
    /// Whether the customer fixed what arrives rather than what is paid.
    #[serde(default)]
    pub fixed_credit: bool,
    /// ISO purpose code.
    pub purpose: String,
    /// The customer's words to the payee.
    pub note: String,
    /// When it is to be executed, if not at once; until then it can be cancelled.
    #[serde(default)]
    pub execute_at_ms: Option<u64>,
    /// What the centre says it waits for, while it does.
    #[serde(default)]
    pub waits: Option<String>,
    /// How it stands.
    pub state: OutgoingState,
    /// The signed-for message, stored before it leaves so that it always leaves the same.
    pub message: Option<String>,
    /// ISO reason of a rejection.
    pub reason: Option<String>,
    /// Words beside the reason.
    pub reason_text: Option<String>,
    /// The receipt, once fetched.
    #[serde(default)]
    pub receipt: Option<String>,
    /// When.
    pub times: OutgoingTimes,
    /// What came back of the debit, in minor units of its currency.
    #[serde(default)]
    pub returned_minor: u64,
    /// ISO reason of the last return.
    #[serde(default)]
    pub return_reason: Option<String>,
}

impl Outgoing {
    /// What a customer may confirm: nothing is reserved, sent or said of it yet, and it is paid at once. The texts are its UETR, who
    /// signs in and the account; the amounts what is debited and what arrives.
    pub fn draft([uetr, sign_in, account]: [String; 3], [debit, credit]: [Amount; 2], payee: Payee, drafted_ms: u64) -> Self {
        Self {
            uetr,
            sign_in,
            account,
            debit,
            credit,
            payee,
            quote: None,
            request: None,
            collection: None,
            standing: None,
            fixed_credit: false,
            purpose: String::new(),
            note: String::new(),
            execute_at_ms: None,
            waits: None,
            state: OutgoingState::Draft,
            message: None,
            reason: None,
            reason_text: None,
            receipt: None,
            times: OutgoingTimes { drafted_ms, ..OutgoingTimes::default() },
            returned_minor: 0,
            return_reason: None,
        }
    }

    /// What came back of the debit.
    pub const fn returned(&self) -> Amount {
        Amount { minor: money::MinorUnits(self.returned_minor), currency: self.debit.currency }
    }
}

/// A payment for a customer from somebody at another bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incoming {
    /// UETR.
    pub uetr: String,
    /// The account to credit, as named in the message.
    pub account: String,
    /// What to credit.
    #[serde(with = "stored_amount")]
    pub amount: Amount,
    /// Who pays.
    pub debtor_name: String,
    /// BIC of the debtor agent.
    pub debtor_agent: String,
    /// The debtor's words.
    pub note: String,
    /// How it stands.
    pub state: IncomingState,
    /// Why this bank declined, if it did.
    pub declined_reason: Option<String>,
    /// An answer kept back until the payment is final (a fault for trials).
    pub late_answer: Option<String>,
    /// Whether the customer is credited twice (a fault for trials).
    #[serde(default)]
    pub credit_twice: bool,
    /// When the centre asked.
    pub asked_ms: u64,
    /// When it was final.
    pub final_ms: Option<u64>,
    /// Whether the debtor paid another currency.
    #[serde(default)]
    pub exchanged: bool,
    /// What was sent back of it, in minor units.
    #[serde(default)]
    pub returned_minor: u64,
}

impl Incoming {
    /// What was not sent back, in minor units.
    pub const fn left(&self) -> u64 {
        self.amount.minor.0.saturating_sub(self.returned_minor)
    }
}

/// A message that has to reach the centre; kept until the centre took or refused it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxMessage {
    /// The payment it is about.
    pub uetr: String,
    /// The message.
    pub xml: String,
    /// Not before this time.
    pub not_before_ms: u64,
    /// Whether it is signed with a wrong key (a fault for trials).
    #[serde(default)]
    pub wrong_signature: bool,
    /// The return it is, which is booked back if the centre refuses it.
    #[serde(default)]
    pub returns: Option<String>,
}
