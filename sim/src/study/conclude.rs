//! From sums to a verdict: what the seeds of a scenario, and the scenarios of a sweep, came to together.
//!
//! It needs nothing but the sums, so that parts of a sweep that were run elsewhere can be added up and
//! concluded again. Knows no plan and no run.

use super::statistics::{clean_runs_for, proportion};
use super::{assess, fates, measures};
use ackproof_reports::SCHEMA;
use ackproof_reports::command::Command;
use ackproof_reports::run::{PropertyReport, RunReport};
use ackproof_reports::sweep::{
    Asked, Claim, Incident, PropertySweep, RunName, ScenarioReport, SweepReport,
};
use ackproof_reports::verdict::{Judgement, Verdict};

/// Decides on the seeds of a scenario, and names the command that shows why.
pub(crate) fn scenario(report: &mut ScenarioReport, asked: &Asked) {
    for property in report.properties.iter_mut().filter(|one| one.judged > 0) {
        property.rate = Some(proportion(property.violated.len() as u64, property.judged));
    }
    report.claim = claim(&report.properties);
    measures::conclude(&mut report.measures);
    fates::conclude(&mut report.causes, &report.measures);
    let (from, to) = (report.seeds.from, report.seeds.to);
    let ended = report.seeds.run + (report.crashed.len() + report.bounded.len()) as u64;
    // What a budget of time leaves out is another matter with every machine: nothing follows from it.
    let complete = asked.seeds.to.is_some() && ended == to - from;
    assess::scenario(report, complete);
    let file = report.file.clone();
    report.reproduce = match telling(report) {
        Some(seed) => command(&[&file], (seed, seed.saturating_add(1)), asked),
        None => command(&[&file], (from, to), asked),
    };
}

/// All scenarios together.
#[must_use]
pub fn sweep(
    asked: Asked,
    scenarios: Vec<ScenarioReport>,
    interrupted: bool,
    stopped_by: Option<RunName>,
) -> SweepReport {
    let verdict = scenarios.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Met);
    let worst = scenarios.iter().find(|one| one.verdict == verdict);
    let reproduce = match worst {
        Some(worst) if verdict != Verdict::Met || scenarios.len() == 1 => worst.reproduce.clone(),
        _ => {
            let paths: Vec<&str> = asked.paths.iter().map(String::as_str).collect();
            // A scenario may have run seeds of its own beyond those that were asked for.
            let ran = || scenarios.iter().map(|one| one.seeds.to).max();
            let to = asked.seeds.to.or_else(ran).unwrap_or(asked.seeds.from);
            command(&paths, (asked.seeds.from, to), &asked)
        }
    };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    SweepReport {
        schema: SCHEMA,
        version,
        asked,
        verdict,
        interrupted,
        stopped_by,
        scenarios,
        reproduce,
    }
}

/// Puts the stories of a run that was told in full to the properties that it is the first to violate.
pub fn tell(report: &mut ScenarioReport, told: &RunReport) {
    for property in &mut report.properties {
        let named = |one: &&PropertyReport| one.name == property.name;
        let first = told.properties.iter().find(named).and_then(|one| one.violations.first());
        if property.violated.first() == Some(&told.seed) && first.is_some() {
            property.first = first.cloned();
        }
    }
}

fn command(files: &[&str], (from, to): (u64, u64), asked: &Asked) -> String {
    let Asked { sets, swarm, check_determinism, part, .. } = asked;
    let (swarm, check_determinism, part) = (*swarm, *check_determinism, *part);
    Command { files, from, to, sets, swarm, check_determinism, part }.to_string()
}

/// What the weakest of the properties that held says, and what a stronger claim takes.
fn claim(properties: &[PropertySweep]) -> Option<Claim> {
    let held = properties.iter().filter(|one| one.verdict == Judgement::Held);
    let below = held.filter_map(|one| one.rate.map(|rate| rate.high)).reduce(f64::max)?;
    let mut stronger = 0.1;
    while stronger >= below {
        stronger /= 10.0;
    }
    Some(Claim { below, stronger, seeds: clean_runs_for(stronger) })
}

/// The seed that shows best why the verdict is what it is.
fn telling(report: &ScenarioReport) -> Option<u64> {
    let incident = |list: &[Incident]| list.first().map(|incident| incident.seed);
    match report.verdict {
        Verdict::Crashed => incident(&report.crashed),
        Verdict::Nondeterministic => incident(&report.nondeterministic),
        Verdict::Violated => report.seeds.violated.first().copied(),
        Verdict::Inconclusive => incident(&report.bounded),
        // Something was violated, and was meant to be.
        Verdict::Met => {
            report.properties.iter().filter_map(|one| one.violated.first().copied()).min()
        }
    }
}
