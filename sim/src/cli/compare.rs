//! `ackproof compare`: scenarios, or one with different settings, side by side over the same seeds.

use super::args::{Shown, parse_set};
use super::load::{Scenario, load_saying};
use super::options::{parse_jobs, threads};
use super::output::{for_people, result, talk};
use super::place::Page;
use super::progress::Progress;
use super::seeds::{nothing, parse_range};
use super::status::Status;
use super::sweep::stop_on_interrupt;
use ackproof::study::compare::Comparison;
use ackproof::study::explore::in_order;
use ackproof::study::report::Origin;
use ackproof::study::runs::Runs;
use ackproof::study::trial::trial;
use ackproof::world::bounds::{Bounds, Failure};
use ackproof_reports::command::quoted;
use ackproof_reports::sweep::SeedRange;
use ackproof_reports::{human, json, page};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Most arms: a grid grows fast, and each arm runs every seed.
const MAX_ARMS: usize = 256;

/// What `compare` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
    /// Scenario files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// With one file: the setting of one arm. With several files: a setting for all of them.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    sets: Vec<(String, String)>,
    /// Several values of a setting: `session.timeout.ms=6000,10000`. Every combination with the
    /// values of the other `--vary` is an arm.
    #[arg(long = "vary", value_name = "PATH=VALUE,…", value_parser = parse_set)]
    vary: Vec<(String, String)>,
    /// The seeds that every arm runs.
    #[arg(long, value_name = "A..B", default_value = "0..20", value_parser = parse_range)]
    seeds: Range<u64>,
    /// The format: text, or one JSON object (see `schema compare`).
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    format: Shown,
    /// Also write a page to a file: the arms side by side, and what one costs and another saves.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The number of runs at the same time [default: one per core].
    #[arg(long, value_name = "J", value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,
}

type Sets = Vec<(String, String)>;

pub(crate) fn compare(arguments: &Compare) -> Status {
    let arms = match arms(arguments).and_then(loaded) {
        Ok(arms) => arms,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    if arguments.seeds.is_empty() {
        return nothing(&arguments.seeds);
    }
    let named = arms.iter().map(|(scenario, sets)| (scenario.file.clone(), sets.clone()));
    let mut comparison = Comparison::new(named);
    let page = match Page::open(arguments.html.as_deref()) {
        Ok(page) => page,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    let seeds = SeedRange { from: arguments.seeds.start, to: Some(arguments.seeds.end) };
    let runs = Runs { scenarios: arms.len(), seeds, part: None };
    let jobs = threads(arguments.jobs);
    let stop = stop_on_interrupt();
    let mut failed = false;
    let mut progress = Progress::new(runs.count(), None, false);
    in_order(
        runs.iter(),
        jobs,
        &stop,
        |run| {
            let (scenario, sets) = &arms[run.scenario];
            let origin =
                Origin { file: &scenario.file, sets, swarm: None, check_determinism: false };
            trial(&scenario.plan, &origin, run.seed, None, &Bounds::default())
        },
        |run, result| {
            let result = result.unwrap_or_else(|panic| Err(Failure::Crashed(panic)));
            failed |= result.is_err();
            comparison.add(run.scenario, run.seed, result.as_ref());
            progress.step(result.is_err());
            ControlFlow::Continue(())
        },
    );
    progress.finish();
    let interrupted = stop.load(Ordering::Relaxed);
    let report = comparison.conclude(seeds, interrupted, again(arguments));
    let shown = match arguments.format {
        Shown::Human => for_people(&human::compare(&report)),
        Shown::Json => result(&json::compare(&report)),
    };
    let failed = if failed { Status::Internal } else { Status::Met };
    let interrupted = if interrupted { Status::Interrupted } else { Status::Met };
    let written = page.write(|| page::compare(&report));
    shown.max(failed).max(interrupted).max(written)
}

/// The arms that were asked for: a file, and what is changed in it.
fn arms(arguments: &Compare) -> Result<Vec<(PathBuf, Sets)>, String> {
    let Compare { files, sets, vary, .. } = arguments;
    let arms: Vec<(PathBuf, Sets)> = match files.as_slice() {
        [file] if vary.is_empty() => {
            sets.iter().map(|set| (file.clone(), vec![set.clone()])).collect()
        }
        files => {
            let grid = grid(vary)?;
            let arms = files.iter().flat_map(|file| {
                let sets = grid.iter().map(move |cell| [sets.as_slice(), cell].concat());
                sets.map(move |sets| (file.clone(), sets))
            });
            arms.take(MAX_ARMS + 1).collect()
        }
    };
    match arms.len() {
        0 | 1 => Err("error: one arm is nothing to compare: name two files, give --set twice, or \
                      --vary\n"
            .to_owned()),
        count if count > MAX_ARMS => {
            Err(format!("error: more than {MAX_ARMS} arms are too many to compare\n"))
        }
        _ => Ok(arms),
    }
}

/// Every combination of the values of all `vary`.
fn grid(vary: &[(String, String)]) -> Result<Vec<Sets>, String> {
    let mut grid = vec![Sets::new()];
    for (path, values) in vary {
        let values: Vec<&str> = values.split(',').collect();
        if values.iter().any(|value| value.is_empty()) {
            return Err(format!("error: --vary {path}: there is an empty value\n"));
        }
        if grid.len().saturating_mul(values.len()) > MAX_ARMS {
            return Err(format!("error: more than {MAX_ARMS} arms are too many to compare\n"));
        }
        let grown = grid.iter().flat_map(|cell| {
            values.iter().map(move |value| {
                let mut cell = cell.clone();
                cell.push((path.clone(), (*value).to_owned()));
                cell
            })
        });
        grid = grown.collect();
    }
    Ok(grid)
}

fn loaded(arms: Vec<(PathBuf, Sets)>) -> Result<Vec<(Scenario, Sets)>, String> {
    let (mut loaded, mut said) = (Vec::new(), BTreeSet::new());
    for (file, sets) in arms {
        for scenario in load_saying(&[file], &sets, &mut said)? {
            loaded.push((scenario, sets.clone()));
        }
    }
    Ok(loaded)
}

fn again(arguments: &Compare) -> String {
    let mut words = vec!["ackproof".to_owned(), "compare".to_owned()];
    words.extend(arguments.files.iter().map(|file| file.display().to_string()));
    for (flag, pairs) in [("--set", &arguments.sets), ("--vary", &arguments.vary)] {
        for (path, value) in pairs {
            words.extend([flag.to_owned(), format!("{path}={value}")]);
        }
    }
    let Range { start, end } = arguments.seeds;
    words.extend(["--seeds".to_owned(), format!("{start}..{end}")]);
    quoted(&words)
}
