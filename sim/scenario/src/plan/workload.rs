//! Who produces and who consumes, with everything decided.

use super::Settings;
use crate::anchor::RecordName;
use ackproof_types::{
    Awaits, ClusterId, CommitStrategy, Consuming, Delay, Lane, Micros, Sending, SinkConfig, TopicId,
};
use std::sync::Arc;

/// A producer of the workload.
#[derive(Clone, Debug)]
pub struct Producer {
    /// Its name; instances are `name-0`, `name-1`, ….
    pub name: String,
    /// Where it writes.
    pub topic: TopicId,
    /// The cluster that its processes stand beside.
    pub at: ClusterId,
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
    /// The cluster that its members stand beside.
    pub at: ClusterId,
    /// Number of members; their processes are `name-0`, `name-1`, ….
    pub members: u16,
    /// How many of them, the last ones, share all partitions by `assign()`; the others subscribe.
    pub assigned: u16,
    /// Its members give a `group.id`. Those that do not all call `assign()`, and commit nothing.
    pub has_group_id: bool,
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
    /// Where it sends what it makes of each record; none: it makes nothing.
    pub produces: Option<Output>,
    /// Where it sends records that it puts aside; none: that is nobody's concern.
    pub dead_letter: Option<Output>,
    /// How the number of its members follows its lag; none: it does not.
    pub autoscale: Option<Autoscale>,
    /// When its members start.
    pub start: Micros,
    /// Consumer settings by Kafka's key; every modelled key is present.
    pub config: Settings,
    /// Other settings, of members that start from these times on; ascending.
    pub deploys: Vec<(Micros, Settings)>,
    /// What it is beside the groups that the scenario names.
    pub part: Part,
}

/// What a group of a plan is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// One that the scenario names.
    #[default]
    Application,
    /// It stands in another cluster for the group of this index, whose application goes over to it.
    StandsFor(u16),
    /// A mirror: it has one member, which reads a topic and writes copies to another one.
    Mirror(Mirror),
}

/// What a mirror is told (MirrorMaker 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// `offset.flush.interval.ms`.
    pub flush_interval: Micros,
    /// `offset.lag.max`.
    pub offset_lag_max: u32,
    /// `emit.checkpoints.interval.seconds`; none: `emit.checkpoints.enabled=false`.
    pub checkpoint_interval: Option<Micros>,
    /// `sync.group.offsets.interval.seconds`; none: `sync.group.offsets.enabled=false`.
    pub sync_interval: Option<Micros>,
    /// `replication.factor` of the topic that it makes.
    pub replication_factor: u16,
    /// Groups whose offsets it translates, ascending.
    pub groups: Vec<u16>,
}

/// How the number of a group's members follows its lag. It has `members` at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Autoscale {
    /// Members at most.
    pub max: u16,
    /// Records that one member may be behind.
    pub lag: u32,
    /// From one look to the next.
    pub every: Micros,
    /// How long there are no fewer after the last change.
    pub cooldown: Micros,
}

/// What the application of a group sends on, by a producer of its own.
#[derive(Clone, Debug)]
pub struct Output {
    /// Where it sends it.
    pub to: TopicId,
    /// Whether it waits for the acknowledgements.
    pub awaits: Awaits,
    /// How it uses its producer.
    pub sending: Sending,
    /// Millionths of their size that records are compressed to.
    pub compressed_to: u32,
    /// The setting that switched idempotence off without a word.
    pub idempotence_off_by: Option<String>,
    /// Producer settings by Kafka's key; every modelled key is present.
    pub config: Settings,
}

impl Group {
    /// What it is told as a mirror, if it is one.
    #[must_use]
    pub fn mirror(&self) -> Option<&Mirror> {
        match &self.part {
            Part::Mirror(mirror) => Some(mirror),
            Part::Application | Part::StandsFor(_) => None,
        }
    }

    /// Whether the scenario names it under `groups`.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.part == Part::Application
    }

    /// All that it sends on.
    pub fn outputs(&self) -> impl Iterator<Item = (Lane, &Output)> {
        let outputs = [&self.produces, &self.dead_letter];
        Lane::ALL.iter().zip(outputs).filter_map(|(lane, one)| Some((*lane, one.as_ref()?)))
    }

    /// All settings that one of its members may have.
    pub fn configs(&self) -> impl Iterator<Item = &Settings> {
        std::iter::once(&self.config).chain(self.deploys.iter().map(|(_, config)| config))
    }
}
