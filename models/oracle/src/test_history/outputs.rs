//! Hand-written histories of a group that produces.

use super::*;
use crate::context::{OutputContext, OutputsContext};
use crate::history::ProcessEnd;
use ackproof_types::{Acks, Awaits};

pub(crate) const OUT: TopicPartition = TopicPartition { topic: TopicId(2), partition: 0 };

/// `ledger` sends what it makes of payments to `results`: `ledger-0` is producer 1.
pub(crate) fn pipeline(awaits: Awaits, acks: Acks) -> Context {
    let mut context = context();
    let mut results = context.topics[1].clone();
    results.name = "results".into();
    context.topics.push(results);
    let of_member = ProducerContext {
        node: NodeId(5),
        name: "ledger-0.results".into(),
        topic: OUT.topic,
        acks,
        ..context.producers[0].clone()
    };
    context.producers.push(of_member);
    let output = OutputContext { topic: OUT.topic, awaits };
    context.groups[0].outputs = OutputsContext { results: Some(output), dead_letters: None };
    context
}

pub(crate) fn made(number: u32) -> Record {
    let id = RecordId { producer: ProducerIndex(1), number };
    Record { id, ..record(0) }
}

pub(crate) fn derived(offset: i64, number: u32, output: u32) -> (u16, Event) {
    let (record, output) = (record(number), made(output));
    let offset = Offset(offset);
    (5, Event::Derived { group: G, partition: P, offset, record, output })
}

pub(crate) fn outputs(numbers: &[u32]) -> RecordSlice {
    RecordSlice::whole(numbers.iter().map(|number| made(*number)).collect())
}

pub(crate) fn output_sent(number: u32) -> (u16, Event) {
    (5, Event::Sent { record: made(number), partition: Some(OUT) })
}

pub(crate) fn output_acked(base: i64, numbers: &[u32]) -> (u16, Event) {
    let (base_offset, records) = (Offset(base), outputs(numbers));
    (5, Event::Acked { partition: OUT, base_offset, by: Some(BrokerId(1)), records })
}

pub(crate) fn output_failed(numbers: &[u32]) -> (u16, Event) {
    let (records, error) = (outputs(numbers), ErrorCode::Timeout);
    (5, Event::Failed { partition: Some(OUT), records, error, maybe_written: true })
}

pub(crate) fn crashed() -> (u16, Event) {
    (5, Event::ProcessEnded(ProcessEnd::Crash))
}

/// The final logs: `payments` has record 0, `results` these.
pub(crate) fn read(numbers: &[u32]) -> Vec<(u16, Event)> {
    let (start, end) = (Offset(0), Offset(0).plus(numbers.len()));
    vec![
        phase(Phase::FinalRead),
        final_read(0, &[0]),
        final_done(1),
        (0, Event::FinalRead { partition: OUT, base_offset: start, records: outputs(numbers) }),
        (0, Event::FinalReadDone { partition: OUT, start, end }),
        phase(Phase::End),
    ]
}

/// Record 0 was acknowledged and processed, then this happened, and the logs are read.
pub(crate) fn story(then: Vec<(u16, Event)>, left: &[u32]) -> Vec<(u16, Event)> {
    let mut events = vec![sent(0), acked(0, &[0]), polled(0, &[0]), processed(0, 0)];
    events.extend([derived(0, 0, 0), output_sent(0)]);
    events.extend(then);
    events.extend(read(left));
    events
}

/// The commit past record 0.
pub(crate) fn commit() -> [(u16, Event); 2] {
    [commit_sent(1), committed(1)]
}
