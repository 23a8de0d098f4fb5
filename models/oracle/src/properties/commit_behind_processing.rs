//! `commit-behind-processing`: no committed offset passes a record that the group was given and had not
//! processed when the commit was sent.
//!
//! Source: bug corpus §10.2 NoSkip, §10.1 committed-too-far; semantics D2. A witness is a commit of a
//! partition in which the group was given something before. Each record is reported once. It does
//! *not* speak of offsets that nobody was given (`at-least-once` does); what else is legal is told at
//! [`Checker`]. In histories of a group without any `CommitSent`, `Committed` is judged instead; a
//! group without any `Processed` is not judged: what it did is not on record. Keeps 8 bytes a record in hand. Broken on purpose by auto-commit with work in the background and by
//! commit-before-processing.

use crate::cause::LossCause;
use crate::commits::{Attempt, Attempts, CommitEnd, committed_early, given_up};
use crate::context::Context;
use crate::history::{Entry, Event, PositionSource, ProcessEnd};
use crate::kind::Kind;
use crate::places::{GroupPlaces, Places};
use crate::ranges::Ranges;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult, Subject};
use ackproof_types::words::plural;
use ackproof_types::{
    CommitOffset, GroupId, LeaderEpoch, NodeId, Offset, OnRecordFailure, RecordId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Positioned,
    Kind::Polled,
    Kind::Processed,
    Kind::GaveUp,
    Kind::CommitSent,
    Kind::Committed,
    Kind::CommitFailed,
    Kind::BecameLeader,
    Kind::ProcessEnded,
];

/// Nothing to be done at this offset.
const SETTLED: u64 = 0;

/// What a group has in hand in a partition: a window from the first open record to the last polled.
#[derive(Debug, Default)]
struct Work {
    /// None: it was given nothing yet.
    base: Option<i64>,
    /// Ids of open records, shifted by one.
    cells: VecDeque<u64>,
    /// Where members read on, in a topic that is compacted.
    reading: BTreeMap<NodeId, i64>,
    /// What an application was done with, without having processed it.
    given_up: Ranges,
}

impl Work {
    fn end(&self) -> i64 {
        self.base.unwrap_or(0) + i64::try_from(self.cells.len()).expect("a length in memory")
    }

    fn poll(&mut self, offset: i64, id: RecordId) {
        let base = *self.base.get_or_insert(offset);
        // What was given before is open or settled already. Another record than the open one: the log
        // was cut in between, and the old one is in no log any more that a commit could pass.
        if offset < self.end() {
            if let Some(cell) = self.cell(offset).filter(|cell| **cell != SETTLED) {
                *cell = id.as_u64() + 1;
            }
            return;
        }
        if self.cells.is_empty() {
            self.base = Some(offset);
        } else {
            let gap = usize::try_from(offset - base).expect("not below the end");
            if self.cells.len() < gap {
                self.cells.resize(gap, SETTLED);
            }
        }
        self.cells.push_back(id.as_u64() + 1);
    }

    fn cell(&mut self, offset: i64) -> Option<&mut u64> {
        let index = usize::try_from(offset - self.base?).ok()?;
        self.cells.get_mut(index)
    }

    fn process(&mut self, offset: i64, id: RecordId) {
        if let Some(cell) = self.cell(offset).filter(|cell| **cell == id.as_u64() + 1) {
            *cell = SETTLED;
        }
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.cells.front() == Some(&SETTLED) {
            self.cells.pop_front();
            self.base = self.base.map(|base| base + 1);
        }
    }

    /// The member at `node` was given what lies between: what it should have been given before is compacted away.
    fn pass_gap(&mut self, node: NodeId, (from, to): (i64, i64)) {
        let Some(next) = self.reading.insert(node, to) else { return };
        for offset in next..from {
            if let Some(cell) = self.cell(offset) {
                *cell = SETTLED;
            }
        }
        self.shrink();
    }

    /// The open records below `offset`.
    fn open_below(&self, offset: i64) -> Option<Passed> {
        let base = self.base?;
        let below = usize::try_from(offset - base).unwrap_or(0).min(self.cells.len());
        let mut open =
            (base..).zip(self.cells.range(..below)).filter(|(_, cell)| **cell != SETTLED);
        let (first, cell) = open.next()?;
        let record = RecordId::from_u64(cell - 1);
        let is_given_up = self.given_up.contains(first);
        Some(Passed { count: 1 + open.count(), first, record, is_given_up })
    }

    /// Nothing below `offset` is demanded any more.
    fn settle_below(&mut self, offset: i64) {
        let Some(base) = self.base else { return };
        let below = usize::try_from(offset - base).unwrap_or(0).min(self.cells.len());
        for cell in self.cells.range_mut(..below) {
            *cell = SETTLED;
        }
        self.shrink();
    }

    /// What is at `offset` and above holds other records from now on.
    fn forget(&mut self, offset: i64) {
        let Some(base) = self.base else { return };
        self.cells.truncate(usize::try_from(offset - base).unwrap_or(0));
        self.given_up.cut(offset);
        if self.cells.is_empty() {
            self.base = Some(base.min(offset));
        }
    }
}

/// Open records that a commit passes.
#[derive(Clone, Copy, Debug)]
struct Passed {
    count: usize,
    /// The offset of the first of them.
    first: i64,
    record: RecordId,
    /// Its application had given it up.
    is_given_up: bool,
}

/// A commit that passes open records.
#[derive(Debug)]
struct Suspect {
    entry: Entry,
    group: GroupId,
    place: TopicPartition,
    offset: Offset,
    passed: Passed,
    attempt: Attempt,
    /// What its member has done since.
    end: CommitEnd,
}

/// What is legal, and why:
/// - Processing by any member counts, a zombie's too, and a dead-lettered record is processed.
/// - A commit that was refused for certain (ILLEGAL_GENERATION, R9.10) commits nothing; one of an
///   unknown outcome may have (R9.4), and is judged as one that was acknowledged.
/// - Commits may go back (R9.12, F25), and may pass records that nobody was given: a reset by policy
///   (R8.2, R8.6) skips what lies below it. Both are `at-least-once`'s business.
/// - A record that was given and is compacted away before it is processed: who comes to its place is not given it.
/// - Where a log was cut, what is at the cut and above holds other records: processing a record of
///   before the cut is no processing of the one that is there now (R8.7, F9).
///
/// What cannot fool it. *A stale leader*: only the beginning of a later leadership cuts a log; one that a
/// replaced leader tells of settles nothing. *A late message*: a commit is judged by what was processed when
/// it was sent, however late its answer is heard, and a zombie's late work counts. *A restart*: who starts
/// again is given what is open already, which stays open until somebody processes it.
#[derive(Debug)]
pub(crate) struct Checker {
    name: &'static str,
    /// By group: one that processed nothing is not judged.
    reports: BTreeMap<GroupId, Report>,
    working: BTreeSet<GroupId>,
    context: Arc<Context>,
    work: GroupPlaces<Work>,
    /// Without a certain outcome yet.
    suspects: Vec<Suspect>,
    /// They took effect, or may have.
    convicted: Vec<Suspect>,
    attempts: Attempts,
    /// A group closes its consumer after an exception, so that it matters what a commit was followed by.
    throws: bool,
    groups_with_sends: BTreeSet<GroupId>,
    epochs: Places<LeaderEpoch>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            name,
            throws: context
                .groups
                .iter()
                .any(|one| one.consuming.on_failure == OnRecordFailure::Throw),
            reports: BTreeMap::new(),
            working: BTreeSet::new(),
            context: Arc::clone(context),
            work: GroupPlaces::default(),
            suspects: Vec::new(),
            convicted: Vec::new(),
            attempts: Attempts::default(),
            groups_with_sends: BTreeSet::new(),
            epochs: Places::default(),
        }
    }

    fn send(&mut self, entry: &Entry, group: GroupId, offsets: &[(TopicPartition, Offset)]) {
        let (attempt, end) = (self.attempts.of(entry, group), CommitEnd::Last);
        for &(place, offset) in offsets {
            let work = self.work.of(group, place);
            if work.base.is_none() {
                continue;
            }
            self.reports.entry(group).or_insert(Report::new(self.name)).judged(1);
            if let Some(passed) = work.open_below(offset.0) {
                let entry = entry.clone();
                let suspect = Suspect { entry, group, place, offset, passed, attempt, end };
                self.suspects.push(suspect);
            }
        }
    }

    /// The outcome of the oldest commit of `node` that looks like this.
    fn decide(
        &mut self,
        node: NodeId,
        group: GroupId,
        offsets: &[(TopicPartition, Offset)],
        stands: bool,
    ) {
        for &(place, offset) in offsets {
            let found = self.suspects.iter().position(|one| {
                (one.entry.node, one.group, one.place, one.offset) == (node, group, place, offset)
            });
            let Some(index) = found else { continue };
            let suspect = self.suspects.remove(index);
            if stands {
                self.convict(suspect);
            }
        }
    }

    fn convict(&mut self, suspect: Suspect) {
        self.work.of(suspect.group, suspect.place).settle_below(suspect.offset.0);
        self.convicted.push(suspect);
    }

    /// The member at `node` works on, or ends.
    fn after_commits(&mut self, node: NodeId, end: CommitEnd) {
        if !self.throws {
            return;
        }
        for suspect in self.suspects.iter_mut().chain(&mut self.convicted) {
            if suspect.entry.node == node && suspect.end == CommitEnd::Last {
                suspect.end = end;
            }
        }
    }

    fn report(&mut self, suspect: &Suspect) {
        let &Suspect { ref entry, group, place, offset, passed, attempt, end } = suspect;
        let context = &self.context;
        let info = &context.groups[group.index()];
        let is_beyond = info.consuming.commit_offset == CommitOffset::Beyond;
        let cause = if passed.is_given_up {
            given_up(info)
        } else if is_beyond && passed.first + 1 == offset.0 {
            LossCause::CommitBeyond
        } else {
            committed_early(info, attempt, end)
        };
        let (record, until) = (passed.record, Some(entry.seq));
        let (partition, at, of) = (place, Offset(passed.first), Some(group));
        let subject = Subject { record, partition, offset: at, group: of, until };
        let report = self.reports.entry(group).or_insert(Report::new(self.name));
        report.passed(entry, (cause, group), subject, || {
            let (who, place) = (context.node(entry.node), context.partition(place));
            let records = plural(passed.count as u64, "record");
            format!(
                "{who} committed {place} up to {offset}, past {records} that {} had not \
                 processed, the first at offset {}. {} (commit strategy {})",
                info.name,
                passed.first,
                cause.about(),
                info.commit
            )
        });
    }
}

impl Checker {
    /// Whether commits alone say what was processed: then none is ahead of it.
    fn is_claimed(&self, event: &Event) -> bool {
        match event {
            Event::Polled { group, .. }
            | Event::Processed { group, .. }
            | Event::CommitSent { group, .. }
            | Event::Committed { group, .. }
            | Event::CommitFailed { group, .. } => self.context.groups[group.index()].is_claimed(),
            _ => false,
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.name
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Positioned { group, partition, offset, source } => {
                let work = self.work.of(*group, *partition);
                let topic = &self.context.topics[partition.topic.index()];
                topic.compacted.then(|| work.reading.insert(entry.node, offset.0));
                match source {
                    PositionSource::Truncated => work.forget(offset.0),
                    // Whatever lies below is judged by the commit, or skipped by policy.
                    PositionSource::Committed
                    | PositionSource::NoCommitLatest
                    | PositionSource::NoCommitByDuration
                    | PositionSource::OutOfRangeEarliest
                    | PositionSource::OutOfRangeLatest
                    | PositionSource::OutOfRangeByDuration
                    | PositionSource::Kept => work.settle_below(offset.0),
                    PositionSource::NoCommitEarliest | PositionSource::Sought => {}
                }
            }
            event if self.is_claimed(event) => {}
            Event::Polled { group, partition, base_offset, records } => {
                let work = self.work.of(*group, *partition);
                if self.context.topics[partition.topic.index()].compacted {
                    let read = (base_offset.0, base_offset.plus(records.len()).0);
                    work.pass_gap(entry.node, read);
                }
                for (index, record) in records.iter().enumerate() {
                    work.poll(base_offset.plus(index).0, record.id);
                }
            }
            Event::Processed { group, partition, offset, record, .. } => {
                self.working.insert(*group);
                self.after_commits(entry.node, CommitEnd::WorkedOn);
                self.work.of(*group, *partition).process(offset.0, record.id);
            }
            // What it passes the group had processed in the cluster that it came from, or `at-least-once` says so.
            Event::CommitSent { group, .. }
            | Event::Committed { group, .. }
            | Event::CommitFailed { group, .. }
                if self.context.translates(entry.node, *group) => {}
            Event::CommitSent { group, offsets } => {
                self.groups_with_sends.insert(*group);
                self.send(entry, *group, offsets);
            }
            Event::Committed { group, offsets } => {
                if !self.groups_with_sends.contains(group) {
                    self.send(entry, *group, offsets);
                }
                self.decide(entry.node, *group, offsets, true);
            }
            Event::CommitFailed { group, offsets, maybe_written, .. } => {
                self.decide(entry.node, *group, offsets, *maybe_written);
            }
            Event::GaveUp { group, partition, offset, .. } => {
                self.work.of(*group, *partition).given_up.insert(offset.0, offset.0 + 1);
            }
            Event::ProcessEnded(ProcessEnd::Clean) => {
                self.after_commits(entry.node, CommitEnd::Closed);
            }
            Event::BecameLeader { partition, epoch, log_end, .. } => {
                let led = self.epochs.of(*partition);
                if *epoch >= *led {
                    *led = *epoch;
                    self.work.all_of(*partition).for_each(|work| work.forget(log_end.0));
                }
            }
            _ => {}
        }
        self.attempts.observe(entry);
    }

    fn conclude(mut self: Box<Self>) -> PropertyResult {
        // Without an outcome a commit may have taken effect.
        for suspect in std::mem::take(&mut self.suspects) {
            self.convict(suspect);
        }
        for suspect in std::mem::take(&mut self.convicted) {
            self.report(&suspect);
        }
        let mut all = Report::new(self.name);
        for (group, report) in std::mem::take(&mut self.reports) {
            if self.working.contains(&group) {
                all.absorb(report);
            } else {
                all.unjudged(|| {
                    format!("{} processed nothing on record", self.context.group(group))
                });
            }
        }
        all.finish()
    }
}

#[cfg(test)]
mod tests;
