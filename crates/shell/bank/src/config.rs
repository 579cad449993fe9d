//! What a bank is told when it starts.

use crate::fault::Fault;
use crate::sample::SampleCustomer;
use crate::script::Script;
use banklink::LinkConfig;
use chain::VerifierKey;
use money::{Currency, CurrencyCode, Rate};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A name in the languages of the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameForms {
    /// English.
    pub en: String,
    /// Traditional characters.
    pub zh_hant: String,
    /// Simplified characters.
    pub zh_hans: String,
}

/// The colour a bank's pages are known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accent {
    /// Blue-green.
    Harbour,
    /// Violet.
    Lion,
    /// Red.
    Peng,
    /// Green.
    Wutong,
}

impl Accent {
    /// Class name in the style sheet.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Harbour => "harbour",
            Self::Lion => "lion",
            Self::Peng => "peng",
            Self::Wutong => "wutong",
        }
    }

    /// The colour itself, for the browser's frame.
    pub(crate) const fn colour(self) -> &'static str {
        match self {
            Self::Harbour => "#0b5c6b",
            Self::Lion => "#4a3f8f",
            Self::Peng => "#9a2a2a",
            Self::Wutong => "#2c6b3f",
        }
    }
}

/// A standing exchange rate this bank publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateCard {
    /// Currency taken.
    pub debit: Currency,
    /// Currency given.
    pub credit: Currency,
    /// Credit units for one debit unit.
    pub rate: Rate,
    /// Earned, in millionths of the debit amount.
    pub spread_ppm: u32,
    /// Most given in one payment, in minor units of the credit currency.
    pub credit_max_minor: u64,
}

/// What a bank is told when it starts.
#[derive(Clone)]
pub struct BankConfig {
    /// BIC, eleven characters.
    pub bic: String,
    /// Name.
    pub name: NameForms,
    /// Colour of the pages.
    pub accent: Accent,
    /// Where the books are kept.
    pub data_dir: PathBuf,
    /// Where the pages are served. Loopback unless something in front does TLS.
    pub listen: SocketAddr,
    /// The way to the centre.
    pub link: LinkConfig,
    /// The centre's BIC, as messages name it.
    pub centre_bic: String,
    /// The clearing system's code in messages.
    pub clearing_system: String,
    /// Keys that sign the centre's checkpoints; receipts are verified with them.
    pub checkpoint_keys: Vec<VerifierKey>,
    /// Customers put in on first start.
    pub customers: Vec<SampleCustomer>,
    /// Rates published, if this bank provides exchange.
    pub rates: Vec<RateCard>,
    /// Currencies the scheme settles in.
    pub currencies: Vec<Currency>,
    /// Whether customers' aliases are registered in the scheme's directory.
    pub registers_aliases: bool,
    /// How the bank misbehaves from the start.
    pub fault: Fault,
    /// How it misbehaves with single payments.
    pub script: Script,
}

/// Currencies of the scheme as it ships: Hong Kong dollar, renminbi, US dollar, euro.
pub const CURRENCIES: [Currency; 4] = [
    Currency { code: CurrencyCode::HKD, exponent: 2 },
    Currency { code: CurrencyCode::CNY, exponent: 2 },
    Currency { code: CurrencyCode::USD, exponent: 2 },
    Currency { code: CurrencyCode::EUR, exponent: 2 },
];
