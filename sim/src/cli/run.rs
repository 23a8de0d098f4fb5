//! `ackproof run`: which runs are asked for. One seed of one scenario is told in full; everything else is
//! [`super::sweep`]'s.

use super::args::{Format, Run};
use super::load::{Scenario, load};
use super::output::{TraceOut, result, talk};
use super::select::select;
use super::status::Status;
use super::sweep::sweep;
use ackproof::bounds::{Bounds, Failure};
use ackproof::report::Origin;
use ackproof::trial::trial_telling;
use ackproof_reports::{human, json};
use std::ops::Range;

pub(crate) fn run(arguments: &Run) -> Status {
    let selected = select(&arguments.paths);
    let scenarios = match selected.and_then(|files| load(&files, &arguments.sets)) {
        Ok(scenarios) => scenarios,
        Err(text) => return refuse(&text),
    };
    let seeds = arguments.seeds.clone().unwrap_or(arguments.seed..arguments.seed.saturating_add(1));
    let each = seeds.end - seeds.start;
    let Some(count) = each.checked_mul(scenarios.len() as u64) else {
        return refuse("error: so many runs cannot be counted; ask for fewer seeds\n");
    };
    if count > 1 && arguments.trace {
        return refuse("error: --trace follows one run: name one scenario and one seed\n");
    }
    match (scenarios.as_slice(), count) {
        (_, 0) => {
            let Range { start, end } = seeds;
            talk(&format!("nothing to run: {start}..{end} holds no seed; the last is excluded\n"));
            Status::Nothing
        }
        ([scenario], 1) => single(arguments, scenario, seeds.start),
        (scenarios, _) => sweep(arguments, scenarios, &seeds),
    }
}

fn refuse(text: &str) -> Status {
    talk(text);
    Status::Usage
}

/// How the user asked for runs of `scenario`.
pub(crate) fn origin<'a>(arguments: &'a Run, scenario: &'a Scenario) -> Origin<'a> {
    Origin {
        file: &scenario.file,
        sets: &arguments.sets,
        check_determinism: arguments.check_determinism,
    }
}

fn single(arguments: &Run, scenario: &Scenario, seed: u64) -> Status {
    let origin = origin(arguments, scenario);
    let out = arguments.trace.then(TraceOut::new);
    let trace = out.as_ref().map(TraceOut::trace);
    let run = trial_telling(&scenario.plan, &origin, seed, trace, &Bounds::default());
    let traced = out.as_ref().map_or(Status::Met, TraceOut::finish);
    let report = match run {
        Ok(report) => report,
        Err(failure) => {
            let command = origin.command(seed, seed.saturating_add(1));
            let (words, status) = match failure {
                Failure::Crashed(text) => {
                    (format!("ackproof itself failed: {text}"), Status::Internal)
                }
                Failure::Bounded(text) => {
                    (format!("the run came to no end: {text}"), Status::Inconclusive)
                }
            };
            talk(&format!("{words}\n{command}\n"));
            return status;
        }
    };
    let text = match arguments.format {
        Format::Human => human::run(&report),
        Format::Json => json::run(&report),
    };
    let shown = if out.is_some() {
        talk(&text);
        Status::Met
    } else {
        result(&text)
    };
    Status::from(report.verdict).max(traced).max(shown)
}
