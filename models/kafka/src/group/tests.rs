//! The coordinator driven by hand through `driver`, one rule at a time; `interleavings` does it at
//! random. `table` prints what every input does to every state. `consumer` is about consumer groups,
//! `expiry` about offsets that expire, `deleted` about those of deleted topics.

mod consumer;
mod deleted;
mod driver;
mod expiry;
mod interleavings;
mod statics;
mod table;

use super::GroupTimer;
use crate::message::GroupRecord;
use crate::message::{
    GroupRequest, GroupResponse, JoinGroupResponse, MemberClaim, OffsetFetchRequest, Payload,
};
use crate::variant::Variant;
use ackproof_types::{ErrorCode, GenerationId, MemberId, Micros, Offset, RebalanceReason};
use driver::{Driver, GROUP};

/// The error of the one answer.
fn error(answers: &[GroupResponse]) -> ErrorCode {
    let result = match answers {
        [GroupResponse::JoinGroup(JoinGroupResponse::Refused(error))] => Err(*error),
        [GroupResponse::SyncGroup(result)] => result.as_ref().map(|_| ()).map_err(|it| *it),
        [GroupResponse::OffsetFetch(result)] => result.as_ref().map(|_| ()).map_err(|it| *it),
        [GroupResponse::ConsumerGroupHeartbeat(result)] => {
            result.as_ref().map(|_| ()).map_err(|it| *it)
        }
        [
            GroupResponse::OffsetCommit(result)
            | GroupResponse::Heartbeat(result)
            | GroupResponse::LeaveGroup(result),
        ] => *result,
        other => panic!("{other:?}"),
    };
    result.expect_err("an error")
}

fn is_ok(answers: &[GroupResponse]) -> bool {
    matches!(
        answers,
        [GroupResponse::OffsetCommit(Ok(()))
            | GroupResponse::Heartbeat(Ok(()))
            | GroupResponse::LeaveGroup(Ok(()))]
    )
}

fn last_record(driver: &Driver) -> GroupRecord {
    let Payload::Group(records) = &driver.log.last().unwrap().payload else { panic!("group") };
    records.last().unwrap().clone()
}

/// W8, as the coordinator sees it.
#[test]
fn second_member_rebalances_and_commits_follow_the_state() {
    let (mut driver, first) = Driver::stable(&[]);
    let second = driver.new_member();
    assert!(driver.join(Some(second)).is_empty(), "waits for the first");
    assert_eq!(error(&driver.beat(first)), ErrorCode::RebalanceInProgress);
    assert!(is_ok(&driver.commit(first, 5)), "R9.10");
    assert_eq!(driver.join(Some(first.member)).len(), 2, "both joined");
    let now = MemberClaim { generation: GenerationId(2), ..first };
    assert_eq!(error(&driver.commit(now, 6)), ErrorCode::RebalanceInProgress);
    assert_eq!(error(&driver.commit(first, 6)), ErrorCode::IllegalGeneration);
    let other = MemberClaim { member: second, ..now };
    assert!(driver.sync(other).is_empty(), "waits for the leader");
    assert_eq!(driver.sync(now).len(), 2, "both assigned");
    assert!(is_ok(&driver.commit(now, 7)));
    assert_eq!(driver.committed(), Some(7), "what was refused has left no trace");
}

#[test]
fn assignment_is_answered_only_once_replicated() {
    let (mut driver, first) = Driver::stable(&[]);
    driver.replicates = false;
    assert_eq!(driver.join(Some(first.member)).len(), 1, "the leader rebalances alone");
    let now = MemberClaim { generation: GenerationId(2), ..first };
    assert!(driver.sync(now).is_empty(), "R9.18");
    assert_eq!(error(&driver.commit(now, 1)), ErrorCode::RebalanceInProgress, "not Stable yet");
    assert!(matches!(driver.replicate()[..], [GroupResponse::SyncGroup(Ok(_))]));
}

#[test]
fn session_expiry_empties_the_group() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.fire(GroupTimer::Session(GROUP, claim.member));
    assert_eq!(error(&driver.commit(claim, 1)), ErrorCode::UnknownMemberId);
    let GroupRecord::Group { generation, members, .. } = last_record(&driver) else {
        panic!("group")
    };
    assert_eq!((generation, members.len()), (GenerationId(2), 0), "R9.17");
}

#[test]
fn commits_and_heartbeats_keep_the_session() {
    let (mut driver, claim) = Driver::stable(&[]);
    let session = GroupTimer::Session(GROUP, claim.member);
    for request in [GroupRequest::Heartbeat(claim), driver::commit(claim, driver::at(0), 1)] {
        driver.timers.remove(&session);
        driver.ask(&request);
        assert_eq!(driver.timers.get(&session), Some(&Micros::from_secs(45)), "R9.13, R9.19");
    }
}

#[test]
fn parked_member_outlives_its_session_unless_it_is_new() {
    let (mut driver, first) = Driver::stable(&[]);
    let second = driver.new_member();
    driver.join(Some(second));
    driver.join(Some(first.member));
    let now = MemberClaim { generation: GenerationId(2), ..first };
    let other = MemberClaim { member: second, ..now };
    driver.sync(other);
    driver.fire(GroupTimer::Session(GROUP, second));
    assert_eq!(driver.sync(now).len(), 2, "R9.20: a parked sync excuses");
    assert!(is_ok(&driver.beat(other)), "and its session starts anew");
    let third = driver.new_member();
    assert!(driver.join(Some(third)).is_empty());
    let five_minutes = Micros::from_secs(300);
    assert_eq!(driver.timers.get(&GroupTimer::Session(GROUP, third)), Some(&five_minutes));
    let gone = driver.fire(GroupTimer::Session(GROUP, third));
    assert_eq!(error(&gone), ErrorCode::UnknownMemberId, "R9.20: a new one is not excused");
}

#[test]
fn rebalance_drops_who_does_not_rejoin() {
    let (mut driver, first) = Driver::stable(&[]);
    let second = driver.new_member();
    driver.join(Some(second));
    let joined = driver.fire(GroupTimer::Join(GROUP));
    assert!(
        matches!(&joined[..], [GroupResponse::JoinGroup(JoinGroupResponse::Joined { leader, members, .. })]
            if *leader == second && members.len() == 1),
        "{joined:?}"
    );
    assert_eq!(error(&driver.beat(first)), ErrorCode::UnknownMemberId, "R9.17");
}

#[test]
fn who_does_not_sync_in_time_is_dropped() {
    let (mut driver, first) = Driver::stable(&[]);
    let second = driver.new_member();
    driver.join(Some(second));
    driver.join(Some(first.member));
    let now = MemberClaim { generation: GenerationId(2), ..first };
    driver.sync(now);
    assert!(driver.fire(GroupTimer::Sync(GROUP)).is_empty(), "the first is to join again");
    assert_eq!(error(&driver.beat(now)), ErrorCode::RebalanceInProgress, "R9.17");
    let other = MemberClaim { member: second, ..now };
    assert_eq!(error(&driver.beat(other)), ErrorCode::UnknownMemberId);
}

#[test]
fn initial_delay_is_extended_while_members_arrive() {
    let mut driver = Driver::new(&[]);
    let first = driver.new_member();
    driver.join(Some(first));
    let second = driver.new_member();
    driver.join(Some(second));
    assert!(driver.fire(GroupTimer::Join(GROUP)).is_empty(), "R9.16: one came meanwhile");
    assert_eq!(driver.fire(GroupTimer::Join(GROUP)).len(), 2);
}

#[test]
fn named_member_holds_up_the_join_phase_until_it_expires() {
    let (mut driver, first) = Driver::stable(&[]);
    let second = driver.new_member();
    let third = driver.new_member();
    driver.join(Some(second));
    assert!(driver.join(Some(first.member)).is_empty(), "R9.14: the third is awaited");
    assert_eq!(driver.fire(GroupTimer::Session(GROUP, third)).len(), 2);
    let late = driver.join(Some(third));
    assert_eq!(error(&late), ErrorCode::UnknownMemberId, "its name is forgotten");
}

#[test]
fn leaving_rebalances_the_others() {
    let (mut driver, first) = Driver::stable(&[]);
    let second = driver.new_member();
    driver.join(Some(second));
    driver.join(Some(first.member));
    let left = driver.ask(&GroupRequest::LeaveGroup(GROUP, second, RebalanceReason::Left));
    assert!(is_ok(&left));
    assert!(!driver.timers.contains_key(&GroupTimer::Session(GROUP, second)));
    let now = MemberClaim { generation: GenerationId(2), ..first };
    assert_eq!(error(&driver.beat(now)), ErrorCode::RebalanceInProgress, "R9.21");
    let gone = MemberClaim { member: second, ..now };
    assert_eq!(error(&driver.commit(gone, 9)), ErrorCode::UnknownMemberId);
}

#[test]
fn commit_is_held_until_replicated_or_times_out() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.replicates = false;
    assert!(driver.commit(claim, 5).is_empty(), "held");
    let held = driver.timers.keys().find(|it| matches!(it, GroupTimer::Operation(..))).copied();
    assert_eq!(error(&driver.fire(held.unwrap())), ErrorCode::CoordinatorNotAvailable, "R9.4");
    assert!(driver.commit(claim, 7).is_empty(), "held");
    assert!(is_ok(&driver.replicate()), "R9.3");
    assert_eq!(driver.committed(), Some(7), "the last one wins");
}

#[test]
fn appends_wait_for_the_linger_and_share_a_batch() {
    let (mut driver, claim) = Driver::stable(&[]);
    let before = driver.log.len();
    driver.flushes = false;
    assert!(driver.commit(claim, 5).is_empty());
    assert!(driver.commit(claim, 6).is_empty());
    assert_eq!(driver.timers.get(&GroupTimer::Linger(0)), Some(&Micros::from_millis(5)), "R17.55");
    assert_eq!(driver.fire(GroupTimer::Linger(0)).len(), 2);
    assert_eq!(driver.log.len(), before + 1, "one batch");
}

#[test]
fn everything_waits_for_what_was_written_before() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.replicates = false;
    driver.commit(claim, 5);
    assert!(driver.beat(claim).is_empty(), "a heartbeat is an empty write");
    let read = GroupRequest::OffsetFetch(OffsetFetchRequest::new(GROUP, vec![driver::at(0)]));
    assert!(driver.ask(&read).is_empty(), "R9.5: sees 5 and waits for it");
    let answers = driver.replicate();
    assert!(
        matches!(&answers[..], [GroupResponse::OffsetCommit(Ok(())), GroupResponse::Heartbeat(Ok(())),
        GroupResponse::OffsetFetch(Ok(offsets))] if offsets[0].1.unwrap().offset == Offset(5))
    );
}

#[test]
fn zombie_coordinator_answers_nothing_for_good() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.replicates = false;
    let second = driver.new_member();
    driver.commit(claim, 5);
    driver.beat(claim);
    driver.send(&GroupRequest::OffsetFetch(OffsetFetchRequest::new(GROUP, vec![driver::at(0)])));
    assert!(driver.join(Some(second)).is_empty(), "parked");
    let held = driver.timers.keys().filter(|it| matches!(it, GroupTimer::Operation(..)));
    let errors: Vec<ErrorCode> =
        held.copied().collect::<Vec<_>>().into_iter().map(|it| error(&driver.fire(it))).collect();
    let (unavailable, moved) = (ErrorCode::CoordinatorNotAvailable, ErrorCode::NotCoordinator);
    assert_eq!(errors, [unavailable, unavailable, moved, unavailable], "R9.7");
    assert_eq!(driver.join(Some(claim.member)).len(), 1, "the second counts, but has its answer");
}

#[test]
fn failed_append_takes_the_state_back() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.commit(claim, 5);
    driver.refuses = Some(ErrorCode::NotLeaderOrFollower);
    assert_eq!(error(&driver.commit(claim, 6)), ErrorCode::NotCoordinator, "R9.8");
    assert_eq!(driver.committed(), Some(5), "R9.4");
    assert_eq!(driver.join(Some(claim.member)).len(), 1);
    let now = MemberClaim { generation: GenerationId(2), ..claim };
    assert_eq!(error(&driver.sync(now)), ErrorCode::NotCoordinator, "R9.18");
    assert_eq!(error(&driver.beat(now)), ErrorCode::RebalanceInProgress);
}

#[test]
fn failover_keeps_generation_and_offsets() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.commit(claim, 5);
    driver.replicates = false;
    driver.fail_over();
    assert_eq!(error(&driver.commit(claim, 6)), ErrorCode::CoordinatorLoadInProgress, "R9.6");
    assert!(is_ok(&driver.beat(claim)), "assumes the best while it reads");
    driver.fire(GroupTimer::Load(0));
    assert!(driver.timers.contains_key(&GroupTimer::Session(GROUP, claim.member)), "R9.6");
    assert!(is_ok(&driver.beat(claim)));
    assert_eq!(driver.committed(), Some(5), "R9.6");
    assert_ne!(driver.new_member(), claim.member, "unique over coordinators");
}

#[test]
fn failover_forgets_a_rebalance_under_way() {
    let (mut driver, claim) = Driver::stable(&[]);
    assert_eq!(driver.join(Some(claim.member)).len(), 1, "generation 2 is known to the member");
    driver.fail_over();
    driver.fire(GroupTimer::Load(0));
    let now = MemberClaim { generation: GenerationId(2), ..claim };
    assert_eq!(error(&driver.sync(now)), ErrorCode::IllegalGeneration, "R9.6");
    assert_eq!(driver.join(Some(claim.member)).len(), 1, "but the member is known");
}

#[test]
fn leader_elected_again_goes_on() {
    let (mut driver, first) = Driver::stable(&[]);
    let second = driver.new_member();
    driver.join(Some(second));
    driver.elect();
    assert_eq!(driver.join(Some(first.member)).len(), 2, "the rebalance is not lost");
}

#[test]
fn commit_to_a_group_that_is_not_known_is_refused() {
    let mut driver = Driver::new(&[]);
    let claim = MemberClaim {
        group: GROUP,
        generation: GenerationId(1),
        member: MemberId(1),
        instance: None,
    };
    assert_eq!(error(&driver.commit(claim, 1)), ErrorCode::GroupIdNotFound, "R9.9");
    assert_eq!(error(&driver.beat(claim)), ErrorCode::UnknownMemberId);
    driver.resign();
    assert_eq!(error(&driver.beat(claim)), ErrorCode::NotCoordinator);
}

#[test]
fn variants_replace_one_rule_each() {
    let (mut driver, claim) = Driver::stable(&[Variant::ZombieCommitAccepted]);
    let zombie = MemberClaim { member: MemberId(9), ..claim };
    assert!(is_ok(&driver.commit(zombie, 1)));
    let (mut driver, claim) = Driver::stable(&[Variant::CommitAckBeforeReplication]);
    driver.replicates = false;
    assert!(is_ok(&driver.commit(claim, 1)));
}

#[test]
fn resignation_fails_what_is_held() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.replicates = false;
    driver.commit(claim, 5);
    assert_eq!(error(&driver.resign()), ErrorCode::NotCoordinator, "R9.4");
    assert!(driver.timers.is_empty(), "{:?}", driver.timers);
}
