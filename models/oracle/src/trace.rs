//! Entries of a history as JSON objects with names instead of indices, one a line of a trace. Only
//! writing: it judges nothing.

use crate::context::Context;
use crate::history::{Entry, Event, Phase, PositionSource, ProcessEnd};
use crate::kind::Kind;
use ackproof_types::{BrokerId, Offset, RecordSlice, TopicPartition};
use serde_json::{Map, Value, json};

/// `entry` as an object: `seq`, `at_us`, `node`, `event`, then the event's fields. Records are written
/// as `billing-0#117`, partitions as `payments-0`, brokers by `node.id`.
#[must_use]
pub fn to_json(entry: &Entry, context: &Context) -> Value {
    let mut object = Map::new();
    object.insert("seq".into(), entry.seq.into());
    object.insert("at_us".into(), entry.at.as_micros().into());
    object.insert("node".into(), context.node(entry.node).into());
    object.insert("event".into(), snake(Kind::of(&entry.event).name()).into());
    if let Value::Object(fields) = fields(&entry.event, context) {
        object.extend(fields);
    }
    Value::Object(object)
}

fn fields(event: &Event, context: &Context) -> Value {
    match event {
        Event::Phase(phase) => json!({ "phase": phase_name(*phase) }),
        Event::FaultStarted { fault, target, text } => json!({
            "fault": fault, "target": target.map(|node| context.node(node)), "text": &**text,
        }),
        Event::FaultEnded { fault } => json!({ "fault": fault }),
        Event::ProcessStarted | Event::BrokerStarted => json!({}),
        Event::ProcessEnded(end) => json!({ "how": match end {
            ProcessEnd::Crash => "crash",
            ProcessEnd::Clean => "clean",
        } }),
        Event::Sent { .. }
        | Event::Rejected { .. }
        | Event::Acked { .. }
        | Event::Failed { .. }
        | Event::Retried { .. }
        | Event::ProducerEpochBumped { .. } => producer_fields(event, context),
        Event::Assigned { .. }
        | Event::Revoked { .. }
        | Event::Lost { .. }
        | Event::Positioned { .. }
        | Event::Polled { .. }
        | Event::Processed { .. }
        | Event::CommitSent { .. }
        | Event::Committed { .. }
        | Event::CommitFailed { .. } => consumer_fields(event, context),
        Event::Appended { .. }
        | Event::Truncated { .. }
        | Event::HighWatermark { .. }
        | Event::BecameLeader { .. }
        | Event::BecameFollower { .. }
        | Event::NotEnoughReplicas { .. }
        | Event::DuplicateBatch { .. }
        | Event::CoordinatorLoaded { .. } => broker_fields(event, context),
        Event::Rebalanced { group, generation, members } => json!({
            "group": context.group(*group), "generation": generation.0, "members": members,
        }),
        Event::LeaderElected { partition, leader, epoch, isr, unclean } => json!({
            "partition": context.partition(*partition), "leader": leader.map(|broker| broker.0),
            "epoch": epoch.0, "isr": brokers(isr), "unclean": unclean,
        }),
        Event::IsrChanged { partition, before, isr } => json!({
            "partition": context.partition(*partition), "before": brokers(before),
            "isr": brokers(isr),
        }),
        Event::Fenced { broker } | Event::Unfenced { broker } => json!({ "broker": broker.0 }),
        Event::FinalRead { partition, base_offset, records } => json!({
            "partition": context.partition(*partition), "base_offset": base_offset.0,
            "records": names(records, context),
        }),
        Event::FinalReadDone { partition, start, end } => json!({
            "partition": context.partition(*partition), "start": start.0, "end": end.0,
        }),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends only its own kinds")]
fn producer_fields(event: &Event, context: &Context) -> Value {
    match event {
        Event::Sent { record, partition } => json!({
            "record": context.record(record.id), "partition": context.partition(*partition),
            "key": record.key, "size": record.size,
        }),
        Event::Rejected { record, error } => {
            json!({ "record": context.record(record.id), "error": error.name() })
        }
        Event::Acked { partition, base_offset, by, records } => json!({
            "partition": context.partition(*partition), "base_offset": base_offset.0,
            "by": by.0, "records": names(records, context),
        }),
        Event::Failed { partition, records, error, maybe_written } => json!({
            "partition": context.partition(*partition), "records": names(records, context),
            "error": error.name(), "maybe_written": maybe_written,
        }),
        Event::Retried { partition, first, error } => json!({
            "partition": context.partition(*partition), "first": context.record(first.id),
            "error": error.name(),
        }),
        Event::ProducerEpochBumped { partition } => {
            json!({ "partition": context.partition(*partition) })
        }
        _ => Value::Null,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends only its own kinds")]
fn consumer_fields(event: &Event, context: &Context) -> Value {
    match event {
        Event::Assigned { group, member, generation, partitions } => json!({
            "group": context.group(*group), "member": member.0, "generation": generation.0,
            "partitions": places(partitions, context),
        }),
        Event::Revoked { group, member, partitions }
        | Event::Lost { group, member, partitions } => {
            json!({
                "group": context.group(*group), "member": member.0,
                "partitions": places(partitions, context),
            })
        }
        Event::Positioned { group, partition, offset, source } => json!({
            "group": context.group(*group), "partition": context.partition(*partition),
            "offset": offset.0, "source": source_name(*source),
        }),
        Event::Polled { group, partition, base_offset, records } => json!({
            "group": context.group(*group), "partition": context.partition(*partition),
            "base_offset": base_offset.0, "records": names(records, context),
        }),
        Event::Processed { group, partition, offset, record, dead_lettered } => json!({
            "group": context.group(*group), "partition": context.partition(*partition),
            "offset": offset.0, "record": context.record(record.id),
            "dead_lettered": dead_lettered,
        }),
        Event::CommitSent { group, offsets } | Event::Committed { group, offsets } => json!({
            "group": context.group(*group), "offsets": commits(offsets, context),
        }),
        Event::CommitFailed { group, offsets, error, maybe_written } => json!({
            "group": context.group(*group), "offsets": commits(offsets, context),
            "error": error.name(), "maybe_written": maybe_written,
        }),
        _ => Value::Null,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends only its own kinds")]
fn broker_fields(event: &Event, context: &Context) -> Value {
    match event {
        Event::Appended { partition, epoch, base_offset, next_offset, records, as_leader } => {
            json!({
                "partition": context.partition(*partition), "epoch": epoch.0,
                "base_offset": base_offset.0, "next_offset": next_offset.0,
                "records": names(records, context), "as_leader": as_leader,
            })
        }
        Event::Truncated { partition, from, to } => json!({
            "partition": context.partition(*partition), "from": from.0, "to": to.0,
        }),
        Event::HighWatermark { partition, epoch, offset } => json!({
            "partition": context.partition(*partition), "epoch": epoch.0, "offset": offset.0,
        }),
        Event::BecameLeader { partition, epoch, log_end, high_watermark } => json!({
            "partition": context.partition(*partition), "epoch": epoch.0,
            "log_end": log_end.0, "high_watermark": high_watermark.0,
        }),
        Event::BecameFollower { partition, epoch, leader } => json!({
            "partition": context.partition(*partition), "epoch": epoch.0,
            "leader": leader.map(|broker| broker.0),
        }),
        Event::NotEnoughReplicas { partition, isr } => {
            json!({ "partition": context.partition(*partition), "isr": isr })
        }
        Event::DuplicateBatch { partition, base_offset } => {
            json!({ "partition": context.partition(*partition), "base_offset": base_offset.0 })
        }
        Event::CoordinatorLoaded { partition } => {
            json!({ "partition": context.partition(*partition) })
        }
        _ => Value::Null,
    }
}

const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Load => "load",
        Phase::Settle => "settle",
        Phase::FinalRead => "final_read",
        Phase::End => "end",
    }
}

const fn source_name(source: PositionSource) -> &'static str {
    match source {
        PositionSource::Committed => "committed",
        PositionSource::NoCommitEarliest => "no_commit_earliest",
        PositionSource::NoCommitLatest => "no_commit_latest",
        PositionSource::OutOfRangeEarliest => "out_of_range_earliest",
        PositionSource::OutOfRangeLatest => "out_of_range_latest",
        PositionSource::Truncated => "truncated",
    }
}

/// `LeaderElected` as `leader_elected`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn brokers(ids: &[BrokerId]) -> Vec<u16> {
    ids.iter().map(|broker| broker.0).collect()
}

fn names(records: &RecordSlice, context: &Context) -> Vec<String> {
    records.iter().map(|record| context.record(record.id)).collect()
}

fn places(partitions: &[TopicPartition], context: &Context) -> Vec<String> {
    partitions.iter().map(|place| context.partition(*place)).collect()
}

fn commits(offsets: &[(TopicPartition, Offset)], context: &Context) -> Value {
    offsets
        .iter()
        .map(|(place, offset)| (context.partition(*place), offset.0.into()))
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_history::*;

    #[test]
    fn names_stand_for_indices() {
        let entry = entries(vec![acked(7, &[117])]).remove(0);
        let text = to_json(&entry, &context()).to_string();
        let expected = r#"{"seq":0,"at_us":0,"node":"billing-0","event":"acked","partition":"payments-0","base_offset":7,"by":1,"records":["billing-0#117"]}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn names_of_events_are_snake_case() {
        assert_eq!(snake("FinalReadDone"), "final_read_done");
    }
}
