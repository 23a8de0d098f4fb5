//! One replica's log: append, truncate, read.
//!
//! Knows offsets, epochs and producers, not roles: who may append is the partition's business. Every
//! change is written to the disk in the same step. Kafka: `UnifiedLog`, `LocalLog`.

pub mod disk;
pub mod epochs;
pub mod producers;

use crate::broker::Out;
use crate::message::{EpochEnd, RecordBatch};
use ackproof_types::{LeaderEpoch, Offset, TopicPartition};
use disk::{BrokerWrite, LogDisk};
use epochs::EpochCache;
use producers::ProducerStates;
use std::sync::Arc;

/// A replica's log, as the running process holds it.
#[derive(Debug)]
pub struct ReplicaLog {
    id: TopicPartition,
    batches: Vec<Arc<RecordBatch>>,
    end: Offset,
    high_watermark: Offset,
    epochs: EpochCache,
    producers: ProducerStates,
    /// The newest snapshot, from which producer state is rebuilt after truncation (R1.16).
    snapshot: Option<(Offset, ProducerStates)>,
    segment_bytes: u64,
    segment_size: u64,
}

impl ReplicaLog {
    /// Loads the log from disk as a broker recovers it (R1.22, R1.24, R1.25); empty if there is none.
    pub(crate) fn load(id: TopicPartition, disk: Option<&LogDisk>, segment_bytes: u64) -> Self {
        let disk = disk.cloned().unwrap_or_default();
        let mut log = Self {
            id,
            batches: disk.batches,
            end: disk.end,
            high_watermark: disk.high_watermark.min(disk.end),
            epochs: disk.epochs,
            producers: ProducerStates::default(),
            snapshot: disk.snapshot,
            segment_bytes,
            segment_size: 0,
        };
        log.rebuild_producers();
        log
    }

    /// The next offset to be written.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.end
    }

    /// The first readable offset; retention is not modelled.
    #[must_use]
    pub fn start(&self) -> Offset {
        Offset(0)
    }

    /// Exclusive bound of what consumers see.
    #[must_use]
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// The epoch of the last record, or a later one that wrote nothing; UNKNOWN in a new log.
    #[must_use]
    pub fn latest_epoch(&self) -> LeaderEpoch {
        self.epochs.latest()
    }

    /// Where `epoch` ends here (R1.13).
    #[must_use]
    pub fn end_of(&self, epoch: LeaderEpoch) -> EpochEnd {
        self.epochs.end_of(epoch, self.end)
    }

    /// What the log remembers of producers.
    #[must_use]
    pub fn producers(&self) -> &ProducerStates {
        &self.producers
    }

    /// Sets the high watermark, clamped into the log (R1.9). It may fall on a follower (R1.10).
    pub fn set_high_watermark(&mut self, to: Offset) {
        self.high_watermark = to.max(self.start()).min(self.end);
    }

    /// Notes the start of a leadership at the log's end (R1.12).
    pub(crate) fn begin_epoch(&mut self, epoch: LeaderEpoch, out: &mut Out) {
        self.epochs.assign(epoch, self.end);
        out.write(BrokerWrite::Epoch(self.id, epoch, self.end));
    }

    /// Appends a batch whose offsets and epoch are set; it must start at the log's end (R2.5).
    pub(crate) fn append(&mut self, batch: Arc<RecordBatch>, out: &mut Out) {
        assert_eq!(batch.base_offset, self.end, "{:?}: an append leaves a hole", self.id);
        if self.segment_size + u64::from(batch.size) > self.segment_bytes && self.segment_size > 0 {
            let snapshot = self.producers.snapshot();
            self.snapshot = Some((self.end, snapshot.clone()));
            self.segment_size = 0;
            out.write(BrokerWrite::Roll(self.id, self.end, snapshot));
        }
        if batch.leader_epoch > self.epochs.latest() {
            self.epochs.assign(batch.leader_epoch, batch.base_offset);
            out.write(BrokerWrite::Epoch(self.id, batch.leader_epoch, batch.base_offset));
        }
        self.segment_size += u64::from(batch.size);
        self.producers.remember(&batch);
        self.end = batch.next_offset();
        self.batches.push(Arc::clone(&batch));
        out.write(BrokerWrite::Append(self.id, batch));
    }

    /// Cuts the log at `to`, a batch boundary (R1.5, R1.16); `to` at or past the end only trims the
    /// epoch cache (R1.15). Returns the end before if data was dropped.
    pub(crate) fn truncate(&mut self, to: Offset, out: &mut Out) -> Option<Offset> {
        self.epochs.truncate_from_end(to);
        out.write(BrokerWrite::Truncate(self.id, to));
        if to >= self.end {
            return None;
        }
        let keep = self.batches.partition_point(|batch| batch.base_offset < to);
        let boundary = keep == 0 || self.batches[keep - 1].next_offset() == to;
        assert!(boundary, "{:?}: truncation to {to} splits a batch", self.id);
        self.batches.truncate(keep);
        let before = std::mem::replace(&mut self.end, to);
        self.high_watermark = self.high_watermark.min(to);
        if self.snapshot.as_ref().is_some_and(|(offset, _)| *offset > to) {
            self.snapshot = None;
        }
        self.rebuild_producers();
        Some(before)
    }

    /// Batches from the one that holds `from` on, below `bound`; at least one if there is any, else
    /// as many as fit `max_bytes` (R2.2, R8.5).
    #[must_use]
    pub fn read(&self, from: Offset, bound: Offset, max_bytes: u32) -> Vec<Arc<RecordBatch>> {
        if from >= bound {
            return Vec::new();
        }
        let first = self.batches.partition_point(|batch| batch.next_offset() <= from);
        let mut bytes = 0_u64;
        self.batches[first..]
            .iter()
            .take_while(|batch| {
                bytes += u64::from(batch.size);
                let is_first = bytes == u64::from(batch.size);
                batch.next_offset() <= bound && (is_first || bytes <= u64::from(max_bytes))
            })
            .cloned()
            .collect()
    }

    /// All batches, for a coordinator that loads (R9.6).
    pub fn batches(&self) -> impl Iterator<Item = Arc<RecordBatch>> + '_ {
        self.batches.iter().cloned()
    }

    fn rebuild_producers(&mut self) {
        let (from, producers) = self.snapshot.clone().unwrap_or_default();
        self.producers = producers;
        let first = self.batches.partition_point(|batch| batch.base_offset < from);
        for batch in &self.batches[first..] {
            self.producers.remember(batch);
        }
    }
}
