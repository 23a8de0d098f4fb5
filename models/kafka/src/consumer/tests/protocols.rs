//! Cooperative and static members, driven by hand through `harness`.

use super::harness::{Harness, config};
use crate::assignor::Assignor;
use crate::config::ConsumerConfig;
use crate::consumer::{ConsumerCall, Timer};
use crate::machine::Input;
use crate::message::{GroupRequest, JoinGroupRequest, Request};
use ackproof_types::{CommitStrategy, ErrorCode, RebalanceReason};

fn cooperative(commit: CommitStrategy) -> ConsumerConfig {
    let partition_assignment_strategy = [Assignor::CooperativeSticky].into();
    ConsumerConfig { partition_assignment_strategy, ..config(commit) }
}

fn is_join(request: &Request) -> bool {
    matches!(request, Request::Group(GroupRequest::JoinGroup(_)))
}

fn rebalance(h: &mut Harness) {
    h.heartbeat = Err(ErrorCode::RebalanceInProgress);
    h.fire(Timer::Heartbeat);
}

/// The JoinGroup that is held.
fn held_join(h: &Harness) -> &JoinGroupRequest {
    let mut joins = h.held.iter().rev().filter_map(|(_, _, request)| match request {
        Request::Group(GroupRequest::JoinGroup(join)) => Some(join),
        _ => None,
    });
    joins.next().expect("a join is under way")
}

#[test]
fn a_cooperative_member_reads_on_while_the_group_rebalances() {
    let mut h = Harness::configured(&cooperative(CommitStrategy::SyncAfterBatch), |_| false);
    h.story();
    rebalance(&mut h);
    h.hold = is_join;
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    let story = h.story();
    assert_eq!(story, ["processed 0", "processed 1", "sent 2", "committed 2", "polled 2+2"]);
    assert_eq!(held_join(&h).metadata.owned.len(), 1, "it still owns its partition");
    h.fire(Timer::Process);
    h.release();
    h.fire(Timer::Process);
    // R8.16: with an answer that came in time the commit belongs to the new generation.
    let story = h.story();
    assert!(!story.iter().any(|line| line.starts_with("revoked")), "{story:?}");
    assert!(story.contains(&"sent 4".to_owned()), "its assignment has come: {story:?}");
    assert!(
        !story.iter().any(|line| line.starts_with("at ")),
        "no position is looked up: {story:?}"
    );
    assert!(story.contains(&"assigned 1 in 2".to_owned()), "{story:?}");
}

#[test]
fn what_a_cooperative_member_loses_it_gives_up_and_joins_again() {
    let mut h = Harness::configured(&cooperative(CommitStrategy::SyncAfterBatch), |_| false);
    h.story();
    rebalance(&mut h);
    h.withheld = true;
    // Two records before it joins, and two that it reads while it does.
    for _ in 0..4 {
        h.fire(Timer::Process);
    }
    let story = h.story();
    let at = |line: &str| story.iter().position(|other| other == line);
    let (revoked, assigned) = (at("revoked 1"), at("assigned 0 in 2"));
    assert!(revoked.is_some() && revoked < assigned, "{story:?}");
    assert!(at("assigned 0 in 3").is_some(), "the rebalance that follows (R9.25): {story:?}");
}

#[test]
fn it_says_why_it_joins_again() {
    let mut h = Harness::configured(&cooperative(CommitStrategy::SyncAfterBatch), |_| false);
    rebalance(&mut h);
    h.withheld = true;
    h.hold = is_join;
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(held_join(&h).reason, RebalanceReason::Joined);
    h.answer_held();
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(held_join(&h).reason, RebalanceReason::Revoked);
    assert_eq!(held_join(&h).metadata.owned.len(), 0);
}

#[test]
fn a_cooperative_member_commits_before_it_joins_and_polls_meanwhile() {
    let mut h = Harness::configured(&cooperative(CommitStrategy::Auto), |_| false);
    h.story();
    rebalance(&mut h);
    h.hold = |request| matches!(request, Request::Group(GroupRequest::OffsetCommit(_)));
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0", "processed 1", "sent 2", "polled 2+2"]);
    h.hold = is_join;
    h.answer_held();
    assert_eq!(h.story(), ["committed 2"]);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(held_join(&h).metadata.owned.len(), 1);
    assert!(!h.story().iter().any(|line| line.starts_with("revoked")));
}

/// The documentation of `commitSync`, of `RebalanceInProgressException`.
#[test]
fn a_commit_that_the_rebalance_refused_is_made_after_it() {
    let mut h = Harness::configured(&cooperative(CommitStrategy::SyncAfterBatch), |_| false);
    h.story();
    rebalance(&mut h);
    h.hold = is_join;
    for _ in 0..4 {
        h.fire(Timer::Process);
    }
    let story = h.story();
    assert_eq!(
        story.last().map(String::as_str),
        Some("refused REBALANCE_IN_PROGRESS"),
        "{story:?}"
    );
    h.release();
    assert_eq!(h.story(), ["assigned 1 in 2", "sent 4", "committed 4"]);
}

#[test]
fn a_static_member_leaves_without_a_word() {
    for (group_instance_id, told) in [(None, true), (Some(0), false)] {
        let mut h = Harness::configured(
            &ConsumerConfig { group_instance_id, ..config(CommitStrategy::SyncAfterBatch) },
            |_| false,
        );
        h.story();
        h.step(Input::Call(ConsumerCall::Leave));
        h.fire(Timer::Process);
        h.fire(Timer::Process);
        assert_eq!(h.requests.contains(&"leave"), told, "{:?}", h.requests);
        assert!(h.exited);
        assert!(h.story().contains(&"revoked 1".to_owned()));
    }
}

#[test]
fn a_fenced_static_member_ends() {
    let fixed =
        ConsumerConfig { group_instance_id: Some(0), ..config(CommitStrategy::SyncAfterBatch) };
    let mut h = Harness::configured(&fixed, |_| false);
    h.heartbeat = Err(ErrorCode::FencedInstanceId);
    h.fire(Timer::Heartbeat);
    assert!(!h.exited, "the application is at work, and hears of it at its next poll");
    h.commit = Err(ErrorCode::FencedInstanceId);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert!(h.exited);
    assert!(!h.requests.contains(&"leave"), "{:?}", h.requests);
}
