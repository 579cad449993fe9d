//! Sim's command line knows how to ask for runs of one operator's journal; it does not know what happens in them.

use sim::{Plan, command_line};
use std::process::ExitCode;

fn main() -> ExitCode {
    command_line::main::<Plan>()
}
