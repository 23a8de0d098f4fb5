//! `at-least-once`: every acknowledged record of the final log was processed (or dead-lettered) by
//! every group subscribed to its topic.
//!
//! Source: bug corpus §10.2 NoSkip. A witness is an acknowledged record of a final log and a group that
//! should have it. It does *not* speak of records that the log lost (`acked-durability`), of `acks=0`,
//! nor of how often or in which order a record was processed. Records below a start that
//! `auto.offset.reset=latest` chose are demanded: that loss is the configuration's. Each skip names
//! its cause. Backlog is no loss. What retention deletes before a group has processed it is demanded too, and what is deleted with its
//! topic: that loss is the configuration's as well, or the administrator's. What cannot fool it, and what goes over to another cluster, is told at
//! [`Checker`]. Judged only in a complete history (`phase` `end`) with a settle phase, in which the group processed
//! something: elsewhere what was not processed may only not be on record. Keeps three bits a record, a line a
//! resumption. Broken on purpose by commit-before-processing strategies and `reset=latest`.

use crate::commits::{Attempts, CommitEnd};
use crate::context::Context;
use crate::copies::Copies;
use crate::history::{Entry, Event, Phase, PositionSource, ProcessEnd};
use crate::kind::Kind;
use crate::partitions::Partitions;
use crate::places::{GroupPlaces, Places};
use crate::record_set::RecordSet;
use crate::report::Report;
use crate::superseded::Superseded;
use crate::verdict::{Property, PropertyResult, Subject};
use ackproof_types::{GroupId, LeaderEpoch, Offset, RecordId, Timestamp, TopicId, TopicPartition};
use deleted::{Deleted, Gone};
use progress::Progress;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use why::{deleted_words, explain, waiting, words};

mod deleted;
mod progress;
mod why;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Phase,
    Kind::Sent,
    Kind::ProcessEnded,
    Kind::Acked,
    Kind::Assigned,
    Kind::Revoked,
    Kind::Lost,
    Kind::Positioned,
    Kind::Polled,
    Kind::Processed,
    Kind::GaveUp,
    Kind::CommitSent,
    Kind::Committed,
    Kind::CommitFailed,
    Kind::OffsetsExpired,
    Kind::FinalRead,
    Kind::FinalReadDone,
    Kind::BecameLeader,
    Kind::PartitionsAdded,
    Kind::TopicCreated,
    Kind::Derived,
    Kind::GroupMoved,
    Kind::LogStartMoved,
    Kind::TopicDeleted,
];

/// A record of a final log that a group had not processed when it was read.
#[derive(Debug)]
struct Open {
    seq: u64,
    at: Timestamp,
    group: GroupId,
    partition: TopicPartition,
    offset: Offset,
    id: RecordId,
}

/// The cause of a skip is told by the first position past the record that the group resumed from. A record
/// that the group had not come to when the run ended is backlog: with it, and nothing passed over, there is
/// no conclusion, and `recovers` says whether the group was catching up.
///
/// What cannot fool it. *A stale leader*: what lies above a cut is another record than the one that was
/// processed there. *A late message*: processing counts whoever does it and however late, a zombie's too;
/// but where the group stands is decided by the member that found its position last, not by a zombie's work.
/// *Another cluster*: what a group had not processed when it went over (`group_moved`) is demanded, as a copy, of the
/// group that stands for it there, and of nobody what was processed before; that all is copied, others judge.
/// *A restart*: a member that starts again finds its position anew, lower than before or not; what lies at it
/// or beyond is to come, whatever another one had reached.
#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    partitions: Partitions,
    acked: RecordSet,
    read: RecordSet,
    groups: Vec<Group>,
    progress: GroupPlaces<Progress>,
    copies: Copies,
    attempts: Attempts,
    epochs: Places<LeaderEpoch>,
    open: Vec<Open>,
    deleted: Deleted,
    superseded: Superseded,
    settled: bool,
    /// The final read began.
    is_over: bool,
    ended: bool,
}

/// A group.
#[derive(Debug, Default)]
struct Group {
    processed: RecordSet,
    /// It processed something.
    works: bool,
    /// Partitions were assigned in it.
    runs: bool,
    /// Records that it should have.
    demanded: usize,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            partitions: Partitions::new(context),
            acked: RecordSet::default(),
            read: RecordSet::default(),
            groups: context.groups.iter().map(|_| Group::default()).collect(),
            progress: GroupPlaces::default(),
            copies: Copies::new(context),
            attempts: Attempts::default(),
            epochs: Places::default(),
            open: Vec::new(),
            deleted: Deleted::default(),
            superseded: Superseded::default(),
            settled: false,
            is_over: false,
            ended: false,
        }
    }

    /// Who owns what, and where it begins.
    fn own(&mut self, entry: &Entry) {
        match &entry.event {
            Event::ProcessEnded(how) => {
                let clean = *how == ProcessEnd::Clean;
                let end = if clean { CommitEnd::Closed } else { CommitEnd::WorkedOn };
                self.progress.values_mut().for_each(|one| {
                    one.standing.leave(entry.node);
                    one.after_commit(entry.node, end);
                });
            }
            Event::Assigned { group, partitions, .. } => {
                self.groups[group.index()].runs = true;
                for partition in partitions.iter() {
                    self.progress.of(*group, *partition).standing.assign(entry.node);
                }
            }
            Event::Revoked { group, partitions, .. } | Event::Lost { group, partitions, .. } => {
                for partition in partitions.iter() {
                    self.progress.of(*group, *partition).standing.leave(entry.node);
                }
            }
            Event::Positioned { group, partition, offset, source: PositionSource::Sought } => {
                let progress = self.progress.of(*group, *partition);
                progress.standing.resume(entry.node, *offset);
                progress.go_back(*offset);
            }
            Event::Positioned { group, partition, offset, source } => {
                self.progress.of(*group, *partition).resume(entry, *offset, *source);
            }
            _ => {}
        }
    }

    fn commit(&mut self, entry: &Entry, group: GroupId, offsets: &[(TopicPartition, Offset)]) {
        let attempt = self.attempts.of(entry, group);
        for (partition, offset) in offsets {
            self.progress.of(group, *partition).commit(entry, *offset, attempt);
        }
    }

    /// A leadership begins with a log that ends there.
    fn led(&mut self, partition: TopicPartition, epoch: LeaderEpoch, log_end: Offset) {
        let led = self.epochs.of(partition);
        if epoch > *led {
            *led = epoch;
            self.progress.all_of(partition).for_each(|progress| progress.cut(log_end));
        }
    }

    /// The topic has so many partitions from here on; groups that run come to the new ones later.
    fn add(&mut self, topic: TopicId, partitions: u16) {
        let first = self.partitions.of(topic);
        self.found_later(topic, first..partitions);
    }

    /// Groups that run come to these partitions of a topic later than they are there.
    fn found_later(&mut self, topic: TopicId, numbers: Range<u16>) {
        self.partitions.grow(topic, numbers.end);
        for (group, _) in (0..).map(GroupId).zip(&self.groups).filter(|(_, group)| group.runs) {
            for number in numbers.clone() {
                self.progress.of(group, TopicPartition::new(topic, number)).is_added = true;
            }
        }
    }

    /// The final read shows each group what lies at `offset`.
    fn meet(&mut self, partition: TopicPartition, offset: Offset, id: RecordId) {
        for ((info, one), group) in
            self.context.groups.iter().zip(&self.groups).zip((0..).map(GroupId))
        {
            if info.topics.contains(&partition.topic.name()) {
                let is_processed = one.processed.contains(id);
                self.progress.of(group, partition).standing.found(offset, id, is_processed);
            }
        }
    }

    /// Whether the group has processed the record, or another copy of it, here or before it came here.
    fn is_done(&self, group: GroupId, id: RecordId) -> bool {
        let has = |group: GroupId, id| self.groups[group.index()].processed.contains(id);
        let origin = self.copies.origin(id);
        let before = self.copies.came_from(group);
        has(group, id)
            || before.is_some_and(|before| {
                let was_passed = self.copies.has_passed(before, origin);
                has(group, origin) || has(before, origin) || was_passed
            })
    }

    /// Whether a record is the group's to process: one whose application has gone answers for what it passed over.
    fn is_due(&self, open: &Open) -> bool {
        if self.copies.has_left(open.group) {
            self.copies.has_passed(open.group, open.id)
        } else {
            !self.copies.is_excused(open.group)
        }
    }

    /// Notes what groups had passed over when their applications went.
    fn note_passed(&mut self) {
        let Self { open, copies, progress, .. } = self;
        for one in open.iter() {
            let progress = progress.get(one.group, one.partition);
            let is_past = progress.is_some_and(|progress| progress.standing.passed(one.offset));
            if is_past && copies.has_left(one.group) {
                copies.pass(one.group, one.id);
            }
        }
    }

    /// Records are deleted: who should have them and has not may still have them in hand.
    fn delete(&mut self, entry: &Entry) {
        if let Event::FinalReadDone { partition, end, .. } = &entry.event {
            self.progress.all_of(*partition).for_each(|one| one.standing.read_to(*end));
        }
        let gone = self.deleted.observe(entry);
        self.keep(gone);
    }

    fn delete_topic(&mut self, entry: &Entry, topic: TopicId) {
        let all = self.partitions.all(topic).collect();
        let gone = self.deleted.delete_topic(entry, all);
        self.keep(gone);
    }

    fn keep(&mut self, gone: Vec<Gone>) {
        for gone in gone {
            for (group, info) in (0..).map(GroupId).zip(&self.context.groups) {
                let is_processed = self.groups[group.index()].processed.contains(gone.id);
                if info.topics.contains(&gone.partition.topic.name()) && !is_processed {
                    let progress = self.progress.of(group, gone.partition);
                    self.deleted.keep(group, gone, progress);
                }
            }
        }
    }

    /// What groups had not processed of what is deleted at the end; it is demanded of them.
    fn demand_deleted(&mut self) -> Vec<(Open, Gone)> {
        let late = self.deleted.acked_late();
        self.keep(late);
        let mut all = self.deleted.unread();
        // What is in a log at the end was not deleted there.
        all.retain(|(open, _)| self.acked.contains(open.id) && !self.read.contains(open.id));
        for (open, _) in &all {
            self.groups[open.group.index()].demanded += 1;
        }
        all
    }

    /// Tells of what was deleted before its group had read it.
    fn judge_deleted(&mut self, all: Vec<(Open, Gone)>) {
        for (open, gone) in &all {
            let works = self.groups[open.group.index()].works;
            if !works || !self.is_due(open) || self.is_done(open.group, open.id) {
                continue;
            }
            let progress = self.progress.get(open.group, open.partition);
            let why = explain(&self.context, open, progress);
            let (partition, offset) = (open.partition, open.offset);
            let (record, group) = (open.id, Some(open.group));
            let subject = Subject { record, partition, offset, group, until: None };
            let (context, place) = (&self.context, (open.seq, open.at));
            if gone.was_passed {
                let cause = (why.0, why.1.map(|by| by.at));
                self.report.lost(place, cause, subject, || words(context, open, why));
            } else {
                let cause = (gone.cause(), Some(open.at));
                let words = || deleted_words(context, open, gone, why.1);
                self.report.lost(place, cause, subject, words);
            }
        }
    }

    fn demand(&mut self, entry: &Entry, partition: TopicPartition, offset: Offset, id: RecordId) {
        if !self.acked.contains(id) || !self.read.insert(id) {
            return;
        }
        for (index, group) in self.context.groups.iter().enumerate() {
            if !group.topics.contains(&partition.topic.name()) {
                continue;
            }
            self.groups[index].demanded += 1;
            if !self.groups[index].processed.contains(id) {
                let group = GroupId(u16::try_from(index).expect("a group's id is a u16"));
                let (seq, at) = (entry.seq, entry.at);
                self.open.push(Open { seq, at, group, partition, offset, id });
            }
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        self.copies.observe(entry);
        self.superseded.observe(entry, &self.context);
        match &entry.event {
            Event::Phase(Phase::Settle) => self.settled = true,
            Event::Phase(Phase::FinalRead) => self.is_over = true,
            Event::Phase(Phase::End) => self.ended = true,
            Event::Acked { base_offset, records, .. } if *base_offset != Offset::UNKNOWN => {
                for record in records.iter() {
                    self.acked.insert(record.id);
                }
                self.deleted.acked(&entry.event, &self.context);
            }
            Event::ProcessEnded(_)
            | Event::Assigned { .. }
            | Event::Revoked { .. }
            | Event::Lost { .. }
            | Event::Positioned { .. }
                // Who asks for a position when the run is over, or leaves, is no part of it.
                if !self.is_over =>
            {
                self.own(entry);
            }
            Event::Polled { group, partition, base_offset, records } => {
                let progress = self.progress.of(*group, *partition);
                let end = base_offset.plus(records.len());
                progress.given = progress.given.max(end);
                progress.is_unused = false;
                progress.polled.insert(base_offset.0, end.0);
            }
            Event::Processed { group, partition, offset, record, .. }
            | Event::GaveUp { group, partition, offset, record } => {
                let progress = self.progress.of(*group, *partition);
                progress.standing.process(entry.node, *offset, record.id);
                progress.after_commit(entry.node, CommitEnd::WorkedOn);
                if matches!(entry.event, Event::GaveUp { .. }) {
                    progress.given_up.insert(offset.0, offset.0 + 1);
                    return;
                }
                let (origin, group) =
                    (self.copies.origin(record.id), &mut self.groups[group.index()]);
                group.works = true;
                group.processed.insert(record.id);
                group.processed.insert(origin);
            }
            Event::CommitSent { group, offsets } | Event::Committed { group, offsets } => {
                self.commit(entry, *group, offsets);
            }
            Event::OffsetsExpired { group, partitions } => {
                let all = partitions.iter();
                all.for_each(|one| self.progress.of(*group, *one).is_expired = true);
            }
            Event::BecameLeader { partition, epoch, log_end, .. } => {
                self.led(*partition, *epoch, *log_end);
                self.deleted.led(entry.node, *partition, (*epoch, *log_end));
            }
            Event::PartitionsAdded { topic, partitions } => self.add(*topic, *partitions),
            Event::TopicCreated { topic, partitions } => self.found_later(*topic, 0..*partitions),
            Event::FinalRead { partition, base_offset, records } => {
                for (index, record) in records.iter().enumerate() {
                    self.meet(*partition, base_offset.plus(index), record.id);
                    self.demand(entry, *partition, base_offset.plus(index), record.id);
                }
            }
            Event::LogStartMoved { .. } | Event::FinalReadDone { .. } => self.delete(entry),
            Event::TopicDeleted { topic, .. } => self.delete_topic(entry, *topic),
            _ => {}
        }
        self.attempts.observe(entry);
    }

    fn conclude(mut self: Box<Self>) -> PropertyResult {
        for (settled, what) in [(self.settled, "settle"), (self.ended, "end")] {
            if !settled {
                self.report.unjudged(|| format!("the history has no phase {what:?}"));
                return self.report.finish();
            }
        }
        let deleted = self.demand_deleted();
        let all = (0..).map(GroupId).zip(self.groups.iter().zip(&self.context.groups));
        for (id, (group, info)) in all {
            if group.works {
                self.report.judged(group.demanded);
            } else if group.demanded > 0 && !self.copies.is_excused(id) {
                self.report.unjudged(|| format!("{} processed nothing on record", info.name));
            }
        }
        self.note_passed();
        // Another replica may have compacted it away before the group came to it.
        self.open.retain(|open| !self.superseded.is(open.partition, open.offset, open.id));
        let mut backlog = BTreeMap::new();
        // What was passed over before the group's first position in a partition comes last: everybody expects
        // it, and the first violations are what is told.
        let (early, rest): (Vec<_>, Vec<_>) = self.open.iter().partition(|open| {
            let progress = self.progress.get(open.group, open.partition);
            let first = progress.and_then(|progress| progress.resumptions.first());
            first.is_some_and(|first| first.offset > open.offset)
        });
        for open in rest.into_iter().chain(early) {
            let of = &self.groups[open.group.index()];
            if !of.works || !self.is_due(open) || self.is_done(open.group, open.id) {
                continue;
            }
            let progress = self.progress.get(open.group, open.partition);
            if !progress.is_some_and(|progress| progress.standing.passed(open.offset)) {
                let (count, _) = backlog.entry(open.group).or_insert((0_u64, open));
                *count += 1;
                continue;
            }
            let why = explain(&self.context, open, progress);
            let (partition, offset) = (open.partition, open.offset);
            let (record, group) = (open.id, Some(open.group));
            let subject = Subject { record, partition, offset, group, until: None };
            let context = &self.context;
            let cause = (why.0, why.1.map(|by| by.at));
            self.report.lost((open.seq, open.at), cause, subject, || words(context, open, why));
        }
        // Who takes part from outside goes when it likes.
        backlog.retain(|group, _| !self.context.groups[group.index()].is_outside());
        for (group, (count, first)) in backlog {
            self.report.undecided(None, || waiting(&self.context, group, count, first));
        }
        self.judge_deleted(deleted);
        self.report.finish()
    }
}

#[cfg(test)]
mod tests;
