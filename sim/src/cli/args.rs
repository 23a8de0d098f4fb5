//! What can be typed. What it means is decided elsewhere.

use super::compare::Compare;
use super::explain::Explain;
use super::options::valid;
use clap::{Parser, Subcommand, ValueEnum};
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
    Run(Box<Run>),
    /// Run a schedule file with the seed that it names.
    Replay(Box<Run>),
    /// Make a failing run small: fewest faults and records that still fail of the same.
    Shrink(super::shrink::Shrink),
    /// Join the reports of the parts of a sweep.
    Merge(Merge),
    /// Compare scenarios, or settings, over the same seeds.
    Compare(Compare),
    /// Say what a configuration promises, and search for what it leaves possible.
    Explain(Explain),
    /// Measure what a run and a message cost on this machine.
    Bench(super::bench::Bench),
    /// Show the options that hold, and where each comes from.
    Config(Box<Config>),
    /// Judge a history, of a simulation or of a real cluster.
    Check(super::check::Check),
    /// Make a history of the logs of Kafka's own tools.
    Import(super::import::Import),
    /// Hold the model against real runs of a scenario.
    Validate(Box<super::validate::Validate>),
    /// List scenarios, properties, faults, variants, settings, what swarm draws.
    List(List),
    /// Print a JSON Schema.
    Schema(Schema),
    /// Write a commented scenario to start from.
    New(New),
}

/// One seed of one scenario is told in full; several scenarios or seeds are a sweep, over all cores.
///
/// Every option below that says so can also stand in ackproof.toml or in the environment; `ackproof
/// config` shows what holds and why.
#[derive(Debug, clap::Args)]
#[command(after_help = STATUSES)]
pub(crate) struct Run {
    /// Scenario files, and directories to search for them (*.json).
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// Override a value of the scenario: `producers.billing.config.acks=1`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    pub(crate) sets: Vec<(String, String)>,
    /// Write the history to stdout, a JSON object a line; the report then goes to stderr.
    #[arg(long)]
    pub(crate) trace: bool,
    /// Write the run as a schedule file: every record and fault of it, decided.
    #[arg(long, value_name = "FILE")]
    pub(crate) save_schedule: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) places: Places,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// Show the options that hold, each with where it comes from, as a file that can be used.
#[derive(Debug, clap::Args)]
pub(crate) struct Config {
    #[command(flatten)]
    pub(crate) places: Places,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// Where options are looked for.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct Places {
    /// The file to read [default: ackproof.toml, if there is one; ACKPROOF_CONFIG].
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A profile of that file: `ci` for its [profile.ci] [ACKPROOF_PROFILE].
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

/// Options of a run as they were typed; what they mean is in [`super::options`].
#[derive(Debug, Default, clap::Args)]
#[command(
    next_help_heading = "Options that may also stand in ackproof.toml, or as ACKPROOF_… in the environment"
)]
pub(crate) struct Flags {
    /// The seed of a single run: decimal, 0x…, or the hash of a commit [default: 0].
    #[arg(long, value_name = "N", value_parser = valid("seed"), conflicts_with = "seeds")]
    pub(crate) seed: Option<String>,
    /// Many seeds: `A..B` with B excluded, N for `0..N`, `A+N` (`$COMMIT+200`), `A..` with a budget.
    #[arg(long, value_name = "A..B", value_parser = valid("seeds"))]
    pub(crate) seeds: Option<String>,
    /// Begin runs for so long (`60s`), seed by seed over all scenarios; with --seeds, whichever ends first.
    #[arg(long, value_name = "TIME", value_parser = valid("budget"))]
    pub(crate) budget: Option<String>,
    /// Runs at the same time [default: one a core].
    #[arg(long, value_name = "J", value_parser = valid("jobs"))]
    pub(crate) jobs: Option<String>,
    /// Only a part of the runs: `3/8`. `ackproof merge` joins the reports (--json) of all parts.
    #[arg(long, value_name = "I/N", value_parser = valid("partition"))]
    pub(crate) partition: Option<String>,
    /// Each seed draws its own settings, within what `ackproof list swarm` shows: faults, timeouts, batches,
    /// partitions, members.
    #[arg(long, value_name = "BOOL", value_parser = valid("swarm"), num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub(crate) swarm: Option<String>,
    /// Begin no more runs after the first that failed.
    #[arg(long, value_name = "BOOL", value_parser = valid("fail-fast"), num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub(crate) fail_fast: Option<String>,
    /// Run every seed twice and compare.
    #[arg(long, value_name = "BOOL", value_parser = valid("check-determinism"), num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub(crate) check_determinism: Option<String>,
    /// End a run that takes longer, as inconclusive [default: 5m].
    #[arg(long, value_name = "TIME", value_parser = valid("run-timeout"))]
    pub(crate) run_timeout: Option<String>,
    /// End a run in which so many events happen while simulated time stands still [default: 1000000].
    #[arg(long, value_name = "N", value_parser = valid("max-events-at-once"))]
    pub(crate) max_events_at_once: Option<String>,
    /// Where to write a schedule file of each failure; "" or none: nowhere [default: ackproof-failures].
    #[arg(long, value_name = "DIR", value_parser = valid("failures"))]
    pub(crate) failures: Option<String>,
    /// Show no progress bar; there is none either if stderr is no terminal, or CI is set.
    #[arg(long, value_name = "BOOL", value_parser = valid("quiet"), num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub(crate) quiet: Option<String>,
    /// What goes to stdout: human, json, jsonl (a line a run), junit, github [default: human].
    #[arg(long, value_name = "FORMAT", value_parser = valid("format"))]
    pub(crate) format: Option<String>,
    /// Write one JSON object to a file as well (of `schema report`, or `schema sweep`).
    #[arg(long, value_name = "FILE", value_parser = valid("json"))]
    pub(crate) json: Option<String>,
    /// Write a JSON object a run to a file as well, a line each.
    #[arg(long, value_name = "FILE", value_parser = valid("jsonl"))]
    pub(crate) jsonl: Option<String>,
    /// Write JUnit's XML to a file as well: a suite a scenario, a case an expectation.
    #[arg(long, value_name = "FILE", value_parser = valid("junit"))]
    pub(crate) junit: Option<String>,
    /// Write a summary in Markdown to a file as well.
    #[arg(long, value_name = "FILE", value_parser = valid("github"))]
    pub(crate) github: Option<String>,
}

/// Join the reports (--json) of the parts of a sweep into the report of the whole.
#[derive(Debug, clap::Args)]
#[command(after_help = STATUSES)]
pub(crate) struct Merge {
    /// What `run --partition I/N --json FILE` wrote, of every part.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) parts: Vec<PathBuf>,
    /// What goes to stdout: human, json, junit, github.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Write one JSON object to a file as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write JUnit's XML to a file as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Write a summary in Markdown to a file as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) github: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// What to list [default: all but settings and swarm].
    #[arg(value_enum)]
    pub(crate) what: Option<Listed>,
    /// For people, or as one JSON object.
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    pub(crate) format: Shown,
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

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One JSON object.
    Json,
    /// A JSON object a run.
    Jsonl,
    /// JUnit's XML.
    Junit,
    /// For people, with annotations for GitHub Actions.
    Github,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
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
    /// What `run --swarm` draws.
    Swarm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// A scenario file.
    Scenario,
    /// `--format json` of one run.
    Report,
    /// `--format json` of a sweep.
    Sweep,
    /// A line of `--format jsonl`.
    Line,
    /// `check --format json`.
    Check,
    /// A line of a history.
    History,
    /// `--format json` of a comparison.
    Compare,
    /// `--format json` of a validation.
    Validate,
}

pub(crate) fn parse_set(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(path, value)| (path.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("\"{text}\" has no =; write path=value"))
}
