//! What the way in which an application commits explains.

use super::*;

#[test]
fn a_commit_that_went_back_is_told_from_work_that_was_not_committed() {
    let of = |commits: &[(u16, i64)]| {
        let start = vec![assigned(5, 1), positioned(5, 0, PositionSource::NoCommitEarliest)];
        let work = (0..3).map(|number| processed(i64::from(number), number));
        let commits = commits.iter().map(|(node, offset)| at_node(*node, committed(*offset)));
        let crashed = (5, Event::ProcessEnded(ProcessEnd::Crash));
        let taken = [crashed, assigned(6, 2), positioned(6, 1, PositionSource::Committed)];
        let again = [(1, 1), (2, 2)].map(|(offset, number)| at_node(6, processed(offset, number)));
        let all = start.into_iter().chain(work).chain(commits).chain(taken).chain(again);
        redelivered(all.collect())
    };
    let crash = DuplicateCause::MemberCrash;
    let back = DuplicateCause::CommitWentBack;
    assert_eq!(of(&[(5, 2), (5, 1)]), [crash, back], "only what was covered");
    assert_eq!(of(&[(5, 1)]), [crash, crash]);
    assert_eq!(of(&[(5, 3), (5, 1)]), [back, back]);
    // An answer that is heard late, and a commit that was refused.
    let with = |between: Vec<(u16, Event)>| {
        let start = [assigned(5, 1), positioned(5, 0, PositionSource::NoCommitEarliest)];
        let work = vec![processed(0, 0), processed(1, 1), commit_sent(1), commit_sent(2)];
        let crashed = (5, Event::ProcessEnded(ProcessEnd::Crash));
        let taken = [crashed, assigned(6, 2), positioned(6, 1, PositionSource::Committed)];
        let again = [at_node(6, processed(1, 1))];
        redelivered([&start[..], &work, &between, &taken, &again].concat())
    };
    assert_eq!(with(vec![committed(1)]), [crash]);
    assert_eq!(with(vec![commit_sent(1)]), [back]);
    let (offsets, error) = ([(P, Offset(1))].into(), ErrorCode::IllegalGeneration);
    let refused = (5, Event::CommitFailed { group: G, offsets, error, maybe_written: false });
    assert_eq!(with(vec![commit_sent(1), refused]), [crash]);
    let late = DuplicateCause::LateCommit;
    assert_eq!(of(&[(5, 3), (6, 1)]), [late, late], "it did not own the partition");
}

#[test]
fn the_way_to_commit_explains_a_repetition() {
    let of = |context: &Context| {
        let start = vec![assigned(5, 1), processed(0, 0), processed(1, 1), committed(0)];
        let crashed = (5, Event::ProcessEnded(ProcessEnd::Crash));
        let taken = vec![crashed, assigned(6, 2), at_node(6, processed(0, 0))];
        redelivered_in(context, [start, taken, vec![at_node(6, processed(1, 1))]].concat())
    };
    let mut habits = context();
    habits.groups[0].consuming.commit_offset = CommitOffset::Last;
    assert_eq!(of(&habits), [DuplicateCause::MemberCrash, DuplicateCause::OffsetNotAdvanced]);
    let mut habits = context();
    habits.groups[0].commit = "never".into();
    assert_eq!(of(&habits), [DuplicateCause::NeverCommitted; 2]);
    assert_eq!(of(&context()), [DuplicateCause::MemberCrash; 2]);
    let twice = || vec![assigned(5, 1), processed(0, 0), processed(0, 0)];
    let mut habits = context();
    habits.groups[0].consuming.covers = Some(ackproof_types::Covers::Contiguous);
    assert_eq!(redelivered_in(&habits, twice()), [DuplicateCause::Zombie]);
    assert_eq!(redelivered(twice()), [DuplicateCause::SameMember]);
}

#[test]
fn what_an_application_was_done_with_is_skipped_and_no_backlog() {
    let log = vec![sent(0), sent(1), acked(0, &[0, 1]), assigned(5, 1), processed(0, 0)];
    let read = vec![phase(Phase::FinalRead), final_read(0, &[0, 1]), final_done(2)];
    let group = counted(&context(), [log, vec![gave_up(1, 1)], read].concat()).1.remove(0);
    assert_eq!((group.skipped, group.backlog), (1, 0));
}
