//! What a broker leaves on its disk: its logs and the clean-shutdown marker.
//!
//! A process crash keeps all that was written. A power loss keeps what was flushed and, of each log, any
//! number of the oldest changes since (R1.20); files that Kafka syncs as it writes them keep everything.
//! Kafka: `LogManager`, `CleanShutdownFileHandler`.

use super::dirs::Dirs;
use super::stored::{Damage, LogWrite, StoredLog};
use crate::config::LogDirs;
use crate::harm::{Batch, Harm, Trouble};
use crate::machine::{Disk, LostTail};
use crate::message::RecordBatch;
use ackproof_types::{BrokerEpoch, LogDir, Offset, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A broker's disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BrokerDisk {
    logs: BTreeMap<TopicPartition, LogFiles>,
    dirs: Dirs,
    clean_shutdown: Option<BrokerEpoch>,
    /// How often a process started, whatever became of the disk: what it registers as is random in Kafka.
    pub(crate) starts: u64,
}

/// The files of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct LogFiles {
    /// Where they lie.
    dir: LogDir,
    /// What a process reads.
    cached: StoredLog,
    /// What is safe.
    flushed: StoredLog,
    /// Changes since, oldest first, without those of synced files.
    unflushed: Vec<LogWrite>,
}

impl LogFiles {
    fn flush(&mut self) {
        for write in self.unflushed.drain(..) {
            self.flushed.apply_to_log(&write);
        }
        self.flushed.epochs.clone_from(&self.cached.epochs);
    }

    /// R1.20: what is cut does not come back. Nothing that was written behind the cut survives alone.
    fn cut(&mut self, write: &LogWrite) {
        self.flushed.apply_to_log(write);
        let LogWrite::Truncate(to) = write else {
            self.unflushed.clear();
            return;
        };
        let (mut behind, mut splits) = (false, false);
        self.unflushed.retain(|one| {
            if let LogWrite::Append(batch) = one {
                behind |= batch.base_offset >= *to;
                splits |= batch.base_offset < *to && batch.next_offset() > *to;
            }
            !behind || !one.is_at_the_end()
        });
        if splits {
            self.unflushed.push(write.clone());
        }
    }

    /// Bytes of a batch are wrong from here on; where.
    fn spoil(&mut self, which: Batch) -> Option<(Offset, Offset)> {
        let nth = |count: usize| match which {
            Batch::Last => count.saturating_sub(1),
            Batch::Drawn(pick) => usize::try_from(pick % (count.max(1) as u64)).unwrap_or(0),
        };
        let (base, next) = self.cached.spoil(nth)?;
        if self.flushed.at(base).is_some() {
            self.flushed.damage.insert(base, Damage::Bits);
        }
        Some((base, next))
    }

    /// What is lost of a log with the end of `self.cached`, if so much of its batches is `left`.
    fn lost(&self, partition: TopicPartition, left: &StoredLog) -> Option<LostTail> {
        let (from, to) = (self.cached.end, self.cached.end_in_common(left));
        (to < from).then_some(LostTail { partition, from, to })
    }
}

/// One change of a broker's disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BrokerWrite {
    /// A process started: the clean-shutdown marker goes first (R1.21).
    Started,
    /// A log changed.
    Log(TopicPartition, LogWrite),
    /// A log is deleted: its folder gets another name, which is synced.
    Deleted(TopicPartition),
    /// All logs are closed and flushed: the marker, which is synced. None in a directory that was given up.
    CleanShutdown(BrokerEpoch),
    /// A log begins in this directory.
    Place(TopicPartition, LogDir),
    /// The process has given up a directory that failed.
    Offline(LogDir),
}

impl BrokerWrite {
    /// The batch that goes to the end of a log.
    #[must_use]
    pub fn appended(&self) -> Option<(TopicPartition, &RecordBatch)> {
        match self {
            Self::Log(partition, LogWrite::Append(batch)) => Some((*partition, batch)),
            Self::Log(..)
            | Self::Started
            | Self::Deleted(_)
            | Self::CleanShutdown(_)
            | Self::Place(..)
            | Self::Offline(_) => None,
        }
    }

    /// Where a log is cut.
    #[must_use]
    pub fn cut(&self) -> Option<(TopicPartition, Offset)> {
        match self {
            Self::Log(partition, LogWrite::Truncate(to)) => Some((*partition, *to)),
            Self::Log(..)
            | Self::Started
            | Self::Deleted(_)
            | Self::CleanShutdown(_)
            | Self::Place(..)
            | Self::Offline(_) => None,
        }
    }
}

impl BrokerDisk {
    /// The logs that a starting process can read.
    pub(crate) fn logs(&self) -> impl Iterator<Item = (TopicPartition, &StoredLog)> {
        let readable = |files: &LogFiles| self.trouble(files.dir) != Some(Trouble::Failed);
        let all = self.logs.iter().filter(move |(_, files)| readable(files));
        all.map(|(id, files)| (*id, &files.cached))
    }

    /// Where the logs lie, readable or not.
    pub(crate) fn places(&self) -> impl Iterator<Item = (TopicPartition, LogDir)> {
        self.logs.iter().map(|(id, files)| (*id, files.dir))
    }

    /// Where a log lies, if there is one.
    #[must_use]
    pub fn place(&self, id: TopicPartition) -> Option<LogDir> {
        self.logs.get(&id).map(|files| files.dir)
    }

    /// Whether the logs of this directory were closed in good order.
    pub(crate) fn was_closed(&self, dir: LogDir) -> bool {
        self.clean_shutdown.is_some() && self.dirs.is_marked(dir)
    }

    /// The logs that hold records of clients.
    pub fn with_records(&self) -> impl Iterator<Item = TopicPartition> {
        let holds = |batch: &Arc<RecordBatch>| batch.count() > 0 && !batch.records().is_empty();
        let all =
            self.logs.iter().filter(move |(_, files)| files.cached.batches().iter().any(holds));
        all.map(|(id, _)| *id)
    }

    /// What is wrong with a directory.
    #[must_use]
    pub fn trouble(&self, dir: LogDir) -> Option<Trouble> {
        self.dirs.trouble(dir)
    }

    /// Whether a process can start: in the directory of the metadata log, and in one at least (Kafka:
    /// `MetaPropertiesEnsemble#verify`, `LogManager`).
    #[must_use]
    pub fn can_start(&self, dirs: LogDirs) -> bool {
        let fails = |dir: LogDir| self.trouble(dir) == Some(Trouble::Failed);
        !dirs.metadata.is_some_and(fails) && !dirs.all().all(fails)
    }

    /// The epoch of a process that has ended in good order, with a marker in every directory.
    pub(crate) fn previous_epoch(&self) -> Option<BrokerEpoch> {
        self.clean_shutdown.filter(|_| self.dirs.are_all_marked())
    }

    /// So many changes of the log are not flushed.
    pub(crate) fn unflushed(&self, id: TopicPartition) -> usize {
        self.logs.get(&id).map_or(0, |files| files.unflushed.len())
    }

    #[cfg(test)]
    pub(crate) fn log(&self, id: TopicPartition) -> Option<&StoredLog> {
        self.logs.get(&id).map(|files| &files.cached)
    }
}

impl Disk for BrokerDisk {
    type Write = BrokerWrite;

    fn apply(&mut self, write: BrokerWrite) {
        match write {
            BrokerWrite::Started => {
                self.starts += 1;
                self.clean_shutdown = None;
                self.dirs.begin();
            }
            BrokerWrite::Log(partition, write) => {
                let files = self.logs.entry(partition).or_default();
                if let LogWrite::Append(batch) = &write {
                    self.dirs.spend(files.dir, batch.size.into());
                }
                files.cached.apply(&write);
                if matches!(write, LogWrite::Epoch(..)) {
                    // The file of epochs is written as a whole.
                    files.flushed.epochs.clone_from(&files.cached.epochs);
                } else if let LogWrite::RecoveryPoint(_) = write {
                    files.flush();
                    files.flushed.apply(&write);
                } else if write.is_synced() {
                    files.flushed.apply(&write);
                } else if write.is_cut() {
                    files.cut(&write);
                } else {
                    files.unflushed.push(write);
                }
            }
            BrokerWrite::Deleted(partition) => {
                self.logs.remove(&partition);
            }
            BrokerWrite::CleanShutdown(epoch) => self.clean_shutdown = Some(epoch),
            BrokerWrite::Place(id, dir) => self.logs.entry(id).or_default().dir = dir,
            BrokerWrite::Offline(dir) => self.dirs.unmark(dir),
        }
    }

    fn flush(&mut self) {
        self.logs.values_mut().for_each(LogFiles::flush);
    }

    fn lose_power(&mut self, survive: &mut dyn FnMut(usize) -> usize) -> Vec<LostTail> {
        let mut lost = Vec::new();
        for (id, files) in &mut self.logs {
            let kept = survive(files.unflushed.len()).min(files.unflushed.len());
            for write in files.unflushed.drain(..).take(kept) {
                files.flushed.apply_to_log(&write);
            }
            // Epochs that began after the end of what is left are dropped by whoever loads it.
            let end = files.flushed.end;
            files.flushed.epochs.truncate_from_end(end);
            lost.extend(files.lost(*id, &files.flushed));
            files.cached = files.flushed.clone();
        }
        lost
    }

    fn suffer(&mut self, harm: Harm) -> Vec<LostTail> {
        match harm {
            Harm::Begins(dir, trouble) => self.dirs.set(dir, Some(trouble)),
            Harm::Ends(dir) => self.dirs.set(dir, None),
            Harm::Replaced(dir) => {
                let none = StoredLog::default();
                let there = self.logs.iter().filter(|(_, files)| files.dir == dir);
                let lost = there.filter_map(|(id, files)| files.lost(*id, &none)).collect();
                self.logs.retain(|_, files| files.dir != dir);
                self.dirs.set(dir, None);
                self.dirs.unmark(dir);
                return lost;
            }
            Harm::Damaged(partition, batch) => {
                let spoilt = self.logs.get_mut(&partition).and_then(|files| files.spoil(batch));
                let lost = spoilt.map(|(to, from)| LostTail { partition, from, to });
                return lost.into_iter().collect();
            }
        }
        Vec::new()
    }

    fn replace(&mut self) -> Vec<LostTail> {
        let none = StoredLog::default();
        let lost = self.logs.iter().filter_map(|(id, files)| files.lost(*id, &none)).collect();
        *self = Self { starts: self.starts, ..Self::default() };
        lost
    }
}
