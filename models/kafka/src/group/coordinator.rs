//! The door of the coordinator: elections, requests, appends, high watermarks and timers of all its
//! partitions (Kafka: `GroupCoordinatorService`). What a group makes of a request is `classic` and
//! `consumer`.

use super::classic;
use super::consumer;
use super::journal::{Around, Context, Outcome, failed, reply, translated};
use super::member::{Caller, Parked};
use super::shard::Shard;
use super::store::{Group, Store};
use super::{Action, GroupTimer, expiry, join, migrate, offsets};
use crate::config::ClusterConfig;
use crate::machine::ConnectionId;
use crate::message::{
    CorrelationId, GroupRequest, GroupResponse, JoinGroupResponse, MemberState, Payload,
    RecordBatch,
};
use crate::observation::Observation;
use crate::variant::Variant;
use ackproof_types::{
    BrokerId, Delay, ErrorCode, GroupId, LeaderEpoch, MemberId, Micros, Offset, RebalanceReason,
    Timestamp, TopicId, TopicPartition, offsets_partition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long reading a partition takes (R9.6). In Kafka it follows from the size of the log; to clients
/// it makes no difference beyond the pause.
const LOAD: Delay = Delay { min: Micros::from_millis(1), max: Micros::from_millis(50) };

/// The coordinator of the groups whose partition of `__consumer_offsets` this broker leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupCoordinator {
    config: Arc<ClusterConfig>,
    /// Partitions by topic, as far as this broker has heard (Kafka: `onNewMetadataImage`).
    counts: Vec<u16>,
    /// Which topic has each name, as far as it has heard.
    ids: Vec<TopicId>,
    broker: BrokerId,
    /// The partition of each group (R9.1).
    homes: Vec<u16>,
    shards: BTreeMap<u16, Shard>,
    /// An empty list, kept for its allocation.
    spare: Vec<Action>,
}

impl GroupCoordinator {
    /// The coordinator of `broker`, active for no partition yet.
    #[must_use]
    pub fn new(config: Arc<ClusterConfig>, broker: BrokerId) -> Self {
        let partitions = config.topic(config.consumer_offsets).partitions;
        let names = config.group_names.iter();
        let homes = names.map(|name| offsets_partition(name, partitions)).collect();
        let is_there = |id: &TopicId| !config.later.contains(id);
        let topics = (0..).map(TopicId).zip(&config.topics);
        let counts = topics.map(|(id, topic)| if is_there(&id) { topic.partitions } else { 0 });
        let counts = counts.collect();
        let ids = (0..).map(TopicId).take(config.topics.len()).collect();
        Self { config, counts, ids, broker, homes, shards: BTreeMap::new(), spare: Vec::new() }
    }

    /// The broker has heard of a partition. Groups take notice with the next heartbeat of a member.
    pub fn partition_exists(&mut self, partition: TopicPartition) {
        let (name, id) = (partition.topic.index(), partition.topic);
        if let (Some(count), Some(known)) = (self.counts.get_mut(name), self.ids.get_mut(name)) {
            if *known < id {
                (*known, *count) = (id, 0);
            }
            *count = (*count).max(partition.partition.saturating_add(1));
        }
    }

    /// The broker has heard that a topic is deleted. Groups take notice as of new partitions.
    pub fn topic_is_gone(&mut self, topic: TopicId) {
        if self.ids.get(topic.index()) == Some(&topic)
            && let Some(count) = self.counts.get_mut(topic.index())
        {
            *count = 0;
        }
    }

    /// Partitions are deleted: so are the offsets that groups have committed in them. A coordinator that is still
    /// reading its log misses it, as in Kafka, which tells each once (`GroupCoordinatorService#onPartitionsDeleted`).
    pub fn partitions_deleted(
        &mut self,
        now: Timestamp,
        deleted: &BTreeSet<TopicPartition>,
        actions: &mut Vec<Action>,
    ) {
        let around = Around { config: &self.config, counts: &self.counts, ids: &self.ids, now };
        for shard in self.shards.values_mut().filter(|shard| !shard.loading) {
            offsets::delete(shard, deleted, around, actions);
        }
    }

    /// What holds of all its groups between any two steps.
    pub(crate) fn check(&self) {
        for shard in self.shards.values() {
            shard.check(&self.config, &self.counts);
        }
    }

    /// The partition of `__consumer_offsets` that keeps `group` (R9.1); none if the cluster has no such group.
    #[must_use]
    pub fn home(&self, group: GroupId) -> Option<u16> {
        self.homes.get(group.index()).copied()
    }

    /// The broker took the lead of `partition`: reads its whole log, beyond the high watermark, and
    /// serves once that is done (R9.6). One that is active already stays as it is, under the new epoch
    /// (`CoordinatorRuntime#scheduleLoadOperation`).
    pub fn elected(
        &mut self,
        partition: u16,
        epoch: LeaderEpoch,
        batches: impl Iterator<Item = Arc<RecordBatch>>,
        high_watermark: Offset,
        actions: &mut Vec<Action>,
    ) {
        if let Some(shard) = self.shards.get_mut(&partition) {
            shard.epoch = epoch;
            return;
        }
        let mut store = Store::default();
        let mut end = Offset(0);
        let stops_early = self.config.variants.has(Variant::CoordinatorLoadsPart);
        for batch in batches {
            end = batch.next_offset();
            if stops_early && batch.base_offset >= high_watermark {
                continue;
            }
            if let Payload::Group(records) = &batch.payload {
                records.iter().for_each(|record| store.replay(record));
            }
        }
        if self.config.variants.has(Variant::OffsetsExpireAfterLoad) {
            store.misread_times();
        }
        let shard = Shard::new(partition, epoch, store, end, high_watermark);
        self.shards.insert(partition, shard);
        actions.push(Action::Arm(GroupTimer::Load(partition), LOAD));
    }

    /// R9.6: the session of every member starts anew.
    fn loaded(&mut self, partition: u16, actions: &mut Vec<Action>) {
        let Some(shard) = self.shards.get_mut(&partition) else { return };
        shard.loading = false;
        for (group, state) in &shard.store.groups {
            match state {
                Group::Classic(state) => {
                    for (id, member) in &state.members {
                        let timer = GroupTimer::Session(*group, *id);
                        actions.push(Action::Arm(timer, member.session_timeout.into()));
                    }
                }
                Group::Consumer(state) => {
                    let session = self.config.broker.group_consumer_session_timeout;
                    arm_loaded(*group, state, session, actions);
                }
            }
        }
        self.arm_expiry(partition, actions);
        let partition = TopicPartition::new(self.config.consumer_offsets, partition);
        actions.push(Action::Observe(Observation::CoordinatorLoaded { partition }));
    }

    /// The broker leads `partition` no more: all who wait are told so (R9.4).
    pub fn resigned(&mut self, partition: u16, actions: &mut Vec<Action>) {
        let Some(shard) = self.shards.remove(&partition) else { return };
        let Shard { store, journal, .. } = shard;
        let error = ErrorCode::NotCoordinator;
        actions.push(Action::Disarm(GroupTimer::Load(partition)));
        actions.push(Action::Disarm(GroupTimer::Expiry(partition)));
        for outcome in journal.abandon(actions) {
            match outcome {
                Outcome::Reply(to, response) => reply(actions, to, failed(&response, error)),
                // Those who are parked are answered below.
                Outcome::Parked(..) | Outcome::Assignment(..) => {}
            }
        }
        for (group, state) in store.groups {
            match state {
                Group::Classic(state) => abandon_classic(group, &state, error, actions),
                Group::Consumer(state) => {
                    actions.push(Action::Disarm(GroupTimer::Assignment(group)));
                    for id in state.members.keys() {
                        actions.push(Action::Disarm(GroupTimer::Session(group, *id)));
                        actions.push(Action::Disarm(GroupTimer::Rebalance(group, *id)));
                        actions.push(Action::Disarm(GroupTimer::MemberJoin(group, *id)));
                        actions.push(Action::Disarm(GroupTimer::MemberSync(group, *id)));
                    }
                }
            }
        }
    }

    /// Takes a request about a group.
    pub fn handle(
        &mut self,
        now: Timestamp,
        (connection, correlation): (ConnectionId, CorrelationId),
        request: &GroupRequest,
        actions: &mut Vec<Action>,
    ) {
        let group = request.group();
        let to = Caller { connection, correlation };
        let Self { config, counts, ids, broker, homes, shards, .. } = self;
        let home = homes.get(group.index());
        let Some(shard) = home.and_then(|home| shards.get_mut(home)) else {
            return refuse(request, to, ErrorCode::NotCoordinator, actions);
        };
        if shard.loading {
            return refuse(request, to, ErrorCode::CoordinatorLoadInProgress, actions);
        }
        let Shard { epoch, store, journal, named, .. } = shard;
        let mut cx = Context::new(group, Around { config, counts, ids, now }, journal, actions);
        match request {
            GroupRequest::JoinGroup(request) => {
                let new = member_id(*broker, *epoch, cx.journal.partition, *named);
                *named += u64::from(join::classic(store, request, new, to, &mut cx));
            }
            GroupRequest::SyncGroup(request) => match store.groups.get_mut(&group) {
                Some(Group::Classic(state)) => state.sync(request, to, &mut cx),
                Some(Group::Consumer(state)) => state.sync_classic(&request.claim, to, &mut cx),
                None => cx.reply(to, GroupResponse::SyncGroup(Err(ErrorCode::UnknownMemberId))),
            },
            GroupRequest::Heartbeat(claim) => match store.groups.get_mut(&group) {
                Some(Group::Classic(state)) => state.heartbeat(claim, to, &mut cx),
                Some(Group::Consumer(state)) => state.heartbeat_classic(claim, to, &mut cx),
                None => cx.reply(to, GroupResponse::Heartbeat(Err(ErrorCode::UnknownMemberId))),
            },
            GroupRequest::LeaveGroup(_, member, reason) => match store.groups.get_mut(&group) {
                Some(Group::Classic(state)) => {
                    let result = state.leave(*member, *reason, &mut cx);
                    cx.respond(to, GroupResponse::LeaveGroup(result));
                }
                Some(Group::Consumer(state)) => state.leave_classic(*member, to, &mut cx),
                None => cx.respond(to, GroupResponse::LeaveGroup(Err(ErrorCode::UnknownMemberId))),
            },
            GroupRequest::OffsetCommit(request) => offsets::commit(store, request, to, &mut cx),
            GroupRequest::OffsetFetch(request) => offsets::fetch(store, request, to, &mut cx),
            GroupRequest::ConsumerGroupHeartbeat(request) => {
                join::consumer(store, request, to, &mut cx);
            }
        }
    }

    /// The cluster has other feature levels from here on.
    pub fn go_by(&mut self, config: &Arc<ClusterConfig>) {
        self.config = Arc::clone(config);
    }

    /// The broker carried out the oldest [`Action::Append`] of `partition`: the offset after the batch,
    /// or why not.
    pub fn appended(
        &mut self,
        now: Timestamp,
        partition: u16,
        result: Result<Offset, ErrorCode>,
        actions: &mut Vec<Action>,
    ) {
        let Some(shard) = self.shards.get_mut(&partition) else { return };
        let around = Around { config: &self.config, counts: &self.counts, ids: &self.ids, now };
        match result {
            Ok(end) => {
                shard.journal.appended(end, actions);
                if self.config.variants.has(Variant::CommitAckBeforeReplication) {
                    for outcome in shard.journal.unreplicated_commits(actions) {
                        shard.conclude(outcome, Ok(()), around, actions);
                    }
                }
            }
            Err(error) => {
                for outcome in shard.revert(around, actions) {
                    shard.conclude(outcome, Err(translated(error)), around, actions);
                }
            }
        }
    }

    /// The high watermark of `partition` rose: what it covers is answered (R9.3).
    pub fn high_watermark(
        &mut self,
        now: Timestamp,
        partition: u16,
        offset: Offset,
        actions: &mut Vec<Action>,
    ) {
        let Some(shard) = self.shards.get_mut(&partition) else { return };
        let around = Around { config: &self.config, counts: &self.counts, ids: &self.ids, now };
        shard.journal.high_watermark = shard.journal.high_watermark.max(offset);
        while let Some(outcome) = shard.journal.replicated(actions) {
            shard.conclude(outcome, Ok(()), around, actions);
        }
    }

    /// A timer fired.
    pub fn fire(&mut self, now: Timestamp, timer: GroupTimer, actions: &mut Vec<Action>) {
        match timer {
            GroupTimer::Session(group, member) => {
                self.with_classic(now, group, actions, |state, cx| state.expire(member, cx));
                self.remove(now, (group, member), RebalanceReason::SessionExpired, actions);
            }
            GroupTimer::Join(group) => {
                self.with_classic(now, group, actions, classic::Group::join_timer);
            }
            GroupTimer::Sync(group) => {
                self.with_classic(now, group, actions, classic::Group::sync_timer);
            }
            GroupTimer::Rebalance(group, member) => {
                let Some(shard) = self.shards.get_mut(&self.homes[group.index()]) else { return };
                if shard.store.consumer(group).is_some_and(|state| state.is_revoking(member)) {
                    self.remove(
                        now,
                        (group, member),
                        RebalanceReason::PollIntervalExceeded,
                        actions,
                    );
                }
            }
            GroupTimer::MemberJoin(group, member) | GroupTimer::MemberSync(group, member) => {
                self.remove(now, (group, member), RebalanceReason::PollIntervalExceeded, actions);
            }
            GroupTimer::Assignment(group) => {
                let Some(shard) = self.shards.get_mut(&self.homes[group.index()]) else { return };
                if let Some(state) = shard.store.consumer(group) {
                    state.rested();
                }
            }
            GroupTimer::Operation(partition, operation) => {
                let Some(shard) = self.shards.get_mut(&partition) else { return };
                if let Some(outcome) = shard.journal.give_up(operation) {
                    let error = translated(ErrorCode::RequestTimedOut);
                    shard.conclude(
                        outcome,
                        Err(error),
                        Around { config: &self.config, counts: &self.counts, ids: &self.ids, now },
                        actions,
                    );
                }
            }
            GroupTimer::Linger(partition) => {
                if let Some(shard) = self.shards.get_mut(&partition) {
                    shard.journal.flush(actions);
                }
            }
            GroupTimer::Load(partition) => self.loaded(partition, actions),
            GroupTimer::Expiry(partition) => {
                if let Some(shard) = self.shards.get_mut(&partition) {
                    expiry::clean_up(
                        shard,
                        Around { config: &self.config, counts: &self.counts, ids: &self.ids, now },
                        actions,
                    );
                    self.arm_expiry(partition, actions);
                }
            }
        }
    }

    /// A list to put actions in, used before.
    pub(crate) fn spare_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.spare)
    }

    /// Takes a list back that was carried out.
    pub(crate) fn keep_spare(&mut self, carried_out: Vec<Action>) {
        self.spare = carried_out;
    }

    #[cfg(test)]
    pub(super) fn store(&self, group: GroupId) -> Option<&Store> {
        Some(&self.shards.get(&self.home(group)?)?.store)
    }

    #[cfg(test)]
    pub(super) fn group(&self, group: GroupId) -> Option<&classic::Group> {
        match self.store(group)?.groups.get(&group)? {
            Group::Classic(state) => Some(state),
            Group::Consumer(_) => None,
        }
    }

    #[cfg(test)]
    pub(super) fn consumer_group(&self, group: GroupId) -> Option<&consumer::Group> {
        match self.store(group)?.groups.get(&group)? {
            Group::Classic(_) => None,
            Group::Consumer(state) => Some(state),
        }
    }

    /// R9.37: the next look for what has expired.
    fn arm_expiry(&self, partition: u16, actions: &mut Vec<Action>) {
        let interval = self.config.broker.offsets_retention_check_interval;
        actions.push(Action::Arm(GroupTimer::Expiry(partition), interval.into()));
    }

    fn with_classic(
        &mut self,
        now: Timestamp,
        group: GroupId,
        actions: &mut Vec<Action>,
        step: impl FnOnce(&mut classic::Group, &mut Context<'_>),
    ) {
        if let Some(shard) = self.shards.get_mut(&self.homes[group.index()]) {
            shard.with_classic(
                group,
                Around { config: &self.config, counts: &self.counts, ids: &self.ids, now },
                actions,
                step,
            );
        }
    }

    /// R9.33: a member of a consumer group is not there any more.
    fn remove(
        &mut self,
        now: Timestamp,
        (group, member): (GroupId, MemberId),
        reason: RebalanceReason,
        actions: &mut Vec<Action>,
    ) {
        let Some(shard) = self.shards.get_mut(&self.homes[group.index()]) else { return };
        let around = Around { config: &self.config, counts: &self.counts, ids: &self.ids, now };
        let mut cx = Context::new(group, around, &mut shard.journal, actions);
        migrate::remove(&mut shard.store, member, reason, None, &mut cx);
    }
}

/// R9.6, R9.32: sessions start anew, and so does the time of those who must give something up.
fn arm_loaded(group: GroupId, state: &consumer::Group, session: Micros, actions: &mut Vec<Action>) {
    for (id, member) in &state.members {
        actions.push(Action::Arm(GroupTimer::Session(group, *id), session.into()));
        let current = state.current.get(id);
        if current.is_some_and(|it| it.state == MemberState::UnrevokedPartitions) {
            let timeout = member.rebalance_timeout;
            actions.push(Action::Arm(GroupTimer::Rebalance(group, *id), timeout.into()));
        }
    }
}

/// Whoever is parked is told, and no timer is left.
fn abandon_classic(
    group: GroupId,
    state: &classic::Group,
    error: ErrorCode,
    actions: &mut Vec<Action>,
) {
    actions.push(Action::Disarm(GroupTimer::Join(group)));
    actions.push(Action::Disarm(GroupTimer::Sync(group)));
    for id in state.pending.iter().chain(state.members.keys()) {
        actions.push(Action::Disarm(GroupTimer::Session(group, *id)));
    }
    for member in state.members.values() {
        if let Some(to) = member.joining.and_then(Parked::caller) {
            let refused = JoinGroupResponse::Refused(error);
            reply(actions, to, GroupResponse::JoinGroup(refused));
        }
        if let Some(to) = member.syncing.and_then(Parked::caller) {
            reply(actions, to, GroupResponse::SyncGroup(Err(error)));
        }
    }
}

/// A member id that no other coordinator gives: broker, leader epoch, partition and number. Two
/// processes of a broker never lead one partition in one epoch (R5.4, R5.13).
fn member_id(broker: BrokerId, epoch: LeaderEpoch, partition: u16, number: u64) -> MemberId {
    let epoch = u64::from(epoch.0.unsigned_abs() & 0xFFFF);
    let number = (u64::from(partition & 0xFFF) << 20) | (number & 0xF_FFFF);
    MemberId((u64::from(broker.0) << 48) | (epoch << 32) | number)
}

fn refuse(request: &GroupRequest, to: Caller, error: ErrorCode, actions: &mut Vec<Action>) {
    let response = match request {
        GroupRequest::JoinGroup(_) => GroupResponse::JoinGroup(JoinGroupResponse::Refused(error)),
        GroupRequest::SyncGroup(_) => GroupResponse::SyncGroup(Err(error)),
        // The group is still being read: assume the best.
        GroupRequest::Heartbeat(_) if error == ErrorCode::CoordinatorLoadInProgress => {
            GroupResponse::Heartbeat(Ok(()))
        }
        GroupRequest::Heartbeat(_) => GroupResponse::Heartbeat(Err(error)),
        GroupRequest::LeaveGroup(..) => GroupResponse::LeaveGroup(Err(error)),
        GroupRequest::OffsetCommit(_) => GroupResponse::OffsetCommit(Err(error)),
        GroupRequest::OffsetFetch(_) => GroupResponse::OffsetFetch(Err(error)),
        GroupRequest::ConsumerGroupHeartbeat(_) => {
            GroupResponse::ConsumerGroupHeartbeat(Err(error))
        }
    };
    reply(actions, to, response);
}
