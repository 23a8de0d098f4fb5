//! Following the metadata log and acting on it.
//!
//! Kafka: `BrokerMetadataPublisher`, `ReplicaManager#applyDelta` (R5.26–R5.28, R2.22–R2.25). Only the
//! merged image of one response is acted upon.

use super::{Broker, Out, Timer};
use crate::log::ReplicaLog;
use crate::machine::Channel;
use crate::message::{
    ControllerRequest, CorrelationId, MetadataFetchRequest, MetadataResponse, PartitionMetadata,
    Request,
};
use crate::metadata::MetadataRecord;
use crate::partition::{Partition, RoleChange};
use ackproof_types::{BrokerId, ErrorCode, GroupId, Micros, TopicId, TopicPartition};
use std::collections::BTreeSet;
use std::sync::Arc;

const RETRY: Micros = Micros::from_millis(50);
/// `controller.quorum.fetch.timeout.ms`.
const TIMEOUT: Micros = Micros::from_millis(2000);

/// The place in the metadata log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct MetadataFollower {
    offset: u64,
    in_flight: Option<CorrelationId>,
    published: bool,
    changed: BTreeSet<TopicPartition>,
}

impl MetadataFollower {
    /// The next record wanted.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether roles have been applied since the process started.
    pub(super) fn is_published(&self) -> bool {
        self.published
    }
}

impl Broker {
    pub(super) fn fetch_metadata(&mut self, out: &mut Out) {
        if self.metadata.in_flight.is_some() {
            return;
        }
        let request = Request::Controller(ControllerRequest::MetadataFetch(MetadataFetchRequest {
            broker: self.env.id,
            offset: self.metadata.offset,
        }));
        let correlation = self.ask(Channel::MetadataLog, request, out);
        self.metadata.in_flight = Some(correlation);
        out.arm(Timer::MetadataTimeout, TIMEOUT);
    }

    pub(super) fn metadata_failed(&mut self, out: &mut Out) {
        self.metadata.in_flight = None;
        out.disarm(Timer::MetadataTimeout);
        out.arm(Timer::MetadataRetry, RETRY);
    }

    pub(super) fn metadata_fetched(
        &mut self,
        correlation: CorrelationId,
        records: &[Arc<MetadataRecord>],
        out: &mut Out,
    ) {
        if self.metadata.in_flight != Some(correlation) {
            return;
        }
        self.metadata.in_flight = None;
        for record in records {
            self.env.image.apply(record);
            self.metadata.offset += 1;
            match &**record {
                MetadataRecord::Partition { partition, .. } => {
                    self.metadata.changed.insert(*partition);
                    self.coordinator.partition_exists(*partition);
                }
                MetadataRecord::RegisterBroker { .. }
                | MetadataRecord::BrokerChange { .. }
                | MetadataRecord::ProducerIds { .. } => {}
            }
        }
        self.publish(out);
        self.fetch_metadata(out);
    }

    /// Roles are applied only once the image holds this process's registration (R5.9): before, it
    /// shows what an earlier process of this broker was.
    fn publish(&mut self, out: &mut Out) {
        let id = self.env.id;
        let own = self.env.image.brokers.get(&id).map(|registration| registration.epoch);
        if self.lifecycle.epoch().is_none() || own != self.lifecycle.epoch() {
            return;
        }
        self.metadata.published = true;
        // R5.27, as in `ReplicaManager#applyDelta`: leaders first.
        let changed = std::mem::take(&mut self.metadata.changed);
        let partitions = &self.env.image.partitions;
        let (leaders, others): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|changed| partitions[changed].leader == Some(id));
        for partition in leaders.into_iter().chain(others) {
            self.apply_role(partition, out);
        }
        self.start_fetchers(out);
    }

    fn apply_role(&mut self, id: TopicPartition, out: &mut Out) {
        let state = &self.env.image.partitions[&id];
        if !state.replicas.contains(&self.env.id) {
            return;
        }
        let in_sync = state.leader.is_some() && state.isr.contains(&self.env.id);
        let config = self.env.cluster.topic(id.topic).log;
        let loaded = &mut self.loaded;
        let partition = self.partitions.get_or_insert_with(id, || {
            let log = loaded.remove(&id).unwrap_or_else(|| ReplicaLog::load(id, None, config));
            Partition::new(id, log)
        });
        let was_leader = partition.is_leader();
        let followed = partition.follower().and_then(|follower| follower.leader);
        let change = partition.apply(state, self.env.around(id), out);
        let is_leader = partition.is_leader();
        self.note(id);
        if change != RoleChange::None {
            self.refetch(id, followed);
            out.disarm(Timer::PartitionBackoff(id));
        }
        if change == RoleChange::Followed {
            self.resigned(id, out);
        }
        if self.lifecycle.is_shutting_down() && !in_sync {
            self.stop_fetching(id);
        }
        if change != RoleChange::None {
            self.coordinator_role_changed(id, is_leader, was_leader, out);
        }
        self.advance(id, out);
    }

    /// What clients are told of topics (R5.28).
    pub(super) fn describe(&self, topics: &[TopicId]) -> MetadataResponse {
        let image = &self.env.image;
        let brokers = image
            .brokers
            .iter()
            .filter(|(_, one)| !one.fenced)
            .map(|(broker, _)| *broker)
            .collect();
        let partitions = image
            .partitions
            .iter()
            .filter(|(id, _)| topics.is_empty() || topics.contains(&id.topic))
            .map(|(id, state)| PartitionMetadata {
                partition: *id,
                leader: state.leader.filter(|leader| self.is_unfenced(*leader)),
                leader_epoch: state.leader_epoch,
            })
            .collect();
        MetadataResponse { brokers, partitions }
    }

    pub(super) fn is_unfenced(&self, broker: BrokerId) -> bool {
        self.env.image.brokers.get(&broker).is_some_and(|registration| !registration.fenced)
    }

    /// R9.38.
    pub(super) fn find_coordinator(&self, group: GroupId) -> Result<BrokerId, ErrorCode> {
        let id = self.offsets_partition(group).ok_or(ErrorCode::GroupIdNotFound)?;
        let state = self.env.image.partitions.get(&id);
        state
            .and_then(|state| state.leader)
            .filter(|leader| self.is_unfenced(*leader))
            .ok_or(ErrorCode::CoordinatorNotAvailable)
    }
}
