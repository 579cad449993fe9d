//! Four operators in one process, under a seed: crashes, partitions, lossy links, and an operator that cheats.
//!
//! Runtime, network and clock are the engine's simulator; the chain's files are the real follower on a disk in memory, which
//! survives a validator's crash. After every run `fsck` applies each validator's chain again from its first block and
//! judges every law.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod certificates;
mod cluster;
#[path = "../../../ordering/tests/common/mod.rs"]
pub(crate) mod common;
mod enquiries;
mod liar;
mod members;
mod observers;
mod runs;
mod scheme;
mod twins;
