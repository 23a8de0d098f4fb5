//! Decides: whether a run, and the runs of a scenario together, met what the scenario expects.
//!
//! One run that does not violate what was expected to be violated, or did not show a demanded witness,
//! proves nothing: inconclusive. Over many seeds one violation, or one seed with the witness, is
//! enough, and none at all of an expected violation is a violated expectation. A property that judged
//! nothing is inconclusive too, unless the scenario cannot make it judge (see [`super::shape`]).

use super::contract::Allowed;
use super::demands::demands;
use super::{headline, measures, shape};
use ackproof_reports::run::{FaultReport, PropertyReport, RunReport};
use ackproof_reports::sweep::{
    FaultSweep, Incident, Interval, LimitSweep, PropertySweep, ScenarioReport,
};
use ackproof_reports::verdict::{Expected, Judgement, Reason, Verdict};
use ackproof_reports::words::amount;
use ackproof_scenario::plan::{self, Limit, Plan};
use ackproof_types::words::plural;

/// What the scenario expects of a property; what it does not name must hold, unless it states nothing and
/// the configuration leaves a violation possible.
#[must_use]
pub(crate) fn expected(plan: &Plan, allowed: &Allowed, property: &str) -> Expected {
    match plan.expect.properties.get(property) {
        None if allowed.contains_key(property) => Expected::MayViolate,
        None | Some(plan::Expected::Held) => Expected::Held,
        Some(plan::Expected::Violated) => Expected::Violated,
        Some(plan::Expected::MayViolate) => Expected::MayViolate,
    }
}

/// Whether a run is all there is, or one of those that are judged together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its rates and latencies are held against their limits.
    Alone,
    /// What is estimated over all runs is no matter of one.
    OneOfMany,
}

/// Decides on one run: sets its verdict and its reasons.
pub fn run(plan: &Plan, report: &mut RunReport, standing: Standing) {
    let mut reasons = Vec::new();
    for property in &report.properties {
        let name = &property.name;
        let (weight, verdict, text) = match (property.expected, property.verdict) {
            (Expected::Held, Judgement::Violated) => {
                (Weight::Property, Verdict::Violated, format!("{name} is violated"))
            }
            (Expected::Held, Judgement::Vacuous) if property.undecided.is_some() => {
                let why = property.undecided.as_ref().map_or("", |one| one.why.as_str());
                (Weight::Property, Verdict::Inconclusive, format!("{name} is undecided: {why}"))
            }
            (Expected::Held, Judgement::Vacuous) if shape::can_judge(plan, name) => {
                let what = left_alone(name);
                let text = format!("{name} found nothing to judge; {what}");
                (Weight::Vacuous, Verdict::Inconclusive, text)
            }
            (Expected::Violated, Judgement::Held | Judgement::Vacuous) => (
                Weight::Unseen,
                Verdict::Inconclusive,
                format!(
                    "{name} was expected to be violated, and this seed does not violate it; try several \
                     seeds, with --seeds"
                ),
            ),
            (Expected::MayViolate, Judgement::Violated) => match worse(property) {
                Some(cause) => (Weight::Property, Verdict::Violated, unexplained(name, &cause)),
                None => continue,
            },
            (Expected::Held | Expected::Violated | Expected::MayViolate, _) => continue,
        };
        reasons.push(weight.of(name, verdict, text));
    }
    let mut faults = vec![FaultSweep::default(); plan.faults.len()];
    count_faults(&mut faults, report);
    excuse(&mut faults, report);
    idle_faults(&faults, &mut reasons);
    let alone = standing == Standing::Alone;
    let limits = plan.expect.limits.iter();
    for limit in limits.filter(|limit| alone || !measures::is_estimated(&limit.measure)) {
        let name = &limit.measure;
        let Some(value) = measures::value(report, name) else {
            let text = format!("{name}: there was nothing to measure; remove the limit");
            reasons.push(Weight::Vacuous.of(name, Verdict::Inconclusive, text));
            continue;
        };
        if let Some(how) = breach(limit, value) {
            let because = measures::stalled_by(report, name);
            let because = because.map_or_else(String::new, |one| format!("; {}", one.about));
            let text = format!("{name} is {}, {how}{because}", amount(name, value));
            reasons.push(Weight::Limit.of(name, Verdict::Violated, text));
        }
    }
    for (witness, least) in &demands(plan) {
        let seen = report.witnesses.get(witness).copied().unwrap_or(0);
        if seen < *least {
            let text = format!(
                "{witness} happened {}, and {least} demanded; {}",
                plural(seen, "time"),
                fewer(witness, seen),
                least = is_or_are(*least)
            );
            let name = format!("witness.{witness}");
            reasons.push(Weight::Unseen.of(&name, Verdict::Inconclusive, text));
        }
    }
    (report.verdict, report.reasons) = worst(reasons);
    report.notes = headline::of_run(report);
}

/// Decides on the seeds of a scenario together, from their sums alone: sets its verdict and its reasons.
/// `complete`: no seed that was asked for is missing.
pub(crate) fn scenario(report: &mut ScenarioReport, complete: bool) {
    let mut reasons = Vec::new();
    incidents(report, &mut reasons);
    properties(report, complete, &mut reasons);
    let run = report.seeds.run;
    if run > 0 {
        idle_faults(&report.faults, &mut reasons);
    }
    for limit in report.limits.iter().filter(|_| run > 0) {
        let name = &limit.measure;
        let found = if measures::is_estimated(name) { estimates(report, limit) } else { None };
        if let Some((weight, verdict, text)) = found.unwrap_or_else(|| every_run(limit, run)) {
            reasons.push(weight.of(name, verdict, text));
        }
    }
    for demand in report.demands.iter().filter(|demand| demand.reached == 0 && run > 0) {
        let (name, least, most) = (&demand.witness, demand.least, demand.most);
        let text = format!(
            "{name} happened {} at most, and {} demanded of one of {} at least; {}",
            plural(most, "time"),
            is_or_are(least),
            plural(run, "seed"),
            fewer(name, most)
        );
        let name = format!("witness.{name}");
        reasons.push(Weight::Unseen.of(&name, Verdict::Inconclusive, text));
    }
    (report.verdict, report.reasons) = worst(reasons);
    report.notes = headline::of_scenario(report);
}

/// What to add to a file that gives a property nothing to judge.
fn left_alone(property: &str) -> String {
    format!("if that is intended, add \"{property}\": \"may-violate\" to \"expect\"")
}

/// What to write for a witness that was seen less often than demanded.
fn fewer(witness: &str, seen: u64) -> String {
    if seen == 0 {
        return "if that is intended, write \"witness\": {} in \"expect\"".to_owned();
    }
    format!("if that is enough, write \"witness\": {{ \"{witness}\": {seen} }} in \"expect\"")
}

/// By what `property` is violated that is not among the causes that it may be violated by, if by any.
pub(crate) fn worse(property: &PropertyReport) -> Option<String> {
    let PropertyReport { allowed, causes, violation_count, .. } = property;
    if allowed.is_empty() || property.verdict != Judgement::Violated {
        return None;
    }
    let explained: u64 = causes.iter().map(|one| one.count).sum();
    let other = causes.iter().find(|one| !allowed.contains(&one.cause));
    other
        .map(|one| format!("{} ({})", one.about, one.cause))
        .or_else(|| (explained < *violation_count).then(|| "no known cause".to_owned()))
}

fn unexplained(property: &str, cause: &str) -> String {
    format!("{property} is violated for a reason that the configuration does not explain: {cause}")
}

/// Whether every run keeps to `limit`.
fn every_run(limit: &LimitSweep, run: u64) -> Option<(Weight, Verdict, String)> {
    let name = &limit.measure;
    if limit.lowest.is_none() {
        return Some((
            Weight::Vacuous,
            Verdict::Inconclusive,
            format!("{name}: there was nothing to measure; remove the limit"),
        ));
    }
    let (first, outside) = (limit.outside.first()?, limit.outside.len());
    let run = plural(run, "seed");
    let mut text = format!("{name} is outside its limit in {outside} of {run}, first in {first}");
    if let Some((because, seeds)) = limit.because.iter().max_by_key(|(_, seeds)| **seeds) {
        text.push_str(&format!("; in {seeds} of them: {because}"));
    }
    Some((Weight::Limit, Verdict::Violated, text))
}

/// Whether the estimates keep to `limit` with their whole intervals: the worst of the groups. None: there
/// is no estimate, or one without an interval, and runs are to be looked at one by one.
fn estimates(
    report: &ScenarioReport,
    limit: &LimitSweep,
) -> Option<Option<(Weight, Verdict, String)>> {
    let mut estimates = measures::estimated(&report.measures, &limit.measure).peekable();
    estimates.peek()?;
    let mut found = None;
    for (measure, estimate) in estimates {
        let Interval { low, high } = estimate.interval?;
        let of = measure.group.as_ref().map_or_else(String::new, |group| format!(" of {group}"));
        let name = &limit.measure;
        let shown = |value: f64| amount(name, value);
        let (verdict, how) = match (limit.min, limit.max) {
            (_, Some(max)) if low > max => {
                (Verdict::Violated, format!("above its limit of {}", shown(max)))
            }
            (Some(min), _) if high < min => {
                (Verdict::Violated, format!("below its limit of {}", shown(min)))
            }
            (_, Some(max)) if high > max => {
                (Verdict::Inconclusive, format!("on both sides of {}", shown(max)))
            }
            (Some(min), _) if low < min => {
                (Verdict::Inconclusive, format!("on both sides of {}", shown(min)))
            }
            _ => (Verdict::Met, String::new()),
        };
        let (value, low, high) = (shown(estimate.value), shown(low), shown(high));
        let text = format!("{name}{of} is {value}, between {low} and {high} at 95 %: {how}");
        if verdict > found.as_ref().map_or(Verdict::Met, |(_, worst, _)| *worst) {
            found = Some((Weight::Limit, verdict, text));
        }
    }
    Some(found)
}

/// What went wrong with runs themselves.
fn incidents(report: &ScenarioReport, reasons: &mut Vec<(Weight, Reason)>) {
    if let Some(first) = report.crashed.first() {
        let text = format!(
            "ackproof itself failed in {}, first with seed {}: {}",
            plural(report.crashed.len() as u64, "run"),
            first.seed,
            first.text
        );
        reasons.push(Weight::Run.of("run", Verdict::Crashed, text));
    }
    if let Some(first) = report.nondeterministic.first() {
        let text = format!(
            "{} gave two different runs, first seed {}: {}",
            plural(report.nondeterministic.len() as u64, "seed"),
            first.seed,
            first.text
        );
        reasons.push(Weight::Run.of("run", Verdict::Nondeterministic, text));
    }
    if let Some(first) = report.bounded.first() {
        let text = format!(
            "{} came to no end, first with seed {}: {}",
            plural(report.bounded.len() as u64, "run"),
            first.seed,
            first.text
        );
        reasons.push(Weight::Run.of("run", Verdict::Inconclusive, text));
    }
    if report.seeds.run == 0 {
        reasons.push(Weight::Run.of(
            "run",
            Verdict::Inconclusive,
            "no run came to an end".to_owned(),
        ));
    }
}

fn properties(report: &ScenarioReport, complete: bool, reasons: &mut Vec<(Weight, Reason)>) {
    let run = report.seeds.run;
    let all = plural(run, "seed");
    for property in &report.properties {
        let (name, first) = (&property.name, property.violated.first());
        let (weight, verdict, text) = match (property.expected, first) {
            (Expected::Held, Some(first)) => {
                let count = property.violated.len();
                let text = format!("{name} is violated by {count} of {all}, first by {first}");
                (Weight::Property, Verdict::Violated, text)
            }
            (Expected::Held, None) if !property.undecided.is_empty() => {
                (Weight::Property, Verdict::Inconclusive, undecided(property, run))
            }
            (Expected::Held, None) if property.judged == 0 && property.demanded => {
                let what = left_alone(name);
                let text = format!("{name} found nothing to judge in {all}; {what}");
                (Weight::Vacuous, Verdict::Inconclusive, text)
            }
            (Expected::MayViolate, _) if !property.worse.is_empty() => {
                let (count, first) = (property.worse.len(), property.worse[0]);
                let text = format!(
                    "{name} is violated for a reason that the configuration does not explain in {count} \
                     of {all}, first in {first}"
                );
                (Weight::Property, Verdict::Violated, text)
            }
            (Expected::Violated, None) => {
                // One seed proves nothing, and neither do some of those that were asked for.
                let proof = complete && report.seeds.to - report.seeds.from > 1;
                let verdict = if proof { Verdict::Violated } else { Verdict::Inconclusive };
                let text = format!(
                    "{name} was expected to be violated by some seed, and none of {all} violates it"
                );
                (Weight::Unseen, verdict, text)
            }
            (Expected::Held | Expected::Violated | Expected::MayViolate, _) => continue,
        };
        reasons.push(weight.of(name, verdict, text));
    }
}

/// In how many seeds a property is undecided, and what would decide it.
fn undecided(property: &PropertySweep, run: u64) -> String {
    let (count, first) = (property.undecided.len(), property.undecided[0]);
    let run = plural(run, "seed");
    let mut text = format!("{} is undecided in {count} of {run}, first in {first}", property.name);
    if let Some(why) = &property.why_undecided {
        text.push_str(&format!(": {}", why.why));
        if let Some(settle) = why.settle_ms.filter(|_| count > 1) {
            text.push_str(&format!("; for all of them \"settle\": \"{}s\"", settle / 1000));
        }
    }
    text
}

/// Adds the faults of a run to the sums, which are by entry of the scenario's `faults`.
pub(crate) fn count_faults(sums: &mut [FaultSweep], run: &RunReport) {
    for fault in &run.faults {
        let sum = usize::try_from(fault.entry).ok().and_then(|entry| sums.get_mut(entry));
        let Some(sum) = sum else { continue };
        if fault.target.is_some() {
            sum.struck += 1;
        } else {
            sum.idle += 1;
            sum.first_idle
                .get_or_insert_with(|| Incident { seed: run.seed, text: fault.text.clone() });
        }
    }
}

/// A moment need not come in every run. Over many it must.
fn excuse(sums: &mut [FaultSweep], run: &RunReport) {
    let waited = |one: &&FaultReport| one.target.is_none() && one.moment.is_some();
    for fault in run.faults.iter().filter(waited) {
        let sum = usize::try_from(fault.entry).ok().and_then(|entry| sums.get_mut(entry));
        sum.into_iter().for_each(|sum| sum.first_idle = None);
    }
}

/// What was due and never found anybody to hit; without its faults a scenario shows nothing.
fn idle_faults(faults: &[FaultSweep], reasons: &mut Vec<(Weight, Reason)>) {
    let is_nothing = |fault: &FaultSweep| fault.struck == 0 && fault.first_idle.is_none();
    if !faults.is_empty() && faults.iter().all(is_nothing) {
        let text =
            "no fault ever struck; raise \"run.load\", or let the faults begin earlier".to_owned();
        reasons.push(Weight::Unseen.of("faults", Verdict::Inconclusive, text));
    }
    for (entry, fault) in faults.iter().enumerate().filter(|(_, fault)| fault.struck == 0) {
        let name = format!("faults[{entry}]");
        if let Some(first) = &fault.first_idle {
            let text = format!(
                "{name} never struck: {}; choose another target or time, or leave it out",
                first.text
            );
            reasons.push(Weight::Unseen.of(&name, Verdict::Inconclusive, text));
        }
    }
}

/// `1 is`, `2 are`.
fn is_or_are(count: u64) -> String {
    if count == 1 { "1 is".to_owned() } else { format!("{count} are") }
}

/// How much a reason says, beside its verdict: what weighs most comes first. What did not happen explains why
/// there was nothing to judge, and stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// A run that came to no end, or was no run.
    Run,
    /// A property that is violated, or undecided although it judged.
    Property,
    /// A limit that is not kept, or may not be.
    Limit,
    /// A fault, a witness or an expected violation that nobody saw.
    Unseen,
    /// Nothing was there to judge or to measure.
    Vacuous,
}

impl Weight {
    fn of(self, expectation: &str, verdict: Verdict, text: String) -> (Self, Reason) {
        (self, Reason { expectation: expectation.to_owned(), verdict, text })
    }
}

/// The verdict, and the reasons, with those of its rank first.
fn worst(mut reasons: Vec<(Weight, Reason)>) -> (Verdict, Vec<Reason>) {
    reasons.sort_by_key(|(weight, reason)| (std::cmp::Reverse(reason.verdict), *weight));
    let reasons: Vec<Reason> = reasons.into_iter().map(|(_, reason)| reason).collect();
    (reasons.first().map_or(Verdict::Met, |reason| reason.verdict), reasons)
}

/// How `value` breaks `limit`, if it does.
pub(crate) fn breach(limit: &Limit, value: f64) -> Option<String> {
    let shown = |bound| amount(&limit.measure, bound);
    let above = limit.max.filter(|max| value > *max);
    let above = above.map(|max| format!("above its limit of {}", shown(max)));
    let below = limit.min.filter(|min| value < *min);
    let below = below.map(|min| format!("below its limit of {}", shown(min)));
    above.or(below)
}

#[cfg(test)]
#[path = "assess_tests.rs"]
mod tests;
