//! Mirrors as a schedule file has them: what differs from a default.

use super::Object;
use crate::mirrors::{Row, SETTINGS};
use crate::plan::{Group, Mirror, Plan};
use ackproof_types::Micros;
use serde_json::{Map, Value, json};

/// All mirrors by name.
pub(super) fn all(plan: &Plan) -> Map<String, Value> {
    let mirrors = plan.groups.iter().filter_map(|one| Some((one, one.mirror()?)));
    mirrors.map(|(one, mirror)| (one.name.clone(), Value::Object(put(one, mirror, plan)))).collect()
}

fn put(group: &Group, mirror: &Mirror, plan: &Plan) -> Map<String, Value> {
    let mut object = Object::new();
    let topic = group.topics.first().map(|topic| &plan.topics[topic.index()].name);
    object.put("topic", json!(topic));
    let to = group.produces.as_ref().map(|output| plan.topics[output.to.index()].cluster);
    object.put("to", json!(to.map(|to| &plan.cluster(to).name)));
    object.put_if(to != Some(group.at), "at", || json!(plan.cluster(group.at).name));
    let all = (0..).zip(&plan.groups);
    let all = all.filter(|(_, one)| one.is_named() && one.topics.contains(&group.topics[0]));
    let all: Vec<u16> = all.map(|(id, _)| id).collect();
    let groups = mirror.groups.iter().map(|one| json!(plan.groups[usize::from(*one)].name));
    object.put_if(all != mirror.groups, "groups", || groups.collect());
    let mut config = Object::new();
    for row in SETTINGS {
        match row {
            Row::Number(key, _, usual, _) => {
                let given = number(mirror, key);
                config.put_if(given.is_some_and(|one| one != *usual), key, || json!(given));
            }
            Row::Switch(key, usual, _) => {
                let given = switch(mirror, key);
                config.put_if(given != *usual, key, || json!(given));
            }
        }
    }
    object.put_full("config", config.0);
    object.0
}

/// None: what it belongs to is off.
fn number(mirror: &Mirror, key: &str) -> Option<i64> {
    let seconds = |time: Micros| time.as_millis() / 1000;
    let number = match key {
        "offset.flush.interval.ms" => Some(mirror.flush_interval.as_millis()),
        "offset.lag.max" => Some(mirror.offset_lag_max.into()),
        "emit.checkpoints.interval.seconds" => mirror.checkpoint_interval.map(seconds),
        "sync.group.offsets.interval.seconds" => mirror.sync_interval.map(seconds),
        "replication.factor" => Some(mirror.replication_factor.into()),
        other => unreachable!("no value for {other}"),
    };
    number.and_then(|number| i64::try_from(number).ok())
}

fn switch(mirror: &Mirror, key: &str) -> bool {
    match key {
        "emit.checkpoints.enabled" => mirror.checkpoint_interval.is_some(),
        "sync.group.offsets.enabled" => mirror.sync_interval.is_some(),
        other => unreachable!("no value for {other}"),
    }
}
