//! The last rows of the table of facts: who moves between clusters, what brokers lose, what controllers decide.

/// Hands on the rows that come before, and adds those of here.
macro_rules! facts_of_clusters {
    ($then:ident $($before:tt)*) => {
        $then! {
        $($before)*
        /// The application of a group goes over to another cluster, where another group stands for it.
        GroupMoved = "group_moved" at Controller {
            /// The group.
            group: GroupId,
            /// The one that stands for it there.
            to: GroupId,
        }
        /// A broker that is down lost the end of a log, with its power or with its disk.
        TailLost = "tail_lost" at Broker {
            /// The partition.
            partition: TopicPartition,
            /// Log end before.
            from: Offset,
            /// Log end after.
            to: Offset,
            /// With what.
            by: TailLoss,
        }
        /// A controller of several became the active one: it decides from here on.
        ControllerElected = "controller_elected" at Process {
            /// The epoch of the quorum.
            epoch: ControllerEpoch,
        }
        /// A controller is the active one no more; one whose process ends does not say so.
        ControllerResigned = "controller_resigned" at Process {
            /// The epoch in which it was.
            epoch: ControllerEpoch,
        }
        /// A broker, or a controller of several, applied records of the metadata log that are committed.
        MetadataApplied = "metadata_applied" at Process {
            /// The offset of the first.
            offset: Offset,
            /// A checksum of each.
            checksums: Arc<[u32]>,
        }
        /// The log of a replica begins later from here on: what lies below is gone there.
        LogStartMoved = "log_start_moved" at Broker {
            /// The partition.
            partition: TopicPartition,
            /// Where it began.
            from: Offset,
            /// Where it begins.
            to: Offset,
            /// Why.
            why: StartReason,
        }
        /// With eligible leader replicas: the controller changed who may lead when nobody is in sync.
        EligibleChanged = "eligible_changed" at Controller {
            /// The partition.
            partition: TopicPartition,
            /// Numbers of brokers, ascending.
            elr: Arc<[BrokerId]>,
            /// Who led when the last one in sync left; null: nobody.
            last_leader: Option<BrokerId>,
        }
        /// A replica compacted its log: of what lies below `to` the newest record of each key is left there.
        LogCompacted = "log_compacted" at Broker {
            /// The partition.
            partition: TopicPartition,
            /// It had compacted what lies below.
            from: Offset,
            /// It has now.
            to: Offset,
        }
        /// The controller altered settings of a topic: these are what they are from here on.
        TopicAltered = "topic_altered" at Controller {
            /// The topic.
            topic: TopicId,
            /// `min.insync.replicas`.
            min_insync_replicas: u16,
            /// `unclean.leader.election.enable`.
            unclean_leader_election: bool,
        }
        /// The controller gave a partition other replicas, or has begun to.
        ReplicasChanged = "replicas_changed" at Controller {
            /// The partition.
            partition: TopicPartition,
            /// All of its replicas, in order of preference.
            replicas: Arc<[BrokerId]>,
            /// Those that are being added.
            adding: Arc<[BrokerId]>,
        }
        /// A broker is no replica of a partition any more, and deleted its log.
        LogDeleted = "log_deleted" at Broker {
            /// The partition.
            partition: TopicPartition,
        }
        /// A broker goes by altered settings of a topic from here on.
        TopicConfigured = "topic_configured" at Broker {
            /// The topic.
            topic: TopicId,
            /// `min.insync.replicas`.
            min_insync_replicas: u16,
        }
        /// A broker gave up a log directory that it cannot write: what it hosted there is offline on this broker.
        LogDirFailed = "log_dir_failed" at Broker {
            /// Its place in `log.dirs`, from 1.
            dir: u16,
            /// What it hosted there.
            partitions: Arc<[TopicPartition]>,
            /// The broker cannot go on without it, and its process ends.
            halts: bool,
        }
        /// Bytes of a batch on a broker's disk are wrong from here on. A process that runs does not see it.
        LogDamaged = "log_damaged" at Broker {
            /// The partition.
            partition: TopicPartition,
            /// Where the batch begins.
            from: Offset,
            /// Where it ends, exclusive.
            to: Offset,
        }
        /// The controller finalized feature levels: these are what they are from here on.
        FeaturesUpdated = "features_updated" at Controller {
            /// `metadata.version`.
            metadata_version: Arc<str>,
            /// `eligible.leader.replicas.version`.
            eligible_leader_replicas: u16,
        }
        /// A controller refused what an administrator asked for.
        OrderRefused = "order_refused" at Process {
            /// Kafka's name of the request.
            request: Arc<str>,
            /// Why.
            error: ErrorCode,
        }
        /// A controller of several, or a broker of its cluster, has what the metadata log says below an offset as a
        /// whole: it made a snapshot or loaded one.
        MetadataSnapshot = "metadata_snapshot" at Process {
            /// The offset, exclusive.
            offset: Offset,
            /// A checksum of what it says.
            checksum: u32,
            /// It loaded it; else it made it.
            loaded: bool,
        }
        /// An administrator created a topic that was not there, or not any more: it has an id of its own. The second of
        /// a name is `payments@2`.
        TopicCreated = "topic_created" at Controller {
            /// The topic.
            topic: TopicId,
            /// How many partitions it has.
            partitions: u16,
        }
        /// The controller deleted a topic: brokers delete its logs when they hear of it.
        TopicDeleted = "topic_deleted" at Controller {
            /// The topic.
            topic: TopicId,
            /// How many partitions it had.
            partitions: u16,
        }
        }
    };
}
pub(crate) use facts_of_clusters;
