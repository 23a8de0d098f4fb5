//! From batches to requests, and what becomes of them.
//!
//! Kafka: `Sender` (R6.5–R6.16, R6.22, R4.12).

use super::batch::{Batch, BatchId, Stage};
use super::{Out, Producer, Timer, close};
use crate::client::backoff::backoff;
use crate::message::{Acks, CorrelationId, Payload, ProduceRequest, RecordBatch, Request};
use crate::observation::Observation;
use ackproof_types::{
    BrokerId, ErrorCode, LeaderEpoch, Offset, RecordSlice, Timestamp, TopicPartition,
};

/// A request without an answer yet.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) leader: BrokerId,
    pub(super) batches: Vec<(TopicPartition, Batch)>,
}

impl Producer {
    /// R6.2: sends what is ready, one request a leader, one batch a partition.
    pub(super) fn drain(&mut self, out: &mut Out) {
        if self.partitions == 0 || !self.has_identity(out) {
            return;
        }
        for leader in (1..=self.config.brokers).map(BrokerId) {
            while self.drain_to(leader, out) {}
        }
    }

    fn drain_to(&mut self, leader: BrokerId, out: &mut Out) -> bool {
        let busy = self.requests.values().filter(|request| request.leader == leader).count();
        if !self.connect.is_usable(leader) || busy >= self.config.max_in_flight {
            return false;
        }
        let mut batches = Vec::new();
        let mut bytes = 0_u64;
        for partition in 0..self.partitions {
            let id = self.id_of(partition);
            if self.metadata.leader(id) != Some(leader) || !self.may_drain(partition) {
                continue;
            }
            let queue = &mut self.queues[usize::from(partition)];
            let size = queue.batches.front().map_or(0, |batch| u64::from(batch.bytes));
            if bytes > 0 && bytes + size > u64::from(self.config.max_request_size) {
                break;
            }
            let Some(mut batch) = queue.batches.pop_front() else { continue };
            bytes += size;
            let idle = queue.in_flight == 0 && queue.batches.iter().all(|one| one.stamp.is_none());
            queue.in_flight += 1;
            self.stamp(partition, &mut batch, idle);
            batches.push((id, batch));
        }
        if batches.is_empty() {
            return false;
        }
        self.request(leader, batches, out);
        true
    }

    /// R6.4–R6.6, R6.23: whether the oldest batch of a partition may be sent now.
    fn may_drain(&self, partition: u16) -> bool {
        let queue = &self.queues[usize::from(partition)];
        let Some(head) = queue.batches.front() else { return false };
        if head.stage != Stage::Ready {
            return false;
        }
        if self.config.max_in_flight == 1 && queue.in_flight > 0 {
            return false;
        }
        if !self.config.enable_idempotence {
            return true;
        }
        let Some(stamp) = head.stamp else {
            return !self.sequences[usize::from(partition)].is_unresolved();
        };
        let id = self.id_of(partition);
        self.requests
            .values()
            .flat_map(|request| &request.batches)
            .filter(|(other, _)| *other == id)
            .filter_map(|(_, batch)| batch.stamp)
            .all(|other| (stamp.epoch, stamp.base_sequence) < (other.epoch, other.base_sequence))
    }

    fn request(
        &mut self,
        leader: BrokerId,
        mut batches: Vec<(TopicPartition, Batch)>,
        out: &mut Out,
    ) {
        let wire = batches.iter_mut().map(|(id, batch)| {
            batch.attempts += 1;
            (*id, on_the_wire(batch))
        });
        let request = Request::Produce(ProduceRequest {
            acks: self.config.acks,
            timeout: self.config.request_timeout,
            batches: wire.collect(),
        });
        let correlation = self.ask(leader, request, out);
        if self.config.acks == Acks::None {
            // R6.10: written to the socket is all there is.
            for (id, batch) in batches {
                self.queues[usize::from(id.partition)].in_flight -= 1;
                self.succeed(id, batch, Offset::UNKNOWN, leader, out);
            }
            return;
        }
        self.requests.insert(correlation, InFlight { leader, batches });
        out.arm(Timer::Request(correlation), self.config.request_timeout);
    }

    pub(super) fn produced(
        &mut self,
        correlation: CorrelationId,
        results: &[(TopicPartition, Result<Offset, ErrorCode>)],
        now: Timestamp,
        out: &mut Out,
    ) {
        let Some(request) = self.requests.remove(&correlation) else { return };
        out.disarm(Timer::Request(correlation));
        self.connect.answered(request.leader);
        for (id, batch) in request.batches {
            let result = results.iter().find(|(other, _)| *other == id).map(|(_, result)| *result);
            self.queues[usize::from(id.partition)].in_flight -= 1;
            match result.unwrap_or(Err(ErrorCode::UnknownServerError)) {
                Ok(offset) => self.succeed(id, batch, offset, request.leader, out),
                Err(error) => self.attempt_failed(id, batch, error, out),
            }
            self.settle_unresolved(id.partition, out);
        }
        self.unblock(now, out);
    }

    fn succeed(
        &mut self,
        id: TopicPartition,
        mut batch: Batch,
        base_offset: Offset,
        by: BrokerId,
        out: &mut Out,
    ) {
        let records = batch.seal();
        if let Some(stamp) = batch.stamp {
            self.sequences[usize::from(id.partition)].acked(stamp, records.len());
        }
        self.finish(id, &batch, out);
        self.resolve(&records, out);
        let records = RecordSlice::whole(records);
        out.observe(Observation::Acked { partition: id, base_offset, by, records });
    }

    /// A batch has its final outcome: its timers and its memory are free.
    fn finish(&mut self, id: TopicPartition, batch: &Batch, out: &mut Out) {
        out.disarm(Timer::Delivery(id.partition, batch.id));
        let bytes = u64::from(batch.bytes - super::batch::HEADER);
        self.memory_used = self.memory_used.saturating_sub(bytes);
    }

    /// R6.11–R6.16: one attempt failed; again, or for good.
    fn attempt_failed(
        &mut self,
        id: TopicPartition,
        mut batch: Batch,
        error: ErrorCode,
        out: &mut Out,
    ) {
        batch.maybe_written |= is_ambiguous(error);
        let out_of_order = error == ErrorCode::OutOfOrderSequenceNumber;
        let sequenced = batch.stamp.filter(|_| out_of_order);
        let again = sequenced.is_some() || is_retriable(error);
        if !again || batch.attempts > self.config.retries {
            self.fail(id, batch, error, out);
            if self.config.enable_idempotence {
                self.bump_epoch(id.partition, out);
            }
            return;
        }
        let first = batch.seal()[0];
        out.observe(Observation::Retried { partition: id, first, error });
        let failures = batch.attempts - 1;
        batch.stage = Stage::BackingOff;
        let (shortest, longest) = (self.config.retry_backoff, self.config.retry_backoff_max);
        out.arm(Timer::Retry(id.partition, batch.id), backoff(shortest, longest, failures));
        self.enqueue_again(id.partition, batch);
        if let Some(stamp) = sequenced
            && !self.sequences[usize::from(id.partition)].waits_for_earlier(stamp)
        {
            self.bump_epoch(id.partition, out);
        }
        if is_metadata_error(error) {
            self.refresh_metadata(out);
        }
    }

    /// R6.7: in sequence order, or without idempotence in front.
    fn enqueue_again(&mut self, partition: u16, batch: Batch) {
        let batches = &mut self.queues[usize::from(partition)].batches;
        let place = batch.stamp.map_or(0, |stamp| {
            let key = (stamp.epoch, stamp.base_sequence);
            batches.partition_point(|other| {
                other.stamp.is_some_and(|other| (other.epoch, other.base_sequence) < key)
            })
        });
        batches.insert(place, batch);
    }

    fn fail(&mut self, id: TopicPartition, mut batch: Batch, error: ErrorCode, out: &mut Out) {
        let records = batch.seal();
        self.finish(id, &batch, out);
        self.resolve(&records, out);
        out.observe(Observation::Failed {
            partition: id,
            records: RecordSlice::whole(records),
            error,
            maybe_written: batch.maybe_written,
        });
    }

    pub(super) fn retry_due(&mut self, partition: u16, id: BatchId) {
        let batches = &mut self.queues[usize::from(partition)].batches;
        if let Some(batch) = batches.iter_mut().find(|batch| batch.id == id) {
            batch.stage = Stage::Ready;
        }
    }

    /// R6.22: `delivery.timeout.ms` of a batch is over, queued or in flight.
    pub(super) fn expire(&mut self, partition: u16, id: BatchId, out: &mut Out) {
        let tp = self.id_of(partition);
        let queue = &mut self.queues[usize::from(partition)];
        let queued = queue.batches.iter().position(|batch| batch.id == id);
        let batch = if let Some(index) = queued {
            queue.batches.remove(index)
        } else {
            let request = self.requests.values_mut().find_map(|request| {
                let index = request.batches.iter().position(|(_, batch)| batch.id == id)?;
                Some(request.batches.remove(index).1)
            });
            if let Some(mut batch) = request {
                queue.in_flight -= 1;
                batch.maybe_written = true;
                Some(batch)
            } else {
                None
            }
        };
        let Some(batch) = batch else { return };
        out.disarm(Timer::Retry(partition, id));
        // Attempts that were answered by "not written" leave it certain.
        let error = if batch.attempts == 0 {
            ErrorCode::ExpiredBeforeSend
        } else {
            ErrorCode::DeliveryTimeout
        };
        if let Some(stamp) = batch.stamp {
            self.sequences[usize::from(partition)].expired_retry(stamp, batch.count());
        }
        self.fail(tp, batch, error, out);
        self.settle_unresolved(partition, out);
        self.drain(out);
    }

    /// R6.9: the connection is closed and everything on it fails.
    pub(super) fn request_timed_out(
        &mut self,
        correlation: CorrelationId,
        now: Timestamp,
        out: &mut Out,
    ) {
        let Some(request) = self.requests.get(&correlation) else { return };
        let leader = request.leader;
        close(leader, out);
        self.connection_failed(leader, ErrorCode::RequestTimedOut, now, out);
    }

    pub(super) fn fail_requests_to(
        &mut self,
        broker: BrokerId,
        error: ErrorCode,
        now: Timestamp,
        out: &mut Out,
    ) {
        let failed: Vec<CorrelationId> = self
            .requests
            .iter()
            .filter(|(_, request)| request.leader == broker)
            .map(|(correlation, _)| *correlation)
            .collect();
        // The last first: without idempotence each goes to the front of its queue (R6.7).
        for correlation in failed.into_iter().rev() {
            out.disarm(Timer::Request(correlation));
            let Some(request) = self.requests.remove(&correlation) else { continue };
            for (id, batch) in request.batches {
                self.queues[usize::from(id.partition)].in_flight -= 1;
                self.attempt_failed(id, batch, error, out);
                self.settle_unresolved(id.partition, out);
            }
        }
        self.unblock(now, out);
    }
}

fn on_the_wire(batch: &mut Batch) -> RecordBatch {
    RecordBatch {
        base_offset: Offset(0),
        leader_epoch: LeaderEpoch::UNKNOWN,
        producer: batch.stamp,
        max_timestamp: batch.created,
        size: batch.bytes,
        payload: Payload::Records(batch.seal()),
    }
}

/// R4.12: whether an attempt that ended so may be written.
fn is_ambiguous(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::RequestTimedOut
            | ErrorCode::NotEnoughReplicasAfterAppend
            | ErrorCode::NetworkException
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::KafkaStorageError
            | ErrorCode::UnknownServerError
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
        )
}

/// Errors that say metadata is old.
fn is_metadata_error(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::NetworkException
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::KafkaStorageError
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::UnknownLeaderEpoch
    )
}
