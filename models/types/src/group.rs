//! Why a group of consumers rebalances.

/// What began a rebalance: the first reason counts, others may join in (Kafka:
/// `GroupMetadataManager#prepareRebalance`, and the reasons that members send along, KIP-800).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RebalanceReason {
    /// A member joined, or joined again.
    Joined,
    /// A member left: it was closed.
    Left,
    /// A member was not heard of for its `session.timeout.ms`.
    SessionExpired,
    /// A member did not poll, or did not take part in the rebalance before, within its
    /// `max.poll.interval.ms`.
    PollIntervalExceeded,
    /// The leader found other topics or partitions than the assignment was made from.
    Metadata,
    /// A member gave up partitions that others are to get (R9.25).
    Revoked,
    /// The coordinator could not replicate the assignment and begins anew.
    AssignmentNotStored,
}

impl RebalanceReason {
    /// Every reason.
    pub const ALL: &'static [Self] = &[
        Self::Joined,
        Self::Left,
        Self::SessionExpired,
        Self::PollIntervalExceeded,
        Self::Metadata,
        Self::Revoked,
        Self::AssignmentNotStored,
    ];

    /// Its stable kebab-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Left => "left",
            Self::SessionExpired => "session-expired",
            Self::PollIntervalExceeded => "poll-interval-exceeded",
            Self::Metadata => "metadata",
            Self::Revoked => "revoked",
            Self::AssignmentNotStored => "assignment-not-stored",
        }
    }

    /// What happened, in words, with the setting that set the time.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Joined => "a member joined",
            Self::Left => "a member left",
            Self::SessionExpired => "session.timeout.ms of a member ran out",
            Self::PollIntervalExceeded => "max.poll.interval.ms of a member ran out",
            Self::Metadata => "the topics' metadata changed",
            Self::Revoked => "a member gave up partitions for others",
            Self::AssignmentNotStored => "the assignment could not be stored",
        }
    }
}

/// The partition of `__consumer_offsets`, of `partitions`, that keeps the group `group_name` (R9.1,
/// Java's `String#hashCode`).
///
/// # Panics
/// If `partitions` is 0.
#[must_use]
pub fn offsets_partition(group_name: &str, partitions: u16) -> u16 {
    let hash = group_name
        .encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    // R9.1: the smallest integer has no absolute value and counts as 0.
    let positive = hash.checked_abs().unwrap_or(0);
    u16::try_from(positive % i32::from(partitions)).expect("below a number of partitions")
}

#[cfg(test)]
mod tests {
    use super::offsets_partition;

    #[test]
    fn hash_is_that_of_java() {
        assert_eq!(offsets_partition("abc", 50), 4, "96354 mod 50");
        assert_eq!(offsets_partition("polygenelubricants", 50), 0, "the smallest integer");
    }
}
