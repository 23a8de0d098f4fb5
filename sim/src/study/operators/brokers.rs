//! Partitions and brokers as entries tell them: who leads, who is in sync, how far a log can be read, and which
//! processes are down.

use ackproof_oracle::context::{Context, TopicContext};
use ackproof_oracle::history::{Entry, Event};
use ackproof_types::{BrokerId, ControllerEpoch, NodeId, TopicId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// A partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Partition {
    /// Whether an election is on record.
    pub(super) elected: bool,
    pub(super) leader: Option<BrokerId>,
    pub(super) isr: Vec<BrokerId>,
    /// Who may lead when nobody is in sync, and who led last; none: it is not on record.
    pub(super) eligible: Option<(Vec<BrokerId>, Option<BrokerId>)>,
    /// Everybody who has a replica, as far as that is known: the first leader first, then by number.
    pub(super) replicas: Vec<BrokerId>,
    /// How many it has since an administrator gave it others, without those that are being added.
    moved_to: Option<u16>,
    /// The high watermark of the leader; none: it is not on record.
    high: Option<i64>,
    /// What was acknowledged ends here.
    acked: i64,
    /// It was read from its start, which was 0.
    pub(super) is_uncut: bool,
}

impl Partition {
    /// How far it can be read: by the high watermark or, if that is not on record, by what was acknowledged.
    pub(super) fn end(&self) -> i64 {
        self.high.unwrap_or(self.acked)
    }

    /// How many replicas it has: those it was moved to, or those of its topic.
    pub(super) fn replication_factor(&self, topic: &TopicContext) -> u16 {
        self.moved_to.unwrap_or(topic.replication_factor)
    }

    fn knows(&mut self, broker: BrokerId) {
        if !self.replicas.contains(&broker) {
            self.replicas.push(broker);
            if let [_, rest @ ..] = self.replicas.as_mut_slice() {
                rest.sort_unstable();
            }
        }
    }

    fn synced(&mut self, isr: &[BrokerId]) {
        self.isr = isr.to_vec();
        for broker in isr {
            self.knows(*broker);
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Brokers {
    partitions: BTreeMap<TopicPartition, Partition>,
    /// By topic, where it grew, or was deleted.
    grown: BTreeMap<TopicId, u16>,
    down: BTreeSet<NodeId>,
    /// Those that did something.
    active: BTreeSet<NodeId>,
    /// Those that the controller lets serve.
    serving: BTreeSet<BrokerId>,
    /// Whether it ever said so.
    fences: bool,
    /// Controllers of several that decide.
    deciding: BTreeMap<NodeId, ControllerEpoch>,
}

impl Brokers {
    /// The epoch in which a controller of several decides; none: it does not.
    pub(super) fn decides_in(&self, node: NodeId) -> Option<ControllerEpoch> {
        self.deciding.get(&node).copied()
    }

    pub(super) fn observe(&mut self, entry: &Entry, context: &Context) {
        self.active.insert(entry.node);
        match &entry.event {
            Event::ProcessStarted => {
                self.down.remove(&entry.node);
            }
            Event::ProcessEnded(_) => self.ended(entry.node),
            Event::ControllerElected { epoch } => {
                self.deciding.insert(entry.node, *epoch);
            }
            Event::ControllerResigned { .. } => {
                self.deciding.remove(&entry.node);
            }
            Event::Unfenced { broker } => {
                self.fences = true;
                self.serving.insert(*broker);
            }
            Event::Fenced { broker } => {
                self.fences = true;
                self.serving.remove(broker);
            }
            Event::FinalReadDone { partition, start, .. } => {
                self.partitions.entry(*partition).or_default().is_uncut = start.0 == 0;
            }
            Event::TopicDeleted { topic, .. } => {
                self.partitions.retain(|place, _| place.topic != *topic);
                self.grown.insert(*topic, 0);
            }
            Event::PartitionsAdded { topic, partitions: all }
            | Event::TopicCreated { topic, partitions: all } => {
                self.grown.insert(*topic, *all);
            }
            Event::LeaderElected { partition, leader, isr, .. } => {
                let one = self.partitions.entry(*partition).or_default();
                one.elected = true;
                if let Some(leader) = leader {
                    one.knows(*leader);
                }
                one.leader = *leader;
                one.synced(isr);
            }
            Event::IsrChanged { partition, isr, .. } => {
                self.partitions.entry(*partition).or_default().synced(isr);
            }
            Event::ReplicasChanged { partition, replicas, adding } => {
                let one = self.partitions.entry(*partition).or_default();
                one.replicas = replicas.to_vec();
                one.moved_to = u16::try_from(replicas.len() - adding.len()).ok();
            }
            Event::EligibleChanged { partition, elr, last_leader } => {
                let one = self.partitions.entry(*partition).or_default();
                one.eligible = Some((elr.to_vec(), *last_leader));
            }
            Event::BecameLeader { partition, high_watermark: offset, .. }
            | Event::HighWatermark { partition, offset, .. } => {
                let one = self.partitions.entry(*partition).or_default();
                // What a deposed leader believes is nobody's business.
                if !one.elected || one.leader == context.broker(entry.node) {
                    one.high = Some(offset.0);
                }
            }
            Event::Acked { partition, base_offset, records, .. } if base_offset.0 >= 0 => {
                let one = self.partitions.entry(*partition).or_default();
                one.acked = one.acked.max(base_offset.plus(records.len()).0);
            }
            _ => {}
        }
    }

    fn ended(&mut self, node: NodeId) {
        self.down.insert(node);
        self.deciding.remove(&node);
    }

    /// Whether a broker's process is up, as far as that is known.
    pub(super) fn is_up(&self, broker: BrokerId, context: &Context) -> bool {
        !self.down.contains(&context.process(broker))
    }

    /// Whether a process is up: it did something, and has not ended since.
    pub(super) fn is_running(&self, node: NodeId) -> bool {
        self.is_known(node) && !self.down.contains(&node)
    }

    /// Whether a process has done anything.
    pub(super) fn is_known(&self, node: NodeId) -> bool {
        self.active.contains(&node)
    }

    /// How many of `brokers` serve; none: it is not on record.
    pub(super) fn serving(&self, brokers: &[BrokerId]) -> Option<usize> {
        let serving = || brokers.iter().filter(|broker| self.serving.contains(broker)).count();
        self.fences.then(serving)
    }

    /// All partitions of which anything is on record.
    pub(super) fn all(&self) -> impl Iterator<Item = (&TopicPartition, &Partition)> {
        self.partitions.iter()
    }

    /// How many partitions a topic has.
    pub(super) fn count(&self, topic: TopicId, context: &Context) -> u16 {
        self.grown.get(&topic).copied().unwrap_or(context.topics[topic.index()].partitions)
    }

    /// A partition, if anything of it is on record.
    pub(super) fn partition(&self, id: TopicPartition) -> Option<&Partition> {
        self.partitions.get(&id)
    }

    /// Whether somebody leads it who could answer; none: its elections are not on record.
    pub(super) fn is_served(&self, id: TopicPartition, context: &Context) -> Option<bool> {
        let one = self.partition(id).filter(|one| one.elected)?;
        Some(one.leader.is_some_and(|leader| self.is_up(leader, context)))
    }

    /// How far a partition can be read, if somebody is there to say it.
    pub(super) fn end(&self, id: TopicPartition, context: &Context) -> Option<i64> {
        let end = self.partition(id).map_or(0, Partition::end);
        (self.is_served(id, context) != Some(false)).then_some(end)
    }
}
