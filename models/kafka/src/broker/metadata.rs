//! Following the metadata log and acting on it.
//!
//! Kafka: `BrokerMetadataPublisher`, `ReplicaManager#applyDelta` (R5.26–R5.28, R2.22–R2.25). Only the
//! merged image of one response is acted upon.

use super::{Broker, BrokerWrite, Out, Timer};
use crate::log::ReplicaLog;
use crate::machine::{Channel, Route, To};
use crate::message::quorum::{Answer, Entry, FetchOfLog, Fetched, LogEnd, Member, Snapshot};
use crate::message::{
    ControllerRequest, CorrelationId, Message, MetadataResponse, PartitionDescription,
    PartitionMetadata, Request,
};
use crate::metadata::{MetadataRecord, checksum};
use crate::observation::{Observation, SnapshotFact};
use crate::partition::{Partition, RoleChange};
use crate::variant::Variant;
use ackproof_types::{
    BrokerId, ControllerEpoch, ControllerId, ErrorCode, GroupId, Micros, Server, TopicId,
    TopicPartition,
};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

const RETRY: Micros = Micros::from_millis(50);

/// The connection that fetches of the metadata log go over.
fn metadata_log(from: ControllerId) -> Route {
    Route { to: Server::Controller(from), channel: Channel::MetadataLog }
}

/// The place in the metadata log, and who is known to lead the quorum (Kafka: an observer's `QuorumState`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct MetadataFollower {
    /// So many entries are applied.
    offset: u64,
    /// The epoch of the last of them.
    applied_epoch: ControllerEpoch,
    /// What follows, and is not known to be committed.
    tail: VecDeque<MetadataEntry>,
    /// The snapshot that it needs to go on (KIP-630).
    wanted: Option<LogEnd>,
    epoch: ControllerEpoch,
    leader: Option<ControllerId>,
    /// Fetches in a row that found no leader.
    misses: usize,
    in_flight: Option<(ControllerId, CorrelationId)>,
    published: bool,
    changed: BTreeSet<TopicPartition>,
    altered: BTreeSet<TopicId>,
    /// Partitions of topics that are deleted: who coordinates groups is to be told.
    deleted: BTreeSet<TopicPartition>,
}

type MetadataEntry = Entry<Arc<MetadataRecord>>;

impl MetadataFollower {
    /// The next record wanted.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether roles have been applied since the process started.
    pub(super) fn is_published(&self) -> bool {
        self.published
    }

    /// Who leads the quorum, as far as this broker knows.
    pub(super) fn leader(&self, controllers: &[ControllerId]) -> Option<ControllerId> {
        match controllers {
            [only] => Some(*only),
            _ => self.leader,
        }
    }

    fn end(&self) -> LogEnd {
        let epoch = self.tail.back().map_or(self.applied_epoch, |last| last.epoch);
        LogEnd { epoch, offset: self.offset + self.tail.len() as u64 }
    }

    /// What somebody says of the leader; whether it was news.
    fn learn(&mut self, epoch: ControllerEpoch, leader: Option<ControllerId>) -> bool {
        let is_news = epoch > self.epoch || (epoch == self.epoch && leader > self.leader);
        if is_news {
            (self.epoch, self.leader) = (epoch, leader);
        }
        is_news
    }
}

impl Broker {
    /// From the leader; if it does not answer, from one controller after the other.
    pub(super) fn fetch_metadata(&mut self, out: &mut Out) {
        if self.metadata.in_flight.is_some() {
            return;
        }
        let all = &self.env.cluster.controllers;
        let leader = self.metadata.leader(all).filter(|_| self.metadata.misses.is_multiple_of(2));
        let turn = self.metadata.misses + usize::from(self.env.id.0);
        let from = leader.unwrap_or_else(|| all[turn % all.len()]);
        let request = Request::Controller(ControllerRequest::MetadataFetch(FetchOfLog {
            member: Member::Observer(self.env.id),
            epoch: self.metadata.epoch,
            end: self.metadata.end(),
            high_watermark: self.metadata.offset,
            snapshot: self.metadata.wanted,
        }));
        let correlation = self.correlation();
        out.send(metadata_log(from), Message::Request(correlation, request));
        self.metadata.in_flight = Some((from, correlation));
        out.arm(Timer::MetadataTimeout, self.settings().quorum.fetch_timeout);
    }

    pub(super) fn metadata_timed_out(&mut self, out: &mut Out) {
        if let Some((from, _)) = self.metadata.in_flight {
            out.close(To::Route(metadata_log(from)));
            self.metadata_failed(out);
        }
    }

    /// The connection to a controller ended.
    pub(super) fn metadata_lost(&mut self, from: ControllerId, out: &mut Out) {
        if self.metadata.in_flight.is_some_and(|(asked, _)| asked == from) {
            self.metadata_failed(out);
        }
    }

    fn metadata_failed(&mut self, out: &mut Out) {
        self.metadata.wanted = None;
        self.metadata.in_flight = None;
        self.metadata.misses += 1;
        out.disarm(Timer::MetadataTimeout);
        out.arm(Timer::MetadataRetry, RETRY);
    }

    pub(super) fn metadata_fetched(
        &mut self,
        correlation: CorrelationId,
        answer: Answer<Fetched<Arc<MetadataRecord>>>,
        out: &mut Out,
    ) {
        if self.metadata.in_flight.is_none_or(|(_, asked)| asked != correlation) {
            return;
        }
        let known = answer.leader.filter(|leader| self.env.cluster.controllers.contains(leader));
        let is_news = self.metadata.learn(answer.epoch, known);
        // KAFKA-6082: a broker that compares no epochs.
        let obeys = self.env.cluster.variants.has(Variant::ZombieController);
        let is_taken = match answer.result {
            Ok(fetched) => {
                (obeys || answer.epoch == self.metadata.epoch) && self.take_metadata(fetched, out)
            }
            Err(_) => is_news && known.is_some(),
        };
        if !is_taken {
            return self.metadata_failed(out);
        }
        self.metadata.in_flight = None;
        self.metadata.misses = 0;
        self.publish(out);
        self.fetch_metadata(out);
    }

    /// Takes what the leader has. What is applied is never taken back: to Kafka that is a fatal error.
    fn take_metadata(&mut self, fetched: Fetched<Arc<MetadataRecord>>, out: &mut Out) -> bool {
        match fetched {
            Fetched::Diverging(theirs) => {
                let Some(stays) = theirs.offset.checked_sub(self.metadata.offset) else {
                    return false;
                };
                self.metadata.tail.retain({
                    let mut at = 0;
                    move |entry| {
                        at += 1;
                        at <= stays && entry.epoch <= theirs.epoch
                    }
                });
            }
            Fetched::SnapshotId(id) => {
                if id.offset < self.metadata.offset {
                    return false;
                }
                self.metadata.wanted = Some(id);
            }
            Fetched::Snapshot(snapshot) => return self.load_snapshot(&snapshot, out),
            Fetched::Entries { entries, high_watermark } => {
                self.metadata.tail.extend(entries);
                self.apply_committed(high_watermark, out);
            }
        }
        true
    }

    /// A snapshot takes the place of all that was applied; only what it changes is acted upon (Kafka:
    /// `MetadataDelta#finishSnapshot`).
    fn load_snapshot(&mut self, snapshot: &Snapshot<Arc<MetadataRecord>>, out: &mut Out) -> bool {
        if self.metadata.wanted.take() != Some(snapshot.end) {
            return false;
        }
        let before = std::mem::take(&mut self.env.image);
        let pending = self.metadata.changed.clone();
        self.metadata.tail.clear();
        (self.metadata.offset, self.metadata.applied_epoch) =
            (snapshot.end.offset, snapshot.end.epoch);
        for record in &*snapshot.records {
            self.apply_record(record);
        }
        let gone = before.partitions.keys().filter(|id| self.env.image.removed.contains(&id.topic));
        let gone: Vec<TopicPartition> = gone.copied().collect();
        self.forget(gone);
        let partitions = &self.env.image.partitions;
        let is_new = |id: &TopicPartition| partitions.get(id) != before.partitions.get(id);
        self.metadata.changed.retain(|id| pending.contains(id) || is_new(id));
        self.metadata.altered.retain(|id| self.env.image.altered.get(id) != before.altered.get(id));
        if self.env.cluster.controllers.len() > 1 {
            let (offset, checksum) = (snapshot.end.offset, checksum(&self.env.image));
            let fact = SnapshotFact { offset, checksum, loaded: true };
            out.observe(Observation::MetadataSnapshot(fact));
        }
        true
    }

    fn apply_committed(&mut self, high_watermark: u64, out: &mut Out) {
        let (first, several) = (self.metadata.offset, self.env.cluster.controllers.len() > 1);
        let mut checksums = Vec::new();
        while self.metadata.offset < high_watermark {
            let Some(entry) = self.metadata.tail.pop_front() else { break };
            if several {
                checksums.push(checksum(&entry));
            }
            self.metadata.offset += 1;
            self.metadata.applied_epoch = entry.epoch;
            if let Some(record) = entry.payload.record() {
                self.apply_record(record);
            }
        }
        if !checksums.is_empty() {
            let checksums = checksums.into();
            out.observe(Observation::MetadataApplied { offset: first, checksums });
        }
    }

    /// Partitions of topics that are deleted. A process that has not come to the metadata of the moment never knew
    /// them, so that nobody is told (Kafka: `TopicsDelta#deletedTopicIds`).
    fn forget(&mut self, gone: Vec<TopicPartition>) {
        if self.metadata.published {
            self.metadata.deleted.extend(&gone);
        }
        self.metadata.changed.extend(gone);
    }

    fn apply_record(&mut self, record: &MetadataRecord) {
        if let MetadataRecord::RemoveTopic { topic } = record {
            let gone = self.env.image.of_topic(*topic).collect();
            self.forget(gone);
            self.metadata.altered.remove(topic);
            self.env.altered.remove(topic);
            self.coordinator.topic_is_gone(*topic);
        }
        self.env.image.apply(record);
        match record {
            MetadataRecord::Partition { partition, .. } => {
                self.metadata.changed.insert(*partition);
                self.coordinator.partition_exists(*partition);
            }
            MetadataRecord::Topic { topic, .. } => {
                self.metadata.altered.insert(*topic);
            }
            MetadataRecord::Features(features) => {
                Arc::make_mut(&mut self.env.cluster).profile.features = *features;
                self.coordinator.go_by(&self.env.cluster);
            }
            MetadataRecord::RegisterBroker { .. }
            | MetadataRecord::BrokerChange { .. }
            | MetadataRecord::ProducerIds { .. }
            | MetadataRecord::RemoveTopic { .. }
            | MetadataRecord::LogsOffline { .. } => {}
        }
    }

    /// Roles are applied only once the image holds this process's registration (R5.9): before, it
    /// shows what an earlier process of this broker was.
    fn publish(&mut self, out: &mut Out) {
        let id = self.env.id;
        let own = self.env.image.brokers.get(&id).map(|registration| registration.epoch);
        if self.lifecycle.epoch().is_none() || own != self.lifecycle.epoch() {
            return;
        }
        // A process that starts loads its logs with the settings of the moment.
        if !std::mem::replace(&mut self.metadata.published, true) {
            self.configure(out);
        }
        // R5.27, as in `ReplicaManager#applyDelta`: what goes first, then leaders.
        self.delete_strays(out);
        let changed = std::mem::take(&mut self.metadata.changed);
        let partitions = &self.env.image.partitions;
        let exists = changed.into_iter().filter(|changed| partitions.contains_key(changed));
        let (leaders, others): (Vec<_>, Vec<_>) =
            exists.partition(|changed| partitions[changed].leader == Some(id));
        for partition in leaders.into_iter().chain(others) {
            self.apply_role(partition, out);
        }
        let deleted = std::mem::take(&mut self.metadata.deleted);
        self.partitions_deleted(deleted, out);
        self.configure(out);
        self.start_fetchers(out);
    }

    /// Goes by the settings of topics that the image has: after the roles (Kafka: `DynamicConfigPublisher`).
    /// Nobody who waits is looked at for that: the next fetch or append is judged by them.
    fn configure(&mut self, out: &mut Out) {
        for topic in std::mem::take(&mut self.metadata.altered) {
            let Some(config) = self.env.image.altered.get(&topic) else { continue };
            self.env.altered.insert(topic, *config);
            let hosted = self.partitions.all_mut().iter_mut().map(|one| (one.id, &mut one.log));
            let loaded = self.loaded.iter_mut().map(|(id, log)| (*id, log));
            for (_, log) in hosted.chain(loaded).filter(|(id, _)| id.topic == topic) {
                log.configure(config.log);
            }
            let min_insync_replicas = config.min_insync_replicas;
            out.observe(Observation::TopicConfigured { topic, min_insync_replicas });
        }
    }

    /// Whether the image has this broker as a replica.
    fn is_replica(&self, id: TopicPartition) -> bool {
        let state = self.env.image.partitions.get(&id);
        state.is_some_and(|state| state.replicas.contains(&self.env.id))
    }

    /// What this broker is no replica of goes, with its log: what it hosts, and what it finds as it starts (Kafka:
    /// `ReplicaManager#stopPartitions`, `LogManager#isStrayKraftReplica`).
    fn delete_strays(&mut self, out: &mut Out) {
        let changed = self.metadata.changed.iter().copied();
        let hosted: Vec<TopicPartition> = changed
            .filter(|id| self.partitions.get(*id).is_some() && !self.is_replica(*id))
            .collect();
        for id in hosted {
            self.delete(id, out);
        }
        let loaded = self.loaded.keys().copied();
        let strays: Vec<TopicPartition> = loaded.filter(|id| !self.is_replica(*id)).collect();
        for id in strays {
            if self.loaded.remove(&id).is_some() {
                self.storage.forget(id);
                out.write(BrokerWrite::Deleted(id));
                out.observe(Observation::LogDeleted(id));
            }
        }
    }

    fn delete(&mut self, id: TopicPartition, out: &mut Out) {
        self.note(id);
        let Some(mut partition) = self.partitions.remove(id) else { return };
        let was_leader = partition.is_leader();
        if let Some(leader) = partition.follower().and_then(|follower| follower.leader) {
            self.fetchers.entry(leader).or_default().forgotten.push(id);
        }
        self.storage.forget(id);
        out.write(BrokerWrite::Deleted(id));
        out.observe(Observation::LogDeleted(id));
        out.disarm(Timer::PartitionBackoff(id));
        self.resigned(id, out);
        self.coordinator_role_changed(id, false, was_leader, out);
    }

    fn apply_role(&mut self, id: TopicPartition, out: &mut Out) {
        let state = &self.env.image.partitions[&id];
        if !state.replicas.contains(&self.env.id) {
            return;
        }
        if self.storage.is_offline(id) {
            return self.pass_over(id, out);
        }
        self.put_log(id, out);
        let state = &self.env.image.partitions[&id];
        let in_sync = state.leader.is_some() && state.isr.contains(&self.env.id);
        let config = self.env.topic(id.topic).log;
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
        let stuck = change == RoleChange::None
            && self.env.cluster.variants.has(Variant::HighWatermarkStuckAfterShrink);
        if !stuck {
            self.advance(id, out);
        }
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
            .filter(|(id, _)| topics.is_empty() || topics.contains(&id.topic.name()))
            .map(|(id, state)| PartitionMetadata {
                partition: *id,
                leader: state.leader.filter(|leader| self.is_unfenced(*leader)),
                leader_epoch: state.leader_epoch,
            })
            .collect();
        MetadataResponse { brokers, partitions }
    }

    /// What an administrator's client is told of topics.
    pub(super) fn describe_with_replicas(
        &self,
        topics: &[TopicId],
    ) -> (Arc<[BrokerId]>, Vec<PartitionDescription>) {
        let MetadataResponse { brokers, partitions } = self.describe(topics);
        let described = partitions.into_iter().filter_map(|metadata| {
            let state = self.env.image.partitions.get(&metadata.partition)?;
            let is_offline = |one: &&BrokerId| !self.is_unfenced(**one);
            Some(PartitionDescription {
                metadata,
                replicas: state.replicas.clone(),
                isr: state.isr.clone(),
                elr: state.elr.clone(),
                offline: state.replicas.iter().filter(is_offline).copied().collect(),
            })
        });
        (brokers, described.collect())
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
