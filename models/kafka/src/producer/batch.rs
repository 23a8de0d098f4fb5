//! A batch in the accumulator, and the queue of one partition.
//!
//! Kafka: `ProducerBatch`, `RecordAccumulator` (R6.4, R6.7).

use crate::message::ProducerStamp;
use ackproof_types::{Record, Timestamp};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of a batch's header.
pub(super) const HEADER: u32 = 61;

/// Names a batch within its process, in the order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchId(pub u64);

/// Where a batch is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Still taking records.
    Open,
    /// Ready to be sent.
    Ready,
    /// Waits for its back-off to end.
    BackingOff,
}

/// A batch that is not in flight.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) id: BatchId,
    pub(super) records: Vec<Record>,
    pub(super) sealed: Option<Arc<[Record]>>,
    pub(super) bytes: u32,
    pub(super) created: Timestamp,
    pub(super) stage: Stage,
    pub(super) attempts: u32,
    /// Some attempt may have been written.
    pub(super) maybe_written: bool,
    /// The idempotence triple, given at the first drain and kept (R6.6).
    pub(super) stamp: Option<ProducerStamp>,
}

impl Batch {
    pub(super) fn new(id: BatchId, created: Timestamp) -> Self {
        Self {
            id,
            records: Vec::new(),
            sealed: None,
            bytes: HEADER,
            created,
            stage: Stage::Open,
            attempts: 0,
            maybe_written: false,
            stamp: None,
        }
    }

    /// The records, no longer to be added to.
    pub(super) fn seal(&mut self) -> Arc<[Record]> {
        let records = &mut self.records;
        Arc::clone(self.sealed.get_or_insert_with(|| std::mem::take(records).into()))
    }

    pub(super) fn count(&self) -> usize {
        self.sealed.as_ref().map_or(self.records.len(), |sealed| sealed.len())
    }
}

/// The batches of one partition that wait, oldest first.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) batches: VecDeque<Batch>,
    pub(super) in_flight: u32,
}
