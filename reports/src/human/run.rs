//! One run for people: verdict, what happened, counts, what failed with its story, the command.

use super::put;
use super::style::{aside, heading, instant, length, percent, plural, row, verdict};
use crate::measure::{Latency, Stall};
use crate::run::{
    CauseReport, Fate, FaultReport, GroupReport, PropertyReport, Records, RunReport, Timing,
    Violation,
};
use crate::verdict::{Expected, Judgement};

/// One run.
#[must_use]
pub fn run(report: &RunReport) -> String {
    let mut text = String::new();
    let word = verdict(report.verdict, 0);
    put(&mut text, format_args!("{word}  {}  seed {}", report.scenario, report.seed));
    for reason in &report.reasons {
        put(&mut text, format_args!("  because {}", reason.text));
    }
    text.push('\n');
    swarm(&mut text, &report.swarm);
    timeline(&mut text, report);
    text.push('\n');
    faults(&mut text, &report.faults);
    records(&mut text, &report.records);
    for one in &report.groups {
        group(&mut text, one);
    }
    for one in &report.causes {
        cause(&mut text, one);
    }
    if let Some(contract) = &report.contract {
        super::contract(&mut text, contract, None);
    }
    timing(&mut text, &report.timing);
    properties(&mut text, &report.properties);
    let figures = format!(
        "{}.{:03} s simulated, {} messages, {} entries, digest {}",
        report.simulated_ms / 1000,
        report.simulated_ms % 1000,
        report.messages,
        report.entries,
        report.digest
    );
    put(&mut text, format_args!("{}{}", row("run"), aside(figures)));
    let violated = report.properties.iter().filter(|one| one.verdict == Judgement::Violated);
    for property in violated {
        failing(&mut text, property);
    }
    put(&mut text, format_args!("\n{}", report.reproduce));
    text
}

fn swarm(text: &mut String, drawn: &[(String, String)]) {
    if drawn.is_empty() {
        return;
    }
    put(
        text,
        format_args!(
            "{}",
            heading(format!("swarm: {} drawn", plural(drawn.len() as u64, "setting")))
        ),
    );
    for (path, value) in drawn {
        put(text, format_args!("  {path}={value}"));
    }
    text.push('\n');
}

fn timeline(text: &mut String, report: &RunReport) {
    put(text, format_args!("{}", heading("what happened")));
    for moment in &report.timeline {
        put(text, format_args!("{}  {}", instant(moment.at_ms), moment.text));
    }
}

fn faults(text: &mut String, faults: &[FaultReport]) {
    let idle = faults.iter().filter(|fault| fault.target.is_none()).count();
    let mut line = format!("{} carried out", faults.len() - idle);
    if idle > 0 {
        line.push_str(&format!(", {idle} found nobody to hit"));
    }
    put(text, format_args!("{}{line}", row("faults")));
}

/// Counts of records.
pub(super) fn records(text: &mut String, records: &Records) {
    put(
        text,
        format_args!(
            "{}sent {}, acked {}, failed {}, unknown {} ({} absent), lost {}, log duplicates {}",
            row("records"),
            records.sent,
            records.acked,
            records.failed,
            records.unknown,
            records.unknown_absent,
            records.lost,
            records.log_duplicates
        ),
    );
}

/// Counts of a group.
pub(super) fn group(text: &mut String, group: &GroupReport) {
    put(
        text,
        format_args!(
            "{}{}: processed {}, duplicates {} ({:.2} %), skipped {}",
            row("group"),
            group.group,
            group.processed,
            group.duplicates,
            100.0 * group.duplicate_rate,
            group.skipped
        ),
    );
}

/// Why something happened to records.
pub(super) fn cause(text: &mut String, cause: &CauseReport) {
    let what = match cause.what {
        Fate::Lost => "lost",
        Fate::UnknownAbsent => "unknown, absent",
        Fate::LogDuplicate => "twice in a log",
        Fate::Skipped => "skipped",
        Fate::Duplicate => "processed again",
    };
    let by = cause.group.as_ref().map_or_else(String::new, |group| format!(" by {group}"));
    let CauseReport { count, cause, about, .. } = cause;
    put(text, format_args!("{}{count} {what}{by}: {about} ({cause})", row("why")));
}

/// How fast it went.
pub(super) fn timing(text: &mut String, timing: &Timing) {
    latency(text, "acknowledged", &timing.acknowledgement);
    for group in &timing.groups {
        latency(text, &format!("processed by {}", group.group), &group.end_to_end);
    }
    stall(text, "writes", timing.writes.as_ref());
    for group in &timing.groups {
        stall(text, &format!("reads of {}", group.group), group.reads.as_ref());
    }
    moves(text, ("failover", "leader", ""), timing.failover.as_ref());
    for group in &timing.groups {
        let of = format!(" of {}", group.group);
        moves(text, ("handover", "owner", &of), group.handover.as_ref());
    }
}

fn latency(text: &mut String, what: &str, latency: &Latency) {
    let Latency { p50_ms, p99_ms, max_ms, .. } = *latency;
    if let (Some(p50), Some(p99), Some(max)) = (p50_ms, p99_ms, max_ms) {
        let (p50, p99, max) = (length(p50), length(p99), length(max));
        let line = format!("{what} within {p50} (half), {p99} (99 %), {max} (all)");
        put(text, format_args!("{}{line}", row("latency")));
    }
}

fn stall(text: &mut String, what: &str, stall: Option<&Stall>) {
    if let Some(stall) = stall.filter(|stall| stall.stalled_ms > 0) {
        let (share, longest) = (percent(stall.unavailability), length(stall.longest_ms));
        put(
            text,
            format_args!("{}{what} {share} of the time, {longest} at the longest", row("stalled")),
        );
    }
}

/// How long partitions were without what moved: a leader, an owner.
fn moves(text: &mut String, (name, what, of): (&str, &str, &str), times: Option<&Latency>) {
    if let Some(Latency { count, mean_ms: Some(mean), max_ms: Some(max), .. }) = times {
        let (times, mean, max) = (plural(*count, "partition"), length(*mean), length(*max));
        let line = format!("{times} got another {what}{of} within {mean} (mean), {max} (all)");
        put(text, format_args!("{}{line}", row(name)));
    }
}

/// How many properties held, and which did not.
pub(super) fn properties(text: &mut String, properties: &[PropertyReport]) {
    let named = |wanted: Judgement| {
        let names = properties.iter().filter(|one| one.verdict == wanted);
        names.map(|one| one.name.as_str()).collect::<Vec<_>>()
    };
    let held = named(Judgement::Held).len();
    let mut line = format!("{held} of {} held", properties.len());
    for (words, judgement) in
        [("violated", Judgement::Violated), ("nothing to judge", Judgement::Vacuous)]
    {
        let names = named(judgement);
        if !names.is_empty() {
            line.push_str(&format!("; {words}: {}", names.join(", ")));
        }
    }
    put(text, format_args!("{}{line}", row("properties")));
}

/// A violated property with the story of its first violation.
pub(super) fn failing(text: &mut String, property: &PropertyReport) {
    let count = plural(property.violation_count, "time");
    let aimed = wanted(property.expected);
    put(text, format_args!("\n{} violated {count}{aimed}", heading(&property.name)));
    if let Some(first) = property.violations.first() {
        story(text, first);
    }
}

/// What was expected of a violated property.
pub(super) const fn wanted(expected: Expected) -> &'static str {
    match expected {
        Expected::Held => "",
        Expected::Violated => " (as expected)",
        Expected::MayViolate => " (as it may be)",
    }
}

/// A violation with its story.
pub(super) fn story(text: &mut String, violation: &Violation) {
    put(text, format_args!("  {}", violation.summary));
    for line in &violation.story {
        put(text, format_args!("    {line}"));
    }
}
