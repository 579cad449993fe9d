//! Sim knows how to run the whole product in simulated time and what must never happen in it; it does not know how to make it right.
//!
//! One seed runs banks, gateway, centre, journal, disks, network and clocks on one thread, in simulated time: the same seed
//! gives the same trace to the byte. [`Plan::of`] makes a plan of a seed; [`run`] plays it: the product's own code, over disks
//! that tear and reorder writes, links that stall, break and block, clocks that are wrong, and processes that crash at any wait
//! or disk operation. An [`observer`](observer::Observer) and an independent [`model`](model::Model) judge every block and
//! everything that is left after a crash; at the end all books must agree to the cent.
//!
//! # Not here
//! What is right: that is in the crates that are run. What cannot be simulated here: TLS, the kernel, two threads at once.
//!
//! # Start reading at
//! [`run`], then `plan.rs`, then `observer.rs`.

pub mod agreement;
pub mod banks;
pub mod campaign;
pub mod centre;
pub mod command_line;
pub mod customer;
pub mod disk;
pub mod life;
pub mod machine;
mod mandates;
pub mod model;
pub mod net;
pub mod nuisance;
mod nuisance_behind;
mod nuisance_days;
mod nuisance_preauths;
mod nuisance_sponsors;
pub mod observer;
pub mod outsider;
pub mod panics;
pub mod participant;
pub mod plan;
pub mod reached;
pub mod rng;
mod rot;
pub mod rulebook;
mod run;
mod shrink;
pub mod stage;
pub mod story;

pub use plan::Plan;
pub use run::{Outcome, ahead_ms, later, play_steps, run};
pub use shrink::shrink;
pub use story::Story;
