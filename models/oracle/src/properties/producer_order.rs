//! `producer-order`: acknowledged records of an ordered producer are in each log in the order in which
//! they were sent.
//!
//! Source: KIP-98, bug corpus §10.2 PerProducerOrder. A witness is a record that has another of its
//! producer before it. First copies only. Exempt are records that were
//! not acknowledged, that the application sent twice, and those in flight when their producer raised
//! its epoch for the partition with a reason. What a mirror copies keeps the order of its first producer: the
//! first acknowledged copies of its records are judged as well. It does *not* speak of order between producers or
//! partitions. Broken on purpose by `no-dedup` with retries.
//!
//! What cannot fool it. *A stale leader* and *a late message* write what is cut or not acknowledged:
//! judged is what was acknowledged, where the final read finds it. *A restart* of the producer makes the
//! application send again what it had not heard of, and those records are exempt.

use crate::bumps::Bumps;
use crate::context::Context;
use crate::copies::Copies;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::places::Places;
use crate::record_set::RecordSet;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{Offset, RecordId, TopicId, TopicPartition};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Sent,
    Kind::Acked,
    Kind::Failed,
    Kind::Retried,
    Kind::ProducerEpochBumped,
    Kind::ProcessEnded,
    Kind::Derived,
    Kind::FinalRead,
];

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    /// By producer: one past the highest number sent. Numbers count the sends of the workload, so a
    /// lower one is a record that the application sends again.
    sent: Vec<u32>,
    exempt: RecordSet,
    settled: RecordSet,
    bumps: Bumps,
    read: RecordSet,
    /// By producer: the furthest record read so far; none: nothing was read.
    last: Places<Vec<Option<RecordId>>>,
    copies: Copies,
    /// Of which a copy was read in a topic.
    copied: BTreeSet<(TopicId, RecordId)>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            sent: vec![0; context.producers.len()],
            exempt: RecordSet::default(),
            settled: RecordSet::default(),
            bumps: Bumps::default(),
            read: RecordSet::default(),
            last: Places::default(),
            copies: Copies::new(context),
            copied: BTreeSet::new(),
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
        if !self.is_due(id) || !self.read.insert(id) {
            return;
        }
        self.follow((entry, place, offset), (id, id));
        let origin = self.copies.origin(id);
        let is_first = || self.context.producer(origin.producer).ordered && self.is_due(origin);
        if origin != id && is_first() && self.copied.insert((place.topic, origin)) {
            self.follow((entry, place, offset), (origin, id));
        }
    }

    /// `what` is next in the log at `place`: the record `id`, or its first copy there.
    fn follow(
        &mut self,
        (entry, place, offset): (&Entry, TopicPartition, Offset),
        (id, what): (RecordId, RecordId),
    ) {
        let last = self.last.of(place);
        if last.len() <= id.producer.index() {
            last.resize(id.producer.index() + 1, None);
        }
        let Some(last) = &mut last[id.producer.index()] else {
            last[id.producer.index()] = Some(id);
            return;
        };
        self.report.judged(1);
        if last.number < id.number {
            *last = id;
            return;
        }
        let (context, before) = (&self.context, *last);
        self.report.violated(entry, || {
            let of = if id == what { "" } else { "the first copy of " };
            let (id, before) = (context.record(id), context.record(before));
            let place = context.partition(place);
            format!(
                "{of}{id} is in {place} at offset {offset}, after {of}{before}, which was sent later"
            )
        });
    }

    /// Whether its place is judged: it was acknowledged, and nothing excuses it.
    fn is_due(&self, id: RecordId) -> bool {
        let is_exempt = self.exempt.contains(id) || self.bumps.excuse(id);
        self.settled.contains(id) && !is_exempt
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        // A bump without a reason is told by `idempotent-log`; here it excuses nothing.
        self.bumps.observe(entry, &self.context);
        self.copies.observe(entry);
        match &entry.event {
            Event::Sent { record, .. } => self.send(record.id),
            Event::Acked { base_offset, records, .. } if *base_offset != Offset::UNKNOWN => {
                for record in records.iter() {
                    self.settled.insert(record.id);
                }
            }
            Event::Failed { records, .. } => {
                for record in records.iter() {
                    self.exempt.insert(record.id);
                }
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
    use crate::context::GroupPart;
    use crate::history::{Event, ProcessEnd};
    use crate::test_history::outputs::{
        OUT, derived, output_acked, output_sent, outputs, pipeline,
    };
    use crate::test_history::*;
    use crate::verdict::Judgement;
    use ackproof_types::{Acks, Awaits, ErrorCode, Offset};

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

    fn bump() -> (u16, Event) {
        (4, Event::ProducerEpochBumped { partition: P })
    }

    #[test]
    fn what_was_in_flight_at_a_bump_with_a_reason_is_not_judged() {
        let (error, records) = (ErrorCode::Timeout, slice(&[2]));
        let failed = (4, Event::Failed { partition: Some(P), records, error, maybe_written: true });
        let in_flight = vec![
            sent(0),
            sent(1),
            sent(2),
            failed,
            bump(),
            acked(0, &[1, 0]),
            final_read(0, &[1, 0]),
        ];
        assert_eq!(judge(NAME, in_flight).judgement, Judgement::Vacuous);
        let idle = vec![sent(0), sent(1), bump(), acked(0, &[1, 0]), final_read(0, &[1, 0])];
        assert_eq!(judge(NAME, idle).judgement, Judgement::Violated, "nothing had failed");
    }

    #[test]
    fn a_stale_leader_a_late_message_and_a_restart_hold() {
        let events = vec![
            sent(0),
            sent(1),
            appended(1, 0, 0, &[0]),
            elected(2, 1, &[2, 3]),
            appended(2, 1, 0, &[1]),
            acked(0, &[1]),
            // The stale leader has it in another order, and cuts it.
            appended(1, 0, 1, &[1]),
            (1, Event::Truncated { partition: P, from: Offset(2), to: Offset(0) }),
            (4, Event::ProcessEnded(ProcessEnd::Crash)),
            (4, Event::ProcessStarted),
            sent(0),
            acked(1, &[0]),
            sent(2),
            acked(2, &[2]),
            final_read(0, &[1, 0, 2]),
        ];
        let result = judge(NAME, events);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 1));
    }

    /// Records 0 and 1 were sent and acknowledged; a mirror copied them as these, and the log of the copies is this.
    fn copied(copies: [(u32, u32); 3], log: &[u32]) -> Judgement {
        let mut context = pipeline(Awaits::BeforeCommit, Acks::All);
        context.groups[0].part = GroupPart::Mirror;
        let mut events = vec![sent(0), sent(1), acked(0, &[0, 1])];
        for (of, copy) in copies {
            events.extend([derived(i64::from(of), of, copy), output_sent(copy)]);
        }
        events.push(output_acked(0, log));
        let (base_offset, records) = (Offset(0), outputs(log));
        events.push((0, Event::FinalRead { partition: OUT, base_offset, records }));
        judge_in(&context, NAME, events).judgement
    }

    #[test]
    fn first_copies_keep_the_order_of_the_first_producer_and_copies_made_again_do_not_matter() {
        assert_eq!(copied([(0, 0), (1, 1), (0, 2)], &[0, 1, 2]), Judgement::Held);
        assert_eq!(copied([(1, 0), (0, 1), (1, 2)], &[0, 1, 2]), Judgement::Violated);
    }
}
