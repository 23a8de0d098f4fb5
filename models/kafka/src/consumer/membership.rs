//! The group as a member sees it: generation, heartbeats, joining and leaving (R8.10, R8.11, R9.23,
//! R9.24, R9.26, R9.39). When to join is decided by the poll loop.
//!
//! Kafka: `AbstractCoordinator`, `ConsumerCoordinator`: the classic protocol, eager or cooperative (R9.25).

mod heartbeat;
mod state;

pub(super) use heartbeat::Asked;
pub(super) use state::Membership;

use super::application::After;
use super::{Consumer, Out, Purpose, Timer};
use crate::assignor::{Assignor, RebalanceProtocol, UserData};
use crate::client::backoff::once_more;
use crate::message::{
    CorrelationId, GroupRequest, JoinGroupRequest, JoinGroupResponse, MemberClaim, MemberMetadata,
    Request, SyncGroupRequest,
};
use crate::observation::Observation;
use ackproof_types::{Delay, ErrorCode, GenerationId, Micros, RebalanceReason, TopicPartition};
use state::{Ownership, Prepared, State, is_fatal, is_loss};
use std::sync::Arc;

/// What a JoinGroup may take beyond the rebalance timeout (Kafka: `JOIN_GROUP_TIMEOUT_LAPSE`).
const JOIN_TIMEOUT_LAPSE: Micros = Micros::from_secs(5);

impl Consumer {
    /// R9.24: positions are of what is owned.
    pub(super) fn check_ownership(&self) {
        let owned = self.membership.owned.as_ref().map_or(&[][..], |it| &it.partitions);
        assert!(self.positions.owned.keys().all(|one| owned.contains(one)), "R9.24: {owned:?}");
    }

    /// This member in its generation.
    pub(super) fn claim(&self) -> Option<MemberClaim> {
        let generation = self.membership.generation()?;
        let member = self.membership.member?;
        let instance = self.config.group_instance_id;
        Some(MemberClaim { group: self.config.group, generation, member, instance })
    }

    /// The group's part of a poll (Kafka: `ConsumerCoordinator#poll`). Whether it changed something.
    pub(super) fn take_part(&mut self, out: &mut Out) -> bool {
        if let Some((id, said)) = self.membership.unread.take() {
            self.joined(id, said, out);
            return true;
        }
        if self.coordinator_route().is_none() {
            return false;
        }
        match self.membership.state {
            State::Stable if self.membership.rejoin_needed => match self.membership.prepared {
                Prepared::No => self.prepare_join(out),
                Prepared::Committing => false,
                Prepared::Yes => {
                    self.revoke(out);
                    true
                }
            },
            State::Stable if std::mem::take(&mut self.commits.again) => {
                let offsets = self.positions.consumed();
                self.commit_and_wait(offsets, After::Poll, self.config.default_api_timeout, out);
                true
            }
            State::Stable => {
                self.auto_commit_if_due(out);
                false
            }
            State::Unjoined | State::Preparing => {
                if self.membership.generation.is_none() {
                    self.lose(out);
                }
                self.join(out)
            }
            State::Synced(ref partitions) => {
                let partitions = Arc::clone(partitions);
                self.assigned(partitions, out);
                true
            }
            State::Void(_) | State::Joining(_) | State::Assigning(_) | State::Syncing(_) => false,
        }
    }

    /// R9.24: `onPartitionsRevoked` with everything, then the group is joined again. A cooperative member
    /// keeps what it owns (R9.25). Nothing if the generation was lost meanwhile.
    pub(super) fn revoke(&mut self, out: &mut Out) {
        if !self.membership.is_stable() {
            return;
        }
        self.membership.state = State::Preparing;
        self.membership.prepared = Prepared::No;
        self.stop_heartbeats(out);
        if self.config.rebalance_protocol() == RebalanceProtocol::Eager {
            self.revoke_all(out);
        }
    }

    fn revoke_all(&mut self, out: &mut Out) {
        if let Some(Ownership { member, partitions }) = self.disown()
            && !partitions.is_empty()
        {
            out.observe(Observation::Revoked { group: self.config.group, member, partitions });
        }
    }

    /// R9.26: `onPartitionsLost`, if the generation is gone.
    pub(super) fn lose(&mut self, out: &mut Out) {
        if self.membership.is_stable() || self.membership.owned.is_none() {
            return;
        }
        if let Some(Ownership { member, partitions }) = self.disown()
            && !partitions.is_empty()
        {
            out.observe(Observation::Lost { group: self.config.group, member, partitions });
        }
    }

    /// R8.4: what is buffered goes with the ownership.
    fn disown(&mut self) -> Option<Ownership> {
        self.positions.assign(&[]);
        self.fetcher.clear();
        self.membership.owned.take()
    }

    /// Joins, unless it was refused a moment ago. Whether it does.
    fn join(&mut self, out: &mut Out) -> bool {
        if self.membership.join_cooling {
            return false;
        }
        let Some(route) = self.coordinator_route() else { return false };
        let request = Request::Group(GroupRequest::JoinGroup(JoinGroupRequest {
            group: self.config.group,
            member: self.membership.member,
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
                generation: self.membership.generation.unwrap_or(GenerationId::UNKNOWN),
                user_data: self.membership.user_data.clone(),
            },
            reason: self.membership.rejoin_reason.unwrap_or(RebalanceReason::Joined),
        }));
        // R9.39.
        let patience = self.config.max_poll_interval + JOIN_TIMEOUT_LAPSE;
        let timeout = patience.max(self.config.request_timeout);
        let id = self.client.send_within(timeout, route, request, Purpose::Join, out);
        self.membership.state = State::Joining(id);
        true
    }

    pub(super) fn joined(&mut self, id: CorrelationId, said: JoinGroupResponse, out: &mut Out) {
        if !self.application.is_polling() {
            self.membership.unread = Some((id, said));
            return;
        }
        let void = self.membership.state == State::Void(id);
        if !void && self.membership.state != State::Joining(id) {
            return;
        }
        match said {
            JoinGroupResponse::Joined { .. } if void => {
                self.membership.state = State::Unjoined;
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
                self.membership.protocol = Some(protocol);
                self.membership.generation = Some(generation);
                self.membership.member = Some(member);
                self.membership.state = State::Assigning(members);
                self.membership.assigned_from = None;
                self.membership.join_failures = 0;
                // Members of a group join at the same instant, and their threads drift apart from there:
                // after a while each is heard of at a time of its own. Early is harmless.
                out.arm(Timer::Heartbeat, Delay::rest_of(self.config.heartbeat_interval));
                self.watch_session(out);
            }
            JoinGroupResponse::MemberIdRequired(member) => {
                self.membership.member = Some(member);
                self.membership.generation = None;
                self.membership.state = State::Preparing;
            }
            JoinGroupResponse::Refused(error) => self.join_failed(id, error, out),
        }
    }

    /// R8.11, R9.39. What concerns the member alone is tried again at once.
    pub(super) fn join_failed(&mut self, id: CorrelationId, error: ErrorCode, out: &mut Out) {
        let void = self.membership.state == State::Void(id);
        if void || self.membership.state == State::Joining(id) {
            self.membership.state = if void { State::Unjoined } else { State::Preparing };
            if error == ErrorCode::UnknownMemberId && !void {
                self.reset_generation(error, out);
            } else if is_fatal(error) {
                self.leave_asked();
            } else if !is_loss(error) && error != ErrorCode::RebalanceInProgress {
                self.cool_join(out);
            }
        }
        self.coordinator_error(error, out);
    }

    fn cool_join(&mut self, out: &mut Out) {
        let failures = self.membership.join_failures;
        self.membership.join_failures = once_more(failures);
        self.membership.join_cooling = true;
        out.arm(Timer::JoinBackoff, self.retry_backoff_after(failures));
    }

    /// Sends SyncGroup once the leader knows the partitions to share out (R9.28).
    pub(super) fn send_assignment(&mut self, out: &mut Out) {
        let State::Assigning(members) = &self.membership.state else { return };
        let (Some(claim), Some(route)) = (self.claim(), self.coordinator_route()) else { return };
        let mut assignment = Vec::new();
        if !members.is_empty() {
            for member in members {
                self.client.metadata_mut().add_topics(&member.topics);
            }
            let metadata = self.client.metadata();
            if !metadata.answered_all() {
                return self.client.metadata_mut().request_update();
            }
            let assignor = self.membership.protocol.unwrap_or(Assignor::Range);
            assignment = assignor.assign(members, |topic| metadata.partition_count(topic));
            self.membership.assigned_from = Some(self.partition_counts());
        }
        let request =
            Request::Group(GroupRequest::SyncGroup(SyncGroupRequest { claim, assignment }));
        let id = self.send(route, request, Purpose::Sync, out);
        self.membership.state = State::Syncing(id);
    }

    fn partition_counts(&self) -> Vec<u16> {
        let topics = self.metadata().topics().into_iter();
        topics.map(|topic| self.metadata().partition_count(topic)).collect()
    }

    /// Metadata came: positions may be stale (R8.7), and a leader's assignment too (Kafka:
    /// `ConsumerCoordinator#rejoinNeededOrPending`).
    pub(super) fn metadata_updated(&mut self) {
        self.coordinator_may_be_looked_up();
        self.positions.metadata_came = true;
        let counts = self.partition_counts();
        if counts.contains(&0) {
            self.client.metadata_mut().request_update();
        }
        if self.membership.assigned_from.as_ref().is_some_and(|made_from| *made_from != counts) {
            self.membership.request_rejoin(RebalanceReason::Metadata);
        }
    }

    /// R9.18: the assignment came. The next poll takes it over.
    pub(super) fn synced(
        &mut self,
        id: CorrelationId,
        result: Result<Arc<[TopicPartition]>, ErrorCode>,
        out: &mut Out,
    ) {
        let partitions = match result {
            Ok(partitions) => partitions,
            Err(error) => return self.sync_failed(id, error, out),
        };
        if self.membership.state == State::Syncing(id) {
            self.membership.state = State::Synced(partitions);
            self.membership.rejoin_needed = false;
            self.membership.rejoin_reason = None;
        }
    }

    /// The rebalance is over: `onPartitionsAssigned`.
    fn assigned(&mut self, partitions: Arc<[TopicPartition]>, out: &mut Out) {
        let Some(MemberClaim { generation, member, .. }) = self.claim() else { return };
        self.membership.state = State::Stable;
        self.remember(generation, &partitions);
        let revoked = self.not_any_more(&partitions);
        self.positions.assign(&partitions);
        if !revoked.is_empty() {
            // R9.25: the next owners get them in the rebalance that follows.
            self.membership.request_rejoin(RebalanceReason::Revoked);
            let group = self.config.group;
            out.observe(Observation::Revoked { group, member, partitions: revoked.into() });
        }
        out.observe(Observation::Assigned {
            group: self.config.group,
            member,
            generation,
            partitions: Arc::clone(&partitions),
        });
        self.membership.owned = Some(Ownership { member, partitions });
        let made_from = &self.membership.assigned_from;
        let is_stale = made_from.as_ref().is_some_and(|counts| *counts != self.partition_counts());
        if is_stale {
            self.membership.request_rejoin(RebalanceReason::Metadata);
        }
        if self.config.application.commit.is_automatic() {
            self.commits.auto_due = false;
            out.arm(Timer::AutoCommit, self.config.auto_commit_interval);
        }
    }

    /// What this member owned and is not assigned any more.
    fn not_any_more(&self, assigned: &[TopicPartition]) -> Vec<TopicPartition> {
        let owned = self.membership.owned.iter().flat_map(|it| it.partitions.iter());
        owned.filter(|one| !assigned.contains(one)).copied().collect()
    }

    /// `onAssignment`: what the chosen assignor is told.
    fn remember(&mut self, generation: GenerationId, assigned: &Arc<[TopicPartition]>) {
        let partitions = match self.membership.protocol {
            Some(Assignor::Sticky) => Arc::clone(assigned),
            Some(Assignor::CooperativeSticky) => Arc::default(),
            Some(Assignor::Range | Assignor::RoundRobin) | None => return,
        };
        self.membership.user_data = Some(UserData { partitions, generation });
    }

    pub(super) fn sync_failed(&mut self, id: CorrelationId, error: ErrorCode, out: &mut Out) {
        if self.membership.state != State::Syncing(id) {
            return self.coordinator_error(error, out);
        }
        if is_loss(error) {
            return self.reset_generation(error, out);
        }
        if is_fatal(error) {
            self.leave_asked();
        }
        self.membership.state = State::Preparing;
        self.stop_heartbeats(out);
        if error != ErrorCode::RebalanceInProgress {
            self.cool_join(out);
            self.coordinator_error(error, out);
        }
    }

    /// R9.40: leaves the group, once, if it is in it and the coordinator can be told, with the reason
    /// (KIP-800).
    fn send_leave(&mut self, reason: RebalanceReason, out: &mut Out) {
        let member = self.membership.member.filter(|_| self.membership.is_member());
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

    /// What is owned is revoked, or lost, before the group is told (Kafka: `onLeavePrepare`).
    pub(super) fn leave_for_good(&mut self, out: &mut Out) {
        self.lose(out);
        self.revoke_all(out);
        self.send_leave(RebalanceReason::Left, out);
    }
}
