//! Sequences and epochs of one partition.
//!
//! Kafka: `TransactionManager`, `TxnPartitionEntry` (R6.6, R6.14, R6.16, R6.19, R6.23).

use super::batch::Batch;
use super::{Out, Producer};
use crate::message::ProducerStamp;
use crate::observation::Observation;
use ackproof_types::{ProducerEpoch, Sequence};

/// The numbering of one partition.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    epoch: ProducerEpoch,
    next: Sequence,
    /// The last acknowledged sequence; NONE before the first.
    last_acked: Option<Sequence>,
    /// A retried batch expired: whether it landed shows only when those behind it have finished.
    unresolved: Option<Sequence>,
}

impl Sequences {
    pub(super) fn restart(&mut self, epoch: ProducerEpoch) {
        *self = Self { epoch, ..Self::default() };
    }

    pub(super) fn acked(&mut self, stamp: ProducerStamp, count: usize) {
        if stamp.epoch == self.epoch {
            let last = stamp.base_sequence.plus(count - 1);
            self.last_acked = self.last_acked.max(Some(last));
        }
    }

    /// The sequence after the last acknowledged one.
    fn expected(&self) -> Sequence {
        self.last_acked.map_or(Sequence(0), |last| last.plus(1))
    }

    pub(super) fn is_unresolved(&self) -> bool {
        self.unresolved.is_some()
    }

    /// R6.14: whether OUT_OF_ORDER_SEQUENCE_NUMBER for `stamp` only says that an earlier batch is not
    /// there yet.
    pub(super) fn waits_for_earlier(&self, stamp: ProducerStamp) -> bool {
        self.unresolved.is_none() && stamp.base_sequence != self.expected()
    }

    pub(super) fn expired_retry(&mut self, stamp: ProducerStamp, count: usize) {
        self.unresolved = self.unresolved.max(Some(stamp.base_sequence.plus(count)));
    }
}

impl Producer {
    /// R6.6: numbers a batch at its first drain.
    pub(super) fn stamp(&mut self, partition: u16, batch: &mut Batch, idle: bool) {
        let Some((id, epoch)) = self.identity else { return };
        if batch.stamp.is_some() || !self.config.enable_idempotence {
            return;
        }
        let sequences = &mut self.sequences[usize::from(partition)];
        // R6.19: other partitions take the raised epoch once nothing of theirs is in flight.
        if sequences.epoch != epoch && idle {
            sequences.restart(epoch);
        }
        batch.stamp =
            Some(ProducerStamp { id, epoch: sequences.epoch, base_sequence: sequences.next });
        sequences.next = sequences.next.plus(batch.count());
    }

    /// R6.19: raises the epoch for a partition and numbers its batches anew, in order. A batch whose
    /// earlier attempt landed is then appended again (R6.20).
    pub(super) fn bump_epoch(&mut self, partition: u16, out: &mut Out) {
        let Some((id, epoch)) = self.identity else { return };
        let epoch = epoch.next();
        self.identity = Some((id, epoch));
        out.observe(Observation::ProducerEpochBumped { partition: self.id_of(partition) });
        let sequences = &mut self.sequences[usize::from(partition)];
        sequences.restart(epoch);
        let tp = ackproof_types::TopicPartition::new(self.config.topic, partition);
        let in_flight = self
            .requests
            .values_mut()
            .flat_map(|request| &mut request.batches)
            .filter(|(id, _)| *id == tp)
            .map(|(_, batch)| batch);
        let queued = self.queues[usize::from(partition)].batches.iter_mut();
        let mut stamped: Vec<&mut Batch> =
            in_flight.chain(queued).filter(|batch| batch.stamp.is_some()).collect();
        stamped.sort_by_key(|batch| batch.stamp.map(|stamp| (stamp.epoch, stamp.base_sequence)));
        for batch in stamped {
            batch.stamp = Some(ProducerStamp { id, epoch, base_sequence: sequences.next });
            sequences.next = sequences.next.plus(batch.count());
        }
    }

    /// R6.23: once nothing is in flight, an expired retry is known to have landed, or the epoch rises.
    pub(super) fn settle_unresolved(&mut self, partition: u16, out: &mut Out) {
        let queue = &self.queues[usize::from(partition)];
        let busy = queue.in_flight > 0 || queue.batches.iter().any(|batch| batch.stamp.is_some());
        let sequences = &mut self.sequences[usize::from(partition)];
        let Some(next) = sequences.unresolved else { return };
        if busy {
            return;
        }
        sequences.unresolved = None;
        if sequences.expected() != next {
            self.bump_epoch(partition, out);
        }
    }
}
