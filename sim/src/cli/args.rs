//! What can be typed. What it means is decided elsewhere.

mod serve;

pub(crate) use serve::Serve;

use super::compare::Compare;
use super::explain::Explain;
use super::help;
use super::operators::Operators;
use super::options::{parse_jobs, valid};
use super::output::Color;
use super::seeds::parse_range;
use clap::{Parser, Subcommand, ValueEnum};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;

/// Failure simulation for at-least-once delivery on Apache Kafka.
#[derive(Debug, Parser)]
#[command(version, about, after_help = help::ACKPROOF)]
pub(crate) struct Arguments {
    /// Whether the output has colours: on a terminal without NO_COLOR, always, or never.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios and judge them.
    ///
    /// For one seed of one scenario, the report tells the whole run. Several scenarios or several
    /// seeds are a sweep, which uses all cores and reports the sums. Some options can also be set
    /// in ackproof.toml or in the environment: they are listed under a heading of their own.
    /// `ackproof config` shows their values and where they come from.
    #[command(after_help = help::RUN)]
    Run(Box<Run>),
    /// Run schedule files, each with the seed that it names.
    ///
    /// In a schedule every record and every fault is fixed. `run` writes the schedule of each
    /// failure, and `shrink` makes a small one. With --seeds, the same records and faults run under
    /// other latencies.
    #[command(after_help = help::REPLAY)]
    Replay(Box<Replay>),
    /// Let your own application talk to the simulated cluster, and judge what became of its records.
    ///
    /// The brokers listen on real ports. The command runs with KAFKA_BOOTSTRAP_SERVERS, and talks to them with any
    /// Kafka client while the faults of the scenario happen. When it ends, everything is healed, the logs are read and
    /// the report is written.
    #[command(after_help = help::SERVE)]
    Serve(Box<Serve>),
    /// Make a failing run small: remove what the failure does not need.
    ///
    /// What is left fails in the same property and for the same cause. `shrink` writes it as a
    /// schedule, and tells in at most ten lines how it fails.
    #[command(after_help = help::SHRINK)]
    Shrink(super::shrink::Shrink),
    /// Join the reports of the parts of a sweep into one.
    ///
    /// The result is the report that `run` gives without --partition.
    #[command(after_help = help::MERGE)]
    Merge(Merge),
    /// Compare scenarios, or settings, over the same seeds.
    ///
    /// Name several files, or one file with several --set or with --vary. Each file, --set or
    /// combination of --vary is an arm. All arms run the same seeds. They see the same workload
    /// and, as far as the scenarios agree, the same faults. For every measure, less is better.
    #[command(after_help = help::COMPARE)]
    Compare(Compare),
    /// Say what settings promise, what happened to a record of a run, or what would have saved it.
    ///
    /// With --seed, or of a history, it tells the life of one record: who wrote it, acknowledged it, lost it or
    /// delivered it twice, and which faults led there. With --what-if it also says which setting would have
    /// saved the run.
    ///
    /// Without a seed it says what the configuration promises. Each promise names the setting that is responsible. The search runs the workload of the
    /// scenario. It does not use the faults of the scenario, but faults that are made to provoke
    /// examples.
    ///
    /// Of a name it says what it means: of a property, a fault, a cause, a footgun or a setting.
    #[command(after_help = help::EXPLAIN)]
    Explain(Explain),
    /// Look at all interleavings of a small world instead of some runs of a large one.
    ///
    /// The world is the replication of one partition, of the topic that the first producer of the scenario writes
    /// to: its brokers, the controller, and what is on its way between them. Every timer may go off at any
    /// moment, and every message may take as long as it likes. The search is breadth-first, so the first
    /// state that breaks an invariant is reached by the fewest steps possible.
    #[command(after_help = help::EXPLORE)]
    Explore(super::explore::Explore),
    /// Switch known bugs of Kafka on, one at a time, and see whether random faults find each.
    ///
    /// Each bug is one wrong rule in the models. With it on, the random faults of a scenario must show it within
    /// a number of seeds; with it off, none of these seeds may. So this says how much a verdict is worth.
    #[command(after_help = help::ZOO)]
    Zoo(super::zoo::Zoo),
    /// Look at the .properties files that you deploy, without a scenario.
    ///
    /// Builds a cluster around the files. Says what they promise, which settings are modelled and which
    /// have no effect here, and what Kafka refuses. Names known traps, each with the command that
    /// demonstrates it, and searches for examples of what the files leave possible.
    #[command(after_help = help::DOCTOR)]
    Doctor(Doctor),
    /// Measure the cost of a run and of a message on this machine.
    ///
    /// For comparison, it also measures a bare message of madsim. Each round takes every contender
    /// in turn. The ratios mean more than the digits.
    #[command(after_help = help::BENCH)]
    Bench(super::bench::Bench),
    /// Show the value of every option, and where it comes from.
    ///
    /// The output can be used as an ackproof.toml.
    #[command(after_help = help::CONFIG)]
    Config(Box<Config>),
    /// Judge a history of a simulated or a real cluster.
    ///
    /// The same oracle judges simulated runs.
    #[command(after_help = help::CHECK)]
    Check(super::check::Check),
    /// Convert the logs of Kafka's own tools into a history.
    #[command(after_help = help::IMPORT)]
    Import(super::import::Import),
    /// Compare the model with real runs of a scenario.
    ///
    /// Judges the histories of real runs, simulates the scenario with many seeds, and says for each
    /// property and each figure whether the two sides agree.
    ///
    /// A property differs if the real outcome has a probability below 2.5 % under every violation
    /// rate that the simulation leaves possible.
    ///
    /// A figure of a real run lies inside or outside the range of 95 % of the simulated runs. A
    /// time also lies inside if a value within a millisecond of it does, because real clients
    /// report whole milliseconds. One figure in twenty lies outside by chance, so figures are
    /// tested together. Counts differ if as many figures outside, or more, have a binomial
    /// probability below one in a thousand. The same holds for times.
    #[command(after_help = help::VALIDATE)]
    Validate(Box<super::validate::Validate>),
    /// List scenarios, properties, faults, targets and all other names.
    #[command(after_help = help::LIST)]
    List(List),
    /// Print a JSON Schema.
    #[command(after_help = help::SCHEMA)]
    Schema(Schema),
    /// Write a commented scenario to start from.
    #[command(after_help = help::NEW)]
    New(New),
    /// Print a script that completes commands and options in a shell.
    #[command(after_help = help::COMPLETIONS)]
    Completions(Completions),
    /// Print a manual page, for `man`.
    #[command(after_help = help::MAN)]
    Man(Manual),
}

/// What `run` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Scenario files, or directories that are searched for them (*.json).
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// Override a value of the scenario: `producers.billing.config.acks=1`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    pub(crate) sets: Vec<(String, String)>,
    /// Write the history to stdout, one JSON object per line. The report then goes to stderr.
    #[arg(long)]
    pub(crate) trace: bool,
    /// Write the run as a trace for ui.perfetto.dev: tracks, counters and the ways of records.
    #[arg(long, value_name = "FILE")]
    pub(crate) perfetto: Option<PathBuf>,
    /// Write the run as a schedule file, in which every record and every fault is fixed.
    #[arg(long, value_name = "FILE")]
    pub(crate) save_schedule: Option<PathBuf>,
    /// Let --save-schedule replace an existing file.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) operators: Operators,
    #[command(flatten)]
    pub(crate) places: Places,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// What `replay` is given.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Replay {
    /// Schedule files, or directories that are searched for them (*.json).
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// Override a value of the schedule: `producers.billing.config.acks=all`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    pub(crate) sets: Vec<(String, String)>,
    /// Write the history to stdout, one JSON object per line. The report then goes to stderr.
    #[arg(long)]
    pub(crate) trace: bool,
    /// Write the run as a trace for ui.perfetto.dev: tracks, counters and the ways of records.
    #[arg(long, value_name = "FILE")]
    pub(crate) perfetto: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) operators: Operators,
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
    /// The configuration file, also ACKPROOF_CONFIG [default: ackproof.toml, if it exists].
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A profile of that file, also ACKPROOF_PROFILE: `ci` selects [profile.ci].
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

/// Options of a run as they were typed; what they mean is in [`super::options`].
#[derive(Clone, Debug, Default, clap::Args)]
#[command(
    next_help_heading = "Options that can also be set in ackproof.toml, or as ACKPROOF_… in the environment"
)]
pub(crate) struct Flags {
    /// The seed of one run: decimal, 0x… or the hash of a commit [default: 0].
    #[arg(long, value_name = "N", value_parser = valid("seed"), conflicts_with = "seeds")]
    pub(crate) seed: Option<String>,
    /// Several seeds: `A..B` without B, N for `0..N`, `A+N` for N seeds from A (`$COMMIT+200`), or
    /// `A..` together with a budget.
    #[arg(long, value_name = "A..B", value_parser = valid("seeds"))]
    pub(crate) seeds: Option<String>,
    /// Start no more runs after this time (`60s`). Each seed runs on all scenarios before the next
    /// one. With --seeds, the first of the two limits ends the sweep.
    #[arg(long, value_name = "TIME", value_parser = valid("budget"))]
    pub(crate) budget: Option<String>,
    /// The number of runs at the same time [default: one per core].
    #[arg(long, value_name = "J", value_parser = valid("jobs"))]
    pub(crate) jobs: Option<String>,
    /// Run only a part of the sweep: `3/8` is the third of eight parts. `ackproof merge` joins the
    /// --json reports of all parts.
    #[arg(long, value_name = "I/N", value_parser = valid("partition"))]
    pub(crate) partition: Option<String>,
    /// Let each seed draw its own faults, timeouts, batch sizes, partitions and members. `ackproof
    /// list swarm` shows the bounds.
    #[arg(long, value_name = "BOOL", value_parser = valid("swarm"), num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub(crate) swarm: Option<String>,
    /// Start no more runs after the first one that failed.
    #[arg(long, value_name = "BOOL", value_parser = valid("fail-fast"), num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub(crate) fail_fast: Option<String>,
    /// Run every seed twice and compare the two runs.
    #[arg(long, value_name = "BOOL", value_parser = valid("check-determinism"), num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub(crate) check_determinism: Option<String>,
    /// End a run that takes longer. It is inconclusive [default: 5m].
    #[arg(long, value_name = "TIME", value_parser = valid("run-timeout"))]
    pub(crate) run_timeout: Option<String>,
    /// End a run in which this many events happen at one instant of simulated time. It is
    /// inconclusive [default: 1000000].
    #[arg(long, value_name = "N", value_parser = valid("max-events-at-once"))]
    pub(crate) max_events_at_once: Option<String>,
    /// The directory for the schedules of failures. "" or none writes none [default:
    /// ackproof-failures].
    #[arg(long, value_name = "DIR", value_parser = valid("failures"))]
    pub(crate) failures: Option<String>,
    /// Show no progress bar. There is also none if stderr is not a terminal, or if CI is set.
    #[arg(long, value_name = "BOOL", value_parser = valid("quiet"), num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub(crate) quiet: Option<String>,
    /// The format on stdout: human, json, jsonl (one line per run), junit, github or html [default:
    /// human].
    #[arg(long, value_name = "FORMAT", value_parser = valid("format"))]
    pub(crate) format: Option<String>,
    /// Also write the report as one JSON object to a file (see `schema report` and `schema sweep`).
    #[arg(long, value_name = "FILE", value_parser = valid("json"))]
    pub(crate) json: Option<String>,
    /// Also write one line per run to a file, each a JSON object.
    #[arg(long, value_name = "FILE", value_parser = valid("jsonl"))]
    pub(crate) jsonl: Option<String>,
    /// Also write JUnit's XML to a file. A scenario is a suite, and an expectation is a case.
    #[arg(long, value_name = "FILE", value_parser = valid("junit"))]
    pub(crate) junit: Option<String>,
    /// Also write a summary in Markdown to a file.
    #[arg(long, value_name = "FILE", value_parser = valid("github"))]
    pub(crate) github: Option<String>,
    /// Also write a page to a file: of one run what happened over time, of a sweep its rates and causes.
    #[arg(long, value_name = "FILE", value_parser = valid("html"))]
    pub(crate) html: Option<String>,
}

/// What `doctor` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// The .properties files of brokers, topics, producers and consumers, or Spring Boot's application.yml.
    /// Their settings say whose they are. `producer=FILE` says it where they do not.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// The seeds to search.
    #[arg(long, value_name = "A..B", default_value = "0..20", value_parser = parse_range)]
    pub(crate) seeds: Range<u64>,
    /// Write the schedule of each example and of each violation to this directory, for `replay` and
    /// `shrink`.
    #[arg(long, value_name = "DIR")]
    pub(crate) save_schedules: Option<PathBuf>,
    /// Override a value of the files, or of what is put around them: `kafka=4.2`, `cluster.brokers=5`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    pub(crate) sets: Vec<(String, String)>,
    /// The format: text, or one JSON object.
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    pub(crate) format: Shown,
    /// The number of runs at the same time [default: one per core].
    #[arg(long, value_name = "J", value_parser = parse_jobs)]
    pub(crate) jobs: Option<NonZeroUsize>,
}

/// What `merge` is given.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Merge {
    /// The files that `run --partition I/N --json FILE` wrote, one for every part.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) parts: Vec<PathBuf>,
    /// The format on stdout: human, json, junit, github or html.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Also write the report as one JSON object to a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Also write JUnit's XML to a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Also write a summary in Markdown to a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) github: Option<PathBuf>,
    /// Also write a page to a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// What to list [default: everything except settings and swarm].
    #[arg(value_enum)]
    pub(crate) what: Option<Listed>,
    /// For people, or as one JSON object.
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    pub(crate) format: Shown,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Schema {
    /// What the schema describes.
    #[arg(value_enum, default_value_t = SchemaOf::Scenario)]
    pub(crate) of: SchemaOf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// The name of the scenario.
    #[arg(default_value = "my scenario")]
    pub(crate) name: String,
    /// The file to write. Missing directories are created [default: stdout].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace an existing file.
    #[arg(long)]
    pub(crate) force: bool,
}

/// What `completions` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell that completes.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// What `man` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Manual {
    /// The command that the page is about: `run`, `import verifiable` [default: ackproof itself].
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One JSON object.
    Json,
    /// One JSON object per run.
    Jsonl,
    /// JUnit's XML.
    Junit,
    /// For people, with annotations for GitHub Actions.
    Github,
    /// A page.
    Html,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    /// For people.
    Human,
    /// One JSON object.
    Json,
}

/// How what is explained is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Explained {
    /// For people.
    Human,
    /// One JSON object.
    Json,
    /// With --what-if: for an issue or a pull request.
    Markdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    /// Scenario files below ./scenarios.
    Scenarios,
    /// What the oracle judges.
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
    /// What random faults can wait for, with "on".
    Moments,
    /// When a group commits.
    Commits,
    /// Bugs that can be switched on in the models.
    Variants,
    /// Lines of Kafka, for "kafka": what each does otherwise
    Versions,
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
    /// `doctor --format json`.
    Doctor,
    /// The report of `explain` with a seed: the life of a record.
    Life,
    /// The report of `explain --what-if`.
    WhatIf,
    /// `explore --format json`.
    Explore,
    /// `zoo --format json`.
    Zoo,
}

pub(crate) fn parse_set(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(path, value)| (path.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("\"{text}\" has no =; write path=value"))
}
