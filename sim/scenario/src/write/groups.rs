//! A group as a schedule has it: its application and its settings.

use super::{Object, compression, config, none};
use crate::anchor;
use crate::clients::{NO_GROUP_ID, START};
use crate::durations::{spell, spell_percent, spell_range};
use crate::outputs::OUTPUTS;
use crate::plan::{Autoscale, Group, Output, Plan, Settings};
use crate::settings::Scope;
use ackproof_types::{
    Awaits, CommitEvery, Consuming, Delay, MemoryIn, Micros, OnFailure, SinkConfig,
};
use serde_json::{Map, Value, json};

pub(super) fn group(group: &Group, plan: &Plan) -> Value {
    let mut object = Object::new();
    let own = group.outputs().count();
    let all = own == 0 && group.topics.len() == plan.user_topics().count();
    let names = group.topics.iter().map(|topic| json!(plan.topics[topic.index()].name));
    object.put_if(!all, "topics", || names.collect());
    let beside = group.at != plan.cluster_of(group);
    object.put_if(beside, "at", || json!(plan.cluster(group.at).name));
    object.put_if(group.members != 1, "members", || json!(group.members));
    object.put_if(group.assigned > 0, "assign", || match group.assigned {
        _ if !group.has_group_id => json!(NO_GROUP_ID),
        all if all == group.members => json!("fixed"),
        some => json!(some),
    });
    let usual = Delay { min: Micros::from_millis(1), max: Micros::from_millis(3) };
    object.put_if(group.process != usual, "process", || json!(spell_range(group.process)));
    object.put("commit", json!(group.commit.name()));
    let failures = group.failures_per_million;
    object.put_if(failures > 0, "failures", || json!(spell_percent(failures)));
    let fails = group.fails.iter().map(|one| json!(anchor::spell_record(*one, plan)));
    object.put_if(!group.fails.is_empty(), "fails", || fails.collect());
    object.put_if(group.attempts != 3, "attempts", || json!(group.attempts));
    if let Some(SinkConfig { writes, memory, memory_in }) = group.sink {
        let mut sink = Object::new();
        sink.put("writes", json!(writes.name()));
        if let Some(memory) = memory {
            sink.put("memory", json!(memory));
        }
        sink.put_if(memory_in != MemoryIn::Sink, "memory_in", || json!(memory_in.name()));
        object.put("sink", Value::Object(sink.0));
    }
    consuming(&mut object, &group.consuming);
    for (key, one) in OUTPUTS.into_iter().zip([&group.produces, &group.dead_letter]) {
        if let Some(one) = one {
            object.put(key, output(one, plan));
        }
    }
    if let Some(Autoscale { max, lag, every, cooldown }) = group.autoscale {
        let (every, cooldown) = (spell(every), spell(cooldown));
        let scale = json!({ "max": max, "lag": lag, "every": every, "cooldown": cooldown });
        object.put("autoscale", scale);
    }
    object.put_if(group.start != START, "start", || json!(spell(group.start)));
    object.put_full("config", member(&group.config, plan));
    let deploys = group.deploys.iter().map(|(from, config)| {
        let mut deploy = Object::new();
        deploy.put("at", json!(spell(*from)));
        deploy.put_full("config", member(config, plan));
        Value::Object(deploy.0)
    });
    object.put_if(!group.deploys.is_empty(), "deploys", || deploys.collect());
    Value::Object(object.0)
}

fn output(output: &Output, plan: &Plan) -> Value {
    let mut object = Object::new();
    object.put("to", json!(plan.topics[output.to.index()].name));
    object.put_if(output.awaits != Awaits::default(), "wait", || json!(output.awaits.name()));
    let on_failure = output.sending.on_failure;
    object.put_if(on_failure != OnFailure::Resend, "on_failure", || json!(on_failure.name()));
    compression(&mut object, &output.config, output.compressed_to);
    object.put_full("config", config(&output.config, (Scope::Producer, plan.kafka), &none()));
    Value::Object(object.0)
}

fn consuming(object: &mut Object, given: &Consuming) {
    let usual = Consuming::default();
    if let Some(every) = given.commit_every {
        let every = match every {
            CommitEvery::Records(many) => json!(many),
            CommitEvery::Time(time) => json!(spell(time)),
        };
        object.put("commit_every", every);
    }
    object.put_if(given.workers.is_some(), "workers", || json!(given.workers));
    for (key, word, usual) in [
        ("covers", given.covers.name(), usual.covers.name()),
        ("commit_offset", given.commit_offset.name(), usual.commit_offset.name()),
        ("on_commit_failure", given.on_commit_failure.name(), usual.on_commit_failure.name()),
        ("on_revoke", given.on_revoke.name(), usual.on_revoke.name()),
        ("on_failure", given.on_failure.name(), usual.on_failure.name()),
    ] {
        object.put_if(word != usual, key, || json!(word));
    }
    object.put_if(given.backoff != usual.backoff, "backoff", || json!(spell_range(given.backoff)));
}

fn member(settings: &Settings, plan: &Plan) -> Map<String, Value> {
    let mut config = config(settings, (Scope::Consumer, plan.kafka), &none());
    // It follows from the strategy.
    config.remove("enable.auto.commit");
    config
}
