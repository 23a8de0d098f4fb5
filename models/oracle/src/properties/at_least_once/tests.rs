//! What each loss is called, and what is lag and no loss.

use super::*;
use crate::cause::LossCause;
use crate::context::ConsumingContext;
use crate::test_history::*;
use crate::verdict::Judgement;
use ackproof_types::{CommitOffset, Covers, OnRecordFailure};

const NAME: &str = "at-least-once";

/// Within a complete history with a settle phase, of a group that works.
fn complete(mut events: Vec<(u16, Event)>) -> Vec<(u16, Event)> {
    events.splice(0..0, [processed(900, 900), phase(Phase::Settle)]);
    events.push(phase(Phase::End));
    events
}

fn skip(commit: &str, events: Vec<(u16, Event)>) -> (Option<LossCause>, String) {
    skip_with("latest", commit, events)
}

fn skip_with(reset: &str, commit: &str, events: Vec<(u16, Event)>) -> (Option<LossCause>, String) {
    skip_in("classic", reset, commit, events)
}

fn skip_in(
    protocol: &str,
    reset: &str,
    commit: &str,
    events: Vec<(u16, Event)>,
) -> (Option<LossCause>, String) {
    let mut context = context();
    context.groups[0].protocol = protocol.into();
    context.groups[0].commit = commit.into();
    context.groups[0].reset = reset.into();
    let mut all = vec![sent(0), sent(1), acked(0, &[0])];
    all.extend(events);
    all.push(final_read(0, &[0]));
    let result = judge_in(&context, NAME, complete(all));
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    (result.violations[0].cause, result.violations[0].summary.clone())
}

#[test]
fn a_skip_names_its_cause() {
    let committed = || {
        vec![
            polled(0, &[0]),
            commit_sent(1),
            committed(1),
            positioned(6, 1, PositionSource::Committed),
        ]
    };
    let (cause, summary) = skip("before-processing", committed());
    assert_eq!(cause, Some(LossCause::CommitBeforeProcessing));
    let told = "ledger-0 committed 1 at 6.000s; ledger-1 went on at 1 at 8.000s";
    assert!(summary.contains(told), "{summary}");
    let (cause, summary) = skip("auto-with-hand-off", committed());
    assert_eq!(cause, Some(LossCause::HandOff));
    assert!(summary.contains("workers had not finished"), "{summary}");
    assert_eq!(skip("sync-after-batch", committed()).0, Some(LossCause::CommitPastWork));
    assert_eq!(skip("auto", committed()).0, Some(LossCause::CommitPastWork));
    let of_consumer = |commit| skip_in("consumer", "latest", commit, committed()).0;
    assert_eq!(of_consumer("auto"), Some(LossCause::BackgroundCommit));
    assert_eq!(of_consumer("sync-after-batch"), Some(LossCause::CommitPastWork));
    let (cause, summary) = skip("auto", vec![positioned(5, 1, PositionSource::NoCommitLatest)]);
    assert_eq!(cause, Some(LossCause::ResetLatest));
    assert!(summary.contains("auto.offset.reset=latest skipped it"), "{summary}");
    let jump = vec![positioned(5, 1, PositionSource::OutOfRangeLatest)];
    assert_eq!(skip("auto", jump).0, Some(LossCause::OutOfRange));
    let unread = vec![positioned(5, 1, PositionSource::Committed)];
    assert_eq!(skip("auto", unread).0, Some(LossCause::NeverGiven));
    let dropped = vec![polled(0, &[0, 1]), processed(1, 1)];
    assert_eq!(skip("auto", dropped.clone()).0, Some(LossCause::NotOnRecord));
    let found = vec![positioned(5, 0, PositionSource::NoCommitEarliest)];
    let past = [found, dropped, vec![commit_sent(2), crate::test_history::committed(2)]].concat();
    assert_eq!(skip("auto", past).0, Some(LossCause::CommitPastWork));
}

/// The cause of a skip in a group with these habits.
fn skip_by(commit: &str, habits: ConsumingContext, events: Vec<(u16, Event)>) -> Option<LossCause> {
    let mut context = context();
    context.groups[0].commit = commit.into();
    context.groups[0].consuming = habits;
    let mut all = vec![sent(0), sent(1), acked(0, &[0])];
    all.extend(events);
    all.push(final_read(0, &[0]));
    let result = judge_in(&context, NAME, complete(all));
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    result.violations[0].cause
}

#[test]
fn a_skip_by_workers_or_in_the_background_names_its_cause() {
    let events = || {
        let taken = positioned(6, 1, PositionSource::Committed);
        vec![polled(0, &[0]), commit_sent(1), committed(1), taken]
    };
    let covers = |covers| {
        let habits = ConsumingContext { covers: Some(covers), ..ConsumingContext::default() };
        skip_by("async-after-batch", habits, events())
    };
    assert_eq!(covers(Covers::Positions), Some(LossCause::WorkerPositions));
    assert_eq!(covers(Covers::HighestDone), Some(LossCause::HighestDone));
    assert_eq!(covers(Covers::Contiguous), Some(LossCause::CommitPastWork));
    let stored = skip_by("auto-in-background", ConsumingContext::default(), events());
    assert_eq!(stored, Some(LossCause::StoredCommit));
}

#[test]
fn a_commit_that_skips_one_is_told_from_one_that_passes_work() {
    let habits =
        ConsumingContext { commit_offset: CommitOffset::Beyond, ..ConsumingContext::default() };
    let to = |offset| {
        let taken = positioned(6, offset, PositionSource::Committed);
        vec![polled(0, &[0]), commit_sent(offset), committed(offset), taken]
    };
    assert_eq!(skip_by("sync-after-batch", habits, to(1)), Some(LossCause::CommitBeyond));
    assert_eq!(skip_by("sync-after-batch", habits, to(2)), Some(LossCause::CommitPastWork));
    let found = vec![positioned(6, 1, PositionSource::Committed)];
    assert_eq!(skip_by("sync-after-batch", habits, found), Some(LossCause::NeverGiven));
}

/// F21: the commit of a member is its last word before it ends in good order.
#[test]
fn a_close_after_an_exception_is_told_by_the_end_of_its_member() {
    let habits =
        ConsumingContext { on_failure: OnRecordFailure::Throw, ..ConsumingContext::default() };
    let cause = |between: Vec<(u16, Event)>, how| {
        let start = vec![polled(0, &[0, 1]), commit_sent(1), committed(1)];
        let ended = (5, Event::ProcessEnded(how));
        let taken = positioned(6, 1, PositionSource::Committed);
        skip_by("auto", habits, [start, between, vec![ended, taken]].concat())
    };
    assert_eq!(cause(vec![], ProcessEnd::Clean), Some(LossCause::CloseAfterException));
    assert_eq!(cause(vec![], ProcessEnd::Crash), Some(LossCause::CommitPastWork));
    let worked = vec![processed(1, 1)];
    assert_eq!(cause(worked, ProcessEnd::Clean), Some(LossCause::CommitPastWork), "it went on");
    let events = vec![polled(0, &[0, 1]), commit_sent(1), committed(1)];
    let ended = (5, Event::ProcessEnded(ProcessEnd::Clean));
    let taken = positioned(6, 1, PositionSource::Committed);
    let never_throws =
        skip_by("auto", ConsumingContext::default(), [events, vec![ended, taken]].concat());
    assert_eq!(never_throws, Some(LossCause::CommitPastWork), "no exception can leave its loop");
}

#[test]
fn what_an_application_was_done_with_it_skipped() {
    let cause = |on_failure, last: Vec<(u16, Event)>| {
        let habits = ConsumingContext { on_failure, ..ConsumingContext::default() };
        let found = positioned(5, 0, PositionSource::NoCommitEarliest);
        let start = vec![found, polled(0, &[0]), gave_up(0, 0)];
        skip_by("sync-after-batch", habits, [start, last].concat())
    };
    let committed = vec![commit_sent(1), committed(1), positioned(6, 1, PositionSource::Committed)];
    for last in [vec![], committed] {
        assert_eq!(cause(OnRecordFailure::Skip, last.clone()), Some(LossCause::Skipped));
        assert_eq!(cause(OnRecordFailure::DropPoll, last), Some(LossCause::DroppedPoll));
    }
    // What it seeks back to is to come.
    let sought = vec![
        positioned(5, 0, PositionSource::NoCommitEarliest),
        polled(0, &[0, 1, 2]),
        processed(0, 0),
        positioned(5, 1, PositionSource::Sought),
    ];
    let result = at_the_end(sought);
    assert_eq!((result.judgement, result.violation_count), (Judgement::Vacuous, 0));
}

/// R9.37.
#[test]
fn a_skip_after_an_expiry_is_not_that_of_a_new_group() {
    let expired = (1, Event::OffsetsExpired { group: G, partitions: [P].into() });
    let found = positioned(6, 1, PositionSource::NoCommitLatest);
    let cause = |events: &[(u16, Event)]| skip("auto", events.to_vec()).0;
    assert_eq!(cause(&[expired.clone(), found.clone()]), Some(LossCause::Expired));
    let since = [expired, committed(0), found];
    assert_eq!(cause(&since), Some(LossCause::ResetLatest), "committed since");
}

#[test]
fn a_skip_in_a_partition_that_was_added_while_the_group_ran_has_its_own_cause() {
    let new = TopicPartition { partition: 1, ..P };
    let at = |event: (u16, Event)| match event {
        (node, Event::Positioned { group, offset, source, .. }) => {
            (node, Event::Positioned { group, partition: new, offset, source })
        }
        (node, Event::FinalRead { base_offset, records, .. }) => {
            (node, Event::FinalRead { partition: new, base_offset, records })
        }
        other => other,
    };
    let added = || (0, Event::PartitionsAdded { topic: P.topic, partitions: 2 });
    let latest = |offset| at(positioned(5, offset, PositionSource::NoCommitLatest));
    let causes = |events: Vec<(u16, Event)>| {
        let mut all = vec![phase(Phase::Settle), acked(0, &[0, 1, 2])];
        all.extend(events);
        // It works somewhere.
        all.extend([processed(0, 9), at(final_read(0, &[0, 1])), phase(Phase::End)]);
        let mut context = context();
        context.groups[0].reset = "latest".into();
        let result = judge_in(&context, NAME, all);
        result.causes.keys().map(|(_, cause)| *cause).collect::<Vec<LossCause>>()
    };
    let runs = || assigned(5, 1);
    assert_eq!(causes(vec![runs(), added(), latest(2)]), [LossCause::PartitionAdded]);
    assert_eq!(causes(vec![added(), runs(), latest(2)]), [LossCause::ResetLatest], "before it ran");
    let again = causes(vec![runs(), added(), latest(1), latest(2)]);
    assert_eq!(again, [LossCause::ResetLatest, LossCause::PartitionAdded], "its second position");
}

/// What comes of `events` if the final log holds the records 0 to 2, all acknowledged.
fn at_the_end(events: Vec<(u16, Event)>) -> PropertyResult {
    let mut all = vec![phase(Phase::Settle), acked(0, &[0, 1, 2])];
    all.extend(events);
    all.extend([final_read(0, &[0, 1, 2]), phase(Phase::End)]);
    judge(NAME, all)
}

#[test]
fn what_a_group_had_not_come_to_is_backlog_and_no_loss() {
    let earliest = |node| positioned(node, 0, PositionSource::NoCommitEarliest);
    let given = vec![earliest(5), polled(0, &[0, 1, 2]), processed(0, 0)];
    let result = at_the_end(given.clone());
    assert_eq!((result.judgement, result.witnesses), (Judgement::Vacuous, 3));
    let why = result.undecided.map(|undecided| undecided.why);
    let told = "ledger had not come to 2 records when the run ended, the first of them billing-0#1 \
                (payments-0 offset 1)";
    assert_eq!(why.as_deref(), Some(told));
    let all = [given, vec![processed(1, 1), processed(2, 2)]].concat();
    let result = at_the_end(all);
    assert_eq!((result.judgement, result.undecided), (Judgement::Held, None));
    // Something else that was passed over is told, and the backlog is not in the way.
    let passed = vec![positioned(5, 1, PositionSource::NoCommitLatest), processed(1, 1)];
    let result = at_the_end(passed);
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    assert_eq!(result.undecided, None);
}

#[test]
fn a_stale_leader_a_late_zombie_and_a_restart_make_no_loss_of_lag() {
    let found = |node, at| positioned(node, at, PositionSource::Committed);
    let led = |broker, epoch, end| {
        let (partition, epoch) = (P, LeaderEpoch(epoch));
        let (log_end, high_watermark) = (Offset(end), Offset(0));
        (broker, Event::BecameLeader { partition, epoch, log_end, high_watermark })
    };
    let started = || (5, Event::ProcessStarted);
    // Processed at offset 2 what was cut there; a restart at 0; a zombie that works on at 2.
    let lag = vec![
        led(1, 1, 0),
        found(5, 0),
        processed(0, 0),
        processed(2, 9),
        led(2, 2, 1),
        led(1, 1, 3),
        started(),
        found(6, 1),
        processed(2, 8),
    ];
    assert_eq!(at_the_end(lag.clone()).judgement, Judgement::Vacuous);
    let skip = [lag, vec![at_node(6, processed(2, 2))]].concat();
    assert_eq!(at_the_end(skip).judgement, Judgement::Violated, "it passed offset 1");
}

#[test]
fn a_reset_that_the_group_does_not_have_is_no_cause() {
    let at = |source| vec![positioned(5, 1, source)];
    for (source, reset, cause) in [
        (PositionSource::NoCommitLatest, "latest", LossCause::ResetLatest),
        (PositionSource::NoCommitLatest, "earliest", LossCause::NeverGiven),
        (PositionSource::OutOfRangeLatest, "latest", LossCause::OutOfRange),
        (PositionSource::OutOfRangeLatest, "earliest", LossCause::NeverGiven),
        (PositionSource::OutOfRangeEarliest, "earliest", LossCause::OutOfRange),
        (PositionSource::OutOfRangeEarliest, "latest", LossCause::NeverGiven),
        (PositionSource::NoCommitByDuration, "by_duration:PT1H", LossCause::ResetByDuration),
        (PositionSource::NoCommitByDuration, "latest", LossCause::NeverGiven),
        (PositionSource::OutOfRangeByDuration, "by_duration:PT1H", LossCause::OutOfRange),
        (PositionSource::OutOfRangeByDuration, "earliest", LossCause::NeverGiven),
    ] {
        let (found, summary) = skip_with(reset, "auto", at(source));
        assert_eq!(found, Some(cause), "{source:?}, auto.offset.reset={reset}: {summary}");
    }
    let commit = vec![polled(0, &[0]), commit_sent(1), committed(1)];
    let unknown = [commit, at(PositionSource::Committed)].concat();
    let (_, summary) = skip("unknown", unknown);
    assert!(summary.contains("the commit strategy does not explain that"), "{summary}");
}

#[test]
fn a_processed_record_holds_and_a_lost_one_is_not_judged() {
    let result = judge(NAME, complete(vec![acked(0, &[0]), processed(0, 0), final_read(0, &[0])]));
    assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 1));
    let late = judge(NAME, complete(vec![acked(0, &[0]), final_read(0, &[0]), processed(0, 0)]));
    assert_eq!(late.judgement, Judgement::Held, "processed during the final read");
    let lost = judge(NAME, complete(vec![acked(0, &[0]), final_done(0)]));
    assert_eq!(lost.judgement, Judgement::Vacuous);
}

#[test]
fn an_unacknowledged_record_is_not_demanded() {
    assert_eq!(
        judge(NAME, complete(vec![sent(0), final_read(0, &[0])])).judgement,
        Judgement::Vacuous
    );
}

#[test]
fn where_processing_may_not_be_on_record_nothing_is_judged() {
    let latest = || positioned(5, 1, PositionSource::NoCommitLatest);
    let skip = || vec![latest(), acked(0, &[0]), final_read(0, &[0])];
    assert_eq!(judge(NAME, complete(skip())).judgement, Judgement::Violated);
    for left_out in [phase(Phase::Settle).1, phase(Phase::End).1, processed(900, 900).1] {
        let mut events = complete(skip());
        events.retain(|(_, event)| *event != left_out);
        let result = judge(NAME, events);
        assert_eq!(result.judgement, Judgement::Vacuous, "without {left_out:?}");
        assert!(result.unjudged.is_some(), "it says why");
    }
}

#[test]
fn what_is_passed_over_between_two_owners_without_positions_is_a_skip() {
    let run = |last: Vec<(u16, Event)>| {
        let log = vec![sent(0), sent(1), sent(2), acked(0, &[0, 1, 2]), phase(Phase::Settle)];
        let read = vec![final_read(0, &[0, 1, 2]), final_done(3), phase(Phase::End)];
        let found = positioned(5, 0, PositionSource::NoCommitEarliest);
        let first = vec![assigned(5, 1), found, polled(0, &[0]), processed(0, 0)];
        judge(NAME, [log, first, last, read].concat())
    };
    let ended = || (5, Event::ProcessEnded(ProcessEnd::Crash));
    let next = || vec![assigned(6, 2), at_node(6, polled(2, &[2])), at_node(6, processed(2, 2))];
    let result = run([vec![ended()], next()].concat());
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    assert_eq!(run(next()).violation_count, 1, "the other owner is still there");
    let idle = run(vec![ended(), assigned(6, 2)]);
    assert!(idle.undecided.is_some() && idle.violation_count == 0, "{idle:?}");
}

#[test]
fn who_asks_for_a_position_during_the_final_read_resumes_nothing() {
    let run = |last: Vec<(u16, Event)>| {
        let log = vec![sent(0), sent(1), acked(0, &[0, 1]), phase(Phase::Settle), assigned(5, 1)];
        let log = [log, vec![polled(0, &[0]), processed(0, 0)]].concat();
        let read = vec![final_read(0, &[0, 1]), final_done(2), phase(Phase::End)];
        judge(NAME, [log, last, read].concat())
    };
    let witness = || vec![assigned(6, 9), positioned(6, 2, PositionSource::Committed)];
    let after = run([vec![phase(Phase::FinalRead)], witness()].concat());
    assert!(after.undecided.is_some() && after.violation_count == 0, "{after:?}");
    assert_eq!(run(witness()).violation_count, 1);
}

#[test]
fn a_record_that_nobody_was_given_was_passed_by_no_commit_before_its_processing() {
    let given_later = vec![
        positioned(5, 0, PositionSource::NoCommitEarliest),
        polled(1, &[1]),
        processed(1, 1),
        commit_sent(2),
        committed(2),
        positioned(6, 2, PositionSource::Committed),
    ];
    assert_eq!(skip("before-processing", given_later).0, Some(LossCause::NeverGiven));
}

#[test]
fn a_position_or_commit_that_the_group_went_back_behind_explains_nothing() {
    let back = |source| {
        vec![
            polled(0, &[0]),
            commit_sent(4),
            committed(4),
            positioned(6, 4, PositionSource::Committed),
            positioned(6, 0, source),
            at_node(6, polled(0, &[0, 1])),
            at_node(6, processed(1, 1)),
        ]
    };
    for source in [PositionSource::Truncated, PositionSource::Committed] {
        assert_eq!(skip("before-processing", back(source)).0, Some(LossCause::NotOnRecord));
    }
    let again =
        [back(PositionSource::Committed), vec![positioned(5, 2, PositionSource::Committed)]];
    let again = skip("before-processing", again.concat());
    assert_eq!(again.0, Some(LossCause::CommitBeforeProcessing), "{}", again.1);
}

/// A committed offset beyond the end of a log that was cut: the member that finds it there goes where the reset
/// sends it, and that is what skips.
#[test]
fn a_position_that_was_out_of_range_is_told_by_where_it_went_then() {
    let beyond = positioned(5, 9, PositionSource::Committed);
    let reset = positioned(5, 1, PositionSource::OutOfRangeLatest);
    assert_eq!(skip("auto", vec![beyond.clone(), reset]).0, Some(LossCause::OutOfRange));
    assert_eq!(skip("auto", vec![beyond]).0, Some(LossCause::NeverGiven));
}

/// Records that lie where others were cut off: whether the group was given them since tells why they are skipped.
#[test]
fn a_cut_explains_only_what_the_group_was_not_given_again() {
    let led = || {
        let (epoch, log_end, high_watermark) = (LeaderEpoch(1), Offset(0), Offset(0));
        (2, Event::BecameLeader { partition: P, epoch, log_end, high_watermark })
    };
    let old = || vec![polled(0, &[7]), commit_sent(1), committed(1), led()];
    let then = |more: Vec<_>| skip("before-processing", [old(), more].concat()).0;
    let next = || positioned(6, 1, PositionSource::Committed);
    assert_eq!(then(vec![next()]), Some(LossCause::LogCut));
    // Nobody looked again: the one who stood there went on.
    assert_eq!(then(vec![polled(1, &[1]), processed(1, 1)]), Some(LossCause::LogCut));
    let again = vec![polled(0, &[0]), commit_sent(1), committed(1), next()];
    assert_eq!(then(again), Some(LossCause::CommitBeforeProcessing));
}
