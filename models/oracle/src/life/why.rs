//! What led to the odd steps of a record: only what touches those who had a part in it, and only what happened
//! since the step before.

use super::steps::{Draft, Strand, Walk};
use super::{Part, Step};
use crate::context::Context;
use crate::history::{Entry, Event};
use ackproof_types::{Acks, BrokerId, GenerationId, GroupId, NodeId, Offset, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Lines before one step: of more the middle is left out.
const MOST: usize = 30;

/// Who leads a partition from an entry on, and who is in sync.
type Leads = Vec<(u64, Option<BrokerId>)>;

/// What is known of the whole history.
struct Around<'a> {
    entries: &'a [Entry],
    context: &'a Context,
    partition: Option<TopicPartition>,
    leads: BTreeMap<TopicPartition, Leads>,
    /// By number: from, to, whom, what.
    faults: BTreeMap<u32, (usize, u64, Option<NodeId>, Arc<str>)>,
}

pub(super) fn before(
    drafts: &[Draft],
    entries: &[Entry],
    context: &Context,
    walk: &Walk<'_>,
) -> Vec<Step> {
    let around = Around::new(entries, context, walk.partition);
    let mut steps: BTreeMap<u64, Step> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate().filter(|(_, draft)| draft.is_odd) {
        let earlier = || drafts[..index].iter().rev();
        let same = || earlier().filter(|one| one.strand == draft.strand);
        let from = match draft.strand {
            // That no log has it any more needs no other reason than that it was cut off.
            Strand::Log if earlier().any(|one| one.is_odd && one.is_replicas()) => continue,
            Strand::Log => earlier().find(|one| !matches!(one.strand, Strand::Group(_))),
            // What made work odd may have begun before it was done the first time.
            Strand::Group(_) => same().nth(1).or_else(|| same().next()),
            Strand::Producer | Strand::Replica(_) => same().next(),
        };
        let from = from.or(drafts.first()).map_or(0, |one| one.seq);
        let workers = earlier().filter(|one| one.strand == draft.strand).map(Draft::node);
        let workers: BTreeSet<NodeId> = workers.collect();
        for step in around.between(from, draft, &workers) {
            steps.entry(step.seq).or_insert(step);
        }
    }
    steps.into_values().collect()
}

impl<'a> Around<'a> {
    fn new(entries: &'a [Entry], context: &'a Context, partition: Option<TopicPartition>) -> Self {
        let mut leads: BTreeMap<TopicPartition, Leads> = BTreeMap::new();
        let mut faults = BTreeMap::new();
        for (place, entry) in entries.iter().enumerate() {
            match &entry.event {
                Event::LeaderElected { partition, leader, .. } => {
                    leads.entry(*partition).or_default().push((entry.seq, *leader));
                }
                Event::FaultStarted { fault, target, text } => {
                    let open = (place, u64::MAX, *target, Arc::clone(text));
                    faults.insert(*fault, open);
                }
                Event::FaultEnded { fault } => {
                    if let Some(one) = faults.get_mut(fault) {
                        one.1 = entry.seq;
                    }
                }
                _ => {}
            }
        }
        Self { entries, context, partition, leads, faults }
    }

    /// Brokers that lead `partition` at some time between two entries.
    fn leaders(&self, partition: TopicPartition, from: u64, to: u64) -> BTreeSet<NodeId> {
        let all = self.leads.get(&partition).map_or(&[][..], Vec::as_slice);
        let first = all.iter().rev().find(|(seq, _)| *seq <= from);
        let later = all.iter().filter(|(seq, _)| (from..=to).contains(seq));
        let leaders = first.into_iter().chain(later).filter_map(|(_, leader)| *leader);
        leaders.map(|broker| self.context.process(broker)).collect()
    }

    fn window(&self, from: u64, to: u64) -> &'a [Entry] {
        let start = self.entries.partition_point(|entry| entry.seq <= from);
        let end = self.entries.partition_point(|entry| entry.seq < to);
        &self.entries[start..end.max(start)]
    }

    /// Who had a part in what a strand did.
    fn actors(&self, from: u64, of: &Draft) -> BTreeSet<NodeId> {
        let mut actors = BTreeSet::new();
        if of.strand != Strand::Log {
            actors.insert(of.node());
        }
        if let Some(partition) = self.partition {
            match of.strand {
                Strand::Producer | Strand::Replica(_) | Strand::Log => {
                    actors.extend(self.leaders(partition, from, of.seq));
                }
                Strand::Group(group) => {
                    actors.extend(self.leaders(self.context.home(group), from, of.seq));
                    actors.extend(self.members(group, partition, of.seq));
                }
            }
        }
        actors
    }

    /// The last two members of a group that were given a partition by then.
    fn members(&self, group: GroupId, partition: TopicPartition, to: u64) -> Vec<NodeId> {
        let mut last = Vec::new();
        for entry in self.window(0, to).iter().rev() {
            let had = match &entry.event {
                Event::Assigned { group: of, partitions, .. } => {
                    *of == group && partitions.contains(&partition)
                }
                Event::Polled { group: of, partition: at, .. } => (*of, *at) == (group, partition),
                _ => false,
            };
            if had && !last.contains(&entry.node) {
                last.push(entry.node);
            }
            if last.len() == 2 {
                break;
            }
        }
        last
    }

    fn between(&self, from: u64, draft: &Draft, workers: &BTreeSet<NodeId>) -> Vec<Step> {
        let mut actors = self.actors(from, draft);
        if draft.strand != Strand::Log {
            actors.extend(workers);
        }
        let mut committed = self.committed(from, draft.strand);
        let mut steps: Vec<Step> = Vec::new();
        // Faults that were in force already, and an in-sync set that had lost somebody.
        for (place, to, target, text) in self.faults.values() {
            let entry = &self.entries[*place];
            let concerns = target.is_none_or(|node| actors.contains(&node));
            if entry.seq < from && *to > from && concerns {
                steps.push(step(entry, format!("fault: {text}")));
            }
        }
        steps.extend(self.shrunk(from, draft.strand));
        let mut rebalanced = false;
        for entry in self.window(from, draft.seq) {
            let back = self.went_back(entry, draft.strand, &mut committed);
            let Some(text) = back.or_else(|| self.text(entry, draft.strand, &actors)) else {
                continue;
            };
            let is_rebalance = matches!(entry.event, Event::Rebalanced { .. });
            if is_rebalance && std::mem::replace(&mut rebalanced, true) {
                continue;
            }
            rebalanced &= is_rebalance;
            if steps.last().is_none_or(|last| last.text != text) {
                steps.push(step(entry, text));
            }
            // Under the next leader it lies in no log: what follows has no part in it.
            let is_over = matches!(&entry.event, Event::LeaderElected { partition, .. }
                if Some(*partition) == self.partition);
            if is_over && draft.strand == Strand::Log {
                break;
            }
        }
        if steps.len() > MOST {
            let left_out = steps.len() - MOST + 1;
            let at = MOST / 2;
            steps.drain(at..at + left_out);
            steps[at].left_out = left_out;
        }
        steps
    }

    /// How far a group had committed by an entry.
    fn committed(&self, to: u64, strand: Strand) -> Option<Offset> {
        let mut before = self.window(0, to).iter().rev();
        before.find_map(|entry| self.commit(entry, strand))
    }

    fn commit(&self, entry: &Entry, strand: Strand) -> Option<Offset> {
        let (Event::Committed { group, offsets }, Strand::Group(of)) = (&entry.event, strand)
        else {
            return None;
        };
        let here = |(partition, _): &&(TopicPartition, Offset)| Some(*partition) == self.partition;
        let mine = offsets.iter().find(here).filter(|_| *group == of);
        mine.map(|(_, offset)| *offset)
    }

    /// A commit that takes effect behind one that had gone further.
    fn went_back(
        &self,
        entry: &Entry,
        strand: Strand,
        committed: &mut Option<Offset>,
    ) -> Option<String> {
        let offset = self.commit(entry, strand)?;
        let before = committed.replace(offset).filter(|before| *before > offset)?;
        let who = self.context.node(entry.node);
        Some(format!("{who} committed {offset}, where {before} had been committed"))
    }

    /// The last change of the in-sync set before an entry, if somebody is missing since.
    fn shrunk(&self, from: u64, strand: Strand) -> Option<Step> {
        let partition = self.partition?;
        if matches!(strand, Strand::Group(_)) {
            return None;
        }
        let all = self.context.topics[partition.topic.index()].replication_factor;
        let end = self.entries.partition_point(|entry| entry.seq < from);
        let last = self.entries[..end].iter().rev().find_map(|entry| match &entry.event {
            Event::LeaderElected { partition: at, isr, .. }
            | Event::IsrChanged { partition: at, isr, .. }
                if *at == partition =>
            {
                Some((entry, isr.len()))
            }
            _ => None,
        });
        let (entry, size) = last?;
        if size >= usize::from(all) {
            return None;
        }
        self.text(entry, strand, &BTreeSet::new()).map(|text| step(entry, text))
    }

    fn text(&self, entry: &Entry, strand: Strand, actors: &BTreeSet<NodeId>) -> Option<String> {
        let who = self.context.node(entry.node);
        let is_actor = actors.contains(&entry.node);
        match &entry.event {
            Event::FaultStarted { target, text, .. }
                if target.is_none_or(|node| actors.contains(&node)) =>
            {
                Some(format!("fault: {text}"))
            }
            Event::ProcessEnded(how) if is_actor => Some(format!("{who} {}", how.words())),
            Event::ProcessStarted if is_actor => {
                let before =
                    &self.entries[..self.entries.partition_point(|one| one.seq < entry.seq)];
                let ended = |one: &Entry| {
                    one.node == entry.node && matches!(one.event, Event::ProcessEnded(_))
                };
                let again = if before.iter().any(ended) { " again" } else { "" };
                Some(format!("{who} started{again}"))
            }
            Event::Fenced { broker } if actors.contains(&self.context.process(*broker)) => {
                Some(format!("the controller fenced {}", self.context.broker_name(*broker)))
            }
            Event::Unfenced { broker } if actors.contains(&self.context.process(*broker)) => {
                Some(format!("the controller unfenced {}", self.context.broker_name(*broker)))
            }
            _ => match strand {
                Strand::Group(group) => self.of_group(entry, group),
                Strand::Producer | Strand::Replica(_) | Strand::Log => {
                    self.of_log(entry, strand == Strand::Producer)
                }
            },
        }
    }

    fn of_log(&self, entry: &Entry, is_producers: bool) -> Option<String> {
        let partition = self.partition?;
        let place = || self.context.partition(partition);
        match &entry.event {
            Event::LeaderElected { partition: at, leader, epoch, isr, unclean }
                if *at == partition =>
            {
                let Some(leader) = leader else {
                    return Some(format!("{} has no leader (epoch {epoch})", place()));
                };
                let leader = self.context.broker_name(*leader);
                let how = if *unclean { ", from outside the in-sync set" } else { "" };
                let isr = brokers(isr);
                Some(format!(
                    "{leader} became leader of {} in epoch {epoch}{how}; in sync: {isr}",
                    place()
                ))
            }
            Event::IsrChanged { partition: at, before, isr }
                if *at == partition && self.waits() =>
            {
                let (before, isr) = (brokers(before), brokers(isr));
                Some(format!("in-sync set of {}: {before} became {isr}", place()))
            }
            Event::NotEnoughReplicas { partition: at, isr } if *at == partition && is_producers => {
                let who = self.context.node(entry.node);
                Some(format!("{who} refused batches of {}: {isr} in sync", place()))
            }
            Event::ProducerEpochBumped { partition: at } if *at == partition && is_producers => {
                Some(format!("{} raised its producer epoch", self.context.node(entry.node)))
            }
            _ => None,
        }
    }

    /// Whether a producer of the topic waits for an answer: with `acks=0` nobody asks who is in sync.
    fn waits(&self) -> bool {
        let mut writers = self.context.producers.iter();
        self.partition.is_some_and(|one| {
            writers
                .any(|producer| producer.topic == one.topic.name() && producer.acks != Acks::None)
        })
    }

    fn of_group(&self, entry: &Entry, of: GroupId) -> Option<String> {
        let partition = self.partition?;
        let (who, place) = (self.context.node(entry.node), || self.context.partition(partition));
        let name = self.context.group(of);
        match &entry.event {
            Event::Rebalanced { group, generation, reason, .. } if *group == of => {
                let why = reason.map_or_else(String::new, |reason| format!(": {}", reason.words()));
                Some(format!("{name} rebalanced{why}{}", in_generation(*generation)))
            }
            Event::Assigned { group, partitions, generation, .. }
                if *group == of && partitions.contains(&partition) =>
            {
                Some(format!("{who} was assigned {}{}", place(), in_generation(*generation)))
            }
            Event::Revoked { group, partitions, .. }
                if *group == of && partitions.contains(&partition) =>
            {
                Some(format!("{who} gave {} back", place()))
            }
            Event::Lost { group, partitions, .. }
                if *group == of && partitions.contains(&partition) =>
            {
                Some(format!("{who} had lost {}", place()))
            }
            Event::Positioned { group, partition: at, offset, source }
                if (*group, *at) == (of, partition) =>
            {
                Some(format!("{who} starts at offset {offset} ({})", source.words()))
            }
            Event::CommitFailed { group, offsets, error, .. }
                if *group == of && offsets.iter().any(|(at, _)| *at == partition) =>
            {
                Some(format!("a commit of {who} failed: {error}"))
            }
            Event::OffsetsExpired { group, partitions }
                if *group == of && partitions.contains(&partition) =>
            {
                Some(format!("the committed offset of {} expired", place()))
            }
            Event::PollFailed { group, error } if *group == of => {
                Some(format!("poll() of {who} threw: {error}"))
            }
            Event::MemberReplaced { group, .. } if *group == of => {
                Some(format!("another process took the place of a static member of {name}"))
            }
            Event::CoordinatorLoaded { partition: home } if *home == self.context.home(of) => {
                Some(format!("{who} became the coordinator of {name}"))
            }
            Event::LeaderElected { partition: at, unclean: true, leader, .. }
                if *at == partition =>
            {
                let leader = leader.map_or("nobody", |leader| self.context.broker_name(leader));
                Some(format!("{leader} became leader of {}, from outside the in-sync set", place()))
            }
            _ => None,
        }
    }
}

fn step(entry: &Entry, text: String) -> Step {
    Step { seq: entry.seq, at: entry.at, node: entry.node, part: Part::Cause, left_out: 0, text }
}

/// `1, 2 and 3`.
fn brokers(ids: &[BrokerId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
    match ids.split_last() {
        None => "nobody".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// ` (generation 3)`; nothing where it is not on record.
fn in_generation(generation: GenerationId) -> String {
    if generation.0 < 0 { String::new() } else { format!(" (generation {generation})") }
}
