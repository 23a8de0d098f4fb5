//! Colours and columns. What is not a terminal gets the same text without the colours.

use crate::verdict::Verdict;
use anstyle::{AnsiColor, Style};
use std::fmt::Display;

const MET: Style = AnsiColor::Green.on_default().bold();
const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
const WRONG: Style = AnsiColor::Red.on_default().bold();
const HEADING: Style = Style::new().bold();
const ASIDE: Style = Style::new().dimmed();

fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A verdict in capitals, as wide as `width` at least.
pub(super) fn verdict(verdict: Verdict, width: usize) -> String {
    let style = match verdict {
        Verdict::Met => MET,
        Verdict::Inconclusive => UNSURE,
        Verdict::Violated | Verdict::Nondeterministic | Verdict::Crashed => WRONG,
    };
    let word = verdict.to_string().to_uppercase();
    paint(style, format!("{word:width$}"))
}

pub(super) fn heading(text: impl Display) -> String {
    paint(HEADING, text)
}

pub(super) fn aside(text: impl Display) -> String {
    paint(ASIDE, text)
}

/// The name of a row of counts, as a column.
pub(super) fn row(name: &str) -> String {
    heading(format!("{name:12}"))
}

/// `12.301s`, aligned.
pub(super) fn instant(ms: u64) -> String {
    format!("{:>5}.{:03}s", ms / 1000, ms % 1000)
}

/// `1 seed`, `2 seeds`.
pub(super) fn plural(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}
