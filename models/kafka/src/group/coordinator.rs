//! The door of the coordinator: elections, requests, appends, high watermarks and timers of all its
//! partitions (Kafka: `GroupCoordinatorService`). What a group makes of a request is `classic`.

use super::classic::{Group, State};
use super::journal::{Context, Outcome, Undo, failed, reply, translated};
use super::member::{Caller, Member, Parked};
use super::shard::Shard;
use super::{Action, GroupTimer};
use crate::config::ClusterConfig;
use crate::machine::ConnectionId;
use crate::message::GroupRecord;
use crate::message::{
    CorrelationId, GroupRequest, GroupResponse, JoinGroupRequest, JoinGroupResponse,
    OffsetCommitRequest, Payload, RecordBatch,
};
use crate::observation::Observation;
use crate::variant::Variant;
use ackproof_types::{
    BrokerId, Delay, ErrorCode, GenerationId, GroupId, LeaderEpoch, MemberId, Micros, Offset,
    TopicPartition, offsets_partition,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long reading a partition takes (R9.6). In Kafka it follows from the size of the log; to clients
/// it makes no difference beyond the pause.
const LOAD: Delay = Delay { min: Micros::from_millis(1), max: Micros::from_millis(50) };

/// The coordinator of the groups whose partition of `__consumer_offsets` this broker leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupCoordinator {
    config: Arc<ClusterConfig>,
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
        Self { config, broker, homes, shards: BTreeMap::new(), spare: Vec::new() }
    }

    /// What holds of all its groups between any two steps.
    pub(crate) fn check(&self) {
        for shard in self.shards.values() {
            shard.journal.check();
            shard.groups.values().for_each(Group::check);
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
        let mut groups = BTreeMap::new();
        let mut end = Offset(0);
        for batch in batches {
            end = batch.next_offset();
            if let Payload::Group(records) = &batch.payload {
                records.iter().for_each(|record| replay(&mut groups, record));
            }
        }
        let shard = Shard::new(partition, epoch, groups, end, high_watermark);
        self.shards.insert(partition, shard);
        actions.push(Action::Arm(GroupTimer::Load(partition), LOAD));
    }

    /// R9.6: the session of every member starts anew.
    fn loaded(&mut self, partition: u16, actions: &mut Vec<Action>) {
        let Some(shard) = self.shards.get_mut(&partition) else { return };
        shard.loading = false;
        for (group, state) in &shard.groups {
            for (id, member) in &state.members {
                let timer = GroupTimer::Session(*group, *id);
                actions.push(Action::Arm(timer, member.session_timeout.into()));
            }
        }
        let partition = TopicPartition::new(self.config.consumer_offsets, partition);
        actions.push(Action::Observe(Observation::CoordinatorLoaded { partition }));
    }

    /// The broker leads `partition` no more: all who wait are told so (R9.4).
    pub fn resigned(&mut self, partition: u16, actions: &mut Vec<Action>) {
        let Some(shard) = self.shards.remove(&partition) else { return };
        let Shard { groups, journal, .. } = shard;
        let error = ErrorCode::NotCoordinator;
        actions.push(Action::Disarm(GroupTimer::Load(partition)));
        for outcome in journal.abandon(actions) {
            match outcome {
                Outcome::Reply(to, response) => reply(actions, to, failed(&response, error)),
                // Those who are parked are answered below.
                Outcome::Parked(..) | Outcome::Assignment(..) => {}
            }
        }
        for (group, state) in groups {
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
    }

    /// Takes a request about a group.
    pub fn handle(
        &mut self,
        from: ConnectionId,
        correlation: CorrelationId,
        request: &GroupRequest,
        actions: &mut Vec<Action>,
    ) {
        let group = request.group();
        let to = Caller { connection: from, correlation };
        let Self { config, broker, homes, shards, .. } = self;
        let home = homes.get(group.index());
        let Some(shard) = home.and_then(|home| shards.get_mut(home)) else {
            return refuse(request, to, ErrorCode::NotCoordinator, actions);
        };
        if shard.loading {
            return refuse(request, to, ErrorCode::CoordinatorLoadInProgress, actions);
        }
        let Shard { epoch, groups, journal, named, .. } = shard;
        let mut cx = Context { group, settings: &config.broker, journal, actions };
        match request {
            GroupRequest::JoinGroup(request) => {
                let new = member_id(*broker, *epoch, cx.journal.partition, *named);
                *named += u64::from(join(groups, request, new, to, &mut cx));
            }
            GroupRequest::SyncGroup(request) => match groups.get_mut(&group) {
                Some(state) => state.sync(request, to, &mut cx),
                None => cx.reply(to, GroupResponse::SyncGroup(Err(ErrorCode::UnknownMemberId))),
            },
            GroupRequest::Heartbeat(claim) => match groups.get(&group) {
                Some(state) => state.heartbeat(claim, to, &mut cx),
                None => cx.reply(to, GroupResponse::Heartbeat(Err(ErrorCode::UnknownMemberId))),
            },
            GroupRequest::LeaveGroup(_, member, reason) => {
                let unknown = Err(ErrorCode::UnknownMemberId);
                let result = groups
                    .get_mut(&group)
                    .map_or(unknown, |it| it.leave(*member, *reason, &mut cx));
                cx.respond(to, GroupResponse::LeaveGroup(result));
            }
            GroupRequest::OffsetCommit(request) => commit(groups, request, to, config, &mut cx),
            GroupRequest::OffsetFetch(_, partitions) => {
                let known = groups.get(&group).map(|it| &it.offsets);
                let committed = |at: &TopicPartition| known.and_then(|it| it.get(at)).copied();
                let offsets = partitions.iter().map(|at| (*at, committed(at))).collect();
                cx.respond(to, GroupResponse::OffsetFetch(Ok(offsets)));
            }
        }
    }

    /// The broker carried out the oldest [`Action::Append`] of `partition`: the offset after the batch,
    /// or why not.
    pub fn appended(
        &mut self,
        partition: u16,
        result: Result<Offset, ErrorCode>,
        actions: &mut Vec<Action>,
    ) {
        let Some(shard) = self.shards.get_mut(&partition) else { return };
        let settings = &self.config.broker;
        match result {
            Ok(end) => {
                shard.journal.appended(end);
                if self.config.variants.has(Variant::CommitAckBeforeReplication) {
                    for outcome in shard.journal.unreplicated_commits(actions) {
                        shard.conclude(outcome, Ok(()), settings, actions);
                    }
                }
            }
            Err(error) => {
                for outcome in shard.revert(settings, actions) {
                    shard.conclude(outcome, Err(translated(error)), settings, actions);
                }
            }
        }
    }

    /// The high watermark of `partition` rose: what it covers is answered (R9.3).
    pub fn high_watermark(&mut self, partition: u16, offset: Offset, actions: &mut Vec<Action>) {
        let Some(shard) = self.shards.get_mut(&partition) else { return };
        shard.journal.high_watermark = shard.journal.high_watermark.max(offset);
        while let Some(outcome) = shard.journal.replicated(actions) {
            shard.conclude(outcome, Ok(()), &self.config.broker, actions);
        }
    }

    /// A timer fired.
    pub fn fire(&mut self, timer: GroupTimer, actions: &mut Vec<Action>) {
        match timer {
            GroupTimer::Session(group, member) => {
                self.with_group(group, actions, |state, cx| state.expire(member, cx));
            }
            GroupTimer::Join(group) => self.with_group(group, actions, Group::join_timer),
            GroupTimer::Sync(group) => self.with_group(group, actions, Group::sync_timer),
            GroupTimer::Operation(partition, operation) => {
                let Some(shard) = self.shards.get_mut(&partition) else { return };
                if let Some(outcome) = shard.journal.give_up(operation) {
                    let error = translated(ErrorCode::RequestTimedOut);
                    shard.conclude(outcome, Err(error), &self.config.broker, actions);
                }
            }
            GroupTimer::Linger(partition) => {
                if let Some(shard) = self.shards.get_mut(&partition) {
                    shard.journal.flush(actions);
                }
            }
            GroupTimer::Load(partition) => self.loaded(partition, actions),
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
    pub(super) fn group(&self, group: GroupId) -> Option<&Group> {
        self.shards.get(&self.home(group)?)?.groups.get(&group)
    }

    fn with_group(
        &mut self,
        group: GroupId,
        actions: &mut Vec<Action>,
        step: impl FnOnce(&mut Group, &mut Context<'_>),
    ) {
        if let Some(shard) = self.shards.get_mut(&self.homes[group.index()]) {
            shard.with_group(group, &self.config.broker, actions, step);
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

/// R9.14; whether `new` was given away.
fn join(
    groups: &mut BTreeMap<GroupId, Group>,
    request: &JoinGroupRequest,
    new: MemberId,
    to: Caller,
    cx: &mut Context<'_>,
) -> bool {
    let refused = |error| GroupResponse::JoinGroup(JoinGroupResponse::Refused(error));
    let bounds = cx.settings.group_min_session_timeout..=cx.settings.group_max_session_timeout;
    // R9.22.
    if !bounds.contains(&request.session_timeout) {
        cx.reply(to, refused(ErrorCode::InvalidSessionTimeout));
        return false;
    }
    match (request.member, groups.get_mut(&cx.group)) {
        (None, known) => {
            if known.is_none() {
                // R9.14: the group exists from here on, also for a later coordinator.
                cx.write([Group::unborn(cx.group)], [Undo::NoGroup(cx.group)], None);
            }
            let state = groups.entry(cx.group).or_default();
            if let Some(instance) = request.metadata.instance {
                state.join_static(new, instance, request, to, cx);
                return true;
            }
            state.name(new, request.session_timeout, cx);
            cx.reply(to, GroupResponse::JoinGroup(JoinGroupResponse::MemberIdRequired(new)));
            true
        }
        (Some(member), Some(state)) => {
            state.join(member, request, to, cx);
            false
        }
        (Some(_), None) => {
            cx.reply(to, refused(ErrorCode::UnknownMemberId));
            false
        }
    }
}

/// R9.9, R9.10, R9.12: the state takes it over at once, the answer waits (R9.3).
fn commit(
    groups: &mut BTreeMap<GroupId, Group>,
    request: &OffsetCommitRequest,
    to: Caller,
    config: &ClusterConfig,
    cx: &mut Context<'_>,
) {
    let claim = &request.claim;
    let validate = !config.variants.has(Variant::ZombieCommitAccepted);
    let verdict = match groups.get(&cx.group) {
        Some(state) => state.check_commit(claim, validate, cx),
        None if validate && claim.generation >= GenerationId(0) => Err(ErrorCode::GroupIdNotFound),
        None => Ok(()),
    };
    if let Err(error) = verdict {
        return cx.reply(to, GroupResponse::OffsetCommit(Err(error)));
    }
    let done = GroupResponse::OffsetCommit(Ok(()));
    if request.offsets.is_empty() {
        return cx.respond(to, done);
    }
    let group = cx.group;
    let created = (!groups.contains_key(&group)).then_some(Undo::NoGroup(group));
    let state = groups.entry(group).or_default();
    let take_over = |(partition, committed): &(TopicPartition, _)| {
        Undo::Offset(group, *partition, state.offsets.insert(*partition, *committed))
    };
    let undo = created.into_iter().chain(request.offsets.iter().map(take_over));
    let record = |(partition, committed): &(TopicPartition, _)| GroupRecord::Offset {
        group,
        partition: *partition,
        committed: *committed,
    };
    cx.write(request.offsets.iter().map(record), undo, Some(Outcome::Reply(to, done)));
}

/// Takes over what an earlier coordinator wrote (R9.6).
fn replay(groups: &mut BTreeMap<GroupId, Group>, record: &GroupRecord) {
    match record {
        GroupRecord::Offset { group, partition, committed } => {
            groups.entry(*group).or_default().offsets.insert(*partition, *committed);
        }
        GroupRecord::Group { group, generation, protocol, leader, members } => {
            let state = groups.entry(*group).or_default();
            state.generation = *generation;
            (state.protocol, state.leader) = (*protocol, *leader);
            state.members = members.iter().map(|it| (it.member, Member::restored(it))).collect();
            state.state = if members.is_empty() { State::Empty } else { State::Stable };
        }
    }
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
        GroupRequest::OffsetFetch(..) => GroupResponse::OffsetFetch(Err(error)),
    };
    reply(actions, to, response);
}
