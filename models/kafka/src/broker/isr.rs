//! Proposals of in-sync sets to the controller: one request in flight, one proposal per partition.
//!
//! Kafka: `AlterPartitionManager`, `Partition#maybeShrinkIsr` (R3.1, R3.3, R3.10, R3.11).

use super::{Broker, Out, Timer};
use crate::machine::{Channel, To};
use crate::message::{
    AlterPartitionRequest, ControllerRequest, CorrelationId, IsrProposal, IsrState,
    PartitionResults, Request,
};
use crate::partition::Partition;
use crate::variant::Variant;
use ackproof_types::{ErrorCode, Micros, TopicPartition};
use std::collections::BTreeSet;

const RETRY: Micros = Micros::from_millis(50);

/// What is proposed and under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Proposals {
    waiting: BTreeSet<TopicPartition>,
    /// What was sent, each with the change it proposes.
    in_flight: Option<(CorrelationId, Vec<(IsrProposal, u64)>)>,
    backing_off: bool,
}

impl Broker {
    /// R3.3: every `replica.lag.time.max.ms` / 2.
    pub(super) fn check_lag(&mut self, out: &mut Out) {
        self.env.tick.0 += 1;
        let mut shrinking = Vec::new();
        for partition in self.partitions.all_mut() {
            let (id, end) = (partition.id, partition.log.end());
            if let Ok(leader) = partition.leader()
                && leader.maybe_shrink(end, self.env.around(id))
            {
                shrinking.push(id);
            }
        }
        for id in shrinking {
            self.propose(id, out);
        }
        out.arm(Timer::LagCheck, self.lag_check_interval());
    }

    pub(super) fn lag_check_interval(&self) -> Micros {
        Micros(self.settings().replica_lag_time_max.0 / 2)
    }

    /// R3.1: a change is pending. While an earlier one of the same partition is unanswered, it is not
    /// attempted (Kafka: `OPERATION_NOT_ATTEMPTED`).
    pub(super) fn propose(&mut self, id: TopicPartition, out: &mut Out) {
        let in_flight = self.proposals.in_flight.iter().flat_map(|(_, sent)| sent);
        if in_flight.into_iter().any(|(sent, _)| sent.partition == id) {
            if let Some(Ok(leader)) = self.partitions.get_mut(id).map(Partition::leader) {
                leader.refused();
            }
            return;
        }
        self.proposals.waiting.insert(id);
        if !self.proposals.backing_off {
            self.send_proposals(out);
        }
    }

    pub(super) fn send_proposals(&mut self, out: &mut Out) {
        self.proposals.backing_off = false;
        if self.proposals.in_flight.is_some() || self.proposals.waiting.is_empty() {
            return;
        }
        let own = (self.env.id, self.epoch());
        let mut proposals = Vec::new();
        for id in std::mem::take(&mut self.proposals.waiting) {
            let Some(partition) = self.partitions.get_mut(id) else { continue };
            let (epoch, version) = (partition.leader_epoch, partition.partition_epoch);
            if let Ok(leader) = partition.leader()
                && let Some(change) = leader.pending()
                && let Some(proposal) = leader.proposal(id, epoch, version, own)
            {
                proposals.push((proposal, change));
            }
        }
        if proposals.is_empty() {
            return;
        }
        let request =
            Request::Controller(ControllerRequest::AlterPartition(AlterPartitionRequest {
                broker: own.0,
                epoch: own.1,
                partitions: proposals.iter().map(|(proposal, _)| proposal.clone()).collect(),
            }));
        let Some(correlation) = self.ask(Channel::Controller, request, out) else {
            return self.retry_proposals(&proposals, out);
        };
        self.proposals.in_flight = Some((correlation, proposals));
        out.arm(Timer::AlterPartitionTimeout, self.settings().replica_socket_timeout);
    }

    pub(super) fn altered(
        &mut self,
        correlation: CorrelationId,
        result: Result<PartitionResults<IsrState>, ErrorCode>,
        out: &mut Out,
    ) {
        if !matches!(&self.proposals.in_flight, Some((asked, _)) if *asked == correlation) {
            return;
        }
        let Some((_, sent)) = self.proposals.in_flight.take() else { return };
        out.disarm(Timer::AlterPartitionTimeout);
        match result {
            Err(_) => self.retry_proposals(&sent, out),
            Ok(parts) => {
                for (id, part) in parts {
                    if let Some((_, change)) = sent.iter().find(|(one, _)| one.partition == id) {
                        self.proposal_answered(id, *change, part, out);
                    }
                }
                self.send_proposals(out);
            }
        }
    }

    /// R3.10.
    fn proposal_answered(
        &mut self,
        id: TopicPartition,
        change: u64,
        answer: Result<IsrState, ErrorCode>,
        out: &mut Out,
    ) {
        let Some(partition) = self.partitions.get_mut(id) else { return };
        let (epoch, version) = (partition.leader_epoch, partition.partition_epoch);
        let Ok(leader) = partition.leader() else { return };
        // R3.11: metadata has replaced what was proposed.
        if leader.pending() != Some(change) {
            return;
        }
        match answer {
            Ok(state) if state.leader_epoch == epoch && state.partition_epoch >= version => {
                leader.accepted(&state);
                partition.partition_epoch = state.partition_epoch;
                self.note(id);
                if !self.env.cluster.variants.has(Variant::HighWatermarkStuckAfterShrink) {
                    self.advance(id, out);
                }
            }
            Ok(_) => {}
            Err(ErrorCode::IneligibleReplica) => leader.refused(),
            // It stays pending until metadata says what holds.
            Err(
                ErrorCode::UnknownTopicOrPartition
                | ErrorCode::UnknownTopicId
                | ErrorCode::FencedLeaderEpoch
                | ErrorCode::InvalidUpdateVersion
                | ErrorCode::InvalidRequest
                // R3.9: it is done, and ended a reassignment and this leadership.
                | ErrorCode::NewLeaderElected,
            ) => {}
            Err(_) => {
                self.proposals.waiting.insert(id);
            }
        }
    }

    fn retry_proposals(&mut self, sent: &[(IsrProposal, u64)], out: &mut Out) {
        self.proposals.waiting.extend(sent.iter().map(|(one, _)| one.partition));
        if !self.proposals.backing_off {
            self.proposals.backing_off = true;
            out.arm(Timer::AlterPartitionRetry, RETRY);
        }
    }

    /// The connection to the controller ended, or did not answer in time.
    pub(super) fn controller_channel_failed(&mut self, out: &mut Out) {
        if let Some(route) = self.controller(Channel::Controller) {
            out.close(To::Route(route));
        }
        self.lose_controller(Channel::Controller);
        out.disarm(Timer::AlterPartitionTimeout);
        if let Some((_, sent)) = self.proposals.in_flight.take() {
            self.retry_proposals(&sent, out);
        }
        if self.producer_ids_asked() {
            self.refuse_ids(out);
        }
    }
}
