//! The log directories of a running broker: where a log is put, and what follows when one cannot be written.
//!
//! A write finds it: an append, or at the latest the next high-watermark checkpoint. Kafka: `LogManager`,
//! `ReplicaManager#handleLogDirFailure`, `BrokerLifecycleManager#propagateDirectoryFailure` (KIP-112, KIP-858).

use super::{Broker, BrokerDisk, BrokerWrite, Out, Timer};
use crate::config::LogDirs;
use crate::harm::Trouble;
use crate::observation::Observation;
use crate::partition::Partition;
use crate::variant::Variant;
use ackproof_types::{ErrorCode, LogDir, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The directories as the process knows them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Storage {
    dirs: LogDirs,
    /// What is wrong with them; the process has not met it yet.
    trouble: BTreeMap<LogDir, Trouble>,
    /// Those that were given up.
    offline: Vec<LogDir>,
    /// Where logs lie; of one directory nobody asks.
    places: BTreeMap<TopicPartition, LogDir>,
}

impl Storage {
    /// What a process finds that starts.
    pub(super) fn new(disk: &BrokerDisk, dirs: LogDirs) -> Self {
        let trouble = dirs.all().filter_map(|dir| Some((dir, disk.trouble(dir)?)));
        let trouble: BTreeMap<LogDir, Trouble> = trouble.collect();
        let fails = |dir: &LogDir| trouble.get(dir) == Some(&Trouble::Failed);
        let offline = dirs.all().filter(fails).collect();
        let several = dirs.count > 1;
        let places = disk.places().filter(|_| several).collect();
        Self { dirs, trouble, offline, places }
    }

    pub(super) fn place(&self, id: TopicPartition) -> LogDir {
        self.places.get(&id).copied().unwrap_or_default()
    }

    /// There is no log of `id` any more.
    pub(super) fn forget(&mut self, id: TopicPartition) {
        self.places.remove(&id);
    }

    /// Whether what there is of `id` lies in a directory that was given up.
    pub(super) fn is_offline(&self, id: TopicPartition) -> bool {
        self.places.get(&id).is_some_and(|dir| self.offline.contains(dir))
    }

    /// All that lies in directories that were given up, ascending.
    pub(super) fn all_offline(&self) -> Arc<[TopicPartition]> {
        if self.offline.is_empty() {
            return Arc::default();
        }
        let there = self.places.iter().filter(|(_, dir)| self.offline.contains(dir));
        there.map(|(id, _)| *id).collect()
    }

    pub(super) fn offline(&self) -> &[LogDir] {
        &self.offline
    }

    /// Of the directories that are left the one with the fewest logs, and the first of these (Kafka:
    /// `LogManager#nextLogDirs`).
    fn emptiest(&self) -> LogDir {
        let online = self.dirs.all().filter(|dir| !self.offline.contains(dir));
        let logs = |dir: &LogDir| self.places.values().filter(|there| *there == dir).count();
        online.min_by_key(logs).unwrap_or_default()
    }

    /// Whether the broker cannot go on.
    fn is_over(&self) -> bool {
        let metadata = self.dirs.metadata.is_some_and(|dir| self.offline.contains(&dir));
        metadata || self.offline.len() >= usize::from(self.dirs.count)
    }
}

impl Broker {
    /// Something happens to a directory. The process meets it when it writes.
    pub(super) fn dir_changed(&mut self, dir: LogDir, trouble: Option<Trouble>) {
        match trouble {
            Some(trouble) => self.storage.trouble.insert(dir, trouble),
            None => self.storage.trouble.remove(&dir),
        };
    }

    /// A log that was not there before is put somewhere.
    pub(super) fn put_log(&mut self, id: TopicPartition, out: &mut Out) {
        if self.storage.dirs.count > 1 && !self.storage.places.contains_key(&id) {
            let dir = self.storage.emptiest();
            self.storage.places.insert(id, dir);
            out.write(BrokerWrite::Place(id, dir));
        }
    }

    /// Before so much is appended to a log.
    ///
    /// # Errors
    /// `KAFKA_STORAGE_ERROR` if its directory cannot take it. The directory is given up then.
    pub(super) fn make_room(
        &mut self,
        id: TopicPartition,
        bytes: u32,
        out: &mut Out,
    ) -> Result<(), ErrorCode> {
        if self.storage.trouble.is_empty() {
            return Ok(());
        }
        let dir = self.storage.place(id);
        let Some(trouble) = self.storage.trouble.get_mut(&dir) else { return Ok(()) };
        if trouble.takes(bytes.into()) {
            trouble.spend(bytes.into());
            return Ok(());
        }
        if self.env.cluster.variants.has(Variant::AppendAfterIoError) {
            self.storage.trouble.remove(&dir);
            if let Some(partition) = self.partitions.get_mut(id) {
                partition.log.tear(out);
            }
        } else {
            self.give_up(dir, out);
        }
        Err(ErrorCode::KafkaStorageError)
    }

    /// A checkpoint is written in each directory, or cannot be.
    pub(super) fn try_all_dirs(&mut self, out: &mut Out) {
        // With the bug nobody takes notice of it either.
        if self.env.cluster.variants.has(Variant::AppendAfterIoError) {
            return;
        }
        let refuses = |(dir, trouble): (&LogDir, &Trouble)| (!trouble.takes(1)).then_some(*dir);
        let refuse: Vec<LogDir> = self.storage.trouble.iter().filter_map(refuses).collect();
        for dir in refuse {
            self.give_up(dir, out);
        }
    }

    /// Nothing in `dir` is served from here on, and the controller is told. Without the directory of the metadata
    /// log, or without any, the process ends where it stands.
    fn give_up(&mut self, dir: LogDir, out: &mut Out) {
        if self.storage.offline.contains(&dir) {
            return;
        }
        self.storage.offline.push(dir);
        let all = self.partitions.all_mut().iter().map(|partition| partition.id);
        let gone: Arc<[TopicPartition]> = all.filter(|id| self.storage.place(*id) == dir).collect();
        let halts = self.storage.is_over();
        let partitions = Arc::clone(&gone);
        out.observe(Observation::LogDirFailed { dir, partitions, halts });
        out.write(BrokerWrite::Offline(dir));
        if halts {
            return out.exit();
        }
        for id in gone.iter().copied() {
            self.stop_serving(id, out);
        }
        self.tell_of_storage(out);
        out.arm(Timer::LogDirFailure(dir), self.settings().log_dir_failure_timeout);
    }

    fn stop_serving(&mut self, id: TopicPartition, out: &mut Out) {
        let followed = self.partitions.get_mut(id).and_then(Partition::follower);
        let leader = followed.and_then(|follower| follower.leader);
        self.partitions.remove(id);
        self.refetch(id, leader);
        out.disarm(Timer::PartitionBackoff(id));
        self.note(id);
        self.resigned(id, out);
    }

    /// Metadata is about a replica that cannot be served. The coordinator follows metadata, not the replica.
    pub(super) fn pass_over(&mut self, id: TopicPartition, out: &mut Out) {
        self.coordinator_role_changed(id, false, true, out);
    }
}
