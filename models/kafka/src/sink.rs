//! The sink of a group: a database, say, that its members write the results of their work to.
//!
//! It is not Kafka's. A write and the end of the work on a record are one moment: the member's transaction
//! on the sink commits, or its process had ended before (DEVIATIONS.md). The sink neither fails nor waits.

use ackproof_types::{
    MemoryIn, NodeId, Offset, Record, RecordId, RowKey, SinkConfig, SinkWrites, TopicId,
    TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a sink recognises a record by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Known {
    Record(RecordId),
    Place(TopicPartition, Offset),
}

/// What was written last, as far as it is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Memory {
    /// Only where it is bounded.
    order: VecDeque<Known>,
    known: BTreeSet<Known>,
}

impl Memory {
    /// Remembers `one`, and forgets the oldest beyond `limit`. Whether it is new.
    fn insert(&mut self, one: Known, limit: Option<u32>) -> bool {
        if !self.known.insert(one) {
            return false;
        }
        if let Some(limit) = limit {
            self.order.push_back(one);
            while self.order.len() > limit as usize {
                if let Some(oldest) = self.order.pop_front() {
                    self.known.remove(&oldest);
                }
            }
        }
        true
    }
}

/// A poll that a member works on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Poll {
    /// Records that are not done.
    open: usize,
    positions: BTreeMap<TopicPartition, Offset>,
}

/// The sink of one group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sink {
    config: SinkConfig,
    /// The sink's own, under none, or that of each member's process.
    memories: BTreeMap<Option<NodeId>, Memory>,
    /// The next offset of each partition, where the sink keeps that.
    positions: BTreeMap<TopicPartition, Offset>,
    /// What each member has written rows of, and not yet the position behind them.
    polls: BTreeMap<NodeId, Poll>,
    /// Where the value of each row comes from.
    rows: BTreeMap<(TopicId, RowKey), (TopicPartition, Offset)>,
}

impl Sink {
    /// An empty one.
    #[must_use]
    pub fn new(config: SinkConfig) -> Self {
        let (memories, rows) = (BTreeMap::new(), BTreeMap::new());
        let (positions, polls) = (BTreeMap::new(), BTreeMap::new());
        Self { config, memories, positions, polls, rows }
    }

    /// A member has processed `record`. Whether that changes the sink.
    pub fn write(
        &mut self,
        member: NodeId,
        (partition, offset): (TopicPartition, Offset),
        record: Record,
    ) -> bool {
        let row = (partition.topic, RowKey::from(record));
        match self.config.writes {
            SinkWrites::Append => true,
            SinkWrites::OncePerRecord => self.is_new(member, Known::Record(record.id)),
            SinkWrites::OncePerOffset => self.is_new(member, Known::Place(partition, offset)),
            SinkWrites::WithPosition => {
                let is_new = !self.has_passed(partition, offset);
                if is_new {
                    self.positions.insert(partition, offset + 1);
                }
                is_new
            }
            SinkWrites::ThenPosition => {
                let is_new = !self.has_passed(partition, offset);
                let poll = self.polls.entry(member).or_default();
                poll.positions.insert(partition, offset + 1);
                is_new
            }
            SinkWrites::Upsert => {
                self.rows.insert(row, (partition, offset));
                true
            }
            SinkWrites::UpsertIfNewer => {
                let newer = self
                    .rows
                    .get(&row)
                    .is_none_or(|(of, there)| *of != partition || *there < offset);
                if newer {
                    self.rows.insert(row, (partition, offset));
                }
                newer
            }
        }
    }

    fn has_passed(&self, partition: TopicPartition, offset: Offset) -> bool {
        self.position(partition).is_some_and(|next| offset < next)
    }

    /// Where a member that gets `partition` begins, if the sink knows.
    #[must_use]
    pub fn position(&self, partition: TopicPartition) -> Option<Offset> {
        self.positions.get(&partition).copied()
    }

    /// A poll of a member returned so many records of one partition: what it had polled before is done.
    pub fn polled(&mut self, member: NodeId, records: usize) {
        if self.config.writes == SinkWrites::ThenPosition {
            let open = self.polls.get(&member).map_or(0, |poll| poll.open);
            // The records of one poll come partition by partition, before any is processed.
            if self.polls.get(&member).is_some_and(|poll| !poll.positions.is_empty()) {
                self.mark(member);
                self.polls.entry(member).or_default().open = records;
            } else {
                self.polls.entry(member).or_default().open = open + records;
            }
        }
    }

    /// A member is done with a record of its poll.
    pub fn done(&mut self, member: NodeId) {
        let Some(poll) = self.polls.get_mut(&member) else { return };
        poll.open = poll.open.saturating_sub(1);
        if poll.open == 0 {
            self.mark(member);
        }
    }

    /// The positions of a poll are written.
    fn mark(&mut self, member: NodeId) {
        let poll = self.polls.remove(&member).unwrap_or_default();
        for (partition, next) in poll.positions {
            let position = self.positions.entry(partition).or_insert(next);
            *position = (*position).max(next);
        }
    }

    fn is_new(&mut self, member: NodeId, one: Known) -> bool {
        let whose = match self.config.memory_in {
            MemoryIn::Sink => None,
            MemoryIn::Member => Some(member),
        };
        self.memories.entry(whose).or_default().insert(one, self.config.memory)
    }

    /// A process of the group starts: what it had remembered itself is gone.
    pub fn restarted(&mut self, member: NodeId) {
        self.memories.remove(&Some(member));
        self.polls.remove(&member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::ProducerIndex;

    const P: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };
    const A: NodeId = NodeId(5);
    const B: NodeId = NodeId(6);

    fn record(number: u32, key: u32) -> Record {
        Record { id: RecordId { producer: ProducerIndex(0), number }, key: Some(key), size: 100 }
    }

    fn sink(writes: SinkWrites, memory: Option<u32>, memory_in: MemoryIn) -> Sink {
        Sink::new(SinkConfig { writes, memory, memory_in })
    }

    #[test]
    fn an_appending_sink_takes_everything_and_a_deduplicating_one_takes_it_once() {
        let mut sink = sink(SinkWrites::Append, None, MemoryIn::Sink);
        assert!(sink.write(A, (P, Offset(0)), record(0, 0)));
        assert!(sink.write(A, (P, Offset(0)), record(0, 0)));
        for writes in [SinkWrites::OncePerRecord, SinkWrites::OncePerOffset] {
            let mut sink = Sink::new(SinkConfig { writes, ..sink.config });
            assert!(sink.write(A, (P, Offset(0)), record(0, 0)));
            assert!(!sink.write(B, (P, Offset(0)), record(0, 0)), "{writes}");
            // A copy that its producer wrote.
            let again = sink.write(A, (P, Offset(1)), record(0, 0));
            assert_eq!(again, writes == SinkWrites::OncePerOffset);
        }
    }

    #[test]
    fn a_small_memory_forgets_the_oldest() {
        let mut sink = sink(SinkWrites::OncePerOffset, Some(2), MemoryIn::Sink);
        for offset in 0..3 {
            assert!(sink.write(A, (P, Offset(offset)), record(0, 0)));
        }
        assert!(!sink.write(A, (P, Offset(2)), record(0, 0)));
        assert!(!sink.write(A, (P, Offset(1)), record(0, 0)));
        assert!(sink.write(A, (P, Offset(0)), record(0, 0)), "forgotten");
    }

    #[test]
    fn a_members_memory_is_its_own_and_ends_with_its_process() {
        let mut sink = sink(SinkWrites::OncePerRecord, None, MemoryIn::Member);
        assert!(sink.write(A, (P, Offset(0)), record(0, 0)));
        assert!(!sink.write(A, (P, Offset(0)), record(0, 0)));
        assert!(sink.write(B, (P, Offset(0)), record(0, 0)), "another member");
        sink.restarted(A);
        assert!(sink.write(A, (P, Offset(0)), record(0, 0)), "another life");
    }

    #[test]
    fn a_row_takes_the_last_write_or_the_latest_offset() {
        let mut last = sink(SinkWrites::Upsert, None, MemoryIn::Sink);
        let mut latest = sink(SinkWrites::UpsertIfNewer, None, MemoryIn::Sink);
        for sink in [&mut last, &mut latest] {
            assert!(sink.write(A, (P, Offset(3)), record(3, 7)));
            assert!(sink.write(A, (P, Offset(1)), record(1, 8)), "another row");
        }
        assert!(last.write(B, (P, Offset(1)), record(1, 7)));
        assert!(!latest.write(B, (P, Offset(1)), record(1, 7)));
        // The key has moved to another partition.
        let moved = TopicPartition { partition: 1, ..P };
        assert!(latest.write(B, (moved, Offset(0)), record(4, 7)));
    }

    #[test]
    fn a_position_goes_with_the_row() {
        let mut sink = sink(SinkWrites::WithPosition, None, MemoryIn::Sink);
        assert_eq!(sink.position(P), None);
        assert!(sink.write(A, (P, Offset(4)), record(0, 0)));
        assert_eq!(sink.position(P), Some(Offset(5)));
        assert!(!sink.write(B, (P, Offset(4)), record(0, 0)), "a zombie");
        assert!(sink.write(B, (P, Offset(5)), record(1, 0)));
    }

    #[test]
    fn a_position_that_follows_the_rows_of_a_poll_dies_with_the_process() {
        let mut sink = sink(SinkWrites::ThenPosition, None, MemoryIn::Sink);
        sink.polled(A, 2);
        assert!(sink.write(A, (P, Offset(4)), record(0, 0)));
        sink.done(A);
        assert_eq!(sink.position(P), None, "one record is open");
        sink.restarted(A);
        sink.polled(A, 2);
        assert!(sink.write(A, (P, Offset(4)), record(0, 0)), "again");
        sink.done(A);
        sink.done(A);
        assert_eq!(sink.position(P), Some(Offset(5)));
        // A poll that is over, although a record of it was given up without a word.
        sink.polled(A, 2);
        assert!(sink.write(A, (P, Offset(5)), record(1, 0)));
        sink.polled(A, 1);
        assert_eq!(sink.position(P), Some(Offset(6)));
    }
}
