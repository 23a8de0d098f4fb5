//! Adds the runs of one scenario up: sums, and lists of the seeds that are worth another look. It
//! keeps no run, so that a sweep of any length needs the same memory; what it adds up is order-free.

use super::contract::{contract, not_modelled};
use super::demands::demands;
use super::{assess, conclude, fates, measures, merge, shape};
use crate::world::bounds::Failure;
use ackproof_reports::alerts::AlertSweep;
use ackproof_reports::run::{PropertyCause, Records, RunReport};
use ackproof_reports::sweep::{
    Asked, CauseSweep, DemandSweep, FaultSweep, Incident, LimitSweep, PropertySweep,
    ScenarioReport, Seeds,
};
use ackproof_reports::verdict::{Judgement, Verdict};
use ackproof_scenario::plan::Plan;
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_128;

/// The sums so far.
#[derive(Debug)]
pub struct Tally<'a> {
    plan: &'a Plan,
    asked: &'a Asked,
    digest: u128,
    report: ScenarioReport,
}

impl<'a> Tally<'a> {
    /// Of no run of `plan`, which comes from `file`.
    #[must_use]
    pub fn new(plan: &'a Plan, file: &str, asked: &'a Asked) -> Self {
        let limits = plan.expect.limits.iter().map(|limit| LimitSweep {
            measure: limit.measure.clone(),
            min: limit.min,
            max: limit.max,
            lowest: None,
            highest: None,
            outside: Vec::new(),
            because: BTreeMap::new(),
        });
        let demands = demands(plan).into_iter().map(|(witness, least)| DemandSweep {
            witness,
            least,
            reached: 0,
            most: 0,
        });
        let from = asked.seeds.from;
        let report = ScenarioReport {
            scenario: plan.name.clone(),
            file: file.to_owned(),
            plan: identity(plan),
            lines: plan.expect.lines.clone(),
            verdict: Verdict::Met,
            reasons: Vec::new(),
            seeds: Seeds { from, to: asked.seeds.to.unwrap_or(from), ..Seeds::default() },
            digest: String::new(),
            properties: Vec::new(),
            claim: None,
            measures: Vec::new(),
            not_modelled: not_modelled(plan),
            contract: (!plan.expect.stated).then(|| contract(plan)),
            causes: Vec::new(),
            notes: Vec::new(),
            limits: limits.collect(),
            demands: demands.collect(),
            faults: vec![FaultSweep::default(); plan.faults.len()],
            witnesses: BTreeMap::new(),
            kafka: shape::kafka(plan),
            network: shape::network(plan),
            capacity: shape::capacity(plan),
            alerts: None,
            records: Records::default(),
            groups: Vec::new(),
            crashed: Vec::new(),
            bounded: Vec::new(),
            nondeterministic: Vec::new(),
            simulated_ms: 0,
            messages: 0,
            entries: 0,
            reproduce: String::new(),
        };
        Self { plan, asked, digest: 0, report }
    }

    /// The run of `seed`: its report, or why there is none.
    pub fn add(&mut self, seed: u64, run: Result<&RunReport, &Failure>) {
        self.report.seeds.to = self.report.seeds.to.max(seed.saturating_add(1));
        let incident = |text: &String| Incident { seed, text: text.clone() };
        match run {
            Ok(run) => self.count(run),
            Err(Failure::Crashed(text)) => self.report.crashed.push(incident(text)),
            Err(Failure::Bounded(text)) => self.report.bounded.push(incident(text)),
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
        properties(self.plan, &mut sum.properties, run);
        for (limit, wanted) in sum.limits.iter_mut().zip(&self.plan.expect.limits) {
            let Some(value) = measures::value(run, &limit.measure) else { continue };
            limit.lowest = Some(limit.lowest.map_or(value, |lowest| lowest.min(value)));
            limit.highest = Some(limit.highest.map_or(value, |highest| highest.max(value)));
            if assess::breach(wanted, value).is_some() {
                limit.outside.push(run.seed);
                if let Some(because) = measures::stalled_by(run, &limit.measure) {
                    *limit.because.entry(because.about.clone()).or_default() += 1;
                }
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
        measures::add(&mut sum.measures, run);
        if let Some(contract) = &mut sum.contract {
            contract.observe(run.seed, &run.causes);
        }
        for one in &run.causes {
            merge::fate(&mut sum.causes, fates::of(run, one));
        }
        if let Some(one) = &run.alerts {
            merge::alerts(sum.alerts.get_or_insert_with(|| AlertSweep::new(one)), one);
        }
        merge::records(&mut sum.records, &run.records);
        merge::groups(&mut sum.groups, &run.groups);
        sum.simulated_ms += run.simulated_ms;
        sum.messages += run.messages;
        sum.entries += run.entries;
    }

    /// The report, with the verdict on all seeds together.
    #[must_use]
    pub fn conclude(self) -> ScenarioReport {
        let mut report = self.report;
        report.digest = format!("{:032x}", self.digest);
        conclude::scenario(&mut report, self.asked);
        report
    }
}

/// The same for the same meaning, wherever in the file it stands.
fn identity(plan: &Plan) -> String {
    let mut plan = plan.clone();
    plan.expect.lines.clear();
    format!("{:032x}", xxh3_128(format!("{plan:?}").as_bytes()))
}

fn properties(plan: &Plan, sums: &mut Vec<PropertySweep>, run: &RunReport) {
    if sums.is_empty() {
        sums.extend(run.properties.iter().map(|one| PropertySweep {
            name: one.name.clone(),
            verdict: Judgement::Vacuous,
            expected: one.expected,
            demanded: shape::can_judge(plan, &one.name),
            judged: 0,
            witnesses: 0,
            violated: Vec::new(),
            rate: None,
            first: None,
            causes: Vec::new(),
            allowed: one.allowed.clone(),
            worse: Vec::new(),
            undecided: Vec::new(),
            why_undecided: None,
        }));
    }
    for (sum, one) in sums.iter_mut().zip(&run.properties) {
        sum.judged += u64::from(one.verdict != Judgement::Vacuous);
        sum.witnesses += one.witnesses;
        if let Some(undecided) = &one.undecided {
            sum.undecided.push(run.seed);
            merge::undecided(&mut sum.why_undecided, Some(undecided.clone()));
        }
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
                if assess::worse(one).is_some() {
                    sum.worse.push(run.seed);
                }
                if sum.first.is_none() {
                    sum.first = one.violations.first().cloned();
                }
                causes(&mut sum.causes, run.seed, &one.causes);
            }
        }
    }
}

fn causes(sums: &mut Vec<CauseSweep>, seed: u64, run: &[PropertyCause]) {
    for one in run {
        let sum = CauseSweep {
            cause: one.cause.clone(),
            about: one.about.clone(),
            count: one.count,
            seeds: vec![seed],
        };
        merge::cause(sums, sum);
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
