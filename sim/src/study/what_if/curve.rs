//! When a failure became inevitable. The run is forked at moments of its timeline: all up to there stays, no
//! further fault begins, and chance takes another course. The share of forks that fail says how much was decided by
//! then. Where it crosses the middle between its first value and 1, the run took its turn, and what had just
//! happened there is named.
//!
//! Faults are looked at first. Only if the share crosses between two of them is it what else happened there.

use super::{Question, statistics};
use crate::study::shrink::failure::Failure as Failed;
use crate::world::run::{Fork, RunOutcome, run_forked};
use ackproof_reports::what_if::{Curve, Jump, Point};
use ackproof_scenario::stream;
use ackproof_types::Micros;
use rand::RngExt;
use std::collections::BTreeMap;
use std::ops::Range;

/// A share from which on a failure counts as inevitable from the beginning.
const CERTAIN: f64 = 0.9;
/// So many forks of a moment decide it if they all end alike.
const ALIKE: u64 = 10;
/// So many faults are all looked at; of more, those that a bisection comes to.
const FEW: usize = 8;

/// Something that happened.
#[derive(Clone, Debug)]
struct Happened {
    at: Micros,
    text: String,
    /// The place of the fault in the report.
    fault: Option<u64>,
}

/// Forks of one run, counted by the moment.
struct Forks<'q> {
    question: &'q Question<'q>,
    failed: &'q Failed,
    counted: BTreeMap<Micros, (u64, u64)>,
}

/// The curve of a run that failed so.
pub(super) fn curve(question: &Question<'_>, failed: &Failed, run: &RunOutcome) -> Option<Curve> {
    let (faults, others) = happened(run);
    let mut forks = Forks { question, failed, counted: BTreeMap::new() };
    let first = forks.share(Micros::ZERO)?;
    if faults.len() <= FEW {
        let around = faults.iter().flat_map(|one| [before(one), after(one)]);
        forks.count(&around.collect::<Vec<_>>());
    }
    let jump = if first < CERTAIN { turn(&mut forks, (&faults, &others), first) } else { None };
    let all = || faults.iter().chain(&others);
    let point = |(at, (fail, count)): (&Micros, &(u64, u64))| Point {
        at_us: at.0,
        fail: *fail,
        forks: *count,
        interval: statistics::proportion(*fail, *count),
        event: all().find(|one| after(one) == *at).map(|one| one.text.clone()),
    };
    let points = forks.counted.iter().filter(|(_, (_, count))| *count > 0).map(point).collect();
    Some(Curve { points, jump, forks: question.forks })
}

/// Just after it.
fn after(one: &Happened) -> Micros {
    one.at + Micros(1)
}

/// Just before it.
fn before(one: &Happened) -> Micros {
    Micros(one.at.0.saturating_sub(1))
}

/// Faults that did something, and what else the timeline knows; what happened in the same instant is one.
fn happened(run: &RunOutcome) -> (Vec<Happened>, Vec<Happened>) {
    let faults = (0..).zip(&run.faults).filter(|(_, fault)| fault.target.is_some());
    let faults = faults.map(|(place, fault)| Happened {
        at: fault.at,
        text: fault.text.clone(),
        fault: Some(place),
    });
    let timeline =
        run.findings.timeline.iter().filter(|item| {
            !item.text.starts_with("fault: ") && !item.text.starts_with("final read")
        });
    let timeline = timeline.map(|item| Happened {
        at: Micros(item.at.as_micros()),
        text: item.text.clone(),
        fault: None,
    });
    (together(faults), together(timeline))
}

fn together(all: impl Iterator<Item = Happened>) -> Vec<Happened> {
    let mut found: Vec<Happened> = Vec::new();
    for one in all {
        match found.last_mut().filter(|last| last.at == one.at) {
            Some(last) => last.text = format!("{}; {}", last.text, one.text),
            None => found.push(one),
        }
    }
    found.sort_by_key(|one| one.at);
    found
}

/// What made the share cross the middle.
fn turn(
    forks: &mut Forks<'_>,
    (faults, others): (&[Happened], &[Happened]),
    first: f64,
) -> Option<Jump> {
    let middle = f64::midpoint(first, 1.0);
    let fault = crossing(forks, faults, middle);
    if let Some(fault) = fault
        && forks.share(before(&faults[fault]))? < middle
    {
        return forks.jump(&faults[fault]);
    }
    let end = fault.map_or(Micros(u64::MAX), |fault| faults[fault].at);
    let begin = fault.map_or(faults.len(), |fault| fault).checked_sub(1);
    let begin = begin.map_or(Micros::ZERO, |fault| faults[fault].at);
    let between = others.iter().filter(|one| one.at >= begin && one.at < end);
    let between: Vec<Happened> = between.cloned().collect();
    let found = crossing(forks, &between, middle)?;
    forks.jump(&between[found])
}

/// The first of `all` after which the share is not below `middle`.
fn crossing(forks: &mut Forks<'_>, all: &[Happened], middle: f64) -> Option<usize> {
    let (mut low, mut high) = (0, all.len());
    while low < high {
        let half = low.midpoint(high);
        if forks.share(after(&all[half]))? < middle {
            low = half + 1;
        } else {
            high = half;
        }
    }
    (low < all.len()).then_some(low)
}

impl Forks<'_> {
    /// The share of forks at `at` that fail; none if it was stopped.
    fn share(&mut self, at: Micros) -> Option<f64> {
        self.count(&[at]);
        let (fail, count) = self.counted.get(&at).copied()?;
        #[expect(clippy::cast_precision_loss, reason = "few forks")]
        let share = fail as f64 / count as f64;
        (count > 0).then_some(share)
    }

    /// Forks the run at each of these moments, unless it was done. Where the first forks end alike, they are enough.
    fn count(&mut self, moments: &[Micros]) {
        let new = moments.iter().filter(|at| !self.counted.contains_key(at)).copied();
        let new: Vec<Micros> = new.collect();
        let few = self.question.forks.min(ALIKE);
        self.fork(&new, 0..few);
        let is_open = |at: &Micros| {
            self.counted.get(at).is_some_and(|(fail, count)| (1..*count).contains(fail))
        };
        let open: Vec<Micros> = new.into_iter().filter(is_open).collect();
        self.fork(&open, few..self.question.forks);
    }

    /// Runs these forks at each moment.
    fn fork(&mut self, moments: &[Micros], numbers: Range<u64>) {
        let (question, failed) = (self.question, self.failed);
        let moments = moments.iter();
        let tries = moments.flat_map(|at| numbers.clone().map(move |number| (*at, number)));
        let tries: Vec<(Micros, u64)> = tries.collect();
        let fails = |(at, number): &(Micros, u64)| {
            let seed = stream(question.seed, "fork", *number).random();
            let run = run_forked(question.plan, question.seed, Fork { at: *at, seed });
            run.ok().map(|outcome| failed.recurs(&outcome.findings))
        };
        for ((at, _), found) in tries.iter().zip(question.all(&tries, fails)) {
            let (fail, count) = self.counted.entry(*at).or_default();
            if let Some(fails) = found.flatten() {
                *fail += u64::from(fails);
                *count += 1;
            }
        }
    }

    fn jump(&mut self, one: &Happened) -> Option<Jump> {
        let (before, after) = (self.share(before(one))?, self.share(after(one))?);
        let (at_us, event) = (one.at.0, one.text.clone());
        Some(Jump { at_us, event, fault: one.fault, before, after })
    }
}
