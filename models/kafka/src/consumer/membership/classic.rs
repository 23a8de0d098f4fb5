//! A member of the classic protocol, eager or cooperative (R9.25): generation, joining and leaving (R8.11,
//! R9.23, R9.24, R9.26, R9.39). When to join is decided by the poll loop.
//!
//! Kafka: `AbstractCoordinator`, `ConsumerCoordinator`.

mod heartbeat;
mod sync;

use crate::assignor::{Assignor, RebalanceProtocol, Subscriber, UserData};
use crate::client::backoff::once_more;
use crate::consumer::application::After;
use crate::consumer::{Consumer, Out, Purpose, Timer};
use crate::message::{
    CorrelationId, GroupRequest, JoinGroupRequest, JoinGroupResponse, MemberClaim, MemberMetadata,
    Request,
};
use crate::variant::Variant;
use ackproof_types::{
    Delay, ErrorCode, GenerationId, MemberId, Micros, RebalanceReason, TopicPartition,
};
use std::sync::Arc;

/// What a JoinGroup may take beyond the rebalance timeout (Kafka: `JOIN_GROUP_TIMEOUT_LAPSE`).
const JOIN_TIMEOUT_LAPSE: Micros = Micros::from_secs(5);

/// Kafka: `MemberState`, with what is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum State {
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

/// How far a cooperative member has come with its auto-commit before it joins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Prepared {
    #[default]
    No,
    /// The commit is under way; polls go on.
    Committing,
    Yes,
}

/// Membership of a classic group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::consumer) struct Classic {
    member: Option<MemberId>,
    generation: Option<GenerationId>,
    /// The assignor that the members chose.
    protocol: Option<Assignor>,
    state: State,
    prepared: Prepared,
    join_cooling: bool,
    join_failures: u32,
    /// Came while nobody was in poll to read it: outside of a generation no heartbeat thread does.
    unread: Option<(CorrelationId, JoinGroupResponse)>,
    heartbeat_under_way: bool,
    heartbeat_failures: u32,
    rejoin_needed: bool,
    /// Why, if this member began it.
    rejoin_reason: Option<RebalanceReason>,
    /// What its assignor remembers.
    user_data: Option<UserData>,
    /// The numbers of partitions of all topics that this member's assignment was made from.
    assigned_from: Option<Vec<u16>>,
}

impl Classic {
    pub(in crate::consumer) fn join_cooled(&mut self) {
        self.join_cooling = false;
    }

    pub(in crate::consumer) fn is_stable(&self) -> bool {
        self.state == State::Stable
    }

    /// Whether it may commit: its assignment has come, whether or not a poll has taken it over (Kafka:
    /// `generationIfStable`).
    pub(in crate::consumer) fn may_commit(&self) -> bool {
        matches!(self.state, State::Stable | State::Synced(_))
    }

    /// A commit goes before the join.
    pub(in crate::consumer) fn prepare_join(&mut self) {
        self.prepared = Prepared::Committing;
    }

    /// The commit before the join is over.
    pub(in crate::consumer) fn join_prepared(&mut self) {
        if self.prepared == Prepared::Committing {
            self.prepared = Prepared::Yes;
        }
    }

    /// Nothing of a rebalance is pending.
    pub(in crate::consumer) fn is_settled(&self) -> bool {
        self.is_stable() && !self.rejoin_needed
    }

    /// The generation, while this member takes part in it.
    pub(in crate::consumer) fn generation(&self) -> Option<GenerationId> {
        match self.state {
            State::Unjoined | State::Void(_) | State::Preparing | State::Joining(_) => None,
            State::Assigning(_) | State::Syncing(_) | State::Synced(_) | State::Stable => {
                self.generation
            }
        }
    }

    /// How the client itself refuses a commit while it is not stable (Kafka: `RebalanceInProgressException`
    /// while it joins, else `CommitFailedException`; `ConsumerCoordinator#sendOffsetCommitRequest`).
    pub(in crate::consumer) fn refusal(&self) -> ErrorCode {
        if self.is_member() { ErrorCode::RebalanceInProgress } else { ErrorCode::UnknownMemberId }
    }

    /// The member itself begins the next rebalance (Kafka: `requestRejoin`).
    fn request_rejoin(&mut self, reason: RebalanceReason) {
        self.rejoin_needed = true;
        self.rejoin_reason = Some(reason);
    }

    /// Whether a coordinator may know it by its id (Kafka: not UNJOINED).
    fn is_member(&self) -> bool {
        !matches!(self.state, State::Unjoined | State::Void(_))
    }

    /// R8.11: the generation is gone, and the member id with it unless it is kept.
    fn reset(&mut self, error: ErrorCode) {
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
fn is_loss(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId)
}

/// Whether `poll()` throws it, and the application closes its consumer: another process has its
/// `group.instance.id`, or the group has other assignors.
fn is_fatal(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::FencedInstanceId | ErrorCode::InconsistentGroupProtocol)
}

impl Consumer {
    /// This member in its generation.
    pub(super) fn classic_claim(&self) -> Option<MemberClaim> {
        let generation = self.membership.classic.generation()?;
        let member = self.membership.classic.member?;
        let instance = self.config.group_instance_id;
        Some(MemberClaim { group: self.config.group, generation, member, instance })
    }

    /// The group's part of a poll (Kafka: `ConsumerCoordinator#poll`). Whether it changed something.
    pub(super) fn classic_polls(&mut self, out: &mut Out) -> bool {
        if let Some((id, said)) = self.membership.classic.unread.take() {
            self.joined(id, said, out);
            return true;
        }
        if self.coordinator_route().is_none() {
            return false;
        }
        match self.membership.classic.state {
            State::Stable if self.membership.classic.rejoin_needed => {
                match self.membership.classic.prepared {
                    Prepared::No => self.prepare_join(out),
                    Prepared::Committing => false,
                    Prepared::Yes => {
                        self.revoke(out);
                        true
                    }
                }
            }
            State::Stable if std::mem::take(&mut self.commits.again) => {
                let offsets = self.to_commit();
                self.commit_and_wait(offsets, After::Poll, self.config.default_api_timeout, out);
                true
            }
            State::Stable => {
                self.auto_commit_if_due(out);
                false
            }
            State::Unjoined | State::Preparing => {
                if self.membership.classic.generation.is_none() {
                    self.lose(out);
                }
                self.join(out)
            }
            State::Synced(ref partitions) => {
                let partitions = Arc::clone(partitions);
                if !self.listener_commits(&partitions, out) {
                    self.assigned(partitions, out);
                }
                true
            }
            State::Void(_) | State::Joining(_) | State::Assigning(_) | State::Syncing(_) => false,
        }
    }

    /// R9.26: `onPartitionsLost`, if the generation is gone.
    fn lose(&mut self, out: &mut Out) {
        if !self.membership.classic.is_stable() {
            self.lose_all(out);
        }
    }

    /// R9.24: `onPartitionsRevoked` with everything, then the group is joined again. A cooperative member
    /// keeps what it owns (R9.25). Nothing if the generation was lost meanwhile.
    pub(in crate::consumer) fn revoke(&mut self, out: &mut Out) {
        if !self.membership.classic.is_stable() {
            return;
        }
        self.membership.classic.state = State::Preparing;
        self.membership.classic.prepared = Prepared::No;
        self.stop_heartbeats(out);
        if self.config.rebalance_protocol() == RebalanceProtocol::Eager {
            if self.config.variants.has(Variant::RevokedBatchStillDelivered) {
                self.return_records(out);
            }
            self.revoke_all(out);
        }
    }

    /// Joins, unless it was refused a moment ago. Whether it does.
    fn join(&mut self, out: &mut Out) -> bool {
        if self.membership.classic.join_cooling {
            return false;
        }
        let Some(route) = self.coordinator_route() else { return false };
        let request = Request::Group(GroupRequest::JoinGroup(JoinGroupRequest {
            group: self.config.group,
            member: self.membership.classic.member,
            require_known_member_id: true,
            session_timeout: self.config.session_timeout,
            rebalance_timeout: self.config.max_poll_interval,
            metadata: MemberMetadata {
                protocols: Arc::clone(&self.config.partition_assignment_strategy),
                instance: self.config.group_instance_id,
                topics: Arc::clone(&self.config.topics),
                owned: self
                    .membership
                    .owned
                    .as_ref()
                    .map_or_else(Arc::default, |it| Arc::clone(&it.partitions)),
                generation: self.membership.classic.generation.unwrap_or(GenerationId::UNKNOWN),
                user_data: self.membership.classic.user_data.clone(),
                opaque: None,
            },
            reason: self.membership.classic.rejoin_reason.unwrap_or(RebalanceReason::Joined),
        }));
        // R9.39.
        let patience = self.config.max_poll_interval + JOIN_TIMEOUT_LAPSE;
        let timeout = patience.max(self.config.request_timeout);
        let id = self.client.send_within(timeout, route, request, Purpose::Join, out);
        self.membership.classic.state = State::Joining(id);
        true
    }

    pub(in crate::consumer) fn joined(
        &mut self,
        id: CorrelationId,
        said: JoinGroupResponse,
        out: &mut Out,
    ) {
        if !self.application.is_polling() {
            self.membership.classic.unread = Some((id, said));
            return;
        }
        let void = self.membership.classic.state == State::Void(id);
        if !void && self.membership.classic.state != State::Joining(id) {
            return;
        }
        match said {
            JoinGroupResponse::Joined { .. } if void => {
                self.membership.classic.state = State::Unjoined;
                self.cool_join(out);
            }
            JoinGroupResponse::Joined {
                generation,
                member,
                protocol,
                members,
                skip_assignment,
                ..
            } => {
                let members = if skip_assignment { Vec::new() } else { members };
                self.membership.classic.protocol = Some(protocol);
                self.membership.classic.generation = Some(generation);
                self.membership.classic.member = Some(member);
                self.membership.classic.state = State::Assigning(members);
                self.membership.classic.assigned_from = None;
                self.membership.classic.join_failures = 0;
                // Members of a group join at the same instant, and their threads drift apart from there:
                // after a while each is heard of at a time of its own. Early is harmless.
                out.arm(Timer::Heartbeat, Delay::rest_of(self.config.heartbeat_interval));
                self.watch_session(out);
            }
            JoinGroupResponse::MemberIdRequired(member) => {
                self.membership.classic.member = Some(member);
                self.membership.classic.generation = None;
                self.membership.classic.state = State::Preparing;
            }
            JoinGroupResponse::Refused(error) => self.join_failed(id, error, out),
        }
    }

    /// R8.11, R9.39. What concerns the member alone is tried again at once.
    pub(in crate::consumer) fn join_failed(
        &mut self,
        id: CorrelationId,
        error: ErrorCode,
        out: &mut Out,
    ) {
        let void = self.membership.classic.state == State::Void(id);
        if void || self.membership.classic.state == State::Joining(id) {
            self.membership.classic.state = if void { State::Unjoined } else { State::Preparing };
            if error == ErrorCode::UnknownMemberId && !void {
                self.reset_generation(error, out);
            } else if is_fatal(error) {
                self.poll_throws(error, out);
            } else if !is_loss(error) && error != ErrorCode::RebalanceInProgress {
                self.cool_join(out);
            }
        }
        self.coordinator_error(error, out);
    }

    fn cool_join(&mut self, out: &mut Out) {
        let failures = self.membership.classic.join_failures;
        self.membership.classic.join_failures = once_more(failures);
        self.membership.classic.join_cooling = true;
        out.arm(Timer::JoinBackoff, self.retry_backoff_after(failures));
    }

    /// R9.40: leaves the group, once, if it is in it and the coordinator can be told, with the reason
    /// (KIP-800).
    fn send_leave(&mut self, reason: RebalanceReason, out: &mut Out) {
        let member = self.membership.classic.member.filter(|_| self.membership.classic.is_member());
        let route = self.coordinator_route();
        self.reset_generation(ErrorCode::UnknownMemberId, out);
        // R9.21: a static member stays until its session ends.
        let route = route.filter(|_| self.config.group_instance_id.is_none());
        if let (Some(member), Some(route)) = (member, route) {
            let request =
                Request::Group(GroupRequest::LeaveGroup(self.config.group, member, reason));
            self.send(route, request, Purpose::Leave, out);
        }
    }

    pub(super) fn classic_leaves(&mut self, out: &mut Out) {
        self.lose(out);
        self.revoke_all(out);
        self.send_leave(RebalanceReason::Left, out);
    }
}
