//! One turn of the sender's loop, and what becomes of batches.
//!
//! Kafka: `Sender`, `RecordAccumulator#drainBatchesForOneNode` (R6.5–R6.16, R6.22, R6.23, R4.12).

use super::accumulator::Latency;
use super::application::Course;
use super::batch::{Batch, BatchId, Ended, Life, Stage};
use super::responses::Sent;
use super::{Acked, Out, Producer, Timer};
use crate::client::backoff::backoff;
use crate::client::network::data;
use crate::message::{Acks, ProduceRequest, Request};
use crate::observation::Observation;
use crate::variant::Variant;
use ackproof_types::{
    BrokerId, Delay, ErrorCode, Micros, Offset, Record, RecordSlice, Timestamp, TopicPartition,
};
use std::sync::Arc;

/// The sender's thread wakes up to a millisecond after the time it sleeps to, and takes in what has
/// arrived before it looks for expired batches.
const WAKE: Delay = Delay { min: Micros::ZERO, max: Micros::from_millis(1) };

impl Producer {
    /// Turns of the loop until there is nothing to do.
    pub(super) fn run(&mut self, now: Timestamp, out: &mut Out) {
        while self.application.course != Course::Stops {
            self.send_on(now, out);
            self.admit(now, out);
            if !self.turn(out) {
                return;
            }
        }
    }

    /// One turn; returns whether it changed anything.
    fn turn(&mut self, out: &mut Out) -> bool {
        if self.config.enable_idempotence {
            self.resolve_sequences();
            self.bump_epoch(out);
        }
        if self.accumulator.lacks_leader(self.client.metadata()) {
            self.client.metadata_mut().request_update();
        }
        if self.client.maybe_update(out) {
            self.accumulator.follow(self.client.metadata());
        }
        if self.config.enable_idempotence && self.identity.current.is_none() {
            self.ask_identity(out);
            return false;
        }
        for node in 0..self.accumulator.nodes.len() {
            let broker = self.accumulator.nodes[node].broker;
            if self.accumulator.is_ready(node, self.client.metadata()) {
                let takes = self.client.ready(data(broker), out);
                self.note_latency(node, takes, out);
                if takes {
                    self.drain(node, broker);
                }
            }
        }
        // A batch that was drained in the turn in which it expires is sent all the same.
        let expired = self.overdue > 0 && self.expire(out);
        if self.drained.is_empty() {
            return expired;
        }
        let mut drained = std::mem::take(&mut self.drained);
        for (broker, batches) in drained.drain(..) {
            self.produce(broker, batches, out);
        }
        self.drained = drained;
        true
    }

    /// R6.3: a broker for which something is ready takes it, or not. Kafka compares the last times of both
    /// (`RecordAccumulator#updateNodeLatencyStats`).
    fn note_latency(&mut self, node: usize, takes: bool, out: &mut Out) {
        if self.config.availability_timeout == Micros::ZERO {
            return;
        }
        let node = &mut self.accumulator.nodes[node];
        let timer = Timer::Availability(node.broker);
        match (takes, node.latency) {
            (false, Latency::None) => {
                node.latency = Latency::Waits;
                out.arm(timer, self.config.availability_timeout);
            }
            (true, Latency::Waits | Latency::Unavailable) => {
                node.latency = Latency::None;
                out.disarm(timer);
            }
            (true, Latency::None) | (false, Latency::Waits | Latency::Unavailable) => {}
        }
    }

    /// It has taken nothing for `partitioner.availability.timeout.ms`.
    pub(super) fn is_unavailable(&mut self, broker: BrokerId) {
        let mut nodes = self.accumulator.nodes.iter_mut();
        if let Some(node) = nodes.find(|node| node.broker == broker) {
            node.latency = Latency::Unavailable;
        }
    }

    /// Takes at most one batch of each partition that `broker` leads, up to `max.request.size`, going on
    /// where the last drain stopped. A partition that must wait for its sequences ends it (R6.6).
    fn drain(&mut self, node: usize, broker: BrokerId) {
        let mut batches = Vec::new();
        let mut bytes = 0_u64;
        let count = self.accumulator.nodes[node].partitions.len();
        let start = self.accumulator.nodes[node].next % count;
        for step in 0..count {
            let index = (start + step) % count;
            self.accumulator.nodes[node].next = index;
            let partition = self.accumulator.nodes[node].partitions[index];
            let epoch = self.metadata().epoch(TopicPartition::new(self.config.topic, partition));
            let part = self.accumulator.of(partition);
            if part.muted {
                continue;
            }
            let Some(head) = part.queue.front_mut() else { continue };
            if head.backs_off(epoch) {
                continue;
            }
            let size = u64::from(head.bytes);
            let is_full =
                !batches.is_empty() && bytes + size > u64::from(self.config.max_request_size);
            if is_full || self.must_wait(partition) {
                break;
            }
            let part = self.accumulator.of(partition);
            let Some(mut batch) = part.queue.pop_front() else { continue };
            part.muted = self.config.max_in_flight == 1;
            bytes += size;
            self.drains += 1;
            batch.drained = self.drains;
            batch.stage = Stage::Closed;
            if self.config.enable_idempotence {
                self.stamp(&mut batch);
            }
            batches.push(batch);
        }
        if !batches.is_empty() {
            self.drained.push((broker, batches));
        }
    }

    fn produce(&mut self, broker: BrokerId, mut batches: Vec<Batch>, out: &mut Out) {
        let mut wire = Vec::with_capacity(batches.len());
        for batch in &mut batches {
            let (carried, spare) = batch.on_the_wire();
            self.accumulator.recycle(spare);
            wire.push((self.place(batch.partition), carried));
        }
        let timeout = self.config.request_timeout;
        let acks = self.config.acks;
        let request = Request::Produce(ProduceRequest { acks, timeout, batches: wire });
        if acks == Acks::None {
            let sent = Sent::Produce(broker, batches);
            return self.client.send_unanswered(data(broker), request, sent, out);
        }
        self.client.send(data(broker), request, Sent::Produce(broker, batches), out);
    }

    /// A partition of the topic that has the name now, as far as is known.
    pub(super) fn place(&self, partition: u16) -> TopicPartition {
        self.metadata().place_of(TopicPartition::new(self.config.topic, partition))
    }

    /// One partition of a request has its answer, or will get none.
    pub(super) fn complete(
        &mut self,
        mut batch: Batch,
        result: Result<Offset, ErrorCode>,
        by: BrokerId,
        out: &mut Out,
    ) {
        let partition = batch.partition;
        self.accumulator.of(partition).muted = false;
        let error = match result {
            Ok(base_offset) => {
                self.sequence_acked(&batch);
                if !batch.is_done() {
                    self.acked(batch, base_offset, by, out);
                }
                return;
            }
            Err(error) => error,
        };
        let is_definite = self.config.variants.has(Variant::ErrorTreatedAsDefinite)
            && error == ErrorCode::NotLeaderOrFollower;
        batch.maybe_written |= is_ambiguous(error) && !is_definite;
        if error == ErrorCode::MessageTooLarge && batch.count() > 1 && !batch.is_done() {
            self.split(batch, out);
            return;
        }
        if self.can_retry(&batch, error) {
            self.retry(batch, error, out);
        } else if !batch.is_done() {
            let renumber = batch.retries < self.config.retries;
            let ended = batch.end();
            let maybe_written = ended.maybe_written;
            self.failed(ended, error, maybe_written, out);
            if self.config.enable_idempotence {
                self.sequence_failed(partition, error, renumber);
            }
        }
        if is_metadata_error(error) {
            self.client.metadata_mut().request_update();
        }
    }

    /// R6.15.
    fn acked(&mut self, mut batch: Batch, base_offset: Offset, by: BrokerId, out: &mut Out) {
        let partition = TopicPartition::new(self.answered, batch.partition);
        let records = self.finish(batch.end(), out);
        self.resolved(&records, out);
        let records = RecordSlice::whole(records);
        if self.accumulator.is_addressed() {
            self.acks.push(Acked { base_offset, records: records.clone() });
        }
        out.observe(Observation::Acked { partition, base_offset, by, records });
    }

    fn failed(&mut self, ended: Ended, error: ErrorCode, maybe_written: bool, out: &mut Out) {
        let partition = self.place(ended.partition);
        let records = self.finish(ended, out);
        self.sends_failed(&records, error, out);
        let records = RecordSlice::whole(records);
        out.observe(Observation::Failed { partition, records, error, maybe_written });
    }

    /// A batch has its outcome: its memory is free.
    fn finish(&mut self, ended: Ended, out: &mut Out) -> Arc<[Record]> {
        if let Some(born) = ended.timer {
            out.disarm(Timer::Delivery(ended.partition, born));
        }
        self.overdue -= u32::from(ended.was_overdue);
        self.accumulator.release(ended.memory);
        ended.records
    }

    /// R6.11–R6.14. Asking has the side effect of R6.14: it may request an epoch bump.
    fn can_retry(&mut self, batch: &Batch, error: ErrorCode) -> bool {
        if batch.life != Life::Pending || batch.retries >= self.config.retries {
            return false;
        }
        if self.config.enable_idempotence && error == ErrorCode::OutOfOrderSequenceNumber {
            self.out_of_order(batch);
            return true;
        }
        is_retriable(error)
    }

    /// R6.7, R6.8: back into the queue, for another attempt after a back-off.
    fn retry(&mut self, mut batch: Batch, error: ErrorCode, out: &mut Out) {
        let (first, most) = (self.config.retry_backoff, self.config.retry_backoff_max);
        let delay = backoff(first, most, batch.retries);
        batch.retries += 1;
        if delay.max > Micros::ZERO {
            batch.stage = Stage::BackingOff;
            out.arm(Timer::Retry(batch.partition, batch.id), delay);
        }
        self.observe_retry(&batch, error, out);
        if self.config.enable_idempotence && self.config.variants.has(Variant::BumpOnRetry) {
            self.request_bump(batch.partition);
        }
        self.accumulator.put_back(batch);
    }

    fn observe_retry(&self, batch: &Batch, error: ErrorCode, out: &mut Out) {
        let partition = self.place(batch.partition);
        out.observe(Observation::Retried { partition, first: batch.first(), error });
    }

    /// R6.12: a batch that is too large for the broker goes out in parts, at once.
    fn split(&mut self, batch: Batch, out: &mut Out) {
        let partition = batch.partition;
        self.observe_retry(&batch, ErrorCode::MessageTooLarge, out);
        self.accumulator.release(batch.memory);
        let was_overdue = batch.life == Life::Overdue;
        let parts = self.accumulator.split(batch);
        if was_overdue {
            self.overdue += u32::try_from(parts).unwrap_or(u32::MAX) - 1;
        }
        self.sequence_split(partition, parts);
    }

    /// `delivery.timeout.ms` after the creation of a batch. It expires at the sender's next look; what
    /// arrives before finds it too old for another attempt (R6.11).
    pub(super) fn overdue(&mut self, partition: u16, born: BatchId, out: &mut Out) {
        let queued = self.accumulator.partitions[usize::from(partition)].queue.iter_mut();
        let before = self.overdue;
        for batch in queued.chain(self.client.in_flight_mut().flat_map(Sent::batches_mut)) {
            if batch.born == born && batch.life == Life::Pending {
                batch.life = Life::Overdue;
                self.overdue += 1;
            }
        }
        if self.overdue > before {
            out.arm(Timer::Wake, WAKE);
        }
    }

    /// R6.22: ends what is overdue, queued or in flight, oldest first; the first that is not overdue
    /// hides those behind it.
    fn expire(&mut self, out: &mut Out) -> bool {
        let before = self.overdue;
        for partition in 0..self.metadata().partition_count(self.config.topic) {
            while let Some(mut batch) = self.accumulator.pop_overdue(partition) {
                self.expired(batch.end(), out);
            }
        }
        for partition in 0..self.metadata().partition_count(self.config.topic) {
            while let Some(ended) = self.end_overdue_in_flight(partition) {
                self.expired(ended, out);
            }
        }
        self.overdue < before
    }

    /// Ends the batch of `partition` that is in flight for longest, if it is overdue.
    fn end_overdue_in_flight(&mut self, partition: u16) -> Option<Ended> {
        let drained = self.drained.iter_mut().flat_map(|(_, batches)| batches);
        drained
            .chain(self.client.in_flight_mut().flat_map(Sent::batches_mut))
            .filter(|batch| batch.partition == partition && !batch.is_done())
            .min_by_key(|batch| batch.drained)
            .filter(|batch| batch.life == Life::Overdue)
            .map(Batch::end)
    }

    fn expired(&mut self, ended: Ended, out: &mut Out) {
        let Ended { partition, was_sent, was_retried, stamp, .. } = ended;
        let count = ended.records.len();
        let error = ErrorCode::Timeout;
        let unsent = self.config.variants.has(Variant::ExpiredCalledUnsent);
        self.failed(ended, error, was_sent && !unsent, out);
        if let Some(stamp) = stamp {
            self.sequence_expired(partition, stamp, count, was_retried);
        }
    }
}

/// R4.12: whether an attempt that ended so may be written. All but plain refusals may.
fn is_ambiguous(error: ErrorCode) -> bool {
    !matches!(
        error,
        ErrorCode::NotEnoughReplicas
            | ErrorCode::MessageTooLarge
            | ErrorCode::InvalidRecord
            | ErrorCode::InvalidTimestamp
            | ErrorCode::InvalidRequiredAcks
            | ErrorCode::CorruptMessage
            | ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::InvalidProducerEpoch
    )
}

/// R6.12.
fn is_retriable(error: ErrorCode) -> bool {
    is_metadata_error(error)
        || matches!(
            error,
            ErrorCode::RequestTimedOut
                | ErrorCode::NotEnoughReplicas
                | ErrorCode::NotEnoughReplicasAfterAppend
                | ErrorCode::CorruptMessage
                | ErrorCode::UnknownLeaderEpoch
        )
}

/// Errors that say metadata is old (`InvalidMetadataException`).
fn is_metadata_error(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::NetworkException
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::KafkaStorageError
            | ErrorCode::FencedLeaderEpoch
    )
}
