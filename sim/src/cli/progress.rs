//! The progress of what takes long on stderr, for people who wait: runs done, rate, time left. Nobody else
//! sees it: not if stderr is no terminal, not in CI, not with `--quiet`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{BufRead, Read};
use std::time::Duration;

/// What is shown of a sweep of known length.
const COUNTED: &str = "{bar:30} {pos}/{len} runs, {per_sec}, {eta} left{msg}";
/// What is shown of one that ends with its budget.
const TIMED: &str = "{spinner} {pos} runs, {per_sec}, {elapsed}{msg}";

/// What is shown of work of which nobody knows how much it is.
const WAITING: &str = "{spinner} {msg}, {elapsed}";
/// What is shown of a file that is read.
const READ: &str = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
/// What takes no longer shows nothing.
const SOON: Duration = Duration::from_millis(500);

/// A bar, or nothing.
pub(crate) struct Progress {
    bar: ProgressBar,
    failed: u64,
}

impl Progress {
    /// Of `runs`, if they can be counted, within `budget`, if there is one.
    pub(crate) fn new(runs: Option<u64>, budget: Option<Duration>, quiet: bool) -> Self {
        if quiet || in_ci() {
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

    /// Of one piece of work, called `what`; or nothing if `quiet`.
    pub(crate) fn waiting(what: String, quiet: bool) -> Self {
        if quiet || in_ci() {
            return Self { bar: ProgressBar::hidden(), failed: 0 };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(WAITING) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(SOON);
        Self { bar, failed: 0 }
    }

    /// So much is done of a piece of work.
    pub(crate) fn say(&self, what: String) {
        self.bar.set_message(what);
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

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty())
}

/// `input`, a file of `length` bytes, with its progress.
pub(crate) fn reading<'i>(input: impl Read + 'i, length: u64) -> Box<dyn BufRead + 'i> {
    let bar = if in_ci() {
        ProgressBar::hidden()
    } else {
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(READ) {
            bar.set_style(style);
        }
        bar.with_finish(indicatif::ProgressFinish::AndClear)
    };
    Box::new(std::io::BufReader::with_capacity(1 << 16, bar.wrap_read(input)))
}
