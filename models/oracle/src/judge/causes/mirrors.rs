//! A topic is copied to another cluster, and a group goes over to it: a history for each cause.

use super::{Events, Told, crashed};
use crate::cause::DuplicateCause;
use crate::context::{GroupContext, GroupPart, OutputsContext};
use crate::history::{Event, Phase, PositionSource};
use crate::test_history::outputs::{OUT, derived, made, output_acked, pipeline};
use crate::test_history::*;
use ackproof_types::{Acks, Awaits, GroupId, Offset};

/// `audit` reads payments, and `backup-audit` its copies; `audit-0` is node 6.
const AUDIT: GroupId = GroupId(1);
const THERE: GroupId = GroupId(2);

/// `ledger` is a mirror, which copies payments to `results`.
fn mirrored(events: Events) -> Told {
    let mut context = pipeline(Awaits::BeforeCommit, Acks::All);
    let reader = GroupContext { outputs: OutputsContext::default(), ..context.groups[0].clone() };
    context.groups[0].part = GroupPart::Mirror;
    context.groups.push(GroupContext { name: "audit".into(), ..reader.clone() });
    context.groups.push(GroupContext {
        name: "backup-audit".into(),
        topics: vec![OUT.topic],
        part: GroupPart::StandsFor(AUDIT),
        ..reader
    });
    Told { context, events }
}

fn processes(number: u32) -> (u16, Event) {
    let (record, dead_lettered) = (record(number), false);
    let offset = Offset(i64::from(number));
    (6, Event::Processed { group: AUDIT, partition: P, offset, record, dead_lettered })
}

fn processes_copy(number: u32) -> (u16, Event) {
    let (record, dead_lettered) = (made(number), false);
    let offset = Offset(i64::from(number));
    (6, Event::Processed { group: THERE, partition: OUT, offset, record, dead_lettered })
}

fn moved() -> (u16, Event) {
    (0, Event::GroupMoved { group: AUDIT, to: THERE })
}

/// Record 0 is copied once more by the next life of the mirror.
pub(super) fn restarted() -> Told {
    let first = [sent(0), acked(0, &[0]), assigned(5, 1), processed(0, 0), derived(0, 0, 0)];
    let found = positioned(5, 0, PositionSource::NoCommitEarliest);
    let then = [output_acked(0, &[0]), crashed(5), assigned(5, 1), found, processed(0, 0)];
    mirrored([&first[..], &then, &[derived(0, 0, 1), output_acked(1, &[1])]].concat())
}

/// What a task had under way when it died takes effect after a commit of the next one.
#[test]
fn a_commit_of_a_dead_task_that_takes_effect_late_is_no_lost_commit() {
    let found = |offset| positioned(5, offset, PositionSource::Committed);
    let told = |under_way| {
        let first = [sent(0), acked(0, &[0]), assigned(5, 1), found(0), commit_sent(under_way)];
        let next = [crashed(5), assigned(5, 1), found(0), processed(0, 0), commit_sent(1)];
        let then = [committed(1), crashed(5), assigned(5, 1), found(0), processed(0, 0)];
        let told = mirrored([&first[..], &next, &then].concat()).judged();
        told.groups[0].duplicate_causes.keys().copied().collect::<Vec<_>>()
    };
    assert_eq!(told(0), [DuplicateCause::MirrorRestart]);
    assert_eq!(told(1), [DuplicateCause::BehindCommit], "nobody was to commit that");
}

/// `audit` processed record 0, and does so again on the other side.
pub(super) fn gone_over() -> Told {
    let first = [sent(0), acked(0, &[0]), processed(0, 0), derived(0, 0, 0), output_acked(0, &[0])];
    mirrored([&first[..], &[processes(0), moved(), processes_copy(0)]].concat())
}

/// The mirror commits 1 for it, which skips record 0 that it never processed.
pub(super) fn translated_too_far() -> Told {
    let offsets = || [(OUT, Offset(1))].into();
    let translated = [
        (5, Event::CommitSent { group: THERE, offsets: offsets() }),
        (5, Event::Committed { group: THERE, offsets: offsets() }),
    ];
    begun(&translated, PositionSource::Committed)
}

/// Nobody commits for it, and it begins at the end.
pub(super) fn reset() -> Told {
    let mut told = begun(&[], PositionSource::NoCommitLatest);
    told.context.groups[THERE.index()].reset = "latest".into();
    told
}

/// `audit` goes over and begins behind record 0, which it never processed.
fn begun(before: &[(u16, Event)], source: PositionSource) -> Told {
    let first = [sent(0), acked(0, &[0]), processed(0, 0), derived(0, 0, 0), output_acked(0, &[0])];
    let over = [
        moved(),
        (6, Event::Positioned { group: THERE, partition: OUT, offset: Offset(1), source }),
        processes_copy(901),
        phase(Phase::Settle),
        phase(Phase::FinalRead),
    ];
    let (records, base_offset) = (outputs::outputs(&[0]), Offset(0));
    let last = [
        final_read(0, &[0]),
        (0, Event::FinalRead { partition: OUT, base_offset, records }),
        phase(Phase::End),
    ];
    mirrored([&first[..], before, &over, &last].concat())
}
