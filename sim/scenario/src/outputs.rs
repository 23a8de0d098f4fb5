//! What the application of a group sends on: to another topic, and to a dead-letter topic. Read from the tree,
//! with the rules between its keys.

use crate::cluster::Cluster;
use crate::compression::compressed_to;
use crate::plan::{Group, Output, Topic};
use crate::producing::{comes_to_an_end, producer_config};
use crate::reading::topic_id;
use crate::sink::{At, Sink};
use ackproof_types::{AtEnd, Awaits, CommitStrategy, OnFailure, OnRecordFailure, Sending, TopicId};

/// Keys of `produces` and `dead_letter`.
pub(crate) const OUTPUT_KEYS: &[&str] =
    &["to", "wait", "on_failure", "compressed_to", "properties", "config"];
/// Where they stand in a group.
pub(crate) const OUTPUTS: [&str; 2] = ["produces", "dead_letter"];

/// Reads what stands under `key` of the group at `at`.
pub(crate) fn output(
    sink: &mut Sink<'_>,
    group: &At<'_>,
    key: &str,
    (topics, cluster): (&[Topic], &Cluster),
) -> Option<Output> {
    let at = group.get(key)?;
    if !sink.object(&at, OUTPUT_KEYS) {
        return None;
    }
    let Some(place) = at.get("to") else {
        sink.at(&at, format!("\"{key}\" needs \"to\": the topic that records are sent to"));
        return None;
    };
    let to = topic_id(sink, &place, topics);
    let awaits = at.get("wait").and_then(|at| {
        sink.word(&at, "time to wait", Awaits::ALL.iter().map(|one| (one.name(), *one)))
    });
    let on_failure = at.get("on_failure").and_then(|at| {
        let known = OnFailure::ALL.iter().map(|one| (one.name(), *one));
        sink.word(&at, "answer to a failed send", known)
    });
    let (config, idempotence_off_by) = producer_config(sink, &at);
    let on_failure = on_failure.unwrap_or(OnFailure::Resend);
    comes_to_an_end(sink, &at, (on_failure, &config), cluster);
    Some(Output {
        to: to?,
        awaits: awaits.unwrap_or_default(),
        sending: sending(on_failure),
        compressed_to: compressed_to(sink, &at, &config),
        idempotence_off_by,
        config,
    })
}

/// The thread that polls calls `send`, and closes its producer when it ends.
pub(crate) fn sending(on_failure: OnFailure) -> Sending {
    Sending { on_failure, threads: Some(1), end: AtEnd::Flush, ..Sending::default() }
}

/// What a group does not subscribe to of itself.
pub(crate) fn written(outputs: [&Option<Output>; 2]) -> Vec<TopicId> {
    outputs.into_iter().flatten().map(|output| output.to).collect()
}

/// What goes together in the group at `at`.
pub(crate) fn check(sink: &mut Sink<'_>, at: &At<'_>, group: &Group) {
    for (key, output) in OUTPUTS.into_iter().zip([&group.produces, &group.dead_letter]) {
        let (Some(output), Some(place)) = (output, at.get(key)) else { continue };
        if group.topics.contains(&output.to) {
            let message = format!("{} would read what it writes, without end", group.name);
            sink.at(&place.get("to").unwrap_or_else(|| place.clone()), message);
        }
        if group.consuming.workers.is_some() || group.commit == CommitStrategy::AutoWithHandOff {
            let message = format!(
                "\"{key}\" is sent to by the poll loop; what threads beside it send is not modelled"
            );
            sink.at(&place, message);
        }
    }
    let puts_aside = group.consuming.on_failure == OnRecordFailure::DeadLetter;
    if let Some(place) = at.get("dead_letter").filter(|_| !puts_aside) {
        let message = format!(
            "with \"on_failure\": \"{}\" no record is put aside",
            group.consuming.on_failure.name()
        );
        sink.at(&place, message);
    }
}
