//! A soak, short here: `cargo xtask soak --minutes 60 --rate 100` is the same for an hour.
//!
//! `LUOHU_SOAK_SECONDS`, `LUOHU_SOAK_RATE` and `LUOHU_SOAK_KILL_SECONDS` say how long, how fast, and how often something is
//! killed.

use anyhow::Result;
use e2e::{SoakPlan, number, soak};
use std::time::Duration;

#[test]
fn centre_and_banks_are_killed_in_turn_and_agree_to_the_cent() -> Result<()> {
    let seconds = |name, usual| Duration::from_secs(number(name).unwrap_or(usual));
    let time = seconds("LUOHU_SOAK_SECONDS", 12);
    let rate = number("LUOHU_SOAK_RATE").unwrap_or(30);
    let kill_every = seconds("LUOHU_SOAK_KILL_SECONDS", 3);
    // A row for five minutes, and four for less than twenty.
    let rows = u32::try_from((time.as_secs() / 300).max(4))?;
    soak(SoakPlan { time, rate, kill_every, rows })
}
