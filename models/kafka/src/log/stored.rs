//! What is stored of one log: batches, segments, producer snapshots, epochs, checkpoints.
//!
//! The running process and its disk hold one each and change it by the same writes, so that nothing is
//! told in two ways. Knows nothing of roles and of what is safe. Kafka: `LocalLog`, `LogSegments`,
//! `OffsetCheckpointFile`.

use super::epochs::EpochCache;
use super::producers::ProducerStates;
use crate::message::RecordBatch;
use ackproof_types::{LeaderEpoch, Offset, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One change of a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogWrite {
    /// A batch at the end.
    Append(Arc<RecordBatch>),
    /// An epoch begins. The file is synced (`LeaderEpochFileCache#assign`).
    Epoch(LeaderEpoch, Offset),
    /// The log is cut. At or past its end only the epochs are.
    Truncate(Offset),
    /// A segment begins at the end of the log, with the producer snapshot of its base (R1.7).
    Roll(ProducerStates),
    /// A producer snapshot at the end of the log (R1.21).
    Snapshot(ProducerStates),
    /// The log is flushed: everything below is safe (`recovery-point-offset-checkpoint`; synced).
    RecoveryPoint(Offset),
    /// `replication-offset-checkpoint` (R1.23; synced).
    HighWatermark(Offset),
    /// The segments below are deleted; one begins here (R1.18).
    DeleteBelow(Offset),
    /// All segments are deleted; the log goes on here (R1.17).
    StartOver(Offset),
    /// `log-start-offset-checkpoint` (R1.23; synced).
    Start(Offset),
    /// The epochs before are folded into one (R1.14).
    EpochsFrom(Offset),
    /// What lies below is compacted (R1.19; the new segments are synced before they replace the old ones).
    Compact(Arc<Compacted>),
    /// Half a batch is written at the end, and what follows goes behind it (KAFKA-10778).
    Torn(Offset),
}

/// What is wrong with the bytes of a log at a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Damage {
    /// Its checksum is not that of its bytes: nobody can read it.
    Bits,
    /// Bytes that are no batch lie before it.
    Before,
}

/// What is left of the beginning of a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Compacted {
    /// It ends here.
    pub(super) to: Offset,
    pub(super) batches: Vec<Arc<RecordBatch>>,
    /// Where its segments begin, without the first.
    pub(super) segments: Vec<Offset>,
    /// Until when the tombstones of a batch stay.
    pub(super) horizons: BTreeMap<Offset, Timestamp>,
}

impl LogWrite {
    /// Whether it takes away the end of a log, or all of it.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self, Self::Truncate(_) | Self::StartOver(_))
    }

    /// Whether it is about the end that the log has by then.
    pub(super) fn is_at_the_end(&self) -> bool {
        matches!(self, Self::Append(_) | Self::Roll(_) | Self::Snapshot(_))
    }

    /// Whether Kafka syncs the file before it goes on: then no power loss takes the change back.
    #[must_use]
    pub(super) fn is_synced(&self) -> bool {
        match self {
            Self::Epoch(..)
            | Self::RecoveryPoint(_)
            | Self::HighWatermark(_)
            | Self::Start(_)
            | Self::Compact(_) => true,
            Self::Append(_)
            | Self::Truncate(_)
            | Self::Roll(_)
            | Self::Snapshot(_)
            | Self::DeleteBelow(_)
            | Self::StartOver(_)
            | Self::EpochsFrom(_)
            | Self::Torn(_) => false,
        }
    }
}

/// A log as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StoredLog {
    pub(super) batches: Vec<Arc<RecordBatch>>,
    /// Where the first segment begins.
    pub(super) base: Offset,
    pub(super) end: Offset,
    /// Where the log began as of the last checkpoint: another file, that no cut changes (R1.26).
    pub(super) start: Offset,
    pub(super) epochs: EpochCache,
    /// As of the last checkpoint.
    pub(super) high_watermark: Offset,
    pub(super) recovery_point: Offset,
    /// What lies below is compacted (`cleaner-offset-checkpoint`).
    pub(super) clean: Offset,
    /// Until when the tombstones of batches stay, by their base offsets.
    pub(super) horizons: BTreeMap<Offset, Timestamp>,
    /// Where bytes are wrong, by the base offsets of batches.
    pub(super) damage: BTreeMap<Offset, Damage>,
    /// Where segments begin, ascending, without the first (R1.6).
    pub(super) segments: Vec<Offset>,
    /// Producer snapshots by offset, ascending (R6.33). From the newest producer state is rebuilt.
    pub(super) snapshots: Vec<(Offset, ProducerStates)>,
}

impl StoredLog {
    /// Makes one change.
    pub(super) fn apply(&mut self, write: &LogWrite) {
        match write {
            LogWrite::Append(batch) => {
                self.end = batch.next_offset();
                self.batches.push(Arc::clone(batch));
            }
            LogWrite::Epoch(epoch, start) => self.epochs.assign(*epoch, *start),
            LogWrite::Truncate(to) => self.truncate(*to),
            LogWrite::Roll(snapshot) => {
                self.segments.push(self.end);
                self.keep(snapshot);
            }
            LogWrite::Snapshot(snapshot) => self.keep(snapshot),
            LogWrite::RecoveryPoint(to) => self.recovery_point = *to,
            LogWrite::HighWatermark(to) => self.high_watermark = *to,
            LogWrite::Start(to) => self.start = *to,
            LogWrite::EpochsFrom(start) => self.epochs.truncate_from_start(*start),
            LogWrite::DeleteBelow(base) => self.delete_below(*base),
            LogWrite::Compact(compacted) => self.compact(compacted),
            LogWrite::Torn(at) => drop(self.damage.insert(*at, Damage::Before)),
            LogWrite::StartOver(at) => {
                self.epochs = EpochCache::default();
                self.start_over(*at);
            }
        }
    }

    /// Makes a change of the log's own files, not of the epochs beside it.
    pub(super) fn apply_to_log(&mut self, write: &LogWrite) {
        match write {
            LogWrite::Truncate(to) => self.truncate_batches(*to),
            LogWrite::StartOver(at) => self.start_over(*at),
            LogWrite::Epoch(..) | LogWrite::EpochsFrom(_) => {}
            LogWrite::Append(_)
            | LogWrite::Roll(_)
            | LogWrite::Snapshot(_)
            | LogWrite::RecoveryPoint(_)
            | LogWrite::HighWatermark(_)
            | LogWrite::Start(_)
            | LogWrite::DeleteBelow(_)
            | LogWrite::Compact(_)
            | LogWrite::Torn(_) => self.apply(write),
        }
    }

    /// What holds of a log between any two changes. With `whole`, every batch is looked at.
    pub(super) fn check(&self, whole: bool) {
        // R1.5: a cut inside a batch takes it whole, and leaves a hole.
        let last = self.batches.last().map_or(self.end, |batch| batch.next_offset());
        assert!(self.base <= self.end, "segments begin in the log");
        assert!(last <= self.end, "the log ends before its last batch does");
        assert!(self.recovery_point <= self.end, "nothing beyond the end is safe");
        self.epochs.check(self.end);
        let ascend = |bases: &[Offset]| bases.is_sorted() && bases.last() <= Some(&self.end);
        assert!(self.segments.is_empty() || ascend(&self.segments), "{:?}", self.segments);
        assert!(self.segments.first().is_none_or(|one| *one > self.base), "{self:?}");
        let snapshots: Vec<Offset> = self.snapshots.iter().map(|(at, _)| *at).collect();
        assert!(snapshots.is_empty() || ascend(&snapshots), "{snapshots:?}");
        if whole {
            for pair in self.batches.windows(2) {
                assert!(pair[0].next_offset() <= pair[1].base_offset, "batches do not overlap");
                assert!(pair[0].leader_epoch <= pair[1].leader_epoch, "epochs never fall");
            }
        }
    }

    /// Up to where `other` holds what this one does; it may begin earlier.
    pub(super) fn end_in_common(&self, other: &Self) -> Offset {
        let first = self.batches.first().map_or(self.end, |batch| batch.base_offset);
        let both = self.batches.iter().zip(&other.batches[other.first_from(first)..]);
        let same = both.take_while(|(one, two)| Arc::ptr_eq(one, two) || one == two).count();
        let end = self.batches.get(same).map_or(self.end, |first| first.base_offset);
        end.min(other.end)
    }

    /// The bytes of a batch are wrong from here on. Says where it begins and ends; none: there is none.
    pub(super) fn spoil(&mut self, nth: impl Fn(usize) -> usize) -> Option<(Offset, Offset)> {
        let batch = self.batches.get(nth(self.batches.len()))?;
        let found = (batch.base_offset, batch.next_offset());
        self.damage.insert(found.0, Damage::Bits);
        Some(found)
    }

    /// Its batches, in order.
    pub(crate) fn batches(&self) -> &[Arc<RecordBatch>] {
        &self.batches
    }

    /// The batch that holds `offset`.
    pub(crate) fn at(&self, offset: Offset) -> Option<&RecordBatch> {
        let batch = self.batches.get(self.batches.partition_point(|it| it.next_offset() <= offset));
        batch.map(|batch| &**batch).filter(|batch| batch.base_offset <= offset)
    }

    fn keep(&mut self, snapshot: &ProducerStates) {
        let at = self.end;
        self.snapshots.retain(|(offset, _)| *offset < at);
        self.snapshots.push((at, snapshot.clone()));
    }

    /// R1.5, R1.15, R1.16: a batch that `to` splits goes whole. The high-watermark checkpoint is another
    /// file and stays as it is (R1.24).
    fn truncate(&mut self, to: Offset) {
        self.epochs.truncate_from_end(to.min(self.end));
        self.truncate_batches(to);
    }

    fn truncate_batches(&mut self, to: Offset) {
        if to < self.end {
            let keep = self.batches.partition_point(|batch| batch.next_offset() <= to);
            self.batches.truncate(keep);
            self.end = to;
            self.recovery_point = self.recovery_point.min(to);
            self.segments.retain(|base| *base <= to);
            self.snapshots.retain(|(offset, _)| *offset <= to);
            self.clean = self.clean.min(to);
            self.horizons.retain(|base, _| *base < to);
            let kept = self.batches.last().map_or(self.base, |batch| batch.next_offset());
            self.damage.retain(|base, _| *base < kept);
        }
    }

    fn compact(&mut self, compacted: &Compacted) {
        let Compacted { to, batches, segments, horizons } = compacted;
        let behind = self.batches.split_off(self.first_from(*to));
        self.batches = batches.iter().cloned().chain(behind).collect();
        let behind = self.segments.iter().copied().filter(|base| base >= to);
        self.segments = segments.iter().copied().chain(behind).collect();
        self.horizons.clone_from(horizons);
        self.clean = *to;
    }

    fn delete_below(&mut self, base: Offset) {
        let gone = self.first_from(base);
        self.batches.drain(..gone);
        self.segments.retain(|segment| *segment > base);
        self.snapshots.retain(|(offset, _)| *offset >= base);
        self.horizons.retain(|at, _| *at >= base);
        self.damage.retain(|at, _| *at >= base);
        self.base = base;
    }

    fn start_over(&mut self, at: Offset) {
        self.batches.clear();
        self.segments.clear();
        self.snapshots.clear();
        self.horizons.clear();
        self.damage.clear();
        (self.base, self.end, self.clean) = (at, at, at);
        self.recovery_point = self.recovery_point.min(at);
    }

    /// Index of the first batch that begins at `offset` or after it.
    pub(super) fn first_from(&self, offset: Offset) -> usize {
        self.batches.partition_point(|batch| batch.base_offset < offset)
    }
}
