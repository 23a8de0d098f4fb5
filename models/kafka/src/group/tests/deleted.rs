//! Topics are deleted: their offsets go, and groups share out what is left.

use super::consumer::member::{Member, pair};
use super::driver::{Driver, GROUP, at, commit};
use crate::message::{
    CommittedOffset, GroupRecord, GroupRequest, GroupResponse, OffsetCommitRequest, Payload,
};
use ackproof_types::{ErrorCode, KafkaVersion, LeaderEpoch, Offset, TopicId, TopicPartition};

fn delete(driver: &mut Driver) {
    driver.coordinator.topic_is_gone(TopicId(1));
    driver.partitions_deleted(&[at(0), at(1)]);
}

fn tombstones(driver: &Driver) -> usize {
    let records = driver.log.iter().flat_map(|batch| match &batch.payload {
        Payload::Group(records) => records.to_vec(),
        Payload::Records(_) => Vec::new(),
    });
    records.filter(|record| matches!(record, GroupRecord::NoOffset(..))).count()
}

#[test]
fn offsets_of_a_deleted_topic_are_deleted_and_no_others() {
    let (mut driver, claim) = Driver::stable(&[]);
    let other = TopicPartition::new(TopicId(2), 0);
    driver.commit(claim, 5);
    driver.ask(&commit(claim, other, 7));
    delete(&mut driver);
    assert_eq!((driver.committed(), tombstones(&driver)), (None, 1));
    driver.fail_over();
    driver.fire(crate::group::GroupTimer::Load(0));
    assert_eq!(driver.committed(), None, "the log says so too");
    let store = driver.coordinator.store(GROUP).expect("a group");
    assert!(store.offsets[&GROUP].contains_key(&other));
}

#[test]
fn a_coordinator_that_reads_its_log_misses_the_deletion() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.commit(claim, 5);
    driver.fail_over();
    driver.partitions_deleted(&[at(0)]);
    driver.fire(crate::group::GroupTimer::Load(0));
    assert_eq!((driver.committed(), tombstones(&driver)), (Some(5), 0), "as in Kafka");
}

#[test]
fn a_commit_of_a_deleted_topic_is_refused_and_the_rest_of_it_written() {
    let (mut driver, claim) = Driver::stable(&[]);
    let other = TopicPartition::new(TopicId(2), 0);
    delete(&mut driver);
    let committed = CommittedOffset { offset: Offset(9), leader_epoch: LeaderEpoch::UNKNOWN };
    let offsets = vec![(at(0), committed), (other, committed)];
    let request = GroupRequest::OffsetCommit(OffsetCommitRequest { claim, offsets, by_id: false });
    let refused = GroupResponse::OffsetCommit(Err(ErrorCode::UnknownTopicOrPartition));
    assert_eq!(driver.ask(&request), std::slice::from_ref(&refused));
    let store = driver.coordinator.store(GROUP).expect("a group");
    let known: Vec<_> = store.offsets[&GROUP].keys().copied().collect();
    assert_eq!(known, [other]);
    assert_eq!(driver.ask(&commit(claim, at(0), 9)), [refused], "nothing is left to write");
}

#[test]
fn a_consumer_group_gives_a_deleted_topic_up() {
    let (mut driver, mut first, mut second) = pair(KafkaVersion::V4_0);
    let before = second.epoch;
    driver.coordinator.topic_is_gone(TopicId(1));
    driver.coordinator.check();
    super::consumer::member::settle(&mut driver, &mut [&mut first, &mut second]);
    driver.coordinator.check();
    assert_eq!(second.epoch, before.next());
    let owns = |member: &Member| member.owned.len();
    assert_eq!((owns(&first), owns(&second)), (0, 0));
}

/// By name, a commit that is late is taken for one of the topic that has the name now; by id it is refused.
#[test]
fn a_commit_for_a_topic_that_was_created_again() {
    let (mut driver, claim) = Driver::stable(&[]);
    delete(&mut driver);
    let next = TopicId(1).in_life(1).expect("one more life");
    driver.coordinator.partition_exists(TopicPartition::new(next, 0));
    let committed = CommittedOffset { offset: Offset(9), leader_epoch: LeaderEpoch::UNKNOWN };
    let offsets = vec![(at(0), committed)];
    let late = OffsetCommitRequest { claim, offsets, by_id: true };
    let refused = GroupResponse::OffsetCommit(Err(ErrorCode::UnknownTopicId));
    assert_eq!(driver.ask(&GroupRequest::OffsetCommit(late)), [refused]);
    driver.ask(&commit(claim, at(0), 9));
    let store = driver.coordinator.store(GROUP).expect("a group");
    let known: Vec<_> = store.offsets[&GROUP].keys().copied().collect();
    assert_eq!(known, [TopicPartition::new(next, 0)]);
    assert_eq!(driver.committed(), Some(9), "who asks by name is told of it");
}
