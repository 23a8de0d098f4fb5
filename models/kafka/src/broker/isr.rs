//! Proposals of in-sync sets to the controller: one request in flight, one proposal per partition.
//!
//! Kafka: `AlterPartitionManager`, `Partition#maybeShrinkIsr` (R3.1, R3.3, R3.10, R3.11).

use super::{Broker, Out, Timer, controller};
use crate::machine::{Channel, To};
use crate::message::{
    AlterPartitionRequest, CorrelationId, IsrProposal, IsrState, PartitionResults, Request,
};
use ackproof_types::{ErrorCode, Micros, NodeId, TopicPartition};
use std::collections::BTreeSet;

const RETRY: Micros = Micros::from_millis(50);

/// What is proposed and under way.
#[derive(Debug, Default)]
pub(super) struct Proposals {
    waiting: BTreeSet<TopicPartition>,
    in_flight: Option<(CorrelationId, Vec<IsrProposal>)>,
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
        self.proposals.waiting.extend(shrinking);
        self.send_proposals(out);
        let half = Micros(self.settings().replica_lag_time_max.0 / 2);
        out.arm(Timer::LagCheck, half);
    }

    pub(super) fn propose(&mut self, id: TopicPartition, out: &mut Out) {
        self.proposals.waiting.insert(id);
        self.send_proposals(out);
    }

    pub(super) fn send_proposals(&mut self, out: &mut Out) {
        self.proposals.backing_off = false;
        if self.proposals.in_flight.is_some() {
            return;
        }
        for partition in self.partitions.all_mut() {
            let id = partition.id;
            if partition.leader().is_ok_and(|leader| leader.is_recovering()) {
                self.proposals.waiting.insert(id);
            }
        }
        let own = (self.env.id, self.epoch());
        let mut proposals = Vec::new();
        for id in std::mem::take(&mut self.proposals.waiting) {
            let Some(partition) = self.partitions.get_mut(id) else { continue };
            let (epoch, version) = (partition.leader_epoch, partition.partition_epoch);
            if let Ok(leader) = partition.leader() {
                proposals.extend(leader.proposal(id, epoch, version, own));
            }
        }
        if proposals.is_empty() {
            return;
        }
        let request = Request::AlterPartition(AlterPartitionRequest {
            broker: own.0,
            epoch: own.1,
            partitions: proposals.clone(),
        });
        let correlation = self.ask(NodeId::CONTROLLER, Channel::Controller, request, out);
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
                    if let Some(proposal) = sent.iter().find(|one| one.partition == id) {
                        self.proposal_answered(proposal, part, out);
                    }
                }
                if !self.proposals.waiting.is_empty() {
                    self.send_proposals(out);
                }
            }
        }
    }

    /// R3.10.
    fn proposal_answered(
        &mut self,
        sent: &IsrProposal,
        answer: Result<IsrState, ErrorCode>,
        out: &mut Out,
    ) {
        let id = sent.partition;
        let Some(partition) = self.partitions.get_mut(id) else { return };
        // R3.11: metadata has replaced what was proposed.
        if partition.partition_epoch != sent.partition_epoch {
            return;
        }
        let (epoch, version) = (partition.leader_epoch, partition.partition_epoch);
        let Ok(leader) = partition.leader() else { return };
        match answer {
            Ok(state) if state.leader_epoch == epoch && state.partition_epoch >= version => {
                leader.accepted(&state);
                partition.partition_epoch = state.partition_epoch;
                self.advance(id, out);
            }
            Ok(_) => {}
            Err(ErrorCode::IneligibleReplica) => leader.refused(),
            Err(
                ErrorCode::UnknownTopicOrPartition
                | ErrorCode::FencedLeaderEpoch
                | ErrorCode::InvalidUpdateVersion
                | ErrorCode::InvalidRequest,
            ) => {}
            Err(_) => {
                self.proposals.waiting.insert(id);
            }
        }
    }

    fn retry_proposals(&mut self, sent: &[IsrProposal], out: &mut Out) {
        self.proposals.waiting.extend(sent.iter().map(|one| one.partition));
        if !self.proposals.backing_off {
            self.proposals.backing_off = true;
            out.arm(Timer::AlterPartitionRetry, RETRY);
        }
    }

    /// The connection to the controller ended, or did not answer in time.
    pub(super) fn controller_channel_failed(&mut self, out: &mut Out) {
        out.close(To::Route(controller(Channel::Controller)));
        out.disarm(Timer::AlterPartitionTimeout);
        if let Some((_, sent)) = self.proposals.in_flight.take() {
            self.retry_proposals(&sent, out);
        }
        if self.producer_ids_asked() {
            self.refuse_ids(out);
        }
    }
}
