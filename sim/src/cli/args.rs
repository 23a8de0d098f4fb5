//! What can be typed. What it means is decided elsewhere.

use clap::{Parser, Subcommand, ValueEnum};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;

/// The exit statuses, as `--help` shows them.
const STATUSES: &str = "Exit status: 0 all expectations met, 1 violated, 2 usage or scenario error, \
3 inconclusive, 4 nothing to run, 5 non-determinism, 70 ackproof itself failed, 130 interrupted.";

/// Failure simulation for at-least-once delivery on Apache Kafka.
#[derive(Debug, Parser)]
#[command(version, about, after_help = STATUSES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios and judge them.
    Run(Run),
    /// List scenarios, properties, faults, variants, settings.
    List(List),
    /// Print a JSON Schema.
    Schema(Schema),
    /// Write a commented scenario to start from.
    New(New),
}

/// One seed of one scenario is told in full; several scenarios or seeds are a sweep, over all cores.
#[derive(Debug, clap::Args)]
#[command(after_help = STATUSES)]
pub(crate) struct Run {
    /// Scenario files, and directories to search for them (*.json).
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// The seed of a single run.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = parse_seed, conflicts_with = "seeds")]
    pub(crate) seed: u64,
    /// Many seeds: `A..B` with B excluded, or a number N for `0..N`.
    #[arg(long, value_name = "A..B", value_parser = parse_seeds)]
    pub(crate) seeds: Option<Range<u64>>,
    /// Override a value of the scenario: `producers.billing.config.acks=1`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    pub(crate) sets: Vec<(String, String)>,
    /// How to report: for people, or as one JSON object (of `schema report`, or `schema sweep`).
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Write the history to stdout, a JSON object a line; the report then goes to stderr.
    #[arg(long)]
    pub(crate) trace: bool,
    /// Run every seed twice and compare.
    #[arg(long)]
    pub(crate) check_determinism: bool,
    /// Runs at the same time [default: one a core].
    #[arg(long, value_name = "J", value_parser = parse_jobs)]
    pub(crate) jobs: Option<NonZeroUsize>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// What to list [default: all but the settings].
    #[arg(value_enum)]
    pub(crate) what: Option<Listed>,
    /// For people, or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Schema {
    /// Of what.
    #[arg(value_enum, default_value_t = SchemaOf::Scenario)]
    pub(crate) of: SchemaOf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// Its name.
    #[arg(default_value = "my scenario")]
    pub(crate) name: String,
    /// Where to write it; a file that exists is left alone [default: stdout].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One JSON object.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    /// Scenario files below ./scenarios.
    Scenarios,
    /// What is judged.
    Properties,
    /// What can go wrong.
    Faults,
    /// Bugs that can be switched on.
    Variants,
    /// Kafka's settings.
    Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// A scenario file.
    Scenario,
    /// `--format json` of one run.
    Report,
    /// `--format json` of a sweep.
    Sweep,
}

/// A whole number, decimal or hexadecimal.
fn parse_seed(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    // One past the last seed must be a number too.
    let seed = parsed.ok().filter(|seed| *seed < u64::MAX);
    seed.ok_or_else(|| format!("\"{text}\" is no seed: a whole number below 2^64 - 1"))
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = match text.split_once("..") {
        Some((from, to)) => (parse_seed(from)?, parse_seed(to)?),
        None => (0, parse_seed(text)?),
    };
    if from <= to { Ok(from..to) } else { Err(format!("{text} goes backwards")) }
}

fn parse_set(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(path, value)| (path.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("\"{text}\" has no =; write path=value"))
}

/// More than this many threads only wait for each other.
const MAX_JOBS: usize = 1024;

fn parse_jobs(text: &str) -> Result<NonZeroUsize, String> {
    let jobs = text.parse::<NonZeroUsize>().ok().filter(|jobs| jobs.get() <= MAX_JOBS);
    jobs.ok_or_else(|| format!("\"{text}\" is no number from 1 to {MAX_JOBS}"))
}
