//! The group as a member sees it, whichever protocol it follows (`group.protocol`): what it owns until that
//! is revoked or lost. Each protocol has a room of its own and decides when.
//!
//! - [`classic`] the members share out the partitions among themselves
//! - [`consumer`] the coordinator does (KIP-848)
//! - [`assigned`] nobody does: the application names its partitions itself

mod assigned;
mod classic;
mod consumer;

use super::{Consumer, Out};
use crate::config::ConsumerConfig;
use crate::message::MemberClaim;
use crate::observation::Observation;
use ackproof_types::GroupProtocol;
use ackproof_types::{ErrorCode, GenerationId, MemberId, Timestamp, TopicPartition};
use std::sync::Arc;

/// What a coordinator's error was an answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Asked {
    Heartbeat,
    Commit,
}

/// What a member owns until it is revoked or lost.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Ownership {
    member: MemberId,
    partitions: Arc<[TopicPartition]>,
}

/// Membership of the group. Of its two protocols one is in use, as `group.protocol` says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Membership {
    owned: Option<Ownership>,
    pub(super) classic: classic::Classic,
    pub(super) consumer: consumer::Member,
}

impl Membership {
    pub(super) fn new(config: &ConsumerConfig, now: Timestamp) -> Self {
        let consumer = consumer::Member::new(config.salt, now);
        Self { owned: None, classic: classic::Classic::default(), consumer }
    }
}

/// How a consumer comes to its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Classic,
    Consumer,
    /// By `assign()`, without the group.
    Assigned,
}

impl Consumer {
    fn way(&self) -> Way {
        match self.config.group_protocol {
            _ if self.config.assigned.is_some() => Way::Assigned,
            GroupProtocol::Classic => Way::Classic,
            GroupProtocol::Consumer => Way::Consumer,
        }
    }

    /// The group's part of a poll. Whether it changed something.
    pub(super) fn take_part(&mut self, out: &mut Out) -> bool {
        match self.way() {
            Way::Classic => self.classic_polls(out),
            Way::Consumer => self.member_polls(out),
            Way::Assigned => self.assigned_polls(out),
        }
    }

    /// What begins without a poll, and may give the next one something to do.
    pub(super) fn prepare_in_background(&mut self) {
        match self.way() {
            Way::Consumer if !self.application.is_closing() => {
                self.reconcile_in_background();
            }
            Way::Classic | Way::Consumer | Way::Assigned => {}
        }
    }

    /// What is sent without a poll.
    pub(super) fn send_in_background(&mut self, out: &mut Out) {
        match self.way() {
            Way::Classic => self.send_assignment(out),
            Way::Consumer => self.beat(out),
            Way::Assigned => {}
        }
    }

    /// Whether positions may be looked up now.
    pub(super) fn may_look_up_positions(&self) -> bool {
        match self.way() {
            Way::Classic => {
                self.membership.classic.is_settled() && self.coordinator_route().is_some()
            }
            Way::Consumer | Way::Assigned => true,
        }
    }

    /// Whether a commit may be sent. A member of a consumer group sends it and is told (R8.16).
    pub(super) fn may_commit(&self) -> bool {
        match self.way() {
            Way::Classic => self.membership.classic.may_commit(),
            Way::Consumer | Way::Assigned => true,
        }
    }

    /// Who commits.
    pub(super) fn claim(&self) -> Option<MemberClaim> {
        match self.way() {
            Way::Classic => self.classic_claim(),
            // The member of a consumer group has no epoch then.
            Way::Consumer | Way::Assigned => Some(self.member_claim()),
        }
    }

    /// Whether a commit in the background that failed so is sent again in the epoch that the member has by
    /// now (R8.17).
    pub(super) fn has_another_epoch(&self, error: ErrorCode) -> bool {
        error == ErrorCode::StaleMemberEpoch && self.membership.consumer.has_epoch()
    }

    /// The commit before a rebalance is over, however it ended.
    pub(super) fn rebalance_prepared(&mut self) {
        match self.way() {
            Way::Classic => self.membership.classic.join_prepared(),
            Way::Consumer => self.committed_before_revocation(),
            Way::Assigned => {}
        }
    }

    /// A commit, by `generation`, was refused. To a member of a consumer group only its heartbeats tell how
    /// it stands (R8.17).
    pub(super) fn commit_refused(
        &mut self,
        generation: GenerationId,
        error: ErrorCode,
        out: &mut Out,
    ) {
        match self.way() {
            Way::Classic => self.member_error(Asked::Commit, generation, error, out),
            Way::Consumer | Way::Assigned => self.coordinator_error(error, out),
        }
    }

    /// It is time for a heartbeat.
    pub(super) fn heartbeat_due(&mut self, out: &mut Out) {
        match self.way() {
            Way::Classic => self.heartbeat(out),
            Way::Consumer => self.member_pulse(),
            Way::Assigned => {}
        }
    }

    /// R8.10: `max.poll.interval.ms` is over.
    pub(super) fn max_poll_exceeded(&mut self, out: &mut Out) {
        match self.way() {
            Way::Classic => self.classic_is_late(out),
            Way::Consumer => self.member_is_late(out),
            // Nobody watches (`AbstractCoordinator#startHeartbeatThreadIfNeeded`).
            Way::Assigned => {}
        }
    }

    /// What is owned is revoked, or lost, before the group is told (Kafka: `onLeavePrepare`).
    pub(super) fn leave_for_good(&mut self, out: &mut Out) {
        match self.way() {
            Way::Classic => self.classic_leaves(out),
            Way::Consumer => self.member_leaves(out),
            // There is nobody to tell, and no rebalance listener.
            Way::Assigned => drop(self.disown()),
        }
    }

    /// `poll()` throws, and the application closes its consumer.
    pub(super) fn poll_throws(&mut self, error: ErrorCode, out: &mut Out) {
        if !self.application.is_leaving() {
            out.observe(Observation::PollFailed { group: self.config.group, error });
        }
        self.leave_asked();
    }

    /// R9.24: positions are of what is owned.
    pub(super) fn check_ownership(&self) {
        let owned = self.owned();
        assert!(self.positions.owned.keys().all(|one| owned.contains(one)), "R9.24: {owned:?}");
    }

    fn owned(&self) -> &[TopicPartition] {
        self.membership.owned.as_ref().map_or(&[][..], |it| &it.partitions)
    }

    /// `onPartitionsRevoked` with everything.
    fn revoke_all(&mut self, out: &mut Out) {
        if let Some(Ownership { member, partitions }) = self.disown()
            && !partitions.is_empty()
        {
            out.observe(Observation::Revoked { group: self.config.group, member, partitions });
        }
    }

    /// R9.26: `onPartitionsLost` with everything. By default a listener does there what it does with what is
    /// revoked; its commit would fail (F28).
    fn lose_all(&mut self, out: &mut Out) {
        self.listens(&[]);
        if let Some(Ownership { member, partitions }) = self.disown()
            && !partitions.is_empty()
        {
            out.observe(Observation::Lost { group: self.config.group, member, partitions });
        }
    }

    /// R8.4: what is buffered goes with the ownership.
    fn disown(&mut self) -> Option<Ownership> {
        self.nothing_is_owned();
        self.positions.assign(&[]);
        self.fetcher.clear();
        self.membership.owned.take()
    }

    /// What this member owned and is not assigned any more.
    fn not_any_more(&self, assigned: &[TopicPartition]) -> Vec<TopicPartition> {
        self.owned().iter().filter(|one| !assigned.contains(one)).copied().collect()
    }
}
