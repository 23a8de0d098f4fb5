//! What became of the record itself, an entry a step.

use super::{Part, Step};
use crate::context::Context;
use crate::history::{Entry, Event};
use ackproof_types::words::plural;
use ackproof_types::{
    GroupId, NodeId, Offset, Record, RecordId, RecordSlice, Timestamp, TopicPartition,
};

/// Whose doing a step is: what led to it has happened since the step before it of the same strand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strand {
    /// The producer's and its application's.
    Producer,
    /// A replica's.
    Replica(NodeId),
    /// The log's as a whole.
    Log,
    /// A group's.
    Group(GroupId),
}

/// A step in the making.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) seq: u64,
    at: Timestamp,
    node: NodeId,
    pub(super) strand: Strand,
    /// It is no part of a record's usual life: somebody will ask why.
    pub(super) is_odd: bool,
    pub(super) text: String,
}

impl Draft {
    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    pub(super) fn is_replicas(&self) -> bool {
        matches!(self.strand, Strand::Replica(_))
    }

    pub(super) fn into_step(self) -> Step {
        let Self { seq, at, node, text, .. } = self;
        Step { seq, at, node, part: Part::Step, left_out: 0, text }
    }
}

/// How a group came along with it.
#[derive(Clone, Debug, Default)]
struct Work {
    processed: u64,
    /// Who has it in hand, unprocessed.
    holder: Option<NodeId>,
    /// A commit passed it, since it was processed last.
    is_committed: bool,
    /// Its members went past it.
    is_past: bool,
}

/// The record on its way through the history.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    context: &'a Context,
    record: RecordId,
    /// The first record of each batch that it was in.
    firsts: Vec<RecordId>,
    /// Where it was appended or acknowledged, in order.
    pub(super) places: Vec<(TopicPartition, Offset)>,
    /// Where the batches begin that it was in.
    bases: Vec<(TopicPartition, Offset)>,
    /// Where it was sent to.
    pub(super) partition: Option<TopicPartition>,
    sent: u64,
    /// It was sent in this life of its producer, and has no outcome.
    is_under_way: bool,
    acked: Option<String>,
    failed: Option<String>,
    holders: Vec<(NodeId, Offset)>,
    /// Brokers that had it once.
    had: Vec<NodeId>,
    is_passed: bool,
    /// Whether the leader of its partition has it; none: nobody was elected since it was appended.
    leads: Option<bool>,
    found: Vec<Offset>,
    is_read: bool,
    works: Vec<Work>,
}

type Told = Option<(Strand, bool, String)>;

impl<'a> Walk<'a> {
    pub(super) fn new(context: &'a Context, entries: &[Entry], record: RecordId) -> Self {
        let mut firsts = Vec::new();
        for entry in entries {
            let (Event::Appended { records, as_leader: true, .. }
            | Event::Acked { records, .. }
            | Event::Failed { records, .. }) = &entry.event
            else {
                continue;
            };
            let holds = records.iter().any(|one| one.id == record);
            if let Some(first) = records.first().filter(|_| holds)
                && !firsts.contains(&first.id)
            {
                firsts.push(first.id);
            }
        }
        Self {
            context,
            record,
            firsts,
            places: Vec::new(),
            bases: Vec::new(),
            partition: None,
            sent: 0,
            is_under_way: false,
            acked: None,
            failed: None,
            holders: Vec::new(),
            had: Vec::new(),
            is_passed: false,
            leads: None,
            found: Vec::new(),
            is_read: false,
            works: vec![Work::default(); context.groups.len()],
        }
    }

    /// Where in a batch it is, as an offset.
    fn place(&self, base: Offset, records: &RecordSlice) -> Option<Offset> {
        records.iter().position(|one| one.id == self.record).map(|index| base.plus(index))
    }

    fn holds(&self, records: &RecordSlice) -> bool {
        records.iter().any(|one| one.id == self.record)
    }

    fn who(&self, entry: &Entry) -> &'a str {
        self.context.node(entry.node)
    }

    pub(super) fn step(&mut self, entry: &Entry) -> Option<Draft> {
        let told =
            self.of_producer(entry).or_else(|| self.of_log(entry)).or_else(|| self.of_group(entry));
        let (strand, is_odd, text) = told?;
        Some(Draft { seq: entry.seq, at: entry.at, node: entry.node, strand, is_odd, text })
    }

    fn of_producer(&mut self, entry: &Entry) -> Told {
        let who = self.who(entry);
        let (is_odd, text) = match &entry.event {
            Event::SendBlocked { record } if record.id == self.record => {
                (false, format!("{who} called send, which waits for metadata or memory"))
            }
            Event::Sent { record, partition } if record.id == self.record => {
                self.sent += 1;
                self.is_under_way = true;
                self.partition = partition.or(self.partition);
                let to = partition.map_or_else(String::new, |partition| {
                    format!(" to {}", self.context.partition(partition))
                });
                let about = about(record);
                let again = if self.sent > 1 { " again" } else { "" };
                (self.sent > 1, format!("{who} sent it{to}{again}{about}"))
            }
            Event::Rejected { record, error } if record.id == self.record => {
                self.is_under_way = false;
                self.failed = Some(format!("send failed at once: {error}"));
                (true, format!("send failed at once: {error}"))
            }
            Event::Retried { partition, first, error }
                if Some(*partition) == self.partition && self.firsts.contains(&first.id) =>
            {
                (true, format!("{who} sends its batch again after {error}"))
            }
            Event::Acked { partition, base_offset, by, records } if self.holds(records) => {
                self.is_under_way = false;
                let acks = &self.context.producer(self.record.producer).acks;
                if *base_offset == Offset::UNKNOWN {
                    self.acked = Some(format!("written to a socket (acks={acks})"));
                    let text = format!("{who} wrote it to a socket: success with acks={acks}");
                    return Some((Strand::Producer, false, text));
                }
                let offset = self.place(*base_offset, records)?;
                self.note(*partition, offset);
                let place = format!("{}@{offset}", self.context.partition(*partition));
                self.acked = Some(format!("acknowledged at {place} (acks={acks})"));
                let by = by.map_or("a broker", |by| self.context.broker_name(by));
                (false, format!("{by} acknowledged it at offset {offset} (acks={acks})"))
            }
            Event::Failed { records, error, maybe_written, .. } if self.holds(records) => {
                let sure =
                    if *maybe_written { "it may be written" } else { "certainly not written" };
                self.is_under_way = false;
                self.failed = Some(format!("send failed: {error}; {sure}"));
                (true, format!("send failed: {error}; {sure}"))
            }
            Event::Unsent { records } if self.holds(records) => {
                self.is_under_way = false;
                self.failed = Some("never left the producer's buffer".to_owned());
                (true, format!("{who} ended without flush: it never left the buffer"))
            }
            Event::ProcessEnded(how)
                if self.is_under_way
                    && self.context.producer(self.record.producer).node == entry.node =>
            {
                self.is_under_way = false;
                (true, format!("{who} {} before it knew the outcome", how.words()))
            }
            _ => return None,
        };
        Some((Strand::Producer, is_odd, text))
    }

    fn note(&mut self, partition: TopicPartition, offset: Offset) {
        self.partition = Some(partition);
        if !self.places.contains(&(partition, offset)) {
            self.places.push((partition, offset));
        }
    }

    /// What lies there is gone from the log of a replica; tells of it if the record was there.
    fn gone(&mut self, entry: &Entry, lies: impl Fn(Offset) -> bool, text: String) -> Told {
        let before = self.holders.len();
        self.holders.retain(|(node, offset)| *node != entry.node || !lies(*offset));
        (self.holders.len() < before).then_some((Strand::Replica(entry.node), true, text))
    }

    fn of_log(&mut self, entry: &Entry) -> Told {
        let who = self.who(entry);
        match &entry.event {
            Event::Appended { partition, epoch, base_offset, records, as_leader, .. }
                if self.holds(records) =>
            {
                let offset = self.place(*base_offset, records)?;
                let is_copy = *as_leader && !self.places.is_empty();
                self.note(*partition, offset);
                self.bases.push((*partition, *base_offset));
                self.holders.push((entry.node, offset));
                let again = if self.had.contains(&entry.node) { " again" } else { "" };
                self.had.push(entry.node);
                if *as_leader {
                    self.leads = None;
                }
                let role = if *as_leader { "leader" } else { "follower" };
                let text = format!("{who} appended it{again} as {role} at offset {offset}");
                let text = format!("{text}, epoch {epoch}{}", batch(&entry.event));
                Some((Strand::Replica(entry.node), is_copy, text))
            }
            Event::DuplicateBatch { partition, base_offset }
                if self.bases.contains(&(*partition, *base_offset)) =>
            {
                let text =
                    format!("{who} recognised the batch, which it has at offset {base_offset}");
                Some((Strand::Producer, false, text))
            }
            Event::LeaderElected { partition, leader, .. }
                if Some(*partition) == self.partition =>
            {
                let has = |node| self.holders.iter().any(|(holder, _)| *holder == node);
                self.leads = leader.map(|leader| has(self.context.process(leader)));
                None
            }
            Event::HighWatermark { partition, offset, .. }
                if !self.is_passed && self.is_below(*partition, *offset) =>
            {
                self.is_passed = true;
                let text = format!("{who} raised the high watermark past it, to {offset}");
                Some((Strand::Log, false, text))
            }
            Event::FinalRead { partition, base_offset, records } if self.holds(records) => {
                let offset = self.place(*base_offset, records)?;
                self.note(*partition, offset);
                self.found.push(offset);
                let place = self.context.partition(*partition);
                Some((Strand::Log, false, format!("the final read finds it at {place}@{offset}")))
            }
            Event::FinalReadDone { partition, end, .. } if Some(*partition) == self.partition => {
                self.is_read = true;
                let place = self.context.partition(*partition);
                let text = format!("the final read of {place} ends at {end}, without it");
                self.found.is_empty().then_some((Strand::Log, self.acked.is_some(), text))
            }
            _ => self.of_loss(entry),
        }
    }

    /// What takes it away from a replica.
    fn of_loss(&mut self, entry: &Entry) -> Told {
        let who = self.who(entry);
        match &entry.event {
            Event::Truncated { partition, from, to } if Some(*partition) == self.partition => {
                let text = format!("{who} truncated its log from {from} to {to}: gone there");
                self.gone(entry, |offset| offset >= *to, text)
            }
            Event::LogDeleted { partition, .. } if Some(*partition) == self.partition => {
                let text = format!("{who} is no replica any more, and deleted its log: gone there");
                self.gone(entry, |_| true, text)
            }
            Event::TopicDeleted { topic, .. }
                if self.partition.is_some_and(|place| place.topic == *topic) =>
            {
                Some((Strand::Log, self.acked.is_some(), format!("{who} deleted the topic")))
            }
            Event::TailLost { partition, from, to, by } if Some(*partition) == self.partition => {
                let text = format!("{who} {}: gone there", by.words(*from, *to));
                self.gone(entry, |offset| offset >= *to, text)
            }
            Event::LogStartMoved { partition, to, why, .. } => {
                let is_ours = Some(*partition) == self.partition;
                self.gone(entry, |at| is_ours && at < *to, why.deleted(who, *to))
            }
            _ => None,
        }
    }

    /// A copy of it lies in `partition` below `offset`, as far as the replicas' logs are on record.
    fn is_below(&self, partition: TopicPartition, offset: Offset) -> bool {
        // Under a leader that does not have it, another record may lie there.
        if !self.had.is_empty() && self.leads == Some(false) {
            return false;
        }
        self.places.iter().any(|(at, here)| *at == partition && *here < offset)
    }

    fn passes(&self, offsets: &[(TopicPartition, Offset)]) -> Option<Offset> {
        let past = |(at, offset): &&(TopicPartition, Offset)| self.is_below(*at, *offset);
        offsets.iter().find(past).map(|(_, offset)| *offset)
    }

    fn of_group(&mut self, entry: &Entry) -> Told {
        let who = self.who(entry);
        let (group, is_odd, text) = match &entry.event {
            Event::Polled { group, base_offset, records, .. } if self.holds(records) => {
                let work = &mut self.works[group.index()];
                work.holder = Some(entry.node);
                let again = if work.processed > 0 { " again" } else { "" };
                let to = base_offset.plus(records.len());
                let text = format!("{who} polled it{again}, with offsets {base_offset} to {to}");
                (*group, work.processed > 0, text)
            }
            Event::Processed { group, record, dead_lettered, .. } if record.id == self.record => {
                let work = &mut self.works[group.index()];
                work.processed += 1;
                (work.holder, work.is_committed) = (None, false);
                let text = if *dead_lettered {
                    format!("{who} put it aside: every attempt had failed")
                } else if work.processed > 1 {
                    format!("{who} processed it again")
                } else {
                    format!("{who} processed it")
                };
                (*group, work.processed > 1 || *dead_lettered, text)
            }
            Event::GaveUp { group, record, .. } if record.id == self.record => {
                (*group, true, format!("{who} gave it up without having processed it"))
            }
            Event::Committed { group, offsets } => {
                let offset = self.passes(offsets)?;
                // Where nobody tells of replicas, another record may lie there under another leader.
                let is_unsure = self.had.is_empty() && self.leads.is_some();
                let work = &mut self.works[group.index()];
                if is_unsure && work.processed == 0 {
                    return None;
                }
                if work.is_past || std::mem::replace(&mut work.is_committed, true) {
                    return None;
                }
                let is_early = work.processed == 0;
                let of = self.context.stands_for(*group);
                if let Some(of) = of.filter(|_| self.context.translates(entry.node, *group)) {
                    let (of, group) = (self.context.group(of), self.context.group(*group));
                    let text = format!("{who} committed {offset} for {group}: what {of} had done");
                    return Some((Strand::Log, false, text));
                }
                let early = if is_early { ", before it had processed it" } else { "" };
                let text = format!("{who} committed up to {offset}{early}");
                (*group, is_early, text)
            }
            Event::Positioned { group, partition, offset, source }
                if self.is_below(*partition, *offset)
                    && self.works[group.index()].processed == 0
                    && !self.works[group.index()].is_past =>
            {
                self.works[group.index()].is_past = true;
                let how = source.words();
                (*group, true, format!("{who} starts behind it, at offset {offset} ({how})"))
            }
            Event::ProcessEnded(how) => {
                let holds = |work: &Work| work.holder == Some(entry.node);
                let place = self.works.iter().position(holds)?;
                self.works[place].holder = None;
                let group = GroupId(u16::try_from(place).ok()?);
                let text = format!("{who} {} without having processed it", how.words());
                (group, true, text)
            }
            _ => return self.of_results(entry),
        };
        Some((Strand::Group(group), is_odd, text))
    }

    /// What came of the work of a group.
    fn of_results(&self, entry: &Entry) -> Told {
        let who = self.who(entry);
        let (group, text) = match &entry.event {
            Event::Derived { group, record, output, .. } if record.id == self.record => {
                let made = self.context.record(output.id);
                let is_copy = self.context.groups[group.index()].is_mirror();
                let what = if is_copy { "copies it as" } else { "made" };
                let of = if is_copy { "" } else { " of it" };
                (*group, format!("{who} {what} {made}{of}, and calls send"))
            }
            Event::Derived { group, record, output, .. } if output.id == self.record => {
                let from = self.context.record(record.id);
                (*group, format!("{who} made it of {from}"))
            }
            Event::GroupMoved { group, to } => {
                let topic = self.partition.map(|partition| partition.topic);
                let reads = |group: &GroupId| {
                    topic.is_some_and(|one| {
                        self.context.groups[group.index()].topics.contains(&one.name())
                    })
                };
                let (from, to) = ([*group].into_iter().find(reads)?, self.context.group(*to));
                (from, format!("{} ends here, and goes on as {to}", self.context.group(from)))
            }
            Event::SinkWritten { group, record, ignored, .. } if record.id == self.record => {
                let what = if *ignored { "recognised it: nothing changed" } else { "took it" };
                (*group, format!("the sink of {} {what}", self.context.group(*group)))
            }
            _ => return None,
        };
        Some((Strand::Group(group), false, text))
    }

    /// What became of it, a sentence each.
    pub(super) fn outcome(&self) -> Vec<String> {
        let mut said = Vec::new();
        match (&self.acked, &self.failed) {
            (Some(acked), _) => said.push(acked.clone()),
            (None, Some(failed)) => said.push(failed.clone()),
            (None, None) if self.sent > 0 => {
                said.push("no outcome: unknown to its producer".to_owned())
            }
            (None, None) => {}
        }
        let place = self.partition.map(|partition| self.context.partition(partition));
        let place = place.unwrap_or_default();
        match self.found.as_slice() {
            [] if self.is_read => said.push("in no log at the end".to_owned()),
            [] => {}
            [one] => said.push(format!("at {place}@{one} at the end")),
            many => {
                let copies = plural(many.len() as u64, "copy").replace("copys", "copies");
                said.push(format!("{copies} of it in {place} at the end"));
            }
        }
        let topic = self.partition.map(|partition| partition.topic);
        for (group, work) in self.context.groups.iter().zip(&self.works) {
            if !topic.is_some_and(|topic| group.topics.contains(&topic.name())) {
                continue;
            }
            said.push(match work.processed {
                0 => format!("{} did not process it", group.name),
                1 => format!("{} processed it once", group.name),
                count => format!("{} processed it {count} times", group.name),
            });
        }
        said
    }
}

/// ` (key 7, 120 bytes)`, as far as it is on record.
fn about(record: &Record) -> String {
    let key = record.key.map(|key| format!("key {key}"));
    let size = (record.size > 0).then(|| plural(u64::from(record.size), "byte"));
    let about: Vec<String> = key.into_iter().chain(size).collect();
    if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) }
}

/// With how many others a record came to its leader, if it did.
fn batch(appended: &Event) -> String {
    match appended {
        Event::Appended { records, base_offset, as_leader: true, .. } if records.len() > 1 => {
            format!(", in a batch of {} records from offset {base_offset}", records.len())
        }
        _ => String::new(),
    }
}
