//! A search for examples of what a configuration leaves possible, under faults made to show it: the seeds of one
//! plan, what matters of them, and the schedules of those that show something.

use super::output::talk;
use super::progress::Progress;
use super::save::save_as;
use super::status::Status;
use ackproof::study::conclude;
use ackproof::study::explore::in_order;
use ackproof::study::report::Origin;
use ackproof::study::runs::Runs;
use ackproof::study::tally::Tally;
use ackproof::study::trial::{trial, trial_telling};
use ackproof::world::bounds::{Bounds, Failure};
use ackproof::world::recorder::Watch;
use ackproof_reports::run::Undecided;
use ackproof_reports::sweep::{Asked, PropertySweep, ScenarioReport};
use ackproof_reports::verdict::{Reason, Verdict};
use ackproof_scenario::plan::Plan;
use ackproof_types::Micros;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// How often the settle phase is made longer, for groups that are behind and catching up.
pub(super) const EXTENSIONS: usize = 4;
/// A longer settle phase is not tried.
const LONGEST: Micros = Micros::from_secs(24 * 60 * 60);

/// What the seeds of a search came to.
pub(super) struct Searched {
    pub(super) report: ScenarioReport,
    pub(super) interrupted: bool,
    /// The settle phase that would decide what is left open.
    pub(super) needs: Option<Micros>,
}

impl Searched {
    pub(super) fn status(&self) -> Status {
        let interrupted = if self.interrupted { Status::Interrupted } else { Status::Met };
        Status::from(self.report.verdict).max(interrupted)
    }
}

/// Whether to search once more, with the settle phase that is needed.
pub(super) fn longer(plan: &mut Plan, needs: Option<Micros>, extensions: &mut usize) -> bool {
    let needs = needs.filter(|needs| *needs > plan.settle && *needs <= LONGEST);
    let Some(needs) = needs.filter(|_| *extensions > 0) else { return false };
    talk(&format!(
        "a group is behind and catching up: once more with a settle phase of {}s\n",
        needs.as_millis() / 1000
    ));
    plan.settle = needs;
    *extensions -= 1;
    true
}

/// The longest settle phase that would decide one of these.
pub(super) fn settle<'a>(undecided: impl Iterator<Item = &'a Undecided>) -> Option<Micros> {
    undecided.filter_map(|one| one.settle_ms).max().map(Micros::from_millis)
}

/// Runs every seed of `asked` on so many threads, until it is stopped.
pub(super) fn searched(
    plan: &Plan,
    origin: &Origin<'_>,
    asked: &Asked,
    (jobs, stop): (NonZeroUsize, &AtomicBool),
) -> Searched {
    let mut tally = Tally::new(plan, origin.file, asked);
    let runs = Runs { scenarios: 1, seeds: asked.seeds, part: None };
    let mut progress = Progress::new(runs.count(), None, false);
    in_order(
        runs.iter(),
        jobs,
        stop,
        |run| trial(plan, origin, run.seed, None, &Bounds::default()),
        |run, result| {
            let result = result.unwrap_or_else(|panic| Err(Failure::Crashed(panic)));
            tally.add(run.seed, result.as_ref());
            progress.step(false);
            ControlFlow::Continue(())
        },
    );
    progress.finish();
    let mut report = tally.conclude();
    let undecided = report.properties.iter().filter(|one| !one.undecided.is_empty());
    let names: Vec<&str> = undecided.clone().map(|one| one.name.as_str()).collect();
    (report.verdict, report.reasons) = matters(&report.reasons, &names);
    let needs = settle(undecided.filter_map(|one| one.why_undecided.as_ref()));
    tell(&mut report, plan, origin);
    let interrupted = stop.load(Ordering::Relaxed);
    Searched { report, interrupted, needs: needs.filter(|_| !interrupted) }
}

/// Runs the first seed of what is worse than promised again, for its story.
fn tell(report: &mut ScenarioReport, plan: &Plan, origin: &Origin<'_>) {
    let is_worse = |one: &&PropertySweep| {
        report
            .reasons
            .iter()
            .any(|reason| reason.expectation == one.name && reason.verdict == Verdict::Violated)
    };
    let worse = report.properties.iter().filter(is_worse);
    let seeds: BTreeSet<u64> = worse.filter_map(|one| one.violated.first().copied()).collect();
    for seed in seeds {
        // What has no story is told without one.
        if let Ok(told) = trial_telling(plan, origin, seed, Watch::default(), &Bounds::default()) {
            conclude::tell(report, &told);
        }
    }
}

/// What is shown by which seed: each violation, and what the contract calls possible.
pub(super) fn examples(report: &ScenarioReport) -> BTreeSet<(String, u64)> {
    let possible = report.contract.iter().flat_map(|contract| &contract.possible);
    let shows = possible.filter_map(|one| Some((one.causes.first()?.clone(), *one.seeds.first()?)));
    let violated = report.properties.iter();
    let violated = violated.filter_map(|one| Some((one.name.clone(), *one.violated.first()?)));
    violated.chain(shows).collect()
}

/// The reasons that count in a search: what it did not find is no reproach. What is left `undecided`, and a run
/// that came to no end, is told.
pub(super) fn matters(reasons: &[Reason], undecided: &[&str]) -> (Verdict, Vec<Reason>) {
    let counts = |one: &&Reason| {
        one.verdict > Verdict::Inconclusive
            || one.expectation == "run"
            || undecided.contains(&one.expectation.as_str())
    };
    let reasons: Vec<Reason> = reasons.iter().filter(counts).cloned().collect();
    let verdict = reasons.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Met);
    (verdict, reasons)
}

/// Writes the schedule of each seed that shows something, by what it shows; `again` is the command that shows it.
pub(super) fn keep(
    directory: Option<&Path>,
    (plan, name): (&Plan, &str),
    examples: &BTreeSet<(String, u64)>,
    again: &dyn Fn(u64) -> String,
) -> Status {
    let Some(directory) = directory else { return Status::Met };
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    let mut status = Status::Met;
    for (shown, seed) in examples {
        let file = directory.join(format!("{stem}-{shown}-seed-{seed}.json"));
        status = status.max(save_as(plan, (name, &again(*seed)), *seed, &file));
    }
    status
}
