//! `group-exclusive`: no partition is owned by two live members of one generation, nor of a consumer group
//! (KIP-848) by two members that their coordinator knows.
//!
//! Source: bug corpus §10.2 NoDoubleOwner; R9.33. A witness is a partition assigned while another member had
//! its assignment already: a group of one proves nothing. It does *not* say that every partition has an
//! owner (F40); what else is legal is told at [`Checker`]. Broken on purpose by an assignor that gives a
//! partition twice, and by a coordinator that gives away what is not released.

use crate::context::{Context, Word};
use crate::elected::Elected;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::places::Places;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{
    BrokerId, GenerationId, GroupId, GroupProtocol, LeaderEpoch, MemberId, NodeId, Offset,
    TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Assigned,
    Kind::Revoked,
    Kind::Lost,
    Kind::ProcessStarted,
    Kind::ProcessEnded,
    Kind::Rebalanced,
    Kind::MemberFenced,
    Kind::PartitionsReleased,
    Kind::MemberReplaced,
    Kind::GroupDeleted,
    Kind::LeaderElected,
    Kind::IsrChanged,
    Kind::Appended,
    Kind::BecameLeader,
];

/// What a process owns as a member of a group.
#[derive(Debug)]
struct Owner {
    member: MemberId,
    generation: GenerationId,
    partitions: Vec<TopicPartition>,
}

/// A partition of `__consumer_offsets`.
#[derive(Debug, Default)]
struct Log {
    /// A leader that an unclean election deposed goes on as a coordinator of its own.
    elected: Elected,
    /// Up to where its leaders wrote it; none: that is not on record.
    end: Option<Offset>,
}

/// A group.
#[derive(Debug, Default)]
struct Group {
    owners: BTreeMap<NodeId, Owner>,
    /// The highest generation seen.
    highest: GenerationId,
    /// Generations up to here may have come twice.
    ambiguous: Option<GenerationId>,
    /// Members that their coordinator removed, and the generation of each.
    fenced: BTreeMap<MemberId, GenerationId>,
    /// What members said that they do not own, and the generation of each.
    released: BTreeMap<(MemberId, TopicPartition), GenerationId>,
    /// What its coordinator does is on record.
    is_told: bool,
}

/// What is legal, and why:
/// - A zombie: a member of an older generation that has not heard of its end (paused, cut off, late to
///   poll) owns on; the fencing of its commits covers that (R9.10, F27).
/// - A member that joins again under another id in the same process: the process owns what it was
///   assigned last, and nothing besides (R8.11, R9.15).
/// - A generation that the coordinator lost before anybody was assigned in it comes again under the
///   same number (R9.6).
/// - Also one with assignments may come again. A coordinator hands out those that it made once they are
///   replicated (R9.18), but one that took over hands out what it loaded, up to the end of its log (R9.6):
///   Kafka answers the SyncGroup of a stable group at once (`GroupMetadataManager`,
///   `classicGroupSyncToClassicGroup`). When another leader without that end follows, the generation is
///   lost, cleanly. So when a leader of the group's partition of `__consumer_offsets` lacks what one before
///   wrote, generations up to the highest seen are not judged. A log that loses what was committed is told
///   by `log-matching`.
/// - With `group.protocol=consumer` each member has an epoch of its own. There a member owns what it was given
///   until it gives it up, or its coordinator removes it (R9.33): whoever was removed is a zombie. A member that
///   is about to take a partition over says that it does not own it. If it is to be another one's by then, the
///   coordinator gives it away at once, and both own it until the first one hears of it
///   (`CurrentAssignmentBuilder#ownsRevokedPartitions`). Where members follow different protocols, only those
///   of one epoch are compared.
/// - Nor are they judged after an unclean election of that partition (F9), while the leader that it deposed
///   may go on as a coordinator, and after any election of it where nobody's log is on record.
///
/// What cannot fool it. *A stale leader*: only owners of one generation are compared, and where a coordinator
/// may have numbered one that its successor numbers again, nothing is. *A late message*: an assignment that
/// arrives when later ones were handed out is of its own, older generation. *A restart*: what a process owned
/// ends with it, and it owns what it is assigned anew.
#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    groups: BTreeMap<GroupId, Group>,
    logs: Places<Log>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            groups: BTreeMap::new(),
            logs: Places::default(),
        }
    }

    /// What was decided in this log may be forgotten, and come again under the same numbers.
    fn forget(&mut self, log: TopicPartition) {
        for (id, group) in &mut self.groups {
            if self.context.home(*id) == log {
                group.ambiguous = Some(group.highest);
            }
        }
    }

    /// The controller chose. When a deposed coordinator follows, what both numbered until then is not compared.
    fn elect(
        &mut self,
        place: TopicPartition,
        (epoch, leader): (LeaderEpoch, Option<BrokerId>),
        isr: &[BrokerId],
        unclean: bool,
    ) {
        let log = self.logs.of(place);
        let before = log.elected.leader();
        let moved = leader.is_some() && before.is_some() && before != leader;
        let is_untold = moved && log.end.is_none();
        let is_back = log.elected.elect((epoch, leader), isr, unclean);
        if unclean || is_untold || is_back {
            self.forget(place);
        }
    }

    fn take_isr(&mut self, place: TopicPartition, isr: &[BrokerId]) {
        if self.logs.of(place).elected.take_isr(isr) {
            self.forget(place);
        }
    }

    /// A leader begins with a log that ends at `end`.
    fn lead(&mut self, place: TopicPartition, end: Offset) {
        if self.logs.of(place).end.replace(end).is_some_and(|before| end < before) {
            self.forget(place);
        }
    }

    /// A process ended, or started: whom it was, it is no more.
    fn end(&mut self, node: NodeId) {
        for group in self.groups.values_mut() {
            group.owners.remove(&node);
        }
        let homes: BTreeSet<TopicPartition> =
            self.groups.keys().map(|id| self.context.home(*id)).collect();
        for home in homes {
            if self.logs.of(home).elected.end(self.context.broker(node)) {
                self.forget(home);
            }
        }
    }

    fn assign(&mut self, entry: &Entry, id: GroupId, new: Owner) {
        let is_alone = !self.logs.of(self.context.home(id)).elected.has_deposed();
        let rule = Rule::of(&self.context, id);
        let group = self.groups.entry(id).or_default();
        group.owners.remove(&entry.node);
        group.highest = group.highest.max(new.generation);
        if !is_alone || !group.judges(&new) || rule == Rule::Members && group.is_fenced(&new) {
            group.owners.insert(entry.node, new);
            return;
        }
        let peers = group.owners.iter().filter(|(_, peer)| match rule {
            Rule::Generations => peer.generation == new.generation,
            Rule::Members if !group.is_told => peer.generation == new.generation,
            Rule::Members => group.judges(peer) && !group.is_fenced(peer),
        });
        if peers.clone().next().is_some() {
            self.report.judged(new.partitions.len());
        }
        for (node, peer) in peers {
            let both = peer.partitions.iter().filter(|place| new.partitions.contains(place));
            let both = both.filter(|place| {
                rule == Rule::Generations
                    || group.may_own(peer, **place) && group.may_own(&new, **place)
            });
            for place in both {
                let context = &self.context;
                self.report.violated(entry, || {
                    let (first, second) = (context.node(*node), context.node(entry.node));
                    let (group, place) = (context.group(id), context.partition(*place));
                    let (one, other) = (peer.generation, new.generation);
                    if one == other {
                        return format!(
                            "{first} and {second} both own {place} in generation {one} of {group}"
                        );
                    }
                    format!(
                        "{second} was given {place} in epoch {other} of {group}, and {first}, in epoch {one}, \
                         neither gave it up nor was removed"
                    )
                });
            }
        }
        group.owners.insert(entry.node, new);
    }
}

/// Who must not own a partition together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Members of one generation.
    Generations,
    /// Members that the coordinator knows.
    Members,
}

impl Rule {
    fn of(context: &Context, group: GroupId) -> Self {
        match context.groups[group.index()].protocol {
            Word::Known(GroupProtocol::Consumer) => Self::Members,
            Word::Known(GroupProtocol::Classic) | Word::Other(_) => Self::Generations,
        }
    }
}

impl Group {
    /// Whether the generation of `owner` is known, and came once.
    fn judges(&self, owner: &Owner) -> bool {
        owner.generation != GenerationId::UNKNOWN
            && self.ambiguous.is_none_or(|ambiguous| owner.generation > ambiguous)
    }

    /// Whether the coordinator still counts the partition as that member's.
    fn may_own(&self, owner: &Owner, place: TopicPartition) -> bool {
        let released = self.released.get(&(owner.member, place));
        released.is_none_or(|released| owner.generation > *released)
    }

    /// Whether the coordinator removed that member, which has not joined again since.
    fn is_fenced(&self, owner: &Owner) -> bool {
        self.fenced.get(&owner.member).is_some_and(|fenced| owner.generation <= *fenced)
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Assigned { group, member, generation, partitions } => {
                let (member, generation, partitions) = (*member, *generation, partitions.to_vec());
                self.assign(entry, *group, Owner { member, generation, partitions });
            }
            Event::Revoked { group, partitions, .. } | Event::Lost { group, partitions, .. } => {
                let owners = &mut self.groups.entry(*group).or_default().owners;
                if let Some(owner) = owners.get_mut(&entry.node) {
                    owner.partitions.retain(|place| !partitions.contains(place));
                }
            }
            // It does not know yet that it is fenced.
            Event::MemberReplaced { group, before, member } => {
                let group = self.groups.entry(*group).or_default();
                group.owners.retain(|_, owner| owner.member != *before);
                // It may come back itself.
                group.fenced.remove(member);
            }
            // It numbers generations anew. Who believes to be a member yet is a zombie.
            Event::GroupDeleted { group } => {
                let group = self.groups.entry(*group).or_default();
                group.owners.clear();
                group.ambiguous = Some(group.highest);
            }
            Event::ProcessStarted | Event::ProcessEnded(_) => self.end(entry.node),
            Event::Rebalanced { group, generation, .. } => {
                let group = self.groups.entry(*group).or_default();
                group.highest = group.highest.max(*generation);
                group.is_told = true;
            }
            Event::PartitionsReleased { group, member, generation, partitions } => {
                let released = &mut self.groups.entry(*group).or_default().released;
                released.extend(partitions.iter().map(|place| ((*member, *place), *generation)));
            }
            Event::MemberFenced { group, member, generation } => {
                let fenced = &mut self.groups.entry(*group).or_default().fenced;
                let last = fenced.entry(*member).or_insert(*generation);
                *last = (*last).max(*generation);
            }
            Event::LeaderElected { partition, leader, epoch, isr, unclean }
                if self.context.keeps_offsets(partition.topic) =>
            {
                self.elect(*partition, (*epoch, *leader), isr, *unclean);
            }
            Event::IsrChanged { partition, isr, .. }
                if self.context.keeps_offsets(partition.topic) =>
            {
                self.take_isr(*partition, isr);
            }
            Event::Appended { partition, next_offset, as_leader: true, .. }
                if self.context.keeps_offsets(partition.topic) =>
            {
                self.logs.of(*partition).end = Some(*next_offset);
            }
            Event::BecameLeader { partition, log_end, .. }
                if self.context.keeps_offsets(partition.topic) =>
            {
                self.lead(*partition, *log_end);
            }
            _ => {}
        }
    }

    fn conclude(self: Box<Self>) -> PropertyResult {
        self.report.finish()
    }
}

#[cfg(test)]
mod tests;
