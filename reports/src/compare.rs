//! A comparison as data: arms that ran the same seeds, what each came to, and how they differ.

use crate::measure::Unit;
use crate::sweep::{Interval, SeedRange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Arms side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CompareReport {
    /// [`crate::SCHEMA`].
    pub schema: u32,
    /// The seeds that every arm ran.
    pub seeds: SeedRange,
    /// It was stopped; only seeds that every arm has run are counted.
    pub interrupted: bool,
    /// What is compared, in the order of every arm's values.
    pub measures: Vec<Compared>,
    /// The arms; the first is what the others are held against.
    pub arms: Vec<Arm>,
    /// The command that shows it again.
    pub reproduce: String,
}

/// Something that is compared: less of it is better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// `lost`, `duplicate_rate`, `ack_latency.p99`, ….
    pub name: String,
    /// What its values are in; null: a count.
    pub unit: Option<Unit>,
}

/// One arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arm {
    /// The scenario's file.
    pub file: String,
    /// What is changed in it.
    pub sets: Vec<(String, String)>,
    /// Seeds that were run.
    pub runs: u64,
    /// Runs in which ackproof itself failed, or that a bound ended.
    pub failed: u64,
    /// In how many seeds each property is violated; those that no seed of any arm violates are left out.
    pub violated: BTreeMap<String, u64>,
    /// A value for each measure.
    pub values: Vec<Value>,
    /// No other arm is at least as good in every measure and better in one.
    pub on_front: bool,
}

/// A measure of an arm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Value {
    /// The mean over seeds; null if no seed had anything to measure.
    pub mean: Option<f64>,
    /// Of the mean, at 95 %.
    pub interval: Option<Interval>,
    /// The mean of this arm's value minus the first arm's of the same seed; null for the first.
    pub difference: Option<f64>,
    /// Of the difference, at 95 %.
    pub difference_interval: Option<Interval>,
}
