//! The command line knows how to ask for runs between operators; it does not know what happens in them.

use sim::command_line;
use sim_consortium::Plan;
use std::process::ExitCode;

/// The engine takes and gives back large pieces of memory, which the usual allocator hands to the system each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    command_line::main::<Plan>()
}
