//! What could be set otherwise in a plan: one setting at a time, as `--set` takes it. Only what differs from what
//! is set is listed; whether the reader takes it, and what it does, is for others to find out.
//!
//! Places that say the same of a setting are flipped together: a setting of three producers is one setting.

use crate::study::contract::times::are_wrong;
use crate::world::document::Sets;
use ackproof_scenario::clock::spell_shift;
use ackproof_scenario::plan::{Group, Output, Part, Plan, SettingValue, Settings, Topic};
use ackproof_scenario::settings::{self, Preset, Scope, Setting};
use ackproof_types::{
    AfterCrash, AtEnd, Awaits, CommitEvery, CommitOffset, CommitStrategy, Covers, KafkaVersion,
    MemoryIn, OnCommitFailure, OnFailure, OnRecordFailure, OnRevoke, Shift, SinkWrites,
};
use std::collections::BTreeMap;

/// One setting, set otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flip {
    /// `acks`, with the places that it is of if others say something else.
    pub(super) setting: String,
    /// What is set, or holds by default.
    pub(super) from: String,
    /// What it is changed to.
    pub(super) to: String,
    /// The same as `--set` takes it.
    pub(super) sets: Sets,
}

/// Values that are worth a try beside the default, by setting.
const WORTH: &[(Scope, &str, &[&str])] = &[
    (Scope::Producer, "acks", &["all", "1", "0"]),
    (Scope::Producer, "enable.idempotence", &["true", "false"]),
    (Scope::Producer, "max.in.flight.requests.per.connection", &["1", "5"]),
    (Scope::Producer, "retries", &["0"]),
    (Scope::Producer, "delivery.timeout.ms", &["30000", "120000"]),
    (Scope::Producer, "request.timeout.ms", &["30000"]),
    (Scope::Producer, "linger.ms", &["0"]),
    (Scope::Topic, "min.insync.replicas", &["1", "2"]),
    (Scope::Topic, "unclean.leader.election.enable", &["false", "true"]),
    (Scope::Topic, "flush.messages", &["1"]),
    (Scope::Consumer, "auto.offset.reset", &["earliest", "latest", "by_duration:PT1H"]),
    (Scope::Consumer, "session.timeout.ms", &["6000", "10000", "30000", "45000"]),
    (Scope::Consumer, "max.poll.interval.ms", &["30000", "300000"]),
    (Scope::Consumer, "max.poll.records", &["20", "500"]),
    (Scope::Consumer, "auto.commit.interval.ms", &["1000"]),
    (Scope::Broker, "replica.lag.time.max.ms", &["10000", "30000"]),
    (Scope::Broker, "broker.session.timeout.ms", &["18000"]),
    (Scope::Broker, "group.consumer.session.timeout.ms", &["45000"]),
];

/// Of topics, where clocks or what records bear are wrong.
const TIMED: [&str; 2] = ["message.timestamp.type", "retention.ms"];
const TIMES: [(&str, &[&str]); 2] =
    [(TIMED[0], &["LogAppendTime", "CreateTime"]), (TIMED[1], &["-1"])];

/// Of the classic protocol only: with the other one they are refused, or say nothing.
const CLASSIC: &[&str] = &["session.timeout.ms", "heartbeat.interval.ms"];
/// What `protocol` and the assignor flip, and what follows from the way to commit.
const FOLLOWS: &[&str] = &[
    "group.protocol",
    "partition.assignment.strategy",
    "group.remote.assignor",
    "enable.auto.commit",
];

/// Where the assignors of members are.
const PACKAGE: &str = "org.apache.kafka.clients.consumer.";

/// Everything that could be otherwise in `plan`.
pub(super) fn flips(plan: &Plan) -> Vec<Flip> {
    let mut found = Found::default();
    producers(plan, &mut found);
    topics(plan, &mut found);
    groups(plan, &mut found);
    outputs(plan, &mut found);
    cluster(plan, &mut found);
    found.flips()
}

/// What is set somewhere, and what could be.
#[derive(Default)]
struct Found {
    /// In the order in which settings were seen.
    order: Vec<(&'static str, String)>,
    /// By kind of place and setting: what each place says, and alternatives.
    seen: BTreeMap<(&'static str, String), Vec<Said>>,
}

struct Said {
    /// `billing`.
    place: String,
    /// `producers.billing.config.acks`.
    path: String,
    now: String,
    others: Vec<String>,
}

impl Found {
    fn add(
        &mut self,
        kind: &'static str,
        setting: &str,
        (place, path): (&str, String),
        now: &str,
        others: impl IntoIterator<Item = impl Into<String>>,
    ) {
        let key = (kind, setting.to_owned());
        if !self.seen.contains_key(&key) {
            self.order.push(key.clone());
        }
        let mut all: Vec<String> = Vec::new();
        for other in others.into_iter().map(Into::into) {
            if other != now && !all.contains(&other) {
                all.push(other);
            }
        }
        let said = Said { place: place.to_owned(), path, now: now.to_owned(), others: all };
        self.seen.entry(key).or_default().push(said);
    }

    /// One of several words.
    fn word(&mut self, kind: &'static str, key: &str, at: (&str, &str), now: &str, all: &[&str]) {
        let path = format!("{}.{key}", at.1);
        self.add(kind, key, (at.0, path), now, all.iter().copied());
    }

    fn flips(mut self) -> Vec<Flip> {
        let mut all = Vec::new();
        for key in std::mem::take(&mut self.order) {
            let Some(said) = self.seen.remove(&key) else { continue };
            let mut alike: Vec<Vec<&Said>> = Vec::new();
            for one in &said {
                match alike.iter_mut().find(|class| class[0].now == one.now) {
                    Some(class) => class.push(one),
                    None => alike.push(vec![one]),
                }
            }
            for class in &alike {
                let names: Vec<&str> = class.iter().map(|one| one.place.as_str()).collect();
                let setting = if class.len() == said.len() {
                    key.1.clone()
                } else {
                    format!("{} of {}", key.1, names.join(", "))
                };
                all.extend(class[0].others.iter().map(|to| Flip {
                    setting: setting.clone(),
                    from: class[0].now.replace(PACKAGE, ""),
                    to: to.replace(PACKAGE, ""),
                    sets: class.iter().map(|one| (one.path.clone(), to.clone())).collect(),
                }));
            }
        }
        all
    }

    /// Settings of Kafka: those of [`WORTH`], and what is not at its default.
    fn settings(
        &mut self,
        scope: Scope,
        (place, path): (&str, &str),
        given: &Settings,
        version: KafkaVersion,
        without: &[&[&str]],
    ) {
        for setting in settings::of(scope).filter(|setting| setting.is_modelled()) {
            let key = setting.key;
            if without.iter().any(|keys| keys.contains(&key)) {
                continue;
            }
            let Some(now) = given.0.get(key).map(spelled) else { continue };
            let worth = WORTH.iter().find(|(of, known, _)| *of == scope && *known == key);
            let worth = worth.map_or(&[][..], |(_, _, values)| *values);
            let others = worth.iter().map(|value| (*value).to_owned());
            let others = others.chain(default(setting, version));
            self.add(scope.name(), key, (place, format!("{path}.config.{key}")), &now, others);
        }
    }
}

fn spelled(value: &SettingValue) -> String {
    match value {
        SettingValue::Number(number) => number.to_string(),
        SettingValue::Switch(on) => on.to_string(),
        SettingValue::Word(word) => word.clone(),
    }
}

fn default(setting: &Setting, version: KafkaVersion) -> Option<String> {
    match setting.default_in(version) {
        Preset::Number(number) => Some(number.to_string()),
        Preset::Switch(on) => Some(on.to_string()),
        Preset::Word(word) if !word.is_empty() => Some(word.to_owned()),
        Preset::Word(_) | Preset::Unneeded => None,
    }
}

fn names<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|one| name(*one)).collect()
}

fn producers(plan: &Plan, found: &mut Found) {
    for one in &plan.producers {
        let path = format!("producers.{}", one.name);
        let at = (one.name.as_str(), path.as_str());
        found.settings(Scope::Producer, at, &one.config, plan.kafka, &[]);
        let sending = one.sending;
        let all = names(OnFailure::ALL, OnFailure::name);
        found.word("producer", "on_failure", at, sending.on_failure.name(), &all);
        let all = names(AfterCrash::ALL, AfterCrash::name);
        found.word("producer", "after_crash", at, sending.after_crash.name(), &all);
        if sending.create_time != Shift::default() {
            let now = spell_shift(sending.create_time);
            found.word("producer", "create_time", at, &now, &[&spell_shift(Shift::default())]);
        }
        if one.records.is_some() || one.sends.is_some() {
            found.word("producer", "end", at, sending.end.name(), &names(AtEnd::ALL, AtEnd::name));
        }
    }
}

fn topics(plan: &Plan, found: &mut Found) {
    let is_mirror = |one: &&Group| matches!(one.part, Part::Mirror(_));
    let copies = plan.groups.iter().filter(is_mirror).filter_map(|one| one.produces.as_ref());
    let made: Vec<_> = copies.map(|one| one.to).collect();
    let wrong = are_wrong(plan);
    for (id, one) in plan.user_topics() {
        if made.contains(&id) {
            continue;
        }
        let Topic { name, replication_factor, config, .. } = one;
        let path = format!("topics.{name}");
        let without: &[&[&str]] = if wrong { &[&TIMED] } else { &[] };
        found.settings(Scope::Topic, (name, &path), config, plan.kafka, without);
        if wrong {
            let at = (name.as_str(), path.as_str());
            for (key, worth) in TIMES {
                let now = config.0.get(key).map(spelled).unwrap_or_default();
                let path = (at.0, format!("{}.config.{key}", at.1));
                found.add(Scope::Topic.name(), key, path, &now, worth.iter().copied());
            }
        }
        let brokers = plan.cluster(one.cluster).brokers;
        // No disk is ever lost here, so fewer replicas would look safer than they are.
        let more = |factor: &u16| (replication_factor..=&brokers).contains(&factor);
        let factors = [2, 3].into_iter().filter(more);
        let key = "replication.factor";
        let at = (name.as_str(), format!("{path}.{key}"));
        let factors = factors.map(|factor: u16| factor.to_string());
        found.add("topic", key, at, &replication_factor.to_string(), factors);
    }
}

/// How a group shares its partitions out, as `--set protocol=` has it.
fn protocol(group: &Group) -> &'static str {
    let assignors = group.config.word("partition.assignment.strategy");
    match group.config.word("group.protocol") {
        "consumer" => "consumer",
        _ if assignors.ends_with("CooperativeStickyAssignor") && !assignors.contains(',') => {
            "cooperative"
        }
        _ => "eager",
    }
}

fn groups(plan: &Plan, found: &mut Found) {
    for one in &plan.groups {
        match &one.part {
            Part::Application => {}
            Part::StandsFor(_) => continue,
            Part::Mirror(mirror) => {
                let path = format!("mirrors.{}.config", one.name);
                let now = mirror.sync_interval.is_some().to_string();
                let at = (one.name.as_str(), path.as_str());
                found.word("mirror", "sync.group.offsets.enabled", at, &now, &["true", "false"]);
                continue;
            }
        }
        let path = format!("groups.{}", one.name);
        let at = (one.name.as_str(), path.as_str());
        let protocol = protocol(one);
        let is_fixed = one.assigned == one.members;
        if !is_fixed {
            let words = ["eager", "cooperative", "consumer"];
            found.word("consumer", "protocol", at, protocol, &words);
        }
        if !is_fixed {
            assignor(one, at, protocol, found);
        }
        let foreign = if protocol == "consumer" { CLASSIC } else { &[] };
        found.settings(Scope::Consumer, at, &one.config, plan.kafka, &[foreign, FOLLOWS]);
        if !is_fixed && one.config.text("group.instance.id").is_none() {
            let place = (at.0, format!("{path}.config.group.instance.id"));
            let id = [format!("{}-{{member}}", one.name)];
            found.add("consumer", "group.instance.id", place, "none", id);
        }
        application(one, at, found);
        sink(one, at, found);
    }
}

/// How partitions are shared out: by members that give everything up first, or by the coordinator.
fn assignor(group: &Group, (place, path): (&str, &str), protocol: &str, found: &mut Found) {
    let classes = ["RangeAssignor", "RoundRobinAssignor", "StickyAssignor"];
    let classes = classes.map(|class| format!("{PACKAGE}{class}"));
    let (key, all) = match protocol {
        "eager" => ("partition.assignment.strategy", classes.to_vec()),
        "consumer" => ("group.remote.assignor", vec!["uniform".to_owned(), "range".to_owned()]),
        _ => return,
    };
    let now = group.config.text(key).unwrap_or("uniform");
    // The first one that all members have is chosen.
    let usual = now.split(',').next().unwrap_or(now);
    let others = all.into_iter().filter(|one| one != usual);
    found.add("consumer", "assignor", (place, format!("{path}.config.{key}")), usual, others);
}

fn application(one: &Group, at: (&str, &str), found: &mut Found) {
    const KIND: &str = "consumer";
    let given = &one.consuming;
    let all = names(CommitStrategy::ALL, CommitStrategy::name);
    found.word(KIND, "commit", at, one.commit.name(), &all);
    if !one.commit.is_automatic() {
        let all = names(OnRevoke::ALL, OnRevoke::name);
        found.word(KIND, "on_revoke", at, given.on_revoke.name(), &all);
        let all = names(CommitOffset::ALL, CommitOffset::name);
        let usual = given.commit_offset == CommitOffset::Next;
        let offsets = if usual { &[][..] } else { &all };
        found.word(KIND, "commit_offset", at, given.commit_offset.name(), offsets);
    }
    if one.commit == CommitStrategy::AsyncAfterBatch {
        let all = names(OnCommitFailure::ALL, OnCommitFailure::name);
        found.word(KIND, "on_commit_failure", at, given.on_commit_failure.name(), &all);
    }
    if given.workers.is_some() {
        let all = names(Covers::ALL, Covers::name);
        found.word(KIND, "covers", at, given.covers.name(), &all);
    }
    if one.failures_per_million > 0 || !one.fails.is_empty() {
        let all = names(OnRecordFailure::ALL, OnRecordFailure::name);
        found.word(KIND, "on_failure", at, given.on_failure.name(), &all);
        found.word(KIND, "attempts", at, &one.attempts.to_string(), &["1", "3", "10"]);
    }
    let every = match given.commit_every {
        Some(CommitEvery::Records(many)) => Some((many.to_string(), ["1", "2s"])),
        Some(CommitEvery::Time(time)) => {
            Some((ackproof_scenario::durations::spell(time), ["1", "200ms"]))
        }
        None => None,
    };
    if let Some((now, others)) = every {
        found.word(KIND, "commit_every", at, &now, &others);
    }
    if one.assigned > 0 {
        found.word(KIND, "assign", at, &one.assigned.to_string(), &["0"]);
    }
}

fn sink(one: &Group, at: (&str, &str), found: &mut Found) {
    let Some(sink) = one.sink else { return };
    let all = names(SinkWrites::ALL, SinkWrites::name);
    found.word("consumer", "sink.writes", at, sink.writes.name(), &all);
    if !sink.writes.deduplicates() {
        return;
    }
    if let Some(memory) = sink.memory {
        let (now, more) = (memory.to_string(), memory.saturating_mul(100).to_string());
        found.word("consumer", "sink.memory", at, &now, &[&more]);
    }
    let all = names(MemoryIn::ALL, MemoryIn::name);
    found.word("consumer", "sink.memory_in", at, sink.memory_in.name(), &all);
}

fn outputs(plan: &Plan, found: &mut Found) {
    for one in plan.groups.iter().filter(|one| one.part == Part::Application) {
        let lanes = [("produces", &one.produces), ("dead_letter", &one.dead_letter)];
        for (lane, output) in lanes {
            let Some(Output { awaits, sending, config, .. }) = output else { continue };
            let (name, path) =
                (format!("{}.{lane}", one.name), format!("groups.{}.{lane}", one.name));
            let at = (name.as_str(), path.as_str());
            // The same settings as those of producers, and so perhaps flipped with them.
            found.settings(Scope::Producer, at, config, plan.kafka, &[]);
            let all = names(Awaits::ALL, Awaits::name);
            found.word("output", "wait", at, awaits.name(), &all);
            let all = names(OnFailure::ALL, OnFailure::name);
            found.word("output", "on_failure", at, sending.on_failure.name(), &all);
        }
    }
}

fn cluster(plan: &Plan, found: &mut Found) {
    let new = plan.groups.iter().any(|one| protocol(one) == "consumer");
    let is_foreign = |setting: &&Setting| !new && setting.key.starts_with("group.consumer.");
    let without: Vec<&str> =
        settings::of(Scope::Broker).filter(is_foreign).map(|setting| setting.key).collect();
    for (id, one) in plan.numbered() {
        let path = plan.cluster_path(id);
        let topic = ["min.insync.replicas", "unclean.leader.election.enable"];
        let at = (one.name.as_str(), path.as_str());
        found.settings(Scope::Broker, at, &one.config, plan.kafka, &[&without, &topic]);
    }
    let lines = names(&KafkaVersion::ALL, KafkaVersion::name);
    let (at, now) = (("", "kafka".to_owned()), plan.kafka.name());
    found.add("kafka", "kafka", at, now, lines);
    let key = "eligible.leader.replicas.version";
    let (at, now) = (("", format!("features.{key}")), plan.features.eligible_leader_replicas);
    found.add("features", key, at, &now.to_string(), ["0", "1"]);
}
