//! One replica's log: append, truncate, read.
//!
//! Knows offsets, epochs and producers, not roles: who may append is the partition's business. Every
//! change is written to the disk in the same step. Kafka: `UnifiedLog`, `LocalLog`.

mod compaction;
mod damage;
mod dirs;
pub mod disk;
pub mod epochs;
pub mod producers;
pub mod retention;
pub mod stored;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test names only what it expects")]
mod tests;

use crate::config::LogConfig;
use crate::machine::Outbox;
use crate::message::{EpochEnd, RecordBatch};
use ackproof_types::{LeaderEpoch, Micros, Offset, Timestamp, TopicPartition};
use disk::BrokerWrite;
use producers::ProducerStates;
use std::sync::Arc;
use stored::{LogWrite, StoredLog};

/// A replica's log: what is stored of it, and what a process keeps beside that.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReplicaLog {
    id: TopicPartition,
    stored: StoredLog,
    start: Offset,
    high_watermark: Offset,
    producers: ProducerStates,
    config: LogConfig,
    active: Active,
    /// When it was flushed last, or loaded.
    flushed_at: Timestamp,
}

/// The segment that is written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Active {
    size: u64,
    /// What its first batch bears; none: it is empty.
    first: Option<Timestamp>,
}

impl Active {
    /// R1.6: whether `batch` goes to a new segment. Its age is what lies between its first batch and this
    /// one, by their CreateTime (Kafka: `LogSegment#timeWaitedForRoll`).
    fn is_over(self, batch: &RecordBatch, config: &LogConfig) -> bool {
        let size = self.size + u64::from(batch.size);
        self.first.is_some_and(|first| {
            size > config.segment_bytes || batch.max_timestamp.since(first) > config.segment_age
        })
    }

    fn take(&mut self, batch: &RecordBatch) {
        self.size += u64::from(batch.size);
        self.first = self.first.or(Some(batch.max_timestamp));
    }
}

impl ReplicaLog {
    /// Loads the log as a broker recovers it (R1.22, R1.24, R1.25); empty if there is none.
    pub(crate) fn load(id: TopicPartition, stored: Option<&StoredLog>, config: LogConfig) -> Self {
        let stored = stored.cloned().unwrap_or_default();
        let start = stored.start.max(stored.base);
        let mut log = Self {
            id,
            start,
            high_watermark: stored.high_watermark.min(stored.end).max(start),
            stored,
            producers: ProducerStates::default(),
            config,
            active: Active::default(),
            flushed_at: Timestamp::START,
        };
        log.rebuild();
        // Whatever was replayed: a recovery ends with a snapshot, and from that the state is loaded (R6.33).
        log.producers = log.producers.snapshot();
        log
    }

    /// Goes by other settings from here on.
    pub(crate) fn configure(&mut self, config: LogConfig) {
        self.config = config;
    }

    fn write<T>(&mut self, write: LogWrite, out: &mut Outbox<T, BrokerWrite>) {
        self.stored.apply(&write);
        out.write(BrokerWrite::Log(self.id, write));
    }

    /// What holds of a replica's log between any two steps.
    pub(crate) fn check(&self) {
        self.stored.check(false);
        let high_watermark = self.high_watermark;
        assert!(self.start() <= high_watermark && high_watermark <= self.end(), "R1.9: {self:?}");
    }

    /// What is stored of it.
    pub(crate) fn stored(&self) -> &StoredLog {
        &self.stored
    }

    /// The next offset to be written.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.stored.end
    }

    /// The first readable offset.
    #[must_use]
    pub fn start(&self) -> Offset {
        self.start
    }

    /// Exclusive bound of what consumers see.
    #[must_use]
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// The epoch of the last record, or a later one that wrote nothing; UNKNOWN in a new log.
    #[must_use]
    pub fn latest_epoch(&self) -> LeaderEpoch {
        self.stored.epochs.latest()
    }

    /// The epoch of the oldest record, for `ListOffsets` of the earliest offset.
    #[must_use]
    pub fn earliest_epoch(&self) -> LeaderEpoch {
        self.stored.epochs.earliest()
    }

    /// Where `epoch` ends here (R1.13).
    #[must_use]
    pub fn end_of(&self, epoch: LeaderEpoch) -> EpochEnd {
        self.stored.epochs.end_of(epoch, self.stored.end)
    }

    /// What the log remembers of producers.
    #[must_use]
    pub fn producers(&self) -> &ProducerStates {
        &self.producers
    }

    /// R6.35: what is remembered of a producer goes after a while; what was written in it stays.
    pub(crate) fn expire_producers(&mut self, now: Timestamp, after: Micros) {
        self.producers.expire(now, after);
    }

    /// Sets the high watermark, clamped into the log (R1.9). It may fall on a follower (R1.10).
    pub fn set_high_watermark(&mut self, to: Offset) {
        self.high_watermark = to.max(self.start()).min(self.end());
    }

    /// Notes the start of a leadership at the log's end (R1.12).
    pub(crate) fn begin_epoch<T>(&mut self, epoch: LeaderEpoch, out: &mut Outbox<T, BrokerWrite>) {
        self.write(LogWrite::Epoch(epoch, self.end()), out);
    }

    /// Appends a batch whose offsets and epoch are set. What its leader has compacted may be missing before it
    /// (R2.5).
    pub(crate) fn append<T>(&mut self, batch: Arc<RecordBatch>, out: &mut Outbox<T, BrokerWrite>) {
        assert!(batch.base_offset >= self.end(), "{:?}: an append overlaps", self.id);
        if self.active.is_over(&batch, &self.config) {
            self.roll(out);
        }
        if batch.leader_epoch != self.stored.epochs.latest() {
            self.write(LogWrite::Epoch(batch.leader_epoch, batch.base_offset), out);
        }
        self.active.take(&batch);
        self.producers.remember(&batch);
        self.write(LogWrite::Append(batch), out);
        let unflushed = self.end().0.abs_diff(self.stored.recovery_point.0);
        if self.config.flush_messages.is_some_and(|most| unflushed >= most) {
            self.flush(out);
        }
    }

    /// All that was written so far is safe (Kafka: `UnifiedLog#flush`).
    fn flush<T>(&mut self, out: &mut Outbox<T, BrokerWrite>) {
        self.write(LogWrite::RecoveryPoint(self.end()), out);
    }

    /// Flushes it if the last flush is so old (Kafka: `LogManager#flushDirtyLogs`).
    pub(crate) fn flush_if_old<T>(&mut self, now: Timestamp, out: &mut Outbox<T, BrokerWrite>) {
        let age = now.since(self.flushed_at);
        if self.config.flush_age.is_some_and(|most| age >= most) {
            self.flush(out);
            self.flushed_at = now;
        }
    }

    /// R1.7: a new segment begins at the log's end.
    fn roll<T>(&mut self, out: &mut Outbox<T, BrokerWrite>) {
        self.active = Active::default();
        self.write(LogWrite::Roll(self.producers.snapshot()), out);
        self.flush(out);
    }

    /// R1.21: what a clean shutdown writes.
    pub(crate) fn close<T>(&mut self, out: &mut Outbox<T, BrokerWrite>) {
        self.write(LogWrite::Snapshot(self.producers.snapshot()), out);
        self.flush(out);
    }

    /// R1.23.
    pub(crate) fn checkpoint_high_watermark<T>(&mut self, out: &mut Outbox<T, BrokerWrite>) {
        self.write(LogWrite::HighWatermark(self.high_watermark), out);
    }

    /// Cuts the log at `to` (R1.16); at or past the end it only trims the epoch cache (R1.15). A batch
    /// that `to` splits goes whole (R1.5). Returns the end before if data was dropped.
    pub(crate) fn truncate<T>(
        &mut self,
        to: Offset,
        out: &mut Outbox<T, BrokerWrite>,
    ) -> Option<Offset> {
        let before = self.end();
        if to < self.stored.base {
            self.start_over(to, out);
            return Some(before);
        }
        self.write(LogWrite::Truncate(to), out);
        if to >= before {
            return None;
        }
        self.start = self.start.min(to);
        self.high_watermark = self.high_watermark.min(to);
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
        self.stored.batches[first..]
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
        for batch in &self.stored.batches[self.first_holding(from)..] {
            if bytes >= most || batch.next_offset() > bound {
                break;
            }
            bytes += u64::from(batch.size);
        }
        bytes.min(most)
    }

    /// Index of the batch that holds `from`; readers are mostly at the end.
    fn first_holding(&self, from: Offset) -> usize {
        match self.stored.batches.last() {
            Some(last) if last.base_offset <= from => {
                self.stored.batches.len() - usize::from(last.next_offset() > from)
            }
            Some(_) | None => {
                self.stored.batches.partition_point(|batch| batch.next_offset() <= from)
            }
        }
    }

    /// Where the first batch begins whose largest CreateTime is `time` or later (R17.51).
    #[must_use]
    pub fn first_since(&self, time: Timestamp) -> Option<Offset> {
        let is_since = |batch: &&Arc<RecordBatch>| time.since(batch.max_timestamp) == Micros::ZERO;
        let readable = &self.stored.batches[self.first_holding(self.start)..];
        readable.iter().find(is_since).map(|batch| batch.base_offset.max(self.start))
    }

    /// All batches, for a coordinator that loads (R9.6).
    pub fn batches(&self) -> impl Iterator<Item = Arc<RecordBatch>> + '_ {
        self.stored.batches.iter().cloned()
    }

    /// Producer state and the active segment, from snapshots and batches.
    fn rebuild(&mut self) {
        let StoredLog { batches, snapshots, segments, .. } = &self.stored;
        let (from, producers) = snapshots.last().cloned().unwrap_or_default();
        self.producers = producers;
        for batch in &batches[self.stored.first_from(from)..] {
            self.producers.remember(batch);
        }
        let active = segments.last().copied().unwrap_or_default();
        self.active = Active::default();
        for batch in &batches[self.stored.first_from(active)..] {
            self.active.take(batch);
        }
    }
}
