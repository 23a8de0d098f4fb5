//! `ackproof explain`: what a configuration promises and leaves possible, with a search for examples
//! under faults of its own.

use super::args::{Shown, parse_set};
use super::load::{Scenario, load};
use super::options::{parse_jobs, threads};
use super::output::{for_people, result, talk};
use super::place::below;
use super::progress::Progress;
use super::save::save_as;
use super::seeds::{nothing, parse_range, parse_seed};
use super::status::Status;
use super::sweep::stop_on_interrupt;
use ackproof::study::conclude;
use ackproof::study::explore::in_order;
use ackproof::study::provoke::provoked;
use ackproof::study::report::Origin;
use ackproof::study::runs::Runs;
use ackproof::study::tally::Tally;
use ackproof::study::trial::{trial, trial_telling};
use ackproof::world::bounds::{Bounds, Failure};
use ackproof_reports::command::quoted;
use ackproof_reports::run::Undecided;
use ackproof_reports::sweep::{Asked, PropertySweep, ScenarioReport, SeedRange, SweepReport};
use ackproof_reports::verdict::{Judgement, Reason, Verdict};
use ackproof_reports::{human, json};
use ackproof_types::Micros;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// What `explain` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// A scenario file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The seeds to search.
    #[arg(long, value_name = "A..B", default_value = "0..20", value_parser = parse_range)]
    seeds: Range<u64>,
    /// Tell the whole run of one seed instead.
    #[arg(long, value_name = "N", value_parser = parse_seed, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Write the schedule of each example and of each violation to this directory, for `replay` and
    /// `shrink`.
    #[arg(long, value_name = "DIR")]
    save_schedules: Option<PathBuf>,
    /// Override a value of the scenario: `producers.billing.config.acks=1`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    sets: Vec<(String, String)>,
    /// The format: text, or one JSON object.
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    format: Shown,
    /// The number of runs at the same time [default: one per core].
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
    if let Some(Err(text)) = arguments.save_schedules.as_deref().map(below) {
        talk(&text);
        return Status::Usage;
    }
    if arguments.seed.is_none() && arguments.seeds.is_empty() {
        return nothing(&arguments.seeds);
    }
    scenario.plan = provoked(&scenario.plan);
    for _ in 0..EXTENSIONS {
        let (found, needs) = match arguments.seed {
            Some(seed) => one(arguments, &scenario, seed),
            None => search(arguments, &scenario),
        };
        let needs = needs.filter(|needs| *needs > scenario.plan.settle && *needs <= LONGEST);
        let Some(needs) = needs else { return found.show(arguments, &scenario) };
        talk(&format!(
            "a group is behind and catching up: once more with a settle phase of {}s\n",
            needs.as_millis() / 1000
        ));
        scenario.plan.settle = needs;
    }
    let (found, _) = match arguments.seed {
        Some(seed) => one(arguments, &scenario, seed),
        None => search(arguments, &scenario),
    };
    found.show(arguments, &scenario)
}

/// How often the settle phase is made longer, for groups that are behind and catching up.
const EXTENSIONS: usize = 4;
/// A longer settle phase is not tried.
const LONGEST: Micros = Micros::from_secs(24 * 60 * 60);

/// What was found, not shown yet.
struct Found {
    status: Status,
    text: String,
    /// What is shown by which seed.
    examples: BTreeSet<(String, u64)>,
}

impl Found {
    fn show(self, arguments: &Explain, scenario: &Scenario) -> Status {
        if self.text.is_empty() {
            return self.status;
        }
        let saved = keep(arguments, scenario, &self.examples);
        let shown = match arguments.format {
            Shown::Human => for_people(&self.text),
            Shown::Json => result(&self.text),
        };
        self.status.max(saved).max(shown)
    }

    const fn failed(status: Status) -> (Self, Option<Micros>) {
        (Self { status, text: String::new(), examples: BTreeSet::new() }, None)
    }
}

fn origin<'a>(arguments: &'a Explain, scenario: &'a Scenario) -> Origin<'a> {
    Origin { file: &scenario.file, sets: &arguments.sets, swarm: None, check_determinism: false }
}

fn one(arguments: &Explain, scenario: &Scenario, seed: u64) -> (Found, Option<Micros>) {
    let origin = origin(arguments, scenario);
    match trial_telling(&scenario.plan, &origin, seed, None, &Bounds::default()) {
        Ok(mut report) => {
            report.reproduce =
                again(arguments, &scenario.file, ["--seed".to_owned(), seed.to_string()]);
            let undecided = report.properties.iter().filter(|one| one.undecided.is_some());
            let names: Vec<&str> = undecided.clone().map(|one| one.name.as_str()).collect();
            (report.verdict, report.reasons) = matters(&report.reasons, &names);
            let needs = settle(undecided.filter_map(|one| one.undecided.as_ref()));
            let status = Status::from(report.verdict);
            let possible = report.contract.iter().flat_map(|contract| &contract.possible);
            let shows =
                possible.filter(|one| !one.seeds.is_empty()).filter_map(|one| one.causes.first());
            let violated =
                report.properties.iter().filter(|one| one.verdict == Judgement::Violated);
            let violated = violated.map(|one| &one.name);
            let examples = violated.chain(shows).map(|name| (name.clone(), seed)).collect();
            let text = match arguments.format {
                Shown::Human => human::run(&report),
                Shown::Json => json::run(&report),
            };
            (Found { status, text, examples }, needs)
        }
        Err(failure) => {
            talk(&format!("{failure}\n"));
            Found::failed(if matches!(failure, Failure::Bounded(_)) {
                Status::Inconclusive
            } else {
                Status::Internal
            })
        }
    }
}

/// The longest settle phase that would decide one of these.
fn settle<'a>(undecided: impl Iterator<Item = &'a Undecided>) -> Option<Micros> {
    undecided.filter_map(|one| one.settle_ms).max().map(Micros::from_millis)
}

fn search(arguments: &Explain, scenario: &Scenario) -> (Found, Option<Micros>) {
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
    let mut progress = Progress::new(runs.count(), None, false);
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
            progress.step(false);
            ControlFlow::Continue(())
        },
    );
    progress.finish();
    let mut report = tally.conclude();
    report.reproduce =
        again(arguments, &scenario.file, ["--seeds".to_owned(), format!("{start}..{end}")]);
    let undecided = report.properties.iter().filter(|one| !one.undecided.is_empty());
    let names: Vec<&str> = undecided.clone().map(|one| one.name.as_str()).collect();
    (report.verdict, report.reasons) = matters(&report.reasons, &names);
    let needs = settle(undecided.filter_map(|one| one.why_undecided.as_ref()));
    tell(&mut report, arguments, scenario);
    let examples = examples(&report);
    let reproduce = report.reproduce.clone();
    let interrupted = stop.load(Ordering::Relaxed);
    let report =
        SweepReport { reproduce, ..conclude::sweep(asked, vec![report], interrupted, None) };
    let text = match arguments.format {
        Shown::Human => human::explained(&report),
        Shown::Json => json::sweep(&report),
    };
    let interrupted = if interrupted { Status::Interrupted } else { Status::Met };
    let needs = needs.filter(|_| interrupted == Status::Met);
    (Found { status: Status::from(report.verdict).max(interrupted), text, examples }, needs)
}

/// Runs the first seed of what is worse than promised again, for its story.
fn tell(report: &mut ScenarioReport, arguments: &Explain, scenario: &Scenario) {
    let is_worse = |one: &&PropertySweep| {
        report
            .reasons
            .iter()
            .any(|reason| reason.expectation == one.name && reason.verdict == Verdict::Violated)
    };
    let worse = report.properties.iter().filter(is_worse);
    let seeds: BTreeSet<u64> = worse.filter_map(|one| one.violated.first().copied()).collect();
    let origin = origin(arguments, scenario);
    for seed in seeds {
        // What has no story is told without one.
        if let Ok(told) = trial_telling(&scenario.plan, &origin, seed, None, &Bounds::default()) {
            conclude::tell(report, &told);
        }
    }
}

/// What is shown by which seed: each violation, and what the contract calls possible.
fn examples(report: &ScenarioReport) -> BTreeSet<(String, u64)> {
    let possible = report.contract.iter().flat_map(|contract| &contract.possible);
    let shows = possible.filter_map(|one| Some((one.causes.first()?.clone(), *one.seeds.first()?)));
    let violated = report.properties.iter();
    let violated = violated.filter_map(|one| Some((one.name.clone(), *one.violated.first()?)));
    violated.chain(shows).collect()
}

/// The reasons that count in a search: what it did not find is no reproach. What is left `undecided`, and a run
/// that came to no end, is told.
fn matters(reasons: &[Reason], undecided: &[&str]) -> (Verdict, Vec<Reason>) {
    let counts = |one: &&Reason| {
        one.verdict > Verdict::Inconclusive
            || one.expectation == "run"
            || undecided.contains(&one.expectation.as_str())
    };
    let reasons: Vec<Reason> = reasons.iter().filter(counts).cloned().collect();
    let verdict = reasons.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Met);
    (verdict, reasons)
}

/// Writes the schedule of each seed that shows something, by what it shows.
fn keep(arguments: &Explain, scenario: &Scenario, examples: &BTreeSet<(String, u64)>) -> Status {
    let Some(directory) = &arguments.save_schedules else { return Status::Met };
    let stem = Path::new(&scenario.file).file_stem().unwrap_or_default().to_string_lossy();
    let mut status = Status::Met;
    for (name, seed) in examples {
        let file = directory.join(format!("{stem}-{name}-seed-{seed}.json"));
        let command = again(arguments, &scenario.file, ["--seed".to_owned(), seed.to_string()]);
        let saved = save_as(&scenario.plan, (&scenario.file, &command), *seed, &file);
        status = status.max(saved);
    }
    status
}

fn again(arguments: &Explain, file: &str, seeds: [String; 2]) -> String {
    let mut words = ["ackproof", "explain", file].map(str::to_owned).to_vec();
    words.extend(seeds);
    for (path, value) in &arguments.sets {
        words.extend(["--set".to_owned(), format!("{path}={value}")]);
    }
    quoted(&words)
}
