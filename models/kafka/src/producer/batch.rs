//! A batch of records on its way: what it holds, how far it is, what is known of its attempts.
//!
//! Knows nothing of queues, requests or other batches. Kafka: `ProducerBatch` (R6.4, R6.8, R6.12).

use crate::config::Compression;
use crate::message::{Payload, ProducerStamp, RecordBatch};
use ackproof_types::{LeaderEpoch, Micros, Offset, Record, Timestamp};
use std::sync::Arc;

/// Bytes of a batch's header (`DefaultRecordBatch.RECORD_BATCH_OVERHEAD`).
const HEADER: u32 = 61;
/// The most that a record takes beside its key, value and headers (`DefaultRecord.MAX_RECORD_OVERHEAD`).
const MAX_RECORD_OVERHEAD: u32 = 21;

/// Bytes of `number` as a varint; signed numbers are zigzag-encoded, so that it takes a bit more.
fn varint(number: u64) -> u32 {
    let bits = (u64::BITS - number.leading_zeros() + 1).max(1);
    bits.div_ceil(7)
}

/// Bytes of key and value with their lengths, and of the count of headers.
fn contents_bytes(record: Record) -> u32 {
    // Producers serialize a key to its decimal digits.
    let key = record.key.map(|key| key.checked_ilog10().unwrap_or(0) + 1);
    let value = record.size.saturating_sub(key.unwrap_or(0));
    key.map_or(1, |length| varint(length.into())) + varint(value.into()) + record.size + 1
}

/// Bytes that `record` takes as number `index` of a batch, sent `delta` after its first
/// (`DefaultRecord#sizeInBytes`).
fn record_bytes(record: Record, index: usize, delta: Micros) -> u32 {
    let deltas = varint(delta.as_millis()) + varint(index as u64);
    let body = 1 + deltas + contents_bytes(record);
    varint(body.into()) + body
}

/// The most that a batch of `record` alone can take (`AbstractRecords#estimateSizeInBytesUpperBound`).
pub(super) fn upper_bound(record: Record) -> u32 {
    (HEADER + MAX_RECORD_OVERHEAD).saturating_add(contents_bytes(record))
}

/// Names a batch within its process, in the order of creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub u64);

/// Whether a batch takes records, and whether it may be sent for its own sake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// Takes records and waits for more of them (`linger.ms`).
    Lingering,
    /// May be sent, and takes records until it is.
    Due,
    /// Takes no more: full, followed by another, or drained once.
    Closed,
    /// Was refused or lost, and waits for its back-off to end.
    BackingOff,
}

/// Whether its records have their outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Life {
    /// They wait for it.
    Pending,
    /// They wait, and `delivery.timeout.ms` is over: the next look at expired batches ends it.
    Overdue,
    /// They have it. The answer to its last request may still come.
    Done,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Contents {
    Open(Vec<Record>),
    Sealed(Arc<[Record]>),
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Batch {
    pub(super) id: BatchId,
    pub(super) partition: u16,
    /// The batch whose creation counts for `delivery.timeout.ms`: itself, or the one it was split from.
    pub(super) born: BatchId,
    contents: Contents,
    /// As it goes to the broker.
    pub(super) bytes: u32,
    /// Bytes of its records before compression.
    raw: u32,
    compression: Compression,
    /// Bytes of `buffer.memory` it holds; none after a split.
    pub(super) memory: u64,
    pub(super) created: Timestamp,
    /// The latest that a record of it bears.
    newest: Timestamp,
    pub(super) stage: Stage,
    pub(super) life: Life,
    /// How often it was put back into its queue (Kafka: `attempts`).
    pub(super) retries: u32,
    /// Its place in the order of all drains, from 1; 0: never part of a request.
    pub(super) drained: u64,
    leader_epoch: LeaderEpoch,
    retries_at_leader_change: u32,
    /// Some attempt may have been written (R4.12).
    pub(super) maybe_written: bool,
    /// The idempotence triple, given at the first drain and kept (R6.6).
    pub(super) stamp: Option<ProducerStamp>,
    /// An epoch bump has changed `stamp` since the last drain (Kafka: `reopened`).
    pub(super) rewritten: bool,
}

/// A batch that has its outcome, as far as that leaves something to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ended {
    pub(super) partition: u16,
    /// Whose delivery timer is of no more use; none if other parts of a split batch may need it.
    pub(super) timer: Option<BatchId>,
    pub(super) records: Arc<[Record]>,
    pub(super) memory: u64,
    pub(super) was_overdue: bool,
    pub(super) was_sent: bool,
    pub(super) was_retried: bool,
    pub(super) maybe_written: bool,
    pub(super) stamp: Option<ProducerStamp>,
}

impl Batch {
    /// An empty batch that fills `records`, a spare allocation.
    pub(super) fn new(
        id: BatchId,
        partition: u16,
        (created, compression): (Timestamp, Compression),
        records: Vec<Record>,
    ) -> Self {
        Self {
            id,
            partition,
            born: id,
            contents: Contents::Open(records),
            bytes: HEADER,
            raw: 0,
            compression,
            memory: 0,
            created,
            newest: created,
            stage: Stage::Lingering,
            life: Life::Pending,
            retries: 0,
            drained: 0,
            leader_epoch: LeaderEpoch::UNKNOWN,
            retries_at_leader_change: 0,
            maybe_written: false,
            stamp: None,
            rewritten: false,
        }
    }

    /// Whether `record` may still be added at `now`, with `limit` the bytes of a batch. What it shrinks to is not
    /// known before (`MemoryRecordsBuilder#hasRoomFor`).
    pub(super) fn has_room(&self, record: Record, now: Timestamp, limit: u32) -> bool {
        matches!(self.stage, Stage::Lingering | Stage::Due)
            && self.bytes + record_bytes(record, self.count(), self.age(now)) <= limit
    }

    fn age(&self, now: Timestamp) -> Micros {
        now.since(self.created)
    }

    /// Adds a record that has room, or the first one whatever its size.
    pub(super) fn push(&mut self, record: Record, now: Timestamp) {
        self.newest = self.newest.latest(now);
        self.raw += record_bytes(record, self.count(), self.age(now));
        self.bytes = HEADER + self.compression.of(self.raw);
        match &mut self.contents {
            Contents::Open(records) => records.push(record),
            Contents::Sealed(_) => unreachable!("only open batches have room"),
        }
    }

    /// The records, no longer to be added to, and the allocation they filled if it is spare now.
    pub(super) fn seal(&mut self) -> (Arc<[Record]>, Option<Vec<Record>>) {
        match &mut self.contents {
            Contents::Sealed(sealed) => (Arc::clone(sealed), None),
            Contents::Open(records) => {
                let mut spare = std::mem::take(records);
                let sealed: Arc<[Record]> = spare.as_slice().into();
                spare.clear();
                self.contents = Contents::Sealed(Arc::clone(&sealed));
                (sealed, Some(spare))
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.records().len()
    }

    pub(super) fn records(&self) -> &[Record] {
        match &self.contents {
            Contents::Open(records) => records,
            Contents::Sealed(sealed) => sealed,
        }
    }

    pub(super) fn first(&self) -> Record {
        self.records()[0]
    }

    pub(super) fn is_done(&self) -> bool {
        self.life == Life::Done
    }

    /// R6.8: whether the batch must wait, now that `epoch` is the newest leader epoch of its partition.
    /// An epoch that became known since the last attempt ends the back-off.
    pub(super) fn backs_off(&mut self, epoch: LeaderEpoch) -> bool {
        if epoch > self.leader_epoch {
            self.leader_epoch = epoch;
            self.retries_at_leader_change = self.retries;
        }
        self.stage == Stage::BackingOff && self.retries != self.retries_at_leader_change
    }

    /// The batch as a request carries it.
    pub(super) fn on_the_wire(&mut self) -> (RecordBatch, Option<Vec<Record>>) {
        let (records, spare) = self.seal();
        let batch = RecordBatch {
            base_offset: Offset(0),
            leader_epoch: LeaderEpoch::UNKNOWN,
            producer: self.stamp,
            max_timestamp: self.newest,
            size: self.bytes,
            payload: Payload::Records(records),
        };
        (batch, spare)
    }

    /// The batch has its outcome. A request that carries it keeps it, for the answer that may come.
    pub(super) fn end(&mut self) -> Ended {
        let was_overdue = self.life == Life::Overdue;
        self.life = Life::Done;
        Ended {
            partition: self.partition,
            timer: (self.id == self.born).then_some(self.born),
            records: self.seal().0,
            memory: self.memory,
            was_overdue,
            was_sent: self.drained > 0,
            was_retried: self.retries > 0,
            maybe_written: self.maybe_written,
            stamp: self.stamp,
        }
    }

    /// R6.12: the same records in batches of at most `limit` bytes, with ids from `next` on. They share
    /// its creation and its sequences, count as never tried and hold no memory. When each record was sent is not
    /// kept: its time in the batch counts as none.
    pub(super) fn split(mut self, limit: u32, next: BatchId) -> Vec<Self> {
        let (records, _) = self.seal();
        let mut parts: Vec<Self> = Vec::new();
        let mut sequence = self.stamp.map(|stamp| stamp.base_sequence);
        for record in records.iter() {
            let fits = |part: &Self| part.has_room(*record, self.created, limit);
            if !parts.last().is_some_and(fits) {
                let id = BatchId(next.0 + parts.len() as u64);
                let made = (self.created, self.compression);
                let mut part = Self::new(id, self.partition, made, Vec::new());
                part.born = self.born;
                part.life = self.life;
                part.maybe_written = self.maybe_written;
                part.stamp = self
                    .stamp
                    .zip(sequence)
                    .map(|(stamp, base_sequence)| ProducerStamp { base_sequence, ..stamp });
                parts.push(part);
            }
            let part = parts.last_mut().expect("one was just added");
            part.push(*record, self.created);
            sequence = sequence.map(|sequence| sequence.plus(1));
        }
        for part in &mut parts {
            part.stage = Stage::Closed;
            part.newest = self.newest;
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::{ProducerIndex, RecordId};

    fn record(key: Option<u32>, size: u32) -> Record {
        Record { id: RecordId { producer: ProducerIndex(0), number: 0 }, key, size }
    }

    #[test]
    fn a_record_takes_what_kafka_writes() {
        assert_eq!([0, 63, 64, 8191, 8192].map(varint), [1, 1, 2, 2, 3]);
        let ms = Micros::from_millis;
        // Attributes, two deltas, no key, the value's length, no headers, and the length of all that.
        assert_eq!(record_bytes(record(None, 6), 0, ms(0)), 6 + 7);
        assert_eq!(record_bytes(record(None, 6), 64, ms(64)), 6 + 9);
        assert_eq!(record_bytes(record(None, 6), 8192, ms(8192)), 6 + 11);
        assert_eq!(record_bytes(record(Some(7), 100), 0, ms(0)), 100 + 9, "lengths of two bytes");
        assert_eq!(record_bytes(record(Some(0), 5), 0, ms(0)), 5 + 7, "a digit");
        assert_eq!(upper_bound(record(None, 10)), 61 + 21 + 10 + 3);
    }

    fn batch(compression: Compression) -> Batch {
        Batch::new(BatchId(1), 0, (Timestamp::START, compression), Vec::new())
    }

    #[test]
    fn compressed_records_take_less_of_a_batch_of_which_more_fit() {
        let filled = |compression| {
            let mut batch = batch(compression);
            while batch.has_room(record(None, 100), Timestamp::START, 1000) {
                batch.push(record(None, 100), Timestamp::START);
            }
            (batch.count(), batch.on_the_wire().0.size)
        };
        // 109 bytes each; the next one counts in full.
        assert_eq!(filled(Compression::NONE), (8, 61 + 8 * 109));
        assert_eq!(filled(Compression(500_000)), (16, 61 + 8 * 109));
        assert_eq!(filled(Compression(250_000)), (31, 61 + 845));
        let mut whole = batch(Compression(500_000));
        (0..16).for_each(|_| whole.push(record(None, 100), Timestamp::START));
        let parts = whole.split(500, BatchId(2));
        assert!(parts.iter().all(|part| part.bytes <= 500), "a part is compressed as well");
        assert_eq!(parts.len(), 3);
    }

    /// What VerifiableProducer sends at 200 a second while its broker is cut off: values of six bytes.
    #[test]
    fn a_batch_of_16_kib_holds_1093_records_of_verifiable_producer() {
        let mut batch = batch(Compression::NONE);
        let small = record(None, 6);
        let mut now = Timestamp::START;
        while batch.has_room(small, now, 16_384) {
            batch.push(small, now);
            now = Timestamp::from_micros(now.as_micros() + 5000);
        }
        assert_eq!(batch.count(), 1093);
    }
}
