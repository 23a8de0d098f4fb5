//! What a search through all interleavings of a small world found.

use schemars::JsonSchema;
use serde::Serialize;

/// A search.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ExploreReport {
    /// Version of this format.
    pub schema: u32,
    /// The scenario.
    pub scenario: String,
    /// Bugs switched on.
    pub variants: Vec<String>,
    /// What bounds the world, by option: `records` 2.
    pub bounds: Vec<Bound>,
    /// Brokers.
    pub brokers: u16,
    /// `min.insync.replicas`, at most the replication factor.
    pub min_insync_replicas: u16,
    /// `acks` of the producer.
    pub acks: String,
    /// Levels, in order.
    pub levels: Vec<LevelReport>,
    /// Why it ended.
    pub end: Ended,
    /// States one step deeper than the last level, if that was not looked at whole.
    pub deeper: u64,
    /// The bytes of memory that were too few, if they were.
    pub memory: Option<u64>,
    /// What was broken, in the order in which it was met.
    pub broken: Vec<Broken>,
    /// Steps that were tried.
    pub tried: u64,
    /// How likely it is that two states were taken for one, and with it that something was missed.
    pub odds_of_omission: f64,
    /// How to search again.
    pub reproduce: String,
}

/// One bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Bound {
    /// The option.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A level of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LevelReport {
    /// Steps from the beginning.
    pub depth: u16,
    /// States that take so many and no fewer.
    pub new: u64,
    /// States up to here.
    pub states: u64,
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// All states within the bounds were looked at.
    Exhausted,
    /// The depth was reached.
    Depth,
    /// There are more states than allowed.
    States,
    /// They take more memory than allowed.
    Memory,
    /// Something is broken.
    Found,
    /// Somebody stopped it.
    Interrupted,
}

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Broken {
    /// Its name.
    pub invariant: String,
    /// What it says.
    pub about: String,
    /// The fewest steps to a state that breaks it.
    pub depth: u16,
    /// They, in words.
    pub steps: Vec<String>,
    /// Steps more, after which the leader lacks an acknowledged record; none if no election does that.
    pub then: Option<Vec<String>>,
    /// Properties of the oracle that the whole, told as a history, violates.
    pub violates: Vec<String>,
}
