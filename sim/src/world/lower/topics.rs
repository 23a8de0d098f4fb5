//! Settings of topics: those that they are created with, and those that are altered later.

use super::{bound, number};
use ackproof_kafka::config::{
    CleanupPolicy, Compaction, LogConfig, Timestamps, TopicConfig, TopicSetting,
};
use ackproof_scenario::plan::{Settings, Topic};
use ackproof_types::Micros;

pub(super) fn topic(topic: &Topic) -> TopicConfig {
    let config = &topic.config;
    TopicConfig {
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        min_insync_replicas: topic.min_insync_replicas(),
        unclean_leader_election: config.switch("unclean.leader.election.enable"),
        max_message_bytes: number(config, "max.message.bytes", u32::MAX),
        log: LogConfig {
            segment_bytes: number(config, "segment.bytes", u64::MAX),
            segment_age: segment_age(config),
            flush_messages: bound(config, "flush.messages"),
            flush_age: bound(config, "flush.ms").map(Micros::from_millis),
            retention_time: limit(config, "retention.ms").map(Micros::from_millis),
            retention_bytes: limit(config, "retention.bytes"),
            cleanup: cleanup(config),
            compaction: Compaction {
                min_lag: config.millis("min.compaction.lag.ms"),
                max_lag: bound(config, "max.compaction.lag.ms").map(Micros::from_millis),
                delete_retention: config.millis("delete.retention.ms"),
                ..Compaction::USUAL
            },
            timestamps: timestamps(config),
        },
    }
}

/// Of a log that is compacted, no segment is open for longer than `max.compaction.lag.ms` (Kafka:
/// `LogConfig#maxSegmentMs`).
fn segment_age(config: &Settings) -> Micros {
    let age = config.millis("segment.ms");
    let most = bound(config, "max.compaction.lag.ms").map(Micros::from_millis);
    most.filter(|_| cleanup(config).compacts()).map_or(age, |most| age.min(most))
}

fn timestamps(config: &Settings) -> Timestamps {
    let most = |key| bound(config, key).map(Micros::from_millis);
    match config.word("message.timestamp.type") {
        "LogAppendTime" => Timestamps::LogAppendTime,
        _ => Timestamps::CreateTime {
            before_max: most("message.timestamp.before.max.ms"),
            after_max: most("message.timestamp.after.max.ms"),
        },
    }
}

fn cleanup(config: &Settings) -> CleanupPolicy {
    let policy = config.word("cleanup.policy");
    match (policy.contains("compact"), policy.contains("delete")) {
        (true, true) => CleanupPolicy::CompactAndDelete,
        (true, false) => CleanupPolicy::Compact,
        (false, _) => CleanupPolicy::Delete,
    }
}

/// The limit at `key`; none: -1.
fn limit(config: &Settings, key: &str) -> Option<u64> {
    u64::try_from(config.number(key)).ok()
}

/// What an administrator alters.
pub(crate) fn altered(settings: &Settings) -> impl Iterator<Item = TopicSetting> + '_ {
    settings.0.keys().map(|key| match *key {
        "min.insync.replicas" => TopicSetting::MinInsyncReplicas(number(settings, key, u16::MAX)),
        "unclean.leader.election.enable" => {
            TopicSetting::UncleanLeaderElection(settings.switch(key))
        }
        "max.message.bytes" => TopicSetting::MaxMessageBytes(number(settings, key, u32::MAX)),
        "retention.ms" => {
            TopicSetting::RetentionTime(limit(settings, key).map(Micros::from_millis))
        }
        "retention.bytes" => TopicSetting::RetentionBytes(limit(settings, key)),
        other => unreachable!("{other} is alterable in a scenario but not here"),
    })
}
