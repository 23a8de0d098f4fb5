//! Members that do not poll in time, and what they notice of it.

use super::super::*;
use super::harness::Harness;
use crate::message::GroupRequest;
use ackproof_types::CommitStrategy;

/// R8.10: it goes on with what it holds until it can hear that it lost it.
#[test]
fn a_member_that_left_unawares_goes_on_while_the_coordinator_is_unknown() {
    let mut h = Harness::new(CommitStrategy::SyncAfterBatch);
    h.hold = |r| matches!(r, Request::FindCoordinator(_));
    h.story();
    h.fire(Timer::MaxPoll);
    h.cut_coordinator();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0", "processed 1"], "commitSync waits for the coordinator");
    h.fire(Timer::CommitDeadline);
    assert_eq!(h.story(), ["polled 2+2"], "what was buffered");
    h.reconnect();
    h.release();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    let story =
        ["processed 2", "processed 3", "refused UNKNOWN_MEMBER_ID", "lost 1", "assigned 1 in 2"];
    assert_eq!(h.story()[..5], story);
}

/// A member that has processed all there is, and waits in `poll()` with its fetch held.
fn waiting() -> Harness {
    let mut h = Harness::new(CommitStrategy::SyncAfterBatch);
    h.hold = |r| matches!(r, Request::Fetch(_) | Request::Group(GroupRequest::LeaveGroup(..)));
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story().last().unwrap(), "committed 4");
    h
}

/// R8.10: the poll interval runs while nothing comes, too: the process may be frozen.
#[test]
fn a_member_that_waits_in_poll_is_watched() {
    let mut h = waiting();
    h.fire(Timer::MaxPoll);
    assert_eq!(h.requests, ["leave"]);
    assert_eq!(h.story(), [] as [&str; 0], "the thread that polls was not woken");
    h.release();
    assert_eq!(h.story()[..2], ["lost 1", "assigned 1 in 2"], "it learns of it with what comes");
}

#[test]
fn each_round_of_a_poll_begins_the_interval_anew_and_records_do_not() {
    let mut h = waiting();
    assert!(h.timers.remove(&Timer::MaxPoll).is_some());
    h.fire(Timer::Heartbeat);
    assert!(h.timers.remove(&Timer::MaxPoll).is_some(), "an answer makes a round");
    h.log_end = 6;
    let (route, id, fetch) = h.held.remove(0);
    h.answer(route, id, &fetch);
    h.settle();
    assert_eq!(h.story(), ["polled 4+2"]);
    assert!(!h.timers.contains_key(&Timer::MaxPoll), "it has returned");
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert!(h.timers.contains_key(&Timer::MaxPoll), "the next poll");
}

/// Kafka: `pollForFetches` returns what has come; only the next poll looks at the group.
#[test]
fn a_member_that_left_unawares_returns_what_has_come() {
    let mut h = waiting();
    h.fire(Timer::MaxPoll);
    h.log_end = 6;
    let (route, id, fetch) = h.held.remove(0);
    h.answer(route, id, &fetch);
    h.settle();
    assert_eq!(h.story(), ["polled 4+2"]);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    h.release();
    let refused = "refused UNKNOWN_MEMBER_ID";
    let story =
        ["processed 4", "processed 5", refused, "lost 1", "assigned 1 in 2", "at 0 by Committed"];
    assert_eq!(h.story()[..6], story, "its commit is refused (R8.16)");
}

/// Kafka's heartbeat thread looks for the coordinator before it looks at the poll interval.
#[test]
fn nobody_leaves_while_the_coordinator_is_unknown() {
    let mut h = waiting();
    h.hold = |r| matches!(r, Request::FindCoordinator(_));
    h.cut_coordinator();
    h.fire(Timer::MaxPoll);
    assert!(!h.requests.contains(&"leave"), "{:?}", h.requests);
    assert!(h.timers.contains_key(&Timer::MaxPoll), "it looks again");
}
