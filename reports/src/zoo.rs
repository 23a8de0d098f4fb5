//! Known bugs, each switched on and off over the same seeds.

use schemars::JsonSchema;
use serde::Serialize;

/// All that were looked at.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ZooReport {
    /// Version of this format.
    pub schema: u32,
    /// In the order of `ackproof list variants`.
    pub bugs: Vec<Bug>,
    /// How many were found, and are silent when they are off.
    pub caught: u64,
    /// Somebody stopped it: the rest is missing.
    pub interrupted: bool,
    /// How to look again.
    pub reproduce: String,
}

/// A known bug.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Bug {
    /// The variant that switches it on.
    pub variant: String,
    /// What it does.
    pub about: String,
    /// What shows it.
    pub exhibit: Exhibit,
}

/// What a bug shows, and what the same runs show without it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Exhibit {
    /// `acked-durability violated`.
    pub shown: String,
    /// The scenario.
    pub scenario: String,
    /// Set on top of it, as `PATH=VALUE`.
    pub sets: Vec<String>,
    /// The most seeds that it may take.
    pub within: u64,
    /// Seeds up to the first that shows it; none: none of them does.
    pub seeds: Option<u64>,
    /// Simulated time of those runs, in seconds.
    pub simulated_s: u64,
    /// The first seed that shows it although the bug is off; none: all `within` are silent.
    pub loud: Option<u64>,
}
