//! Known bugs, for people: what shows each, how soon, and that the same runs are silent without it. It decides
//! nothing.

use super::put;
use super::style::{aside, heading};
use crate::zoo::{Bug, Exhibit, ZooReport};
use ackproof_types::words::plural;

/// What was caught, and how soon.
#[must_use]
pub fn zoo(report: &ZooReport) -> String {
    let mut text = String::new();
    let caught = report.caught;
    let of = plural(report.bugs.len() as u64, "known bug");
    put(&mut text, format_args!("{}: {caught} of {of} caught", heading("ZOO")));
    let told = "caught: shown by random faults when it is on, and by none of the same seeds when it is off";
    put(&mut text, format_args!("{}", aside(told)));
    for bug in &report.bugs {
        text.push('\n');
        tell(&mut text, bug);
    }
    text.push('\n');
    if report.interrupted {
        put(&mut text, format_args!("interrupted: the rest was not looked at"));
    }
    put(&mut text, format_args!("{}", report.reproduce));
    text
}

fn tell(text: &mut String, bug: &Bug) {
    put(text, format_args!("{}  {}", heading(&bug.variant), bug.about));
    let exhibit = &bug.exhibit;
    let sets: String = exhibit.sets.iter().map(|set| format!(" --set {set}")).collect();
    put(text, format_args!("    {} in {}{sets}", exhibit.shown, exhibit.scenario));
    put(text, format_args!("    {}; {}", on(exhibit), off(exhibit)));
}

fn on(exhibit: &Exhibit) -> String {
    let Exhibit { within, simulated_s, .. } = exhibit;
    match exhibit.seeds {
        Some(1) => format!("on: the first seed shows it ({simulated_s} s simulated)"),
        Some(seeds) => format!("on: {seeds} seeds until it shows ({simulated_s} s simulated)"),
        None => format!("on: NOT FOUND in {}", plural(*within, "seed")),
    }
}

fn off(exhibit: &Exhibit) -> String {
    match exhibit.loud {
        Some(seed) => format!("off: NOT SILENT, seed {seed} shows it too"),
        None => format!("off: {} silent", plural(exhibit.within, "seed")),
    }
}
