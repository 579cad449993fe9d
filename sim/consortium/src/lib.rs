//! Sim-consortium knows how to run the whole product over the engine between operators in simulated time; it does not know how to make it right.
//!
//! One seed runs four operators, or five, with their gateways, files and validators, four banks that pay each other, the network
//! between all of them and every clock. Banks, gateways, disks and links are those of `sim`, on its executor; validators are those
//! of `consortium`, on the engine's own simulated runtime, with their files on the operators' disks; [`clockwork`] gives both one
//! time. The same seed gives the same trace.
//!
//! # Not here
//! What is right (the crates that are run), what is played over one operator's journal (`sim`).
//!
//! # Start reading at
//! [`run`], then `plan.rs`, then `court.rs`.

pub mod clockwork;
pub mod court;
pub mod director;
mod judgement;
pub mod officers;
pub mod operator;
pub mod plan;
mod run;

pub use plan::Plan;
pub use run::run;
