//! The table of facts. A fact is written down here, or below in `clusters`, and nowhere else.

mod clusters;

pub(crate) use clusters::facts_of_clusters;

/// Calls the macro `then` with every fact of the history: its variant of [`Event`](crate::history::Event), its
/// kind, its line, and the line's reader, writer and schema follow.
/// A row says the variant, its name in lines, where it happens (`jsonl::lines::Place`) and its fields. How a
/// line shows a type stands in `jsonl/fields.rs`; after `as` stands another way than the usual one.
/// `#[serde(…)]` says what a line may leave out. After `+` stand parts of a field that a line shows beside it.
/// The last rows stand in `facts/clusters.rs`.
macro_rules! facts {
    ($then:ident) => {
        crate::history::facts_of_clusters! { $then
        /// A part of the run began.
        Phase = "phase" at Controller (
            /// `load`: work and faults; `settle`: no faults; `final_read`: all logs are read; `end`: it is over.
            phase: crate::history::Phase,
        )
        /// A fault took effect.
        FaultStarted = "fault_started" at Controller {
            /// Its number.
            fault: u32,
            /// The process it hit.
            #[serde(default)]
            target: Option<NodeId>,
            /// What it does, in words.
            text: Arc<str>,
        }
        /// A fault ended.
        FaultEnded = "fault_ended" at Controller {
            /// Its number.
            fault: u32,
        }
        /// The process started.
        ProcessStarted = "process_started" at Process
        /// The process ended.
        ProcessEnded = "process_ended" at Process (
            /// Killed, or by itself in good order.
            how: ProcessEnd,
        )
        /// A message came that this process did not ask for or does not answer. It ended the connection.
        Misplaced = "misplaced" at Process {
            /// Kafka's name of the request, or of what is answered.
            api: Arc<str>,
        }
        /// The application called `send`, which waits for metadata or memory; `sent` or `rejected` follows.
        SendBlocked = "send_blocked" at Sender {
            /// The record.
            record: Record,
        }
        /// The application called `send`.
        Sent = "sent" at Sender {
            /// The record: `billing-0#117`.
            record: Record,
            /// Where to: `payments-0`.
            #[serde(default)]
            partition: Option<TopicPartition>,
        } + record {
            /// Its key, as a number.
            #[serde(default)]
            key: Option<u32>,
            /// Its size in bytes.
            #[serde(default)]
            size: u32,
        }
        /// `send` failed at once: certainly not written.
        Rejected = "rejected" at Sender {
            /// The record.
            record: Record,
            /// Why.
            error: ErrorCode,
        }
        /// Records were acknowledged.
        Acked = "acked" at Sender {
            /// The partition.
            partition: TopicPartition,
            /// Offset of the first record; −1 with `acks=0`.
            base_offset: Offset as MaybeUnknown,
            /// The broker that answered, by its number.
            #[serde(default)]
            by: Option<BrokerId>,
            /// The records, at consecutive offsets.
            records: RecordSlice as Outcome,
        }
        /// Sends of records failed.
        Failed = "failed" at Sender {
            /// The partition.
            #[serde(default)]
            partition: Option<TopicPartition>,
            /// The records.
            records: RecordSlice as Outcome,
            /// The last error.
            error: ErrorCode,
            /// Some attempt may have been written: true unless it is certain that none was.
            maybe_written: bool,
        }
        /// A batch is sent again.
        Retried = "retried" at Sender {
            /// The partition.
            partition: TopicPartition,
            /// Its first record.
            first: Record,
            /// Why.
            error: ErrorCode,
        }
        /// An idempotent producer raised its epoch by itself, or may have.
        ProducerEpochBumped = "producer_epoch_bumped" at Process {
            /// The partition that asked for it.
            partition: TopicPartition,
        }
        /// A member got partitions.
        Assigned = "assigned" at Process {
            /// The group.
            group: GroupId,
            /// The member, as a number.
            #[serde(default)]
            member: MemberId,
            /// The generation; left out: not known.
            #[serde(default)]
            generation: GenerationId as MaybeUnknown,
            /// All partitions that it has now, ascending.
            partitions: Arc<[TopicPartition]>,
        }
        /// A member gave partitions back in good order.
        Revoked = "revoked" at Process {
            /// The group.
            group: GroupId,
            /// The member, as a number.
            #[serde(default)]
            member: MemberId,
            /// The partitions, ascending.
            partitions: Arc<[TopicPartition]>,
        }
        /// A member learned that partitions were taken from it.
        Lost = "lost" at Process {
            /// The group.
            group: GroupId,
            /// The member, as a number.
            #[serde(default)]
            member: MemberId,
            /// The partitions, ascending.
            partitions: Arc<[TopicPartition]>,
        }
        /// A member found its position.
        Positioned = "positioned" at Process {
            /// The group.
            group: GroupId,
            /// The partition.
            partition: TopicPartition,
            /// The next offset it reads.
            offset: Offset,
            /// How.
            source: PositionSource,
        }
        /// `poll` returned records of one partition.
        Polled = "polled" at Process {
            /// The group.
            group: GroupId,
            /// The partition.
            partition: TopicPartition,
            /// Offset of the first.
            base_offset: Offset,
            /// The records, at consecutive offsets.
            records: RecordSlice,
        }
        /// The application finished a record.
        Processed = "processed" at Process {
            /// The group.
            group: GroupId,
            /// The partition.
            partition: TopicPartition,
            /// Its offset.
            offset: Offset,
            /// The record.
            record: Record,
            /// It was put aside after too many failures.
            #[serde(default)]
            dead_lettered: bool,
        }
        /// A commit was sent.
        CommitSent = "commit_sent" at Process {
            /// The group.
            group: GroupId,
            /// The next offset to read, by partition.
            offsets: Arc<[(TopicPartition, Offset)]>,
        }
        /// A commit was acknowledged.
        Committed = "committed" at Process {
            /// The group.
            group: GroupId,
            /// The next offset to read, by partition.
            offsets: Arc<[(TopicPartition, Offset)]>,
        }
        /// A commit failed.
        CommitFailed = "commit_failed" at Process {
            /// The group.
            group: GroupId,
            /// The next offset to read, by partition.
            offsets: Arc<[(TopicPartition, Offset)]>,
            /// Why.
            error: ErrorCode,
            /// It may have taken effect: true unless it is certain that it did not.
            maybe_written: bool,
        }
        /// A replica appended a batch.
        Appended = "appended" at Broker {
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
        }
        /// A replica cut its log.
        Truncated = "truncated" at Broker {
            /// The partition.
            partition: TopicPartition,
            /// Log end before.
            from: Offset,
            /// Log end after.
            to: Offset,
        }
        /// A leader's high watermark rose.
        HighWatermark = "high_watermark" at Broker {
            /// The partition.
            partition: TopicPartition,
            /// The leadership.
            epoch: LeaderEpoch,
            /// Exclusive.
            offset: Offset,
        }
        /// A broker took the lead.
        BecameLeader = "became_leader" at Broker {
            /// The partition.
            partition: TopicPartition,
            /// The leadership.
            epoch: LeaderEpoch,
            /// Its log end.
            log_end: Offset,
            /// Its high watermark.
            high_watermark: Offset,
        }
        /// A broker began to follow.
        BecameFollower = "became_follower" at Broker {
            /// The partition.
            partition: TopicPartition,
            /// The leadership.
            epoch: LeaderEpoch,
            /// Whom, by its number; null: there is no leader.
            leader: Option<BrokerId>,
        }
        /// A leader refused a batch: too few in-sync replicas.
        NotEnoughReplicas = "not_enough_replicas" at Broker {
            /// The partition.
            partition: TopicPartition,
            /// In sync.
            isr: u16,
        }
        /// A leader recognised a batch that it has.
        DuplicateBatch = "duplicate_batch" at Broker {
            /// The partition.
            partition: TopicPartition,
            /// Where it is.
            base_offset: Offset,
        }
        /// A broker serves as coordinator of a partition of `__consumer_offsets`.
        CoordinatorLoaded = "coordinator_loaded" at Broker {
            /// The partition.
            partition: TopicPartition,
        }
        /// A join phase ended. With `group.protocol=consumer`: a member came, went or subscribed to something else.
        Rebalanced = "rebalanced" at Controller {
            /// The group.
            group: GroupId,
            /// The new generation, or the new epoch of the group.
            generation: GenerationId,
            /// Number of members.
            members: u16,
            /// What began it; left out: not on record.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<RebalanceReason>,
        }
        /// A static member, or another process with its `group.instance.id`, has the place of the one before.
        MemberReplaced = "member_replaced" at Controller {
            /// The group.
            group: GroupId,
            /// The member before.
            before: MemberId,
            /// The member in its place.
            member: MemberId,
        }
        /// A broker opened its ports.
        BrokerStarted = "broker_started" at Broker
        /// The controller chose a leader.
        LeaderElected = "leader_elected" at Controller {
            #[doc = " The partition."] partition: TopicPartition,
            /// By its number; null: offline.
            leader: Option<BrokerId>,
            /// The leadership.
            epoch: LeaderEpoch,
            /// Numbers of brokers, ascending.
            isr: Arc<[BrokerId]>,
            /// From outside the in-sync set.
            unclean: bool,
        }
        /// The controller changed an in-sync set and kept the leader.
        IsrChanged = "isr_changed" at Controller {
            #[doc = " The partition."] partition: TopicPartition,
            /// Numbers of brokers, ascending.
            before: Arc<[BrokerId]>,
            /// Numbers of brokers, ascending.
            isr: Arc<[BrokerId]>,
        }
        /// The controller fenced a broker.
        Fenced = "fenced" at Controller {
            /// Its number.
            broker: BrokerId,
        }
        /// The controller let a broker serve.
        Unfenced = "unfenced" at Controller {
            /// Its number.
            broker: BrokerId,
        }
        /// The final read of a partition returned records.
        FinalRead = "final_read" at Controller {
            #[doc = " The partition."] partition: TopicPartition,
            /// Offset of the first.
            base_offset: Offset,
            /// The records, at consecutive offsets.
            records: RecordSlice,
        }
        /// The final read of a partition is complete.
        FinalReadDone = "final_read_done" at Controller {
            #[doc = " The partition."] partition: TopicPartition,
            /// Where the log starts.
            start: Offset,
            /// One past the last offset that can be read.
            end: Offset,
        }
        /// The final read of a partition is answered by this leadership from here on.
        FinalReadBy = "final_read_by" at Controller {
            #[doc = " The partition."] partition: TopicPartition,
            /// Who answers, by its number.
            broker: BrokerId,
            /// The epoch under which it was asked.
            epoch: LeaderEpoch,
        }
        /// With `group.protocol=consumer`: a member was removed, or left, and its application may not know.
        MemberFenced = "member_fenced" at Controller {
            /// The group.
            group: GroupId,
            /// The member.
            member: MemberId,
            /// The epoch of the group by then: the member has no later one.
            generation: GenerationId,
        }
        /// With `group.protocol=consumer`: the member said that it does not own these partitions, or not yet.
        PartitionsReleased = "partitions_released" at Controller {
            /// The group.
            group: GroupId,
            /// The member.
            member: MemberId,
            /// The epoch of the group by then.
            generation: GenerationId,
            /// The partitions, ascending.
            partitions: Arc<[TopicPartition]>,
        }
        /// `poll()` threw, and the application closes its consumer.
        PollFailed = "poll_failed" at Process {
            /// The group.
            group: GroupId,
            /// What the coordinator answered.
            error: ErrorCode,
        }
        /// A coordinator wrote that committed offsets are no more: `offsets.retention.minutes` were over.
        OffsetsExpired = "offsets_expired" at Broker {
            /// The group.
            group: GroupId,
            /// The partitions, ascending.
            partitions: Arc<[TopicPartition]>,
        }
        /// A coordinator wrote that a group is no more. One of its name numbers its generations anew.
        GroupDeleted = "group_deleted" at Broker {
            /// The group.
            group: GroupId,
        }
        /// The application ends without flush; these never left the producer's buffer: certainly not written.
        Unsent = "unsent" at Sender {
            /// The records.
            records: RecordSlice as Outcome,
        }
        /// The work on a record, which is done, came to the sink of the group.
        SinkWritten = "sink_written" at Process {
            /// The group.
            group: GroupId,
            #[doc = " The partition."] partition: TopicPartition,
            /// Its offset.
            offset: Offset,
            /// The record.
            record: Record,
            /// The sink recognised it, or holds something newer: nothing changed.
            #[serde(default)]
            ignored: bool,
        }
        /// The controller gave a topic more partitions than the header has.
        PartitionsAdded = "partitions_added" at Controller {
            /// The topic.
            topic: TopicId,
            /// How many it has from here on.
            partitions: u16,
        }
        /// How busy a broker was in the part of the run that ends, where requests take time.
        BrokerLoad = "broker_load" at Broker {
            /// The longest time in which a request waited for a thread, in microseconds.
            queue_us: u64,
            /// Of the time of all request handlers, millionths in which they worked or waited for the disk.
            handlers_ppm: u32,
            /// The longest time in which the disk had other work to do first, in microseconds.
            disk_queue_us: u64,
            /// Of the time, millionths in which the disk worked.
            disk_ppm: u32,
        }
        /// The application is done with a record that it has not processed: it skipped it, or threw it away.
        GaveUp = "gave_up" at Process {
            /// The group.
            group: GroupId,
            #[doc = " The partition."] partition: TopicPartition,
            /// Its offset.
            offset: Offset,
            /// The record.
            record: Record,
        }
        /// A leader sent a member to a follower in its rack, which it reads from next (KIP-392).
        FollowerChosen = "follower_chosen" at Process {
            #[doc = " The group."] group: GroupId,
            #[doc = " The partition."] partition: TopicPartition,
            #[doc = " The follower, by its number."] broker: BrokerId,
        }
        /// A group that produces made a record of one that it is done with, and calls `send` for it.
        Derived = "derived" at Process {
            #[doc = " The group."] group: GroupId,
            #[doc = " The partition that it read."] partition: TopicPartition,
            #[doc = " The offset there."] offset: Offset,
            #[doc = " The record there."] record: Record,
            #[doc = " What it made of it."] output: Record,
        }
        /// An application did not poll for `max.poll.interval.ms`: its member left, or joins again if static.
        PollOverdue = "poll_overdue" at Process {
            /// The group.
            group: GroupId,
        }
        }
    };
}
pub(crate) use facts;
