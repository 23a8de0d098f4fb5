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
}
