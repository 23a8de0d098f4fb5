//! One broker: its disk and, while its process runs, the partition with what waits on it.

use super::Setup;
use super::quorum::Image;
use crate::log::ReplicaLog;
use crate::log::disk::{BrokerDisk, BrokerWrite};
use crate::log::stored::StoredLog;
use crate::machine::{Disk, Effect, Outbox};
use crate::message::{FetchPartition, Fetched, FetchingReplica, IsrProposal, IsrState};
use crate::observation::Observation;
use crate::partition::leader::{LagTick, Surroundings};
use crate::partition::{Partition, Role, RoleChange};
use ackproof_types::{BrokerEpoch, BrokerId, ErrorCode, LeaderEpoch, Offset};
use std::hash::{Hash, Hasher};

/// Nothing waits for a timer.
pub(super) type Out = Outbox<(), BrokerWrite>;

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replica {
    pub(super) id: BrokerId,
    pub(super) disk: BrokerDisk,
    /// Processes so far.
    pub(super) incarnation: u64,
    pub(super) process: Option<Process>,
    /// The proposal of its process, or of one before.
    pub(super) change: Change,
    /// Its fetches, one per leader at most, by place of the leader.
    pub(super) fetches: Vec<Fetch>,
}

/// A running process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) epoch: BrokerEpoch,
    /// What it has heard of the cluster; none: not yet of its own registration.
    pub(super) image: Option<Image>,
    pub(super) partition: Partition,
    pub(super) tick: LagTick,
    /// Batches that wait for replicas: record, offset after it, and the leadership.
    pub(super) waiting: Vec<(u8, Offset, LeaderEpoch)>,
}

/// An in-sync change under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Change {
    /// None is.
    None,
    /// On its way to the controller, with the sender's epoch and the number that the leader gave it.
    Asked(BrokerEpoch, IsrProposal, u64),
    /// The answer is on its way; none: the request as a whole was refused.
    Answered(Option<Result<IsrState, ErrorCode>>, u64),
}

/// A fetch under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fetch {
    /// None is.
    None,
    /// On its way to the leader.
    Asked(FetchingReplica, FetchPartition),
    /// The answer is on its way.
    Answered(Result<Fetched, ErrorCode>),
}

impl Replica {
    /// A broker that was never started.
    pub(super) fn new(id: BrokerId, brokers: usize) -> Self {
        Self {
            id,
            disk: BrokerDisk::default(),
            incarnation: 0,
            process: None,
            change: Change::None,
            fetches: vec![Fetch::None; brokers],
        }
    }

    /// A process starts on what the disk has, and is registered under `epoch`.
    pub(super) fn start(&mut self, epoch: BrokerEpoch, setup: &Setup) {
        let stored = self.disk.logs().find(|(id, _)| *id == setup.partition).map(|(_, log)| log);
        let config = setup.cluster.topic(setup.partition.topic).log;
        let log = ReplicaLog::load(setup.partition, stored, config);
        self.incarnation += 1;
        self.disk.apply(BrokerWrite::Started);
        self.process = Some(Process {
            epoch,
            image: None,
            partition: Partition::new(setup.partition, log),
            tick: LagTick(0),
            waiting: Vec::new(),
        });
    }

    /// The process ends where it stands. What it has sent is still on its way; what it would hear is not.
    pub(super) fn kill(&mut self) {
        self.process = None;
        if let Change::Answered(..) = self.change {
            self.change = Change::None;
        }
        for fetch in &mut self.fetches {
            if let Fetch::Answered(_) = fetch {
                *fetch = Fetch::None;
            }
        }
    }

    /// Lets the partition do something, and carries out what it wants.
    pub(super) fn with<T>(
        &mut self,
        setup: &Setup,
        seen: &mut dyn FnMut(Observation),
        act: impl FnOnce(&mut Process, Surroundings<'_>, &mut Out) -> T,
    ) -> Option<T> {
        let process = self.process.as_mut()?;
        let (_, image) = process.image.clone()?;
        let around = Surroundings {
            id: self.id,
            image: &image,
            tick: process.tick,
            min_isr: setup.cluster.topic(setup.partition.topic).effective_min_isr(),
            variants: setup.cluster.variants,
        };
        let mut out = Out::default();
        let acted = act(process, around, &mut out);
        for effect in out.drain() {
            match effect {
                Effect::Write(write) => self.disk.apply(write),
                Effect::Observe(observation) => seen(observation),
                Effect::Flush(_) => self.disk.flush(),
                // A partition says nothing and waits for nothing.
                Effect::Send { .. }
                | Effect::AwaitSend(_)
                | Effect::Close(_)
                | Effect::Arm { .. }
                | Effect::Disarm(_)
                | Effect::Exit => {}
            }
        }
        if cfg!(debug_assertions) {
            process.partition.check();
        }
        Some(acted)
    }

    /// R2.22, R2.23: hears of the cluster. A process that has not heard of its own registration waits for it
    /// (R5.9).
    pub(super) fn learn(&mut self, image: Image, setup: &Setup, seen: &mut dyn FnMut(Observation)) {
        let Some(process) = &mut self.process else { return };
        let own = image.1.brokers.get(&self.id).map(|known| known.epoch);
        if process.image.is_none() && own != Some(process.epoch) {
            return;
        }
        let Some(state) = image.1.partitions.get(&setup.partition).cloned() else { return };
        process.image = Some(image);
        let id = self.id;
        let is_replica = state.replicas.contains(&id);
        self.with(setup, seen, |process, around, out| {
            if is_replica {
                let change = process.partition.apply(&state, around, out);
                if change == RoleChange::Followed {
                    process.waiting.clear();
                }
                process.partition.maybe_advance(around, out);
            }
        });
    }

    /// The partition's log, of the process or on the disk.
    pub(super) fn log(&self, setup: &Setup) -> Option<&StoredLog> {
        match &self.process {
            Some(process) => Some(process.partition.log.stored()),
            None => self.disk.logs().find(|(id, _)| *id == setup.partition).map(|(_, log)| log),
        }
    }

    /// The partition, if this broker believes that it leads it.
    pub(super) fn led(&self) -> Option<&Partition> {
        let partition = &self.process.as_ref()?.partition;
        matches!(partition.role, Role::Leader(_)).then_some(partition)
    }

    /// The number of the state of the cluster that its process knows; none: no process, or one that has heard
    /// of none.
    pub(super) fn heard(&self) -> Option<u32> {
        self.process.as_ref()?.image.as_ref().map(|(number, _)| *number)
    }

    /// Without what it knows of the cluster. While a process runs its disk has what its log has, and what is flushed
    /// matters only where power can be lost.
    pub(super) fn hash_with<H: Hasher>(&self, power: bool, state: &mut H) {
        match &self.process {
            None => (0_u8, &self.disk).hash(state),
            Some(process) => {
                1_u8.hash(state);
                process.epoch.hash(state);
                process.partition.hash(state);
                (process.tick, &process.waiting).hash(state);
                if power {
                    self.disk.hash(state);
                }
            }
        }
        self.fetches.hash(state);
        self.hash_change(state);
    }

    /// A change under way is told from others by whether it is the one that is pending, not by its number.
    fn hash_change<H: Hasher>(&self, state: &mut H) {
        let leader = self.led().map(|partition| &partition.role);
        let pending = match leader {
            Some(Role::Leader(leader)) => leader.pending(),
            Some(Role::Follower(_)) | None => None,
        };
        match &self.change {
            Change::None => 0_u8.hash(state),
            Change::Asked(epoch, proposal, number) => {
                (1_u8, epoch, proposal, pending == Some(*number)).hash(state);
            }
            Change::Answered(answer, number) => {
                (2_u8, answer, pending == Some(*number)).hash(state);
            }
        }
    }
}
