//! The cluster around files: brokers, a topic, who writes and who reads, as a scenario that names the files; and
//! what becomes of settings that the models do not follow.

use super::files::{File, Files};
use ackproof_scenario::plan::{Ignored, Plan};
use ackproof_scenario::settings::{self, Harm, Scope, Standing, Unless, kafka};
use ackproof_types::KafkaVersion;
use ackproof_types::words::plural;
use serde_json::{Map, Value, json};

/// As a scenario has it, from its section: names of the files in it.
pub(super) fn scenario(files: &Files, kafka: KafkaVersion) -> String {
    let mut topics = by_name(files, Scope::Topic, &json!({}));
    if topics.is_empty() {
        topics.insert(unused("topic", files), json!({}));
    }
    let names: Vec<String> = topics.keys().cloned().collect();
    let mut producers = Map::new();
    // Slow enough that some records are always on their way.
    let usual = json!({ "rate": "100/s", "keys": 50 });
    let mut writers = by_name(files, Scope::Producer, &usual);
    if writers.is_empty() {
        writers.insert(unused("producer", files), usual);
    }
    for (name, writer) in writers {
        for topic in &names {
            let name = if names.len() > 1 { format!("{name}-to-{topic}") } else { name.clone() };
            let mut writer = writer.clone();
            writer["topic"] = json!(topic);
            producers.insert(name, writer);
        }
    }
    let mut cluster = json!({ "brokers": brokers(files), "network": { "latency": "1ms..20ms" } });
    if let Some(broker) = files.of(Scope::Broker).next() {
        cluster["properties"] = json!(broker.name);
    }
    let groups = by_name(files, Scope::Consumer, &json!({ "members": 2 }));
    let scenario = json!({
        "name": super::NAME, "kafka": kafka.name(), "cluster": cluster,
        "topics": topics, "producers": producers, "groups": groups,
    });
    format!("{scenario:#}")
}

fn by_name(files: &Files, scope: Scope, usual: &Value) -> Map<String, Value> {
    let one = |file: &File| {
        let mut value = usual.clone();
        value["properties"] = json!(file.name);
        (file.name.clone(), value)
    };
    files.of(scope).map(one).collect()
}

fn unused(name: &str, files: &Files) -> String {
    let taken = |name: &String| files.all().iter().any(|one| one.name == *name);
    let mut names = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{name}-{n}")));
    names.find(|name| !taken(name)).unwrap_or_else(|| name.to_owned())
}

/// As many as the files need, three at least.
fn brokers(files: &Files) -> u16 {
    let keys = ["default.replication.factor", "offsets.topic.replication.factor"];
    let wanted = keys.iter().filter_map(|key| {
        let (_, entry) = files.find(Scope::Broker, "", key)?;
        entry.value.trim().parse::<u16>().ok()
    });
    wanted.max().unwrap_or(3).clamp(3, 99)
}

/// What stands in the place of values that the models do not take: a group that had commits before.
pub(super) fn substitutes(files: &Files) -> Vec<(String, String)> {
    const KEY: &str = "auto.offset.reset";
    let foreign = |file: &&File| file.entry(KEY).is_some_and(|entry| file.foreign(entry));
    let substitute =
        |file: &File| (format!("groups.{}.config.{KEY}", file.name), "earliest".to_owned());
    // What Kafka does not take is told when the scenario is read.
    let fine = |file: &&File| {
        let theirs = kafka::find(Scope::Consumer, KEY, KafkaVersion::default());
        let value = file.entry(KEY).map(|entry| entry.value.trim());
        theirs.zip(value).is_some_and(|(theirs, value)| theirs.check(value).is_ok())
    };
    files.of(Scope::Consumer).filter(foreign).filter(fine).map(substitute).collect()
}

const REFUSED: &[&str] = &["acked-durability", "at-least-once"];

/// Says in `plan` what each file sets and the models do not follow: nobody promises what it could break.
pub(super) fn open(plan: &mut Plan, files: &Files, version: KafkaVersion) {
    let mut ignored = Vec::new();
    for file in files.all() {
        for entry in file.entries.iter().filter(|entry| file.entry(&entry.key) == Some(*entry)) {
            let Some(setting) = settings::find(file.scope, &entry.key) else { continue };
            let value = entry.value.trim();
            let theirs = kafka::find(file.scope, &entry.key, version);
            let default = theirs.and_then(|theirs| theirs.default).unwrap_or_default();
            let harm = match setting.standing {
                // What everybody has is what the models have.
                _ if value == default => None,
                Standing::Harmful(harm) => Some(harm).filter(|harm| harm.is_in(value)),
                Standing::Refused(why) if !why.unless.contains(&value) => {
                    Some(Harm { breaks: REFUSED, why: why.why, unless: Unless::Never })
                }
                Standing::Modelled if file.foreign(entry) => Some(FOREIGN),
                _ => None,
            };
            for place in places(plan, file) {
                let path = format!("{place}.{}", entry.key);
                let here = plan.ignored.iter().position(|one| one.path == path);
                if here.is_some_and(|here| plan.ignored[here].value != value) {
                    // The command line says otherwise.
                    continue;
                }
                here.map(|here| plan.ignored.remove(here));
                let one = |harm| Ignored { path, value: value.to_owned(), harm: Some(harm) };
                ignored.extend(harm.map(one));
            }
        }
    }
    plan.ignored.extend(ignored);
}

/// It is read as `earliest`, as by a group that has commits.
const FOREIGN: Harm = Harm {
    breaks: &["at-least-once"],
    why: "a member without a commit does not start at the beginning",
    unless: Unless::Never,
};

/// Where the settings of a file stand in a scenario.
fn places(plan: &Plan, file: &File) -> Vec<String> {
    let name = &file.name;
    match file.scope {
        Scope::Broker => vec!["cluster.config".to_owned()],
        Scope::Topic => vec![format!("topics.{name}.config")],
        Scope::Consumer => vec![format!("groups.{name}.config")],
        Scope::Producer => {
            let to = format!("{name}-to-");
            let these = plan.producers.iter().map(|one| &one.name);
            let these = these.filter(|one| *one == name || one.starts_with(&to));
            these.map(|one| format!("producers.{one}.config")).collect()
        }
    }
}

/// What the files do not say.
pub(super) fn assumed(plan: Option<&Plan>, files: &Files, kafka: KafkaVersion) -> Vec<String> {
    let mut assumed = vec![format!("Kafka {kafka}")];
    let Some(plan) = plan else { return assumed };
    assumed.push(plural(u64::from(plan.main().brokers), "broker"));
    for (_, topic) in plan.user_topics() {
        let (partitions, replicas) = (topic.partitions, topic.replication_factor);
        assumed.push(format!(
            "topic {} with {} and {}",
            topic.name,
            plural(u64::from(partitions), "partition"),
            plural(u64::from(replicas), "replica")
        ));
    }
    if files.of(Scope::Producer).next().is_none() {
        assumed.push("a producer with Kafka's defaults".to_owned());
    }
    for group in &plan.groups {
        let members = plural(u64::from(group.members), "member");
        assumed.push(format!("group {} with {members}", group.name));
    }
    if plan.groups.is_empty() {
        assumed.push("no group: no file is a consumer's".to_owned());
    }
    assumed
}
