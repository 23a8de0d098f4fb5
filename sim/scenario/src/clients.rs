//! Producers and groups, read from the tree, with the rules between their settings.

use crate::autoscale::autoscale;
use crate::clock;
use crate::cluster::{Cluster, MAX_COUNT, check_name, named};
use crate::clusters::Clusters;
use crate::compression::compressed_to;
use crate::config::{Config, is_empty};
use crate::consuming::{consuming, fails};
use crate::durations;
use crate::files::PROPERTIES;
use crate::membership::{assignor, protocol, timeouts};
use crate::outputs::{self, OUTPUTS, output};
use crate::plan::{Group, Part, Producer, SettingValue, Settings, Topic};
use crate::producing::{comes_to_an_end, producer_config};
use crate::reading::{place, subscription, topic_id, topic_names, users};
use crate::results::{self, results};
use crate::sends::sends;
use crate::settings::Scope;
use crate::sink::{At, Sink};
use ackproof_types::{
    AfterCrash, AtEnd, ClusterId, CommitStrategy, Delay, Micros, OnFailure, Sending, TopicId,
};

/// Keys of a producer.
pub(crate) const PRODUCER_KEYS: &[&str] = &[
    "topic",
    "at",
    "instances",
    "rate",
    "records",
    "keys",
    "size",
    "compressed_to",
    "sends",
    "start",
    "on_failure",
    "after_crash",
    "end",
    "threads",
    "create_time",
    "properties",
    "config",
];
/// Keys of a group.
pub(crate) const GROUP_KEYS: &[&str] = &[
    "topics",
    "at",
    "members",
    "assign",
    "process",
    "commit",
    "commit_every",
    "commit_offset",
    "on_commit_failure",
    "on_revoke",
    "workers",
    "covers",
    "failures",
    "fails",
    "attempts",
    "sink",
    "backoff",
    "on_failure",
    "produces",
    "dead_letter",
    "autoscale",
    "start",
    "properties",
    "config",
    "deploys",
];
/// Keys of one of its `deploys`.
pub(crate) const DEPLOY_KEYS: &[&str] = &["at", "properties", "config"];

/// What names the processes of the cluster, so no client may be called so.
const RESERVED: [&str; 4] = ["broker", "brokers", "controller", "controllers"];

/// When clients start unless the file says otherwise.
pub(crate) const START: Micros = Micros::from_secs(1);

pub(crate) fn check_client_name(sink: &mut Sink<'_>, name: &str, at: &At<'_>) {
    check_name(sink, name, at);
    if RESERVED.contains(&name) {
        let message = format!("\"{name}\" would name processes of the cluster");
        sink.error(at.key_span, &at.path, message);
    }
}

/// Reads `producers`.
pub(crate) fn producers(
    sink: &mut Sink<'_>,
    at: Option<&At<'_>>,
    topics: &[Topic],
    (load, clusters): (Micros, &Clusters),
) -> Vec<Producer> {
    let mut producers = Vec::new();
    let Some(at) = at.filter(|at| sink.is_object(at)) else { return producers };
    for (name, child) in named(sink, at) {
        check_client_name(sink, name, &child);
        if sink.object(&child, PRODUCER_KEYS) {
            let mut one = producer(sink, name, &child, topics, load);
            one.at = place(sink, &child, topics[one.topic.index()].cluster, clusters);
            let cluster = clusters.of(one.at);
            comes_to_an_end(sink, &child, (one.sending.on_failure, &one.config), cluster);
            producers.push(one);
        }
    }
    producers
}

fn producer(
    sink: &mut Sink<'_>,
    name: &str,
    at: &At<'_>,
    topics: &[Topic],
    load: Micros,
) -> Producer {
    let topic = match at.get("topic") {
        Some(child) => topic_id(sink, &child, topics),
        None if users(topics).count() == 1 => Some(TopicId(1)),
        None => {
            let known: Vec<_> = topic_names(topics).collect();
            let message = format!("\"{name}\" needs a \"topic\": one of {}", known.join(", "));
            if !known.is_empty() {
                sink.error(at.key_span, &at.path, message);
            }
            None
        }
    };
    let rate = at.get("rate").and_then(|at| sink.quantity(&at, "/s", durations::rate));
    let size = at.get("size").and_then(|at| sink.quantity(&at, "..200", durations::sizes));
    let instances = sink.count(at.get("instances"), 1, MAX_COUNT, 1);
    let start = at.get("start").and_then(|at| sink.duration(&at)).unwrap_or(START);
    let listed = at.get("sends");
    let (config, idempotence_off_by) = producer_config(sink, at);
    let compressed_to = compressed_to(sink, at, &config);
    Producer {
        name: name.to_owned(),
        topic: topic.unwrap_or(TopicId::CONSUMER_OFFSETS),
        at: ClusterId::FIRST,
        instances,
        interval: rate.unwrap_or(Micros::from_millis(10)),
        records: sink.count32(at.get("records"), 1),
        keys: sink.count32(at.get("keys"), 0).unwrap_or(0),
        size: size.unwrap_or((100, 200)),
        compressed_to,
        sends: listed.map(|list| sends(sink, at, &list, (name, instances), (start, load))),
        start,
        sending: sending(sink, at),
        idempotence_off_by,
        config,
    }
}

/// What the application does with failed sends, after a crash, and at its end.
fn sending(sink: &mut Sink<'_>, at: &At<'_>) -> Sending {
    let threads = at.get("threads").map(|at| sink.count(Some(at), 1, MAX_COUNT, 1));
    let create_time = at.get("create_time").and_then(|at| sink.quantity(&at, "s", clock::shift));
    let create_time = create_time.unwrap_or_default();
    let mut all = Sending { threads, create_time, ..Sending::default() };
    if let Some(place) = at.get("on_failure") {
        let known = OnFailure::ALL.iter().map(|one| (one.name(), *one));
        all.on_failure = sink.word(&place, "answer to a failed send", known).unwrap_or_default();
    }
    if let Some(place) = at.get("after_crash") {
        let known = AfterCrash::ALL.iter().map(|one| (one.name(), *one));
        all.after_crash = sink.word(&place, "way to go on", known).unwrap_or_default();
    }
    if let Some(place) = at.get("end") {
        let known = AtEnd::ALL.iter().map(|one| (one.name(), *one));
        all.end = sink.word(&place, "end", known).unwrap_or_default();
        let ends = at.get("records").is_some() || at.get("sends").is_some();
        if all.end != AtEnd::Stay && !ends {
            let message = "an application without a last record has no end: add \"records\"";
            sink.at(&place, message);
        }
    }
    all
}

/// Reads `groups`.
pub(crate) fn groups(
    sink: &mut Sink<'_>,
    at: Option<&At<'_>>,
    (topics, producers): (&[Topic], &[Producer]),
    clusters: &Clusters,
) -> Vec<Group> {
    let mut groups = Vec::new();
    let Some(at) = at.filter(|at| sink.is_object(at)) else { return groups };
    for (name, child) in named(sink, at) {
        check_client_name(sink, name, &child);
        if sink.object(&child, GROUP_KEYS) {
            let mut one = group(sink, name, &child, topics, clusters);
            one.fails = fails(sink, &child, producers);
            groups.push(one);
        }
    }
    groups
}

fn group(
    sink: &mut Sink<'_>,
    name: &str,
    at: &At<'_>,
    topics: &[Topic],
    clusters: &Clusters,
) -> Group {
    let beside = at.get("at").map(|at| clusters.named(sink, Some(&at)));
    let (mut read, cluster) =
        subscription(sink, at.get("topics"), topics, beside.unwrap_or_default());
    let place = beside.unwrap_or(cluster);
    let cluster = clusters.of(cluster);
    let failures = at.get("failures").and_then(|at| sink.quantity(&at, "%", durations::percent));
    let process = at.get("process").and_then(|at| sink.delay(&at));
    let (commit, config) = consumer(sink, at, at.get("config"), cluster);
    let deploys = deploys(sink, at, cluster);
    let (produces, dead_letter) =
        OUTPUTS.map(|key| output(sink, at, key, (topics, cluster))).into();
    if at.get("topics").is_none() {
        let written = outputs::written([&produces, &dead_letter]);
        read.retain(|topic| !written.contains(topic));
    }
    let members = sink.count(at.get("members"), 1, MAX_COUNT, 1);
    identity(sink, at);
    let default_process = Delay { min: Micros::from_millis(1), max: Micros::from_millis(3) };
    let group = Group {
        name: name.to_owned(),
        topics: read,
        at: place,
        members,
        assigned: at.get("assign").and_then(|at| assigned(sink, &at, members)).unwrap_or(0),
        has_group_id: !lacks_group_id(at),
        process: process.unwrap_or(default_process),
        failures_per_million: failures.unwrap_or(0),
        fails: Vec::new(),
        attempts: sink.count32(at.get("attempts"), 1).unwrap_or(3),
        commit,
        sink: at.get("sink").and_then(|at| results(sink, &at)),
        consuming: consuming(sink, at, commit, cluster),
        produces,
        dead_letter,
        autoscale: at.get("autoscale").and_then(|scale| {
            if at.get("assign").is_some() {
                sink.at(&scale, "members that assign() take no share of what others have: more of them help nobody");
            }
            autoscale(sink, &scale, members)
        }),
        start: at.get("start").and_then(|at| sink.duration(&at)).unwrap_or(START),
        config,
        deploys,
        part: Part::Application,
    };
    outputs::check(sink, at, &group);
    results::check(sink, at, &group);
    group
}

/// What `assign` says of members that give no `group.id`.
pub(crate) const NO_GROUP_ID: &str = "no-group-id";

fn lacks_group_id(at: &At<'_>) -> bool {
    at.get("assign").is_some_and(|at| at.node.as_str() == Some(NO_GROUP_ID))
}

/// A `group.id` is the group's name. Without one only `assign()` works (R8.19).
fn identity(sink: &mut Sink<'_>, at: &At<'_>) {
    let Some(place) = at.get("config").and_then(|config| config.get("group.id")) else { return };
    if is_empty(&place) && !lacks_group_id(at) {
        let message =
            "without a group.id subscribe() and every commit throw InvalidGroupIdException";
        let hint = format!(
            "leave it out: the name of the group is its group.id; or write \"assign\": \"{NO_GROUP_ID}\" for \
             consumers that are in no group"
        );
        sink.hinted(place.node.span, &place.path, message, Some(hint));
    }
}

/// How many of the members call `assign()`: "fixed" for all, or the last so many.
fn assigned(sink: &mut Sink<'_>, at: &At<'_>, members: u16) -> Option<u16> {
    if matches!(at.node.as_str(), Some("fixed" | NO_GROUP_ID)) {
        return Some(members);
    }
    if at.node.as_str().is_some() {
        let message =
            format!("expected \"fixed\" for all members, \"{NO_GROUP_ID}\", or how many of them");
        sink.at(at, &message);
        return None;
    }
    let some = sink.whole(at, 0, i64::from(members))?;
    u16::try_from(some).ok()
}

/// What members that start later are configured with, instead of the group's `config`.
fn deploys(sink: &mut Sink<'_>, group: &At<'_>, cluster: &Cluster) -> Vec<(Micros, Settings)> {
    let mut deploys: Vec<(Micros, Settings)> = Vec::new();
    for at in group.get("deploys").map(|at| sink.list(&at)).unwrap_or_default() {
        if !sink.object(&at, DEPLOY_KEYS) {
            continue;
        }
        let Some(when) = at.get("at") else {
            sink.at(&at, "a deploy needs \"at\": the time from which members start with it");
            continue;
        };
        let (_, config) = consumer(sink, group, at.get("config"), cluster);
        let Some(time) = sink.duration(&when) else { continue };
        if deploys.last().is_some_and(|(before, _)| *before >= time) {
            sink.at(&when, "deploys stand in the order of their times");
        }
        deploys.push((time, config));
    }
    deploys
}

fn commit(sink: &mut Sink<'_>, at: &At<'_>) -> Option<CommitStrategy> {
    let text = sink.string(at)?;
    let found = text.parse().ok();
    if found.is_none() {
        let known = CommitStrategy::ALL.iter().map(|one| one.name());
        sink.unknown(at.node.span, &at.path, ("commit strategy", text), known);
    }
    found
}

/// When a group commits: as "commit" says, or else as "enable.auto.commit" does.
fn strategy(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    config: &Config<'_>,
    settings: &mut Settings,
) -> CommitStrategy {
    const KEY: &str = "enable.auto.commit";
    let stated = at.get("commit").and_then(|at| Some((commit(sink, &at)?, at)));
    // A file that leaves it out means Kafka's default.
    let place = config.place(KEY).or_else(|| at.get(PROPERTIES));
    let asked = place.map(|place| (settings.switch(KEY), place));
    let commit = match (&stated, &asked) {
        (Some((commit, _)), _) => *commit,
        (None, Some((true, _))) => CommitStrategy::Auto,
        (None, Some((false, _)) | None) if lacks_group_id(at) => CommitStrategy::Never,
        (None, Some((false, _)) | None) => CommitStrategy::SyncAfterBatch,
    };
    if commit != CommitStrategy::Never && lacks_group_id(at) {
        let place = stated.as_ref().map(|(_, at)| at).or(asked.as_ref().map(|(_, at)| at));
        let (message, hint) = if commit.is_automatic() {
            let why =
                "without a group.id enable.auto.commit=true throws InvalidConfigurationException";
            (why, "write \"commit\": \"never\": without a group.id its default is false")
        } else {
            let why = "without a group.id every commit throws InvalidGroupIdException";
            (why, "write \"commit\": \"never\"")
        };
        if let Some(place) = place {
            sink.hinted(place.node.span, &place.path, message, Some(hint.to_owned()));
        }
    }
    if let (Some((commit, place)), Some((asked, setting))) = (&stated, &asked)
        && commit.is_automatic() != *asked
    {
        let (ours, theirs) =
            (format!("\"commit\": \"{}\"", commit.name()), format!("\"{KEY}\": {asked}"));
        let hint = Some("leave it out: it follows from \"commit\"".to_owned());
        sink.error(place.node.span, &place.path, format!("{ours} contradicts {theirs}"));
        let message = format!("{theirs} contradicts {ours}");
        sink.hinted(setting.node.span, &setting.path, message, hint);
    }
    settings.0.insert(KEY, SettingValue::Switch(commit.is_automatic()));
    commit
}

/// The settings of a group's member under `place`.
fn consumer(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    place: Option<At<'_>>,
    cluster: &Cluster,
) -> (CommitStrategy, Settings) {
    let config = Config::read(sink, place.as_ref(), Scope::Consumer);
    let mut settings = config.filled();
    let commit = strategy(sink, at, &config, &mut settings);
    if let Some(place) = config.place("auto.offset.reset")
        && settings.word("auto.offset.reset") == "none"
    {
        let message = "with \"none\" a group needs committed offsets, and a run begins without any: \
                       its members would stop at their first poll";
        let hint = Some("write \"earliest\" or \"latest\"".to_owned());
        sink.hinted(place.node.span, &place.path, message, hint);
    }
    protocol(sink, &config, &settings);
    if settings.word("group.protocol") == "classic" {
        timeouts(sink, at, &config, &settings, cluster);
    } else {
        assignor(sink, &config, &settings, cluster);
    }
    (commit, settings)
}
