//! Risk knows how likely a payment is to be unwanted and why; it does not know accounts or blocks.
//!
//! ```text
//!  names, account keys, amount, now ─▶ rules ─▶ findings ─▶ score 0–1000 ─▶ pass, review or block
//! ```
//! Every rule has a row in [`register`]: bit, id, weight, words in three languages. All arithmetic is in integers, so the
//! same payments in the same order give the same digits on any machine.
//!
//! # Not here
//! Balances, participants, what becomes of a payment: a decision goes into the chain with the command, and `clearing` acts
//! on it. Personal data is not kept: account identifiers are hashed with a secret, names are compared and forgotten.
//!
//! # Invariants
//! Only a whole name on the watch-list can reach more than [`SCORE_WITHOUT_MATCH_MAX`]: behaviour alone is shown to people,
//! never stopped by itself, unless an operator lowers the threshold.
//!
//! # Units and limits
//! Times in nanoseconds, amounts in minor units, similarity in thousandths. Memory is bounded by
//! [`RiskSettings::accounts_max`] and [`RiskSettings::pairs_max`]; the account not seen for longest is forgotten first.
//!
//! # Start reading at
//! [`RiskEngine::assess`].

mod accounts;
mod engine;
mod hanzi;
mod keys;
mod list;
mod lru;
pub mod mask;
pub mod names;
mod reference;
pub mod register;
mod screen;
mod settings;
mod similarity;

pub use engine::{Assessment, Finding, RiskEngine, RiskInput, SCORE_WITHOUT_MATCH_MAX};
pub use list::{Listed, SAMPLE_LIST, WatchList, WatchListError};
pub use reference::reference_page;
pub use register::{Language, RULES, Rule, RuleId};
pub use settings::{CurrencyLimits, RiskSettings, SettingsError};
pub use similarity::similarity;
