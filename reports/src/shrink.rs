//! What is left of a failing run after everything that can be left out, as data. It decides nothing.

use serde::{Deserialize, Serialize};

/// A small schedule that still fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShrinkReport {
    /// The scenario's name.
    pub scenario: String,
    /// The seed of the run that was shrunk.
    pub seed: u64,
    /// What it fails of, in a few words.
    pub failure: String,
    /// What there was less of.
    pub reductions: Vec<Reduction>,
    /// How many runs it took.
    pub runs: u64,
    /// Why it ended.
    pub end: End,
    /// How the failure comes about: ten lines at most.
    pub story: Vec<String>,
    /// The file of the schedule.
    pub file: String,
    /// The command that runs it.
    pub replay: String,
}

/// How much of something there was, and is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduction {
    /// Of what: `faults`, `records`.
    pub what: String,
    /// In the run.
    pub before: u64,
    /// In the schedule.
    pub after: u64,
}

/// Why shrinking ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Nothing more can be left out.
    Minimal,
    /// The number of runs was used up.
    Runs,
    /// The time was.
    Budget,
    /// Ctrl-C.
    Interrupted,
}
