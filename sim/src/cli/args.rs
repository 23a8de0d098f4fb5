//! What can be typed. What it means is decided elsewhere.

use super::compare::Compare;
use super::explain::Explain;
use super::help;
use super::options::valid;
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Failure simulation for at-least-once delivery on Apache Kafka.
#[derive(Debug, Parser)]
#[command(version, about, after_help = help::ACKPROOF)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios and judge them.
    ///
    /// One seed of one scenario is told in full; several scenarios or seeds are a sweep, over all cores.
    /// Every option below that says so can also stand in ackproof.toml or in the environment; `ackproof
    /// config` shows what holds and why.
    #[command(after_help = help::RUN)]
    Run(Box<Run>),
    /// Run schedule files, each with the seed that it names.
    ///
    /// A schedule has every record and fault decided: `run` leaves one of each failure, `shrink` makes a
    /// small one. With --seeds the same records and faults meet other latencies.
    #[command(after_help = help::REPLAY)]
    Replay(Box<Replay>),
    /// Make a failing run small: the fewest faults and records that still fail of the same.
    ///
    /// The schedule is written, and how it fails is told in ten lines at most.
    #[command(after_help = help::SHRINK)]
    Shrink(super::shrink::Shrink),
    /// Join the reports of the parts of a sweep.
    ///
    /// The report of the whole is the one that `run` without --partition gives.
    #[command(after_help = help::MERGE)]
    Merge(Merge),
    /// Compare scenarios, or settings, over the same seeds.
    ///
    /// Several files, or one file with several --set of one path each or with --vary. Every arm runs the same
    /// seeds: the same workload and, as far as the scenarios agree, the same faults. Less of each measure is
    /// better.
    #[command(after_help = help::COMPARE)]
    Compare(Compare),
    /// Say what a configuration promises, and search for what it leaves possible.
    ///
    /// Each promise names the setting responsible. The search for examples runs the workload of the scenario
    /// under faults that are made to show them, not under its own.
    #[command(after_help = help::EXPLAIN)]
    Explain(Explain),
    /// Measure what a run and a message cost on this machine.
    ///
    /// A bare message of madsim stands beside them. Each round takes every contender in turn; read the ratios
    /// rather than the digits.
    #[command(after_help = help::BENCH)]
    Bench(super::bench::Bench),
    /// Show the options that hold, and where each comes from.
    ///
    /// What is shown can be used as a file.
    #[command(after_help = help::CONFIG)]
    Config(Box<Config>),
    /// Judge a history, of a simulation or of a real cluster.
    ///
    /// The oracle is the same that judges simulated runs.
    #[command(after_help = help::CHECK)]
    Check(super::check::Check),
    /// Make a history of the logs of Kafka's own tools.
    #[command(after_help = help::IMPORT)]
    Import(super::import::Import),
    /// Hold the model against real runs of a scenario.
    ///
    /// Judges histories of real runs, simulates the scenario over many seeds, and says for each property and
    /// figure whether the two sides agree.
    ///
    /// A property differs if the real outcome has a probability below 2.5 % under every violation rate that
    /// the simulation leaves possible; a figure of a real run lies inside or outside of the range of 95 % of
    /// the simulated runs, a time if a value within a millisecond of it does: real clients tell no less. One
    /// figure in twenty lies outside by chance, so that figures are tested together: counts, and times, differ
    /// if as many outside, or more, have a binomial probability below one in a thousand.
    #[command(after_help = help::VALIDATE)]
    Validate(Box<super::validate::Validate>),
    /// List what there is to choose from: scenarios, properties, faults, targets, ….
    #[command(after_help = help::LIST)]
    List(List),
    /// Print a JSON Schema.
    #[command(after_help = help::SCHEMA)]
    Schema(Schema),
    /// Write a commented scenario to start from.
    #[command(after_help = help::NEW)]
    New(New),
}

/// What `run` is given.
#[derive(Debug, clap::Args)]
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
    /// Let --save-schedule replace a file.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) places: Places,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// What `replay` is given.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Replay {
    /// Schedule files, and directories to search for them (*.json).
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// Override a value of the schedule: `producers.billing.config.acks=all`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    pub(crate) sets: Vec<(String, String)>,
    /// Write the history to stdout, a JSON object a line; the report then goes to stderr.
    #[arg(long)]
    pub(crate) trace: bool,
    #[command(flatten)]
    pub(crate) places: Places,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// What `config` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Config {
    #[command(flatten)]
    pub(crate) places: Places,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// Where options are looked for.
#[derive(Clone, Debug, Default, clap::Args)]
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
#[derive(Clone, Debug, Default, clap::Args)]
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

/// What `merge` is given.
#[derive(Debug, clap::Args)]
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
    /// Where to write it; missing directories are made [default: stdout].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
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
    /// What `expect` can limit.
    Measures,
    /// What `expect.witness` can count.
    Witnesses,
    /// What can go wrong.
    Faults,
    /// Whom a fault can hit.
    Targets,
    /// What a fault can wait for, with "after".
    Anchors,
    /// When a group commits.
    Commits,
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
