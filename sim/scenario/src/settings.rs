//! The one table of Kafka settings that scenarios may use: scope, kind, range, default in each line of
//! Kafka, and whether the models follow them: *modelled*, or accepted without an effect, with the properties
//! that such a setting could break on a real cluster, so that nobody promises what it takes away. What is
//! not in the table is refused, with the nearest name. It does not know how settings constrain each other.
//!
//! Sources: §10 and §17.12 of the rules.

use ackproof_types::{KafkaVersion, Micros};

/// Whose setting it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Brokers and the controller.
    Broker,
    /// A topic.
    Topic,
    /// A producer.
    Producer,
    /// A consumer.
    Consumer,
}

impl Scope {
    /// `broker`, `topic`, `producer`, `consumer`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Topic => "topic",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// All of them.
    pub const ALL: [Self; 4] = [Self::Broker, Self::Topic, Self::Producer, Self::Consumer];
}

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Number {
        /// Its unit as Kafka means it: `ms`, `s`, `bytes`, or empty for a count.
        unit: &'static str,
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Whatever Kafka accepts; only for settings that are not modelled.
    Anything,
}

/// A default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// A number, in the unit of the key.
    Number(i64),
    /// A switch.
    Switch(bool),
    /// A word.
    Word(&'static str),
    /// Not needed: the setting is not modelled.
    Unneeded,
}

/// Whether the models follow a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They do.
    Modelled,
    /// It is accepted and has no effect; on a real cluster it breaks no property either.
    Harmless,
    /// It is accepted and has no effect; on a real cluster some of its values could break properties.
    Harmful(Harm),
}

/// What a setting that has no effect here could break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Harm {
    /// Names of properties.
    pub breaks: &'static [&'static str],
    /// How, in one sentence.
    pub why: &'static str,
    /// By which values.
    pub unless: Unless,
}

/// Values that break nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unless {
    /// None.
    Never,
    /// These words.
    Words(&'static [&'static str]),
    /// Text without this in it.
    Lacks(&'static str),
    /// A time, in this many microseconds each, that does not run out in the run; negative: for ever.
    Outlasts(u64),
    /// A negative number: without a limit.
    Unlimited,
}

impl Harm {
    /// Whether `value` could break something in a run of this length.
    #[must_use]
    pub fn is_in(&self, value: &str, run: Micros) -> bool {
        let number: Option<i64> = value.parse().ok();
        !match self.unless {
            Unless::Never => false,
            Unless::Words(words) => words.contains(&value),
            Unless::Lacks(part) => !value.contains(part),
            Unless::Outlasts(unit) => number.is_some_and(|number| {
                u64::try_from(number).map_or(true, |number| number.saturating_mul(unit) >= run.0)
            }),
            Unless::Unlimited => number.is_some_and(|number| number < 0),
        }
    }
}

/// One Kafka setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Kafka's key.
    pub key: &'static str,
    /// Whose it is.
    pub scope: Scope,
    /// Its values.
    pub kind: Kind,
    /// Its default in Kafka 4.0.
    pub default: Preset,
    /// Other defaults, each from a later line on, ascending.
    pub since: &'static [(KafkaVersion, Preset)],
    /// Whether the models follow it.
    pub standing: Standing,
}

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

const fn known(scope: Scope, key: &'static str) -> Setting {
    let standing = Standing::Harmless;
    Setting { key, scope, kind: Kind::Anything, default: Preset::Unneeded, since: &[], standing }
}

const fn harmful(scope: Scope, key: &'static str, harm: Harm) -> Setting {
    Setting { standing: Standing::Harmful(harm), ..known(scope, key) }
}

const MS: u64 = 1000;
const HOUR: u64 = 3_600_000_000;
const MINUTE: u64 = 60_000_000;

const fn retention(unless: Unless) -> Harm {
    Harm {
        breaks: &["at-least-once"],
        why: "records are deleted before a group that falls behind has read them",
        unless,
    }
}

const COMPACTION: Harm = Harm {
    breaks: &["acked-durability", "at-least-once"],
    why: "of each key only the newest record is kept",
    unless: Unless::Words(&["delete"]),
};

const TRANSACTIONS: Harm = Harm {
    breaks: &["acked-durability", "at-least-once"],
    why: "records are written in transactions, and those of an aborted one are never seen",
    unless: Unless::Never,
};

impl Setting {
    /// Its default in a line of Kafka.
    #[must_use]
    pub fn default_in(&self, version: KafkaVersion) -> Preset {
        let later = self.since.iter().rev().find(|(since, _)| *since <= version);
        later.map_or(self.default, |(_, preset)| *preset)
    }

    /// Whether the models follow it.
    #[must_use]
    pub fn is_modelled(&self) -> bool {
        self.standing == Standing::Modelled
    }
}

use Scope::{Broker, Consumer, Producer, Topic};

/// Every setting we know.
pub const SETTINGS: &[Setting] = &[
    number(Broker, "replica.lag.time.max.ms", "ms", 1, 30_000),
    number(Broker, "replica.fetch.wait.max.ms", "ms", 0, 500),
    number(Broker, "replica.fetch.min.bytes", "bytes", 0, 1),
    number(Broker, "replica.fetch.max.bytes", "bytes", 1, 1_048_576),
    number(Broker, "replica.fetch.response.max.bytes", "bytes", 1, 10_485_760),
    number(Broker, "replica.fetch.backoff.ms", "ms", 0, 1000),
    number(Broker, "replica.socket.timeout.ms", "ms", 1, 30_000),
    number(Broker, "replica.high.watermark.checkpoint.interval.ms", "ms", 1, 5000),
    number(Broker, "broker.heartbeat.interval.ms", "ms", 1, 2000),
    number(Broker, "broker.session.timeout.ms", "ms", 1, 9000),
    number(Broker, "offsets.commit.timeout.ms", "ms", 1, 5000),
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
    number(Broker, "unclean.leader.election.interval.ms", "ms", 1, 300_000),
    switch(Broker, "auto.leader.rebalance.enable", true),
    number(Broker, "leader.imbalance.check.interval.seconds", "s", 1, 300),
    // Defaults for topics that do not set their own.
    number(Broker, "min.insync.replicas", "", 1, 1),
    switch(Broker, "unclean.leader.election.enable", false),
    number(Broker, "message.max.bytes", "bytes", 0, 1_048_588),
    number(Broker, "log.segment.bytes", "bytes", 1_048_576, 1_073_741_824),
    number(Topic, "min.insync.replicas", "", 1, 1),
    switch(Topic, "unclean.leader.election.enable", false),
    number(Topic, "max.message.bytes", "bytes", 0, 1_048_588),
    number(Topic, "segment.bytes", "bytes", 1_048_576, 1_073_741_824),
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
    number(Producer, "max.request.size", "bytes", 0, 1_048_576),
    number(Producer, "max.block.ms", "ms", 0, 60_000),
    number(Producer, "request.timeout.ms", "ms", 1, 30_000),
    number(Producer, "delivery.timeout.ms", "ms", 1, 120_000),
    number(Producer, "retry.backoff.ms", "ms", 0, 100),
    number(Producer, "retry.backoff.max.ms", "ms", 0, 1000),
    number(Producer, "metadata.max.age.ms", "ms", 1, 300_000),
    switch(Consumer, "enable.auto.commit", true),
    number(Consumer, "auto.commit.interval.ms", "ms", 1, 5000),
    word(Consumer, "auto.offset.reset", &["latest", "earliest", "none"], "latest"),
    number(Consumer, "session.timeout.ms", "ms", 1, 45_000),
    number(Consumer, "heartbeat.interval.ms", "ms", 1, 3000),
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
    known(Broker, "controller.quorum.election.timeout.ms"),
    known(Broker, "controller.quorum.fetch.timeout.ms"),
    known(Broker, "default.replication.factor"),
    known(Broker, "group.consumer.assignors"),
    known(Broker, "group.consumer.heartbeat.interval.ms"),
    known(Broker, "group.consumer.session.timeout.ms"),
    known(Broker, "group.coordinator.rebalance.protocols"),
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
    harmful(Broker, "log.cleanup.policy", COMPACTION),
    known(Broker, "log.flush.interval.messages"),
    known(Broker, "log.flush.interval.ms"),
    harmful(Broker, "log.retention.bytes", retention(Unless::Unlimited)),
    harmful(Broker, "log.retention.hours", retention(Unless::Outlasts(HOUR))),
    known(Broker, "log.retention.check.interval.ms"),
    harmful(Broker, "log.retention.minutes", retention(Unless::Outlasts(MINUTE))),
    harmful(Broker, "log.retention.ms", retention(Unless::Outlasts(MS))),
    known(Broker, "num.io.threads"),
    known(Broker, "num.network.threads"),
    known(Broker, "num.partitions"),
    known(Broker, "num.replica.fetchers"),
    known(Broker, "offset.metadata.max.bytes"),
    harmful(
        Broker,
        "offsets.retention.minutes",
        Harm {
            breaks: &["at-least-once", "commit-durability"],
            why: "the commits of a group that is empty for longer expire, and it starts where \
              auto.offset.reset says",
            unless: Unless::Outlasts(MINUTE),
        },
    ),
    harmful(
        Broker,
        "producer.id.expiration.ms",
        Harm {
            breaks: &["idempotent-log"],
            why: "a producer that is idle for longer is forgotten, and a retry of it is not recognised",
            unless: Unless::Outlasts(MS),
        },
    ),
    known(Broker, "request.timeout.ms"),
    known(Broker, "transaction.max.timeout.ms"),
    known(Broker, "transaction.state.log.min.isr"),
    known(Broker, "transaction.state.log.num.partitions"),
    known(Broker, "transaction.state.log.replication.factor"),
    harmful(Topic, "cleanup.policy", COMPACTION),
    known(Topic, "compression.type"),
    known(Topic, "delete.retention.ms"),
    known(Topic, "file.delete.delay.ms"),
    known(Topic, "flush.messages"),
    known(Topic, "flush.ms"),
    known(Topic, "index.interval.bytes"),
    known(Topic, "message.timestamp.type"),
    known(Topic, "min.cleanable.dirty.ratio"),
    known(Topic, "min.compaction.lag.ms"),
    known(Topic, "preallocate"),
    harmful(Topic, "retention.bytes", retention(Unless::Unlimited)),
    harmful(Topic, "retention.ms", retention(Unless::Outlasts(MS))),
    known(Topic, "segment.ms"),
    known(Producer, "client.id"),
    known(Producer, "compression.type"),
    known(Producer, "connections.max.idle.ms"),
    known(Producer, "metadata.max.idle.ms"),
    known(Producer, "partitioner.adaptive.partitioning.enable"),
    known(Producer, "partitioner.availability.timeout.ms"),
    known(Producer, "partitioner.class"),
    known(Producer, "partitioner.ignore.keys"),
    known(Producer, "reconnect.backoff.max.ms"),
    known(Producer, "reconnect.backoff.ms"),
    known(Producer, "socket.connection.setup.timeout.ms"),
    known(Producer, "transaction.timeout.ms"),
    harmful(Producer, "transactional.id", TRANSACTIONS),
    known(Consumer, "check.crcs"),
    known(Consumer, "client.id"),
    known(Consumer, "client.rack"),
    known(Consumer, "connections.max.idle.ms"),
    harmful(
        Consumer,
        "group.instance.id",
        Harm {
            breaks: &["at-least-once", "group-exclusive", "recovers"],
            why: "a static member keeps its partitions until its session is over, and one that takes its \
              name fences it",
            unless: Unless::Never,
        },
    ),
    harmful(
        Consumer,
        "group.protocol",
        Harm {
            breaks: &["at-least-once", "commit-behind-processing", "group-exclusive", "recovers"],
            why: "another protocol decides who owns what",
            unless: Unless::Words(&["classic"]),
        },
    ),
    known(Consumer, "isolation.level"),
    harmful(
        Consumer,
        "partition.assignment.strategy",
        Harm {
            breaks: &["at-least-once", "commit-behind-processing", "group-exclusive"],
            why: "members keep partitions while the group rebalances, in rounds that are not modelled",
            unless: Unless::Lacks("Cooperative"),
        },
    ),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn keys_are_distinct_and_defaults_legal() {
        let mut seen = BTreeSet::new();
        for setting in SETTINGS {
            assert!(seen.insert((setting.scope.name(), setting.key)), "{} twice", setting.key);
            for version in KafkaVersion::ALL {
                let legal = match (setting.kind, setting.default_in(version)) {
                    (Kind::Number { min, max, .. }, Preset::Number(n)) => (min..=max).contains(&n),
                    (Kind::Switch, Preset::Switch(_)) => true,
                    (Kind::Word(words), Preset::Word(word)) => words.contains(&word),
                    (Kind::Anything, Preset::Unneeded) => !setting.is_modelled(),
                    _ => false,
                };
                assert!(legal, "{} in {version}", setting.key);
            }
            assert!(setting.since.is_sorted_by_key(|(version, _)| *version), "{}", setting.key);
        }
    }

    #[test]
    fn a_value_that_breaks_nothing_within_the_run_is_no_harm() {
        let minute = Micros::from_secs(60);
        let harms = |scope, key: &str, value| match find(scope, key).map(|one| one.standing) {
            Some(Standing::Harmful(harm)) => harm.is_in(value, minute),
            other => panic!("{key}: {other:?}"),
        };
        for (scope, key, harmful, harmless) in [
            (Topic, "retention.ms", "10000", "60000"),
            (Topic, "retention.ms", "0", "-1"),
            (Topic, "retention.bytes", "1048576", "-1"),
            (Broker, "log.retention.hours", "0", "1"),
            (Broker, "offsets.retention.minutes", "0", "1"),
            (Topic, "cleanup.policy", "compact", "delete"),
            (Topic, "cleanup.policy", "compact,delete", "delete"),
            (
                Consumer,
                "partition.assignment.strategy",
                "x.CooperativeStickyAssignor",
                "x.RangeAssignor",
            ),
            (Consumer, "group.protocol", "consumer", "classic"),
        ] {
            assert!(harms(scope, key, harmful), "{key}={harmful}");
            assert!(!harms(scope, key, harmless), "{key}={harmless}");
        }
    }
}
