//! The coordinator, driven by hand.

use super::record::GroupRecord;
use super::*;
use crate::config::{BrokerSettings, ClusterConfig};
use crate::message::{
    CommittedOffset, JoinGroupRequest, JoinGroupResponse, MemberClaim, OffsetCommitRequest,
    Payload, RecordBatch, SyncGroupRequest,
};
use crate::variant::{Variant, Variants};
use ackproof_types::{
    BrokerId, ErrorCode, GenerationId, LeaderEpoch, Offset, Timestamp, TopicId, TopicPartition,
};

const GROUP: GroupId = GroupId(0);
const AT: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };

struct Driver {
    coordinator: GroupCoordinator,
    log: Vec<Arc<RecordBatch>>,
    replicates: bool,
    replies: Vec<Response>,
    timers: Vec<GroupTimer>,
}

fn fresh(variants: &[Variant]) -> GroupCoordinator {
    let config = ClusterConfig {
        brokers: 3,
        group_names: Default::default(),
        topics: Vec::new(),
        broker: BrokerSettings::default(),
        variants: variants.iter().copied().collect::<Variants>(),
    };
    GroupCoordinator::new(Arc::new(config), BrokerId(1))
}

impl Driver {
    fn new(variants: &[Variant]) -> Self {
        let coordinator = fresh(variants);
        let (log, replies, timers) = (Vec::new(), Vec::new(), Vec::new());
        let mut driver = Self { coordinator, log, replicates: true, replies, timers };
        driver.elect(0);
        driver
    }

    fn end(&self) -> Offset {
        self.log.last().map_or(Offset(0), |batch| batch.next_offset())
    }

    fn elect(&mut self, epoch: i32) {
        let (log, end) = (self.log.clone(), self.end());
        let mut actions = Vec::new();
        self.coordinator.elected(0, LeaderEpoch(epoch), log.into_iter(), end, &mut actions);
        self.perform(actions);
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            let mut more = Vec::new();
            match action {
                Action::Reply { response, .. } => self.replies.push(response),
                Action::Append { partition, records } => {
                    self.log.push(Arc::new(RecordBatch {
                        base_offset: self.end(),
                        leader_epoch: LeaderEpoch(0),
                        producer: None,
                        max_timestamp: Timestamp::START,
                        size: 1,
                        payload: Payload::Group(records),
                    }));
                    let end = self.end();
                    self.coordinator.appended(partition, Ok(end), &mut more);
                    if self.replicates {
                        self.coordinator.high_watermark(partition, end, &mut more);
                    }
                }
                Action::Arm(timer, _) => self.timers.push(timer),
                Action::Disarm(timer) => self.timers.retain(|armed| *armed != timer),
                Action::Observe(_) => {}
            }
            self.perform(more);
        }
    }

    fn ask(&mut self, request: &Request) -> Vec<Response> {
        let mut actions = Vec::new();
        let (from, id, now) = (ConnectionId(0), CorrelationId(0), Timestamp::START);
        self.coordinator.handle(from, id, request, Some(0), now, &mut actions);
        self.perform(actions);
        std::mem::take(&mut self.replies)
    }

    fn fire(&mut self, timer: GroupTimer) -> Vec<Response> {
        let mut actions = Vec::new();
        self.coordinator.fire(timer, &mut actions);
        self.perform(actions);
        std::mem::take(&mut self.replies)
    }

    fn join(&mut self, member: Option<MemberId>) -> Vec<Response> {
        self.ask(&Request::JoinGroup(JoinGroupRequest {
            group: GROUP,
            member,
            session_timeout: Micros::from_secs(45),
            rebalance_timeout: Micros::from_secs(300),
            topics: Arc::new([TopicId(1)]),
        }))
    }

    fn new_member(&mut self) -> MemberId {
        match self.join(None)[..] {
            [Response::JoinGroup(JoinGroupResponse::MemberIdRequired(id))] => id,
            ref other => panic!("{other:?}"),
        }
    }

    fn sync(&mut self, claim: MemberClaim) -> Vec<Response> {
        let assignment = vec![(claim.member, Arc::from([AT]))];
        self.ask(&Request::SyncGroup(SyncGroupRequest { claim, assignment }))
    }

    fn commit(&mut self, claim: MemberClaim, offset: i64) -> Vec<Response> {
        let committed =
            CommittedOffset { offset: Offset(offset), leader_epoch: LeaderEpoch::UNKNOWN };
        let offsets = vec![(AT, committed)];
        self.ask(&Request::OffsetCommit(OffsetCommitRequest { claim, offsets }))
    }

    fn committed(&mut self) -> Option<i64> {
        match &self.ask(&Request::OffsetFetch(GROUP, vec![AT]))[..] {
            [Response::OffsetFetch(Ok(offsets))] => offsets[0].1.map(|it| it.offset.0),
            other => panic!("{other:?}"),
        }
    }

    /// One member, in generation 1 and Stable.
    fn stable(variants: &[Variant]) -> (Self, MemberClaim) {
        let mut driver = Self::new(variants);
        let member = driver.new_member();
        assert!(driver.join(Some(member)).is_empty(), "waits for the initial delay");
        assert_eq!(driver.fire(GroupTimer::Join(GROUP)).len(), 1, "joined");
        let claim = MemberClaim { group: GROUP, generation: GenerationId(1), member };
        let synced = driver.sync(claim);
        assert!(matches!(&synced[..], [Response::SyncGroup(Ok(it))] if **it == [AT]));
        (driver, claim)
    }
}

#[test]
fn hash_is_that_of_java() {
    assert_eq!(offsets_partition("abc", 50), 4, "96354 mod 50");
    assert_eq!(offsets_partition("polygenelubricants", 50), 0, "the smallest integer");
}

#[test]
fn second_member_rebalances_and_commits_follow_the_state() {
    let (mut driver, first) = Driver::stable(&[]);
    let second = driver.new_member();
    assert!(driver.join(Some(second)).is_empty(), "waits for the first");
    let beat = driver.ask(&Request::Heartbeat(first));
    assert!(matches!(beat[..], [Response::Heartbeat(Err(ErrorCode::RebalanceInProgress))]));
    assert!(matches!(driver.commit(first, 5)[..], [Response::OffsetCommit(Ok(()))]), "R9.10");
    assert_eq!(driver.join(Some(first.member)).len(), 2, "both joined");
    let now = MemberClaim { generation: GenerationId(2), ..first };
    let error = ErrorCode::RebalanceInProgress;
    assert!(matches!(driver.commit(now, 6)[..], [Response::OffsetCommit(Err(e))] if e == error));
    let error = ErrorCode::IllegalGeneration;
    assert!(matches!(driver.commit(first, 6)[..], [Response::OffsetCommit(Err(e))] if e == error));
    let other = MemberClaim { member: second, ..now };
    assert!(driver.sync(other).is_empty(), "waits for the leader");
    assert_eq!(driver.sync(now).len(), 2, "both assigned");
}

#[test]
fn session_expiry_empties_the_group() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.fire(GroupTimer::Session(GROUP, claim.member));
    let error = ErrorCode::UnknownMemberId;
    assert!(matches!(driver.commit(claim, 1)[..], [Response::OffsetCommit(Err(e))] if e == error));
    let Payload::Group(records) = &driver.log.last().unwrap().payload else { panic!("group") };
    let GroupRecord::Group { generation, members, .. } = &records[0] else { panic!("group") };
    assert_eq!((*generation, members.len()), (GenerationId(2), 0), "R9.17");
}

#[test]
fn rebalance_drops_who_does_not_rejoin() {
    let (mut driver, _) = Driver::stable(&[]);
    let second = driver.new_member();
    driver.join(Some(second));
    let joined = driver.fire(GroupTimer::Join(GROUP));
    assert!(
        matches!(&joined[..], [Response::JoinGroup(JoinGroupResponse::Joined { leader, members, .. })]
            if *leader == second && members.len() == 1),
        "{joined:?}"
    );
}

#[test]
fn commit_is_held_until_replicated_or_times_out() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.replicates = false;
    assert!(driver.commit(claim, 5).is_empty(), "held");
    let operation = *driver.timers.last().unwrap();
    let error = ErrorCode::CoordinatorNotAvailable;
    assert!(matches!(driver.fire(operation)[..], [Response::OffsetCommit(Err(e))] if e == error));
    let mut actions = Vec::new();
    assert!(driver.commit(claim, 7).is_empty(), "held");
    driver.coordinator.high_watermark(0, driver.end(), &mut actions);
    driver.perform(actions);
    assert!(matches!(driver.replies[..], [Response::OffsetCommit(Ok(()))]), "R9.3");
    driver.replies.clear();
    assert_eq!(driver.committed(), Some(7), "the last one wins");
}

#[test]
fn failover_keeps_generation_and_offsets() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.commit(claim, 5);
    driver.coordinator = fresh(&[]);
    let error = ErrorCode::NotCoordinator;
    assert!(matches!(driver.commit(claim, 6)[..], [Response::OffsetCommit(Err(e))] if e == error));
    driver.elect(1);
    assert!(driver.timers.contains(&GroupTimer::Session(GROUP, claim.member)), "R9.6");
    assert!(matches!(driver.ask(&Request::Heartbeat(claim))[..], [Response::Heartbeat(Ok(()))]));
    assert_eq!(driver.committed(), Some(5), "R9.6");
    assert_ne!(driver.new_member(), claim.member, "unique over coordinators");
}

#[test]
fn variants_replace_one_rule_each() {
    let (mut driver, claim) = Driver::stable(&[Variant::ZombieCommitAccepted]);
    let zombie = MemberClaim { member: MemberId(9), ..claim };
    assert!(matches!(driver.commit(zombie, 1)[..], [Response::OffsetCommit(Ok(()))]));
    let (mut driver, claim) = Driver::stable(&[Variant::CommitAckBeforeReplication]);
    driver.replicates = false;
    assert!(matches!(driver.commit(claim, 1)[..], [Response::OffsetCommit(Ok(()))]));
}

#[test]
fn resignation_fails_what_is_held() {
    let (mut driver, claim) = Driver::stable(&[]);
    driver.replicates = false;
    driver.commit(claim, 5);
    let mut actions = Vec::new();
    driver.coordinator.resigned(0, &mut actions);
    driver.perform(actions);
    let error = ErrorCode::NotCoordinator;
    assert!(matches!(driver.replies[..], [Response::OffsetCommit(Err(e))] if e == error));
    assert!(driver.timers.iter().all(|timer| !matches!(timer, GroupTimer::Operation(_))));
}
