//! How the logs of a topic are kept: segments, flushes, retention and compaction.

use ackproof_types::Micros;

/// How the logs of a topic are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogConfig {
    /// `segment.bytes`.
    pub segment_bytes: u64,
    /// `segment.ms`.
    pub segment_age: Micros,
    /// `flush.messages`; none: the log is flushed only where a segment ends.
    pub flush_messages: Option<u64>,
    /// `flush.ms`; none: no age.
    pub flush_age: Option<Micros>,
    /// `retention.ms`; none: without bound.
    pub retention_time: Option<Micros>,
    /// `retention.bytes`; none: without bound.
    pub retention_bytes: Option<u64>,
    /// `cleanup.policy`.
    pub cleanup: CleanupPolicy,
    /// How it is compacted, if it is.
    pub compaction: Compaction,
}

/// What becomes of old records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CleanupPolicy {
    /// Their segments are deleted.
    #[default]
    Delete,
    /// Of each key the newest stays.
    Compact,
    /// Both.
    CompactAndDelete,
}

impl CleanupPolicy {
    /// Whether of each key the newest stays.
    #[must_use]
    pub const fn compacts(self) -> bool {
        matches!(self, Self::Compact | Self::CompactAndDelete)
    }

    /// Whether old segments are deleted.
    #[must_use]
    pub const fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::CompactAndDelete)
    }
}

/// When a log is compacted, and what stays for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Compaction {
    /// `min.cleanable.dirty.ratio`, in millionths.
    pub min_dirty_ppm: u32,
    /// `min.compaction.lag.ms`.
    pub min_lag: Micros,
    /// `max.compaction.lag.ms`; none: without bound.
    pub max_lag: Option<Micros>,
    /// `delete.retention.ms`.
    pub delete_retention: Micros,
}

impl Compaction {
    /// Kafka's defaults.
    pub const USUAL: Self = Self {
        min_dirty_ppm: 500_000,
        min_lag: Micros::ZERO,
        max_lag: None,
        delete_retention: Micros::from_secs(24 * 60 * 60),
    };
}

impl LogConfig {
    /// Segments of so many bytes, and Kafka's defaults.
    #[must_use]
    pub const fn with_segments_of(bytes: u64) -> Self {
        let week = Micros::from_secs(7 * 24 * 60 * 60);
        Self {
            segment_bytes: bytes,
            segment_age: week,
            flush_messages: None,
            flush_age: None,
            retention_time: Some(week),
            retention_bytes: None,
            cleanup: CleanupPolicy::Delete,
            compaction: Compaction::USUAL,
        }
    }
}
