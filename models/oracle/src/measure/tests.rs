//! Histories and what is counted in them.

mod habits;
mod refusals;

use super::*;
use crate::cause::SendEnd;
use crate::history::{PositionSource, ProcessEnd};
use crate::test_history::*;
use ackproof_types::{
    Acks, CommitOffset, ErrorCode, GenerationId, MemberId, Micros, RebalanceReason,
};

fn failed(number: u32, maybe_written: bool) -> (u16, Event) {
    let (records, error) = (slice(&[number]), ErrorCode::Timeout);
    (4, Event::Failed { partition: Some(P), records, error, maybe_written })
}

#[test]
fn records_and_groups_are_counted() {
    let mut measure = Measure::new(Arc::new(context()));
    let events = vec![
        sent(0),
        sent(1),
        sent(2),
        sent(3),
        acked(0, &[0, 3]),
        failed(1, false),
        failed(2, true),
        polled(0, &[0]),
        processed(0, 0),
        processed(0, 0),
        final_read(0, &[0, 0, 2]),
        final_done(3),
    ];
    for entry in entries(events) {
        measure.observe(&entry);
    }
    let Counts { records, groups, witnesses, .. } = measure.conclude();
    let expected = RecordCounts {
        failure_causes: records.failure_causes.clone(),
        unknown_causes: records.unknown_causes.clone(),
        sent: 4,
        acked: 2,
        failed: 1,
        unknown: 1,
        lost: 1,
        displaced: 0,
        unknown_absent: 0,
        log_duplicates: 1,
        dropped: 2,
        loss_causes: BTreeMap::new(),
        absent_causes: BTreeMap::new(),
        log_duplicate_causes: [(DuplicateCause::Deduplication, 1)].into(),
        ..RecordCounts::default()
    };
    assert_eq!(records, expected);
    let group = &groups[0];
    assert_eq!((group.delivered, group.processed, group.distinct), (1, 2, 1));
    assert_eq!((group.duplicates, group.skipped, group.backlog), (1, 0, 1));
    assert_eq!(witnesses["redelivered"], 1);
    assert_eq!(witnesses.len(), WITNESSES.len());
}

#[test]
fn only_repeated_elections_are_witnesses() {
    let mut measure = Measure::new(Arc::new(context()));
    for entry in entries(vec![elected(1, 0, &[1, 2, 3]), elected(2, 1, &[2, 3])]) {
        measure.observe(&entry);
    }
    let witnesses = measure.conclude().witnesses;
    assert_eq!((witnesses["leader_elected"], witnesses["isr_shrunk"]), (1, 1));
}

fn counted(context: &Context, events: Vec<(u16, Event)>) -> (RecordCounts, Vec<GroupCounts>) {
    let mut measure = Measure::new(Arc::new(context.clone()));
    for entry in entries(events) {
        measure.observe(&entry);
    }
    let Counts { records, groups, .. } = measure.conclude();
    (records, groups)
}

#[test]
fn a_duplicate_in_the_log_names_its_cause() {
    let cause = |idempotent, extra: Vec<(u16, Event)>| {
        let mut context = context();
        context.producers[0].idempotent = idempotent;
        let mut events = vec![sent(0)];
        events.extend(extra);
        events.push(final_read(0, &[0, 0]));
        let causes = counted(&context, events).0.log_duplicate_causes;
        assert_eq!(causes.values().sum::<u64>(), 1);
        causes.into_keys().next()
    };
    assert_eq!(cause(false, vec![]), Some(DuplicateCause::ProducerRetry));
    assert_eq!(cause(true, vec![sent(0)]), Some(DuplicateCause::SentAgain));
    let ended = (4, Event::ProcessEnded(ProcessEnd::Crash));
    assert_eq!(cause(true, vec![ended, sent(0)]), Some(DuplicateCause::ProducerRestart));
    let bump = || (4, Event::ProducerEpochBumped { partition: P });
    let reasoned = vec![sent(1), failed(1, true), bump()];
    assert_eq!(cause(true, reasoned), Some(DuplicateCause::EpochBump));
    assert_eq!(cause(true, vec![bump()]), Some(DuplicateCause::Deduplication), "no reason");
    assert_eq!(cause(true, vec![]), Some(DuplicateCause::Deduplication));
    let mut context = context();
    (context.producers[0].acks, context.producers[0].idempotent) = (Acks::None, false);
    let causes = counted(&context, vec![sent(0), final_read(0, &[0, 0])]).0.log_duplicate_causes;
    assert_eq!(causes, [(DuplicateCause::NotOnRecord, 1)].into(), "acks=0 sends nothing again");
}

#[test]
fn a_forgotten_producer_is_told_only_of_what_came_after_its_time() {
    let cause = |seconds, events: Vec<(u16, Event)>| {
        let mut context = context();
        context.producers[0].idempotent = true;
        context.producers[0].limits.id_expiration = Some(Micros::from_secs(seconds));
        counted(&context, events).0.log_duplicate_causes.into_keys().next()
    };
    let twice = |second: (u16, Event)| {
        vec![sent(0), appended(1, 0, 0, &[0]), second, final_read(0, &[0, 0])]
    };
    let again = || appended(1, 0, 1, &[0]);
    assert_eq!(cause(2, twice(again())), Some(DuplicateCause::ProducerExpired));
    assert_eq!(cause(3, twice(again())), Some(DuplicateCause::Deduplication), "not yet");
    assert_eq!(cause(2, twice(appended(2, 0, 1, &[0]))), Some(DuplicateCause::Deduplication));
    let newer = vec![
        sent(0),
        sent(1),
        appended(1, 0, 0, &[0, 1]),
        appended(1, 0, 2, &[0]),
        final_read(0, &[0, 1, 0]),
    ];
    assert_eq!(cause(3, newer), Some(DuplicateCause::Deduplication), "a newer one was known");
    let late = vec![sent(0), phase(Phase::Load), appended(1, 0, 0, &[0]), final_read(0, &[0, 0])];
    assert_eq!(cause(2, late), Some(DuplicateCause::Deduplication), "its first copy came late");
}

#[test]
fn a_record_processed_again_names_its_cause() {
    let cause = |last: Vec<(u16, Event)>| {
        let mut events = vec![positioned(5, 0, PositionSource::Committed), processed(0, 0)];
        events.extend(last);
        let causes = counted(&context(), events).1.remove(0).duplicate_causes;
        assert_eq!(causes.values().sum::<u64>(), 1);
        causes.into_keys().next()
    };
    let taken = |source| vec![positioned(6, 0, source), at_node(6, processed(0, 0))];
    assert_eq!(cause(taken(PositionSource::Committed)), Some(DuplicateCause::Rebalance));
    let mut crashed = taken(PositionSource::Committed);
    crashed.insert(0, (5, Event::ProcessEnded(ProcessEnd::Crash)));
    assert_eq!(cause(crashed.clone()), Some(DuplicateCause::MemberCrash));
    crashed.insert(2, positioned(6, 0, PositionSource::Committed));
    assert_eq!(cause(crashed), Some(DuplicateCause::MemberCrash), "the idle owner is no reason");
    assert_eq!(cause(taken(PositionSource::Truncated)), Some(DuplicateCause::TruncationRewind));
    let reset = taken(PositionSource::OutOfRangeEarliest);
    assert_eq!(cause(reset), Some(DuplicateCause::PositionReset));
    assert_eq!(cause(vec![processed(1, 0)]), Some(DuplicateCause::LogDuplicate));
    let moved = positioned(6, 1, PositionSource::Committed);
    assert_eq!(cause(vec![moved.clone(), processed(0, 0)]), Some(DuplicateCause::Zombie));
    let late = vec![moved, processed(1, 1), at_node(6, processed(1, 1))];
    assert_eq!(cause(late), Some(DuplicateCause::Zombie), "the zombie was first");
}

/// R9.37: whoever was there before, and however it went.
#[test]
fn what_is_done_again_once_the_commit_has_expired_is_its_doing() {
    let with = |facts: &[(u16, Event)]| {
        let found = positioned(5, 0, PositionSource::Committed);
        let worked = [assigned(5, 1), found, processed(0, 0), committed(1)];
        let anew = positioned(6, 0, PositionSource::NoCommitEarliest);
        let again = [assigned(6, 1), anew, at_node(6, processed(0, 0))];
        redelivered([&worked[..], facts, &again[..]].concat())
    };
    let expired = (1, Event::OffsetsExpired { group: G, partitions: [P].into() });
    let ended = (5, Event::ProcessEnded(ProcessEnd::Crash));
    assert_eq!(with(&[ended.clone(), expired.clone()]), [DuplicateCause::Expired]);
    let since = [ended, expired, committed(1)];
    assert_eq!(with(&since[..1]), [DuplicateCause::BehindCommit], "no expiry on record");
    assert_eq!(with(&since), [DuplicateCause::BehindCommit], "committed since");
}

#[test]
fn a_static_member_that_is_replaced_is_no_rebalance() {
    let replaced = |before, member| {
        let (before, member) = (MemberId(before), MemberId(member));
        (1, Event::MemberReplaced { group: G, before, member })
    };
    let with = |facts: &[(u16, Event)]| {
        let worked = [assigned(5, 1), positioned(5, 0, PositionSource::Committed), processed(0, 0)];
        let taken = positioned(6, 0, PositionSource::Committed);
        let again = [assigned(6, 1), taken, at_node(6, processed(0, 0))];
        redelivered([&worked[..], facts, &again[..]].concat())
    };
    assert_eq!(with(&[replaced(5, 6)]), [DuplicateCause::Replaced]);
    assert_eq!(with(&[replaced(9, 6)]), [DuplicateCause::Rebalance], "it was another one");
    let undone = [replaced(5, 7), replaced(7, 5)];
    assert_eq!(with(&undone), [DuplicateCause::Rebalance], "nobody took its place after all");
}

/// The causes of what is processed again in these histories, in order.
fn redelivered(events: Vec<(u16, Event)>) -> Vec<DuplicateCause> {
    redelivered_in(&context(), events)
}

fn redelivered_in(context: &Context, events: Vec<(u16, Event)>) -> Vec<DuplicateCause> {
    let causes = counted(context, events).1.remove(0).duplicate_causes;
    causes.into_iter().flat_map(|(cause, count)| (0..count).map(move |_| cause)).collect()
}

#[test]
fn the_same_member_again_is_no_rebalance() {
    let same = [DuplicateCause::SameMember];
    let committed = |node| positioned(node, 0, PositionSource::Committed);
    assert_eq!(redelivered(vec![processed(0, 0), processed(0, 0)]), same, "nothing on record");
    assert_eq!(redelivered(vec![assigned(5, 1), processed(0, 0), processed(0, 0)]), same);
    assert_eq!(redelivered(vec![committed(5), processed(0, 0), processed(0, 0)]), same);
    let sought = vec![committed(5), processed(0, 0), committed(5), processed(0, 0)];
    assert_eq!(redelivered(sought), same, "it sought back: nothing was taken from it");
    // A rebalance explains what was processed before it, once.
    let moved = vec![processed(0, 0), assigned(6, 2), at_node(6, processed(0, 0))];
    let twice = [[assigned(5, 1)].to_vec(), moved, vec![at_node(6, processed(0, 0))]].concat();
    assert_eq!(redelivered(twice), [DuplicateCause::Rebalance, DuplicateCause::SameMember]);
}

#[test]
fn a_rebalance_that_gives_the_partition_back_is_one() {
    let revoked = |node| {
        (
            node,
            Event::Revoked { group: G, member: MemberId(u64::from(node)), partitions: [P].into() },
        )
    };
    let start = || vec![assigned(5, 1), processed(0, 0)];
    let given_back = [start(), vec![revoked(5), assigned(5, 2), processed(0, 0)]].concat();
    assert_eq!(redelivered(given_back), [DuplicateCause::Rebalance]);
    let kept = [start(), vec![assigned(5, 2), processed(0, 0)]].concat();
    assert_eq!(redelivered(kept), [DuplicateCause::SameMember], "it kept the partition");
    let closed = (5, Event::ProcessEnded(ProcessEnd::Clean));
    let closed = [start(), vec![closed, assigned(5, 2), processed(0, 0)]].concat();
    assert_eq!(redelivered(closed), [DuplicateCause::Rebalance]);
}

#[test]
fn without_assignments_only_a_crash_of_who_worked_is_a_cause() {
    let other = || vec![processed(0, 0), at_node(6, processed(0, 0))];
    assert_eq!(redelivered(other()), [DuplicateCause::NotOnRecord]);
    let mut crashed = other();
    crashed.insert(1, (5, Event::ProcessEnded(ProcessEnd::Crash)));
    assert_eq!(redelivered(crashed), [DuplicateCause::MemberCrash]);
    let mut elsewhere = other();
    elsewhere.insert(1, (6, Event::ProcessEnded(ProcessEnd::Crash)));
    assert_eq!(redelivered(elsewhere), [DuplicateCause::NotOnRecord], "another one crashed");
}

#[test]
fn what_was_committed_does_not_come_again_for_want_of_a_commit() {
    let resumed = |source| {
        let events = vec![
            positioned(5, 0, PositionSource::NoCommitEarliest),
            processed(0, 0),
            committed(1),
            processed(1, 1),
            (5, Event::ProcessEnded(ProcessEnd::Crash)),
            positioned(6, 0, source),
            at_node(6, processed(0, 0)),
            at_node(6, processed(1, 1)),
        ];
        redelivered(events)
    };
    let expected = [DuplicateCause::MemberCrash, DuplicateCause::BehindCommit];
    assert_eq!(resumed(PositionSource::Committed), expected, "only the second was not committed");
    assert_eq!(resumed(PositionSource::NoCommitEarliest), expected);
    assert_eq!(resumed(PositionSource::Truncated), [DuplicateCause::TruncationRewind; 2]);
    assert_eq!(resumed(PositionSource::OutOfRangeEarliest), [DuplicateCause::PositionReset; 2]);
}

#[test]
fn a_cut_log_is_a_cause_only_of_what_lay_behind_the_cut() {
    let begun = vec![assigned(5, 1), positioned(5, 0, PositionSource::NoCommitEarliest)];
    let worked = vec![processed(0, 0), processed(1, 1), processed(2, 2)];
    let went_back = |to| positioned(5, to, PositionSource::Truncated);
    let all = |more: Vec<_>| redelivered([begun.clone(), worked.clone(), more].concat());
    let again = vec![went_back(1), processed(1, 1), processed(2, 2)];
    assert_eq!(all(again), [DuplicateCause::TruncationRewind; 2]);
    let others = vec![went_back(1), processed(1, 7), processed(2, 8)];
    assert_eq!(all(others), [], "what stands there now is something else");
    assert_eq!(all(vec![went_back(3), processed(3, 3)]), [], "nothing that it had read was cut");
    let later = vec![
        went_back(3),
        (5, Event::ProcessEnded(ProcessEnd::Crash)),
        assigned(6, 2),
        positioned(6, 2, PositionSource::Committed),
        at_node(6, processed(2, 2)),
    ];
    assert_eq!(all(later), [DuplicateCause::MemberCrash]);
}

#[test]
fn what_is_unknown_and_absent_is_not_lost_and_names_its_cause() {
    let cause = |acks: &str| {
        let mut context = context();
        context.producers[0].acks = acks.parse().unwrap();
        let (records, _) = counted(&context, vec![sent(0), final_done(0)]);
        assert_eq!((records.lost, records.unknown_absent), (0, 1));
        let cause = records.absent_causes.into_keys().next();
        cause.map(|cause| cause.end)
    };
    assert_eq!(cause("0"), Some(SendEnd::AcksZero));
    assert_eq!(cause("all"), Some(SendEnd::Open), "no answer came");
}

#[test]
fn what_retention_took_is_neither_lost_nor_absent() {
    let done =
        |start| (0, Event::FinalReadDone { partition: P, start: Offset(start), end: Offset(3) });
    let count = |start| {
        let events = vec![sent(0), sent(1), sent(2), sent(3), acked(0, &[0, 1, 2]), done(start)];
        let (records, _) = counted(&context(), events);
        (records.lost, records.unknown_absent)
    };
    assert_eq!(count(0), (3, 1));
    assert_eq!(count(2), (1, 0), "the last of those acknowledged is above the start");
}

#[test]
fn an_acknowledgement_heard_after_the_final_read_is_no_loss() {
    let lost = |events: Vec<(u16, Event)>| counted(&context(), events).0.lost;
    assert_eq!(lost(vec![sent(0), final_done(0), acked(0, &[0])]), 0);
    assert_eq!(lost(vec![sent(0), acked(0, &[0]), final_done(0)]), 1);
}

#[test]
fn only_what_was_sent_before_its_end_a_producer_sends_again_for_that() {
    let ended = || (4, Event::ProcessEnded(ProcessEnd::Crash));
    let counts = |events: Vec<(u16, Event)>, read: &[u32]| {
        counted(&context(), [events, vec![final_read(0, read)]].concat()).0
    };
    let twice = |events| counts(events, &[1, 1]).log_duplicate_causes.into_keys().next();
    assert_eq!(twice(vec![ended(), sent(1), sent(1)]), Some(DuplicateCause::SentAgain));
    assert_eq!(twice(vec![sent(1), ended(), sent(1)]), Some(DuplicateCause::ProducerRestart));
    let behind = |events| counts(events, &[1, 0]).reorder_causes.into_keys().next();
    assert_eq!(behind(vec![sent(0), sent(1), sent(0)]), Some(OrderCause::SentAgain));
    assert_eq!(behind(vec![sent(0), ended(), sent(1), sent(0)]), Some(OrderCause::ProducerRestart));
}

#[test]
fn the_same_place_read_twice_is_there_once() {
    let events = vec![sent(0), sent(1), final_read(0, &[0]), final_read(0, &[0, 1]), final_done(2)];
    let (records, groups) = counted(&context(), events);
    assert_eq!((records.log_duplicates, records.reordered, groups[0].backlog), (0, 0, 2));
    let other = vec![sent(0), final_read(0, &[0]), final_read(1, &[0]), final_done(2)];
    assert_eq!(counted(&context(), other).0.log_duplicates, 1, "another place");
}

#[test]
fn what_a_group_did_that_processes_nothing_on_record_is_not_counted() {
    let end = |work: Vec<(u16, Event)>| {
        let log = vec![sent(0), sent(1), acked(0, &[0, 1])];
        let read = vec![phase(Phase::FinalRead), final_read(0, &[0, 1]), final_done(2)];
        let groups = counted(&context(), [log, work, read].concat()).1;
        (groups[0].skipped, groups[0].backlog)
    };
    assert_eq!(end(vec![polled(0, &[0, 1])]), (0, 0));
    assert_eq!(end(vec![committed(2)]), (0, 0));
    assert_eq!(end(vec![positioned(5, 2, PositionSource::Committed)]), (0, 0));
    assert_eq!(end(vec![]), (0, 2), "it never got anything");
    assert_eq!(end(vec![processed(0, 0)]), (0, 1));
}

#[test]
fn who_asks_for_a_position_when_the_run_is_over_resumes_nothing() {
    let witness = || vec![assigned(6, 9), positioned(6, 2, PositionSource::Committed)];
    let of = |before: Vec<(u16, Event)>, after: Vec<(u16, Event)>| {
        let log = vec![sent(0), sent(1), acked(0, &[0, 1]), assigned(5, 1), processed(0, 0)];
        let read = vec![final_read(0, &[0, 1]), final_done(2)];
        let all = [log, before, vec![phase(Phase::FinalRead)], after, read].concat();
        let group = counted(&context(), all).1.remove(0);
        (group.skipped, group.backlog)
    };
    assert_eq!(of(vec![], witness()), (0, 1));
    assert_eq!(of(witness(), vec![]), (1, 0));
    let closed = vec![(5, Event::ProcessEnded(ProcessEnd::Clean))];
    assert_eq!(of(vec![committed(0)], closed), (0, 1));
}

#[test]
fn a_zombie_has_owned_the_partition_on_record_and_is_alive() {
    let first = || vec![assigned(5, 1), processed(0, 0)];
    let second = || at_node(6, processed(0, 0));
    let crashed = (5, Event::ProcessEnded(ProcessEnd::Crash));
    let after_crash = [first(), vec![crashed.clone(), second()]].concat();
    assert_eq!(redelivered(after_crash), [DuplicateCause::MemberCrash], "it took over");
    assert_eq!(redelivered([first(), vec![second()]].concat()), [DuplicateCause::NotOnRecord]);
    let revoked = (5, Event::Revoked { group: G, member: MemberId(5), partitions: [P].into() });
    let given = [first(), vec![revoked.clone(), second()]].concat();
    assert_eq!(redelivered(given), [DuplicateCause::Rebalance]);
    // Its crash comes after it gave the partition back.
    let then = [first(), vec![revoked, crashed, assigned(6, 2), second()]].concat();
    assert_eq!(redelivered(then), [DuplicateCause::Rebalance]);
}

#[test]
fn who_starts_again_or_is_assigned_anew_begins_anew() {
    let first = || vec![assigned(5, 1), processed(0, 0)];
    let started = (5, Event::ProcessStarted);
    let again = || vec![assigned(5, 1), positioned(5, 0, PositionSource::NoCommitEarliest)];
    let restarted = [first(), vec![started.clone()], again(), vec![processed(0, 0)]].concat();
    assert_eq!(redelivered(restarted), [DuplicateCause::MemberCrash], "its end is not on record");
    let unassigned = [first(), vec![started.clone(), processed(0, 0)]].concat();
    assert_eq!(redelivered(unassigned), [DuplicateCause::MemberCrash]);
    let untold = vec![processed(0, 0), started, processed(0, 0)];
    assert_eq!(redelivered(untold), [DuplicateCause::MemberCrash]);
    let expired = |source| {
        let anew = vec![assigned(5, 3), positioned(5, 0, source), processed(0, 0)];
        redelivered([first(), anew].concat())
    };
    assert_eq!(expired(PositionSource::NoCommitEarliest), [DuplicateCause::Rebalance]);
    assert_eq!(expired(PositionSource::Committed), [DuplicateCause::Rebalance]);
    assert_eq!(expired(PositionSource::Truncated), [DuplicateCause::TruncationRewind]);
}

#[test]
fn a_record_that_was_processed_at_another_place_was_written_again() {
    let events = vec![
        processed(0, 0),
        processed(1, 1),
        processed(2, 2),
        committed(3),
        (5, Event::ProcessEnded(ProcessEnd::Crash)),
        // The log was cut, and what lay at 2 is at 1 now.
        at_node(6, processed(1, 2)),
    ];
    assert_eq!(redelivered(events), [DuplicateCause::LogDuplicate]);
}

/// Why the group put the member out is on record.
#[test]
fn a_member_that_is_put_out_is_told_from_one_that_gives_back() {
    let put_out = |reason| {
        let generation = GenerationId(2);
        (1, Event::Rebalanced { group: G, generation, members: 1, reason: Some(reason) })
    };
    let of = |between: Vec<(u16, Event)>| {
        let start = vec![assigned(5, 1), processed(0, 0)];
        redelivered([start, between, vec![assigned(6, 2), at_node(6, processed(0, 0))]].concat())
    };
    let poll = || put_out(RebalanceReason::PollIntervalExceeded);
    assert_eq!(of(vec![poll()]), [DuplicateCause::PollOverrun]);
    let session = put_out(RebalanceReason::SessionExpired);
    assert_eq!(of(vec![session]), [DuplicateCause::SessionExpired]);
    assert_eq!(of(vec![put_out(RebalanceReason::Joined)]), [DuplicateCause::Rebalance]);
    let crashed = (5, Event::ProcessEnded(ProcessEnd::Crash));
    assert_eq!(of(vec![crashed, poll()]), [DuplicateCause::MemberCrash]);
    let (member, partitions) = (MemberId(5), [P].into());
    let revoked = (5, Event::Revoked { group: G, member, partitions });
    assert_eq!(of(vec![poll(), revoked]), [DuplicateCause::Rebalance], "another one was put out");
    let lost = || (5, Event::Lost { group: G, member, partitions: [P].into() });
    assert_eq!(of(vec![poll(), lost()]), [DuplicateCause::PollOverrun]);
    // The coordinator of a consumer group only sees a member that leaves.
    let overdue =
        |node| vec![(node, Event::PollOverdue { group: G }), put_out(RebalanceReason::Left)];
    assert_eq!(of(overdue(5)), [DuplicateCause::PollOverrun]);
    assert_eq!(of([overdue(5), vec![lost()]].concat()), [DuplicateCause::PollOverrun]);
    // A static member joins again in its own place.
    let replaced =
        (1, Event::MemberReplaced { group: G, before: MemberId(5), member: MemberId(6) });
    let joins = |first: Vec<(u16, Event)>| {
        let again = vec![assigned(5, 2), at_node(5, processed(0, 0))];
        let start = vec![assigned(5, 1), processed(0, 0)];
        redelivered([start, first, vec![lost(), replaced.clone()], again].concat())
    };
    let late = vec![(5, Event::PollOverdue { group: G })];
    assert_eq!(joins(late), [DuplicateCause::PollOverrun]);
    assert_eq!(joins(Vec::new()), [DuplicateCause::Replaced]);
    assert_eq!(of(overdue(6)), [DuplicateCause::Rebalance], "another one polls too rarely");
}

/// A cluster that has not recovered goes on writing while its logs are read.
#[test]
fn what_is_acknowledged_behind_the_end_that_was_read_is_not_lost() {
    let lost = |reading: Phase, end: i64| {
        let before = vec![sent(0), sent(1), acked(0, &[0]), phase(reading), final_read(0, &[0])];
        counted(&context(), [before, vec![acked(1, &[1]), final_done(end)]].concat()).0.lost
    };
    assert_eq!(lost(Phase::FinalRead, 1), 0);
    assert_eq!(lost(Phase::FinalRead, 2), 1, "it was read, and is not there");
    assert_eq!(lost(Phase::Settle, 1), 1, "acknowledged before");
}
