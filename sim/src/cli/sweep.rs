//! A sweep: scenarios × seeds over all cores, added up as they come in, with what was done by then on
//! Ctrl-C.

use super::args::{Format, Run};
use super::load::Scenario;
use super::output::{result, talk};
use super::run::origin;
use super::status::Status;
use ackproof::bounds::{Bounds, Failure};
use ackproof::conclude;
use ackproof::explore::in_order;
use ackproof::runs::Runs;
use ackproof::tally::Tally;
use ackproof::trial::trial;
use ackproof_reports::sweep::{Asked, SeedRange};
use ackproof_reports::{human, json};
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs `seeds` of every scenario.
pub(crate) fn sweep(arguments: &Run, scenarios: &[Scenario], seeds: &Range<u64>) -> Status {
    let stop = stop_on_interrupt();
    let asked = Asked {
        paths: arguments.paths.iter().map(|path| path.display().to_string()).collect(),
        sets: arguments.sets.clone(),
        seeds: SeedRange { from: seeds.start, to: Some(seeds.end) },
        check_determinism: arguments.check_determinism,
        ..Asked::default()
    };
    let mut tallies: Vec<Tally<'_>> =
        scenarios.iter().map(|one| Tally::new(&one.plan, &one.file, &asked)).collect();
    let runs = Runs { scenarios: scenarios.len(), seeds: asked.seeds, part: None };
    let jobs = arguments
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
    in_order(
        runs.iter(),
        jobs,
        &stop,
        |run| {
            let scenario = &scenarios[run.scenario];
            let origin = origin(arguments, scenario);
            trial(&scenario.plan, &origin, run.seed, None, &Bounds::default())
        },
        |run, result| {
            let result = result.unwrap_or_else(|panic| Err(Failure::Crashed(panic)));
            tallies[run.scenario].add(run.seed, result.as_ref());
            ControlFlow::Continue(())
        },
    );
    let reports = tallies.into_iter().map(Tally::conclude).collect();
    let report = conclude::sweep(asked.clone(), reports, stop.load(Ordering::Relaxed), None);
    let text = match arguments.format {
        Format::Human => human::sweep(&report),
        Format::Json => json::sweep(&report),
    };
    let interrupted = if report.interrupted { Status::Interrupted } else { Status::Met };
    Status::from(report.verdict).max(result(&text)).max(interrupted)
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
