//! A search through all interleavings, for people.

use super::put;
use super::style::{aside, heading};
use crate::explore::{Broken, Ended, ExploreReport};
use ackproof_types::words::plural;

/// What was found.
#[must_use]
pub fn explore(report: &ExploreReport) -> String {
    let mut text = String::new();
    let with = match report.variants.as_slice() {
        [] => String::new(),
        on => format!(", with {}", on.join(", ")),
    };
    let of = plural(u64::from(report.brokers), "broker");
    let name = heading(&report.scenario);
    let (min, acks) = (report.min_insync_replicas, &report.acks);
    put(&mut text, format_args!("{name}: {of}, min.insync.replicas {min}, acks={acks}{with}"));
    let bounds = report.bounds.iter().map(|one| format!("{} {}", one.name, one.value));
    put(&mut text, format_args!("bounds: {}", bounds.collect::<Vec<_>>().join(", ")));
    text.push('\n');
    put(&mut text, format_args!("{:>6} {:>12} {:>12}", "depth", "new", "states"));
    for level in &report.levels {
        put(&mut text, format_args!("{:>6} {:>12} {:>12}", level.depth, level.new, level.states));
    }
    text.push('\n');
    for broken in &report.broken {
        tell(&mut text, broken);
    }
    put(&mut text, format_args!("{}", verdict(report)));
    let omission = report.odds_of_omission;
    if omission > 0.0 {
        let odds = 1.0 / omission;
        let line = format!(
            "states are known by 64 bits of hash: one in {odds:.0} such searches takes two for one"
        );
        put(&mut text, format_args!("{}", aside(line)));
    }
    text.push('\n');
    put(&mut text, format_args!("{}", report.reproduce));
    text
}

fn tell(text: &mut String, broken: &Broken) {
    let name = heading(&broken.invariant);
    let Broken { about, depth, .. } = broken;
    put(text, format_args!("{name} is broken after {depth} steps: {about}"));
    for (number, step) in (1..).zip(&broken.steps) {
        put(text, format_args!("{number:>4}  {step}"));
    }
    match &broken.then {
        Some(then) if then.is_empty() => {}
        Some(then) => {
            put(text, format_args!("  and then an acknowledged record is lost:"));
            for (number, step) in (broken.steps.len() + 1..).zip(then) {
                put(text, format_args!("{number:>4}  {step}"));
            }
        }
        None => {
            put(text, format_args!("  no election of a member of the in-sync set loses anything"))
        }
    }
    if !broken.violates.is_empty() {
        let named = broken.violates.join(", ");
        put(text, format_args!("  told as a history this violates {named}"));
    }
    text.push('\n');
}

fn verdict(report: &ExploreReport) -> String {
    let states = report.levels.last().map_or(1, |level| level.states);
    let states = plural(states, "state");
    let depth = report.levels.last().map_or(0, |level| level.depth);
    match report.end {
        Ended::Found => format!("broken; {states} looked at"),
        Ended::Exhausted => {
            format!("{}: all {states} within the bounds, to depth {depth}", heading("holds"))
        }
        Ended::Depth if report.broken.is_empty() => {
            format!(
                "{} to depth {depth}: {states}; deeper ones were not looked at",
                heading("holds")
            )
        }
        Ended::Depth => format!("depth {depth} reached; {states} looked at"),
        Ended::States => {
            format!("not decided: there are more states than --states allows; {}", so_far(report))
        }
        Ended::Memory => format!(
            "not decided: the states take more memory than the {} that --memory allows; {}",
            size(report.memory.unwrap_or_default()),
            so_far(report)
        ),
        Ended::Interrupted => format!("interrupted: {}", so_far(report)),
    }
}

/// What holds of a search that came to no end.
fn so_far(report: &ExploreReport) -> String {
    let (states, depth) = report.levels.last().map_or((1, 0), |level| (level.states, level.depth));
    let holds = format!("{} hold, to depth {depth}", plural(states, "state"));
    match report.deeper {
        0 => holds,
        deeper => format!("{holds}, and {deeper} of those at depth {}", depth + 1),
    }
}

fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a tenth of a unit is enough")]
    let bytes = bytes as f64;
    let mebibytes = bytes / f64::from(1 << 20);
    if mebibytes < 1024.0 {
        format!("{mebibytes:.0} MiB")
    } else {
        format!("{:.1} GiB", mebibytes / 1024.0)
    }
}
