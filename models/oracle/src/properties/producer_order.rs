//! `producer-order`: acknowledged records of an ordered producer are in each log in the order in which
//! they were sent.
//!
//! Source: KIP-98, bug corpus §10.2 PerProducerOrder. A witness is a record that has another of its
//! producer before it. First copies only. Exempt are records that were
//! not acknowledged, that the application sent twice, and those not yet acknowledged when their
//! producer raised its epoch for the partition. It does *not* speak of order between producers or
//! partitions. Broken on purpose by `no-dedup` with retries.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::record_set::RecordSet;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{NodeId, Offset, ProducerIndex, RecordId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] =
    &[Kind::Sent, Kind::Acked, Kind::Failed, Kind::ProducerEpochBumped, Kind::FinalRead];

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    /// By producer: one past the highest number sent. Numbers count the sends of the workload, so a
    /// lower one is a record that the application sends again.
    sent: Vec<u32>,
    exempt: RecordSet,
    settled: RecordSet,
    bumped: BTreeSet<(NodeId, TopicPartition)>,
    read: RecordSet,
    /// The furthest record read so far.
    last: BTreeMap<(TopicPartition, ProducerIndex), RecordId>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            sent: vec![0; context.producers.len()],
            exempt: RecordSet::default(),
            settled: RecordSet::default(),
            bumped: BTreeSet::new(),
            read: RecordSet::default(),
            last: BTreeMap::new(),
        }
    }

    fn send(&mut self, id: RecordId) {
        let sent = &mut self.sent[id.producer.index()];
        if id.number < *sent {
            self.exempt.insert(id);
        } else {
            *sent = id.number + 1;
        }
    }

    fn read(&mut self, entry: &Entry, place: TopicPartition, offset: Offset, id: RecordId) {
        if !self.context.producer(id.producer).ordered {
            return;
        }
        if !self.settled.contains(id) || self.exempt.contains(id) || !self.read.insert(id) {
            return;
        }
        let Some(last) = self.last.get_mut(&(place, id.producer)) else {
            self.last.insert((place, id.producer), id);
            return;
        };
        self.report.judged(1);
        if last.number < id.number {
            *last = id;
            return;
        }
        let (context, before) = (&self.context, *last);
        self.report.violated(entry, || {
            let (what, before) = (context.record(id), context.record(before));
            let place = context.partition(place);
            format!("{what} is in {place} at offset {offset}, after {before}, which was sent later")
        });
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Sent { record, .. } => self.send(record.id),
            Event::Acked { partition, base_offset, records, .. } => {
                let bumped = self.bumped.contains(&(entry.node, *partition));
                if *base_offset != Offset::UNKNOWN && !bumped {
                    for record in records.iter() {
                        self.settled.insert(record.id);
                    }
                }
            }
            Event::Failed { records, .. } => {
                for record in records.iter() {
                    self.exempt.insert(record.id);
                }
            }
            Event::ProducerEpochBumped { partition } => {
                self.bumped.insert((entry.node, *partition));
            }
            Event::FinalRead { partition, base_offset, records } => {
                for (index, record) in records.iter().enumerate() {
                    self.read(entry, *partition, base_offset.plus(index), record.id);
                }
            }
            _ => {}
        }
    }

    fn conclude(self: Box<Self>) -> PropertyResult {
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::history::Event;
    use crate::test_history::*;
    use crate::verdict::Judgement;

    const NAME: &str = "producer-order";

    #[test]
    fn a_record_after_a_later_one_violates() {
        let events = vec![sent(0), sent(1), acked(0, &[1, 0]), final_read(0, &[1, 0])];
        assert_eq!(judge(NAME, events).judgement, Judgement::Violated);
    }

    #[test]
    fn the_order_of_sends_holds_and_gaps_are_no_matter() {
        let events = vec![sent(0), sent(1), sent(2), acked(0, &[0, 2]), final_read(0, &[0, 2, 0])];
        assert_eq!(judge(NAME, events).judgement, Judgement::Held);
    }

    #[test]
    fn after_a_bump_nothing_is_judged() {
        let bump = (4, Event::ProducerEpochBumped { partition: P });
        let events = vec![sent(0), sent(1), bump, acked(0, &[1, 0]), final_read(0, &[1, 0])];
        assert_eq!(judge(NAME, events).judgement, Judgement::Vacuous);
    }
}
