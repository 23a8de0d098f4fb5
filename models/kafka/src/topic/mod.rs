//! The settings of a topic: what it is created with, and what is altered later.

mod log;

pub use log::{CleanupPolicy, Compaction, LogConfig, Timestamps};

use ackproof_types::Micros;

/// A topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TopicConfig {
    /// Number of partitions that it is created with.
    pub partitions: u16,
    /// Replicas of each.
    pub replication_factor: u16,
    /// `min.insync.replicas`.
    pub min_insync_replicas: u16,
    /// `unclean.leader.election.enable`.
    pub unclean_leader_election: bool,
    /// `max.message.bytes`.
    pub max_message_bytes: u32,
    /// How its logs are kept.
    pub log: LogConfig,
}

impl TopicConfig {
    /// min(`min.insync.replicas`, replication factor) (R4.2).
    #[must_use]
    pub fn effective_min_isr(&self) -> usize {
        usize::from(self.min_insync_replicas.min(self.replication_factor))
    }

    /// The same, with one of them altered.
    #[must_use]
    pub fn with(self, setting: TopicSetting) -> Self {
        let log = self.log;
        match setting {
            TopicSetting::MinInsyncReplicas(least) => Self { min_insync_replicas: least, ..self },
            TopicSetting::UncleanLeaderElection(on) => Self { unclean_leader_election: on, ..self },
            TopicSetting::MaxMessageBytes(most) => Self { max_message_bytes: most, ..self },
            TopicSetting::RetentionTime(time) => {
                Self { log: LogConfig { retention_time: time, ..log }, ..self }
            }
            TopicSetting::RetentionBytes(bytes) => {
                Self { log: LogConfig { retention_bytes: bytes, ..log }, ..self }
            }
        }
    }
}

/// A setting of a topic that can be altered while the cluster runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicSetting {
    /// `min.insync.replicas`.
    MinInsyncReplicas(u16),
    /// `unclean.leader.election.enable`.
    UncleanLeaderElection(bool),
    /// `max.message.bytes`.
    MaxMessageBytes(u32),
    /// `retention.ms`; none: without bound.
    RetentionTime(Option<Micros>),
    /// `retention.bytes`; none: without bound.
    RetentionBytes(Option<u64>),
}
