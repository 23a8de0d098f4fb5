//! What can be typed. It knows nothing of what the commands do.

use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Failure simulation for at-least-once delivery on Apache Kafka.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenario files and judge them.
    Run(Run),
    /// List properties, faults and variants.
    List,
    /// Print a commented scenario to start from.
    New {
        /// Its name.
        #[arg(default_value = "my scenario")]
        name: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Scenario files.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The seed of a single run.
    #[arg(long, default_value_t = 0, conflicts_with = "seeds")]
    pub(crate) seed: u64,
    /// A range of seeds, `A..B` with B excluded, or a number N for `0..N`.
    #[arg(long, value_parser = parse_seeds)]
    pub(crate) seeds: Option<(u64, u64)>,
    /// Override a value of the scenario: `producers.billing.config.acks=1`.
    #[arg(long = "set", value_parser = parse_set)]
    pub(crate) sets: Vec<(String, String)>,
    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Run twice, on two threads, and compare.
    #[arg(long)]
    pub(crate) check_determinism: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One JSON object a run.
    Json,
}

fn parse_seeds(text: &str) -> Result<(u64, u64), String> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| format!("\"{text}\" is not a whole number; write 0..50 or 50"))
    };
    let (from, to) = match text.split_once("..") {
        Some((from, to)) => (number(from)?, number(to)?),
        None => (0, number(text)?),
    };
    if from < to { Ok((from, to)) } else { Err(format!("{text} holds no seed")) }
}

fn parse_set(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(path, value)| (path.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("\"{text}\" has no =; write path=value"))
}
