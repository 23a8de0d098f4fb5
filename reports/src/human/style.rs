//! Colours and columns. What is not a terminal gets the same text without the colours.

use crate::validate::Agreement;
use crate::verdict::Verdict;
use anstyle::{AnsiColor, Style};
use std::fmt::Display;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Words about whether two sides agree.
pub(super) fn differing(agreement: Agreement, words: &str) -> String {
    let style = match agreement {
        Agreement::Agrees => MET,
        Agreement::NotCompared => UNSURE,
        Agreement::Differs => WRONG,
    };
    paint(style, words)
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

/// A length for people: two or three digits, in the largest unit that has some.
pub(crate) fn length(ms: f64) -> String {
    if ms >= 999.5 {
        let digits = if ms >= 99_950.0 {
            0
        } else if ms >= 9995.0 {
            1
        } else {
            2
        };
        format!("{:.digits$} s", ms / 1000.0)
    } else {
        let digits = if ms >= 99.95 {
            0
        } else if ms >= 9.995 {
            1
        } else {
            2
        };
        format!("{ms:.digits$} ms")
    }
}

/// Columns of the screen unless somebody says otherwise.
const COLUMNS: usize = 100;
static WIDTH: AtomicUsize = AtomicUsize::new(COLUMNS);

/// Says how many columns the screen has: what is wider becomes a list.
pub fn set_width(columns: usize) {
    WIDTH.store(columns, Ordering::Relaxed);
}

pub(super) fn width() -> usize {
    WIDTH.load(Ordering::Relaxed)
}

/// A share for people: two digits that say something.
pub(crate) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let digits = match percent.abs() {
        // What shows no digit has no sign either.
        size if size < 0.000_05 => return "0 %".to_owned(),
        size if size >= 9.95 => 0,
        size if size >= 0.995 => 1,
        size if size >= 0.0995 => 2,
        _ => 4,
    };
    format!("{percent:.digits$} %")
}
