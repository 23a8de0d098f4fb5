//! What compaction leaves of a log: of each key the newest record, at its offset, and tombstones for a while.
//!
//! It never touches the segment that is written to, nor what is not committed. When it is looked at is the broker's
//! business. Kafka: `LogCleanerManager#cleanableOffsets`, `LogCleaner#doClean` (R1.19).

use super::retention::Segment;
use super::stored::Compacted;
use super::{BrokerWrite, LogWrite, ReplicaLog};
use crate::machine::Outbox;
use crate::message::{GroupKey, Payload, ProducerStamp, RecordBatch};
use crate::variant::{Variant, Variants};
use ackproof_types::{Micros, Offset, Timestamp};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Of(u32),
    Group(GroupKey),
}

/// The records that win, by key.
type Winners = BTreeMap<Key, Offset>;

impl ReplicaLog {
    /// R1.19: compacts what is due, and says what was compacted before and is now.
    pub(crate) fn compact<T>(
        &mut self,
        now: Timestamp,
        variants: Variants,
        out: &mut Outbox<T, BrokerWrite>,
    ) -> Option<(Offset, Offset)> {
        if !self.config.cleanup.compacts() || self.stored.segments.is_empty() {
            return None;
        }
        let from = self.stored.clean.max(self.start());
        let to = self.cleanable(from, now, variants)?;
        let winners = self.winners(from, to, variants);
        let mut left =
            Compacted { to, batches: Vec::new(), segments: Vec::new(), horizons: BTreeMap::new() };
        for batch in &self.stored.batches[..self.stored.first_from(to)] {
            self.keep_of(batch, &winners, now, &mut left);
        }
        left.segments = self.merged(&left);
        self.write(LogWrite::Compact(Arc::new(left)), out);
        Some((from, to))
    }

    /// Up to where it is to be compacted now, if it is.
    fn cleanable(&self, from: Offset, now: Timestamp, variants: Variants) -> Option<Offset> {
        let config = self.config.compaction;
        let past = variants.has(Variant::CleanPastHighWatermark);
        let committed = if past { self.end() } else { self.high_watermark };
        let active = *self.stored.segments.last()?;
        let bound = committed.min(active);
        let is_young = |one: &Segment| {
            let waits = |newest| now.since(newest) < config.min_lag;
            one.next > from && one.newest.is_some_and(waits)
        };
        let ready = self.segments().take_while(|one| one.next <= bound && !is_young(one));
        let (mut clean, mut dirty, mut to) = (0, 0, from);
        for one in ready {
            if one.next <= from {
                clean += one.size;
            } else {
                (dirty, to) = (dirty + one.size, one.next);
            }
        }
        let first = self.stored.batches.get(self.first_holding(from))?;
        let is_late = config.max_lag.is_some_and(|most| now.since(first.max_timestamp) > most);
        let is_filthy = dirty * 1_000_000 > (clean + dirty) * u64::from(config.min_dirty_ppm);
        (to > from && (is_late || is_filthy)).then_some(to)
    }

    /// The record that wins of each key that has one in the range.
    fn winners(&self, from: Offset, to: Offset, variants: Variants) -> Winners {
        let mut winners = Winners::new();
        let all = &self.stored.batches[..self.stored.first_from(to)];
        let oldest = variants.has(Variant::CompactionKeepsOldest);
        for batch in all.iter().filter(|batch| batch.next_offset() > from) {
            for index in 0..batch.count() {
                let Some(key) = key(batch, index) else { continue };
                let at = batch.base_offset.plus(index);
                let winner = winners.entry(key).or_insert(at);
                *winner = if oldest { *winner } else { at };
            }
        }
        winners
    }

    /// What is left of a batch, in runs of neighbours.
    fn keep_of(
        &self,
        batch: &Arc<RecordBatch>,
        winners: &Winners,
        now: Timestamp,
        left: &mut Compacted,
    ) {
        let base = batch.base_offset;
        // Kafka keeps its header; here all of it stays.
        let is_needed = batch.producer.is_some_and(|stamp| self.producers.knows(stamp, base));
        let known = self.stored.horizons.get(&base).copied();
        let horizon = known.unwrap_or(now + self.config.compaction.delete_retention);
        let is_over = known.is_some_and(|until| now.since(until) > Micros::ZERO);
        let stays = |index: usize| {
            let at = base.plus(index);
            let winner = key(batch, index).and_then(|key| winners.get(&key));
            let wins = winner.is_none_or(|winner| *winner == at);
            is_needed || (wins && !(is_over && is_tombstone(batch, index)))
        };
        let mut index = 0;
        while index < batch.count() {
            let first = index;
            while index < batch.count() && stays(index) {
                index += 1;
            }
            if first < index {
                let run = first..index;
                if run.clone().any(|index| is_tombstone(batch, index)) {
                    left.horizons.insert(base.plus(first), horizon);
                }
                left.batches.push(part(batch, run));
            }
            index += 1;
        }
    }

    /// Where segments begin after it: neighbours become one as long as they fit (Kafka: `groupSegmentsBySize`).
    fn merged(&self, left: &Compacted) -> Vec<Offset> {
        let below = self.stored.segments.iter().copied().filter(|base| *base < left.to);
        let mut bases = Vec::new();
        let (mut size, mut rest) = (0, left.batches.as_slice());
        let mut last = None;
        for next in below.chain([left.to]) {
            let (here, later) = rest.split_at(rest.partition_point(|one| one.base_offset < next));
            rest = later;
            let own: u64 = here.iter().map(|one| u64::from(one.size)).sum();
            if let Some(base) = last.filter(|_| size + own > self.config.segment_bytes) {
                bases.push(base);
                size = 0;
            }
            size += own;
            last = Some(next);
        }
        bases
    }
}

fn key(batch: &RecordBatch, index: usize) -> Option<Key> {
    match &batch.payload {
        Payload::Records(records) => records[index].key.map(Key::Of),
        Payload::Group(records) => Some(Key::Group(records[index].key())),
    }
}

fn is_tombstone(batch: &RecordBatch, index: usize) -> bool {
    match &batch.payload {
        Payload::Records(_) => false,
        Payload::Group(records) => records[index].is_tombstone(),
    }
}

/// Neighbours of a batch as a batch of their own.
fn part(batch: &Arc<RecordBatch>, run: Range<usize>) -> Arc<RecordBatch> {
    let count = batch.count();
    if run == (0..count) {
        return Arc::clone(batch);
    }
    let share = |size: u32| {
        let (part, count) = (run.len() as u64, count as u64);
        u32::try_from(u64::from(size) * part / count).unwrap_or(size)
    };
    let first = run.start;
    let producer = batch
        .producer
        .map(|stamp| ProducerStamp { base_sequence: stamp.base_sequence.plus(first), ..stamp });
    let payload = match &batch.payload {
        Payload::Records(records) => Payload::Records(records[run.clone()].into()),
        Payload::Group(records) => Payload::Group(records[run.clone()].into()),
    };
    let (base_offset, size) = (batch.base_offset.plus(first), share(batch.size));
    Arc::new(RecordBatch { base_offset, size, producer, payload, ..(**batch).clone() })
}
