//! `at-least-once`: every acknowledged record of the final log was processed (or dead-lettered) by
//! every group subscribed to its topic.
//!
//! Source: bug corpus §10.2 NoSkip. It does *not* speak of records that the log lost
//! (`acked-durability`), of `acks=0`, nor of how often or in which order a record was processed.
//! Records below a start that `auto.offset.reset=latest` chose are demanded: that loss is the
//! configuration's. Broken on purpose by commit-before-processing strategies and `reset=latest`.

use crate::context::Context;
use crate::history::{Entry, Event, PositionSource};
use crate::kind::Kind;
use crate::record_set::RecordSet;
use crate::report::{Report, instant};
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{GroupId, NodeId, Offset, RecordId, Timestamp, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Acked,
    Kind::Positioned,
    Kind::Processed,
    Kind::CommitSent,
    Kind::Committed,
    Kind::FinalRead,
];

/// What can explain a skipped record.
#[derive(Debug, Default)]
struct Progress {
    /// The first position, and how it was found.
    start: Option<(Timestamp, Offset, PositionSource)>,
    /// Resets that jumped.
    jumps: Vec<(Timestamp, Offset, PositionSource)>,
    /// Commits that went further than all before.
    commits: Vec<(Timestamp, NodeId, Offset)>,
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

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    acked: RecordSet,
    read: RecordSet,
    processed: Vec<RecordSet>,
    progress: BTreeMap<(GroupId, TopicPartition), Progress>,
    open: Vec<Open>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            acked: RecordSet::default(),
            read: RecordSet::default(),
            processed: vec![RecordSet::default(); context.groups.len()],
            progress: BTreeMap::new(),
            open: Vec::new(),
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
            self.report.judged(1);
            if !self.processed[index].contains(id) {
                let group = GroupId(u16::try_from(index).expect("a group's id is a u16"));
                let (seq, at) = (entry.seq, entry.at);
                self.open.push(Open { seq, at, group, partition, offset, id });
            }
        }
    }

    fn commit(&mut self, entry: &Entry, group: GroupId, offsets: &[(TopicPartition, Offset)]) {
        for (partition, offset) in offsets {
            let commits = &mut self.progress.entry((group, *partition)).or_default().commits;
            if commits.last().is_none_or(|(_, _, last)| last < offset) {
                commits.push((entry.at, entry.node, *offset));
            }
        }
    }
}

/// The words of a violation.
fn words(context: &Context, open: &Open, progress: Option<&Progress>) -> (String, Vec<String>) {
    let group = &context.groups[open.group.index()];
    let (record, place) = (context.record(open.id), context.partition(open.partition));
    let mut story = Vec::new();
    let mut cause = String::new();
    if let Some((at, start, source)) = progress.and_then(|progress| progress.start) {
        story.push(format!("{}  {} began at {place} offset {start}", instant(at), group.name));
        if source == PositionSource::NoCommitLatest && open.offset < start {
            cause = format!(
                ": the group had no commit and auto.offset.reset=latest started it at {start}"
            );
        }
    }
    let jump = progress.and_then(|progress| {
        progress.jumps.iter().find(|(_, to, source)| {
            *source == PositionSource::OutOfRangeLatest && *to > open.offset
        })
    });
    if let (Some((at, to, _)), true) = (jump, cause.is_empty()) {
        story.push(format!("{}  {} was reset to {place} offset {to}", instant(*at), group.name));
        cause = format!(
            ": its position was out of range and auto.offset.reset=latest moved it to {to}"
        );
    }
    let commit = progress
        .and_then(|progress| progress.commits.iter().find(|(_, _, offset)| *offset > open.offset));
    if let Some((at, node, offset)) = commit {
        let who = context.node(*node);
        story.push(format!("{}  {who} committed {place} up to {offset}", instant(*at)));
        if cause.is_empty() {
            cause =
                format!(": committed before it was processed (commit strategy {})", group.commit);
        }
    }
    let name = &group.name;
    (format!("{name} never processed {record} ({place} offset {}){cause}", open.offset), story)
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Acked { base_offset, records, .. } if *base_offset != Offset::UNKNOWN => {
                for record in records.iter() {
                    self.acked.insert(record.id);
                }
            }
            Event::Positioned { group, partition, offset, source } => {
                let progress = self.progress.entry((*group, *partition)).or_default();
                if progress.start.is_none() {
                    progress.start = Some((entry.at, *offset, *source));
                } else if *source != PositionSource::Committed {
                    progress.jumps.push((entry.at, *offset, *source));
                }
            }
            Event::Processed { group, record, .. } => {
                self.processed[group.index()].insert(record.id);
            }
            Event::CommitSent { group, offsets } | Event::Committed { group, offsets } => {
                self.commit(entry, *group, offsets);
            }
            Event::FinalRead { partition, base_offset, records } => {
                for (index, record) in records.iter().enumerate() {
                    self.demand(entry, *partition, base_offset.plus(index), record.id);
                }
            }
            _ => {}
        }
    }

    fn conclude(mut self: Box<Self>) -> PropertyResult {
        for open in &self.open {
            if !self.processed[open.group.index()].contains(open.id) {
                let progress = self.progress.get(&(open.group, open.partition));
                let context = &self.context;
                self.report.violated_at(open.seq, open.at, || words(context, open, progress));
            }
        }
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Event, PositionSource};
    use crate::test_history::*;
    use crate::verdict::Judgement;
    use ackproof_types::Offset;

    const NAME: &str = "at-least-once";

    #[test]
    fn a_record_committed_and_never_processed_violates() {
        let result = judge(
            NAME,
            vec![sent(0), acked(0, &[0]), polled(0, &[0]), commit_sent(1), final_read(0, &[0])],
        );
        assert_eq!(result.judgement, Judgement::Violated);
        let summary = &result.violations[0].summary;
        assert!(summary.contains("committed before it was processed"), "{summary}");
    }

    #[test]
    fn a_record_below_a_latest_start_names_the_reset() {
        let source = PositionSource::NoCommitLatest;
        let start = Event::Positioned { group: G, partition: P, offset: Offset(1), source };
        let result = judge(NAME, vec![sent(0), acked(0, &[0]), (5, start), final_read(0, &[0])]);
        let summary = &result.violations[0].summary;
        assert!(summary.contains("auto.offset.reset=latest"), "{summary}");
    }

    #[test]
    fn a_processed_record_holds_and_a_lost_one_is_not_judged() {
        let result = judge(NAME, vec![acked(0, &[0]), processed(0, 0), final_read(0, &[0])]);
        assert_eq!(result.judgement, Judgement::Held);
        let lost = judge(NAME, vec![acked(0, &[0]), final_done(0)]);
        assert_eq!(lost.judgement, Judgement::Vacuous);
    }
}
