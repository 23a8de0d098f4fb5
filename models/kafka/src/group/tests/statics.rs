//! Static members, and which assignor the members agree on.

use super::driver::{Driver, GROUP, at, join};
use super::error;
use crate::assignor::Assignor;
use crate::group::GroupTimer;
use crate::message::{
    GroupRequest, GroupResponse, JoinGroupResponse, MemberClaim, MemberMetadata, SyncGroupRequest,
};
use crate::observation::Observation;
use ackproof_types::{ErrorCode, GenerationId, MemberId};

fn with(member: Option<MemberId>, change: impl FnOnce(&mut MemberMetadata)) -> GroupRequest {
    let GroupRequest::JoinGroup(mut request) = join(member) else { panic!("a join") };
    change(&mut request.metadata);
    GroupRequest::JoinGroup(request)
}

fn fixed(member: Option<MemberId>, instance: u16) -> GroupRequest {
    with(member, |metadata| metadata.instance = Some(instance))
}

/// Generation, member, leader, and whether the leader leaves the assignment alone.
fn joined(answer: &GroupResponse) -> (i32, MemberId, MemberId, bool) {
    let GroupResponse::JoinGroup(JoinGroupResponse::Joined {
        generation,
        member,
        leader,
        skip_assignment,
        ..
    }) = answer
    else {
        panic!("{answer:?}")
    };
    (generation.0, *member, *leader, *skip_assignment)
}

fn claim(answer: &GroupResponse, instance: u16) -> MemberClaim {
    let (generation, member, ..) = joined(answer);
    let generation = GenerationId(generation);
    MemberClaim { group: GROUP, generation, member, instance: Some(instance) }
}

/// Static members 0 and 1 in a stable group; the first one leads and has partition 0.
fn pair() -> (Driver, MemberClaim, MemberClaim) {
    let mut driver = Driver::new(&[]);
    for instance in [0, 1] {
        assert!(driver.ask(&fixed(None, instance)).is_empty(), "waits for the initial delay");
    }
    driver.fire(GroupTimer::Join(GROUP));
    let answers = driver.fire(GroupTimer::Join(GROUP));
    let [first, second] = &answers[..] else { panic!("{answers:?}") };
    let (first, second) = (claim(first, 0), claim(second, 1));
    assert_eq!(first.generation, GenerationId(1));
    assert!(driver.sync(second).is_empty(), "waits for the leader");
    let assignment = vec![(first.member, [at(0)].into()), (second.member, [at(1)].into())];
    let answers =
        driver.ask(&GroupRequest::SyncGroup(SyncGroupRequest { claim: first, assignment }));
    assert_eq!(answers.len(), 2, "both assigned");
    (driver, first, second)
}

fn rebalances(driver: &Driver) -> usize {
    driver.seen.iter().filter(|fact| matches!(fact, Observation::Rebalanced { .. })).count()
}

/// R9.14.
#[test]
fn who_comes_back_takes_its_place_and_nobody_else_notices() {
    let (mut driver, first, second) = pair();
    let back = driver.ask(&fixed(None, 1));
    let now = claim(&back[0], 1);
    assert_eq!(joined(&back[0]), (1, now.member, first.member, false));
    assert_ne!(now.member, second.member);
    let assigned = driver
        .ask(&GroupRequest::SyncGroup(SyncGroupRequest { claim: now, assignment: Vec::new() }));
    assert!(matches!(&assigned[..], [GroupResponse::SyncGroup(Ok(it))] if **it == [at(1)]));
    assert_eq!(error(&driver.beat(second)), ErrorCode::FencedInstanceId);
    assert_eq!(error(&driver.commit(second, 5)), ErrorCode::FencedInstanceId);
    assert_eq!(rebalances(&driver), 1);
}

#[test]
fn a_leader_that_comes_back_makes_no_assignment() {
    let (mut driver, ..) = pair();
    let back = driver.ask(&fixed(None, 0));
    let (generation, member, leader, skip_assignment) = joined(&back[0]);
    assert_eq!((generation, leader, skip_assignment), (1, member, true), "KIP-814");
}

/// R9.4.
#[test]
fn it_waits_until_that_is_replicated_and_is_undone_if_it_cannot_be_written() {
    let (mut driver, _, second) = pair();
    driver.replicates = false;
    assert!(driver.ask(&fixed(None, 1)).is_empty());
    assert_eq!(driver.replicate().len(), 1);
    let (mut driver, _, again) = pair();
    assert_eq!(again, second);
    driver.refuses = Some(ErrorCode::NotEnoughReplicas);
    let other = with(None, |metadata| {
        (metadata.instance, metadata.owned) = (Some(1), [at(7)].into());
    });
    assert_eq!(error(&driver.ask(&other)), ErrorCode::CoordinatorNotAvailable);
    driver.refuses = None;
    assert!(super::is_ok(&driver.beat(again)), "the member before is still the one");
    assert_eq!(driver.ask(&fixed(Some(again.member), 1)).len(), 1, "with what it said of itself");
    let mut facts = Vec::new();
    for fact in &driver.seen {
        if let Observation::MemberReplaced { before, member, .. } = fact {
            facts.push((*before, *member));
        }
    }
    let [(before, member), back] = *facts else { panic!("{facts:?}") };
    assert_eq!((before, back), (again.member, (member, before)), "that is on record");
}

#[test]
fn its_session_ends_like_any_other() {
    let (mut driver, first, second) = pair();
    driver.fire(GroupTimer::Session(GROUP, second.member));
    assert_eq!(error(&driver.beat(second)), ErrorCode::UnknownMemberId);
    assert_eq!(error(&driver.beat(first)), ErrorCode::RebalanceInProgress);
}

/// R9.17.
#[test]
fn a_join_phase_does_not_remove_it() {
    let (mut driver, first, second) = pair();
    let third = driver.new_member();
    assert!(driver.join(Some(third)).is_empty());
    assert!(driver.ask(&fixed(Some(first.member), 0)).is_empty());
    let answers = driver.fire(GroupTimer::Join(GROUP));
    assert_eq!(answers.len(), 2, "the phase ends without the second one");
    let told = answers.iter().map(|answer| {
        let GroupResponse::JoinGroup(JoinGroupResponse::Joined { members, .. }) = answer else {
            panic!("{answer:?}")
        };
        members.len()
    });
    assert_eq!(told.max(), Some(3), "which gets its share nevertheless");
    let now = MemberClaim { generation: GenerationId(2), ..second };
    assert!(super::is_ok(&driver.beat(now)));
}

/// R9.15.
#[test]
fn who_shares_no_assignor_is_refused() {
    let (mut driver, ..) = Driver::stable(&[]);
    let other = driver.new_member();
    let sticky = with(Some(other), |metadata| metadata.protocols = [Assignor::Sticky].into());
    assert_eq!(error(&driver.ask(&sticky)), ErrorCode::InconsistentGroupProtocol);
    // `classicGroupJoinNewMember`: it gets no id either.
    let nobody = with(None, |metadata| metadata.protocols = [Assignor::Sticky].into());
    assert_eq!(error(&driver.ask(&nobody)), ErrorCode::InconsistentGroupProtocol);
}

/// `ClassicGroup#selectProtocol`: two prefer the second assignor that all have.
#[test]
fn the_assignor_with_the_most_votes_is_chosen() {
    let mut driver = Driver::new(&[]);
    let (sticky, range) = (Assignor::Sticky, Assignor::Range);
    for protocols in [[range, sticky], [sticky, range], [sticky, range]] {
        let member = driver.new_member();
        let request = with(Some(member), |metadata| metadata.protocols = protocols.into());
        assert!(driver.ask(&request).is_empty());
    }
    driver.fire(GroupTimer::Join(GROUP));
    for answer in driver.fire(GroupTimer::Join(GROUP)) {
        let GroupResponse::JoinGroup(JoinGroupResponse::Joined { protocol, .. }) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(protocol, sticky);
    }
}

#[test]
fn other_partitions_owned_are_other_metadata() {
    let (mut driver, claim) = Driver::stable(&[]);
    let second = driver.new_member();
    driver.join(Some(second));
    driver.join(Some(claim.member));
    let now = MemberClaim { generation: GenerationId(2), ..claim };
    driver.sync(MemberClaim { member: second, ..now });
    driver.sync(now);
    let same = driver.join(Some(second));
    assert_eq!(same.len(), 1, "unchanged: told the generation that there is");
    let changed = with(Some(second), |metadata| metadata.owned = [at(1)].into());
    assert!(driver.ask(&changed).is_empty(), "R9.25: a rebalance begins");
}
