//! One trial: a seed of a scenario is run, checked for determinism if asked, and judged against what
//! the scenario expects. It knows one run; [`super::explore`] knows many.

use super::assess::{self, Standing};
use super::determinism;
use super::report::{self, Origin};
use crate::world::bounds::{Bounds, Failure};
use crate::world::recorder::{Trace, Watch};
use crate::world::run::{RunOutcome, run_telling, run_within};
use ackproof_reports::run::RunReport;
use ackproof_reports::verdict::{Reason, Verdict};
use ackproof_scenario::plan::Plan;

/// Runs `seed` of `plan`, one of many, within `bounds` and decides; `trace` sees every entry of the first run.
///
/// # Errors
/// Why there is no report.
pub fn trial(
    plan: &Plan,
    origin: &Origin<'_>,
    seed: u64,
    trace: Option<Trace>,
    bounds: &Bounds,
) -> Result<RunReport, Failure> {
    judged(plan, origin, Standing::OneOfMany, run_within(plan, seed, trace, bounds), bounds)
}

/// As [`trial`] of a run alone, with the stories of records that were lost or skipped.
///
/// # Errors
/// As [`trial`].
pub fn trial_telling(
    plan: &Plan,
    origin: &Origin<'_>,
    seed: u64,
    watch: Watch,
    bounds: &Bounds,
) -> Result<RunReport, Failure> {
    judged(plan, origin, Standing::Alone, run_telling(plan, seed, watch, bounds), bounds)
}

/// As [`trial`], with the stories too: whoever asks what was seen of a failure must know when it began.
///
/// # Errors
/// As [`trial`].
pub fn trial_watched(
    plan: &Plan,
    origin: &Origin<'_>,
    seed: u64,
    trace: Trace,
    bounds: &Bounds,
) -> Result<RunReport, Failure> {
    let watch = Watch { trace: Some(trace), ..Watch::default() };
    judged(plan, origin, Standing::OneOfMany, run_telling(plan, seed, watch, bounds), bounds)
}

/// Decides on a run that took place otherwise, as [`trial_telling`] does.
#[must_use]
pub fn judge(plan: &Plan, origin: &Origin<'_>, outcome: &RunOutcome) -> RunReport {
    let mut report = report::facts(plan, origin, outcome);
    // What the scenario says of clients says nothing of those from outside.
    report.contract = None;
    assess::run(plan, &mut report, Standing::Alone);
    report
}

fn judged(
    plan: &Plan,
    origin: &Origin<'_>,
    standing: Standing,
    outcome: Result<RunOutcome, Failure>,
    bounds: &Bounds,
) -> Result<RunReport, Failure> {
    let outcome = outcome?;
    let seed = outcome.seed;
    tracing::info!(scenario = plan.name, seed, "run is over");
    let mut report = report::facts(plan, origin, &outcome);
    assess::run(plan, &mut report, standing);
    if origin.check_determinism
        && let Some(divergence) =
            determinism::divergence(&outcome, |trace| run_within(plan, seed, trace, bounds))?
    {
        let text = divergence.to_string();
        let reason =
            Reason { expectation: "run".to_owned(), verdict: Verdict::Nondeterministic, text };
        report.reasons.insert(0, reason);
        report.verdict = Verdict::Nondeterministic;
    }
    Ok(report)
}
