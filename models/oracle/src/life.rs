//! The life of one record, from the first call of `send` to the last log that holds it, and for each step that
//! went wrong what had led to it. It judges nothing: causes are those that the judge found.
//!
//! It needs the whole history at once, since only what comes later tells what matters.
//!
//! - `steps` what became of the record · `why` faults, elections, in-sync changes and rebalances before that

mod steps;
mod why;

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::told::{Told, Why};
use crate::verdict::Findings;
use ackproof_types::{GroupId, NodeId, Offset, RecordId, Timestamp, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use steps::{Draft, Walk};

/// Records made of one whose lives are told with it.
const OUTPUTS: usize = 3;

/// A step, or something that led to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The entry that tells it.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub node: NodeId,
    /// The record itself, or what happened around it.
    pub part: Part,
    /// So many that led to it as well are left out before it.
    pub left_out: usize,
    /// In a few words: `broker-2 appended it as leader at offset 117, epoch 3`.
    pub text: String,
}

/// What a line of a life is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The record.
    Step,
    /// What led to the next step.
    Cause,
}

impl Step {
    /// The same in the life of a record of which `name` was made.
    fn of(self, name: &str) -> Self {
        match self.part {
            Part::Step => Self { text: format!("{name}: {}", self.text), ..self },
            Part::Cause => self,
        }
    }
}

/// A cause that the judge found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its stable name.
    pub name: &'static str,
    /// What it means, with the setting responsible.
    pub about: String,
    /// What it explains: `lost`, `ledger never processed it`.
    pub of: String,
}

/// The life of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// The record.
    pub record: RecordId,
    /// Where it was appended or acknowledged, in order.
    pub places: Vec<(TopicPartition, Offset)>,
    /// What became of it, a sentence each.
    pub outcome: Vec<String>,
    /// Why, as far as the judge found something.
    pub causes: Vec<Named>,
    /// In the order of the history.
    pub steps: Vec<Step>,
}

/// Which record is worth a look: the first of those with the worst that happened to any; of those that were only
/// processed again, the one that was most often.
#[must_use]
pub fn most_telling(findings: &Findings) -> Option<(RecordId, &'static str)> {
    let rank = |told: &&Told| (told.why.rank(), told.entry.unwrap_or(u64::MAX));
    let worst = findings.told.iter().min_by_key(rank)?;
    if !matches!(worst.why, Why::Again(_)) {
        let why = match worst.why {
            Why::Output(_) => "the first record of which nothing is left that a group made of it",
            Why::Lost(_) => "the first record that was lost or skipped",
            Why::Sink(_) => "the first record that a sink does not hold as it should",
            Why::Copy(_) => "the first record that is in the logs again",
            Why::Again(_) | Why::Unwritten(_) => "the first record that was not written",
        };
        return Some((worst.record, why));
    }
    let mut counts: BTreeMap<(Option<GroupId>, RecordId), (u64, u64)> = BTreeMap::new();
    for told in findings.told.iter().filter(|told| matches!(told.why, Why::Again(_))) {
        let first = (0, told.entry.unwrap_or(u64::MAX));
        counts.entry((told.group, told.record)).or_insert(first).0 += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, (count, seq))| (*count, std::cmp::Reverse(*seq)));
    most.map(|((_, record), _)| (record, "the record that was processed most often"))
}

/// The record that lay at a place last.
#[must_use]
pub fn at(entries: &[Entry], partition: TopicPartition, offset: Offset) -> Option<RecordId> {
    let here = |base: Offset, records: &ackproof_types::RecordSlice| {
        let index = usize::try_from(offset - base).ok()?;
        records.get(index).map(|record| record.id)
    };
    entries.iter().rev().find_map(|entry| match &entry.event {
        Event::Appended { partition: at, base_offset, records, .. }
        | Event::Acked { partition: at, base_offset, records, .. }
        | Event::Polled { partition: at, base_offset, records, .. }
        | Event::FinalRead { partition: at, base_offset, records }
            if *at == partition && *base_offset != Offset::UNKNOWN =>
        {
            here(*base_offset, records)
        }
        _ => None,
    })
}

impl Life {
    /// The life of `record` in a history of which the judge found `findings`, with the lives of what was made of it
    /// and of what it was made of; none: it was never sent, and is in no log.
    #[must_use]
    pub fn of(
        entries: &[Entry],
        context: &Context,
        findings: &Findings,
        record: RecordId,
    ) -> Option<Self> {
        let mut life = Self::onwards(entries, context, findings, record)?;
        let mut made = record;
        while let Some((group, input)) = input(entries, made) {
            let Some(before) = Self::alone(entries, context, findings, input) else { break };
            let word = if context.groups[group.index()].is_mirror() {
                "the original, "
            } else {
                "what it was made of, "
            };
            life.join(before, (word, &context.record(input)));
            made = input;
        }
        life.steps.sort_by_key(|step| step.seq);
        Some(life)
    }

    /// The life of `record` and of what was made of it.
    fn onwards(
        entries: &[Entry],
        context: &Context,
        findings: &Findings,
        record: RecordId,
    ) -> Option<Self> {
        let mut life = Self::alone(entries, context, findings, record)?;
        for (group, output) in outputs(entries, record) {
            let Some(after) = Self::onwards(entries, context, findings, output) else { continue };
            let info = &context.groups[group.index()];
            let word = if info.is_mirror() { "the copy, " } else { "what was made of it, " };
            life.join(after, (word, &context.record(output)));
        }
        life.steps.sort_by_key(|step| step.seq);
        Some(life)
    }

    fn alone(
        entries: &[Entry],
        context: &Context,
        findings: &Findings,
        record: RecordId,
    ) -> Option<Self> {
        let mut walk = Walk::new(context, entries, record);
        let mut drafts: Vec<Draft> = Vec::new();
        for entry in entries {
            drafts.extend(walk.step(entry));
        }
        if drafts.is_empty() {
            return None;
        }
        let told: Vec<&Told> = findings.told.iter().filter(|told| told.record == record).collect();
        for draft in &mut drafts {
            let again = told
                .iter()
                .find(|one| one.entry == Some(draft.seq) && matches!(one.why, Why::Again(_)));
            if let Some(again) = again {
                draft.text = format!("{} ({})", draft.text, again.why.name());
            }
        }
        let causes = why::before(&drafts, entries, context, &walk);
        let outcome = walk.outcome();
        let places = walk.places;
        let mut steps: Vec<Step> = drafts.into_iter().map(Draft::into_step).collect();
        let own: Vec<u64> = steps.iter().map(|step| step.seq).collect();
        steps.extend(causes.into_iter().filter(|one| own.binary_search(&one.seq).is_err()));
        let causes = named(&told, context);
        Some(Self { record, places, outcome, causes, steps })
    }

    /// Tells of another record of the same content as well.
    fn join(&mut self, other: Self, (word, name): (&str, &str)) {
        let known: BTreeSet<u64> = self.steps.iter().map(|step| step.seq).collect();
        let new = other.steps.into_iter().filter(|step| !known.contains(&step.seq));
        self.steps.extend(new.map(|step| step.of(name)));
        self.outcome.push(format!("{word}{name}: {}", other.outcome.join(", ")));
        let causes = other.causes.into_iter();
        self.causes.extend(causes.map(|one| Named { of: format!("{name}: {}", one.of), ..one }));
    }
}

/// What groups made of a record; of many the first.
fn outputs(entries: &[Entry], record: RecordId) -> Vec<(GroupId, RecordId)> {
    let made = entries.iter().filter_map(|entry| match &entry.event {
        Event::Derived { group, record: from, output, .. } if from.id == record => {
            Some((*group, output.id))
        }
        _ => None,
    });
    made.take(OUTPUTS).collect()
}

/// What a group made a record of; none: nobody did.
fn input(entries: &[Entry], record: RecordId) -> Option<(GroupId, RecordId)> {
    entries.iter().find_map(|entry| match &entry.event {
        Event::Derived { group, record: from, output, .. } if output.id == record => {
            Some((*group, from.id))
        }
        _ => None,
    })
}

/// What the judge says of it, each cause once.
fn named(told: &[&Told], context: &Context) -> Vec<Named> {
    let mut counts: BTreeMap<(Why, Option<GroupId>), u64> = BTreeMap::new();
    for one in told {
        *counts.entry((one.why, one.group)).or_default() += 1;
    }
    let named = counts.into_iter().map(|((why, group), count)| {
        let whose = group.map_or("a group", |group| context.group(group));
        let times = if count > 1 { format!(" {count} times") } else { String::new() };
        let of = match why {
            Why::Output(_) => format!("nothing is left of what {whose} made of it"),
            Why::Lost(_) if group.is_some() => format!("{whose} never processed it"),
            Why::Lost(_) => "lost".to_owned(),
            Why::Sink(_) => format!("the sink of {whose} is wrong by it"),
            Why::Again(_) => format!("{whose} processed it again{times}"),
            Why::Copy(_) => format!("in the logs again{times}"),
            Why::Unwritten(_) => "not written".to_owned(),
        };
        Named { name: why.name(), about: why.about(), of }
    });
    named.collect()
}

#[cfg(test)]
mod tests;
