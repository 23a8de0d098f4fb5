//! How the logs of a topic are kept: segments, flushes, retention and compaction.

use ackproof_types::{ErrorCode, Micros, Timestamp};

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
    /// Which time its records bear.
    pub timestamps: Timestamps,
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

/// `message.timestamp.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timestamps {
    /// That of who sends them, as far as the leader takes it.
    CreateTime {
        /// `message.timestamp.before.max.ms`; none: without bound.
        before_max: Option<Micros>,
        /// `message.timestamp.after.max.ms`; none: without bound.
        after_max: Option<Micros>,
    },
    /// That of the leader that appends them.
    LogAppendTime,
}

impl Timestamps {
    /// Kafka's defaults (R17.22).
    pub const USUAL: Self =
        Self::CreateTime { before_max: None, after_max: Some(Micros::from_secs(60 * 60)) };

    /// R17.22: what a record bears that came with `bears` to a leader whose clock shows `now` (Kafka:
    /// `LogValidator#recordHasInvalidTimestamp`).
    pub(crate) fn taken(self, bears: Timestamp, now: Timestamp) -> Result<Timestamp, ErrorCode> {
        match self {
            Self::LogAppendTime => Ok(now),
            Self::CreateTime { before_max, after_max } => {
                let is_old = before_max.is_some_and(|most| now.since(bears) > most);
                let is_ahead = after_max.is_some_and(|most| bears.since(now) > most);
                if is_old || is_ahead { Err(ErrorCode::InvalidTimestamp) } else { Ok(bears) }
            }
        }
    }
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
            timestamps: Timestamps::USUAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::Shift;

    /// R17.22: `LogValidator#recordHasInvalidTimestamp`, whose bounds are still taken.
    #[test]
    fn a_leader_takes_what_is_near_its_clock_or_stamps_it_itself() {
        let now = Timestamp::from_micros(5_000_000);
        let hour = 3_600_000_000;
        let refused = Err(ErrorCode::InvalidTimestamp);
        let at = |by: i64| now + Shift(by);
        for (by, taken) in
            [(hour, Ok(at(hour))), (hour + 1, refused), (-1000 * hour, Ok(at(-1000 * hour)))]
        {
            assert_eq!(Timestamps::USUAL.taken(at(by), now), taken, "{by}");
        }
        let minute = Some(Micros::from_secs(60));
        let narrow = Timestamps::CreateTime { before_max: minute, after_max: None };
        for (by, taken) in [
            (-60_000_000, Ok(at(-60_000_000))),
            (-60_000_001, refused),
            (hour * 9, Ok(at(hour * 9))),
        ] {
            assert_eq!(narrow.taken(at(by), now), taken, "{by}");
        }
        assert_eq!(Timestamps::LogAppendTime.taken(at(hour * 9), now), Ok(now));
    }
}
