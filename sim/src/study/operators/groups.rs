//! Groups as entries tell them: what they committed, who is a member and what it was assigned. The coordinator
//! keeps a member that died until it notices, and so does this.

use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event, ProcessEnd};
use ackproof_types::{GenerationId, GroupId, MemberId, NodeId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// A member, by its process and by its number: one that comes back is another.
pub(super) type Who = (NodeId, MemberId);

/// Where a rebalance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moving {
    /// Members give back what they own, and join.
    Joining,
    /// They have joined, and wait for their assignment.
    Waiting,
}

/// A group.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// Something of it is on record.
    pub(super) exists: bool,
    /// The next offset to read, by partition.
    pub(super) committed: BTreeMap<TopicPartition, i64>,
    /// What members own.
    pub(super) members: BTreeMap<Who, BTreeSet<TopicPartition>>,
    /// Of what its members own.
    generation: Option<GenerationId>,
    /// How many members the coordinator counted last; none: it is not on record.
    pub(super) counted: Option<u16>,
    /// A rebalance that is under way.
    pub(super) moving: Option<Moving>,
}

impl Group {
    pub(super) fn owner(&self, partition: TopicPartition) -> Option<Who> {
        let owns = |(_, own): &(&Who, &BTreeSet<TopicPartition>)| own.contains(&partition);
        self.members.iter().find(owns).map(|(who, _)| *who)
    }

    /// Whether the coordinator counts nobody.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.moving.is_none() && self.counted.unwrap_or(0) == 0
    }

    /// A classic coordinator shows what members were assigned before, until the leader has told it the next
    /// assignment (Kafka: `ClassicGroupMember#describeNoMetadata`).
    fn rebalanced(&mut self, members: u16, is_classic: bool) {
        self.exists = true;
        self.counted = Some(members);
        if members == 0 {
            self.members.clear();
        }
        self.moving = (is_classic && members > 0).then_some(Moving::Waiting);
    }

    fn assigned(
        &mut self,
        who: Who,
        (generation, is_classic): (GenerationId, bool),
        partitions: &[TopicPartition],
    ) {
        self.exists = true;
        if is_classic && generation != GenerationId::UNKNOWN {
            match self.generation {
                Some(known) if generation < known => return,
                Some(known) if generation == known => {}
                _ => self.members.clear(),
            }
            self.generation = Some(generation);
        }
        self.moving = None;
        // A process has one member, and a partition one owner.
        self.members.retain(|(node, member), _| *node != who.0 || *member == who.1);
        for own in self.members.values_mut() {
            own.retain(|one| !partitions.contains(one));
        }
        self.members.insert(who, partitions.iter().copied().collect());
    }

    fn gave(&mut self, who: Who, partitions: &[TopicPartition]) {
        if let Some(own) = self.members.get_mut(&who) {
            own.retain(|one| !partitions.contains(one));
        }
    }

    fn left(&mut self, is_gone: impl Fn(&Who) -> bool) {
        self.members.retain(|who, _| !is_gone(who));
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<GroupId, Group>);

impl Groups {
    pub(super) fn observe(&mut self, entry: &Entry, context: &Context) {
        match &entry.event {
            Event::Rebalanced { group, members, .. } => {
                let is_classic = context.is_classic(*group);
                self.of(*group).rebalanced(*members, is_classic);
            }
            Event::Assigned { group, member, generation, partitions } => {
                let is_classic = context.is_classic(*group);
                let who = (entry.node, *member);
                self.of(*group).assigned(who, (*generation, is_classic), partitions);
            }
            // A member of a classic group gives something back because all of them join anew.
            Event::Revoked { group, .. } if context.is_classic(*group) => {
                self.of(*group).moving = Some(Moving::Joining);
            }
            Event::Revoked { group, member, partitions } => {
                self.of(*group).gave((entry.node, *member), partitions);
            }
            Event::PartitionsReleased { group, member, partitions, .. } => {
                let one = self.of(*group);
                let who = one.members.keys().find(|(_, id)| id == member).copied();
                if let Some(who) = who {
                    one.gave(who, partitions);
                }
            }
            Event::MemberFenced { group, member, .. } => {
                self.of(*group).left(|(_, id)| id == member);
            }
            Event::MemberReplaced { group, before, .. } => {
                self.of(*group).left(|(_, id)| id == before);
            }
            Event::ProcessEnded(ProcessEnd::Clean) => {
                for one in self.0.values_mut() {
                    let before = one.members.len();
                    one.left(|(node, _)| *node == entry.node);
                    if before > 0 && one.members.is_empty() {
                        (one.moving, one.counted) = (None, Some(0));
                    }
                }
            }
            Event::Committed { group, offsets } => {
                let one = self.of(*group);
                one.exists = true;
                let offsets = offsets.iter().map(|(partition, offset)| (*partition, offset.0));
                one.committed.extend(offsets);
            }
            Event::OffsetsExpired { group, partitions } => {
                self.of(*group).committed.retain(|one, _| !partitions.contains(one));
            }
            Event::GroupDeleted { group } => *self.of(*group) = Group::default(),
            _ => {}
        }
    }

    fn of(&mut self, group: GroupId) -> &mut Group {
        self.0.entry(group).or_default()
    }

    /// A group, if anything of it is on record.
    pub(super) fn group(&self, group: GroupId) -> Option<&Group> {
        self.0.get(&group).filter(|one| one.exists)
    }
}
