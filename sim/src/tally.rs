//! Adds the runs of one scenario up: sums, and lists of the seeds that are worth another look. It
//! keeps no run, so that a sweep of any length needs the same memory; what it adds up is order-free.

use crate::assess;
use crate::report::Origin;
use crate::statistics::proportion;
use ackproof_reports::run::{GroupReport, Records, RunReport};
use ackproof_reports::sweep::{
    DemandSweep, FaultSweep, Incident, LimitSweep, PropertySweep, ScenarioReport, Seeds,
};
use ackproof_reports::verdict::{Judgement, Verdict};
use ackproof_scenario::plan::Plan;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_128;

/// The sums so far.
#[derive(Debug)]
pub struct Tally<'a> {
    plan: &'a Plan,
    origin: Origin<'a>,
    digest: u128,
    report: ScenarioReport,
}

impl<'a> Tally<'a> {
    /// Of no run, out of `seeds`.
    #[must_use]
    pub fn new(plan: &'a Plan, origin: Origin<'a>, seeds: Range<u64>) -> Self {
        let limits = plan.expect.limits.iter().map(|limit| LimitSweep {
            measure: limit.measure.clone(),
            min: limit.min,
            max: limit.max,
            lowest: None,
            highest: None,
            outside: Vec::new(),
        });
        let demands = plan.expect.witness.iter().map(|(witness, least)| DemandSweep {
            witness: witness.clone(),
            least: *least,
            reached: 0,
            most: 0,
        });
        let report = ScenarioReport {
            scenario: plan.name.clone(),
            file: origin.file.to_owned(),
            verdict: Verdict::Met,
            reasons: Vec::new(),
            seeds: Seeds { from: seeds.start, to: seeds.end, ..Seeds::default() },
            digest: String::new(),
            properties: Vec::new(),
            limits: limits.collect(),
            demands: demands.collect(),
            faults: vec![FaultSweep::default(); plan.faults.len()],
            witnesses: std::collections::BTreeMap::new(),
            records: Records::default(),
            groups: Vec::new(),
            crashed: Vec::new(),
            nondeterministic: Vec::new(),
            simulated_ms: 0,
            messages: 0,
            entries: 0,
            reproduce: String::new(),
        };
        Self { plan, origin, digest: 0, report }
    }

    /// The run of `seed`: its report, or the message of a panic.
    pub fn add(&mut self, seed: u64, run: Result<RunReport, String>) {
        match run {
            Ok(run) => self.count(&run),
            Err(text) => self.report.crashed.push(Incident { seed, text }),
        }
    }

    fn count(&mut self, run: &RunReport) {
        let sum = &mut self.report;
        sum.seeds.run += 1;
        match run.verdict {
            Verdict::Met => sum.seeds.met += 1,
            Verdict::Inconclusive => sum.seeds.inconclusive += 1,
            Verdict::Violated => sum.seeds.violated.push(run.seed),
            Verdict::Nondeterministic | Verdict::Crashed => {
                let text = run.reasons.first().map_or_else(String::new, |one| one.text.clone());
                sum.nondeterministic.push(Incident { seed: run.seed, text });
            }
        }
        // Exclusive or: the same whatever the order, and over parts of a sweep.
        self.digest ^= xxh3_128(format!("{} {}", run.seed, run.digest).as_bytes());
        properties(&mut sum.properties, run);
        for (limit, wanted) in sum.limits.iter_mut().zip(&self.plan.expect.limits) {
            let value = assess::measure(run, &limit.measure);
            limit.lowest = Some(limit.lowest.map_or(value, |lowest| lowest.min(value)));
            limit.highest = Some(limit.highest.map_or(value, |highest| highest.max(value)));
            if assess::breach(wanted, value).is_some() {
                limit.outside.push(run.seed);
            }
        }
        for demand in &mut sum.demands {
            let seen = run.witnesses.get(&demand.witness).copied().unwrap_or(0);
            demand.most = demand.most.max(seen);
            demand.reached += u64::from(seen >= demand.least);
        }
        assess::count_faults(&mut sum.faults, run);
        for (name, count) in &run.witnesses {
            let witness = sum.witnesses.entry(name.clone()).or_default();
            witness.total += count;
            witness.seeds += u64::from(*count > 0);
        }
        records(&mut sum.records, &run.records);
        groups(&mut sum.groups, &run.groups);
        sum.simulated_ms += run.simulated_ms;
        sum.messages += run.messages;
        sum.entries += run.entries;
    }

    /// The report, with the verdict on all seeds together.
    #[must_use]
    pub fn conclude(self) -> ScenarioReport {
        let mut report = self.report;
        report.digest = format!("{:032x}", self.digest);
        for property in report.properties.iter_mut().filter(|one| one.judged > 0) {
            property.rate = Some(proportion(property.violated.len() as u64, property.judged));
        }
        let Seeds { from, to, run, .. } = report.seeds;
        let complete = run + report.crashed.len() as u64 == to - from;
        assess::scenario(self.plan, &mut report, complete);
        report.reproduce = match telling(&report) {
            Some(seed) => self.origin.command(seed, seed.saturating_add(1)),
            None => self.origin.command(from, to),
        };
        report
    }
}

/// The seed that shows best why the verdict is what it is.
fn telling(report: &ScenarioReport) -> Option<u64> {
    let incident = |list: &[Incident]| list.first().map(|incident| incident.seed);
    match report.verdict {
        Verdict::Crashed => incident(&report.crashed),
        Verdict::Nondeterministic => incident(&report.nondeterministic),
        Verdict::Violated => report.seeds.violated.first().copied(),
        Verdict::Inconclusive => None,
        // Something was violated, and was meant to be.
        Verdict::Met => {
            report.properties.iter().filter_map(|one| one.violated.first().copied()).min()
        }
    }
}

fn properties(sums: &mut Vec<PropertySweep>, run: &RunReport) {
    if sums.is_empty() {
        sums.extend(run.properties.iter().map(|one| PropertySweep {
            name: one.name.clone(),
            verdict: Judgement::Vacuous,
            expected: one.expected,
            judged: 0,
            witnesses: 0,
            violated: Vec::new(),
            rate: None,
            first: None,
        }));
    }
    for (sum, one) in sums.iter_mut().zip(&run.properties) {
        sum.judged += u64::from(one.verdict != Judgement::Vacuous);
        sum.witnesses += one.witnesses;
        match one.verdict {
            Judgement::Vacuous => {}
            Judgement::Held => {
                if sum.verdict == Judgement::Vacuous {
                    sum.verdict = Judgement::Held;
                }
            }
            Judgement::Violated => {
                sum.verdict = Judgement::Violated;
                sum.violated.push(run.seed);
                if sum.first.is_none() {
                    sum.first = one.violations.first().cloned();
                }
            }
        }
    }
}

fn records(sum: &mut Records, one: &Records) {
    sum.sent += one.sent;
    sum.acked += one.acked;
    sum.failed += one.failed;
    sum.unknown += one.unknown;
    sum.lost += one.lost;
    sum.log_duplicates += one.log_duplicates;
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people; counts are far below 2^52")]
fn groups(sums: &mut Vec<GroupReport>, run: &[GroupReport]) {
    if sums.is_empty() {
        let named =
            |one: &GroupReport| GroupReport { group: one.group.clone(), ..Default::default() };
        sums.extend(run.iter().map(named));
    }
    for (sum, one) in sums.iter_mut().zip(run) {
        sum.delivered += one.delivered;
        sum.processed += one.processed;
        sum.distinct += one.distinct;
        sum.duplicates += one.duplicates;
        sum.skipped += one.skipped;
        sum.duplicate_rate = sum.duplicates as f64 / sum.distinct.max(1) as f64;
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
