//! What stood in the way of records, and when: a partition without a leader, without enough replicas in
//! sync, without an owner. A long stall is explained by what stood in its way for most of it, as far as that
//! is on record. It judges nothing.

use crate::cause::{Obstacle, StallCause};
use crate::context::Context;
use crate::history::{Entry, Event};
use crate::pace::Longest;
use crate::places::{GroupPlaces, Places};
use ackproof_types::{BrokerId, GroupId, NodeId, RebalanceReason, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What stood in the way, from when until when, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Span {
    obstacle: Obstacle,
    from: u64,
    /// None: to the end.
    to: Option<u64>,
}

/// A partition.
#[derive(Debug, Default)]
struct Led {
    leader: Option<NodeId>,
    in_sync: Vec<NodeId>,
    spans: Vec<Span>,
}

/// A partition of a group.
#[derive(Debug, Default)]
struct Owned {
    owner: Option<NodeId>,
    spans: Vec<Span>,
}

/// Opens a span unless one of the kind is open.
fn open(spans: &mut Vec<Span>, obstacle: Obstacle, from: u64) {
    let kind = std::mem::discriminant(&obstacle);
    let is_open = |span: &Span| span.to.is_none() && std::mem::discriminant(&span.obstacle) == kind;
    if !spans.iter().any(is_open) {
        spans.push(Span { obstacle, from, to: None });
    }
}

/// Ends the open spans that `ends` picks.
fn close(spans: &mut [Span], to: u64, ends: impl Fn(Obstacle) -> bool) {
    for span in spans.iter_mut().filter(|span| span.to.is_none() && ends(span.obstacle)) {
        span.to = Some(to);
    }
}

/// Obstacles so far.
#[derive(Debug)]
pub(crate) struct Obstacles {
    context: Arc<Context>,
    leaders: Places<Led>,
    owners: GroupPlaces<Owned>,
    /// Faults in force that hit a process.
    faults: BTreeMap<u32, NodeId>,
    /// Processes that are down.
    down: BTreeSet<NodeId>,
}

impl Obstacles {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            leaders: Places::default(),
            owners: GroupPlaces::default(),
            faults: BTreeMap::new(),
            down: BTreeSet::new(),
        }
    }

    /// Takes an entry that is not about records.
    pub(crate) fn observe(&mut self, entry: &Entry) {
        let (at, node) = (entry.at.as_micros(), entry.node);
        match &entry.event {
            Event::LeaderElected { partition, leader, isr, .. } => {
                self.elect(at, *partition, *leader);
                self.in_sync(at, *partition, isr);
            }
            Event::IsrChanged { partition, isr, .. } => self.in_sync(at, *partition, isr),
            Event::FaultStarted { fault, target: Some(target), .. } => {
                self.faults.insert(*fault, *target);
                self.hit(at, *target);
            }
            Event::FaultEnded { fault } => {
                if let Some(node) = self.faults.remove(fault) {
                    self.healed(at, node);
                }
            }
            Event::ProcessEnded(_) => {
                self.down.insert(node);
                self.hit(at, node);
            }
            Event::ProcessStarted => {
                self.down.remove(&node);
                // It is another member, whatever its name.
                for owned in self.owners.values_mut().filter(|owned| owned.owner == Some(node)) {
                    owned.owner = None;
                }
            }
            Event::Unfenced { broker } => self.healed(at, NodeId::from(*broker)),
            Event::Assigned { group, partitions, .. } => {
                for place in partitions.iter() {
                    let owned = self.owners.of(*group, *place);
                    owned.owner = Some(node);
                    close(&mut owned.spans, at, |_| true);
                }
            }
            Event::Revoked { group, partitions, .. } | Event::Lost { group, partitions, .. } => {
                for place in partitions.iter() {
                    let owned = self.owners.of(*group, *place);
                    if owned.owner == Some(node) {
                        owned.owner = None;
                        open(&mut owned.spans, Obstacle::NoOwner(None), at);
                    }
                }
            }
            Event::Rebalanced { group, reason: Some(reason), .. } => self.told(*group, *reason),
            _ => {}
        }
    }

    /// The reason why the group gave its partitions new owners.
    fn told(&mut self, group: GroupId, reason: RebalanceReason) {
        for owned in self.owners.of_group_mut(group) {
            for span in owned.spans.iter_mut().filter(|span| span.to.is_none()) {
                if let Obstacle::NoOwner(why @ None) = &mut span.obstacle {
                    *why = Some(reason);
                }
            }
        }
    }

    fn elect(&mut self, at: u64, partition: TopicPartition, leader: Option<BrokerId>) {
        let led = self.leaders.of(partition);
        let leader = leader.map(NodeId::from);
        let Some(leader) = leader else {
            close(&mut led.spans, at, |obstacle| obstacle == Obstacle::Failover);
            return open(&mut led.spans, Obstacle::NoLeader, at);
        };
        let is_over = led.leader != Some(leader) || !self.down.contains(&leader);
        led.leader = Some(leader);
        close(&mut led.spans, at, |obstacle| {
            obstacle == Obstacle::NoLeader || (obstacle == Obstacle::Failover && is_over)
        });
    }

    fn in_sync(&mut self, at: u64, partition: TopicPartition, isr: &[BrokerId]) {
        let least = usize::from(self.context.topics[partition.topic.index()].min_insync_replicas);
        let led = self.leaders.of(partition);
        led.in_sync = isr.iter().map(|broker| NodeId::from(*broker)).collect();
        let (faults, down) = (&self.faults, &self.down);
        let is_hit = |node: &NodeId| down.contains(node) || faults.values().any(|hit| hit == node);
        if !led.in_sync.iter().any(is_hit) {
            close(&mut led.spans, at, |obstacle| obstacle == Obstacle::Follower);
        }
        if led.in_sync.len() < least {
            open(&mut led.spans, Obstacle::MinInsyncReplicas, at);
        } else {
            close(&mut led.spans, at, |obstacle| obstacle == Obstacle::MinInsyncReplicas);
        }
    }

    /// A process ended, or a fault took hold of it: who leads or owns may not do so for a while.
    fn hit(&mut self, at: u64, node: NodeId) {
        for led in self.leaders.values_mut() {
            let is_open = |one: &Span| one.to.is_none() && one.obstacle == Obstacle::NoLeader;
            if led.leader == Some(node) && !led.spans.iter().any(is_open) {
                open(&mut led.spans, Obstacle::Failover, at);
            } else if led.leader != Some(node) && led.in_sync.contains(&node) {
                open(&mut led.spans, Obstacle::Follower, at);
            }
        }
        for owned in self.owners.values_mut().filter(|owned| owned.owner == Some(node)) {
            open(&mut owned.spans, Obstacle::NoOwner(None), at);
        }
    }

    /// A process serves again, or works again.
    fn healed(&mut self, at: u64, node: NodeId) {
        if self.down.contains(&node) || self.faults.values().any(|hit| *hit == node) {
            return;
        }
        for led in self.leaders.values_mut() {
            let mine = match led.leader {
                Some(leader) if leader == node => Obstacle::Failover,
                _ => Obstacle::Follower,
            };
            close(&mut led.spans, at, |obstacle| obstacle == mine);
        }
        for owned in self.owners.values_mut().filter(|owned| owned.owner == Some(node)) {
            close(&mut owned.spans, at, |_| true);
        }
    }

    /// What stood in the way of writes for most of `longest`.
    pub(crate) fn of_writes(&self, longest: &Longest) -> Option<StallCause> {
        most(longest, longest.partition, &self.leaders.get(longest.partition)?.spans)
    }

    /// What stood in the way of `group` for most of `longest`: first of all what its coordinator needs.
    pub(crate) fn of_reads(&self, group: GroupId, longest: &Longest) -> Option<StallCause> {
        let (home, place) = (self.context.home(group), longest.partition);
        let led = |place| most(longest, place, &self.leaders.get(place)?.spans);
        let owned = || most(longest, place, &self.owners.get(group, place)?.spans);
        led(home).or_else(|| led(place)).or_else(owned)
    }
}

/// Which of these stood in the way of a stall for the longest time, if together they did for half of it: before
/// and after there is always some more.
fn most(stall: &Longest, place: TopicPartition, spans: &[Span]) -> Option<StallCause> {
    let (since, until) = (stall.since.as_micros(), stall.until.as_micros());
    let within = |span: &Span| (span.from.max(since), span.to.unwrap_or(until).min(until));
    let mut together: Vec<(u64, u64)> =
        spans.iter().map(within).filter(|(from, to)| from < to).collect();
    together.sort_unstable();
    let (mut length, mut reached) = (0, since);
    for (from, to) in together {
        length += to.saturating_sub(from.max(reached));
        reached = reached.max(to);
    }
    let longest = spans.iter().max_by_key(|span| {
        let (from, to) = within(span);
        to.saturating_sub(from)
    })?;
    (length >= (until - since) / 2 && length > 0)
        .then_some(StallCause { obstacle: longest.obstacle, place })
}

#[cfg(test)]
mod tests;
