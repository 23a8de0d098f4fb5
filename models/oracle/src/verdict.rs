//! Verdicts: what the oracle concludes from a history.

use crate::cause::{DuplicateCause, LossCause, OrderCause, OutputCause, SendCause, SinkCause};
use crate::history::Entry;
use crate::pace::Pace;
use crate::told::Told;
use ackproof_types::{
    ErrorCode, GroupId, Micros, Offset, RebalanceReason, RecordId, SinkWrites, Timestamp,
    TopicPartition,
};
use std::collections::BTreeMap;

/// What a property concludes from one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judgement {
    /// It judged something and found nothing wrong.
    Held,
    /// It judged nothing, or what it judged is not decided: no conclusion.
    Vacuous,
    /// It found something wrong.
    Violated,
}

/// One property's result.
#[derive(Clone, Debug)]
pub struct PropertyResult {
    /// Its stable name.
    pub name: &'static str,
    /// The conclusion.
    pub judgement: Judgement,
    /// How many facts it judged.
    pub witnesses: u64,
    /// How many were wrong; `violations` keeps the first ten.
    pub violation_count: u64,
    /// The first of them.
    pub violations: Vec<Violation>,
    /// When the earliest cause of any of them took effect; none: nothing is wrong.
    pub since: Option<Timestamp>,
    /// How many violations each cause explains, by what was lost; empty for properties that speak of no
    /// loss.
    pub causes: BTreeMap<(Loss, LossCause), u64>,
    /// How many violations each cause explains, by group, where it speaks of sinks.
    pub sink_causes: BTreeMap<(GroupId, SinkCause), u64>,
    /// Every record that it is about, as far as a run keeps them.
    pub told: Vec<Told>,
    /// How many of them concern records that are in a log, at another place than the awaited one.
    pub displaced: BTreeMap<LossCause, u64>,
    /// What it left alone because it is not on record, or why it judged nothing.
    pub unjudged: Option<String>,
    /// Why it comes to no conclusion although it judged, if so.
    pub undecided: Option<Undecided>,
}

/// What was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// A record, from the logs.
    Record,
    /// A record, to this group alone.
    RecordOf(GroupId),
    /// A commit of this group.
    CommitOf(GroupId),
    /// Nothing yet: a commit of this group passed what it had in hand.
    PassedBy(GroupId),
    /// What this group had made of a record.
    OutputOf(GroupId),
}

/// Why a property that judged comes to no conclusion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// In one sentence.
    pub why: String,
    /// With a settle phase of this length it would probably be decided.
    pub settle: Option<Micros>,
}

/// One thing that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The entry that proved it.
    pub seq: u64,
    /// When that was.
    pub at: Timestamp,
    /// What, in one sentence, with its cause.
    pub summary: String,
    /// When its cause took effect, if that was earlier: the leadership without the record, the position
    /// past it.
    pub since: Timestamp,
    /// Why a record was lost or skipped; none where the property speaks of no loss.
    pub cause: Option<LossCause>,
    /// The record concerned; with it a second run can tell the story.
    pub subject: Option<Subject>,
    /// How it came about, a step a line: `12.301s  broker-2 …`; empty unless the judge was asked to
    /// tell of its subject.
    pub story: Vec<String>,
}

/// A record at its place, and the group that is concerned, if one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The record.
    pub record: RecordId,
    /// Its partition.
    pub partition: TopicPartition,
    /// Where it was acknowledged or read.
    pub offset: Offset,
    /// The group that skipped it, or processed it again; none: the log lost it.
    pub group: Option<GroupId>,
    /// The entry with which its story ends; none: it goes on to the end, or to the first repetition.
    pub until: Option<u64>,
}

/// Counts of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// Distinct records sent.
    pub sent: u64,
    /// Of those, copies that mirrors made.
    pub copies: u64,
    /// Distinct records acknowledged (never with `acks=0`).
    pub acked: u64,
    /// Distinct records whose last outcome is a certain failure, never acknowledged.
    pub failed: u64,
    /// Distinct records without a certain outcome.
    pub unknown: u64,
    /// Acknowledged, and in no log at the end.
    pub lost: u64,
    /// Acknowledged at another offset than where they are in a log at the end: not lost.
    pub displaced: u64,
    /// Of the unknown ones: in no log at the end.
    pub unknown_absent: u64,
    /// Copies beyond the first in the final logs.
    pub log_duplicates: u64,
    /// First copies in the final logs that stand behind a record which their producer sent later.
    pub reordered: u64,
    /// Of `failed` and `unknown`: their `send` failed, and their application did not send them again.
    pub dropped: u64,
    /// Distinct records that their application handed to `send` again without having restarted.
    pub sent_again: u64,
    /// Without an outcome when their producer's process ended, in its buffer or under way; ends added up.
    pub open_at_end: u64,
    /// What became of records behind expired batches.
    pub behind_expired: BehindExpired,
    /// Why: adds up to `failed`.
    pub failure_causes: BTreeMap<SendCause, u64>,
    /// Why: adds up to `unknown`.
    pub unknown_causes: BTreeMap<SendCause, u64>,
    /// Why: adds up to `reordered`.
    pub reorder_causes: BTreeMap<OrderCause, u64>,
    /// Why: a cause for each violation of `acked-durability` by a record that is in no log.
    pub loss_causes: BTreeMap<LossCause, u64>,
    /// Why: adds up to `unknown_absent`.
    pub absent_causes: BTreeMap<SendCause, u64>,
    /// Why: adds up to `log_duplicates`.
    pub log_duplicate_causes: BTreeMap<DuplicateCause, u64>,
}

/// What became of later records of an idempotent producer when a batch of their partition used up
/// `delivery.timeout.ms`: of those that were sent by then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BehindExpired {
    /// Batches that expired.
    pub batches: u64,
    /// Later records that were acknowledged.
    pub acked: u64,
    /// Later records that were not.
    pub failed: u64,
    /// How often the producer raised its epoch after that.
    pub epochs_raised: u64,
}

/// Counts of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupCounts {
    /// The group's name.
    pub group: String,
    /// Records that `poll` returned.
    pub delivered: u64,
    /// Records processed, dead-lettered ones included.
    pub processed: u64,
    /// Of those, put aside after too many failures.
    pub dead_lettered: u64,
    /// Distinct records processed.
    pub distinct: u64,
    /// `processed - distinct`.
    pub duplicates: u64,
    /// Distinct records in the final logs of its topics that it passed over without processing them.
    pub skipped: u64,
    /// Distinct records in the final logs of its topics that it had not come to when the run ended.
    pub backlog: u64,
    /// Why: adds up to `duplicates`.
    pub duplicate_causes: BTreeMap<DuplicateCause, u64>,
    /// When each duplicate was processed, and why.
    pub again: Vec<(Timestamp, DuplicateCause)>,
    /// The first duplicate of each cause.
    pub first_duplicates: BTreeMap<DuplicateCause, Duplicate>,
    /// Why, as far as the records were acknowledged.
    pub skip_causes: BTreeMap<LossCause, u64>,
    /// Why acknowledged commits were not found again, each time that one was not.
    pub commit_loss_causes: BTreeMap<LossCause, u64>,
    /// What came to its sink; none: that is not on record.
    pub sink: Option<SinkCounts>,
    /// What it made of records; none: it makes nothing, or that is not on record.
    pub outputs: Option<OutputCounts>,
    /// How it went over to another cluster; none: it did not.
    pub moved: Option<Moved>,
    /// Rebalances by what began them; none: not on record.
    pub rebalances: BTreeMap<Option<RebalanceReason>, u64>,
    /// Commits that the coordinator, or the client itself, refused because the member was of no generation
    /// that may commit.
    pub refused_commits: BTreeMap<ErrorCode, u64>,
}

/// How a group went over to another cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The group that stands for it there.
    pub to: String,
    /// When it did.
    pub at: Timestamp,
    /// Acknowledged records that it had not processed, and of which no copy was acknowledged by then: gone with the
    /// cluster that it left, if that never comes back.
    pub not_copied: u64,
    /// Of those, the ones of which no copy was acknowledged to the end.
    pub never_copied: u64,
}

/// What a group made of records, its results and its dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputCounts {
    /// Records that it made.
    pub made: u64,
    /// Distinct records of which something that it made is in a log at the end.
    pub written: u64,
    /// In the logs at the end, beyond the first of each record that it read.
    pub duplicates: u64,
    /// Why: adds up to `duplicates`.
    pub duplicate_causes: BTreeMap<OutputCause, u64>,
    /// Why nothing is left of what it made of acknowledged records: adds up to the violations of `end-to-end`.
    pub loss_causes: BTreeMap<LossCause, u64>,
}

impl OutputCounts {
    /// Duplicates per record of which something was written; 0 without records.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate for people, not for decisions of a model"
    )]
    pub fn duplicate_rate(&self) -> f64 {
        if self.written == 0 { 0.0 } else { self.duplicates as f64 / self.written as f64 }
    }
}

/// What came to the sink of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkCounts {
    /// How a record changes it.
    pub writes: SinkWrites,
    /// Writes that changed something.
    pub rows: u64,
    /// Writes that it recognised, or for which it held something newer.
    pub ignored: u64,
    /// Of `rows`: of records that had changed something before.
    pub repeated: u64,
    /// Acknowledged records that changed nothing.
    pub missing: u64,
    /// In amounts; none: a row for each key does not add up.
    pub amounts: Option<Amounts>,
    /// Why it does not hold what it should: adds up to the violations of `sink-effect`.
    pub causes: BTreeMap<SinkCause, u64>,
}

/// Sums of what records are worth ([`ackproof_types::sink::amount`]):
/// `sink + missing == acknowledged + unacknowledged + repeated`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Of all rows.
    pub sink: u64,
    /// Of the acknowledged records of its topics.
    pub acknowledged: u64,
    /// Of records in the sink that were never acknowledged.
    pub unacknowledged: u64,
    /// Of rows beyond the first of a record.
    pub repeated: u64,
    /// Of acknowledged records that are not in the sink.
    pub missing: u64,
}

/// A record that a group processed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The record, where it was processed again.
    pub subject: Subject,
    /// How it came about, a step a line; empty unless the judge was asked to tell of its subject.
    pub story: Vec<String>,
}

impl Duplicate {
    /// `record`, processed again by `group` at a place with `entry`; its story is not told yet.
    pub(crate) fn new(
        entry: &Entry,
        group: GroupId,
        (partition, offset): (TopicPartition, Offset),
        record: RecordId,
    ) -> Self {
        let (group, until) = (Some(group), Some(entry.seq));
        let subject = Subject { record, partition, offset, group, until };
        Self { subject, story: Vec::new() }
    }
}

impl GroupCounts {
    /// Duplicates per distinct record; 0 without records.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate for people, not for decisions of a model"
    )]
    pub fn duplicate_rate(&self) -> f64 {
        if self.distinct == 0 { 0.0 } else { self.duplicates as f64 / self.distinct as f64 }
    }
}

/// Everything the oracle concludes from one run.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// In the order of the registry.
    pub properties: Vec<PropertyResult>,
    /// Records.
    pub records: RecordCounts,
    /// Groups, in the order of the scenario.
    pub groups: Vec<GroupCounts>,
    /// How often each witness occurred, by name; every known name is present.
    pub witnesses: BTreeMap<&'static str, u64>,
    /// What went wrong with single records: losses up to a bound; repetitions only if the judge explains.
    pub told: Vec<Told>,
    /// Latencies and stalls.
    pub pace: Pace,
    /// The run at a glance: faults, elections, in-sync changes, rebalances, in order, capped.
    pub timeline: Vec<TimelineItem>,
    /// Items that were left out in the middle.
    pub timeline_omitted: u64,
    /// Number of entries.
    pub entries: u64,
}

impl Findings {
    /// The records of which a second run can tell the story.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        let violations = self.properties.iter().flat_map(|property| &property.violations);
        let again = self.groups.iter().flat_map(|group| group.first_duplicates.values());
        violations
            .filter_map(|violation| violation.subject)
            .chain(again.map(|duplicate| duplicate.subject))
            .collect()
    }
}

/// One item of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineItem {
    /// When.
    pub at: Timestamp,
    /// What, in a few words.
    pub text: String,
}

/// A property over histories: sees each entry once, in order.
pub trait Property {
    /// Its stable kebab-case name.
    fn name(&self) -> &'static str;
    /// Takes one entry.
    fn observe(&mut self, entry: &Entry);
    /// No replica has anything below this offset any more: what is kept of it can go.
    fn settle(&mut self, _partition: TopicPartition, _below: Offset) {}
    /// Concludes after the last entry.
    fn conclude(self: Box<Self>) -> PropertyResult;
}
