//! What a property writes its result into, and how instants read. It judges nothing.

use crate::cause::{LossCause, SinkCause};
use crate::history::Entry;
use crate::told::{Told, Why};
use crate::verdict::{Judgement, Loss, PropertyResult, Subject, Undecided, Violation};
use ackproof_types::{GroupId, Micros, RecordId, Timestamp};
use std::collections::BTreeMap;

/// Violations whose words are kept; the others are only counted.
const KEPT: usize = 10;
/// Records that are kept by name.
const NAMED: usize = 100_000;

/// A result in the making.
#[derive(Debug)]
pub(crate) struct Report {
    name: &'static str,
    witnesses: u64,
    count: u64,
    violations: Vec<Violation>,
    since: Option<Timestamp>,
    causes: BTreeMap<(Loss, LossCause), u64>,
    sink_causes: BTreeMap<(GroupId, SinkCause), u64>,
    told: Vec<Told>,
    displaced: BTreeMap<LossCause, u64>,
    unjudged: Option<String>,
    undecided: Option<Undecided>,
}

impl Report {
    /// Nothing judged yet.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            witnesses: 0,
            count: 0,
            violations: Vec::new(),
            since: None,
            causes: BTreeMap::new(),
            sink_causes: BTreeMap::new(),
            told: Vec::new(),
            displaced: BTreeMap::new(),
            unjudged: None,
            undecided: None,
        }
    }

    /// The property's name.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// `count` facts were judged.
    pub(crate) const fn judged(&mut self, count: usize) {
        self.witnesses += count as u64;
    }

    /// Something was left alone, because of what is not on record. The first reason stays.
    pub(crate) fn unjudged(&mut self, why: impl FnOnce() -> String) {
        self.unjudged.get_or_insert_with(why);
    }

    /// Something that was judged is not decided: the result is no conclusion unless something is wrong.
    /// The first reason stays, and the longest settle phase that is asked for.
    pub(crate) fn undecided(&mut self, settle: Option<Micros>, why: impl FnOnce() -> String) {
        let one = self.undecided.get_or_insert_with(|| Undecided { why: why(), settle });
        one.settle = one.settle.max(settle);
    }

    /// Something is wrong. The words are asked for only where they are kept.
    pub(crate) fn violated(&mut self, entry: &Entry, summary: impl FnOnce() -> String) {
        self.violated_at((entry.seq, entry.at), summary);
    }

    /// As [`Self::violated`], with the place in the history of the entry that proves it.
    pub(crate) fn violated_at(
        &mut self,
        (seq, at): (u64, Timestamp),
        summary: impl FnOnce() -> String,
    ) {
        if let Some(kept) = self.keep((seq, at), at) {
            kept.summary = summary();
        }
    }

    /// Takes what another part of the same property found.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.witnesses += other.witnesses;
        self.count += other.count;
        self.violations.extend(other.violations);
        self.violations.sort_by_key(|violation| violation.seq);
        self.violations.truncate(KEPT);
        self.since = earlier(self.since, other.since);
        self.unjudged = self.unjudged.take().or(other.unjudged);
        self.undecided = self.undecided.take().or(other.undecided);
        for (cause, count) in other.causes {
            *self.causes.entry(cause).or_default() += count;
        }
        for (cause, count) in other.sink_causes {
            *self.sink_causes.entry(cause).or_default() += count;
        }
        self.told.extend(other.told);
        for (cause, count) in other.displaced {
            *self.displaced.entry(cause).or_default() += count;
        }
    }

    /// A record is lost, in a log or to a group. The summary is asked for only where it is kept.
    pub(crate) fn lost(
        &mut self,
        (seq, at): (u64, Timestamp),
        (cause, since): (LossCause, Option<Timestamp>),
        subject: Subject,
        summary: impl FnOnce() -> String,
    ) {
        let loss = subject.group.map_or(Loss::Record, Loss::RecordOf);
        *self.causes.entry((loss, cause)).or_default() += 1;
        self.tell(subject.record, subject.group, seq, Why::Lost(cause));
        self.missing((seq, at), (cause, since), subject, summary);
    }

    /// Nothing is left of what a group made of a record. The summary is asked for only where it is kept.
    pub(crate) fn output_lost(
        &mut self,
        (seq, at): (u64, Timestamp),
        (cause, since): (LossCause, Option<Timestamp>),
        subject: Subject,
        summary: impl FnOnce() -> String,
    ) {
        if let Some(group) = subject.group {
            *self.causes.entry((Loss::OutputOf(group), cause)).or_default() += 1;
        }
        self.tell(subject.record, subject.group, seq, Why::Output(cause));
        self.missing((seq, at), (cause, since), subject, summary);
    }

    /// A record is not where it should be, and whether it is lost is not known.
    pub(crate) fn missing(
        &mut self,
        (seq, at): (u64, Timestamp),
        (cause, since): (LossCause, Option<Timestamp>),
        subject: Subject,
        summary: impl FnOnce() -> String,
    ) {
        if let Some(kept) = self.keep((seq, at), since.unwrap_or(at)) {
            kept.summary = summary();
            kept.cause = Some(cause);
            kept.subject = Some(subject);
        }
    }

    /// An acknowledged commit of `group` is gone. The summary is asked for only where it is kept.
    pub(crate) fn lost_commit(
        &mut self,
        entry: &Entry,
        (cause, since): (LossCause, Timestamp),
        group: GroupId,
        summary: impl FnOnce() -> String,
    ) {
        *self.causes.entry((Loss::CommitOf(group), cause)).or_default() += 1;
        if let Some(kept) = self.keep((entry.seq, entry.at), since) {
            kept.summary = summary();
            kept.cause = Some(cause);
        }
    }

    /// A commit of `group` passed records that it had in hand, the first of them `subject`.
    pub(crate) fn passed(
        &mut self,
        entry: &Entry,
        (cause, group): (LossCause, GroupId),
        subject: Subject,
        summary: impl FnOnce() -> String,
    ) {
        *self.causes.entry((Loss::PassedBy(group), cause)).or_default() += 1;
        self.missing((entry.seq, entry.at), (cause, None), subject, summary);
    }

    /// A sink of `group` does not hold what it should. The summary is asked for only where it is kept.
    pub(crate) fn sink(
        &mut self,
        (group, record): (GroupId, RecordId),
        cause: SinkCause,
        place: (u64, Timestamp),
        summary: impl FnOnce() -> String,
    ) {
        self.tell(record, Some(group), place.0, Why::Sink(cause));
        *self.sink_causes.entry((group, cause)).or_default() += 1;
        self.violated_at(place, summary);
    }

    fn tell(&mut self, record: RecordId, group: Option<GroupId>, entry: u64, why: Why) {
        if self.told.len() < NAMED {
            self.told.push(Told { record, group, entry: Some(entry), why });
        }
    }

    /// The record that was just called lost is in a log, elsewhere.
    pub(crate) fn displaced(&mut self, cause: LossCause) {
        *self.displaced.entry(cause).or_default() += 1;
    }

    fn keep(&mut self, (seq, at): (u64, Timestamp), since: Timestamp) -> Option<&mut Violation> {
        self.count += 1;
        self.since = earlier(self.since, Some(since));
        if self.violations.len() == KEPT {
            return None;
        }
        let (summary, story) = (String::new(), Vec::new());
        let (cause, subject) = (None, None);
        self.violations.push(Violation { seq, at, summary, since, cause, subject, story });
        self.violations.last_mut()
    }

    /// The result.
    pub(crate) fn finish(self) -> PropertyResult {
        let judgement = match (self.count, self.witnesses) {
            (0, 0) => Judgement::Vacuous,
            (0, _) if self.undecided.is_some() => Judgement::Vacuous,
            (0, _) => Judgement::Held,
            _ => Judgement::Violated,
        };
        PropertyResult {
            name: self.name,
            judgement,
            witnesses: self.witnesses,
            violation_count: self.count,
            violations: self.violations,
            since: self.since,
            causes: self.causes,
            sink_causes: self.sink_causes,
            told: self.told,
            displaced: self.displaced,
            unjudged: self.unjudged,
            undecided: self.undecided.filter(|_| self.count == 0),
        }
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min_by_key(|at| at.as_micros())
}

/// `12.301s`.
pub(crate) fn instant(at: Timestamp) -> String {
    format!("{}.{:03}s", at.as_millis() / 1000, at.as_millis() % 1000)
}
