//! What is written, lost and read again (R9.3, R9.4, R9.6).

use super::super::driver::{Driver, GROUP};
use super::member::{Member, REBALANCE_TIMEOUT, coordinator, pair, settle};
use crate::group::GroupTimer;
use crate::message::{ConsumerGroupHeartbeatRequest, GroupRequest, GroupResponse};
use ackproof_types::{ErrorCode, KafkaVersion, MemberEpoch, Micros};

fn request(of: ConsumerGroupHeartbeatRequest) -> GroupRequest {
    GroupRequest::ConsumerGroupHeartbeat(of)
}

#[test]
fn an_answer_waits_until_what_it_tells_is_replicated() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    driver.replicates = false;
    let first = Member::new(1);
    assert!(driver.ask(&request(first.full())).is_empty(), "R9.3");
    let known = Member { epoch: MemberEpoch(1), ..first };
    assert!(driver.ask(&request(known.sign())).is_empty(), "R9.5: nothing new, but not replicated");
    assert_eq!(driver.replicate().len(), 2);
    assert!(driver.pulse(known.sign()).is_ok(), "at once");
}

#[test]
fn what_is_not_replicated_in_time_may_still_count() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    driver.replicates = false;
    let first = Member::new(1);
    assert!(driver.ask(&request(first.full())).is_empty());
    let held = driver.timers.keys().find(|it| matches!(it, GroupTimer::Operation(..))).copied();
    let answers = driver.fire(held.unwrap());
    assert_eq!(super::super::error(&answers), ErrorCode::CoordinatorNotAvailable, "R9.4");
    driver.replicate();
    let again = driver.pulse(first.full()).unwrap();
    assert_eq!(again.epoch, MemberEpoch(1), "R9.30: epoch 0 was the one before");
    assert_eq!(again.assignment.map(|all| all.len()), Some(4));
}

/// What the group is, and what a later coordinator reads.
fn state(driver: &Driver) -> String {
    format!("{:?}", driver.coordinator.store(GROUP))
}

#[test]
fn what_cannot_be_written_is_taken_back() {
    let (mut driver, first, second) = pair(KafkaVersion::V4_0);
    let third = Member::fixed(3, 7).joined(&mut driver);
    driver.pulse(third.leaves(MemberEpoch::LEAVE_STATIC)).unwrap();
    let other_topics = Member { topics: [ackproof_types::TopicId(2)].into(), ..second };
    let before = state(&driver);
    for step in [
        Member::new(9).full(),
        Member::fixed(9, 7).full(),
        first.owns(),
        other_topics.full(),
        first.leaves(MemberEpoch::LEAVE),
        third.leaves(MemberEpoch::LEAVE),
    ] {
        driver.refuses = Some(ErrorCode::NotEnoughReplicas);
        let failed = driver.pulse(step.clone());
        assert_eq!(failed, Err(ErrorCode::CoordinatorNotAvailable), "R9.8: {step:?}");
        assert_eq!(state(&driver), before, "R9.4: {step:?}");
    }
    driver.refuses = None;
    assert!(driver.pulse(first.owns()).is_ok());
}

#[test]
fn a_group_that_cannot_be_written_never_was() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    driver.refuses = Some(ErrorCode::NotLeaderOrFollower);
    let failed = driver.pulse(Member::new(1).full());
    assert_eq!(failed, Err(ErrorCode::NotCoordinator));
    assert!(driver.coordinator.consumer_group(GROUP).is_none());
}

#[test]
fn a_removal_that_cannot_be_written_is_tried_again() {
    let (mut driver, first, mut second) = pair(KafkaVersion::V4_0);
    driver.refuses = Some(ErrorCode::NotEnoughReplicas);
    let session = GroupTimer::Session(GROUP, first.id);
    driver.fire(session);
    assert_eq!(driver.timers.get(&session), Some(&Micros::from_millis(500)));
    driver.refuses = None;
    driver.fire(session);
    second.beats(&mut driver);
    assert_eq!(second.owned.len(), 4);
}

#[test]
fn a_later_coordinator_knows_what_the_one_before_knew() {
    for version in [KafkaVersion::V4_0, KafkaVersion::V4_3] {
        let (mut driver, mut first, mut second) = pair(version);
        let third = Member::fixed(3, 7).joined(&mut driver);
        driver.commit(third.claim(), 5);
        if version == KafkaVersion::V4_3 {
            driver.fire(GroupTimer::Assignment(GROUP));
        }
        // One is about to give up a partition.
        let told = [driver.pulse(first.owns()).unwrap(), driver.pulse(second.owns()).unwrap()];
        driver.pulse(third.leaves(MemberEpoch::LEAVE_STATIC)).unwrap();
        let before = driver.coordinator.consumer_group(GROUP).unwrap().clone();
        driver.fail_over();
        let loading = driver.pulse(first.owns());
        assert_eq!(loading, Err(ErrorCode::CoordinatorLoadInProgress), "R9.6");
        driver.fire(GroupTimer::Load(0));
        let mut after = driver.coordinator.consumer_group(GROUP).unwrap().clone();
        after.rest_like(&before);
        assert_eq!(after, before, "R9.6");
        assert_eq!(driver.committed(), Some(5));
        for id in [first.id, second.id, third.id] {
            let session = driver.timers.get(&GroupTimer::Session(GROUP, id));
            assert_eq!(session, Some(&Micros::from_secs(45)));
        }
        let rebalances: Vec<_> = driver
            .timers
            .iter()
            .filter(|(it, _)| matches!(it, GroupTimer::Rebalance(..)))
            .collect();
        assert!(matches!(rebalances[..], [(_, &REBALANCE_TIMEOUT)]), "R9.32: {rebalances:?}");
        first.hear(&Ok(told[0].clone()));
        second.hear(&Ok(told[1].clone()));
        let mut back = Member::fixed(4, 7).joined(&mut driver);
        settle(&mut driver, &mut [&mut first, &mut second, &mut back]);
        assert_eq!(first.owned.len() + second.owned.len() + back.owned.len(), 4);
    }
}

#[test]
fn who_leads_no_more_tells_all_who_wait() {
    let (mut driver, first, _) = pair(KafkaVersion::V4_3);
    driver.pulse(first.owns()).unwrap();
    driver.replicates = false;
    driver.send(&request(Member::new(9).full()));
    driver.send(&request(first.sign()));
    let answers = driver.resign();
    let told = |answer: &GroupResponse| {
        *answer == GroupResponse::ConsumerGroupHeartbeat(Err(ErrorCode::NotCoordinator))
    };
    assert!(answers.len() == 2 && answers.iter().all(told), "R9.4: {answers:?}");
    assert!(driver.timers.is_empty(), "{:?}", driver.timers);
    assert_eq!(driver.pulse(first.sign()), Err(ErrorCode::NotCoordinator));
}
