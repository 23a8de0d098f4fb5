//! `idempotent-log`: a record that an idempotent producer was given once is in the log at most once.
//!
//! Source: KIP-98, bug corpus §10.2. A witness is a copy of a record of an idempotent producer in a log at
//! the end. Exempt are records that the application itself sent twice, and those in flight when their producer
//! raised its epoch for the partition with a reason: Kafka writes those twice (R6.20). Raising it without a
//! reason on record is wrong in itself. It does *not* speak of deliveries. Broken on purpose by `no-dedup`,
//! `bump-on-retry`, `bump-epoch-on-ooo`.
//!
//! What cannot fool it. *A stale leader* and *a late message* may write a copy into a log that is cut
//! later; judged is what the final read finds. *A restart* of the producer sends again what the application
//! had not heard of: those records were sent twice, and are exempt.

use crate::bumps::Bumps;
use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::places::Places;
use crate::ranges::Ranges;
use crate::record_set::RecordSet;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Sent,
    Kind::Acked,
    Kind::Failed,
    Kind::Retried,
    Kind::ProducerEpochBumped,
    Kind::ProcessEnded,
    Kind::FinalRead,
];

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    sent: RecordSet,
    sent_twice: RecordSet,
    bumps: Bumps,
    read: RecordSet,
    /// Places that the final read has come to: what is read twice is there once.
    places: Places<Ranges>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            sent: RecordSet::default(),
            sent_twice: RecordSet::default(),
            bumps: Bumps::default(),
            read: RecordSet::default(),
            places: Places::default(),
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        if !self.bumps.observe(entry, &self.context)
            && let Event::ProducerEpochBumped { partition } = &entry.event
        {
            let context = &self.context;
            self.report.violated(entry, || {
                let (who, place) = (context.node(entry.node), context.partition(*partition));
                format!("{who} raised its epoch for {place}, and nothing of it had failed")
            });
        }
        match &entry.event {
            Event::Sent { record, .. } => {
                let again = !self.sent.insert(record.id);
                again.then(|| self.sent_twice.insert(record.id));
            }
            Event::FinalRead { partition, base_offset, records } => {
                let context = &self.context;
                let places = self.places.of(*partition);
                for (index, record) in records.iter().enumerate() {
                    if places.contains(base_offset.plus(index).0) {
                        continue;
                    }
                    let producer = context.producer(record.id.producer);
                    let own = self.sent_twice.contains(record.id);
                    if !producer.idempotent || own || self.bumps.excuse(record.id) {
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
                places.insert(base_offset.0, base_offset.plus(records.len()).0);
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
    use crate::history::{Event, Phase, ProcessEnd};
    use crate::test_history::*;
    use crate::verdict::Judgement;
    use ackproof_types::{ErrorCode, Offset, TopicPartition};

    const NAME: &str = "idempotent-log";

    #[test]
    fn a_second_copy_violates() {
        let result = judge(NAME, vec![sent(0), acked(0, &[0]), final_read(0, &[0, 0])]);
        assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    }

    #[test]
    fn a_place_that_is_read_twice_is_no_copy() {
        let reads = vec![final_read(0, &[0]), final_read(0, &[0, 1])];
        let result = judge(NAME, [vec![sent(0), sent(1), acked(0, &[0, 1])], reads].concat());
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 2));
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
        let bumped =
            vec![sent(0), sent(1), failed(0), bump(), acked(1, &[1]), final_read(0, &[1, 1])];
        assert_eq!(judge(NAME, bumped).judgement, Judgement::Vacuous);
    }

    fn bump() -> (u16, Event) {
        (4, Event::ProducerEpochBumped { partition: P })
    }

    fn failed(number: u32) -> (u16, Event) {
        let (error, records) = (ErrorCode::Timeout, slice(&[number]));
        (4, Event::Failed { partition: Some(P), records, error, maybe_written: true })
    }

    fn retried(number: u32, error: ErrorCode) -> (u16, Event) {
        (4, Event::Retried { partition: P, first: record(number), error })
    }

    #[test]
    fn each_copy_of_a_partition_counts() {
        let two = vec![sent(0), sent(1), acked(0, &[0, 1]), final_read(0, &[0, 1, 0, 1])];
        assert_eq!(judge(NAME, two).violation_count, 2, "two records");
        let thrice = vec![sent(0), acked(0, &[0]), final_read(0, &[0, 0]), final_read(2, &[0])];
        let result = judge(NAME, thrice);
        assert_eq!(result.violation_count, 2, "one record, twice too often");
        assert!(result.violations[1].summary.contains("at offset 2"), "{result:?}");
    }

    #[test]
    fn a_raised_epoch_excuses_what_was_in_flight_and_only_with_a_reason() {
        // Nothing had failed.
        let idle = vec![sent(0), bump(), acked(1, &[0]), final_read(0, &[0, 0])];
        assert_eq!(judge(NAME, idle).violation_count, 2, "the bump and the copy");
        let retry = |error| {
            judge(NAME, vec![sent(0), retried(0, error), bump(), final_read(0, &[0, 0])])
                .violation_count
        };
        assert_eq!(retry(ErrorCode::NetworkException), 2, "a retry keeps its numbers");
        assert_eq!(retry(ErrorCode::OutOfOrderSequenceNumber), 0, "a gap needs new numbers");
        // A reason does for one.
        let twice = vec![sent(0), sent(1), failed(0), bump(), bump(), final_read(0, &[1])];
        assert_eq!(judge(NAME, twice).violation_count, 1);
        // What was acknowledged before, or sent long after, was not numbered anew.
        let before =
            vec![sent(0), acked(0, &[0]), sent(1), failed(1), bump(), final_read(0, &[0, 0])];
        assert_eq!(judge(NAME, before).violation_count, 1);
        let after = vec![sent(1), failed(1), bump(), phase(Phase::Load), sent(0)];
        let after = after.into_iter().chain([acked(0, &[0]), final_read(0, &[0, 0])]).collect();
        assert_eq!(judge(NAME, after).violation_count, 1);
    }

    /// R6.14: it may have been refused only because the one before it was.
    #[test]
    fn what_is_refused_behind_one_on_its_way_is_no_reason() {
        let refused = |before: Vec<(u16, Event)>| {
            let retry = vec![retried(1, ErrorCode::OutOfOrderSequenceNumber), bump()];
            judge(NAME, [before, retry, vec![final_read(0, &[0, 1])]].concat()).violation_count
        };
        assert_eq!(refused(vec![sent(0), sent(1)]), 1, "the first is on its way");
        assert_eq!(refused(vec![sent(0), sent(1), acked(0, &[0])]), 0, "it is the next");
        assert_eq!(refused(vec![sent(0), sent(1), failed(0)]), 0, "that one failed");
        let elsewhere = TopicPartition { partition: 1, ..P };
        let other = (4, Event::Sent { record: record(0), partition: Some(elsewhere) });
        assert_eq!(refused(vec![other, sent(1)]), 0, "it went elsewhere");
        assert_eq!(refused(vec![sent(1), sent(0)]), 0, "the other was sent after it");
    }

    #[test]
    fn a_stale_leader_a_late_message_and_a_restart_hold() {
        let restart = (4, Event::ProcessStarted);
        // A stale leader writes the batch that its successor has as well, and cuts it; the late answer makes the
        // application send it again after its restart, to the next partition's joy.
        let events = vec![
            sent(0),
            sent(1),
            at_node(2, appended(2, 1, 0, &[0])),
            at_node(1, appended(1, 0, 0, &[0])),
            (1, Event::Truncated { partition: P, from: Offset(1), to: Offset(0) }),
            acked(1, &[1]),
            (4, Event::ProcessEnded(ProcessEnd::Crash)),
            restart,
            sent(0),
            acked(2, &[0]),
            final_read(0, &[0, 1, 0]),
        ];
        let result = judge(NAME, events);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 1));
    }
}
