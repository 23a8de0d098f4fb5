//! Where to read each owned partition: committed offsets, resets and truncation (R8.1, R8.2, R8.6,
//! R8.7). It knows nothing of rebalances; records only pass through its buffers.
//!
//! Kafka: `SubscriptionState`, `OffsetFetcher`, `ConsumerCoordinator#initWithCommittedOffsetsIfNeeded`.

use super::work::Work;
use super::{Consumer, Out, Purpose, Timer};
use crate::client::{Leadership, NetworkClient};
use crate::config::ResetTo;
use crate::message::{
    CommittedOffset, CorrelationId, EpochEnd, EpochQuery, GroupRequest, ListOffsetsPartition,
    ListedOffset, OffsetFetchRequest, OffsetSpec, RecordBatch, Request,
};
use crate::observation::{Observation, PositionSource};
use crate::variant::Variant;
use ackproof_types::{BrokerId, ErrorCode, LeaderEpoch, Offset, Timestamp, TopicPartition};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A position in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Position {
    /// The next offset to read.
    pub(super) offset: Offset,
    /// The epoch of the record before it, UNKNOWN if not known.
    pub(super) epoch: LeaderEpoch,
    /// The leadership under which the position was found good.
    pub(super) leadership: Option<Leadership>,
}

/// How far the search for a position has come (Kafka: `FetchStates`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Search {
    /// The committed offset is to be looked up.
    Initializing,
    /// To be reset by policy; then the source is this.
    AwaitReset(PositionSource),
    /// The epoch of the position is to be compared with the leader's (R8.7).
    AwaitValidation(Position),
    /// Found.
    Fetching(Position),
}

/// An owned partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Owned {
    pub(super) search: Search,
    /// A lookup at the leader is under way.
    looking: bool,
    /// Its last fetch failed; wait before the next.
    pub(super) delayed: bool,
    /// It is about to be revoked: nothing of it is fetched or returned (Kafka: `markPendingRevocation`).
    pub(super) leaving: bool,
    /// The application has paused it: nothing of it is fetched or returned. What is buffered stays.
    pub(super) paused: bool,
    /// The offset of the last fetch: an error is the answer to it.
    pub(super) asked: Option<Offset>,
    /// A follower that the leader sent it to (KIP-392).
    pub(super) read_replica: Option<BrokerId>,
    /// Fetched, not yet returned from poll.
    pub(super) buffer: VecDeque<Arc<RecordBatch>>,
    /// What the application has done of it.
    pub(super) work: Work,
}

impl Owned {
    /// Gives the position up; what was read at it goes.
    pub(super) fn reset(&mut self, source: PositionSource) {
        self.search = Search::AwaitReset(source);
        self.buffer.clear();
    }

    /// R8.7: validates `position` if its epoch is known.
    fn seek(&mut self, position: Position) {
        self.buffer.clear();
        self.search = if position.epoch == LeaderEpoch::UNKNOWN {
            Search::Fetching(position)
        } else {
            Search::AwaitValidation(position)
        };
    }
}

/// All owned partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Positions {
    pub(super) owned: BTreeMap<TopicPartition, Owned>,
    /// The OffsetFetch under way; an older one is ignored.
    offset_fetch: Option<CorrelationId>,
    /// A lookup failed; wait before the next.
    pub(super) cooling: bool,
    /// Some partition may have no valid position: spares looking at all of them.
    unsettled: bool,
    /// Metadata came since positions were compared with it.
    pub(super) metadata_came: bool,
}

impl Positions {
    /// Owns `partitions` from now on: what it had keeps its position, the others have none (Kafka:
    /// `SubscriptionState#assignFromSubscribed`).
    pub(super) fn assign(&mut self, partitions: &[TopicPartition]) {
        self.offset_fetch = None;
        self.unsettled = true;
        self.owned.retain(|one, _| partitions.contains(one));
        for partition in partitions {
            self.owned.entry(*partition).or_insert_with(|| Owned {
                search: Search::Initializing,
                looking: false,
                delayed: false,
                leaving: false,
                paused: false,
                asked: None,
                read_replica: None,
                buffer: VecDeque::new(),
                work: Work::default(),
            });
        }
    }

    /// All but `kept` are about to be revoked; what was read of them goes.
    pub(super) fn give_up_all_but(&mut self, kept: &[TopicPartition]) {
        for (partition, owned) in &mut self.owned {
            if !kept.contains(partition) {
                owned.leaving = true;
                owned.buffer.clear();
            }
        }
    }

    /// The bug of KAFKA-4547: with one that has no position, all that are not fetched are looked up.
    fn rewind_paused(&mut self) {
        if self.owned.values().any(|owned| owned.search == Search::Initializing) {
            for owned in self.owned.values_mut().filter(|owned| owned.paused) {
                owned.search = Search::Initializing;
                owned.buffer.clear();
            }
        }
    }

    /// Partitions whose fetch failed may be tried again.
    pub(super) fn undelay(&mut self) {
        for owned in self.owned.values_mut() {
            owned.delayed = false;
        }
    }

    /// KIP-392: `partition` is read from its leader again, until that sends it to a follower.
    pub(super) fn read_from_leader(&mut self, partition: TopicPartition) {
        if let Some(owned) = self.owned.get_mut(&partition) {
            owned.read_replica = None;
        }
    }

    /// KIP-392: nothing is read from `broker` that its leader has not sent there again.
    pub(super) fn give_up_replica(&mut self, broker: BrokerId) {
        for owned in self.owned.values_mut() {
            owned.read_replica = owned.read_replica.filter(|replica| *replica != broker);
        }
    }

    /// All positions that may be committed (Kafka: `SubscriptionState#allConsumed`).
    pub(super) fn consumed(&self) -> Vec<(TopicPartition, CommittedOffset)> {
        self.owned
            .iter()
            .filter_map(|(partition, owned)| match owned.search {
                Search::Fetching(at) => {
                    let committed = CommittedOffset { offset: at.offset, leader_epoch: at.epoch };
                    Some((*partition, committed))
                }
                Search::Initializing | Search::AwaitReset(_) | Search::AwaitValidation(_) => None,
            })
            .collect()
    }
}

/// What a leader is asked for when a position is reset.
fn asked_for(to: ResetTo, now: Timestamp) -> OffsetSpec {
    match to {
        ResetTo::Earliest => OffsetSpec::Earliest,
        ResetTo::Latest => OffsetSpec::Latest,
        ResetTo::NotOlderThan(age) => OffsetSpec::Since(now.before(age)),
    }
}

/// The leader of `partition` with its epoch, if there is one; otherwise metadata is asked for.
fn leader_of(
    client: &mut NetworkClient<Purpose>,
    partition: TopicPartition,
) -> Option<(BrokerId, LeaderEpoch)> {
    let known = client.metadata().current_leader(partition);
    let leader = known.and_then(|known| Some((known.leader?, known.epoch)));
    if leader.is_none() {
        client.metadata_mut().request_update();
    }
    leader
}

impl Consumer {
    /// The positions' part of a poll (Kafka: `updateFetchPositions`).
    pub(super) fn update_positions(&mut self, now: Timestamp, out: &mut Out) {
        if std::mem::take(&mut self.positions.metadata_came) {
            self.revalidate();
        }
        if self.positions.unsettled && !self.positions.cooling {
            self.look_up_positions(now, out);
        }
    }

    /// R8.7: positions found under another leader or epoch are to be validated.
    fn revalidate(&mut self) {
        let trusts = self.config.variants.has(Variant::NoConsumerTruncationCheck);
        for (partition, owned) in &mut self.positions.owned {
            let (Search::Fetching(mut position) | Search::AwaitValidation(mut position)) =
                owned.search
            else {
                continue;
            };
            let now = self
                .client
                .metadata()
                .current_leader(*partition)
                .filter(|now| now.leader.is_some());
            if now.is_none() || position.leadership == now {
                continue;
            }
            position.leadership = now;
            // A question to the leader before is of no use, nor is its word.
            owned.looking = false;
            owned.read_replica = None;
            if position.epoch == LeaderEpoch::UNKNOWN || trusts {
                owned.search = Search::Fetching(position);
            } else {
                owned.seek(position);
                self.positions.unsettled = true;
            }
        }
    }

    /// Sends the lookups that are due.
    fn look_up_positions(&mut self, now: Timestamp, out: &mut Out) {
        self.positions.unsettled = false;
        if self.config.variants.has(Variant::PausedRewinds) {
            self.positions.rewind_paused();
        }
        let mut uncommitted = Vec::new();
        let mut resets: BTreeMap<BrokerId, Vec<ListOffsetsPartition>> = BTreeMap::new();
        let mut checks: BTreeMap<BrokerId, Vec<(EpochQuery, Position)>> = BTreeMap::new();
        for (&partition, owned) in &mut self.positions.owned {
            self.positions.unsettled |= !matches!(owned.search, Search::Fetching(_));
            match owned.search {
                Search::Initializing => uncommitted.push(partition),
                Search::AwaitReset(source) if !owned.looking => {
                    let (PositionSource::NoCommit(to) | PositionSource::OutOfRange(to)) = source
                    else {
                        continue;
                    };
                    let spec = asked_for(to, now);
                    if let Some((broker, leader_epoch)) = leader_of(&mut self.client, partition) {
                        let query = ListOffsetsPartition { partition, leader_epoch, spec };
                        resets.entry(broker).or_default().push(query);
                    }
                }
                Search::AwaitValidation(position) if !owned.looking => {
                    if let Some((broker, current_leader_epoch)) =
                        leader_of(&mut self.client, partition)
                    {
                        let epoch = position.epoch;
                        let query = EpochQuery { partition, current_leader_epoch, epoch };
                        checks.entry(broker).or_default().push((query, position));
                    }
                }
                Search::AwaitReset(_) | Search::AwaitValidation(_) | Search::Fetching(_) => {}
            }
        }
        self.ask_committed(uncommitted, out);
        for (broker, queries) in resets {
            self.ask_offsets(broker, queries, out);
        }
        for (broker, queries) in checks {
            self.ask_epochs(broker, &queries, out);
        }
    }

    fn ask_committed(&mut self, partitions: Vec<TopicPartition>, out: &mut Out) {
        if partitions.is_empty() || self.positions.offset_fetch.is_some() {
            return;
        }
        if let Some(route) = self.coordinator_route() {
            let mut request = OffsetFetchRequest::new(self.config.group, partitions);
            request.member = self.membership.consumer.known_as();
            let request = Request::Group(GroupRequest::OffsetFetch(request));
            let id = self.send(route, request, Purpose::OffsetFetch, out);
            self.positions.offset_fetch = Some(id);
        }
    }

    fn ask_offsets(&mut self, broker: BrokerId, asked: Vec<ListOffsetsPartition>, out: &mut Out) {
        let Some(route) = self.data_route(broker) else { return };
        let partitions: Vec<TopicPartition> = asked.iter().map(|one| one.partition).collect();
        self.set_looking(&partitions, true);
        self.send(route, Request::ListOffsets(asked), Purpose::ListOffsets(partitions), out);
    }

    fn ask_epochs(&mut self, broker: BrokerId, asked: &[(EpochQuery, Position)], out: &mut Out) {
        let Some(route) = self.data_route(broker) else { return };
        let remembered: Vec<_> = asked.iter().map(|(query, at)| (query.partition, *at)).collect();
        self.set_looking(remembered.iter().map(|(partition, _)| partition), true);
        let queries = asked.iter().map(|(query, _)| *query).collect();
        self.send(route, Request::OffsetsForLeaderEpoch(queries), Purpose::Epochs(remembered), out);
    }

    pub(super) fn set_looking<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
        looking: bool,
    ) {
        for partition in partitions {
            if let Some(owned) = self.positions.owned.get_mut(partition) {
                owned.looking = looking;
            }
        }
    }

    fn cool_positions(&mut self, out: &mut Out) {
        if !std::mem::replace(&mut self.positions.cooling, true) {
            out.arm(Timer::PositionBackoff, self.retry_backoff());
        }
    }

    fn position_found(
        &self,
        partition: TopicPartition,
        offset: Offset,
        source: PositionSource,
        out: &mut Out,
    ) {
        out.observe(Observation::Positioned {
            group: self.config.group,
            partition,
            offset,
            source,
        });
    }

    /// R8.1: committed offsets came, or did not.
    pub(super) fn offsets_fetched(
        &mut self,
        id: CorrelationId,
        result: Result<Vec<(TopicPartition, Option<CommittedOffset>)>, ErrorCode>,
        out: &mut Out,
    ) {
        if self.positions.offset_fetch != Some(id) {
            if let Err(error) = result {
                self.coordinator_error(error, out);
            }
            return;
        }
        self.positions.offset_fetch = None;
        let trusts = self.config.variants.has(Variant::NoConsumerTruncationCheck);
        let answers = match result {
            Ok(answers) => answers,
            Err(error) if self.takes_for_none(error) => {
                let unknown = |(_, owned): &(&_, &Owned)| owned.search == Search::Initializing;
                let all = self.positions.owned.iter().filter(unknown);
                all.map(|(partition, _)| (*partition, None)).collect()
            }
            Err(error) => {
                self.cool_positions(out);
                return self.coordinator_error(error, out);
            }
        };
        for (partition, committed) in answers {
            let leadership =
                self.metadata().current_leader(partition).filter(|now| now.leader.is_some());
            let Some(owned) = self.positions.owned.get_mut(&partition) else { continue };
            if owned.search != Search::Initializing {
                continue;
            }
            if let Some(CommittedOffset { offset, leader_epoch }) = committed {
                let epoch = if trusts { LeaderEpoch::UNKNOWN } else { leader_epoch };
                owned.seek(Position { offset, epoch, leadership });
                self.position_found(partition, offset, PositionSource::Committed, out);
            } else {
                self.reset_position(partition, PositionSource::NoCommit);
            }
        }
    }

    /// The variants that take an error for the answer that nothing is committed.
    fn takes_for_none(&self, error: ErrorCode) -> bool {
        let variants = self.config.variants;
        variants.has(Variant::ResetOnTransientError)
            || error == ErrorCode::StaleMemberEpoch
                && variants.has(Variant::StaleEpochOnFetchOffsets)
    }

    /// R8.1, R8.6, R8.7: resets as `auto.offset.reset` says; with `none`, the next poll throws.
    pub(super) fn reset_position(
        &mut self,
        partition: TopicPartition,
        source: impl FnOnce(ResetTo) -> PositionSource,
    ) {
        let Some(to) = self.config.auto_offset_reset else { return self.leave_asked() };
        if let Some(owned) = self.positions.owned.get_mut(&partition) {
            owned.reset(source(to));
            self.positions.unsettled = true;
        }
    }

    /// `seek` in `onPartitionsAssigned`: of a partition that has no position yet.
    pub(super) fn begin_at(&mut self, partition: TopicPartition, offset: Offset, out: &mut Out) {
        let owned = self.positions.owned.get(&partition);
        if owned.is_some_and(|owned| owned.search == Search::Initializing) {
            self.seek(partition, offset, out);
        }
    }

    /// `seek`: the position has no epoch, so that nothing is validated (R8.8).
    pub(super) fn seek(&mut self, partition: TopicPartition, offset: Offset, out: &mut Out) {
        let leadership =
            self.metadata().current_leader(partition).filter(|now| now.leader.is_some());
        let Some(owned) = self.positions.owned.get_mut(&partition) else { return };
        owned.seek(Position { offset, epoch: LeaderEpoch::UNKNOWN, leadership });
        self.position_found(partition, offset, PositionSource::Sought, out);
    }

    /// R8.2, R8.6: the leader told where its log begins or ends, or what is new enough. If nothing is, Kafka
    /// asks again only when the request would have timed out (R17.51, `SubscriptionState#setNextAllowedRetry`).
    pub(super) fn offsets_listed(
        &mut self,
        asked: &[TopicPartition],
        answers: &[(TopicPartition, Result<ListedOffset, ErrorCode>)],
        out: &mut Out,
    ) {
        self.set_looking(asked, false);
        let mut found = 0;
        for (partition, answer) in answers {
            let Ok(ListedOffset { offset, .. }) = *answer else { continue };
            found += 1;
            let leadership = self
                .client
                .metadata()
                .current_leader(*partition)
                .filter(|now| now.leader.is_some());
            let Some(owned) = self.positions.owned.get_mut(partition) else { continue };
            if offset == Offset::UNKNOWN {
                owned.looking = true;
                out.arm(Timer::NothingSince(*partition), self.config.request_timeout);
            } else if let Search::AwaitReset(source) = owned.search {
                // Kafka takes no epoch from the answer, so that nothing is validated against it.
                let epoch = LeaderEpoch::UNKNOWN;
                owned.search = Search::Fetching(Position { offset, epoch, leadership });
                self.position_found(*partition, offset, source, out);
            }
        }
        if found < asked.len() {
            self.client.metadata_mut().request_update();
            self.cool_positions(out);
        }
    }

    /// R8.7: the leader told where the epochs of positions end.
    pub(super) fn epochs_told(
        &mut self,
        asked: &[(TopicPartition, Position)],
        answers: &[(TopicPartition, Result<EpochEnd, ErrorCode>)],
        out: &mut Out,
    ) {
        self.set_looking(asked.iter().map(|(partition, _)| partition), false);
        let mut told = 0;
        for (partition, answer) in answers {
            let Ok(end) = *answer else { continue };
            told += 1;
            let Some((_, position)) = asked.iter().find(|(one, _)| one == partition) else {
                continue;
            };
            let Some(owned) = self.positions.owned.get_mut(partition) else { continue };
            if owned.search != Search::AwaitValidation(*position) {
                continue;
            }
            if end.epoch == LeaderEpoch::UNKNOWN || end.end == Offset::UNKNOWN {
                self.reset_position(*partition, PositionSource::OutOfRange);
            } else if end.end < position.offset {
                if self.config.auto_offset_reset.is_none() {
                    self.leave_asked();
                    continue;
                }
                let rewound = Position { offset: end.end, epoch: end.epoch, ..*position };
                owned.search = Search::Fetching(rewound);
                self.position_found(*partition, end.end, PositionSource::Truncated, out);
            } else {
                owned.search = Search::Fetching(*position);
            }
        }
        if told < asked.len() {
            self.client.metadata_mut().request_update();
            self.cool_positions(out);
        }
    }
}
