//! The one table of Kafka settings that scenarios may use: scope, kind, range, default in each line of
//! Kafka, and whether the models follow them: *modelled*, or accepted without an effect, with the properties
//! that such a setting could break on a real cluster, so that nobody promises what it takes away, or
//! refused. What Kafka has beyond the table breaks no property: [`kafka`] knows it, a file may set it, and it
//! has no effect; [`words`] says so, and [`prose`] what a setting does. The table does not know how settings
//! constrain each other.
//!
//! Sources: §10 and §17.12 of the rules.

pub mod kafka;
mod kinds;
pub mod prose;
#[cfg(test)]
mod tests;
pub mod words;

pub use kinds::{Harm, Kind, Preset, Refusal, Scope, Setting, Standing, Unless};

use ackproof_types::KafkaVersion;

const INT: i64 = i32::MAX as i64;

const fn number(
    scope: Scope,
    key: &'static str,
    unit: &'static str,
    min: i64,
    default: i64,
) -> Setting {
    let kind = Kind::Number { unit, min, max: if default > INT { i64::MAX } else { INT } };
    Setting {
        key,
        scope,
        kind,
        default: Preset::Number(default),
        since: &[],
        standing: Standing::Modelled,
    }
}

const fn switch(scope: Scope, key: &'static str, default: bool) -> Setting {
    Setting {
        key,
        scope,
        kind: Kind::Switch,
        default: Preset::Switch(default),
        since: &[],
        standing: Standing::Modelled,
    }
}

const fn word(
    scope: Scope,
    key: &'static str,
    words: &'static [&'static str],
    default: &'static str,
) -> Setting {
    Setting {
        key,
        scope,
        kind: Kind::Word(words),
        default: Preset::Word(default),
        since: &[],
        standing: Standing::Modelled,
    }
}

/// A number that Kafka reads as one of 64 bits.
const fn long(
    scope: Scope,
    key: &'static str,
    unit: &'static str,
    min: i64,
    default: i64,
) -> Setting {
    let kind = Kind::Number { unit, min, max: i64::MAX };
    Setting { kind, ..number(scope, key, unit, min, default) }
}

/// A number that counts only where it is set.
const fn unset(scope: Scope, key: &'static str, unit: &'static str, min: i64) -> Setting {
    Setting { default: Preset::Unneeded, ..long(scope, key, unit, min, min) }
}

const fn known(scope: Scope, key: &'static str) -> Setting {
    let standing = Standing::Harmless;
    Setting { key, scope, kind: Kind::Anything, default: Preset::Unneeded, since: &[], standing }
}

const fn harmful(scope: Scope, key: &'static str, harm: Harm) -> Setting {
    Setting { standing: Standing::Harmful(harm), ..known(scope, key) }
}

const WEEK_MS: i64 = 604_800_000;

const DAY_MS: i64 = 86_400_000;

const HOUR_MS: i64 = 3_600_000;

/// What a server is.
const ROLES: &[&str] = &["broker", "controller"];

/// Whose time records bear.
const TIMESTAMPS: &[&str] = &["CreateTime", "LogAppendTime"];

const CLEANUP: Kind = Kind::Words(&["compact", "delete"]);

const fn refused(scope: Scope, key: &'static str, refusal: Refusal) -> Setting {
    Setting { standing: Standing::Refused(refusal), ..known(scope, key) }
}

/// There is no producer with transactions in the models: it would run as one without.
const TRANSACTIONS: Refusal = Refusal {
    why: "records are written in transactions, and those of an aborted one are never seen",
    unless: &[],
};

const TIERED: Harm = Harm {
    breaks: &["at-least-once"],
    why: "older records are read from a remote store, and deleted from the brokers' disks",
    unless: Unless::Words(&["false"]),
};

const CONNECTIONS: Harm = Harm {
    breaks: &["recovers"],
    why: "a client too many is refused",
    unless: Unless::Words(&["2147483647"]),
};

const fn interceptors(breaks: &'static [&'static str]) -> Harm {
    let why = "code of its own sees every record first, and may change it or leave it out";
    Harm { breaks, why, unless: Unless::Words(&[""]) }
}

/// Kafka's assignors, by their classes.
const ASSIGNORS: &[&str] = &[
    "org.apache.kafka.clients.consumer.RangeAssignor",
    "org.apache.kafka.clients.consumer.RoundRobinAssignor",
    "org.apache.kafka.clients.consumer.StickyAssignor",
    "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
];

/// Kafka's replica selectors, by their classes.
const SELECTORS: &[&str] =
    &["org.apache.kafka.common.replica.LeaderSelector", RACK_AWARE_REPLICA_SELECTOR];

/// The selector that sends consumers to followers of their rack.
pub const RACK_AWARE_REPLICA_SELECTOR: &str =
    "org.apache.kafka.common.replica.RackAwareReplicaSelector";

const DEFAULT_ASSIGNORS: &str = "org.apache.kafka.clients.consumer.RangeAssignor,\
                                 org.apache.kafka.clients.consumer.CooperativeStickyAssignor";

/// What a coordinator may serve.
const REBALANCE_PROTOCOLS: &[&str] = &["classic", "consumer", "share", "streams"];

/// Kafka's assignors of the coordinator, by their names.
const SERVER_ASSIGNORS: &[&str] = &["uniform", "range"];

use Scope::{Broker, Consumer, Producer, Topic};

/// Settings of a broker that a scenario says in its own words, and that count where a broker's file has them:
/// what a topic is that says nothing.
pub const SHAPES: [&str; 2] = ["default.replication.factor", "num.partitions"];

/// Settings that count only where a scenario says what no file of Kafka's does: figures of a machine, quotas, and
/// what records shrink to.
pub const CONDITIONAL: &[&str] = &[
    "num.io.threads",
    "num.network.threads",
    "queued.max.requests",
    "quota.window.num",
    "quota.window.size.seconds",
    "compression.type",
];

/// Every setting we know.
pub const SETTINGS: &[Setting] = &[
    number(Broker, "replica.lag.time.max.ms", "ms", 1, 30_000),
    number(Broker, "replica.fetch.wait.max.ms", "ms", 0, 500),
    number(Broker, "replica.fetch.min.bytes", "bytes", 0, 1),
    number(Broker, "replica.fetch.max.bytes", "bytes", 1, 1_048_576),
    number(Broker, "replica.fetch.response.max.bytes", "bytes", 1, 10_485_760),
    number(Broker, "replica.fetch.backoff.ms", "ms", 0, 1000),
    number(Broker, "replica.socket.timeout.ms", "ms", 1, 30_000),
    // Unset: the leader.
    Setting {
        kind: Kind::Word(SELECTORS),
        standing: Standing::Modelled,
        ..known(Broker, "replica.selector.class")
    },
    number(Broker, "replica.high.watermark.checkpoint.interval.ms", "ms", 1, 5000),
    number(Broker, "broker.heartbeat.interval.ms", "ms", 1, 2000),
    number(Broker, "broker.session.timeout.ms", "ms", 1, 9000),
    number(Broker, "offsets.commit.timeout.ms", "ms", 1, 5000),
    number(Broker, "offsets.retention.check.interval.ms", "ms", 1, 600_000),
    number(Broker, "offsets.retention.minutes", "minutes", 1, 10_080),
    number(Broker, "producer.id.expiration.ms", "ms", 1, 86_400_000),
    number(Broker, "producer.id.expiration.check.interval.ms", "ms", 1, 600_000),
    number(Broker, "offsets.topic.num.partitions", "", 1, 50),
    number(Broker, "offsets.topic.replication.factor", "", 1, 3),
    number(Broker, "offsets.topic.segment.bytes", "bytes", 1, 104_857_600),
    number(Broker, "group.initial.rebalance.delay.ms", "ms", 0, 3000),
    number(Broker, "group.min.session.timeout.ms", "ms", 1, 6000),
    number(Broker, "group.max.session.timeout.ms", "ms", 1, 1_800_000),
    Setting {
        // -1: the batch closes with the queue of requests (R17.55).
        since: &[(KafkaVersion::V4_2, Preset::Number(-1))],
        ..number(Broker, "group.coordinator.append.linger.ms", "ms", -1, 5)
    },
    // Of groups with `group.protocol=consumer`.
    number(Broker, "group.consumer.session.timeout.ms", "ms", 1, 45_000),
    number(Broker, "group.consumer.min.session.timeout.ms", "ms", 1, 45_000),
    number(Broker, "group.consumer.max.session.timeout.ms", "ms", 1, 60_000),
    number(Broker, "group.consumer.heartbeat.interval.ms", "ms", 1, 5000),
    number(Broker, "group.consumer.min.heartbeat.interval.ms", "ms", 1, 5000),
    number(Broker, "group.consumer.max.heartbeat.interval.ms", "ms", 1, 15_000),
    number(Broker, "group.consumer.assignment.interval.ms", "ms", 0, 1000),
    number(Broker, "group.consumer.min.assignment.interval.ms", "ms", 0, 0),
    number(Broker, "group.consumer.max.assignment.interval.ms", "ms", 0, 15_000),
    Setting {
        kind: Kind::Words(SERVER_ASSIGNORS),
        ..word(Broker, "group.consumer.assignors", SERVER_ASSIGNORS, "uniform,range")
    },
    number(Broker, "unclean.leader.election.interval.ms", "ms", 1, 300_000),
    number(Broker, "controller.quorum.election.timeout.ms", "ms", 1, 1000),
    number(Broker, "controller.quorum.fetch.timeout.ms", "ms", 1, 2000),
    number(Broker, "controller.quorum.election.backoff.max.ms", "ms", 1, 1000),
    number(Broker, "controller.quorum.request.timeout.ms", "ms", 1, 2000),
    number(Broker, "controller.quorum.retry.backoff.ms", "ms", 1, 20),
    long(Broker, "metadata.log.max.record.bytes.between.snapshots", "bytes", 1, 20_971_520),
    long(Broker, "metadata.log.max.snapshot.interval.ms", "ms", 0, 3_600_000),
    long(Broker, "metadata.max.retention.bytes", "bytes", -1, 104_857_600),
    Setting {
        kind: Kind::Words(REBALANCE_PROTOCOLS),
        since: &[(KafkaVersion::V4_1, Preset::Word("classic,consumer,streams"))],
        ..word(
            Broker,
            "group.coordinator.rebalance.protocols",
            REBALANCE_PROTOCOLS,
            "classic,consumer",
        )
    },
    // Only with `cluster.capacity`.
    number(Broker, "num.io.threads", "", 1, 8),
    number(Broker, "num.network.threads", "", 1, 3),
    number(Broker, "queued.max.requests", "", 1, 500),
    // Only with `cluster.quotas`.
    number(Broker, "quota.window.num", "", 1, 11),
    number(Broker, "quota.window.size.seconds", "s", 1, 1),
    // Unset: a broker. With "controller": each controller is one process with a broker.
    Setting {
        kind: Kind::Words(ROLES),
        standing: Standing::Modelled,
        ..known(Broker, "process.roles")
    },
    // Unset: one directory. How many are listed counts, not their names.
    Setting { kind: Kind::Text, standing: Standing::Modelled, ..known(Broker, "log.dirs") },
    // Unset: the first of `log.dirs`.
    Setting { kind: Kind::Text, standing: Standing::Modelled, ..known(Broker, "metadata.log.dir") },
    long(Broker, "log.dir.failure.timeout.ms", "ms", 1, 30_000),
    switch(Broker, "auto.leader.rebalance.enable", true),
    number(Broker, "leader.imbalance.check.interval.seconds", "s", 1, 300),
    // Defaults for topics that do not set their own.
    number(Broker, "socket.receive.buffer.bytes", "bytes", -1, 102_400),
    number(Broker, "min.insync.replicas", "", 1, 1),
    switch(Broker, "unclean.leader.election.enable", false),
    number(Broker, "message.max.bytes", "bytes", 0, 1_048_588),
    number(Broker, "log.segment.bytes", "bytes", 1_048_576, 1_073_741_824),
    long(Broker, "log.flush.interval.messages", "records", 1, i64::MAX),
    unset(Broker, "log.flush.interval.ms", "ms", 0),
    long(Broker, "log.flush.scheduler.interval.ms", "ms", 1, i64::MAX),
    number(Broker, "log.initial.task.delay.ms", "ms", 0, 30_000),
    unset(Broker, "log.roll.ms", "ms", 1),
    number(Broker, "log.roll.hours", "hours", 1, 168),
    long(Broker, "log.retention.bytes", "bytes", -1, -1),
    unset(Broker, "log.retention.ms", "ms", -1),
    unset(Broker, "log.retention.minutes", "minutes", -1),
    number(Broker, "log.retention.hours", "hours", -1, 168),
    long(Broker, "log.retention.check.interval.ms", "ms", 1, 300_000),
    Setting { kind: CLEANUP, ..word(Broker, "log.cleanup.policy", &[], "delete") },
    switch(Broker, "log.cleaner.enable", true),
    long(Broker, "log.cleaner.backoff.ms", "ms", 0, 15_000),
    long(Broker, "log.cleaner.min.compaction.lag.ms", "ms", 0, 0),
    long(Broker, "log.cleaner.max.compaction.lag.ms", "ms", 1, i64::MAX),
    long(Broker, "log.cleaner.delete.retention.ms", "ms", 0, DAY_MS),
    number(Broker, "log.flush.start.offset.checkpoint.interval.ms", "ms", 0, 60_000),
    word(Broker, "log.message.timestamp.type", TIMESTAMPS, "CreateTime"),
    long(Broker, "log.message.timestamp.before.max.ms", "ms", 0, i64::MAX),
    long(Broker, "log.message.timestamp.after.max.ms", "ms", 0, HOUR_MS),
    number(Topic, "min.insync.replicas", "", 1, 1),
    switch(Topic, "unclean.leader.election.enable", false),
    number(Topic, "max.message.bytes", "bytes", 0, 1_048_588),
    number(Topic, "segment.bytes", "bytes", 1_048_576, 1_073_741_824),
    long(Topic, "segment.ms", "ms", 1, WEEK_MS),
    long(Topic, "flush.messages", "records", 1, i64::MAX),
    long(Topic, "flush.ms", "ms", 0, i64::MAX),
    long(Topic, "retention.bytes", "bytes", -1, -1),
    long(Topic, "retention.ms", "ms", -1, WEEK_MS),
    Setting { kind: CLEANUP, ..word(Topic, "cleanup.policy", &[], "delete") },
    long(Topic, "min.compaction.lag.ms", "ms", 0, 0),
    long(Topic, "max.compaction.lag.ms", "ms", 1, i64::MAX),
    long(Topic, "delete.retention.ms", "ms", 0, DAY_MS),
    word(Topic, "message.timestamp.type", TIMESTAMPS, "CreateTime"),
    long(Topic, "message.timestamp.before.max.ms", "ms", 0, i64::MAX),
    long(Topic, "message.timestamp.after.max.ms", "ms", 0, HOUR_MS),
    // `-1` is Kafka's other name for `all`; the plan always says `all`.
    word(Producer, "acks", &["all", "-1", "0", "1"], "all"),
    switch(Producer, "enable.idempotence", true),
    number(Producer, "retries", "", 0, INT),
    number(Producer, "max.in.flight.requests.per.connection", "", 1, 5),
    number(Producer, "linger.ms", "ms", 0, 5),
    number(Producer, "batch.size", "bytes", 0, 16_384),
    Setting {
        kind: Kind::Number { unit: "bytes", min: 0, max: i64::MAX },
        ..number(Producer, "buffer.memory", "bytes", 0, 33_554_432)
    },
    // Of use with `acks=0` only: who waits for answers has few requests in flight. -1: the system decides.
    number(Producer, "send.buffer.bytes", "bytes", -1, 131_072),
    number(Producer, "max.request.size", "bytes", 0, 1_048_576),
    number(Producer, "max.block.ms", "ms", 0, 60_000),
    number(Producer, "request.timeout.ms", "ms", 1, 30_000),
    number(Producer, "delivery.timeout.ms", "ms", 1, 120_000),
    number(Producer, "retry.backoff.ms", "ms", 0, 100),
    number(Producer, "retry.backoff.max.ms", "ms", 0, 1000),
    number(Producer, "metadata.max.age.ms", "ms", 1, 300_000),
    // Only with `compressed_to`.
    word(Producer, "compression.type", &["none", "gzip", "snappy", "lz4", "zstd"], "none"),
    switch(Producer, "partitioner.adaptive.partitioning.enable", true),
    number(Producer, "partitioner.availability.timeout.ms", "ms", 0, 0),
    switch(Producer, "partitioner.ignore.keys", false),
    switch(Consumer, "enable.auto.commit", true),
    number(Consumer, "auto.commit.interval.ms", "ms", 1, 5000),
    Setting {
        kind: Kind::Reset(&["latest", "earliest", "none", "by_duration:PnDTnHnMn.nS"]),
        ..word(Consumer, "auto.offset.reset", &[], "latest")
    },
    word(Consumer, "group.protocol", &["classic", "consumer"], "classic"),
    // Unset: the coordinator chooses.
    Setting {
        kind: Kind::Word(SERVER_ASSIGNORS),
        standing: Standing::Modelled,
        ..known(Consumer, "group.remote.assignor")
    },
    number(Consumer, "session.timeout.ms", "ms", 1, 45_000),
    number(Consumer, "heartbeat.interval.ms", "ms", 1, 3000),
    Setting {
        kind: Kind::Words(ASSIGNORS),
        ..word(Consumer, "partition.assignment.strategy", ASSIGNORS, DEFAULT_ASSIGNORS)
    },
    // `{member}` in it is the number of the member, from 0.
    Setting {
        kind: Kind::Text,
        standing: Standing::Modelled,
        ..known(Consumer, "group.instance.id")
    },
    // In it too; empty: in no rack.
    Setting { kind: Kind::Text, ..word(Consumer, "client.rack", &[], "") },
    number(Consumer, "max.poll.interval.ms", "ms", 1, 300_000),
    number(Consumer, "max.poll.records", "", 1, 500),
    number(Consumer, "fetch.min.bytes", "bytes", 0, 1),
    number(Consumer, "fetch.max.wait.ms", "ms", 0, 500),
    number(Consumer, "fetch.max.bytes", "bytes", 1, 52_428_800),
    number(Consumer, "max.partition.fetch.bytes", "bytes", 1, 1_048_576),
    number(Consumer, "request.timeout.ms", "ms", 1, 30_000),
    number(Consumer, "default.api.timeout.ms", "ms", 1, 60_000),
    number(Consumer, "retry.backoff.ms", "ms", 0, 100),
    number(Consumer, "retry.backoff.max.ms", "ms", 0, 1000),
    number(Consumer, "metadata.max.age.ms", "ms", 1, 300_000),
    known(Broker, "auto.create.topics.enable"),
    known(Broker, "background.threads"),
    known(Broker, "controlled.shutdown.enable"),
    known(Broker, "default.replication.factor"),
    harmful(
        Broker,
        "group.consumer.max.size",
        Harm {
            breaks: &["at-least-once", "recovers"],
            why: "a member too many is refused",
            unless: Unless::Words(&["2147483647"]),
        },
    ),
    harmful(
        Broker,
        "group.consumer.migration.policy",
        Harm {
            breaks: &["at-least-once", "recovers"],
            why: "a group with members may not change its group.protocol",
            unless: Unless::Words(&["bidirectional", "BIDIRECTIONAL"]),
        },
    ),
    known(Broker, "group.coordinator.threads"),
    harmful(
        Broker,
        "group.max.size",
        Harm {
            breaks: &["at-least-once", "recovers"],
            why: "a member too many is refused",
            unless: Unless::Words(&["2147483647"]),
        },
    ),
    harmful(Broker, "max.connections", CONNECTIONS),
    harmful(Broker, "max.connections.per.ip", CONNECTIONS),
    known(Broker, "num.partitions"),
    known(Broker, "num.replica.fetchers"),
    known(Broker, "offset.metadata.max.bytes"),
    harmful(Broker, "remote.log.storage.system.enable", TIERED),
    known(Broker, "request.timeout.ms"),
    known(Broker, "transaction.max.timeout.ms"),
    known(Broker, "transaction.state.log.min.isr"),
    known(Broker, "transaction.state.log.num.partitions"),
    known(Broker, "transaction.state.log.replication.factor"),
    known(Topic, "compression.type"),
    known(Topic, "file.delete.delay.ms"),
    known(Topic, "index.interval.bytes"),
    known(Topic, "min.cleanable.dirty.ratio"),
    known(Topic, "preallocate"),
    harmful(Topic, "remote.storage.enable", TIERED),
    known(Producer, "client.id"),
    known(Producer, "connections.max.idle.ms"),
    known(Producer, "metadata.max.idle.ms"),
    known(Producer, "partitioner.class"),
    known(Producer, "reconnect.backoff.max.ms"),
    known(Producer, "reconnect.backoff.ms"),
    known(Producer, "socket.connection.setup.timeout.ms"),
    known(Producer, "transaction.timeout.ms"),
    refused(Producer, "transactional.id", TRANSACTIONS),
    harmful(Producer, "interceptor.classes", interceptors(&["acked-durability", "at-least-once"])),
    known(Consumer, "check.crcs"),
    known(Consumer, "client.id"),
    known(Consumer, "connections.max.idle.ms"),
    harmful(Consumer, "interceptor.classes", interceptors(&["at-least-once"])),
    known(Consumer, "isolation.level"),
    known(Consumer, "reconnect.backoff.max.ms"),
    known(Consumer, "reconnect.backoff.ms"),
    known(Consumer, "socket.connection.setup.timeout.ms"),
];

/// The setting `key` of `scope`.
#[must_use]
pub fn find(scope: Scope, key: &str) -> Option<&'static Setting> {
    of(scope).find(|setting| setting.key == key)
}

/// The settings of `scope`.
pub fn of(scope: Scope) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.scope == scope)
}
