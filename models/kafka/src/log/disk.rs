//! What a broker leaves on its disk: logs, epoch caches, producer snapshots, checkpoints, the
//! clean-shutdown marker.
//!
//! It is the page cache with a mark up to where it is safe (`recovery_point`): a process crash keeps
//! all of it (R1.20). Kafka: `LogManager`, `OffsetCheckpointFile`, `CleanShutdownFileHandler`.

use super::epochs::EpochCache;
use super::producers::ProducerStates;
use crate::machine::Disk;
use crate::message::RecordBatch;
use ackproof_types::{BrokerEpoch, LeaderEpoch, Offset, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A broker's disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BrokerDisk {
    pub(crate) logs: BTreeMap<TopicPartition, LogDisk>,
    pub(crate) clean_shutdown: Option<BrokerEpoch>,
    pub(crate) starts: u64,
}

/// One log on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct LogDisk {
    pub(crate) batches: Vec<Arc<RecordBatch>>,
    pub(crate) end: Offset,
    pub(crate) epochs: EpochCache,
    /// As of the last HW checkpoint (R1.23).
    pub(crate) high_watermark: Offset,
    /// Flushed up to here (R1.7, R1.21).
    pub(crate) recovery_point: Offset,
    /// Where segments begin, ascending, without the first (R1.6).
    pub(crate) segments: Vec<Offset>,
    /// Producer snapshots by offset, ascending (R6.33).
    pub(crate) snapshots: Vec<(Offset, ProducerStates)>,
}

/// One change of a broker's disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BrokerWrite {
    /// A process started: the clean-shutdown marker goes first (R1.21).
    Started,
    /// A batch at the end of a log.
    Append(TopicPartition, Arc<RecordBatch>),
    /// An epoch begins.
    Epoch(TopicPartition, LeaderEpoch, Offset),
    /// A log is cut.
    Truncate(TopicPartition, Offset),
    /// A segment is rolled: producer snapshot at its base, everything below is flushed.
    Roll(TopicPartition, Offset, ProducerStates),
    /// `replication-offset-checkpoint`.
    HighWatermarks(Vec<(TopicPartition, Offset)>),
    /// All logs are closed: flushed, with snapshots at their ends, and the marker.
    CleanShutdown(BrokerEpoch, Vec<(TopicPartition, ProducerStates)>),
}

impl Disk for BrokerDisk {
    type Write = BrokerWrite;

    fn apply(&mut self, write: BrokerWrite) {
        match write {
            BrokerWrite::Started => {
                self.starts += 1;
                self.clean_shutdown = None;
            }
            BrokerWrite::Append(partition, batch) => {
                let log = self.logs.entry(partition).or_default();
                log.end = batch.next_offset();
                log.batches.push(batch);
            }
            BrokerWrite::Epoch(partition, epoch, start) => {
                self.logs.entry(partition).or_default().epochs.assign(epoch, start);
            }
            BrokerWrite::Truncate(partition, to) => {
                self.logs.entry(partition).or_default().truncate(to);
            }
            BrokerWrite::Roll(partition, base, snapshot) => {
                let log = self.logs.entry(partition).or_default();
                log.recovery_point = base;
                log.segments.push(base);
                log.keep_snapshot(base, snapshot);
            }
            BrokerWrite::HighWatermarks(checkpoint) => {
                for (partition, offset) in checkpoint {
                    self.logs.entry(partition).or_default().high_watermark = offset;
                }
            }
            BrokerWrite::CleanShutdown(epoch, snapshots) => {
                self.clean_shutdown = Some(epoch);
                for (partition, snapshot) in snapshots {
                    let log = self.logs.entry(partition).or_default();
                    log.recovery_point = log.end;
                    log.keep_snapshot(log.end, snapshot);
                }
            }
        }
    }
}

impl LogDisk {
    fn keep_snapshot(&mut self, at: Offset, snapshot: ProducerStates) {
        self.snapshots.retain(|(offset, _)| *offset < at);
        self.snapshots.push((at, snapshot));
    }

    /// R1.15, R1.16. The high-watermark checkpoint is another file and stays as it is (R1.24).
    fn truncate(&mut self, to: Offset) {
        self.epochs.truncate_from_end(to.min(self.end));
        if to < self.end {
            let keep = self.batches.partition_point(|batch| batch.next_offset() <= to);
            self.batches.truncate(keep);
            self.end = to;
            self.recovery_point = self.recovery_point.min(to);
            self.segments.retain(|base| *base <= to);
            self.snapshots.retain(|(offset, _)| *offset <= to);
        }
    }
}
