//! Tells how given records fared, a line a step, from a pass over the history. It judges nothing, keeps
//! nothing of other records, and does not know why it was asked.
//!
//! Which records are worth a story is known only after a run; a run is deterministic, so the story is
//! told on a second one (see [`crate::judge::Judge::telling`]).

use crate::context::Context;
use crate::history::{Entry, Event, ProcessEnd};
use crate::report::instant;
use crate::verdict::Subject;
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
        for (subject, tale) in &mut self.tales {
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
        let mut lines = tale.lines.clone();
        if lines.len() > LINES {
            let last = LINES - FIRST - 1;
            let left_out = lines.len() - LINES + 1;
            lines.splice(FIRST..lines.len() - last, [format!("… {left_out} more steps")]);
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
                let by = by.map_or_else(|| "a broker".to_owned(), |by| by.to_string());
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
            Event::LeaderElected { partition, leader, epoch, unclean, isr }
                if *partition == of.partition && !self.holders.is_empty() =>
            {
                let isr: Vec<u16> = isr.iter().map(|broker| broker.0).collect();
                let Some(leader) = leader else {
                    return Some(format!("{} has no leader (epoch {epoch})", place(of, context)));
                };
                let has = self.holders.contains(&NodeId::from(*leader));
                let how = if *unclean { "elected uncleanly" } else { "elected" };
                let what = if has { "with" } else { "without" };
                Some(format!("{leader} {how} {what} it (epoch {epoch}, in-sync set {isr:?})"))
            }
            Event::ProcessEnded(ProcessEnd::Crash) if self.holders.contains(&entry.node) => {
                Some(format!("{} crashed", who()))
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
        let who = || context.node(entry.node);
        match &entry.event {
            Event::Polled { group, partition, base_offset, records }
                if (*group, *partition) == (of_group, of.partition)
                    && holds(*base_offset, records, of) =>
            {
                self.member = Some(entry.node);
                let (from, to) = (base_offset, base_offset.plus(records.len()));
                Some(format!("{} polled offsets {from}..{to}, the record among them", who()))
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
            Event::ProcessEnded(how) if self.member == Some(entry.node) => {
                self.member = None;
                let how = if *how == ProcessEnd::Crash { "crashed" } else { "stopped" };
                Some(format!("{} {how} without having processed it", who()))
            }
            _ => None,
        }
    }
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
mod tests {
    use super::*;
    use crate::history::PositionSource;
    use crate::test_history::*;

    fn told(group: Option<GroupId>, events: Vec<(u16, Event)>) -> Vec<String> {
        let subject = Subject { record: record(0).id, partition: P, offset: Offset(0), group };
        let mut story = Story::new(Arc::new(context()), &[subject]);
        for entry in entries(events) {
            story.observe(&entry);
        }
        story.of(&subject)
    }

    #[test]
    fn a_lost_record_is_followed_from_send_to_truncation() {
        let lines = told(
            None,
            vec![
                sent(0),
                sent(1),
                appended(1, 0, 0, &[0]),
                acked(0, &[0]),
                appended(3, 0, 0, &[0]),
                appended(1, 0, 1, &[1]),
                elected(2, 1, &[2, 3]),
                (3, Event::Truncated { partition: P, from: Offset(1), to: Offset(0) }),
            ],
        );
        assert_eq!(
            lines,
            [
                "0.000s  billing-0 sent billing-0#0",
                "2.000s  broker-1 appended it as leader at offset 0, epoch 0",
                "3.000s  broker-1 acknowledged it at offset 0 (acks=all)",
                "4.000s  broker-3 appended it as follower at offset 0, epoch 0",
                "6.000s  broker-2 elected without it (epoch 1, in-sync set [2, 3])",
                "7.000s  broker-3 truncated its log from 1 to 0: gone there",
            ]
        );
    }

    #[test]
    fn a_skipped_record_is_followed_through_the_group() {
        let lines = told(
            Some(G),
            vec![
                positioned(5, 0, PositionSource::NoCommitEarliest),
                polled(0, &[0, 1]),
                commit_sent(2),
                (5, Event::ProcessEnded(ProcessEnd::Crash)),
                positioned(6, 2, PositionSource::Committed),
                positioned(6, 2, PositionSource::Committed),
            ],
        );
        assert_eq!(
            lines,
            [
                "0.000s  ledger-0 starts at payments-0 offset 0 (no commit, reset to earliest)",
                "1.000s  ledger-0 polled offsets 0..2, the record among them",
                "2.000s  ledger-0 committed payments-0 up to 2",
                "3.000s  ledger-0 crashed without having processed it",
                "4.000s  ledger-1 starts at payments-0 offset 2 (committed)",
            ]
        );
    }

    #[test]
    fn a_long_story_keeps_its_ends() {
        let mut events = vec![sent(0), appended(1, 0, 0, &[0])];
        events.extend((1..20).map(|epoch| elected(1, epoch, &[1])));
        let lines = told(None, events);
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[FIRST], "… 12 more steps");
        assert!(lines[LINES - 1].contains("epoch 19"), "{lines:?}");
    }
}
