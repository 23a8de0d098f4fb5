//! Why something is as a fact says.

use crate::config::ResetTo;

/// Why the start of a log moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StartReason {
    /// `retention.ms`.
    Age,
    /// `retention.bytes`.
    Size,
    /// The log of its leader begins there.
    Leader,
}

/// How a consumer found its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PositionSource {
    /// From a committed offset.
    Committed,
    /// There was none: by `auto.offset.reset`.
    NoCommit(ResetTo),
    /// The position was outside the log: by `auto.offset.reset` (R8.6).
    OutOfRange(ResetTo),
    /// The log had been cut below the position (R8.7).
    Truncated,
    /// The application sought it.
    Sought,
    /// It is that in a deleted topic of the same name: clients keep it.
    Kept,
}

/// What a process has of the metadata log as a whole (KIP-630).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SnapshotFact {
    /// Of everything below this offset.
    pub offset: u64,
    /// A checksum of what that says.
    pub checksum: u32,
    /// It loaded it; else it made it.
    pub loaded: bool,
}
