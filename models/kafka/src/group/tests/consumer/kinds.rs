//! Groups of the other kind: an empty one makes way.

use super::super::driver::{Driver, GROUP};
use super::super::{error, is_ok};
use super::member::{Member, coordinator};
use crate::message::{GroupRequest, GroupResponse, JoinGroupResponse, MemberClaim};
use crate::observation::Observation;
use ackproof_types::{
    ErrorCode, GenerationId, KafkaVersion, MemberEpoch, MemberId, RebalanceReason,
};

fn load(driver: &mut Driver) {
    driver.fail_over();
    driver.fire(crate::group::GroupTimer::Load(0));
}

fn anonymous() -> MemberClaim {
    let (generation, member) = (GenerationId::UNKNOWN, MemberId(0));
    MemberClaim { group: GROUP, generation, member, instance: None }
}

#[test]
fn offsets_of_nobody_become_those_of_a_consumer_group() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    assert!(is_ok(&driver.commit(anonymous(), 5)), "R9.9");
    let first = Member::new(1).joined(&mut driver);
    let deleted = Observation::GroupDeleted { group: GROUP };
    assert!(driver.seen.contains(&deleted), "epochs begin anew: {:?}", driver.seen);
    for _ in 0..2 {
        assert_eq!(driver.committed(), Some(5));
        assert!(is_ok(&driver.commit(first.claim(), 5)));
        load(&mut driver);
    }
}

#[test]
fn an_empty_group_makes_way_for_the_other_kind() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.commit(claim, 5);
    driver.ask(&GroupRequest::LeaveGroup(GROUP, claim.member, RebalanceReason::Left));
    let named = driver.new_member();
    driver.refuses = Some(ErrorCode::NotEnoughReplicas);
    assert!(driver.pulse(Member::new(1).full()).is_err());
    assert!(driver.coordinator.group(GROUP).is_some(), "R9.4: the classic group is back");
    driver.refuses = None;
    let first = Member::new(1).joined(&mut driver);
    assert!(driver.coordinator.group(GROUP).is_none());
    load(&mut driver);
    assert!(driver.pulse(first.sign()).is_ok());
    driver.pulse(first.leaves(MemberEpoch::LEAVE)).unwrap();
    assert_eq!(error(&driver.join(Some(named))), ErrorCode::UnknownMemberId);
    assert!(driver.coordinator.consumer_group(GROUP).is_some());
    driver.refuses = Some(ErrorCode::NotEnoughReplicas);
    driver.join(None);
    assert!(driver.coordinator.consumer_group(GROUP).is_some(), "R9.4: the consumer group is back");
    driver.refuses = None;
    let joined = driver.join(None);
    assert!(matches!(
        joined[..],
        [GroupResponse::JoinGroup(JoinGroupResponse::MemberIdRequired(_))]
    ));
    assert_eq!(driver.pulse(first.sign()), Err(ErrorCode::GroupIdNotFound));
    assert_eq!(driver.committed(), Some(5), "offsets outlive their group");
    load(&mut driver);
    assert_eq!(driver.committed(), Some(5));
    assert!(driver.coordinator.group(GROUP).is_some());
}
