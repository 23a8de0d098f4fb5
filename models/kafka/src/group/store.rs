//! What the log of one partition says, folded: its groups and their committed offsets (Kafka:
//! `GroupMetadataManager`, `OffsetMetadataManager`). A coordinator that takes over reads it from the log
//! (R9.6); what could not be appended is taken back the same way (R9.4).

use super::classic;
use super::consumer;
use crate::message::{Commit, ConsumerGroupRecord, GroupRecord};
use ackproof_types::{GroupId, Timestamp, TopicPartition};
use std::collections::BTreeMap;

/// Committed offsets of a group.
pub(super) type Offsets = BTreeMap<TopicPartition, Commit>;

/// A group of either kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Group {
    /// Its members share out the partitions among themselves.
    Classic(classic::Group),
    /// Its coordinator shares them out (KIP-848).
    Consumer(consumer::Group),
}

/// The groups of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Store {
    pub(super) groups: BTreeMap<GroupId, Group>,
    /// They outlive the groups.
    pub(super) offsets: BTreeMap<GroupId, Offsets>,
}

impl Store {
    /// The group, if it is a classic one.
    pub(super) fn classic(&mut self, group: GroupId) -> Option<&mut classic::Group> {
        match self.groups.get_mut(&group)? {
            Group::Classic(state) => Some(state),
            Group::Consumer(_) => None,
        }
    }

    /// The group, if it is a consumer group.
    pub(super) fn consumer(&mut self, group: GroupId) -> Option<&mut consumer::Group> {
        match self.groups.get_mut(&group)? {
            Group::Classic(_) => None,
            Group::Consumer(state) => Some(state),
        }
    }

    /// The classic group, made if there is none. A consumer group is not touched.
    pub(super) fn classic_or_new(&mut self, group: GroupId) -> Option<&mut classic::Group> {
        let new = || Group::Classic(classic::Group::default());
        self.groups.entry(group).or_insert_with(new);
        self.classic(group)
    }

    /// The variant that takes what it has read for as old as can be.
    pub(super) fn misread_times(&mut self) {
        for commit in self.offsets.values_mut().flat_map(Offsets::values_mut) {
            commit.at = Timestamp::START;
        }
        for group in self.groups.values_mut() {
            if let Group::Classic(state) = group {
                state.empty_since = None;
            }
        }
    }

    /// Takes over one record. Of a classic group that only held offsets no record tells: whatever is written
    /// of a consumer group with its id replaces it.
    pub(super) fn replay(&mut self, record: &GroupRecord) {
        match record {
            GroupRecord::Offset { group, partition, committed, at } => {
                self.classic_or_new(*group);
                let commit = Commit { committed: *committed, at: *at };
                self.put_offset(*group, *partition, Some(commit));
            }
            GroupRecord::NoOffset(group, partition) => drop(self.take_offset(*group, *partition)),
            GroupRecord::Group { group, generation, protocol, leader, empty_since, members } => {
                let chosen = (*protocol, *leader);
                let restored = classic::Group::restored(*generation, chosen, *empty_since, members);
                self.groups.insert(*group, Group::Classic(restored));
            }
            GroupRecord::NoGroup(group) => drop(self.groups.remove(group)),
            GroupRecord::ConsumerGroup(group, record) if record.is_tombstone() => {
                let Some(state) = self.consumer(*group) else { return };
                state.apply(record);
                if *record == ConsumerGroupRecord::Epoch(None) {
                    self.groups.remove(group);
                }
            }
            GroupRecord::ConsumerGroup(group, record) => {
                if self.consumer(*group).is_none() {
                    self.groups.insert(*group, Group::Consumer(consumer::Group::default()));
                }
                if let Some(state) = self.consumer(*group) {
                    state.apply(record);
                }
            }
        }
    }

    /// Puts the committed offset of a partition back, or its absence.
    pub(super) fn put_offset(
        &mut self,
        group: GroupId,
        partition: TopicPartition,
        before: Option<Commit>,
    ) {
        match before {
            Some(before) => {
                self.offsets.entry(group).or_default().insert(partition, before);
            }
            None => drop(self.take_offset(group, partition)),
        }
    }

    /// The committed offset of a partition is no more; what it was.
    pub(super) fn take_offset(
        &mut self,
        group: GroupId,
        partition: TopicPartition,
    ) -> Option<Commit> {
        let offsets = self.offsets.get_mut(&group)?;
        let taken = offsets.remove(&partition);
        if offsets.is_empty() {
            self.offsets.remove(&group);
        }
        taken
    }
}
