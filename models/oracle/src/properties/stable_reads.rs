//! `stable-reads`: an offset once read never later holds another record.
//!
//! Source: bug corpus §10.1 inconsistent-offsets. It does *not* say that the record was committed or
//! that it stays readable. A witness is an offset that is read again; each change is reported once. Keeps
//! 8 bytes an offset that was read and that some replica may have. Broken on purpose by `trunc-to-hw`, `no-divergence-check` and unclean
//! elections.
//!
//! What cannot fool it. *A stale leader* serves what it exposed, which the next leader has, and *a late
//! message* brings no other: what only its log held it served to nobody. *A restart* of a member reads
//! offsets again, and the same there.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::places::Places;
use crate::record_set::OffsetTable;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{Offset, TopicPartition};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[Kind::Polled, Kind::FinalRead];

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    seen: Places<OffsetTable>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self { report: Report::new(name), context: Arc::clone(context), seen: Places::default() }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        let (Event::Polled { partition, base_offset, records, .. }
        | Event::FinalRead { partition, base_offset, records }) = &entry.event
        else {
            return;
        };
        let seen = self.seen.of(*partition);
        for (index, record) in records.iter().enumerate() {
            let offset = base_offset.plus(index);
            let Some(first) = seen.enter(offset.0, record.id) else { continue };
            self.report.judged(1);
            if first != record.id {
                let context = &self.context;
                self.report.violated(entry, || {
                    let place = context.partition(*partition);
                    let (now, then) = (context.record(record.id), context.record(first));
                    format!("{place} offset {offset} gave {then} first and {now} later")
                });
            }
        }
    }

    fn settle(&mut self, partition: TopicPartition, below: Offset) {
        drop(self.seen.of(partition).take_below(below.0));
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

    const NAME: &str = "stable-reads";

    #[test]
    fn another_record_at_an_offset_violates() {
        let result = judge(NAME, vec![polled(0, &[0]), final_read(0, &[1]), final_read(0, &[1])]);
        assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    }

    #[test]
    fn the_same_record_again_holds() {
        let result = judge(NAME, vec![polled(0, &[0, 1]), final_read(0, &[0, 1])]);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 2));
    }

    #[test]
    fn a_stale_leader_a_late_message_and_a_restart_hold() {
        let events = vec![
            appended(1, 0, 0, &[0]),
            high_watermark(1, 0, 1),
            elected(2, 1, &[2, 3]),
            // The stale leader appends what no other has, and serves what it had exposed.
            appended(1, 0, 1, &[7]),
            appended(2, 1, 1, &[1]),
            polled(0, &[0]),
            (5, Event::ProcessStarted),
            polled(0, &[0, 1]),
            final_read(0, &[0, 1]),
        ];
        let result = judge(NAME, events);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 3));
    }

    #[test]
    fn offsets_read_once_prove_nothing() {
        assert_eq!(judge(NAME, vec![polled(0, &[0])]).judgement, Judgement::Vacuous);
    }
}
