//! From a failing run to a small schedule that fails of the same, for the same cause.
//!
//! Candidates are edited trees of the schedule; the ordinary reader refuses what makes no sense, and a run
//! says whether the failure is still there. Several run at a time, and the first in order that still
//! fails is taken, so that the result does not depend on how many.
//!
//! - [`failure`] what must stay · [`tree`] edits · [`structure`], [`timing`], [`ties`] what to try · [`story`] its last words

pub mod failure;
mod story;
mod structure;
mod ties;
mod timing;
mod tree;

use super::explore::in_order;
use crate::world::bounds::Bounds as RunBounds;
use crate::world::document;
use crate::world::recorder::Watch;
use crate::world::run::{run, run_telling};
use ackproof_oracle::verdict::Findings;
use ackproof_reports::shrink::{End, Reduction, ShrinkReport};
use ackproof_scenario::plan::Plan;
use ackproof_scenario::write;
use failure::Failure;
use serde_json::Value;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use tree::Place;

/// How far to go.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    /// Most runs.
    pub runs: u64,
    /// Runs at the same time.
    pub jobs: NonZeroUsize,
    /// Set from outside when the time is over.
    pub expired: &'a AtomicBool,
    /// Set from outside by Ctrl-C: stop, and keep what there is.
    pub interrupted: &'a AtomicBool,
    /// Is told how many runs were made.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// A small schedule.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The text of its file, without a header.
    pub tree: Value,
    /// What was left out, and its story; the places of files are for the caller to fill in.
    pub report: ShrinkReport,
}

/// Records are taken out in at most this many portions at a time.
const PORTIONS: usize = 64;

/// Shrinks the run of `plan` under `seed`, which fails; `wanted` names of what, if not of what matters
/// most. None: it does not fail so.
///
/// # Errors
/// The message of a panic, or why the schedule of the run is another run: ackproof itself failed.
pub fn shrink(
    plan: &Plan,
    seed: u64,
    wanted: Option<&str>,
    bounds: Bounds<'_>,
) -> Result<Option<Shrunk>, String> {
    let first = run(plan, seed, None).map_err(|failure| failure.to_string())?;
    let Some(failure) = Failure::of(plan, &first.findings, wanted) else { return Ok(None) };
    let whole = write::tree(plan, seed, &first.schedule);
    let mut search = Search { best: whole.clone(), failure, bounds, runs: 0, end: None };
    if search.outcome(&whole).is_none() {
        return Err("the schedule of the run does not fail as the run does".to_owned());
    }
    // What was expected beside moves nothing.
    search.best = structure::expectations(&search.best, search.failure.name());
    let before = structure::sizes(&whole);
    search.exhaust();
    let mut small = search.best.clone();
    without_nothing(&mut small);
    let (small_plan, _) = search.outcome(&small).ok_or("the small schedule does not fail")?;
    let told =
        run_telling(&small_plan, seed_of(&small_plan), Watch::default(), &RunBounds::default());
    let told = told.map_err(|failure| failure.to_string())?;
    let after = structure::sizes(&small);
    let reductions = before.into_iter().zip(after).map(|((what, before), (_, after))| Reduction {
        what: what.to_owned(),
        before,
        after,
    });
    let span = |plan: &Plan| (plan.load.0 + plan.settle.0).div_ceil(1_000_000);
    let time =
        Reduction { what: "seconds".to_owned(), before: span(plan), after: span(&small_plan) };
    let report = ShrinkReport {
        scenario: plan.name.clone(),
        seed,
        failure: search.failure.to_string(),
        reductions: reductions.chain([time]).collect(),
        runs: search.runs,
        end: search.end.unwrap_or(End::Minimal),
        story: story::story(&search.failure, &small_plan, &told.findings),
        file: String::new(),
        replay: String::new(),
    };
    Ok(Some(Shrunk { tree: small, report }))
}

fn seed_of(plan: &Plan) -> u64 {
    plan.seed.unwrap_or(0)
}

/// What was found of one candidate.
enum Tried {
    /// The reader refuses it.
    Refused,
    /// It does not fail, or not so.
    Passes,
    /// It still fails.
    Fails(Value),
}

struct Search<'a> {
    best: Value,
    failure: Failure,
    bounds: Bounds<'a>,
    runs: u64,
    /// Why the search is over before everything was tried.
    end: Option<End>,
}

impl Search<'_> {
    /// The plan and findings of `tree`, if it fails as it must.
    fn outcome(&self, tree: &Value) -> Option<(Plan, Findings)> {
        let plan = plan(tree)?;
        let findings = run(&plan, seed_of(&plan), None).ok()?.findings;
        self.failure.is_in(&findings).then_some((plan, findings))
    }

    /// Takes the first of `count` candidates that still fails; says which it was.
    fn first(
        &mut self,
        count: usize,
        make: impl Fn(&Value, usize) -> Option<Value> + Sync,
    ) -> Option<usize> {
        if self.over().is_break() {
            return None;
        }
        let done = AtomicBool::new(false);
        let (mut taken, mut spent) = (None, 0);
        let left = self.bounds.runs - self.runs;
        let this: &Search<'_> = self;
        let work = |index: &usize| {
            if this.over().is_break() {
                done.store(true, Ordering::Relaxed);
                return Tried::Refused;
            }
            let candidate = make(&this.best, *index).filter(|one| *one != this.best);
            candidate.map_or(Tried::Refused, |one| this.try_out(one))
        };
        in_order(0..count, self.bounds.jobs, &done, work, |index, tried| {
            spent += u64::from(!matches!(tried, Ok(Tried::Refused)));
            if let Ok(Tried::Fails(tree)) = tried {
                taken = Some((index, tree));
            }
            if taken.is_some() || spent >= left {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        self.runs += spent;
        (self.bounds.progress)(self.runs);
        let (index, tree) = taken?;
        self.best = tree;
        Some(index)
    }

    fn try_out(&self, tree: Value) -> Tried {
        let Some(plan) = plan(&tree) else { return Tried::Refused };
        match run(&plan, seed_of(&plan), None) {
            Ok(outcome) if self.failure.is_in(&outcome.findings) => Tried::Fails(tree),
            Ok(_) | Err(_) => Tried::Passes,
        }
    }

    /// Whether a bound is reached.
    fn over(&self) -> ControlFlow<End> {
        if self.bounds.interrupted.load(Ordering::Relaxed) {
            ControlFlow::Break(End::Interrupted)
        } else if self.bounds.expired.load(Ordering::Relaxed) {
            ControlFlow::Break(End::Budget)
        } else if self.runs >= self.bounds.runs {
            ControlFlow::Break(End::Runs)
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Takes candidates as long as there are any that fail; says whether there was one.
    fn all(&mut self, list: impl Fn(&Value) -> Vec<Value>) -> bool {
        let mut any = false;
        loop {
            let candidates = list(&self.best);
            if self.first(candidates.len(), |_, index| candidates.get(index).cloned()).is_none() {
                return any;
            }
            any = true;
        }
    }

    /// Everything, until nothing more can be left out or a bound is reached.
    fn exhaust(&mut self) {
        self.faults();
        // Once: what pins chance down is a setting that may go again.
        self.all(structure::chance);
        let mut progress = true;
        while progress && self.end.is_none() {
            progress = self.faults();
            progress |= self.ties();
            progress |= self.all(structure::groups);
            progress |= self.all(structure::producers);
            progress |= self.all(timing::phases);
            progress |= self.records();
            progress |= self.all(structure::producers);
            progress |= self.all(structure::topics);
            progress |= self.all(structure::brokers);
            progress |= self.all(structure::controllers);
            progress |= self.faults();
            progress |= self.all(timing::lengths);
            progress |= self.all(timing::gaps);
            progress |= self.all(timing::phases);
            progress |= self.all(structure::settings);
            progress |= self.all(|tree| {
                let plainer = ["size", "key"].into_iter();
                plainer.filter_map(|what| tree::plainer(tree, what)).collect()
            });
            if let ControlFlow::Break(end) = self.over() {
                self.end = Some(end);
            }
        }
        // Last: round times are further apart, and would be moved together again.
        self.all(timing::round);
    }

    /// Takes out portions of a list, large ones first; says whether there was one. `remove` makes the tree
    /// without the items from one place to another.
    fn portions(
        &mut self,
        mut length: usize,
        most: usize,
        remove: impl Fn(&Value, usize, usize) -> Option<Value> + Sync,
    ) -> bool {
        let (start, mut size) = (length, length);
        while size > 0 && length.div_ceil(size) <= most.max(length.min(PORTIONS)) {
            let mut at = 0;
            while at < length {
                let count = (length - at).div_ceil(size);
                let from = at;
                let portion =
                    |index: usize| (from + index * size, (from + (index + 1) * size).min(length));
                let found = self.first(count, |tree, index| {
                    let (from, to) = portion(index);
                    remove(tree, from, to)
                });
                let Some(index) = found else { break };
                let (from, to) = portion(index);
                length -= to - from;
                at = from;
            }
            size = if size == 1 { 0 } else { size.min(length.max(1)).div_ceil(2).min(size - 1) };
        }
        length < start
    }

    fn faults(&mut self) -> bool {
        let count = tree::faults(&self.best).len();
        self.portions(count, PORTIONS, tree::without_faults)
    }

    fn records(&mut self) -> bool {
        // A list of what is there now; those of a portion that has gone are not in it any more.
        let count = tree::records(&self.best).len();
        self.portions(count, PORTIONS, |tree, from, to| {
            let all: Vec<Place> = tree::records(tree);
            tree::without_records(tree, all.get(from..to)?)
        })
    }

    /// Ties faults to what happens.
    fn ties(&mut self) -> bool {
        let mut any = false;
        loop {
            let Some(plan) = plan(&self.best) else { return any };
            let candidates = ties::ties(&self.best, &plan, seed_of(&plan));
            if self.first(candidates.len(), |_, index| candidates.get(index).cloned()).is_none() {
                return any;
            }
            any = true;
        }
    }
}

/// The plan of a tree, if it makes sense.
fn plan(tree: &Value) -> Option<Plan> {
    let text = write::text(tree, &[], &BTreeMap::new());
    document::load(&text, "candidate", &[])
        .ok()
        .filter(|(_, warnings)| warnings.is_empty())
        .map(|(plan, _)| plan)
}

/// Leaves out objects without anything in them.
fn without_nothing(tree: &mut Value) {
    const MAPS: &[&str] =
        &["cluster", "groups", "faults", "expect", "variants", "config", "network"];
    let Some(map) = tree.as_object_mut() else { return };
    map.values_mut().for_each(without_nothing);
    map.retain(|key, value| {
        let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty);
        !(is_empty && MAPS.contains(&key.as_str()))
    });
}
