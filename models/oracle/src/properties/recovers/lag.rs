//! How far behind the groups are, and whether they were catching up. It judges nothing.
//!
//! A group's position in a partition is the lower of what it committed and what it processed without a
//! gap. A commit that its strategy does not owe yet is no lag ([`Position::owes`]). Offsets that hold no
//! record (transaction markers, what compaction took) are no lag either: a member that polls or commits
//! beyond all that the group was given passed them, and the final read tells what a log holds at all.

use super::behind::Behind;
use super::end::End;
use crate::context::{Context, GroupContext, Word};
use crate::gone::Gone;
use crate::history::{Entry, Event, PositionSource};
use crate::places::{GroupPlaces, Places};
use crate::ranges::Ranges;
use ackproof_types::{
    ErrorCode, GroupId, LeaderEpoch, Micros, NodeId, Offset, OffsetReset, Timestamp, TopicPartition,
};
use std::collections::BTreeMap;

/// A commit that is due is sent by the next poll, which comes within this time.
const POLL: Micros = Micros::from_secs(1);
/// Samples of all groups are thinned out beyond this number.
const SAMPLES: usize = 256;
/// The least distance of two samples.
const DISTANCE: Micros = Micros::from_millis(100);

/// Whether a member loses its partitions with this error. The next owner does the work again.
const fn is_fenced(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId
    )
}

/// How far a group has come in a partition.
#[derive(Debug, Default)]
struct Position {
    /// All below is processed, or was passed by a position that a member found; none: it never had a
    /// position.
    worked: Option<Offset>,
    /// What is processed above, or holds nothing that the group was given.
    ahead: Ranges,
    /// How far it had come before the log was cut: an unclean election may bring the longer log back.
    before_cut: Option<Offset>,
    /// One past the last that the group was given; none: no poll is on record.
    given: Option<Offset>,
    /// The commit that was acknowledged last, or a later position: what lies below it owes no commit.
    committed: Offset,
    acked: u64,
    /// Commits that have no outcome yet: who, what, since which entry.
    pending: Vec<(NodeId, Offset, u64)>,
    /// A commit that failed, and that the strategy does not repeat before there is more to commit.
    given_up: Option<Offset>,
    /// Who found its position last, and how far it has come since.
    owner: Option<NodeId>,
    next: Offset,
    /// Who came to all that is processed, and when; none: the owner has to do work again that others did.
    last: Option<(NodeId, Timestamp)>,
}

impl Position {
    fn found(&mut self, node: NodeId, offset: Offset) {
        self.worked = self.worked.max(Some(offset));
        self.committed = self.committed.max(offset);
        self.close_gaps();
        (self.owner, self.next) = (Some(node), offset);
        // Whoever did the work that lies above lost the partition before the commit.
        (self.last, self.given_up) = (None, None);
    }

    fn is_owner(&self, node: NodeId) -> bool {
        self.owner.is_none_or(|owner| owner == node)
    }

    /// A member polled what is from `base` to below `end`.
    fn poll(&mut self, base: Offset, end: Offset) {
        let worked = *self.worked.get_or_insert(base);
        let given = self.given.unwrap_or(worked).max(worked);
        self.pass(given, base);
        self.given = Some(given.max(end));
    }

    /// Between all that the group was given and `to` there was nothing for it, or it was skipped, which is
    /// no lag.
    fn pass(&mut self, given: Offset, to: Offset) {
        self.ahead.insert(given.0, to.0);
        self.close_gaps();
    }

    fn process(&mut self, entry: &Entry, offset: Offset) {
        let worked = self.worked.get_or_insert(offset);
        if offset == *worked {
            *worked = offset + 1;
            self.close_gaps();
        } else if offset > *worked {
            self.ahead.insert(offset.0, offset.0 + 1);
        }
        if self.is_owner(entry.node) {
            self.next = self.next.max(offset + 1);
            if self.worked.is_some_and(|worked| self.next >= worked) {
                self.last = Some((entry.node, entry.at));
            }
        }
    }

    fn close_gaps(&mut self) {
        if let Some(worked) = &mut self.worked {
            *worked = Offset(self.ahead.past(worked.0));
            self.ahead.forget(worked.0);
        }
    }

    /// What is at `offset` and above holds other records from now on.
    fn cut(&mut self, offset: Offset) {
        self.before_cut = self.before_cut.max(self.worked.filter(|worked| *worked > offset));
        self.worked = self.worked.map(|worked| worked.min(offset));
        self.given = self.given.map(|given| given.min(offset));
        self.next = self.next.min(offset);
        self.ahead.cut(offset.0);
    }

    /// The log that was cut is back, up to `end`.
    fn restore(&mut self, end: Offset) {
        let before = self.before_cut.take().map(|before| before.min(end));
        self.worked = self.worked.max(before);
        self.given = self.given.max(before);
        self.close_gaps();
    }

    fn answered(&mut self, node: NodeId, offset: Offset) -> Option<u64> {
        let same = |one: &(NodeId, Offset, u64)| (one.0, one.1) == (node, offset);
        let index = self.pending.iter().position(same)?;
        Some(self.pending.remove(index).2)
    }

    fn ack(&mut self, entry: &Entry, offset: Offset) {
        let sent = self.answered(entry.node, offset);
        // Only what was sent after the last answer is certainly the later commit: the answer to an
        // older one may be heard late.
        let later = sent.is_some_and(|sent| sent > self.acked);
        self.committed = if later { offset } else { self.committed.max(offset) };
        self.acked = entry.seq;
        // The answer to an older commit says nothing of a later one that failed.
        self.given_up = self.given_up.filter(|gave_up| *gave_up > offset);
        if let (Some(given), Some(worked)) = (self.given, self.worked) {
            self.pass(given.max(worked), offset);
        }
    }

    fn fail(&mut self, node: NodeId, offset: Offset, error: ErrorCode) {
        self.answered(node, offset);
        let gave_up = self.given_up.max(Some(offset));
        self.given_up = gave_up.filter(|_| !is_fenced(error));
    }

    fn refuse(&mut self) {
        self.given_up = self.worked;
    }

    /// Whether the group should have committed by now what it has processed.
    fn owes(&self, group: &Group, now: Timestamp) -> bool {
        let Some(worked) = self.worked.filter(|worked| *worked > self.committed) else {
            return false;
        };
        let busy = |node| group.in_hand.get(&node).is_some_and(|count| *count > 0);
        let Some((node, at)) = self.last else { return group.commits };
        let under_way =
            |&(node, offset, _): &(NodeId, Offset, u64)| self.is_owner(node) && offset >= worked;
        group.commits
            && !busy(node)
            && since(at, now) > group.interval + POLL
            && !self.pending.iter().any(under_way)
            && self.given_up.is_none_or(|offset| offset < worked)
    }

    fn at(&self, group: &Group, now: Timestamp) -> Option<Offset> {
        // Its work is not on record: its commits alone tell how far it has come.
        if group.is_silent() && group.commits {
            let known = self.worked.is_some() || self.committed > Offset(0);
            return known.then_some(self.committed);
        }
        let worked = self.worked?;
        Some(if self.owes(group, now) { self.committed } else { worked })
    }
}

/// A group.
#[derive(Debug)]
struct Group {
    /// Its commits are on record. Else it is measured by what it processed.
    commits: bool,
    /// Some of its work may stay uncommitted for good.
    tail: bool,
    /// How long after the work a commit is due.
    interval: Micros,
    /// Records that a member was given and has not processed.
    in_hand: BTreeMap<NodeId, usize>,
    /// It found a position, was given something or committed: it runs.
    runs: bool,
    /// It processed something.
    works: bool,
}

impl Group {
    fn new(context: &GroupContext) -> Self {
        let is_auto = matches!(context.commit, Word::Known(one) if one.is_automatic());
        let default = if is_auto { Micros::from_secs(5) } else { Micros::ZERO };
        Self {
            commits: context.commit_interval.is_some(),
            tail: context.leaves_a_tail(),
            interval: context.commit_interval.unwrap_or(default),
            in_hand: BTreeMap::new(),
            runs: false,
            works: false,
        }
    }

    fn has_committed(&mut self) {
        self.commits |= !self.tail;
    }

    /// It runs, but what it processes is not on record. One that never got anything is no such group: it
    /// has really done nothing.
    fn is_silent(&self) -> bool {
        self.runs && !self.works
    }
}

/// Records that the logs held, and those that a group was done with, at an instant.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) held: u64,
    pub(super) done: u64,
}

/// The groups' positions and the ends of the logs.
#[derive(Debug)]
pub(super) struct Lag {
    groups: Vec<Group>,
    positions: GroupPlaces<Position>,
    ends: Places<End>,
    samples: Vec<(Timestamp, Vec<Sums>)>,
    distance: Micros,
    /// Nobody is behind in a topic that is deleted.
    pub(super) gone: Gone,
}

impl Lag {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            groups: context.groups.iter().map(Group::new).collect(),
            positions: GroupPlaces::default(),
            ends: Places::default(),
            samples: Vec::new(),
            distance: DISTANCE,
            gone: Gone::default(),
        }
    }

    pub(super) fn observe(&mut self, entry: &Entry) {
        self.gone.observe(&entry.event);
        match &entry.event {
            Event::Acked { partition, base_offset, records, .. }
                if *base_offset != Offset::UNKNOWN =>
            {
                let end = self.ends.of(*partition);
                end.acked = end.acked.max(base_offset.plus(records.len()));
                end.heard = entry.at;
            }
            Event::HighWatermark { partition, epoch, offset } => {
                let end = self.ends.of(*partition);
                if *epoch >= end.epoch {
                    (end.epoch, end.high_watermark) = (*epoch, Some(*offset));
                    end.heard = entry.at;
                }
            }
            Event::BecameLeader { partition, epoch, log_end, .. } => {
                self.lead(*partition, *epoch, *log_end);
            }
            Event::FinalRead { partition, base_offset, records } => {
                let held = &mut self.ends.of(*partition).held;
                held.insert(base_offset.0, base_offset.plus(records.len()).0);
            }
            // What a log held in the end is told by whoever read it, where no leader did.
            Event::FinalReadDone { partition, end, .. } => {
                let known = self.ends.of(*partition);
                known.acked = known.acked.min(*end);
                known.read = Some(*end);
            }
            Event::ProcessEnded(_) => {
                for group in &mut self.groups {
                    group.in_hand.remove(&entry.node);
                }
                for position in self.positions.values_mut() {
                    position.pending.retain(|(node, ..)| *node != entry.node);
                }
            }
            _ => self.observe_group(entry),
        }
    }

    fn observe_group(&mut self, entry: &Entry) {
        let node = entry.node;
        match &entry.event {
            Event::Assigned { group, .. } => {
                self.groups[group.index()].in_hand.remove(&node);
            }
            // The next owner does again what was not committed, and commits it.
            Event::Revoked { group, partitions, .. } | Event::Lost { group, partitions, .. } => {
                for place in partitions.iter() {
                    self.positions.of(*group, *place).given_up = None;
                }
            }
            Event::Positioned { group, partition, offset, source } => {
                self.groups[group.index()].runs = true;
                // Who seeks has thrown away what it had in hand.
                if *source == PositionSource::Sought {
                    self.groups[group.index()].in_hand.remove(&node);
                }
                self.positions.of(*group, *partition).found(node, *offset);
            }
            Event::Polled { group, partition, base_offset, records } => {
                self.groups[group.index()].runs = true;
                *self.groups[group.index()].in_hand.entry(node).or_default() += records.len();
                let end = base_offset.plus(records.len());
                self.positions.of(*group, *partition).poll(*base_offset, end);
            }
            Event::Processed { group, partition, offset, .. }
            | Event::GaveUp { group, partition, offset, .. } => {
                self.groups[group.index()].works = true;
                if let Some(count) = self.groups[group.index()].in_hand.get_mut(&node) {
                    *count = count.saturating_sub(1);
                }
                self.positions.of(*group, *partition).process(entry, *offset);
            }
            Event::CommitSent { group, offsets } => {
                self.groups[group.index()].has_committed();
                for &(place, offset) in offsets.iter() {
                    let position = self.positions.of(*group, place);
                    position.pending.push((node, offset, entry.seq));
                    position.given_up = None;
                }
            }
            Event::Committed { group, offsets } => {
                self.groups[group.index()].runs = true;
                self.groups[group.index()].has_committed();
                for &(place, offset) in offsets.iter() {
                    self.positions.of(*group, place).ack(entry, offset);
                }
            }
            Event::CommitFailed { group, offsets, error, .. } => {
                self.groups[group.index()].has_committed();
                for &(place, offset) in offsets.iter() {
                    self.positions.of(*group, place).fail(node, offset, *error);
                }
                // The client refused what was to be committed of all that it has.
                if offsets.is_empty() && !is_fenced(*error) {
                    let all = self.positions.of_group_mut(*group);
                    all.filter(|one| one.owner == Some(node)).for_each(Position::refuse);
                }
            }
            _ => {}
        }
    }

    /// A leader that was replaced is heard no more. One that has less than its forerunner cut the log: what
    /// lay above is gone, unless a later one has it all again.
    fn lead(&mut self, place: TopicPartition, epoch: LeaderEpoch, log_end: Offset) {
        let end = self.ends.of(place);
        if epoch < end.epoch || (epoch == end.epoch && end.high_watermark.is_some()) {
            return;
        }
        end.epoch = epoch;
        let before = end.high_watermark;
        if let Some(cut) = end.before_cut.filter(|cut| before < Some(*cut) && log_end >= *cut) {
            end.before_cut = None;
            self.positions.all_of(place).for_each(|position| position.restore(cut));
        }
        if before > Some(log_end) {
            end.before_cut = end.before_cut.max(before);
        }
        end.high_watermark = before.map(|offset| offset.min(log_end));
        self.positions.all_of(place).for_each(|position| position.cut(log_end));
    }

    /// Keeps where the groups stood before an entry at `now`, if the last sample is long ago.
    pub(super) fn sample(&mut self, context: &Context, now: Timestamp) {
        if let Some((last, _)) = self.samples.last()
            && since(*last, now) < self.distance
        {
            return;
        }
        if self.samples.len() == SAMPLES {
            let mut keep = false;
            self.samples.retain(|_| {
                keep = !keep;
                keep
            });
            self.distance = Micros(self.distance.0 * 2);
        }
        let sums = groups(context).map(|(id, group)| self.sums(id, group, now)).collect();
        self.samples.push((now, sums));
    }

    /// Where `group` stood at `at`, as far as that was kept.
    pub(super) fn back(&self, group: GroupId, at: Timestamp) -> Option<Sums> {
        let (_, sums) = self.samples.iter().find(|(one, _)| one.as_micros() >= at.as_micros())?;
        sums.get(group.index()).copied()
    }

    /// Where `group` stands.
    pub(super) fn sums(&self, id: GroupId, group: &GroupContext, now: Timestamp) -> Sums {
        let mut sums = Sums::default();
        for (place, end) in self.logs(group) {
            let at = self.at(id, place, now).unwrap_or(Offset(0)).min(end);
            sums.held += u64::try_from(end.0).unwrap_or(0);
            sums.done += u64::try_from(at.0).unwrap_or(0);
        }
        sums
    }

    /// Logs of `group` that hold something, and their ends.
    pub(super) fn logs(
        &self,
        group: &GroupContext,
    ) -> impl Iterator<Item = (TopicPartition, Offset)> {
        let ends = self.ends.iter().map(|(place, end)| (place, end.offset()));
        ends.filter(|(place, end)| {
            *end > Offset(0)
                && group.topics.contains(&place.topic.name())
                && !self.gone.has(place.topic)
        })
    }

    /// Whether nothing on record tells how far the group has come.
    pub(super) fn is_untold(&self, id: GroupId) -> bool {
        let group = &self.groups[id.index()];
        group.is_silent() && !group.commits
    }

    fn at(&self, id: GroupId, place: TopicPartition, now: Timestamp) -> Option<Offset> {
        self.positions.get(id, place)?.at(&self.groups[id.index()], now)
    }

    /// Takes out of `behind` what lies beyond the end that a reader found, where no leader told of one, and
    /// what holds no record.
    pub(super) fn cap(&self, behind: Vec<Behind>) -> Vec<Behind> {
        let known = |mut one: Behind| {
            if let Some(end) = self.ends.get(one.place) {
                one.end = one.end.min(end.offset());
                // Without its final read, all that it may hold counts.
                one.know(&end.held, end.read.unwrap_or(Offset(0)));
            }
            one
        };
        behind.into_iter().map(known).filter(|one| one.records > 0).collect()
    }

    /// Where `group` has not reached the end.
    pub(super) fn behind(&self, id: GroupId, group: &GroupContext, now: Timestamp) -> Vec<Behind> {
        let behind = self.logs(group).map(|(place, end)| {
            let at = self.at(id, place, now);
            let mut behind = Behind::new(place, at, end);
            if let Some(position) = self.positions.get(id, place) {
                behind.worked = position.worked.unwrap_or(Offset(0));
                // A commit that is owed passes nothing that comes later.
                if at == position.worked {
                    behind.ahead = position.ahead.clone();
                }
            }
            behind
        });
        let is_behind = |one: &Behind| one.at.is_none_or(|at| at < one.end);
        behind.filter(|one| is_behind(one) && !self.is_too_old(id, group, one.place, now)).collect()
    }

    /// Whether all that a log holds is older than the duration by which a group without a commit begins: then
    /// its members have no position there, and are to have none.
    fn is_too_old(
        &self,
        id: GroupId,
        group: &GroupContext,
        place: TopicPartition,
        now: Timestamp,
    ) -> bool {
        let Word::Known(OffsetReset::ByDuration(length)) = group.reset else { return false };
        let is_old = self.ends.get(place).is_some_and(|end| since(end.heard, now) > length);
        is_old && self.positions.get(id, place).is_none_or(|position| position.acked == 0)
    }
}

/// From `earlier` to `later`.
pub(super) fn since(earlier: Timestamp, later: Timestamp) -> Micros {
    Micros(later.as_micros().saturating_sub(earlier.as_micros()))
}

/// The groups of a context with their ids.
pub(super) fn groups(context: &Context) -> impl Iterator<Item = (GroupId, &GroupContext)> {
    (0..).map(GroupId).zip(&context.groups)
}
