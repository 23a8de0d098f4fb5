//! Which properties a scenario can make judge something at all, by what is in it.
//!
//! A property that judged nothing where it could have is no success; one that had nothing to judge by
//! the scenario's own shape (no group, `acks=0`, one replica, nobody who restarts, one controller) says nothing, and rightly so.

use crate::world::network::syn_again_after_s;
use ackproof_reports::capacity::CapacityReport;
use ackproof_reports::kafka::KafkaReport;
use ackproof_reports::run::NetworkReport;
use ackproof_scenario::capacity::{PROFILES, THREADS};
use ackproof_scenario::plan::{Action, Fault, FaultKind, Group, Plan, Producer, Target};
use ackproof_types::{SinkConfig, SinkWrites};

/// Whether every run of `plan` should give `property` something to judge.
pub(crate) fn can_judge(plan: &Plan, property: &str) -> bool {
    // What an application from outside does, and with which settings, shows in the run alone.
    if plan.outsiders.replace {
        return property == "acked-durability";
    }
    let some = |is: fn(&Producer) -> bool| plan.producers.iter().any(is);
    let of_groups = ["at-least-once", "commit-behind-processing", "stable-reads"];
    let groups = || plan.groups.iter().filter(|group| !without_offsets(plan, group));
    if of_groups.contains(&property) && groups().next().is_none() {
        return false;
    }
    match property {
        "acked-durability" => some(acks),
        "at-least-once" => groups().any(|group| reads(plan, group, acks)),
        "commit-behind-processing" | "stable-reads" => {
            groups().any(|group| reads(plan, group, |_| true))
        }
        "commit-durability" => {
            let subscribes = |group: &Group| group.assigned < group.members;
            plan.groups.iter().any(|group| subscribes(group) && reads(plan, group, |_| true))
                && plan.faults.iter().any(moves_partitions)
        }
        "sink-effect" => plan.groups.iter().any(|group| {
            let promises = |sink: SinkConfig| sink.writes != SinkWrites::Append;
            group.sink.is_some_and(promises) && reads(plan, group, |_| true)
        }),
        "end-to-end" => plan.groups.iter().any(|group| {
            let makes = group.produces.is_some()
                || (group.dead_letter.is_some() && !group.fails.is_empty());
            makes && reads(plan, group, acks)
        }),
        "metadata-agreement" => plan.clusters.iter().any(|cluster| cluster.controllers > 1),
        "group-exclusive" => plan.groups.iter().any(|group| shares(plan, group)),
        // Index 0 is `__consumer_offsets`.
        "log-matching" => plan.user_topics().any(|(_, topic)| topic.replication_factor > 1),
        "idempotent-log" => some(idempotent),
        "producer-order" => some(|producer| {
            let in_flight = producer.config.number("max.in.flight.requests.per.connection");
            acks(producer) && (idempotent(producer) || in_flight == 1)
        }),
        // What speaks of logs and leaders always has some.
        _ => true,
    }
}

/// Whether Kafka cannot create `__consumer_offsets`, so that no group reads anything: `recovers` says so.
fn without_offsets(plan: &Plan, group: &Group) -> bool {
    let cluster = plan.cluster_of(group);
    plan.offsets_of(cluster).replication_factor > plan.cluster(cluster).brokers
}

/// Which Kafka the models follow.
pub(crate) fn kafka(plan: &Plan) -> KafkaReport {
    let levels = plan.features.levels().into_iter();
    let features = levels.map(|(name, level)| (name.to_owned(), level)).collect();
    let kinds = plan.faults.iter().flat_map(|fault| &fault.choices);
    let lines = kinds.filter_map(|(_, kind)| match kind.action {
        Action::RollingRestart(line) => line,
        _ => None,
    });
    let upgraded_to = lines.max().map(|line| line.name().to_owned());
    KafkaReport { version: plan.kafka.name().to_owned(), upgraded_to, features }
}

/// What a run's report says of the network: only where faults make it matter.
pub(crate) fn network(plan: &Plan) -> Option<NetworkReport> {
    let loses = |action: &Action| {
        matches!(action, Action::Isolate(_) | Action::Partition(_) | Action::Lossy { .. })
    };
    let mut kinds = plan.faults.iter().flat_map(|fault| &fault.choices);
    let syn_linear_timeouts = plan.network.syn_linear_timeouts;
    kinds.any(|(_, kind)| loses(&kind.action)).then(|| NetworkReport {
        syn_linear_timeouts,
        syn_again_after_s: syn_again_after_s(syn_linear_timeouts),
    })
}

/// What a run's report says of the brokers' machines: only where requests take time.
pub(crate) fn capacity(plan: &Plan) -> Option<CapacityReport> {
    let cluster = plan.clusters.iter().find(|cluster| cluster.capacity.is_some())?;
    let capacity = cluster.capacity?;
    let profile = PROFILES.iter().find(|one| Some(one.name) == capacity.profile);
    let threads = THREADS.iter().map(|key| (*key, cluster.config.number(key).to_string()));
    let figures = capacity.figures().into_iter().chain(threads);
    Some(CapacityReport {
        profile: profile.map(|one| one.name.to_owned()),
        about: profile.map(|one| one.about.to_owned()),
        figures: figures.map(|(key, value)| (key.to_owned(), value)).collect(),
    })
}

fn acks(producer: &Producer) -> bool {
    producer.config.word("acks") != "0"
}

fn idempotent(producer: &Producer) -> bool {
    producer.config.switch("enable.idempotence")
}

/// Whether `group` reads what such a producer writes.
fn reads(plan: &Plan, group: &Group, is: fn(&Producer) -> bool) -> bool {
    plan.producers.iter().any(|producer| group.topics.contains(&producer.topic) && is(producer))
}

/// Whether several members of `group` get something to read.
fn shares(plan: &Plan, group: &Group) -> bool {
    let topics = group.topics.iter().filter_map(|topic| plan.topics.get(topic.index()));
    // Who calls assign() is in no group.
    group.members - group.assigned.min(group.members) > 1
        && topics.map(|topic| u32::from(topic.partitions)).sum::<u32>() > 1
}

/// Whether a fault makes some member resume from a commit, whatever the seed draws.
fn moves_partitions(fault: &Fault) -> bool {
    let moves = |kind: &FaultKind| {
        let member = matches!(kind.target, Target::Member(..) | Target::AnyMember(_));
        let ends = matches!(kind.action, Action::Crash | Action::Restart | Action::Leave);
        (member && ends) || kind.action == Action::Join
    };
    fault.choices.iter().all(|(_, kind)| moves(kind))
}
