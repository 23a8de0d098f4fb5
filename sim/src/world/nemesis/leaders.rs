//! Who leads what and who is in sync, as far as the history tells: what an operator sees in metrics.

use ackproof_oracle::history::Event;
use ackproof_types::{BrokerId, NodeId, TopicPartition};
use std::collections::BTreeMap;

#[derive(Debug)]
struct State {
    leader: Option<BrokerId>,
    isr: Vec<BrokerId>,
    /// The in-sync set at its creation: all replicas.
    replicas: Vec<BrokerId>,
}

/// Leaders and in-sync sets by partition.
#[derive(Debug, Default)]
pub(crate) struct Leaders(BTreeMap<TopicPartition, State>);

impl Leaders {
    /// Takes one fact.
    pub(crate) fn observe(&mut self, event: &Event) {
        match event {
            Event::LeaderElected { partition, leader, isr, .. } => {
                let state = self.0.entry(*partition).or_insert_with(|| State {
                    leader: *leader,
                    isr: Vec::new(),
                    replicas: isr.to_vec(),
                });
                state.leader = *leader;
                state.isr = isr.to_vec();
            }
            Event::IsrChanged { partition, isr, .. } => {
                if let Some(state) = self.0.get_mut(partition) {
                    state.isr = isr.to_vec();
                }
            }
            _other => {}
        }
    }

    pub(crate) fn leader(&self, partition: TopicPartition) -> Option<NodeId> {
        self.0.get(&partition).and_then(|state| state.leader).map(NodeId::from)
    }

    /// In-sync replicas that do not lead, ascending.
    pub(crate) fn followers(&self, partition: TopicPartition) -> Vec<NodeId> {
        let Some(state) = self.0.get(&partition) else { return Vec::new() };
        let mut followers: Vec<BrokerId> =
            state.isr.iter().copied().filter(|broker| Some(*broker) != state.leader).collect();
        followers.sort_unstable();
        followers.into_iter().map(NodeId::from).collect()
    }

    pub(crate) fn is_in_sync(&self, node: NodeId, partition: TopicPartition) -> bool {
        self.0.get(&partition).is_some_and(|state| has(&state.isr, node))
    }

    /// Whether `node` is in sync wherever it is a replica.
    pub(crate) fn is_in_sync_everywhere(&self, node: NodeId) -> bool {
        self.0.values().all(|state| !has(&state.replicas, node) || has(&state.isr, node))
    }
}

fn has(brokers: &[BrokerId], node: NodeId) -> bool {
    brokers.iter().any(|broker| NodeId::from(*broker) == node)
}
