//! Reading ahead: at most one fetch per broker, for partitions without buffered records (R8.3, R8.5).
//! It hands records out, but does not know who processes them.
//!
//! Kafka: `Fetcher`, `AbstractFetch`, `FetchCollector`.

use super::positions::{Positions, Search};
use super::{Consumer, Out, Purpose, Timer};
use crate::message::{
    FetchPartition, FetchRequest, FetchSession, FetchedPartition, RecordBatch, Request,
};
use crate::observation::PositionSource;
use ackproof_types::{BrokerId, ErrorCode, LeaderEpoch, Offset, RecordSlice, TopicPartition};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Fetches under way and what they brought.
#[derive(Debug, Default)]
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
#[derive(Debug)]
pub(super) struct Run {
    pub(super) partition: TopicPartition,
    /// Offset of the first record.
    pub(super) base: Offset,
    /// The epoch of the batch.
    pub(super) epoch: LeaderEpoch,
    pub(super) records: RecordSlice,
    /// How many of them the application has finished.
    pub(super) done: usize,
}

impl Consumer {
    /// Sends the fetches that are due (R8.3).
    pub(super) fn fetch(&mut self, out: &mut Out) {
        if self.positions.owned.is_empty() || self.application.is_closing() {
            return;
        }
        for broker in (1..=self.config.brokers).map(BrokerId) {
            if self.fetcher.in_flight.contains(&broker) {
                continue;
            }
            let Some(route) = self.data_route(broker) else { continue };
            let partitions = self.fetchable(broker);
            if partitions.is_empty() {
                continue;
            }
            self.fetcher.in_flight.insert(broker);
            let request = Request::Fetch(FetchRequest {
                session: FetchSession::Sessionless,
                replica: None,
                max_wait: self.config.fetch_max_wait,
                min_bytes: self.config.fetch_min_bytes,
                max_bytes: self.config.fetch_max_bytes,
                partitions,
            });
            self.send(route, request, Purpose::Fetch(broker), out);
        }
    }

    fn fetchable(&mut self, broker: BrokerId) -> Vec<FetchPartition> {
        let mut partitions = Vec::new();
        for (&partition, owned) in &mut self.positions.owned {
            let Search::Fetching(position) = owned.search else { continue };
            if owned.delayed || !owned.buffer.is_empty() {
                continue;
            }
            let Some((leader, leader_epoch)) = self.topology.leader(partition) else { continue };
            if leader == broker {
                owned.asked = Some(position.offset);
                partitions.push(FetchPartition {
                    partition,
                    offset: position.offset,
                    leader_epoch,
                    last_fetched_epoch: LeaderEpoch::UNKNOWN,
                    log_start: Offset::UNKNOWN,
                    max_bytes: self.config.max_partition_fetch_bytes,
                });
            }
        }
        partitions
    }

    /// A fetch will not be answered.
    pub(super) fn fetch_failed(&mut self, broker: BrokerId) {
        self.fetcher.in_flight.remove(&broker);
        self.topology.want();
    }

    /// A fetch was answered.
    pub(super) fn fetched(
        &mut self,
        broker: BrokerId,
        partitions: Vec<FetchedPartition>,
        out: &mut Out,
    ) {
        self.fetcher.in_flight.remove(&broker);
        let mut delayed = false;
        for FetchedPartition { partition, result } in partitions {
            let Some(owned) = self.positions.owned.get_mut(&partition) else { continue };
            let Search::Fetching(position) = owned.search else { continue };
            match result {
                // R8.4: an answer to an older question is dropped.
                Ok(fetched) if fetched.fetch_offset == position.offset => {
                    if owned.buffer.is_empty() && !fetched.batches.is_empty() {
                        owned.buffer.extend(fetched.batches);
                        self.fetcher.arrived.push_back(partition);
                    }
                }
                Ok(_) => {}
                // R8.6: silently to where the policy says.
                Err(ErrorCode::OffsetOutOfRange) if owned.asked == Some(position.offset) => {
                    owned.reset(PositionSource::OutOfRange(self.config.auto_offset_reset));
                }
                Err(error) => {
                    owned.delayed = true;
                    delayed = true;
                    if error != ErrorCode::UnknownLeaderEpoch {
                        self.topology.want();
                    }
                }
            }
        }
        if delayed {
            out.arm(Timer::FetchBackoff, self.retry_backoff());
        }
    }
}

/// Takes up to `limit` buffered records; positions move past them at once (R8.4).
pub(super) fn collect(
    fetcher: &mut Fetcher,
    positions: &mut Positions,
    mut limit: usize,
    mut each: impl FnMut(Run),
) {
    while limit > 0 {
        let Some(&partition) = fetcher.arrived.front() else { return };
        let Some(owned) = positions.owned.get_mut(&partition) else {
            fetcher.arrived.pop_front();
            continue;
        };
        let (Search::Fetching(position), Some(batch)) = (&mut owned.search, owned.buffer.front())
        else {
            // R8.4: what was buffered before a reset or a validation is gone.
            owned.buffer.clear();
            fetcher.arrived.pop_front();
            continue;
        };
        let (epoch, next) = (batch.leader_epoch, batch.next_offset());
        if let Some(records) = part_from(batch, position.offset, limit) {
            limit -= records.len();
            let base = position.offset;
            position.offset = base.plus(records.len());
            position.epoch = epoch;
            each(Run { partition, base, epoch, records, done: 0 });
        }
        if next <= position.offset {
            owned.buffer.pop_front();
        }
    }
}

/// Up to `limit` records of `batch` from `offset` on, if there are any.
fn part_from(batch: &Arc<RecordBatch>, offset: Offset, limit: usize) -> Option<RecordSlice> {
    let records = batch.records();
    let skipped = usize::try_from(offset.since(batch.base_offset)).ok()?;
    let end = records.len().min(skipped.saturating_add(limit));
    (skipped < end).then(|| records.slice(skipped..end))
}
