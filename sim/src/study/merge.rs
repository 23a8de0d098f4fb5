//! Adds sums up: a run to those before it, and the parts of a sweep to the whole.
//!
//! Every summed type of the reports has its one function here, and each is free of order, so that the
//! parts give to the bit what one run of everything gives. Parts that do not belong together are refused.

mod alerts;

pub(crate) use alerts::alerts;

use super::conclude;
use ackproof_reports::measure::MeasureSweep;
use ackproof_reports::moved::MovedReport;
use ackproof_reports::outputs::OutputReport;
use ackproof_reports::run::{Fate, GroupReport, Records, Undecided};
use ackproof_reports::sink::SinkReport;
use ackproof_reports::sweep::{
    CauseSweep, DemandSweep, FateSweep, FaultSweep, Incident, LimitSweep, Part, PropertySweep,
    ScenarioReport, Seeds, SweepReport,
};
use ackproof_reports::verdict::Judgement;
use ackproof_reports::{SCHEMA, sweep::RunName};
use std::collections::BTreeMap;
use std::mem::take;

/// Makes one report of those of all parts, each with the name of its file; one that is whole stays as
/// it is.
///
/// # Errors
/// Why these are not the parts of one sweep.
pub fn merge(mut parts: Vec<(String, SweepReport)>) -> Result<SweepReport, String> {
    parts
        .iter()
        .try_for_each(|(name, part)| sound(part).map_err(|why| format!("{name}: {why}")))?;
    parts.sort_by_key(|(_, part)| part.asked.part);
    if let [(_, whole)] = parts.as_slice()
        && whole.asked.part.is_none()
    {
        return Ok(whole.clone());
    }
    for pair in parts.windows(2) {
        alike(&pair[0], &pair[1])?;
    }
    complete(&parts)?;
    let mut parts = parts.into_iter().map(|(_, part)| part);
    let mut whole = parts.next().ok_or("there is no part")?;
    for part in parts {
        absorb(&mut whole, part);
    }
    whole.asked.part = None;
    for scenario in &mut whole.scenarios {
        conclude::scenario(scenario, &whole.asked);
    }
    let SweepReport { asked, scenarios, interrupted, stopped_by, .. } = whole;
    Ok(conclude::sweep(asked, scenarios, interrupted, stopped_by))
}

/// More than anybody has run; what is beyond makes statistics slow and sums wrap.
const MAX_RUNS: u64 = 1 << 40;

/// What a report must keep to be worth adding up; nobody but a text editor breaks it.
fn sound(part: &SweepReport) -> Result<(), String> {
    let (version, ours) = (&part.version, env!("CARGO_PKG_VERSION"));
    if part.schema != SCHEMA || version != ours {
        let schema = part.schema;
        return Err(format!(
            "written by ackproof {version} (schema {schema}); this is {ours} ({SCHEMA})"
        ));
    }
    if part.asked.part.is_some_and(|Part { index, of }| index == 0 || index > of) {
        return Err("there can be no such part".to_owned());
    }
    let is_odd = |one: &ScenarioReport| {
        let seeds = &one.seeds;
        let odd =
            |one: &PropertySweep| one.violated.len() as u64 > one.judged || one.judged > seeds.run;
        seeds.from > seeds.to
            || seeds.run > (seeds.to - seeds.from).min(MAX_RUNS)
            || u128::from_str_radix(&one.digest, 16).is_err()
            || one.properties.iter().any(odd)
    };
    match part.scenarios.iter().find(|one| is_odd(one)) {
        Some(odd) => Err(format!("its numbers on {} contradict each other", odd.file)),
        None => Ok(()),
    }
}

/// Whether two parts are of one sweep.
fn alike(
    (name, one): &(String, SweepReport),
    (other_name, other): &(String, SweepReport),
) -> Result<(), String> {
    let asked = |report: &SweepReport| {
        let mut asked = report.asked.clone();
        asked.part = None;
        asked
    };
    if asked(one) != asked(other) {
        return Err(format!(
            "{name} and {other_name} are of different sweeps: {:?} is not {:?}",
            asked(one),
            asked(other)
        ));
    }
    let files = |report: &SweepReport| -> Vec<String> {
        report.scenarios.iter().map(|one| one.file.clone()).collect()
    };
    if files(one) != files(other) {
        return Err(format!("{name} and {other_name} are of different scenario files"));
    }
    let mut pairs = one.scenarios.iter().zip(&other.scenarios);
    if pairs.clone().any(|(one, other)| !alerts::alike(one.alerts.as_ref(), other.alerts.as_ref()))
    {
        return Err(format!("{name} and {other_name} were run with different alert rules"));
    }
    match pairs.find(|(one, other)| (&one.plan, &one.lines) != (&other.plan, &other.lines)) {
        Some((scenario, _)) => {
            let file = &scenario.file;
            Err(format!("{name} and {other_name} were run with different contents of {file}"))
        }
        None => Ok(()),
    }
}

/// Whether each part is there, once.
fn complete(parts: &[(String, SweepReport)]) -> Result<(), String> {
    let mut named: BTreeMap<Part, &str> = BTreeMap::new();
    for (name, report) in parts {
        let Some(part) = report.asked.part else {
            return Err(format!("{name} is not a part: it was run without --partition"));
        };
        if let Some(other) = named.insert(part, name) {
            let Part { index, of } = part;
            return Err(format!("{other} and {name} are both part {index}/{of}"));
        }
    }
    let of = named.keys().map(|part| part.of).max().unwrap_or(0);
    if let Some((other, name)) = named.iter().find(|(part, _)| part.of != of) {
        return Err(format!("{name} is one of {} parts, others are of {of}", other.of));
    }
    let missing = (1..=of).filter(|index| !named.contains_key(&Part { index: *index, of }));
    let missing: Vec<String> = missing.take(10).map(|index| format!("{index}/{of}")).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("missing: part {}", missing.join(", "))) }
}

fn absorb(sum: &mut SweepReport, part: SweepReport) {
    sum.interrupted |= part.interrupted;
    let stops = [take(&mut sum.stopped_by), part.stopped_by].into_iter().flatten();
    sum.stopped_by = stops.min_by(|a: &RunName, b| (a.seed, &a.file).cmp(&(b.seed, &b.file)));
    for (sum, one) in sum.scenarios.iter_mut().zip(part.scenarios) {
        scenario(sum, one);
    }
}

fn measure(sum: &mut MeasureSweep, one: &MeasureSweep) {
    sum.runs += one.runs;
    sum.sums.absorb(&one.sums);
}

fn scenario(sum: &mut ScenarioReport, one: ScenarioReport) {
    seeds(&mut sum.seeds, one.seeds);
    let bits = |text: &str| u128::from_str_radix(text, 16).unwrap_or(0);
    sum.digest = format!("{:032x}", bits(&sum.digest) ^ bits(&one.digest));
    if sum.properties.is_empty() {
        sum.properties = one.properties;
    } else {
        sum.properties.iter_mut().zip(one.properties).for_each(|(sum, one)| property(sum, one));
    }
    if sum.measures.is_empty() {
        sum.measures = one.measures;
    } else {
        sum.measures.iter_mut().zip(&one.measures).for_each(|(sum, one)| measure(sum, one));
    }
    if let (Some(sum), Some(one)) = (&mut sum.contract, one.contract) {
        sum.absorb(one);
    }
    sum.limits.iter_mut().zip(one.limits).for_each(|(sum, one)| limit(sum, one));
    sum.demands.iter_mut().zip(&one.demands).for_each(|(sum, one)| demand(sum, one));
    sum.faults.iter_mut().zip(one.faults).for_each(|(sum, one)| fault(sum, one));
    for one in one.causes {
        fate(&mut sum.causes, one);
    }
    for (name, one) in one.witnesses {
        let sum = sum.witnesses.entry(name).or_default();
        sum.total += one.total;
        sum.seeds += one.seeds;
    }
    alerts::parts(&mut sum.alerts, one.alerts);
    records(&mut sum.records, &one.records);
    groups(&mut sum.groups, &one.groups);
    incidents(&mut sum.crashed, one.crashed);
    incidents(&mut sum.bounded, one.bounded);
    incidents(&mut sum.nondeterministic, one.nondeterministic);
    sum.simulated_ms += one.simulated_ms;
    sum.messages += one.messages;
    sum.entries += one.entries;
}

fn seeds(sum: &mut Seeds, one: Seeds) {
    sum.to = sum.to.max(one.to);
    sum.run += one.run;
    sum.met += one.met;
    sum.inconclusive += one.inconclusive;
    ascending(&mut sum.violated, one.violated);
}

fn property(sum: &mut PropertySweep, one: PropertySweep) {
    let rank = |verdict| match verdict {
        Judgement::Vacuous => 0,
        Judgement::Held => 1,
        Judgement::Violated => 2,
    };
    if rank(one.verdict) > rank(sum.verdict) {
        sum.verdict = one.verdict;
    }
    // The first seed of none comes after all others.
    let first = |seeds: &[u64]| seeds.first().copied().unwrap_or(u64::MAX);
    if first(&one.violated) < first(&sum.violated) {
        sum.first = one.first;
    }
    sum.judged += one.judged;
    sum.witnesses += one.witnesses;
    ascending(&mut sum.violated, one.violated);
    ascending(&mut sum.worse, one.worse);
    let [(_, mut undecided), (_, later)] = {
        let mut both = [
            (first(&sum.undecided), take(&mut sum.why_undecided)),
            (first(&one.undecided), one.why_undecided),
        ];
        both.sort_by_key(|(seed, _)| *seed);
        both
    };
    self::undecided(&mut undecided, later);
    sum.why_undecided = undecided;
    ascending(&mut sum.undecided, one.undecided);
    for one in one.causes {
        cause(&mut sum.causes, one);
    }
}

/// Adds why a later seed is undecided: the first reason stays, and the longest settle phase.
pub(crate) fn undecided(sum: &mut Option<Undecided>, one: Option<Undecided>) {
    match (sum.as_mut(), one) {
        (Some(sum), Some(one)) => sum.settle_ms = sum.settle_ms.max(one.settle_ms),
        (None, one) => *sum = one,
        (Some(_), None) => {}
    }
}

/// Adds a cause to those of a property.
pub(crate) fn cause(sums: &mut Vec<CauseSweep>, one: CauseSweep) {
    match sums.binary_search_by(|sum| sum.cause.cmp(&one.cause)) {
        Ok(at) => {
            sums[at].count += one.count;
            ascending(&mut sums[at].seeds, one.seeds);
        }
        Err(at) => sums.insert(at, one),
    }
}

/// Adds what happened to records to that of other seeds.
pub(crate) fn fate(sums: &mut Vec<FateSweep>, one: FateSweep) {
    fn key(one: &FateSweep) -> (Fate, Option<&str>, &str, &str) {
        (one.what, one.group.as_deref(), &one.cause, &one.about)
    }
    match sums.binary_search_by(|sum| key(sum).cmp(&key(&one))) {
        Ok(at) => {
            sums[at].count += one.count;
            sums[at].seeds += one.seeds;
            sums[at].squares += one.squares;
            sums[at].products += one.products;
        }
        Err(at) => sums.insert(at, one),
    }
}

fn limit(sum: &mut LimitSweep, one: LimitSweep) {
    let both = |one: Option<f64>, other: Option<f64>, choose: fn(f64, f64) -> f64| {
        one.into_iter().chain(other).reduce(choose)
    };
    sum.lowest = both(sum.lowest, one.lowest, f64::min);
    sum.highest = both(sum.highest, one.highest, f64::max);
    ascending(&mut sum.outside, one.outside);
    for (because, seeds) in one.because {
        *sum.because.entry(because).or_default() += seeds;
    }
}

fn demand(sum: &mut DemandSweep, one: &DemandSweep) {
    sum.reached += one.reached;
    sum.most = sum.most.max(one.most);
}

fn fault(sum: &mut FaultSweep, one: FaultSweep) {
    sum.struck += one.struck;
    sum.idle += one.idle;
    let firsts = [take(&mut sum.first_idle), one.first_idle].into_iter().flatten();
    sum.first_idle = firsts.min_by_key(|first| first.seed);
}

/// Adds counts of records.
pub(crate) fn records(sum: &mut Records, one: &Records) {
    sum.sent += one.sent;
    sum.copies += one.copies;
    sum.acked += one.acked;
    sum.failed += one.failed;
    sum.unknown += one.unknown;
    sum.lost += one.lost;
    sum.displaced += one.displaced;
    sum.unknown_absent += one.unknown_absent;
    sum.log_duplicates += one.log_duplicates;
    sum.reordered += one.reordered;
    sum.dropped += one.dropped;
    sum.sent_again += one.sent_again;
    sum.open_at_end += one.open_at_end;
    let (sum, one) = (&mut sum.behind_expired, one.behind_expired);
    sum.batches += one.batches;
    sum.acked += one.acked;
    sum.failed += one.failed;
    sum.epochs_raised += one.epochs_raised;
}

/// Adds counts of groups; the rate is that of the sums.
#[expect(clippy::cast_precision_loss, reason = "a rate for people; counts are far below 2^52")]
pub(crate) fn groups(sums: &mut Vec<GroupReport>, run: &[GroupReport]) {
    if sums.is_empty() {
        let named =
            |one: &GroupReport| GroupReport { group: one.group.clone(), ..Default::default() };
        sums.extend(run.iter().map(named));
    }
    for (sum, one) in sums.iter_mut().zip(run) {
        sum.delivered += one.delivered;
        sum.processed += one.processed;
        sum.dead_lettered += one.dead_lettered;
        sum.distinct += one.distinct;
        sum.duplicates += one.duplicates;
        sum.skipped += one.skipped;
        sum.backlog += one.backlog;
        if let Some(one) = &one.sink {
            sinks(sum.sink.get_or_insert_default(), one);
        }
        if let Some(one) = &one.outputs {
            outputs(sum.outputs.get_or_insert_default(), one);
        }
        if let Some(one) = &one.moved {
            let sum = sum.moved.get_or_insert_with(|| MovedReport {
                not_copied: 0,
                never_copied: 0,
                ..one.clone()
            });
            sum.at_ms = sum.at_ms.min(one.at_ms);
            sum.not_copied += one.not_copied;
            sum.never_copied += one.never_copied;
        }
        for (reason, count) in &one.rebalances {
            *sum.rebalances.entry(reason.clone()).or_default() += count;
        }
        for (error, count) in &one.refused_commits {
            *sum.refused_commits.entry(error.clone()).or_default() += count;
        }
        sum.duplicate_rate = sum.duplicates as f64 / sum.distinct.max(1) as f64;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people; counts are far below 2^52")]
fn outputs(sum: &mut OutputReport, one: &OutputReport) {
    sum.made += one.made;
    sum.written += one.written;
    sum.duplicates += one.duplicates;
    sum.lost += one.lost;
    sum.duplicate_rate = sum.duplicates as f64 / sum.written.max(1) as f64;
}

fn sinks(sum: &mut SinkReport, one: &SinkReport) {
    sum.writes.clone_from(&one.writes);
    sum.rows += one.rows;
    sum.ignored += one.ignored;
    sum.repeated += one.repeated;
    sum.missing += one.missing;
    if let Some(one) = one.amounts {
        let sum = sum.amounts.get_or_insert_default();
        sum.sink += one.sink;
        sum.acknowledged += one.acknowledged;
        sum.unacknowledged += one.unacknowledged;
        sum.repeated += one.repeated;
        sum.missing += one.missing;
    }
}

fn incidents(sum: &mut Vec<Incident>, one: Vec<Incident>) {
    sum.extend(one);
    sum.sort_by_key(|incident| incident.seed);
}

fn ascending(sum: &mut Vec<u64>, one: Vec<u64>) {
    if one.first() <= sum.last() && !one.is_empty() {
        sum.extend(one);
        sum.sort_unstable();
    } else {
        sum.extend(one);
    }
}
