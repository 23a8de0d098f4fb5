//! What a sink may hold, what it may not, and why. Each history is a few lines.

use crate::cause::SinkCause::{self, *};
use crate::context::Context;
use crate::history::Event;
use crate::test_history::*;
use crate::verdict::{Judgement, PropertyResult};
use ackproof_types::{GroupId, MemoryIn, SinkConfig, SinkWrites};

fn with(writes: SinkWrites, memory: Option<u32>, memory_in: MemoryIn) -> Context {
    let mut context = context();
    context.groups[0].sink = Some(SinkConfig { writes, memory, memory_in });
    context
}

fn judge(context: &Context, events: Vec<(u16, Event)>) -> PropertyResult {
    judge_in(context, "sink-effect", events)
}

fn causes(result: &PropertyResult) -> Vec<(SinkCause, u64)> {
    result
        .sink_causes
        .iter()
        .map(|(&(group, cause), &count)| {
            assert_eq!(group, GroupId(0));
            (cause, count)
        })
        .collect()
}

/// `record`, read at `offset`, by the member at `node`.
fn by(node: u16, offset: i64, number: u32) -> (u16, Event) {
    (node, sink_written(offset, number, false).1)
}

#[test]
fn once_is_once() {
    let context = with(SinkWrites::OncePerRecord, None, MemoryIn::Sink);
    let good = judge(
        &context,
        vec![by(5, 0, 0), sink_written(0, 0, true), by(5, 1, 1), final_read(0, &[0, 1])],
    );
    assert_eq!((good.judgement, good.witnesses), (Judgement::Held, 2));
    let twice = judge(&context, vec![by(5, 0, 0), by(5, 0, 0), final_read(0, &[0])]);
    assert_eq!((twice.judgement, causes(&twice)), (Judgement::Violated, vec![(NotOnRecord, 1)]));
}

#[test]
fn a_small_memory_explains_what_it_had_to_forget_and_nothing_else() {
    let context = with(SinkWrites::OncePerOffset, Some(2), MemoryIn::Sink);
    let events = |between: u32| {
        let rows = (0..=between).map(|number| by(5, number.into(), number));
        rows.chain([by(5, 0, 0), final_read(0, &[0])]).collect()
    };
    assert_eq!(causes(&judge(&context, events(2))), [(Forgotten, 1)]);
    assert_eq!(causes(&judge(&context, events(1))), [(NotOnRecord, 1)], "it remembers two");
}

#[test]
fn a_members_memory_is_not_that_of_another_nor_of_its_next_life() {
    let context = with(SinkWrites::OncePerRecord, None, MemoryIn::Member);
    let other = judge(&context, vec![by(5, 0, 0), by(6, 0, 0), final_read(0, &[0])]);
    assert_eq!(causes(&other), [(MemberMemory, 1)]);
    assert!(other.violations[0].summary.contains("another member"), "{other:?}");
    let again = vec![by(5, 0, 0), (5, Event::ProcessStarted), by(5, 0, 0), final_read(0, &[0])];
    let again = judge(&context, again);
    assert_eq!(causes(&again), [(MemberMemory, 1)]);
    assert!(again.violations[0].summary.contains("had ended"), "{again:?}");
    let same = judge(&context, vec![by(5, 0, 0), by(5, 0, 0), final_read(0, &[0])]);
    assert_eq!(causes(&same), [(NotOnRecord, 1)]);
}

#[test]
fn offsets_do_not_recognise_copies_and_take_others_for_known() {
    let context = with(SinkWrites::OncePerOffset, None, MemoryIn::Sink);
    let copy = judge(&context, vec![by(5, 0, 0), by(5, 3, 0), final_read(0, &[0])]);
    assert_eq!(causes(&copy), [(LogDuplicate, 1)]);
    // The log was cut, and another record came to the place.
    let reused = judge(&context, vec![by(5, 0, 0), sink_written(0, 1, true), final_read(0, &[1])]);
    assert_eq!(causes(&reused), [(OffsetReused, 1)]);
    let later = vec![by(5, 0, 0), sink_written(0, 1, true), by(5, 2, 1), final_read(0, &[1])];
    assert_eq!(judge(&context, later).judgement, Judgement::Held, "it came at another place");
}

#[test]
fn a_row_holds_the_last_value_that_the_group_came_to() {
    // All of one key: without one, each record is a row of its own.
    let keyed = |number: u32| {
        let (node, mut event) = sent(number);
        if let Event::Sent { record, .. } = &mut event {
            record.key = Some(7);
        }
        (node, event)
    };
    let context = with(SinkWrites::Upsert, None, MemoryIn::Sink);
    let run =
        |events: Vec<(u16, Event)>| judge(&context, (0..3).map(keyed).chain(events).collect());
    let good =
        run(vec![by(5, 0, 0), by(5, 1, 1), by(6, 0, 0), by(6, 1, 1), final_read(0, &[0, 1, 2])]);
    assert_eq!((good.judgement, good.witnesses), (Judgement::Held, 1), "read again, and caught up");
    let stale = run(vec![by(5, 0, 0), by(6, 1, 1), by(5, 0, 0), final_read(0, &[0, 1])]);
    assert_eq!(causes(&stale), [(StaleOverwrite, 1)]);
    let gone = run(vec![by(5, 0, 0), by(5, 1, 1), final_read(0, &[0])]);
    assert_eq!(causes(&gone), [(NotInLog, 1)]);
    let nothing = judge(
        &with(SinkWrites::Append, None, MemoryIn::Sink),
        vec![by(5, 0, 0), by(5, 0, 0), final_read(0, &[0])],
    );
    assert_eq!(nothing.judgement, Judgement::Vacuous);
}

#[test]
fn a_key_that_has_moved_to_another_partition_is_not_judged() {
    let context = with(SinkWrites::Upsert, None, MemoryIn::Sink);
    let of_key = |number: u32| {
        let (node, mut event) = sent(number);
        if let Event::Sent { record, .. } = &mut event {
            record.key = Some(7);
        }
        (node, event)
    };
    let elsewhere = |(node, mut event): (u16, Event)| {
        if let Event::SinkWritten { partition, .. } | Event::FinalRead { partition, .. } =
            &mut event
        {
            partition.partition = 1;
        }
        (node, event)
    };
    let events = vec![
        of_key(0),
        of_key(1),
        elsewhere(by(6, 0, 1)),
        by(5, 0, 0),
        final_read(0, &[0]),
        elsewhere(final_read(0, &[1])),
    ];
    assert_eq!(judge(&context, events).judgement, Judgement::Vacuous);
}
