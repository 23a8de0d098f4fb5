//! When a group's measures begin: when its members first own all partitions of its topics or, if a fault came
//! before that, with the fault. To form a group takes seconds, which are those of no failure. A group that
//! never comes that far is measured from the start. It judges nothing.

use crate::context::Context;
use crate::history::{Entry, Event};
use ackproof_types::{GroupId, NodeId, Timestamp, TopicPartition};
use std::collections::BTreeMap;

/// Groups that still form.
#[derive(Debug)]
pub(crate) struct Formation {
    forming: BTreeMap<GroupId, Forming>,
    /// When the first fault began.
    fault: Option<Timestamp>,
    /// When applications came to groups from another cluster: from then on these are measured.
    came: BTreeMap<GroupId, Timestamp>,
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
        Self { forming: forming.collect(), fault: None, came: BTreeMap::new() }
    }

    /// Takes an entry; the group that is formed with it, and since when it is measured.
    pub(crate) fn observe(&mut self, entry: &Entry) -> Option<(GroupId, Timestamp)> {
        if self.forming.is_empty() {
            return None;
        }
        match &entry.event {
            Event::FaultStarted { .. } => {
                self.fault.get_or_insert(entry.at);
            }
            Event::GroupMoved { to, .. } => {
                self.came.insert(*to, entry.at);
            }
            Event::Assigned { group, partitions, .. } => {
                let forming = self.forming.get_mut(group)?;
                forming.owners.extend(partitions.iter().map(|place| (*place, entry.node)));
                if forming.owners.len() >= forming.partitions {
                    self.forming.remove(group);
                    let came = self.came.get(group).copied();
                    return Some((*group, came.or(self.fault).unwrap_or(entry.at)));
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
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_history::*;
    use ackproof_types::TopicId;

    /// The entry, from 0, with which the measures of the group begin; entries are a second apart.
    fn begun(events: Vec<(u16, Event)>) -> Option<u64> {
        let mut context = context();
        context.topics[1].partitions = 2;
        let mut formation = Formation::new(&context);
        let entries = entries(events);
        let mut begins = entries.iter().filter_map(|entry| formation.observe(entry));
        let (group, at) = begins.next()?;
        assert_eq!((group, begins.next()), (G, None));
        Some(at.as_millis() / 1000)
    }

    fn assigned(node: u16, number: u16) -> (u16, Event) {
        let (_, event) = crate::test_history::assigned(node, 1);
        let Event::Assigned { group, member, generation, .. } = event else { unreachable!() };
        let partitions = [TopicPartition::new(TopicId(1), number)].into();
        (node, Event::Assigned { group, member, generation, partitions })
    }

    #[test]
    fn it_is_formed_when_all_partitions_have_an_owner_for_the_first_time() {
        assert_eq!(begun(vec![assigned(5, 0), assigned(6, 1), assigned(6, 1)]), Some(1));
        let ended = (5, Event::ProcessEnded(crate::history::ProcessEnd::Crash));
        assert_eq!(begun(vec![assigned(5, 0), ended, assigned(6, 1), assigned(6, 0)]), Some(3));
        assert_eq!(begun(vec![assigned(5, 0), assigned(6, 0)]), None);
    }

    #[test]
    fn what_a_fault_delays_is_measured() {
        let text = "broker-1 crashed".into();
        let fault = (0, Event::FaultStarted { fault: 0, target: None, text });
        assert_eq!(begun(vec![assigned(5, 0), fault.clone(), assigned(6, 1)]), Some(1));
        assert_eq!(begun(vec![assigned(5, 0), fault]), None, "it never forms");
    }
}
