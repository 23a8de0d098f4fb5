//! The progress of a sweep on stderr, for people who wait: runs done, rate, time left. Nobody else sees
//! it: not if stderr is no terminal, not in CI, not with `--quiet`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// What is shown of a sweep of known length.
const COUNTED: &str = "{bar:30} {pos}/{len} runs, {per_sec}, {eta} left{msg}";
/// What is shown of one that ends with its budget.
const TIMED: &str = "{spinner} {pos} runs, {per_sec}, {elapsed}{msg}";

/// A bar, or nothing.
pub(crate) struct Progress {
    bar: ProgressBar,
    failed: u64,
}

impl Progress {
    /// Of `runs`, if they can be counted, within `budget`, if there is one.
    pub(crate) fn new(runs: Option<u64>, budget: Option<Duration>, quiet: bool) -> Self {
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        if quiet || in_ci {
            return Self { bar: ProgressBar::hidden(), failed: 0 };
        }
        let target = ProgressDrawTarget::stderr();
        let (length, template) = match (runs, budget) {
            (Some(runs), None) => (Some(runs), COUNTED.to_owned()),
            (_, Some(budget)) => (None, format!("{TIMED} of {budget:?}")),
            (None, None) => (None, TIMED.to_owned()),
        };
        let bar = ProgressBar::with_draw_target(length, target);
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        Self { bar, failed: 0 }
    }

    /// One more run is done.
    pub(crate) fn step(&mut self, failed: bool) {
        if failed {
            self.failed += 1;
            self.bar.set_message(format!(", {} failed", self.failed));
        }
        self.bar.inc(1);
    }

    /// All is done: nothing of it stays.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
