//! A member of a consumer group (KIP-848), as its network thread sees it: epochs, states, and what a
//! coordinator's answers mean (R9.29, R9.35). It goes on whatever the application does.
//!
//! Kafka: `ConsumerMembershipManager`, `AbstractMembershipManager`.
//!
//! - [`heartbeat`] the one request · [`reconcile`] from what it has to what it is to have

mod heartbeat;
mod reconcile;

use crate::consumer::{Consumer, Out, Timer};
use crate::message::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, CorrelationId, GroupRequest,
    MemberClaim, Request,
};
use crate::observation::Observation;
use ackproof_types::mix::mix;
use ackproof_types::{
    ErrorCode, GenerationId, MemberEpoch, MemberId, Micros, Timestamp, TopicPartition,
};
use heartbeat::{Pulse, Sent};
use reconcile::Reconciliation;
use std::sync::Arc;

/// Who commits without being a member (Kafka: an empty `memberId`). No member draws this id.
const NOBODY: MemberId = MemberId(0);

/// Kafka: `MemberState`. PREPARE_LEAVING and LEAVING take no time here: who leaves is in the consumer, or
/// does not wait for its callbacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum State {
    /// Has not polled yet, or has left for good.
    #[default]
    Unsubscribed,
    /// Is about to join, or waits for the answer.
    Joining,
    /// Has what it is to have.
    Stable,
    /// Has got another target.
    Reconciling,
    /// Has reached its target, and is about to tell.
    Acknowledging,
    /// The coordinator does not know it any more. It joins again once its partitions are lost.
    Fenced,
    /// Left because the application polled too rarely. It joins again with the next poll.
    Stale,
    /// Must not join again.
    Fatal,
}

impl State {
    /// Kafka: `shouldSkipHeartbeat`.
    fn is_silent(self) -> bool {
        match self {
            Self::Unsubscribed | Self::Fenced | Self::Stale | Self::Fatal => true,
            Self::Joining | Self::Stable | Self::Reconciling | Self::Acknowledging => false,
        }
    }

    /// Kafka: `shouldHeartbeatNow`.
    fn is_urgent(self) -> bool {
        matches!(self, Self::Joining | Self::Acknowledging)
    }
}

/// An assignment, counted: one that comes back is acknowledged again (Kafka: `LocalAssignment`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct LocalAssignment {
    number: u32,
    /// The member's epoch in which it was given.
    epoch: MemberEpoch,
    partitions: Arc<[TopicPartition]>,
}

/// Membership of a consumer group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::consumer) struct Member {
    id: MemberId,
    epoch: MemberEpoch,
    state: State,
    /// What the coordinator gave it last.
    target: Option<LocalAssignment>,
    /// What it has reached.
    current: Option<LocalAssignment>,
    reconciliation: Option<Reconciliation>,
    pulse: Pulse,
    under_way: Option<CorrelationId>,
    sent: Sent,
    interval: Micros,
    failures: u32,
}

impl Member {
    /// A member chooses its id when its process starts (Kafka: `Uuid.randomUuid`). The number fits into the
    /// floats of other people's JSON.
    pub(super) fn new(salt: u64, now: Timestamp) -> Self {
        Self {
            id: MemberId((mix(salt ^ mix(now.bits())) >> 11) | 1),
            epoch: MemberEpoch::JOIN,
            state: State::default(),
            target: None,
            current: None,
            reconciliation: None,
            pulse: Pulse::Due,
            under_way: None,
            sent: Sent::default(),
            interval: Micros::ZERO,
            failures: 0,
        }
    }

    /// Whether it has an epoch to commit in (Kafka: `MemberInfo#memberEpoch`).
    pub(super) fn has_epoch(&self) -> bool {
        self.epoch > MemberEpoch::JOIN
    }

    /// The member and its epoch, if it has one.
    pub(in crate::consumer) fn known_as(&self) -> Option<(MemberId, MemberEpoch)> {
        self.has_epoch().then_some((self.id, self.epoch))
    }

    /// Kafka: `transitionToJoining`.
    fn join(&mut self) {
        self.epoch = MemberEpoch::JOIN;
        self.state = State::Joining;
        self.target = None;
        self.current = None;
        self.reconciliation = None;
    }
}

impl Consumer {
    /// Who commits: the member in its epoch; nobody while it has none (R8.16, R8.17).
    pub(super) fn member_claim(&self) -> MemberClaim {
        let (member, generation) = match self.membership.consumer.known_as() {
            Some((member, epoch)) => (member, GenerationId::from(epoch)),
            None => (NOBODY, GenerationId::UNKNOWN),
        };
        let (group, instance) = (self.config.group, self.config.group_instance_id);
        MemberClaim { group, generation, member, instance }
    }

    /// The group's part of a poll (Kafka: the event `PollEvent`, and the callbacks that wait). Whether it
    /// changed something.
    pub(super) fn member_polls(&mut self, out: &mut Out) -> bool {
        let member = &mut self.membership.consumer;
        match member.state {
            State::Unsubscribed => {
                member.join();
                return true;
            }
            State::Fenced | State::Stale => {
                self.lose_all(out);
                self.membership.consumer.join();
                return true;
            }
            State::Fatal => self.lose_all(out),
            State::Joining | State::Stable | State::Reconciling | State::Acknowledging => {}
        }
        if self.run_callbacks(out) {
            return true;
        }
        if self.reconcile_and_commit(out) {
            return true;
        }
        self.auto_commit_if_due(out);
        false
    }

    /// A heartbeat was answered well.
    fn member_told(&mut self, said: ConsumerGroupHeartbeatResponse) {
        let member = &mut self.membership.consumer;
        if member.state.is_silent() {
            return;
        }
        member.epoch = said.epoch;
        let Some(partitions) = said.assignment else { return };
        if member.target.as_ref().is_none_or(|target| target.partitions != partitions) {
            let number = member.target.as_ref().map_or(0, |target| target.number + 1);
            member.target = Some(LocalAssignment { number, epoch: said.epoch, partitions });
        }
        if member.current != member.target {
            member.state = State::Reconciling;
        } else if matches!(member.state, State::Reconciling | State::Joining) {
            member.state = State::Stable;
        }
    }

    /// R9.35: the coordinator does not know this member, or not in this epoch. With nothing to lose it
    /// joins at once (Kafka: `transitionToFenced`).
    fn fenced(&mut self) {
        let has_nothing = self.owned().is_empty();
        let member = &mut self.membership.consumer;
        if member.state == State::Unsubscribed {
            return;
        }
        member.epoch = MemberEpoch::JOIN;
        member.reconciliation = None;
        member.state = State::Fenced;
        if has_nothing {
            member.join();
        }
    }

    /// `poll()` throws, and the application closes its consumer (Kafka: `transitionToFatal`).
    fn member_failed(&mut self, error: ErrorCode, out: &mut Out) {
        let member = &mut self.membership.consumer;
        member.state = State::Fatal;
        member.epoch = MemberEpoch::JOIN;
        member.reconciliation = None;
        out.disarm(Timer::Heartbeat);
        self.poll_throws(error, out);
    }

    /// R9.35, R8.10: the application polls too rarely. The member leaves at once; its partitions are lost
    /// with the next poll, and it joins again.
    pub(super) fn member_is_late(&mut self, out: &mut Out) {
        if self.application.is_closing() || self.membership.consumer.state.is_silent() {
            return;
        }
        if self.coordinator_route().is_none() {
            return out.arm(Timer::MaxPoll, self.retry_backoff());
        }
        self.application.leave_unaware();
        out.observe(Observation::PollOverdue { group: self.config.group });
        self.send_leave_heartbeat(out);
        self.membership.consumer.state = State::Stale;
    }

    /// `close()`: what is owned is revoked, or lost, before the group is told.
    pub(super) fn member_leaves(&mut self, out: &mut Out) {
        if self.membership.consumer.has_epoch() {
            self.revoke_all(out);
        } else {
            self.lose_all(out);
        }
        if !self.membership.consumer.state.is_silent() && self.coordinator_route().is_some() {
            self.send_leave_heartbeat(out);
        }
        out.disarm(Timer::Heartbeat);
        self.membership.consumer.state = State::Unsubscribed;
    }

    fn heartbeat_request(&self, request: ConsumerGroupHeartbeatRequest) -> Request {
        Request::Group(GroupRequest::ConsumerGroupHeartbeat(request))
    }
}
