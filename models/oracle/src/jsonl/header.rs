//! The first line of a history: who takes part and what was configured, by name, with Kafka's own names
//! for its settings and its defaults where they are left out. It becomes the [`Context`] of the judge.

mod cluster;
mod group;

use super::VERSION;
use super::problem::Problem;
use super::text::Text;
use crate::context::{
    Context, GroupContext, GroupPart, OutputsContext, ProducerContext, ProducerLimits, TopicContext,
};
use ackproof_types::{Acks, Micros, NodeId, Roster, SinkConfig, TopicId};
use cluster::Cluster;
use group::{Group, Output, Sink, consuming, output, part};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

const OFFSETS: &str = "__consumer_offsets";

// Tables of the judge have a row for each of these, or for each pair of them.
const MAX_BROKERS: u16 = 1000;
const MAX_NODES: usize = 10_000;
const MAX_PARTITIONS: usize = 20_000;
const MAX_PAIRS: usize = 200_000;

/// The header of a history.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// Says that this is a history.
    #[schemars(extend("const" = "history"))]
    ackproof: String,
    /// The version of the format.
    #[schemars(extend("const" = 1))]
    pub(super) version: u32,
    /// Brokers: `broker-1`, `broker-2`, ….
    #[serde(default = "three")]
    brokers: u16,
    /// Controllers: `controller`, or of several `controller-1`, `controller-2`, ….
    #[serde(default = "one", skip_serializing_if = "is_one")]
    controllers: u16,
    /// Processes beside the controllers and the brokers; those of producers need not be named.
    #[serde(default)]
    nodes: Vec<String>,
    /// Clusters beside the first one, by name.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    clusters: Named<Cluster>,
    /// Topics by name.
    topics: Named<Topic>,
    /// Producer instances by name.
    #[serde(default)]
    producers: Named<Producer>,
    /// Consumer groups by name.
    #[serde(default)]
    groups: Named<Group>,
}

/// A topic.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Topic {
    /// Its partitions, to begin with.
    #[schemars(range(min = 1))]
    partitions: u16,
    /// In-sync replicas that every partition has in the end, at least.
    #[serde(rename = "replication.factor", default = "one")]
    replication_factor: u16,
    #[serde(rename = "min.insync.replicas", default = "one")]
    min_insync_replicas: u16,
    #[serde(rename = "unclean.leader.election.enable", default)]
    unclean_leader_election: bool,
    /// `cleanup.policy` has `compact`: of each key only the newest record is sure to stay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    compacted: bool,
}

/// A producer instance.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Producer {
    /// The one topic that it writes to.
    topic: String,
    /// `all` or `-1`, `1`, `0`.
    #[serde(default = "all")]
    #[schemars(extend("enum" = ["all", "-1", "1", "0"]))]
    acks: String,
    /// Left out: as Kafka does, on with `acks=all`.
    #[serde(rename = "enable.idempotence", default)]
    idempotent: Option<bool>,
    #[serde(rename = "max.in.flight.requests.per.connection", default = "five")]
    in_flight: u32,
    /// Left out, as the two that follow: causes do not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retries: Option<u32>,
    #[serde(rename = "delivery.timeout.ms", default, skip_serializing_if = "Option::is_none")]
    delivery_timeout: Option<u32>,
    #[serde(rename = "max.block.ms", default, skip_serializing_if = "Option::is_none")]
    max_block: Option<u64>,
    /// Of the brokers. Left out: they know a producer for longer than it sends a batch again.
    #[serde(
        rename = "producer.id.expiration.ms",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    id_expiration: Option<u64>,
    /// Its process; left out: of its own name.
    #[serde(default)]
    node: Option<String>,
}

const fn one() -> u16 {
    1
}
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_one(count: &u16) -> bool {
    *count == 1
}
const fn three() -> u16 {
    3
}
const fn five() -> u32 {
    5
}
fn all() -> String {
    "all".to_owned()
}
/// Things by name, in the order of the file; a name that comes twice is a mistake.
#[derive(Clone, Debug)]
struct Named<T>(Vec<(String, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Named<T> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, one) in &self.0 {
            map.serialize_entry(name, one)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Things<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Things<T> {
            type Value = Named<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut things, mut seen) = (Vec::new(), BTreeSet::new());
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    if name.is_empty() || !seen.insert(name.to_string()) {
                        return Err(A::Error::custom(format_args!(
                            "{:?} as a name, or again",
                            &*name
                        )));
                    }
                    things.push((name.to_string(), map.next_value()?));
                }
                Ok(Named(things))
            }
        }
        from.deserialize_map(Things(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Named".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, T>::json_schema(generator)
    }
}

/// The header of a history of `context`, without a line end.
///
/// # Panics
/// If `context` has more partitions or producers than their indices can count.
#[must_use]
pub fn header_line(context: &Context) -> String {
    let topic = |id: TopicId| context.topics[id.index()].name.clone();
    let topics = context.topics.iter().map(|topic| {
        let shown = Topic {
            partitions: topic.partitions,
            replication_factor: topic.replication_factor,
            min_insync_replicas: topic.min_insync_replicas,
            unclean_leader_election: topic.unclean_leader_election,
            compacted: topic.compacted,
        };
        (topic.name.clone(), shown)
    });
    let producers = context.producers.iter().map(|producer| {
        let shown = Producer {
            topic: topic(producer.topic),
            acks: producer.acks.to_string(),
            idempotent: Some(producer.idempotent),
            in_flight: if producer.ordered && !producer.idempotent { 1 } else { five() },
            retries: producer.limits.retries,
            delivery_timeout: producer.limits.delivery_timeout.map(millis),
            max_block: producer.limits.max_block.map(Micros::as_millis),
            id_expiration: producer.limits.id_expiration.map(Micros::as_millis),
            node: Some(context.node(producer.node).to_owned()),
        };
        (producer.name.clone(), shown)
    });
    let groups = context.groups.iter().map(|group| {
        let topics = group.topics.iter().map(|id| topic(*id)).collect();
        let within = group.commit_interval.map(Micros::as_millis);
        let shown = Group {
            topics,
            commit: group.commit.to_string(),
            reset: group.reset.to_string(),
            protocol: group.protocol.to_string(),
            commit_within_ms: within.map(|ms| u32::try_from(ms).unwrap_or(u32::MAX)),
            sink: group.sink.map(Sink::from),
            covers: group.consuming.covers.map(|one| one.name().to_owned()),
            commit_every_records: group.consuming.commit_every,
            commit_offset: group.consuming.commit_offset.name().to_owned(),
            on_failure: group.consuming.on_failure.name().to_owned(),
            produces: group.outputs.results.map(|one| Output::new(one, topic(one.topic))),
            dead_letter: group.outputs.dead_letters.map(|one| Output::new(one, topic(one.topic))),
            mirror: group.is_mirror(),
            outside: group.is_outside(),
            told: group.is_outside() && !group.is_claimed(),
            stands_for: match group.part {
                GroupPart::StandsFor(other) => Some(context.group(other).to_owned()),
                GroupPart::Application | GroupPart::Mirror | GroupPart::Outside { .. } => None,
            },
        };
        (group.name.clone(), shown)
    });
    let clients = (0..)
        .map(NodeId)
        .zip(&context.nodes)
        .filter(|(node, _)| context.roster.server(*node).is_none());
    let header = Header {
        ackproof: "history".to_owned(),
        version: VERSION,
        brokers: u16::try_from(context.brokers_beside(TopicId::CONSUMER_OFFSETS))
            .expect("brokers are bounded"),
        controllers: u16::try_from(context.controllers()).expect("controllers are bounded"),
        nodes: clients.map(|(_, name)| name.clone()).collect(),
        clusters: cluster::shown(context),
        topics: Named(topics.collect()),
        producers: Named(producers.collect()),
        groups: Named(groups.collect()),
    };
    serde_json::to_string(&header).expect("a header has text for keys")
}

/// The header in `text`, the first line.
pub(super) fn read(text: &str) -> Result<Context, Problem> {
    #[derive(Deserialize)]
    struct Version {
        ackproof: Option<serde_json::Value>,
        version: Option<serde_json::Value>,
    }
    let example = || {
        "the first line is a header: {\"ackproof\":\"history\",\"version\":1,\"topics\":{…}, …}; see \
         HISTORY.md"
            .to_owned()
    };
    let version: Version =
        serde_json::from_str(text).map_err(|error| Problem::json(1, &error).hinting(example()))?;
    if version.ackproof.as_ref().and_then(serde_json::Value::as_str) != Some("history") {
        return Err(Problem::new(1, None, "no header of a history").hinting(example()));
    }
    if version.version.as_ref().and_then(serde_json::Value::as_u64) != Some(VERSION.into()) {
        let found = version.version.map_or_else(|| "none".to_owned(), |one| one.to_string());
        let what = format!("version {found} of the format; this ackproof reads version {VERSION}");
        return Err(Problem::new(1, None, what));
    }
    let header: Header = serde_json::from_str(text).map_err(|error| Problem::json(1, &error))?;
    context(header).map_err(|(what, hint)| Problem::new(1, None, what).hinting(hint))
}

type Mistake = (String, Option<String>);

fn context(mut header: Header) -> Result<Context, Mistake> {
    place_offsets(&mut header);
    bounds(&header).map_err(|what| (what, None))?;
    let names: Vec<&str> = header.topics.0.iter().map(|(name, _)| name.as_str()).collect();
    let topic = |name: &str, of: String| -> Result<TopicId, Mistake> {
        let found = names.iter().position(|known| *known == name);
        let id = found.and_then(|index| u16::try_from(index).ok()).map(TopicId);
        id.ok_or_else(|| {
            let hint = super::nearest(name, names.iter().copied());
            (format!("{of}: no topic {name:?} in this header"), hint)
        })
    };
    let first = (header.controllers, header.brokers);
    let (servers, mut nodes) = cluster::servers(first, &header.clusters);
    nodes.extend(std::mem::take(&mut header.nodes));
    let mut by_name = indices(&nodes)?;
    let mut producers = Vec::new();
    for (name, one) in &header.producers.0 {
        let node = one.node.as_ref().unwrap_or(name);
        let index = *by_name.entry(node.clone()).or_insert_with(|| {
            nodes.push(node.clone());
            nodes.len() - 1
        });
        let acks = one.acks.parse::<Acks>();
        let acks = acks.map_err(|what| (format!("producers.{name}.acks: {what}"), None))?;
        let idempotent = one.idempotent.unwrap_or(acks == Acks::All);
        producers.push(ProducerContext {
            node: NodeId(u16::try_from(index).expect("nodes are bounded")),
            name: name.clone(),
            topic: topic(&one.topic, format!("producers.{name}.topic"))?,
            acks,
            idempotent,
            ordered: idempotent || one.in_flight == 1,
            limits: limits(one),
        });
    }
    let (mut groups, all) = (Vec::new(), header.groups.0.iter());
    let group_names: Vec<String> = all.map(|(name, _)| name.clone()).collect();
    for (name, one) in header.groups.0 {
        let of = one.topics.iter().map(|one| topic(one, format!("groups.{name}.topics")));
        let topics = of.collect::<Result<_, _>>()?;
        if [&one.commit, &one.reset, &one.protocol].iter().any(|word| has_control(word)) {
            return Err((format!("groups.{name}: a control character in a text"), None));
        }
        let commit_interval = one.commit_within_ms.map(|ms| Micros::from_millis(u64::from(ms)));
        let (commit, reset) = (one.commit.as_str().into(), one.reset.as_str().into());
        let sink = one.sink.clone().map(SinkConfig::try_from).transpose();
        let sink = sink.map_err(|what| (format!("groups.{name}.sink: {what}"), None))?;
        let consuming = consuming(&name, &one)?;
        let outputs = OutputsContext {
            results: output(&one.produces, &topic, &format!("groups.{name}.produces"))?,
            dead_letters: output(&one.dead_letter, &topic, &format!("groups.{name}.dead_letter"))?,
        };
        groups.push(GroupContext {
            part: part(&group_names, &name, &one)?,
            name,
            topics,
            protocol: one.protocol.as_str().into(),
            commit,
            reset,
            commit_interval,
            consuming,
            outputs,
            sink,
        });
    }
    let clusters = cluster::read(first, &header.clusters, topic)?;
    let (topics, roster) = (topics_of(&header.topics), Roster::of(servers.into_iter().map(Some)));
    Ok(Context { nodes, roster, clusters, topics, producers, groups })
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// Its place is fixed, wherever the header has it.
fn place_offsets(header: &mut Header) {
    let offsets = header.topics.0.iter().position(|(name, _)| name == OFFSETS);
    let usual = || (OFFSETS.to_owned(), usual_offsets());
    let offsets = offsets.map_or_else(usual, |index| header.topics.0.remove(index));
    header.topics.0.insert(0, offsets);
    cluster::place_offsets(&header.clusters, &mut header.topics);
}

/// A `__consumer_offsets` that the header does not name.
const fn usual_offsets() -> Topic {
    Topic {
        partitions: 50,
        replication_factor: 1,
        min_insync_replicas: 1,
        unclean_leader_election: false,
        compacted: false,
    }
}

fn indices(nodes: &[String]) -> Result<BTreeMap<String, usize>, Mistake> {
    let mut by_name = BTreeMap::new();
    for (index, name) in nodes.iter().enumerate() {
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err((format!("nodes: {name:?} is not a name"), None));
        }
        if by_name.insert(name.clone(), index).is_some() {
            return Err((format!("nodes: {name:?} twice"), None));
        }
    }
    Ok(by_name)
}

/// Kafka's `delivery.timeout.ms` is an int.
fn millis(length: Micros) -> u32 {
    u32::try_from(length.as_millis()).unwrap_or(u32::MAX)
}

fn limits(producer: &Producer) -> ProducerLimits {
    let length = |ms: u64| Micros(ms.saturating_mul(1000));
    ProducerLimits {
        retries: producer.retries,
        delivery_timeout: producer.delivery_timeout.map(|ms| length(ms.into())),
        max_block: producer.max_block.map(length),
        id_expiration: producer.id_expiration.map(length),
    }
}

fn topics_of(topics: &Named<Topic>) -> Vec<TopicContext> {
    let topic = |(name, topic): &(String, Topic)| TopicContext {
        name: name.clone(),
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        // The smaller of the two applies (R4.2).
        min_insync_replicas: topic.min_insync_replicas.min(topic.replication_factor),
        unclean_leader_election: topic.unclean_leader_election,
        compacted: topic.compacted,
    };
    topics.0.iter().map(topic).collect()
}

/// A header costs no more memory than a test cluster is worth.
fn bounds(header: &Header) -> Result<(), String> {
    let partitions: usize =
        header.topics.0.iter().map(|(_, topic)| usize::from(topic.partitions)).sum();
    let others = header
        .clusters
        .0
        .iter()
        .map(|(_, one)| usize::from(one.brokers) + usize::from(one.controllers));
    let brokers = usize::from(header.brokers) + others.sum::<usize>();
    let controllers = usize::from(header.controllers);
    let nodes = controllers + brokers + header.nodes.len() + header.producers.0.len();
    at_most(&[("brokers", brokers, usize::from(MAX_BROKERS)), ("processes", nodes, MAX_NODES)])?;
    let (clusters, names) = (header.clusters.0.len() + 1, usize::from(TopicId::NAMES));
    at_most(&[("topics", header.topics.0.len() + clusters, names)])?;
    most_partitions(brokers, header.groups.0.len(), partitions)?;
    if controllers == 0 || header.clusters.0.iter().any(|(_, one)| one.controllers == 0) {
        return Err("controllers: a cluster has one at least".to_owned());
    }
    let empty = header.topics.0.iter().find(|(_, topic)| topic.partitions == 0);
    empty.map_or(Ok(()), |(name, _)| Err(format!("topics.{name}.partitions: 0 is none")))
}

/// Whether partitions, all told, are not more than a test cluster is worth.
pub(super) fn most_partitions(
    brokers: usize,
    groups: usize,
    partitions: usize,
) -> Result<(), String> {
    at_most(&[
        ("partitions of all topics", partitions, MAX_PARTITIONS),
        ("brokers times partitions", brokers * partitions, MAX_PAIRS),
        ("groups times partitions", groups * partitions, MAX_PAIRS),
    ])
}

fn at_most(checks: &[(&str, usize, usize)]) -> Result<(), String> {
    let Some((what, count, most)) = checks.iter().find(|(_, count, most)| count > most) else {
        return Ok(());
    };
    Err(format!("{count} {what} are too many: {most} are the most"))
}
