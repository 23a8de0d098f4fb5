//! What a log remembers of idempotent producers: the last five batches of each.
//!
//! Kafka: `ProducerStateManager`, `ProducerStateEntry`, `ProducerAppendInfo` (KIP-98).

use crate::message::{ProducerStamp, RecordBatch};
use crate::variant::{Variant, Variants};
use ackproof_types::{ErrorCode, Micros, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};
use std::collections::{BTreeMap, VecDeque};

const WINDOW: usize = 5;

/// A remembered batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Remembered {
    first: Sequence,
    last: Sequence,
    base_offset: Offset,
    next_offset: Offset,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Session {
    epoch: ProducerEpoch,
    batches: VecDeque<Remembered>,
    /// What the last batch bears.
    last: Timestamp,
}

/// Producer sessions by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProducerStates {
    sessions: BTreeMap<ProducerId, Session>,
}

/// What to do with a batch of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Admission {
    /// Append it.
    Fresh,
    /// It is in the log, at this offset and up to this one (exclusive).
    Duplicate(Offset, Offset),
}

impl ProducerStates {
    /// R6.30–R6.32: whether a client's batch is new, a duplicate or out of order.
    ///
    /// # Errors
    /// `INVALID_PRODUCER_EPOCH` or `OUT_OF_ORDER_SEQUENCE_NUMBER`; nothing may be written then.
    pub fn admit(
        &self,
        stamp: ProducerStamp,
        count: usize,
        variants: Variants,
    ) -> Result<Admission, ErrorCode> {
        let Some(session) = self.sessions.get(&stamp.id) else {
            return Ok(Admission::Fresh);
        };
        if stamp.epoch < session.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        if stamp.epoch > session.epoch {
            return if stamp.base_sequence == Sequence(0) {
                Ok(Admission::Fresh)
            } else {
                Err(ErrorCode::OutOfOrderSequenceNumber)
            };
        }
        let last = stamp.base_sequence.plus(count - 1);
        let window = if variants.has(Variant::DedupWindowOne) { 1 } else { WINDOW };
        let known = session
            .batches
            .iter()
            .rev()
            .take(window)
            .find(|batch| batch.first == stamp.base_sequence && batch.last == last);
        if let Some(known) = known {
            return Ok(Admission::Duplicate(known.base_offset, known.next_offset));
        }
        match session.batches.back() {
            Some(newest) if stamp.base_sequence != newest.last.plus(1) => {
                Err(ErrorCode::OutOfOrderSequenceNumber)
            }
            Some(_) | None => Ok(Admission::Fresh),
        }
    }

    /// Remembers an appended batch, whoever appended it (R6.34).
    pub fn remember(&mut self, batch: &RecordBatch) {
        let Some(stamp) = batch.producer else { return };
        let session = self.sessions.entry(stamp.id).or_insert_with(|| Session {
            epoch: stamp.epoch,
            batches: VecDeque::new(),
            last: batch.max_timestamp,
        });
        session.last = batch.max_timestamp;
        if session.epoch != stamp.epoch {
            session.epoch = stamp.epoch;
            session.batches.clear();
        }
        if session.batches.len() == WINDOW {
            session.batches.pop_front();
        }
        session.batches.push_back(Remembered {
            first: stamp.base_sequence,
            last: stamp.base_sequence.plus(batch.count() - 1),
            base_offset: batch.base_offset,
            next_offset: batch.next_offset(),
        });
    }

    /// Whether it remembers the batch at `base`.
    #[must_use]
    pub(super) fn knows(&self, stamp: ProducerStamp, base: Offset) -> bool {
        let session = self.sessions.get(&stamp.id);
        session.is_some_and(|one| one.batches.iter().any(|batch| batch.base_offset == base))
    }

    /// R6.35: forgets whose last batch bears a time that is `after` ago or longer.
    pub fn expire(&mut self, now: Timestamp, after: Micros) {
        self.sessions.retain(|_, session| now.since(session.last) < after);
    }

    /// R6.33: what a snapshot keeps, the last batch of each producer.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        let mut snapshot = self.clone();
        for session in snapshot.sessions.values_mut() {
            let excess = session.batches.len().saturating_sub(1);
            session.batches.drain(..excess);
        }
        snapshot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Payload;
    use ackproof_types::{LeaderEpoch, ProducerIndex, Record, RecordId};

    fn stamp(epoch: i16, base: i32) -> ProducerStamp {
        let (epoch, base_sequence) = (ProducerEpoch(epoch), Sequence(base));
        ProducerStamp { id: ProducerId(7), epoch, base_sequence }
    }

    /// A log's memory after batches of `count` records each, one after the other from offset 0.
    fn after(batches: &[(ProducerStamp, usize)]) -> ProducerStates {
        let mut states = ProducerStates::default();
        let mut offset = Offset(0);
        for (stamp, count) in batches {
            let id = RecordId { producer: ProducerIndex(0), number: 0 };
            let batch = RecordBatch {
                base_offset: offset,
                leader_epoch: LeaderEpoch(0),
                producer: Some(*stamp),
                max_timestamp: Timestamp::START,
                size: 100,
                payload: Payload::Records(vec![Record { id, key: None, size: 10 }; *count].into()),
            };
            offset = batch.next_offset();
            states.remember(&batch);
        }
        states
    }

    fn admit(
        states: &ProducerStates,
        stamp: ProducerStamp,
        count: usize,
    ) -> Result<Admission, ErrorCode> {
        states.admit(stamp, count, Variants::default())
    }

    const OUT_OF_ORDER: Result<Admission, ErrorCode> = Err(ErrorCode::OutOfOrderSequenceNumber);

    #[test]
    fn the_next_sequence_is_fresh_and_a_gap_is_not() {
        let states = after(&[(stamp(0, 0), 3)]);
        assert_eq!(admit(&states, stamp(0, 3), 1), Ok(Admission::Fresh));
        assert_eq!(admit(&states, stamp(0, 4), 1), OUT_OF_ORDER);
        let wrapping = after(&[(stamp(0, i32::MAX), 1)]);
        assert_eq!(admit(&wrapping, stamp(0, 0), 1), Ok(Admission::Fresh));
    }

    #[test]
    fn only_exactly_the_same_range_is_a_duplicate() {
        let states = after(&[(stamp(0, 0), 3), (stamp(0, 3), 2)]);
        assert_eq!(admit(&states, stamp(0, 0), 3), Ok(Admission::Duplicate(Offset(0), Offset(3))));
        assert_eq!(admit(&states, stamp(0, 3), 2), Ok(Admission::Duplicate(Offset(3), Offset(5))));
        assert_eq!(admit(&states, stamp(0, 0), 2), OUT_OF_ORDER);
        assert_eq!(admit(&states, stamp(0, 1), 2), OUT_OF_ORDER);
    }

    #[test]
    fn five_batches_are_remembered() {
        let states = after(&[0, 1, 2, 3, 4, 5].map(|base| (stamp(0, base), 1)));
        assert_eq!(admit(&states, stamp(0, 0), 1), OUT_OF_ORDER);
        assert_eq!(admit(&states, stamp(0, 1), 1), Ok(Admission::Duplicate(Offset(1), Offset(2))));
    }

    #[test]
    fn a_new_epoch_starts_at_zero_and_ends_the_old_one() {
        let states = after(&[(stamp(1, 0), 3)]);
        assert_eq!(admit(&states, stamp(0, 3), 1), Err(ErrorCode::InvalidProducerEpoch));
        assert_eq!(admit(&states, stamp(2, 1), 1), OUT_OF_ORDER);
        assert_eq!(admit(&states, stamp(2, 0), 3), Ok(Admission::Fresh), "no duplicate: R6.20");
        let bumped = after(&[(stamp(1, 0), 3), (stamp(2, 0), 1)]);
        assert_eq!(admit(&bumped, stamp(2, 1), 1), Ok(Admission::Fresh));
    }

    #[test]
    fn an_unknown_id_may_start_anywhere() {
        assert_eq!(admit(&after(&[]), stamp(0, 9), 1), Ok(Admission::Fresh));
    }

    #[test]
    fn a_producer_is_forgotten_when_its_last_batch_is_old_enough() {
        let mut states = after(&[(stamp(0, 0), 3)]);
        let at = |us| Timestamp::from_micros(us);
        states.expire(at(99), Micros(100));
        assert_eq!(
            states.admit(stamp(0, 0), 3, Variants::default()),
            Ok(Admission::Duplicate(Offset(0), Offset(3)))
        );
        states.expire(at(100), Micros(100));
        assert_eq!(
            states.admit(stamp(0, 0), 3, Variants::default()),
            Ok(Admission::Fresh),
            "a copy, which nobody recognises"
        );
    }

    #[test]
    fn a_snapshot_keeps_the_last_batch_only() {
        let states = after(&[(stamp(0, 0), 1), (stamp(0, 1), 1)]).snapshot();
        assert_eq!(admit(&states, stamp(0, 0), 1), OUT_OF_ORDER);
        assert_eq!(admit(&states, stamp(0, 1), 1), Ok(Admission::Duplicate(Offset(1), Offset(2))));
    }
}
