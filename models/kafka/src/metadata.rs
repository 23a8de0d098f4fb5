//! The metadata log of KRaft and the image a node folds it into.
//!
//! Controller and brokers replay the same records; the offset of a record is its index in the log.
//! Source: `metadata/src/main/java/org/apache/kafka/image/*` (KIP-631).

use crate::topic::TopicConfig;
use crate::variant::{Variant, Variants};
use ackproof_types::{
    BrokerEpoch, BrokerId, Features, KafkaVersion, LeaderEpoch, PartitionEpoch, ProducerId,
    TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// One record of the metadata log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MetadataRecord {
    /// A broker process registered; it starts fenced (`RegisterBrokerRecord`).
    RegisterBroker {
        /// The broker.
        broker: BrokerId,
        /// The registration.
        registration: BrokerRegistration,
    },
    /// A broker was fenced, unfenced or began to shut down (`BrokerRegistrationChangeRecord`).
    BrokerChange {
        /// The broker.
        broker: BrokerId,
        /// Its epoch.
        epoch: BrokerEpoch,
        /// Whether it is fenced from here on.
        fenced: bool,
        /// Whether it is in controlled shutdown from here on.
        in_controlled_shutdown: bool,
    },
    /// The whole state of a partition from here on (`PartitionRecord`, `PartitionChangeRecord`).
    Partition {
        /// Which.
        partition: TopicPartition,
        /// Its state.
        state: PartitionRegistration,
    },
    /// What the settings of a topic are from here on (`ConfigRecord`).
    Topic {
        /// Which.
        topic: TopicId,
        /// All of them.
        config: TopicConfig,
    },
    /// The feature levels of the cluster from here on (`FeatureLevelRecord`, one for each feature in Kafka).
    Features(Features),
    /// Producer ids below this are handed out (`ProducerIdsRecord`).
    ProducerIds {
        /// The broker that got the block.
        broker: BrokerId,
        /// The first id of the next block.
        next: ProducerId,
    },
    /// What lies in log directories of a broker that have failed (the log directories of a
    /// `BrokerRegistrationChangeRecord`, KIP-858). Its next registration says it anew.
    LogsOffline {
        /// The broker.
        broker: BrokerId,
        /// All of it, ascending.
        logs: Arc<[TopicPartition]>,
    },
    /// A topic is no more, with its partitions and its settings (`RemoveTopicRecord`).
    RemoveTopic {
        /// Which.
        topic: TopicId,
    },
}

/// A checksum of an entry of the metadata log: two entries that differ have the same one once in 4 thousand million.
#[must_use]
pub fn checksum(entry: &impl Hash) -> u32 {
    let mut sum = Checksum(0xcbf2_9ce4_8422_2325);
    entry.hash(&mut sum);
    let [a, b, c, d, ..] = (sum.0 ^ (sum.0 >> 32)).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// FNV-1a, the same on every machine.
struct Checksum(u64);

impl Hasher for Checksum {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    fn write_usize(&mut self, value: usize) {
        self.write(&(value as u64).to_le_bytes());
    }
    fn write_isize(&mut self, value: isize) {
        self.write(&(value as i64).to_le_bytes());
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// A registered broker process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BrokerRegistration {
    /// Its epoch: the offset of its registration record (R5.5).
    pub epoch: BrokerEpoch,
    /// The random id of its process.
    pub incarnation: u64,
    /// Its line: which feature levels it supports.
    pub version: KafkaVersion,
    /// Not allowed to lead or to be in sync.
    pub fenced: bool,
    /// Leaving (R5.17).
    pub in_controlled_shutdown: bool,
}

impl BrokerRegistration {
    /// Whether the broker may lead and join in-sync sets.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }
}

/// The controller's state of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartitionRegistration {
    /// Assigned replicas, in order of preference.
    pub replicas: Vec<BrokerId>,
    /// In-sync replicas, in the order of `replicas`; never empty (R5.20) but with eligible leader replicas.
    pub isr: Vec<BrokerId>,
    /// Eligible leader replicas, in the order of `replicas`: they left while too few were in sync, and have
    /// all that was committed (R5.25).
    pub elr: Vec<BrokerId>,
    /// Who led when the last replica in sync left (R5.25).
    pub last_leader: Option<BrokerId>,
    /// The leader, if any.
    pub leader: Option<BrokerId>,
    /// Raised with every change of the leader (R5.24).
    pub leader_epoch: LeaderEpoch,
    /// Raised with every change.
    pub partition_epoch: PartitionEpoch,
    /// The leader came by unclean election and has not reported recovery (R5.21).
    pub recovering: bool,
    /// Those of `replicas` that a reassignment adds, ascending.
    pub adding: Vec<BrokerId>,
    /// Those of `replicas` that it removes, ascending.
    pub removing: Vec<BrokerId>,
}

impl PartitionRegistration {
    /// Whether its replicas are being reassigned.
    #[must_use]
    pub fn is_reassigned(&self) -> bool {
        !self.adding.is_empty() || !self.removing.is_empty()
    }
}

/// The metadata log, folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataImage {
    /// Brokers that ever registered.
    pub brokers: BTreeMap<BrokerId, BrokerRegistration>,
    /// Partitions that exist.
    pub partitions: BTreeMap<TopicPartition, PartitionRegistration>,
    /// Settings of topics that were altered.
    pub altered: BTreeMap<TopicId, TopicConfig>,
    /// Feature levels that were finalized since the storage was formatted.
    pub features: Option<Features>,
    /// The next producer id to hand out.
    pub next_producer_id: i64,
    /// What lies in log directories of brokers that have failed.
    pub offline: BTreeMap<BrokerId, Arc<[TopicPartition]>>,
    /// Topics that were deleted. Kafka forgets them; here they say which ids were given, and that what was there from
    /// the start is not created anew.
    pub removed: BTreeSet<TopicId>,
}

impl Hash for MetadataImage {
    /// What was never deleted leaves no mark.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { brokers, partitions, altered, features, next_producer_id, offline, removed } =
            self;
        (brokers, partitions, altered, features, next_producer_id, offline).hash(state);
        if !removed.is_empty() {
            removed.hash(state);
        }
    }
}

impl MetadataImage {
    /// What these records say.
    pub fn of<R: std::borrow::Borrow<MetadataRecord>>(records: &[R]) -> Self {
        let mut image = Self::default();
        records.iter().for_each(|record| image.apply(record.borrow()));
        image
    }

    /// As few records as say the same (Kafka: `MetadataImage#write`).
    #[must_use]
    pub fn records(&self, variants: Variants) -> Vec<MetadataRecord> {
        let features = self.features.map(MetadataRecord::Features);
        let brokers = self.brokers.iter().map(|(broker, registration)| {
            MetadataRecord::RegisterBroker { broker: *broker, registration: *registration }
        });
        let offline = self.offline.iter().map(|(broker, logs)| MetadataRecord::LogsOffline {
            broker: *broker,
            logs: Arc::clone(logs),
        });
        let topics = self
            .altered
            .iter()
            .map(|(topic, config)| MetadataRecord::Topic { topic: *topic, config: *config });
        let without = variants.has(Variant::SnapshotWithoutEligible);
        let partitions = self.partitions.iter().map(|(partition, state)| {
            let mut state = state.clone();
            if without {
                (state.elr, state.last_leader) = (Vec::new(), None);
            }
            MetadataRecord::Partition { partition: *partition, state }
        });
        let next = ProducerId(self.next_producer_id);
        let ids = (next.0 > 0).then_some(MetadataRecord::ProducerIds { broker: BrokerId(0), next });
        let removed =
            self.removed.iter().map(|topic| MetadataRecord::RemoveTopic { topic: *topic });
        let all = features.into_iter().chain(brokers).chain(offline).chain(topics);
        all.chain(partitions).chain(ids).chain(removed).collect()
    }

    /// Applies one record.
    pub fn apply(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::RegisterBroker { broker, registration } => {
                self.brokers.insert(*broker, *registration);
                self.offline.remove(broker);
            }
            MetadataRecord::BrokerChange { broker, epoch, fenced, in_controlled_shutdown } => {
                if let Some(registration) = self.brokers.get_mut(broker)
                    && registration.epoch == *epoch
                {
                    registration.fenced = *fenced;
                    registration.in_controlled_shutdown = *in_controlled_shutdown;
                }
            }
            MetadataRecord::Partition { partition, state } => {
                self.partitions.insert(*partition, state.clone());
            }
            MetadataRecord::Topic { topic, config } => {
                self.altered.insert(*topic, *config);
            }
            MetadataRecord::Features(features) => self.features = Some(*features),
            MetadataRecord::ProducerIds { next, .. } => self.next_producer_id = next.0,
            MetadataRecord::LogsOffline { broker, logs } => {
                self.offline.insert(*broker, Arc::clone(logs));
            }
            MetadataRecord::RemoveTopic { topic } => {
                self.partitions.retain(|partition, _| partition.topic != *topic);
                self.altered.remove(topic);
                self.removed.insert(*topic);
            }
        }
    }

    /// The topic that has this name, or had it last.
    #[must_use]
    pub fn current(&self, name: TopicId) -> TopicId {
        let was = self.removed.iter().rfind(|topic| topic.name() == name.name());
        let Some(last) = was else { return name.name() };
        let next = last.in_life(last.life() + 1);
        next.filter(|next| self.of_topic(*next).next().is_some()).unwrap_or(*last)
    }

    /// The partitions of a topic; none: it does not exist.
    pub fn of_topic(&self, topic: TopicId) -> impl Iterator<Item = TopicPartition> + use<'_> {
        let all = TopicPartition::new(topic, 0)..=TopicPartition::new(topic, u16::MAX);
        self.partitions.range(all).map(|(partition, _)| *partition)
    }

    /// Whether `broker` may lead `partition`: it is active, and its log directory has not failed (Kafka:
    /// `LeaderAcceptor`).
    #[must_use]
    pub fn may_lead(&self, broker: BrokerId, partition: TopicPartition) -> bool {
        self.is_active(broker) && !self.is_offline(broker, partition)
    }

    /// Whether what `broker` has of `partition` lies in a log directory that has failed.
    #[must_use]
    pub fn is_offline(&self, broker: BrokerId, partition: TopicPartition) -> bool {
        self.offline.get(&broker).is_some_and(|logs| logs.contains(&partition))
    }

    /// Whether `broker` may lead and join in-sync sets.
    #[must_use]
    pub fn is_active(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(BrokerRegistration::is_active)
    }
}
