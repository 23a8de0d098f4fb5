//! When a group's measures begin: when its members first own all partitions of its topics, or with the first
//! fault, whichever comes first. To form a group takes seconds, which are those of no failure. A group that
//! never comes that far, without a fault, is measured from the start. It judges nothing.

use crate::context::Context;
use crate::history::{Entry, Event};
use ackproof_types::{GroupId, NodeId, TopicPartition};
use std::collections::BTreeMap;

/// Groups that still form.
#[derive(Debug)]
pub(crate) struct Formation {
    forming: BTreeMap<GroupId, Forming>,
}

#[derive(Debug)]
struct Forming {
    /// Partitions of its topics.
    partitions: usize,
    owners: BTreeMap<TopicPartition, NodeId>,
}

impl Formation {
    pub(crate) fn new(context: &Context) -> Self {
        let forming = (0..).map(GroupId).zip(&context.groups).map(|(group, info)| {
            let topics = info.topics.iter().filter_map(|topic| context.topics.get(topic.index()));
            let partitions = topics.map(|topic| usize::from(topic.partitions)).sum();
            (group, Forming { partitions, owners: BTreeMap::new() })
        });
        Self { forming: forming.collect() }
    }

    /// Takes an entry; the groups whose measures begin with it.
    pub(crate) fn observe(&mut self, entry: &Entry) -> Vec<GroupId> {
        if self.forming.is_empty() {
            return Vec::new();
        }
        match &entry.event {
            Event::FaultStarted { .. } => {
                return std::mem::take(&mut self.forming).into_keys().collect();
            }
            Event::Assigned { group, partitions, .. } => {
                let Some(forming) = self.forming.get_mut(group) else { return Vec::new() };
                forming.owners.extend(partitions.iter().map(|place| (*place, entry.node)));
                if forming.owners.len() >= forming.partitions {
                    self.forming.remove(group);
                    return vec![*group];
                }
            }
            Event::Revoked { group, partitions, .. } | Event::Lost { group, partitions, .. } => {
                if let Some(forming) = self.forming.get_mut(group) {
                    forming
                        .owners
                        .retain(|place, by| *by != entry.node || !partitions.contains(place));
                }
            }
            Event::ProcessEnded(_) => {
                for forming in self.forming.values_mut() {
                    forming.owners.retain(|_, by| *by != entry.node);
                }
            }
            _ => {}
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_history::*;
    use ackproof_types::TopicId;

    fn begun(events: Vec<(u16, Event)>) -> Vec<usize> {
        let mut context = context();
        context.topics[1].partitions = 2;
        let mut formation = Formation::new(&context);
        let entries = entries(events);
        let begins = entries.iter().map(|entry| formation.observe(entry));
        begins.enumerate().filter(|(_, groups)| *groups == [G]).map(|(index, _)| index).collect()
    }

    fn assigned(node: u16, number: u16) -> (u16, Event) {
        let (_, event) = crate::test_history::assigned(node, 1);
        let Event::Assigned { group, member, generation, .. } = event else { unreachable!() };
        let partitions = [TopicPartition::new(TopicId(1), number)].into();
        (node, Event::Assigned { group, member, generation, partitions })
    }

    #[test]
    fn it_is_formed_when_all_partitions_have_an_owner_for_the_first_time() {
        assert_eq!(begun(vec![assigned(5, 0), assigned(6, 1), assigned(6, 1)]), [1]);
        let ended = (5, Event::ProcessEnded(crate::history::ProcessEnd::Crash));
        assert_eq!(begun(vec![assigned(5, 0), ended, assigned(6, 1), assigned(6, 0)]), [3]);
        assert_eq!(begun(vec![assigned(5, 0), assigned(6, 0)]), [0; 0]);
    }

    #[test]
    fn what_a_fault_delays_is_measured() {
        let text = "broker-1 crashed".into();
        let fault = (0, Event::FaultStarted { fault: 0, target: None, text });
        assert_eq!(begun(vec![assigned(5, 0), fault, assigned(6, 1)]), [1]);
    }
}
