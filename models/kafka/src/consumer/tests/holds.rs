//! What an application stops to do for a while: `unsubscribe()` (R8.12) and `pause()` (R8.3, R8.4).

use super::harness::{P0, TOPIC};
use super::*;
use crate::variant::{Variant, Variants};
use ackproof_types::{Consuming, GroupProtocol, OnRevoke};

const P1: TopicPartition = TopicPartition { topic: TOPIC, partition: 1 };

fn member(protocol: GroupProtocol, commit: CommitStrategy) -> Harness {
    let mut h =
        Harness::configured(&ConsumerConfig { group_protocol: protocol, ..config(commit) }, |_| {
            false
        });
    h.story();
    h.requests.clear();
    h
}

fn hold(h: &mut Harness, hold: Hold, on: bool) {
    h.step(Input::Call(ConsumerCall::Hold(hold, on)));
}

fn finish_batch(h: &mut Harness) {
    h.fire(Timer::Process);
    h.fire(Timer::Process);
}

#[test]
fn who_unsubscribes_leaves_without_a_commit_and_joins_again_when_it_subscribes() {
    for (protocol, leave) in [(GroupProtocol::Classic, "leave"), (GroupProtocol::Consumer, "beat")]
    {
        let mut h = member(protocol, CommitStrategy::Auto);
        hold(&mut h, Hold::Subscription, true);
        assert!(h.story().is_empty(), "{protocol}: between two polls");
        finish_batch(&mut h);
        assert!(!h.requests.contains(&"commit") && h.requests.contains(&leave), "{protocol}");
        assert_eq!(h.story(), ["processed 0", "processed 1", "revoked 1"], "{protocol}");
        assert!(!h.timers.contains_key(&Timer::Heartbeat), "{protocol}: it is in no group");
        h.log_end += 2;
        if h.timers.contains_key(&Timer::MaxPoll) {
            h.fire(Timer::MaxPoll);
        }
        assert!(h.requests.is_empty() && h.story().is_empty(), "{protocol}: {:?}", h.requests);
        hold(&mut h, Hold::Subscription, false);
        assert_eq!(h.story()[1..], ["at 0 by Committed", "polled 0+2"], "{protocol}");
    }
}

#[test]
fn a_rebalance_listener_commits_before_the_group_is_left() {
    for protocol in [GroupProtocol::Classic, GroupProtocol::Consumer] {
        let mut settings = config(CommitStrategy::SyncAfterBatch);
        settings.group_protocol = protocol;
        settings.application.consuming = Consuming {
            on_revoke: OnRevoke::Commit,
            commit_every: Some(ackproof_types::CommitEvery::Records(100)),
            ..Consuming::default()
        };
        let mut h = Harness::configured(&settings, |_| false);
        h.story();
        hold(&mut h, Hold::Subscription, true);
        finish_batch(&mut h);
        let told = ["processed 0", "processed 1", "sent 2", "committed 2", "revoked 1"];
        assert_eq!(h.story(), told, "{protocol}");
    }
}

#[test]
fn a_member_that_is_put_out_loses_what_it_has_when_it_unsubscribes() {
    let mut h = member(GroupProtocol::Consumer, CommitStrategy::Auto);
    h.refusal = Some(ErrorCode::UnknownMemberId);
    h.fire(Timer::Heartbeat);
    h.refusal = None;
    hold(&mut h, Hold::Subscription, true);
    finish_batch(&mut h);
    assert_eq!(h.story()[2..], ["lost 1"]);
}

#[test]
fn paused_partitions_keep_what_is_buffered_and_are_not_fetched() {
    let mut h = member(GroupProtocol::Classic, CommitStrategy::SyncAfterBatch);
    hold(&mut h, Hold::Partitions, true);
    finish_batch(&mut h);
    assert_eq!(h.story(), ["processed 0", "processed 1", "sent 2", "committed 2"]);
    assert!(h.timers.contains_key(&Timer::MaxPoll), "it polls on");
    hold(&mut h, Hold::Partitions, false);
    assert_eq!(h.story(), ["polled 2+2"], "what was buffered");
}

#[test]
fn a_paused_partition_gets_its_position_and_is_not_fetched() {
    let is_look_up = |one: &Request| matches!(one, Request::Group(GroupRequest::OffsetFetch(..)));
    let mut h = Harness::held(CommitStrategy::SyncAfterBatch, is_look_up);
    hold(&mut h, Hold::Partitions, true);
    h.release();
    assert!(!h.requests.contains(&"fetch"), "{:?}", h.requests);
    assert_eq!(h.story(), ["assigned 1 in 1", "at 0 by Committed"]);
    hold(&mut h, Hold::Partitions, false);
    assert!(h.requests.contains(&"fetch"));
    assert_eq!(h.story(), ["polled 0+2"]);
}

/// A member of a consumer group keeps a paused partition and is given another one: where the paused one goes on.
fn kept_through_a_rebalance(variants: Variants) -> Vec<String> {
    let settings = ConsumerConfig {
        group_protocol: GroupProtocol::Consumer,
        variants,
        ..config(CommitStrategy::Auto)
    };
    let mut h = Harness::configured(&settings, |_| false);
    hold(&mut h, Hold::Partitions, true);
    finish_batch(&mut h);
    h.story();
    h.member_epoch = 2;
    h.share = vec![P0, P1];
    h.fire(Timer::Heartbeat);
    h.story()
}

#[test]
fn a_paused_partition_that_is_kept_stays_where_it_is() {
    let fine = kept_through_a_rebalance(Variants::default());
    assert_eq!(fine.iter().filter(|one| one.starts_with("at ")).count(), 1, "{fine:?}");
    let bug = kept_through_a_rebalance([Variant::PausedRewinds].into_iter().collect());
    assert_eq!(bug.iter().filter(|one| *one == "at 0 by Committed").count(), 2, "{bug:?}");
}
