//! The disk of a broker: one queue for all that is written and read, and a page cache of the newest writes.
//!
//! Appends of clients and of replication wait for each other and for reads of old data. A read does not bring
//! old data back into memory. It knows sizes and offsets, and no thread.

use ackproof_kafka::broker::BrokerWrite;
use ackproof_kafka::message::FetchedPartition;
use ackproof_scenario::capacity::Capacity;
use ackproof_types::{Offset, TopicPartition};
use std::collections::{BTreeMap, VecDeque};

/// Microseconds for `bytes` at `rate` bytes a second.
pub(super) fn took(bytes: u64, rate: Option<u64>) -> u64 {
    rate.map_or(0, |rate| bytes.saturating_mul(1_000_000).div_ceil(rate))
}

/// The disk of one broker.
#[derive(Debug)]
pub(super) struct Disk {
    rate: Option<u64>,
    /// Bytes of the newest writes that are in memory; none: all are.
    page_cache: Option<u64>,
    /// When it has done all that it was given.
    free: u64,
    /// What is in memory, oldest first: one past its last offset, and its size.
    cached: VecDeque<(TopicPartition, Offset, u64)>,
    cached_bytes: u64,
    /// What is below is on the disk only.
    cold_below: BTreeMap<TopicPartition, Offset>,
    longest: u64,
    busy: u64,
}

impl Disk {
    pub(super) fn new(capacity: Capacity) -> Self {
        Self {
            rate: capacity.disk,
            page_cache: capacity.page_cache,
            free: 0,
            cached: VecDeque::new(),
            cached_bytes: 0,
            cold_below: BTreeMap::new(),
            longest: 0,
            busy: 0,
        }
    }

    /// From now on it takes no time.
    pub(super) fn lift(&mut self) {
        self.rate = None;
    }

    /// The longest wait since the last account, and the time at work.
    pub(super) fn account(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.longest), std::mem::take(&mut self.busy))
    }

    /// When a change is on the disk.
    pub(super) fn write(&mut self, now: u64, write: &BrokerWrite) -> u64 {
        if let Some((partition, to)) = write.cut() {
            self.cold_below.entry(partition).and_modify(|below| *below = to.min(*below));
            let stays = |one: &(TopicPartition, Offset, u64)| one.0 != partition || one.1 <= to;
            self.cached.retain(stays);
            self.cached_bytes = self.cached.iter().map(|(.., bytes)| bytes).sum();
        }
        let Some((partition, batch)) = write.appended() else { return now };
        let bytes = batch.wire_bytes();
        self.remember(partition, batch.next_offset(), bytes);
        self.work(now, bytes)
    }

    /// When all that is not in memory has been read.
    pub(super) fn read(&mut self, now: u64, partitions: &[FetchedPartition]) -> u64 {
        let mut bytes = 0;
        for one in partitions {
            let Some(below) = self.cold_below.get(&one.partition) else { continue };
            let batches = one.result.iter().flat_map(|fetched| &fetched.batches);
            let cold = batches.filter(|batch| batch.base_offset < *below);
            bytes += cold.map(|batch| batch.wire_bytes()).sum::<u64>();
        }
        if bytes == 0 { now } else { self.work(now, bytes) }
    }

    fn work(&mut self, now: u64, bytes: u64) -> u64 {
        if self.rate.is_none() {
            return now;
        }
        let (begins, takes) = (self.free.max(now), took(bytes, self.rate));
        self.longest = self.longest.max(begins - now);
        self.busy += takes;
        self.free = begins + takes;
        self.free
    }

    fn remember(&mut self, partition: TopicPartition, next: Offset, bytes: u64) {
        let Some(most) = self.page_cache else { return };
        self.cached.push_back((partition, next, bytes));
        self.cached_bytes += bytes;
        while self.cached_bytes > most
            && let Some((partition, next, bytes)) = self.cached.pop_front()
        {
            self.cached_bytes -= bytes;
            self.cold_below.insert(partition, next);
        }
    }
}
