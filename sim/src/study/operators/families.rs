//! The table of metrics: names under which exporters of Kafka are known, what each is, and where it comes from.

use ackproof_reports::openmetrics::Kind;

macro_rules! families {
    ($($variant:ident = $name:literal $kind:ident $help:literal)*) => {
        /// A family of metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Metric { $(#[doc = $help] $variant,)* }

        /// All of them.
        pub(super) const ALL: &[Metric] = &[$(Metric::$variant,)*];

        impl Metric {
            /// Its name without `_total`, what it is, and what it measures.
            pub(super) const fn about(self) -> (&'static str, Kind, &'static str) {
                match self { $(Self::$variant => ($name, Kind::$kind, $help),)* }
            }
        }
    };
}

families! {
    // Prometheus.
    Up = "up" Gauge "Whether the process is up: 1, else 0."
    // kafka-exporter.
    Brokers = "kafka_brokers" Gauge "Brokers that the controller lets serve."
    TopicPartitions = "kafka_topic_partitions" Gauge "Partitions of the topic."
    CurrentOffset = "kafka_topic_partition_current_offset" Gauge "The high watermark of the leader."
    OldestOffset = "kafka_topic_partition_oldest_offset" Gauge "Where the log begins, as far as it is on record."
    InSyncReplicas = "kafka_topic_partition_in_sync_replica" Gauge "Replicas in sync."
    Leader = "kafka_topic_partition_leader" Gauge "The number of the leader; -1: there is none."
    LeaderIsPreferred = "kafka_topic_partition_leader_is_preferred" Gauge "Whether the first leader leads: 1, else 0."
    Replicas = "kafka_topic_partition_replicas" Gauge "Replicas of the partition."
    UnderReplicatedPartition = "kafka_topic_partition_under_replicated_partition" Gauge "Whether a replica is not in sync: 1, else 0."
    GroupOffset = "kafka_consumergroup_current_offset" Gauge "The next offset to read, as it was committed; -1: nothing was."
    GroupOffsetSum = "kafka_consumergroup_current_offset_sum" Gauge "The sum of committed offsets over partitions."
    GroupLag = "kafka_consumergroup_lag" Gauge "From the committed offset to the high watermark; -1: nothing was committed."
    GroupLagSum = "kafka_consumergroup_lag_sum" Gauge "The sum of the lag over partitions."
    GroupMembers = "kafka_consumergroup_members" Gauge "Members that own partitions, as far as they are on record."
    // The JMX exporter, with the rules of its example for Kafka.
    UnderReplicated = "kafka_server_replicamanager_underreplicatedpartitions" Gauge "Partitions that the broker leads and that have a replica out of sync."
    UnderMinIsr = "kafka_server_replicamanager_underminisrpartitioncount" Gauge "Partitions that the broker leads and that have fewer replicas in sync than min.insync.replicas."
    AtMinIsr = "kafka_server_replicamanager_atminisrpartitioncount" Gauge "Partitions that the broker leads and that have as many replicas in sync as min.insync.replicas."
    LeaderCount = "kafka_server_replicamanager_leadercount" Gauge "Partitions that the broker leads."
    PartitionCount = "kafka_server_replicamanager_partitioncount" Gauge "Partitions of which the broker has a replica."
    IsrShrinks = "kafka_server_replicamanager_isrshrinks" Counter "In-sync sets that became smaller under the lead of the broker."
    IsrExpands = "kafka_server_replicamanager_isrexpands" Counter "In-sync sets that became larger under the lead of the broker."
    MessagesIn = "kafka_server_brokertopicmetrics_messagesin" Counter "Records of applications that the broker appended as leader."
    BytesIn = "kafka_server_brokertopicmetrics_bytesin" Counter "Bytes of these records, without what batches add."
    FailedProduce = "kafka_server_brokertopicmetrics_failedproducerequests" Counter "Batches that the broker refused for want of replicas in sync."
    TotalTime = "kafka_network_requestmetrics_totaltimems" Summary "Milliseconds from the send of a record to its acknowledgement, seen by producers: over a minute."
    OfflinePartitions = "kafka_controller_kafkacontroller_offlinepartitionscount" Gauge "Partitions without a leader."
    ActiveController = "kafka_controller_kafkacontroller_activecontrollercount" Gauge "1 at the controller that decides; of several, 0 at the others."
    ActiveBrokers = "kafka_controller_kafkacontroller_activebrokercount" Gauge "Brokers that the controller lets serve."
    FencedBrokers = "kafka_controller_kafkacontroller_fencedbrokercount" Gauge "Brokers that the controller has fenced."
    GlobalPartitions = "kafka_controller_kafkacontroller_globalpartitioncount" Gauge "Partitions of the cluster."
    PreferredImbalance = "kafka_controller_kafkacontroller_preferredreplicaimbalancecount" Gauge "Partitions that another than their first leader leads."
    UncleanElections = "kafka_controller_controllerstats_uncleanleaderelections" Counter "Leaders from outside the in-sync set."
    // Clients of Java, by the JMX exporter without rules.
    RecordSend = "kafka_producer_producer_metrics_record_send" Counter "Records that the application sent."
    RecordError = "kafka_producer_producer_metrics_record_error" Counter "Records whose send failed."
    RecordRetry = "kafka_producer_producer_metrics_record_retry" Counter "Batches that were sent again. Kafka counts their records."
    LatencyAvg = "kafka_producer_producer_metrics_request_latency_avg" Gauge "Milliseconds from the send of a record to its acknowledgement: the mean over a minute."
    LatencyMax = "kafka_producer_producer_metrics_request_latency_max" Gauge "The same: the longest within a minute."
    RecordsConsumed = "kafka_consumer_consumer_fetch_manager_metrics_records_consumed" Counter "Records that poll returned."
    RecordsLagMax = "kafka_consumer_consumer_fetch_manager_metrics_records_lag_max" Gauge "From what poll returned to the high watermark: the partition that is furthest behind."
    AssignedPartitions = "kafka_consumer_consumer_coordinator_metrics_assigned_partitions" Gauge "Partitions that the member owns."
    Rebalances = "kafka_consumer_consumer_coordinator_metrics_rebalance" Counter "Assignments that the member got."
    Commits = "kafka_consumer_consumer_coordinator_metrics_commit" Counter "Commits that were acknowledged."
}

/// Names under which samples can stand, as rules ask for them.
pub(super) fn sample_names() -> impl Iterator<Item = String> {
    ALL.iter().flat_map(|metric| {
        let (name, kind, _) = metric.about();
        let suffixes: &[&str] = match kind {
            Kind::Counter => &["_total"],
            Kind::Gauge => &[""],
            Kind::Summary => &["", "_count", "_sum"],
        };
        suffixes.iter().map(move |suffix| format!("{name}{suffix}"))
    })
}
