//! Sinks that do not hold what they should: a history for each cause.

use super::{Events, Told, told};
use crate::cause::SinkCause;
use crate::history::Event;
use crate::test_history::*;
use ackproof_types::{MemoryIn, SinkConfig, SinkWrites};
use std::collections::BTreeSet;

/// The sink writes so, remembers one record, and this comes to it.
fn written(writes: SinkWrites, memory_in: MemoryIn, events: Events) -> Told {
    let mut told = told(events);
    let memory = (memory_in == MemoryIn::Sink && writes.deduplicates()).then_some(1);
    told.context.groups[0].sink = Some(SinkConfig { writes, memory, memory_in });
    told
}

/// Records of one key.
fn of_one_key(number: u32) -> (u16, Event) {
    let (node, mut event) = sent(number);
    if let Event::Sent { record, .. } = &mut event {
        record.key = Some(7);
    }
    (node, event)
}

fn upserted(numbers: &[u32], read: &[u32]) -> Told {
    let rows = numbers.iter().map(|&number| once(number.into(), number));
    let events = (0..2).map(of_one_key).chain(rows).chain([final_read(0, read)]);
    written(SinkWrites::Upsert, MemoryIn::Sink, events.collect())
}

fn once(offset: i64, number: u32) -> (u16, Event) {
    sink_written(offset, number, false)
}

rows! { sinks: SinkCause {
    Forgotten, written(SinkWrites::OncePerRecord, MemoryIn::Sink, vec![once(0, 0), once(1, 1), once(0, 0)]);
    MemberMemory, written(SinkWrites::OncePerRecord, MemoryIn::Member, vec![once(0, 0), at_node(6, once(0, 0))]);
    LogDuplicate, written(SinkWrites::OncePerOffset, MemoryIn::Sink, vec![once(0, 0), once(1, 0)]);
    OffsetReused, written(SinkWrites::OncePerOffset, MemoryIn::Sink, vec![once(0, 0), sink_written(0, 1, true)]);
    StaleOverwrite, upserted(&[0, 1, 0], &[0, 1]);
    NotInLog, upserted(&[0, 1], &[0]);
    PositionApart, written(SinkWrites::ThenPosition, MemoryIn::Sink, vec![once(0, 0), once(0, 0)]);
    NotOnRecord, written(SinkWrites::OncePerRecord, MemoryIn::Sink, vec![once(0, 0), once(0, 0)]);
} }

#[test]
fn every_cause_of_a_wrong_sink_has_a_history() {
    for (cause, told) in sinks() {
        let groups = told.judged().groups;
        let found = groups.iter().filter_map(|group| group.sink.as_ref());
        let found: BTreeSet<SinkCause> =
            found.flat_map(|sink| sink.causes.keys()).copied().collect();
        assert_eq!(found, [cause].into(), "{}", cause.about());
    }
    assert_eq!(sinks().len(), SinkCause::ALL.len());
}
