//! What applications do with their consumer beside a loop that commits after each poll: rarely, in the
//! background, too much or too little, with workers, and after failures.

use super::super::*;
use super::harness::{Harness, batch, config};
use crate::machine::{ConnectionId, Peer};
use crate::message::GroupRequest;
use ackproof_types::{
    CommitEvery, CommitOffset, CommitStrategy, Consuming, Covers, Micros, OnCommitFailure,
    OnRecordFailure, OnRevoke,
};

fn with(commit: CommitStrategy, consuming: Consuming) -> Harness {
    let mut settings = config(commit);
    settings.application.consuming = consuming;
    let mut h = Harness::configured(&settings, |_| false);
    h.story();
    h
}

/// A loop to which the record at offset 1 always fails.
fn failing(commit: CommitStrategy, on_failure: OnRecordFailure) -> Harness {
    let mut settings = config(commit);
    settings.application.fails = [batch(0, 4).records()[1].id].into();
    let backoff = Micros::from_millis(50).into();
    settings.application.attempts = 2;
    settings.application.consuming = Consuming { on_failure, backoff, ..Consuming::default() };
    let mut h = Harness::configured(&settings, |_| false);
    h.story();
    h.fire(Timer::Process);
    assert_eq!(h.timers[&Timer::Process].max, Micros::from_millis(1));
    h.fire(Timer::Process);
    assert_eq!(
        h.timers[&Timer::Process].max,
        Micros::from_millis(51),
        "the pause, and the attempt"
    );
    h.fire(Timer::Process);
    h
}

fn rebalance(h: &mut Harness) {
    h.heartbeat = Err(ErrorCode::RebalanceInProgress);
    h.fire(Timer::Heartbeat);
    h.hold = |r| matches!(r, Request::Group(GroupRequest::JoinGroup(_)));
}

const NOTHING: [&str; 0] = [];

#[test]
fn an_application_that_never_commits() {
    let mut h = with(CommitStrategy::Never, Consuming::default());
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    rebalance(&mut h);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    let story =
        ["processed 0", "processed 1", "polled 2+2", "processed 2", "processed 3", "revoked 1"];
    assert_eq!(h.story(), story);
}

#[test]
fn a_client_commits_in_the_background_what_it_handed_out() {
    let mut h = with(CommitStrategy::AutoInBackground, Consuming::default());
    h.fire(Timer::AutoCommit);
    assert_eq!(h.story(), ["sent 2", "committed 2"], "nothing of it is processed");
    h.hold = |r| matches!(r, Request::FindCoordinator(_));
    h.cut_coordinator();
    h.fire(Timer::AutoCommit);
    assert_eq!(h.story(), NOTHING);
    h.reconnect();
    h.release();
    assert_eq!(h.story(), ["sent 2", "committed 2"], "once it can, without a poll");
}

#[test]
fn an_application_commits_every_so_many_records() {
    let commit_every = Some(CommitEvery::Records(3));
    let consuming = Consuming { commit_every, ..Consuming::default() };
    for commit in [CommitStrategy::SyncAfterBatch, CommitStrategy::AsyncAfterBatch] {
        let mut h = with(commit, consuming);
        h.fire(Timer::Process);
        h.fire(Timer::Process);
        assert_eq!(h.story(), ["processed 0", "processed 1", "polled 2+2"]);
        h.fire(Timer::Process);
        h.fire(Timer::Process);
        let story = ["processed 2", "sent 3", "committed 3", "processed 3"];
        assert_eq!(h.story(), story, "{commit}: in the middle of a poll, of what is done");
    }
}

#[test]
fn an_application_commits_every_so_often() {
    let commit_every = Some(CommitEvery::Time(Micros::from_secs(1)));
    let consuming = Consuming { commit_every, ..Consuming::default() };
    let mut h = with(CommitStrategy::SyncAfterBatch, consuming);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0", "processed 1", "polled 2+2"]);
    h.fire(Timer::CommitEvery);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 2"], "it looks at the clock after a poll");
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 3", "sent 4", "committed 4"]);
    h.fire(Timer::CommitEvery);
    assert_eq!(h.story(), NOTHING, "nothing is new");
}

/// F37.
#[test]
fn an_application_commits_another_offset_than_the_next() {
    for (commit_offset, sent) in [(CommitOffset::Last, 1), (CommitOffset::Beyond, 3)] {
        let consuming = Consuming { commit_offset, ..Consuming::default() };
        let mut h = with(CommitStrategy::SyncAfterBatch, consuming);
        h.fire(Timer::Process);
        h.fire(Timer::Process);
        assert_eq!(h.story()[2], format!("sent {sent}"));
        let mut h = with(CommitStrategy::SyncPerRecord, consuming);
        h.fire(Timer::Process);
        assert_eq!(h.story()[1], format!("sent {}", sent - 1));
    }
}

/// F25.
#[test]
fn a_callback_that_sends_a_commit_again_takes_a_newer_one_back() {
    let commits = |on_commit_failure| {
        let consuming = Consuming { on_commit_failure, ..Consuming::default() };
        let mut h = with(CommitStrategy::AsyncAfterBatch, consuming);
        h.hold = |r| matches!(r, Request::Group(GroupRequest::OffsetCommit(_)));
        for _ in 0..4 {
            h.fire(Timer::Process);
        }
        assert_eq!(h.held.len(), 2, "both are under way");
        h.story();
        h.commit = Err(ErrorCode::CoordinatorLoadInProgress);
        h.answer_held();
        h.commit = Ok(());
        h.release();
        h.story()
    };
    let failed = "failed 2 COORDINATOR_LOAD_IN_PROGRESS false";
    assert_eq!(commits(OnCommitFailure::Ignore), [failed, "committed 4"]);
    let story = commits(OnCommitFailure::SendAgain);
    assert_eq!(story, [failed, "sent 2", "committed 4", "committed 2"]);
}

/// Callbacks run in `poll` and in `commitAsync`: what is called there comes after them.
#[test]
fn a_callback_goes_before_the_next_commit() {
    let on_commit_failure = OnCommitFailure::SendAgain;
    let consuming = Consuming { on_commit_failure, ..Consuming::default() };
    let mut h = with(CommitStrategy::AsyncAfterBatch, consuming);
    h.hold = |r| matches!(r, Request::Group(GroupRequest::OffsetCommit(_)));
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    h.commit = Err(ErrorCode::CoordinatorLoadInProgress);
    h.answer_held();
    h.commit = Ok(());
    h.story();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 2", "processed 3", "sent 2", "sent 4"]);
}

fn two_workers(covers: Covers) -> Harness {
    let workers = Some(2);
    let mut settings = config(CommitStrategy::SyncAfterBatch);
    settings.application.consuming = Consuming { workers, covers, ..Consuming::default() };
    Harness::configured(&settings, |_| false)
}

#[test]
fn workers_finish_out_of_order_and_a_commit_covers_what_it_is_told_to() {
    let mut h = two_workers(Covers::Positions);
    let story = h.story();
    assert_eq!(story[2..6], ["polled 0+2", "sent 2", "committed 2", "polled 2+2"], "F22");
    // Records without a key go round: the second worker has those at 1 and 3.
    let commits = |covers| {
        let mut h = two_workers(covers);
        assert_eq!(h.story()[2..], ["polled 0+2", "polled 2+2"], "nothing is done");
        h.fire(Timer::Work(1));
        h.fire(Timer::CommitEvery);
        h.fire(Timer::Work(0));
        h.fire(Timer::CommitEvery);
        h.story()
    };
    let (first, second) = ("processed 1", "processed 0");
    let highest = [first, "sent 2", "committed 2", second];
    assert_eq!(commits(Covers::HighestDone), highest, "F24: 0 is in hand");
    assert_eq!(commits(Covers::Contiguous), [first, second, "sent 2", "committed 2"]);
}

#[test]
fn a_worker_that_fails_reaches_nobody() {
    let mut settings = config(CommitStrategy::Never);
    settings.application.fails = [batch(0, 4).records()[1].id].into();
    let (workers, on_failure) = (Some(2), OnRecordFailure::Skip);
    settings.application.consuming = Consuming { workers, on_failure, ..Consuming::default() };
    let mut h = Harness::configured(&settings, |_| false);
    h.story();
    h.fire(Timer::Work(1));
    assert_eq!(h.story(), ["gave up 1"]);
    h.step(Input::Call(ConsumerCall::Leave));
    for worker in [0, 0, 1] {
        assert!(!h.exited, "its workers come first");
        h.fire(Timer::Work(worker));
    }
    assert!(h.exited);
}

/// F28.
#[test]
fn a_rebalance_listener_commits_what_is_done() {
    let story = |on_revoke| {
        let commit_every = Some(CommitEvery::Records(100));
        let consuming = Consuming { commit_every, on_revoke, ..Consuming::default() };
        let mut h = with(CommitStrategy::SyncAfterBatch, consuming);
        rebalance(&mut h);
        h.fire(Timer::Process);
        h.fire(Timer::Process);
        h.story()
    };
    assert_eq!(story(OnRevoke::Nothing)[2..], ["revoked 1"]);
    assert_eq!(story(OnRevoke::Commit)[2..], ["sent 2", "committed 2", "revoked 1"]);
    let consuming = Consuming { on_revoke: OnRevoke::Commit, ..Consuming::default() };
    let mut h = with(CommitStrategy::Never, consuming);
    h.step(Input::Call(ConsumerCall::Leave));
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story()[2..], ["sent 2", "committed 2", "revoked 1"], "close revokes");
}

#[test]
fn what_no_worker_has_begun_is_dropped_by_a_listener() {
    let mut settings = config(CommitStrategy::SyncAfterBatch);
    let (workers, covers, on_revoke) = (Some(1), Covers::Contiguous, OnRevoke::Commit);
    settings.application.consuming =
        Consuming { workers, covers, on_revoke, ..Consuming::default() };
    let mut h = Harness::configured(&settings, |_| false);
    h.story();
    h.fire(Timer::Work(0));
    h.hold = |r| matches!(r, Request::Group(GroupRequest::JoinGroup(_)));
    rebalance(&mut h);
    assert_eq!(h.story(), ["processed 0", "sent 1", "committed 1", "revoked 1"]);
    h.fire(Timer::Work(0));
    assert_eq!(h.story(), ["processed 1"], "it was at work");
    assert!(!h.timers.contains_key(&Timer::Work(0)), "2 and 3 are gone");
}

/// F29. Of a partition that is lost, workers that finish late move the highest one on, and no gapless one.
#[test]
fn an_application_that_keeps_its_offsets_commits_what_it_has_lost() {
    let noted = |workers, covers| {
        let mut settings = config(CommitStrategy::SyncAfterBatch);
        let commit_every = Some(CommitEvery::Records(100));
        let on_revoke = OnRevoke::KeepOffsets;
        settings.application.consuming =
            Consuming { workers, covers, on_revoke, commit_every, ..Consuming::default() };
        let mut h = Harness::configured(&settings, |_| false);
        let work = if workers.is_some() { Timer::Work(0) } else { Timer::Process };
        h.fire(work);
        let before = h.process.machine_mut().to_commit();
        h.hold = |r| matches!(r, Request::Group(GroupRequest::JoinGroup(_)));
        rebalance(&mut h);
        h.fire(work);
        assert!(h.story().contains(&"revoked 1".to_owned()), "{workers:?}");
        let offset = |all: Vec<(_, crate::message::CommittedOffset)>| {
            all.iter().map(|one| one.1.offset.0).collect()
        };
        let both: [Vec<i64>; 2] = [offset(before), offset(h.process.machine_mut().to_commit())];
        both
    };
    assert_eq!(noted(None, Covers::Positions), [[1], [2]]);
    assert_eq!(noted(Some(1), Covers::HighestDone), [[1], [2]]);
    assert_eq!(noted(Some(1), Covers::Contiguous), [[1], [1]]);
}

#[test]
fn what_follows_a_record_that_fails() {
    let after = |on_failure| failing(CommitStrategy::SyncAfterBatch, on_failure).story();
    assert_eq!(after(OnRecordFailure::DeadLetter)[..2], ["processed 0", "dead 1"]);
    let skipped = ["processed 0", "gave up 1", "sent 2", "committed 2", "polled 2+2"];
    assert_eq!(after(OnRecordFailure::Skip), skipped);
    assert_eq!(after(OnRecordFailure::DropPoll), ["processed 0", "gave up 1", "polled 2+2"]);
    let sought = ["processed 0", "at 1 by Sought", "polled 1+2"];
    assert_eq!(after(OnRecordFailure::SeekBack), sought, "what was done is not done again");
    assert_eq!(after(OnRecordFailure::Throw), ["processed 0", "revoked 1"]);
}

/// F21.
#[test]
fn a_close_after_an_exception_commits_the_whole_poll() {
    let mut h = failing(CommitStrategy::Auto, OnRecordFailure::Throw);
    assert_eq!(h.story(), ["processed 0", "sent 2", "committed 2", "revoked 1"]);
    assert!(h.exited);
}

/// R8.15: `commitAsync` fails with the lookup that it waits for, and its callback hears of it.
#[test]
fn commit_async_without_a_coordinator_fails_and_says_so() {
    let mut h = Harness::new(CommitStrategy::AsyncAfterBatch);
    h.hold = |r| matches!(r, Request::FindCoordinator(_));
    h.cut_coordinator();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    h.story();
    let (route, id, _) = h.held.remove(0);
    let lookup = Response::FindCoordinator(Err(ErrorCode::CoordinatorNotAvailable));
    let from = Peer { connection: ConnectionId(1), route };
    h.step(Input::Deliver { from, message: Message::Response(id, lookup) });
    assert_eq!(h.story(), ["failed 2 COORDINATOR_NOT_AVAILABLE false"]);
}
