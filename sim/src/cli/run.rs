//! `ackproof run`: one seed of one scenario is told in full, everything else is a sweep.

use super::args::{Format, Run};
use super::load::{Scenario, load};
use super::output::{TraceOut, result, talk};
use super::select::select;
use super::status::Status;
use ackproof::explore::in_order;
use ackproof::report::Origin;
use ackproof::tally::Tally;
use ackproof::trial::{trial, trial_telling};
use ackproof_reports::command::Command;
use ackproof_reports::sweep::{ScenarioReport, SweepReport};
use ackproof_reports::verdict::Verdict;
use ackproof_reports::{SCHEMA, human, json};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

fn origin<'a>(arguments: &'a Run, scenario: &'a Scenario) -> Origin<'a> {
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
    let run = trial_telling(&scenario.plan, &origin, seed, trace);
    let traced = out.as_ref().map_or(Status::Met, TraceOut::finish);
    let report = match run {
        Ok(report) => report,
        Err(panic) => {
            let command = origin.command(seed, seed.saturating_add(1));
            talk(&format!("ackproof itself failed: {panic}\n{command}\n"));
            return Status::Internal;
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

fn sweep(arguments: &Run, scenarios: &[Scenario], seeds: &Range<u64>) -> Status {
    let stop = stop_on_interrupt();
    let each = seeds.end - seeds.start;
    let place = |index: u64| {
        let scenario = usize::try_from(index / each).expect("there are fewer scenarios");
        (scenario, seeds.start + index % each)
    };
    let mut tallies: Vec<Tally<'_>> = scenarios
        .iter()
        .map(|one| Tally::new(&one.plan, origin(arguments, one), seeds.clone()))
        .collect();
    let work = |index| {
        let (scenario, seed) = place(index);
        let scenario = &scenarios[scenario];
        trial(&scenario.plan, &origin(arguments, scenario), seed, None)
    };
    let jobs = arguments
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
    in_order(each * scenarios.len() as u64, jobs, &stop, work, |index, run| {
        let (scenario, seed) = place(index);
        tallies[scenario].add(seed, run);
    });
    let reports = tallies.into_iter().map(Tally::conclude).collect();
    let report = summary(arguments, reports, seeds, stop.load(Ordering::Relaxed));
    let text = match arguments.format {
        Format::Human => human::sweep(&report),
        Format::Json => json::sweep(&report),
    };
    let interrupted = if report.interrupted { Status::Interrupted } else { Status::Met };
    Status::from(report.verdict).max(result(&text)).max(interrupted)
}

fn summary(
    arguments: &Run,
    scenarios: Vec<ScenarioReport>,
    seeds: &Range<u64>,
    interrupted: bool,
) -> SweepReport {
    let verdict = scenarios.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Met);
    let worst = scenarios.iter().find(|one| one.verdict == verdict);
    let reproduce = match worst {
        Some(worst) if verdict != Verdict::Met || scenarios.len() == 1 => worst.reproduce.clone(),
        _ => {
            let files: Vec<String> =
                arguments.paths.iter().map(|path| path.display().to_string()).collect();
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            let (from, to, sets) = (seeds.start, seeds.end, arguments.sets.as_slice());
            let check_determinism = arguments.check_determinism;
            Command { files: &files, from, to, sets, check_determinism }.to_string()
        }
    };
    SweepReport { schema: SCHEMA, verdict, interrupted, scenarios, reproduce }
}

/// A flag that Ctrl-C sets; a second Ctrl-C ends the process at once.
fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(Status::Interrupted.code().into());
        }
        talk("interrupted: waiting for the runs at work; once more to stop at once\n");
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::warn!(%error, "Ctrl-C will lose what is done");
    }
    stop
}
