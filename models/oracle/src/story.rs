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
    /// Where the poll is told whose record was processed first.
    since: usize,
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
        // How a record came to be processed again begins where it was first given to a member.
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
                Some(format!("{} processed it", who()))
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
                self.since = self.lines.len();
                Some(was_given(who(), *base_offset, records))
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
                self.over = true;
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
                let how = if *how == ProcessEnd::Crash { "crashed" } else { "stopped" };
                Some(format!("{} {how}; {}", who(), self.how_far(of, context)))
            }
            Event::Revoked { group, partitions, .. } if *group == of_group && has(partitions) => {
                Some(format!("{} gave {} back; {}", who(), place(), self.how_far(of, context)))
            }
            Event::Lost { group, partitions, .. } if *group == of_group && has(partitions) => {
                Some(format!("{} had lost {}; {}", who(), place(), self.how_far(of, context)))
            }
            Event::Rebalanced { group, generation, members, reason } if *group == of_group => {
                let name = &context.groups[of_group.index()].name;
                let why = reason.map_or_else(String::new, |reason| format!("{}, ", reason.words()));
                let members = plural(u64::from(*members), "member");
                let how = format!("{why}{members} in generation {generation}");
                self.is_first_rebalance().then(|| format!("{name} rebalanced: {how}"))
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
                Some(was_given(who(), *base_offset, records))
            }
            _ => None,
        };
        self.rebalanced &= is_rebalance || told.is_none();
        told
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
    use ackproof_types::{GenerationId, MemberId};

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
    fn a_record_processed_again_is_followed_from_the_first_time_to_the_second() {
        let revoked = Event::Revoked { group: G, member: MemberId(0), partitions: Arc::new([P]) };
        let rebalanced = |generation| {
            let generation = GenerationId(generation);
            (1, Event::Rebalanced { group: G, generation, members: 2, reason: None })
        };
        let lines = told(
            Some(G),
            vec![
                sent(0),
                acked(0, &[0]),
                polled(0, &[0, 1]),
                processed(0, 0),
                (5, revoked),
                rebalanced(2),
                rebalanced(3),
                positioned(6, 0, PositionSource::NoCommitEarliest),
                polled(0, &[0, 1]),
                processed(0, 0),
                processed(0, 0),
            ],
        );
        assert_eq!(
            lines,
            [
                "2.000s  ledger-0 polled offsets 0..2, the record among them",
                "3.000s  ledger-0 processed it",
                "4.000s  ledger-0 gave payments-0 back; nothing of payments-0 was committed",
                "5.000s  ledger rebalanced: 2 members in generation 2",
                "7.000s  ledger-1 starts at payments-0 offset 0 (no commit, reset to earliest)",
                "8.000s  ledger-0 polled offsets 0..2, the record among them",
                "9.000s  ledger-0 processed it again",
            ]
        );
        let crash = (5, Event::ProcessEnded(ProcessEnd::Crash));
        let with = |commits: Vec<(u16, Event)>| {
            let mut events = vec![polled(0, &[0, 1]), processed(0, 0)];
            events.extend(commits);
            events.extend([crash.clone(), processed(0, 0)]);
            told(Some(G), events)[2..].join("\n")
        };
        let only = with(vec![committed(0)]);
        assert!(only.contains("crashed; payments-0 was committed up to 0 only"), "{only}");
        let passed = with(vec![committed(2)]);
        assert!(
            passed.contains("committed payments-0 up to 2\n"),
            "a commit that was lost: {passed}"
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
