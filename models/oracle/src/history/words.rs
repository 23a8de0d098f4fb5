//! Words that facts use: phases, ends of processes, how a position was found, and why a log begins later.

use ackproof_types::Offset;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The parts of a run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Workload and faults.
    Load,
    /// All faults are healed, all processes run; the workload may still end.
    Settle,
    /// The liveness bound is over; every log is read from its start.
    FinalRead,
    /// Over.
    End,
}

/// How a process ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ProcessEnd {
    /// Killed; its page cache survives.
    Crash,
    /// By itself, in good order.
    Clean,
    /// Told to stop (SIGTERM), and killed when it had not stopped within its grace (SIGKILL); its page cache survives.
    Killed,
}

impl ProcessEnd {
    /// What it did: `crashed`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Crash => "crashed",
            Self::Clean => "stopped",
            Self::Killed => "was killed after its grace",
        }
    }
}

/// How a broker lost the end of a log.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TailLoss {
    /// Its power failed before the records were on disk.
    Power,
    /// Its disk was lost.
    Disk,
}

/// How a consumer found its position.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PositionSource {
    /// A committed offset.
    Committed,
    /// No committed offset; `auto.offset.reset` = earliest.
    NoCommitEarliest,
    /// No committed offset; `auto.offset.reset` = latest.
    NoCommitLatest,
    /// No committed offset; `auto.offset.reset` = by_duration.
    NoCommitByDuration,
    /// Out of range; reset to earliest.
    OutOfRangeEarliest,
    /// Out of range; reset to latest.
    OutOfRangeLatest,
    /// Out of range; reset by duration.
    OutOfRangeByDuration,
    /// The log was cut below the position.
    Truncated,
    /// The application sought it.
    Sought,
    /// It is that in a deleted topic of the same name.
    Kept,
}

impl TailLoss {
    /// In words, for stories: what was lost.
    pub(crate) fn words(self, from: Offset, to: Offset) -> String {
        match self {
            Self::Power => {
                format!("lost its power, and with it what its log had from {to} to {from}")
            }
            Self::Disk => format!("lost its disk, and its log from {to} to {from}"),
        }
    }
}

impl PositionSource {
    /// Whether the log did not have the position that was there before.
    pub(crate) const fn is_out_of_range(self) -> bool {
        matches!(
            self,
            Self::OutOfRangeEarliest | Self::OutOfRangeLatest | Self::OutOfRangeByDuration
        )
    }

    /// In words, for stories.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::NoCommitEarliest => "no commit, reset to earliest",
            Self::NoCommitLatest => "no commit, reset to latest",
            Self::NoCommitByDuration => "no commit, reset by duration",
            Self::OutOfRangeEarliest => "out of range, reset to earliest",
            Self::OutOfRangeLatest => "out of range, reset to latest",
            Self::OutOfRangeByDuration => "out of range, reset by duration",
            Self::Truncated => "the log was cut",
            Self::Sought => "sought by the application",
            Self::Kept => "kept from the deleted topic of the same name",
        }
    }
}

/// Why a log begins later.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum StartReason {
    /// What was deleted was older than `retention.ms`.
    Age,
    /// With what was deleted the log was larger than `retention.bytes`.
    Size,
    /// The log of its leader begins there.
    Leader,
}

impl StartReason {
    /// In words, for stories.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Age => "retention.ms",
            Self::Size => "retention.bytes",
            Self::Leader => "as its leader's",
        }
    }

    /// What `who` did to a record that lies below `to`.
    pub(crate) fn deleted(self, who: &str, to: Offset) -> String {
        format!("{who} deleted it: its log begins at {to} ({})", self.words())
    }
}
