//! Who produces and who consumes, with everything decided.

use super::Settings;
use crate::anchor::RecordName;
use ackproof_types::{CommitStrategy, Consuming, Delay, Micros, Sending, SinkConfig, TopicId};
use std::sync::Arc;

/// A producer of the workload.
#[derive(Clone, Debug)]
pub struct Producer {
    /// Its name; instances are `name-0`, `name-1`, ….
    pub name: String,
    /// Where it writes.
    pub topic: TopicId,
    /// Number of processes.
    pub instances: u16,
    /// Mean distance between two sends of one instance.
    pub interval: Micros,
    /// Records per instance; none: until the load ends.
    pub records: Option<u32>,
    /// Size of the key space; 0: records have no key.
    pub keys: u32,
    /// Smallest and largest record in bytes.
    pub size: (u32, u32),
    /// Millionths of their size that records are compressed to.
    pub compressed_to: u32,
    /// The records of each instance one by one, instead of drawn ones.
    pub sends: Option<Vec<Arc<[PlannedRecord]>>>,
    /// When it starts to send.
    pub start: Micros,
    /// How its application uses it.
    pub sending: Sending,
    /// The setting that switched idempotence off without a word: `acks=1`.
    pub idempotence_off_by: Option<String>,
    /// Producer settings by Kafka's key; every modelled key is present.
    pub config: Settings,
}

/// A record of the workload, decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedRecord {
    /// When it is sent; never before the one that comes before it.
    pub at: Micros,
    /// Its key.
    pub key: Option<u32>,
    /// Its size in bytes.
    pub size: u32,
}

/// A consumer group of the workload.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its `group.id`.
    pub name: String,
    /// What it subscribes to, ascending.
    pub topics: Vec<TopicId>,
    /// Number of members; their processes are `name-0`, `name-1`, ….
    pub members: u16,
    /// Processing time of one record.
    pub process: Delay,
    /// Failing attempts, in a million.
    pub failures_per_million: u32,
    /// Records of which every attempt fails.
    pub fails: Vec<RecordName>,
    /// Attempts before a record is dead-lettered, or what else the application does.
    pub attempts: u32,
    /// When it commits.
    pub commit: CommitStrategy,
    /// What it writes its results to; none: that is nobody's concern.
    pub sink: Option<SinkConfig>,
    /// What else its application does with its consumer.
    pub consuming: Consuming,
    /// When its members start.
    pub start: Micros,
    /// Consumer settings by Kafka's key; every modelled key is present.
    pub config: Settings,
    /// Other settings, of members that start from these times on; ascending.
    pub deploys: Vec<(Micros, Settings)>,
}

impl Group {
    /// All settings that one of its members may have.
    pub fn configs(&self) -> impl Iterator<Item = &Settings> {
        std::iter::once(&self.config).chain(self.deploys.iter().map(|(_, config)| config))
    }
}
