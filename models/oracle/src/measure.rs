//! Counts of records and groups, and how often each witness occurred. It judges nothing.

use crate::cause::{DuplicateCause, LossCause};
use crate::context::Context;
use crate::history::{Entry, Event, PositionSource, ProcessEnd};
use crate::moves::Moves;
use crate::pace::{Clocks, Pace};
use crate::places::GroupPlaces;
use crate::record_set::RecordSet;
use crate::verdict::{GroupCounts, RecordCounts};
use ackproof_types::{
    BrokerId, NodeId, Offset, ProducerIndex, RecordId, Timestamp, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

macro_rules! witnesses {
    ($($name:ident),* $(,)?) => {
        /// Names of all witnesses.
        pub const WITNESSES: &[&str] = &[$(stringify!($name)),*];

        #[derive(Debug, Default)]
        struct Witnesses { $($name: u64,)* }

        impl Witnesses {
            fn by_name(&self) -> BTreeMap<&'static str, u64> {
                BTreeMap::from([$((stringify!($name), self.$name)),*])
            }
        }
    };
}

witnesses! {
    coordinator_moved, duplicate_batch, epoch_bumped, fenced, isr_expanded, isr_shrunk,
    leader_elected, not_enough_replicas, offline, position_reset, process_crashed,
    process_restarted, rebalance, redelivered, retried, truncated, unclean_election,
}

// What is known of a record, one byte each.
const SENT: u8 = 1;
const ACKED: u8 = 2;
const FAILED: u8 = 4;
const READ: u8 = 8;
const AGAIN: u8 = 16;

/// A group's work in a partition, as far as it explains duplicates.
#[derive(Debug, Default)]
struct Redelivery {
    /// Who found its position last, and how often it had crashed by then.
    owner: Option<(NodeId, u32)>,
    /// One past the highest offset processed.
    high: i64,
    /// Why the owner may be given again what was processed.
    cause: Option<DuplicateCause>,
    /// The owner processed something.
    worked: bool,
    /// Processed first by somebody who was not the owner.
    foreign: BTreeSet<i64>,
}

impl Redelivery {
    fn resume(&mut self, node: NodeId, crashes: &BTreeMap<NodeId, u32>, source: PositionSource) {
        let life = |node| crashes.get(&node).copied().unwrap_or(0);
        let crashed = self.owner.is_some_and(|(before, then)| life(before) != then);
        let cause = match source {
            PositionSource::Committed if crashed => DuplicateCause::MemberCrash,
            PositionSource::Committed => DuplicateCause::Rebalance,
            PositionSource::NoCommitEarliest | PositionSource::NoCommitLatest if crashed => {
                DuplicateCause::MemberCrash
            }
            PositionSource::NoCommitEarliest
            | PositionSource::NoCommitLatest
            | PositionSource::OutOfRangeEarliest
            | PositionSource::OutOfRangeLatest
            | PositionSource::Truncated => DuplicateCause::PositionReset,
        };
        // An owner that did nothing is no reason: the one before it is.
        if self.worked || crashed || self.cause.is_none() {
            self.cause = Some(cause);
        }
        (self.owner, self.worked) = (Some((node, life(node))), false);
    }

    /// Takes a processed record; the cause, if it was processed before.
    fn process(&mut self, node: NodeId, offset: i64, again: bool) -> Option<DuplicateCause> {
        let first_here = offset >= self.high;
        self.high = self.high.max(offset + 1);
        let owns = self.owner.is_none_or(|(owner, _)| owner == node);
        self.worked |= owns;
        if !again {
            if !owns {
                self.foreign.insert(offset);
            }
            return None;
        }
        Some(if first_here {
            DuplicateCause::LogDuplicate
        } else if !owns || self.foreign.remove(&offset) {
            DuplicateCause::Zombie
        } else {
            self.cause.unwrap_or(DuplicateCause::Rebalance)
        })
    }
}

/// What was counted.
#[derive(Debug)]
pub struct Counts {
    /// Records.
    pub records: RecordCounts,
    /// Groups, in the order of the context.
    pub groups: Vec<GroupCounts>,
    /// How often each witness occurred.
    pub witnesses: BTreeMap<&'static str, u64>,
    /// Latencies, stalls and moves.
    pub pace: Pace,
}

/// Counts in the making.
#[derive(Debug)]
pub struct Measure {
    context: Arc<Context>,
    // Flags by producer and number.
    records: Vec<Vec<u8>>,
    log_duplicates: BTreeMap<DuplicateCause, u64>,
    bumped: BTreeSet<NodeId>,
    /// Partitions that were read to their end.
    read: BTreeSet<TopicPartition>,
    redeliveries: GroupPlaces<Redelivery>,
    crashes: BTreeMap<NodeId, u32>,
    groups: Vec<(GroupCounts, RecordSet)>,
    witnesses: Witnesses,
    isr: BTreeMap<TopicPartition, usize>,
    coordinated: BTreeSet<TopicPartition>,
    ended: BTreeSet<NodeId>,
    clocks: Clocks,
    moves: Moves,
    last: Timestamp,
}

impl Measure {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(context: Arc<Context>) -> Self {
        let group = |name: &str| GroupCounts { group: name.to_owned(), ..GroupCounts::default() };
        let groups =
            context.groups.iter().map(|info| (group(&info.name), RecordSet::default())).collect();
        let topics = context.groups.iter().map(|group| group.topics.as_slice());
        Self {
            clocks: Clocks::new(context.topics.len(), topics),
            moves: Moves::default(),
            last: Timestamp::START,
            records: vec![Vec::new(); context.producers.len()],
            context,
            log_duplicates: BTreeMap::new(),
            bumped: BTreeSet::new(),
            redeliveries: GroupPlaces::default(),
            crashes: BTreeMap::new(),
            read: BTreeSet::new(),
            groups,
            witnesses: Witnesses::default(),
            isr: BTreeMap::new(),
            coordinated: BTreeSet::new(),
            ended: BTreeSet::new(),
        }
    }

    fn flags(&mut self, id: RecordId) -> &mut u8 {
        let (producer, number) = (id.producer.index(), id.number as usize);
        if self.records.len() <= producer {
            self.records.resize_with(producer + 1, Vec::new);
        }
        let flags = &mut self.records[producer];
        if flags.len() <= number {
            flags.resize(number + 1, 0);
        }
        &mut flags[number]
    }

    /// Takes one entry.
    pub fn observe(&mut self, entry: &Entry) {
        let at = entry.at;
        self.last = at;
        match &entry.event {
            // What the application sends again has no certain failure any more.
            Event::Sent { record, partition } => {
                self.clocks.sent(at, record.id, *partition);
                let flags = self.flags(record.id);
                let again = if *flags & SENT == 0 { 0 } else { AGAIN };
                *flags = (*flags | SENT | again) & !FAILED;
            }
            Event::Rejected { record, .. } => *self.flags(record.id) |= SENT | FAILED,
            Event::Acked { partition, base_offset, records, .. } => {
                let ids = records.iter().map(|record| record.id);
                self.clocks.acked(at, *partition, *base_offset, ids);
                let told = if *base_offset == Offset::UNKNOWN { 0 } else { ACKED };
                for record in records.iter() {
                    *self.flags(record.id) |= told;
                }
            }
            Event::Failed { partition, records, maybe_written, .. } => {
                if let (Some(first), Some(partition)) = (records.first(), *partition) {
                    self.clocks.failed(at, partition, first.id, records.len());
                }
                for record in records.iter() {
                    let flags = self.flags(record.id);
                    *flags = if *maybe_written { *flags & !FAILED } else { *flags | FAILED };
                }
            }
            Event::Polled { group, records, .. } => {
                self.groups[group.index()].0.delivered += records.len() as u64;
            }
            Event::Processed { group, partition, offset, record, .. } => {
                let (counts, processed) = &mut self.groups[group.index()];
                counts.processed += 1;
                let again = !processed.insert(record.id);
                let place = (*partition, *offset);
                self.clocks.processed(at, *group, place, record.id, again);
                let work = self.redeliveries.of(*group, *partition);
                match work.process(entry.node, offset.0, again) {
                    None => counts.distinct += 1,
                    Some(cause) => {
                        counts.duplicates += 1;
                        self.witnesses.redelivered += 1;
                        *counts.duplicate_causes.entry(cause).or_default() += 1;
                    }
                }
            }
            Event::FinalRead { records, .. } => {
                for record in records.iter() {
                    let flags = self.flags(record.id);
                    let before = *flags;
                    *flags |= READ;
                    if before & READ != 0 {
                        let cause = self.duplicate(record.id, before);
                        *self.log_duplicates.entry(cause).or_default() += 1;
                    }
                }
            }
            Event::FinalReadDone { partition, end, .. } => {
                self.read.insert(*partition);
                self.clocks.read_to(*partition, *end);
            }
            _ => {
                self.moves.observe(entry);
                self.witness(entry);
            }
        }
    }

    /// Whether every partition of a topic was read to its end: what was not found is in no log then.
    fn is_read(&self, topic: TopicId) -> bool {
        let partitions = self.context.topics[topic.index()].partitions;
        (0..partitions).all(|number| self.read.contains(&TopicPartition::new(topic, number)))
    }

    /// Why a record is in the logs again.
    fn duplicate(&self, id: RecordId, flags: u8) -> DuplicateCause {
        let producer = self.context.producer(id.producer);
        if flags & AGAIN != 0 {
            DuplicateCause::ProducerRestart
        } else if !producer.idempotent {
            DuplicateCause::ProducerRetry
        } else if self.bumped.contains(&producer.node) {
            DuplicateCause::EpochBump
        } else {
            DuplicateCause::Deduplication
        }
    }

    fn witness(&mut self, entry: &Entry) {
        let witnesses = &mut self.witnesses;
        match &entry.event {
            Event::LeaderElected { partition, leader, isr, unclean, .. } => {
                let (partition, unclean) = (*partition, *unclean);
                self.elected(partition, leader.is_some(), isr, unclean);
            }
            Event::IsrChanged { partition, before, isr } => {
                witnesses.isr_shrunk += u64::from(before.iter().any(|id| !isr.contains(id)));
                witnesses.isr_expanded += u64::from(isr.iter().any(|id| !before.contains(id)));
                self.isr.insert(*partition, isr.len());
            }
            Event::Rebalanced { .. } => witnesses.rebalance += 1,
            Event::NotEnoughReplicas { .. } => witnesses.not_enough_replicas += 1,
            Event::Truncated { .. } => witnesses.truncated += 1,
            Event::Retried { .. } => witnesses.retried += 1,
            Event::DuplicateBatch { .. } => witnesses.duplicate_batch += 1,
            Event::ProducerEpochBumped { .. } => {
                witnesses.epoch_bumped += 1;
                self.bumped.insert(entry.node);
            }
            Event::CoordinatorLoaded { partition } => {
                witnesses.coordinator_moved += u64::from(!self.coordinated.insert(*partition));
            }
            Event::Fenced { .. } => witnesses.fenced += 1,
            Event::ProcessEnded(end) => {
                if *end == ProcessEnd::Crash {
                    witnesses.process_crashed += 1;
                    *self.crashes.entry(entry.node).or_default() += 1;
                }
                self.ended.insert(entry.node);
                let producers = (0..).map(ProducerIndex).zip(&self.context.producers);
                for (index, _) in producers.filter(|(_, one)| one.node == entry.node) {
                    self.clocks.ended(entry.at, index);
                }
            }
            Event::ProcessStarted => {
                witnesses.process_restarted += u64::from(self.ended.remove(&entry.node));
            }
            Event::Positioned { group, partition, source, .. } => {
                match source {
                    PositionSource::OutOfRangeEarliest
                    | PositionSource::OutOfRangeLatest
                    | PositionSource::Truncated => witnesses.position_reset += 1,
                    PositionSource::Committed
                    | PositionSource::NoCommitEarliest
                    | PositionSource::NoCommitLatest => {}
                }
                let work = self.redeliveries.of(*group, *partition);
                work.resume(entry.node, &self.crashes, *source);
            }
            _ => {}
        }
    }

    fn elected(&mut self, partition: TopicPartition, led: bool, isr: &[BrokerId], unclean: bool) {
        let before = self.isr.insert(partition, isr.len());
        let witnesses = &mut self.witnesses;
        witnesses.unclean_election += u64::from(unclean);
        witnesses.offline += u64::from(!led);
        witnesses.isr_shrunk += u64::from(before.is_some_and(|before| isr.len() < before));
        // The first election of a partition is its creation.
        witnesses.leader_elected += u64::from(led && before.is_some());
    }

    /// The counts.
    ///
    /// # Panics
    /// Never: indices and numbers came from the types that they are turned back into.
    #[must_use]
    pub fn conclude(self) -> Counts {
        let read: Vec<bool> =
            self.context.producers.iter().map(|producer| self.is_read(producer.topic)).collect();
        let mut counts = RecordCounts {
            log_duplicates: self.log_duplicates.values().sum(),
            log_duplicate_causes: self.log_duplicates,
            ..RecordCounts::default()
        };
        let all = self.records.iter().enumerate();
        let all =
            all.flat_map(|(producer, flags)| flags.iter().map(move |flags| (producer, flags)));
        for (producer, flags) in all.filter(|(_, flags)| **flags & SENT != 0) {
            let (acked, failed) = (flags & ACKED != 0, flags & FAILED != 0);
            counts.sent += 1;
            counts.acked += u64::from(acked);
            counts.failed += u64::from(!acked && failed);
            counts.unknown += u64::from(!acked && !failed);
            let gone = read[producer] && flags & READ == 0;
            counts.lost += u64::from(gone && acked);
            if gone && !acked && !failed {
                counts.unknown_absent += 1;
                let asks = self.context.producers.get(producer).is_none_or(|one| one.acks != "0");
                let cause = if asks { LossCause::Unacknowledged } else { LossCause::AcksZero };
                *counts.absent_causes.entry(cause).or_default() += 1;
            }
        }
        let mut groups = Vec::with_capacity(self.groups.len());
        for (info, (mut group, processed)) in self.context.groups.iter().zip(self.groups) {
            for (index, producer) in self.context.producers.iter().enumerate() {
                if !info.topics.contains(&producer.topic) {
                    continue;
                }
                for (number, _) in
                    self.records[index].iter().enumerate().filter(|(_, flags)| **flags & READ != 0)
                {
                    let id = RecordId {
                        producer: ProducerIndex(
                            u16::try_from(index).expect("a producer's index is a u16"),
                        ),
                        number: u32::try_from(number).expect("a record's number is a u32"),
                    };
                    group.skipped += u64::from(!processed.contains(id));
                }
            }
            groups.push(group);
        }
        let (witnesses, mut pace) = (self.witnesses.by_name(), self.clocks.conclude(self.last));
        let handovers;
        (pace.failover, handovers) = self.moves.conclude(pace.groups.len());
        for (group, handover) in pace.groups.iter_mut().zip(handovers) {
            group.handover = handover;
        }
        Counts { records: counts, groups, witnesses, pace }
    }
}

#[cfg(test)]
mod tests;
