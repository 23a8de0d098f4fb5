//! From records to batches: partitioner, accumulator, memory.
//!
//! Kafka: `KafkaProducer#doSend`, `BuiltInPartitioner`, `RecordAccumulator` (R6.1–R6.4).

use super::batch::{Batch, BatchId, HEADER, Stage};
use super::{Out, Producer, Progress, Timer};
use crate::client::murmur2::partition_of;
use crate::observation::Observation;
use ackproof_types::{ErrorCode, Record, RecordId, Timestamp};

impl Producer {
    pub(super) fn send(&mut self, record: Record, now: Timestamp, out: &mut Out) {
        if record.size > self.config.max_request_size {
            self.reject(record, ErrorCode::MessageTooLarge, out);
        } else if self.blocked.is_empty() && self.has_room(record) {
            self.accumulate(record, now, out);
            self.drain(out);
        } else {
            self.blocked.push_back(record);
            out.arm(Timer::MaxBlock(record.id), self.config.max_block);
        }
    }

    fn has_room(&self, record: Record) -> bool {
        self.partitions > 0
            && self.memory_used + u64::from(record.size) <= self.config.buffer_memory
    }

    /// R6.1: lets waiting records in, in order, as metadata and memory allow.
    pub(super) fn unblock(&mut self, now: Timestamp, out: &mut Out) {
        while let Some(record) = self.blocked.front().copied()
            && self.has_room(record)
        {
            self.blocked.pop_front();
            out.disarm(Timer::MaxBlock(record.id));
            self.accumulate(record, now, out);
        }
        self.drain(out);
    }

    pub(super) fn blocked_too_long(&mut self, id: RecordId, out: &mut Out) {
        if let Some(index) = self.blocked.iter().position(|record| record.id == id)
            && let Some(record) = self.blocked.remove(index)
        {
            self.reject(record, ErrorCode::ExpiredBeforeSend, out);
        }
    }

    fn reject(&mut self, record: Record, error: ErrorCode, out: &mut Out) {
        out.observe(Observation::Rejected { record, error });
        self.resolve(&[record], out);
    }

    fn accumulate(&mut self, record: Record, now: Timestamp, out: &mut Out) {
        let partition = self.choose(record);
        out.observe(Observation::Sent { record, partition: self.id_of(partition) });
        self.memory_used += u64::from(record.size);
        let batch_size = self.config.batch_size;
        let queue = &mut self.queues[usize::from(partition)];
        let fits = queue.batches.back().is_some_and(|batch| {
            batch.stage == Stage::Open && batch.bytes + record.size <= batch_size
        });
        if !fits {
            if let Some(batch) = queue.batches.back_mut()
                && batch.stage == Stage::Open
            {
                batch.stage = Stage::Ready;
            }
            self.next_batch += 1;
            let id = BatchId(self.next_batch);
            queue.batches.push_back(Batch::new(id, now));
            out.arm(Timer::Delivery(partition, id), self.config.delivery_timeout);
            out.arm(Timer::Linger(partition), self.config.linger);
        }
        if let Some(batch) = queue.batches.back_mut() {
            batch.records.push(record);
            batch.bytes += record.size;
            if batch.bytes >= batch_size {
                batch.stage = Stage::Ready;
                out.disarm(Timer::Linger(partition));
            }
        }
    }

    pub(super) fn close_open_batch(&mut self, partition: u16) {
        if let Some(batch) = self.queues[usize::from(partition)].batches.back_mut()
            && batch.stage == Stage::Open
        {
            batch.stage = Stage::Ready;
        }
    }

    /// R6.3.
    fn choose(&mut self, record: Record) -> u16 {
        if let Some(key) = record.key {
            return partition_of(key.to_string().as_bytes(), self.partitions);
        }
        if self.sticky_draws == 0 || self.sticky_bytes >= self.config.batch_size {
            self.sticky_draws += 1;
            self.sticky_bytes = HEADER;
            let drawn = mix(self.config.salt ^ self.sticky_draws) % u64::from(self.partitions);
            self.sticky = u16::try_from(drawn).unwrap_or(0);
        }
        self.sticky_bytes += record.size;
        self.sticky
    }

    /// Records have their final outcome: memory is free, the source moves on.
    pub(super) fn resolve(&mut self, records: &[Record], out: &mut Out) {
        let before = self.cursor;
        self.resolved.extend(records.iter().map(|record| record.id.number));
        while self.resolved.remove(&self.cursor) {
            self.cursor += 1;
        }
        if self.cursor != before {
            out.write(Progress(self.cursor));
        }
    }
}

/// A fixed scrambling of numbers (splitmix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
