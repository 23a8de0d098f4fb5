//! Reading ahead: at most one fetch per broker, for partitions without buffered records (R8.3, R8.5).
//! It hands records out, but does not know who processes them.
//!
//! Kafka: `Fetcher`, `AbstractFetch`, `FetchCollector`.

use super::positions::{Owned, Positions, Search};
use super::{Consumer, Out, Purpose, Timer};
use crate::client::network::data;
use crate::client::{Leadership, Metadata, NetworkClient};
use crate::message::{
    FetchPartition, FetchRequest, FetchSession, FetchedPartition, RecordBatch, Request,
};
use crate::observation::{Observation, PositionSource};
use crate::variant::{Variant, Variants};
use ackproof_types::{
    BrokerId, ErrorCode, LeaderEpoch, Offset, RecordSlice, TopicId, TopicPartition,
};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Fetches under way and what they brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Fetcher {
    in_flight: BTreeSet<BrokerId>,
    /// Partitions with buffered records, in the order of arrival.
    arrived: VecDeque<TopicPartition>,
}

impl Fetcher {
    /// Forgets what was buffered.
    pub(super) fn clear(&mut self) {
        self.arrived.clear();
    }
}

/// A run of records of one batch, as poll returns it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Run {
    pub(super) partition: TopicPartition,
    /// The topic of that name from which they are.
    pub(super) topic: TopicId,
    /// Offset of the first record.
    pub(super) base: Offset,
    /// The epoch of the batch.
    pub(super) epoch: LeaderEpoch,
    pub(super) records: RecordSlice,
    /// How many of them the application has finished.
    pub(super) done: usize,
}

impl Run {
    /// Where the records are, by the id of their topic.
    pub(super) fn place(&self) -> TopicPartition {
        TopicPartition::new(self.topic, self.partition.partition)
    }
}

impl Consumer {
    /// Sends the fetches that are due (R8.3), to the leaders that positions were found good under.
    pub(super) fn fetch(&mut self, out: &mut Out) {
        let max_bytes = self.config.max_partition_fetch_bytes;
        let mut requests: Vec<(BrokerId, Vec<FetchPartition>)> = Vec::new();
        for (&partition, owned) in &mut self.positions.owned {
            let Search::Fetching(position) = owned.search else { continue };
            if owned.delayed || owned.leaving || owned.paused || !owned.buffer.is_empty() {
                continue;
            }
            let Some(Leadership { leader: Some(leader), epoch: leader_epoch }) =
                position.leadership
            else {
                self.client.metadata_mut().request_update();
                continue;
            };
            let broker = read_from(owned, leader, &mut self.client, self.config.variants);
            if self.fetcher.in_flight.contains(&broker) || self.client.is_unavailable(data(broker))
            {
                continue;
            }
            owned.asked = Some(position.offset);
            let asked = FetchPartition {
                partition: self.client.metadata().place_of(partition),
                offset: position.offset,
                leader_epoch,
                last_fetched_epoch: LeaderEpoch::UNKNOWN,
                log_start: Offset::UNKNOWN,
                max_bytes,
            };
            match requests.iter_mut().find(|(other, _)| *other == broker) {
                Some((_, partitions)) => partitions.push(asked),
                None => requests.push((broker, vec![asked])),
            }
        }
        for (broker, partitions) in requests {
            self.fetcher.in_flight.insert(broker);
            let request = Request::Fetch(FetchRequest {
                session: FetchSession::Sessionless,
                replica: None,
                rack: self.config.client_rack,
                max_wait: self.config.fetch_max_wait,
                min_bytes: self.config.fetch_min_bytes,
                max_bytes: self.config.fetch_max_bytes,
                partitions,
            });
            self.send(data(broker), request, Purpose::Fetch(broker), out);
        }
    }

    /// A fetch will not be answered.
    pub(super) fn fetch_failed(&mut self, broker: BrokerId) {
        self.fetcher.in_flight.remove(&broker);
        self.client.metadata_mut().request_update();
        if !self.config.variants.has(Variant::FollowerReadReset) {
            self.positions.give_up_replica(broker);
        }
    }

    /// A fetch was answered.
    pub(super) fn fetched(
        &mut self,
        broker: BrokerId,
        partitions: Vec<FetchedPartition>,
        out: &mut Out,
    ) {
        self.fetcher.in_flight.remove(&broker);
        let (mut delayed, mut corrupt) = (false, false);
        for FetchedPartition { partition: place, result } in partitions {
            let partition = place.name();
            // An answer of a topic that is deleted says nothing of the one that has its name now.
            if self.client.metadata().place_of(partition) != place {
                continue;
            }
            let Some(owned) = self.positions.owned.get_mut(&partition) else { continue };
            let Search::Fetching(position) = owned.search else { continue };
            match result {
                // R8.4: an answer to an older question is dropped.
                Ok(fetched) if fetched.fetch_offset == position.offset => {
                    if let Some(replica) = fetched.preferred_read_replica {
                        owned.read_replica = Some(replica);
                        let (group, broker) = (self.config.group, replica);
                        out.observe(Observation::FollowerChosen { group, partition, broker });
                        out.arm(Timer::ReadReplica(partition), self.config.metadata_max_age);
                    }
                    if owned.buffer.is_empty() && !owned.leaving && !fetched.batches.is_empty() {
                        owned.buffer.extend(fetched.batches);
                        self.fetcher.arrived.push_back(partition);
                    }
                }
                Ok(_) => {}
                // KIP-392: the leader knows.
                Err(ErrorCode::OffsetOutOfRange)
                    if owned.read_replica.is_some()
                        && !self.config.variants.has(Variant::FollowerReadReset) =>
                {
                    owned.read_replica = None;
                }
                // R8.6: silently to where the policy says.
                Err(ErrorCode::OffsetOutOfRange) if owned.asked == Some(position.offset) => {
                    self.reset_position(partition, PositionSource::OutOfRange);
                }
                // `poll` throws a KafkaException for ever: the position stays before the batch.
                Err(ErrorCode::CorruptMessage) => corrupt = true,
                Err(error) => {
                    owned.delayed = true;
                    delayed = true;
                    if error != ErrorCode::UnknownLeaderEpoch {
                        owned.read_replica = None;
                        self.client.metadata_mut().request_update();
                    }
                }
            }
        }
        if delayed {
            out.arm(Timer::FetchBackoff, self.retry_backoff());
        }
        if corrupt {
            self.poll_throws(ErrorCode::CorruptMessage, out);
        }
    }
}

/// KIP-392: whom to ask, the follower that the leader named as long as metadata knows it (Kafka:
/// `AbstractFetch#selectReadReplica`).
fn read_from(
    owned: &mut Owned,
    leader: BrokerId,
    client: &mut NetworkClient<Purpose>,
    variants: Variants,
) -> BrokerId {
    let Some(replica) = owned.read_replica else { return leader };
    if client.metadata().brokers().contains(&replica) {
        return replica;
    }
    client.metadata_mut().request_update();
    if !variants.has(Variant::FollowerReadReset) {
        owned.read_replica = None;
    }
    leader
}

/// Takes up to `limit` buffered records; positions move past them at once (R8.4).
pub(super) fn collect(
    fetcher: &mut Fetcher,
    positions: &mut Positions,
    metadata: &Metadata,
    mut limit: usize,
    mut each: impl FnMut(Run),
) {
    let mut paused = VecDeque::new();
    while limit > 0 {
        let Some(&partition) = fetcher.arrived.front() else { break };
        let Some(owned) = positions.owned.get_mut(&partition) else {
            fetcher.arrived.pop_front();
            continue;
        };
        if owned.paused {
            paused.extend(fetcher.arrived.pop_front());
            continue;
        }
        let (Search::Fetching(position), Some(batch)) = (&mut owned.search, owned.buffer.front())
        else {
            // R8.4: what was buffered before a reset or a validation is gone.
            owned.buffer.clear();
            fetcher.arrived.pop_front();
            continue;
        };
        let (epoch, next) = (batch.leader_epoch, batch.next_offset());
        let base = position.offset.max(batch.base_offset);
        if let Some(records) = part_from(batch, base, limit) {
            limit -= records.len();
            position.offset = base.plus(records.len());
            position.epoch = epoch;
            let topic = metadata.id_of(partition.topic);
            each(Run { partition, topic, base, epoch, records, done: 0 });
        }
        if next <= position.offset || base >= next {
            owned.buffer.pop_front();
        }
    }
    // They wait at the end of the row (`FetchCollector#collectFetch`).
    fetcher.arrived.append(&mut paused);
}

/// Up to `limit` records of `batch` from `offset` on, if there are any.
fn part_from(batch: &Arc<RecordBatch>, offset: Offset, limit: usize) -> Option<RecordSlice> {
    let records = batch.records();
    let skipped = usize::try_from(offset.since(batch.base_offset)).ok()?;
    let end = records.len().min(skipped.saturating_add(limit));
    (skipped < end).then(|| records.slice(skipped..end))
}
