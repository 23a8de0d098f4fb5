//! The consumer driven by hand through `harness`.

mod applications;
mod assigned;
mod followers;
mod harness;
mod holds;
mod interleavings;
mod member;
mod outputs;
mod poll_interval;
mod protocols;
mod resets;

use super::*;
use crate::machine::Channel;
use crate::message::{CommittedOffset, EpochEnd, GroupRequest};
use crate::observation::PositionSource;
use ackproof_types::{CommitStrategy, Hold, LeaderEpoch, Offset, Server};
use harness::{BROKER, Harness, config};

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
    let mut h = Harness::held(CommitStrategy::SyncAfterBatch, |r| {
        matches!(r, Request::Group(GroupRequest::OffsetFetch(..)))
    });
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
    h.hold = |r| matches!(r, Request::Group(GroupRequest::JoinGroup(_)));
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
            "refused UNKNOWN_MEMBER_ID",
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
    h.hold = |r| {
        matches!(
            r,
            Request::Group(GroupRequest::JoinGroup(_))
                | Request::Group(GroupRequest::OffsetCommit(_))
        )
    };
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    h.release();
    assert_eq!(h.story()[..4], ["processed 0", "processed 1", "sent 2", "polled 2+2"]);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    let refused = "refused UNKNOWN_MEMBER_ID";
    assert_eq!(h.story()[..4], ["processed 2", "processed 3", refused, "lost 1"]);
}

#[test]
fn a_position_beyond_a_cut_log_is_rewound() {
    let mut h = Harness::held(CommitStrategy::SyncAfterBatch, |r| {
        matches!(r, Request::Group(GroupRequest::OffsetFetch(..)))
    });
    h.committed = Some(CommittedOffset { offset: Offset(9), leader_epoch: LeaderEpoch(2) });
    h.epoch_end = EpochEnd { epoch: LeaderEpoch(2), end: Offset(3) };
    h.release();
    let truncated = format!("at 3 by {:?}", PositionSource::Truncated);
    assert_eq!(
        h.story(),
        ["assigned 1 in 1", "at 9 by Committed", truncated.as_str(), "polled 3+1"]
    );
}

/// Who coordinates may have changed before the dead one's connection may be tried again.
#[test]
fn a_coordinator_that_cannot_be_reached_is_looked_up_again_meanwhile() {
    let mut h = Harness::new(CommitStrategy::SyncAfterBatch);
    h.story();
    h.commit = Err(ErrorCode::NotCoordinator);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.requests, ["commit", "find"]);
    h.fire(Timer::CoordinatorBackoff);
    h.fire(Timer::CoordinatorBackoff);
    assert_eq!(h.requests, ["commit", "find", "find", "find"], "each time");
    h.fire(Timer::Network(NetworkTimer::Reconnect(Route {
        to: Server::Broker(BROKER),
        channel: Channel::Coordinator,
    })));
    h.fire(Timer::CoordinatorBackoff);
    assert_eq!(h.requests.len(), 5, "once more");
    assert!(!h.timers.contains_key(&Timer::CoordinatorBackoff), "it can be reached");
}

#[test]
fn a_lost_coordinator_is_looked_up_again() {
    let mut h = Harness::new(CommitStrategy::SyncAfterBatch);
    h.story();
    h.commit = Err(ErrorCode::NotCoordinator);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.requests, ["commit", "find"]);
    let route = Route { to: Server::Broker(BROKER), channel: Channel::Coordinator };
    h.commit = Ok(());
    h.fire(Timer::CommitBackoff);
    h.fire(Timer::Network(NetworkTimer::Reconnect(route)));
    h.fire(Timer::CoordinatorBackoff);
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
    h.step(Input::Call(ConsumerCall::Hold(Hold::Poll, true)));
    h.story();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0", "processed 1"]);
    h.step(Input::Call(ConsumerCall::Hold(Hold::Poll, false)));
    assert_eq!(h.story(), ["polled 2+2"]);
}

#[test]
fn a_request_timeout_fails_the_whole_connection() {
    let mut h = Harness::held(CommitStrategy::SyncAfterBatch, |r| {
        matches!(r, Request::FindCoordinator(_) | Request::Metadata(_))
    });
    let (route, id, _) = h.held[0].clone();
    h.fire(Timer::Network(NetworkTimer::Request(id)));
    assert!(h.held.is_empty(), "closed");
    assert!(h.timers.contains_key(&Timer::Network(NetworkTimer::MetadataBackoff)), "failed along");
    assert!(h.timers.contains_key(&Timer::CoordinatorBackoff), "failed along");
    assert!(h.timers.contains_key(&Timer::Network(NetworkTimer::Reconnect(route))), "backs off");
}

#[test]
fn commit_async_waits_for_the_coordinator_to_be_found() {
    let mut h = Harness::new(CommitStrategy::AsyncAfterBatch);
    h.hold = |r| matches!(r, Request::FindCoordinator(_));
    h.cut_coordinator();
    h.story();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0", "processed 1", "polled 2+2"]);
    h.fire(Timer::Network(NetworkTimer::Reconnect(Route {
        to: Server::Broker(BROKER),
        channel: Channel::Coordinator,
    })));
    h.release();
    assert_eq!(h.story(), ["sent 2", "committed 2"], "R8.15: as of the call");
}

#[test]
fn auto_commit_that_is_due_waits_for_the_coordinator() {
    let mut h = Harness::new(CommitStrategy::Auto);
    h.hold = |r| matches!(r, Request::FindCoordinator(_));
    h.cut_coordinator();
    h.fire(Timer::AutoCommit);
    h.story();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0", "processed 1", "polled 2+2"]);
    h.reconnect();
    h.release();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 2", "processed 3", "sent 4", "committed 4"]);
}

#[test]
fn silence_of_the_coordinator_for_a_session_makes_it_unknown() {
    let mut h = Harness::new(CommitStrategy::Auto);
    h.hold = |r| matches!(r, Request::Group(GroupRequest::Heartbeat(_)));
    h.story();
    h.fire(Timer::Heartbeat);
    assert!(!h.requests.contains(&"find"));
    h.fire(Timer::Session);
    assert!(h.held.is_empty(), "closed");
    assert!(h.requests.contains(&"find"), "{:?}", h.requests);
}

/// The answer of a join is thrown away if the generation it built on turns out to be gone.
#[test]
fn a_commit_refused_while_joining_voids_the_join() {
    let mut h = Harness::new(CommitStrategy::AsyncAfterBatch);
    h.story();
    h.hold = |r| {
        matches!(
            r,
            Request::Group(GroupRequest::Heartbeat(_)) | Request::Group(GroupRequest::JoinGroup(_))
        )
    };
    h.fire(Timer::Heartbeat);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    h.heartbeat = Err(ErrorCode::RebalanceInProgress);
    h.answer_held();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.held.len(), 3, "two commits and the join: {:?}", h.held);
    h.commit = Err(ErrorCode::IllegalGeneration);
    h.release();
    assert!(h.requests.iter().all(|request| *request != "sync"), "{:?}", h.requests);
    h.fire(Timer::JoinBackoff);
    assert_eq!(h.story().last().unwrap(), "at 0 by Committed", "joined anew");
}

/// Outside of a generation no heartbeat thread reads answers.
#[test]
fn an_application_that_stalls_while_joining_reads_no_answer() {
    let mut h = Harness::held(CommitStrategy::Auto, |r| {
        matches!(r, Request::Group(GroupRequest::JoinGroup(_)))
    });
    h.step(Input::Call(ConsumerCall::Hold(Hold::Poll, true)));
    h.hold = |_| false;
    h.release();
    assert_eq!(h.story(), [] as [&str; 0]);
    h.fire(Timer::MaxPoll);
    assert_eq!(h.requests, [] as [&str; 0], "nor does anybody watch the poll interval");
    h.step(Input::Call(ConsumerCall::Hold(Hold::Poll, false)));
    assert_eq!(h.story(), ["assigned 1 in 1", "at 0 by Committed", "polled 0+2"]);
}

/// R8.7, R8.8: a position found by reset has no epoch, so nothing is compared.
#[test]
fn a_position_by_reset_is_not_validated_until_a_batch_is_read() {
    let mut h = Harness::held(CommitStrategy::SyncAfterBatch, |r| {
        matches!(r, Request::Group(GroupRequest::OffsetFetch(..)))
    });
    h.committed = None;
    h.release();
    h.epoch = LeaderEpoch(5);
    h.story();
    h.fire(Timer::Network(NetworkTimer::MetadataBackoff));
    h.fire(Timer::Network(NetworkTimer::MetadataAge));
    assert_eq!(h.requests, ["metadata"]);
    let mut h = Harness::new(CommitStrategy::SyncAfterBatch);
    h.epoch = LeaderEpoch(5);
    h.epoch_end = EpochEnd { epoch: LeaderEpoch(3), end: Offset(1) };
    h.fire(Timer::Network(NetworkTimer::MetadataBackoff));
    h.fire(Timer::Network(NetworkTimer::MetadataAge));
    h.story();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    let truncated = format!("at 1 by {:?}", PositionSource::Truncated);
    assert_eq!(h.story()[2..5], ["sent 2", "committed 2", truncated.as_str()], "R8.7, in poll");
}

#[test]
fn a_question_to_a_deposed_leader_is_asked_again_at_once() {
    let mut settings = config(CommitStrategy::SyncAfterBatch);
    settings.bootstrap = [BrokerId(1), BrokerId(2)].into();
    let mut h = Harness::configured(&settings, |r| {
        matches!(r, Request::Group(GroupRequest::OffsetFetch(..)))
    });
    h.committed = Some(CommittedOffset { offset: Offset(2), leader_epoch: LeaderEpoch(3) });
    h.hold = |r| matches!(r, Request::OffsetsForLeaderEpoch(_));
    h.answer_held();
    assert_eq!(h.held.len(), 1, "validates the committed offset");
    h.epoch = LeaderEpoch(5);
    h.fire(Timer::Network(NetworkTimer::MetadataBackoff));
    h.fire(Timer::Network(NetworkTimer::MetadataAge));
    let is_question = |held: &&(_, _, Request)| matches!(held.2, Request::OffsetsForLeaderEpoch(_));
    assert_eq!(h.held.iter().filter(is_question).count(), 2, "asks under the new epoch");
}

#[test]
fn without_a_reset_policy_the_application_ends() {
    let mut settings = config(CommitStrategy::SyncAfterBatch);
    settings.auto_offset_reset = None;
    let mut h = Harness::configured(&settings, |r| {
        matches!(r, Request::Group(GroupRequest::OffsetFetch(..)))
    });
    h.committed = None;
    h.release();
    assert_eq!(h.story(), ["assigned 1 in 1", "revoked 1"], "NoOffsetForPartitionException");
    assert!(h.exited);
}

#[test]
fn a_failing_record_is_tried_again_then_put_aside() {
    let mut settings = config(CommitStrategy::SyncPerRecord);
    settings.application.failures_per_million = 1_000_000;
    settings.application.attempts = 3;
    let mut h = Harness::configured(&settings, |_| false);
    h.story();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), [] as [&str; 0]);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["dead 0", "sent 1", "committed 1"]);
}

/// R9.40: whoever has no generation has nothing to leave.
#[test]
fn a_fenced_member_closes_without_a_word() {
    let mut h = Harness::new(CommitStrategy::Auto);
    h.heartbeat = Err(ErrorCode::IllegalGeneration);
    h.story();
    h.fire(Timer::Heartbeat);
    h.step(Input::Call(ConsumerCall::Leave));
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.requests, ["heartbeat"]);
    assert_eq!(
        h.story(),
        ["processed 0", "processed 1", "refused UNKNOWN_MEMBER_ID", "lost 1"],
        "R8.16: no commit either"
    );
    assert!(h.exited);
}

#[test]
fn a_close_waits_for_commits_under_way() {
    let mut h = Harness::new(CommitStrategy::AsyncAfterBatch);
    h.story();
    h.step(Input::Call(ConsumerCall::Leave));
    h.hold = |r| matches!(r, Request::Group(GroupRequest::OffsetCommit(_)));
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.requests, ["commit", "leave"]);
    assert!(!h.exited, "R8.12");
    h.release();
    assert_eq!(h.story().last().unwrap(), "committed 2");
    assert!(h.exited);
}

/// R8.10: waiting for the commit before revocation takes polls, which a stalled application makes none
/// of.
#[test]
fn an_application_that_stalls_before_revocation_is_watched() {
    let mut h = Harness::new(CommitStrategy::Auto);
    h.heartbeat = Err(ErrorCode::RebalanceInProgress);
    h.fire(Timer::Heartbeat);
    h.hold = |r| matches!(r, Request::Group(GroupRequest::OffsetCommit(_)));
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    h.step(Input::Call(ConsumerCall::Hold(Hold::Poll, true)));
    h.story();
    h.fire(Timer::MaxPoll);
    assert_eq!(h.requests, ["leave"]);
}

/// R8.4: what was asked for before a rebalance is no answer to what is wanted after it.
#[test]
fn a_stale_fetch_is_dropped_and_asked_anew() {
    let mut h = Harness::new(CommitStrategy::SyncAfterBatch);
    h.hold = |r| matches!(r, Request::Fetch(_));
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    h.heartbeat = Err(ErrorCode::IllegalGeneration);
    h.fire(Timer::Heartbeat);
    h.story();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    let refused = "refused UNKNOWN_MEMBER_ID";
    let story =
        ["processed 2", "processed 3", refused, "lost 1", "assigned 1 in 2", "at 0 by Committed"];
    assert_eq!(h.story(), story);
    h.log_end = 6;
    let (route, id, stale) = h.held.remove(0);
    h.answer(route, id, &stale);
    h.settle();
    assert_eq!(h.story(), [] as [&str; 0], "was read at 4");
    let asked = |(_, _, request): &(_, _, Request)| match request {
        Request::Fetch(fetch) => fetch.partitions[0].offset,
        other => panic!("{other:?}"),
    };
    assert_eq!(h.held.iter().map(asked).collect::<Vec<_>>(), [Offset(0)]);
}
