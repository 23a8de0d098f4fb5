//! A broker around a coordinator, played by hand: a log, its high watermark, and timers that fire when
//! told to.

use super::super::classic;
use super::super::store::{Group, Store};
use super::super::{Action, GroupCoordinator, GroupTimer};
use super::expiry;
use crate::assignor::Assignor;
use crate::config::{BrokerSettings, CleanupPolicy, ClusterConfig, LogConfig, TopicConfig};
use crate::log::ReplicaLog;
use crate::machine::{ConnectionId, Outbox};
use crate::message::GroupRecord;
use crate::message::{
    CommittedOffset, CorrelationId, GroupRequest, GroupResponse, JoinGroupRequest,
    JoinGroupResponse, MemberClaim, MemberMetadata, OffsetCommitRequest, OffsetFetchRequest,
    Payload, RecordBatch, SyncGroupRequest,
};
use crate::observation::Observation;
use crate::profile::Profile;
use crate::variant::{Variant, Variants};
use ackproof_types::{
    BrokerId, ControllerId, ErrorCode, GenerationId, GroupId, LeaderEpoch, MemberId, Micros,
    Offset, RebalanceReason, Timestamp, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) const GROUP: GroupId = GroupId(0);

/// Partition `partition` of the topic that the group reads.
pub(super) const fn at(partition: u16) -> TopicPartition {
    TopicPartition { topic: TopicId(1), partition }
}

/// Partitions of each topic that a group may read.
pub(super) const PARTITIONS: u16 = 4;

pub(super) struct Driver {
    pub(super) coordinator: GroupCoordinator,
    pub(super) log: Vec<Arc<RecordBatch>>,
    pub(super) high_watermark: Offset,
    /// Followers copy at once.
    pub(super) replicates: bool,
    /// Batches are appended at once.
    pub(super) flushes: bool,
    /// What appends fail with.
    pub(super) refuses: Option<ErrorCode>,
    pub(super) replies: Vec<(u64, GroupResponse)>,
    pub(super) timers: BTreeMap<GroupTimer, Micros>,
    pub(super) seen: Vec<Observation>,
    pub(super) now: Timestamp,
    asked: u64,
    epoch: i32,
    profile: Profile,
}

/// Its topics besides `__consumer_offsets` have [`PARTITIONS`] partitions each.
fn fresh(variants: &[Variant], profile: Profile) -> GroupCoordinator {
    let topic = TopicConfig {
        partitions: 1,
        replication_factor: 3,
        min_insync_replicas: 1,
        unclean_leader_election: false,
        max_message_bytes: 1 << 20,
        log: LogConfig::with_segments_of(1 << 20),
    };
    let config = ClusterConfig {
        brokers: [1, 2, 3].map(BrokerId).into(),
        controllers: [ControllerId(0)].into(),
        racks: Default::default(),
        later: BTreeSet::new(),
        consumer_offsets: TopicId(0),
        group_names: vec!["g".into()],
        topics: vec![
            topic,
            TopicConfig { partitions: PARTITIONS, ..topic },
            TopicConfig { partitions: PARTITIONS, ..topic },
        ],
        broker: BrokerSettings::default(),
        profile,
        variants: variants.iter().copied().collect::<Variants>(),
    };
    GroupCoordinator::new(Arc::new(config), BrokerId(1))
}

/// What compaction leaves of the log: each batch is a segment, and only the last is written to.
fn compacted(driver: &Driver) -> Vec<Arc<RecordBatch>> {
    let mut config = LogConfig::with_segments_of(1);
    config.cleanup = CleanupPolicy::Compact;
    let (mut log, mut out) = (ReplicaLog::load(at(0), None, config), Outbox::<(), _>::default());
    for batch in &driver.log {
        log.append(Arc::clone(batch), &mut out);
    }
    log.set_high_watermark(driver.high_watermark);
    log.compact(driver.now, Variants::default(), &mut out);
    log.batches().collect()
}

/// What the records add up to. Of a classic group that only held offsets no record tells.
fn folded(log: &[Arc<RecordBatch>]) -> Store {
    let mut store = Store::default();
    for batch in log {
        if let Payload::Group(records) = &batch.payload {
            records.iter().for_each(|record| store.replay(record));
        }
    }
    store.groups.retain(|_, group| *group != Group::Classic(classic::Group::default()));
    store
}

impl Driver {
    pub(super) fn new(variants: &[Variant]) -> Self {
        Self::of(variants, Profile::default())
    }

    /// A coordinator of this line of Kafka.
    pub(super) fn of(variants: &[Variant], profile: Profile) -> Self {
        let mut driver = Self {
            coordinator: fresh(variants, profile),
            log: Vec::new(),
            high_watermark: Offset(0),
            replicates: true,
            flushes: true,
            refuses: None,
            replies: Vec::new(),
            timers: BTreeMap::new(),
            seen: Vec::new(),
            now: Timestamp::START,
            asked: 0,
            epoch: 0,
            profile,
        };
        driver.elect();
        driver.fire(GroupTimer::Load(0));
        driver
    }

    pub(super) fn end(&self) -> Offset {
        self.log.last().map_or(Offset(0), |batch| batch.next_offset())
    }

    /// The coordinator takes the lead in a new epoch. It serves after `Load`.
    pub(super) fn elect(&mut self) {
        self.epoch += 1;
        let (log, mut actions) = (self.log.clone().into_iter(), Vec::new());
        let epoch = LeaderEpoch(self.epoch);
        self.coordinator.elected(0, epoch, log, self.high_watermark, &mut actions);
        self.perform(actions);
    }

    /// Another broker coordinates from here on, with `log`; nobody hears from the old one again.
    pub(super) fn fail_over(&mut self) {
        assert_eq!(folded(&compacted(self)), folded(&self.log), "R1.19: {:?}", self.log);
        self.coordinator = fresh(&[], self.profile);
        self.timers.clear();
        self.elect();
    }

    pub(super) fn resign(&mut self) -> Vec<GroupResponse> {
        let mut actions = Vec::new();
        self.coordinator.resigned(0, &mut actions);
        self.perform(actions);
        self.heard()
    }

    /// Everything written is replicated. Answers stay in `replies`.
    pub(super) fn replicate_quietly(&mut self) {
        self.high_watermark = self.end();
        let mut actions = Vec::new();
        self.coordinator.high_watermark(self.now, 0, self.high_watermark, &mut actions);
        self.perform(actions);
    }

    pub(super) fn replicate(&mut self) -> Vec<GroupResponse> {
        self.replicate_quietly();
        self.heard()
    }

    /// The number of the next question.
    pub(super) fn next_number(&self) -> u64 {
        self.asked + 1
    }

    /// Partitions are deleted.
    pub(super) fn partitions_deleted(&mut self, all: &[TopicPartition]) {
        let mut actions = Vec::new();
        let all = all.iter().copied().collect();
        self.coordinator.partitions_deleted(self.now, &all, &mut actions);
        self.perform(actions);
    }

    fn append(&mut self, records: Arc<[GroupRecord]>) -> Result<Offset, ErrorCode> {
        if let Some(error) = self.refuses {
            return Err(error);
        }
        self.log.push(Arc::new(RecordBatch {
            base_offset: self.end(),
            leader_epoch: LeaderEpoch(self.epoch),
            producer: None,
            max_timestamp: Timestamp::START,
            size: 1,
            payload: Payload::Group(records),
        }));
        Ok(self.end())
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Reply { correlation, response, .. } => {
                    self.replies.push((correlation.0, response));
                }
                Action::Append { partition, records } => {
                    let result = self.append(records);
                    let mut more = Vec::new();
                    self.coordinator.appended(self.now, partition, result, &mut more);
                    if self.replicates && result.is_ok() {
                        self.high_watermark = self.end();
                        self.coordinator.high_watermark(
                            self.now,
                            0,
                            self.high_watermark,
                            &mut more,
                        );
                    }
                    self.perform(more);
                }
                Action::Arm(timer, delay) => drop(self.timers.insert(timer, delay.max)),
                Action::Disarm(timer) => drop(self.timers.remove(&timer)),
                Action::Observe(fact) => self.seen.push(fact),
            }
        }
        if self.flushes && self.timers.remove(&GroupTimer::Linger(0)).is_some() {
            let mut more = Vec::new();
            self.coordinator.fire(self.now, GroupTimer::Linger(0), &mut more);
            self.perform(more);
        }
    }

    fn heard(&mut self) -> Vec<GroupResponse> {
        std::mem::take(&mut self.replies).into_iter().map(|(_, response)| response).collect()
    }

    /// Asks under a number of its own, which is returned; answers are in `replies`.
    pub(super) fn send(&mut self, request: &GroupRequest) -> u64 {
        self.asked += 1;
        let mut actions = Vec::new();
        let id = CorrelationId(self.asked);
        self.coordinator.handle(self.now, (ConnectionId(0), id), request, &mut actions);
        self.perform(actions);
        self.asked
    }

    pub(super) fn ask(&mut self, request: &GroupRequest) -> Vec<GroupResponse> {
        self.send(request);
        self.heard()
    }

    /// Answers stay in `replies`.
    pub(super) fn fire_quietly(&mut self, timer: GroupTimer) {
        assert!(self.timers.remove(&timer).is_some(), "{timer:?} is not armed");
        let is_look = matches!(timer, GroupTimer::Expiry(_));
        let before = self.coordinator.store(GROUP).filter(|_| is_look).cloned();
        let mut actions = Vec::new();
        self.coordinator.fire(self.now, timer, &mut actions);
        if let Some(before) = before {
            expiry::watch(self.now, &before, self.coordinator.store(GROUP));
        }
        self.perform(actions);
    }

    pub(super) fn fire(&mut self, timer: GroupTimer) -> Vec<GroupResponse> {
        self.fire_quietly(timer);
        self.heard()
    }

    pub(super) fn join(&mut self, member: Option<MemberId>) -> Vec<GroupResponse> {
        self.ask(&join(member))
    }

    pub(super) fn new_member(&mut self) -> MemberId {
        match self.join(None)[..] {
            [GroupResponse::JoinGroup(JoinGroupResponse::MemberIdRequired(id))] => id,
            ref other => panic!("{other:?}"),
        }
    }

    pub(super) fn sync(&mut self, claim: MemberClaim) -> Vec<GroupResponse> {
        let assignment = vec![(claim.member, [at(0)].into())];
        self.ask(&GroupRequest::SyncGroup(SyncGroupRequest { claim, assignment }))
    }

    pub(super) fn beat(&mut self, claim: MemberClaim) -> Vec<GroupResponse> {
        self.ask(&GroupRequest::Heartbeat(claim))
    }

    pub(super) fn commit(&mut self, claim: MemberClaim, offset: i64) -> Vec<GroupResponse> {
        self.ask(&commit(claim, at(0), offset))
    }

    pub(super) fn committed(&mut self) -> Option<i64> {
        match &self.ask(&GroupRequest::OffsetFetch(OffsetFetchRequest::new(GROUP, vec![at(0)])))[..]
        {
            [GroupResponse::OffsetFetch(Ok(offsets))] => offsets[0].1.map(|it| it.offset.0),
            other => panic!("{other:?}"),
        }
    }

    /// One member, in generation 1 and Stable.
    pub(super) fn stable(variants: &[Variant]) -> (Self, MemberClaim) {
        let mut driver = Self::new(variants);
        let member = driver.new_member();
        assert!(driver.join(Some(member)).is_empty(), "waits for the initial delay");
        assert_eq!(driver.fire(GroupTimer::Join(GROUP)).len(), 1, "joined");
        let claim =
            MemberClaim { group: GROUP, generation: GenerationId(1), member, instance: None };
        let synced = driver.sync(claim);
        assert!(matches!(&synced[..], [GroupResponse::SyncGroup(Ok(it))] if **it == [at(0)]));
        (driver, claim)
    }
}

/// A dynamic member with the default assignors that owns nothing and never did.
pub(super) fn metadata(topics: Arc<[TopicId]>) -> MemberMetadata {
    MemberMetadata {
        protocols: [Assignor::Range, Assignor::CooperativeSticky].into(),
        instance: None,
        topics,
        owned: Arc::default(),
        generation: GenerationId::UNKNOWN,
        user_data: None,
        opaque: None,
    }
}

pub(super) fn join(member: Option<MemberId>) -> GroupRequest {
    GroupRequest::JoinGroup(JoinGroupRequest {
        group: GROUP,
        member,
        require_known_member_id: true,
        session_timeout: Micros::from_secs(45),
        rebalance_timeout: Micros::from_secs(300),
        metadata: metadata(Arc::new([TopicId(1)])),
        reason: RebalanceReason::Joined,
    })
}

pub(super) fn commit(claim: MemberClaim, partition: TopicPartition, offset: i64) -> GroupRequest {
    let leader_epoch = LeaderEpoch::UNKNOWN;
    let committed = CommittedOffset { offset: Offset(offset), leader_epoch };
    GroupRequest::OffsetCommit(OffsetCommitRequest {
        claim,
        offsets: vec![(partition, committed)],
        by_id: false,
    })
}
