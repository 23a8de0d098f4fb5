//! `ackproof bench`: what simulating a scenario costs here. It measures; nothing is decided by it.

use super::args::Shown;
use super::load::load;
use super::output::{result, talk};
use super::status::Status;
use ackproof::study::bench::{Simulated, endpoint, simulate, together};
use ackproof::world::bounds::Failure;
use ackproof_reports::bench::BenchReport;
use ackproof_reports::{SCHEMA, human, json};
use ackproof_scenario::plan::Plan;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What `bench` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// A scenario file.
    #[arg(value_name = "FILE", default_value = "scenarios/basics/chaos.json")]
    file: PathBuf,
    /// The number of rounds.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u64).range(1..=1000))]
    rounds: u64,
    /// The format: text, or one JSON object.
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    format: Shown,
}

/// Runs of each contender in a round.
const RUNS: u64 = 10;
/// Bare messages in a round.
const MESSAGES: u32 = 20_000;

pub(crate) fn bench(arguments: &Bench) -> Status {
    let loaded = load(std::slice::from_ref(&arguments.file), &[]);
    let plan = match loaded.map(|mut all| all.pop()) {
        Ok(Some(scenario)) => scenario.plan,
        Ok(None) => return Status::Nothing,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    let report = match measure(arguments, &plan) {
        Ok(report) => report,
        Err(failure) => {
            talk(&format!("ackproof itself failed: {failure}\n"));
            return Status::Internal;
        }
    };
    result(&match arguments.format {
        Shown::Human => human::bench(&report),
        Shown::Json => json::bench(&report),
    })
}

fn measure(arguments: &Bench, plan: &Plan) -> Result<BenchReport, Failure> {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut alone: Vec<Simulated> = Vec::new();
    let (mut bare, mut ratios, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..arguments.rounds {
        let seeds = round * RUNS..(round + 1) * RUNS;
        let run = simulate(plan, seeds.clone())?;
        let datagram = each(endpoint(MESSAGES), u64::from(MESSAGES));
        if cores.get() > 1 {
            let one = together(plan, seeds.clone(), NonZeroUsize::MIN)?;
            let two = together(plan, seeds, NonZeroUsize::MIN.saturating_add(1))?;
            pairs.push(one.as_secs_f64() / two.as_secs_f64());
        }
        ratios.push(each(run.wall, run.messages) / datagram);
        bare.push(datagram);
        alone.push(run);
    }
    let rate = |what: fn(&Simulated) -> f64| {
        median(alone.iter().map(|run| what(run) / run.wall.as_secs_f64()).collect())
    };
    Ok(BenchReport {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: commit(),
        cpu: cpu(),
        cores: cores.get() as u64,
        file: arguments.file.display().to_string(),
        rounds: arguments.rounds,
        seeds_per_second: rate(|run| count(run.runs)),
        messages_per_second: rate(|run| count(run.messages)),
        simulated_per_second: rate(|run| run.simulated.as_secs_f64()),
        message_ns: median(alone.iter().map(|run| each(run.wall, run.messages)).collect()),
        record_ns: median(alone.iter().map(|run| each(run.wall, run.records)).collect()),
        endpoint_ns: median(bare),
        endpoint_ratio: median(ratios),
        two_jobs: (!pairs.is_empty()).then(|| median(pairs)),
        peak_mib: peak_mib(),
    })
}

/// Nanoseconds each.
fn each(wall: Duration, number: u64) -> f64 {
    wall.as_secs_f64() * 1e9 / count(number.max(1))
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn count(number: u64) -> f64 {
    number as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The commit of the tree that this program lies in, if it lies in one: `cargo run` builds it there.
fn commit() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let root = program.ancestors().find(|folder| folder.join(".git").exists())?;
    let commit = git(root, &["rev-parse", "--short=12", "HEAD"])?;
    let changed = !git(root, &["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(if changed { format!("{commit}+") } else { commit })
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(text.trim().to_owned())
}

/// What the system calls the processor; its architecture where it does not say.
fn cpu() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = text.lines().find_map(|line| line.strip_prefix("model name"));
    let name = named.and_then(|rest| rest.split_once(':')).map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// The most memory that this process had.
fn peak_mib() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(count(kib) / 1024.0)
}
