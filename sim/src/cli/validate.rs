//! `ackproof validate`: real histories of scenarios against their simulated runs. What agrees is decided in
//! the library; here files are found, read and written.

use super::args::parse_set;
use super::check::open;
use super::load::{Scenario, load};
use super::options::{parse_jobs, threads};
use super::output::{result, talk};
use super::progress::Progress;
use super::seeds::parse_range;
use super::status::Status;
use super::sweep::stop_on_interrupt;
use ackproof::bounds::{Bounds, Failure};
use ackproof::check::read;
use ackproof::explore::in_order;
use ackproof::report::Origin;
use ackproof::runs::Runs;
use ackproof::trial::trial;
use ackproof::validate::{Validation, report};
use ackproof_reports::command::quoted;
use ackproof_reports::sweep::SeedRange;
use ackproof_reports::validate::{Agreement, ValidateReport};
use ackproof_reports::{human, json, markdown};
use clap::ValueEnum;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Is the model right about the real thing? Judges histories of real runs of a scenario, simulates it over
/// many seeds, and says for each property and figure whether the two sides agree.
///
/// A property differs if the real outcome has a probability below 2.5 % under every violation rate that
/// the simulation leaves possible; a figure of a real run lies inside or outside of the range of 95 % of the
/// simulated runs, a time if a value within a millisecond of it does: real clients tell no less. One figure in
/// twenty lies outside by chance.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 all agree and lie inside, 1 something differs or lies outside, \
2 usage error, or a history that is none of the scenario, 3 nothing could be compared."
)]
pub(crate) struct Validate {
    /// The scenario that ran for real.
    #[arg(value_name = "SCENARIO", required_unless_present = "real", requires = "histories")]
    scenario: Option<PathBuf>,
    /// Histories of real runs, compressed (.gz) or not.
    #[arg(long = "history", value_name = "FILE", num_args = 1.., requires = "scenario")]
    histories: Vec<PathBuf>,
    /// Many scenarios at once: DIR holds NAME/*.jsonl or *.jsonl.gz, the real runs of NAME.json.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["scenario", "histories"])]
    real: Option<PathBuf>,
    /// Where --real looks for NAME.json.
    #[arg(long, value_name = "DIR", default_value = "scenarios/real")]
    scenarios: PathBuf,
    /// Override a value of the scenario: `run.settle=60s`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    sets: Vec<(String, String)>,
    /// Seeds that are simulated.
    #[arg(long, value_name = "A..B", default_value = "0..200", value_parser = parse_range)]
    seeds: Range<u64>,
    /// For people, as one JSON object (of `schema validate`), or as the body of a page.
    #[arg(long, value_enum, default_value_t = Page::Human)]
    format: Page,
    /// Runs at the same time [default: one a core].
    #[arg(long, value_name = "J", value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,
    /// Where to write it [default: stdout].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How a validation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Page {
    /// For people.
    Human,
    /// One JSON object.
    Json,
    /// A table of scenarios, and a section for each.
    Markdown,
}

/// A scenario with what its real runs came to.
struct Half {
    scenario: Scenario,
    validation: Validation,
}

pub(crate) fn validate(arguments: &Validate) -> Status {
    if arguments.seeds.is_empty() {
        talk("nothing to run: the range holds no seed; the last is excluded\n");
        return Status::Nothing;
    }
    let mut halves = match wanted(arguments).and_then(|wanted| halves(wanted, &arguments.sets)) {
        Ok(halves) => halves,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    let (failed, interrupted) = simulate(arguments, &mut halves);
    let seeds = SeedRange { from: arguments.seeds.start, to: Some(arguments.seeds.end) };
    let validated = halves.into_iter().map(|half| half.validation.conclude()).collect();
    let report = report(validated, seeds, interrupted, again(arguments));
    let status = match report.agreement {
        Agreement::Agrees => Status::Met,
        Agreement::NotCompared => Status::Inconclusive,
        Agreement::Differs => Status::Violated,
    };
    let failed = if failed { Status::Internal } else { Status::Met };
    let interrupted = if interrupted { Status::Interrupted } else { Status::Met };
    written(arguments, &report).max(status).max(failed).max(interrupted)
}

/// Runs all seeds; whether one failed, and whether somebody stopped it.
fn simulate(arguments: &Validate, halves: &mut [Half]) -> (bool, bool) {
    let (scenarios, validations): (Vec<&Scenario>, Vec<&mut Validation>) =
        halves.iter_mut().map(|half| (&half.scenario, &mut half.validation)).unzip();
    let mut validations = validations;
    let seeds = SeedRange { from: arguments.seeds.start, to: Some(arguments.seeds.end) };
    let runs = Runs { scenarios: scenarios.len(), seeds, part: None };
    let stop = stop_on_interrupt();
    let mut progress = Progress::new(runs.count(), None, false);
    let mut failed = false;
    in_order(
        runs.iter(),
        threads(arguments.jobs),
        &stop,
        |run| {
            let scenario = scenarios[run.scenario];
            let (file, sets) = (scenario.file.as_str(), arguments.sets.as_slice());
            let origin = Origin { file, sets, swarm: None, check_determinism: false };
            trial(&scenario.plan, &origin, run.seed, None, &Bounds::default())
        },
        |run, result| {
            let result = result.unwrap_or_else(|panic| Err(Failure::Crashed(panic)));
            failed |= result.is_err();
            progress.step(result.is_err());
            validations[run.scenario].simulated(result.as_ref());
            ControlFlow::Continue(())
        },
    );
    progress.finish();
    (failed, stop.load(Ordering::Relaxed))
}

/// Scenario files, each with its histories.
fn wanted(arguments: &Validate) -> Result<Vec<(PathBuf, Vec<PathBuf>)>, String> {
    if let Some(scenario) = &arguments.scenario {
        return Ok(vec![(scenario.clone(), arguments.histories.clone())]);
    }
    let Some(real) = &arguments.real else { return Err("error: no scenario\n".to_owned()) };
    let mut wanted = Vec::new();
    for directory in listed(real)?.into_iter().filter(|path| path.is_dir()) {
        let histories: Vec<PathBuf> =
            listed(&directory)?.into_iter().filter(|path| is_history(path)).collect();
        let Some(name) = directory.file_name().filter(|_| !histories.is_empty()) else { continue };
        let mut file = name.to_os_string();
        file.push(".json");
        wanted.push((arguments.scenarios.join(file), histories));
    }
    if wanted.is_empty() {
        let real = real.display();
        return Err(format!(
            "error: {real}: no history (NAME/*.jsonl, NAME/*.jsonl.gz) is there\n"
        ));
    }
    Ok(wanted)
}

/// What is in a directory, sorted; numbers by their size.
fn listed(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let refused = |error| format!("error: {}: {error}\n", directory.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(refused)? {
        found.push(entry.map_err(refused)?.path());
    }
    let number = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.split('.').next().and_then(|stem| stem.parse::<u64>().ok())
    };
    found.sort_by_cached_key(|path| (number(path), path.clone()));
    Ok(found)
}

fn is_history(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    path.is_file() && (name.ends_with(".jsonl") || name.ends_with(".jsonl.gz"))
}

/// Reads scenarios and judges their histories.
fn halves(
    wanted: Vec<(PathBuf, Vec<PathBuf>)>,
    sets: &[(String, String)],
) -> Result<Vec<Half>, String> {
    let (files, histories): (Vec<PathBuf>, Vec<Vec<PathBuf>>) = wanted.into_iter().unzip();
    let mut halves = Vec::new();
    for (scenario, histories) in load(&files, sets)?.into_iter().zip(histories) {
        let mut validation = Validation::new(&scenario.plan, &scenario.file);
        for path in &histories {
            let name = path.display().to_string();
            let input = open(path).map_err(|error| format!("error: {name}: {error}\n"))?;
            let checked = read(input, &[]).map_err(|problem| problem.shown(&name))?;
            validation.real(&name, &checked).map_err(|why| format!("error: {name}: {why}\n"))?;
        }
        halves.push(Half { scenario, validation });
    }
    Ok(halves)
}

fn written(arguments: &Validate, report: &ValidateReport) -> Status {
    let text = match arguments.format {
        Page::Human => human::validate(report),
        Page::Json => json::validate(report),
        Page::Markdown => markdown::validate(report),
    };
    let Some(file) = &arguments.output else { return result(&text) };
    // No terminal will show it.
    let plain = anstream::adapter::strip_str(&text).to_string();
    match std::fs::write(file, plain) {
        Ok(()) => Status::Met,
        Err(error) => {
            talk(&format!("error: {}: {error}\n", file.display()));
            Status::Usage
        }
    }
}

fn again(arguments: &Validate) -> String {
    let mut words = vec!["ackproof".to_owned(), "validate".to_owned()];
    let shown = |path: &PathBuf| path.display().to_string();
    words.extend(arguments.scenario.as_ref().map(shown));
    if !arguments.histories.is_empty() {
        words.push("--history".to_owned());
        words.extend(arguments.histories.iter().map(shown));
    }
    if let Some(real) = &arguments.real {
        let scenarios = shown(&arguments.scenarios);
        words.extend(["--real".to_owned(), shown(real), "--scenarios".to_owned(), scenarios]);
    }
    for (path, value) in &arguments.sets {
        words.extend(["--set".to_owned(), format!("{path}={value}")]);
    }
    let Range { start, end } = arguments.seeds;
    words.extend(["--seeds".to_owned(), format!("{start}..{end}")]);
    quoted(&words)
}
