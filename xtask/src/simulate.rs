//! The simulator as a step: which seeds it runs, and what its failure says.
//!
//! Fresh seeds are fresh and can be had again: the first of them is made of the content of the commit's tree. So every machine
//! judges a commit by the same seeds, and each commit is judged by others than the one before it.

use crate::process::Run;
use crate::workspace;
use anyhow::Result;

/// Recorded plans and seeds, then three hundred fresh ones. Seeds for which the time is not enough fail the step: the minutes
/// are there for a machine that is much too slow, not to save time.
const RECORDED_THEN_FRESH: &str = "--plans sim/plans --fixed sim/seeds.txt --reach sim/not-reached.txt --seeds 300 --minutes 20";

/// Recorded seeds, then the same four each time; the minutes as above.
const BETWEEN_OPERATORS: &str = "--engine consortium --fixed sim/consortium/seeds.txt --seeds 4 --from 1 --minutes 20";

/// Each planted mistake must be found within six hundred seeds; most are in the first few.
const PLANTED: &str = "--planted --seeds 600 --from 1";

/// How the simulator's last lines begin when something is wrong.
const VERDICTS: &[&str] = &["BROKEN ", "error: "];

/// Hexadecimal digits of the tree's identifier that make a seed: 48 bits, so that it is short to type, and two trees whose
/// three hundred seeds meet will not be seen.
const SEED_DIGITS: usize = 12;

/// Step `sim`.
pub fn recorded_then_fresh() -> Result<()> {
    let mut further = words(RECORDED_THEN_FRESH);
    match first_fresh_seed() {
        Some((tree, seed)) => {
            println!("fresh seeds from {seed} on, as the tree {tree} has it: the same for this commit on every machine");
            further.extend(["--from".to_owned(), seed.to_string()]);
        }
        None => println!("this work tree has no commit to make seeds of: the fresh seeds are chosen by the clock"),
    }
    sim(&further)
}

/// Step `operators`.
pub fn between_operators() -> Result<()> {
    sim(&words(BETWEEN_OPERATORS))
}

/// Step `planted`.
pub fn planted() -> Result<()> {
    let run = Run::cargo().env("CARGO_PROFILE_RELEASE_LTO", "false");
    let run = run.args(words("run --quiet --release --package sim --features planted --")).args(words(PLANTED));
    run.verdicts(VERDICTS).show().map(drop)
}

/// `cargo xtask sim`. Optimised across crates it would be built for longer than it runs.
pub fn sim(further: &[String]) -> Result<()> {
    if let [engine, consortium, further @ ..] = further
        && engine == "--engine"
        && consortium == "consortium"
    {
        return sim_consortium(further);
    }
    let run = Run::cargo().env("CARGO_PROFILE_RELEASE_LTO", "false").args(words("run --quiet --release --package sim --"));
    run.args(further).verdicts(VERDICTS).show().map(drop)
}

/// `cargo xtask sim --engine consortium`. Built with all crates at once and unoptimised but for its libraries, as the tests are:
/// the engine between operators takes minutes to build another way.
fn sim_consortium(further: &[String]) -> Result<()> {
    Run::cargo().args(words("build --quiet --workspace --exclude e2e --tests --bins")).show()?;
    let binary = workspace::debug_binary().with_file_name("sim-consortium");
    Run::new(&binary.to_string_lossy()).args(further).verdicts(VERDICTS).show().map(drop)
}

/// The commit's tree and the seed made of it; `None` where there is no commit.
fn first_fresh_seed() -> Option<(String, u64)> {
    let tree = Run::new("git").args(["rev-parse", "HEAD^{tree}"]).output().ok()?.trim().to_owned();
    let seed = seed_of(&tree)?;
    Some((tree, seed))
}

fn seed_of(tree: &str) -> Option<u64> {
    tree.get(..SEED_DIGITS).and_then(|digits| u64::from_str_radix(digits, 16).ok())
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_one_seed_and_another_tree_another() {
        let seed = seed_of("4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        assert_eq!(seed, Some(0x4b82_5dc6_42cb));
        assert_ne!(seed_of("5b825dc642cb6eb9a060e54bf8d69288fbee4904"), seed);
        assert_eq!((seed_of("4b82"), seed_of("not a tree at all")), (None, None));
    }
}
