//! Runs are the same each time, and plans survive a file.

use sim::{Plan, Story, run};

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [1, 2, 7] {
        let plan = Plan::of(seed);
        let (first, second) = (run(&plan, true), run(&plan, true));
        assert_eq!(first.lines, second.lines, "seed {seed}");
        assert_eq!(first.hash, second.hash);
        assert_eq!(first.broken, None, "seed {seed}");
        assert!(first.counts["blocks"] > 10, "{:?}", first.counts);
    }
}

#[test]
fn a_plan_comes_back_from_a_file() {
    for seed in 0..50 {
        let plan = Plan::of(seed);
        let text = serde_json::to_string(&plan).expect("plans are JSON");
        assert_eq!(serde_json::from_str::<Plan>(&text).expect("written by us"), plan);
    }
}
