//! Runs are the same each time, and whatever a seed brings, every law holds.

use sim::Story;
use sim_consortium::{Plan, run};

#[test]
fn the_same_seed_gives_the_same_trace() {
    let plan = Plan::of(1);
    let (first, second) = (run(&plan, true), run(&plan, true));
    assert_eq!(first.lines, second.lines);
    assert_eq!(first.hash, second.hash);
    assert_eq!(first.broken, None);
    assert!(first.counts["blocks"] > 50 && first.counts["payments"] > 0, "{:?}", first.counts);
}
