//! Facts that machines put on record, which the driver stamps with time and node. They are never fed back.
use ackproof_types::{
    BrokerEpoch, BrokerId, ControllerEpoch, ErrorCode, Features, GenerationId, GroupId,
    LeaderEpoch, LogDir, MemberId, Offset, RebalanceReason, Record, RecordSlice, TopicId,
    TopicPartition,
};
use std::sync::Arc;

mod reasons;
pub use reasons::{PositionSource, SnapshotFact, StartReason};

/// One fact. The observing process is known to the driver.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Observation {
    /// A message came to somebody who does not answer it, or did not ask for it; the connection is closed. Its name
    /// is Kafka's, of the request or of what is answered.
    Misplaced(&'static str),
    /// A producer's application called `send`, which waits for metadata or memory (`max.block.ms`).
    SendBlocked {
        /// The record.
        record: Record,
    },
    /// A producer's application called `send` and the partitioner chose.
    Sent {
        /// The record.
        record: Record,
        /// Where to.
        partition: TopicPartition,
    },
    /// `send` failed before a partition was chosen (`max.block.ms`, record too large): certainly not written.
    Rejected {
        /// The record.
        record: Record,
        /// Why.
        error: ErrorCode,
    },
    /// The futures of a batch succeeded.
    Acked {
        /// The partition.
        partition: TopicPartition,
        /// Offset of the first record; UNKNOWN with `acks=0`.
        base_offset: Offset,
        /// Who answered.
        by: BrokerId,
        /// The records, at consecutive offsets.
        records: RecordSlice,
    },
    /// The futures of a batch failed.
    Failed {
        /// The partition.
        partition: TopicPartition,
        /// The records.
        records: RecordSlice,
        /// The last error.
        error: ErrorCode,
        /// Some attempt may have been written (R4.12): the outcome is unknown, not absent.
        maybe_written: bool,
    },
    /// A producer's application ends its process without flush: these records never left the buffer.
    Unsent {
        /// The records.
        records: RecordSlice,
    },
    /// A producer sends a batch again.
    Retried {
        /// The partition.
        partition: TopicPartition,
        /// The first record.
        first: Record,
        /// Why the attempt before failed.
        error: ErrorCode,
    },
    /// An idempotent producer raised its epoch by itself (R6.19).
    ProducerEpochBumped {
        /// The partition that asked for it.
        partition: TopicPartition,
    },
    /// A member got its partitions of a generation.
    Assigned {
        /// The group.
        group: GroupId,
        /// The member.
        member: MemberId,
        /// The generation.
        generation: GenerationId,
        /// Its partitions, ascending.
        partitions: Arc<[TopicPartition]>,
    },
    /// A member gave its partitions back in good order.
    Revoked {
        /// The group.
        group: GroupId,
        /// The member.
        member: MemberId,
        /// What it gave back.
        partitions: Arc<[TopicPartition]>,
    },
    /// A member learned that its partitions were taken from it (R9.26).
    Lost {
        /// The group.
        group: GroupId,
        /// The member.
        member: MemberId,
        /// What it lost.
        partitions: Arc<[TopicPartition]>,
    },
    /// A member found its position on a newly assigned partition, or lost and found it again.
    Positioned {
        /// The group.
        group: GroupId,
        /// The partition.
        partition: TopicPartition,
        /// The next offset it will read.
        offset: Offset,
        /// How it was found.
        source: PositionSource,
    },
    /// `poll` returned records of one partition.
    Polled {
        /// The group.
        group: GroupId,
        /// The partition.
        partition: TopicPartition,
        /// Offset of the first record.
        base_offset: Offset,
        /// The records, at consecutive offsets.
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
        /// It gave up on it and put it aside.
        dead_lettered: bool,
    },
    /// A commit was sent.
    CommitSent {
        /// The group.
        group: GroupId,
        /// Partitions and the next offset to read of each.
        offsets: Arc<[(TopicPartition, Offset)]>,
    },
    /// A commit was acknowledged.
    Committed {
        /// The group.
        group: GroupId,
        /// Partitions and the next offset to read of each.
        offsets: Arc<[(TopicPartition, Offset)]>,
    },
    /// The application is done with a record that it has not processed.
    GaveUp {
        /// The group.
        group: GroupId,
        /// The partition.
        partition: TopicPartition,
        /// Its offset.
        offset: Offset,
        /// The record.
        record: Record,
    },
    /// The application made a record of one that it is done with, and calls `send` for it.
    Derived {
        /// The group.
        group: GroupId,
        /// The partition.
        partition: TopicPartition,
        /// The offset of the record that it read.
        offset: Offset,
        /// That record.
        record: Record,
        /// What it made of it.
        output: Record,
    },
    /// A commit was refused or is unknown.
    CommitFailed {
        /// The group.
        group: GroupId,
        /// Partitions and the next offset to read of each.
        offsets: Arc<[(TopicPartition, Offset)]>,
        /// Why.
        error: ErrorCode,
        /// It may still take effect (R9.4).
        maybe_written: bool,
    },
    /// A replica appended a batch, as leader or as follower.
    Appended {
        /// The partition.
        partition: TopicPartition,
        /// The epoch stamped on the batch.
        epoch: LeaderEpoch,
        /// Offset of the first record.
        base_offset: Offset,
        /// One past the last offset: a coordinator's batch has offsets, but no records here.
        next_offset: Offset,
        /// The application's records.
        records: RecordSlice,
        /// As leader.
        as_leader: bool,
    },
    /// A replica cut its log.
    Truncated {
        /// The partition.
        partition: TopicPartition,
        /// The log end before.
        from: Offset,
        /// The log end after.
        to: Offset,
    },
    /// A leader's high watermark rose.
    HighWatermark {
        /// The partition.
        partition: TopicPartition,
        /// The leadership.
        epoch: LeaderEpoch,
        /// The new value.
        offset: Offset,
    },
    /// A broker took the lead of a partition.
    BecameLeader {
        /// The partition.
        partition: TopicPartition,
        /// Its leadership.
        epoch: LeaderEpoch,
        /// Its log end.
        log_end: Offset,
        /// Its high watermark, often behind the true one (R2.20).
        high_watermark: Offset,
    },
    /// A broker began to follow.
    BecameFollower {
        /// The partition.
        partition: TopicPartition,
        /// The leadership it follows.
        epoch: LeaderEpoch,
        /// The leader, if there is one.
        leader: Option<BrokerId>,
    },
    /// A leader turned a produce request away: too few in-sync replicas.
    NotEnoughReplicas {
        /// The partition.
        partition: TopicPartition,
        /// Members of its in-sync set.
        isr: u16,
    },
    /// A leader recognised a batch that it has (R6.30).
    DuplicateBatch {
        /// The partition.
        partition: TopicPartition,
        /// Where the batch is.
        base_offset: Offset,
    },
    /// A broker serves as coordinator of a partition of `__consumer_offsets` from here on.
    CoordinatorLoaded {
        /// The partition.
        partition: TopicPartition,
    },
    /// A join phase ended; in a consumer group, a member came, went or subscribed to something else (R9.31).
    Rebalanced {
        /// The group.
        group: GroupId,
        /// The new generation, or the new epoch of the group.
        generation: GenerationId,
        /// Its number of members.
        members: u16,
        /// What began it.
        reason: RebalanceReason,
    },
    /// The coordinator of a consumer group removed a member, or it left, maybe for the time being (R9.29, R9.33).
    MemberFenced {
        /// The group.
        group: GroupId,
        /// The member.
        member: MemberId,
        /// The epoch of the group by then: the member has no later one.
        generation: GenerationId,
    },
    /// `poll()` throws, and the application closes its consumer.
    PollFailed {
        /// The group.
        group: GroupId,
        /// What the coordinator answered.
        error: ErrorCode,
    },
    /// The application of a member did not poll for `max.poll.interval.ms`: its client leaves its group (R9.35).
    PollOverdue {
        /// The group.
        group: GroupId,
    },
    /// The coordinator may give these partitions to others: the member does not own them (yet) (R9.32, R9.33).
    PartitionsReleased {
        /// The group.
        group: GroupId,
        /// The member.
        member: MemberId,
        /// The epoch of the group by then.
        generation: GenerationId,
        /// The partitions.
        partitions: Arc<[TopicPartition]>,
    },
    /// A static member came back, or another process with its `group.instance.id` (R9.14).
    MemberReplaced {
        /// The group.
        group: GroupId,
        /// The member before, which is fenced.
        before: MemberId,
        /// The member in its place.
        member: MemberId,
    },
    /// A coordinator wrote that committed offsets are no more: their time was over (R9.37).
    OffsetsExpired {
        /// The group.
        group: GroupId,
        /// The partitions, ascending.
        partitions: Arc<[TopicPartition]>,
    },
    /// A coordinator wrote that a group is no more: it has neither members nor offsets (R9.37).
    GroupDeleted {
        /// The group.
        group: GroupId,
    },
    /// A broker opened its ports.
    BrokerStarted {
        /// Its registration.
        epoch: BrokerEpoch,
    },
    /// A leader sent a consumer to a follower in its rack, which it reads from next (KIP-392).
    FollowerChosen {
        /// Its group.
        group: GroupId,
        /// The partition.
        partition: TopicPartition,
        /// The follower.
        broker: BrokerId,
    },
    /// A topic has so many partitions from here on, the new ones last.
    PartitionsAdded {
        /// The topic.
        topic: TopicId,
        /// Its partitions, all told.
        partitions: u16,
    },
    /// The controller deleted a topic of so many partitions.
    TopicDeleted(TopicId, u16),
    /// It created one, for an administrator.
    TopicCreated(TopicId, u16),
    /// The controller altered settings of a topic.
    TopicAltered {
        /// The topic.
        topic: TopicId,
        /// `min.insync.replicas` from here on.
        min_insync_replicas: u16,
        /// `unclean.leader.election.enable` from here on.
        unclean_leader_election: bool,
    },
    /// The controller gave a partition other replicas, or has begun to.
    ReplicasChanged {
        /// The partition.
        partition: TopicPartition,
        /// All of them, in order of preference.
        replicas: Arc<[BrokerId]>,
        /// Those that are being added.
        adding: Arc<[BrokerId]>,
    },
    /// This broker is no replica of a partition any more, and deleted its log.
    LogDeleted(TopicPartition),
    /// The controller finalized feature levels.
    FeaturesUpdated(Features),
    /// This process made a snapshot of the metadata log, or loaded one (KIP-630).
    MetadataSnapshot(SnapshotFact),
    /// This controller refused a request of an administrator, by Kafka's name of it. Nobody asks again.
    OrderRefused(&'static str, ErrorCode),
    /// This broker goes by altered settings of a topic from here on.
    TopicConfigured {
        /// The topic.
        topic: TopicId,
        /// `min.insync.replicas`.
        min_insync_replicas: u16,
    },
    /// The controller chose a leader, or found none.
    LeaderElected {
        /// The partition.
        partition: TopicPartition,
        /// The leader; none: offline.
        leader: Option<BrokerId>,
        /// Its epoch.
        epoch: LeaderEpoch,
        /// The in-sync set, ascending.
        isr: Arc<[BrokerId]>,
        /// From outside the in-sync set (R5.21).
        unclean: bool,
    },
    /// The controller changed an in-sync set without changing the leader.
    IsrChanged {
        /// The partition.
        partition: TopicPartition,
        /// The set before, ascending.
        before: Arc<[BrokerId]>,
        /// The set from here on, ascending.
        isr: Arc<[BrokerId]>,
    },
    /// The controller changed who may lead when nobody is in sync (R5.25).
    EligibleChanged {
        /// The partition.
        partition: TopicPartition,
        /// The eligible replicas from here on, ascending.
        elr: Arc<[BrokerId]>,
        /// Who led when the last one in sync left.
        last_leader: Option<BrokerId>,
    },
    /// The controller fenced a broker.
    Fenced {
        /// Which.
        broker: BrokerId,
    },
    /// The controller let a broker serve.
    Unfenced {
        /// Which.
        broker: BrokerId,
    },
    /// What the controllers have decided is committed, told by one of several: each tells it when it hears of it.
    Decided {
        /// The offset in the metadata log.
        offset: u64,
        /// What.
        fact: Box<Self>,
    },
    /// A controller became the active one, in this epoch.
    ControllerElected(ControllerEpoch),
    /// A controller is the active one of this epoch no more.
    ControllerResigned(ControllerEpoch),
    /// A process applied records of the metadata log.
    MetadataApplied {
        /// The offset of the first.
        offset: u64,
        /// A checksum of each.
        checksums: Arc<[u32]>,
    },
    /// The final read of a partition returned records.
    FinalRead {
        /// The partition.
        partition: TopicPartition,
        /// Offset of the first record.
        base_offset: Offset,
        /// The records, at consecutive offsets.
        records: RecordSlice,
    },
    /// The final read of a partition is complete.
    FinalReadDone {
        /// The partition.
        partition: TopicPartition,
        /// The log start.
        start: Offset,
        /// One past the last offset read: the high watermark.
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
    /// A replica compacted its log: below `to` the newest record of each key is left.
    LogCompacted {
        /// The partition.
        partition: TopicPartition,
        /// It had compacted what lies below.
        from: Offset,
        /// It has now.
        to: Offset,
    },
    /// The log of a replica begins later from here on.
    LogStartMoved {
        /// The partition.
        partition: TopicPartition,
        /// Where it began.
        from: Offset,
        /// Where it begins.
        to: Offset,
        /// Why.
        why: StartReason,
    },
    /// A broker gave up a log directory that it cannot write (KIP-112).
    LogDirFailed {
        /// Which.
        dir: LogDir,
        /// What it hosted there.
        partitions: Arc<[TopicPartition]>,
        /// It cannot go on without, and its process ends.
        halts: bool,
    },
}
