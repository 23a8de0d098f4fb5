//! `--set protocol=consumer`: one word for how groups share out their partitions. Kafka has several settings
//! for that, and what one protocol takes the other refuses: such settings are translated, and that is said.
//!
//! It changes the tree before it is read. It does not know what the settings do.

use crate::json::{Member, Node, Span, Typed, Value};
use crate::plan::FIRST;
use crate::sink::Sink;

/// The word before the `=`.
const KEY: &str = "protocol";
/// What may follow.
const WORDS: [&str; 4] = ["classic", "eager", "cooperative", "consumer"];

const PROTOCOL: &str = "group.protocol";
const STRATEGY: &str = "partition.assignment.strategy";
const REMOTE: &str = "group.remote.assignor";
const RANGE: &str = "org.apache.kafka.clients.consumer.RangeAssignor";
const COOPERATIVE: &str = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";

/// A time-out that a classic member says itself, and that the brokers say of a consumer group.
struct Timeout {
    client: &'static str,
    broker: &'static str,
    /// What the broker's must not be below, and the default of that.
    min: (&'static str, i64),
    /// What it must not be above.
    max: (&'static str, i64),
}

const SESSION: Timeout = Timeout {
    client: "session.timeout.ms",
    broker: "group.consumer.session.timeout.ms",
    min: ("group.consumer.min.session.timeout.ms", 45_000),
    max: ("group.consumer.max.session.timeout.ms", 60_000),
};

const HEARTBEAT: Timeout = Timeout {
    client: "heartbeat.interval.ms",
    broker: "group.consumer.heartbeat.interval.ms",
    min: ("group.consumer.min.heartbeat.interval.ms", 5000),
    max: ("group.consumer.max.heartbeat.interval.ms", 15_000),
};

/// The default of a classic member's `heartbeat.interval.ms`.
const CLASSIC_HEARTBEAT: i64 = 3000;

/// Whether a path of `--set` is `protocol`, of all groups or of one.
pub(crate) fn is_meant(path: &str) -> bool {
    path == KEY || group_of(path).is_some()
}

fn group_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix("groups.")?.strip_suffix(KEY)?.strip_suffix('.')?;
    // Kafka's own setting ends like this too.
    (!name.contains(".config.")).then_some(name)
}

/// Carries every such `set` out.
pub(crate) fn apply(root: &mut Node, sets: &[(String, String)], sink: &mut Sink<'_>) {
    for (number, (path, word)) in sets.iter().enumerate() {
        if !is_meant(path) {
            continue;
        }
        let span = Span::typed(Typed::Value(number));
        let word = &word.to_lowercase();
        if !WORDS.contains(&word.as_str()) {
            sink.unknown(span, path, ("protocol", word), WORDS);
            continue;
        }
        let names = names(root, group_of(path));
        if names.is_empty() {
            let message = match group_of(path) {
                Some(name) => format!("no \"{name}\" in groups"),
                None => "\"protocol\" is of groups, and the scenario has none".to_owned(),
            };
            sink.error(Span::typed(Typed::Path(number)), path, message);
        }
        let mut translation = Translation { root, span, said: Vec::new() };
        for name in names {
            translation.group(&name, word);
        }
        for message in translation.said {
            sink.caution(span, path, message, None);
        }
    }
}

fn names(root: &Node, only: Option<&str>) -> Vec<String> {
    let groups = root.get("groups").and_then(Node::members).unwrap_or_default();
    let meant = groups.iter().filter(|group| only.is_none_or(|only| only == group.key));
    meant.map(|group| group.key.clone()).collect()
}

/// One `set` while it is carried out.
struct Translation<'r> {
    root: &'r mut Node,
    span: Span,
    said: Vec<String>,
}

impl Translation<'_> {
    fn group(&mut self, name: &str, word: &str) {
        let config = ["groups", name, "config"];
        let is_consumer = |node: &Node| {
            node.as_str().is_some_and(|protocol| protocol.eq_ignore_ascii_case("consumer"))
        };
        if has_deploys(self.root, name) {
            self.said.push(format!(
                "groups.{name} has deploys with settings of their own: protocol={word} is of the members before them"
            ));
        }
        let was_consumer = get(self.root, &config, PROTOCOL).is_some_and(is_consumer);
        if word == "consumer" {
            self.put_word(&config, PROTOCOL, "consumer");
            self.becomes_consumer(name, &config);
        } else {
            self.put_word(&config, PROTOCOL, "classic");
            if was_consumer {
                self.becomes_classic(name, &config);
            }
        }
        match word {
            "cooperative" => self.put_word(&config, STRATEGY, COOPERATIVE),
            "eager" if self.text(&config, STRATEGY).is_some_and(|list| list == COOPERATIVE) => {
                self.put_word(&config, STRATEGY, RANGE);
            }
            _ => {}
        }
    }

    fn becomes_consumer(&mut self, name: &str, config: &[&str]) {
        let strategy = self.text(config, STRATEGY);
        remove(self.root, config, STRATEGY);
        if strategy.is_some_and(|list| list == RANGE) {
            self.put_word(config, REMOTE, "range");
            self.said.push(format!(
                "groups.{name}: {STRATEGY} RangeAssignor is {REMOTE} range with {PROTOCOL}=consumer"
            ));
        }
        let session = self.number(config, SESSION.client);
        let heartbeat = self.number(config, HEARTBEAT.client);
        // The client's default is below the brokers'.
        let follows = session.filter(|session| *session <= HEARTBEAT.min.1);
        let heartbeat = heartbeat.or(follows.map(|session| CLASSIC_HEARTBEAT.min(session - 1)));
        for (timeout, value) in [(SESSION, session), (HEARTBEAT, heartbeat)] {
            remove(self.root, config, timeout.client);
            if let Some(value) = value {
                self.broker_says(name, &timeout, value);
            }
        }
    }

    /// What is said of all groups at once is the shortest that one of them asks for.
    fn broker_says(&mut self, name: &str, timeout: &Timeout, value: i64) {
        let cluster = cluster_of(self.root, name);
        let config: Vec<&str> = cluster.iter().map(String::as_str).chain(["config"]).collect();
        let Timeout { client, broker, .. } = timeout;
        if let Some(given) = self.number(&config, broker).filter(|given| *given <= value) {
            if given < value {
                self.said.push(format!(
                    "groups.{name}: {client} {value} has no effect with {PROTOCOL}=consumer: {broker} is {given}"
                ));
            }
            return;
        }
        self.put_number(&config, broker, value);
        let mut also = String::new();
        let (min, max) = (timeout.min, timeout.max);
        if value < self.number(&config, min.0).unwrap_or(min.1) {
            self.put_number(&config, min.0, value);
            also = format!(", and {} too: Kafka refuses less", min.0);
        } else if value > self.number(&config, max.0).unwrap_or(max.1) {
            self.put_number(&config, max.0, value);
            also = format!(", and {} too: Kafka refuses more", max.0);
        }
        self.said.push(format!(
            "groups.{name}: {client} {value} is the brokers' {broker} with {PROTOCOL}=consumer{also}"
        ));
    }

    fn becomes_classic(&mut self, name: &str, config: &[&str]) {
        if let Some(assignor) = self.text(config, REMOTE) {
            remove(self.root, config, REMOTE);
            self.said.push(format!(
                "groups.{name}: {REMOTE} {assignor} has no effect with {PROTOCOL}=classic"
            ));
        }
        let cluster = cluster_of(self.root, name);
        let brokers: Vec<&str> = cluster.iter().map(String::as_str).chain(["config"]).collect();
        for Timeout { client, broker, .. } in [SESSION, HEARTBEAT] {
            let given = self.number(&brokers, broker);
            if let Some(value) = given.filter(|_| get(self.root, config, client).is_none()) {
                self.put_number(config, client, value);
                self.said.push(format!(
                    "groups.{name}: the brokers' {broker} {value} is {client} with {PROTOCOL}=classic"
                ));
            }
        }
    }

    fn text(&self, config: &[&str], key: &str) -> Option<String> {
        get(self.root, config, key).and_then(Node::as_str).map(str::to_owned)
    }

    fn number(&self, config: &[&str], key: &str) -> Option<i64> {
        get(self.root, config, key).and_then(Node::as_i64)
    }

    fn put_word(&mut self, config: &[&str], key: &str, word: &str) {
        self.put(config, key, Value::String(word.to_owned()));
    }

    fn put_number(&mut self, config: &[&str], key: &str, number: i64) {
        self.put(config, key, Value::Number(number.to_string()));
    }

    fn put(&mut self, config: &[&str], key: &str, value: Value) {
        let span = self.span;
        let mut node = &mut *self.root;
        for step in config.iter().copied().chain([key]) {
            let Value::Object(members) = &mut node.value else { return };
            let place = members.iter().position(|member| member.key == step);
            let place = place.unwrap_or_else(|| {
                let value = Node { span, value: Value::Object(Vec::new()) };
                members.push(Member { key: step.to_owned(), key_span: span, value });
                members.len() - 1
            });
            node = &mut members[place].value;
        }
        *node = Node { span, value };
    }
}

/// Where the cluster of a group stands: that of the first of its topics, or the one beside it.
fn cluster_of(root: &Node, group: &str) -> Vec<String> {
    let topics = get(root, &["groups", group], "topics");
    let first = match topics.map(|topics| &topics.value) {
        Some(Value::Array(items)) => items.first().and_then(Node::as_str),
        _ => None,
    };
    let named = match first {
        Some(topic) => get(root, &["topics", topic], "cluster"),
        None => get(root, &["groups", group], "at"),
    };
    match named.and_then(Node::as_str) {
        Some(name) if name != FIRST => vec!["clusters".to_owned(), name.to_owned()],
        _ => vec!["cluster".to_owned()],
    }
}

fn has_deploys(root: &Node, name: &str) -> bool {
    get(root, &["groups", name], "deploys").is_some()
}

fn get<'n>(root: &'n Node, config: &[&str], key: &str) -> Option<&'n Node> {
    config.iter().copied().chain([key]).try_fold(root, |node, step| node.get(step))
}

fn remove(root: &mut Node, config: &[&str], key: &str) {
    let mut node = root;
    for step in config {
        let Value::Object(members) = &mut node.value else { return };
        let Some(member) = members.iter_mut().find(|member| member.key == *step) else { return };
        node = &mut member.value;
    }
    if let Value::Object(members) = &mut node.value {
        members.retain(|member| member.key != key);
    }
}
