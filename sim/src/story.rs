//! A story: what one run plays. Drawn from a seed, kept in a file, cut down when it breaks a law, and played again.

use crate::run::Outcome;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step<W> {
    /// When, in milliseconds of simulated time.
    pub at_ms: u64,
    /// What.
    pub what: W,
}

/// What a simulator plays: the command line, the campaign and the cutter need to know no more of it.
pub trait Story: Clone + Serialize + DeserializeOwned + Send + Sync {
    /// What happens in it.
    type What: Debug + Clone;
    /// How a person begins to play one again.
    const COMMAND: &'static str;
    /// How many fresh seeds are run when nobody says how many.
    const SEEDS: u64;

    /// The story of a seed.
    fn of(seed: u64) -> Self;
    /// Its seed.
    fn seed(&self) -> u64;
    /// What happens, in order of time.
    fn steps(&self) -> &[Step<Self::What>];
    /// The same, to be cut.
    fn steps_mut(&mut self) -> &mut Vec<Step<Self::What>>;
    /// What is worth saying of it beside the number of its steps; empty if nothing is.
    fn note(&self) -> String;
    /// Plays it from the beginning to the end, or to the first law that breaks.
    fn play(&self, traced: bool) -> Outcome;
}
