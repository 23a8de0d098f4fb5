//! What a run would have come to with one setting otherwise, and when its failure became inevitable, as data. It
//! decides nothing.

use crate::compare::Compared;
use crate::sweep::Interval;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A run, and the same workload under the same faults with one setting changed at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhatIfReport {
    /// [`crate::SCHEMA`].
    pub schema: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The seed of the run.
    pub seed: u64,
    /// What the run fails of; null: of nothing.
    pub failure: Option<String>,
    /// How often other seeds of the scenario fail of it as it is; null: that was not asked.
    pub others: Option<Others>,
    /// What `values` are, in their order.
    pub measures: Vec<Compared>,
    /// The run as it is.
    pub run: Arm,
    /// What was changed, and what came of it: what saves the run first.
    pub flips: Vec<Flip>,
    /// What could not be changed, and why.
    pub refused: Vec<Refused>,
    /// How probable the failure was at each moment; null: the run does not fail.
    pub curve: Option<Curve>,
    /// It was stopped: what was not run by then is missing.
    pub interrupted: bool,
    /// The command that shows it again.
    pub reproduce: String,
}

/// What one run came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arm {
    /// Over every entry and delivery.
    pub digest: String,
    /// Properties that it violates.
    pub violated: Vec<String>,
    /// The value of each measure; null: there was nothing to measure.
    pub values: Vec<Option<f64>>,
}

/// A setting, set otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flip {
    /// `acks`, with the places that it is of if others say something else.
    pub setting: String,
    /// What is set, or holds by default.
    pub from: String,
    /// What it is changed to.
    pub to: String,
    /// The change, path and value as `--set` takes them.
    pub sets: Vec<(String, String)>,
    /// What it does to this run.
    pub effect: Effect,
    /// Causes by which a record may be lost or skipped with it, and not without it.
    pub gives_up: Vec<String>,
    /// The cause of the failure, where it stays possible with it: other times may bring it back; null: it does not.
    pub leaves: Option<String>,
    /// What came of it.
    pub arm: Arm,
    /// How often other seeds fail with it, of those that [`WhatIfReport::others`] counts; null: that was not
    /// asked.
    pub others: Option<Others>,
    /// The command that runs the seed with it.
    pub command: String,
}

/// What a change does to a run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// The failure is gone, nothing else is violated, and no more records are missing.
    Saves,
    /// The failure is gone, and something else is worse: another property is violated, more records are missing,
    /// the settings promise less, or there is nothing left that could fail.
    Trades,
    /// It fails all the same.
    Fails,
    /// The run does not fail without it, and does with it.
    Breaks,
    /// The run does not fail, with it or without.
    Holds,
    /// The run is the same, to the bit.
    Nothing,
    /// Its run came to no end.
    Unknown,
}

/// Other seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Others {
    /// How many were run.
    pub runs: u64,
    /// How many of them fail.
    pub fail: u64,
    /// Of the probability to fail, at 95 %.
    pub interval: Interval,
}

/// A change that the reader of scenarios refuses, as Kafka does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// `acks=1`.
    pub change: String,
    /// Why.
    pub why: String,
}

/// How probable the failure was at each moment of the run: if all up to then stays as it was, no further fault
/// begins, and chance takes another course.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// By time.
    pub points: Vec<Point>,
    /// Where it rose most.
    pub jump: Option<Jump>,
    /// How often the run was forked at each moment.
    pub forks: u64,
}

impl WhatIfReport {
    /// What else the run violates, and how to ask about it; none: nothing else.
    #[must_use]
    pub fn also(&self) -> Option<String> {
        let asked = self.failure.as_deref()?;
        let is_asked = |name: &&String| asked.split(' ').next() == Some(name.as_str());
        let others = self.run.violated.iter().filter(|name| !is_asked(name));
        let others: Vec<&str> = others.map(String::as_str).collect();
        let first = others.first()?;
        Some(format!("it also violates {}: ask with --property {first}", others.join(", ")))
    }
}

/// A moment, and how many of its forks fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Microseconds since the start.
    pub at_us: u64,
    /// How many forks fail.
    pub fail: u64,
    /// Of how many.
    pub forks: u64,
    /// Of the probability, at 95 %.
    pub interval: Interval,
    /// What has just happened; null: nothing that is known by name.
    pub event: Option<String>,
}

/// What made the failure much more probable than it was before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Jump {
    /// Microseconds since the start.
    pub at_us: u64,
    /// What happened.
    pub event: String,
    /// The number of the fault in the run's report, from 0; null: it is none.
    pub fault: Option<u64>,
    /// The share of forks that fail just before it.
    pub before: f64,
    /// And just after it.
    pub after: f64,
}
