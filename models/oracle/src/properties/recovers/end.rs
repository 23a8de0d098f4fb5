//! How far a log goes, as what was heard of it tells. It knows no group.

use crate::ranges::Ranges;
use ackproof_types::{LeaderEpoch, Offset, Timestamp};

/// How far the committed part of a log goes.
#[derive(Debug, Default)]
pub(super) struct End {
    pub(super) epoch: LeaderEpoch,
    pub(super) high_watermark: Option<Offset>,
    /// Where it ended before a leader cut it.
    pub(super) before_cut: Option<Offset>,
    pub(super) acked: Offset,
    /// When it was heard of last.
    pub(super) heard: Timestamp,
    /// What the final read found, and where it ended.
    pub(super) held: Ranges,
    pub(super) read: Option<Offset>,
}

impl End {
    pub(super) fn offset(&self) -> Offset {
        self.high_watermark.unwrap_or(self.acked)
    }
}
