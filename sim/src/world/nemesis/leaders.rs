//! Who leads what and who is in sync, as far as the history tells: what an operator sees in metrics.

use ackproof_oracle::context::Context;
use ackproof_oracle::history::Event;
use ackproof_types::{BrokerId, ControllerEpoch, LeaderEpoch, NodeId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Debug)]
struct State {
    leader: Option<BrokerId>,
    isr: Vec<BrokerId>,
    /// The in-sync set at its creation, or what they were changed to: all replicas.
    replicas: Vec<BrokerId>,
}

/// Leaders and in-sync sets by partition.
#[derive(Debug)]
pub(crate) struct Leaders {
    context: Arc<Context>,
    partitions: BTreeMap<TopicPartition, State>,
    /// Controllers that decide, and in which epoch.
    active: BTreeMap<NodeId, ControllerEpoch>,
    /// Brokers that have ended or are fenced.
    away: BTreeSet<NodeId>,
}

impl Leaders {
    /// Nothing is decided yet.
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            partitions: BTreeMap::new(),
            active: BTreeMap::new(),
            away: BTreeSet::new(),
        }
    }

    /// Takes one fact.
    pub(crate) fn observe(&mut self, node: NodeId, event: &Event) {
        match event {
            Event::ControllerElected { epoch } => {
                self.active.insert(node, *epoch);
            }
            Event::ControllerResigned { .. } => {
                self.active.remove(&node);
            }
            Event::ProcessEnded(_) => {
                self.active.remove(&node);
                if self.id(node).is_some() {
                    self.away.insert(node);
                }
            }
            Event::Fenced { broker } => {
                self.away.insert(self.process(*broker));
            }
            Event::Unfenced { broker } => {
                self.away.remove(&self.process(*broker));
            }
            Event::LeaderElected { partition, leader, isr, epoch, .. } => {
                // Targets go by the name of a topic; a new topic begins anew.
                let partition = &partition.name();
                if *epoch == LeaderEpoch(0) {
                    self.partitions.remove(partition);
                }
                let state = self.partitions.entry(*partition).or_insert_with(|| State {
                    leader: *leader,
                    isr: Vec::new(),
                    replicas: isr.to_vec(),
                });
                state.leader = *leader;
                state.isr = isr.to_vec();
            }
            Event::IsrChanged { partition, isr, .. } => {
                if let Some(state) = self.partitions.get_mut(&partition.name()) {
                    state.isr = isr.to_vec();
                }
            }
            Event::ReplicasChanged { partition, replicas, .. } => {
                if let Some(state) = self.partitions.get_mut(&partition.name()) {
                    state.replicas = replicas.to_vec();
                }
            }
            _other => {}
        }
    }

    /// Of these controllers the one that decides: a frozen one may believe to do so as well, in an older epoch.
    pub(crate) fn active_controller(&self, of: &[NodeId]) -> Option<NodeId> {
        let active = self.active.iter().filter(|(node, _)| of.contains(node));
        active.max_by_key(|(_, epoch)| **epoch).map(|(node, _)| *node)
    }

    pub(crate) fn leader(&self, partition: TopicPartition) -> Option<NodeId> {
        self.partitions
            .get(&partition)
            .and_then(|state| state.leader)
            .map(|id| self.context.process(id))
    }

    /// The partition's leader, replicas and in-sync set.
    pub(crate) fn sight(
        &self,
        partition: TopicPartition,
    ) -> Option<(Option<BrokerId>, &[BrokerId], &[BrokerId])> {
        self.partitions.get(&partition).map(|one| (one.leader, &*one.replicas, &*one.isr))
    }

    /// In-sync replicas that do not lead, ascending.
    pub(crate) fn followers(&self, partition: TopicPartition) -> Vec<NodeId> {
        let Some(state) = self.partitions.get(&partition) else { return Vec::new() };
        self.nodes(state.isr.iter().filter(|broker| Some(**broker) != state.leader))
    }

    /// Replicas that are not in sync, ascending.
    pub(crate) fn laggards(&self, partition: TopicPartition) -> Vec<NodeId> {
        let Some(state) = self.partitions.get(&partition) else { return Vec::new() };
        self.nodes(state.replicas.iter().filter(|broker| !state.isr.contains(broker)))
    }

    /// The processes of `brokers`, by their ids ascending.
    fn nodes<'b>(&self, brokers: impl Iterator<Item = &'b BrokerId>) -> Vec<NodeId> {
        let mut all: Vec<BrokerId> = brokers.copied().collect();
        all.sort_unstable();
        all.into_iter().map(|id| self.context.process(id)).collect()
    }

    pub(crate) fn is_in_sync(&self, node: NodeId, partition: TopicPartition) -> bool {
        self.partitions.get(&partition).is_some_and(|state| self.has(&state.isr, node))
    }

    /// Whether `node` is in sync wherever it is a replica.
    pub(crate) fn is_in_sync_everywhere(&self, node: NodeId) -> bool {
        self.partitions
            .values()
            .all(|state| !self.has(&state.replicas, node) || self.has(&state.isr, node))
    }

    /// Whether every broker is back, and in every in-sync set that it can be in.
    pub(crate) fn is_whole(&self) -> bool {
        let is_full = |state: &State| state.isr.len() == state.replicas.len();
        self.away.is_empty() && self.partitions.values().all(is_full)
    }

    /// A partition that `pick` chooses.
    pub(crate) fn drawn(&self, pick: u64) -> Option<TopicPartition> {
        let count = u64::try_from(self.partitions.len()).unwrap_or(1).max(1);
        usize::try_from(pick % count).ok().and_then(|nth| self.partitions.keys().nth(nth).copied())
    }

    /// Partitions that have a replica at this broker.
    pub(crate) fn partitions_at(&self, node: NodeId) -> impl Iterator<Item = TopicPartition> + '_ {
        let here = move |state: &&State| self.has(&state.replicas, node);
        self.partitions.iter().filter(move |(_, state)| here(state)).map(|(id, _)| *id)
    }

    /// The id of the broker that runs there.
    pub(crate) fn id(&self, node: NodeId) -> Option<BrokerId> {
        self.context.broker(node)
    }

    /// The process with this id.
    pub(crate) fn process(&self, broker: BrokerId) -> NodeId {
        self.context.process(broker)
    }

    fn has(&self, brokers: &[BrokerId], node: NodeId) -> bool {
        self.context.broker(node).is_some_and(|id| brokers.contains(&id))
    }
}
