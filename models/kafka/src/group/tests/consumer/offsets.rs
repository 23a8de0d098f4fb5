//! Who may commit and read offsets (R9.11, R9.12, R9.36, R17.57).

use super::super::driver::{Driver, GROUP, at, commit};
use super::super::{error, is_ok};
use super::member::{Member, coordinator, pair, settle};
use crate::message::{
    CommittedOffset, GroupRequest, GroupResponse, MemberClaim, OffsetCommitRequest,
    OffsetFetchRequest,
};
use ackproof_types::{
    ErrorCode, GenerationId, KafkaVersion, LeaderEpoch, MemberEpoch, MemberId, Offset,
    TopicPartition,
};

fn fetch(driver: &mut Driver, member: Option<(MemberId, MemberEpoch)>) -> Vec<GroupResponse> {
    let partitions = vec![at(0)];
    let partitions = Some(partitions);
    driver.ask(&GroupRequest::OffsetFetch(OffsetFetchRequest { group: GROUP, member, partitions }))
}

fn commits(driver: &mut Driver, claim: MemberClaim, of: &[TopicPartition]) -> Vec<GroupResponse> {
    let committed = CommittedOffset { offset: Offset(9), leader_epoch: LeaderEpoch::UNKNOWN };
    let offsets = of.iter().map(|partition| (*partition, committed)).collect();
    driver.ask(&GroupRequest::OffsetCommit(OffsetCommitRequest { claim, offsets, by_id: false }))
}

/// A claim of the member with an epoch beside its own.
fn beside(member: &Member, beside: i32) -> MemberClaim {
    let claim = member.claim();
    MemberClaim { generation: GenerationId(claim.generation.0 + beside), ..claim }
}

#[test]
fn a_commit_needs_the_epoch_of_its_member() {
    let (mut driver, first, _) = pair(KafkaVersion::V4_0);
    assert!(is_ok(&driver.commit(first.claim(), 5)), "R9.11");
    for by in [-1, 1] {
        let answers = driver.commit(beside(&first, by), 6);
        assert_eq!(error(&answers), ErrorCode::StaleMemberEpoch, "{by}");
    }
    let stranger = MemberClaim { member: MemberId(9), ..first.claim() };
    assert_eq!(error(&driver.commit(stranger, 6)), ErrorCode::UnknownMemberId);
    let nobody = MemberClaim { generation: GenerationId::UNKNOWN, ..stranger };
    assert_eq!(error(&driver.commit(nobody, 6)), ErrorCode::UnknownMemberId);
    assert_eq!(driver.committed(), Some(5));
}

#[test]
fn who_is_no_member_commits_to_an_empty_group_only() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let first = Member::new(1).joined(&mut driver);
    driver.pulse(first.leaves(MemberEpoch::LEAVE)).unwrap();
    assert_eq!(error(&driver.commit(first.claim(), 5)), ErrorCode::UnknownMemberId);
    let nobody = MemberClaim { generation: GenerationId::UNKNOWN, ..first.claim() };
    assert!(is_ok(&driver.commit(nobody, 6)), "R9.11");
}

/// F29.
#[test]
fn a_member_that_lost_a_partition_can_still_commit_it() {
    let (mut driver, mut first, mut second) = pair(KafkaVersion::V4_0);
    let lost = second.owned[0];
    assert!(is_ok(&driver.ask(&commit(second.claim(), lost, 8))));
    assert!(is_ok(&driver.ask(&commit(first.claim(), lost, 3))), "R9.12, R9.36");
    settle(&mut driver, &mut [&mut first, &mut second]);
    assert!(is_ok(&driver.ask(&commit(first.claim(), lost, 2))));
}

#[test]
fn an_older_epoch_will_do_from_4_3_on_for_what_the_member_had_by_then() {
    for (version, may) in [(KafkaVersion::V4_2, false), (KafkaVersion::V4_3, true)] {
        let (mut driver, first, second) = pair(version);
        let (mine, others) = (first.owned[0], second.owned[0]);
        let late = beside(&first, -1);
        let answers = commits(&mut driver, late, &[mine]);
        assert_eq!(is_ok(&answers), may, "R17.57: {version} {answers:?}");
        for of in [&[others][..], &[mine, others]] {
            let answers = commits(&mut driver, late, of);
            assert_eq!(error(&answers), ErrorCode::StaleMemberEpoch, "not of another's");
        }
        let answers = commits(&mut driver, beside(&first, 1), &[mine]);
        assert_eq!(error(&answers), ErrorCode::StaleMemberEpoch, "ahead");
        assert!(is_ok(&commits(&mut driver, first.claim(), &[others])), "R9.12 stands");
        // The second one has had its share since the epoch before, but not since the one before that.
        let too_late = beside(&second, -1);
        let answers = commits(&mut driver, too_late, &[others]);
        assert_eq!(error(&answers), ErrorCode::StaleMemberEpoch, "not given to it by then");
    }
}

#[test]
fn who_says_who_it_is_reads_only_in_its_epoch() {
    let (mut driver, first, _) = pair(KafkaVersion::V4_3);
    driver.commit(first.claim(), 5);
    let ok = |answers: &[GroupResponse]| matches!(answers, [GroupResponse::OffsetFetch(Ok(_))]);
    assert!(ok(&fetch(&mut driver, Some((first.id, first.epoch)))));
    assert!(ok(&fetch(&mut driver, None)), "R9.11: nobody is asked");
    let stale = MemberEpoch(first.epoch.0 - 1);
    let answers = fetch(&mut driver, Some((first.id, stale)));
    assert_eq!(error(&answers), ErrorCode::StaleMemberEpoch);
    let answers = fetch(&mut driver, Some((MemberId(9), first.epoch)));
    assert_eq!(error(&answers), ErrorCode::UnknownMemberId);
}
