//! `commit-behind-processing`: no committed offset passes a record that the group was given and has
//! not processed.
//!
//! Source: bug corpus §10.2 NoSkip and §10.1 committed-too-far. Processing by any member counts. It
//! does *not* speak of offsets that were never polled (`at-least-once` does), nor of commits that go
//! back. A commit is judged when it is sent; `Committed` is judged only in histories of a group
//! without any `CommitSent`, since records may be handed out again between the two. Broken on
//! purpose by auto-commit with work in the background and by commit-before-processing.

use crate::context::Context;
use crate::history::{Entry, Event, PositionSource};
use crate::kind::Kind;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{GroupId, Offset, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] =
    &[Kind::Positioned, Kind::Polled, Kind::Processed, Kind::CommitSent, Kind::Committed];

/// What a group did in a partition. Sets stay as small as the work in flight.
#[derive(Debug, Default)]
struct Work {
    /// Every offset from here up to `done` is processed; set by the first position or poll.
    done: Option<i64>,
    /// Processed at or above `done`.
    ahead: BTreeSet<i64>,
    /// Polled and not processed.
    open: BTreeSet<i64>,
}

impl Work {
    fn poll(&mut self, offset: i64, floor: i64) {
        let done = *self.done.get_or_insert(floor);
        // Below the watermark lie the start's predecessors and the processed.
        if offset >= done && !self.ahead.contains(&offset) {
            self.open.insert(offset);
        }
    }

    fn process(&mut self, offset: i64) {
        self.open.remove(&offset);
        let done = self.done.get_or_insert(offset);
        if offset == *done {
            *done += 1;
            while self.ahead.remove(done) {
                *done += 1;
            }
        } else if offset > *done {
            self.ahead.insert(offset);
        }
    }

    /// What is at `offset` and above may hold other records from now on.
    fn forget(&mut self, offset: i64) {
        self.done = self.done.map(|done| done.min(offset));
        self.ahead.split_off(&offset);
        self.open.split_off(&offset);
    }
}

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    work: BTreeMap<(GroupId, TopicPartition), Work>,
    groups_with_sends: BTreeSet<GroupId>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            work: BTreeMap::new(),
            groups_with_sends: BTreeSet::new(),
        }
    }

    fn commit(&mut self, entry: &Entry, group: GroupId, offsets: &[(TopicPartition, Offset)]) {
        for (partition, offset) in offsets {
            let Some(work) = self.work.get_mut(&(group, *partition)) else { continue };
            self.report.judged(1);
            let passed = work.open.range(..offset.0).count();
            let Some(&first) = work.open.first().filter(|_| passed > 0) else { continue };
            let context = &self.context;
            self.report.violated(entry, || {
                let (who, place) = (context.node(entry.node), context.partition(*partition));
                let info = &context.groups[group.index()];
                let summary = format!(
                    "{who} committed {place} up to {offset}, past {passed} records that {} had \
                     not processed, the first at offset {first} (commit strategy {})",
                    info.name, info.commit
                );
                (summary, Vec::new())
            });
            // Each is told once.
            work.open = work.open.split_off(&offset.0);
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Positioned { group, partition, offset, source } => {
                let work = self.work.entry((*group, *partition)).or_default();
                match source {
                    PositionSource::Truncated => work.forget(offset.0),
                    PositionSource::Committed
                    | PositionSource::NoCommitEarliest
                    | PositionSource::NoCommitLatest
                    | PositionSource::OutOfRangeEarliest
                    | PositionSource::OutOfRangeLatest => {}
                }
                work.done.get_or_insert(offset.0);
            }
            Event::Polled { group, partition, base_offset, records } => {
                let work = self.work.entry((*group, *partition)).or_default();
                for index in 0..records.len() {
                    work.poll(base_offset.plus(index).0, base_offset.0);
                }
            }
            Event::Processed { group, partition, offset, .. } => {
                self.work.entry((*group, *partition)).or_default().process(offset.0);
            }
            Event::CommitSent { group, offsets } => {
                self.groups_with_sends.insert(*group);
                self.commit(entry, *group, offsets);
            }
            Event::Committed { group, offsets } if !self.groups_with_sends.contains(group) => {
                self.commit(entry, *group, offsets);
            }
            _ => {}
        }
    }

    fn conclude(self: Box<Self>) -> PropertyResult {
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::test_history::*;
    use crate::verdict::Judgement;

    const NAME: &str = "commit-behind-processing";

    #[test]
    fn a_commit_past_work_in_hand_violates() {
        let result = judge(NAME, vec![polled(0, &[0, 1]), processed(1, 1), commit_sent(2)]);
        assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
        let summary = &result.violations[0].summary;
        assert!(summary.contains("past 1 records"), "{summary}");
    }

    #[test]
    fn commits_behind_the_work_and_back_hold() {
        let events = vec![
            polled(0, &[0, 1, 2]),
            processed(1, 1),
            processed(0, 0),
            commit_sent(2),
            committed(2),
            polled(0, &[0]),
            commit_sent(1),
        ];
        assert_eq!(judge(NAME, events).judgement, Judgement::Held);
    }

    #[test]
    fn without_a_commit_nothing_is_judged() {
        assert_eq!(judge(NAME, vec![polled(0, &[0])]).judgement, Judgement::Vacuous);
    }
}
