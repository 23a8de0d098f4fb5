//! `commit-durability`: a group resumes from its acknowledged commit, or from one that came later.
//!
//! Source: bug corpus §10.2 AckedCommitDurable. A position from a commit must not lie below every
//! value that was the acknowledged one during the last two seconds (the answer may be older than the
//! observation), unless it equals a commit whose outcome is unknown. It does *not* forbid commits
//! that go back, nor resets because the log was cut. Broken on purpose by
//! `commit-ack-before-replication`.

use crate::context::Context;
use crate::history::{Entry, Event, PositionSource};
use crate::kind::Kind;
use crate::report::{Report, instant};
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{GroupId, Micros, Offset, Timestamp, TopicPartition};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] =
    &[Kind::CommitSent, Kind::Committed, Kind::CommitFailed, Kind::Positioned];

/// How long an answer may be on its way from the coordinator to the observation.
const GRACE: Micros = Micros(2_000_000);

/// The commits of a group in a partition.
#[derive(Debug, Default)]
struct Commits {
    /// Acknowledged values of the last moments; the first is the one that held before them.
    acked: VecDeque<(Timestamp, Offset)>,
    /// The first acknowledged commit ever.
    first: Option<Timestamp>,
    /// Sent, without a certain outcome.
    unknown: BTreeSet<Offset>,
}

impl Commits {
    fn ack(&mut self, at: Timestamp, offset: Offset) {
        self.first.get_or_insert(at);
        self.unknown.remove(&offset);
        self.acked.push_back((at, offset));
        self.expire(at);
    }

    /// Forgets values that were superseded too long ago to be resumed from.
    fn expire(&mut self, now: Timestamp) {
        while self.acked.get(1).is_some_and(|(superseded, _)| older(*superseded, now)) {
            self.acked.pop_front();
        }
    }
}

fn older(then: Timestamp, now: Timestamp) -> bool {
    (then + GRACE).as_micros() <= now.as_micros()
}

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    commits: BTreeMap<(GroupId, TopicPartition), Commits>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self { report: Report::new(name), context: Arc::clone(context), commits: BTreeMap::new() }
    }

    fn resume(&mut self, entry: &Entry, group: GroupId, place: TopicPartition, at: Option<Offset>) {
        let Some(commits) = self.commits.get_mut(&(group, place)) else { return };
        // Before the first acknowledgement is old enough, having no commit is right as well.
        if !commits.first.is_some_and(|first| older(first, entry.at)) {
            return;
        }
        commits.expire(entry.at);
        self.report.judged(1);
        let lowest = commits.acked.iter().map(|(_, offset)| *offset).min();
        let fine = at.is_some_and(|at| {
            lowest.is_none_or(|lowest| at >= lowest) || commits.unknown.contains(&at)
        });
        if fine {
            return;
        }
        let Some(&(when, acked)) = commits.acked.back() else { return };
        let context = &self.context;
        self.report.violated(entry, || {
            let (name, place) = (context.group(group), context.partition(place));
            let found = at.map_or_else(
                || "found no commit".to_owned(),
                |at| format!("resumed at offset {at}"),
            );
            let summary = format!(
                "{name} {found} in {place}, although its commit of {acked} was acknowledged"
            );
            let story = vec![
                format!("{}  commit of {place} at {acked} acknowledged", instant(when)),
                format!("{}  {} {found}", instant(entry.at), context.node(entry.node)),
            ];
            (summary, story)
        });
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::CommitSent { group, offsets } => {
                for (partition, offset) in offsets.iter() {
                    let commits = self.commits.entry((*group, *partition)).or_default();
                    commits.unknown.insert(*offset);
                }
            }
            Event::Committed { group, offsets } => {
                for (partition, offset) in offsets.iter() {
                    let commits = self.commits.entry((*group, *partition)).or_default();
                    commits.ack(entry.at, *offset);
                }
            }
            Event::CommitFailed { group, offsets, maybe_written: false, .. } => {
                for (partition, offset) in offsets.iter() {
                    let commits = self.commits.entry((*group, *partition)).or_default();
                    commits.unknown.remove(offset);
                }
            }
            Event::Positioned { group, partition, offset, source } => match source {
                PositionSource::Committed => {
                    self.resume(entry, *group, *partition, Some(*offset));
                }
                PositionSource::NoCommitEarliest | PositionSource::NoCommitLatest => {
                    self.resume(entry, *group, *partition, None);
                }
                PositionSource::OutOfRangeEarliest
                | PositionSource::OutOfRangeLatest
                | PositionSource::Truncated => {}
            },
            _ => {}
        }
    }

    fn conclude(self: Box<Self>) -> PropertyResult {
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Event, Phase, PositionSource};
    use crate::test_history::*;
    use crate::verdict::Judgement;
    use ackproof_types::Offset;

    const NAME: &str = "commit-durability";

    fn positioned(offset: i64, source: PositionSource) -> (u16, Event) {
        (5, Event::Positioned { group: G, partition: P, offset: Offset(offset), source })
    }

    /// A second passes with every entry.
    fn pause() -> Vec<(u16, Event)> {
        vec![phase(Phase::Load), phase(Phase::Load), phase(Phase::Load)]
    }

    #[test]
    fn resuming_below_an_acknowledged_commit_violates() {
        for found in [
            positioned(5, PositionSource::Committed),
            positioned(0, PositionSource::NoCommitEarliest),
        ] {
            let mut events = vec![commit_sent(5), committed(5), commit_sent(9), committed(9)];
            events.extend(pause());
            events.push(found);
            assert_eq!(judge(NAME, events).judgement, Judgement::Violated);
        }
    }

    #[test]
    fn resuming_at_it_or_at_one_just_superseded_holds() {
        let mut events = vec![commit_sent(5), committed(5)];
        events.extend(pause());
        events.push(positioned(5, PositionSource::Committed));
        events.extend([commit_sent(9), committed(9), positioned(5, PositionSource::Committed)]);
        let result = judge(NAME, events);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 2));
    }

    #[test]
    fn resuming_at_an_unknown_commit_holds() {
        let mut events = vec![commit_sent(9), committed(9), commit_sent(3)];
        events.extend(pause());
        events.push(positioned(3, PositionSource::Committed));
        assert_eq!(judge(NAME, events).judgement, Judgement::Held);
    }

    #[test]
    fn without_an_acknowledged_commit_nothing_is_judged() {
        let events = vec![commit_sent(5), positioned(0, PositionSource::NoCommitEarliest)];
        assert_eq!(judge(NAME, events).judgement, Judgement::Vacuous);
    }
}
