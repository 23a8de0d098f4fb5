//! Snapshots: the committed records below a place, folded by whoever knows what they mean. They take the place of the
//! beginning of a log, and of the whole log of whoever has not even that.
//!
//! Kafka: `KafkaMetadataLog`, `KafkaRaftClient#handleFetchSnapshotRequest`, `#handleFetchSnapshotResponse` (KIP-630). A
//! snapshot comes in one answer here; Kafka sends it in pieces.

use super::disk::QuorumWrite;
use super::{Content, Port, Replica};
use crate::message::quorum::{Entry, LogEnd, Snapshot};
use ackproof_types::ControllerEpoch;
use std::ops::Range;
use std::sync::Arc;

impl<P: Content> Replica<P> {
    /// A log that does not reach its newest snapshot goes, as it has lost its end; what a snapshot has is committed
    /// (Kafka: `KafkaMetadataLog#truncateToLatestSnapshot`).
    pub(super) fn recover(&mut self, port: &mut dyn Port<P>) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        let end = snapshot.end.offset;
        if end > self.log_end() {
            self.log.clear();
            self.base = snapshot.end;
            port.write(QuorumWrite::Load(snapshot));
        }
        self.high_watermark = self.high_watermark.max(end);
    }

    /// The offset of the first entry that is left.
    #[must_use]
    pub const fn log_start(&self) -> u64 {
        self.base.offset
    }

    /// The newest snapshot.
    #[must_use]
    pub const fn snapshot(&self) -> Option<&Arc<Snapshot<P>>> {
        self.snapshot.as_ref()
    }

    /// What is left of the entries with these offsets.
    #[must_use]
    pub fn entries(&self, offsets: Range<u64>) -> &[Entry<P>] {
        let place = |offset: u64| {
            let place = offset.saturating_sub(self.base.offset);
            usize::try_from(place).unwrap_or(usize::MAX).min(self.log.len())
        };
        self.log.get(place(offsets.start)..place(offsets.end)).unwrap_or_default()
    }

    /// Keeps `records` as what the log says below `end`, which is committed.
    ///
    /// # Panics
    /// If it is not.
    pub fn keep(&mut self, end: u64, records: Arc<[P]>, port: &mut dyn Port<P>) {
        assert!(end <= self.high_watermark, "a snapshot is of what is committed");
        let last = end.checked_sub(1).and_then(|last| self.entries(last..end).first());
        let epoch = last.map_or(self.base.epoch, |last| last.epoch);
        let snapshot = Arc::new(Snapshot { end: LogEnd { epoch, offset: end }, records });
        port.write(QuorumWrite::Snapshot(Arc::clone(&snapshot)));
        self.snapshot = Some(snapshot);
    }

    /// Deletes what comes before the end of the newest snapshot.
    pub fn forget(&mut self, port: &mut dyn Port<P>) {
        let Some(end) = self.snapshot.as_ref().map(|snapshot| snapshot.end) else { return };
        let gone = self.entries(self.base.offset..end.offset).len();
        self.log.drain(..gone);
        self.base = end;
        port.write(QuorumWrite::Forget);
    }

    /// The snapshot that whoever ends there needs, since the log does not follow on it any more.
    pub(super) fn snapshot_for(&self, end: LogEnd) -> Option<LogEnd> {
        let is_gone = end.offset < self.base.offset
            || (self.base.offset > 0
                && end.offset == self.base.offset
                && end.epoch != self.base.epoch)
            || end.epoch < self.base.epoch;
        self.snapshot.as_ref().filter(|_| is_gone).map(|snapshot| snapshot.end)
    }

    /// A snapshot of the leader takes the place of the whole log (Kafka: `truncateToLatestSnapshot`).
    pub(super) fn load(&mut self, snapshot: Arc<Snapshot<P>>, port: &mut dyn Port<P>) -> bool {
        if self.wanted.take() != Some(snapshot.end) || snapshot.end.offset < self.high_watermark {
            return false;
        }
        self.log.clear();
        self.base = snapshot.end;
        self.high_watermark = snapshot.end.offset;
        let end = self.log_end();
        for flush in &mut self.flushing {
            flush.end = flush.end.min(end);
        }
        port.write(QuorumWrite::Load(Arc::clone(&snapshot)));
        self.snapshot = Some(snapshot);
        self.is_unsafe = true;
        true
    }

    /// The end of the last epoch up to this one.
    pub(super) fn end_of(&self, epoch: ControllerEpoch) -> LogEnd {
        let count = self.log.partition_point(|entry| entry.epoch <= epoch);
        let last = count.checked_sub(1).and_then(|at| self.log.get(at));
        let epoch = last.map_or(self.base.epoch, |last| last.epoch);
        LogEnd { epoch, offset: self.base.offset + count as u64 }
    }
}
