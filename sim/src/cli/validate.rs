//! `ackproof validate`: real histories of scenarios against their simulated runs. What agrees is decided in
//! the library; here files are found, read and written.

use super::args::parse_set;
use super::check::open;
use super::load::{Scenario, load};
use super::options::{parse_jobs, threads};
use super::output::{result, talk};
use super::place;
use super::progress::Progress;
use super::seeds::{nothing, parse_range};
use super::status::Status;
use super::sweep::stop_on_interrupt;
use ackproof::outside::check::read;
use ackproof::outside::validate::{Known, Validation, report};
use ackproof::study::explore::in_order;
use ackproof::study::report::Origin;
use ackproof::study::runs::Runs;
use ackproof::study::trial::trial;
use ackproof::world::bounds::{Bounds, Failure};
use ackproof_reports::command::quoted;
use ackproof_reports::sweep::SeedRange;
use ackproof_reports::validate::{Agreement, LeftOut, ValidateReport};
use ackproof_reports::{human, json, markdown, page};
use clap::ValueEnum;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// What `validate` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Validate {
    /// The scenario that ran on a real cluster. With --real, any number of scenarios.
    #[arg(value_name = "SCENARIO", required_unless_present = "real")]
    named: Vec<PathBuf>,
    /// Histories of real runs, plain or compressed (.gz).
    #[arg(long = "history", value_name = "FILE", num_args = 1..)]
    histories: Vec<PathBuf>,
    /// Several scenarios at once. DIR/NAME/ holds the real runs of NAME.json (*.jsonl or
    /// *.jsonl.gz). Compares the scenarios that are named, or all. Skips and reports files that are
    /// not a history of their scenario.
    #[arg(long, value_name = "DIR", conflicts_with = "histories")]
    real: Option<PathBuf>,
    /// The directory in which --real looks for NAME.json if no scenario is named.
    #[arg(long, value_name = "DIR", default_value = "scenarios/real")]
    scenarios: PathBuf,
    /// Figures that are known to differ, with the reasons. They are shown and not tested. The file
    /// is a JSON object like `{"leader-kill": {"longest_stall": "why"}, "*": {}}`.
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
    /// Override a value of the scenario: `run.settle=60s`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    sets: Vec<(String, String)>,
    /// The seeds to simulate.
    #[arg(long, value_name = "A..B", default_value = "0..200", value_parser = parse_range)]
    seeds: Range<u64>,
    /// The format: text, one JSON object (see `schema validate`), or the body of a page.
    #[arg(long, value_enum, default_value_t = Page::Human)]
    format: Page,
    /// Also write a page to a file: real and simulated runs side by side.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The number of runs at the same time [default: one per core].
    #[arg(long, value_name = "J", value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,
    /// The file to write [default: stdout].
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
    let (mut halves, left_out) = match prepare(arguments) {
        Ok(prepared) => prepared,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    if arguments.seeds.is_empty() {
        return nothing(&arguments.seeds);
    }
    let page = match place::Page::open(arguments.html.as_deref()) {
        Ok(page) => page,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    for LeftOut { file, why } in &left_out {
        talk(&format!("error: {file}: {why}; it is left out\n"));
    }
    let (failed, interrupted) = simulate(arguments, &mut halves);
    let seeds = SeedRange { from: arguments.seeds.start, to: Some(arguments.seeds.end) };
    let validated = halves.into_iter().map(|half| half.validation.conclude()).collect();
    let is_whole = left_out.is_empty();
    let report = report(validated, seeds, interrupted, left_out, again(arguments));
    let status = match report.agreement {
        Agreement::Agrees => Status::Met,
        Agreement::NotCompared => Status::Inconclusive,
        Agreement::Differs => Status::Violated,
    };
    // What differs is said first.
    let whole = if is_whole || status == Status::Violated { Status::Met } else { Status::Usage };
    let failed = if failed { Status::Internal } else { Status::Met };
    let interrupted = if interrupted { Status::Interrupted } else { Status::Met };
    let shown = page.write(|| page::validate(&report)).max(written(arguments, &report));
    shown.max(status).max(whole).max(failed).max(interrupted)
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

/// A scenario file with its histories.
type Wanted = (PathBuf, Vec<PathBuf>);

/// What is to be compared, read and judged; and what was left out.
fn prepare(arguments: &Validate) -> Result<(Vec<Half>, Vec<LeftOut>), String> {
    let known = known(arguments.known.as_deref())?;
    let Some(real) = &arguments.real else {
        let halves = halves(vec![named_alone(arguments)?], &arguments.sets, &known, None)?;
        return Ok((halves, Vec::new()));
    };
    let mut left_out = Vec::new();
    let wanted = if arguments.named.is_empty() {
        all(real, &arguments.scenarios, &mut left_out)?
    } else {
        arguments.named.iter().map(|file| named(real, file)).collect::<Result<_, _>>()?
    };
    if wanted.is_empty() {
        let real = real.display();
        return Err(format!(
            "error: {real}: no history (NAME/*.jsonl, NAME/*.jsonl.gz) is there\n"
        ));
    }
    let halves = halves(wanted, &arguments.sets, &known, Some(&mut left_out))?;
    Ok((halves, left_out))
}

fn known(file: Option<&Path>) -> Result<Known, String> {
    let Some(file) = file else { return Ok(Known::default()) };
    let told = |error: String| format!("error: {}: {error}\n", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| told(error.to_string()))?;
    Known::read(&text).map_err(told)
}

/// Without --real: one scenario, and the histories that are named.
fn named_alone(arguments: &Validate) -> Result<Wanted, String> {
    match (arguments.named.as_slice(), arguments.histories.is_empty()) {
        ([scenario], false) => Ok((scenario.clone(), arguments.histories.clone())),
        (_, true) => {
            Err("error: no history: name some with --history, or a folder with --real\n".to_owned())
        }
        _ => Err("error: --history takes one scenario; several need --real\n".to_owned()),
    }
}

/// A scenario file and its histories below `real`.
fn named(real: &Path, file: &Path) -> Result<Wanted, String> {
    let folder = real.join(file.file_stem().unwrap_or_default());
    let histories = histories_in(&folder)?;
    if histories.is_empty() {
        return Err(format!(
            "error: {}: no history of {} is there\n",
            folder.display(),
            file.display()
        ));
    }
    Ok((file.to_owned(), histories))
}

/// Every scenario of which there are histories below `real`.
fn all(real: &Path, scenarios: &Path, left_out: &mut Vec<LeftOut>) -> Result<Vec<Wanted>, String> {
    let mut wanted = Vec::new();
    for folder in listed(real)?.into_iter().filter(|path| path.is_dir()) {
        let histories = histories_in(&folder)?;
        let Some(name) = folder.file_name().filter(|_| !histories.is_empty()) else { continue };
        let mut file = name.to_os_string();
        file.push(".json");
        let file = scenarios.join(file);
        if file.is_file() {
            wanted.push((file, histories));
        } else {
            let why = format!("there is no scenario {}", file.display());
            left_out.push(LeftOut { file: folder.display().to_string(), why });
        }
    }
    Ok(wanted)
}

fn histories_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    Ok(listed(folder)?.into_iter().filter(|path| is_history(path)).collect())
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

/// Reads scenarios and judges their histories. One that is none of its scenario is put to `left_out`, or is an
/// error if nothing may be left out.
fn halves(
    wanted: Vec<Wanted>,
    sets: &[(String, String)],
    known: &Known,
    mut left_out: Option<&mut Vec<LeftOut>>,
) -> Result<Vec<Half>, String> {
    let (files, histories): (Vec<PathBuf>, Vec<Vec<PathBuf>>) = wanted.into_iter().unzip();
    let scenarios = load(&files, sets)?;
    let mut halves = Vec::new();
    for ((scenario, file), histories) in scenarios.into_iter().zip(&files).zip(histories) {
        let mut validation = Validation::new(&scenario.plan, &scenario.file);
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        validation.known(known.of(stem));
        for path in &histories {
            match (take(path, &mut validation), &mut left_out) {
                (Ok(()), _) => {}
                (Err(error), None) => return Err(error.shown),
                (Err(Foreign { file, why, .. }), Some(left_out)) => {
                    left_out.push(LeftOut { file, why });
                }
            }
        }
        halves.push(Half { scenario, validation });
    }
    Ok(halves)
}

/// A file that is no history of its scenario.
struct Foreign {
    file: String,
    why: String,
    /// Both, as an error.
    shown: String,
}

/// Judges the history in `path`.
fn take(path: &Path, validation: &mut Validation) -> Result<(), Foreign> {
    let file = path.display().to_string();
    let foreign = |why: String| {
        let shown = format!("error: {file}: {why}\n");
        Foreign { file: file.clone(), why, shown }
    };
    let input = open(path).map_err(|error| foreign(error.to_string()))?;
    let checked = read(input, &[]).map_err(|problem| Foreign {
        shown: problem.shown(&file),
        ..foreign(format!("line {problem}"))
    })?;
    validation.real(&file, &checked).map_err(foreign)
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
    words.extend(arguments.named.iter().map(shown));
    if !arguments.histories.is_empty() {
        words.push("--history".to_owned());
        words.extend(arguments.histories.iter().map(shown));
    }
    if let Some(real) = &arguments.real {
        words.extend(["--real".to_owned(), shown(real)]);
        if arguments.named.is_empty() {
            words.extend(["--scenarios".to_owned(), shown(&arguments.scenarios)]);
        }
    }
    if let Some(known) = &arguments.known {
        words.extend(["--known".to_owned(), shown(known)]);
    }
    for (path, value) in &arguments.sets {
        words.extend(["--set".to_owned(), format!("{path}={value}")]);
    }
    let Range { start, end } = arguments.seeds;
    words.extend(["--seeds".to_owned(), format!("{start}..{end}")]);
    quoted(&words)
}
