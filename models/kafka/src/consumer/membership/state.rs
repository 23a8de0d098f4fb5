//! How far a member has come with its group, and what it owns meanwhile. It sends nothing.

use crate::assignor::{Assignor, Subscriber, UserData};
use crate::message::{CorrelationId, JoinGroupResponse};
use ackproof_types::{ErrorCode, GenerationId, MemberId, RebalanceReason, TopicPartition};
use std::sync::Arc;

/// Kafka: `MemberState`, with what is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// Not in the group: never joined, or the generation is gone.
    #[default]
    Unjoined,
    /// The same, with this JoinGroup still under way: its answer will be thrown away.
    Void(CorrelationId),
    /// About to join again.
    Preparing,
    /// This JoinGroup is under way.
    Joining(CorrelationId),
    /// Joined; SyncGroup is to be sent. The members are given to the leader alone.
    Assigning(Vec<Subscriber>),
    /// This SyncGroup is under way.
    Syncing(CorrelationId),
    /// Got its assignment, which the next poll will take over.
    Synced(Arc<[TopicPartition]>),
    /// Has an assignment.
    Stable,
}

/// What a member owns until it is revoked or lost.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ownership {
    pub(super) member: MemberId,
    pub(super) partitions: Arc<[TopicPartition]>,
}

/// How far a cooperative member has come with its auto-commit before it joins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Prepared {
    #[default]
    No,
    /// The commit is under way; polls go on.
    Committing,
    Yes,
}

/// Membership of the group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in super::super) struct Membership {
    pub(super) member: Option<MemberId>,
    pub(super) generation: Option<GenerationId>,
    /// The assignor that the members chose.
    pub(super) protocol: Option<Assignor>,
    pub(super) state: State,
    pub(super) prepared: Prepared,
    pub(super) join_cooling: bool,
    pub(super) join_failures: u32,
    /// Came while nobody was in poll to read it: outside of a generation no heartbeat thread does.
    pub(super) unread: Option<(CorrelationId, JoinGroupResponse)>,
    pub(super) heartbeat_under_way: bool,
    pub(super) heartbeat_failures: u32,
    pub(super) rejoin_needed: bool,
    /// Why, if this member began it.
    pub(super) rejoin_reason: Option<RebalanceReason>,
    pub(super) owned: Option<Ownership>,
    /// What its assignor remembers.
    pub(super) user_data: Option<UserData>,
    /// The numbers of partitions of all topics that this member's assignment was made from.
    pub(super) assigned_from: Option<Vec<u16>>,
}

impl Membership {
    pub(in super::super) fn join_cooled(&mut self) {
        self.join_cooling = false;
    }

    pub(in super::super) fn is_stable(&self) -> bool {
        self.state == State::Stable
    }

    /// Whether it may commit: its assignment has come, whether or not a poll has taken it over (Kafka:
    /// `generationIfStable`).
    pub(in super::super) fn may_commit(&self) -> bool {
        matches!(self.state, State::Stable | State::Synced(_))
    }

    /// A commit goes before the join.
    pub(in super::super) fn prepare_join(&mut self) {
        self.prepared = Prepared::Committing;
    }

    /// The commit before the join is over.
    pub(in super::super) fn join_prepared(&mut self) {
        if self.prepared == Prepared::Committing {
            self.prepared = Prepared::Yes;
        }
    }

    /// Nothing of a rebalance is pending.
    pub(in super::super) fn is_settled(&self) -> bool {
        self.is_stable() && !self.rejoin_needed
    }

    /// The generation, while this member takes part in it.
    pub(in super::super) fn generation(&self) -> Option<GenerationId> {
        match self.state {
            State::Unjoined | State::Void(_) | State::Preparing | State::Joining(_) => None,
            State::Assigning(_) | State::Syncing(_) | State::Synced(_) | State::Stable => {
                self.generation
            }
        }
    }

    /// How the client itself refuses a commit while it is not stable (Kafka: `RebalanceInProgressException`
    /// while it joins, else `CommitFailedException`; `ConsumerCoordinator#sendOffsetCommitRequest`).
    pub(in super::super) fn refusal(&self) -> ErrorCode {
        if self.is_member() { ErrorCode::RebalanceInProgress } else { ErrorCode::UnknownMemberId }
    }

    /// The member itself begins the next rebalance (Kafka: `requestRejoin`).
    pub(super) fn request_rejoin(&mut self, reason: RebalanceReason) {
        self.rejoin_needed = true;
        self.rejoin_reason = Some(reason);
    }

    /// Whether a coordinator may know it by its id (Kafka: not UNJOINED).
    pub(super) fn is_member(&self) -> bool {
        !matches!(self.state, State::Unjoined | State::Void(_))
    }

    /// R8.11: the generation is gone, and the member id with it unless it is kept.
    pub(super) fn reset(&mut self, error: ErrorCode) {
        if error != ErrorCode::IllegalGeneration {
            self.member = None;
        }
        self.generation = None;
        self.state = match self.state {
            State::Joining(id) | State::Void(id) => State::Void(id),
            State::Unjoined
            | State::Preparing
            | State::Assigning(_)
            | State::Syncing(_)
            | State::Synced(_)
            | State::Stable => State::Unjoined,
        };
        self.heartbeat_under_way = false;
        self.prepared = Prepared::No;
        self.rejoin_needed = false;
        self.rejoin_reason = None;
    }
}

/// Whether the error says that the generation is gone (R8.11).
pub(super) fn is_loss(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId)
}

/// Whether `poll()` throws it, and the application closes its consumer: another process has its
/// `group.instance.id`, or the group has other assignors.
pub(super) fn is_fatal(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::FencedInstanceId | ErrorCode::InconsistentGroupProtocol)
}
