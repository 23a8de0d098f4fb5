//! The numbering of an idempotent producer: its id and epoch, and the sequences of each partition.
//!
//! A batch counts as *in flight* here from its first drain to its outcome, also while it waits in its
//! queue for another attempt. Knows nothing of requests and timers. Kafka: `TransactionManager`,
//! `TxnPartitionEntry` (R6.6, R6.14–R6.16, R6.19, R6.21, R6.23).

use super::batch::Batch;
use super::responses::Sent;
use super::{Out, Producer, Timer};
use crate::message::{ProducerStamp, Request};
use crate::observation::Observation;
use crate::variant::Variant;
use ackproof_types::{ErrorCode, ProducerEpoch, ProducerId, Sequence};

/// A producer id and its epoch.
pub(super) type Numbering = (ProducerId, ProducerEpoch);

/// The producer's own part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    /// None before the first InitProducerId is answered.
    pub(super) current: Option<Numbering>,
    pub(super) request: IdentityRequest,
    /// Partitions that want their batches in flight numbered anew under a raised epoch.
    bumps: Vec<u16>,
    /// Partitions with an unresolved sequence.
    unresolved: Vec<u16>,
}

/// Where the wish for a producer id is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum IdentityRequest {
    /// To be sent.
    #[default]
    Wanted,
    /// In flight.
    Sent,
    /// It failed; `retry.backoff.ms` runs.
    BackingOff,
}

/// The part of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Sequences {
    numbering: Option<Numbering>,
    next: Sequence,
    /// The last acknowledged sequence of this numbering.
    last_acked: Option<Sequence>,
    /// A batch expired after it had been retried: whether it landed shows only in those behind it. The
    /// sequence after it.
    unresolved: Option<Sequence>,
    pub(super) in_flight: u32,
}

impl Sequences {
    fn restart(&mut self, numbering: Option<Numbering>) {
        self.numbering = numbering;
        self.next = Sequence(0);
        self.last_acked = None;
    }

    /// Whether `sequence` directly follows what was acknowledged. It does not wrap: Kafka's does not
    /// either.
    fn is_next(&self, sequence: Sequence) -> bool {
        sequence.0 == self.last_acked.map_or(0, |last| last.0.wrapping_add(1))
    }

    fn acked(&mut self, last: Sequence) {
        self.last_acked = self.last_acked.max(Some(last));
    }
}

/// The sequence of a batch's last record.
fn last_of(stamp: ProducerStamp, count: usize) -> Sequence {
    stamp.base_sequence.plus(count - 1)
}

impl Producer {
    /// R6.6: whether the oldest batch of a partition must wait although it is ready.
    pub(super) fn must_wait(&self, partition: u16) -> bool {
        if !self.config.enable_idempotence {
            return false;
        }
        let part = &self.accumulator.partitions[usize::from(partition)];
        let Some(head) = part.queue.front() else { return true };
        let Some(stamp) = head.stamp else {
            let sequences = &part.sequences;
            let is_stale = sequences.numbering != self.identity.current;
            return sequences.in_flight > 0 && is_stale || sequences.unresolved.is_some();
        };
        // A retry goes alone: only once everything before it has its outcome.
        self.sent_batches()
            .filter(|batch| batch.partition == partition && !batch.is_done())
            .filter_map(|batch| batch.stamp)
            .any(|other| (other.epoch, other.base_sequence) < (stamp.epoch, stamp.base_sequence))
    }

    /// R6.6: numbers a batch at its first drain.
    pub(super) fn stamp(&mut self, batch: &mut Batch) {
        batch.rewritten = false;
        let Some((id, epoch)) = self.identity.current else { return };
        if batch.stamp.is_some() {
            return;
        }
        let sequences = &mut self.accumulator.of(batch.partition).sequences;
        // R6.19: a partition that did not ask for the raised epoch takes it once it is idle.
        if sequences.numbering != Some((id, epoch)) && sequences.in_flight == 0 {
            if self.config.variants.has(Variant::IdlePartitionSequence) {
                sequences.numbering = Some((id, epoch));
            } else {
                sequences.restart(Some((id, epoch)));
            }
        }
        batch.stamp = Some(ProducerStamp { id, epoch, base_sequence: sequences.next });
        sequences.next = sequences.next.plus(batch.count());
        sequences.in_flight += 1;
    }

    /// R6.15: a batch is acknowledged, be it after its delivery timeout.
    pub(super) fn sequence_acked(&mut self, batch: &Batch) {
        let Some(stamp) = batch.stamp else { return };
        let last = last_of(stamp, batch.count());
        let sequences = &mut self.accumulator.of(batch.partition).sequences;
        sequences.acked(last);
        if !batch.is_done() {
            sequences.in_flight -= 1;
        }
    }

    /// R6.16: a batch that was not done has failed for good. `renumber`: those behind it shall not wait
    /// for its sequence.
    pub(super) fn sequence_failed(&mut self, partition: u16, error: ErrorCode, renumber: bool) {
        self.accumulator.of(partition).sequences.in_flight -= 1;
        if renumber || error == ErrorCode::OutOfOrderSequenceNumber {
            self.request_bump(partition);
        }
    }

    /// A batch of `partition` was split: `parts` are in flight instead of it (R6.12).
    pub(super) fn sequence_split(&mut self, partition: u16, parts: usize) {
        let sequences = &mut self.accumulator.of(partition).sequences;
        if sequences.in_flight > 0 {
            sequences.in_flight += u32::try_from(parts).unwrap_or(u32::MAX) - 1;
        }
    }

    /// R6.14: whether a batch may be sent again after OUT_OF_ORDER_SEQUENCE_NUMBER. It always may; the
    /// question is whether a gap shows, which only a raised epoch closes.
    pub(super) fn out_of_order(&mut self, batch: &Batch) {
        let Some(stamp) = batch.stamp else { return };
        let sequences = &self.accumulator.of(batch.partition).sequences;
        let gap = match sequences.unresolved {
            // An earlier batch is on its way, or the refusal was of numbers that are gone.
            None => !batch.rewritten && sequences.is_next(stamp.base_sequence),
            Some(next) => stamp.base_sequence == next,
        };
        if gap || self.config.variants.has(Variant::BumpOnOutOfOrder) {
            self.request_bump(batch.partition);
        }
    }

    pub(super) fn request_bump(&mut self, partition: u16) {
        if !self.identity.bumps.contains(&partition) {
            self.identity.bumps.push(partition);
        }
    }

    /// R6.23: a batch expired. If it had been retried, nothing new of its partition goes out until those
    /// in flight have their outcome; if this was its first attempt, its late answer settles it.
    pub(super) fn sequence_expired(
        &mut self,
        partition: u16,
        stamp: ProducerStamp,
        count: usize,
        was_retried: bool,
    ) {
        let sequences = &mut self.accumulator.of(partition).sequences;
        sequences.in_flight -= 1;
        if was_retried {
            if sequences.unresolved.is_none() {
                self.identity.unresolved.push(partition);
            }
            let next = Sequence(last_of(stamp, count).0.wrapping_add(1));
            sequences.unresolved = sequences.unresolved.max(Some(next));
        }
    }

    /// R6.23: once nothing of an unresolved partition is in flight, a later success has shown that the
    /// expired batch landed, or the epoch rises.
    pub(super) fn resolve_sequences(&mut self) {
        for index in (0..self.identity.unresolved.len()).rev() {
            let partition = self.identity.unresolved[index];
            let sequences = &mut self.accumulator.of(partition).sequences;
            if sequences.in_flight > 0 {
                continue;
            }
            sequences.unresolved = None;
            let landed = sequences.is_next(sequences.next);
            self.identity.unresolved.swap_remove(index);
            if !landed {
                self.request_bump(partition);
            }
        }
    }

    /// R6.19: raises the epoch if a partition asked for it, without asking a broker, and numbers the
    /// batches in flight of those partitions anew. A batch whose earlier attempt landed is then appended
    /// again (R6.20).
    pub(super) fn bump_epoch(&mut self, out: &mut Out) {
        if self.identity.bumps.is_empty() {
            return;
        }
        let Some((id, epoch)) = self.identity.current else { return };
        if epoch.0 == i16::MAX {
            // The epochs of this id are used up: the next id does for one.
            self.identity.current = None;
            self.identity.request = IdentityRequest::Wanted;
            return;
        }
        self.identity.current = Some((id, epoch.next()));
        self.renumber(out);
    }

    /// A broker gave this producer its id (R6.18).
    pub(super) fn identified(&mut self, numbering: Numbering, out: &mut Out) {
        self.identity.current = Some(numbering);
        self.renumber(out);
    }

    /// The request for an id failed: again after `retry.backoff.ms`.
    pub(super) fn identity_failed(&mut self, out: &mut Out) {
        self.identity.request = IdentityRequest::BackingOff;
        out.arm(Timer::ProducerId, self.config.retry_backoff);
    }

    fn renumber(&mut self, out: &mut Out) {
        let Some((id, epoch)) = self.identity.current else { return };
        for partition in std::mem::take(&mut self.identity.bumps) {
            let tp = self.place(partition);
            out.observe(Observation::ProducerEpochBumped { partition: tp });
            self.identity.unresolved.retain(|other| *other != partition);
            let part = &mut self.accumulator.partitions[usize::from(partition)];
            part.sequences.unresolved = None;
            part.sequences.restart(Some((id, epoch)));
            let sent = self.client.in_flight_mut().flat_map(Sent::batches_mut);
            let sent = sent.filter(|batch| batch.partition == partition);
            let mut in_flight: Vec<&mut Batch> = sent
                .chain(&mut part.queue)
                .filter(|batch| !batch.is_done() && batch.stamp.is_some())
                .collect();
            in_flight
                .sort_by_key(|batch| batch.stamp.map(|it| (it.id, it.epoch, it.base_sequence)));
            for batch in in_flight {
                let base_sequence = part.sequences.next;
                batch.stamp = Some(ProducerStamp { id, epoch, base_sequence });
                batch.rewritten = true;
                part.sequences.next = base_sequence.plus(batch.count());
            }
        }
    }

    /// R6.18: asks any broker for a producer id. Until it is there nothing is drained and nothing
    /// expires, as the sender's loop does not come that far.
    pub(super) fn ask_identity(&mut self, out: &mut Out) {
        if self.identity.request == IdentityRequest::Wanted
            && let Some(route) = self.client.least_loaded_node()
            && self.client.ready(route, out)
        {
            self.identity.request = IdentityRequest::Sent;
            self.client.send(route, Request::InitProducerId, Sent::ProducerId, out);
        }
    }
}
