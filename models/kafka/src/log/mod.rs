//! One replica's log: append, truncate, read.
//!
//! Knows offsets, epochs and producers, not roles: who may append is the partition's business. Every
//! change is written to the disk in the same step. Kafka: `UnifiedLog`, `LocalLog`.

pub mod disk;
pub mod epochs;
pub mod producers;

use crate::machine::Outbox;
use crate::message::{EpochEnd, RecordBatch};
use ackproof_types::{LeaderEpoch, Offset, TopicPartition};
use disk::{BrokerWrite, LogDisk};
use epochs::EpochCache;
use producers::ProducerStates;
use std::sync::Arc;

/// A replica's log, as the running process holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReplicaLog {
    id: TopicPartition,
    batches: Vec<Arc<RecordBatch>>,
    end: Offset,
    high_watermark: Offset,
    epochs: EpochCache,
    producers: ProducerStates,
    /// From the newest of them producer state is rebuilt after truncation (R1.16).
    snapshots: Vec<(Offset, ProducerStates)>,
    /// Where segments begin, ascending, without the first.
    segments: Vec<Offset>,
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
            snapshots: disk.snapshots,
            segments: disk.segments,
            segment_bytes,
            segment_size: 0,
        };
        log.rebuild();
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

    /// The epoch of the oldest record, for `ListOffsets` of the earliest offset.
    #[must_use]
    pub fn earliest_epoch(&self) -> LeaderEpoch {
        self.epochs.earliest()
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
    pub(crate) fn begin_epoch<T>(&mut self, epoch: LeaderEpoch, out: &mut Outbox<T, BrokerWrite>) {
        self.epochs.assign(epoch, self.end);
        out.write(BrokerWrite::Epoch(self.id, epoch, self.end));
    }

    /// Appends a batch whose offsets and epoch are set; it must start at the log's end (R2.5).
    pub(crate) fn append<T>(&mut self, batch: Arc<RecordBatch>, out: &mut Outbox<T, BrokerWrite>) {
        assert_eq!(batch.base_offset, self.end, "{:?}: an append leaves a hole", self.id);
        if self.segment_size + u64::from(batch.size) > self.segment_bytes && self.segment_size > 0 {
            let snapshot = self.producers.snapshot();
            self.snapshots.push((self.end, snapshot.clone()));
            self.segments.push(self.end);
            self.segment_size = 0;
            out.write(BrokerWrite::Roll(self.id, self.end, snapshot));
        }
        if batch.leader_epoch != self.epochs.latest() {
            self.epochs.assign(batch.leader_epoch, batch.base_offset);
            out.write(BrokerWrite::Epoch(self.id, batch.leader_epoch, batch.base_offset));
        }
        self.segment_size += u64::from(batch.size);
        self.producers.remember(&batch);
        self.end = batch.next_offset();
        self.batches.push(Arc::clone(&batch));
        out.write(BrokerWrite::Append(self.id, batch));
    }

    /// Cuts the log at `to` (R1.16); at or past the end it only trims the epoch cache (R1.15). A batch
    /// that `to` splits goes whole (R1.5). Returns the end before if data was dropped.
    pub(crate) fn truncate<T>(
        &mut self,
        to: Offset,
        out: &mut Outbox<T, BrokerWrite>,
    ) -> Option<Offset> {
        self.epochs.truncate_from_end(to.min(self.end));
        out.write(BrokerWrite::Truncate(self.id, to));
        if to >= self.end {
            return None;
        }
        let keep = self.batches.partition_point(|batch| batch.next_offset() <= to);
        self.batches.truncate(keep);
        let before = std::mem::replace(&mut self.end, to);
        self.high_watermark = self.high_watermark.min(to);
        self.segments.retain(|base| *base <= to);
        self.snapshots.retain(|(offset, _)| *offset <= to);
        self.rebuild();
        Some(before)
    }

    /// Batches from the one that holds `from` on, below `bound`, as many as fit `max_bytes`; with
    /// `at_least_one` the first in any case (R2.2, R8.5).
    #[must_use]
    pub fn read(
        &self,
        from: Offset,
        bound: Offset,
        max_bytes: u64,
        at_least_one: bool,
    ) -> Vec<Arc<RecordBatch>> {
        if from >= bound {
            return Vec::new();
        }
        let first = self.first_holding(from);
        let mut bytes = 0_u64;
        self.batches[first..]
            .iter()
            .enumerate()
            .take_while(|(nth, batch)| {
                bytes += u64::from(batch.size);
                let fits = bytes <= max_bytes || (at_least_one && *nth == 0);
                fits && batch.next_offset() <= bound
            })
            .map(|(_, batch)| Arc::clone(batch))
            .collect()
    }

    /// Bytes from `from` on below `bound`, counted up to `most` (R2.16).
    #[must_use]
    pub fn available(&self, from: Offset, bound: Offset, most: u64) -> u64 {
        if from >= bound {
            return 0;
        }
        let mut bytes = 0_u64;
        for batch in &self.batches[self.first_holding(from)..] {
            if bytes >= most || batch.next_offset() > bound {
                break;
            }
            bytes += u64::from(batch.size);
        }
        bytes.min(most)
    }

    /// Index of the batch that holds `from`; readers are mostly at the end.
    fn first_holding(&self, from: Offset) -> usize {
        match self.batches.last() {
            Some(last) if last.base_offset <= from => {
                self.batches.len() - usize::from(last.next_offset() > from)
            }
            Some(_) | None => self.batches.partition_point(|batch| batch.next_offset() <= from),
        }
    }

    /// All batches, for a coordinator that loads (R9.6).
    pub fn batches(&self) -> impl Iterator<Item = Arc<RecordBatch>> + '_ {
        self.batches.iter().cloned()
    }

    /// Producer state and the size of the active segment, from snapshots and batches.
    fn rebuild(&mut self) {
        let (from, producers) = self.snapshots.last().cloned().unwrap_or_default();
        self.producers = producers;
        for batch in &self.batches[self.first_from(from)..] {
            self.producers.remember(batch);
        }
        let active = self.segments.last().copied().unwrap_or_default();
        let batches = &self.batches[self.first_from(active)..];
        self.segment_size = batches.iter().map(|batch| u64::from(batch.size)).sum();
    }

    fn first_from(&self, offset: Offset) -> usize {
        self.batches.partition_point(|batch| batch.base_offset < offset)
    }
}
