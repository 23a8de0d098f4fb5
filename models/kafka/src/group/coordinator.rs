//! The door of the coordinator: elections, requests, appends, high watermarks and timers of all its
//! partitions (Kafka: `GroupCoordinatorService`). What a group makes of a request is `classic`.

use super::classic::{Group, State};
use super::member::{Caller, Member};
use super::record::GroupRecord;
use super::shard::{Context, Held, Journal, Outcome, Shard, reply, translated};
use super::{Action, GroupTimer};
use crate::config::ClusterConfig;
use crate::machine::ConnectionId;
use crate::message::{
    CorrelationId, JoinGroupRequest, JoinGroupResponse, OffsetCommitRequest, Payload, RecordBatch,
    Request, Response,
};
use crate::observation::Observation;
use crate::variant::Variant;
use ackproof_types::{
    BrokerId, ErrorCode, GenerationId, GroupId, LeaderEpoch, MemberId, Offset, Timestamp, TopicId,
    TopicPartition,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The coordinator of the groups whose partition of `__consumer_offsets` this broker leads.
#[derive(Debug)]
pub struct GroupCoordinator {
    config: Arc<ClusterConfig>,
    broker: BrokerId,
    shards: BTreeMap<u16, Shard>,
    /// Operations held so far; names their timers.
    operations: u64,
}

impl GroupCoordinator {
    /// The coordinator of `broker`, active for no partition yet.
    #[must_use]
    pub fn new(config: Arc<ClusterConfig>, broker: BrokerId) -> Self {
        Self { config, broker, shards: BTreeMap::new(), operations: 0 }
    }

    /// The broker took the lead of `partition`: loads its whole log, beyond the high watermark (R9.6).
    pub fn elected(
        &mut self,
        partition: u16,
        epoch: LeaderEpoch,
        batches: impl Iterator<Item = Arc<RecordBatch>>,
        high_watermark: Offset,
        actions: &mut Vec<Action>,
    ) {
        self.resigned(partition, actions);
        let mut groups = BTreeMap::new();
        let mut end = Offset(0);
        for batch in batches {
            end = batch.next_offset();
            if let Payload::Group(records) = &batch.payload {
                records.iter().for_each(|record| replay(&mut groups, record));
            }
        }
        for (group, state) in &groups {
            for (id, member) in &state.members {
                actions.push(Action::Arm(GroupTimer::Session(*group, *id), member.session_timeout));
            }
        }
        let journal = Journal {
            partition,
            end,
            high_watermark,
            appending: VecDeque::new(),
            held: VecDeque::new(),
        };
        self.shards.insert(partition, Shard { epoch, groups, journal, named: 0 });
        let partition = TopicPartition::new(TopicId::CONSUMER_OFFSETS, partition);
        actions.push(Action::Observe(Observation::CoordinatorLoaded { partition }));
    }

    /// The broker leads `partition` no more: all who wait are told so (R9.4).
    pub fn resigned(&mut self, partition: u16, actions: &mut Vec<Action>) {
        let Some(shard) = self.shards.remove(&partition) else { return };
        let error = ErrorCode::NotCoordinator;
        let outcomes = shard.journal.appending.into_iter().map(|(_, outcome)| outcome);
        for held in &shard.journal.held {
            actions.push(Action::Disarm(GroupTimer::Operation(held.operation)));
        }
        for outcome in outcomes.chain(shard.journal.held.into_iter().map(|held| held.outcome)) {
            match outcome {
                Outcome::Commit(to) => reply(actions, to, Response::OffsetCommit(Err(error))),
                Outcome::Read(to, _) => reply(actions, to, Response::OffsetFetch(Err(error))),
                // Those who wait for an assignment are answered below.
                Outcome::Nothing | Outcome::Assignment(..) => {}
            }
        }
        for (group, state) in shard.groups {
            actions.push(Action::Disarm(GroupTimer::Join(group)));
            actions.push(Action::Disarm(GroupTimer::Sync(group)));
            for id in state.pending.iter().chain(state.members.keys()) {
                actions.push(Action::Disarm(GroupTimer::Session(group, *id)));
            }
            for member in state.members.values() {
                if let Some(to) = member.joining {
                    let refused = JoinGroupResponse::Refused(error);
                    reply(actions, to, Response::JoinGroup(refused));
                }
                if let Some(to) = member.syncing {
                    reply(actions, to, Response::SyncGroup(Err(error)));
                }
            }
        }
    }

    /// Takes a request about a group that `group_partition` of `__consumer_offsets` keeps.
    #[expect(clippy::too_many_arguments, reason = "the broker hands over what it was handed")]
    pub fn handle(
        &mut self,
        from: ConnectionId,
        correlation: CorrelationId,
        request: &Request,
        group_partition: Option<u16>,
        _now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let Some(group) = super::group_of(request) else { return };
        let to = Caller { connection: from, correlation };
        let config = Arc::clone(&self.config);
        let Some(shard) = group_partition.and_then(|at| self.shards.get_mut(&at)) else {
            return refuse(request, to, ErrorCode::NotCoordinator, actions);
        };
        let Shard { epoch, groups, journal, named } = shard;
        let mut cx = Context { group, settings: &config.broker, journal, actions };
        match request {
            Request::JoinGroup(request) => {
                let new = member_id(self.broker, *epoch, cx.journal.partition, *named);
                *named += u64::from(join(groups, request, new, to, &mut cx));
            }
            Request::SyncGroup(request) => match groups.get_mut(&group) {
                Some(state) => state.sync(request, to, &mut cx),
                None => cx.reply(to, Response::SyncGroup(Err(ErrorCode::UnknownMemberId))),
            },
            Request::Heartbeat(claim) => {
                let result = groups
                    .get(&group)
                    .map_or(Err(ErrorCode::UnknownMemberId), |it| it.heartbeat(claim, &mut cx));
                cx.reply(to, Response::Heartbeat(result));
            }
            Request::LeaveGroup(_, member) => {
                let known = groups.get_mut(&group).is_some_and(|it| it.remove(*member, &mut cx));
                let result = if known { Ok(()) } else { Err(ErrorCode::UnknownMemberId) };
                cx.reply(to, Response::LeaveGroup(result));
            }
            Request::OffsetCommit(request) => commit(groups, request, to, &config, &mut cx),
            Request::OffsetFetch(_, partitions) => {
                let known = groups.get(&group).map(|it| &it.offsets);
                let committed = |at: &TopicPartition| known.and_then(|it| it.get(at)).copied();
                let offsets = partitions.iter().map(|at| (*at, committed(at))).collect();
                let offset = cx.journal.end;
                let partition = cx.journal.partition;
                let outcome = Outcome::Read(to, Response::OffsetFetch(Ok(offsets)));
                self.hold(partition, offset, outcome, actions);
            }
            // Not about a group: `group_of` has none.
            Request::Produce(_)
            | Request::Fetch(_)
            | Request::ListOffsets(_)
            | Request::OffsetsForLeaderEpoch(_)
            | Request::Metadata(_)
            | Request::FindCoordinator(_)
            | Request::InitProducerId
            | Request::ApiVersions
            | Request::BrokerRegistration(_)
            | Request::BrokerHeartbeat(_)
            | Request::AlterPartition(_)
            | Request::AllocateProducerIds(..)
            | Request::MetadataFetch(_) => {}
        }
    }

    /// The broker carried out the oldest [`Action::Append`] of `partition`: the offset after the batch,
    /// or why not. Only now does the state take it over, so a failed append leaves none (R9.4).
    pub fn appended(
        &mut self,
        partition: u16,
        result: Result<Offset, ErrorCode>,
        actions: &mut Vec<Action>,
    ) {
        let Some(shard) = self.shards.get_mut(&partition) else { return };
        let Some((records, outcome)) = shard.journal.appending.pop_front() else { return };
        match result {
            Ok(end) => {
                shard.journal.end = end;
                for record in records.iter() {
                    if let GroupRecord::Offset { group, partition, committed } = record {
                        let state = shard.groups.entry(*group).or_default();
                        state.offsets.insert(*partition, *committed);
                    }
                }
                match outcome {
                    Outcome::Nothing => {}
                    Outcome::Commit(_)
                        if self.config.variants.has(Variant::CommitAckBeforeReplication) =>
                    {
                        self.conclude(outcome, Ok(()), actions);
                    }
                    Outcome::Commit(_) | Outcome::Read(..) | Outcome::Assignment(..) => {
                        self.hold(partition, end, outcome, actions);
                    }
                }
            }
            Err(error) => self.conclude(outcome, Err(translated(error)), actions),
        }
    }

    /// The high watermark of `partition` rose: what it covers is answered (R9.3).
    pub fn high_watermark(&mut self, partition: u16, offset: Offset, actions: &mut Vec<Action>) {
        let Some(shard) = self.shards.get_mut(&partition) else { return };
        shard.journal.high_watermark = shard.journal.high_watermark.max(offset);
        while let Some(held) = self.pop_replicated(partition) {
            actions.push(Action::Disarm(GroupTimer::Operation(held.operation)));
            self.conclude(held.outcome, Ok(()), actions);
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
            GroupTimer::Operation(operation) => self.time_out(operation, actions),
        }
    }

    /// As [`super::group_of`].
    #[must_use]
    pub fn group_of(request: &Request) -> Option<GroupId> {
        super::group_of(request)
    }

    /// As [`super::offsets_partition`].
    ///
    /// # Panics
    /// If `partitions` is 0.
    #[must_use]
    pub fn offsets_partition(group_name: &str, partitions: u16) -> u16 {
        super::offsets_partition(group_name, partitions)
    }

    fn pop_replicated(&mut self, partition: u16) -> Option<Held> {
        let journal = &mut self.shards.get_mut(&partition)?.journal;
        let next = journal.held.front()?;
        if next.offset <= journal.high_watermark { journal.held.pop_front() } else { None }
    }

    /// Holds `outcome` until the high watermark is at `offset`; not at all if it is.
    fn hold(&mut self, at: u16, offset: Offset, outcome: Outcome, actions: &mut Vec<Action>) {
        let Some(shard) = self.shards.get_mut(&at) else { return };
        if offset <= shard.journal.high_watermark {
            return self.conclude(outcome, Ok(()), actions);
        }
        let operation = self.operations;
        self.operations += 1;
        shard.journal.held.push_back(Held { operation, offset, outcome });
        let timeout = self.config.broker.offsets_commit_timeout;
        actions.push(Action::Arm(GroupTimer::Operation(operation), timeout));
    }

    /// R9.4: the caller gives up, the record stays.
    fn time_out(&mut self, operation: u64, actions: &mut Vec<Action>) {
        let found = self.shards.values_mut().find_map(|shard| {
            let held = &mut shard.journal.held;
            let at = held.iter().position(|held| held.operation == operation)?;
            Some(held.remove(at)?.outcome)
        });
        if let Some(outcome) = found {
            self.conclude(outcome, Err(ErrorCode::CoordinatorNotAvailable), actions);
        }
    }

    fn conclude(
        &mut self,
        outcome: Outcome,
        result: Result<(), ErrorCode>,
        actions: &mut Vec<Action>,
    ) {
        match outcome {
            Outcome::Nothing => {}
            Outcome::Commit(to) => reply(actions, to, Response::OffsetCommit(result)),
            Outcome::Read(to, response) => {
                let response = match result {
                    Ok(()) => response,
                    Err(error) => Response::OffsetFetch(Err(error)),
                };
                reply(actions, to, response);
            }
            Outcome::Assignment(group, generation) => {
                self.with_group(group, actions, |state, cx| state.assigned(generation, result, cx));
            }
        }
    }

    fn with_group(
        &mut self,
        group: GroupId,
        actions: &mut Vec<Action>,
        step: impl FnOnce(&mut Group, &mut Context<'_>),
    ) {
        let settings = &self.config.broker;
        for Shard { groups, journal, .. } in self.shards.values_mut() {
            // A group has one partition (R9.1).
            if let Some(state) = groups.get_mut(&group) {
                return step(state, &mut Context { group, settings, journal, actions });
            }
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
    let refused = |error| Response::JoinGroup(JoinGroupResponse::Refused(error));
    let bounds = cx.settings.group_min_session_timeout..=cx.settings.group_max_session_timeout;
    // R9.22.
    if !bounds.contains(&request.session_timeout) {
        cx.reply(to, refused(ErrorCode::InvalidSessionTimeout));
        return false;
    }
    match (request.member, groups.get_mut(&cx.group)) {
        (None, _) => {
            let state = groups.entry(cx.group).or_default();
            state.name(new, request.session_timeout, cx);
            cx.reply(to, Response::JoinGroup(JoinGroupResponse::MemberIdRequired(new)));
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

/// R9.9, R9.10, R9.12.
fn commit(
    groups: &BTreeMap<GroupId, Group>,
    request: &OffsetCommitRequest,
    to: Caller,
    config: &ClusterConfig,
    cx: &mut Context<'_>,
) {
    let claim = &request.claim;
    let validate = !config.variants.has(Variant::ZombieCommitAccepted);
    let verdict = match groups.get(&cx.group) {
        Some(state) => state.check_commit(claim, validate, cx),
        None if validate && claim.generation >= GenerationId(0) => {
            Err(ErrorCode::IllegalGeneration)
        }
        None => Ok(()),
    };
    if let Err(error) = verdict {
        return cx.reply(to, Response::OffsetCommit(Err(error)));
    }
    if request.offsets.is_empty() {
        return cx.reply(to, Response::OffsetCommit(Ok(())));
    }
    let group = cx.group;
    let record = |(partition, committed): &(TopicPartition, _)| GroupRecord::Offset {
        group,
        partition: *partition,
        committed: *committed,
    };
    cx.append(request.offsets.iter().map(record).collect(), Outcome::Commit(to));
}

/// Takes over what an earlier coordinator wrote (R9.6).
fn replay(groups: &mut BTreeMap<GroupId, Group>, record: &GroupRecord) {
    match record {
        GroupRecord::Offset { group, partition, committed } => {
            groups.entry(*group).or_default().offsets.insert(*partition, *committed);
        }
        GroupRecord::Group { group, generation, leader, members } => {
            let state = groups.entry(*group).or_default();
            state.generation = *generation;
            state.leader = *leader;
            state.members = members.iter().map(|it| (it.member, Member::restored(it))).collect();
            state.state = if members.is_empty() { State::Empty } else { State::Stable };
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`group_of` has none of the others")]
fn refuse(request: &Request, to: Caller, error: ErrorCode, actions: &mut Vec<Action>) {
    let response = match request {
        Request::JoinGroup(_) => Response::JoinGroup(JoinGroupResponse::Refused(error)),
        Request::SyncGroup(_) => Response::SyncGroup(Err(error)),
        Request::Heartbeat(_) => Response::Heartbeat(Err(error)),
        Request::LeaveGroup(..) => Response::LeaveGroup(Err(error)),
        Request::OffsetCommit(_) => Response::OffsetCommit(Err(error)),
        Request::OffsetFetch(..) => Response::OffsetFetch(Err(error)),
        _ => return,
    };
    reply(actions, to, response);
}
