//! One run for people: verdict, what happened, counts, what failed with its story, the command.

use super::alerts::alerts;
use super::load::{capacity, load};
use super::put;
use super::style::{aside, heading, instant, length, percent, row, verdict};
use crate::kafka::KafkaReport;
use crate::measure::{Latency, Stall};
use crate::moved::MovedReport;
use crate::outputs::OutputReport;
use crate::run::{
    BehindExpired, CauseReport, Fate, FaultReport, GroupReport, NetworkReport, PropertyReport,
    Records, RunReport, Violation,
};
use crate::sink::{AmountsReport, SinkReport};
use crate::timing::{StallReport, Timing};
use crate::verdict::{Expected, Judgement, Verdict};
use crate::whole::rate;
use ackproof_types::words::plural;
use std::collections::BTreeMap;

/// One run.
#[must_use]
pub fn run(report: &RunReport) -> String {
    let mut text = String::new();
    let word = verdict(report.verdict, 0);
    let notes = notes(&report.notes);
    put(&mut text, format_args!("{word}{notes}  {}  seed {}", report.scenario, report.seed));
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
        cause(&mut text, one, rate(report, one));
    }
    super::not_modelled(&mut text, &report.not_modelled);
    if let Some(contract) = &report.contract {
        super::contract(&mut text, contract, None);
    }
    timing(&mut text, &report.timing);
    alerts(&mut text, report.alerts.as_ref());
    if let Some(one) = &report.network {
        network(&mut text, one);
    }
    if let Some(one) = &report.capacity {
        capacity(&mut text, one);
    }
    kafka(&mut text, &report.kafka);
    properties(&mut text, &report.properties);
    let figures = format!(
        "{}.{:03} s simulated, {}, {}, digest {}",
        report.simulated_ms / 1000,
        report.simulated_ms % 1000,
        plural(report.messages, "message"),
        plural(report.entries, "entry"),
        report.digest
    );
    put(&mut text, format_args!("{}{}", row("run"), aside(figures)));
    let violated = report.properties.iter().filter(|one| one.verdict == Judgement::Violated);
    for property in violated {
        failing(&mut text, property);
    }
    if let Some(question) = question(report) {
        put(&mut text, format_args!("\nWhich setting would have saved it:\n{question}"));
    }
    put(&mut text, format_args!("\n{}", report.reproduce));
    text
}

/// The command that says what would have saved a run, if it can be asked about it.
fn question(report: &RunReport) -> Option<String> {
    let rest = report.reproduce.strip_prefix("ackproof run ")?;
    let is_known = !rest.contains(" --swarm") && !rest.contains(" --check-determinism");
    (report.verdict == Verdict::Violated && is_known)
        .then(|| format!("ackproof explain {rest} --what-if"))
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

/// What settings allowed to go wrong, behind the verdict.
pub(super) fn notes(notes: &[String]) -> String {
    if notes.is_empty() { String::new() } else { format!(", {}", notes.join("; ")) }
}

/// Counts of records.
pub(super) fn records(text: &mut String, records: &Records) {
    let displaced = match records.displaced {
        0 => String::new(),
        count => format!(", displaced {count}"),
    };
    let copies = match records.copies {
        0 => String::new(),
        count => format!(" ({count} of them copies by mirrors)"),
    };
    put(
        text,
        format_args!(
            "{}sent {}{copies}, acked {}, failed {}, unknown {} ({} absent), lost {}{displaced}, log duplicates {}",
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
    if records.reordered > 0 {
        let line = format!("{} behind a later one of the same producer", records.reordered);
        put(text, format_args!("{}{line}", row("order")));
    }
    if records.dropped > 0 {
        let had = plural(records.dropped, "record");
        let line = format!("{had} whose send failed, dropped by the application");
        put(text, format_args!("{}{line}", row("dropped")));
    }
    if records.sent_again > 0 {
        let had = plural(records.sent_again, "record");
        let line = format!("{had} handed to send again by the application after a failure");
        put(text, format_args!("{}{line}", row("sent again")));
    }
    if records.open_at_end > 0 {
        let had = plural(records.open_at_end, "record");
        let line = format!("{had} had no outcome when the producer ended: buffered or under way");
        put(text, format_args!("{}{line}", row("ended")));
    }
    let BehindExpired { batches, acked, failed, epochs_raised } = records.behind_expired;
    if batches > 0 {
        let line = format!(
            "{} of idempotent producers expired; of the later records sent by then {acked} {} \
             acknowledged and {failed} {} not; the epoch was raised {}",
            plural(batches, "batch"),
            were(acked),
            were(failed),
            plural(epochs_raised, "time")
        );
        put(text, format_args!("{}{line}", row("batches")));
    }
}

const fn were(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

/// Which Kafka the verdict is about.
pub(super) fn kafka(text: &mut String, kafka: &KafkaReport) {
    let levels = kafka.features.iter().map(|(feature, level)| format!(", {feature} {level}"));
    let levels: String = levels.collect();
    let upgraded =
        kafka.upgraded_to.iter().map(|line| format!(", with an upgrade to {line} on the way"));
    let upgraded: String = upgraded.collect();
    put(text, format_args!("{}{}{upgraded}{}", row("kafka"), kafka.version, aside(levels)));
}

/// When the kernel sends a lost SYN again.
pub(super) fn network(text: &mut String, network: &NetworkReport) {
    let times: Vec<String> = network.syn_again_after_s.iter().map(u64::to_string).collect();
    put(
        text,
        format_args!(
            "{}a lost SYN is sent again after {} s (syn_linear_timeouts {})",
            row("network"),
            times.join(", "),
            network.syn_linear_timeouts
        ),
    );
}

/// Counts of a group.
pub(super) fn group(text: &mut String, group: &GroupReport) {
    let backlog = match group.backlog {
        0 => String::new(),
        count => format!(", backlog {count}"),
    };
    let dead = match group.dead_lettered {
        0 => String::new(),
        count => format!(" (dead-lettered {count})"),
    };
    put(
        text,
        format_args!(
            "{}{}: processed {}{dead}, duplicates {} ({:.2} %), skipped {}{backlog}",
            row("group"),
            group.group,
            group.processed,
            group.duplicates,
            100.0 * group.duplicate_rate,
            group.skipped
        ),
    );
    let named = |counts: &BTreeMap<String, u64>| {
        let counts: Vec<String> =
            counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        counts.join(", ")
    };
    let times: u64 = group.rebalances.values().sum();
    // The first one is how the group begins.
    if times > 1 {
        let by = named(&group.rebalances);
        let line = format!("{} rebalanced {times} times: {by}", group.group);
        put(text, format_args!("{}{line}", row("rebalance")));
    }
    if let Some(sink) = &group.sink {
        self::sink(text, &group.group, sink);
    }
    if let Some(OutputReport { made, written, duplicates, duplicate_rate, lost }) = group.outputs {
        let (group, made, rate) = (&group.group, plural(made, "record"), 100.0 * duplicate_rate);
        let line = format!(
            "{group} made {made}, of {written} distinct ones; duplicates {duplicates} ({rate:.2} %), nothing left \
             of {lost}"
        );
        put(text, format_args!("{}{line}", row("outputs")));
    }
    if let Some(moved) = &group.moved {
        let MovedReport { to, at_ms, not_copied, never_copied } = moved;
        let left = plural(*not_copied, "acknowledged record");
        let rest = match (not_copied, never_copied) {
            (0, _) => String::new(),
            (_, 0) => ", all of them copied later".to_owned(),
            (_, never) => format!(", {never} of them never copied"),
        };
        let line = format!(
            "{} went on as {to} at {}; {left} neither processed nor copied by then (lost if that cluster never comes \
             back){rest}",
            group.group,
            instant(*at_ms).trim_start()
        );
        put(text, format_args!("{}{line}", row("moved")));
    }
    let refused: u64 = group.refused_commits.values().sum();
    if refused > 0 {
        let (count, by) = (plural(refused, "commit"), named(&group.refused_commits));
        let line = format!("{count} of {} refused: {by}", group.group);
        put(text, format_args!("{}{line}", row("refused")));
    }
}

/// What came to the sink of a group.
fn sink(text: &mut String, group: &str, sink: &SinkReport) {
    let SinkReport { writes, rows, ignored, repeated, missing, amounts } = sink;
    let (rows, ignored) = (plural(*rows, "row"), plural(*ignored, "write"));
    let line = format!(
        "{group}, {writes}: {rows}, {ignored} ignored; records: {repeated} repeated, {missing} missing"
    );
    put(text, format_args!("{}{line}", row("sink")));
    if let Some(sums) = amounts {
        let AmountsReport { sink, acknowledged, unacknowledged, repeated, missing } = sums;
        let line = format!(
            "its sum {sink} = acknowledged {acknowledged} + unacknowledged {unacknowledged} + repeated \
             {repeated} - missing {missing}"
        );
        put(text, format_args!("{}{line}", row("")));
    }
}

/// Why something happened to records.
pub(super) fn cause(text: &mut String, cause: &CauseReport, rate: Option<f64>) {
    let CauseReport { what, group, count, cause, about, story } = cause;
    let rate = rate.map_or_else(String::new, |rate| format!(", {}", percent(rate)));
    fate(text, (*what, group.as_deref()), *count, &rate, (cause, about));
    if !story.is_empty() {
        let margin = row("");
        put(text, format_args!("{margin}the first of them:"));
        for step in story {
            put(text, format_args!("{margin}  {step}"));
        }
    }
}

/// Why something happened to records, `in_seeds`.
pub(super) fn fate(
    text: &mut String,
    (fate, group): (Fate, Option<&str>),
    count: u64,
    in_seeds: &str,
    (cause, about): (&str, &str),
) {
    let what = match fate {
        Fate::Lost => "lost",
        Fate::UnknownAbsent => "unknown, absent",
        Fate::Failed => "failed",
        Fate::Unknown => "unknown",
        Fate::Reordered => "behind a later one",
        Fate::LogDuplicate => "twice in a log",
        Fate::Skipped => "skipped",
        Fate::Duplicate => "processed again",
        Fate::LostCommit if count == 1 => "lost commit",
        Fate::LostCommit => "lost commits",
        Fate::Sink => "wrong in the sink",
        Fate::OutputLost => "lost as outputs",
        Fate::OutputDuplicate => "outputs again",
    };
    let by =
        if matches!(fate, Fate::LostCommit | Fate::Sink | Fate::OutputLost) { "of" } else { "by" };
    let by = group.map_or_else(String::new, |group| format!(" {by} {group}"));
    put(text, format_args!("{}{count} {what}{by}{in_seeds}: {about} ({cause})", row("why")));
}

/// How fast it went.
pub(super) fn timing(text: &mut String, timing: &Timing) {
    latency(text, "acknowledged", &timing.acknowledgement, None);
    for group in &timing.groups {
        let what = format!("processed by {}", group.group);
        latency(text, &what, &group.end_to_end, group.from_ms);
    }
    stall(text, "writes", timing.writes.as_ref(), timing.writes_because.as_ref());
    for group in &timing.groups {
        let what = format!("reads of {}", group.group);
        stall(text, &what, group.reads.as_ref(), group.reads_because.as_ref());
    }
    moves(text, ("failover", "got another leader"), timing.failover.as_ref());
    for group in &timing.groups {
        let again = format!("had an owner of {} again", group.group);
        moves(text, ("handover", &again), group.handover.as_ref());
    }
    if let Some(one) = &timing.load {
        load(text, one);
    }
}

fn latency(text: &mut String, what: &str, latency: &Latency, from_ms: Option<u64>) {
    let Latency { p50_ms, p99_ms, max_ms, .. } = *latency;
    if let (Some(p50), Some(p99), Some(max)) = (p50_ms, p99_ms, max_ms) {
        let (p50, p99, max) = (length(p50), length(p99), length(max));
        let from =
            from_ms.map_or_else(String::new, |ms| format!("; from {} on", instant(ms).trim()));
        let line = format!("{what} within {p50} (half), {p99} (99 %), {max} (all){from}");
        put(text, format_args!("{}{line}", row("latency")));
    }
}

fn stall(text: &mut String, what: &str, stall: Option<&Stall>, because: Option<&StallReport>) {
    if let Some(stall) = stall.filter(|stall| stall.stalled_ms > 0) {
        let (share, longest) = (percent(stall.unavailability), length(stall.longest_ms));
        put(
            text,
            format_args!("{}{what} {share} of the time, {longest} at the longest", row("stalled")),
        );
        if let Some(StallReport { cause, about }) = because {
            put(text, format_args!("{}the longest: {about} ({cause})", row("")));
        }
    }
}

/// How long partitions were without what moved: a leader, an owner.
fn moves(text: &mut String, (name, what): (&str, &str), times: Option<&Latency>) {
    if let Some(Latency { count, mean_ms: Some(mean), max_ms: Some(max), .. }) = times {
        let (times, mean, max) = (plural(*count, "partition"), length(*mean), length(*max));
        let line = format!("{times} {what} within {mean} (mean), {max} (all)");
        put(text, format_args!("{}{line}", row(name)));
    }
}

/// How many properties held, and which did not.
pub(super) fn properties(text: &mut String, properties: &[PropertyReport]) {
    let named = |wanted: Judgement, undecided: bool| {
        let mut names = properties.iter().filter(|one| one.verdict == wanted).collect::<Vec<_>>();
        names.retain(|one| one.undecided.is_some() == undecided);
        names.into_iter().map(|one| one.name.as_str()).collect::<Vec<_>>()
    };
    let held = named(Judgement::Held, false).len();
    let mut line = format!("{held} of {} held", properties.len());
    for (words, judgement, undecided) in [
        ("violated", Judgement::Violated, false),
        ("undecided", Judgement::Vacuous, true),
        ("nothing to judge", Judgement::Vacuous, false),
    ] {
        let names = named(judgement, undecided);
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
