//! `ackproof shrink`: a failing seed becomes a small schedule file and a story of at most ten lines.

use super::args::parse_set;
use super::load::read;
use super::options::{FAILURES, parse_jobs, threads};
use super::output::{for_people, talk};
use super::place::{below, free, told, whole};
use super::progress::Progress;
use super::save::failure;
use super::seeds::parse_seed;
use super::status::Status;
use super::sweep::stop_on_interrupt;
use ackproof::study::report::Origin;
use ackproof::study::shrink::failure::names;
use ackproof::study::shrink::{Bounds, Shrunk, shrink as make_small};
use ackproof_reports::command::replay;
use ackproof_reports::human;
use ackproof_reports::shrink::End;
use ackproof_scenario::diagnostic::nearest;
use ackproof_scenario::durations::duration;
use ackproof_scenario::write;
use ackproof_types::words::plural;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What `shrink` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Shrink {
    /// A scenario or schedule file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The seed of the failing run [default: the seed that a schedule names, else 0].
    #[arg(long, value_name = "N", value_parser = parse_seed)]
    seed: Option<u64>,
    /// What must still fail in the small run: a property, or a count above 0: lost, skipped,
    /// log_duplicates, duplicates, unknown or failed [default: what fails first].
    #[arg(long, value_name = "NAME", value_parser = parse_property)]
    property: Option<String>,
    /// Override a value of the scenario: `producers.billing.config.acks=1`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    sets: Vec<(String, String)>,
    /// The largest number of runs. The result depends on nothing else.
    #[arg(long, value_name = "N", default_value_t = 3000)]
    runs: u64,
    /// Stop after this time, like 60s, with the smallest schedule found so far.
    #[arg(long, value_name = "TIME", value_parser = parse_budget)]
    budget: Option<Duration>,
    /// The number of runs at the same time [default: one per core].
    #[arg(long, value_name = "J", value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,
    /// The schedule file to write. Missing directories are created [default: below
    /// ./ackproof-failures].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Let --output replace an existing file.
    #[arg(long)]
    force: bool,
}

pub(crate) fn parse_property(text: &str) -> Result<String, String> {
    if names().any(|name| name == text) {
        return Ok(text.to_owned());
    }
    let hint = nearest(text, names()).map(|hint| format!("; {hint}")).unwrap_or_default();
    Err(format!("\"{text}\" is neither a property nor a count{hint}"))
}

fn parse_budget(text: &str) -> Result<Duration, String> {
    duration(text).map(|length| Duration::from_micros(length.0))
}

pub(crate) fn shrink(arguments: &Shrink) -> Status {
    let (scenario, warnings) = match read(&arguments.file, &arguments.sets) {
        Ok(read) => read,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    talk(&warnings);
    let writable = match &arguments.output {
        Some(file) => free(file, arguments.force),
        None => below(Path::new(FAILURES)),
    };
    if let Err(text) = writable {
        talk(&text);
        return Status::Usage;
    }
    let seed = arguments.seed.or(scenario.plan.seed).unwrap_or(0);
    let interrupted = stop_on_interrupt();
    let expired = expires(arguments.budget);
    let progress = Progress::waiting("shrinking".to_owned(), false);
    let bounds = Bounds {
        runs: arguments.runs,
        jobs: threads(arguments.jobs),
        expired: &expired,
        interrupted: &interrupted,
        progress: &|runs| progress.say(format!("shrinking, {}", plural(runs, "run"))),
    };
    let origin = Origin {
        file: &scenario.file,
        sets: &arguments.sets,
        swarm: None,
        check_determinism: false,
    };
    let command = origin.command(seed, seed.saturating_add(1));
    let small = make_small(&scenario.plan, seed, arguments.property.as_deref(), bounds);
    progress.finish();
    match small {
        Ok(Some(small)) => {
            let below = || failure(Path::new(FAILURES), &origin, seed);
            let beside = || below().map(|file| file.with_extension("min.json"));
            let file = arguments.output.clone().or_else(beside);
            write_small(small, &file.unwrap_or_default(), &command)
        }
        Ok(None) => {
            let what = match &arguments.property {
                Some(name) => format!("does not violate {name}"),
                None => "violates no property and no limit".to_owned(),
            };
            talk(&format!("nothing to shrink: seed {seed} {what}\n{command}\n"));
            Status::Nothing
        }
        Err(panic) => {
            talk(&format!("ackproof itself failed: {panic}\n{command}\n"));
            Status::Internal
        }
    }
}

/// A flag that is set when the budget is spent.
fn expires(budget: Option<Duration>) -> Arc<AtomicBool> {
    let expired = Arc::new(AtomicBool::new(budget == Some(Duration::ZERO)));
    if let Some(budget) = budget {
        let flag = Arc::clone(&expired);
        std::thread::spawn(move || {
            std::thread::sleep(budget);
            flag.store(true, Ordering::Relaxed);
        });
    }
    expired
}

fn write_small(small: Shrunk, file: &Path, command: &str) -> Status {
    let Shrunk { tree, mut report } = small;
    let shown = file.display().to_string();
    (report.file, report.replay) = (shown.clone(), replay(&shown));
    let mut header = vec![
        format!("{}: {}.", report.scenario, report.failure),
        String::new(),
        format!("Shrunk from: {command}"),
    ];
    header.extend(report.story.iter().map(|line| format!("  {line}")));
    if let Err(error) = whole(file, &write::text(&tree, &header, &BTreeMap::new())) {
        told(file, &error);
        return Status::Usage;
    }
    let interrupted = report.end == End::Interrupted;
    let status = if interrupted { Status::Interrupted } else { Status::Met };
    for_people(&human::shrink(&report)).max(status)
}
