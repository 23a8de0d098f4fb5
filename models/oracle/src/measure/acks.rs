//! What was acknowledged, and whether its log can tell if it is lost. It judges nothing.

use super::{ACKED, Measure, UNTOLD};
use ackproof_types::{Offset, RecordSlice, Timestamp, TopicId, TopicPartition};

impl Measure {
    pub(super) fn acked(
        &mut self,
        at: Timestamp,
        partition: TopicPartition,
        base: Offset,
        records: &RecordSlice,
    ) {
        self.clocks.acked(at, partition, base, records.iter().map(|record| record.id));
        self.outcomes.acked(partition, records);
        if base == Offset::UNKNOWN {
            return;
        }
        let is_read = self.read.has(partition);
        for (index, record) in records.iter().enumerate() {
            *self.flags(record.id) |= if is_read { ACKED | UNTOLD } else { ACKED };
            if self.is_over {
                self.late.insert(record.id);
            }
            if !is_read {
                self.acked.of(partition).enter(base.plus(index).0, record.id);
            }
        }
    }

    /// No replica of `partition` has anything below `below`: retention took it. What every group has processed is
    /// asked for by nobody.
    pub(crate) fn settle(&mut self, partition: TopicPartition, below: Offset) {
        let gone = self.acked.of(partition).take_below(below.0);
        for (_, id) in gone {
            *self.flags(id) |= UNTOLD;
            let readers = self.clocks.readers(partition.topic);
            if readers.iter().all(|group| self.groups[group.index()].1.contains(id)) {
                self.clocks.forget(id);
            }
        }
        for work in self.redeliveries.all_of(partition) {
            work.settle(below);
        }
    }

    /// A topic is deleted: nobody asks for what it held.
    pub(super) fn delete_topic(&mut self, at: Timestamp, topic: TopicId) {
        self.retired.insert(topic);
        let all: Vec<TopicPartition> = self.read.all(topic).collect();
        self.clocks.delete_topic(at, topic, &all);
        all.into_iter().for_each(|partition| self.settle(partition, Offset(i64::MAX)));
    }

    /// The log of `partition` was read from `start` to `end`: retention took what is below, compaction what
    /// has a later one of its key, and of what was acknowledged meanwhile, the rest may be above.
    pub(super) fn retire(&mut self, partition: TopicPartition, (start, end): (Offset, Offset)) {
        let acked = std::mem::take(self.acked.of(partition));
        if start.0 > 0 {
            self.retired.insert(partition.topic);
            for (_, id) in acked.from(0).take_while(|(offset, _)| *offset < start.0) {
                *self.flags(id) |= UNTOLD;
            }
        }
        if self.context.topics[partition.topic.index()].compacted {
            self.retired.insert(partition.topic);
            for (offset, id) in acked.from(start.0) {
                if self.superseded.is(partition, Offset(offset), id) {
                    *self.flags(id) |= UNTOLD;
                }
            }
        }
        for (_, id) in acked.from(end.0) {
            if self.late.contains(id) {
                *self.flags(id) |= UNTOLD;
            }
        }
    }
}
