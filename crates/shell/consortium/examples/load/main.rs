//! Four validators as four processes on loopback, each with its own load of two-step payments.
//!
//! `cargo run --release -p consortium --example load -- [OPTIONS]`
//!
//! ```text
//! --seconds N       how long to measure (10)
//! --in-flight N     payments under way at each validator (1000)
//! --rate N          payments a second at each validator; as fast as it goes when not given
//! --signed          every command carries an Ed25519 signature that every validator checks
//! --message N       bytes of the message behind a signed command (1500)
//! --interval-ms N   least time between blocks (10)
//! --far             timeouts for operators tens of milliseconds apart
//! --delay-ms N      one-way delay between validators 0, 1 and 2, 3, by relays in the parent (0)
//! --workers N       threads of each validator's engine (1)
//! --scenario S      steady (default), one-dead, two-dead, rejoin, soak
//! --kill-seconds N  a soak kills one validator about so often, and starts it again within ten seconds (60)
//! --retention-seconds N  payments that have ended are forgotten so much later; never when not given
//! --audit           read every folder back at the end, as `fsck --deep` does; a soak always does
//! --keep            keep the folders
//! --log LEVEL       of the validators' logs (warn); `debug` has the steps of every block
//! ```
//! The load is made by the validators themselves: no gateway, no TLS, no ISO message. It measures the engine.

#![allow(missing_docs, clippy::unwrap_used)] // a measurement that cannot go on has failed

mod line;
mod node;
mod options;
mod parent;
mod soak;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let options = options::Options::parse(&arguments);
    match options.node {
        Some(index) => node::run(index, &options),
        None => parent::run(&options, &arguments),
    }
}
