//! A failing story cut down to its shortest: fewer steps, an earlier end, as long as the same law breaks.

use crate::run::Outcome;
use crate::story::Story;

/// Most runs spent on cutting one story down.
pub const RUNS_MAX: usize = 400;

/// The shortest story found that breaks the same law, and its outcome; found in at most so many runs.
pub fn shrink<S: Story>(story: &S, outcome: &Outcome, runs_max: usize) -> (S, Outcome) {
    let mut cutter = Cutter { best: story.clone(), outcome: outcome.clone(), runs_left: runs_max };
    let Some(broken) = &outcome.broken else { return (story.clone(), outcome.clone()) };
    // What was to come after the law broke has nothing to do with it.
    let until = broken.at_ms;
    let mut earlier = story.clone();
    earlier.steps_mut().retain(|step| step.at_ms <= until);
    cutter.take(earlier);
    let mut size = cutter.best.steps().len().div_ceil(2);
    while size > 0 && cutter.runs_left > 0 {
        let cut = cutter.cut_chunks(size);
        // Single steps are tried again until none can go.
        size = if size == 1 && cut { 1 } else { size / 2 };
    }
    (cutter.best, cutter.outcome)
}

struct Cutter<S> {
    best: S,
    outcome: Outcome,
    runs_left: usize,
}

impl<S: Story> Cutter<S> {
    /// Takes a story if it breaks the same law.
    fn take(&mut self, story: S) -> bool {
        if story.steps().len() >= self.best.steps().len() || self.runs_left == 0 {
            return false;
        }
        self.runs_left -= 1;
        let outcome = story.play(false);
        let law = |outcome: &Outcome| outcome.broken.as_ref().map(|broken| broken.law.clone());
        let same = law(&outcome) == law(&self.outcome);
        if same {
            (self.best, self.outcome) = (story, outcome);
        }
        same
    }

    /// Leaves out one stretch of so many steps after the other, from the end; whether anything went.
    fn cut_chunks(&mut self, size: usize) -> bool {
        let mut cut = false;
        let mut end = self.best.steps().len();
        while end > 0 {
            let start = end.saturating_sub(size);
            let mut without = self.best.clone();
            let steps = without.steps_mut();
            let stretch = start..end.min(steps.len());
            steps.drain(stretch);
            cut |= self.take(without);
            end = start;
        }
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Broken;
    use crate::story::Step;
    use serde::{Deserialize, Serialize};

    /// Breaks a law exactly when both of its culprits happen.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Toy(Vec<Step<u64>>);

    impl Story for Toy {
        type What = u64;
        const COMMAND: &'static str = "toy";
        const SEEDS: u64 = 1;

        fn of(_: u64) -> Self {
            Self((0..40).map(|what| Step { at_ms: what * 10, what }).collect())
        }
        fn seed(&self) -> u64 {
            0
        }
        fn steps(&self) -> &[Step<u64>] {
            &self.0
        }
        fn steps_mut(&mut self) -> &mut Vec<Step<u64>> {
            &mut self.0
        }
        fn note(&self) -> String {
            String::new()
        }
        fn play(&self, _: bool) -> Outcome {
            let guilty = [7, 23].iter().all(|culprit| self.0.iter().any(|step| step.what == *culprit));
            let broken = guilty.then(|| Broken { law: "TOY".to_owned(), detail: String::new(), at_ms: 300 });
            Outcome { broken, ..Outcome::of(0) }
        }
    }

    #[test]
    fn what_is_left_is_what_it_takes() {
        let toy = Toy::of(0);
        let (shortest, outcome) = shrink(&toy, &toy.play(false), RUNS_MAX);
        assert_eq!(shortest.0.iter().map(|step| step.what).collect::<Vec<_>>(), [7, 23]);
        assert_eq!(outcome.broken.unwrap().law, "TOY");
    }

    #[test]
    fn no_more_runs_are_spent_than_allowed() {
        let toy = Toy::of(0);
        let (shortest, _) = shrink(&toy, &toy.play(false), 1);
        assert_eq!(shortest.0.len(), 31, "what came after the law broke, and no more");
    }
}
