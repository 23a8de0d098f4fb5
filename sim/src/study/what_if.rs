//! What would have saved a run? The same seed with one setting otherwise at a time: the same workload under the
//! same faults. And since one seed may be saved by luck, the same changes on other seeds.
//!
//! - [`flips`] what could be otherwise · [`curve`] when it was too late · [`twin`] a run that does not fail, beside it

mod curve;
mod flips;
pub mod twin;

use super::contract::contract;
use super::explore::in_order;
use super::report::{self, Origin};
use super::shrink::failure::Failure as Failed;
use super::{measures, statistics};
use crate::world::bounds::Failure;
use crate::world::document::{self, Sets};
use crate::world::run::{RunOutcome, run};
use ackproof_oracle::verdict::{Findings, Judgement};
use ackproof_reports::SCHEMA;
use ackproof_reports::compare::Compared;
use ackproof_reports::contract::Possible;
use ackproof_reports::measure::Unit;
use ackproof_reports::run::Fate;
use ackproof_reports::what_if::{Arm, Effect, Flip, Others, Refused, WhatIfReport};
use ackproof_scenario::diagnostic::{Diagnostic, Severity};
use ackproof_scenario::plan::Plan;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{self, AtomicBool};

/// What is measured of each run. Less is better.
const MEASURED: [(&str, Option<Unit>); 14] = [
    ("lost", None),
    ("skipped", None),
    ("output_lost", None),
    ("sink_missing", None),
    ("unknown_absent", None),
    ("failed", None),
    ("log_duplicates", None),
    ("duplicate_rate", Some(Unit::Share)),
    ("sink_repeated", None),
    ("reordered", None),
    ("unavailability", Some(Unit::Share)),
    ("read_unavailability", Some(Unit::Share)),
    ("ack_latency.p99", Some(Unit::Milliseconds)),
    ("end_to_end_latency.p99", Some(Unit::Milliseconds)),
];
/// The first ones: records that were promised and are nowhere, or that nobody processed.
const LOST: usize = 4;
/// With those whose application was told of a failure, or of no outcome.
const GONE: usize = 6;

/// A run, and how much to ask about it.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// What ran.
    pub plan: &'a Plan,
    /// The text that it is read from, the file, and what is set over it.
    pub text: &'a str,
    /// Its name.
    pub file: &'a str,
    /// `--set` values.
    pub sets: &'a [(String, String)],
    /// The seed.
    pub seed: u64,
    /// Which failure is asked about: a property or a count; none: the one that matters most.
    pub wanted: Option<&'a str>,
    /// On how many other seeds a change that saves this one is tried.
    pub others: u64,
    /// How often the run is forked at each moment; none: there is no curve.
    pub forks: u64,
    /// Runs at the same time.
    pub jobs: NonZeroUsize,
    /// Set from outside by Ctrl-C.
    pub stop: &'a AtomicBool,
    /// The command that asks it again.
    pub reproduce: &'a str,
}

/// A run with what is compared of it.
struct Ran {
    outcome: RunOutcome,
    arm: Arm,
}

/// Changes one setting at a time.
///
/// # Errors
/// Why the run as it is came to no end.
pub fn what_if(question: &Question<'_>) -> Result<WhatIfReport, Failure> {
    let Question { plan, seed, wanted, .. } = *question;
    let base = question.run(plan, seed, question.sets)?;
    let failed = Failed::of(plan, &base.outcome.findings, wanted);
    let failed = failed.map(|failed| failed.mainly(&base.outcome.findings));
    let promised = possible(plan);
    let (mut arms, refused) = question.alternatives();
    let runs = question.all(&arms, |arm| question.run(&arm.plan, seed, &arm.sets));
    for (arm, ran) in arms.iter_mut().zip(runs) {
        match ran {
            Some(Ok(ran)) => {
                let gives_up = possible(&arm.plan);
                let gives_up = gives_up.difference(&promised).cloned();
                arm.flip.gives_up = gives_up.collect();
                let cause = failed.as_ref().and_then(Failed::cause);
                arm.flip.leaves =
                    cause.filter(|cause| is_possible(&arm.plan, cause)).map(str::to_owned);
                let effect = effect(failed.as_ref(), &base, &ran);
                let is_weaker = effect == Effect::Saves && !arm.flip.gives_up.is_empty();
                arm.flip.effect = if is_weaker { Effect::Trades } else { effect };
                arm.flip.arm = ran.arm;
            }
            Some(Err(_)) | None => arm.flip.effect = Effect::Unknown,
        }
    }
    arms.sort_by_key(|arm| arm.flip.effect);
    let others = failed.as_ref().and_then(|failed| question.others(failed, &mut arms));
    arms.sort_by(|one, other| rank(&one.flip, &other.flip));
    let curve = failed.as_ref().filter(|_| question.forks > 0);
    let curve = curve.and_then(|failed| curve::curve(question, failed, &base.outcome));
    Ok(WhatIfReport {
        schema: SCHEMA,
        scenario: plan.name.clone(),
        seed,
        failure: failed.as_ref().map(ToString::to_string),
        others,
        measures: MEASURED.map(|(name, unit)| Compared { name: name.to_owned(), unit }).to_vec(),
        run: base.arm,
        flips: arms.into_iter().map(|arm| arm.flip).collect(),
        refused,
        curve,
        interrupted: question.stop.load(atomic::Ordering::Relaxed),
        reproduce: question.reproduce.to_owned(),
    })
}

/// A change that can be run.
struct Alternative {
    plan: Plan,
    /// All that is set, the change among it.
    sets: Sets,
    flip: Flip,
}

impl Question<'_> {
    fn origin<'s>(&'s self, sets: &'s [(String, String)]) -> Origin<'s> {
        Origin { file: self.file, sets, swarm: None, check_determinism: false }
    }

    fn run(&self, plan: &Plan, seed: u64, sets: &[(String, String)]) -> Result<Ran, Failure> {
        let outcome = run(plan, seed, None)?;
        let report = report::facts(plan, &self.origin(sets), &outcome);
        let violated = outcome.findings.properties.iter();
        let violated = violated.filter(|one| one.judgement == Judgement::Violated);
        let arm = Arm {
            digest: report.digest.clone(),
            violated: violated.map(|one| one.name.to_owned()).collect(),
            values: MEASURED.map(|(name, _)| measures::value(&report, name)).to_vec(),
        };
        Ok(Ran { outcome, arm })
    }

    /// Every change that the reader takes, and why it does not take the others.
    fn alternatives(&self) -> (Vec<Alternative>, Vec<Refused>) {
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for one in flips::flips(self.plan) {
            let sets = [self.sets, &one.sets].concat();
            match document::load(self.text, self.file, &sets) {
                Ok((plan, _said_before)) => {
                    let command =
                        self.origin(&sets).command(self.seed, self.seed.saturating_add(1));
                    let flip = Flip {
                        setting: one.setting,
                        from: one.from,
                        to: one.to,
                        sets: one.sets,
                        effect: Effect::Unknown,
                        gives_up: Vec::new(),
                        leaves: None,
                        arm: Arm::default(),
                        others: None,
                        command,
                    };
                    taken.push(Alternative { plan, sets, flip });
                }
                Err(mistakes) => {
                    let errors = |one: &Diagnostic| one.severity == Severity::Error;
                    let why = mistakes.into_iter().find(errors).map(|first| first.message);
                    let change = format!("{}={}", one.setting, one.to);
                    refused.push(Refused { change, why: why.unwrap_or_default() });
                }
            }
        }
        (taken, refused)
    }

    /// Does `work` for each, on as many threads as may be; in order, and none for what was stopped before.
    fn all<I: Sync, T: Send>(&self, items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<Option<T>> {
        let mut results: Vec<Option<T>> = items.iter().map(|_| None).collect();
        in_order(
            0..items.len(),
            self.jobs,
            self.stop,
            |index| work(&items[*index]),
            |index, result| {
                results[index] = result.ok();
                ControlFlow::Continue(())
            },
        );
        results
    }

    /// Tries what saves this seed on others; says how often they fail as it is.
    fn others(&self, failed: &Failed, arms: &mut [Alternative]) -> Option<Others> {
        let savers = arms.iter().filter(|arm| arm.flip.effect == Effect::Saves).count();
        let seeds = (1..=self.others).map(|next| self.seed.wrapping_add(next));
        // None of the arms: as it is.
        let tries: Vec<(u64, Option<usize>)> = seeds
            .flat_map(|seed| {
                std::iter::once((seed, None)).chain((0..savers).map(move |arm| (seed, Some(arm))))
            })
            .collect();
        let fails = |(seed, arm): &(u64, Option<usize>)| {
            let plan = arm.map_or(self.plan, |arm| &arms[arm].plan);
            run(plan, *seed, None).ok().map(|outcome| failed.is_there(&outcome.findings))
        };
        let found = self.all(&tries, fails);
        let count = |of: Option<usize>| {
            let own = tries.iter().zip(&found).filter(|((_, arm), _)| *arm == of);
            let ends = own.filter_map(|(_, found)| found.flatten());
            let ends: Vec<bool> = ends.collect();
            let (runs, fail) =
                (ends.len() as u64, ends.iter().filter(|fails| **fails).count() as u64);
            let interval = statistics::proportion(fail, runs);
            (runs > 0).then_some(Others { runs, fail, interval })
        };
        let of_savers: Vec<Option<Others>> = (0..savers).map(|arm| count(Some(arm))).collect();
        for (arm, others) in arms.iter_mut().zip(of_savers) {
            arm.flip.others = others;
        }
        count(None)
    }
}

/// The causes by which the settings leave a silent loss possible.
fn possible(plan: &Plan) -> BTreeSet<String> {
    let is_silent = |one: &&Possible| match one.fate {
        Fate::Lost
        | Fate::UnknownAbsent
        | Fate::Skipped
        | Fate::LostCommit
        | Fate::Sink
        | Fate::OutputLost => true,
        Fate::Failed
        | Fate::Unknown
        | Fate::Reordered
        | Fate::LogDuplicate
        | Fate::Duplicate
        | Fate::OutputDuplicate => false,
    };
    let contract = contract(plan);
    contract.possible.iter().filter(is_silent).flat_map(|one| one.causes.clone()).collect()
}

/// Whether a cause, silent or not, is one that a contract leaves open.
fn is_possible(plan: &Plan, cause: &str) -> bool {
    contract(plan).possible.iter().any(|one| one.causes.iter().any(|known| known == cause))
}

fn effect(failed: Option<&Failed>, base: &Ran, ran: &Ran) -> Effect {
    if base.arm.digest == ran.arm.digest {
        return Effect::Nothing;
    }
    let (before, after) = (&base.outcome.findings, &ran.outcome.findings);
    let is_new = |name: &String| !base.arm.violated.contains(name);
    let is_worse = ran.arm.violated.iter().any(is_new)
        || sum(&base.arm, 0..LOST) < sum(&ran.arm, 0..LOST)
        || sum(&base.arm, 0..GONE) < sum(&ran.arm, 0..GONE)
        || stuck(before, after);
    match failed {
        None if ran.arm.violated.iter().any(is_new) => Effect::Breaks,
        None => Effect::Holds,
        Some(failed) if !failed.is_cured(before, after) => Effect::Fails,
        Some(failed) if is_worse || !failed.is_judged(after) => Effect::Trades,
        Some(_) => Effect::Saves,
    }
}

/// Whether a group is left behind that was not.
fn stuck(before: &Findings, after: &Findings) -> bool {
    let backlog = |of: &Findings| of.groups.iter().map(|group| group.backlog).sum::<u64>();
    backlog(before) < backlog(after)
}

fn sum(arm: &Arm, of: Range<usize>) -> f64 {
    arm.values.get(of).unwrap_or_default().iter().flatten().sum()
}

/// What saves first; of those, what rules the cause out, then what saves more seeds, and then what costs less. What
/// was promised counts before what the application was told of.
fn rank(one: &Flip, other: &Flip) -> Ordering {
    let fail = |flip: &Flip| flip.others.map_or(0, |others| others.fail);
    let costs = |flip: &Flip| {
        [0..LOST, LOST..GONE, GONE..10, 10..12, 12..14].map(|range| sum(&flip.arm, range))
    };
    let by_cost = || {
        let pairs = costs(one).into_iter().zip(costs(other));
        pairs.map(|(one, other)| one.total_cmp(&other)).find(|order| order.is_ne())
    };
    let leaves = |flip: &Flip| flip.effect == Effect::Saves && flip.leaves.is_some();
    let by_cure = one.effect.cmp(&other.effect).then(leaves(one).cmp(&leaves(other)));
    by_cure.then_with(|| fail(one).cmp(&fail(other))).then_with(|| {
        if one.effect <= Effect::Trades { by_cost() } else { None }.unwrap_or(Ordering::Equal)
    })
}
