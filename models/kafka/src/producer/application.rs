//! The application behind the producer: what it does after a failed `send`, and at its end.
//!
//! Where it goes on after a crash is its source's. Kafka's part is `KafkaProducer#flush` and `#close` (R6.4,
//! R6.24); the rest is what people write around it.

use super::batch::{Batch, BatchId};
use super::{Out, Producer, Progress};
use crate::observation::Observation;
use ackproof_types::{
    AfterCrash, AtEnd, ErrorCode, OnFailure, Record, RecordSlice, Sending, Timestamp,
};
use std::collections::VecDeque;

/// The application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Application {
    sending: Sending,
    pub(super) course: Course,
    /// Records to hand to `send` again.
    again: VecDeque<Record>,
    /// Records that no thread has called `send` for yet: all are blocked.
    uncalled: VecDeque<Record>,
    /// The last batch that was there when `flush` was called.
    flushed: Option<BatchId>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Course {
    /// It sends.
    Sends,
    /// It has sent its last record, and ends once all calls of `send` have returned.
    Exits,
    /// It has sent its last record, and waits for every outcome.
    Flushes,
    /// A `send` failed, and it stops at once.
    Stops,
}

impl Application {
    pub(super) fn new(sending: Sending) -> Self {
        Self {
            sending,
            course: Course::Sends,
            again: VecDeque::new(),
            uncalled: VecDeque::new(),
            flushed: None,
        }
    }

    /// Whether its source moves on with each call of `send`, not with outcomes.
    pub(super) fn forgets(&self) -> bool {
        self.sending.after_crash == AfterCrash::Drop
    }

    /// Takes the failure of a `send`; says whether the record is done with.
    fn fails(&mut self, record: Record, error: ErrorCode) -> bool {
        match self.sending.on_failure {
            OnFailure::Drop => true,
            OnFailure::Resend if is_retriable(error) => {
                self.again.push_back(record);
                false
            }
            OnFailure::Resend => true,
            OnFailure::Stop => {
                self.course = Course::Stops;
                false
            }
        }
    }
}

impl Producer {
    /// Sends of `records` failed: those that the application is done with have their outcome.
    pub(super) fn sends_failed(&mut self, records: &[Record], error: ErrorCode, out: &mut Out) {
        for record in records {
            if self.application.fails(*record, error) {
                self.resolved(&[*record], out);
            }
        }
    }

    /// The application is done with `records`.
    pub(super) fn resolved(&mut self, records: &[Record], out: &mut Out) {
        let ids = records.iter().map(|record| record.id);
        if !self.application.forgets()
            && let Some(progress) = self.source.resolve(ids)
        {
            out.write(progress);
        }
    }

    /// A call of `send` for `record` has returned.
    pub(super) fn returned(&mut self, record: Record, out: &mut Out) {
        if self.application.forgets()
            && let Some(progress) = self.source.skip_to(record.id.number.saturating_add(1))
        {
            out.write(progress);
        }
    }

    /// The application has a record to send, and a thread may have to return from `send` first. Returns whether
    /// the sender has to look.
    pub(super) fn send(&mut self, record: Record, now: Timestamp, out: &mut Out) -> bool {
        if !self.application.uncalled.is_empty() || !self.has_free_thread() {
            self.application.uncalled.push_back(record);
            return false;
        }
        self.call_send(record, now, out)
    }

    fn has_free_thread(&self) -> bool {
        let blocked = self.accumulator.blocked.len();
        self.application.sending.threads.is_none_or(|threads| blocked < usize::from(threads))
    }

    /// Threads that returned from `send` go on to the next records: what failed, and what waits for them.
    pub(super) fn send_on(&mut self, now: Timestamp, out: &mut Out) {
        while let Some(record) = self.application.again.pop_front() {
            self.send(record, now, out);
        }
        while self.has_free_thread()
            && let Some(record) = self.application.uncalled.pop_front()
        {
            self.call_send(record, now, out);
        }
    }

    /// The application has sent its last record.
    pub(super) fn finish_sending(&mut self) {
        self.application.course = match (self.application.sending.end, self.application.course) {
            (AtEnd::Stay, course) | (_, course @ Course::Stops) => course,
            (AtEnd::Flush, _) => Course::Flushes,
            (AtEnd::Exit, _) => Course::Exits,
        };
        self.accumulator.flushing = self.application.course == Course::Flushes;
    }

    /// Whether `flush` returns. Before R17.33 it did not wait for the parts of a batch that was split
    /// meanwhile.
    fn is_flushed(&mut self) -> bool {
        let last = *self.application.flushed.get_or_insert(self.accumulator.last_batch());
        let waits = self.config.flush_waits_for_parts;
        let is_awaited = |batch: &Batch| waits || batch.id == batch.born || batch.id <= last;
        !self.pending().any(is_awaited)
    }

    /// Ends the process if the application has come to its end.
    pub(super) fn end_if_over(&mut self, out: &mut Out) {
        let calls_returned =
            self.accumulator.blocked.is_empty() && self.application.uncalled.is_empty();
        let is_over = match self.application.course {
            Course::Sends => false,
            Course::Stops => true,
            Course::Exits => calls_returned,
            Course::Flushes => calls_returned && self.is_flushed(),
        };
        if !is_over {
            return;
        }
        let never = |batch: &&Batch| batch.drained == 0 && !batch.maybe_written;
        let mut unsent: Vec<Record> =
            self.pending().filter(never).flat_map(|batch| batch.records().to_vec()).collect();
        if !unsent.is_empty() {
            unsent.sort_by_key(|record| record.id);
            out.observe(Observation::Unsent { records: RecordSlice::whole(unsent.into()) });
        }
        if self.application.course != Course::Stops {
            out.write(Progress::Over);
        }
        out.exit();
    }
}

/// Whether another call of `send` may help (Kafka: `RetriableException`).
fn is_retriable(error: ErrorCode) -> bool {
    !matches!(
        error,
        ErrorCode::MessageTooLarge
            | ErrorCode::InvalidRecord
            | ErrorCode::InvalidTimestamp
            | ErrorCode::InvalidRequiredAcks
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::OutOfOrderSequenceNumber
    )
}
