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
/// Most topics, producers or groups of a scenario.
pub(crate) const MAX_NAMES: usize = 1000;
/// Keys of `cluster`.
pub(crate) const CLUSTER_KEYS: &[&str] = &["brokers", "config", "network"];
/// Keys of a topic.
pub(crate) const TOPIC_KEYS: &[&str] = &["partitions", "replication.factor", "config"];

/// Topic settings and the broker settings that are their defaults.
pub(crate) const INHERITED: &[(&str, &str)] = &[
    ("min.insync.replicas", "min.insync.replicas"),
    ("unclean.leader.election.enable", "unclean.leader.election.enable"),
    ("max.message.bytes", "message.max.bytes"),
    ("segment.bytes", "log.segment.bytes"),
];

/// One-way latency of a message unless the file says otherwise.
pub(crate) const LATENCY: Delay = Delay { min: Micros(200), max: Micros::from_millis(2) };

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
    let mut latency = LATENCY;
    if let Some(network) = get("network")
        && sink.object(&network, &["latency"])
        && let Some(at) = network.get("latency")
        && let Some(given) = sink.quantity(&at, "ms", durations::delay)
    {
        latency = given;
    }
    let settings = config.filled();
    between_settings(sink, &config, &settings, brokers);
    Cluster { brokers, config, settings, network: Network { latency } }
}

/// What Kafka's broker refuses to start with, or could not do.
fn between_settings(sink: &mut Sink<'_>, config: &Config<'_>, settings: &Settings, brokers: u16) {
    // The first is not to be above the second.
    const AT_MOST: [(&str, &str); 3] = [
        ("replica.fetch.wait.max.ms", "replica.lag.time.max.ms"),
        ("replica.fetch.wait.max.ms", "replica.socket.timeout.ms"),
        ("group.min.session.timeout.ms", "group.max.session.timeout.ms"),
    ];
    for (low, high) in AT_MOST {
        let (small, large) = (settings.number(low), settings.number(high));
        if small > large
            && let Some(place) = config.place(low).or_else(|| config.place(high))
        {
            sink.at(&place, format!("{low} {small} is above {high} {large}: Kafka refuses that"));
        }
    }
    let (heartbeat, session) = (
        settings.number("broker.heartbeat.interval.ms"),
        settings.number("broker.session.timeout.ms"),
    );
    let key = "broker.heartbeat.interval.ms";
    if heartbeat >= session
        && let Some(place) = config.place(key).or_else(|| config.place("broker.session.timeout.ms"))
    {
        let message = format!(
            "{key} {heartbeat} is not below broker.session.timeout.ms {session}: every broker \
             would be fenced between two heartbeats"
        );
        sink.at(&place, message);
    }
    let limits = [
        ("offsets.topic.replication.factor", i64::from(brokers), "brokers"),
        ("offsets.topic.num.partitions", i64::from(MAX_COUNT), "partitions at most"),
    ];
    for (key, most, what) in limits {
        let given = settings.number(key);
        if given > most
            && let Some(place) = config.place(key)
        {
            sink.at(&place, format!("{key} is {given}, but there are {most} {what}"));
        }
    }
}

/// The members of a map by name, at most [`MAX_NAMES`].
pub(crate) fn named<'n>(sink: &mut Sink<'_>, at: &At<'n>) -> Vec<(&'n str, At<'n>)> {
    let mut children = at.children();
    if children.len() > MAX_NAMES {
        let message = format!("{} entries; at most {MAX_NAMES}", children.len());
        sink.error(at.key_span, &at.path, message);
        children.truncate(MAX_NAMES);
    }
    children
}

/// Reads `topics`; index 0 is [`OFFSETS_TOPIC`].
pub(crate) fn topics(
    sink: &mut Sink<'_>,
    at: Option<&At<'_>>,
    cluster: &Cluster<'_>,
) -> Vec<Topic> {
    let mut topics = vec![offsets_topic(cluster)];
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
