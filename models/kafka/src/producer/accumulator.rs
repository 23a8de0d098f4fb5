//! Records on their way into requests: one queue of batches a partition, within `buffer.memory`.
//!
//! Decides what fits together and what may be sent, not when to look. Knows nothing of connections,
//! sequences or outcomes. Kafka: `RecordAccumulator`, `BufferPool` (R6.1–R6.5, R6.7).

use super::batch::{Batch, BatchId, Life, Stage, upper_bound};
use super::partitioner::{Load, Sticky, keyed};
use super::sequences::Sequences;
use crate::client::Metadata;
use crate::config::{Compression, ProducerConfig};
use ackproof_types::{BrokerId, Record, RecordId, Shift, Timestamp, TopicId, TopicPartition};
use std::collections::{BTreeMap, VecDeque};

/// What waits for one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Partition {
    /// Oldest first, but see [`Accumulator::put_back`].
    pub(super) queue: VecDeque<Batch>,
    /// R6.5: a batch is in flight and none may follow.
    pub(super) muted: bool,
    /// A batch was made for it before.
    used: bool,
    pub(super) sequences: Sequences,
}

/// The partitions that one broker leads, and where its next drain starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) broker: BrokerId,
    pub(super) partitions: Vec<u16>,
    pub(super) next: usize,
    /// What is ready for it waits because it takes nothing (`RecordAccumulator.NodeLatencyStats`).
    pub(super) latency: Latency,
}

/// How long data has been ready for a broker that takes none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Latency {
    /// It takes what is ready, or nothing is.
    #[default]
    None,
    /// Not for `partitioner.availability.timeout.ms` yet.
    Waits,
    /// For longer.
    Unavailable,
}

/// All queues.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Accumulator {
    topic: TopicId,
    pub(super) partitions: Vec<Partition>,
    /// Brokers that lead, or led, ascending.
    pub(super) nodes: Vec<Node>,
    leaderless: Vec<u16>,
    pub(super) batch_size: u32,
    compression: Compression,
    lingers: bool,
    pub(super) free: u64,
    /// Records that wait for metadata or memory, in order.
    pub(super) blocked: VecDeque<Record>,
    /// The application flushes: nothing lingers.
    pub(super) flushing: bool,
    sticky: Sticky,
    /// Where the application sends records that are in no batch yet; none: it leaves that to the partitioner.
    named: Option<BTreeMap<RecordId, u16>>,
    /// `partitioner.ignore.keys`.
    ignores_keys: bool,
    /// How far what records bear is from the clock.
    create_time: Shift,
    next_batch: u64,
    spare: Vec<Vec<Record>>,
}

/// Where a record went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Appended {
    pub(super) partition: u16,
    /// The batch it began, if it began one.
    pub(super) began: Option<BatchId>,
    /// Its batch waits for more records.
    pub(super) lingers: bool,
    /// The oldest batch of its partition may be sent.
    pub(super) is_sendable: bool,
}

impl Accumulator {
    pub(super) fn new(config: &ProducerConfig) -> Self {
        Self {
            topic: config.topic,
            partitions: Vec::new(),
            nodes: Vec::new(),
            leaderless: Vec::new(),
            batch_size: config.batch_size,
            compression: config.compression,
            lingers: config.linger.0 > 0,
            free: config.buffer_memory,
            blocked: VecDeque::new(),
            flushing: false,
            sticky: Sticky::new(config.batch_size, config.adaptive_partitioning, config.salt),
            named: None,
            ignores_keys: config.ignore_keys,
            create_time: config.sending.create_time,
            next_batch: 0,
            spare: Vec::new(),
        }
    }

    /// The application sends this record to `partition`.
    pub(super) fn name(&mut self, id: RecordId, partition: u16) {
        self.named.get_or_insert_default().insert(id, partition);
    }

    /// Whether the application names the partitions of its records.
    pub(super) fn is_addressed(&self) -> bool {
        self.named.is_some()
    }

    /// The last batch that was made.
    pub(super) fn last_batch(&self) -> BatchId {
        BatchId(self.next_batch)
    }

    pub(super) fn of(&mut self, partition: u16) -> &mut Partition {
        &mut self.partitions[usize::from(partition)]
    }

    /// Takes over who leads what.
    pub(super) fn follow(&mut self, metadata: &Metadata) {
        let count = metadata.partition_count(self.topic);
        self.partitions.resize_with(count.into(), Partition::default);
        self.nodes.iter_mut().for_each(|node| node.partitions.clear());
        self.leaderless.clear();
        for partition in 0..count {
            match metadata.leader(TopicPartition::new(self.topic, partition)) {
                Some(leader) => self.node(leader).partitions.push(partition),
                None => self.leaderless.push(partition),
            }
        }
    }

    fn node(&mut self, broker: BrokerId) -> &mut Node {
        let place = self.nodes.partition_point(|node| node.broker < broker);
        if self.nodes.get(place).is_none_or(|node| node.broker != broker) {
            let (partitions, latency) = (Vec::new(), Latency::None);
            self.nodes.insert(place, Node { broker, partitions, next: 0, latency });
        }
        &mut self.nodes[place]
    }

    /// R6.1: adds `record` to the last batch of its partition or to a new one; none if there is no
    /// partition or no memory for it yet.
    pub(super) fn append(
        &mut self,
        record: Record,
        now: Timestamp,
        metadata: &Metadata,
    ) -> Option<Appended> {
        let now = now + self.create_time;
        let count = metadata.partition_count(self.topic);
        if !metadata.exists(self.topic) {
            return None;
        }
        let named = self.named.as_ref().and_then(|named| named.get(&record.id).copied());
        let key = record.key.filter(|_| !self.ignores_keys);
        let partition = match (named, key) {
            (Some(named), _) if named >= count => return None,
            (Some(named), _) => named,
            (None, Some(key)) => keyed(key, count),
            (None, None) => self.stick(metadata),
        };
        let before = self.of(partition).queue.back().map_or(0, |batch| batch.bytes);
        let began = if self.closes_without_room(partition, record, now) {
            let id = self.begin(partition, record, now)?;
            Some(id)
        } else {
            None
        };
        let limit = self.batch_size;
        let queue = &mut self.of(partition).queue;
        let several = queue.len() > 1;
        let batch = queue.back_mut().expect("a batch with room is there");
        batch.push(record, now);
        if batch.bytes >= limit {
            batch.stage = Stage::Closed;
        }
        let lingers = batch.stage == Stage::Lingering;
        let added = if began.is_some() { batch.bytes } else { batch.bytes - before };
        if let Some(named) = &mut self.named {
            named.remove(&record.id);
        } else if key.is_none() {
            self.sticky.add(added);
            if self.sticky.is_spent(self.is_boundary(partition)) {
                self.switch(metadata);
            }
        }
        Some(Appended { partition, began, lingers, is_sendable: several || !lingers })
    }

    /// Whether the last batch of `partition` has no room for `record`; it takes no more then.
    fn closes_without_room(&mut self, partition: u16, record: Record, now: Timestamp) -> bool {
        let limit = self.batch_size;
        let Some(last) = self.of(partition).queue.back_mut() else { return true };
        if last.has_room(record, now, limit) {
            return false;
        }
        if matches!(last.stage, Stage::Lingering | Stage::Due) {
            last.stage = Stage::Closed;
        }
        true
    }

    /// A new batch for `record`, if memory allows: as much as a whole batch may need.
    fn begin(&mut self, partition: u16, record: Record, now: Timestamp) -> Option<BatchId> {
        let memory = self.memory_for(record);
        self.free = self.free.checked_sub(memory)?;
        self.next_batch += 1;
        let id = BatchId(self.next_batch);
        let made = (now, self.compression);
        let mut batch = Batch::new(id, partition, made, self.spare.pop().unwrap_or_default());
        batch.memory = memory;
        if !self.lingers {
            batch.stage = Stage::Due;
        }
        let into = self.of(partition);
        into.used = true;
        into.queue.push_back(batch);
        Some(id)
    }

    /// Bytes of `buffer.memory` that a batch beginning with `record` takes.
    pub(super) fn memory_for(&self, record: Record) -> u64 {
        self.batch_size.max(upper_bound(record)).into()
    }

    fn is_boundary(&self, partition: u16) -> bool {
        let last = self.partitions[usize::from(partition)].queue.back();
        last.is_none_or(|batch| matches!(batch.stage, Stage::Closed | Stage::BackingOff))
    }

    fn stick(&mut self, metadata: &Metadata) -> u16 {
        let partition =
            self.sticky.peek(loads(&self.partitions, &self.nodes, self.topic, metadata));
        // The switch may have been put off until a batch boundary.
        if self.is_boundary(partition) && self.sticky.is_spent(true) {
            return self.switch(metadata);
        }
        partition
    }

    fn switch(&mut self, metadata: &Metadata) -> u16 {
        self.sticky.switch(loads(&self.partitions, &self.nodes, self.topic, metadata))
    }

    /// `linger.ms` of the newest batch of `partition` is over.
    pub(super) fn lingered(&mut self, partition: u16) {
        if let Some(batch) = self.of(partition).queue.back_mut()
            && batch.stage == Stage::Lingering
        {
            batch.stage = Stage::Due;
        }
    }

    /// R6.4: whether `broker` leads a partition with a batch to send.
    pub(super) fn is_ready(&mut self, node: usize, metadata: &Metadata) -> bool {
        let exhausted = metadata.exists(self.topic) && !self.blocked.is_empty();
        let hurries = exhausted || self.flushing;
        let Self { topic, partitions, nodes, .. } = self;
        nodes[node].partitions.iter().any(|number| {
            let partition = &mut partitions[usize::from(*number)];
            // A batch with another one behind it takes no more records, so it does not linger.
            let Some(head) = partition.queue.front_mut() else { return false };
            let waits = head.backs_off(metadata.epoch(TopicPartition::new(*topic, *number)));
            let is_due = hurries || head.stage != Stage::Lingering;
            is_due && !waits && !partition.muted
        })
    }

    /// Whether something waits for a partition without a leader.
    pub(super) fn lacks_leader(&mut self, metadata: &Metadata) -> bool {
        let Self { topic, partitions, leaderless, .. } = self;
        let mut lacks = false;
        for number in leaderless {
            if let Some(head) = partitions[usize::from(*number)].queue.front_mut() {
                head.backs_off(metadata.epoch(TopicPartition::new(*topic, *number)));
                lacks = true;
            }
        }
        lacks
    }

    /// R6.7: puts a batch that was in flight back: by sequence, or without one in front of all.
    pub(super) fn put_back(&mut self, batch: Batch) {
        let queue = &mut self.of(batch.partition).queue;
        let place = batch.stamp.map_or(0, |stamp| {
            let is_earlier = |other: &&Batch| {
                other.stamp.is_some_and(|it| it.base_sequence < stamp.base_sequence)
            };
            queue.iter().take_while(is_earlier).count()
        });
        queue.insert(place, batch);
    }

    /// R6.12: puts the parts of a batch that was too large back in its place; returns how many.
    pub(super) fn split(&mut self, batch: Batch) -> usize {
        let parts = batch.split(self.batch_size, BatchId(self.next_batch + 1));
        let count = parts.len();
        self.next_batch += count as u64;
        parts.into_iter().rev().for_each(|part| self.put_back(part));
        count
    }

    /// The back-off of a batch is over.
    pub(super) fn backed_off(&mut self, partition: u16, id: BatchId) {
        let waiting = self.of(partition).queue.iter_mut().find(|batch| batch.id == id);
        if let Some(batch) = waiting
            && batch.stage == Stage::BackingOff
        {
            batch.stage = Stage::Closed;
        }
    }

    /// Takes the oldest batch of `partition` out if its time is over (R6.22). A younger one behind it
    /// waits for the next look, as one in front of an older one does.
    pub(super) fn pop_overdue(&mut self, partition: u16) -> Option<Batch> {
        self.of(partition).queue.pop_front_if(|head| head.life == Life::Overdue)
    }

    /// Memory is free again.
    pub(super) fn release(&mut self, memory: u64) {
        self.free += memory;
    }

    /// An allocation to fill again.
    pub(super) fn recycle(&mut self, spare: Option<Vec<Record>>) {
        self.spare.extend(spare);
    }
}

fn loads<'a>(
    partitions: &'a [Partition],
    nodes: &'a [Node],
    topic: TopicId,
    metadata: &'a Metadata,
) -> impl Iterator<Item = Load> + 'a {
    let stuck = |leader: BrokerId| {
        let mut nodes = nodes.iter();
        nodes.any(|node| node.broker == leader && node.latency == Latency::Unavailable)
    };
    partitions.iter().zip(0..).map(move |(partition, number)| {
        let leader = metadata.leader(TopicPartition::new(topic, number));
        Load {
            queued: partition.queue.len() as u64,
            has_leader: leader.is_some(),
            is_available: !leader.is_some_and(stuck),
            used: partition.used,
        }
    })
}
