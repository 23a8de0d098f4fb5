//! Which records an idempotent producer may have written twice because it raised its epoch. It judges
//! nothing.
//!
//! Raising the epoch numbers anew what is in flight of a partition, so that brokers cannot recognise what they
//! have (R6.20). Kafka's producer does so after a batch failed or expired, or was refused as out of
//! order (R6.14, R6.16, R6.19, R6.23), and then for that partition. A producer that does so without a reason
//! is wrong, and what it writes twice is not excused.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::record_set::RecordSet;
use ackproof_types::{ErrorCode, Micros, NodeId, RecordId, Timestamp, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// Clocks that were merged differ, and a client tells of a failure a moment before it raises the epoch:
/// what it sends within this time after it counts as in flight.
const MOMENT: Micros = Micros::from_millis(1000);

/// Why a partition's epoch may be raised: something of it failed. Without a partition on record, it may be
/// any.
type Reason = (NodeId, Option<TopicPartition>);

/// The epochs that producers raise by themselves.
#[derive(Debug, Default)]
pub(crate) struct Bumps {
    /// Sent and without an outcome, with their partitions as far as they are on record.
    open: BTreeMap<RecordId, Option<TopicPartition>>,
    reasons: BTreeSet<Reason>,
    last: BTreeMap<(NodeId, TopicPartition), Timestamp>,
    excused: RecordSet,
}

impl Bumps {
    /// Takes an entry; false if it raises an epoch without a reason on record.
    pub(crate) fn observe(&mut self, entry: &Entry, context: &Context) -> bool {
        match &entry.event {
            Event::Sent { record, partition } => {
                self.open.insert(record.id, *partition);
                let node = context.producer(record.id.producer).node;
                let is_near = |(other, place): &(NodeId, TopicPartition), at: &Timestamp| {
                    *other == node
                        && partition.is_none_or(|partition| *place == partition)
                        && entry.at.as_micros() <= (*at + MOMENT).as_micros()
                };
                if self.last.iter().any(|(place, at)| is_near(place, at)) {
                    self.excused.insert(record.id);
                }
            }
            Event::Acked { records, .. } => {
                for record in records.iter() {
                    self.open.remove(&record.id);
                }
            }
            Event::Failed { partition, records, .. } => {
                for record in records.iter() {
                    self.open.remove(&record.id);
                }
                self.reasons.insert((entry.node, *partition));
            }
            Event::Retried { partition, error, .. } if is_reason(*error) => {
                self.reasons.insert((entry.node, Some(*partition)));
            }
            Event::ProducerEpochBumped { partition } => {
                return self.raised(entry.node, *partition, entry.at, context);
            }
            Event::ProcessEnded(_) => {
                self.open.retain(|id, _| context.producer(id.producer).node != entry.node);
                self.reasons.retain(|(node, _)| *node != entry.node);
                self.last.retain(|(node, _), _| *node != entry.node);
            }
            _ => {}
        }
        true
    }

    fn raised(
        &mut self,
        node: NodeId,
        place: TopicPartition,
        at: Timestamp,
        context: &Context,
    ) -> bool {
        // One that names no partition may be the reason of several.
        let is_named = self.reasons.remove(&(node, Some(place)));
        if !is_named && !self.reasons.contains(&(node, None)) {
            return false;
        }
        self.last.insert((node, place), at);
        let in_flight = self.open.iter().filter(|(id, partition)| {
            context.producer(id.producer).node == node && partition.is_none_or(|one| one == place)
        });
        for (id, _) in in_flight {
            self.excused.insert(*id);
        }
        true
    }

    /// Whether a raised epoch may have written `id` twice.
    pub(crate) fn excuse(&self, id: RecordId) -> bool {
        self.excused.contains(id)
    }
}

/// Refusals after which the epoch rises although the batch is sent again. What has no name of its own in
/// histories may be one.
const fn is_reason(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::UnknownServerError
    )
}
