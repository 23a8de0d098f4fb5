//! Histories of commits and work, legal ones (silent) beside illegal ones (loud), corner by corner.

use crate::history::{Event, PositionSource, ProcessEnd};
use crate::test_history::*;
use crate::verdict::{Judgement, PropertyResult};
use ackproof_types::{ErrorCode, LeaderEpoch, Offset};

/// The group also does some work that no commit passes.
fn run(mut events: Vec<(u16, Event)>) -> PropertyResult {
    events.push(processed(900, 900));
    judge("commit-behind-processing", events)
}

fn commit_failed(offset: i64, maybe_written: bool) -> (u16, Event) {
    let (error, offsets) = (ErrorCode::IllegalGeneration, [(P, Offset(offset))].into());
    (5, Event::CommitFailed { group: G, offsets, error, maybe_written })
}

fn took_lead(broker: u16, epoch: i32, end: i64) -> (u16, Event) {
    let (epoch, log_end, high_watermark) = (LeaderEpoch(epoch), Offset(end), Offset(0));
    (broker, Event::BecameLeader { partition: P, epoch, log_end, high_watermark })
}

#[test]
fn a_commit_past_work_in_hand_violates_once_a_record() {
    let result = run(vec![
        polled(0, &[0, 1]),
        processed(1, 1),
        commit_sent(2),
        committed(2),
        commit_sent(2),
        committed(2),
    ]);
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    let summary = &result.violations[0].summary;
    assert!(summary.contains("past 1 record that ledger had not processed"), "{summary}");
    assert!(summary.contains("the first at offset 0"), "{summary}");
    assert_eq!(result.witnesses, 2);
}

#[test]
fn processing_after_the_send_is_too_late() {
    let result = run(vec![polled(0, &[0]), commit_sent(1), processed(0, 0), committed(1)]);
    assert_eq!(result.judgement, Judgement::Violated);
}

#[test]
fn commits_behind_the_work_and_back_hold() {
    let result = run(vec![
        polled(0, &[0, 1, 2]),
        processed(1, 1),
        processed(0, 0),
        commit_sent(2),
        committed(2),
        polled(0, &[0]),
        commit_sent(1),
        committed(1),
    ]);
    assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 2));
}

#[test]
fn a_refused_commit_holds_and_one_of_unknown_outcome_violates() {
    let with = |last: Vec<(u16, Event)>| {
        let mut events = vec![polled(0, &[0]), commit_sent(1)];
        events.extend(last);
        run(events).judgement
    };
    assert_eq!(with(vec![commit_failed(1, false)]), Judgement::Held);
    assert_eq!(with(vec![commit_failed(1, true)]), Judgement::Violated);
    assert_eq!(with(vec![]), Judgement::Violated, "it may have been written");
}

#[test]
fn a_zombies_processing_counts_and_its_refused_commit_does_not() {
    let result = run(vec![
        polled(0, &[0, 1]),
        at_node(6, polled(0, &[0, 1])),
        processed(0, 0),
        processed(1, 1),
        commit_sent(2),
        commit_failed(2, false),
        at_node(6, commit_sent(2)),
        at_node(6, committed(2)),
    ]);
    assert_eq!(result.judgement, Judgement::Held);
    // The zombie's own work is done, the new owner's is not.
    let result = run(vec![
        polled(0, &[0]),
        at_node(6, polled(0, &[0, 1])),
        processed(0, 0),
        at_node(6, commit_sent(2)),
        at_node(6, committed(2)),
    ]);
    assert_eq!(result.judgement, Judgement::Violated);
}

#[test]
fn an_older_generations_commit_is_judged_by_the_groups_work() {
    // Accepted while the next rebalance is prepared (R9.10): silent behind the work, loud past it.
    let with = |offset| {
        let events = vec![
            assigned(5, 1),
            polled(0, &[0, 1]),
            processed(0, 0),
            commit_sent(offset),
            (
                5,
                Event::Revoked {
                    group: G,
                    member: ackproof_types::MemberId(5),
                    partitions: [P].into(),
                },
            ),
            committed(offset),
        ];
        run(events).judgement
    };
    assert_eq!((with(1), with(2)), (Judgement::Held, Judgement::Violated));
}

#[test]
fn a_reset_by_policy_settles_what_lies_below_it() {
    let with = |source| {
        run(vec![
            polled(0, &[0, 1]),
            positioned(6, 5, source),
            at_node(6, polled(5, &[5])),
            at_node(6, processed(5, 5)),
            at_node(6, commit_sent(6)),
            at_node(6, committed(6)),
        ])
        .judgement
    };
    assert_eq!(with(PositionSource::NoCommitLatest), Judgement::Held);
    assert_eq!(with(PositionSource::OutOfRangeLatest), Judgement::Held);
    assert_eq!(
        with(PositionSource::NoCommitEarliest),
        Judgement::Violated,
        "earliest skips nothing"
    );
}

#[test]
fn after_a_cut_the_place_holds_another_record() {
    let regrown = |cut: (u16, Event), offset| {
        run(vec![
            polled(0, &[0, 1]),
            processed(0, 0),
            cut,
            processed(1, 1),
            at_node(6, polled(1, &[7])),
            at_node(6, commit_sent(offset)),
            at_node(6, committed(offset)),
        ])
        .judgement
    };
    assert_eq!(regrown(took_lead(2, 1, 1), 2), Judgement::Violated, "7 is not processed");
    assert_eq!(regrown(took_lead(2, 1, 1), 1), Judgement::Held);
    assert_eq!(regrown(positioned(6, 1, PositionSource::Truncated), 2), Judgement::Violated);
    assert_eq!(regrown(took_lead(2, 1, 2), 2), Judgement::Held, "nothing read was cut");
}

#[test]
fn without_sends_on_record_the_acknowledgement_is_judged() {
    let past = run(vec![polled(0, &[0]), committed(1)]);
    assert_eq!(past.judgement, Judgement::Violated);
    let behind = run(vec![polled(0, &[0]), processed(0, 0), committed(1)]);
    assert_eq!(behind.judgement, Judgement::Held);
}

#[test]
fn a_group_whose_work_is_not_on_record_is_not_judged() {
    let result = judge("commit-behind-processing", vec![polled(0, &[0]), committed(1)]);
    assert_eq!(result.judgement, Judgement::Vacuous);
    assert_eq!(result.unjudged.as_deref(), Some("ledger processed nothing on record"));
}

#[test]
fn without_a_commit_nothing_is_judged() {
    assert_eq!(run(vec![polled(0, &[0])]).judgement, Judgement::Vacuous);
    assert_eq!(run(vec![commit_sent(4), committed(4)]).judgement, Judgement::Vacuous);
}

#[test]
fn an_open_record_that_the_log_has_lost_is_not_passed() {
    // No became_leader tells of the cut: the poll does.
    let rewritten = |last: Vec<(u16, Event)>| {
        run([vec![polled(0, &[0, 1]), processed(0, 0), polled(1, &[2])], last].concat()).judgement
    };
    let commit = || vec![commit_sent(2), committed(2)];
    assert_eq!(rewritten([vec![processed(1, 2)], commit()].concat()), Judgement::Held);
    assert_eq!(rewritten(commit()), Judgement::Violated, "the new one is open");
}

#[test]
fn a_stale_leader_a_late_message_and_a_restart_hold() {
    // ledger-1 takes over, starts anew and does the work of both again. The answer to ledger-0's commit comes
    // late, and a leader that was replaced long ago tells of its leadership with a log that holds nothing.
    let history = |last: u32| {
        let give = || {
            let begin = positioned(6, 0, PositionSource::NoCommitEarliest);
            vec![begin, at_node(6, polled(0, &[0, 1, 2]))]
        };
        let first =
            vec![took_lead(2, 1, 0), polled(0, &[0, 1, 2]), processed(0, 0), processed(1, 1)];
        let ended = (6, Event::ProcessEnded(ProcessEnd::Crash));
        let restart = vec![at_node(6, processed(0, 0)), ended, (6, Event::ProcessStarted)];
        let done = (0..last).map(|number| at_node(6, processed(i64::from(number), number)));
        let end = vec![
            took_lead(1, 0, 0),
            at_node(6, commit_sent(3)),
            at_node(6, committed(3)),
            committed(2),
        ];
        [first, vec![commit_sent(2)], give(), restart, give(), done.collect(), end].concat()
    };
    let result = run(history(3));
    assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 2), "{result:?}");
    let result = run(history(2));
    assert_eq!(result.judgement, Judgement::Violated, "record 2 was passed");
}

/// R1.19: who comes after is not given what was compacted away meanwhile, and may pass it.
#[test]
fn what_is_compacted_away_before_it_is_processed_may_be_passed() {
    let judged = |compacted: bool| {
        let mut context = context();
        context.topics[1].compacted = compacted;
        let next = positioned(6, 0, PositionSource::Committed);
        let rest = [polled(1, &[1]), processed(1, 1), commit_sent(2), committed(2)];
        let rest = rest.into_iter().map(|one| at_node(6, one));
        let all = [polled(0, &[0, 1]), next].into_iter().chain(rest).collect();
        judge_in(&context, "commit-behind-processing", all).judgement
    };
    assert_eq!([judged(true), judged(false)], [Judgement::Held, Judgement::Violated]);
}
