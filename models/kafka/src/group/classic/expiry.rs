//! When committed offsets of a classic group expire (R9.37; Kafka: `ClassicGroup#offsetExpirationCondition`,
//! `#isSubscribedToTopic`).

use super::{Group, State};
use ackproof_types::{Timestamp, TopicId};

/// From when on the time of a commit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Base {
    /// From the commit.
    Commit,
    /// From this instant.
    Since(Timestamp),
    /// It does not count: nothing expires.
    Never,
}

impl Group {
    /// A group that nobody ever joined only stores offsets: each has its own time. So it is in a stable group,
    /// for topics that nobody subscribes to any more.
    pub(in super::super) fn expiry_base(&self) -> Base {
        match self.state {
            State::Empty => self.empty_since.map_or(Base::Commit, Base::Since),
            State::Stable => Base::Commit,
            State::InitialRebalance { .. }
            | State::PreparingRebalance
            | State::CompletingRebalance => Base::Never,
        }
    }

    /// Whether a member subscribes to the topic.
    pub(in super::super) fn is_subscribed(&self, topic: TopicId) -> bool {
        self.members.values().any(|member| member.metadata.topics.contains(&topic))
    }
}
