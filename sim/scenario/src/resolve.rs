//! From text to [`Plan`]: parses a scenario, puts in values from the command line, fills in defaults
//! and checks what Kafka would refuse. Reports as many mistakes at once as it can.

use crate::clients::{groups, producers};
use crate::clusters::Clusters;
use crate::diagnostic::Diagnostic;
use crate::expect::expect;
use crate::faults::faults;
use crate::features;
use crate::files::{self, Reader};
use crate::json::{Span, Value, parse};
use crate::mirrors::mirrors;
use crate::overrides;
use crate::plan::{Expect, Group, Ignored, Outsiders, Plan, Settings};
use crate::protocol;
use crate::settings::Standing;
use crate::sink::{At, Sink};
use crate::topics::topics;
use ackproof_types::{ClusterId, Micros, TopicId};

/// Largest scenario, in bytes: a schedule has a line for every record.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Counts and shares that `expect` can put limits on.
pub const MEASURES: &[&str] = &[
    "duplicate_rate",
    "log_duplicates",
    "lost",
    "displaced",
    "loss_rate",
    "skipped",
    "backlog",
    "dead_lettered",
    "sink_repeated",
    "sink_missing",
    "output_duplicates",
    "output_duplicate_rate",
    "output_lost",
    "unknown",
    "unknown_absent",
    "unknown_absent_rate",
    "failed",
    "reordered",
    "unavailability",
    "read_unavailability",
    "handler_use",
    "disk_use",
];
/// Lengths of time that `expect` can put limits on.
pub const LENGTHS: &[&str] = &[
    "longest_stall",
    "longest_read_stall",
    "longest_failover",
    "longest_handover",
    "longest_queue",
    "longest_disk_queue",
];
/// Latencies: `expect` can put limits on each of [`STATISTICS`] of them.
pub const LATENCIES: &[&str] = &["ack_latency", "end_to_end_latency"];
/// What can be limited of a latency.
pub const STATISTICS: &[&str] = &["mean", "p50", "p95", "p99"];

/// Keys of a scenario.
pub(crate) const KEYS: &[&str] = &[
    "$schema",
    "name",
    "about",
    "seed",
    "kafka",
    "features",
    "cluster",
    "clusters",
    "topics",
    "producers",
    "groups",
    "mirrors",
    "faults",
    "run",
    "expect",
    "variants",
    "mended",
];
/// Keys of `run`.
pub(crate) const RUN_KEYS: &[&str] = &["load", "settle"];

/// Most producers and members of a scenario: every pair of processes has two links.
const MAX_PROCESSES: usize = 500;
/// Most partitions of a scenario, all topics together.
const MAX_PARTITIONS: usize = 10_000;

/// Names that this crate does not know itself.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Properties of the oracle.
    pub properties: &'a [&'a str],
    /// Events that `expect.witness` can count.
    pub witnesses: &'a [&'a str],
    /// Variants of the models.
    pub variants: &'a [&'a str],
}

/// Reads the scenario `text`, called `file` in messages, with `sets` (`path`, `value`) put over it.
///
/// # Errors
/// Everything found wrong, in the order of the text; warnings among it.
pub fn load_with(
    text: &str,
    file: &str,
    names: &Names<'_>,
    sets: &[(String, String)],
) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    load_from(text, (file, &|_| Err("no files are read here".to_owned())), names, sets)
}

/// As [`load_with`], with files that the scenario names.
///
/// # Errors
/// As [`load_with`].
pub fn load_from(
    text: &str,
    (file, reader): (&str, Reader<'_>),
    names: &Names<'_>,
    sets: &[(String, String)],
) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut sink = Sink::new(text, file, sets);
    let plan = read(text, (file, reader), names, sets, &mut sink);
    let (found, failed) = sink.conclude();
    match plan {
        Some(plan) if !failed => Ok((plan, found)),
        _ => Err(found),
    }
}

fn read(
    text: &str,
    (file, reader): (&str, Reader<'_>),
    names: &Names<'_>,
    sets: &[(String, String)],
    sink: &mut Sink<'_>,
) -> Option<Plan> {
    let start = Span::default();
    if u64::try_from(text.len()).is_ok_and(|length| length > MAX_BYTES) {
        sink.error(start, "", "the file is larger than 16 MiB: this is not a scenario");
        return None;
    }
    if text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']).is_empty() {
        let hint = Some("`ackproof new` writes a scenario to start from".to_owned());
        sink.hinted(start, "", "the file is empty", hint);
        return None;
    }
    let mut node = match parse(text) {
        Ok(node) => node,
        Err(error) => {
            sink.error(error.span, "", error.message);
            return None;
        }
    };
    if node.members().is_some() {
        overrides::apply(&mut node, sets, sink);
        files::put_in(&mut node, sink, reader);
        protocol::apply(&mut node, sets, sink);
    }
    let root = At::root(&node);
    sink.object(&root, KEYS).then(|| plan(&root, file, names, sink))
}

fn plan(root: &At<'_>, file: &str, names: &Names<'_>, sink: &mut Sink<'_>) -> Plan {
    if let Some(at) = root.get("$schema") {
        sink.string(&at);
    }
    sink.kafka = features::version(sink, root.get("kafka").as_ref());
    let features = features::read(sink, root.get("features").as_ref());
    let text = |sink: &mut Sink<'_>, key| root.get(key).and_then(|at| sink.string(&at));
    text(sink, "$schema");
    let name = text(sink, "name").map_or_else(|| stem(file), str::to_owned);
    let about = text(sink, "about").unwrap_or_default().to_owned();
    let (load, settle) = run(sink, root.get("run").as_ref());
    let clusters = Clusters::read(sink, root, settle);
    let mut topics = topics(sink, root.get("topics").as_ref(), &clusters);
    let producers = producers(sink, root.get("producers").as_ref(), &topics, (load, &clusters));
    let mut groups = groups(sink, root.get("groups").as_ref(), (&topics, &producers), &clusters);
    mirrors(sink, root, (&mut topics, &mut groups), (&producers, &clusters));
    let network = clusters.of(ClusterId::FIRST).network;
    let first_of_others = topics.len() - clusters.all().count();
    let offsets = std::iter::once(0).chain(first_of_others + 1..).map(topic_id);
    let clusters = clusters.into_all().into_iter().zip(offsets);
    let mut plan = Plan {
        name,
        about,
        seed: root.get("seed").and_then(|at| seed(sink, &at)),
        kafka: sink.kafka,
        features,
        clusters: clusters.map(|(cluster, offsets)| cluster.decided(offsets)).collect(),
        network,
        topics,
        producers,
        groups,
        outsiders: Outsiders::default(),
        faults: Vec::new(),
        load,
        settle,
        expect: Expect::default(),
        variants: variants(sink, root.get("variants").as_ref(), names),
        mended: root.get("mended").is_some_and(|at| mended(sink, &at)),
        ignored: Vec::new(),
    };
    plan.ignored = ignored(sink);
    check(sink, root, &plan);
    plan.faults = faults(sink, root.get("faults").as_ref(), &plan);
    plan.expect = expect(sink, root.get("expect").as_ref(), names);
    let entries = root.get("faults").map(|at| at.items()).unwrap_or_default();
    for at in root.get("name").iter().chain(&entries) {
        plan.expect.note(sink, &at.path, at);
    }
    plan
}

fn topic_id(index: usize) -> TopicId {
    TopicId(u16::try_from(index).expect("topics are bounded"))
}

/// `a/leader-crash.json` → `leader-crash`.
fn stem(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

/// A whole number; one past the last one must be a number too.
fn seed(sink: &mut Sink<'_>, at: &At<'_>) -> Option<u64> {
    let raw = if let Value::Number(raw) = &at.node.value { raw.parse::<u64>().ok() } else { None };
    let seed = raw.filter(|seed| *seed < u64::MAX);
    if seed.is_none() {
        sink.at(at, "a seed is a whole number from 0, below 2^64 - 1, without quotes");
    }
    seed
}

fn run(sink: &mut Sink<'_>, at: Option<&At<'_>>) -> (Micros, Micros) {
    let (load, settle) = (Micros::from_secs(30), Micros::from_secs(60));
    let Some(at) = at.filter(|at| sink.object(at, RUN_KEYS)) else { return (load, settle) };
    let mut length = |key, default| {
        at.get(key)
            .and_then(|at| {
                let length = sink.duration(&at)?;
                if length == Micros::ZERO {
                    sink.at(&at, format!("\"{key}\" must be above 0"));
                }
                Some(length)
            })
            .unwrap_or(default)
    };
    (length("load", load), length("settle", settle))
}

fn mended(sink: &mut Sink<'_>, at: &At<'_>) -> bool {
    if let Value::Bool(on) = at.node.value {
        return on;
    }
    sink.at(at, "known gaps in Kafka's rules are closed, or not: write true or false");
    false
}

fn variants(sink: &mut Sink<'_>, at: Option<&At<'_>>, names: &Names<'_>) -> Vec<String> {
    let items = at.map(|at| sink.list(at)).unwrap_or_default();
    let mut chosen = Vec::new();
    for item in &items {
        let Some(name) = sink.string(item) else { continue };
        if names.variants.contains(&name) {
            chosen.push(name.to_owned());
        } else {
            let known = names.variants.iter().copied();
            sink.unknown(item.node.span, &item.path, ("variant", name), known);
        }
    }
    chosen
}

/// R9.29: whether the cluster serves the groups that follow the consumer protocol.
fn consumer_groups(sink: &mut Sink<'_>, root: &At<'_>, plan: &Plan) {
    let is_consumer = |config: &Settings| config.word("group.protocol") == "consumer";
    for group in plan.groups.iter().filter(|group| group.configs().any(is_consumer)) {
        consumer_group(sink, root, plan, group);
    }
}

fn consumer_group(sink: &mut Sink<'_>, root: &At<'_>, plan: &Plan, group: &Group) {
    const KEY: &str = "group.coordinator.rebalance.protocols";
    let served = plan.cluster(plan.cluster_of(group)).config.word(KEY);
    let why = if plan.features.group_version == 0 {
        "group.version is 0".to_owned()
    } else if !served.split(',').any(|one| one == "consumer") {
        format!("{KEY} is {served}")
    } else {
        return;
    };
    let message = format!(
        "{} has group.protocol=consumer, and {why}: UNSUPPORTED_VERSION, no member could join",
        group.name
    );
    let at = root.get("groups").and_then(|at| at.get(&group.name));
    let at = at.unwrap_or_else(|| root.clone());
    sink.error(at.key_span, &at.path, message);
}

/// Checks the scenario as a whole.
/// Kafka refuses a record without a key in a topic that is compacted (`INVALID_RECORD`).
fn compacted(sink: &mut Sink<'_>, root: &At<'_>, plan: &Plan) {
    for producer in plan.producers.iter().filter(|producer| producer.keys == 0) {
        let topic = &plan.topics[producer.topic.index()];
        let at = root.get("producers").and_then(|at| at.get(&producer.name));
        // Records that are named one by one say their keys there.
        let at = at.filter(|at| at.get("sends").is_none());
        if let (true, Some(at)) = (topic.is_compacted(), at) {
            let (name, topic) = (&producer.name, &topic.name);
            let message = format!(
                "{topic} is compacted, and the records of {name} have no key: Kafka refuses them"
            );
            let hint = Some("add \"keys\": 100".to_owned());
            sink.hinted(at.key_span, &at.path, message, hint);
        }
    }
}

fn check(sink: &mut Sink<'_>, root: &At<'_>, plan: &Plan) {
    if root.get("topics").is_none_or(|at| at.node.members().is_some_and(<[_]>::is_empty)) {
        let message = "there is no topic; add \"topics\": { \"payments\": {} }";
        sink.error(first(root), "topics", message);
    }
    if root.get("producers").is_none_or(|at| at.node.members().is_some_and(<[_]>::is_empty)) {
        let message = "nobody writes; add \"producers\": { \"billing\": {} }";
        sink.error(first(root), "producers", message);
    }
    for (id, _) in plan.numbered() {
        offsets_topic(sink, root, plan, id);
    }
    compacted(sink, root, plan);
    consumer_groups(sink, root, plan);
    for group in plan.named_groups() {
        if plan.producers.iter().any(|producer| producer.name == group.name) {
            let message = format!("\"{}\" is a producer and a group: {0}-0 is both", group.name);
            if let Some(at) = root.get("groups").and_then(|at| at.get(&group.name)) {
                sink.error(at.key_span, &at.path, message);
            }
        }
    }
    for (kind, name, _) in starts(plan) {
        let others = plan.numbered().skip(1);
        let taken = others.map(|(id, _)| plan.process_name(id, "broker")).any(|one| one == name);
        if taken && let Some(at) = root.get(kind).and_then(|at| at.get(name)) {
            let message = format!("\"{name}\" would name processes of a cluster");
            sink.error(at.key_span, &at.path, message);
        }
    }
    for (kind, name, start) in starts(plan) {
        if start > plan.load
            && let Some(at) = root.get(kind).and_then(|at| at.get(name))
        {
            let at = at.get("start").unwrap_or(at);
            sink.at(&at, format!("the load ends at {}, before \"{name}\" starts", plan.load));
        }
    }
    late_deploys(sink, root, plan);
    let partitions: usize =
        plan.user_topics().map(|(_, topic)| usize::from(topic.partitions)).sum();
    if partitions > MAX_PARTITIONS {
        let message = format!("{partitions} partitions; at most {MAX_PARTITIONS}");
        sink.error(first(root), "topics", message);
    }
    let producers = plan.producers.iter().map(|producer| producer.instances);
    let members = plan.groups.iter().map(|group| group.members);
    let processes: usize = producers.chain(members).map(usize::from).sum();
    if processes > MAX_PROCESSES {
        let message = format!("{processes} producers and members; at most {MAX_PROCESSES}");
        sink.error(first(root), "", message);
    }
}

/// Faults are over when the load is, so that no member starts after it.
fn late_deploys(sink: &mut Sink<'_>, root: &At<'_>, plan: &Plan) {
    for group in &plan.groups {
        let Some(late) = group.deploys.iter().position(|(time, _)| *time > plan.load) else {
            continue;
        };
        let deploys = root.get("groups").and_then(|at| at.get(&group.name)?.get("deploys"));
        let items = deploys.map(|at| sink.list(&at)).unwrap_or_default();
        if let Some(when) = items.get(late).and_then(|one| one.get("at")) {
            sink.at(
                &when,
                format!("the load ends at {}, and no member starts after it", plan.load),
            );
        }
    }
}

/// What the file sets and the models do not follow.
fn ignored(sink: &mut Sink<'_>) -> Vec<Ignored> {
    let found = std::mem::take(&mut sink.ignored).into_iter();
    let ignored = found.filter_map(|(setting, path, value, named)| {
        let harm = match setting.standing {
            Standing::Harmful(harm) => Some(harm).filter(|harm| harm.is_in(&value)),
            Standing::Modelled | Standing::Harmless | Standing::Refused(_) => None,
        };
        (harm.is_some() || !named).then_some(Ignored { path, value, harm })
    });
    ignored.collect()
}

/// Kafka does not create `__consumer_offsets` with fewer brokers than it is to have replicas, and no
/// default is changed silently.
fn offsets_topic(sink: &mut Sink<'_>, root: &At<'_>, plan: &Plan, id: ClusterId) {
    let (wanted, brokers) = (plan.offsets_of(id).replication_factor, plan.cluster(id).brokers);
    let has_groups = plan.groups.iter().any(|group| plan.cluster_of(group) == id);
    let Some(at) = root.get("groups").filter(|_| wanted > brokers && has_groups) else {
        return;
    };
    let key = "offsets.topic.replication.factor";
    let cluster = match id {
        ClusterId::FIRST => root.get("cluster"),
        other => root.get("clusters").and_then(|at| at.get(&plan.cluster(other).name)),
    };
    let set = cluster.and_then(|at| at.get("config")?.get(key));
    let message = format!(
        "{key} is {wanted} and {}: as in Kafka, __consumer_offsets is not created, and no group \
         reads anything",
        if brokers == 1 {
            "there is 1 broker".to_owned()
        } else {
            format!("there are {brokers} brokers")
        }
    );
    let name = match id {
        ClusterId::FIRST => "cluster",
        other => &plan.cluster(other).name,
    };
    let hint = format!("write \"{name}\": {{ \"config\": {{ \"{key}\": {brokers} }} }}");
    sink.warn_with(&set.unwrap_or(at), message, hint);
}

/// The opening brace: where something missing is shown.
fn first(root: &At<'_>) -> Span {
    Span { start: root.node.span.start, end: root.node.span.start + 1 }
}

fn starts(plan: &Plan) -> impl Iterator<Item = (&'static str, &str, Micros)> {
    let producers = plan.producers.iter().map(|p| ("producers", p.name.as_str(), p.start));
    producers.chain(plan.groups.iter().map(|g| ("groups", g.name.as_str(), g.start)))
}
