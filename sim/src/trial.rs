//! One trial: a seed of a scenario is run, checked for determinism if asked, and judged against what
//! the scenario expects. It knows one run; [`crate::explore`] knows many.

use crate::assess;
use crate::determinism;
use crate::recorder::Trace;
use crate::report::{self, Origin};
use crate::run::{RunOutcome, run, run_telling};
use ackproof_reports::run::RunReport;
use ackproof_reports::verdict::{Reason, Verdict};
use ackproof_scenario::plan::Plan;

/// Runs `seed` of `plan` and decides; `trace` sees every entry of the first run.
///
/// # Errors
/// The message of a panic: ackproof itself failed.
pub fn trial(
    plan: &Plan,
    origin: &Origin<'_>,
    seed: u64,
    trace: Option<Trace>,
) -> Result<RunReport, String> {
    judged(plan, origin, seed, run(plan, seed, trace))
}

/// As [`trial`], with the stories of records that were lost or skipped.
///
/// # Errors
/// As [`trial`].
pub fn trial_telling(
    plan: &Plan,
    origin: &Origin<'_>,
    seed: u64,
    trace: Option<Trace>,
) -> Result<RunReport, String> {
    judged(plan, origin, seed, run_telling(plan, seed, trace))
}

fn judged(
    plan: &Plan,
    origin: &Origin<'_>,
    seed: u64,
    outcome: Result<RunOutcome, String>,
) -> Result<RunReport, String> {
    let outcome = outcome?;
    tracing::info!(scenario = plan.name, seed, "run is over");
    let mut report = report::facts(plan, origin, &outcome);
    assess::run(plan, &mut report);
    if origin.check_determinism
        && let Some(divergence) = determinism::divergence(&outcome, |trace| run(plan, seed, trace))?
    {
        let text = divergence.to_string();
        let reason =
            Reason { expectation: "run".to_owned(), verdict: Verdict::Nondeterministic, text };
        report.reasons.insert(0, reason);
        report.verdict = Verdict::Nondeterministic;
    }
    Ok(report)
}
