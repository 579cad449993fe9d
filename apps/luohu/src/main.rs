//! One binary: configuration, wiring, commands.
fn main() {}
