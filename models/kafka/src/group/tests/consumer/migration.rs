//! Members with the classic protocol in a consumer group, and groups that change their kind with members in
//! them (KIP-848, online migration).

use super::super::driver::{Driver, GROUP, at, join};
use super::super::{error, is_ok};
use super::member::{Member, coordinator, settle};
use crate::assignor::Assignor;
use crate::group::GroupTimer;
use crate::message::{
    GroupRequest, GroupResponse, JoinGroupResponse, MemberClaim, SyncGroupRequest,
};
use ackproof_types::{
    ErrorCode, GenerationId, KafkaVersion, MemberEpoch, MemberId, Micros, RebalanceReason,
    TopicPartition,
};
use std::sync::Arc;

/// A member with the classic protocol.
struct Classic {
    claim: MemberClaim,
    owned: Arc<[TopicPartition]>,
}

impl Classic {
    fn request(
        id: Option<MemberId>,
        instance: Option<u16>,
        owned: &[TopicPartition],
    ) -> GroupRequest {
        let GroupRequest::JoinGroup(mut request) = join(id) else { panic!("a join") };
        (request.metadata.instance, request.metadata.owned) = (instance, owned.into());
        GroupRequest::JoinGroup(request)
    }

    /// A new one, up to its part.
    fn new(driver: &mut Driver) -> Self {
        let member = driver.new_member();
        let generation = GenerationId::UNKNOWN;
        let claim = MemberClaim { group: GROUP, generation, member, instance: None };
        let mut one = Self { claim, owned: [].into() };
        one.rejoins(driver);
        one
    }

    /// Joins with what it owns, and syncs.
    fn rejoins(&mut self, driver: &mut Driver) {
        let MemberClaim { member, instance, .. } = self.claim;
        let answers = driver.ask(&Self::request(Some(member), instance, &self.owned));
        self.claim = joined(&answers, instance);
        self.syncs(driver);
    }

    fn syncs(&mut self, driver: &mut Driver) {
        let request = SyncGroupRequest { claim: self.claim, assignment: Vec::new() };
        let answers = driver.ask(&GroupRequest::SyncGroup(request));
        let [GroupResponse::SyncGroup(Ok(part))] = &answers[..] else { panic!("{answers:?}") };
        self.owned = Arc::clone(&part.partitions);
        driver.coordinator.check();
    }

    fn must_join(&self, driver: &mut Driver) -> bool {
        let answers = driver.beat(self.claim);
        !is_ok(&answers) && error(&answers) == ErrorCode::RebalanceInProgress
    }
}

/// Whom the one answer to a join makes a member. Nobody leads.
fn joined(answers: &[GroupResponse], instance: Option<u16>) -> MemberClaim {
    let [
        GroupResponse::JoinGroup(JoinGroupResponse::Joined {
            generation,
            member,
            leader,
            members,
            ..
        }),
    ] = answers
    else {
        panic!("{answers:?}")
    };
    assert!(leader != member && members.is_empty(), "the coordinator shares out");
    MemberClaim { group: GROUP, generation: *generation, member: *member, instance }
}

/// A stable classic group of one member that has partition 0, and a member with the consumer protocol that
/// has joined it.
fn upgraded() -> (Driver, Classic, Member) {
    let (mut driver, claim) = Driver::stable(&[]);
    let member = Member::new(1).joined(&mut driver);
    (driver, Classic { claim, owned: [at(0)].into() }, member)
}

#[test]
fn a_classic_group_becomes_a_consumer_group_and_its_members_go_on() {
    let (mut driver, mut old, new) = upgraded();
    assert_eq!(new.epoch, MemberEpoch(2), "generation 1 was the epoch before");
    assert_eq!(new.owned.len(), 2, "what nobody had");
    assert!(is_ok(&driver.commit(old.claim, 5)), "R9.11: nothing has changed for it yet");
    assert!(old.must_join(&mut driver));
    let timer = GroupTimer::MemberJoin(GROUP, old.claim.member);
    assert_eq!(driver.timers.get(&timer), Some(&Micros::from_secs(300)));
    let before = old.claim;
    old.rejoins(&mut driver);
    assert!(!driver.timers.contains_key(&timer));
    assert_eq!((old.claim.generation, old.owned.len()), (GenerationId(2), 2));
    assert!(is_ok(&driver.beat(old.claim)));
    assert_eq!(error(&driver.commit(before, 6)), ErrorCode::IllegalGeneration, "R9.11");
    assert_eq!(error(&driver.beat(before)), ErrorCode::IllegalGeneration);
    assert!(is_ok(&driver.commit(old.claim, 6)));
}

#[test]
fn who_waits_in_a_classic_group_is_told_to_join_again() {
    let (mut driver, first) = Driver::stable(&[]);
    let second = driver.new_member();
    assert!(driver.join(Some(second)).is_empty(), "waits for the first");
    let answers = driver.ask(&GroupRequest::ConsumerGroupHeartbeat(Member::new(1).full()));
    let refused = JoinGroupResponse::Refused(ErrorCode::RebalanceInProgress);
    assert_eq!(answers[0], GroupResponse::JoinGroup(refused));
    assert!(!driver.timers.contains_key(&GroupTimer::Join(GROUP)));
    let generation = driver.join(Some(second));
    assert_eq!(joined(&generation, None).generation, GenerationId(2));
    assert_eq!(error(&driver.beat(first)), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_member_with_the_classic_protocol_gets_what_others_give_up() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let mut first = Member::new(1).joined(&mut driver);
    let mut second = Classic::new(&mut driver);
    assert_eq!(second.owned.len(), 0, "R9.33");
    assert!(is_ok(&driver.beat(second.claim)), "it waits");
    settle(&mut driver, &mut [&mut first]);
    assert!(second.must_join(&mut driver), "all that it waits for is free");
    second.rejoins(&mut driver);
    assert_eq!((first.owned.len(), second.owned.len()), (2, 2));
    assert!(is_ok(&driver.beat(second.claim)));
}

#[test]
fn a_member_with_the_classic_protocol_gives_up_before_it_moves_on() {
    let (mut driver, mut old, mut new) = upgraded();
    old.rejoins(&mut driver);
    let mut third = Member::new(3).joined(&mut driver);
    let mut fourth = Member::new(4).joined(&mut driver);
    assert!(old.must_join(&mut driver));
    let before = old.claim.generation;
    old.rejoins(&mut driver);
    assert_eq!((old.claim.generation, old.owned.len()), (before, 1), "R9.32: in its old epoch");
    assert!(old.must_join(&mut driver), "it is to say that it gave up");
    old.rejoins(&mut driver);
    assert!(old.claim.generation > before);
    settle(&mut driver, &mut [&mut new, &mut third, &mut fourth]);
    let shares = [new.owned.len(), third.owned.len(), fourth.owned.len(), old.owned.len()];
    assert_eq!(shares, [1; 4]);
}

#[test]
fn who_does_not_join_or_sync_in_time_is_removed() {
    let (mut driver, old, _) = upgraded();
    assert!(old.must_join(&mut driver));
    driver.fire(GroupTimer::MemberJoin(GROUP, old.claim.member));
    assert_eq!(error(&driver.beat(old.claim)), ErrorCode::UnknownMemberId);
    let (mut driver, old, _) = upgraded();
    let answers = driver.ask(&Classic::request(Some(old.claim.member), None, &[at(0)]));
    let claim = joined(&answers, None);
    driver.fire(GroupTimer::MemberSync(GROUP, claim.member));
    assert_eq!(error(&driver.beat(claim)), ErrorCode::UnknownMemberId);
}

#[test]
fn the_last_with_the_consumer_protocol_leaves_a_classic_group_behind() {
    for silent in [false, true] {
        let (mut driver, mut old, new) = upgraded();
        old.rejoins(&mut driver);
        let mut before = driver.coordinator.consumer_group(GROUP).unwrap().clone();
        driver.refuses = Some(ErrorCode::NotEnoughReplicas);
        let leave = new.leaves(MemberEpoch::LEAVE);
        assert_eq!(driver.pulse(leave.clone()), Err(ErrorCode::CoordinatorNotAvailable));
        let after = driver.coordinator.consumer_group(GROUP).expect("R9.4: it is back");
        before.rest_like(after);
        assert_eq!(*after, before, "R9.4");
        driver.refuses = None;
        if silent {
            driver.fire(GroupTimer::Session(GROUP, new.id));
        } else {
            assert_eq!(driver.pulse(leave).unwrap().epoch, MemberEpoch::LEAVE);
        }
        assert!(driver.coordinator.consumer_group(GROUP).is_none());
        assert!(old.must_join(&mut driver), "it is to lead");
        let answers = driver.join(Some(old.claim.member));
        let [
            GroupResponse::JoinGroup(JoinGroupResponse::Joined {
                generation, leader, member, ..
            }),
        ] = answers[..]
        else {
            panic!("{answers:?}")
        };
        assert_eq!((generation, leader), (GenerationId(3), member));
        driver.fail_over();
        driver.fire(GroupTimer::Load(0));
        assert_eq!(driver.coordinator.group(GROUP).unwrap().generation, GenerationId(2), "R9.6");
        assert!(is_ok(&driver.beat(old.claim)), "as stable as it was written");
    }
}

#[test]
fn an_upgrade_that_cannot_be_written_leaves_the_classic_group() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.refuses = Some(ErrorCode::NotEnoughReplicas);
    let failed = driver.pulse(Member::new(1).full());
    assert_eq!(failed, Err(ErrorCode::CoordinatorNotAvailable));
    driver.refuses = None;
    assert!(is_ok(&driver.beat(claim)), "R9.4");
    assert!(is_ok(&driver.commit(claim, 5)));
    assert_eq!(driver.coordinator.group(GROUP).unwrap().members.len(), 1);
}

#[test]
fn a_static_member_may_change_its_protocol() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let mut other = Member::new(2).joined(&mut driver);
    let answers = driver.ask(&Classic::request(None, Some(7), &[]));
    let mut old = Classic { claim: joined(&answers, Some(7)), owned: [].into() };
    old.syncs(&mut driver);
    settle(&mut driver, &mut [&mut other]);
    old.rejoins(&mut driver);
    assert_eq!(old.owned.len(), 2);
    // It starts again with the consumer protocol, and has not said that it leaves.
    let new = Member::fixed(5, 7).joined(&mut driver);
    assert_eq!(new.owned, old.owned);
    assert_eq!(error(&driver.beat(old.claim)), ErrorCode::FencedInstanceId);
    // And once more with the classic protocol, which makes the last of the others.
    driver.pulse(other.leaves(MemberEpoch::LEAVE)).unwrap();
    let mut third = Classic::new(&mut driver);
    let answers = driver.ask(&Classic::request(None, Some(7), &[]));
    let mut back = Classic { claim: joined(&answers, Some(7)), owned: [].into() };
    assert!(driver.coordinator.group(GROUP).is_some(), "a classic group");
    back.syncs(&mut driver);
    assert!(!back.owned.is_empty(), "with the assignment that there was");
    assert_eq!(driver.pulse(new.sign()), Err(ErrorCode::GroupIdNotFound));
    assert!(is_ok(&driver.beat(third.claim)));
    third.claim.generation = GenerationId(0);
    assert_eq!(error(&driver.beat(third.claim)), ErrorCode::IllegalGeneration);
}

#[test]
fn members_of_both_kinds_outlive_their_coordinator() {
    let (mut driver, mut old, new) = upgraded();
    old.rejoins(&mut driver);
    let mut before = driver.coordinator.consumer_group(GROUP).unwrap().clone();
    driver.fail_over();
    driver.fire(GroupTimer::Load(0));
    let after = driver.coordinator.consumer_group(GROUP).unwrap();
    before.rest_like(after);
    assert_eq!(*after, before, "R9.6");
    assert!(is_ok(&driver.beat(old.claim)));
    assert!(driver.pulse(new.sign()).is_ok());
    let leave = GroupRequest::LeaveGroup(GROUP, old.claim.member, RebalanceReason::Left);
    assert!(is_ok(&driver.ask(&leave)));
    assert_eq!(error(&driver.ask(&leave)), ErrorCode::UnknownMemberId);
    let mut new = new;
    new.beats(&mut driver);
    assert_eq!(new.owned.len(), 4);
}

#[test]
fn each_protocol_has_requests_of_its_own() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let first = Member::new(1).joined(&mut driver);
    let second = Classic::new(&mut driver);
    let claim = first.claim();
    assert_eq!(error(&driver.beat(claim)), ErrorCode::UnknownMemberId);
    let leave = GroupRequest::LeaveGroup(GROUP, claim.member, RebalanceReason::Left);
    assert_eq!(error(&driver.ask(&leave)), ErrorCode::UnknownMemberId);
    let sync = SyncGroupRequest { claim, assignment: vec![(claim.member, [at(0)].into())] };
    let answers = driver.ask(&GroupRequest::SyncGroup(sync));
    assert_eq!(error(&answers), ErrorCode::UnknownMemberId);
    let GroupRequest::JoinGroup(mut request) = join(None) else { panic!("a join") };
    request.metadata.protocols = [Assignor::Sticky].into();
    let answers = driver.ask(&GroupRequest::JoinGroup(request));
    assert_eq!(error(&answers), ErrorCode::InconsistentGroupProtocol, "R9.15");
    assert!(is_ok(&driver.beat(second.claim)));
}
