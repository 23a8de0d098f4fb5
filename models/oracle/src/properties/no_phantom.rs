//! `no-phantom`: nothing is delivered that was not sent, nothing whose failure is certain, and nothing at or
//! above the highest high watermark that any leader of the partition had so far.
//!
//! Source: bug corpus §10.2 PhantomRead, §10.1 G1a. A witness is a record that was read. It does *not*
//! say that what is delivered stays (`stable-reads`); in histories without high watermarks, or without those of the last leader, it judges only
//! the sending, and that only of producers whose sends are on record, in a complete history. Of a record
//! that the application sent several times no failure is certain. Broken on purpose by a fetch that serves
//! consumers up to the log end, and by `expired-called-unsent`.
//!
//! What cannot fool it. *A stale leader* serves consumers below its own high watermark, which counts as
//! anybody's. *A late message* brings what its leader had exposed before. *A restart*: what was exposed
//! once counts for good, also where a later leader begins lower; a producer that starts again sends under
//! the same names, and what failed in its earlier life may be in the log from then on.

use crate::context::Context;
use crate::exposed::Exposed;
use crate::history::{Entry, Event, Phase};
use crate::kind::Kind;
use crate::places::Places;
use crate::record_set::RecordSet;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{Offset, RecordId, Timestamp, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Phase,
    Kind::Sent,
    Kind::Rejected,
    Kind::Failed,
    Kind::Unsent,
    Kind::Polled,
    Kind::FinalRead,
    Kind::HighWatermark,
    Kind::BecameLeader,
    Kind::LeaderElected,
];

/// A read of a record.
#[derive(Clone, Copy, Debug)]
struct Read {
    seq: u64,
    at: Timestamp,
    partition: TopicPartition,
    offset: Offset,
}

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    sent: RecordSet,
    sent_twice: RecordSet,
    /// Certain failures of what was sent once.
    failed: RecordSet,
    read: RecordSet,
    /// First reads of what nobody sent so far.
    unsent: BTreeMap<RecordId, Read>,
    ended: bool,
    exposed: Places<Exposed>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            sent: RecordSet::default(),
            sent_twice: RecordSet::default(),
            failed: RecordSet::default(),
            read: RecordSet::default(),
            unsent: BTreeMap::new(),
            ended: false,
            exposed: Places::default(),
        }
    }

    fn send(&mut self, id: RecordId) {
        if !self.sent.insert(id) {
            self.sent_twice.insert(id);
        }
        self.failed.remove(id);
        if !self.unsent.is_empty() {
            self.unsent.remove(&id);
        }
    }

    /// `id`, if it was sent, was sent once, and that failed for certain.
    fn fail(&mut self, entry: &Entry, id: RecordId) {
        self.failed.insert(id);
        if self.read.contains(id) {
            let context = &self.context;
            self.report.violated(entry, || {
                format!("{} failed for certain, and was read before", context.record(id))
            });
        }
    }

    fn read(&mut self, entry: &Entry, partition: TopicPartition, offset: Offset, id: RecordId) {
        self.read.insert(id);
        if self.failed.remove(id) {
            let context = &self.context;
            self.report.violated(entry, || {
                let (what, place) = (context.record(id), context.partition(partition));
                format!("{place} offset {offset} gave {what}, which had failed for certain")
            });
        }
        if !self.sent.contains(id) {
            let (seq, at) = (entry.seq, entry.at);
            self.unsent.entry(id).or_insert(Read { seq, at, partition, offset });
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Phase(phase) => self.ended |= *phase == Phase::End,
            Event::Sent { record, .. } => self.send(record.id),
            // A record that an earlier life of the application sent may be written.
            Event::Rejected { record, .. } if !self.sent.contains(record.id) => {
                self.fail(entry, record.id);
            }
            Event::Failed { records, maybe_written: false, .. } | Event::Unsent { records } => {
                for record in records.iter() {
                    if !self.sent_twice.contains(record.id) {
                        self.fail(entry, record.id);
                    }
                }
            }
            Event::HighWatermark { partition, offset, .. } => {
                self.exposed.of(*partition).rise(entry.node, *offset);
            }
            Event::BecameLeader { partition, high_watermark, .. } => {
                self.exposed.of(*partition).led(entry.node, *high_watermark);
            }
            Event::LeaderElected { partition, leader: Some(leader), .. } => {
                self.exposed.of(*partition).elected(self.context.process(*leader));
            }
            Event::Polled { partition, base_offset, records, .. }
            | Event::FinalRead { partition, base_offset, records } => {
                self.report.judged(records.len());
                for (index, record) in records.iter().enumerate() {
                    self.read(entry, *partition, base_offset.plus(index), record.id);
                }
                let context = &self.context;
                let end = base_offset.plus(records.len());
                let exposed = self.exposed.get(*partition).and_then(Exposed::highest);
                let Some(exposed) = exposed.filter(|at| *at < end) else { return };
                self.report.violated(entry, || {
                    let place = context.partition(*partition);
                    format!(
                        "{place} was read up to {end}, above every high watermark so far \
                         ({exposed})"
                    )
                });
            }
            _ => {}
        }
    }

    fn conclude(mut self: Box<Self>) -> PropertyResult {
        // Where several clocks were merged the send may stand a little after the read; and where the
        // history was cut off, past its end.
        let mut unsent: Vec<_> = std::mem::take(&mut self.unsent).into_iter().collect();
        unsent.sort_by_key(|(_, read)| read.seq);
        for (id, read) in unsent {
            if !self.ended || !self.sent.knows(id.producer) {
                continue;
            }
            let context = &self.context;
            self.report.violated_at((read.seq, read.at), || {
                let (what, place) = (context.record(id), context.partition(read.partition));
                format!("{place} offset {} gave {what}, which nobody sent", read.offset)
            });
        }
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Event, Phase};
    use crate::test_history::*;
    use crate::verdict::Judgement;
    use ackproof_types::{ErrorCode, LeaderEpoch, Offset};

    const NAME: &str = "no-phantom";

    #[test]
    fn unsent_and_uncommitted_records_violate() {
        let phantom = vec![sent(1), polled(0, &[0]), phase(Phase::End)];
        assert_eq!(judge(NAME, phantom).judgement, Judgement::Violated);
        let early = vec![sent(0), sent(1), high_watermark(1, 0, 1), polled(0, &[0, 1])];
        assert_eq!(judge(NAME, early).judgement, Judgement::Violated);
    }

    #[test]
    fn a_sent_and_committed_record_holds() {
        let events = vec![sent(0), high_watermark(1, 0, 1), polled(0, &[0]), final_read(0, &[0])];
        assert_eq!(judge(NAME, events).judgement, Judgement::Held);
    }

    #[test]
    fn what_merging_clocks_or_a_cut_can_explain_holds() {
        let skewed = vec![polled(0, &[0]), sent(0), phase(Phase::End)];
        assert_eq!(judge(NAME, skewed).judgement, Judgement::Held, "sent a little later");
        let cut = vec![sent(1), polled(0, &[0])];
        assert_eq!(judge(NAME, cut).judgement, Judgement::Held, "the send may follow");
        let silent = vec![polled(0, &[0]), phase(Phase::End)];
        assert_eq!(judge(NAME, silent).judgement, Judgement::Held, "its sends are not on record");
    }

    fn failed(number: u32, maybe_written: bool) -> (u16, Event) {
        let (error, records) = (ErrorCode::Timeout, slice(&[number]));
        (4, Event::Failed { partition: Some(P), records, error, maybe_written })
    }

    fn rejected(number: u32) -> (u16, Event) {
        (4, Event::Rejected { record: record(number), error: ErrorCode::RequestTimedOut })
    }

    #[test]
    fn a_record_whose_failure_is_certain_is_in_no_log() {
        for last in [failed(0, false), rejected(0)] {
            let sends = |event: &Event| matches!(event, Event::Failed { .. }).then(|| sent(0));
            let first: Vec<_> = sends(&last.1).into_iter().collect();
            let after: Vec<_> =
                first.iter().cloned().chain([last.clone(), final_read(0, &[0])]).collect();
            let result = judge(NAME, after);
            assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
            let before = first.into_iter().chain([polled(0, &[0]), last]).collect();
            assert_eq!(judge(NAME, before).violation_count, 1, "read before");
        }
        let unsent = (4, Event::Unsent { records: slice(&[0]) });
        let found = judge(NAME, vec![sent(0), unsent, final_read(0, &[0])]);
        assert_eq!(found.violation_count, 1, "it never left the buffer");
        let unknown = vec![sent(0), failed(0, true), final_read(0, &[0])];
        assert_eq!(judge(NAME, unknown).judgement, Judgement::Held, "unknown is not absent");
        // The application sent it again: one of the attempts may be written.
        let again = vec![sent(0), failed(0, false), sent(0), final_read(0, &[0])];
        assert_eq!(judge(NAME, again).judgement, Judgement::Held);
        let first = vec![sent(0), sent(0), failed(0, false), final_read(0, &[0])];
        assert_eq!(judge(NAME, first).judgement, Judgement::Held);
        let refused = vec![sent(0), rejected(0), final_read(0, &[0])];
        assert_eq!(judge(NAME, refused).judgement, Judgement::Held, "the next life was refused");
    }

    #[test]
    fn a_stale_leader_a_late_message_and_a_restart_hold() {
        let events = vec![
            sent(0),
            sent(1),
            high_watermark(1, 0, 2),
            // The next leader begins lower, and the stale one still serves what it exposed.
            elected(2, 1, &[2, 3]),
            high_watermark(2, 1, 1),
            polled(0, &[0, 1]),
            (4, Event::ProcessStarted),
            failed(2, false),
            sent(2),
            high_watermark(2, 1, 3),
            final_read(0, &[0, 1, 2]),
        ];
        assert_eq!(judge(NAME, events).judgement, Judgement::Held);
    }

    #[test]
    fn a_leader_without_high_watermarks_on_record_may_have_exposed_more() {
        let (partition, epoch, log_end) = (P, LeaderEpoch(0), Offset(0));
        let took = Event::BecameLeader { partition, epoch, log_end, high_watermark: Offset(0) };
        let first = vec![sent(0), (1, took.clone()), polled(0, &[0])];
        assert_eq!(judge(NAME, first).judgement, Judgement::Held, "only its beginning is told");
        let start = vec![sent(0), sent(1), (1, took), high_watermark(1, 0, 1)];
        let read = |more: Vec<(u16, Event)>| {
            judge(NAME, [start.clone(), more, vec![polled(0, &[0, 1])]].concat()).judgement
        };
        assert_eq!(read(vec![]), Judgement::Violated);
        assert_eq!(read(vec![elected(2, 1, &[1, 2])]), Judgement::Held, "the next one is silent");
        assert_eq!(
            read(vec![elected(2, 1, &[1, 2]), high_watermark(2, 1, 1)]),
            Judgement::Violated
        );
    }

    #[test]
    fn without_a_read_nothing_is_judged() {
        assert_eq!(judge(NAME, vec![sent(0)]).judgement, Judgement::Vacuous);
    }
}
