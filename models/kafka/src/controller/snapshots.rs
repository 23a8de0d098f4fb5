//! When a controller folds its metadata log, and what it does with a snapshot of another (KIP-630).
//!
//! Kafka: `SnapshotGenerator`, `MetadataLoader#handleLoadSnapshot`, `KafkaMetadataLog#maybeClean`. A record is taken for
//! as many bytes as it has on the wire. Age deletes nothing: `metadata.max.retention.ms` is 7 days, and no run is as long.

use super::{Controller, Out, Timer, Wire};
use crate::message::size::METADATA_RECORD;
use crate::metadata::{MetadataImage, MetadataRecord, checksum};
use crate::observation::{Observation, SnapshotFact};
use std::sync::Arc;

impl Controller {
    /// What the committed records say. An active controller is ahead of it.
    pub(super) fn committed(&self) -> MetadataImage {
        let snapshot = self.raft.snapshot().filter(|snapshot| snapshot.end.offset <= self.told);
        let from = snapshot.map_or(0, |snapshot| snapshot.end.offset);
        let records = snapshot.map(|snapshot| Arc::clone(&snapshot.records));
        let mut image = MetadataImage::of(records.as_deref().unwrap_or_default());
        for offset in from..self.told {
            if let Some(record) = self.record(offset) {
                image.apply(&record);
            }
        }
        image
    }

    /// A standby whose next record is gone goes on from the snapshot.
    pub(super) fn load_snapshot(&mut self, out: &mut Out) {
        if self.told >= self.raft.log_start() {
            return;
        }
        let Some(snapshot) = self.raft.snapshot() else { return };
        self.image = MetadataImage::of(&snapshot.records);
        self.told = snapshot.end.offset;
        self.observe_snapshot(&self.image, true, out);
    }

    /// Folds the log once there is enough of it (`metadata.log.max.record.bytes.between.snapshots`).
    pub(super) fn snapshot_if_due(&mut self, out: &mut Out) {
        let since = self.told.saturating_sub(self.snapshot_end());
        if since * METADATA_RECORD >= self.config.broker.quorum.bytes_between_snapshots {
            self.snapshot(out);
        }
    }

    /// `metadata.log.max.snapshot.interval.ms` is over.
    pub(super) fn snapshot_is_due(&mut self, out: &mut Out) {
        self.await_snapshot(out);
        if self.told > self.snapshot_end() {
            self.snapshot(out);
        }
    }

    pub(super) fn await_snapshot(&self, out: &mut Out) {
        if let Some(interval) = self.config.broker.quorum.snapshot_interval {
            out.arm(Timer::Snapshot, interval);
        }
    }

    fn snapshot_end(&self) -> u64 {
        self.raft.snapshot().map_or(0, |snapshot| snapshot.end.offset)
    }

    fn snapshot(&mut self, out: &mut Out) {
        let image = self.committed();
        let records = image.records(self.config.variants);
        let count = records.len() as u64;
        let records: Arc<[Arc<MetadataRecord>]> = records.into_iter().map(Arc::new).collect();
        self.raft.keep(self.told, records, &mut Wire(out));
        self.observe_snapshot(&image, false, out);
        let bytes = (self.raft.log_end() - self.raft.log_start() + count) * METADATA_RECORD;
        if bytes > self.config.broker.quorum.retention_bytes {
            self.raft.forget(&mut Wire(out));
        }
    }

    /// One controller has nobody to agree with.
    fn observe_snapshot(&self, image: &MetadataImage, loaded: bool, out: &mut Out) {
        if !self.raft.is_alone() {
            let (offset, checksum) = (self.told, checksum(image));
            out.observe(Observation::MetadataSnapshot(SnapshotFact { offset, checksum, loaded }));
        }
    }
}
