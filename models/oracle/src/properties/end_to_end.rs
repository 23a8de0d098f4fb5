//! `end-to-end`: of every acknowledged record that a group has processed and committed, what the group made
//! of it is in a log at the end: at-least-once through the whole pipeline.
//!
//! Source: consume-transform-produce without transactions, as people build it. A witness is an acknowledged
//! record of a final log from which a group derived another one (`derived`). It does *not* speak of records
//! that the group never processed (`at-least-once` does), nor of how often it made something of one. Judged
//! only in a complete history (`phase` `end`). Broken on purpose by `footguns/output-not-awaited`.
//!
//! What cannot fool it. *What is merely unknown*: an output without an acknowledgement that is in a log is
//! there. *A stale leader* and *a late message*: what counts is the final log. *A restart*: a record that no
//! commit has passed is given again; with such ones, and nothing lost, there is no conclusion.

use crate::commits::{Attempt, Attempts};
use crate::context::Context;
use crate::history::{Entry, Event, Phase, PositionSource};
use crate::kind::Kind;
use crate::partitions::Read;
use crate::places::GroupPlaces;
use crate::record_set::RecordSet;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult, Subject};
use ackproof_types::{GroupId, Lane, NodeId, Offset, RecordId, Timestamp, TopicId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod why;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Phase,
    Kind::ProcessEnded,
    Kind::Sent,
    Kind::Rejected,
    Kind::Acked,
    Kind::Failed,
    Kind::Unsent,
    Kind::Derived,
    Kind::CommitSent,
    Kind::Committed,
    Kind::CommitFailed,
    Kind::Polled,
    Kind::Positioned,
    Kind::PartitionsAdded,
    Kind::TopicCreated,
    Kind::TopicAltered,
    Kind::ReplicasChanged,
    Kind::FinalRead,
    Kind::FinalReadDone,
];

/// An entry of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    seq: u64,
    at: Timestamp,
    node: NodeId,
}

/// What became of an output at its producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It has no outcome.
    Open,
    /// It was acknowledged; with `acks=0`, the client took it for written.
    Acked,
    /// Its `send` failed.
    Failed(Moment),
}

/// What a group made of a record.
#[derive(Debug)]
struct Output {
    derived: Moment,
    fate: Fate,
}

/// A record of which a group made others.
#[derive(Debug)]
struct Input {
    partition: TopicPartition,
    offset: Offset,
    outputs: Vec<RecordId>,
}

/// The commits of a group in a partition.
#[derive(Debug, Default)]
struct Commits {
    /// Those that were beyond all before, in order.
    sent: Vec<(Offset, Moment, Attempt)>,
    /// One past the highest that took effect.
    effective: Offset,
    /// Where members began anew, whatever was committed, and how.
    resets: Vec<(Offset, u64, PositionSource)>,
}

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    acked: RecordSet,
    /// Whether some group makes something of its records.
    is_idle: bool,
    inputs: BTreeMap<(GroupId, RecordId), Input>,
    outputs: BTreeMap<RecordId, Output>,
    commits: GroupPlaces<Commits>,
    attempts: Attempts,
    /// When each process ended.
    ends: BTreeMap<NodeId, Vec<Moment>>,
    /// What is in a log at the end, with the entry that showed it.
    logged: BTreeMap<RecordId, Moment>,
    survived: BTreeSet<RecordId>,
    /// Topics with a log that does not start at 0.
    retired: BTreeSet<TopicId>,
    read: Read,
    ended: bool,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        let is_idle = context.groups.iter().all(|group| !group.outputs.are_there());
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            acked: RecordSet::default(),
            is_idle,
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            commits: GroupPlaces::default(),
            attempts: Attempts::default(),
            ends: BTreeMap::new(),
            logged: BTreeMap::new(),
            survived: BTreeSet::new(),
            retired: BTreeSet::new(),
            read: Read::new(context),
            ended: false,
        }
    }

    fn settle<'a>(&mut self, ids: impl Iterator<Item = &'a RecordId>, fate: Fate) {
        for id in ids {
            if let Some(output) = self.outputs.get_mut(id) {
                output.fate = fate;
            }
        }
    }

    fn commit(&mut self, entry: &Entry, group: GroupId, offsets: &[(TopicPartition, Offset)]) {
        let attempt = self.attempts.of(entry, group);
        for (partition, offset) in offsets {
            let commits = self.commits.of(group, *partition);
            if matches!(entry.event, Event::Committed { .. }) {
                commits.effective = commits.effective.max(*offset);
            } else if commits.sent.last().is_none_or(|(before, ..)| before < offset) {
                commits.sent.push((*offset, instant(entry), attempt));
            }
        }
    }

    fn found(&mut self, entry: &Entry, id: RecordId) {
        if self.outputs.contains_key(&id) {
            self.survived.insert(id);
        }
        self.logged.entry(id).or_insert_with(|| instant(entry));
    }

    /// Whether retention or compaction may have taken it from the log that had acknowledged it.
    fn may_be_deleted(&self, id: RecordId) -> bool {
        let is_acked = self.outputs.get(&id).is_some_and(|output| output.fate == Fate::Acked);
        let topic = self.context.producer(id.producer).topic;
        let is_compacted = self.context.topics[topic.index()].compacted;
        is_acked && (is_compacted || self.retired.contains(&topic))
    }

    /// Where what `group` made of a record may be: whether all of those logs were read.
    fn is_read(&self, group: GroupId) -> bool {
        let outputs = &self.context.groups[group.index()].outputs;
        Lane::ALL
            .iter()
            .filter_map(|lane| outputs.of(*lane))
            .all(|output| self.read.is_whole(output.topic))
    }

    /// Whether an output may still get an outcome, or did when nobody looked any more.
    fn is_under_way(&self, id: RecordId) -> bool {
        let Some(output) = self.outputs.get(&id) else { return false };
        let ends = self.ends.get(&output.derived.node).map_or(&[][..], Vec::as_slice);
        output.fate == Fate::Open && ends.iter().all(|end| end.seq < output.derived.seq)
    }

    fn judge(&mut self, (group, record): (GroupId, RecordId), input: &Input) {
        let Some(shown) = self.logged.get(&record).copied().filter(|_| self.acked.contains(record))
        else {
            return;
        };
        self.report.judged(1);
        let is_there = |id: &RecordId| self.survived.contains(id) || self.may_be_deleted(*id);
        if input.outputs.iter().any(is_there) {
            return;
        }
        let context = Arc::clone(&self.context);
        if !self.is_read(group) {
            return self.report.undecided(None, || {
                format!(
                    "a log that may have what {} made of a record was not read",
                    context.group(group)
                )
            });
        }
        let effective = self.commits.get(group, input.partition).map(|one| one.effective);
        let is_passed = effective.is_some_and(|offset| offset > input.offset);
        if !is_passed || input.outputs.iter().all(|id| self.is_under_way(*id)) {
            return self.report.undecided(None, || {
                let (who, what) = (context.group(group), context.record(record));
                format!("what {who} made of {what} had no outcome when the run ended")
            });
        }
        let commits = self.commits.get(group, input.partition);
        let passing = commits.and_then(|one| one.sent.iter().find(|(to, ..)| *to > input.offset));
        let made =
            input.outputs.iter().filter_map(|id| self.outputs.get(id)).map(|one| one.derived.seq);
        let (made, passed) = (made.max(), passing.map_or(u64::MAX, |(_, sent, _)| sent.seq));
        let begins = commits.and_then(|one| {
            let past = |(to, seq, _): &&(Offset, u64, PositionSource)| {
                *to > input.offset && Some(*seq) > made && *seq < passed
            };
            one.resets.iter().find(past).map(|(.., source)| *source)
        });
        let passing = passing.copied();
        let known = why::Known { group, outputs: &self.outputs, passing, begins };
        let (cause, words) = why::explain(&context, input, &known);
        let (partition, offset) = (input.partition, input.offset);
        let since = passing.map(|(_, sent, _)| sent.at);
        let subject = Subject { record, partition, offset, group: Some(group), until: None };
        self.report.output_lost((shown.seq, shown.at), (cause, since), subject, || {
            let (what, who) = (context.record(record), context.group(group));
            format!("{what} was acknowledged and processed, and nothing that {who} made of it is left. {words}")
        });
    }
}

fn instant(entry: &Entry) -> Moment {
    Moment { seq: entry.seq, at: entry.at, node: entry.node }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        if self.is_idle {
            return;
        }
        match &entry.event {
            Event::Phase(Phase::End) => self.ended = true,
            Event::ProcessEnded(_) => self.ends.entry(entry.node).or_default().push(instant(entry)),
            Event::Sent { record, .. } => self.settle([record.id].iter(), Fate::Open),
            Event::Rejected { record, .. } => {
                self.settle([record.id].iter(), Fate::Failed(instant(entry)));
            }
            Event::Acked { base_offset, records, .. } => {
                if *base_offset != Offset::UNKNOWN {
                    for record in records.iter() {
                        self.acked.insert(record.id);
                    }
                }
                self.settle(records.iter().map(|record| &record.id), Fate::Acked);
            }
            Event::Failed { records, .. } | Event::Unsent { records } => {
                let fate = Fate::Failed(instant(entry));
                self.settle(records.iter().map(|record| &record.id), fate);
            }
            Event::Derived { group, partition, offset, record, output } => {
                let derived = Output { derived: instant(entry), fate: Fate::Open };
                self.outputs.insert(output.id, derived);
                let (partition, offset) = (*partition, *offset);
                let input = self.inputs.entry((*group, record.id)).or_insert_with(|| Input {
                    partition,
                    offset,
                    outputs: Vec::new(),
                });
                (input.partition, input.offset) = (partition, offset);
                input.outputs.push(output.id);
            }
            Event::CommitSent { group, offsets } | Event::Committed { group, offsets } => {
                self.commit(entry, *group, offsets);
            }
            Event::Positioned { group, partition, offset, source: PositionSource::Committed } => {
                let commits = self.commits.of(*group, *partition);
                commits.effective = commits.effective.max(*offset);
            }
            Event::Positioned { group, partition, offset, source } => {
                self.commits.of(*group, *partition).resets.push((*offset, entry.seq, *source));
            }
            Event::FinalRead { records, .. } => {
                records.iter().for_each(|record| self.found(entry, record.id));
            }
            Event::PartitionsAdded { .. } | Event::TopicCreated { .. } => {
                self.read.observe(&entry.event)
            }
            Event::TopicAltered { .. } | Event::ReplicasChanged { .. } => {
                Arc::make_mut(&mut self.context).loosen(&entry.event);
            }
            Event::FinalReadDone { partition, start, .. } => {
                self.read.observe(&entry.event);
                if *start > Offset(0) {
                    self.retired.insert(partition.topic);
                }
            }
            _ => {}
        }
        self.attempts.observe(entry);
    }

    fn conclude(mut self: Box<Self>) -> PropertyResult {
        if self.ended {
            for (key, input) in std::mem::take(&mut self.inputs) {
                self.judge(key, &input);
            }
        } else if !self.inputs.is_empty() {
            self.report.unjudged(|| "the history does not go on to the end of a run".to_owned());
        }
        self.report.finish()
    }
}

#[cfg(test)]
mod tests;
