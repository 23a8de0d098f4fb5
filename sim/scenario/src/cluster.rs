//! A cluster, read from the tree.

use crate::capacity::{Capacity, Quotas};
use crate::config::Config;
use crate::durations;
use crate::limits;
use crate::plan::{self, Network, Settings, Startup};
use crate::settings::{SHAPES, Scope};
use crate::sink::{At, Sink};
use crate::storage::dirs;
use ackproof_types::words::plural;
use ackproof_types::{Delay, KafkaVersion, Micros, TopicId};

/// Kafka's own topic for committed offsets.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// Most brokers of a cluster.
pub(crate) const MAX_BROKERS: u16 = 1000;
/// Most controllers of a cluster.
pub(crate) const MAX_CONTROLLERS: u16 = 5;
/// Most partitions of a topic, and most processes of a producer or group.
pub(crate) const MAX_COUNT: u16 = 1000;
/// Most topics, producers or groups of a scenario.
pub(crate) const MAX_NAMES: usize = 1000;
/// Keys of `cluster`.
pub(crate) const CLUSTER_KEYS: &[&str] = &[
    "brokers",
    "controllers",
    "racks",
    "properties",
    "config",
    "network",
    "startup",
    "capacity",
    "quotas",
];
/// Keys of `network`.
pub(crate) const NETWORK_KEYS: &[&str] = &["latency", "syn_linear_timeouts"];
/// Keys of `startup`.
pub(crate) const STARTUP_KEYS: &[&str] = &["brokers", "clients"];

/// One-way latency of a message, with its processing, unless the file says otherwise: Kafka 4.0 processes on
/// one machine of two cores acknowledge half of their records with acks=all within 7.2 ms to 9.2 ms, by how
/// much else it has to do, which are 5 ms of `linger.ms` and some five messages one after the other; so does
/// this, in 7.6 ms.
pub(crate) const LATENCY: Delay = Delay { min: Micros(200), max: Micros::from_millis(1) };

/// `net.ipv4.tcp_syn_linear_timeouts` unless the file says otherwise: the default of Linux 6.5 and later. Older
/// kernels have no such setting and do what 0 does.
pub(crate) const SYN_LINEAR_TIMEOUTS: u16 = 4;
/// Its largest value (Linux: `MAX_TCP_SYNCNT`).
pub(crate) const MAX_SYN_LINEAR_TIMEOUTS: u16 = 127;

/// How long a process takes to start again unless the file says otherwise, as real Kafka 4.0 processes
/// took on a machine of two cores (other machines differ). Brokers that had been killed: 1.9 s to 4.7 s from
/// the start of the process until unfenced, and up to 6.6 s where two of them started at the same time while
/// the machine had other work. A broker that stopped cleanly and starts again within its old session
/// waits longer with 4.0.0, until that has run out (R5.4); that is not in here. Clients: 0.6 s to 2.7 s until
/// `startup_complete`, 87 starts, 4 of them during a run.
pub(crate) const STARTUP: Startup = Startup {
    brokers: Delay { min: Micros::from_millis(1900), max: Micros::from_millis(4700) },
    clients: Delay { min: Micros::from_millis(600), max: Micros::from_millis(2700) },
};

/// A cluster as the file gives it.
pub(crate) struct Cluster {
    /// Its name.
    pub(crate) name: String,
    /// Number of brokers.
    pub(crate) brokers: u16,
    /// Number of controllers.
    pub(crate) controllers: u16,
    /// Each controller is one process with a broker.
    pub(crate) combined: bool,
    /// `broker.rack` of each broker, or none.
    pub(crate) racks: Vec<String>,
    /// Broker settings with defaults.
    pub(crate) settings: Settings,
    /// The network.
    pub(crate) network: Network,
    /// How long processes take to start again.
    pub(crate) startup: Startup,
    /// What each broker's machine can do; none: everything at once.
    pub(crate) capacity: Option<Capacity>,
    /// Bytes a second that each client may move at each broker.
    pub(crate) quotas: Quotas,
    /// Whose defaults hold.
    pub(crate) kafka: KafkaVersion,
    /// Partitions and replicas of a topic that does not say, as the brokers' file has them.
    pub(crate) usual: (u16, u16),
}

impl Cluster {
    /// The same, decided, with its `__consumer_offsets`.
    pub(crate) fn decided(self, offsets: TopicId) -> plan::Cluster {
        let Self {
            name,
            brokers,
            controllers,
            combined,
            racks,
            settings,
            startup,
            capacity,
            quotas,
            ..
        } = self;
        plan::Cluster {
            name,
            brokers,
            controllers,
            combined,
            racks,
            config: settings,
            startup,
            capacity,
            quotas,
            offsets,
        }
    }
}

/// Reads a cluster of a scenario whose recovery may take `settle`.
pub(crate) fn cluster(
    sink: &mut Sink<'_>,
    name: &str,
    at: Option<&At<'_>>,
    settle: Micros,
) -> Cluster {
    let at = at.filter(|at| sink.object(at, CLUSTER_KEYS));
    let get = |key| at.and_then(|at| at.get(key));
    let brokers = sink.count(get("brokers"), 1, MAX_BROKERS, 3);
    let racks = get("racks").map(|at| racks(sink, &at, brokers)).unwrap_or_default();
    let config = Config::read(sink, get("config").as_ref(), Scope::Broker);
    let network = network(sink, get("network").as_ref());
    let settings = config.filled();
    let combined = combined(sink, &config, &settings);
    let controllers = controllers(sink, get("controllers"), (brokers, combined));
    between_settings(sink, &config, &settings);
    directories(sink, &config, &settings);
    let startup = startup(sink, get("startup").as_ref(), settle);
    let capacity = limits::capacity(sink, get("capacity").as_ref());
    if get("capacity").is_none() {
        limits::without(sink, &config);
    }
    let quotas = limits::quotas(sink, get("quotas").as_ref(), &config);
    let usual = usual(sink, get("config").as_ref(), brokers);
    Cluster {
        name: name.to_owned(),
        brokers,
        controllers,
        combined,
        racks,
        settings,
        network,
        startup,
        capacity,
        quotas,
        kafka: sink.kafka,
        usual,
    }
}

/// Whether each controller is one process with a broker. A file of controllers alone says nothing of brokers.
fn combined(sink: &mut Sink<'_>, config: &Config<'_>, settings: &Settings) -> bool {
    let roles: Vec<&str> = settings.text("process.roles").unwrap_or("broker").split(',').collect();
    if !roles.contains(&"broker")
        && let Some(place) = config.place("process.roles")
    {
        sink.at(&place, "these are settings of brokers: \"broker\" or \"broker,controller\"");
    }
    roles.contains(&"controller")
}

/// What a broker gives a topic that does not say, if its file does; else what suits a scenario.
fn usual(sink: &Sink<'_>, config: Option<&At<'_>>, brokers: u16) -> (u16, u16) {
    let given = |key, usual: u16| {
        let at = config.and_then(|at| at.get(key)).filter(|at| sink.is_named(at.key_span));
        let text = at.and_then(|at| at.node.as_str());
        text.and_then(|text| text.parse().ok()).unwrap_or(usual)
    };
    let [factor, partitions] = SHAPES;
    (given(partitions, 3).clamp(1, MAX_COUNT), given(factor, brokers.min(3)))
}

/// How many controllers: an even number loses its majority as soon as one less does.
/// Unless it is said, one; where each is one process with a broker, as many as the brokers are good for.
fn controllers(sink: &mut Sink<'_>, at: Option<At<'_>>, (brokers, combined): (u16, bool)) -> u16 {
    let odd = (brokers - 1) / 2 * 2 + 1;
    let usual = if combined { odd.min(MAX_CONTROLLERS) } else { 1 };
    let count = sink.count(at.clone(), 1, MAX_CONTROLLERS, usual);
    if let Some(at) = at.as_ref().filter(|_| combined && count > brokers) {
        let message = format!("{brokers} brokers have no room for {count} controllers");
        let hint = format!("write 1 to {brokers}, or \"process.roles\": \"broker\"");
        sink.hinted(at.node.span, &at.path, message, Some(hint));
    }
    if let Some(at) = at.filter(|_| count.is_multiple_of(2)) {
        let message = format!("{count} controllers bear no more failures than {}", count - 1);
        sink.hinted(at.node.span, &at.path, message, Some("write 1, 3 or 5".to_owned()));
    }
    count
}

/// A rack for each broker, in the order of their numbers.
fn racks(sink: &mut Sink<'_>, at: &At<'_>, brokers: u16) -> Vec<String> {
    let items = sink.list(at);
    let mut racks = Vec::new();
    for item in &items {
        match sink.string(item) {
            Some("") => sink.at(item, "a rack has a name"),
            name => racks.extend(name.map(str::to_owned)),
        }
    }
    if racks.len() == items.len() && !items.is_empty() && items.len() != usize::from(brokers) {
        let (named, brokers) = (items.len(), plural(u64::from(brokers), "broker"));
        sink.at(at, format!("{named} racks for {brokers}: name one for each, broker-1 first"));
    }
    racks
}

fn network(sink: &mut Sink<'_>, at: Option<&At<'_>>) -> Network {
    let at = at.filter(|at| sink.object(at, NETWORK_KEYS));
    let get = |key| at.and_then(|at| at.get(key));
    let latency = get("latency").and_then(|at| sink.quantity(&at, "ms", durations::delay));
    let syn_linear_timeouts =
        sink.count(get("syn_linear_timeouts"), 0, MAX_SYN_LINEAR_TIMEOUTS, SYN_LINEAR_TIMEOUTS);
    Network { latency: latency.unwrap_or(LATENCY), syn_linear_timeouts }
}

fn startup(sink: &mut Sink<'_>, at: Option<&At<'_>>, settle: Micros) -> Startup {
    let at = at.filter(|at| sink.object(at, STARTUP_KEYS));
    let mut read = |key, usual| {
        let Some(at) = at.and_then(|at| at.get(key)) else { return usual };
        let Some(given) = sink.quantity(&at, "s", durations::delay) else { return usual };
        if given.max >= settle {
            let message = format!(
                "one of the {key} that is down when the load ends may still be starting when \
                 recovery has to be over, {settle} later"
            );
            sink.warn_with(&at, message, "raise \"run.settle\"".to_owned());
        }
        given
    };
    Startup { brokers: read("brokers", STARTUP.brokers), clients: read("clients", STARTUP.clients) }
}

/// Kafka's broker refuses to start with the same directory twice (`LogManager`).
fn directories(sink: &mut Sink<'_>, config: &Config<'_>, settings: &Settings) {
    let mut all = dirs(settings);
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    if all.len() < count
        && let Some(place) = config.place("log.dirs")
    {
        sink.at(&place, "the same directory twice: Kafka refuses that");
    }
}

/// What Kafka's broker refuses to start with, or could not do.
fn between_settings(sink: &mut Sink<'_>, config: &Config<'_>, settings: &Settings) {
    // The first is not to be above the second.
    const AT_MOST: [(&str, &str); 9] = [
        ("replica.fetch.wait.max.ms", "replica.lag.time.max.ms"),
        ("replica.fetch.wait.max.ms", "replica.socket.timeout.ms"),
        ("group.min.session.timeout.ms", "group.max.session.timeout.ms"),
        ("group.consumer.min.session.timeout.ms", "group.consumer.session.timeout.ms"),
        ("group.consumer.session.timeout.ms", "group.consumer.max.session.timeout.ms"),
        ("group.consumer.min.heartbeat.interval.ms", "group.consumer.heartbeat.interval.ms"),
        ("group.consumer.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms"),
        ("group.consumer.min.assignment.interval.ms", "group.consumer.assignment.interval.ms"),
        ("group.consumer.assignment.interval.ms", "group.consumer.max.assignment.interval.ms"),
    ];
    for (low, high) in AT_MOST {
        let (small, large) = (settings.number(low), settings.number(high));
        let (first, second) = (config.place(low), config.place(high));
        if small <= large {
            continue;
        }
        let hint = match (&first, &second) {
            (Some(_), None) => Some(format!("set {high} too")),
            (None, Some(_)) => Some(format!("set {low} too")),
            _ => None,
        };
        if let Some(place) = first.or(second) {
            let message = format!("{low} {small} is above {high} {large}: Kafka refuses that");
            sink.hinted(place.node.span, &place.path, message, hint);
        }
    }
    let (key, session) =
        ("group.consumer.heartbeat.interval.ms", "group.consumer.session.timeout.ms");
    if settings.number(key) >= settings.number(session)
        && let Some(place) = config.place(key).or_else(|| config.place(session))
    {
        let (heartbeat, limit) = (settings.number(key), settings.number(session));
        let message =
            format!("{key} {heartbeat} is not below {session} {limit}: Kafka refuses that");
        sink.at(&place, message);
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
    let (key, most) = ("offsets.topic.num.partitions", i64::from(MAX_COUNT));
    let given = settings.number(key);
    if given > most
        && let Some(place) = config.place(key)
    {
        sink.at(&place, format!("{key} is {given}, but there are {most} partitions at most"));
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

/// A name that Kafka takes: letters, digits, `.`, `_`, `-`.
pub(crate) fn check_name(sink: &mut Sink<'_>, name: &str, at: &At<'_>) {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let fine = !name.is_empty() && name.len() <= 249 && name.chars().all(legal);
    if !fine || name == "." || name == ".." {
        let message = format!(
            "\"{name}\" is not a name: it may have letters, digits, \".\", \"_\" and \"-\""
        );
        sink.error(at.key_span, &at.path, message);
    }
}
