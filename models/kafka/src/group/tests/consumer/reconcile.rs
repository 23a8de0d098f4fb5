//! Who gets what, and when (R9.31–R9.34, R17.59).

use super::super::driver::{GROUP, PARTITIONS, at};
use super::member::{Member, REBALANCE_TIMEOUT, coordinator, pair, settle};
use crate::group::GroupTimer;
use crate::observation::Observation;
use ackproof_types::{ErrorCode, KafkaVersion, MemberEpoch, TopicId, TopicPartition};

#[test]
fn a_newcomer_waits_until_others_have_given_up_its_share() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let mut first = Member::new(1).joined(&mut driver);
    let mut second = Member::new(2).joined(&mut driver);
    assert_eq!((second.epoch, second.owned.len()), (MemberEpoch(2), 0), "R9.33");
    let told = driver.pulse(first.owns()).unwrap();
    assert_eq!(told.epoch, MemberEpoch(1), "R9.32: in its old epoch");
    assert_eq!(told.assignment.as_ref().map(|kept| kept.len()), Some(2));
    let rebalance = GroupTimer::Rebalance(GROUP, first.id);
    assert_eq!(driver.timers.get(&rebalance), Some(&REBALANCE_TIMEOUT));
    for request in [first.owns(), first.sign()] {
        let still = driver.pulse(request).unwrap();
        assert_eq!((still.epoch, still.assignment), (MemberEpoch(1), None), "not given up yet");
        second.beats(&mut driver);
        assert_eq!(second.owned.len(), 0);
    }
    first.hear(&Ok(told));
    first.beats(&mut driver);
    assert_eq!(first.epoch, MemberEpoch(2));
    assert!(!driver.timers.contains_key(&rebalance));
    let (mine, epoch) = (first.owned.clone(), second.epoch);
    second.beats(&mut driver);
    assert_eq!((second.owned.len(), second.epoch), (2, epoch), "what was set free");
    let is_release = |fact: &&Observation| matches!(fact, Observation::PartitionsReleased { .. });
    let released: Vec<&Observation> = driver.seen.iter().filter(is_release).collect();
    let told = Observation::PartitionsReleased {
        group: GROUP,
        member: first.id,
        generation: MemberEpoch(2).into(),
        partitions: second.owned.iter().copied().collect(),
    };
    assert_eq!(released, [&told], "R9.33");
    assert!(mine.iter().all(|one| !second.owned.contains(one)));
}

#[test]
fn who_gives_nothing_up_in_time_is_removed() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let first = Member::new(1).joined(&mut driver);
    let mut second = Member::new(2).joined(&mut driver);
    driver.pulse(first.owns()).unwrap();
    driver.fire(GroupTimer::Rebalance(GROUP, first.id));
    assert_eq!(driver.pulse(first.owns()), Err(ErrorCode::UnknownMemberId), "R9.32, R9.33");
    second.beats(&mut driver);
    assert_eq!(second.owned.len(), usize::from(PARTITIONS), "it may still be processing");
    assert!(!driver.timers.contains_key(&GroupTimer::Session(GROUP, first.id)));
}

#[test]
fn nothing_holds_up_the_others() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let mut first = Member::new(1).joined(&mut driver);
    let mut second = Member::new(2).joined(&mut driver);
    settle(&mut driver, &mut [&mut first, &mut second]);
    let mut third = Member::new(3).joined(&mut driver);
    // The first one gives nothing up.
    driver.pulse(first.owns()).unwrap();
    settle(&mut driver, &mut [&mut second, &mut third]);
    assert_eq!(second.epoch, MemberEpoch(3), "R9.34");
    assert_eq!(third.epoch, MemberEpoch(3));
    let shares = second.owned.len() + third.owned.len();
    assert!(shares >= 2, "{shares}");
}

#[test]
fn what_is_to_be_given_up_may_change_meanwhile() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let mut first = Member::new(1).joined(&mut driver);
    let second = Member::new(2).joined(&mut driver);
    let told = driver.pulse(first.owns()).unwrap();
    driver.pulse(second.leaves(MemberEpoch::LEAVE)).unwrap();
    let late = driver.pulse(first.owns()).unwrap();
    assert_eq!(late.epoch, MemberEpoch(1), "R9.32: first it gives up what it was told to");
    first.hear(&Ok(told));
    first.beats(&mut driver);
    assert_eq!(first.epoch, MemberEpoch(3));
    first.beats(&mut driver);
    assert_eq!(first.owned.len(), usize::from(PARTITIONS), "and then gets it back");
}

/// Giving up in two steps is two epochs.
#[test]
fn more_to_give_up_is_an_epoch_further() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let mut first = Member::new(1).joined(&mut driver);
    let _second = Member::new(2).joined(&mut driver);
    first.beats(&mut driver);
    assert_eq!((first.epoch, first.owned.len()), (MemberEpoch(1), 2));
    for id in [3, 4] {
        Member::new(id).joined(&mut driver);
    }
    let told = driver.pulse(first.owns()).unwrap();
    assert_eq!((told.epoch, told.assignment.map(|kept| kept.len())), (MemberEpoch(2), Some(1)));
}

#[test]
fn another_subscription_is_another_target() {
    let (mut driver, mut first, mut second) = pair(KafkaVersion::V4_0);
    let before = second.epoch;
    second.topics = [TopicId(2)].into();
    second.hear(&driver.pulse(second.full()));
    assert_eq!((second.epoch, second.owned.len()), (before, 0), "R9.31, R9.32");
    settle(&mut driver, &mut [&mut first, &mut second]);
    assert_eq!(second.epoch, before.next());
    assert!(second.owned.iter().all(|one| one.topic == TopicId(2)));
    assert_eq!((first.owned.len(), second.owned.len()), (4, 4));
    let unchanged = driver.pulse(second.full()).unwrap();
    assert_eq!(unchanged.epoch, second.epoch, "the same again changes nothing");
}

/// R9.31: partitions that a topic gets are shared out with the next heartbeat, once.
#[test]
fn a_topic_that_grows_is_another_target() {
    let (mut driver, mut first, mut second) = pair(KafkaVersion::V4_0);
    let (before, new) = (second.epoch, TopicPartition::new(TopicId(1), PARTITIONS));
    driver.coordinator.partition_exists(TopicPartition::new(TopicId(2), PARTITIONS));
    settle(&mut driver, &mut [&mut first, &mut second]);
    assert_eq!(second.epoch, before, "nobody subscribes to that");
    driver.coordinator.partition_exists(new);
    driver.coordinator.check();
    settle(&mut driver, &mut [&mut first, &mut second]);
    assert_eq!(second.epoch, before.next());
    assert!([&first, &second].iter().any(|member| member.owned.contains(&new)));
    assert_eq!(first.owned.len() + second.owned.len(), usize::from(PARTITIONS) + 1);
}

/// R17.59.
#[test]
fn targets_keep_their_distance_from_4_3_on() {
    let mut driver = coordinator(KafkaVersion::V4_3);
    let mut first = Member::new(1).joined(&mut driver);
    let second = driver.pulse(Member::new(2).full()).unwrap();
    assert_eq!((second.epoch, second.assignment), (MemberEpoch(2), Some([].into())));
    first.beats(&mut driver);
    assert_eq!(first.owned.len(), 4, "the last target stands");
    driver.fire(GroupTimer::Assignment(GROUP));
    first.beats(&mut driver);
    assert_eq!(first.owned.len(), 2);
    assert!(driver.timers.contains_key(&GroupTimer::Assignment(GROUP)), "and again");
}

/// R17.59.
#[test]
fn a_topic_that_is_left_is_given_up_at_once_from_4_3_on() {
    let mut driver = coordinator(KafkaVersion::V4_3);
    let mut first = Member::new(1).joined(&mut driver);
    first.topics = [TopicId(2)].into();
    first.hear(&driver.pulse(first.full()));
    assert_eq!((first.epoch, first.owned.len()), (MemberEpoch(2), 0), "the target gives it all");
    assert!(!driver.coordinator.consumer_group(GROUP).unwrap().is_free(at(0)), "not heard yet");
    first.beats(&mut driver);
    assert!(driver.coordinator.consumer_group(GROUP).unwrap().is_free(at(0)));
    driver.fire(GroupTimer::Assignment(GROUP));
    first.beats(&mut driver);
    assert_eq!((first.epoch, first.owned.len()), (MemberEpoch(3), 4));
}
