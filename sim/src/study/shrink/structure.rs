//! Smaller versions of a schedule as a structure: fewer faults, producers, groups, members, partitions,
//! brokers, settings. Each function lists candidates, the boldest first; none knows whether one fails.

use super::tree::{entries, faults, names, number, object, records, rename, with, without_records};
use ackproof_oracle::registry::PROPERTIES;
use serde_json::{Value, json};

/// Without one of the producers, or with one process of it only.
pub(crate) fn producers(tree: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    let all = names(tree, "producers");
    for name in all.iter().filter(|_| all.len() > 1) {
        found.extend(with(tree, &["producers", name], None));
    }
    for name in &all {
        let instances = number(tree, &["producers", name, "instances"]).unwrap_or(1);
        for instance in (0..instances).filter(|_| instances > 1) {
            found.extend(only_instance(tree, name, &format!("{name}-{instance}")));
        }
        // A process with nothing to send stands there for nothing.
        for process in idle(tree, name) {
            found.extend(without_instance(tree, name, instances, &process));
        }
    }
    found
}

/// `tree` with `process` as the only one of `producer`.
fn only_instance(tree: &Value, producer: &str, process: &str) -> Option<Value> {
    let others: Vec<_> = records(tree)
        .into_iter()
        .filter(|place| place.producer == producer && place.process != process)
        .collect();
    let mut tree = without_records(tree, &others)?;
    let map = object(&mut tree, &["producers", producer])?;
    map.shift_remove("instances");
    let sends = map.get_mut("sends")?.as_object_mut()?;
    let list = sends.shift_remove(process)?;
    let first = format!("{producer}-0");
    sends.clear();
    sends.insert(first.clone(), list);
    rename(&mut tree, process, &first);
    Some(tree)
}

fn idle(tree: &Value, producer: &str) -> Vec<String> {
    let entry = tree.get("producers").and_then(|all| all.get(producer));
    let lists = entry.map(|entry| entries(entry, "sends")).unwrap_or_default();
    let empty = lists.into_iter().filter(|(_, list)| list.as_array().is_some_and(Vec::is_empty));
    empty.map(|(process, _)| process.to_owned()).collect()
}

/// `tree` without a process that sends nothing; the last one takes its name.
fn without_instance(tree: &Value, producer: &str, instances: u64, process: &str) -> Option<Value> {
    let last = instances.checked_sub(1).filter(|last| *last > 0)?;
    let last_name = format!("{producer}-{last}");
    let mut tree = tree.clone();
    let map = object(&mut tree, &["producers", producer])?;
    map.insert("instances".to_owned(), json!(last));
    let sends = map.get_mut("sends")?.as_object_mut()?;
    let list = sends.shift_remove(&last_name)?;
    if last_name != process {
        sends.insert(process.to_owned(), list);
        rename(&mut tree, &last_name, process);
    }
    Some(tree)
}

/// Without one of the mirrors, of the clusters beside the first or of the groups, or with fewer members.
pub(crate) fn groups(tree: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for kind in ["mirrors", "clusters"] {
        found.extend(
            names(tree, kind).into_iter().filter_map(|name| with(tree, &[kind, &name], None)),
        );
    }
    for name in names(tree, "groups") {
        found.extend(with(tree, &["groups", &name], None));
        let members = number(tree, &["groups", &name, "members"]).unwrap_or(1);
        for fewer in fewer(members, 1) {
            let smaller = with(tree, &["groups", &name, "members"], Some(json!(fewer)));
            let renamed = smaller.clone().map(|mut tree| {
                for gone in fewer..members {
                    rename(&mut tree, &format!("{name}-{gone}"), &format!("{name}-0"));
                }
                tree
            });
            found.extend(smaller);
            found.extend(renamed);
        }
    }
    found
}

/// Smaller numbers, from `least`: the smallest, half, one less.
fn fewer(number: u64, least: u64) -> Vec<u64> {
    let mut all = vec![least, number / 2, number.saturating_sub(1)];
    all.retain(|one| (least..number).contains(one));
    all.dedup();
    all
}

/// Without one of the topics, or with fewer partitions: what a fault says of one that goes, it says of
/// the first.
pub(crate) fn topics(tree: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    let all = names(tree, "topics");
    for name in all.iter().filter(|_| all.len() > 1) {
        found.extend(with(tree, &["topics", name], None));
    }
    for name in &all {
        let partitions = number(tree, &["topics", name, "partitions"]).unwrap_or(3);
        for fewer in fewer(partitions, 1) {
            let Some(mut smaller) = with(tree, &["topics", name, "partitions"], Some(json!(fewer)))
            else {
                continue;
            };
            for gone in fewer..partitions {
                rename(&mut smaller, &format!("{name}-{gone}"), &format!("{name}-0"));
            }
            found.push(smaller);
        }
    }
    found
}

/// With one broker less: the last one, whose name in faults goes to one of the others.
pub(crate) fn brokers(tree: &Value) -> Vec<Value> {
    let brokers = number(tree, &["cluster", "brokers"]).unwrap_or(3);
    let left = brokers.saturating_sub(1);
    let candidate = |to: u64| {
        let mut smaller = with(tree, &["cluster", "brokers"], Some(json!(left)))?;
        for name in names(tree, "topics") {
            let topic = object(&mut smaller, &["topics", &name])?;
            if topic.get("replication.factor").and_then(Value::as_u64).is_some_and(|n| n > left) {
                topic.insert("replication.factor".to_owned(), json!(left));
            }
            if let Some(least) = topic.get_mut("config").and_then(|one| one.get_mut(MIN_ISR))
                && least.as_u64().is_some_and(|least| least > left)
            {
                *least = json!(left);
            }
        }
        if number(tree, &["cluster", "config", OFFSETS]).unwrap_or(3) > left {
            let smaller = smaller.get_mut("cluster")?.as_object_mut()?;
            let config = smaller.entry("config").or_insert_with(|| json!({}));
            config.as_object_mut()?.insert(OFFSETS.to_owned(), json!(left));
        }
        rename(&mut smaller, &format!("broker-{brokers}"), &format!("broker-{to}"));
        Some(smaller)
    };
    (1..=left).filter_map(candidate).collect()
}

/// With one controller in the place of several.
pub(crate) fn controllers(tree: &Value) -> Vec<Value> {
    let several = number(tree, &["cluster", "controllers"]).unwrap_or(1);
    let Some(mut smaller) = with(tree, &["cluster", "controllers"], None) else {
        return Vec::new();
    };
    for number in 1..=several {
        rename(&mut smaller, &format!("controller-{number}"), "controller");
    }
    rename(&mut smaller, "any controller", "controller");
    rename(&mut smaller, "active controller", "controller");
    vec![smaller]
}

const MIN_ISR: &str = "min.insync.replicas";
const OFFSETS: &str = "offsets.topic.replication.factor";

/// Without one of the settings that differ from Kafka's defaults, or from ours.
pub(crate) fn settings(tree: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    let mut places: Vec<Vec<String>> = vec![vec!["cluster".to_owned()]];
    for kind in ["topics", "producers", "groups", "mirrors", "clusters"] {
        places.extend(names(tree, kind).into_iter().map(|name| vec![kind.to_owned(), name]));
    }
    for name in names(tree, "groups") {
        let output = |key: &str| vec!["groups".to_owned(), name.clone(), key.to_owned()];
        places.extend(["produces", "dead_letter"].map(output));
    }
    for place in &places {
        let path: Vec<&str> = place.iter().map(String::as_str).collect();
        let node = path.iter().try_fold(tree, |node, key| node.get(key));
        let Some(node) = node else { continue };
        found.extend(with(tree, &[&path[..], &["config"]].concat(), None));
        for (key, _) in entries(node, "config") {
            found.extend(with(tree, &[&path[..], &["config", key]].concat(), None));
        }
        for key in KEYS {
            found.extend(with(tree, &[&path[..], &[key]].concat(), None));
        }
    }
    if let Some(variants) = tree.get("variants").and_then(Value::as_array) {
        for index in 0..variants.len() {
            let mut left = variants.clone();
            left.remove(index);
            found.extend(with(tree, &["variants"], Some(Value::Array(left))));
        }
    }
    found
}

/// What a smaller scenario may do without.
const KEYS: &[&str] = &[
    "start",
    "process",
    "failures",
    "fails",
    "attempts",
    "backoff",
    "on_failure",
    "commit",
    "commit_every",
    "commit_offset",
    "on_commit_failure",
    "on_revoke",
    "assign",
    "workers",
    "covers",
    "sink",
    "produces",
    "dead_letter",
    "wait",
    "autoscale",
    "deploys",
    "groups",
    "after_crash",
    "end",
    "threads",
    "create_time",
    "compressed_to",
    "topics",
    "network",
    "startup",
    "racks",
    "capacity",
    "quotas",
];

/// With less left to chance: one latency, one processing time.
pub(crate) fn chance(tree: &Value) -> Vec<Value> {
    let latency = ["cluster", "network", "latency"];
    let now = latency.iter().try_fold(tree, |node, key| node.get(key)).and_then(Value::as_str);
    let fixed = |now: Option<&str>| now.is_some_and(|text| !text.contains(".."));
    let mut found = Vec::new();
    if !fixed(now) {
        let bounds = now.into_iter().flat_map(|range| range.split(".."));
        for length in ["1ms", "5ms", "10ms", "200us"].into_iter().chain(bounds) {
            found.extend(with(tree, &latency, Some(json!(length))));
        }
    }
    for (name, group) in entries(tree, "groups") {
        let now = group.get("process").and_then(Value::as_str);
        if !fixed(now) {
            found.extend(with(tree, &["groups", name, "process"], Some(json!("2ms"))));
        }
    }
    found
}

/// With the expectation that the failure called `name` is about, and no other: said in words, since a
/// scenario without any is held against what its configuration promises. They move nothing.
pub(crate) fn expectations(tree: &Value, name: &str) -> Value {
    let mut tree = tree.clone();
    let Some(root) = tree.as_object_mut() else { return tree };
    let expect = root.entry("expect").or_insert_with(|| json!({}));
    if let Some(expect) = expect.as_object_mut() {
        let measure = if name == "duplicates" { "duplicate_rate" } else { name };
        expect.retain(|key, _| key == measure);
        if expect.is_empty() && PROPERTIES.iter().any(|property| property.name == name) {
            expect.insert(name.to_owned(), json!("held"));
        }
        // A settle phase that was shortened says nothing about recovery: it is not held against a bug
        // that was mended.
        if name != "recovers" {
            expect.insert("recovers".to_owned(), json!("may-violate"));
        }
    }
    tree
}

/// How big a schedule is, by what it is made of.
pub(crate) fn sizes(tree: &Value) -> Vec<(&'static str, u64)> {
    let sum = |kind: &str, key: &str, usual: u64| {
        let each = entries(tree, kind).into_iter();
        each.map(|(_, entry)| number(entry, &[key]).unwrap_or(usual)).sum()
    };
    let settings: usize = ["topics", "producers", "groups", "mirrors", "clusters"]
        .iter()
        .flat_map(|kind| entries(tree, kind))
        .map(|(_, entry)| entries(entry, "config").len())
        .sum();
    let cluster = tree.get("cluster").map_or(0, |cluster| entries(cluster, "config").len());
    vec![
        ("faults", faults(tree).len() as u64),
        ("records", records(tree).len() as u64),
        ("producers", sum("producers", "instances", 1)),
        ("members", sum("groups", "members", 1)),
        ("partitions", sum("topics", "partitions", 3)),
        ("brokers", number(tree, &["cluster", "brokers"]).unwrap_or(3)),
        ("settings", (settings + cluster) as u64),
    ]
}
