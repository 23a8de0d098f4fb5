//! What a refused commit leaves: nothing that a later one could go back behind.

use super::*;

/// A member that left late commits what it has done, and is refused; the next owner is not that far, and commits less.
#[test]
fn who_commits_less_than_what_was_refused_does_not_go_back() {
    let of = |refused: bool| {
        let error = ErrorCode::UnknownMemberId;
        let failed = || {
            let offsets = [(P, Offset(2))].into();
            (5, Event::CommitFailed { group: G, offsets, error, maybe_written: false })
        };
        let mut events = vec![
            assigned(5, 1),
            positioned(5, 0, PositionSource::Committed),
            processed(0, 0),
            processed(1, 1),
            assigned(6, 2),
            positioned(6, 0, PositionSource::Committed),
            commit_sent(2),
        ];
        events.extend(refused.then(failed));
        events.extend([
            at_node(6, processed(0, 0)),
            at_node(6, commit_sent(1)),
            at_node(6, committed(1)),
            (6, Event::ProcessEnded(ProcessEnd::Crash)),
            assigned(7, 3),
            positioned(7, 1, PositionSource::Committed),
            at_node(7, processed(1, 1)),
        ]);
        redelivered(events)
    };
    assert_eq!(of(true), [DuplicateCause::MemberCrash, DuplicateCause::Rebalance]);
    assert_eq!(of(false), [DuplicateCause::Rebalance, DuplicateCause::CommitWentBack]);
}

#[test]
fn rebalances_refused_commits_and_dead_letters_are_counted() {
    let rebalanced = |reason| {
        let generation = GenerationId(1);
        (1, Event::Rebalanced { group: G, generation, members: 1, reason })
    };
    let failed = |error| {
        let offsets = [(P, Offset(1))].into();
        (5, Event::CommitFailed { group: G, offsets, error, maybe_written: false })
    };
    let (node, mut dead) = processed(0, 0);
    if let Event::Processed { dead_lettered, .. } = &mut dead {
        *dead_lettered = true;
    }
    let events = vec![
        rebalanced(Some(RebalanceReason::Left)),
        rebalanced(None),
        rebalanced(Some(RebalanceReason::Left)),
        failed(ErrorCode::IllegalGeneration),
        failed(ErrorCode::RequestTimedOut),
        (node, dead),
        processed(1, 1),
    ];
    let group = counted(&context(), events).1.remove(0);
    assert_eq!(group.rebalances, [(None, 1), (Some(RebalanceReason::Left), 2)].into());
    assert_eq!(group.refused_commits, [(ErrorCode::IllegalGeneration, 1)].into());
    assert_eq!((group.processed, group.dead_lettered, group.distinct), (2, 1, 2));
}
