//! What is left of what a group made of a record: one record, its output, and what became of both.

use super::*;
use crate::cause::LossCause;
use crate::test_history::outputs::*;
use crate::test_history::*;
use crate::verdict::{Judgement, Loss};
use ackproof_types::{Acks, Awaits};

fn judged(awaits: Awaits, acks: Acks, events: Vec<(u16, Event)>) -> PropertyResult {
    judge_in(&pipeline(awaits, acks), "end-to-end", events)
}

fn cause(result: &PropertyResult) -> Option<LossCause> {
    assert!(result.causes.keys().all(|(loss, _)| *loss == Loss::OutputOf(G)));
    result.causes.keys().next().map(|(_, cause)| *cause)
}

#[test]
fn what_is_in_the_log_is_there_whatever_its_producer_knows() {
    for fate in [vec![output_acked(0, &[0])], vec![output_failed(&[0])], vec![crashed()], vec![]] {
        let events = story(fate.into_iter().chain(commit()).collect(), &[0]);
        let result = judged(Awaits::Never, Acks::All, events);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 1));
    }
}

#[test]
fn a_commit_before_the_acknowledgement_is_told_as_such() {
    let then = commit().into_iter().chain([crashed()]).collect();
    let result = judged(Awaits::Never, Acks::All, story(then, &[]));
    assert_eq!(result.judgement, Judgement::Violated);
    assert_eq!(cause(&result), Some(LossCause::CommittedBeforeAcked));
    assert!(result.violations[0].summary.contains("ledger-0 committed 1"), "{result:?}");
    // Who waits is not told that it did not.
    let then = commit().into_iter().chain([crashed()]).collect();
    let result = judged(Awaits::BeforeCommit, Acks::All, story(then, &[]));
    assert_eq!(cause(&result), Some(LossCause::CommitPastWork));
}

#[test]
fn a_send_that_failed_before_the_commit_was_given_up() {
    let then = [output_failed(&[0])].into_iter().chain(commit()).collect();
    let result = judged(Awaits::BeforeCommit, Acks::All, story(then, &[]));
    assert_eq!(cause(&result), Some(LossCause::OutputDropped));
    let then = commit().into_iter().chain([output_failed(&[0])]).collect();
    let result = judged(Awaits::Never, Acks::All, story(then, &[]));
    assert_eq!(cause(&result), Some(LossCause::CommittedBeforeAcked));
}

#[test]
fn an_acknowledgement_is_as_good_as_its_acks() {
    let lost = |acks, base| {
        let then = [output_acked(base, &[0])].into_iter().chain(commit()).collect();
        cause(&judged(Awaits::BeforeCommit, acks, story(then, &[])))
    };
    assert_eq!(lost(Acks::None, Offset::UNKNOWN.0), Some(LossCause::OutputAcksZero));
    assert_eq!(lost(Acks::Leader, 0), Some(LossCause::OutputAcksOne));
    assert_eq!(lost(Acks::All, 0), Some(LossCause::OutputLost));
}

#[test]
fn what_no_commit_has_passed_is_given_again_and_not_lost() {
    let result = judged(Awaits::Never, Acks::All, story(vec![crashed()], &[]));
    assert_eq!(result.judgement, Judgement::Vacuous);
    assert!(result.undecided.is_some());
    // Made again, by a life that got it through.
    let mut again = vec![crashed(), derived(0, 0, 1), output_sent(1), output_acked(0, &[1])];
    again.extend(commit());
    let result = judged(Awaits::BeforeCommit, Acks::All, story(again, &[1]));
    assert_eq!(result.judgement, Judgement::Held);
}

#[test]
fn what_is_under_way_at_the_end_is_undecided() {
    let result = judged(Awaits::Never, Acks::All, story(commit().to_vec(), &[]));
    assert_eq!(result.judgement, Judgement::Vacuous);
    assert!(result.undecided.is_some());
}

#[test]
fn a_log_that_was_not_read_decides_nothing() {
    let then = commit().into_iter().chain([crashed()]).collect();
    let mut events = story(then, &[]);
    events.retain(
        |(_, event)| !matches!(event, Event::FinalReadDone { partition, .. } if *partition == OUT),
    );
    let result = judged(Awaits::Never, Acks::All, events);
    assert_eq!(result.judgement, Judgement::Vacuous);
}

#[test]
fn records_that_nobody_acknowledged_are_not_demanded() {
    let then: Vec<_> = commit().into_iter().chain([crashed()]).collect();
    let mut events = story(then, &[]);
    events.retain(|(node, event)| *node != 4 || !matches!(event, Event::Acked { .. }));
    let result = judged(Awaits::Never, Acks::All, events);
    assert_eq!((result.judgement, result.witnesses), (Judgement::Vacuous, 0));
}

#[test]
fn a_group_that_begins_behind_the_record_is_told_by_its_reset() {
    let begins = (
        6,
        Event::Positioned {
            group: G,
            partition: P,
            offset: Offset(1),
            source: PositionSource::NoCommitByDuration,
        },
    );
    let then = [crashed(), begins].into_iter().chain(commit()).collect();
    let result = judged(Awaits::BeforeCommit, Acks::All, story(then, &[]));
    assert_eq!(result.judgement, Judgement::Violated);
    let causes: Vec<LossCause> = result.causes.keys().map(|(_, cause)| *cause).collect();
    assert_eq!(causes, [LossCause::ResetByDuration]);
}
