//! A sweep: scenarios × seeds over all cores, added up as they come in, with what was done by then on
//! Ctrl-C.

use super::args::{Format, Run};
use super::load::Scenario;
use super::output::{result, talk};
use super::run::origin;
use super::status::Status;
use ackproof::explore::in_order;
use ackproof::tally::Tally;
use ackproof::trial::trial;
use ackproof_reports::command::Command;
use ackproof_reports::sweep::{ScenarioReport, SweepReport};
use ackproof_reports::verdict::Verdict;
use ackproof_reports::{SCHEMA, human, json};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs `seeds` of every scenario.
pub(crate) fn sweep(arguments: &Run, scenarios: &[Scenario], seeds: &Range<u64>) -> Status {
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
