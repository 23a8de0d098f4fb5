//! How a member of a classic group gets its assignment, and takes it over (R9.18, R9.25, R9.28).
//!
//! Kafka: `AbstractCoordinator`, `ConsumerCoordinator#onLeaderElected`, `#onJoinComplete`.

use super::{State, is_fatal, is_loss};
use crate::assignor::{Assignor, UserData};
use crate::consumer::membership::Ownership;
use crate::consumer::{Consumer, Out, Purpose, Timer};
use crate::message::{
    CorrelationId, GroupRequest, MemberAssignment, MemberClaim, Request, SyncGroupRequest,
};
use crate::observation::Observation;
use ackproof_types::{ErrorCode, GenerationId, RebalanceReason, TopicPartition};
use std::sync::Arc;

impl Consumer {
    /// Sends SyncGroup once the leader knows the partitions to share out (R9.28).
    pub(in crate::consumer::membership) fn send_assignment(&mut self, out: &mut Out) {
        let State::Assigning(members) = &self.membership.classic.state else { return };
        let (Some(claim), Some(route)) = (self.classic_claim(), self.coordinator_route()) else {
            return;
        };
        let mut assignment = Vec::new();
        if !members.is_empty() {
            for member in members {
                self.client.metadata_mut().add_topics(&member.topics);
            }
            let metadata = self.client.metadata();
            if !metadata.answered_all() {
                return self.client.metadata_mut().request_update();
            }
            let assignor = self.membership.classic.protocol.unwrap_or(Assignor::Range);
            let shares = assignor.assign(members, |topic| metadata.current_partition_count(topic));
            assignment = shares.into_iter().map(|(id, share)| (id, share.into())).collect();
            self.membership.classic.assigned_from = Some(self.partition_counts());
        }
        let request =
            Request::Group(GroupRequest::SyncGroup(SyncGroupRequest { claim, assignment }));
        let id = self.send(route, request, Purpose::Sync, out);
        self.membership.classic.state = State::Syncing(id);
    }

    fn partition_counts(&self) -> Vec<u16> {
        let topics = self.metadata().topics().into_iter();
        topics.map(|topic| self.metadata().current_partition_count(topic)).collect()
    }

    /// Metadata came: positions may be stale (R8.7), and a leader's assignment too (Kafka:
    /// `ConsumerCoordinator#rejoinNeededOrPending`).
    pub(in crate::consumer) fn metadata_updated(&mut self, out: &mut Out) {
        self.coordinator_may_be_looked_up();
        self.keep_positions(out);
        self.positions.metadata_came = true;
        let counts = self.partition_counts();
        if counts.contains(&0) {
            self.client.metadata_mut().request_update();
        }
        if self
            .membership
            .classic
            .assigned_from
            .as_ref()
            .is_some_and(|made_from| *made_from != counts)
        {
            self.membership.classic.request_rejoin(RebalanceReason::Metadata);
        }
    }

    /// R9.18: the assignment came. The next poll takes it over.
    pub(in crate::consumer) fn synced(
        &mut self,
        id: CorrelationId,
        result: Result<MemberAssignment, ErrorCode>,
        out: &mut Out,
    ) {
        let partitions = match result {
            Ok(share) => share.partitions,
            Err(error) => return self.sync_failed(id, error, out),
        };
        if self.membership.classic.state == State::Syncing(id) {
            self.membership.classic.state = State::Synced(partitions);
            self.membership.classic.rejoin_needed = false;
            self.membership.classic.rejoin_reason = None;
        }
    }

    /// The rebalance is over: `onPartitionsAssigned`.
    pub(super) fn assigned(&mut self, partitions: Arc<[TopicPartition]>, out: &mut Out) {
        let Some(MemberClaim { generation, member, .. }) = self.classic_claim() else { return };
        self.membership.classic.state = State::Stable;
        self.remember(generation, &partitions);
        let revoked = self.not_any_more(&partitions);
        self.positions.assign(&partitions);
        if !revoked.is_empty() {
            // R9.25: the next owners get them in the rebalance that follows.
            self.membership.classic.request_rejoin(RebalanceReason::Revoked);
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
        let made_from = &self.membership.classic.assigned_from;
        let is_stale = made_from.as_ref().is_some_and(|counts| *counts != self.partition_counts());
        if is_stale {
            self.membership.classic.request_rejoin(RebalanceReason::Metadata);
        }
        if self.config.application.commit.is_automatic() {
            self.commits.auto_due = false;
            out.arm(Timer::AutoCommit, self.config.auto_commit_interval);
        }
    }

    /// `onAssignment`: what the chosen assignor is told.
    fn remember(&mut self, generation: GenerationId, assigned: &Arc<[TopicPartition]>) {
        let partitions = match self.membership.classic.protocol {
            Some(Assignor::Sticky) => Arc::clone(assigned),
            Some(Assignor::CooperativeSticky) => Arc::default(),
            Some(Assignor::Range | Assignor::RoundRobin | Assignor::Other(_)) | None => return,
        };
        self.membership.classic.user_data = Some(UserData { partitions, generation });
    }

    pub(in crate::consumer) fn sync_failed(
        &mut self,
        id: CorrelationId,
        error: ErrorCode,
        out: &mut Out,
    ) {
        if self.membership.classic.state != State::Syncing(id) {
            return self.coordinator_error(error, out);
        }
        if is_loss(error) {
            return self.reset_generation(error, out);
        }
        if is_fatal(error) {
            self.poll_throws(error, out);
        }
        self.membership.classic.state = State::Preparing;
        self.stop_heartbeats(out);
        if error != ErrorCode::RebalanceInProgress {
            self.cool_join(out);
            self.coordinator_error(error, out);
        }
    }
}
