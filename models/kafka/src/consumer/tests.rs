//! The consumer driven by hand through `harness`.

mod harness;

use super::*;
use crate::config::CommitStrategy;
use crate::message::{CommittedOffset, EpochEnd};
use crate::observation::PositionSource;
use ackproof_types::{LeaderEpoch, Offset};
use harness::{BROKER, Harness};

#[test]
fn joins_syncs_and_starts_at_the_commit() {
    let mut h = Harness::new(CommitStrategy::SyncAfterBatch);
    let group: Vec<&str> =
        h.requests.iter().copied().filter(|r| !matches!(*r, "metadata" | "fetch")).collect();
    assert_eq!(group, ["find", "join", "join", "sync", "offset-fetch"]);
    assert_eq!(h.story(), ["assigned 1 in 1", "at 0 by Committed", "polled 0+2"]);
}

#[test]
fn without_a_commit_the_position_is_reset_to_the_end() {
    let mut h =
        Harness::held(CommitStrategy::SyncAfterBatch, |r| matches!(r, Request::OffsetFetch(..)));
    h.committed = None;
    h.release();
    assert_eq!(h.story(), ["assigned 1 in 1", "at 4 by NoCommit(Latest)"]);
}

#[test]
fn commits_after_the_last_record_then_polls_again() {
    let mut h = Harness::new(CommitStrategy::SyncAfterBatch);
    h.story();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0", "processed 1", "sent 2", "committed 2", "polled 2+2"]);
}

#[test]
fn commits_before_the_first_record_if_told_so() {
    let mut h = Harness::new(CommitStrategy::BeforeProcessing);
    h.story();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0", "processed 1", "polled 2+2", "sent 4", "committed 4"]);
}

#[test]
fn a_retriable_error_of_a_sync_commit_is_retried() {
    let mut h = Harness::new(CommitStrategy::SyncPerRecord);
    h.story();
    h.commit = Err(ErrorCode::CoordinatorLoadInProgress);
    h.fire(Timer::Process);
    h.commit = Ok(());
    h.fire(Timer::CommitBackoff);
    let failed = "failed 1 COORDINATOR_LOAD_IN_PROGRESS false";
    assert_eq!(h.story(), ["processed 0", "sent 1", failed, "sent 1", "committed 1"]);
    assert!(h.timers.contains_key(&Timer::Process), "goes on to the next record");
}

#[test]
fn a_rebalance_waits_for_the_batch_and_drops_what_is_buffered() {
    let mut h = Harness::new(CommitStrategy::SyncAfterBatch);
    h.story();
    h.heartbeat = Err(ErrorCode::RebalanceInProgress);
    h.fire(Timer::Heartbeat);
    assert_eq!(h.story(), [] as [&str; 0], "nothing before the next poll");
    h.committed = Some(CommittedOffset { offset: Offset(2), leader_epoch: LeaderEpoch::UNKNOWN });
    h.hold = |r| matches!(r, Request::JoinGroup(_));
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(
        h.story(),
        ["processed 0", "processed 1", "sent 2", "committed 2", "revoked 1"],
        "offsets 2 and 3 were buffered and are not returned"
    );
    h.release();
    assert_eq!(h.story(), ["assigned 1 in 2", "at 2 by Committed", "polled 2+2"]);
}

#[test]
fn auto_commit_happens_in_poll_and_before_revocation() {
    let mut h = Harness::new(CommitStrategy::Auto);
    h.story();
    h.fire(Timer::AutoCommit);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0"], "due, but the application is not in poll");
    h.fire(Timer::Process);
    assert_eq!(
        h.story(),
        ["processed 1", "sent 2", "polled 2+2", "committed 2"],
        "what earlier polls returned, and no more"
    );
    h.heartbeat = Err(ErrorCode::RebalanceInProgress);
    h.fire(Timer::Heartbeat);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    let story = h.story();
    assert_eq!(story[2..5], ["sent 4", "committed 4", "revoked 1"]);
}

#[test]
fn hand_off_commits_ahead_of_the_workers() {
    let mut h = Harness::new(CommitStrategy::AutoWithHandOff);
    assert_eq!(h.story(), ["assigned 1 in 1", "at 0 by Committed", "polled 0+2", "polled 2+2"]);
    h.fire(Timer::AutoCommit);
    assert_eq!(h.story(), ["sent 4", "committed 4"], "nothing is processed yet (F22)");
}

#[test]
fn polling_too_rarely_leaves_and_loses() {
    let mut h = Harness::new(CommitStrategy::SyncAfterBatch);
    h.story();
    h.fire(Timer::MaxPoll);
    assert_eq!(h.requests, ["leave"]);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(
        h.story(),
        [
            "processed 0",
            "processed 1",
            "lost 1",
            "assigned 1 in 2",
            "at 0 by Committed",
            "polled 0+2"
        ],
        "no commit without a generation (R8.16)"
    );
}

#[test]
fn a_refused_commit_loses_the_generation() {
    let mut h = Harness::new(CommitStrategy::AsyncAfterBatch);
    h.story();
    h.commit = Err(ErrorCode::IllegalGeneration);
    h.hold = |r| matches!(r, Request::JoinGroup(_) | Request::OffsetCommit(_));
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    h.release();
    assert_eq!(h.story()[..4], ["processed 0", "processed 1", "sent 2", "polled 2+2"]);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story()[..3], ["processed 2", "processed 3", "lost 1"]);
}

#[test]
fn a_position_beyond_a_cut_log_is_rewound() {
    let mut h =
        Harness::held(CommitStrategy::SyncAfterBatch, |r| matches!(r, Request::OffsetFetch(..)));
    h.committed = Some(CommittedOffset { offset: Offset(9), leader_epoch: LeaderEpoch(2) });
    h.epoch_end = EpochEnd { epoch: LeaderEpoch(2), end: Offset(3) };
    h.release();
    let truncated = format!("at 3 by {:?}", PositionSource::Truncated);
    assert_eq!(
        h.story(),
        ["assigned 1 in 1", "at 9 by Committed", truncated.as_str(), "polled 3+1"]
    );
}

#[test]
fn a_lost_coordinator_is_looked_up_again() {
    let mut h = Harness::new(CommitStrategy::SyncAfterBatch);
    h.story();
    h.commit = Err(ErrorCode::NotCoordinator);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.requests, ["commit", "find"]);
    let route = Route { node: BROKER.into(), channel: Channel::Coordinator };
    h.commit = Ok(());
    h.fire(Timer::CommitBackoff);
    h.fire(Timer::Link(LinkTimer::Reconnect(route)));
    assert_eq!(
        h.story()[2..],
        ["sent 2", "failed 2 NOT_COORDINATOR true", "sent 2", "committed 2", "polled 2+2"]
    );
}

#[test]
fn leaves_in_good_order() {
    let mut h = Harness::new(CommitStrategy::Auto);
    h.story();
    h.step(Input::Call(ConsumerCall::Leave));
    assert!(!h.exited, "the batch comes first");
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.requests, ["commit", "leave"]);
    assert_eq!(h.story(), ["processed 0", "processed 1", "sent 2", "committed 2", "revoked 1"]);
    assert!(h.exited, "left");
}

#[test]
fn a_stalled_application_polls_no_more() {
    let mut h = Harness::new(CommitStrategy::Auto);
    h.step(Input::Call(ConsumerCall::Stall(true)));
    h.story();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0", "processed 1"]);
    h.step(Input::Call(ConsumerCall::Stall(false)));
    assert_eq!(h.story(), ["polled 2+2"]);
}

#[test]
fn a_request_timeout_fails_the_whole_connection() {
    let mut h = Harness::held(CommitStrategy::SyncAfterBatch, |r| {
        matches!(r, Request::FindCoordinator(_) | Request::Metadata(_))
    });
    let (route, id, _) = h.held[0].clone();
    h.fire(Timer::Link(LinkTimer::Request(id)));
    assert!(h.held.is_empty(), "closed");
    assert!(h.timers.contains_key(&Timer::MetadataBackoff), "failed along");
    assert!(h.timers.contains_key(&Timer::CoordinatorBackoff), "failed along");
    assert!(h.timers.contains_key(&Timer::Link(LinkTimer::Reconnect(route))), "backs off");
}
