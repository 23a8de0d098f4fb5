//! Who joins, stays, leaves and is fenced (R9.29, R9.30, R9.33).

use super::super::driver::{Driver, GROUP, PARTITIONS, at};
use super::member::{Member, coordinator, pair, settle};
use crate::assignor::ServerAssignor;
use crate::group::GroupTimer;
use crate::message::ConsumerGroupHeartbeatRequest;
use crate::observation::Observation;
use crate::profile::Profile;
use ackproof_types::{ErrorCode, Features, KafkaVersion, MemberEpoch, MemberId, Micros, TopicId};

fn epochs(driver: &Driver) -> (i32, i32) {
    let group = driver.coordinator.consumer_group(GROUP).expect("the group");
    (group.epoch.0, group.target_epoch.0)
}

#[test]
fn the_first_member_gets_everything_at_once() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let answer = driver.pulse(Member::new(1).full()).unwrap();
    assert_eq!(answer.epoch, MemberEpoch(1), "R9.29");
    assert_eq!(answer.heartbeat_interval, Micros::from_secs(5));
    let all: Vec<_> = (0..PARTITIONS).map(at).collect();
    assert_eq!(answer.assignment.as_deref(), Some(&all[..]));
    let session = GroupTimer::Session(GROUP, MemberId(1));
    assert_eq!(driver.timers.get(&session), Some(&Micros::from_secs(45)));
}

/// R17.59.
#[test]
fn a_group_begins_with_epoch_2_from_4_3_on() {
    let mut driver = coordinator(KafkaVersion::V4_3);
    assert_eq!(driver.pulse(Member::new(1).full()).unwrap().epoch, MemberEpoch(2));
    assert_eq!(epochs(&driver), (2, 2));
    driver.fail_over();
    driver.fire(GroupTimer::Load(0));
    assert_eq!(epochs(&driver), (2, 2));
}

#[test]
fn only_a_member_that_may_not_know_its_epoch_gets_by_with_the_one_before() {
    let (mut driver, first, _) = pair(KafkaVersion::V4_0);
    let known = first.epoch;
    let with = |epoch: i32, owned: Option<&[_]>| ConsumerGroupHeartbeatRequest {
        owned: owned.map(Into::into),
        ..Member { epoch: MemberEpoch(epoch), ..first.clone() }.sign()
    };
    let fenced = Err(ErrorCode::FencedMemberEpoch);
    assert_eq!(driver.pulse(with(known.0 + 1, Some(&[]))), fenced, "R9.30: ahead");
    assert_eq!(driver.pulse(with(known.0 - 1, None)), fenced, "may own anything");
    assert_eq!(driver.pulse(with(known.0 - 1, Some(&[at(0), at(3)]))), fenced, "owns another's");
    let answer = driver.pulse(with(known.0 - 1, Some(&first.owned[..1]))).unwrap();
    assert_eq!(answer.epoch, known, "its answer was lost");
    let (mut driver, mut first, mut second) = pair(KafkaVersion::V4_0);
    let old = first.epoch;
    for topics in [&[TopicId(2)][..], &[TopicId(1)]] {
        second.topics = topics.into();
        second.hear(&driver.pulse(second.full()));
        settle(&mut driver, &mut [&mut first, &mut second]);
    }
    assert!(first.epoch.0 > old.0 + 1);
    let request = ConsumerGroupHeartbeatRequest { epoch: old, ..first.owns() };
    assert_eq!(driver.pulse(request), fenced, "two epochs behind");
}

#[test]
fn nobody_knows_a_stranger() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let stranger = Member { epoch: MemberEpoch(3), ..Member::new(9) };
    assert_eq!(driver.pulse(stranger.owns()), Err(ErrorCode::GroupIdNotFound));
    let leaves = stranger.leaves(MemberEpoch::LEAVE);
    assert_eq!(driver.pulse(leaves.clone()), Err(ErrorCode::GroupIdNotFound));
    let first = Member::new(1).joined(&mut driver);
    for request in [stranger.owns(), stranger.full(), leaves] {
        assert_eq!(driver.pulse(request), Err(ErrorCode::UnknownMemberId), "R9.30");
    }
    assert!(driver.pulse(first.sign()).is_ok());
}

/// KAFKA-19233.
#[test]
fn a_member_that_is_still_there_joins_again_from_4_3_on() {
    for (version, may) in [(KafkaVersion::V4_0, false), (KafkaVersion::V4_3, true)] {
        let (mut driver, first, _) = pair(version);
        let back = Member { epoch: MemberEpoch::JOIN, owned: [].into(), ..first.clone() };
        let answer = driver.pulse(back.full());
        if may {
            let answer = answer.unwrap();
            assert_eq!((answer.epoch, answer.assignment), (first.epoch, Some(first.owned)));
        } else {
            assert_eq!(answer, Err(ErrorCode::FencedMemberEpoch), "until its session is over");
            driver.fire(GroupTimer::Session(GROUP, first.id));
            assert!(driver.pulse(back.full()).is_ok());
        }
    }
}

#[test]
fn who_leaves_or_is_silent_is_removed_and_its_partitions_are_free() {
    for silent in [false, true] {
        let (mut driver, first, mut second) = pair(KafkaVersion::V4_0);
        let (before, _) = epochs(&driver);
        if silent {
            assert!(driver.fire(GroupTimer::Session(GROUP, first.id)).is_empty());
        } else {
            let answer = driver.pulse(first.leaves(MemberEpoch::LEAVE)).unwrap();
            assert_eq!((answer.epoch, answer.assignment), (MemberEpoch::LEAVE, None));
            assert!(!driver.timers.contains_key(&GroupTimer::Session(GROUP, first.id)));
        }
        assert_eq!(epochs(&driver), (before + 1, before), "R9.33");
        second.beats(&mut driver);
        assert_eq!(second.owned.len(), usize::from(PARTITIONS));
        assert_eq!(second.epoch.0, before + 1);
        assert_eq!(driver.pulse(first.owns()), Err(ErrorCode::UnknownMemberId), "R9.30");
    }
}

#[test]
fn every_accepted_heartbeat_starts_the_session_anew() {
    let (mut driver, first, _) = pair(KafkaVersion::V4_0);
    let session = GroupTimer::Session(GROUP, first.id);
    driver.timers.remove(&session);
    let ahead = Member { epoch: first.epoch.next(), ..first.clone() };
    assert!(driver.pulse(ahead.sign()).is_err());
    assert!(!driver.timers.contains_key(&session));
    let answer = driver.pulse(first.sign()).unwrap();
    assert_eq!(answer.assignment, None, "nothing new");
    assert!(driver.timers.contains_key(&session));
    assert_eq!(driver.pulse(first.full()).unwrap().assignment, Some(first.owned), "asked in full");
}

#[test]
fn a_static_member_comes_back_and_nobody_else_notices() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let mut first = Member::fixed(1, 7).joined(&mut driver);
    let mut other = Member::new(2).joined(&mut driver);
    settle(&mut driver, &mut [&mut first, &mut other]);
    let before = epochs(&driver);
    let taken = driver.pulse(Member::fixed(3, 7).full());
    assert_eq!(taken, Err(ErrorCode::UnreleasedInstanceId), "R9.30");
    let away = driver.pulse(first.leaves(MemberEpoch::LEAVE_STATIC)).unwrap();
    assert_eq!(away.epoch, MemberEpoch::LEAVE_STATIC);
    other.beats(&mut driver);
    assert_eq!((epochs(&driver), other.owned.len()), (before, 2), "its share is kept");
    let back = Member::fixed(3, 7).joined(&mut driver);
    assert_eq!((epochs(&driver), &back.owned, back.epoch), (before, &first.owned, first.epoch));
    assert_eq!(driver.pulse(first.owns()), Err(ErrorCode::FencedInstanceId), "R9.30");
    let leaves = first.leaves(MemberEpoch::LEAVE);
    assert_eq!(driver.pulse(leaves), Err(ErrorCode::FencedInstanceId));
    assert!(!driver.timers.contains_key(&GroupTimer::Session(GROUP, first.id)));
}

#[test]
fn a_static_member_that_stays_away_is_removed() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let first = Member::fixed(1, 7).joined(&mut driver);
    driver.pulse(first.leaves(MemberEpoch::LEAVE_STATIC)).unwrap();
    let fenced = Observation::MemberFenced {
        group: GROUP,
        member: first.id,
        generation: first.epoch.into(),
    };
    assert!(driver.seen.contains(&fenced), "its application may not know: {:?}", driver.seen);
    driver.fire(GroupTimer::Session(GROUP, first.id));
    let group = driver.coordinator.consumer_group(GROUP).expect("the group");
    assert!(group.members.is_empty() && group.target.is_empty() && group.current.is_empty());
    assert_eq!(driver.pulse(first.sign()), Err(ErrorCode::UnknownMemberId));
    let back = Member::fixed(2, 7).joined(&mut driver);
    assert_eq!(back.epoch, MemberEpoch(3), "left, and back");
    assert_eq!(driver.pulse(back.leaves(MemberEpoch::LEAVE)).unwrap().epoch, MemberEpoch::LEAVE);
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let full = Member::new(1).full();
    let invalid = [
        ConsumerGroupHeartbeatRequest { rebalance_timeout: None, ..full.clone() },
        ConsumerGroupHeartbeatRequest { topics: Some([].into()), ..full.clone() },
        ConsumerGroupHeartbeatRequest { topics: None, ..full.clone() },
        ConsumerGroupHeartbeatRequest { owned: None, ..full.clone() },
        ConsumerGroupHeartbeatRequest { owned: Some([at(0)].into()), ..full.clone() },
        ConsumerGroupHeartbeatRequest { epoch: MemberEpoch::LEAVE_STATIC, ..full.clone() },
        ConsumerGroupHeartbeatRequest { epoch: MemberEpoch(-3), ..full.clone() },
    ];
    for request in invalid {
        assert_eq!(driver.pulse(request.clone()), Err(ErrorCode::InvalidRequest), "{request:?}");
    }
    assert!(driver.log.is_empty(), "nothing was written");
    let features = Features { group_version: 0, ..Features::default() };
    let mut driver = Driver::of(&[], Profile { version: KafkaVersion::V4_0, features });
    assert_eq!(driver.pulse(full), Err(ErrorCode::UnsupportedVersion), "R17.54");
}

#[test]
fn topics_that_do_not_exist_have_no_partitions() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let nowhere = Member { topics: [TopicId(99)].into(), ..Member::new(1) };
    assert_eq!(driver.pulse(nowhere.full()).unwrap().assignment, Some([].into()));
}

#[test]
fn most_wishes_choose_the_assignor() {
    let mut driver = coordinator(KafkaVersion::V4_0);
    let topics = [TopicId(1), TopicId(2)].into();
    let mut members =
        [1, 2, 3].map(|id| Member { topics: std::sync::Arc::clone(&topics), ..Member::new(id) });
    for member in &mut members {
        let assignor = Some(ServerAssignor::Range);
        let request = ConsumerGroupHeartbeatRequest { assignor, ..member.full() };
        member.hear(&driver.pulse(request));
    }
    let [first, second, third] = &mut members;
    settle(&mut driver, &mut [first, second, third]);
    let shares = members.map(|member| member.owned.len());
    assert_eq!(shares, [4, 2, 2], "range; uniform would be even within one");
}
