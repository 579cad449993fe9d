//! Fuzzing knows what must hold for any bytes the product may be handed; it does not know which bytes are good ones.
//!
//! A [`Target`] is one way bytes come in: a function that takes any input, lets the product read it and asserts what must be
//! so; a broken assertion is a panic. The same function is driven by a seeded mutator ([`drive`], every check of this
//! repository) and by libFuzzer (`fuzz/libfuzzer`, long runs). Inputs to begin with are made by the product's own writers
//! ([`Target::seeds`]) and lie in `fuzz/corpus`, beside every input that once broke something.
//!
//! # Not here
//! Tests of what good inputs do: the crates have their own.
//!
//! # Units and limits
//! Inputs have at most [`INPUT_BYTES_MAX`] bytes; one that takes longer than [`drive::SLOW`] is a finding.
//!
//! # Start reading at
//! [`TARGETS`], then `message.rs`, then `drive.rs`.

mod bank_input;
mod block;
pub mod drive;
mod erasures;
mod gateway_json;
mod inbox;
mod journal;
mod memory;
mod message;
mod mutate;
mod pieces;
mod receipt;
mod scheme;
mod signature;
mod snapshot;

/// Longest input, in bytes: what the gateway takes as a body.
pub const INPUT_BYTES_MAX: usize = 64 << 10;

/// One way bytes come in.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, also of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// What it asserts, in a line.
    pub about: &'static str,
    /// Takes any bytes and panics when something that must hold does not; whether the product accepted them.
    pub run: fn(&[u8]) -> bool,
    /// Inputs by name, made by the product's own writers.
    pub seeds: fn() -> Vec<(String, Vec<u8>)>,
    /// Words a mutation puts in.
    pub words: &'static [&'static str],
}

/// All targets.
pub const TARGETS: &[Target] = &[
    message::TARGET,
    signature::TARGET,
    block::TARGET,
    snapshot::TARGET,
    receipt::TARGET,
    journal::TARGET,
    bank_input::TARGET,
    gateway_json::TARGET,
    inbox::TARGET,
    erasures::TARGET,
];

/// The target of a name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Runs one input of a target; for wrappers that know a name alone.
///
/// # Panics
/// Something that must hold does not, or there is no such target.
pub fn execute(name: &str, input: &[u8]) -> bool {
    let target = target(name).expect("a wrapper names a target");
    (target.run)(&input[..input.len().min(INPUT_BYTES_MAX)])
}
