//! The history: what happened in a run, in one total order.
//!
//! An [`Entry`] is a fact with its place in the order, its simulated time and the process it happened
//! at. Client-edge facts (`Sent`, `Acked`, `Polled`, `Processed`, `Committed`, …) decide verdicts about
//! delivery; facts from inside the brokers (`Appended`, `HighWatermark`, …) let properties of
//! replication be judged and stories be told. Order is by [`Entry::seq`], never by time.

use ackproof_types::{
    BrokerId, ErrorCode, GenerationId, GroupId, LeaderEpoch, MemberId, NodeId, Offset,
    RebalanceReason, Record, RecordSlice, Timestamp, TopicPartition,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its place in the total order, from 0, without gaps.
    pub seq: u64,
    /// When, in simulated time. Never decreases.
    pub at: Timestamp,
    /// The process it happened at.
    pub node: NodeId,
    /// What.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A part of the run began.
    Phase(Phase),
    /// A fault took effect.
    FaultStarted {
        /// Its index in the schedule.
        fault: u32,
        /// The process it hit, where it hit one.
        target: Option<NodeId>,
        /// What it does and to whom: `broker-2 crashed (leader of payments-0) for 20s`.
        text: Arc<str>,
    },
    /// A fault ended.
    FaultEnded {
        /// Its index in the schedule.
        fault: u32,
    },
    /// The process at this node started.
    ProcessStarted,
    /// The process at this node ended.
    ProcessEnded(ProcessEnd),

    /// The application called `send`, which waits for metadata or memory: `Sent` or `Rejected` follows.
    SendBlocked {
        /** The record. */
        record: Record,
    },
    /// The application called `send` and the partitioner chose.
    Sent {
        /** The record. */
        record: Record,
        /** Where to; none: not on record. */
        partition: Option<TopicPartition>,
    },
    /// `send` failed at once: certainly not written.
    Rejected {
        /** The record. */
        record: Record,
        /** Why. */
        error: ErrorCode,
    },
    /// The futures of a batch succeeded.
    Acked {
        /// The partition.
        partition: TopicPartition,
        /// Offset of the first record; UNKNOWN with `acks=0`, which promises nothing.
        base_offset: Offset,
        /// The broker that answered; none: not on record.
        by: Option<BrokerId>,
        /// The records, at consecutive offsets.
        records: RecordSlice,
    },
    /// The futures of a batch failed.
    Failed {
        /// The partition; none: not on record.
        partition: Option<TopicPartition>,
        /// The records.
        records: RecordSlice,
        /// The last error.
        error: ErrorCode,
        /// Unknown, not absent: some attempt may have been written.
        maybe_written: bool,
    },
    /// A batch is sent again.
    Retried {
        /// The partition.
        partition: TopicPartition,
        /// Its first record.
        first: Record,
        /// Why.
        error: ErrorCode,
    },
    /// An idempotent producer raised its epoch by itself.
    ProducerEpochBumped {
        /** The partition that asked for it. */
        partition: TopicPartition,
    },

    /// A member got partitions.
    Assigned {
        /// The group.
        group: GroupId,
        /// The member.
        member: MemberId,
        /// The generation.
        generation: GenerationId,
        /// Ascending.
        partitions: Arc<[TopicPartition]>,
    },
    /// A member gave partitions back in good order.
    Revoked {
        /// The group.
        group: GroupId,
        /// The member.
        member: MemberId,
        /// Ascending.
        partitions: Arc<[TopicPartition]>,
    },
    /// A member learned that partitions were taken from it.
    Lost {
        /// The group.
        group: GroupId,
        /// The member.
        member: MemberId,
        /// Ascending.
        partitions: Arc<[TopicPartition]>,
    },
    /// A member found its position.
    Positioned {
        /// The group.
        group: GroupId,
        /// The partition.
        partition: TopicPartition,
        /// The next offset it reads.
        offset: Offset,
        /// How.
        source: PositionSource,
    },
    /// `poll` returned records of one partition, at consecutive offsets.
    Polled {
        /// The group.
        group: GroupId,
        /// The partition.
        partition: TopicPartition,
        /// Offset of the first.
        base_offset: Offset,
        /// The records.
        records: RecordSlice,
    },
    /// The application finished a record.
    Processed {
        /// The group.
        group: GroupId,
        /// The partition.
        partition: TopicPartition,
        /// Its offset.
        offset: Offset,
        /// The record.
        record: Record,
        /// It was put aside after too many failures.
        dead_lettered: bool,
    },
    /// A commit was sent. Offsets are the next to read.
    CommitSent {
        /// The group.
        group: GroupId,
        /// What.
        offsets: Arc<[(TopicPartition, Offset)]>,
    },
    /// A commit was acknowledged.
    Committed {
        /// The group.
        group: GroupId,
        /// What.
        offsets: Arc<[(TopicPartition, Offset)]>,
    },
    /// A commit failed.
    CommitFailed {
        /// The group.
        group: GroupId,
        /// What.
        offsets: Arc<[(TopicPartition, Offset)]>,
        /// Why.
        error: ErrorCode,
        /// Unknown, not absent.
        maybe_written: bool,
    },

    /// A replica (the broker at `node`) appended a batch.
    Appended {
        /// The partition.
        partition: TopicPartition,
        /// The epoch on the batch.
        epoch: LeaderEpoch,
        /// Offset of the first record.
        base_offset: Offset,
        /// One past the last.
        next_offset: Offset,
        /// The application's records; none in a coordinator's batch.
        records: RecordSlice,
        /// As leader, else as follower.
        as_leader: bool,
    },
    /// A replica cut its log.
    Truncated {
        /// The partition.
        partition: TopicPartition,
        /// Log end before.
        from: Offset,
        /// Log end after.
        to: Offset,
    },
    /// A leader's high watermark rose.
    HighWatermark {
        /// The partition.
        partition: TopicPartition,
        /// The leadership.
        epoch: LeaderEpoch,
        /// Exclusive.
        offset: Offset,
    },
    /// A broker took the lead.
    BecameLeader {
        /// The partition.
        partition: TopicPartition,
        /// The leadership.
        epoch: LeaderEpoch,
        /// Its log end.
        log_end: Offset,
        /// Its high watermark.
        high_watermark: Offset,
    },
    /// A broker began to follow.
    BecameFollower {
        /// The partition.
        partition: TopicPartition,
        /// The leadership.
        epoch: LeaderEpoch,
        /// Whom; none: there is no leader.
        leader: Option<BrokerId>,
    },
    /// A leader refused a batch: too few in-sync replicas.
    NotEnoughReplicas {
        /** The partition. */
        partition: TopicPartition,
        /** In sync. */
        isr: u16,
    },
    /// A leader recognised a batch that it has.
    DuplicateBatch {
        /// The partition.
        partition: TopicPartition,
        /// Where it is.
        base_offset: Offset,
    },
    /// A broker serves as coordinator of a partition of `__consumer_offsets`.
    CoordinatorLoaded {
        /** The partition. */
        partition: TopicPartition,
    },
    /// A join phase ended.
    Rebalanced {
        /// The group.
        group: GroupId,
        /// The new generation.
        generation: GenerationId,
        /// Number of members.
        members: u16,
        /// What began it; none: not on record.
        reason: Option<RebalanceReason>,
    },
    /// A broker opened its ports.
    BrokerStarted,
    /// The controller chose a leader.
    LeaderElected {
        /// The partition.
        partition: TopicPartition,
        /// None: offline.
        leader: Option<BrokerId>,
        /// The leadership.
        epoch: LeaderEpoch,
        /// Ascending.
        isr: Arc<[BrokerId]>,
        /// From outside the in-sync set.
        unclean: bool,
    },
    /// The controller changed an in-sync set and kept the leader.
    IsrChanged {
        /// The partition.
        partition: TopicPartition,
        /// Ascending.
        before: Arc<[BrokerId]>,
        /// Ascending.
        isr: Arc<[BrokerId]>,
    },
    /// The controller fenced a broker.
    Fenced {
        /** Which. */
        broker: BrokerId,
    },
    /// The controller let a broker serve.
    Unfenced {
        /** Which. */
        broker: BrokerId,
    },

    /// The final read of a partition returned records, at consecutive offsets.
    FinalRead {
        /// The partition.
        partition: TopicPartition,
        /// Offset of the first.
        base_offset: Offset,
        /// The records.
        records: RecordSlice,
    },
    /// The final read of a partition is complete.
    FinalReadDone {
        /// The partition.
        partition: TopicPartition,
        /// Log start.
        start: Offset,
        /// High watermark: one past the last offset read.
        end: Offset,
    },
    /// The final read of a partition is answered by this leadership from here on.
    FinalReadBy {
        /// The partition.
        partition: TopicPartition,
        /// Who answers.
        broker: BrokerId,
        /// The epoch under which it was asked.
        epoch: LeaderEpoch,
    },
}

/// The parts of a run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Workload and faults.
    Load,
    /// All faults are healed, all processes run; the workload may still end.
    Settle,
    /// The liveness bound is over; every log is read from its start.
    FinalRead,
    /// Over.
    End,
}

/// How a process ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ProcessEnd {
    /// Killed; its page cache survives.
    Crash,
    /// By itself, in good order.
    Clean,
}

/// How a consumer found its position.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PositionSource {
    /// A committed offset.
    Committed,
    /// No committed offset; `auto.offset.reset` = earliest.
    NoCommitEarliest,
    /// No committed offset; `auto.offset.reset` = latest.
    NoCommitLatest,
    /// Out of range; reset to earliest.
    OutOfRangeEarliest,
    /// Out of range; reset to latest.
    OutOfRangeLatest,
    /// The log was cut below the position.
    Truncated,
}

impl PositionSource {
    /// In words, for stories.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::NoCommitEarliest => "no commit, reset to earliest",
            Self::NoCommitLatest => "no commit, reset to latest",
            Self::OutOfRangeEarliest => "out of range, reset to earliest",
            Self::OutOfRangeLatest => "out of range, reset to latest",
            Self::Truncated => "the log was cut",
        }
    }
}
