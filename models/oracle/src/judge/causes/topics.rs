//! Records that are deleted, alone or with their topic, and a topic that is created again: a history for each cause.

use super::{Told, began, skipped};
use crate::history::{Event, PositionSource, StartReason};
use crate::test_history::*;
use ackproof_types::{Offset, TopicPartition};

/// A group goes on behind a record that is deleted; the one at offset 0 is no record that the log still has.
pub(super) fn deleted() -> Told {
    let why = StartReason::Age;
    let moved = Event::LogStartMoved { partition: P, from: Offset(0), to: Offset(1), why };
    let first = positioned(5, 0, PositionSource::Committed);
    let next = positioned(5, 1, PositionSource::OutOfRangeEarliest);
    let mut told = skipped(("classic", "auto", "earliest"), vec![first, (1, moved), next]);
    told.events.retain(|(_, event)| !matches!(event, Event::FinalRead { .. }));
    let done = Event::FinalReadDone { partition: P, start: Offset(1), end: Offset(1) };
    told.events.push((0, done));
    told
}

/// The group works on another topic, whose record it has.
pub(super) fn deleted_with_topic() -> Told {
    let gone = Event::TopicDeleted { topic: P.topic, partitions: 1 };
    let first = positioned(5, 0, PositionSource::Committed);
    let mut told = skipped(("classic", "auto", "earliest"), vec![first, (0, gone)]);
    told.events.retain(|(_, event)| !matches!(event, Event::FinalRead { .. }));
    told
}

/// The group goes on in the topic that has the name now.
pub(super) fn kept_in_the_next() -> Told {
    let mut told = began("earliest", PositionSource::Kept);
    let gone = Event::TopicDeleted { topic: P.topic, partitions: 1 };
    let next = P.topic.in_life(1).expect("one more life");
    let created = Event::TopicCreated { topic: next, partitions: 1 };
    let there = TopicPartition::new(next, 0);
    for (_, event) in &mut told.events {
        match event {
            Event::Sent { partition, .. } => *partition = Some(there),
            Event::Acked { partition, .. }
            | Event::Appended { partition, .. }
            | Event::Positioned { partition, .. }
            | Event::FinalRead { partition, .. }
            | Event::FinalReadDone { partition, .. } => *partition = there,
            _ => {}
        }
    }
    told.events.splice(0..0, [(0, gone), (0, created)]);
    told
}
