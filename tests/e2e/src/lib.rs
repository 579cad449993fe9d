//! E2e knows how to start the product, talk to it from outside and look at what it left; it does not know its insides.
//!
//! Messages, requests and pages are made here by hand, from the published contract, so that a mistake which the product
//! makes on both sides alike is still seen. Keys, TLS and receipts come from `signing` and `chain`, which have tests of
//! their own.
//!
//! # Start reading at
//! [`Node`], a running product; [`Participant`], a bank of our own; [`Browser`], a real one.

mod browser;
mod disk;
mod http;
mod load;
mod messages;
mod network;
mod node;
mod participant;
mod reckoning;
mod repository;
mod soak;
mod town;

pub use browser::Browser;
pub use disk::{Rotten, SmallDisk, written};
pub use http::{Answer, Request, call, read_answer};
pub use load::{Chance, CreditorBooks, Load, Sent, kills, life_ms, minor, minutes, number, seed};
pub use messages::{Hospitality, Payment, answer, element, status_of, status_request};
pub use network::{Network, Weather};
pub use node::{Node, NodeOptions};
pub use participant::{Connection, Item, Participant, now_s};
pub use reckoning::{Reckoning, inboxes_agree};
pub use repository::{binary, in_ci, root, screenshots, shared};
pub use soak::{SoakPlan, soak};
pub use town::{BankProcess, Customer};
