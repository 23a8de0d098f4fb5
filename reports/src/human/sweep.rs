//! A sweep for people: a line a scenario, details where something is to be looked at, the command.

use super::alerts::alert_sums;
use super::load::capacity;
use super::put;
use super::run::{fate, group, kafka, network, notes, records, story, wanted};
use super::style::{aside, heading, length, percent, row, verdict};
use crate::measure::{Estimate, MeasureSweep, Unit};
use crate::seeds::seeds;
use crate::sweep::{
    CauseSweep, Claim, FateSweep, Interval, LimitSweep, PropertySweep, RunName, ScenarioReport,
    SweepReport, WitnessSweep,
};
use crate::verdict::{Judgement, Verdict};
use crate::words::amount;
use ackproof_types::words::plural;
use std::collections::BTreeMap;

/// Incidents that are written out.
const SHOWN: usize = 10;

/// A sweep.
#[must_use]
pub fn sweep(report: &SweepReport) -> String {
    let mut text = String::new();
    let many = report.scenarios.len() > 1;
    let name = |one: &ScenarioReport| one.scenario.chars().count();
    let width = report.scenarios.iter().map(name).max().unwrap_or(0);
    for scenario in &report.scenarios {
        title(&mut text, scenario, if many { width } else { 0 });
    }
    for scenario in &report.scenarios {
        let seeds = &scenario.seeds;
        let begun = seeds.run > 0 || !scenario.crashed.is_empty() || !scenario.bounded.is_empty();
        if !many || (scenario.verdict != Verdict::Met && begun) {
            if many {
                put(&mut text, format_args!("\n{}", heading(&scenario.file)));
            }
            details(&mut text, scenario);
        }
    }
    if many {
        text.push('\n');
        totals(&mut text, report);
    }
    if let Some(RunName { file, seed }) = &report.stopped_by {
        let line = format!("stopped by seed {seed} of {file}, the first that failed (--fail-fast)");
        put(&mut text, format_args!("\n{}", heading(line)));
    }
    if report.interrupted {
        let word = verdict(Verdict::Inconclusive, 0);
        put(&mut text, format_args!("\n{word}  interrupted: this is what was done by then"));
    }
    put(&mut text, format_args!("\n{}", report.reproduce));
    text
}

fn title(text: &mut String, report: &ScenarioReport, width: usize) {
    let seeds = &report.seeds;
    let word = verdict(report.verdict, if width > 0 { 12 } else { 0 });
    let asked = seeds.to - seeds.from;
    let range = if asked == 1 {
        format!("seed {}", seeds.from)
    } else {
        format!("seeds {}..{}", seeds.from, seeds.to)
    };
    let done = if seeds.run == asked { String::new() } else { format!(", {} done", seeds.run) };
    let notes = notes(&report.notes);
    if width > 0 {
        put(text, format_args!("{word}  {:width$}  {range}{done}{notes}", report.scenario));
    } else {
        put(text, format_args!("{word}{notes}  {}  {range}{done}", report.scenario));
    }
}

fn details(text: &mut String, report: &ScenarioReport) {
    for reason in &report.reasons {
        put(text, format_args!("  because {}", reason.text));
    }
    text.push('\n');
    let seeds = &report.seeds;
    put(text, format_args!("{}{}", row("runs"), ends(report)));
    records(text, &report.records);
    for one in &report.groups {
        group(text, one);
    }
    for one in &report.causes {
        let FateSweep { what, group, cause, about, count, seeds, rate, interval, .. } = one;
        let rate = rate.map_or_else(String::new, |rate| {
            let range =
                |Interval { low, high }| format!(" ({} to {})", percent(low), percent(high));
            format!(", {}{}", percent(rate), interval.map_or_else(String::new, range))
        });
        let within = format!(" in {}{rate}", plural(*seeds, "seed"));
        fate(text, (*what, group.as_deref()), *count, &within, (cause, about));
    }
    super::not_modelled(text, &report.not_modelled);
    if let Some(contract) = &report.contract {
        super::contract(text, contract, Some(report.seeds.run));
    }
    for one in report.measures.iter().filter(|one| !one.estimates.is_empty()) {
        measure(text, one);
    }
    for one in &report.limits {
        limit(text, one, seeds.run);
    }
    for demand in &report.demands {
        let (reached, all) = (demand.reached, plural(seeds.run, "seed"));
        let line = format!("{} ≥ {} in {reached} of {all}", demand.witness, demand.least);
        put(text, format_args!("{}{line}", row("witness")));
    }
    moments(text, &report.witnesses);
    if let Some(one) = &report.network {
        network(text, one);
    }
    if let Some(one) = &report.capacity {
        capacity(text, one);
    }
    alert_sums(text, report.alerts.as_ref());
    kafka(text, &report.kafka);
    let held = report.properties.iter().filter(|one| one.verdict == Judgement::Held).count();
    let bound = report.claim.map_or_else(String::new, bound);
    put(
        text,
        format_args!("{}{held} of {} held{bound}", row("properties"), report.properties.len()),
    );
    put(text, format_args!("{}{}", row("digest"), aside(&report.digest)));
    let incidents = report.crashed.iter().chain(&report.bounded).chain(&report.nondeterministic);
    for (index, incident) in incidents.take(SHOWN).enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        put(text, format_args!("{gap}seed {}: {}", incident.seed, incident.text));
    }
    let violated = report.properties.iter().filter(|one| one.verdict == Judgement::Violated);
    for property in violated {
        failing(text, property, seeds.run);
    }
}

/// How the runs ended, in numbers.
fn ends(report: &ScenarioReport) -> String {
    let seeds = &report.seeds;
    let violated = seeds.violated.len() as u64;
    let mut counts = format!(
        "{}: {} met, {violated} violated, {} inconclusive",
        plural(seeds.run, "seed"),
        seeds.met,
        seeds.inconclusive
    );
    for (word, incidents) in [
        ("crashed", &report.crashed),
        ("without end", &report.bounded),
        ("nondeterministic", &report.nondeterministic),
    ] {
        if !incidents.is_empty() {
            counts.push_str(&format!(", {} {word}", incidents.len()));
        }
    }
    // What one run does not prove, all of them do.
    if report.verdict == Verdict::Violated && seeds.violated.is_empty() {
        counts.push_str(", each by itself; violated, together");
    }
    counts
}

fn failing(text: &mut String, property: &PropertySweep, run: u64) {
    let (count, all) = (property.violated.len(), plural(run, "seed"));
    let aimed = wanted(property.expected);
    let name = heading(&property.name);
    let rate = property.rate.map_or_else(String::new, |Interval { low, high }| {
        format!(": {} to {} at 95 %", percent(low), percent(high))
    });
    put(text, format_args!("\n{name} violated by {count} of {all}{aimed}{rate}"));
    let explained = |seed| property.causes.iter().any(|one| one.seeds.contains(seed));
    if !property.violated.iter().all(explained) {
        put(text, format_args!("  {}", seeds(&property.violated)));
    }
    property.causes.iter().for_each(|one| cause(text, one));
    if let (Some(seed), Some(first)) = (property.violated.first(), &property.first) {
        put(text, format_args!("  seed {seed}:"));
        story(text, first);
    }
}

fn cause(text: &mut String, cause: &CauseSweep) {
    let CauseSweep { cause, about, count, seeds: violated } = cause;
    put(text, format_args!("  {count} by {cause} in {}", seeds(violated)));
    put(text, format_args!("    {}", aside(about)));
}

/// What the seeds without a violation say of all seeds.
fn bound(claim: Claim) -> String {
    let Claim { below, stronger, seeds } = claim;
    let (below, stronger) = (percent(below), percent(stronger));
    format!(
        "; each is violated by less than {below} of all seeds, at 95 % ({seeds} clean ones would \
         show less than {stronger})"
    )
}

/// `duplicate rate of ledger  1.2 % (0.9 % to 1.6 %)`.
fn measure(text: &mut String, measure: &MeasureSweep) {
    let shown = |value: f64| match measure.unit {
        Unit::Share => percent(value),
        Unit::Milliseconds => length(value),
    };
    let estimate = |one: &Estimate| {
        let of = if measure.estimates.len() == 1 { "" } else { &*format!("{} ", one.of) };
        let range = match one.interval {
            Some(Interval { low, high }) => format!(" ({} to {})", shown(low), shown(high)),
            None if measure.runs == 2 => " (too few runs for an interval)".to_owned(),
            None => String::new(),
        };
        format!("{of}{}{range}", shown(one.value))
    };
    let of = measure.group.as_ref().map_or_else(String::new, |group| format!("{group}: "));
    let estimates: Vec<String> = measure.estimates.iter().map(estimate).collect();
    let name = measure.name.replace('_', " ");
    put(text, format_args!("{}{of}{name} {}", row("measure"), estimates.join(", ")));
}

fn limit(text: &mut String, limit: &LimitSweep, run: u64) {
    let (Some(lowest), Some(highest)) = (limit.lowest, limit.highest) else { return };
    let shown = |value: f64| amount(&limit.measure, value);
    let (lowest, highest) = (shown(lowest), shown(highest));
    let bound = |word: &str, bound: Option<f64>| {
        bound.map_or_else(String::new, |bound| format!(" {word} {}", shown(bound)))
    };
    let bounds = bound("min", limit.min) + &bound("max", limit.max);
    let outside = limit.outside.len();
    put(
        text,
        format_args!(
            "{}{}{bounds}: {lowest} to {highest}, outside in {outside} of {}",
            row("limit"),
            limit.measure,
            plural(run, "seed")
        ),
    );
}

fn totals(text: &mut String, report: &SweepReport) {
    let count = |verdict: Verdict| {
        let same = report.scenarios.iter().filter(|one| one.verdict == verdict).count();
        (same > 0).then(|| format!("{same} {verdict}"))
    };
    let all = [
        Verdict::Crashed,
        Verdict::Nondeterministic,
        Verdict::Violated,
        Verdict::Inconclusive,
        Verdict::Met,
    ];
    let counts: Vec<String> = all.into_iter().filter_map(count).collect();
    let runs = report.scenarios.iter().map(|one| one.seeds.run).sum();
    let scenarios = plural(report.scenarios.len() as u64, "scenario");
    let line = format!("{scenarios}, {}: {}", plural(runs, "run"), counts.join(", "));
    put(text, format_args!("{}", heading(line)));
}

/// What a configuration promises, and what a search under faults made for it has shown.
#[must_use]
pub fn explained(report: &SweepReport) -> String {
    let mut text = String::new();
    for scenario in &report.scenarios {
        put(&mut text, format_args!("{}", heading(&scenario.scenario)));
        super::not_modelled(&mut text, &scenario.not_modelled);
        explained_scenario(&mut text, scenario);
    }
    put(&mut text, format_args!("\n{}", report.reproduce));
    text
}

/// The same of one scenario, without its name, its command, and what is not modelled.
pub(super) fn explained_scenario(text: &mut String, scenario: &ScenarioReport) {
    if let Some(contract) = &scenario.contract {
        super::contract(text, contract, Some(scenario.seeds.run));
    }
    for reason in &scenario.reasons {
        let word = verdict(reason.verdict, 0);
        let what = match reason.verdict {
            Verdict::Inconclusive => "not decided",
            _ => "worse than promised",
        };
        put(text, format_args!("\n{word}  {what}: {}", reason.text));
        let named = |one: &&PropertySweep| one.name == reason.expectation;
        let property = scenario.properties.iter().find(named);
        if let Some(one) = property.filter(|_| reason.verdict == Verdict::Violated) {
            failing(text, one, scenario.seeds.run);
        }
    }
}

/// How many faults struck at each moment that they were aimed at.
fn moments(text: &mut String, witnesses: &BTreeMap<String, WitnessSweep>) {
    let aimed =
        witnesses.iter().filter_map(|(name, one)| Some((name.strip_prefix("fault_at_")?, one)));
    let told: Vec<String> =
        aimed.map(|(name, one)| format!("{} {}", name.replace('_', "-"), one.total)).collect();
    if !told.is_empty() {
        put(text, format_args!("{}faults at moments: {}", row("aimed"), told.join(", ")));
    }
}
