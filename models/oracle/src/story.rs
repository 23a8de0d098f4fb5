//! Tells how given records fared, a line a step, from a pass over the history. It judges nothing, keeps
//! nothing of other records, and does not know why it was asked.
//!
//! Which records are worth a story is known only after a run; a run is deterministic, so the story is
//! told on a second one (see [`crate::judge::Judge::telling`]).

use crate::context::Context;
use crate::history::{Entry, Event, ProcessEnd};
use crate::report::instant;
use crate::verdict::Subject;
use ackproof_types::words::plural;
use ackproof_types::{GroupId, NodeId, Offset, RecordSlice, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lines of one story: of a longer one the middle is left out.
const LINES: usize = 10;
const FIRST: usize = 6;

/// One story in the making.
#[derive(Debug, Default)]
struct Tale {
    lines: Vec<String>,
    /// Brokers that have the record, and whether any ever had it.
    holders: Vec<NodeId>,
    /// The member that was given it last.
    member: Option<NodeId>,
    /// A commit past the record was told.
    passed: bool,
    sent: bool,
    /// A member went on past the record.
    over: bool,
    /// How often the group processed it.
    processed: u32,
    /// Where a story of work that was done again begins: with the poll before it was done the last time.
    since: usize,
    /// Where the last poll of each member that was given the record is told.
    polls: BTreeMap<NodeId, usize>,
    /// How far the group's commits had been acknowledged.
    committed: Option<Offset>,
    /// A rebalance is told since the last step of a member.
    rebalanced: bool,
}

/// Stories of some records.
#[derive(Debug)]
pub struct Story {
    context: Arc<Context>,
    tales: BTreeMap<Subject, Tale>,
}

impl Story {
    /// Nothing yet, of `subjects`.
    #[must_use]
    pub fn new(context: Arc<Context>, subjects: &[Subject]) -> Self {
        let tales = subjects.iter().map(|subject| (*subject, Tale::default())).collect();
        Self { context, tales }
    }

    /// Takes one entry.
    pub fn observe(&mut self, entry: &Entry) {
        let is_open = |subject: &Subject| subject.until.is_none_or(|until| entry.seq <= until);
        for (subject, tale) in self.tales.iter_mut().filter(|(subject, _)| is_open(subject)) {
            let line = match subject.group {
                None => tale.of_log(entry, subject, &self.context),
                Some(group) => tale.of_group(entry, subject, group, &self.context),
            };
            let line = line.or_else(|| tale.of_producer(entry, subject, &self.context));
            tale.lines.extend(line.map(|line| format!("{}  {line}", instant(entry.at))));
        }
    }

    /// How the record of `subject` fared, a step a line.
    #[must_use]
    pub fn of(&self, subject: &Subject) -> Vec<String> {
        let Some(tale) = self.tales.get(subject) else { return Vec::new() };
        // How a record came to be processed again begins where it was given to the member that did it before.
        let since = if tale.processed > 1 { tale.since } else { 0 };
        let mut lines = tale.lines[since..].to_vec();
        if lines.len() > LINES {
            let last = LINES - FIRST - 1;
            let left_out = lines.len() - LINES + 1;
            lines.splice(
                FIRST..lines.len() - last,
                [format!("… {}", plural(left_out as u64, "more step"))],
            );
        }
        lines
    }
}

impl Tale {
    fn of_producer(&mut self, entry: &Entry, of: &Subject, context: &Context) -> Option<String> {
        let name = || context.record(of.record);
        match &entry.event {
            Event::Sent { record, .. } if record.id == of.record => {
                let again = if std::mem::replace(&mut self.sent, true) { " again" } else { "" };
                Some(format!("{} sent {}{again}", context.node(entry.node), name()))
            }
            Event::Acked { partition, base_offset, by, records }
                if *partition == of.partition && holds(*base_offset, records, of) =>
            {
                let acks = &context.producer(of.record.producer).acks;
                let by = by.map_or("a broker", |by| context.broker_name(by));
                Some(format!("{by} acknowledged it at offset {} (acks={acks})", of.offset))
            }
            _ => None,
        }
    }

    fn of_log(&mut self, entry: &Entry, of: &Subject, context: &Context) -> Option<String> {
        let who = || context.node(entry.node);
        match &entry.event {
            Event::Appended { partition, epoch, base_offset, records, as_leader, .. }
                if *partition == of.partition && holds(*base_offset, records, of) =>
            {
                self.holders.push(entry.node);
                let role = if *as_leader { "leader" } else { "follower" };
                let at = of.offset;
                Some(format!("{} appended it as {role} at offset {at}, epoch {epoch}", who()))
            }
            Event::Truncated { partition, from, to }
                if *partition == of.partition
                    && *to <= of.offset
                    && self.holders.contains(&entry.node) =>
            {
                self.holders.retain(|holder| *holder != entry.node);
                Some(format!("{} truncated its log from {from} to {to}: gone there", who()))
            }
            Event::LogDeleted { partition, .. }
                if *partition == of.partition && self.holders.contains(&entry.node) =>
            {
                self.holders.retain(|holder| *holder != entry.node);
                Some(format!("{} is no replica any more, and deleted its log: gone there", who()))
            }
            Event::TailLost { partition, from, to, by }
                if *partition == of.partition
                    && *to <= of.offset
                    && self.holders.contains(&entry.node) =>
            {
                self.holders.retain(|holder| *holder != entry.node);
                Some(format!("{} {}: gone there", who(), by.words(*from, *to)))
            }
            Event::LogStartMoved { partition, to, why, .. }
                if *partition == of.partition
                    && *to > of.offset
                    && self.holders.contains(&entry.node) =>
            {
                self.holders.retain(|holder| *holder != entry.node);
                Some(why.deleted(who(), *to))
            }
            Event::LeaderElected { partition, leader, epoch, unclean, isr }
                if *partition == of.partition && !self.holders.is_empty() =>
            {
                let isr: Vec<u16> = isr.iter().map(|broker| broker.0).collect();
                let Some(leader) = leader else {
                    return Some(format!("{} has no leader (epoch {epoch})", place(of, context)));
                };
                let has = self.holders.contains(&context.process(*leader));
                let how = if *unclean { "elected uncleanly" } else { "elected" };
                let what = if has { "with" } else { "without" };
                let leader = context.broker_name(*leader);
                Some(format!("{leader} {how} {what} it (epoch {epoch}, in-sync set {isr:?})"))
            }
            Event::FinalReadBy { partition, broker, epoch }
                if *partition == of.partition && self.sent =>
            {
                let broker = context.broker_name(*broker);
                Some(format!("{broker} answers the final read as leader (epoch {epoch})"))
            }
            Event::ProcessEnded(how)
                if *how != ProcessEnd::Clean && self.holders.contains(&entry.node) =>
            {
                Some(format!("{} {}", who(), how.words()))
            }
            _ => None,
        }
    }

    fn of_group(
        &mut self,
        entry: &Entry,
        of: &Subject,
        of_group: GroupId,
        context: &Context,
    ) -> Option<String> {
        if self.over {
            return None;
        }
        if self.processed > 0 {
            return self.of_repetition(entry, of, of_group, context);
        }
        let who = || context.node(entry.node);
        match &entry.event {
            Event::Processed { group, record, .. }
                if *group == of_group && record.id == of.record =>
            {
                self.processed = 1;
                self.member = Some(entry.node);
                self.since = self.polled_by(entry.node);
                self.rebalanced = false;
                Some(format!("{} processed it", who()))
            }
            Event::GaveUp { group, record, .. } if *group == of_group && record.id == of.record => {
                Some(format!("{} gave it up without having processed it", who()))
            }
            Event::Committed { group, offsets } if *group == of_group => {
                self.note_commit(offsets, of);
                None
            }
            Event::Polled { group, partition, base_offset, records }
                if (*group, *partition) == (of_group, of.partition)
                    && holds(*base_offset, records, of) =>
            {
                self.member = Some(entry.node);
                self.polls.insert(entry.node, self.lines.len());
                self.rebalanced = false;
                Some(was_given(who(), *base_offset, records))
            }
            // It may be why the member that has the record is not the last one to do it.
            Event::Rebalanced { group, .. }
                if *group == of_group && of.until.is_some() && self.member.is_some() =>
            {
                self.of_rebalance(entry, of_group, context)
            }
            Event::CommitSent { group, offsets } if *group == of_group && !self.passed => {
                let past = |(partition, offset): &&(TopicPartition, Offset)| {
                    *partition == of.partition && *offset > of.offset
                };
                let (_, offset) = offsets.iter().find(past)?;
                self.passed = true;
                Some(format!("{} committed {} up to {offset}", who(), place(of, context)))
            }
            Event::Positioned { group, partition, offset, source }
                if (*group, *partition) == (of_group, of.partition) =>
            {
                let place = place(of, context);
                self.over = *offset > of.offset;
                Some(format!("{} starts at {place} offset {offset} ({})", who(), source.words()))
            }
            Event::OffsetsExpired { group, partitions } if *group == of_group => {
                expired(partitions, of, context)
            }
            Event::ProcessEnded(how) if self.member == Some(entry.node) => {
                self.member = None;
                let how = how.words();
                Some(format!("{} {how} without having processed it", who()))
            }
            _ => None,
        }
    }
}

impl Tale {
    /// What happens between the first time that the group processes a record and the second.
    fn of_repetition(
        &mut self,
        entry: &Entry,
        of: &Subject,
        of_group: GroupId,
        context: &Context,
    ) -> Option<String> {
        let who = || context.node(entry.node);
        let place = || place(of, context);
        let has = |partitions: &[TopicPartition]| partitions.contains(&of.partition);
        let is_rebalance =
            matches!(&entry.event, Event::Rebalanced { group, .. } if *group == of_group);
        let told = match &entry.event {
            Event::Processed { group, record, .. }
                if *group == of_group && record.id == of.record =>
            {
                self.processed += 1;
                self.over = of.until.is_none_or(|until| entry.seq >= until);
                if !self.over {
                    self.since = self.polled_by(entry.node);
                    self.member = Some(entry.node);
                    self.passed = false;
                }
                Some(format!("{} processed it again", who()))
            }
            Event::Committed { group, offsets } if *group == of_group => {
                let past = self.note_commit(offsets, of)?;
                let offset = past.then_some(self.committed?)?;
                let first = !std::mem::replace(&mut self.passed, true);
                first.then(|| format!("{} committed {} up to {offset}", who(), place()))
            }
            Event::CommitFailed { group, offsets, error, .. }
                if *group == of_group && offsets.iter().any(|(at, _)| *at == of.partition) =>
            {
                Some(format!("a commit of {} failed: {error}", who()))
            }
            Event::ProcessEnded(how) if self.member == Some(entry.node) => {
                self.member = None;
                let how = how.words();
                Some(format!("{} {how}; {}", who(), self.how_far(of, context)))
            }
            Event::Revoked { group, partitions, .. } if *group == of_group && has(partitions) => {
                Some(format!("{} gave {} back; {}", who(), place(), self.how_far(of, context)))
            }
            Event::Lost { group, partitions, .. } if *group == of_group && has(partitions) => {
                Some(format!("{} had lost {}; {}", who(), place(), self.how_far(of, context)))
            }
            Event::Rebalanced { group, .. } if *group == of_group => {
                self.of_rebalance(entry, of_group, context)
            }
            Event::OffsetsExpired { group, partitions } if *group == of_group => {
                expired(partitions, of, context)
            }
            Event::Positioned { group, partition, offset, source }
                if (*group, *partition) == (of_group, of.partition) && *offset <= of.offset =>
            {
                Some(format!(
                    "{} starts at {} offset {offset} ({})",
                    who(),
                    place(),
                    source.words()
                ))
            }
            Event::Polled { group, partition, base_offset, records }
                if (*group, *partition) == (of_group, of.partition)
                    && holds(*base_offset, records, of) =>
            {
                self.member = Some(entry.node);
                self.polls.insert(entry.node, self.lines.len());
                Some(was_given(who(), *base_offset, records))
            }
            _ => None,
        };
        self.rebalanced &= is_rebalance || told.is_none();
        told
    }

    /// Where the poll is told that gave the record to the member at `node`; else the next step.
    fn polled_by(&self, node: NodeId) -> usize {
        self.polls.get(&node).copied().unwrap_or(self.lines.len())
    }

    fn of_rebalance(&mut self, entry: &Entry, of: GroupId, context: &Context) -> Option<String> {
        let Event::Rebalanced { generation, members, reason, .. } = &entry.event else {
            return None;
        };
        let name = &context.groups[of.index()].name;
        let why = reason.map_or_else(String::new, |reason| format!("{}, ", reason.words()));
        let members = plural(u64::from(*members), "member");
        let how = format!("{why}{members} in generation {generation}");
        self.is_first_rebalance().then(|| format!("{name} rebalanced: {how}"))
    }

    /// Of several rebalances in a row the first is told.
    fn is_first_rebalance(&mut self) -> bool {
        !std::mem::replace(&mut self.rebalanced, true)
    }

    /// Takes an acknowledged commit; whether it passes the record, if it is of its partition.
    fn note_commit(&mut self, offsets: &[(TopicPartition, Offset)], of: &Subject) -> Option<bool> {
        let (_, offset) = offsets.iter().find(|(partition, _)| *partition == of.partition)?;
        self.committed = Some(*offset);
        Some(*offset > of.offset)
    }

    /// How far the group had committed by now.
    fn how_far(&self, of: &Subject, context: &Context) -> String {
        let place = place(of, context);
        match self.committed {
            Some(offset) if offset > of.offset => format!("{place} was committed up to {offset}"),
            Some(offset) => format!("{place} was committed up to {offset} only"),
            None => format!("nothing of {place} was committed"),
        }
    }
}

fn was_given(who: &str, base: Offset, records: &RecordSlice) -> String {
    format!("{who} polled offsets {base}..{}, the record among them", base.plus(records.len()))
}

fn expired(partitions: &[TopicPartition], of: &Subject, context: &Context) -> Option<String> {
    let is_it = partitions.contains(&of.partition);
    is_it.then(|| format!("the committed offset of {} expired", place(of, context)))
}

fn place(of: &Subject, context: &Context) -> String {
    context.partition(of.partition)
}

/// Whether a batch holds the record at its place.
fn holds(base: Offset, records: &RecordSlice, of: &Subject) -> bool {
    let index = usize::try_from(of.offset - base).ok();
    index.and_then(|index| records.get(index)).is_some_and(|record| record.id == of.record)
}

#[cfg(test)]
mod tests;
