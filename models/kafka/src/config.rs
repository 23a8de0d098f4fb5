//! Settings of the machines, resolved and typed. Field names follow Kafka's keys; defaults are those of
//! the profile 4.0 and live in the scenario crate's table of settings, which the driver lowers to these.

use crate::assignor::{Assignor, RebalanceProtocol, ServerAssignor};
use crate::message::{Acks, Rack};
use crate::profile::Profile;
use crate::variant::Variants;
use ackproof_types::{
    Awaits, BrokerId, CommitStrategy, Consuming, ControllerId, Delay, GroupId, GroupProtocol,
    KafkaVersion, Micros, ProducerIndex, RecordId, Sending, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use crate::topic::{
    CleanupPolicy, Compaction, LogConfig, Timestamps, TopicConfig, TopicSetting,
};
pub use dirs::LogDirs;

mod dirs;

/// What every process knows of the cluster it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClusterConfig {
    /// All brokers, ascending.
    pub brokers: Arc<[BrokerId]>,
    /// Its controllers, ascending: the voters of the quorum.
    pub controllers: Arc<[ControllerId]>,
    /// Topics by [`TopicId`].
    pub topics: Vec<TopicConfig>,
    /// Those of them that are not there until an administrator creates them.
    pub later: BTreeSet<TopicId>,
    /// Which of them keeps committed offsets, `__consumer_offsets`.
    pub consumer_offsets: TopicId,
    /// `group.id`s by [`GroupId`]: they decide the partition of `__consumer_offsets` (R9.1).
    pub group_names: Vec<Arc<str>>,
    /// `broker.rack` of each broker; of none if they have none.
    pub racks: BTreeMap<BrokerId, Rack>,
    /// Broker settings, the same on all.
    pub broker: BrokerSettings,
    /// Which Kafka it is.
    pub profile: Profile,
    /// Bugs switched on.
    pub variants: Variants,
}

impl ClusterConfig {
    /// The same cluster as a server of another line knows it. Settings stay as they are, and so do feature levels.
    #[must_use]
    pub fn upgraded(&self, line: KafkaVersion) -> Self {
        let profile = Profile { version: line, ..self.profile };
        Self { profile, ..self.clone() }
    }

    /// The settings of `topic`.
    #[must_use]
    pub fn topic(&self, topic: TopicId) -> &TopicConfig {
        &self.topics[topic.index()]
    }
}

/// Whom a leader lets consumers read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReplicaSelector {
    /// Itself (`LeaderSelector`, and without a class).
    #[default]
    Leader,
    /// A replica in the consumer's rack, if one is in sync (`RackAwareReplicaSelector`).
    RackAware,
}

/// Broker and controller settings under Kafka's keys, dots and all but the unit turned to `_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BrokerSettings {
    /// `replica.lag.time.max.ms`.
    pub replica_lag_time_max: Micros,
    /// `replica.fetch.wait.max.ms`.
    pub replica_fetch_wait_max: Micros,
    /// `replica.fetch.min.bytes`.
    pub replica_fetch_min_bytes: u32,
    /// `replica.fetch.max.bytes`, per partition.
    pub replica_fetch_max_bytes: u32,
    /// `replica.fetch.response.max.bytes`.
    pub replica_fetch_response_max_bytes: u32,
    /// `replica.fetch.backoff.ms`.
    pub replica_fetch_backoff: Micros,
    /// `replica.socket.timeout.ms`.
    pub replica_socket_timeout: Micros,
    /// `replica.selector.class`.
    pub replica_selector: ReplicaSelector,
    /// `replica.high.watermark.checkpoint.interval.ms`.
    pub high_watermark_checkpoint_interval: Micros,
    /// `log.initial.task.delay.ms`.
    pub log_initial_task_delay: Micros,
    /// `log.flush.scheduler.interval.ms`; none: never a second time.
    pub log_flush_scheduler_interval: Option<Micros>,
    /// `log.retention.check.interval.ms`.
    pub log_retention_check_interval: Micros,
    /// `log.cleaner.backoff.ms`; none: `log.cleaner.enable` is off.
    pub log_cleaner_backoff: Option<Micros>,
    /// `log.flush.start.offset.checkpoint.interval.ms`.
    pub log_start_offset_checkpoint_interval: Micros,
    /// `broker.heartbeat.interval.ms`.
    pub broker_heartbeat_interval: Micros,
    /// `broker.session.timeout.ms`.
    pub broker_session_timeout: Micros,
    /// `offsets.commit.timeout.ms`.
    pub offsets_commit_timeout: Micros,
    /// `offsets.retention.minutes`.
    pub offsets_retention: Micros,
    /// `offsets.retention.check.interval.ms`.
    pub offsets_retention_check_interval: Micros,
    /// `producer_byte_rate` of every client; none: without bound.
    pub producer_byte_rate: Option<u64>,
    /// `consumer_byte_rate` of every client; none: without bound.
    pub consumer_byte_rate: Option<u64>,
    /// `quota.window.num`; at least 2.
    pub quota_window_num: u32,
    /// `quota.window.size.seconds`.
    pub quota_window_size: Micros,
    /// `producer.id.expiration.ms`.
    pub producer_id_expiration: Micros,
    /// `producer.id.expiration.check.interval.ms`.
    pub producer_id_expiration_check_interval: Micros,
    /// `group.initial.rebalance.delay.ms`.
    pub group_initial_rebalance_delay: Micros,
    /// `group.min.session.timeout.ms`.
    pub group_min_session_timeout: Micros,
    /// `group.max.session.timeout.ms`.
    pub group_max_session_timeout: Micros,
    /// `group.coordinator.append.linger.ms`.
    pub group_coordinator_append_linger: Micros,
    /// `group.consumer.session.timeout.ms`.
    pub group_consumer_session_timeout: Micros,
    /// `group.consumer.heartbeat.interval.ms`.
    pub group_consumer_heartbeat_interval: Micros,
    /// `group.consumer.assignment.interval.ms`. No line before 4.3 has it.
    pub group_consumer_assignment_interval: Micros,
    /// `group.consumer.assignors`; the first one is the default.
    pub group_consumer_assignors: &'static [ServerAssignor],
    /// `controller.quorum.…`.
    pub quorum: QuorumSettings,
    /// `unclean.leader.election.interval.ms` (internal).
    pub unclean_leader_election_interval: Micros,
    /// `auto.leader.rebalance.enable`.
    pub auto_leader_rebalance: bool,
    /// `leader.imbalance.check.interval.seconds`.
    pub leader_imbalance_check_interval: Micros,
    /// `log.dirs`.
    pub log_dirs: LogDirs,
    /// `log.dir.failure.timeout.ms`.
    pub log_dir_failure_timeout: Micros,
}

impl Default for BrokerSettings {
    fn default() -> Self {
        let ms = Micros::from_millis;
        Self {
            replica_lag_time_max: ms(30_000),
            replica_fetch_wait_max: ms(500),
            replica_fetch_min_bytes: 1,
            replica_fetch_max_bytes: 1_048_576,
            replica_fetch_response_max_bytes: 10_485_760,
            replica_fetch_backoff: ms(1000),
            replica_socket_timeout: ms(30_000),
            replica_selector: ReplicaSelector::Leader,
            log_initial_task_delay: Micros::from_secs(30),
            log_flush_scheduler_interval: None,
            high_watermark_checkpoint_interval: ms(5000),
            log_retention_check_interval: ms(300_000),
            log_cleaner_backoff: Some(ms(15_000)),
            log_start_offset_checkpoint_interval: ms(60_000),
            broker_heartbeat_interval: ms(2000),
            broker_session_timeout: ms(9000),
            offsets_commit_timeout: ms(5000),
            offsets_retention: ms(604_800_000),
            offsets_retention_check_interval: ms(600_000),
            producer_byte_rate: None,
            consumer_byte_rate: None,
            quota_window_num: 11,
            quota_window_size: ms(1000),
            producer_id_expiration: ms(86_400_000),
            producer_id_expiration_check_interval: ms(600_000),
            group_initial_rebalance_delay: ms(3000),
            group_min_session_timeout: ms(6000),
            group_max_session_timeout: ms(1_800_000),
            group_coordinator_append_linger: ms(5),
            group_consumer_session_timeout: ms(45_000),
            group_consumer_heartbeat_interval: ms(5000),
            group_consumer_assignment_interval: ms(1000),
            group_consumer_assignors: ServerAssignor::ALL,
            quorum: QuorumSettings::default(),
            unclean_leader_election_interval: ms(300_000),
            auto_leader_rebalance: true,
            leader_imbalance_check_interval: ms(300_000),
            log_dirs: LogDirs::default(),
            log_dir_failure_timeout: ms(30_000),
        }
    }
}

/// What a broker process is started with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BrokerConfig {
    /// Its `node.id`.
    pub id: BrokerId,
    /// The cluster.
    pub cluster: Arc<ClusterConfig>,
}

/// Settings under Kafka's keys behind `controller.quorum.`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QuorumSettings {
    /// `election.timeout.ms`: drawn from here to twice as long.
    pub election_timeout: Micros,
    /// `fetch.timeout.ms`: so long a follower believes in a leader that does not answer.
    pub fetch_timeout: Micros,
    /// `election.backoff.max.ms`.
    pub election_backoff_max: Micros,
    /// `request.timeout.ms`.
    pub request_timeout: Micros,
    /// `retry.backoff.ms`.
    pub retry_backoff: Micros,
    /// `metadata.log.max.record.bytes.between.snapshots`: a snapshot is due after so many bytes of records.
    pub bytes_between_snapshots: u64,
    /// `metadata.log.max.snapshot.interval.ms`: it is due after so long as well. None: not.
    pub snapshot_interval: Option<Micros>,
    /// `metadata.max.retention.bytes`: of more the log keeps only what no snapshot has.
    pub retention_bytes: u64,
}

impl Default for QuorumSettings {
    fn default() -> Self {
        let ms = Micros::from_millis;
        Self {
            election_timeout: ms(1000),
            fetch_timeout: ms(2000),
            election_backoff_max: ms(1000),
            request_timeout: ms(2000),
            retry_backoff: ms(20),
            bytes_between_snapshots: 20 << 20,
            snapshot_interval: Some(Micros::from_secs(3600)),
            retention_bytes: 100 << 20,
        }
    }
}

/// What a controller process is started with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ControllerConfig {
    /// Its `node.id`.
    pub id: ControllerId,
    /// The cluster.
    pub cluster: Arc<ClusterConfig>,
}

/// What a producer process is started with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProducerConfig {
    /// Which instance of the workload.
    pub index: ProducerIndex,
    /// The topic it writes to.
    pub topic: TopicId,
    /// `bootstrap.servers`.
    pub bootstrap: Arc<[BrokerId]>,
    /// `acks`.
    pub acks: Acks,
    /// `enable.idempotence`.
    pub enable_idempotence: bool,
    /// `retries`.
    pub retries: u32,
    /// `max.in.flight.requests.per.connection`.
    pub max_in_flight: usize,
    /// `linger.ms`.
    pub linger: Micros,
    /// `batch.size` in bytes.
    pub batch_size: u32,
    /// `buffer.memory` in bytes.
    pub buffer_memory: u64,
    /// `max.request.size` in bytes.
    pub max_request_size: u32,
    /// `max.block.ms`.
    pub max_block: Micros,
    /// `request.timeout.ms`.
    pub request_timeout: Micros,
    /// `delivery.timeout.ms`.
    pub delivery_timeout: Micros,
    /// `retry.backoff.ms`.
    pub retry_backoff: Micros,
    /// `retry.backoff.max.ms`.
    pub retry_backoff_max: Micros,
    /// `metadata.max.age.ms`.
    pub metadata_max_age: Micros,
    /// What `compression.type` makes of records.
    pub compression: Compression,
    /// `partitioner.adaptive.partitioning.enable`.
    pub adaptive_partitioning: bool,
    /// `partitioner.availability.timeout.ms`; zero: none.
    pub availability_timeout: Micros,
    /// `partitioner.ignore.keys`.
    pub ignore_keys: bool,
    /// R17.33: `flush` waits for the parts of a batch that was split.
    pub flush_waits_for_parts: bool,
    /// How the application uses it.
    pub sending: Sending,
    /// Keys and sticky choices follow from it: a number of its own for each instance.
    pub salt: u64,
    /// Bugs that are on.
    pub variants: Variants,
}

/// What a consumer process is started with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConsumerConfig {
    /// Its group.
    pub group: GroupId,
    /// The `group.id` as text, which decides the coordinator's partition (R9.1).
    pub group_name: Arc<str>,
    /// Subscribed topics, ascending.
    pub topics: Arc<[TopicId]>,
    /// Partitions of `__consumer_offsets`.
    pub offsets_partitions: u16,
    /// `bootstrap.servers`.
    pub bootstrap: Arc<[BrokerId]>,
    /// How the application works.
    pub application: ApplicationConfig,
    /// `auto.commit.interval.ms`.
    pub auto_commit_interval: Micros,
    /// `auto.offset.reset`; none: `poll` throws, and the application closes its consumer and ends.
    pub auto_offset_reset: Option<ResetTo>,
    /// `client.rack`, if a broker is in it.
    pub client_rack: Option<Rack>,
    /// Whose client it is.
    pub profile: Profile,
    /// What its application assigns itself with `assign()`; none: it subscribes.
    pub assigned: Option<Arc<[TopicPartition]>>,
    /// It gives a `group.id`; without one it looks no offsets up, and commits none (R8.19).
    pub has_group_id: bool,
    /// `group.protocol`.
    pub group_protocol: GroupProtocol,
    /// `group.remote.assignor`; none: the coordinator chooses. Of the consumer protocol only.
    pub group_remote_assignor: Option<ServerAssignor>,
    /// `session.timeout.ms`.
    pub session_timeout: Micros,
    /// `heartbeat.interval.ms`.
    pub heartbeat_interval: Micros,
    /// `partition.assignment.strategy`, the one preferred first.
    pub partition_assignment_strategy: Arc<[Assignor]>,
    /// `group.instance.id`; its number among those of the group, ordered as text.
    pub group_instance_id: Option<u16>,
    /// `max.poll.interval.ms`.
    pub max_poll_interval: Micros,
    /// `max.poll.records`.
    pub max_poll_records: usize,
    /// `fetch.min.bytes`.
    pub fetch_min_bytes: u32,
    /// `fetch.max.wait.ms`.
    pub fetch_max_wait: Micros,
    /// `fetch.max.bytes`.
    pub fetch_max_bytes: u32,
    /// `max.partition.fetch.bytes`.
    pub max_partition_fetch_bytes: u32,
    /// `request.timeout.ms`.
    pub request_timeout: Micros,
    /// `default.api.timeout.ms`.
    pub default_api_timeout: Micros,
    /// `retry.backoff.ms`.
    pub retry_backoff: Micros,
    /// `retry.backoff.max.ms`.
    pub retry_backoff_max: Micros,
    /// `metadata.max.age.ms`.
    pub metadata_max_age: Micros,
    /// Bugs that are on.
    pub variants: Variants,
    /// Whom it asks first follows from it: a number of its own for each instance.
    pub salt: u64,
}

impl ConsumerConfig {
    /// R9.23: cooperative if all its assignors support that (Kafka: `ConsumerCoordinator`, the highest
    /// protocol that all support).
    #[must_use]
    pub fn rebalance_protocol(&self) -> RebalanceProtocol {
        let cooperative = |one: &Assignor| one.supports(RebalanceProtocol::Cooperative);
        if self.partition_assignment_strategy.iter().all(cooperative) {
            RebalanceProtocol::Cooperative
        } else {
            RebalanceProtocol::Eager
        }
    }
}

/// The application around a consumer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApplicationConfig {
    /// Time to process one record.
    pub process: Delay,
    /// Attempts of a record that fail, in a million; decided by record, attempt and `salt`.
    pub failures_per_million: u32,
    /// Records of which every attempt fails.
    pub fails: Arc<[RecordId]>,
    /// Attempts before it does what `consuming.on_failure` says.
    pub attempts: u32,
    /// Decides which attempts fail.
    pub salt: u64,
    /// When it commits.
    pub commit: CommitStrategy,
    /// How else it uses its consumer.
    pub consuming: Consuming,
    /// What it sends on.
    pub outputs: OutputsConfig,
}

/// What an application sends on; none: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OutputsConfig {
    /// A record for each that it has processed.
    pub results: Option<OutputConfig>,
    /// A record for each that it puts aside.
    pub dead_letters: Option<OutputConfig>,
}

/// One of the producers of an application that also reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutputConfig {
    /// Who sends.
    pub producer: ProducerIndex,
    /// Whether the application waits for it.
    pub awaits: Awaits,
}

/// What records shrink to: millionths of their size. Kafka's estimate of it is taken to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Compression(pub u32);

impl Compression {
    /// `compression.type=none`.
    pub const NONE: Self = Self(1_000_000);

    pub(crate) fn of(self, bytes: u32) -> u32 {
        let small = (u64::from(bytes) * u64::from(self.0)).div_ceil(1_000_000);
        u32::try_from(small).unwrap_or(u32::MAX)
    }
}

/// Where `auto.offset.reset` resets a position to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResetTo {
    /// The start of the log.
    Earliest,
    /// Its end.
    Latest,
    /// The first record that is not older (R17.51).
    NotOlderThan(Micros),
}
