//! What expires, and what does not (R9.37). [`watch`] looks on in every test in which time passes;
//! `any_order` lets it.

mod any_order;

use super::super::GroupTimer;
use super::super::classic::{Group as Driven, State};
use super::super::store::{Group, Store};
use super::consumer::member::{Member, coordinator, pair};
use super::driver::{Driver, GROUP, at, commit};
use super::{error, is_ok};
use crate::message::{Commit, GroupRecord, GroupRequest, GroupResponse, MemberClaim, Payload};
use crate::observation::Observation;
use ackproof_types::{
    ErrorCode, GenerationId, KafkaVersion, MemberEpoch, MemberId, Micros, RebalanceReason,
    Timestamp, TopicId, TopicPartition,
};
use std::collections::BTreeSet;

const DAY: Micros = Micros::from_secs(86_400);
const WEEK: Micros = Micros::from_secs(7 * 86_400);

impl Driver {
    /// Time passes, and no timer fires.
    pub(super) fn pass_days(&mut self, days: u64) {
        self.now = self.now + DAY * days;
    }

    fn look(&mut self) {
        self.fire(GroupTimer::Expiry(0));
    }

    /// What is on record of expiry since it was asked last.
    fn expired(&mut self) -> Vec<Observation> {
        let is_it = |fact: &Observation| {
            matches!(fact, Observation::OffsetsExpired { .. } | Observation::GroupDeleted { .. })
        };
        std::mem::take(&mut self.seen).into_iter().filter(is_it).collect()
    }

    fn tombstones(&self) -> usize {
        let records = self.log.iter().map(|batch| match &batch.payload {
            Payload::Group(records) => {
                records.iter().filter(|it| matches!(it, GroupRecord::NoOffset(..))).count()
            }
            Payload::Records(_) => 0,
        });
        records.sum()
    }
}

/// Topics that a member subscribes to.
fn subscribed(group: &Group) -> BTreeSet<TopicId> {
    match group {
        Group::Classic(state) => {
            state.members.values().flat_map(|it| it.metadata.topics.to_vec()).collect()
        }
        Group::Consumer(state) => {
            state.members.values().flat_map(|it| it.topics.to_vec()).collect()
        }
    }
}

/// Whether the group is in a rebalance, in which nothing expires.
fn is_moving(group: &Group) -> bool {
    match group {
        Group::Classic(state) => !matches!(state.state, State::Empty | State::Stable),
        Group::Consumer(_) => false,
    }
}

/// A look for what has expired took `before` to `after`: whatever came before, it took all whose time is
/// over, and nothing of a topic that somebody reads.
pub(super) fn watch(now: Timestamp, before: &Store, after: Option<&Store>) {
    for (id, group) in &before.groups {
        let topics = subscribed(group);
        let kept = after.and_then(|store| store.offsets.get(id));
        for (partition, Commit { at, .. }) in before.offsets.get(id).into_iter().flatten() {
            let since = match group {
                Group::Classic(state) => state.empty_since.unwrap_or(*at),
                Group::Consumer(_) => *at,
            };
            let is_due = now.since(since) >= WEEK;
            let is_kept = kept.is_some_and(|kept| kept.contains_key(partition));
            let is_read = topics.contains(&partition.topic);
            let must_stay = is_read || !is_due || is_moving(group);
            assert_eq!(is_kept, must_stay, "{partition:?} of {group:?}");
        }
    }
}

fn leave(member: MemberId) -> GroupRequest {
    GroupRequest::LeaveGroup(GROUP, member, RebalanceReason::Left)
}

fn nobody() -> MemberClaim {
    let (generation, member) = (GenerationId::UNKNOWN, MemberId(0));
    MemberClaim { group: GROUP, generation, member, instance: None }
}

#[test]
fn of_a_classic_group_the_time_counts_from_when_it_became_empty() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.commit(claim, 5);
    driver.pass_days(30);
    driver.look();
    assert_eq!(driver.committed(), Some(5), "it is stable and subscribed");
    driver.ask(&leave(claim.member));
    driver.pass_days(6);
    driver.fail_over();
    driver.fire(GroupTimer::Load(0));
    driver.look();
    assert_eq!(driver.committed(), Some(5), "empty for six days");
    driver.pass_days(1);
    driver.fail_over();
    driver.fire(GroupTimer::Load(0));
    driver.expired();
    driver.look();
    assert_eq!(driver.committed(), None, "the coordinator after next knows since when it is empty");
    let partitions = [at(0)].into();
    let facts = [
        Observation::OffsetsExpired { group: GROUP, partitions },
        Observation::GroupDeleted { group: GROUP },
    ];
    assert_eq!(driver.expired(), facts);
    driver.fail_over();
    driver.fire(GroupTimer::Load(0));
    assert!(driver.coordinator.store(GROUP).is_some_and(|it| it.groups.is_empty()), "for good");
}

#[test]
fn of_a_consumer_group_the_time_counts_from_the_commit() {
    let (mut driver, first, second) = pair(KafkaVersion::V4_0);
    driver.ask(&commit(first.claim(), first.owned[0], 5));
    driver.pass_days(6);
    driver.ask(&commit(second.claim(), second.owned[0], 6));
    driver.pass_days(1);
    driver.look();
    assert_eq!(driver.tombstones(), 0, "the group reads the topic");
    for member in [&first, &second] {
        driver.pulse(member.leaves(MemberEpoch::LEAVE)).unwrap();
    }
    driver.look();
    let expired = [first.owned[0]].into();
    let fact = Observation::OffsetsExpired { group: GROUP, partitions: expired };
    assert_eq!(driver.expired(), [fact], "empty for a moment, but old");
    assert!(driver.coordinator.consumer_group(GROUP).is_some(), "one commit is left");
    driver.pass_days(6);
    driver.look();
    assert_eq!(driver.expired().len(), 2, "the other one, and the group");
    assert!(driver.coordinator.consumer_group(GROUP).is_none());
    driver.fail_over();
    driver.fire(GroupTimer::Load(0));
    assert!(driver.coordinator.store(GROUP).is_some_and(|it| it.groups.is_empty()), "for good");
}

#[test]
fn a_group_that_only_stores_offsets_loses_each_by_its_own_time() {
    let mut driver = Driver::new(&[]);
    assert!(is_ok(&driver.ask(&commit(nobody(), at(0), 1))));
    driver.pass_days(1);
    assert!(is_ok(&driver.ask(&commit(nobody(), at(1), 1))));
    driver.pass_days(6);
    driver.look();
    let partitions: std::sync::Arc<[TopicPartition]> = [at(0)].into();
    assert_eq!(driver.expired(), [Observation::OffsetsExpired { group: GROUP, partitions }]);
}

#[test]
fn a_topic_that_nobody_reads_any_more_expires_from_a_group_with_members() {
    let (mut driver, claim) = Driver::stable(&[]);
    let elsewhere = TopicPartition::new(TopicId(2), 0);
    driver.ask(&commit(claim, elsewhere, 3));
    driver.commit(claim, 5);
    driver.pass_days(7);
    driver.look();
    let partitions = [elsewhere].into();
    assert_eq!(driver.expired(), [Observation::OffsetsExpired { group: GROUP, partitions }]);
    assert_eq!(driver.committed(), Some(5));
    // In a rebalance nothing expires.
    driver.ask(&commit(claim, elsewhere, 3));
    driver.pass_days(7);
    driver.join(Some(claim.member));
    driver.look();
    assert_eq!(driver.expired(), []);
}

#[test]
fn what_cannot_be_written_has_not_expired() {
    for consumer in [false, true] {
        let mut driver = coordinator(KafkaVersion::V4_0);
        if consumer {
            let member = Member::new(1).joined(&mut driver);
            driver.commit(member.claim(), 5);
            driver.pulse(member.leaves(MemberEpoch::LEAVE)).unwrap();
        } else {
            driver.ask(&commit(nobody(), at(0), 5));
        }
        let before = driver.coordinator.store(GROUP).cloned();
        driver.pass_days(7);
        driver.refuses = Some(ErrorCode::NotEnoughReplicas);
        driver.look();
        driver.refuses = None;
        assert_eq!(driver.coordinator.store(GROUP).cloned(), before, "R9.4");
        assert_eq!(driver.expired(), []);
        driver.look();
        assert_eq!(driver.expired().len(), 2, "the next look");
    }
}

#[test]
fn a_lookup_that_finds_nothing_waits_until_the_tombstone_is_replicated() {
    let mut driver = Driver::new(&[]);
    driver.ask(&commit(nobody(), at(0), 5));
    driver.pass_days(7);
    driver.replicates = false;
    driver.look();
    assert_eq!(driver.expired().len(), 2, "it is in the log");
    let partitions = vec![at(0)];
    let lookup = crate::message::OffsetFetchRequest::new(GROUP, partitions);
    assert!(driver.ask(&GroupRequest::OffsetFetch(lookup)).is_empty(), "R9.5");
    let [GroupResponse::OffsetFetch(Ok(found))] = &driver.replicate()[..] else { panic!("found") };
    assert_eq!(found[0].1, None);
}

#[test]
fn a_group_that_has_nothing_is_deleted_at_once() {
    let mut driver = Driver::new(&[]);
    let named = driver.new_member();
    driver.look();
    assert_eq!(driver.expired(), [Observation::GroupDeleted { group: GROUP }]);
    assert!(!driver.timers.contains_key(&GroupTimer::Session(GROUP, named)));
    assert_eq!(error(&driver.join(Some(named))), ErrorCode::UnknownMemberId, "it asks again");
    let interval = Micros::from_secs(600);
    assert_eq!(driver.timers.get(&GroupTimer::Expiry(0)), Some(&interval), "and so on");
    driver.resign();
    assert!(driver.timers.is_empty(), "{:?}", driver.timers);
}
