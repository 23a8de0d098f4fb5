//! Mirrors (MirrorMaker 2), read from the tree: each becomes a group of the plan, with the topic that it makes in the
//! other cluster, and a group there for each application that goes over to it.

use crate::clients::{START, check_client_name};
use crate::cluster::{check_name, named};
use crate::clusters::Clusters;
use crate::config::Config;
use crate::json::Value;
use crate::outputs::sending;
use crate::plan::{
    Action, Group, Mirror, Order, Output, Part, Plan, Producer, SettingValue, Settings, Target,
    Topic,
};
use crate::reading::{topic_id, topic_names, users};
use crate::settings::Scope;
use crate::sink::{At, Sink};
use ackproof_types::{
    Awaits, ClusterId, CommitStrategy, Consuming, Delay, Micros, OnFailure, TopicId,
};

/// Keys of a mirror.
pub(crate) const MIRROR_KEYS: &[&str] = &["topic", "to", "at", "groups", "config"];

/// A setting of a mirror: its key in MirrorMaker, its bounds and its default, or its default alone for a switch.
pub(crate) enum Row {
    Number(&'static str, (i64, i64), i64, &'static str),
    Switch(&'static str, bool, &'static str),
}

const FLUSH: &str = "offset.flush.interval.ms";
const LAG: &str = "offset.lag.max";
const EMITS: &str = "emit.checkpoints.enabled";
const EMIT: &str = "emit.checkpoints.interval.seconds";
const SYNCS: &str = "sync.group.offsets.enabled";
const SYNC: &str = "sync.group.offsets.interval.seconds";
const REPLICAS: &str = "replication.factor";

/// What can be set of one.
pub(crate) const SETTINGS: &[Row] = &[
    Row::Number(FLUSH, (1, 86_400_000), 60_000, "How often it keeps how far it has come."),
    Row::Number(
        LAG,
        (0, u32::MAX as i64),
        100,
        "How many records a pair of offsets may be behind before the next one is told.",
    ),
    Row::Switch(EMITS, true, "Whether it translates what groups have committed."),
    Row::Number(EMIT, (1, 86_400), 60, "How often it does."),
    Row::Switch(
        SYNCS,
        false,
        "Whether it commits translated offsets for groups of the other cluster that have no members.",
    ),
    Row::Number(SYNC, (1, 86_400), 60, "How often it does."),
    Row::Number(REPLICAS, (1, 99), 2, "Replicas of the topic that it makes."),
];

impl Row {
    pub(crate) const fn key(&self) -> &'static str {
        match self {
            Self::Number(key, ..) | Self::Switch(key, ..) => key,
        }
    }
}

/// Reads `mirrors`: adds the topics that they make, themselves, and the groups that applications go over to.
pub(crate) fn mirrors(
    sink: &mut Sink<'_>,
    root: &At<'_>,
    (topics, groups): (&mut Vec<Topic>, &mut Vec<Group>),
    (producers, clusters): (&[Producer], &Clusters),
) {
    let mut all: Vec<(usize, Group)> = Vec::new();
    if let Some(at) = root.get("mirrors").filter(|at| sink.is_object(at)) {
        let mut pending: Vec<_> = named(sink, &at).into_iter().enumerate().collect();
        let alone = users(topics).count() == 1;
        while !pending.is_empty() {
            let next = pending.iter().position(|(_, (_, child))| is_there(child, topics));
            let (place, (name, child)) = pending.remove(next.unwrap_or(0));
            check_client_name(sink, name, &child);
            let taken = groups.iter().any(|one| one.name == name)
                || producers.iter().any(|one| one.name == name);
            if taken {
                let message = format!("\"{name}\" is something else too: {name}-0 would be both");
                sink.error(child.key_span, &child.path, message);
            }
            if sink.object(&child, MIRROR_KEYS)
                && let Some(one) = mirror(sink, (name, &child), (topics, alone), groups, clusters)
            {
                if all.iter().any(|(_, other)| other.topics == one.topics) {
                    let name = &topics[one.topics[0].index()].name;
                    sink.at(&child, format!("another mirror copies {name}"));
                }
                all.push((place, one));
            }
        }
    }
    all.sort_by_key(|(place, _)| *place);
    let all: Vec<Group> = all.into_iter().map(|(_, one)| one).collect();
    let stand_ins = stand_ins(sink, root, groups, (&all, clusters));
    groups.extend(all);
    groups.extend(stand_ins);
}

/// Whether what a mirror copies is there. If not, another mirror may make it: their order does not matter.
fn is_there(mirror: &At<'_>, topics: &[Topic]) -> bool {
    let Some(place) = mirror.get("topic") else { return true };
    let name = place.node.as_str();
    users(topics).any(|(_, one)| Some(one.name.as_str()) == name)
}

/// One of them. `alone`: the scenario itself has one topic, which is what a mirror copies that names none.
fn mirror(
    sink: &mut Sink<'_>,
    (name, at): (&str, &At<'_>),
    (topics, alone): (&mut Vec<Topic>, bool),
    groups: &[Group],
    clusters: &Clusters,
) -> Option<Group> {
    let from = topic(sink, at, (topics, alone))?;
    let Some(place) = at.get("to") else {
        let known = clusters.all().map(|(_, one)| one.name.as_str()).collect::<Vec<_>>();
        let message = format!("where to? add \"to\": one of the clusters {}", known.join(", "));
        sink.error(at.key_span, &at.path, message);
        return None;
    };
    let to = clusters.known(sink, &place)?;
    if topics[from.index()].cluster == to {
        let message = format!("{} is on that cluster already", topics[from.index()].name);
        sink.at(&place, message);
        return None;
    }
    let (settings, replication_factor) = config(sink, at);
    let copy = copy(sink, at, (from, to), topics, (replication_factor, clusters))?;
    let followed = followed(sink, at, from, groups);
    let mirror = Mirror { replication_factor, groups: followed, ..settings };
    let beside = at.get("at").map_or(to, |at| clusters.named(sink, Some(&at)));
    let mut reads = filled(sink, Scope::Consumer);
    put(&mut reads, "auto.offset.reset", SettingValue::Word("earliest".to_owned()));
    put(&mut reads, "enable.auto.commit", SettingValue::Switch(false));
    let output = Output {
        to: copy,
        awaits: Awaits::BeforeCommit,
        sending: sending(OnFailure::Stop),
        compressed_to: 1_000_000,
        idempotence_off_by: None,
        config: producer(sink),
    };
    let consuming = Consuming::default();
    let one = application(name, (vec![from], beside), reads, consuming);
    Some(Group { produces: Some(output), part: Part::Mirror(mirror), ..one })
}

/// A group with nothing but these.
fn application(
    name: &str,
    (topics, at): (Vec<TopicId>, ClusterId),
    config: Settings,
    consuming: Consuming,
) -> Group {
    Group {
        name: name.to_owned(),
        topics,
        at,
        members: 1,
        assigned: 1,
        has_group_id: true,
        process: Delay::exactly(Micros::ZERO),
        failures_per_million: 0,
        fails: Vec::new(),
        attempts: 1,
        commit: CommitStrategy::SyncAfterBatch,
        sink: None,
        consuming,
        produces: None,
        dead_letter: None,
        autoscale: None,
        start: START,
        config,
        deploys: Vec::new(),
        part: Part::Application,
    }
}

fn filled(sink: &Sink<'_>, scope: Scope) -> Settings {
    Config { given: std::collections::BTreeMap::new(), scope, kafka: sink.kafka }.filled()
}

fn put(settings: &mut Settings, key: &'static str, value: SettingValue) {
    settings.0.insert(key, value);
}

/// The producer of a source task (`Worker#baseProducerConfigs`).
fn producer(sink: &Sink<'_>) -> Settings {
    let mut settings = filled(sink, Scope::Producer);
    put(&mut settings, "acks", SettingValue::Word("all".to_owned()));
    put(&mut settings, "enable.idempotence", SettingValue::Switch(false));
    let mut number = |key, number| put(&mut settings, key, SettingValue::Number(number));
    number("max.in.flight.requests.per.connection", 1);
    number("delivery.timeout.ms", i32::MAX.into());
    number("max.block.ms", i64::MAX / 1_000_000);
    settings
}

/// The topic that a mirror copies.
fn topic(sink: &mut Sink<'_>, at: &At<'_>, (topics, alone): (&[Topic], bool)) -> Option<TopicId> {
    match at.get("topic") {
        Some(place) => topic_id(sink, &place, topics),
        None if alone => Some(TopicId(1)),
        None => {
            let known: Vec<_> = topic_names(topics).collect();
            let message = format!("what to copy? add \"topic\": one of {}", known.join(", "));
            sink.error(at.key_span, &at.path, message);
            None
        }
    }
}

/// The topic that it writes to: the one of that name, or a new one behind all others of the scenario
/// (`DefaultReplicationPolicy#formatRemoteTopic`).
fn copy(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    (from, to): (TopicId, ClusterId),
    topics: &mut Vec<Topic>,
    (replication_factor, clusters): (u16, &Clusters),
) -> Option<TopicId> {
    let source = topics[from.index()].clone();
    let name = format!("{}.{}", clusters.of(source.cluster).name, source.name);
    let known = users(topics).find(|(_, one)| one.name == name);
    if let Some((id, one)) = known {
        if one.cluster != to || one.partitions < source.partitions {
            let (cluster, partitions) = (&clusters.of(to).name, source.partitions);
            let message = format!(
                "{name}, which it writes to, is to be on {cluster} with {partitions} partitions at least"
            );
            sink.at(at, message);
            return None;
        }
        return Some(id);
    }
    check_name(sink, &name, at);
    if source.name.starts_with(&format!("{}.", clusters.of(to).name)) {
        let message = format!(
            "{} comes from {}: a mirror does not copy a topic back (`MirrorSourceConnector#isCycle`)",
            source.name,
            clusters.of(to).name
        );
        sink.at(at, message);
        return None;
    }
    let brokers = clusters.of(to).brokers;
    if replication_factor > brokers {
        let message = format!(
            "{REPLICAS} of {name} is {replication_factor}, and {} has {brokers} brokers",
            clusters.of(to).name
        );
        let hint = format!("write \"config\": {{ \"{REPLICAS}\": {brokers} }}");
        sink.hinted(at.key_span, &at.path, message, Some(hint));
        return None;
    }
    let place = topics.len() + 1 - clusters.all().count();
    let mut config = source.config.clone();
    // `DefaultConfigPropertyFilter` leaves these out: those of the target apply.
    for key in ["min.insync.replicas", "unclean.leader.election.enable"] {
        if let Some(value) = clusters.of(to).settings.0.get(key) {
            config.0.insert(key, value.clone());
        }
    }
    topics.insert(place, Topic { name, cluster: to, replication_factor, config, ..source });
    u16::try_from(place).ok().map(TopicId)
}

fn config(sink: &mut Sink<'_>, mirror: &At<'_>) -> (Mirror, u16) {
    let known: Vec<&str> = SETTINGS.iter().map(Row::key).collect();
    let at = mirror.get("config").filter(|at| sink.object(at, &known));
    let place = |key| at.as_ref().and_then(|at| at.get(key));
    let mut number = |wanted: &'static str| {
        let row = SETTINGS.iter().find_map(|row| match row {
            Row::Number(key, bounds, usual, _) if *key == wanted => Some((*bounds, *usual)),
            _ => None,
        });
        let ((min, max), usual) = row.unwrap_or(((0, 0), 0));
        let given = place(wanted).and_then(|at| sink.whole(&at, min, max));
        u64::try_from(given.unwrap_or(usual)).unwrap_or(0)
    };
    let (flush, lag) = (number(FLUSH), number(LAG));
    let (emit, sync, replicas) = (number(EMIT), number(SYNC), number(REPLICAS));
    let mut switch = |key: &'static str, usual| {
        let Some(at) = place(key) else { return usual };
        if let Value::Bool(on) = at.node.value {
            return on;
        }
        sink.at(&at, format!("expected true or false, found {}", at.node.kind()));
        usual
    };
    let (emits, syncs) = (switch(EMITS, true), switch(SYNCS, false));
    if syncs
        && !emits
        && let Some(at) = place(SYNCS)
    {
        // Kafka: `MirrorCheckpointConfig#validate`.
        sink.at(&at, format!("{SYNCS} needs {EMITS}: MirrorMaker refuses that"));
    }
    let mirror = Mirror {
        flush_interval: Micros::from_millis(flush),
        offset_lag_max: u32::try_from(lag).unwrap_or(u32::MAX),
        checkpoint_interval: emits.then_some(Micros::from_secs(emit)),
        sync_interval: syncs.then_some(Micros::from_secs(sync)),
        replication_factor: 0,
        groups: Vec::new(),
    };
    (mirror, u16::try_from(replicas).unwrap_or(u16::MAX))
}

/// The groups whose offsets it translates: those that are listed, or all that read the topic.
fn followed(sink: &mut Sink<'_>, at: &At<'_>, from: TopicId, groups: &[Group]) -> Vec<u16> {
    let reads = |group: &Group| group.topics.contains(&from);
    let all = (0..).zip(groups);
    let Some(list) = at.get("groups") else {
        return all.filter(|(_, group)| reads(group)).map(|(id, _)| id).collect();
    };
    let mut chosen = Vec::new();
    for item in sink.list(&list) {
        let Some(name) = sink.string(&item) else { continue };
        match (0..).zip(groups).find(|(_, group)| group.name == name) {
            Some((id, group)) if reads(group) => chosen.push(id),
            Some(_) => sink.at(&item, format!("{name} does not read what this mirror copies")),
            None => {
                let known = groups.iter().map(|group| group.name.as_str());
                sink.unknown(item.node.span, &item.path, ("group", name), known);
            }
        }
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// A group in the other cluster for each that a fault has go over to it.
fn stand_ins(
    sink: &mut Sink<'_>,
    root: &At<'_>,
    groups: &[Group],
    (mirrors, clusters): (&[Group], &Clusters),
) -> Vec<Group> {
    let mut made: Vec<Group> = Vec::new();
    let faults = root.get("faults").map(|at| at.items()).unwrap_or_default();
    let choices = faults.iter().filter_map(|item| item.get("one_of"));
    let choices: Vec<At<'_>> = choices.flat_map(|list| list.items()).collect();
    for place in faults.iter().chain(&choices).filter_map(|item| item.get("fail-over")) {
        let Some(name) = place.node.as_str() else { continue };
        // The fault itself says what is wrong with its target.
        let Some((id, group)) = (0..).zip(groups).find(|(_, group)| group.name == name) else {
            continue;
        };
        let Some(mirror) = mirrors.iter().find(|mirror| mirror.topics == group.topics) else {
            continue;
        };
        let Some(output) = &mirror.produces else { continue };
        if made.iter().any(|one| one.part == Part::StandsFor(id)) {
            continue;
        }
        if group.sink.is_some() || group.outputs().next().is_some() || group.autoscale.is_some() {
            let message = format!(
                "{name} has a \"sink\", \"produces\", \"dead_letter\" or \"autoscale\": that such a group goes over \
                 is not modelled"
            );
            sink.at(&place, message);
        }
        let to = clusters.all().find(|(_, one)| {
            // The one of the mirror's copy: no two have one name.
            mirror_target(root, mirror).is_some_and(|name| name == one.name)
        });
        let Some((to, cluster)) = to else { continue };
        let name = format!("{}-{name}", cluster.name);
        if groups.iter().chain(mirrors).any(|one| one.name == name) {
            sink.at(
                &place,
                format!("it would be called \"{name}\" there, and there is one of that name"),
            );
        }
        made.push(Group {
            name,
            topics: vec![output.to],
            at: to,
            fails: Vec::new(),
            part: Part::StandsFor(id),
            ..group.clone()
        });
    }
    made
}

/// What the file calls the cluster that a mirror writes to.
fn mirror_target<'n>(root: &At<'n>, mirror: &Group) -> Option<&'n str> {
    root.get("mirrors")?.get(&mirror.name)?.get("to")?.node.as_str()
}

/// Why `action` cannot hit a target that has to do with a mirror, and what could be done. Where a mirror itself is
/// wrong, that nothing is copied is no mistake of the fault.
pub(crate) fn misfit(
    action: &Action,
    target: Target,
    plan: &Plan,
) -> Option<(String, Option<String>)> {
    if let (Action::Administer(Order::AddPartitions(_)), Target::Topic(topic)) = (action, target) {
        let name = &plan.topics[topic.index()].name;
        let message =
            format!("a mirror copies {name}: that it finds new partitions is not modelled");
        return plan.is_mirrored(topic).then_some((message, None));
    }
    if let (Action::Administer(Order::DeleteTopic | Order::CreateTopic), Target::Topic(topic)) =
        (action, target)
    {
        let name = &plan.topics[topic.index()].name;
        let message = if plan.is_mirrored(topic) {
            format!("a mirror copies {name}: what becomes of the copies is not modelled")
        } else {
            format!("a group writes to {name}: what becomes of its outputs is not modelled")
        };
        return plan.is_written_by_a_group(topic).then_some((message, None));
    }
    let (Target::Member(group, _)
    | Target::AnyMember(group)
    | Target::AllMembers(group)
    | Target::Group(group)) = target
    else {
        return None;
    };
    let one = &plan.groups[usize::from(group)];
    let name = &one.name;
    match (action, &one.part) {
        (
            Action::Leave
            | Action::Join
            | Action::Hold(_)
            | Action::RollingRestart(_)
            | Action::FailOver,
            Part::Mirror(_),
        ) => Some((
            format!("{name} is a mirror: it is in no group"),
            Some("\"crash\", \"restart\", \"pause\" and faults of links can hit it".to_owned()),
        )),
        (Action::Join | Action::FailOver, Part::StandsFor(_)) => {
            Some((format!("{name} stands for a group that goes over to it"), None))
        }
        (Action::FailOver, Part::Application) if plan.stand_in(group).is_none() => {
            let topics: Vec<&str> =
                one.topics.iter().map(|topic| plan.topics[topic.index()].name.as_str()).collect();
            let message = format!("no mirror copies what {name} reads to another cluster");
            let hint = match topics.as_slice() {
                [topic] => format!(
                    "add \"mirrors\": {{ \"mirror\": {{ \"topic\": \"{topic}\", \"to\": … }} }}"
                ),
                _ => "who goes over reads one topic, which a mirror copies".to_owned(),
            };
            Some((message, Some(hint)))
        }
        _ => None,
    }
}
