//! `ackproof explain`: what a configuration promises and leaves possible, with a search for examples
//! under faults of its own.

use super::args::{Shown, parse_set};
use super::load::{Scenario, load};
use super::options::{parse_jobs, threads};
use super::output::{result, talk};
use super::seeds::{parse_range, parse_seed};
use super::status::Status;
use super::sweep::stop_on_interrupt;
use ackproof::bounds::{Bounds, Failure};
use ackproof::conclude;
use ackproof::explore::in_order;
use ackproof::provoke::provoked;
use ackproof::report::Origin;
use ackproof::runs::Runs;
use ackproof::tally::Tally;
use ackproof::trial::{trial, trial_telling};
use ackproof_reports::command::quoted;
use ackproof_reports::sweep::{Asked, SeedRange, SweepReport};
use ackproof_reports::verdict::Verdict;
use ackproof_reports::{human, json};
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// What the configuration of a scenario promises, which setting is responsible, and a search for
/// examples of what it leaves possible: its workload under faults that are made to show them, not under
/// its own. Exit status 1 if something worse than that occurs.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// A scenario file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Seeds to search.
    #[arg(long, value_name = "A..B", default_value = "0..20", value_parser = parse_range)]
    seeds: Range<u64>,
    /// Tell one of them in full instead.
    #[arg(long, value_name = "N", value_parser = parse_seed, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Override a value of the scenario: `producers.billing.config.acks=1`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    sets: Vec<(String, String)>,
    /// For people, or as one JSON object.
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    format: Shown,
    /// Runs at the same time [default: one a core].
    #[arg(long, value_name = "J", value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,
}

pub(crate) fn explain(arguments: &Explain) -> Status {
    let loaded = load(std::slice::from_ref(&arguments.file), &arguments.sets);
    let mut scenario = match loaded.map(|mut all| all.pop()) {
        Ok(Some(scenario)) => scenario,
        Ok(None) => return Status::Nothing,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    scenario.plan = provoked(&scenario.plan);
    match arguments.seed {
        Some(seed) => one(arguments, &scenario, seed),
        None => search(arguments, &scenario),
    }
}

fn origin<'a>(arguments: &'a Explain, scenario: &'a Scenario) -> Origin<'a> {
    Origin { file: &scenario.file, sets: &arguments.sets, swarm: None, check_determinism: false }
}

fn one(arguments: &Explain, scenario: &Scenario, seed: u64) -> Status {
    let origin = origin(arguments, scenario);
    match trial_telling(&scenario.plan, &origin, seed, None, &Bounds::default()) {
        Ok(mut report) => {
            report.reproduce =
                again(arguments, &scenario.file, ["--seed".to_owned(), seed.to_string()]);
            result(&match arguments.format {
                Shown::Human => human::run(&report),
                Shown::Json => json::run(&report),
            })
        }
        Err(failure) => {
            talk(&format!("{failure}\n"));
            if matches!(failure, Failure::Bounded(_)) {
                Status::Inconclusive
            } else {
                Status::Internal
            }
        }
    }
}

fn search(arguments: &Explain, scenario: &Scenario) -> Status {
    let Range { start, end } = arguments.seeds;
    let asked = Asked {
        paths: vec![scenario.file.clone()],
        sets: arguments.sets.clone(),
        seeds: SeedRange { from: start, to: Some(end) },
        ..Asked::default()
    };
    let mut tally = Tally::new(&scenario.plan, &scenario.file, &asked);
    let runs = Runs { scenarios: 1, seeds: asked.seeds, part: None };
    let jobs = threads(arguments.jobs);
    let stop = stop_on_interrupt();
    in_order(
        runs.iter(),
        jobs,
        &stop,
        |run| {
            let origin = origin(arguments, scenario);
            trial(&scenario.plan, &origin, run.seed, None, &Bounds::default())
        },
        |run, result| {
            let result = result.unwrap_or_else(|panic| Err(Failure::Crashed(panic)));
            tally.add(run.seed, result.as_ref());
            ControlFlow::Continue(())
        },
    );
    let mut report = tally.conclude();
    report.reproduce =
        again(arguments, &scenario.file, ["--seeds".to_owned(), format!("{start}..{end}")]);
    let reproduce = report.reproduce.clone();
    let interrupted = stop.load(Ordering::Relaxed);
    let report = SweepReport {
        reproduce,
        ..conclude::sweep(asked.clone(), vec![report], interrupted, None)
    };
    let text = match arguments.format {
        Shown::Human => human::explained(&report),
        Shown::Json => json::sweep(&report),
    };
    let interrupted = if interrupted { Status::Interrupted } else { Status::Met };
    // What a search did not find is no reproach.
    let verdict = match report.verdict {
        Verdict::Inconclusive => Verdict::Met,
        verdict => verdict,
    };
    Status::from(verdict).max(result(&text)).max(interrupted)
}

fn again(arguments: &Explain, file: &str, seeds: [String; 2]) -> String {
    let mut words = ["ackproof", "explain", file].map(str::to_owned).to_vec();
    words.extend(seeds);
    for (path, value) in &arguments.sets {
        words.extend(["--set".to_owned(), format!("{path}={value}")]);
    }
    quoted(&words)
}
