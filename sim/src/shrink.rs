//! A failing plan cut down to its shortest story: fewer steps, an earlier end, as long as the same law breaks.

use crate::plan::Plan;
use crate::run::{Outcome, run};

/// Most runs spent on cutting one plan down.
pub const RUNS_MAX: usize = 400;

/// The shortest plan found that breaks the same law, and its outcome.
pub fn shrink(plan: &Plan, outcome: &Outcome) -> (Plan, Outcome) {
    let mut cutter = Cutter { best: plan.clone(), outcome: outcome.clone(), runs: 0 };
    let Some(broken) = &outcome.broken else { return (plan.clone(), outcome.clone()) };
    // What was to come after the law broke has nothing to do with it.
    let until = broken.at_ms;
    let mut earlier = plan.clone();
    earlier.steps.retain(|step| step.at_ms <= until);
    cutter.take(earlier);
    let mut size = cutter.best.steps.len().div_ceil(2);
    while size > 0 && cutter.runs < RUNS_MAX {
        let cut = cutter.cut_chunks(size);
        // Single steps are tried again until none can go.
        size = if size == 1 && cut { 1 } else { size / 2 };
    }
    (cutter.best, cutter.outcome)
}

struct Cutter {
    best: Plan,
    outcome: Outcome,
    runs: usize,
}

impl Cutter {
    /// Takes a plan if it breaks the same law.
    fn take(&mut self, plan: Plan) -> bool {
        if plan.steps.len() >= self.best.steps.len() || self.runs >= RUNS_MAX {
            return false;
        }
        self.runs += 1;
        let outcome = run(&plan, false);
        let law = |outcome: &Outcome| outcome.broken.as_ref().map(|broken| broken.law.clone());
        let same = law(&outcome) == law(&self.outcome);
        if same {
            (self.best, self.outcome) = (plan, outcome);
        }
        same
    }

    /// Leaves out one stretch of so many steps after the other, from the end; whether anything went.
    fn cut_chunks(&mut self, size: usize) -> bool {
        let mut cut = false;
        let mut end = self.best.steps.len();
        while end > 0 {
            let start = end.saturating_sub(size);
            let mut without = self.best.clone();
            without.steps.drain(start..end.min(without.steps.len()));
            cut |= self.take(without);
            end = start;
        }
        cut
    }
}
