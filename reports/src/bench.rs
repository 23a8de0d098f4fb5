//! Figures of a benchmark as data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What simulating a scenario costs on a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BenchReport {
    /// [`crate::SCHEMA`].
    pub schema: u32,
    /// The version of ackproof.
    pub version: String,
    /// The commit of the tree that the program lies in, with `+` if the tree has changes; null: in none.
    pub commit: Option<String>,
    /// The processor, as the system names it.
    pub cpu: String,
    /// Its cores.
    pub cores: u64,
    /// The scenario's file.
    pub file: String,
    /// Rounds that took every contender in turn; all figures are their medians.
    pub rounds: u64,
    /// Runs a second on one thread.
    pub seeds_per_second: f64,
    /// Messages delivered a second on one thread.
    pub messages_per_second: f64,
    /// Simulated seconds a second on one thread.
    pub simulated_per_second: f64,
    /// Nanoseconds a delivered message: models, network, history, oracle.
    pub message_ns: f64,
    /// Nanoseconds a record: sent, replicated, read, processed, committed and judged.
    #[serde(default)]
    pub record_ns: f64,
    /// Nanoseconds a bare datagram of madsim's `Endpoint`.
    pub endpoint_ns: f64,
    /// The first of the second, round by round.
    pub endpoint_ratio: f64,
    /// How many times as many runs two threads do as one; null on a single core.
    pub two_jobs: Option<f64>,
    /// The most memory that the process had, in MiB; null where the system does not say.
    pub peak_mib: Option<f64>,
}
