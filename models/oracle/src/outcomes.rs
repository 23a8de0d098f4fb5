//! Why sends failed or have no certain outcome, what became of those behind an expired batch, and which
//! records stand behind a later one.
//!
//! A cause follows from what is on record and from settings that the context holds: how often a batch was
//! sent again, the last error, the time since it was sent. That a client says it gave up is not enough: if
//! neither the time nor the retries are used up on record, the cause is *not on record*. It judges nothing.

use crate::cause::{SendCause, SendEnd};
use crate::context::Context;
use crate::places::Places;
use crate::record_set::RecordTimes;
use crate::verdict::BehindExpired;
use ackproof_types::{
    Acks, ErrorCode, ProducerIndex, Record, RecordId, RecordSlice, Timestamp, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};

/// A producer in a partition.
type Place = (ProducerIndex, TopicPartition);

/// What is known of a producer in a partition of which a batch has expired.
#[derive(Clone, Copy, Debug, Default)]
struct Behind {
    /// Records up to this number were sent when it expired.
    until: u32,
    /// The epoch was not raised since.
    open: bool,
}

/// Outcomes in the making.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    causes: BTreeMap<RecordId, SendCause>,
    /// By the first record of a batch: how often it was sent again, and why the last time.
    retried: BTreeMap<RecordId, (u32, ErrorCode)>,
    /// Where a batch was ever sent again.
    retries: BTreeSet<Place>,
    /// When each record without an acknowledgement was sent last.
    sent: RecordTimes,
    /// Calls of `send` that wait.
    blocked: BTreeMap<RecordId, u64>,
    /// When each producer ended last.
    ended: BTreeMap<ProducerIndex, u64>,
    /// The highest number that each idempotent producer has sent to a partition.
    furthest: Places<Vec<u32>>,
    behind: BTreeMap<Place, Behind>,
    expired: BehindExpired,
}

impl Outcomes {
    /// A call of `send` waits.
    pub(crate) fn blocked(&mut self, at: Timestamp, id: RecordId) {
        self.blocked.entry(id).or_insert(at.as_micros());
    }

    pub(crate) fn sent(
        &mut self,
        context: &Context,
        at: Timestamp,
        id: RecordId,
        to: Option<TopicPartition>,
    ) {
        let producer = id.producer.index();
        if self.sent.set(id, at.as_micros()).is_some() {
            // Sent again: what ended it before counts no more.
            self.causes.remove(&id);
            self.retried.remove(&id);
        }
        if !self.blocked.is_empty() {
            self.blocked.remove(&id);
        }
        if let Some(partition) = to.filter(|_| context.producer(id.producer).idempotent) {
            let furthest = self.furthest.of(partition);
            if furthest.len() <= producer {
                furthest.resize(producer + 1, 0);
            }
            furthest[producer] = furthest[producer].max(id.number);
        }
    }

    fn since(&self, id: RecordId, at: Timestamp) -> Option<u64> {
        self.sent.get(id).map(|sent| at.as_micros().saturating_sub(sent))
    }

    pub(crate) fn retried(&mut self, partition: TopicPartition, first: Record, error: ErrorCode) {
        let (times, last) = self.retried.entry(first.id).or_insert((0, error));
        (*times, *last) = (*times + 1, error);
        self.retries.insert((first.id.producer, partition));
    }

    /// `send` itself failed.
    pub(crate) fn rejected(
        &mut self,
        context: &Context,
        at: Timestamp,
        id: RecordId,
        error: ErrorCode,
    ) {
        let waited = self.blocked.remove(&id).map(|since| at.as_micros().saturating_sub(since));
        let most = context.producer(id.producer).limits.max_block;
        let end = match (waited, most) {
            _ if is_final(error) => SendEnd::Final,
            (Some(waited), Some(most)) if waited >= most.0 => SendEnd::MaxBlock(most),
            _ => SendEnd::NotOnRecord,
        };
        self.causes.insert(id, SendCause { error: Some(error), end });
    }

    pub(crate) fn acked(&mut self, partition: TopicPartition, records: &RecordSlice) {
        let Some(first) = records.first() else { return };
        if !self.retried.is_empty() {
            self.retried.remove(&first.id);
        }
        for record in records.iter() {
            self.sent.forget(record.id);
            // What is sent again after this is new.
            if !self.causes.is_empty() {
                self.causes.remove(&record.id);
            }
        }
        if let Some(behind) = self.behind.get(&(first.id.producer, partition)) {
            let later = records.iter().filter(|record| record.id.number <= behind.until).count();
            self.expired.acked += later as u64;
        }
    }

    pub(crate) fn failed(
        &mut self,
        context: &Context,
        at: Timestamp,
        partition: Option<TopicPartition>,
        (records, error): (&RecordSlice, ErrorCode),
    ) {
        let Some(first) = records.first() else { return };
        let producer = context.producer(first.id.producer);
        let cause = self.cause(context, at, first.id, error);
        for record in records.iter() {
            self.causes.insert(record.id, cause);
        }
        let Some(partition) = partition.filter(|_| producer.idempotent) else { return };
        let place = (first.id.producer, partition);
        if let Some(behind) = self.behind.get(&place) {
            let later = records.iter().filter(|record| record.id.number <= behind.until).count();
            self.expired.failed += later as u64;
        }
        if matches!(cause.end, SendEnd::DeliveryTimeout(_)) {
            self.expired.batches += 1;
            let furthest = self.furthest.get(partition);
            let until = furthest.and_then(|all| all.get(first.id.producer.index()));
            let until = until.copied().unwrap_or(0);
            let behind = self.behind.entry(place).or_default();
            (behind.until, behind.open) = (behind.until.max(until), true);
        }
    }

    /// The application ends, and these records never left its producer's buffer.
    pub(crate) fn unsent(&mut self, records: &RecordSlice) {
        for record in records.iter() {
            self.causes.insert(record.id, SendCause { error: None, end: SendEnd::NeverLeft });
        }
    }

    fn cause(
        &mut self,
        context: &Context,
        at: Timestamp,
        first: RecordId,
        error: ErrorCode,
    ) -> SendCause {
        let limits = context.producer(first.producer).limits;
        let (times, last) = self.retried.remove(&first).unzip();
        let is_expiry = error == ErrorCode::Timeout;
        let shown = if is_expiry { last.unwrap_or(error) } else { error };
        let retries = limits.retries.filter(|most| times.unwrap_or(0) >= *most && !is_expiry);
        let waited = self.since(first, at);
        let timeout = limits.delivery_timeout.filter(|most| waited.is_some_and(|it| it >= most.0));
        let end = if is_final(error) {
            SendEnd::Final
        } else if let Some(most) = retries {
            SendEnd::Retries(most)
        } else {
            timeout.map_or(SendEnd::NotOnRecord, SendEnd::DeliveryTimeout)
        };
        SendCause { error: Some(shown), end }
    }

    /// An idempotent producer raised its epoch.
    pub(crate) fn bumped(&mut self, producer: ProducerIndex, partition: TopicPartition) {
        if let Some(behind) = self.behind.get_mut(&(producer, partition))
            && behind.open
        {
            behind.open = false;
            self.expired.epochs_raised += 1;
        }
    }

    pub(crate) fn ended(&mut self, at: Timestamp, producer: ProducerIndex) {
        self.ended.insert(producer, at.as_micros());
        self.retried.retain(|id, _| id.producer != producer);
        self.blocked.retain(|id, _| id.producer != producer);
    }

    /// Whether this record waits for an outcome, as far as is told here: sent in this life of its producer, and
    /// not given up.
    pub(crate) fn waits(&self, id: RecordId) -> bool {
        let sent = self.sent.get(id);
        let ended = self.ended.get(&id.producer).copied();
        sent.is_some_and(|sent| ended.is_none_or(|ended| sent > ended))
            && !self.causes.contains_key(&id)
    }

    /// Whether `producer` has ever sent a batch of `partition` again.
    pub(crate) fn has_retried(&self, producer: ProducerIndex, partition: TopicPartition) -> bool {
        self.retries.contains(&(producer, partition))
    }

    /// Why a record that was not acknowledged was not.
    pub(crate) fn of(&self, context: &Context, id: RecordId) -> SendCause {
        if let Some(cause) = self.causes.get(&id) {
            return *cause;
        }
        let sent = self.sent.get(id);
        let ended = self.ended.get(&id.producer).copied();
        let end = if context.producer(id.producer).acks == Acks::None {
            SendEnd::AcksZero
        } else if sent.zip(ended).is_some_and(|(sent, ended)| sent <= ended) {
            SendEnd::ProducerEnded
        } else {
            SendEnd::Open
        };
        SendCause { error: self.retried.get(&id).map(|(_, last)| *last), end }
    }

    /// What became of records behind expired batches.
    pub(crate) const fn expired(&self) -> BehindExpired {
        self.expired
    }
}

/// Whether a client gives up at once on this error, whatever its settings (`Sender#canRetry`).
const fn is_final(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::MessageTooLarge
            | ErrorCode::InvalidRecord
            | ErrorCode::InvalidTimestamp
            | ErrorCode::InvalidRequiredAcks
            | ErrorCode::InvalidProducerEpoch
    )
}

#[cfg(test)]
mod tests;
