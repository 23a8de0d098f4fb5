//! `at-least-once`: every acknowledged record of the final log was processed (or dead-lettered) by
//! every group subscribed to its topic.
//!
//! Source: bug corpus §10.2 NoSkip. A witness is an acknowledged record of a final log and a group that
//! should have it. It does *not* speak of records that the log lost (`acked-durability`), of `acks=0`,
//! nor of how often or in which order a record was processed. Records below a start that
//! `auto.offset.reset=latest` chose are demanded: that loss is the configuration's. Each skip names
//! its cause. Backlog is no loss, and what cannot fool it is told at [`Checker`]. Judged only in a complete
//! history (`phase` `end`) with a settle phase, in which the group processed something: elsewhere what was
//! not processed may only not be on record. Keeps three bits a record, a line a resumption. Broken on
//! purpose by commit-before-processing strategies and `reset=latest`.

use crate::cause::LossCause;
use crate::context::{Context, GroupContext, Word};
use crate::history::{Entry, Event, Phase, PositionSource};
use crate::kind::Kind;
use crate::partitions::Partitions;
use crate::places::{GroupPlaces, Places};
use crate::ranges::Ranges;
use crate::record_set::RecordSet;
use crate::report::{Report, instant};
use crate::standing::Standing;
use crate::verdict::{Property, PropertyResult, Subject};
use ackproof_types::words::plural;
use ackproof_types::{
    CommitStrategy, GroupId, GroupProtocol, LeaderEpoch, NodeId, Offset, OffsetReset, RecordId,
    Timestamp, TopicId, TopicPartition,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Phase,
    Kind::ProcessEnded,
    Kind::Acked,
    Kind::Assigned,
    Kind::Revoked,
    Kind::Lost,
    Kind::Positioned,
    Kind::Polled,
    Kind::Processed,
    Kind::CommitSent,
    Kind::Committed,
    Kind::OffsetsExpired,
    Kind::FinalRead,
    Kind::FinalReadDone,
    Kind::BecameLeader,
    Kind::PartitionsAdded,
];

/// A commit, as it was last seen.
#[derive(Clone, Copy, Debug)]
struct Commit {
    at: Timestamp,
    node: NodeId,
    offset: Offset,
}

/// A position that a member of the group found.
#[derive(Clone, Copy, Debug)]
struct Resumption {
    at: Timestamp,
    node: NodeId,
    offset: Offset,
    source: PositionSource,
    /// It passed what lies below; what the group went back to later it passed no more.
    until: Offset,
    /// One past the furthest that the group was given before.
    given: Offset,
    commit: Option<Commit>,
    /// The group's commit had expired.
    is_expired: bool,
    /// It is the group's first one in a partition that was added while it ran.
    is_added: bool,
}

/// What can explain a skipped record.
#[derive(Debug, Default)]
struct Progress {
    given: Offset,
    /// All that it was given.
    polled: Ranges,
    commit: Option<Commit>,
    /// It is no more.
    is_expired: bool,
    /// The partition was added while the group ran, which has no position in it yet.
    is_added: bool,
    /// Those past all before.
    resumptions: Vec<Resumption>,
    standing: Standing,
}

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
    epochs: Places<LeaderEpoch>,
    open: Vec<Open>,
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

impl Progress {
    fn resume(&mut self, entry: &Entry, offset: Offset, source: PositionSource) {
        self.standing.resume(entry.node, offset);
        let is_added = std::mem::take(&mut self.is_added);
        let commit = self.commit.filter(|commit| commit.offset == offset);
        if self.resumptions.last().is_some_and(|last| last.until >= offset) {
            self.go_back(offset);
            return;
        }
        let (at, node, given, until) = (entry.at, entry.node, self.given, offset);
        let is_expired = self.is_expired;
        let found =
            Resumption { at, node, offset, source, until, given, commit, is_expired, is_added };
        self.resumptions.push(found);
    }

    /// What is at `offset` and above comes again, or for the first time: nothing has passed it.
    fn go_back(&mut self, offset: Offset) {
        for before in self.resumptions.iter_mut().rev() {
            if before.until < offset {
                break;
            }
            before.until = offset;
        }
        self.commit = self.commit.filter(|commit| commit.offset <= offset);
    }

    fn commit(&mut self, entry: &Entry, offset: Offset) {
        // Of two equal ones the first is the one that passed the records.
        if self.commit.is_none_or(|before| before.offset != offset) {
            self.commit = Some(Commit { at: entry.at, node: entry.node, offset });
        }
        if matches!(entry.event, Event::Committed { .. }) {
            self.standing.commit(offset);
            self.is_expired = false;
        }
    }
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
            epochs: Places::default(),
            open: Vec::new(),
            settled: false,
            is_over: false,
            ended: false,
        }
    }

    /// Who owns what, and where it begins.
    fn own(&mut self, entry: &Entry) {
        match &entry.event {
            Event::ProcessEnded(_) => {
                self.progress.values_mut().for_each(|one| one.standing.leave(entry.node));
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
            Event::Positioned { group, partition, offset, source } => {
                self.progress.of(*group, *partition).resume(entry, *offset, *source);
            }
            _ => {}
        }
    }

    /// The topic has so many partitions from here on; groups that run come to the new ones later.
    fn add(&mut self, topic: TopicId, partitions: u16) {
        let first = self.partitions.of(topic);
        self.partitions.grow(topic, partitions);
        for (group, _) in (0..).map(GroupId).zip(&self.groups).filter(|(_, group)| group.runs) {
            for number in first..partitions {
                self.progress.of(group, TopicPartition::new(topic, number)).is_added = true;
            }
        }
    }

    /// The final read shows each group what lies at `offset`.
    fn meet(&mut self, partition: TopicPartition, offset: Offset, id: RecordId) {
        for ((info, one), group) in
            self.context.groups.iter().zip(&self.groups).zip((0..).map(GroupId))
        {
            if info.topics.contains(&partition.topic) {
                let is_processed = one.processed.contains(id);
                self.progress.of(group, partition).standing.found(offset, id, is_processed);
            }
        }
    }

    fn demand(&mut self, entry: &Entry, partition: TopicPartition, offset: Offset, id: RecordId) {
        if !self.acked.contains(id) || !self.read.insert(id) {
            return;
        }
        for (index, group) in self.context.groups.iter().enumerate() {
            if !group.topics.contains(&partition.topic) {
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

/// The first resumption past the record, and what it tells.
fn explain(
    group: &GroupContext,
    open: &Open,
    progress: Option<&Progress>,
) -> (LossCause, Option<Resumption>) {
    let passed = progress.and_then(|progress| {
        progress.resumptions.iter().find(|resumption| resumption.until > open.offset)
    });
    let Some(resumption) = passed else {
        let committed = progress.and_then(|one| one.commit).map(|commit| commit.offset);
        let given = progress.is_some_and(|one| one.polled.contains(open.offset.0));
        let past = given && committed.is_some_and(|committed| committed > open.offset);
        return (if past { LossCause::CommitPastWork } else { LossCause::NotOnRecord }, None);
    };
    let resets_to = |to| group.reset == Word::Known(to);
    let cause = match resumption.source {
        // A position that the group's setting does not give is the doing of no setting.
        PositionSource::NoCommitLatest if resets_to(OffsetReset::Latest) => {
            match (resumption.is_expired, resumption.is_added) {
                (true, _) => LossCause::Expired,
                (false, true) => LossCause::PartitionAdded,
                (false, false) => LossCause::ResetLatest,
            }
        }
        PositionSource::OutOfRangeLatest if resets_to(OffsetReset::Latest) => LossCause::OutOfRange,
        PositionSource::OutOfRangeEarliest if resets_to(OffsetReset::Earliest) => {
            LossCause::OutOfRange
        }
        PositionSource::Committed
            if open.offset < resumption.given
                && progress.is_some_and(|one| one.polled.contains(open.offset.0)) =>
        {
            match group.commit {
                Word::Known(CommitStrategy::BeforeProcessing) => LossCause::CommitBeforeProcessing,
                Word::Known(CommitStrategy::AutoWithHandOff) => LossCause::HandOff,
                Word::Known(CommitStrategy::Auto)
                    if group.protocol == Word::Known(GroupProtocol::Consumer) =>
                {
                    LossCause::BackgroundCommit
                }
                Word::Known(
                    CommitStrategy::Auto
                    | CommitStrategy::SyncAfterBatch
                    | CommitStrategy::AsyncAfterBatch
                    | CommitStrategy::SyncPerRecord,
                )
                | Word::Other(_) => LossCause::CommitPastWork,
            }
        }
        PositionSource::Committed
        | PositionSource::NoCommitEarliest
        | PositionSource::NoCommitLatest
        | PositionSource::OutOfRangeEarliest
        | PositionSource::OutOfRangeLatest
        | PositionSource::Truncated => LossCause::NeverGiven,
    };
    (cause, Some(*resumption))
}

/// The words of a violation.
fn words(context: &Context, open: &Open, (cause, by): (LossCause, Option<Resumption>)) -> String {
    let group = &context.groups[open.group.index()];
    let (record, place) = (context.record(open.id), context.partition(open.partition));
    let how = by.map_or_else(String::new, |by| {
        let who = context.node(by.node);
        let committed = by.commit.map_or_else(String::new, |commit| {
            let (who, at) = (context.node(commit.node), instant(commit.at));
            format!("; {who} committed {} at {at}", commit.offset)
        });
        format!("{committed}; {who} went on at {} at {}", by.offset, instant(by.at))
    });
    format!(
        "{} never processed {record} ({place} offset {}). {} (commit strategy {}){how}",
        group.name,
        open.offset,
        cause.about(),
        group.commit
    )
}

/// The words of a backlog, whose first record is `first`.
fn waiting(context: &Context, group: GroupId, count: u64, first: &Open) -> String {
    let (record, place) = (context.record(first.id), context.partition(first.partition));
    let records = plural(count, "record");
    format!(
        "{} had not come to {records} when the run ended, the first of them {record} ({place} \
         offset {})",
        context.group(group),
        first.offset
    )
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Phase(Phase::Settle) => self.settled = true,
            Event::Phase(Phase::FinalRead) => self.is_over = true,
            Event::Phase(Phase::End) => self.ended = true,
            Event::Acked { base_offset, records, .. } if *base_offset != Offset::UNKNOWN => {
                for record in records.iter() {
                    self.acked.insert(record.id);
                }
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
                progress.polled.insert(base_offset.0, end.0);
            }
            Event::Processed { group, partition, offset, record, .. } => {
                self.progress
                    .of(*group, *partition)
                    .standing
                    .process(entry.node, *offset, record.id);
                let group = &mut self.groups[group.index()];
                group.works = true;
                group.processed.insert(record.id);
            }
            Event::CommitSent { group, offsets } | Event::Committed { group, offsets } => {
                for (partition, offset) in offsets.iter() {
                    self.progress.of(*group, *partition).commit(entry, *offset);
                }
            }
            Event::OffsetsExpired { group, partitions } => {
                for partition in partitions.iter() {
                    self.progress.of(*group, *partition).is_expired = true;
                }
            }
            Event::BecameLeader { partition, epoch, log_end, .. } => {
                let led = self.epochs.of(*partition);
                if *epoch > *led {
                    *led = *epoch;
                    let progress = self.progress.all_of(*partition);
                    progress.for_each(|progress| {
                        progress.standing.cut(*log_end);
                        progress.go_back(*log_end);
                    });
                }
            }
            Event::PartitionsAdded { topic, partitions } => self.add(*topic, *partitions),
            Event::FinalRead { partition, base_offset, records } => {
                for (index, record) in records.iter().enumerate() {
                    self.meet(*partition, base_offset.plus(index), record.id);
                    self.demand(entry, *partition, base_offset.plus(index), record.id);
                }
            }
            Event::FinalReadDone { partition, end, .. } => {
                self.progress.all_of(*partition).for_each(|one| one.standing.read_to(*end));
            }
            _ => {}
        }
    }

    fn conclude(mut self: Box<Self>) -> PropertyResult {
        for (settled, what) in [(self.settled, "settle"), (self.ended, "end")] {
            if !settled {
                self.report.unjudged(|| format!("the history has no phase {what:?}"));
                return self.report.finish();
            }
        }
        for (group, info) in self.groups.iter().zip(&self.context.groups) {
            if group.works {
                self.report.judged(group.demanded);
            } else if group.demanded > 0 {
                self.report.unjudged(|| format!("{} processed nothing on record", info.name));
            }
        }
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
            if !of.works || of.processed.contains(open.id) {
                continue;
            }
            let progress = self.progress.get(open.group, open.partition);
            if !progress.is_some_and(|progress| progress.standing.passed(open.offset)) {
                let (count, _) = backlog.entry(open.group).or_insert((0_u64, open));
                *count += 1;
                continue;
            }
            let group = &self.context.groups[open.group.index()];
            let why = explain(group, open, progress);
            let (partition, offset) = (open.partition, open.offset);
            let (record, group) = (open.id, Some(open.group));
            let subject = Subject { record, partition, offset, group, until: None };
            let context = &self.context;
            let cause = (why.0, why.1.map(|by| by.at));
            self.report.lost((open.seq, open.at), cause, subject, || words(context, open, why));
        }
        for (group, (count, first)) in backlog {
            self.report.undecided(None, || waiting(&self.context, group, count, first));
        }
        self.report.finish()
    }
}

#[cfg(test)]
mod tests;
