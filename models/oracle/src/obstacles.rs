//! What stood in the way of records, and when: a partition without a leader, without enough replicas in
//! sync, without an owner. A long stall is explained by what stood in its way for most of it, as far as that
//! is on record. It judges nothing.

use crate::cause::{Obstacle, StallCause};
use crate::context::Context;
use crate::history::{Entry, Event};
use crate::pace::Longest;
use crate::places::{GroupPlaces, Places};
use ackproof_types::{Acks, BrokerId, GroupId, NodeId, RebalanceReason, TopicId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What stood in the way, from when until when, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Span {
    obstacle: Obstacle,
    from: u64,
    /// None: to the end.
    to: Option<u64>,
    /// It stood in the way for certain. A fault may be one that harms nobody: that shows only when another
    /// process takes over.
    sure: bool,
}

/// A partition.
#[derive(Debug, Default)]
struct Led {
    leader: Option<NodeId>,
    /// How many replicas an administrator moved it to.
    moved_to: Option<u16>,
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
fn open(spans: &mut Vec<Span>, obstacle: Obstacle, from: u64, sure: bool) {
    let kind = std::mem::discriminant(&obstacle);
    let is_open =
        |span: &&mut Span| span.to.is_none() && std::mem::discriminant(&span.obstacle) == kind;
    match spans.iter_mut().find(is_open) {
        Some(span) => span.sure |= sure,
        None => spans.push(Span { obstacle, from, to: None, sure }),
    }
}

/// Ends the open spans that `ends` picks, for what proves that they stood in the way.
fn close(spans: &mut [Span], to: u64, ends: impl Fn(Obstacle) -> bool) {
    for span in spans.iter_mut().filter(|span| span.to.is_none() && ends(span.obstacle)) {
        (span.to, span.sure) = (Some(to), true);
    }
}

/// Ends the open spans that `ends` picks, for what proves nothing.
fn let_go(spans: &mut Vec<Span>, to: u64, ends: impl Fn(Obstacle) -> bool) {
    spans.retain(|span| span.sure || span.to.is_some() || !ends(span.obstacle));
    close(spans, to, ends);
}

/// Who may not do what it should.
#[derive(Debug, Default)]
struct Hit {
    /// Faults in force that hit a process.
    faults: BTreeMap<u32, NodeId>,
    /// Processes that are down.
    down: BTreeSet<NodeId>,
}

impl Hit {
    fn has(&self, node: NodeId) -> bool {
        self.down.contains(&node) || self.faults.values().any(|hit| *hit == node)
    }
}

/// Obstacles so far.
#[derive(Debug)]
pub(crate) struct Obstacles {
    context: Arc<Context>,
    leaders: Places<Led>,
    owners: GroupPlaces<Owned>,
    hit: Hit,
    /// It is on record when brokers serve.
    tells_unfenced: bool,
}

impl Obstacles {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            leaders: Places::default(),
            owners: GroupPlaces::default(),
            hit: Hit::default(),
            tells_unfenced: false,
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
            Event::ReplicasChanged { partition, replicas, .. } => {
                let count = u16::try_from(replicas.len()).unwrap_or(u16::MAX);
                self.leaders.of(*partition).moved_to = Some(count);
            }
            Event::TopicAltered { topic, .. } => self.altered(at, *topic, &entry.event),
            Event::FaultStarted { fault, target: Some(target), .. } => {
                self.hit.faults.insert(*fault, *target);
                self.hit(at, *target, false);
            }
            Event::FaultEnded { fault } => {
                if let Some(node) = self.hit.faults.remove(fault) {
                    self.healed(at, node);
                }
            }
            Event::ProcessEnded(_) => {
                self.hit.down.insert(node);
                self.hit(at, node, true);
            }
            Event::ProcessStarted => {
                self.hit.down.remove(&node);
                // It is another member, whatever its name.
                for owned in self.owners.values_mut().filter(|owned| owned.owner == Some(node)) {
                    owned.owner = None;
                }
                if !self.tells_unfenced {
                    self.healed(at, node);
                }
            }
            Event::Unfenced { broker } => {
                self.tells_unfenced = true;
                self.healed(at, self.context.process(*broker));
            }
            Event::Assigned { group, partitions, .. } => {
                for place in partitions.iter() {
                    let owned = self.owners.of(*group, *place);
                    let moves = owned.owner.replace(node) != Some(node);
                    let end = |spans: &mut Vec<Span>| match moves {
                        true => close(spans, at, |_| true),
                        false => let_go(spans, at, |_| true),
                    };
                    end(&mut owned.spans);
                }
            }
            Event::Revoked { group, partitions, .. } | Event::Lost { group, partitions, .. } => {
                for place in partitions.iter() {
                    let owned = self.owners.of(*group, *place);
                    if owned.owner == Some(node) {
                        owned.owner = None;
                        open(&mut owned.spans, Obstacle::NoOwner(None), at, true);
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
        let leader = leader.map(|leader| self.context.process(leader));
        let led = self.leaders.of(partition);
        let Some(leader) = leader else {
            close(&mut led.spans, at, |_| true);
            return open(&mut led.spans, Obstacle::NoLeader, at, true);
        };
        let before = led.leader.replace(leader);
        close(&mut led.spans, at, |obstacle| obstacle == Obstacle::NoLeader);
        if before != Some(leader) {
            close(&mut led.spans, at, |obstacle| obstacle == Obstacle::Failover);
        } else if !self.hit.down.contains(&leader) {
            let_go(&mut led.spans, at, |obstacle| obstacle == Obstacle::Failover);
        }
    }

    fn in_sync(&mut self, at: u64, partition: TopicPartition, isr: &[BrokerId]) {
        let topic = &self.context.topics[partition.topic.index()];
        let led = self.leaders.of(partition);
        // A leader asks for no more replicas than there are.
        let least = led.moved_to.unwrap_or(topic.replication_factor).min(topic.min_insync_replicas);
        led.in_sync = isr.iter().map(|broker| self.context.process(*broker)).collect();
        let (hit, leader) = (&self.hit, led.leader);
        let is_hit = |node: &NodeId| hit.has(*node);
        if !led.in_sync.iter().any(|node| Some(*node) != leader && is_hit(node)) {
            close(&mut led.spans, at, |obstacle| obstacle == Obstacle::Follower);
        }
        let is_minimum = |obstacle| matches!(obstacle, Obstacle::MinInsyncReplicas(_));
        // Without a leader nobody counts who is in sync.
        let leads = |span: &Span| span.to.is_some() || span.obstacle != Obstacle::NoLeader;
        if led.in_sync.len() < usize::from(least) && led.spans.iter().all(leads) {
            let other =
                |obstacle| is_minimum(obstacle) && obstacle != Obstacle::MinInsyncReplicas(least);
            close(&mut led.spans, at, other);
            open(&mut led.spans, Obstacle::MinInsyncReplicas(least), at, true);
        } else {
            close(&mut led.spans, at, is_minimum);
        }
    }

    /// Another minimum: whether too few are in sync is another question from here on.
    fn altered(&mut self, at: u64, topic: TopicId, event: &Event) {
        let context = Arc::make_mut(&mut self.context);
        context.alter(event);
        let brokers =
            |nodes: &[NodeId]| nodes.iter().filter_map(|one| context.broker(*one)).collect();
        let led = self
            .leaders
            .iter()
            .filter(|(partition, led)| partition.topic == topic && led.leader.is_some());
        let all: Vec<(TopicPartition, Vec<BrokerId>)> =
            led.map(|(partition, led)| (partition, brokers(&led.in_sync))).collect();
        for (partition, isr) in all {
            self.in_sync(at, partition, &isr);
        }
    }

    /// A process ended, or a fault took hold of it: who leads or owns may not do so for a while.
    fn hit(&mut self, at: u64, node: NodeId, sure: bool) {
        for led in self.leaders.values_mut() {
            let is_open = |one: &Span| one.to.is_none() && one.obstacle == Obstacle::NoLeader;
            if led.leader == Some(node) && !led.spans.iter().any(is_open) {
                open(&mut led.spans, Obstacle::Failover, at, sure);
            } else if led.leader != Some(node) && led.in_sync.contains(&node) {
                open(&mut led.spans, Obstacle::Follower, at, sure);
            }
        }
        for owned in self.owners.values_mut().filter(|owned| owned.owner == Some(node)) {
            open(&mut owned.spans, Obstacle::NoOwner(None), at, sure);
        }
    }

    /// A process serves again, or works again.
    fn healed(&mut self, at: u64, node: NodeId) {
        if self.hit.has(node) {
            return;
        }
        let hit = &self.hit;
        let is_hit = |node: &NodeId| hit.has(*node);
        for led in self.leaders.values_mut() {
            let mut others = led.in_sync.iter().filter(|one| Some(**one) != led.leader);
            let mine = match led.leader {
                Some(leader) if leader == node => Obstacle::Failover,
                // Another one stands in the way still.
                _ if others.any(is_hit) => continue,
                _ => Obstacle::Follower,
            };
            let_go(&mut led.spans, at, |obstacle| obstacle == mine);
        }
        for owned in self.owners.values_mut().filter(|owned| owned.owner == Some(node)) {
            let_go(&mut owned.spans, at, |_| true);
        }
    }

    /// What stood in the way of writes for most of `longest`.
    pub(crate) fn of_writes(&self, longest: &Longest) -> Option<StallCause> {
        let place = longest.partition;
        let mut writers =
            self.context.producers.iter().filter(|producer| producer.topic == place.topic.name());
        // With acks=1 nobody waits for a replica.
        let all = writers.any(|producer| producer.acks == Acks::All);
        let matters = |span: &&Span| {
            all || !matches!(span.obstacle, Obstacle::Follower | Obstacle::MinInsyncReplicas(_))
        };
        let led = self.leaders.get(place)?;
        let spans = led.spans.iter().filter(matters).copied();
        Some(most(longest, (place, led.moved_to), spans.collect())?.1)
    }

    /// What stood in the way of `group` for most of `longest`: of its coordinator or of the partition, whatever
    /// did so for longer; else of its owner. Without a coordinator it gets none. A follower that lags comes last:
    /// it delays what is read, and takes nobody's partition away.
    pub(crate) fn of_reads(&self, group: GroupId, longest: &Longest) -> Option<StallCause> {
        let place = longest.partition;
        let led = |place, followers: bool| {
            let is_it = |span: &&Span| (span.obstacle == Obstacle::Follower) == followers;
            let led = self.leaders.get(place)?;
            let spans = led.spans.iter().filter(is_it).copied();
            most(longest, (place, led.moved_to), spans.collect())
        };
        let owned = || most(longest, (place, None), self.owners.get(group, place)?.spans.clone());
        // Of two alike the last.
        let leaders = |followers| {
            let both = [led(place, followers), led(self.context.home(group), followers)];
            both.into_iter().flatten().max_by_key(|(length, _)| *length)
        };
        Some(leaders(false).or_else(owned).or_else(|| leaders(true))?.1)
    }
}

/// Which of these stood in the way of a stall for the longest time, and for how long they did together, if it was
/// half of the stall: before and after there is always some more.
fn most(
    stall: &Longest,
    (place, moved_to): (TopicPartition, Option<u16>),
    mut spans: Vec<Span>,
) -> Option<(u64, StallCause)> {
    let (since, until) = (stall.since.as_micros(), stall.until.as_micros());
    let within = |span: &Span| (span.from.max(since), span.to.unwrap_or(until).min(until));
    spans.retain(|span| {
        let (from, to) = within(span);
        span.sure && from < to
    });
    let mut together: Vec<(u64, u64)> = spans.iter().map(within).collect();
    together.sort_unstable();
    let (mut length, mut reached) = (0, since);
    for (from, to) in together {
        length += to.saturating_sub(from.max(reached));
        reached = reached.max(to);
    }
    let longest = spans.iter().max_by_key(|span| {
        let (from, to) = within(span);
        to - from
    })?;
    let cause = StallCause { obstacle: longest.obstacle, place, moved_to };
    (length >= (until - since) / 2).then_some((length, cause))
}

#[cfg(test)]
mod tests;
