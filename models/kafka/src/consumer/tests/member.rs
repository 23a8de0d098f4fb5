//! A member of a consumer group (KIP-848), one rule at a time.

use super::harness::{P0, TOPIC};
use super::*;
use ackproof_types::GroupProtocol;
use ackproof_types::MemberEpoch;

const P1: TopicPartition = TopicPartition { topic: TOPIC, partition: 1 };

fn settings(commit: CommitStrategy) -> ConsumerConfig {
    ConsumerConfig { group_protocol: GroupProtocol::Consumer, ..config(commit) }
}

fn member(commit: CommitStrategy) -> Harness {
    Harness::configured(&settings(commit), |_| false)
}

/// The next heartbeat tells of another share.
fn move_to(h: &mut Harness, epoch: i32, share: &[TopicPartition]) {
    h.member_epoch = epoch;
    h.share = share.to_vec();
    h.fire(Timer::Heartbeat);
}

fn epochs(h: &Harness) -> Vec<i32> {
    h.beats.iter().map(|beat| beat.epoch.0).collect()
}

fn is_commit(request: &Request) -> bool {
    matches!(request, Request::Group(GroupRequest::OffsetCommit(_)))
}

fn finish_batch(h: &mut Harness) {
    h.fire(Timer::Process);
    h.fire(Timer::Process);
}

#[test]
fn joins_with_epoch_0_and_acknowledges_what_it_gets() {
    let mut h = member(CommitStrategy::SyncAfterBatch);
    assert_eq!(epochs(&h), [0, 1], "R9.29");
    assert!(h.beats[0].is_full());
    assert_eq!(h.beats[0].owned.as_deref(), Some(&[][..]));
    assert_eq!(h.beats[1].owned.as_deref(), Some(&[P0][..]));
    assert_eq!((h.beats[1].topics.as_ref(), h.beats[1].rebalance_timeout), (None, None));
    assert_eq!(h.beats[0].member, h.beats[1].member);
    assert_eq!(h.timers[&Timer::Heartbeat], Delay::exactly(ackproof_types::Micros::from_secs(5)));
    assert_eq!(h.story(), ["assigned 1 in 1", "at 0 by Committed", "polled 0+2"]);
    h.beats.clear();
    h.fire(Timer::Heartbeat);
    assert_eq!(h.beats[0].owned, None, "nothing changed");
}

#[test]
fn heartbeats_go_on_while_the_application_is_busy_and_callbacks_wait_for_its_poll() {
    let mut h = member(CommitStrategy::SyncAfterBatch);
    h.story();
    move_to(&mut h, 1, &[]);
    h.fire(Timer::Heartbeat);
    assert!(h.story().is_empty(), "R9.35: it has not polled");
    assert_eq!(epochs(&h), [0, 1, 1, 1]);
    finish_batch(&mut h);
    let story =
        ["processed 0", "processed 1", "sent 2", "committed 2", "revoked 1", "assigned 0 in 1"];
    assert_eq!(h.story(), story);
    assert_eq!(h.beats[4].owned.as_deref(), Some(&[][..]));
}

/// `AbstractMembershipManager#maybeAbortReconciliation` does not look whether the target is still the same.
#[test]
fn what_it_takes_over_late_is_of_the_epoch_in_which_it_was_given() {
    let mut h = member(CommitStrategy::SyncAfterBatch);
    h.story();
    move_to(&mut h, 2, &[P0, P1]);
    move_to(&mut h, 3, &[P0]);
    finish_batch(&mut h);
    let story = h.story();
    assert!(story.iter().any(|told| told == "assigned 2 in 2"), "{story:?}");
    finish_batch(&mut h);
    let story = h.story();
    assert!(story.iter().any(|told| told == "revoked 1"), "{story:?}");
    assert!(story.iter().any(|told| told == "assigned 1 in 3"), "{story:?}");
}

#[test]
fn commits_before_it_gives_up_and_tries_again_until_its_time_is_over() {
    let mut h = member(CommitStrategy::Auto);
    finish_batch(&mut h);
    finish_batch(&mut h);
    h.story();
    h.commit = Err(ErrorCode::CoordinatorLoadInProgress);
    move_to(&mut h, 1, &[]);
    assert_eq!(h.story(), ["sent 4", "failed 4 COORDINATOR_LOAD_IN_PROGRESS false"]);
    h.commit = Err(ErrorCode::StaleMemberEpoch);
    h.fire(Timer::CommitBackoff);
    assert_eq!(h.story(), ["sent 4", "failed 4 STALE_MEMBER_EPOCH false"], "R8.17");
    h.fire(Timer::CommitDeadline);
    assert_eq!(h.story(), ["revoked 1", "assigned 0 in 1"]);
}

#[test]
fn the_commit_before_a_revocation_covers_nothing_that_is_not_processed() {
    let mut h = member(CommitStrategy::Auto);
    h.story();
    move_to(&mut h, 1, &[]);
    assert!(h.story().is_empty(), "R17.46: it waits for the poll");
    h.hold = is_commit;
    finish_batch(&mut h);
    assert_eq!(h.story(), ["processed 0", "processed 1", "sent 2"], "nothing more is returned");
    h.release();
    assert_eq!(h.story(), ["committed 2", "revoked 1", "assigned 0 in 1"]);
}

#[test]
fn what_it_keeps_goes_on_while_the_rest_is_given_up() {
    let mut h = member(CommitStrategy::Auto);
    move_to(&mut h, 2, &[P0, P1]);
    finish_batch(&mut h);
    h.story();
    h.hold = is_commit;
    move_to(&mut h, 2, &[P0]);
    finish_batch(&mut h);
    h.story();
    h.release();
    let story = h.story();
    assert!(story.contains(&"revoked 1".to_owned()), "{story:?}");
    assert!(!story.iter().any(|line| line.starts_with("at ")), "P0 keeps its position: {story:?}");
}

#[test]
fn who_is_fenced_loses_everything_at_its_next_poll_and_joins_again() {
    for error in [ErrorCode::FencedMemberEpoch, ErrorCode::UnknownMemberId] {
        let mut h = member(CommitStrategy::SyncAfterBatch);
        h.story();
        h.refusal = Some(error);
        h.fire(Timer::Heartbeat);
        h.refusal = None;
        h.commit = Err(ErrorCode::UnknownMemberId);
        assert_eq!(epochs(&h), [0, 1, 1], "R9.35: no word until its partitions are lost");
        finish_batch(&mut h);
        let story = h.story();
        assert_eq!(story[3..6], ["failed 2 UNKNOWN_MEMBER_ID false", "lost 1", "assigned 1 in 1"]);
        assert_eq!(epochs(&h), [0, 1, 1, 0, 1]);
        assert!(h.beats[3].is_full());
        assert_eq!(h.beats[3].member, h.beats[0].member, "it keeps its id");
    }
}

#[test]
fn a_poll_that_comes_too_late_finds_the_partitions_lost() {
    let mut h = member(CommitStrategy::SyncAfterBatch);
    h.story();
    h.fire(Timer::MaxPoll);
    assert_eq!(epochs(&h), [0, 1, -1], "R9.35");
    assert!(!h.timers.contains_key(&Timer::Heartbeat), "STALE: silent");
    assert_eq!(h.story(), ["overdue"]);
    finish_batch(&mut h);
    assert_eq!(h.story()[4..6], ["lost 1", "assigned 1 in 1"]);
    assert_eq!(epochs(&h), [0, 1, -1, 0, 1]);
}

#[test]
fn who_closes_commits_gives_up_and_says_whether_it_may_come_back() {
    for (group_instance_id, epoch) in
        [(None, MemberEpoch::LEAVE), (Some(0), MemberEpoch::LEAVE_STATIC)]
    {
        let config = ConsumerConfig { group_instance_id, ..settings(CommitStrategy::Auto) };
        let mut h = Harness::configured(&config, |_| false);
        h.step(Input::Call(ConsumerCall::Leave));
        h.story();
        finish_batch(&mut h);
        let story = ["processed 0", "processed 1", "sent 2", "committed 2", "revoked 1"];
        assert_eq!(h.story(), story, "R8.12");
        let last = h.beats.last().expect("it told");
        assert_eq!((last.epoch, last.instance), (epoch, group_instance_id), "R9.29");
        assert!(h.exited);
    }
}

#[test]
fn errors_that_pass_cost_a_back_off_and_the_next_request_is_full() {
    let mut h = member(CommitStrategy::SyncAfterBatch);
    h.beats.clear();
    h.refusal = Some(ErrorCode::CoordinatorLoadInProgress);
    for longest in [120, 240, 480] {
        h.fire(Timer::Heartbeat);
        assert_eq!(h.timers[&Timer::Heartbeat].max, ackproof_types::Micros::from_millis(longest));
    }
    h.refusal = None;
    h.fire(Timer::Heartbeat);
    assert!(!h.beats[0].is_full());
    assert!(h.beats[1].is_full());
    assert_eq!(h.timers[&Timer::Heartbeat].max, ackproof_types::Micros::from_secs(5));
}

#[test]
fn who_is_not_the_coordinator_any_more_is_looked_up_again() {
    for error in [ErrorCode::NotCoordinator, ErrorCode::CoordinatorNotAvailable] {
        let mut h = member(CommitStrategy::SyncAfterBatch);
        h.story();
        h.beats.clear();
        h.hold = |request| matches!(request, Request::FindCoordinator(_));
        h.refusal = Some(error);
        h.fire(Timer::Heartbeat);
        h.refusal = None;
        assert_eq!(h.requests, ["beat", "find"]);
        h.release();
        assert_eq!(h.requests, ["beat", "find", "beat"], "at once");
        assert_eq!(epochs(&h), [1, 1], "it is a member as before");
        assert!(h.beats[1].is_full());
    }
}

#[test]
fn other_errors_end_the_application_without_a_word_to_the_group() {
    for error in [
        ErrorCode::UnreleasedInstanceId,
        ErrorCode::FencedInstanceId,
        ErrorCode::UnsupportedAssignor,
        ErrorCode::UnsupportedVersion,
        ErrorCode::GroupIdNotFound,
    ] {
        let mut h = member(CommitStrategy::SyncAfterBatch);
        h.story();
        h.refusal = Some(error);
        h.fire(Timer::Heartbeat);
        finish_batch(&mut h);
        let story = h.story();
        assert!(story.contains(&"lost 1".to_owned()), "R9.26");
        let threw = story.iter().filter(|line| **line == format!("threw {error}")).count();
        assert_eq!(threw, 1, "{story:?}");
        assert_eq!(epochs(&h), [0, 1, 1]);
        assert!(h.exited, "{error}");
    }
}

#[test]
fn a_sync_commit_in_a_stale_epoch_is_not_sent_again() {
    let mut h = member(CommitStrategy::SyncAfterBatch);
    h.story();
    h.commit = Err(ErrorCode::StaleMemberEpoch);
    finish_batch(&mut h);
    let story = h.story();
    assert_eq!(story[2..5], ["sent 2", "failed 2 STALE_MEMBER_EPOCH false", "polled 2+2"], "R8.17");
}
