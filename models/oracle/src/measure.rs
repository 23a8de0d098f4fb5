//! Counts of records and groups, and how often each witness occurred. It judges nothing.
//!
//! - `conclude` what it all adds up to · `moved` groups that went over to another cluster · `acks` what was acknowledged, and whether a log can tell of it
//! - `redelivery` why a group processes a record again · `witness` what happened around the records

mod acks;
mod conclude;
mod moved;
mod redelivery;
mod witness;

use crate::bumps::Bumps;
use crate::cause::{DuplicateCause, OrderCause};
use crate::context::Context;
use crate::copies::Copies;
use crate::expiry::Expiry;
use crate::formation::Formation;
use crate::history::{Entry, Event, Phase};
use crate::moves::Moves;
use crate::obstacles::Obstacles;
use crate::outcomes::Outcomes;
use crate::pace::{Clocks, Pace};
use crate::partitions::Read;
use crate::places::{GroupPlaces, Places};
use crate::ranges::Ranges;
use crate::record_set::{OffsetTable, RecordSet};
use crate::standing::Standing;
use crate::superseded::Superseded;
use crate::told::{Told, Why};
use crate::verdict::{Duplicate, GroupCounts, RecordCounts};
use ackproof_types::{
    Acks, GroupId, LeaderEpoch, NodeId, Offset, ProducerIndex, RecordId, RecordSlice, Timestamp,
    TopicId, TopicPartition,
};
use redelivery::{Crashes, Redelivery};
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
    controller_elected, coordinator_moved, duplicate_batch, epoch_bumped, features_updated, fenced, follower_chosen,
    isr_expanded, isr_shrunk, leader_elected, log_compacted, log_damaged, log_dir_failed, log_start_moved,
    not_enough_replicas, offline, partitions_added,
    position_reset, replicas_changed, process_crashed, process_killed, process_restarted, process_stopped, rebalance, redelivered,
    retried, snapshot_loaded, tail_lost, topic_altered, topic_created, topic_deleted,
    truncated, unclean_election,
}

// What is known of a record, one byte each.
const SENT: u8 = 1;
const ACKED: u8 = 2;
const FAILED: u8 = 4;
const READ: u8 = 8;
const AGAIN: u8 = 16;
/// It was sent again after the producer that had sent it before had ended.
const RESTARTED: u8 = 32;
/// It was sent before the last end of its producer.
const ENDED: u8 = 64;
/// Its log cannot tell whether it is lost: it was acknowledged below where that starts, or while it was read.
const UNTOLD: u8 = 128;

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
    /// What went wrong with single records, if somebody asks.
    pub told: Vec<Told>,
}

/// Counts in the making.
#[derive(Debug)]
pub struct Measure {
    context: Arc<Context>,
    // Flags by producer and number.
    records: Vec<Vec<u8>>,
    log_duplicates: BTreeMap<DuplicateCause, u64>,
    bumps: Bumps,
    expiry: Expiry,
    superseded: Superseded,
    /// Partitions that were read to their end.
    read: Read,
    /// Where records of logs that are not read yet were acknowledged.
    acked: Places<OffsetTable>,
    /// What was acknowledged while the logs were read.
    late: RecordSet,
    /// Topics with a log that does not start at 0.
    retired: BTreeSet<TopicId>,
    /// Places that the final read has come to.
    places: Places<Ranges>,
    /// The final read began: who asks for a position now, or leaves, is no part of the run.
    is_over: bool,
    redeliveries: GroupPlaces<Redelivery>,
    standings: GroupPlaces<Standing>,
    epochs: Places<LeaderEpoch>,
    /// Records of final logs that a group had not processed when they were read.
    open: Vec<(usize, TopicPartition, Offset, RecordId)>,
    crashes: Crashes,
    copies: Copies,
    /// What was not copied when a group went over to another cluster.
    left: Vec<(GroupId, Vec<RecordId>)>,
    groups: Vec<(GroupCounts, RecordSet)>,
    /// What went wrong with each record; none: nobody asks.
    told: Option<Vec<Told>>,
    /// Groups that polled, found a position or committed.
    running: BTreeSet<usize>,
    witnesses: Witnesses,
    isr: BTreeMap<TopicPartition, usize>,
    coordinated: BTreeSet<TopicPartition>,
    ended: BTreeSet<NodeId>,
    clocks: Clocks,
    outcomes: Outcomes,
    /// By producer: the highest number that the final read of a partition has come to.
    furthest: Places<Vec<u32>>,
    /// By producer: one past the highest number that it had sent whenever its process ended.
    ends: Vec<Vec<u32>>,
    reordered: BTreeMap<OrderCause, u64>,
    open_at_end: u64,
    moves: Moves,
    formation: Formation,
    obstacles: Obstacles,
    last: Timestamp,
}

impl Measure {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(context: Arc<Context>) -> Self {
        let group = |name: &str| GroupCounts { group: name.to_owned(), ..GroupCounts::default() };
        let groups =
            context.groups.iter().map(|info| (group(&info.name), RecordSet::default())).collect();
        // Whoever takes part from outside waits for nothing that shows.
        let topics = context.groups.iter().map(|group| match group.is_outside() {
            true => &[],
            false => group.topics.as_slice(),
        });
        let (read, expiry) = (Read::new(&context), Expiry::new(&context));
        let copies = Copies::new(&context);
        Self {
            clocks: Clocks::new(context.topics.len(), topics),
            outcomes: Outcomes::default(),
            furthest: Places::default(),
            ends: vec![Vec::new(); context.producers.len()],
            reordered: BTreeMap::new(),
            open_at_end: 0,
            moves: Moves::new(Arc::clone(&context)),
            formation: Formation::new(&context),
            obstacles: Obstacles::new(Arc::clone(&context)),
            last: Timestamp::START,
            records: vec![Vec::new(); context.producers.len()],
            context,
            log_duplicates: BTreeMap::new(),
            bumps: Bumps::default(),
            expiry,
            superseded: Superseded::default(),
            redeliveries: GroupPlaces::default(),
            standings: GroupPlaces::default(),
            epochs: Places::default(),
            open: Vec::new(),
            crashes: Crashes::default(),
            copies,
            left: Vec::new(),
            read,
            acked: Places::default(),
            retired: BTreeSet::new(),
            places: Places::default(),
            is_over: false,
            late: RecordSet::default(),
            groups,
            told: None,
            running: BTreeSet::new(),
            witnesses: Witnesses::default(),
            isr: BTreeMap::new(),
            coordinated: BTreeSet::new(),
            ended: BTreeSet::new(),
        }
    }

    /// From here on it keeps what goes wrong with each record.
    pub(crate) fn explain(&mut self) {
        self.told.get_or_insert_default();
    }

    fn tell(&mut self, record: RecordId, group: Option<GroupId>, entry: Option<u64>, why: Why) {
        if let Some(told) = &mut self.told {
            told.push(Told { record, group, entry, why });
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
        self.copies.observe(entry);
        self.bumps.observe(entry, &self.context);
        self.expiry.observe(entry);
        self.superseded.observe(entry, &self.context);
        match &entry.event {
            // What the application sends again has no certain failure any more.
            Event::SendBlocked { record } => {
                self.clocks.blocked(at, record.id);
                self.outcomes.blocked(at, record.id);
            }
            Event::Sent { record, partition } => self.sent(entry, record.id, *partition),
            Event::Rejected { record, error } => {
                self.clocks.rejected(at, record.id);
                self.outcomes.rejected(&self.context, at, record.id, *error);
                *self.flags(record.id) |= SENT | FAILED;
            }
            Event::Acked { partition, base_offset, records, .. } => {
                self.acked(at, *partition, *base_offset, records);
            }
            Event::Failed { partition, records, error, maybe_written } => {
                self.outcomes.failed(&self.context, at, *partition, (records, *error));
                if let (Some(first), Some(partition)) = (records.first(), *partition) {
                    self.clocks.failed(at, partition, first.id, records.len());
                }
                for record in records.iter() {
                    let flags = self.flags(record.id);
                    *flags = if *maybe_written { *flags & !FAILED } else { *flags | FAILED };
                }
            }
            Event::Unsent { records } => {
                self.outcomes.unsent(records);
                records.iter().for_each(|record| *self.flags(record.id) |= FAILED);
            }
            Event::Polled { group, records, .. } => {
                self.running.insert(group.index());
                self.groups[group.index()].0.delivered += records.len() as u64;
            }
            Event::Processed { group, partition, offset, record, dead_lettered } => {
                self.groups[group.index()].0.dead_lettered += u64::from(*dead_lettered);
                self.processed(entry, *group, (*partition, *offset), record.id);
            }
            Event::FinalRead { partition, base_offset, records } => {
                self.read(*partition, *base_offset, records);
            }
            Event::FinalReadDone { partition, start, end } => {
                self.retire(*partition, (*start, *end));
                self.standings.all_of(*partition).for_each(|one| one.read_to(*end));
                self.read.observe(&entry.event);
                self.clocks.read_to(*partition, *end);
            }
            Event::Phase(Phase::FinalRead) => self.is_over = true,
            Event::GroupMoved { group, to } => self.move_over(entry, *group, *to),
            Event::Assigned { .. }
            | Event::Positioned { .. }
            | Event::Revoked { .. }
            | Event::Lost { .. }
                if self.is_over => {}
            _ => {
                self.moves.observe(entry);
                self.obstacles.observe(entry);
                if let Some((group, since)) = self.formation.observe(entry) {
                    self.clocks.begin(since, group);
                }
                self.witness(entry);
            }
        }
    }

    /// Records of a producer that ends now which have no outcome; with acks=0 nobody waits for one.
    fn open_of(&self, producer: usize) -> u64 {
        let asks = self.context.producers.get(producer).is_some_and(|one| one.acks != Acks::None);
        let flags = self.records.get(producer).filter(|_| asks).map_or(&[][..], Vec::as_slice);
        let open = flags.iter().enumerate().filter(|(number, flags)| {
            **flags & (SENT | ACKED | FAILED) == SENT
                && self.outcomes.waits(record_id(producer, *number))
        });
        open.count() as u64
    }

    fn sent(&mut self, entry: &Entry, id: RecordId, partition: Option<TopicPartition>) {
        self.clocks.sent(entry.at, id, partition);
        self.outcomes.sent(&self.context, entry.at, id, partition);
        let flags = self.flags(id);
        let restarted = if *flags & ENDED == 0 { 0 } else { RESTARTED };
        let again = if *flags & SENT == 0 { 0 } else { AGAIN | restarted };
        *flags = (*flags | SENT | again) & !FAILED;
    }

    /// A group processed the record `id`, which lies at `place`.
    fn processed(
        &mut self,
        entry: &Entry,
        group: GroupId,
        place @ (partition, offset): (TopicPartition, Offset),
        id: RecordId,
    ) {
        let elsewhere = self.done_elsewhere(group, id);
        let (counts, processed) = &mut self.groups[group.index()];
        counts.processed += 1;
        let again = !processed.insert(id);
        self.clocks.processed(entry.at, group, place, id, again);
        self.standings.of(group, partition).process(entry.node, offset, id);
        let work = self.redeliveries.of(group, partition);
        let habits = again.then(|| &self.context.groups[group.index()]);
        let (counts, _) = &mut self.groups[group.index()];
        match work.process(entry.node, &self.crashes, (offset.0, id), habits).or(elsewhere) {
            None => counts.distinct += 1,
            Some(cause) => {
                counts.duplicates += 1;
                self.witnesses.redelivered += 1;
                *counts.duplicate_causes.entry(cause).or_default() += 1;
                counts.again.push((entry.at, cause));
                let first = counts.first_duplicates.entry(cause);
                first.or_insert_with(|| Duplicate::new(entry, group, place, id));
                self.tell(id, Some(group), Some(entry.seq), Why::Again(cause));
            }
        }
    }

    fn read(&mut self, partition: TopicPartition, base: Offset, records: &RecordSlice) {
        for (index, record) in records.iter().enumerate() {
            // What is read twice is there once.
            if !self.places.of(partition).contains(base.plus(index).0) {
                self.found(partition, base.plus(index), record.id);
            }
        }
        self.places.of(partition).insert(base.0, base.plus(records.len()).0);
    }

    /// The final read found the record `id`.
    fn found(&mut self, partition: TopicPartition, offset: Offset, id: RecordId) {
        let flags = self.flags(id);
        let before = *flags;
        *flags |= READ;
        self.meet(partition, offset, id);
        if before & READ != 0 {
            let cause = self.duplicate(id, before);
            *self.log_duplicates.entry(cause).or_default() += 1;
            self.tell(id, None, None, Why::Copy(cause));
            return;
        }
        if self.is_behind(partition, id) {
            let cause = self.reorder(partition, id, before);
            *self.reordered.entry(cause).or_default() += 1;
        }
        self.demand(partition, offset, id);
    }

    /// The final read shows each group what lies at `offset`.
    fn meet(&mut self, partition: TopicPartition, offset: Offset, id: RecordId) {
        for ((_, processed), group) in self.groups.iter().zip((0..).map(GroupId)) {
            if self.context.groups[group.index()].topics.contains(&partition.topic.name()) {
                let is_processed = processed.contains(id);
                self.standings.of(group, partition).found(offset, id, is_processed);
            }
        }
    }

    fn demand(&mut self, partition: TopicPartition, offset: Offset, id: RecordId) {
        for (index, info) in self.context.groups.iter().enumerate() {
            if info.topics.contains(&partition.topic.name()) && !self.groups[index].1.contains(id) {
                self.open.push((index, partition, offset, id));
            }
        }
    }

    /// Why a record is in the logs again.
    fn duplicate(&self, id: RecordId, flags: u8) -> DuplicateCause {
        let producer = self.context.producer(id.producer);
        if flags & RESTARTED != 0 {
            DuplicateCause::ProducerRestart
        } else if flags & AGAIN != 0 {
            DuplicateCause::SentAgain
        } else if !producer.idempotent && producer.acks == Acks::None {
            // It is never sent again: nobody waits for an answer.
            DuplicateCause::NotOnRecord
        } else if !producer.idempotent {
            DuplicateCause::ProducerRetry
        } else if self.bumps.excuse(id) {
            DuplicateCause::EpochBump
        } else if self.expiry.explains(id) {
            DuplicateCause::ProducerExpired
        } else {
            DuplicateCause::Deduplication
        }
    }

    /// Whether the final read has come to a later record of the same producer before.
    fn is_behind(&mut self, partition: TopicPartition, id: RecordId) -> bool {
        let (producer, after) = (id.producer.index(), id.number.saturating_add(1));
        let furthest = self.furthest.of(partition);
        if furthest.len() <= producer {
            furthest.resize(producer + 1, 0);
        }
        let before = furthest[producer];
        furthest[producer] = before.max(after);
        after < before
    }

    /// Whether the process that sent it had ended before the later one was sent.
    fn outlived(&self, partition: TopicPartition, id: RecordId) -> bool {
        let producer = id.producer.index();
        let furthest = self.furthest.get(partition).and_then(|all| all.get(producer));
        let ends = self.ends.get(producer).map_or(&[][..], Vec::as_slice);
        ends.iter().any(|end| id.number < *end && furthest.is_some_and(|after| end < after))
    }

    /// Why a record stands behind a later one.
    fn reorder(&self, partition: TopicPartition, id: RecordId, flags: u8) -> OrderCause {
        let producer = self.context.producer(id.producer);
        if flags & RESTARTED != 0 {
            OrderCause::ProducerRestart
        } else if flags & AGAIN != 0 {
            OrderCause::SentAgain
        } else if producer.idempotent && self.bumps.excuse(id) {
            OrderCause::EpochBump
        } else if self.outlived(partition, id) {
            OrderCause::WrittenLate
        } else if !producer.ordered && self.outcomes.has_retried(id.producer, partition) {
            OrderCause::InFlightRetry
        } else {
            OrderCause::NotOnRecord
        }
    }
}

/// The record of these indices, which came from one.
fn record_id(producer: usize, number: usize) -> RecordId {
    RecordId {
        producer: ProducerIndex(u16::try_from(producer).expect("a producer's index is a u16")),
        number: u32::try_from(number).expect("a record's number is a u32"),
    }
}

#[cfg(test)]
mod tests;
