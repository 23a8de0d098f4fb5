//! Requests and responses under Kafka's names, reduced to the fields that decide something.
//!
//! A field Kafka has and no rule of the model reads is left out; see `DEVIATIONS.md`. Success and
//! error of a part are a `Result`, so that no response carries both.

mod consumer_group;
mod group;
mod group_record;
mod names;
pub mod quorum;
pub(crate) mod size;

pub use consumer_group::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
pub use group::{
    CommittedOffset, GroupRequest, GroupResponse, JoinGroupRequest, JoinGroupResponse,
    MemberAssignment, MemberClaim, MemberMetadata, OffsetCommitRequest, OffsetFetchRequest,
    SyncGroupRequest,
};
pub use group_record::{
    ClassicMember, Commit, ConsumerGroupRecord, ConsumerMember, CurrentAssignment, GroupKey,
    GroupRecord, MemberState, PersistedMember,
};

use crate::metadata::MetadataRecord;
pub use ackproof_types::Acks;
use ackproof_types::{
    BrokerEpoch, BrokerId, ErrorCode, GroupId, KafkaVersion, LeaderEpoch, Micros, Offset,
    PartitionEpoch, ProducerEpoch, ProducerId, Record, RecordSlice, Sequence, Timestamp, TopicId,
    TopicPartition,
};
use quorum::{Answer, FetchOfLog, QuorumReply, QuorumRequest};
use std::sync::Arc;

/// Pairs a response with its request on one connection (Kafka: `correlation_id`). Chosen by the
/// requester, unique within its process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CorrelationId(pub u64);

/// What travels on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// From the opener of the connection.
    Request(CorrelationId, Request),
    /// From its acceptor.
    Response(CorrelationId, Response),
    /// From its acceptor to itself: the request needs no response (`acks=0`), read the next one. It
    /// never travels (Kafka: `RequestChannel.NoOpResponse`).
    NoResponse(CorrelationId),
    /// From its acceptor: what it answers, and for how long it will read nothing more on this connection, as the
    /// client is above its quota (Kafka: `throttle_time_ms` of every response, KIP-219).
    Throttled(Micros, Box<Self>),
}

/// A request: those that any broker answers, and those of a family.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// What do you speak: the first request of a client on every connection.
    ApiVersions,
    /// Append batches.
    Produce(ProduceRequest),
    /// Read batches, as a replica or as a consumer.
    Fetch(FetchRequest),
    /// Where logs begin and end.
    ListOffsets(Vec<ListOffsetsPartition>),
    /// Where an epoch ends (KIP-101, KIP-320).
    OffsetsForLeaderEpoch(Vec<EpochQuery>),
    /// Leaders and replicas of topics; all of them if empty.
    Metadata(Vec<TopicId>),
    /// The same with replicas, for clients that no model speaks for (KIP-966).
    DescribeTopicPartitions(Vec<TopicId>),
    /// Which broker coordinates a group.
    FindCoordinator(GroupId),
    /// For the coordinator of a group.
    Group(GroupRequest),
    /// A producer id for an idempotent producer.
    InitProducerId,
    /// For a controller.
    Controller(ControllerRequest),
}

/// A request that only a controller answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ControllerRequest {
    /// A broker process presents itself to the controller.
    BrokerRegistration(BrokerRegistrationRequest),
    /// A broker process is alive.
    BrokerHeartbeat(BrokerHeartbeatRequest),
    /// A leader proposes in-sync sets.
    AlterPartition(AlterPartitionRequest),
    /// A block of producer ids for a broker.
    AllocateProducerIds(BrokerId, BrokerEpoch),
    /// The metadata log from an offset on (Raft Fetch); parks up to 500 ms.
    MetadataFetch(FetchOfLog),
    /// From another controller.
    Quorum(QuorumRequest),
}

/// One result per partition.
pub type PartitionResults<T> = Vec<(TopicPartition, Result<T, ErrorCode>)>;

/// A response.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Response {
    /// To [`Request::ApiVersions`].
    ApiVersions,
    /// To [`Request::Produce`]: the partitions in the order of the request, then the leaders of those
    /// that another broker leads (KIP-951).
    Produce(PartitionResults<Offset>, Vec<PartitionMetadata>),
    /// To [`Request::Fetch`]; in a session, without the partitions that have nothing new to say.
    Fetch(Vec<FetchedPartition>),
    /// To [`Request::Fetch`]: the session is not what the replica takes it for (KIP-227).
    FetchSessionRefused(ErrorCode),
    /// To [`Request::ListOffsets`].
    ListOffsets(PartitionResults<ListedOffset>),
    /// To [`Request::OffsetsForLeaderEpoch`].
    OffsetsForLeaderEpoch(PartitionResults<EpochEnd>),
    /// To [`Request::Metadata`].
    Metadata(MetadataResponse),
    /// To [`Request::DescribeTopicPartitions`]: brokers that are not fenced, by id, and the partitions, sorted.
    DescribeTopicPartitions(Arc<[BrokerId]>, Vec<PartitionDescription>),
    /// To [`Request::FindCoordinator`].
    FindCoordinator(Result<BrokerId, ErrorCode>),
    /// To [`Request::Group`].
    Group(GroupResponse),
    /// To [`Request::InitProducerId`].
    InitProducerId(Result<(ProducerId, ProducerEpoch), ErrorCode>),
    /// To [`Request::Controller`].
    Controller(ControllerResponse),
}

/// A response of a controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ControllerResponse {
    /// To [`ControllerRequest::BrokerRegistration`].
    BrokerRegistration(Result<BrokerEpoch, ErrorCode>),
    /// To [`ControllerRequest::BrokerHeartbeat`].
    BrokerHeartbeat(Result<HeartbeatState, ErrorCode>),
    /// To [`ControllerRequest::AlterPartition`].
    AlterPartition(Result<PartitionResults<IsrState>, ErrorCode>),
    /// To [`ControllerRequest::AllocateProducerIds`]: first id and count.
    AllocateProducerIds(Result<(ProducerId, u32), ErrorCode>),
    /// To [`ControllerRequest::MetadataFetch`]: entries from the asked offset on.
    MetadataFetch(Answer<quorum::Fetched<Arc<MetadataRecord>>>),
    /// To [`ControllerRequest::Quorum`].
    Quorum(Answer<QuorumReply>),
}

/// A batch of records: the unit of append, deduplication, fetch and truncation (R1.1, R1.5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordBatch {
    /// Offset of the first record; 0 from a client, stamped by the leader (R1.3).
    pub base_offset: Offset,
    /// The epoch of the leader that appended it; stamped by the leader.
    pub leader_epoch: LeaderEpoch,
    /// Idempotence: who, and which in the row; none without.
    pub producer: Option<ProducerStamp>,
    /// The largest CreateTime.
    pub max_timestamp: Timestamp,
    /// Bytes.
    pub size: u32,
    /// The records.
    pub payload: Payload,
}

/// The idempotence triple of a batch (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProducerStamp {
    /// The session.
    pub id: ProducerId,
    /// Its epoch.
    pub epoch: ProducerEpoch,
    /// Sequence of the first record.
    pub base_sequence: Sequence,
}

/// What a batch holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payload {
    /// Records of applications.
    Records(Arc<[Record]>),
    /// Records of a group coordinator, in `__consumer_offsets`.
    Group(Arc<[GroupRecord]>),
}

impl RecordBatch {
    /// Number of records; at least 1.
    #[must_use]
    pub fn count(&self) -> usize {
        match &self.payload {
            Payload::Records(records) => records.len(),
            Payload::Group(records) => records.len(),
        }
    }

    /// The offset after the last record.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.base_offset.plus(self.count())
    }

    /// The application's records; empty for a coordinator's batch.
    #[must_use]
    pub fn records(&self) -> RecordSlice {
        match &self.payload {
            Payload::Records(records) => RecordSlice::whole(Arc::clone(records)),
            Payload::Group(_) => RecordSlice::whole(Arc::new([])),
        }
    }
}

/// See [`Request::Produce`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProduceRequest {
    /// When to answer.
    pub acks: Acks,
    /// How long the broker may wait for replicas: the producer's `request.timeout.ms`.
    pub timeout: Micros,
    /// One batch per partition.
    pub batches: Vec<(TopicPartition, RecordBatch)>,
}

/// See [`Request::Fetch`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FetchRequest {
    /// The fetching replica; none for a consumer.
    pub replica: Option<FetchingReplica>,
    /// A consumer's `client.rack`, if a broker is in it.
    pub rack: Option<Rack>,
    /// How long to park for `min_bytes`.
    pub max_wait: Micros,
    /// How much makes an answer worth sending.
    pub min_bytes: u32,
    /// Bound on the whole answer; the first batch is always whole (R2.2, R8.5).
    pub max_bytes: u32,
    /// What the partitions stand for.
    pub session: FetchSession,
    /// What to read, ascending.
    pub partitions: Vec<FetchPartition>,
}

/// A rack of brokers, by its number among those of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rack(pub u16);

/// What a leader remembers from one fetch of a replica to the next (KIP-227).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FetchSession {
    /// Everything is named, nothing is remembered.
    Sessionless,
    /// Everything is named; the leader remembers it under this name.
    Begin(SessionId),
    /// Only what changed since the fetch before is named.
    Continue {
        /// Which session.
        session: SessionId,
        /// Counts the fetches of the session, from 1.
        epoch: u32,
        /// What is not wanted any more, ascending.
        forgotten: Vec<TopicPartition>,
    },
}

/// Names a fetch session of one replica. Kafka's leader hands it out; here the replica names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// Who fetches as a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FetchingReplica {
    /// The broker.
    pub broker: BrokerId,
    /// The epoch of its current incarnation (KIP-903).
    pub epoch: BrokerEpoch,
}

/// One partition of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FetchPartition {
    /// Which.
    pub partition: TopicPartition,
    /// The next offset wanted. From a replica it claims everything below.
    pub offset: Offset,
    /// The leader epoch the fetcher believes in; UNKNOWN skips the check.
    pub leader_epoch: LeaderEpoch,
    /// The epoch of the fetcher's last record; UNKNOWN from consumers (R8.3).
    pub last_fetched_epoch: LeaderEpoch,
    /// The replica's log start offset.
    pub log_start: Offset,
    /// Bound in bytes.
    pub max_bytes: u32,
}

/// One partition of a fetch response.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FetchedPartition {
    /// Which.
    pub partition: TopicPartition,
    /// The data, or why not.
    pub result: Result<Fetched, ErrorCode>,
}

/// The data of a fetch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fetched {
    /// The offset that was asked for: a response to an older question is ignored (R2.4, R8.4).
    pub fetch_offset: Offset,
    /// The leader's high watermark when it read.
    pub high_watermark: Offset,
    /// The leader's log start offset.
    pub log_start: Offset,
    /// Set if the fetcher's log diverges: then no data (R2.8).
    pub diverging: Option<EpochEnd>,
    /// A follower that the consumer is to read from: then no data (KIP-392).
    pub preferred_read_replica: Option<BrokerId>,
    /// Batches; the first may begin below the fetch offset.
    pub batches: Vec<Arc<RecordBatch>>,
}

/// An epoch and where it ends (exclusive).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EpochEnd {
    /// The epoch, UNKNOWN if undefined.
    pub epoch: LeaderEpoch,
    /// One past its last record, UNKNOWN if undefined.
    pub end: Offset,
}

impl EpochEnd {
    /// No answer (Kafka: −1, −1).
    pub const UNDEFINED: Self = Self { epoch: LeaderEpoch::UNKNOWN, end: Offset::UNKNOWN };
}

/// One partition of [`Request::ListOffsets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListOffsetsPartition {
    /// Which.
    pub partition: TopicPartition,
    /// The leader epoch the client believes in.
    pub leader_epoch: LeaderEpoch,
    /// Which offset.
    pub spec: OffsetSpec,
}

/// Which offset [`Request::ListOffsets`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OffsetSpec {
    /// The log start.
    Earliest,
    /// The high watermark (R2.20).
    Latest,
    /// The end of the log, whatever of it is committed: what a replica means by the latest offset (R2.11).
    LogEnd,
    /// The first record of this time or later; none is [`Offset::UNKNOWN`].
    Since(Timestamp),
}

/// An offset with the epoch of the leader that told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListedOffset {
    /// The offset.
    pub offset: Offset,
    /// The leader's epoch.
    pub leader_epoch: LeaderEpoch,
}

/// One partition of [`Request::OffsetsForLeaderEpoch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EpochQuery {
    /// Which.
    pub partition: TopicPartition,
    /// The leader epoch the asker believes in.
    pub current_leader_epoch: LeaderEpoch,
    /// The epoch asked about.
    pub epoch: LeaderEpoch,
}

/// See [`Response::Metadata`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetadataResponse {
    /// Brokers that are not fenced, by id.
    pub brokers: Arc<[BrokerId]>,
    /// Partitions of the asked topics, sorted; a topic that does not exist has none.
    pub partitions: Vec<PartitionMetadata>,
}

/// What a client learns of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartitionMetadata {
    /// Which.
    pub partition: TopicPartition,
    /// Its leader, if there is one and it is not fenced.
    pub leader: Option<BrokerId>,
    /// The epoch of this fact; clients ignore older ones (R5.28).
    pub leader_epoch: LeaderEpoch,
}

/// All that a client may learn of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartitionDescription {
    /// What every client learns.
    pub metadata: PartitionMetadata,
    /// Its replicas, in order of preference.
    pub replicas: Vec<BrokerId>,
    /// Those in sync.
    pub isr: Vec<BrokerId>,
    /// Eligible leader replicas.
    pub elr: Vec<BrokerId>,
    /// Those whose brokers are fenced.
    pub offline: Vec<BrokerId>,
}

/// See [`ControllerRequest::BrokerRegistration`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BrokerRegistrationRequest {
    /// The broker.
    pub broker: BrokerId,
    /// Drawn anew by every process.
    pub incarnation: u64,
    /// Its line: which feature levels it supports.
    pub version: KafkaVersion,
    /// The broker epoch of a cleanly ended process before; none otherwise (R5.3).
    pub previous_epoch: Option<BrokerEpoch>,
    /// What lies in directories that have failed, ascending. In Kafka it lists the others.
    pub offline: Arc<[TopicPartition]>,
}

/// See [`ControllerRequest::BrokerHeartbeat`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BrokerHeartbeatRequest {
    /// The broker.
    pub broker: BrokerId,
    /// Its registration.
    pub epoch: BrokerEpoch,
    /// The metadata offset it has applied (exclusive).
    pub metadata_offset: u64,
    /// It is not ready to serve.
    pub want_fence: bool,
    /// It wants to shut down.
    pub want_shutdown: bool,
    /// What lies in directories that have failed, ascending. In Kafka it lists these (KIP-858).
    pub offline: Arc<[TopicPartition]>,
}

/// See [`ControllerResponse::BrokerHeartbeat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeartbeatState {
    /// The broker's reported metadata offset covers its registration.
    pub is_caught_up: bool,
    /// The controller treats it as fenced.
    pub is_fenced: bool,
    /// It may shut down now.
    pub should_shutdown: bool,
}

/// See [`ControllerRequest::AlterPartition`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterPartitionRequest {
    /// The sender.
    pub broker: BrokerId,
    /// Its registration.
    pub epoch: BrokerEpoch,
    /// One proposal per partition.
    pub partitions: Vec<IsrProposal>,
}

/// A proposed in-sync set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IsrProposal {
    /// The partition.
    pub partition: TopicPartition,
    /// The sender's leader epoch.
    pub leader_epoch: LeaderEpoch,
    /// The partition epoch the proposal is built on.
    pub partition_epoch: PartitionEpoch,
    /// Members, each with the broker epoch of its last fetch; UNKNOWN if it never fetched.
    pub isr: Vec<(BrokerId, BrokerEpoch)>,
    /// The leader came by unclean election and has not recovered (R5.21).
    pub recovering: bool,
}

/// The accepted state of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IsrState {
    /// Leader epoch.
    pub leader_epoch: LeaderEpoch,
    /// Partition epoch.
    pub partition_epoch: PartitionEpoch,
    /// Members, ascending.
    pub isr: Vec<BrokerId>,
}
