//! Positions in a log and the epochs that fence them, under Kafka's names.

use std::fmt;
use std::ops::{Add, Sub};

/// A position in one partition's log, from 0. Ends (log end offset, high watermark, committed
/// offset) are exclusive: one past the last record they cover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i64);

impl Offset {
    /// Not known (Kafka writes −1).
    pub const UNKNOWN: Self = Self(-1);

    /// The number of offsets from `earlier` to here; 0 if `earlier` is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0 - earlier.0).unwrap_or(0)
    }

    /// The offset `count` further.
    ///
    /// # Panics
    /// If `count` is above `i64::MAX`.
    #[must_use]
    #[inline]
    pub fn plus(self, count: usize) -> Self {
        Self(self.0 + i64::try_from(count).expect("a batch has fewer than i64::MAX records"))
    }
}

impl Add<i64> for Offset {
    type Output = Self;
    fn add(self, count: i64) -> Self {
        Self(self.0 + count)
    }
}

impl Sub for Offset {
    type Output = i64;
    fn sub(self, other: Self) -> i64 {
        self.0 - other.0
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! epoch {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl $name {
            /// Not known (Kafka writes −1).
            pub const UNKNOWN: Self = Self(-1);

            /// The epoch after this one.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

epoch! {
    /// Counts the leaderships of one partition; fences fetches (Kafka: `leaderEpoch`, KIP-101/320).
    LeaderEpoch(i32)
}
epoch! {
    /// Counts every change of one partition's state; fences AlterPartition (Kafka:
    /// `partitionEpoch`, KIP-497). Not the same as [`LeaderEpoch`].
    PartitionEpoch(i32)
}
epoch! {
    /// One registration of a broker process (Kafka: `brokerEpoch`, KIP-380, KIP-903).
    BrokerEpoch(i64)
}
epoch! {
    /// Counts the leaderships of the quorum of controllers (Kafka: `controllerEpoch`, KIP-595). 0: there was none.
    ControllerEpoch(i32)
}
epoch! {
    /// The epoch of a producer id; a bump restarts its sequences (Kafka: `producerEpoch`, KIP-360).
    ProducerEpoch(i16)
}
epoch! {
    /// Counts the completed join phases of a classic group (Kafka: `generationId`).
    GenerationId(i32)
}
epoch! {
    /// Counts the changes of a consumer group (KIP-848). The group has the newest, its target assignment the
    /// one that it was made for, and each member the one that it has reached (Kafka: `groupEpoch`,
    /// `assignmentEpoch`, `memberEpoch`).
    MemberEpoch(i32)
}

impl MemberEpoch {
    /// A member with this epoch joins.
    pub const JOIN: Self = Self(0);
    /// A member with this epoch leaves for good.
    pub const LEAVE: Self = Self(-1);
    /// A static member with this epoch leaves and may come back.
    pub const LEAVE_STATIC: Self = Self(-2);
}

/// One field of a commit has either (Kafka: `generationIdOrMemberEpoch`).
impl From<MemberEpoch> for GenerationId {
    fn from(epoch: MemberEpoch) -> Self {
        Self(epoch.0)
    }
}

/// One field of a commit has either (Kafka: `generationIdOrMemberEpoch`).
impl From<GenerationId> for MemberEpoch {
    fn from(generation: GenerationId) -> Self {
        Self(generation.0)
    }
}

/// A sequence number of an idempotent producer within one partition; after `i32::MAX` comes 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub i32);

impl Sequence {
    /// None (Kafka writes −1).
    pub const NONE: Self = Self(-1);

    /// The sequence `count` further, wrapping to 0 after `i32::MAX` (Kafka:
    /// `DefaultRecordBatch#incrementSequence`).
    ///
    /// # Panics
    /// If `count` is above `i64::MAX`.
    #[must_use]
    pub fn plus(self, count: usize) -> Self {
        let modulus = i64::from(i32::MAX) + 1;
        let count = i64::try_from(count).expect("a batch has fewer than i64::MAX records");
        let next = (i64::from(self.0) + count).rem_euclid(modulus);
        Self(i32::try_from(next).expect("reduced below i32::MAX + 1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_after_the_largest_is_zero() {
        assert_eq!(Sequence(i32::MAX).plus(1), Sequence(0));
        assert_eq!(Sequence(i32::MAX - 1).plus(3), Sequence(1));
    }
}
