//! The group as a member sees it: generation, heartbeats, joining and leaving (R8.10, R8.11, R9.23,
//! R9.24, R9.26, R9.39). When to join is decided by the poll loop.
//!
//! Kafka: `AbstractCoordinator`, `ConsumerCoordinator`. Only the classic protocol, with the default
//! assignors, which means EAGER (R9.23), and without static members.

use super::{Consumer, Out, Purpose, Timer, assignor};
use crate::config::CommitStrategy;
use crate::message::{
    CorrelationId, JoinGroupRequest, JoinGroupResponse, MemberClaim, Request, SyncGroupRequest,
};
use crate::observation::Observation;
use ackproof_types::{ErrorCode, GenerationId, MemberId, Micros, TopicId, TopicPartition};
use std::sync::Arc;

/// What a JoinGroup may take beyond the rebalance timeout (Kafka: `JOIN_GROUP_TIMEOUT_LAPSE`).
const JOIN_TIMEOUT_LAPSE: Micros = Micros::from_secs(5);

/// Kafka: `MemberState`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Not in the group, or about to join again.
    Unjoined,
    /// This JoinGroup is under way.
    Joining(CorrelationId),
    /// Joined; SyncGroup is to be sent. The members are given to the leader alone.
    Assigning(Vec<(MemberId, Arc<[TopicId]>)>),
    /// This SyncGroup is under way.
    Syncing(CorrelationId),
    /// Has an assignment.
    Stable,
}

/// What a member owns until it is revoked or lost.
#[derive(Debug)]
struct Ownership {
    member: MemberId,
    partitions: Arc<[TopicPartition]>,
}

/// Membership of the group.
#[derive(Debug)]
pub(super) struct Membership {
    member: Option<MemberId>,
    generation: Option<GenerationId>,
    state: State,
    join_cooling: bool,
    join_failures: u32,
    heartbeat_under_way: bool,
    rejoin_needed: bool,
    /// The generation that gave `owned` is gone (R9.26).
    lost: bool,
    owned: Option<Ownership>,
    /// Subscribed topics, and those of the group once this member leads.
    topics: Vec<TopicId>,
    /// The numbers of partitions of `topics` that this member's assignment was made from.
    assigned_from: Option<Vec<u16>>,
    /// No metadata since `topics` grew.
    awaits_metadata: bool,
}

impl Membership {
    pub(super) fn new(topics: &[TopicId]) -> Self {
        Self {
            member: None,
            generation: None,
            state: State::Unjoined,
            join_cooling: false,
            join_failures: 0,
            heartbeat_under_way: false,
            rejoin_needed: false,
            lost: false,
            owned: None,
            topics: topics.to_vec(),
            assigned_from: None,
            awaits_metadata: true,
        }
    }

    pub(super) fn known_topics(&self) -> &[TopicId] {
        &self.topics
    }

    pub(super) fn join_cooled(&mut self) {
        self.join_cooling = false;
    }

    pub(super) fn is_stable(&self) -> bool {
        self.state == State::Stable
    }

    /// A rebalance is to be joined by giving up what is owned first.
    pub(super) fn must_rejoin(&self) -> bool {
        self.is_stable() && self.rejoin_needed
    }

    /// The generation, while this member takes part in it.
    pub(super) fn generation(&self) -> Option<GenerationId> {
        match self.state {
            State::Unjoined | State::Joining(_) => None,
            State::Assigning(_) | State::Syncing(_) | State::Stable => self.generation,
        }
    }

    /// R8.11: the generation is gone, and the member id with it unless it is kept.
    fn reset(&mut self, error: ErrorCode) {
        if error != ErrorCode::IllegalGeneration {
            self.member = None;
        }
        self.generation = None;
        self.state = State::Unjoined;
        self.heartbeat_under_way = false;
        self.rejoin_needed = false;
        self.lost = true;
    }
}

/// Whether the error says that the generation is gone (R8.11).
fn is_loss(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId)
}

impl Consumer {
    /// This member in its generation.
    pub(super) fn claim(&self) -> Option<MemberClaim> {
        let generation = self.membership.generation()?;
        let member = self.membership.member?;
        Some(MemberClaim { group: self.config.group, generation, member })
    }

    /// R8.10: by timer, whatever the application does.
    pub(super) fn heartbeat(&mut self, out: &mut Out) {
        let Some(claim) = self.claim() else { return };
        let Some(route) = self.coordinator_route() else {
            return out.arm(Timer::Heartbeat, self.retry_backoff());
        };
        if !self.membership.heartbeat_under_way {
            self.membership.heartbeat_under_way = true;
            let purpose = Purpose::Heartbeat(claim.generation);
            self.send(route, Request::Heartbeat(claim), purpose, out);
        }
        out.arm(Timer::Heartbeat, self.config.heartbeat_interval);
    }

    pub(super) fn heartbeat_answered(
        &mut self,
        generation: GenerationId,
        result: Result<(), ErrorCode>,
        out: &mut Out,
    ) {
        self.membership.heartbeat_under_way = false;
        if let Err(error) = result {
            self.member_error(generation, error, out);
            if self.membership.generation().is_some() && error != ErrorCode::RebalanceInProgress {
                out.arm(Timer::Heartbeat, self.retry_backoff());
            }
        }
    }

    /// R8.11: what a coordinator says to a member of `generation`.
    pub(super) fn member_error(
        &mut self,
        generation: GenerationId,
        error: ErrorCode,
        out: &mut Out,
    ) {
        let current = self.membership.generation() == Some(generation);
        if error == ErrorCode::RebalanceInProgress {
            self.membership.rejoin_needed |= current && self.membership.is_stable();
        } else if is_loss(error) {
            if current {
                self.membership.reset(error);
                out.disarm(Timer::Heartbeat);
            }
        } else {
            self.coordinator_error(error, out);
        }
    }

    /// R9.24: `onPartitionsRevoked` with everything, then the group is joined again.
    pub(super) fn revoke(&mut self, out: &mut Out) {
        if self.membership.lost {
            return;
        }
        self.membership.state = State::Unjoined;
        out.disarm(Timer::Heartbeat);
        if let Some(Ownership { member, partitions }) = self.disown()
            && !partitions.is_empty()
        {
            out.observe(Observation::Revoked { group: self.config.group, member, partitions });
        }
    }

    /// R9.26: `onPartitionsLost`, if the generation is gone.
    pub(super) fn lose(&mut self, out: &mut Out) {
        if !std::mem::take(&mut self.membership.lost) {
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

    /// Joins if this member is not in the group, as soon as it can.
    pub(super) fn join(&mut self, out: &mut Out) {
        if self.membership.state != State::Unjoined || self.membership.join_cooling {
            return;
        }
        let Some(route) = self.coordinator_route() else { return };
        let request = Request::JoinGroup(JoinGroupRequest {
            group: self.config.group,
            member: self.membership.member,
            session_timeout: self.config.session_timeout,
            rebalance_timeout: self.config.max_poll_interval,
            topics: Arc::clone(&self.config.topics),
        });
        // R9.39.
        let patience = self.config.max_poll_interval + JOIN_TIMEOUT_LAPSE;
        let timeout = patience.max(self.config.request_timeout);
        let id = self.links.send(route, request, Purpose::Join, timeout, out);
        self.membership.state = State::Joining(id);
    }

    pub(super) fn joined(&mut self, id: CorrelationId, said: JoinGroupResponse, out: &mut Out) {
        if self.membership.state != State::Joining(id) {
            return;
        }
        match said {
            JoinGroupResponse::Joined { generation, member, leader: _, members } => {
                self.membership.generation = Some(generation);
                self.membership.member = Some(member);
                self.membership.state = State::Assigning(members);
                self.membership.rejoin_needed = false;
                self.membership.assigned_from = None;
                self.membership.join_failures = 0;
                out.arm(Timer::Heartbeat, self.config.heartbeat_interval);
            }
            JoinGroupResponse::MemberIdRequired(member) => {
                self.membership.member = Some(member);
                self.membership.state = State::Unjoined;
            }
            JoinGroupResponse::Refused(error) => self.join_failed(id, error, out),
        }
    }

    pub(super) fn join_failed(&mut self, id: CorrelationId, error: ErrorCode, out: &mut Out) {
        if self.membership.state == State::Joining(id) {
            self.membership.state = State::Unjoined;
            if error == ErrorCode::UnknownMemberId {
                self.membership.member = None;
            }
            self.cool_join(out);
        }
        self.coordinator_error(error, out);
    }

    fn cool_join(&mut self, out: &mut Out) {
        let failures = self.membership.join_failures;
        self.membership.join_failures = failures.saturating_add(1);
        self.membership.join_cooling = true;
        out.arm(Timer::JoinBackoff, self.retry_backoff_after(failures));
    }

    /// Sends SyncGroup once the leader knows the partitions to share out (R9.28).
    pub(super) fn send_assignment(&mut self, out: &mut Out) {
        let State::Assigning(members) = &self.membership.state else { return };
        let (Some(claim), Some(route)) = (self.claim(), self.coordinator_route()) else { return };
        let mut assignment = Vec::new();
        if !members.is_empty() {
            let known = self.membership.topics.len();
            for topic in members.iter().flat_map(|(_, topics)| topics.iter()) {
                if !self.membership.topics.contains(topic) {
                    self.membership.topics.push(*topic);
                }
            }
            if self.membership.topics.len() > known {
                self.membership.awaits_metadata = true;
            }
            if self.membership.awaits_metadata {
                return self.topology.want();
            }
            assignment = assignor::range(members, |topic| self.topology.partition_count(topic));
            self.membership.assigned_from = Some(self.partition_counts());
        }
        let request = Request::SyncGroup(SyncGroupRequest { claim, assignment });
        let id = self.send(route, request, Purpose::Sync, out);
        self.membership.state = State::Syncing(id);
    }

    fn partition_counts(&self) -> Vec<u16> {
        let topics = self.membership.topics.iter();
        topics.map(|topic| self.topology.partition_count(*topic)).collect()
    }

    /// Metadata came: positions may be stale (R8.7), and a leader's assignment too (Kafka:
    /// `ConsumerCoordinator#rejoinNeededOrPending`).
    pub(super) fn topology_changed(&mut self) {
        self.membership.awaits_metadata = false;
        self.revalidate();
        let counts = self.partition_counts();
        if counts.contains(&0) {
            self.topology.want();
        }
        if self.membership.assigned_from.as_ref().is_some_and(|made_from| *made_from != counts) {
            self.membership.rejoin_needed = true;
        }
    }

    /// The rebalance is over: `onPartitionsAssigned`.
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
        let Some(MemberClaim { generation, member, .. }) = self.claim() else { return };
        if self.membership.state != State::Syncing(id) {
            return;
        }
        self.membership.state = State::Stable;
        self.positions.assign(&partitions);
        self.fetcher.clear();
        out.observe(Observation::Assigned {
            group: self.config.group,
            member,
            generation,
            partitions: Arc::clone(&partitions),
        });
        self.membership.owned = Some(Ownership { member, partitions });
        match self.config.application.commit {
            CommitStrategy::Auto | CommitStrategy::AutoWithHandOff => {
                self.commits.auto_due = false;
                out.arm(Timer::AutoCommit, self.config.auto_commit_interval);
            }
            CommitStrategy::SyncAfterBatch
            | CommitStrategy::AsyncAfterBatch
            | CommitStrategy::SyncPerRecord
            | CommitStrategy::BeforeProcessing => {}
        }
    }

    pub(super) fn sync_failed(&mut self, id: CorrelationId, error: ErrorCode, out: &mut Out) {
        if self.membership.state != State::Syncing(id) {
            return self.coordinator_error(error, out);
        }
        if is_loss(error) {
            self.membership.reset(error);
        } else {
            self.membership.state = State::Unjoined;
            if error != ErrorCode::RebalanceInProgress {
                self.cool_join(out);
                self.coordinator_error(error, out);
            }
        }
        out.disarm(Timer::Heartbeat);
    }

    /// R8.10: the application polls too rarely; it learns of it at its next poll.
    pub(super) fn max_poll_exceeded(&mut self, out: &mut Out) {
        if self.application.is_polling() || self.membership.state == State::Unjoined {
            return;
        }
        self.send_leave(out);
    }

    /// R9.40: leaves the group if it is in it and the coordinator can be told.
    pub(super) fn send_leave(&mut self, out: &mut Out) -> Option<CorrelationId> {
        let member = self.membership.member;
        self.membership.reset(ErrorCode::UnknownMemberId);
        out.disarm(Timer::Heartbeat);
        let (member, route) = (member?, self.coordinator_route()?);
        let request = Request::LeaveGroup(self.config.group, member);
        Some(self.send(route, request, Purpose::Leave, out))
    }
}
