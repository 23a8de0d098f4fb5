//! The way back: a plan with everything decided, as the tree of a schedule file, and that tree as text.
//!
//! Only what differs from a default is written; a record and a fault have a line each, so that files can
//! be read, edited and compared. It does not decide anything: what chance chose is handed in.

mod clusters;
mod groups;
mod mirrors;
mod orders;

use crate::anchor;
use crate::clients::START;
use crate::clock::spell_shift;
use crate::config::preset;
use crate::describe::{peer, verb, words};
use crate::durations::{spell, spell_bandwidth, spell_percent, spell_range};
use crate::expect::EXPECTED;
use crate::faults::DIRECTIONS;
use crate::moment::ANY_TIME;
use crate::plan::{
    Action, Direction, Expect, FaultKind, Links, Order, Peers, Plan, PlannedRecord, Producer,
    SettingValue, Settings, Target, Topic,
};
use crate::resolve::MEASURES;
use crate::schedule::{ScheduledFault, Start, Wait, Workload};
use crate::sends::line;
use crate::settings::{self, Scope};
use crate::talk::Talk;
use crate::topics;
use ackproof_types::{
    ClusterId, FeatureUpdate, Features, KafkaVersion, Micros, ProducerIndex, Sending,
    TopicPartition,
};
use groups::group;
use orders::ordered;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The tree of a schedule: `plan` under `seed`, with its `faults` decided.
#[must_use]
pub fn tree(plan: &Plan, seed: u64, faults: &[ScheduledFault]) -> Value {
    let mut root = Object::new();
    root.put("name", json!(plan.name));
    root.put_if(!plan.about.is_empty(), "about", || json!(plan.about));
    root.put("seed", json!(seed));
    root.put_if(plan.kafka != KafkaVersion::default(), "kafka", || json!(plan.kafka.name()));
    root.put_full("features", features(plan.features));
    root.put_full("cluster", clusters::first(plan));
    let others = plan.clusters.iter().skip(1);
    let others = others.map(|one| (one.name.as_str(), Value::Object(clusters::one(one, plan))));
    root.put_if(plan.clusters.len() > 1, "clusters", || by_name(others));
    let topics = plan.user_topics().map(|(_, topic)| topic);
    root.put("topics", by_name(topics.map(|one| (one.name.as_str(), topic(one, plan)))));
    let mut producers = Map::new();
    let mut index = 0;
    for one in &plan.producers {
        producers.insert(one.name.clone(), producer(one, plan, seed, index));
        index += one.instances;
    }
    root.put("producers", Value::Object(producers));
    let groups = plan.named_groups().map(|one| (one.name.as_str(), group(one, plan)));
    root.put_if(plan.named_groups().next().is_some(), "groups", || by_name(groups));
    root.put_full("mirrors", mirrors::all(plan));
    let faults: Vec<Value> = faults.iter().map(|one| fault(one, plan)).collect();
    root.put_if(!faults.is_empty(), "faults", || Value::Array(faults));
    root.put("run", json!({ "load": spell(plan.load), "settle": spell(plan.settle) }));
    root.put_if(plan.expect.stated, "expect", || Value::Object(expect(&plan.expect)));
    root.put_if(!plan.variants.is_empty(), "variants", || json!(plan.variants));
    root.put_if(plan.mended, "mended", || json!(true));
    Value::Object(root.0)
}

/// An object in the making.
struct Object(Map<String, Value>);

impl Object {
    fn new() -> Self {
        Self(Map::new())
    }

    fn put(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    fn put_if(&mut self, wanted: bool, key: &str, value: impl FnOnce() -> Value) {
        if wanted {
            self.put(key, value());
        }
    }

    /// Unless there is nothing in it.
    fn put_full(&mut self, key: &str, value: Map<String, Value>) {
        self.put_if(!value.is_empty(), key, || Value::Object(value));
    }
}

fn by_name<'n>(entries: impl Iterator<Item = (&'n str, Value)>) -> Value {
    Value::Object(entries.map(|(name, value)| (name.to_owned(), value)).collect())
}

fn finalized(update: FeatureUpdate) -> Value {
    let numbers = |(key, level): (&str, String)| {
        let level = level.parse::<u8>().map_or_else(|_| json!(level), |number| json!(number));
        (key.to_owned(), level)
    };
    Value::Object(update.levels().into_iter().map(numbers).collect())
}

fn features(given: Features) -> Map<String, Value> {
    let (mut object, usual) = (Object::new(), Features::default());
    object.put_if(given.metadata_version != usual.metadata_version, "metadata.version", || {
        json!(given.metadata_version.metadata_version())
    });
    for (key, level, usual) in [
        ("group.version", given.group_version, usual.group_version),
        ("transaction.version", given.transaction_version, usual.transaction_version),
        (
            "eligible.leader.replicas.version",
            given.eligible_leader_replicas,
            usual.eligible_leader_replicas,
        ),
    ] {
        object.put_if(level != usual, key, || json!(level));
    }
    object.0
}

/// What differs from the defaults; `inherited` has defaults of its own.
fn config(
    given: &Settings,
    (scope, kafka): (Scope, KafkaVersion),
    inherited: &Settings,
) -> Map<String, Value> {
    let mut map = Map::new();
    for setting in settings::of(scope).filter(|setting| setting.is_modelled()) {
        let default = inherited.0.get(setting.key).cloned().or_else(|| preset(setting, kafka));
        let Some(value) = given.0.get(setting.key).filter(|value| Some(*value) != default.as_ref())
        else {
            continue;
        };
        map.insert(setting.key.to_owned(), setting_value(value));
    }
    map
}

fn setting_value(value: &SettingValue) -> Value {
    match value {
        SettingValue::Number(number) => json!(number),
        SettingValue::Switch(on) => json!(on),
        SettingValue::Word(word) => json!(word),
    }
}

fn none() -> Settings {
    Settings::default()
}

fn topic(topic: &Topic, plan: &Plan) -> Value {
    let mut object = Object::new();
    let cluster = plan.cluster(topic.cluster);
    object.put_if(topic.cluster != ClusterId::FIRST, "cluster", || json!(cluster.name));
    object.put("partitions", json!(topic.partitions));
    let usual = topic.replication_factor == cluster.brokers.min(3);
    object.put_if(!usual, "replication.factor", || json!(topic.replication_factor));
    let inherited = topics::inherited(&cluster.config);
    object.put_full("config", config(&topic.config, (Scope::Topic, plan.kafka), &inherited));
    Value::Object(object.0)
}

fn producer(producer: &Producer, plan: &Plan, seed: u64, first: u16) -> Value {
    let mut object = Object::new();
    let topic = &plan.topics[producer.topic.index()].name;
    object.put_if(plan.user_topics().count() > 1, "topic", || json!(topic));
    let of_topic = plan.topics[producer.topic.index()].cluster;
    object.put_if(producer.at != of_topic, "at", || json!(plan.cluster(producer.at).name));
    object.put_if(producer.instances != 1, "instances", || json!(producer.instances));
    object.put_if(producer.start != START, "start", || json!(spell(producer.start)));
    compression(&mut object, &producer.config, producer.compressed_to);
    let (sending, usual) = (producer.sending, Sending::default());
    for (key, word, usual) in [
        ("on_failure", sending.on_failure.name(), usual.on_failure.name()),
        ("after_crash", sending.after_crash.name(), usual.after_crash.name()),
        ("end", sending.end.name(), usual.end.name()),
    ] {
        object.put_if(word != usual, key, || json!(word));
    }
    object.put_if(sending.threads.is_some(), "threads", || json!(sending.threads));
    let create_time = sending.create_time;
    object.put_if(create_time != usual.create_time, "create_time", || {
        json!(spell_shift(create_time))
    });
    object.put_full("config", config(&producer.config, (Scope::Producer, plan.kafka), &none()));
    let mut sends = Map::new();
    for instance in 0..producer.instances {
        let place = (ProducerIndex(first + instance), instance);
        let records = Workload::new(seed, place, producer, plan.load);
        let lines = records.map(|(at, record)| {
            json!(line(&PlannedRecord { at, key: record.key, size: record.size }))
        });
        sends.insert(format!("{}-{instance}", producer.name), lines.collect());
    }
    object.put("sends", Value::Object(sends));
    Value::Object(object.0)
}

fn compression(object: &mut Object, config: &Settings, to: u32) {
    let compresses = config.word("compression.type") != "none";
    object.put_if(compresses, "compressed_to", || json!(spell_percent(to)));
}

fn fault(fault: &ScheduledFault, plan: &Plan) -> Value {
    let mut object = Object::new();
    match fault.start {
        Start::At(at) => {
            object.put("at", json!(spell(at)));
            // Who it is would have been decided when it struck.
            object.put_if(fault.kind.is_of_moment(), "on", || json!(ANY_TIME));
        }
        Start::After(moment, plus) => {
            object.put("after", json!(anchor::spell(moment, plan)));
            object.put_if(plus > Micros::ZERO, "plus", || json!(spell(plus)));
        }
        Start::On(Wait { from, until, moment, plus }) => {
            object.put("at", json!(spell(from)));
            object.put("on", json!(moment.row().name));
            object.put_if(plus > Micros::ZERO, "plus", || json!(spell(plus)));
            if let Some(until) = until {
                object.put("until", json!(spell(until)));
            }
        }
    }
    sentence(&mut object, &fault.kind, plan);
    let at_once =
        matches!(fault.kind.action, Action::Reset | Action::Administer(_) | Action::FailOver);
    let lasts = fault.lasts.filter(|_| !at_once);
    if let Some(lasts) = lasts {
        object.put("for", json!(spell(lasts)));
    }
    if let Some(grace) = fault.kind.grace {
        object.put("grace", json!(spell(grace)));
    }
    Value::Object(object.0)
}

fn sentence(object: &mut Object, kind: &FaultKind, plan: &Plan) {
    let target = || json!(words(kind.target, plan));
    let what = match &kind.action {
        Action::Partition(sides) => sides.iter().map(|side| names(side, plan)).collect(),
        Action::Administer(Order::UpdateFeatures(levels)) => finalized(*levels),
        _ => target(),
    };
    object.put(verb(&kind.action), what);
    match &kind.action {
        Action::Isolate(which) => links(object, "from", which, plan),
        Action::Slow { links: which, by, only } => {
            object.put("by", json!(spell_range(*by)));
            links(object, "to", which, plan);
            object.put_if(only.is_some(), "only", || json!(only.map(Talk::name)));
        }
        Action::Lossy { links: which, loss } => {
            object.put("loss", json!(spell_percent(*loss)));
            links(object, "to", which, plan);
        }
        Action::Throttle { links: which, bytes_per_second } => {
            object.put("rate", json!(spell_bandwidth(*bytes_per_second)));
            links(object, "to", which, plan);
        }
        Action::Clock(fault) => object.put("by", json!(fault.by())),
        Action::SlowFollower(by) => object.put("by", json!(spell_range(*by))),
        Action::RollingRestart(to) => {
            object.put_if(to.is_some(), "to", || json!(to.map(KafkaVersion::name)));
        }
        Action::Administer(order) => ordered(object, (order, kind.target), plan),
        Action::Storage(fault) => {
            let name =
                |log: TopicPartition| words(Target::Partition(log.topic, log.partition), plan);
            for (key, value) in fault.keys(name) {
                object.put(key, value);
            }
        }
        Action::Crash
        | Action::PowerLoss
        | Action::DiskLost
        | Action::Restart
        | Action::Pause
        | Action::Partition(_)
        | Action::Reset
        | Action::Leave
        | Action::Join
        | Action::FailOver
        | Action::Hold(_) => {}
    }
}

fn names(peers: &[Peers], plan: &Plan) -> Value {
    peers.iter().map(|one| json!(peer(*one, plan))).collect()
}

fn links(object: &mut Object, key: &str, links: &Links, plan: &Plan) {
    let everybody = links.peers == [Peers::Brokers, Peers::Controllers, Peers::Clients];
    object.put_if(!everybody, key, || names(&links.peers, plan));
    let direction = DIRECTIONS.iter().find(|(_, direction)| *direction == links.direction);
    let name = direction.map_or("both", |(name, _)| name);
    object.put_if(links.direction != Direction::Both, "direction", || json!(name));
}

fn expect(expect: &Expect) -> Map<String, Value> {
    let mut map = Map::new();
    for (property, expected) in &expect.properties {
        let name = EXPECTED.iter().find(|(_, known)| known == expected).map(|(name, _)| *name);
        map.insert(property.clone(), json!(name));
    }
    for limit in &expect.limits {
        let is_length = !MEASURES.contains(&limit.measure.as_str());
        let mut bounds = Object::new();
        for (key, bound) in [("min", limit.min), ("max", limit.max)] {
            if let Some(bound) = bound {
                bounds.put(key, if is_length { millis(bound) } else { amount(bound) });
            }
        }
        let bounds = Value::Object(bounds.0);
        // A statistic of a latency stands in the latency's map.
        let Some((latency, statistic)) = limit.measure.split_once('.') else {
            map.insert(limit.measure.clone(), bounds);
            continue;
        };
        let entry = map.entry(latency.to_owned()).or_insert_with(|| Value::Object(Map::new()));
        if let Some(entry) = entry.as_object_mut() {
            entry.insert(statistic.to_owned(), bounds);
        }
    }
    if let Some(witness) = &expect.witness {
        map.insert("witness".to_owned(), json!(witness));
    }
    map
}

/// A length of time, given in milliseconds.
fn millis(value: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was read from a length that is no longer than a day"
    )]
    let micros = (value * 1000.0).round() as u64;
    json!(spell(Micros(micros)))
}

/// Whole numbers without a fraction, as people type them.
fn amount(value: f64) -> Value {
    let text = value.to_string();
    text.parse::<u64>().map_or_else(|_| json!(value), |whole| json!(whole))
}

/// `tree` as the text of a file, below the comment lines of `header`; `notes` go behind the faults of
/// that number.
#[must_use]
pub fn text(tree: &Value, header: &[String], notes: &BTreeMap<usize, String>) -> String {
    let mut out: String =
        header.iter().map(|line| format!("// {line}").trim_end().to_owned() + "\n").collect();
    let mut printer = Printer { out: &mut out, notes };
    printer.value(tree, 0, &[]);
    out.push('\n');
    out
}

/// Longest line on which an object or a list is put together.
const WIDTH: usize = 100;

struct Printer<'p> {
    out: &'p mut String,
    notes: &'p BTreeMap<usize, String>,
}

impl Printer<'_> {
    fn value(&mut self, value: &Value, depth: usize, path: &[&str]) {
        let lines = Self::lines(value, depth, path);
        match value {
            Value::Object(members) if lines => {
                self.out.push_str("{\n");
                for (place, (key, value)) in members.iter().enumerate() {
                    self.indent(depth + 1);
                    self.out.push_str(&format!("{}: ", json!(key)));
                    let path = [path, &[key.as_str()]].concat();
                    self.value(value, depth + 1, &path);
                    self.out.push_str(if place + 1 < members.len() { ",\n" } else { "\n" });
                }
                self.indent(depth);
                self.out.push('}');
            }
            Value::Array(items) if lines => {
                self.out.push_str("[\n");
                for (place, item) in items.iter().enumerate() {
                    self.indent(depth + 1);
                    self.out.push_str(&inline(item));
                    self.out.push_str(if place + 1 < items.len() { "," } else { "" });
                    if let Some(note) = self.notes.get(&place).filter(|_| path == ["faults"]) {
                        self.out.push_str(&format!(" // {note}"));
                    }
                    self.out.push('\n');
                }
                self.indent(depth);
                self.out.push(']');
            }
            other => self.out.push_str(&inline(other)),
        }
    }

    /// Whether every member or item has a line of its own.
    fn lines(value: &Value, depth: usize, path: &[&str]) -> bool {
        match value {
            Value::Object(members) => {
                depth == 0
                    || path.last() == Some(&"sends")
                    || members.values().any(|one| one.get("sends").is_some())
                    || members.contains_key("sends")
                    || inline(value).len() + 2 * depth > WIDTH
            }
            Value::Array(items) => {
                let is_sends = path.len() == 4 && path[2] == "sends";
                !items.is_empty() && (path == ["faults"] || is_sends)
            }
            _ => false,
        }
    }

    fn indent(&mut self, depth: usize) {
        self.out.push_str(&"  ".repeat(depth));
    }
}

/// A value on one line, with blanks where people put them.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members =
                members.iter().map(|(key, one)| format!("{}: {}", json!(key), inline(one)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
