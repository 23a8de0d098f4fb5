//! `idempotent-log`: a record that an idempotent producer was given once is in the log once at most.
//!
//! Source: KIP-98, bug corpus §10.2. A witness is a copy of a record of an idempotent producer in a log at
//! the end. Exempt are records that the application itself sent twice, and
//! records not yet acknowledged when their producer raised its epoch for the partition: Kafka writes
//! those twice (R6.20). It does *not* speak of deliveries. Broken on purpose by `no-dedup`.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::record_set::RecordSet;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{NodeId, TopicPartition};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] =
    &[Kind::Sent, Kind::Acked, Kind::ProducerEpochBumped, Kind::FinalRead];

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    sent: RecordSet,
    sent_twice: RecordSet,
    /// Acknowledged before any bump of their producer in their partition.
    settled: RecordSet,
    bumped: BTreeSet<(NodeId, TopicPartition)>,
    read: RecordSet,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            sent: RecordSet::default(),
            sent_twice: RecordSet::default(),
            settled: RecordSet::default(),
            bumped: BTreeSet::new(),
            read: RecordSet::default(),
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Sent { record, .. } => {
                let again = !self.sent.insert(record.id);
                again.then(|| self.sent_twice.insert(record.id));
            }
            Event::Acked { partition, records, .. }
                if !self.bumped.contains(&(entry.node, *partition)) =>
            {
                for record in records.iter() {
                    self.settled.insert(record.id);
                }
            }
            Event::ProducerEpochBumped { partition } => {
                self.bumped.insert((entry.node, *partition));
            }
            Event::FinalRead { partition, base_offset, records } => {
                let context = &self.context;
                for (index, record) in records.iter().enumerate() {
                    let producer = context.producer(record.id.producer);
                    let weak = || {
                        self.bumped.contains(&(producer.node, *partition))
                            && !self.settled.contains(record.id)
                    };
                    if !producer.idempotent || self.sent_twice.contains(record.id) || weak() {
                        continue;
                    }
                    self.report.judged(1);
                    if !self.read.insert(record.id) {
                        self.report.violated(entry, || {
                            let (what, place) =
                                (context.record(record.id), context.partition(*partition));
                            let at = base_offset.plus(index);
                            format!("{what} is in {place} again, at offset {at}")
                        });
                    }
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

    const NAME: &str = "idempotent-log";

    #[test]
    fn a_second_copy_violates() {
        let result = judge(NAME, vec![sent(0), acked(0, &[0]), final_read(0, &[0, 0])]);
        assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    }

    #[test]
    fn single_copies_hold() {
        let result = judge(NAME, vec![sent(0), sent(1), final_read(0, &[0, 1])]);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 2));
    }

    #[test]
    fn the_applications_own_copies_and_those_of_a_bump_are_exempt() {
        let own = vec![sent(0), sent(0), final_read(0, &[0, 0])];
        assert_eq!(judge(NAME, own).judgement, Judgement::Vacuous);
        let bump = (4, Event::ProducerEpochBumped { partition: P });
        let bumped = vec![sent(0), bump, acked(1, &[0]), final_read(0, &[0, 0])];
        assert_eq!(judge(NAME, bumped).judgement, Judgement::Vacuous);
    }
}
