//! Verdicts: what the oracle concludes from a history.

use crate::history::Entry;
use ackproof_types::Timestamp;
use std::collections::BTreeMap;

/// What a property concludes from one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judgement {
    /// It judged something and found nothing wrong.
    Held,
    /// It judged nothing: no conclusion.
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
}

/// One thing that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The entry that proved it.
    pub seq: u64,
    /// When that was.
    pub at: Timestamp,
    /// What, in one sentence.
    pub summary: String,
    /// How it came about, a step a line: `12.301s  broker-2 …`.
    pub story: Vec<String>,
}

/// Counts of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// Distinct records sent.
    pub sent: u64,
    /// Distinct records acknowledged (never with `acks=0`).
    pub acked: u64,
    /// Distinct records whose last outcome is a certain failure, never acknowledged.
    pub failed: u64,
    /// Distinct records without a certain outcome.
    pub unknown: u64,
    /// Sent, and neither failed for certain nor in any log at the end, acknowledged or not.
    pub lost: u64,
    /// Copies beyond the first in the final logs.
    pub log_duplicates: u64,
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
    /// Distinct records processed.
    pub distinct: u64,
    /// `processed - distinct`.
    pub duplicates: u64,
    /// Distinct records in the final logs of its topics that it never processed.
    pub skipped: u64,
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
    /// The run at a glance: faults, elections, in-sync changes, rebalances, in order, capped.
    pub timeline: Vec<TimelineItem>,
    /// Items that the cap left out.
    pub timeline_omitted: u64,
    /// Number of entries.
    pub entries: u64,
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
    /// Concludes after the last entry.
    fn conclude(self: Box<Self>) -> PropertyResult;
}
