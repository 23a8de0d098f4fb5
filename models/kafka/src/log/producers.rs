//! What a log remembers of idempotent producers: the last five batches of each.
//!
//! Kafka: `ProducerStateManager`, `ProducerStateEntry`, `ProducerAppendInfo` (KIP-98).

use crate::message::{ProducerStamp, RecordBatch};
use ackproof_types::{ErrorCode, Offset, ProducerEpoch, ProducerId, Sequence};
use std::collections::{BTreeMap, VecDeque};

const WINDOW: usize = 5;

/// A remembered batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Remembered {
    first: Sequence,
    last: Sequence,
    base_offset: Offset,
    next_offset: Offset,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Session {
    epoch: ProducerEpoch,
    batches: VecDeque<Remembered>,
}

/// Producer sessions by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerStates {
    sessions: BTreeMap<ProducerId, Session>,
}

/// What to do with a batch of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    pub fn admit(&self, stamp: ProducerStamp, count: usize) -> Result<Admission, ErrorCode> {
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
        let known = session
            .batches
            .iter()
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
        let session = self
            .sessions
            .entry(stamp.id)
            .or_insert_with(|| Session { epoch: stamp.epoch, batches: VecDeque::new() });
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
