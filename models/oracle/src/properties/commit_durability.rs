//! `commit-durability`: the committed offset that a member resumes from is the one that took effect last
//! of those acknowledged before it asked, or one that may have come after; and no commit of an older
//! generation is accepted after one of a later.
//!
//! Source: bug corpus §10.2 AckedCommitDurable. A witness is a lookup made after a commit was
//! acknowledged: a run in which nobody resumed from a commit judges nothing. It does *not* speak of
//! resets because a log was cut, nor of lookups without `Assigned` on record. Without `CommitSent` on
//! record an acknowledgement stands for the whole commit, and a lookup that finds more is legal: a member
//! may have ended before it told of its last one. What is legal, and what cannot fool it, is told at
//! [`Checker`]. Keeps the commits that may still be read. Broken on purpose by
//! `commit-ack-before-replication`.

mod register;

use self::register::{Generation, Outcome, Reader, Register, Write};
use crate::cause::LossCause;
use crate::context::Context;
use crate::elected::Elected;
use crate::gone::Gone;
use crate::history::{Entry, Event, PositionSource};
use crate::kind::Kind;
use crate::places::{GroupPlaces, Places};
use crate::report::{Report, instant};
use crate::tails::Tails;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::words::plural;
use ackproof_types::{
    BrokerId, GenerationId, GroupId, LeaderEpoch, NodeId, Offset, Timestamp, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Assigned,
    Kind::Revoked,
    Kind::Lost,
    Kind::ProcessEnded,
    Kind::CommitSent,
    Kind::Committed,
    Kind::CommitFailed,
    Kind::OffsetsExpired,
    Kind::TopicDeleted,
    Kind::Rebalanced,
    Kind::CoordinatorLoaded,
    Kind::ProcessStarted,
    Kind::GroupDeleted,
    Kind::Positioned,
    Kind::LeaderElected,
    Kind::IsrChanged,
    Kind::TailLost,
];

/// A partition of `__consumer_offsets`.
#[derive(Debug, Default)]
struct Log {
    /// Elections so far by which commits may be lost.
    era: u32,
    /// The last unclean one.
    unclean: Option<(u64, Timestamp)>,
    /// The last one of a broker that had lost its end of the log.
    shorter: Option<(u64, Timestamp, LossCause)>,
    lost: Tails,
    elected: Elected,
}

impl Log {
    fn elect(
        &mut self,
        entry: &Entry,
        elected: (LeaderEpoch, Option<BrokerId>),
        (isr, unclean): (&[BrokerId], bool),
        context: &Context,
    ) {
        let without = elected.1.and_then(|leader| self.lost.any(context.process(leader)));
        if unclean {
            self.unclean = Some((entry.seq, entry.at));
        }
        if let Some(cause) = without {
            self.shorter = Some((entry.seq, entry.at, cause));
        }
        self.era += u32::from(unclean || without.is_some());
        if let Some(leader) = elected.1 {
            self.lost.lead(context.process(leader));
        }
        self.elected.elect(elected, isr, unclean);
    }

    fn take_isr(&mut self, before: &[BrokerId], isr: &[BrokerId], context: &Context) {
        self.lost.take_isr(before, isr, context);
        self.elected.take_isr(isr);
    }

    /// The election that may have thrown `write` away; an unclean one only where it is `allowed`.
    fn explains(&self, write: &Write, allowed: bool) -> Option<(LossCause, Timestamp)> {
        let Outcome::Acked { seq, .. } = write.outcome else { return None };
        let unclean = self.unclean.filter(|(elected, _)| *elected > seq || write.by_deposed);
        let shorter = self.shorter.filter(|(elected, ..)| *elected > seq);
        let unclean = unclean.filter(|_| allowed).map(|(_, at)| (LossCause::UncleanElection, at));
        unclean.or(shorter.map(|(_, at, cause)| (cause, at)))
    }
}

/// A group's commit of a partition is a register: commits write it, a member that was assigned the
/// partition reads it, some time between `Assigned` and `Positioned` (the answer may be slow); a write
/// takes place between `CommitSent` and `Committed`. A value is legal unless some acknowledged commit
/// certainly followed it before the read began. What follows from the rules:
/// - A commit of unknown outcome may take effect late (R9.4), until a member of a later generation
///   commits: the coordinator refuses what comes of an older one (R9.10). A refused one never does. With
///   `group.protocol=consumer` each member has an epoch of its own, and a commit of one that has lost the
///   partition may still be accepted (R9.36).
/// - Commits under way together may take effect in either order (R8.15), and one that is repeated
///   after another goes back (F25): legal, the last in log order wins (R9.12).
/// - An OffsetFetch may show a commit that is not acknowledged yet (R9.5).
/// - Without members commits expire (R9.37): from `OffsetsExpired` on none may be found, until one is
///   acknowledged that was sent after it. A group that was deleted numbers its generations anew. A coordinator
///   that lets them expire while the group that it numbered last has members is wrong.
/// - A coordinator that moves keeps what was acknowledged (R9.6). One that lost a part of its log by
///   an unclean election, or with its power or its disk, does not, and one that such an election deposed
///   acknowledges what nobody finds again: reported, with the election or the loss as cause.
///
/// What cannot fool it. *A late answer*: a commit takes effect between its sending and its answer, so an
/// answer that is heard after later commits makes nothing new of it. Its sending is kept until the answer
/// comes. *A deposed coordinator* answers lookups from what it had when it was cut off. Only a member whose
/// generation was replicated before (R9.18) asks it. As soon as a later generation has committed, such a
/// member is a zombie, and its lookup is not judged. *A restart*: what a process had sent when it ended has an
/// unknown outcome for good, and is not taken for a commit of its next life. An unclean election of the
/// coordinator's log may number generations anew, so those before it and after it are not compared.
#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    registers: GroupPlaces<Register>,
    generations: BTreeMap<(GroupId, NodeId), (u32, GenerationId)>,
    /// Groups whose commits are on record when they are sent.
    groups_with_sends: BTreeSet<GroupId>,
    /// How often each group was deleted.
    deleted: BTreeMap<GroupId, u32>,
    /// How many members each coordinator counted last, since it took over.
    members: BTreeMap<(NodeId, GroupId), u16>,
    /// The partitions of `__consumer_offsets`.
    logs: Places<Log>,
    gone: Gone,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            registers: GroupPlaces::default(),
            generations: BTreeMap::new(),
            groups_with_sends: BTreeSet::new(),
            deleted: BTreeMap::new(),
            members: BTreeMap::new(),
            logs: Places::default(),
            gone: Gone::default(),
        }
    }

    fn resume(&mut self, entry: &Entry, group: GroupId, place: TopicPartition, found: Offset) {
        let register = self.registers.of(group, place);
        let Some((proves, expected)) = register.read(entry.node, found, entry.seq) else { return };
        if proves {
            self.report.judged(1);
        }
        let Some(expected) = expected else { return };
        // Who asks for a deleted topic gets what is of the name by now.
        if self.gone.has(place.topic) || self.is_carried(group, place, found) {
            return;
        }
        // Else a commit may have taken effect that nobody lived to tell of.
        let complete = self.groups_with_sends.contains(&group);
        if !complete && (expected.value == Offset::UNKNOWN || found > expected.value) {
            return;
        }
        let (context, home) = (&self.context, self.context.home(group));
        let allowed = context.topics[home.topic.index()].unclean_leader_election;
        let why = self.logs.get(home).and_then(|log| log.explains(&expected, allowed));
        let summary = || {
            let (name, place) = (context.group(group), context.partition(place));
            let who = context.node(entry.node);
            let found = if found == Offset::UNKNOWN {
                "found no commit".to_owned()
            } else {
                format!("resumed at offset {found}")
            };
            let instead = match expected.outcome {
                Outcome::Acked { at, .. } if expected.value != Offset::UNKNOWN => format!(
                    "although {} had its commit of {} acknowledged at {}",
                    context.node(expected.node),
                    expected.value,
                    instant(at)
                ),
                _ => "which no member committed".to_owned(),
            };
            let because = why.map_or_else(String::new, |(cause, at)| {
                format!(". {}, of {} at {}", cause.about(), context.partition(home), instant(at))
            });
            format!("{who} of {name} {found} in {place}, {instead}{because}")
        };
        match why {
            Some(cause) => self.report.lost_commit(entry, cause, group, summary),
            None => self.report.violated(entry, summary),
        }
    }

    /// Whether a member committed this in a deleted topic of the same name: coordinators go by names, and take what
    /// is late for a commit in the topic that has the name now.
    fn is_carried(&self, group: GroupId, place: TopicPartition, found: Offset) -> bool {
        let before = (0..place.topic.life()).filter_map(|life| place.topic.in_life(life));
        let mut before = before.map(|topic| TopicPartition::new(topic, place.partition));
        before.any(|place| {
            let register = self.registers.get(group, place);
            register.is_some_and(|one| one.writes.iter().any(|write| write.value == found))
        })
    }

    /// A commit was accepted that the coordinator had to refuse.
    fn overruled(
        &mut self,
        entry: &Entry,
        group: GroupId,
        place: TopicPartition,
        value: Offset,
        later: &Write,
    ) {
        let context = &self.context;
        self.report.violated(entry, || {
            let (who, other) = (context.node(entry.node), context.node(later.node));
            let (name, place) = (context.group(group), context.partition(place));
            format!(
                "{who} had its commit of {place} at {value} acknowledged after {other} of a later \
                 generation of {name} had committed {}",
                later.value
            )
        });
    }

    /// The log that keeps the commits of `group`.
    fn home(&mut self, group: GroupId) -> &mut Log {
        self.logs.of(self.context.home(group))
    }

    fn generation(&self, group: GroupId, node: NodeId) -> Generation {
        self.generations.get(&(group, node)).copied()
    }

    /// A member is assigned partitions, and looks up where to resume.
    fn assign(
        &mut self,
        entry: &Entry,
        group: GroupId,
        generation: GenerationId,
        places: &[TopicPartition],
    ) {
        let (node, since) = (entry.node, entry.seq);
        let deleted = self.deleted.get(&group).copied().unwrap_or(0);
        let home = self.home(group);
        // Two coordinators number generations of their own.
        let (is_alone, era) = (!home.elected.has_deposed(), home.era + deleted);
        // The epochs of a consumer group's members order nothing: each is held against its own (R9.12, R9.36).
        let is_classic = self.context.is_classic(group);
        if generation == GenerationId::UNKNOWN || !is_alone || !is_classic {
            self.generations.remove(&(group, node));
        } else {
            self.generations.insert((group, node), (era, generation));
        }
        let generation = self.generation(group, node);
        for place in places {
            let register = self.registers.of(group, *place);
            register.release(node);
            register.readers.push(Reader { node, generation, since });
        }
    }

    /// What becomes of a log that keeps commits.
    fn of_coordinator(&mut self, entry: &Entry) {
        let node = entry.node;
        match &entry.event {
            Event::LeaderElected { partition, leader, epoch, isr, unclean }
                if self.context.keeps_offsets(partition.topic) =>
            {
                let log = self.logs.of(*partition);
                log.elect(entry, (*epoch, *leader), (isr, *unclean), &self.context);
            }
            Event::IsrChanged { partition, before, isr }
                if self.context.keeps_offsets(partition.topic) =>
            {
                self.logs.of(*partition).take_isr(before, isr, &self.context);
            }
            Event::TailLost { partition, from, to, by }
                if self.context.keeps_offsets(partition.topic) =>
            {
                self.logs.of(*partition).lost.lose(node, *by, (*from, *to));
            }
            _ => {}
        }
    }

    fn send(&mut self, entry: &Entry, group: GroupId, offsets: &[(TopicPartition, Offset)]) {
        let (node, sent) = (entry.node, entry.seq);
        self.groups_with_sends.insert(group);
        let generation = self.generation(group, node);
        let by_deposed = self.home(group).elected.has_deposed();
        for &(place, value) in offsets {
            let outcome = Outcome::Pending;
            let write = Write { value, node, generation, sent, by_deposed, outcome };
            let register = self.registers.of(group, place);
            // Who commits has a position: it kept the partition, and looked nothing up.
            register.release(node);
            register.writes.push(write);
        }
    }

    fn expire(&mut self, entry: &Entry, group: GroupId, places: &[TopicPartition]) {
        for place in places {
            self.registers.of(group, *place).expire(entry.seq);
        }
        let members = self.members.get(&(entry.node, group)).copied().unwrap_or(0);
        let context = &self.context;
        let topics = &context.groups[group.index()].topics;
        if members > 0 && places.iter().any(|place| topics.contains(&place.topic.name())) {
            self.report.violated(entry, || {
                let (who, name) = (context.node(entry.node), context.group(group));
                let members = plural(u64::from(members), "member");
                format!("{who} let offsets of {name} expire, which had {members}")
            });
        }
    }

    /// What groups had committed there goes with the topic, or stays where a coordinator missed it.
    fn forget(&mut self, entry: &Entry, all: impl Iterator<Item = TopicPartition>) {
        for place in all {
            for group in (0..).map(GroupId).take(self.context.groups.len()) {
                self.registers.of(group, place).expire(entry.seq);
            }
        }
    }

    fn release(&mut self, group: GroupId, node: NodeId, places: &[TopicPartition]) {
        for place in places {
            self.registers.of(group, *place).release(node);
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        let node = entry.node;
        match &entry.event {
            Event::Assigned { group, generation, partitions, .. } => {
                self.assign(entry, *group, *generation, partitions);
            }
            Event::Revoked { group, partitions, .. } | Event::Lost { group, partitions, .. } => {
                self.release(*group, node, partitions);
            }
            Event::ProcessEnded(_) => {
                self.members.retain(|(coordinator, _), _| *coordinator != node);
                let broker = self.context.broker(node);
                self.registers.values_mut().for_each(|register| register.end(node));
                self.logs.values_mut().for_each(|log| {
                    log.elected.end(broker);
                });
            }
            Event::CommitSent { group, offsets } => self.send(entry, *group, offsets),
            Event::Committed { group, offsets } => {
                let generation = self.generation(*group, node);
                let by_deposed = self.home(*group).elected.has_deposed();
                for &(place, value) in offsets.iter() {
                    let register = self.registers.of(*group, place);
                    let later = register.ack(entry, value, generation, by_deposed);
                    if let Some(later) = later {
                        self.overruled(entry, *group, place, value, &later);
                    }
                }
            }
            Event::CommitFailed { group, offsets, maybe_written, .. } => {
                for &(place, value) in offsets.iter() {
                    self.registers.of(*group, place).fail(node, value, *maybe_written);
                }
            }
            Event::TopicDeleted { topic, partitions } => {
                self.gone.observe(&entry.event);
                let all = (0..*partitions).map(|number| TopicPartition::new(*topic, number));
                self.forget(entry, all);
            }
            Event::OffsetsExpired { group, partitions } => self.expire(entry, *group, partitions),
            Event::Rebalanced { group, members, .. } => {
                self.members.insert((node, *group), *members);
            }
            Event::CoordinatorLoaded { .. } | Event::ProcessStarted => {
                self.members.retain(|(coordinator, _), _| *coordinator != node);
            }
            Event::GroupDeleted { group } => *self.deleted.entry(*group).or_default() += 1,
            Event::Positioned { group, partition, offset, source } => match source {
                PositionSource::Committed => self.resume(entry, *group, *partition, *offset),
                PositionSource::NoCommitEarliest
                | PositionSource::NoCommitLatest
                | PositionSource::NoCommitByDuration => {
                    self.resume(entry, *group, *partition, Offset::UNKNOWN);
                }
                PositionSource::OutOfRangeEarliest
                | PositionSource::OutOfRangeLatest
                | PositionSource::OutOfRangeByDuration
                | PositionSource::Truncated
                | PositionSource::Sought
                | PositionSource::Kept => {}
            },
            Event::LeaderElected { .. } | Event::IsrChanged { .. } | Event::TailLost { .. } => {
                self.of_coordinator(entry);
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
