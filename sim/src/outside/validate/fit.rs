//! Whether a history is one of a scenario: who took part, as its header says, is who the scenario names.
//! What differs is told in the words of both files.

use ackproof_oracle::context::Context;
use ackproof_types::TopicId;
use ackproof_types::words::plural;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// Why `history` cannot be one of the scenario whose runs have the context `scenario`.
pub(super) fn misfit(scenario: &Context, history: &Context) -> Option<String> {
    let brokers = |context: &Context| context.roster.brokers().count();
    let (ours, theirs) = (brokers(scenario), brokers(history));
    if ours != theirs {
        return Some(format!(
            "the history has {}, the scenario {ours}",
            plural(theirs as u64, "broker")
        ));
    }
    difference("topic", &topics(scenario), &topics(history))
        .or_else(|| difference("producer", &producers(scenario), &producers(history)))
        .or_else(|| difference("group", &groups(scenario), &groups(history)))
}

fn difference<T: PartialEq + Debug>(
    what: &str,
    scenario: &BTreeMap<&str, T>,
    history: &BTreeMap<&str, T>,
) -> Option<String> {
    if let Some(name) = history.keys().find(|name| !scenario.contains_key(*name)) {
        return Some(format!(
            "the history has a {what} {name:?}, which the scenario does not have"
        ));
    }
    if let Some(name) = scenario.keys().find(|name| !history.contains_key(*name)) {
        return Some(format!(
            "the scenario has a {what} {name:?}, which the history does not have"
        ));
    }
    let (name, ours) = scenario.iter().find(|(name, ours)| history.get(*name) != Some(*ours))?;
    let theirs = &history[name];
    Some(format!("{what} {name:?} is {theirs:?} in the history, and {ours:?} in the scenario"))
}

/// The user's topics, with their partitions.
fn topics(context: &Context) -> BTreeMap<&str, String> {
    let own = |(id, _): &(TopicId, _)| !context.keeps_offsets(*id);
    let users = (0..).map(TopicId).zip(&context.topics).filter(own).map(|(_, topic)| topic);
    users
        .map(|topic| (topic.name.as_str(), plural(u64::from(topic.partitions), "partition")))
        .collect()
}

/// Producers with what decides which properties judge them.
fn producers(context: &Context) -> BTreeMap<&str, String> {
    let shown = context.producers.iter().map(|producer| {
        let idempotent = if producer.idempotent { "idempotent" } else { "not idempotent" };
        let to = topic(context, producer.topic);
        (producer.name.as_str(), format!("to {to}, acks={}, {idempotent}", producer.acks))
    });
    shown.collect()
}

fn groups(context: &Context) -> BTreeMap<&str, String> {
    let shown = context.groups.iter().map(|group| {
        let mut topics: Vec<&str> = group.topics.iter().map(|id| topic(context, *id)).collect();
        topics.sort_unstable();
        (group.name.as_str(), format!("of {}", topics.join(", ")))
    });
    shown.collect()
}

fn topic(context: &Context, id: TopicId) -> &str {
    &context.topics[id.index()].name
}
