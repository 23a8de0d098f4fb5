//! `at-least-once`: every acknowledged record of the final log was processed (or dead-lettered) by
//! every group subscribed to its topic.
//!
//! Source: bug corpus §10.2 NoSkip. A witness is an acknowledged record of a final log and a group that
//! should have it. It does *not* speak of records that the log lost (`acked-durability`), of `acks=0`,
//! nor of how often or in which order a record was processed. Records below a start that
//! `auto.offset.reset=latest` chose are demanded: that loss is the configuration's. Each skip names
//! its cause: the first position that the group resumed from past the record. Judged only in a complete
//! history (`phase` `end`) with a settle phase, in which the group processed something: elsewhere what
//! was not processed may only not be on record. Keeps three bits a record, a line a resumption. Broken on
//! purpose by commit-before-processing strategies and `reset=latest`.

use crate::cause::LossCause;
use crate::context::{Context, GroupContext};
use crate::history::{Entry, Event, Phase, PositionSource};
use crate::kind::Kind;
use crate::places::GroupPlaces;
use crate::record_set::RecordSet;
use crate::report::{Report, instant};
use crate::verdict::{Property, PropertyResult, Subject};
use ackproof_types::{GroupId, NodeId, Offset, RecordId, Timestamp, TopicPartition};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Phase,
    Kind::Acked,
    Kind::Positioned,
    Kind::Polled,
    Kind::Processed,
    Kind::CommitSent,
    Kind::Committed,
    Kind::FinalRead,
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
    /// The group was given everything it was given below this before.
    given: Offset,
    commit: Option<Commit>,
}

/// What can explain a skipped record.
#[derive(Debug, Default)]
struct Progress {
    given: Offset,
    commit: Option<Commit>,
    /// Some member's position is on record.
    positioned: bool,
    /// Those past all before.
    resumptions: Vec<Resumption>,
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
    groups: Vec<Group>,
    progress: GroupPlaces<Progress>,
    open: Vec<Open>,
    settled: bool,
    ended: bool,
}

/// A group.
#[derive(Debug, Default)]
struct Group {
    processed: RecordSet,
    /// It processed something.
    works: bool,
    /// Records that it should have.
    demanded: usize,
}

impl Progress {
    fn resume(&mut self, entry: &Entry, offset: Offset, source: PositionSource) {
        self.positioned = true;
        if self.resumptions.last().is_some_and(|last| last.offset >= offset) {
            return;
        }
        let commit = self.commit.filter(|commit| commit.offset == offset);
        let (at, node, given) = (entry.at, entry.node, self.given);
        self.resumptions.push(Resumption { at, node, offset, source, given, commit });
    }

    fn commit(&mut self, entry: &Entry, offset: Offset) {
        // Of two equal ones the first is the one that passed the records.
        if self.commit.is_none_or(|before| before.offset != offset) {
            self.commit = Some(Commit { at: entry.at, node: entry.node, offset });
        }
    }
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            acked: RecordSet::default(),
            read: RecordSet::default(),
            groups: context.groups.iter().map(|_| Group::default()).collect(),
            progress: GroupPlaces::default(),
            open: Vec::new(),
            settled: false,
            ended: false,
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
        progress.resumptions.iter().find(|resumption| resumption.offset > open.offset)
    });
    let Some(resumption) = passed else {
        let unknown = progress.is_some_and(|one| !one.positioned && one.given > open.offset);
        return (if unknown { LossCause::NotOnRecord } else { LossCause::NotReached }, None);
    };
    let cause = match resumption.source {
        // A position that the group's setting does not give is the doing of no setting.
        PositionSource::NoCommitLatest if group.reset == "latest" => LossCause::ResetLatest,
        PositionSource::OutOfRangeLatest if group.reset == "latest" => LossCause::OutOfRange,
        PositionSource::OutOfRangeEarliest if group.reset == "earliest" => LossCause::OutOfRange,
        PositionSource::Committed if open.offset < resumption.given => {
            match group.commit.as_str() {
                "before-processing" => LossCause::CommitBeforeProcessing,
                "auto-with-hand-off" => LossCause::HandOff,
                _ => LossCause::CommitPastWork,
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

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Phase(Phase::Settle) => self.settled = true,
            Event::Phase(Phase::End) => self.ended = true,
            Event::Acked { base_offset, records, .. } if *base_offset != Offset::UNKNOWN => {
                for record in records.iter() {
                    self.acked.insert(record.id);
                }
            }
            Event::Positioned { group, partition, offset, source } => {
                self.progress.of(*group, *partition).resume(entry, *offset, *source);
            }
            Event::Polled { group, partition, base_offset, records } => {
                let progress = self.progress.of(*group, *partition);
                progress.given = progress.given.max(base_offset.plus(records.len()));
            }
            Event::Processed { group, record, .. } => {
                let group = &mut self.groups[group.index()];
                group.works = true;
                group.processed.insert(record.id);
            }
            Event::CommitSent { group, offsets } | Event::Committed { group, offsets } => {
                for (partition, offset) in offsets.iter() {
                    self.progress.of(*group, *partition).commit(entry, *offset);
                }
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
        for open in &self.open {
            let of = &self.groups[open.group.index()];
            if !of.works || of.processed.contains(open.id) {
                continue;
            }
            let group = &self.context.groups[open.group.index()];
            let why = explain(group, open, self.progress.get(open.group, open.partition));
            let (partition, offset) = (open.partition, open.offset);
            let subject = Subject { record: open.id, partition, offset, group: Some(open.group) };
            let context = &self.context;
            let cause = (why.0, why.1.map(|by| by.at));
            self.report.lost((open.seq, open.at), cause, subject, || words(context, open, why));
        }
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_history::*;
    use crate::verdict::Judgement;

    const NAME: &str = "at-least-once";

    /// Within a complete history with a settle phase, of a group that works.
    fn complete(mut events: Vec<(u16, Event)>) -> Vec<(u16, Event)> {
        events.splice(0..0, [processed(900, 900), phase(Phase::Settle)]);
        events.push(phase(Phase::End));
        events
    }

    fn skip(commit: &str, events: Vec<(u16, Event)>) -> (Option<LossCause>, String) {
        skip_with("latest", commit, events)
    }

    fn skip_with(
        reset: &str,
        commit: &str,
        events: Vec<(u16, Event)>,
    ) -> (Option<LossCause>, String) {
        let mut context = context();
        context.groups[0].commit = commit.into();
        context.groups[0].reset = reset.into();
        let mut all = vec![sent(0), sent(1), acked(0, &[0])];
        all.extend(events);
        all.push(final_read(0, &[0]));
        let result = judge_in(&context, NAME, complete(all));
        assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
        (result.violations[0].cause, result.violations[0].summary.clone())
    }

    #[test]
    fn a_skip_names_its_cause() {
        let committed = || {
            vec![
                polled(0, &[0]),
                commit_sent(1),
                committed(1),
                positioned(6, 1, PositionSource::Committed),
            ]
        };
        let (cause, summary) = skip("before-processing", committed());
        assert_eq!(cause, Some(LossCause::CommitBeforeProcessing));
        let told = "ledger-0 committed 1 at 6.000s; ledger-1 went on at 1 at 8.000s";
        assert!(summary.contains(told), "{summary}");
        let (cause, summary) = skip("auto-with-hand-off", committed());
        assert_eq!(cause, Some(LossCause::HandOff));
        assert!(summary.contains("workers had not finished"), "{summary}");
        assert_eq!(skip("sync-after-batch", committed()).0, Some(LossCause::CommitPastWork));
        let (cause, summary) = skip("auto", vec![positioned(5, 1, PositionSource::NoCommitLatest)]);
        assert_eq!(cause, Some(LossCause::ResetLatest));
        assert!(summary.contains("auto.offset.reset=latest skipped it"), "{summary}");
        let jump = vec![positioned(5, 1, PositionSource::OutOfRangeLatest)];
        assert_eq!(skip("auto", jump).0, Some(LossCause::OutOfRange));
        let unread = vec![positioned(5, 1, PositionSource::Committed)];
        assert_eq!(skip("auto", unread).0, Some(LossCause::NeverGiven));
        let given = vec![positioned(5, 0, PositionSource::NoCommitEarliest), polled(0, &[0])];
        assert_eq!(skip("auto", given).0, Some(LossCause::NotReached));
        assert_eq!(skip("auto", vec![polled(0, &[0])]).0, Some(LossCause::NotOnRecord));
    }

    #[test]
    fn a_reset_that_the_group_does_not_have_is_no_cause() {
        let at = |source| vec![positioned(5, 1, source)];
        for (source, reset, cause) in [
            (PositionSource::NoCommitLatest, "latest", LossCause::ResetLatest),
            (PositionSource::NoCommitLatest, "earliest", LossCause::NeverGiven),
            (PositionSource::OutOfRangeLatest, "latest", LossCause::OutOfRange),
            (PositionSource::OutOfRangeLatest, "earliest", LossCause::NeverGiven),
            (PositionSource::OutOfRangeEarliest, "earliest", LossCause::OutOfRange),
            (PositionSource::OutOfRangeEarliest, "latest", LossCause::NeverGiven),
        ] {
            let (found, summary) = skip_with(reset, "auto", at(source));
            assert_eq!(found, Some(cause), "{source:?}, auto.offset.reset={reset}: {summary}");
        }
        let commit = vec![polled(0, &[0]), commit_sent(1), committed(1)];
        let unknown = [commit, at(PositionSource::Committed)].concat();
        let (_, summary) = skip("unknown", unknown);
        assert!(summary.contains("no commit strategy on record explains it"), "{summary}");
    }

    #[test]
    fn a_processed_record_holds_and_a_lost_one_is_not_judged() {
        let result =
            judge(NAME, complete(vec![acked(0, &[0]), processed(0, 0), final_read(0, &[0])]));
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 1));
        let late =
            judge(NAME, complete(vec![acked(0, &[0]), final_read(0, &[0]), processed(0, 0)]));
        assert_eq!(late.judgement, Judgement::Held, "processed during the final read");
        let lost = judge(NAME, complete(vec![acked(0, &[0]), final_done(0)]));
        assert_eq!(lost.judgement, Judgement::Vacuous);
    }

    #[test]
    fn an_unacknowledged_record_is_not_demanded() {
        assert_eq!(
            judge(NAME, complete(vec![sent(0), final_read(0, &[0])])).judgement,
            Judgement::Vacuous
        );
    }

    #[test]
    fn where_processing_may_not_be_on_record_nothing_is_judged() {
        let skip = || vec![acked(0, &[0]), final_read(0, &[0])];
        assert_eq!(judge(NAME, complete(skip())).judgement, Judgement::Violated);
        for left_out in [phase(Phase::Settle).1, phase(Phase::End).1, processed(900, 900).1] {
            let mut events = complete(skip());
            events.retain(|(_, event)| *event != left_out);
            let result = judge(NAME, events);
            assert_eq!(result.judgement, Judgement::Vacuous, "without {left_out:?}");
            assert!(result.unjudged.is_some(), "it says why");
        }
    }
}
