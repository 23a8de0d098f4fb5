//! The cluster and its topics, read from the tree.

use crate::config::Config;
use crate::durations;
use crate::plan::{Network, SettingValue, Settings, Topic};
use crate::settings::Scope;
use crate::sink::{At, Sink};
use ackproof_types::{Delay, Micros};

/// Kafka's own topic for committed offsets.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// Most brokers of a cluster.
pub(crate) const MAX_BROKERS: u16 = 99;
/// Most partitions of a topic, and most processes of a producer or group.
pub(crate) const MAX_COUNT: u16 = 1000;
/// Keys of `cluster`.
pub(crate) const CLUSTER_KEYS: &[&str] = &["brokers", "config", "network"];
/// Keys of a topic.
pub(crate) const TOPIC_KEYS: &[&str] = &["partitions", "replication.factor", "config"];

/// Topic settings and the broker settings that are their defaults.
const INHERITED: &[(&str, &str)] = &[
    ("min.insync.replicas", "min.insync.replicas"),
    ("unclean.leader.election.enable", "unclean.leader.election.enable"),
    ("max.message.bytes", "message.max.bytes"),
    ("segment.bytes", "log.segment.bytes"),
];

/// A cluster as the file gives it.
pub(crate) struct Cluster<'n> {
    /// Number of brokers.
    pub(crate) brokers: u16,
    /// Broker settings with their places.
    pub(crate) config: Config<'n>,
    /// Broker settings with defaults.
    pub(crate) settings: Settings,
    /// The network.
    pub(crate) network: Network,
}

/// Reads `cluster`.
pub(crate) fn cluster<'n>(sink: &mut Sink<'_>, at: Option<&At<'n>>) -> Cluster<'n> {
    let at = at.filter(|at| sink.object(at, CLUSTER_KEYS));
    let get = |key| at.and_then(|at| at.get(key));
    let brokers = sink.count(get("brokers"), 1, MAX_BROKERS, 3);
    let config = Config::read(sink, get("config").as_ref(), Scope::Broker);
    let mut latency = Delay { min: Micros(200), max: Micros::from_millis(2) };
    if let Some(network) = get("network")
        && sink.object(&network, &["latency"])
        && let Some(at) = network.get("latency")
        && let Some(given) = sink.quantity(&at, "ms", durations::delay)
    {
        latency = given;
    }
    let settings = config.filled();
    Cluster { brokers, config, settings, network: Network { latency } }
}

/// Reads `topics`; index 0 is [`OFFSETS_TOPIC`].
pub(crate) fn topics(
    sink: &mut Sink<'_>,
    at: Option<&At<'_>>,
    cluster: &Cluster<'_>,
) -> Vec<Topic> {
    let mut topics = vec![offsets_topic(cluster)];
    let Some(at) = at.filter(|at| sink.is_object(at)) else { return topics };
    for (name, child) in at.children() {
        if name == OFFSETS_TOPIC {
            let hint = "set \"offsets.topic.…\" under \"cluster\", \"config\"".to_owned();
            let message = format!("\"{name}\" is Kafka's own topic");
            sink.hinted(child.key_span, &child.path, message, Some(hint));
            continue;
        }
        check_name(sink, name, &child);
        if sink.object(&child, TOPIC_KEYS) {
            topics.push(topic(sink, name, &child, cluster));
        }
    }
    topics
}

/// A name that Kafka takes: letters, digits, `.`, `_`, `-`.
pub(crate) fn check_name(sink: &mut Sink<'_>, name: &str, at: &At<'_>) {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let fine = !name.is_empty() && name.len() <= 249 && name.chars().all(legal);
    if !fine || name == "." || name == ".." {
        let message = format!("\"{name}\" is no name: letters, digits, \".\", \"_\" and \"-\"");
        sink.error(at.key_span, &at.path, message);
    }
}

fn number(settings: &Settings, key: &str) -> u16 {
    u16::try_from(settings.number(key)).unwrap_or(u16::MAX)
}

fn inherit(settings: &mut Settings, config: &Config<'_>, cluster: &Cluster<'_>) {
    for (key, from) in INHERITED {
        if config.place(key).is_none()
            && let Some(value) = cluster.settings.0.get(from)
        {
            settings.0.insert(key, value.clone());
        }
    }
}

fn offsets_topic(cluster: &Cluster<'_>) -> Topic {
    let broker = &cluster.settings;
    let replication_factor =
        number(broker, "offsets.topic.replication.factor").min(cluster.brokers);
    let config = Config { given: std::collections::BTreeMap::new(), scope: Scope::Topic };
    let mut settings = config.filled();
    inherit(&mut settings, &config, cluster);
    let mut set = |key, number| settings.0.insert(key, SettingValue::Number(number));
    set("segment.bytes", broker.number("offsets.topic.segment.bytes"));
    // Nobody chose a min ISR for this topic, so it cannot be a mistake of the file.
    let min_isr = broker.number("min.insync.replicas").min(i64::from(replication_factor));
    set("min.insync.replicas", min_isr);
    let partitions = number(broker, "offsets.topic.num.partitions");
    Topic { name: OFFSETS_TOPIC.to_owned(), partitions, replication_factor, config: settings }
}

fn topic(sink: &mut Sink<'_>, name: &str, at: &At<'_>, cluster: &Cluster<'_>) -> Topic {
    let brokers = cluster.brokers;
    let partitions = sink.count(at.get("partitions"), 1, MAX_COUNT, 3);
    let factor = at.get("replication.factor");
    let replication_factor = sink.count(factor.clone(), 1, u16::MAX, brokers.min(3));
    if let Some(factor) = factor
        && replication_factor > brokers
    {
        let message =
            format!("{replication_factor} replicas need as many brokers, but there are {brokers}");
        let hint = "lower \"replication.factor\" or raise \"cluster.brokers\"".to_owned();
        sink.hinted(factor.node.span, &factor.path, message, Some(hint));
    }
    let config = Config::read(sink, at.get("config").as_ref(), Scope::Topic);
    let mut settings = config.filled();
    inherit(&mut settings, &config, cluster);
    let min_isr = settings.number("min.insync.replicas");
    if min_isr > i64::from(replication_factor) {
        let key = "min.insync.replicas";
        let place = config.place(key).or_else(|| cluster.config.place(key));
        let place = place.unwrap_or_else(|| at.clone());
        sink.at(
            &place,
            format!(
                "min.insync.replicas {min_isr} is above the replication factor \
                 {replication_factor} of \"{name}\": no write with acks=all could ever succeed"
            ),
        );
    }
    Topic { name: name.to_owned(), partitions, replication_factor, config: settings }
}
