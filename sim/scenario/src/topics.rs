//! The topics of a scenario and those that Kafka makes for itself, read from the tree.

use crate::cluster::{Cluster, MAX_COUNT, OFFSETS_TOPIC, check_name, named};
use crate::clusters::Clusters;
use crate::config::Config;
use crate::plan::{SettingValue, Settings, Topic};
use crate::settings::Scope;
use crate::sink::{At, Sink};
use ackproof_types::ClusterId;
use std::collections::BTreeMap;

/// Keys of a topic.
pub(crate) const TOPIC_KEYS: &[&str] =
    &["cluster", "partitions", "replication.factor", "properties", "config"];

/// Topic settings, and the broker settings of the same unit that are their defaults.
const INHERITED: &[(&str, &str)] = &[
    ("min.insync.replicas", "min.insync.replicas"),
    ("unclean.leader.election.enable", "unclean.leader.election.enable"),
    ("max.message.bytes", "message.max.bytes"),
    ("segment.bytes", "log.segment.bytes"),
    ("flush.messages", "log.flush.interval.messages"),
    ("retention.bytes", "log.retention.bytes"),
    ("cleanup.policy", "log.cleanup.policy"),
    ("min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms"),
    ("max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"),
    ("delete.retention.ms", "log.cleaner.delete.retention.ms"),
    ("message.timestamp.type", "log.message.timestamp.type"),
    ("message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms"),
    ("message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms"),
];

/// Reads `topics`; index 0 is [`OFFSETS_TOPIC`] of the first cluster, and those of the others are the last.
pub(crate) fn topics(sink: &mut Sink<'_>, at: Option<&At<'_>>, clusters: &Clusters) -> Vec<Topic> {
    let mut topics = users(sink, at, clusters);
    let mut offsets = clusters.all().map(|(id, cluster)| offsets_topic(id, cluster));
    topics.splice(..0, offsets.next());
    topics.extend(offsets);
    topics
}

fn users(sink: &mut Sink<'_>, at: Option<&At<'_>>, clusters: &Clusters) -> Vec<Topic> {
    let mut topics = Vec::new();
    let Some(at) = at.filter(|at| sink.is_object(at)) else { return topics };
    for (name, child) in named(sink, at) {
        if name == OFFSETS_TOPIC {
            let hint = "set \"offsets.topic.…\" under \"cluster\", \"config\"".to_owned();
            let message = format!("\"{name}\" is Kafka's own topic");
            sink.hinted(child.key_span, &child.path, message, Some(hint));
            continue;
        }
        check_name(sink, name, &child);
        if sink.object(&child, TOPIC_KEYS) {
            let cluster = clusters.named(sink, child.get("cluster").as_ref());
            topics.push(topic(sink, name, &child, (cluster, clusters.of(cluster))));
        }
    }
    topics
}

fn number(settings: &Settings, key: &str) -> u16 {
    u16::try_from(settings.number(key)).unwrap_or(u16::MAX)
}

/// A time of topics, and where a broker has it: the first that is set, each with its unit in milliseconds.
type Time = (&'static str, &'static [(&'static str, i64)]);

const TIMES: &[Time] = &[
    ("segment.ms", &[("log.roll.ms", 1), ("log.roll.hours", HOUR)]),
    ("flush.ms", &[("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)]),
    (
        "retention.ms",
        &[
            ("log.retention.ms", 1),
            ("log.retention.minutes", 60_000),
            ("log.retention.hours", HOUR),
        ],
    ),
];

const HOUR: i64 = 3_600_000;

/// What topics that do not say so themselves have of the settings of their brokers.
pub(crate) fn inherited(broker: &Settings) -> Settings {
    let same = INHERITED.iter().filter_map(|(key, from)| Some((*key, broker.0.get(from)?.clone())));
    let mut settings: BTreeMap<&'static str, SettingValue> = same.collect();
    for (key, from) in TIMES {
        let set = from.iter().find_map(|(from, unit)| match broker.0.get(from)? {
            // A negative time is none at all.
            SettingValue::Number(number) if *number < 0 => Some(-1),
            SettingValue::Number(number) => Some(number.saturating_mul(*unit)),
            SettingValue::Switch(_) | SettingValue::Word(_) => None,
        });
        settings.extend(set.map(|millis| (*key, SettingValue::Number(millis))));
    }
    Settings(settings)
}

fn inherit(settings: &mut Settings, config: &Config<'_>, cluster: &Cluster) {
    for (key, value) in inherited(&cluster.settings).0 {
        if config.place(key).is_none() {
            settings.0.insert(key, value);
        }
    }
}

fn offsets_topic(id: ClusterId, cluster: &Cluster) -> Topic {
    let broker = &cluster.settings;
    let replication_factor = number(broker, "offsets.topic.replication.factor");
    let config = Config { given: BTreeMap::new(), scope: Scope::Topic, kafka: cluster.kafka };
    let mut settings = config.filled();
    inherit(&mut settings, &config, cluster);
    let mut set = |key, number| settings.0.insert(key, SettingValue::Number(number));
    set("segment.bytes", broker.number("offsets.topic.segment.bytes"));
    // The smaller of the two applies (R4.2).
    let min_isr = broker.number("min.insync.replicas").min(i64::from(replication_factor));
    set("min.insync.replicas", min_isr);
    // It is compacted, and nothing of it is deleted (R9.2).
    settings.0.insert("cleanup.policy", SettingValue::Word("compact".to_owned()));
    let partitions = number(broker, "offsets.topic.num.partitions");
    let name = match id {
        ClusterId::FIRST => OFFSETS_TOPIC.to_owned(),
        // No topic of a scenario can be called so.
        _ => format!("{}/{OFFSETS_TOPIC}", cluster.name),
    };
    Topic { name, cluster: id, partitions, replication_factor, config: settings }
}

fn topic(
    sink: &mut Sink<'_>,
    name: &str,
    at: &At<'_>,
    (id, cluster): (ClusterId, &Cluster),
) -> Topic {
    let brokers = cluster.brokers;
    let partitions = sink.count(at.get("partitions"), 1, MAX_COUNT, cluster.usual.0);
    let factor = at.get("replication.factor");
    let replication_factor = sink.count(factor.clone(), 1, u16::MAX, cluster.usual.1);
    if replication_factor > brokers {
        let factor = factor.unwrap_or_else(|| at.clone());
        let message =
            format!("{replication_factor} replicas need as many brokers, but there are {brokers}");
        let path = match id {
            ClusterId::FIRST => "cluster".to_owned(),
            _ => format!("clusters.{}", cluster.name),
        };
        let hint = format!("lower \"replication.factor\" or raise \"{path}.brokers\"");
        sink.hinted(factor.node.span, &factor.path, message, Some(hint));
    }
    let config = Config::read(sink, at.get("config").as_ref(), Scope::Topic);
    let mut settings = config.filled();
    inherit(&mut settings, &config, cluster);
    let name = name.to_owned();
    Topic { name, cluster: id, partitions, replication_factor, config: settings }
}
