//! What an operator sees of a cluster while it runs: where logs end, and how far groups are. No run needs it.

use ackproof_oracle::history::Event;
use ackproof_types::{GenerationId, GroupId, Offset, TopicPartition};
use std::collections::BTreeMap;

/// It, as far as the history tells.
#[derive(Debug, Default)]
pub(crate) struct Sights {
    /// Where the log of the leader ends.
    pub(crate) ends: BTreeMap<TopicPartition, Offset>,
    /// Where it ends for readers.
    pub(crate) high_watermarks: BTreeMap<TopicPartition, Offset>,
    /// What clients know to be committed.
    pub(crate) committed: BTreeMap<(GroupId, TopicPartition), Offset>,
    /// The generation of a group, and its members.
    pub(crate) groups: BTreeMap<GroupId, (GenerationId, u16)>,
}

impl Sights {
    /// Takes a fact.
    pub(crate) fn observe(&mut self, event: &Event) {
        match event {
            Event::Appended { partition, next_offset, as_leader: true, .. } => {
                self.ends.insert(*partition, *next_offset);
            }
            Event::BecameLeader { partition, log_end, high_watermark, .. } => {
                self.ends.insert(*partition, *log_end);
                self.high_watermarks.insert(*partition, *high_watermark);
            }
            Event::HighWatermark { partition, offset, .. } => {
                self.high_watermarks.insert(*partition, *offset);
            }
            Event::Committed { group, offsets } => {
                for (partition, offset) in offsets.iter() {
                    self.committed.insert((*group, *partition), *offset);
                }
            }
            Event::Rebalanced { group, generation, members, .. } => {
                self.groups.insert(*group, (*generation, *members));
            }
            Event::GroupDeleted { group } => {
                self.groups.remove(group);
                self.committed.retain(|(of, _), _| of != group);
            }
            _ => {}
        }
    }
}
