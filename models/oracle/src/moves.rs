//! How long work is without a process: until a partition has another leader, until it has another owner.
//!
//! - *Failover*: a partition's leader is hit, by its process's end or, while that lives, by a fault aimed at
//!   it; from there to the election of another one. A fault that is over before that, with the process alive, hit nothing;
//!   so did an end after which the broker serves or leads again.
//! - *Handover*: a partition of a group loses its owner, who gives it back, learns that it lost it, ends or
//!   is hit; from there to its next assignment. A hit, as long as it lasts, counts only if the partition
//!   moves; who starts again after its end is somebody else, whatever its name.
//!
//! It judges only the history, so that both exist alike for a simulation and for a real cluster, and
//! takes a fault that names no target for one that hits nobody. It judges nothing.

use crate::context::Context;
use crate::histogram::Histogram;
use crate::history::{Entry, Event};
use crate::places::{GroupPlaces, Places};
use ackproof_types::{BrokerId, GroupId, Micros, NodeId, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A leadership, an ownership or a hit: of whom, since when, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Held {
    by: NodeId,
    since: u64,
}

/// A group's partition.
#[derive(Clone, Copy, Debug, Default)]
struct Owned {
    owner: Option<Held>,
    /// Since when it has none.
    free: Option<u64>,
}

/// Faults in force and processes that ended: what a process was hit by, and when.
#[derive(Debug, Default)]
struct Hits {
    faults: BTreeMap<u32, Held>,
    /// The last end of each, of a broker until it serves again.
    ends: BTreeMap<NodeId, u64>,
}

impl Hits {
    /// When the holder was hit: its end says it for certain, whatever slowed it down before.
    fn first(&self, held: Held) -> Option<u64> {
        let end = self.ends.get(&held.by).copied();
        end.filter(|at| *at >= held.since).or_else(|| self.fault(held))
    }

    /// When the first fault in force began that hit the holder while it held.
    fn fault(&self, held: Held) -> Option<u64> {
        let mine = self.faults.values().filter(|hit| hit.by == held.by && hit.since >= held.since);
        mine.map(|hit| hit.since).min()
    }
}

/// Moves in the making.
#[derive(Debug)]
pub(crate) struct Moves {
    context: Arc<Context>,
    hits: Hits,
    leaders: Places<Option<Held>>,
    failover: Option<Histogram>,
    owners: GroupPlaces<Owned>,
    /// By group; none: nothing was assigned on record.
    handover: BTreeMap<GroupId, Histogram>,
}

impl Moves {
    /// Nothing has moved yet.
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            hits: Hits::default(),
            leaders: Places::default(),
            failover: None,
            owners: GroupPlaces::default(),
            handover: BTreeMap::new(),
        }
    }

    /// Takes an entry that is not about records.
    pub(crate) fn observe(&mut self, entry: &Entry) {
        let (at, node) = (entry.at.as_micros(), entry.node);
        match &entry.event {
            Event::FaultStarted { fault, target: Some(target), .. } => {
                self.hits.faults.insert(*fault, Held { by: *target, since: at });
            }
            Event::FaultEnded { fault } => {
                self.hits.faults.remove(fault);
            }
            Event::ProcessEnded(_) => {
                self.hits.ends.insert(node, at);
                self.free_all(at, node);
            }
            Event::Unfenced { broker } => {
                self.hits.ends.remove(&self.context.process(*broker));
            }
            Event::LeaderElected { partition, leader, .. }
                if !self.context.keeps_offsets(partition.topic) =>
            {
                self.elect(at, *partition, *leader);
            }
            Event::Revoked { group, partitions, .. } => {
                self.free(at, *group, node, partitions, |_, _| None);
            }
            Event::Lost { group, partitions, .. } => {
                self.free(at, *group, node, partitions, Hits::fault);
            }
            Event::Assigned { group, partitions, .. } => {
                let lengths = self.handover.entry(*group).or_default();
                for partition in partitions.iter() {
                    let owned = self.owners.of(*group, *partition);
                    if let Some(length) = owned.assign(at, node, &self.hits) {
                        lengths.add(length);
                    }
                }
            }
            _ => {}
        }
    }

    fn elect(&mut self, at: u64, partition: TopicPartition, leader: Option<BrokerId>) {
        let lengths = self.failover.get_or_insert_default();
        // Without a leader the one before is still the last.
        let Some(leader) = leader.map(|leader| self.context.process(leader)) else { return };
        let held = self.leaders.of(partition);
        let before = held.filter(|before| before.by != leader);
        if let Some(since) = before.and_then(|before| self.hits.first(before)) {
            lengths.add(Micros(at.saturating_sub(since)));
        }
        *held = Some(Held { by: leader, since: at });
    }

    /// `node` owns `partitions` no longer: since now, or since it was hit by what `hit` looks for.
    fn free(
        &mut self,
        at: u64,
        group: GroupId,
        node: NodeId,
        partitions: &[TopicPartition],
        hit: fn(&Hits, Held) -> Option<u64>,
    ) {
        for partition in partitions {
            let owned = self.owners.of(group, *partition);
            if let Some(held) = owned.owner.take_if(|held| held.by == node) {
                owned.free = Some(hit(&self.hits, held).unwrap_or(at));
            }
        }
    }

    fn free_all(&mut self, at: u64, node: NodeId) {
        for owned in self.owners.values_mut() {
            if owned.owner.take_if(|held| held.by == node).is_some() {
                owned.free = Some(at);
            }
        }
    }

    /// Failovers, and the handovers of each of `groups`; none where the history cannot tell.
    pub(crate) fn conclude(mut self, groups: usize) -> (Option<Histogram>, Vec<Option<Histogram>>) {
        let groups = (0..).map(GroupId).take(groups);
        let handovers = groups.map(|group| self.handover.remove(&group)).collect();
        (self.failover, handovers)
    }
}

impl Owned {
    /// `node` has it; how long it took to get there, if it moved.
    fn assign(&mut self, at: u64, node: NodeId, hits: &Hits) -> Option<Micros> {
        let stays = self.owner.is_some_and(|held| held.by == node);
        if stays {
            return None;
        }
        // Who is cut off or frozen does not say that it lost anything.
        let hit = self.owner.and_then(|held| hits.fault(held));
        let since = self.free.take().or(hit);
        self.owner = Some(Held { by: node, since: at });
        since.map(|since| Micros(at.saturating_sub(since)))
    }
}

#[cfg(test)]
mod tests;
