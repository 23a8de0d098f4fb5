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

use crate::cause::LossCause;
use crate::context::Context;
use crate::elected::Elected;
use crate::history::{Entry, Event, PositionSource};
use crate::kind::Kind;
use crate::places::{GroupPlaces, Places};
use crate::report::{Report, instant};
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{
    BrokerId, GenerationId, GroupId, LeaderEpoch, NodeId, Offset, Timestamp, TopicId,
    TopicPartition,
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
    Kind::Positioned,
    Kind::LeaderElected,
    Kind::IsrChanged,
];

/// A partition of `__consumer_offsets`.
#[derive(Debug, Default)]
struct Log {
    /// Unclean elections so far.
    era: u32,
    /// The last of them.
    unclean: Option<(u64, Timestamp)>,
    elected: Elected,
}

impl Log {
    fn elect(
        &mut self,
        entry: &Entry,
        elected: (LeaderEpoch, Option<BrokerId>),
        isr: &[BrokerId],
        unclean: bool,
    ) {
        if unclean {
            self.era += 1;
            self.unclean = Some((entry.seq, entry.at));
        }
        self.elected.elect(elected, isr, unclean);
    }

    /// The unclean election that may have thrown `write` away.
    fn explains(&self, write: &Write) -> Option<Timestamp> {
        let Outcome::Acked { seq, .. } = write.outcome else { return None };
        let (elected, at) = self.unclean?;
        (elected > seq || write.by_deposed).then_some(at)
    }
}

/// The generation of a member. Fencing orders generations only as long as the coordinator forgets none,
/// so the number of unclean elections before goes with it. None: not on record.
type Generation = Option<(u32, GenerationId)>;

/// Whether `one` certainly came after `other`.
fn is_later(one: Generation, other: Generation) -> bool {
    match (one, other) {
        (Some((era, one)), Some((other_era, other))) => era == other_era && one > other,
        _ => false,
    }
}

/// What is known of a commit's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Pending,
    Unknown,
    Acked { seq: u64, at: Timestamp },
}

/// A commit of one partition. Having none is a commit of [`Offset::UNKNOWN`] before all others.
#[derive(Clone, Copy, Debug)]
struct Write {
    value: Offset,
    node: NodeId,
    generation: Generation,
    sent: u64,
    /// A coordinator that an unclean election deposed may have taken it.
    by_deposed: bool,
    outcome: Outcome,
}

impl Write {
    /// Whether it took effect for certain, and after `other`.
    fn follows(&self, other: &Self) -> bool {
        if !matches!(self.outcome, Outcome::Acked { .. }) {
            return false;
        }
        if matches!(other.outcome, Outcome::Acked { seq, .. } if self.sent > seq) {
            return true;
        }
        is_later(self.generation, other.generation)
    }

    fn acked_by(&self, seq: u64) -> bool {
        matches!(self.outcome, Outcome::Acked { seq: acked, .. } if acked <= seq)
    }
}

/// No member committed yet.
const NONE: Write = Write {
    value: Offset::UNKNOWN,
    node: NodeId(u16::MAX),
    generation: None,
    sent: 0,
    by_deposed: false,
    outcome: Outcome::Acked { seq: 0, at: Timestamp::START },
};

/// A member that was assigned the partition and has no position yet.
#[derive(Clone, Copy, Debug)]
struct Reader {
    node: NodeId,
    generation: Generation,
    since: u64,
}

/// The committed offset of a group in a partition.
#[derive(Debug)]
struct Register {
    /// Those that may still be read, or still wait for their answer.
    writes: Vec<Write>,
    readers: Vec<Reader>,
}

impl Default for Register {
    fn default() -> Self {
        Self { writes: vec![NONE], readers: Vec::new() }
    }
}

impl Register {
    /// The oldest commit of `node` like this that has no outcome: where two look alike, the older makes
    /// the weaker claim.
    fn pending(&self, node: NodeId, value: Offset) -> Option<usize> {
        self.writes.iter().position(|write| {
            (write.node, write.value, write.outcome) == (node, value, Outcome::Pending)
        })
    }

    /// Takes an acknowledgement that a member of `generation` hears. A commit that was sent after one of a
    /// later generation was acknowledged should have been refused: that one is returned.
    fn ack(
        &mut self,
        entry: &Entry,
        value: Offset,
        generation: Generation,
        by_deposed: bool,
    ) -> Option<Write> {
        let outcome = Outcome::Acked { seq: entry.seq, at: entry.at };
        let mut contradicted = None;
        if let Some(index) = self.pending(entry.node, value) {
            self.writes[index].outcome = outcome;
            self.writes[index].by_deposed |= by_deposed;
            let write = self.writes[index];
            contradicted =
                self.writes.iter().find(|one| one.follows(&write) && write.follows(one)).copied();
        } else if !self.is_over(generation, entry.seq) {
            let (node, sent) = (entry.node, entry.seq);
            self.writes.push(Write { value, node, generation, sent, by_deposed, outcome });
        }
        self.prune(entry.seq);
        contradicted
    }

    fn fail(&mut self, node: NodeId, value: Offset, maybe_written: bool) {
        let Some(index) = self.pending(node, value) else { return };
        if maybe_written {
            self.writes[index].outcome = Outcome::Unknown;
        } else {
            self.writes.remove(index);
        }
    }

    /// The commit that was certainly the later one when a read began at `since`.
    fn superseding(&self, write: &Write, since: u64) -> Option<Write> {
        self.writes.iter().rev().find(|one| one.acked_by(since) && one.follows(write)).copied()
    }

    /// Whether a commit of a later generation was acknowledged by then: a member of `generation` is a
    /// zombie, whose commits are refused from then on.
    fn is_over(&self, generation: Generation, by: u64) -> bool {
        self.writes.iter().any(|one| one.acked_by(by) && is_later(one.generation, generation))
    }

    /// `node` looks nothing up, or not any more.
    fn release(&mut self, node: NodeId) {
        self.readers.retain(|reader| reader.node != node);
    }

    /// `node` ended: nobody hears the answers to its commits and lookups.
    fn end(&mut self, node: NodeId) {
        self.release(node);
        for write in self.writes.iter_mut().filter(|write| write.node == node) {
            if write.outcome == Outcome::Pending {
                write.outcome = Outcome::Unknown;
            }
        }
    }

    /// Forgets what no read can find any more, neither one under way nor a later one. What waits for its
    /// answer stays: without it, the answer would look like a new commit. So does what came before it, which
    /// may say that it had to be refused.
    fn prune(&mut self, now: u64) {
        let reads = self.readers.iter().map(|reader| reader.since);
        let pending = self.writes.iter().filter(|write| write.outcome == Outcome::Pending);
        let oldest = reads.chain(pending.map(|write| write.sent)).min().unwrap_or(now);
        let mut index = 0;
        while index < self.writes.len() {
            let write = &self.writes[index];
            if write.outcome != Outcome::Pending && self.superseding(write, oldest).is_some() {
                self.writes.remove(index);
            } else {
                index += 1;
            }
        }
    }

    /// Takes the lookup of `node`, if one is under way: whether it proves something, and the commit
    /// that should have been found, if `found` is not legal.
    fn read(&mut self, node: NodeId, found: Offset, now: u64) -> Option<(bool, Option<Write>)> {
        let index = self.readers.iter().position(|reader| reader.node == node)?;
        let Reader { since, generation, .. } = self.readers.remove(index);
        if self.is_over(generation, since) {
            self.prune(now);
            return None;
        }
        let proves = self.writes.iter().any(|one| one.sent > 0 && one.acked_by(since));
        let legal = self
            .writes
            .iter()
            .any(|one| one.value == found && self.superseding(one, since).is_none());
        let mut latest = self.writes.iter().rev().filter(|one| one.acked_by(since));
        let expected = latest.find(|one| self.superseding(one, since).is_none()).copied();
        self.prune(now);
        Some((proves, expected.filter(|_| !legal)))
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
/// - A coordinator that moves keeps what was acknowledged (R9.6). One that lost a part of its log by
///   an unclean election does not, and one that such an election deposed acknowledges what nobody finds
///   again: reported, with the unclean election as cause.
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
    /// The partitions of `__consumer_offsets`.
    logs: Places<Log>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            registers: GroupPlaces::default(),
            generations: BTreeMap::new(),
            groups_with_sends: BTreeSet::new(),
            logs: Places::default(),
        }
    }

    fn resume(&mut self, entry: &Entry, group: GroupId, place: TopicPartition, found: Offset) {
        let register = self.registers.of(group, place);
        let Some((proves, expected)) = register.read(entry.node, found, entry.seq) else { return };
        if proves {
            self.report.judged(1);
        }
        let Some(expected) = expected else { return };
        // Else a commit may have taken effect that nobody lived to tell of.
        let complete = self.groups_with_sends.contains(&group);
        if !complete && (expected.value == Offset::UNKNOWN || found > expected.value) {
            return;
        }
        let (context, home) = (&self.context, self.context.home(group));
        let allowed = context.topics[home.topic.index()].unclean_leader_election;
        let unclean = self.logs.get(home).and_then(|log| log.explains(&expected));
        let unclean = unclean.filter(|_| allowed);
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
            let why = unclean.map_or_else(String::new, |at| {
                let (cause, log) = (LossCause::UncleanElection.about(), context.partition(home));
                format!(". {cause}, of {log} at {}", instant(at))
            });
            format!("{who} of {name} {found} in {place}, {instead}{why}")
        };
        match unclean {
            Some(at) => {
                let cause = (LossCause::UncleanElection, at);
                self.report.lost_commit(entry, cause, group, summary);
            }
            None => self.report.violated(entry, summary),
        }
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
        let home = self.home(group);
        // Two coordinators number generations of their own.
        let (is_alone, era) = (!home.elected.has_deposed(), home.era);
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
        let (node, seq) = (entry.node, entry.seq);
        match &entry.event {
            Event::Assigned { group, generation, partitions, .. } => {
                self.assign(entry, *group, *generation, partitions);
            }
            Event::Revoked { group, partitions, .. } | Event::Lost { group, partitions, .. } => {
                self.release(*group, node, partitions);
            }
            Event::ProcessEnded(_) => {
                let broker = self.context.broker(node);
                self.registers.values_mut().for_each(|register| register.end(node));
                self.logs.values_mut().for_each(|log| {
                    log.elected.end(broker);
                });
            }
            Event::CommitSent { group, offsets } => {
                self.groups_with_sends.insert(*group);
                let generation = self.generation(*group, node);
                let by_deposed = self.home(*group).elected.has_deposed();
                for &(place, value) in offsets.iter() {
                    let (sent, outcome) = (seq, Outcome::Pending);
                    let write = Write { value, node, generation, sent, by_deposed, outcome };
                    let register = self.registers.of(*group, place);
                    // Who commits has a position: it kept the partition, and looked nothing up.
                    register.release(node);
                    register.writes.push(write);
                }
            }
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
            Event::Positioned { group, partition, offset, source } => match source {
                PositionSource::Committed => self.resume(entry, *group, *partition, *offset),
                PositionSource::NoCommitEarliest | PositionSource::NoCommitLatest => {
                    self.resume(entry, *group, *partition, Offset::UNKNOWN);
                }
                PositionSource::OutOfRangeEarliest
                | PositionSource::OutOfRangeLatest
                | PositionSource::Truncated => {}
            },
            Event::LeaderElected { partition, leader, epoch, isr, unclean }
                if partition.topic == TopicId::CONSUMER_OFFSETS =>
            {
                self.logs.of(*partition).elect(entry, (*epoch, *leader), isr, *unclean);
            }
            Event::IsrChanged { partition, isr, .. }
                if partition.topic == TopicId::CONSUMER_OFFSETS =>
            {
                self.logs.of(*partition).elected.take_isr(isr);
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
