//! A shrunk failure for people: what is left, how it comes about, the command.

use super::put;
use super::style::{aside, heading};
use crate::shrink::{End, Reduction, ShrinkReport};
use ackproof_types::words::plural;

/// A small schedule with its story.
#[must_use]
pub fn shrink(report: &ShrinkReport) -> String {
    let mut text = String::new();
    put(
        &mut text,
        format_args!(
            "{}  {}  seed {}: {}",
            heading("SHRUNK"),
            report.scenario,
            report.seed,
            report.failure
        ),
    );
    let change = |one: &Reduction| match one.before == one.after {
        true => format!("{} {}", one.what, one.after),
        false => format!("{} {} → {}", one.what, one.before, one.after),
    };
    let changes: Vec<String> = report.reductions.iter().map(change).collect();
    put(&mut text, format_args!("  {}", changes.join(", ")));
    let runs = plural(report.runs, "run");
    let end = match report.end {
        End::Minimal => format!("after {runs} nothing more can be left out"),
        End::Runs => format!("{runs} used up: `--runs` allows more, and it may get smaller"),
        End::Budget => format!("the time is over after {runs}: it may get smaller with more"),
        End::Interrupted => format!("interrupted after {runs}: the smallest so far"),
    };
    put(&mut text, format_args!("  {}\n", aside(end)));
    for (number, line) in (1..).zip(&report.story) {
        put(&mut text, format_args!("{number:>2}. {line}"));
    }
    put(&mut text, format_args!("\nwrote {}", report.file));
    put(&mut text, format_args!("\n{}", report.replay));
    text
}
