//! Node knows how the parts of the centre are joined and what a scheme begins with; it does not know files or command lines.
//!
//! The binary and the simulator join the same parts in the same way: [`Feeder`] tells every durable block first to the read
//! model, then to those who wait; [`genesis`] says which commands bring an empty centre to where payments begin.
//!
//! # Start reading at
//! [`Feeder::rebuild`].

#[cfg(feature = "consortium")]
mod authorise;
pub mod calendar;
pub mod cooling;
#[cfg(feature = "consortium")]
mod doors;
mod feeder;
pub mod genesis;
pub mod rulebook;
pub mod tariff;

#[cfg(feature = "consortium")]
pub use authorise::SignedMessages;
#[cfg(feature = "consortium")]
pub use doors::NetworkedDoors;
pub use feeder::Feeder;
