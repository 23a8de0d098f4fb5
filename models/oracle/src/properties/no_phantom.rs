//! `no-phantom`: nothing is delivered that was not sent, and nothing at or above the highest high
//! watermark that any leader of the partition had so far.
//!
//! Source: bug corpus §10.2 PhantomRead, §10.1 G1a. A witness is a record that was read. It does *not* say that what is delivered stays
//! (`stable-reads`), and in histories without high watermarks it judges only the sending. Broken on
//! purpose by a fetch that serves consumers up to the log end.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::places::Places;
use crate::record_set::RecordSet;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{Offset, TopicPartition};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] =
    &[Kind::Sent, Kind::Polled, Kind::FinalRead, Kind::HighWatermark, Kind::BecameLeader];

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    sent: RecordSet,
    exposed: Places<Option<Offset>>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            sent: RecordSet::default(),
            exposed: Places::default(),
        }
    }

    fn expose(&mut self, partition: TopicPartition, offset: Offset) {
        let exposed = self.exposed.of(partition);
        *exposed = (*exposed).max(Some(offset));
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Sent { record, .. } => {
                self.sent.insert(record.id);
            }
            Event::HighWatermark { partition, offset, .. } => self.expose(*partition, *offset),
            Event::BecameLeader { partition, high_watermark, .. } => {
                self.expose(*partition, *high_watermark);
            }
            Event::Polled { partition, base_offset, records, .. }
            | Event::FinalRead { partition, base_offset, records } => {
                self.report.judged(records.len());
                let context = &self.context;
                for (index, record) in records.iter().enumerate() {
                    if !self.sent.contains(record.id) {
                        self.report.violated(entry, || {
                            let (what, place) =
                                (context.record(record.id), context.partition(*partition));
                            let at = base_offset.plus(index);
                            format!("{place} offset {at} gave {what}, which nobody sent")
                        });
                    }
                }
                let end = base_offset.plus(records.len());
                let exposed = self.exposed.get(*partition).copied().flatten();
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

    fn conclude(self: Box<Self>) -> PropertyResult {
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::test_history::*;
    use crate::verdict::Judgement;

    const NAME: &str = "no-phantom";

    #[test]
    fn unsent_and_uncommitted_records_violate() {
        assert_eq!(judge(NAME, vec![polled(0, &[0])]).judgement, Judgement::Violated);
        let early = vec![sent(0), sent(1), high_watermark(1, 0, 1), polled(0, &[0, 1])];
        assert_eq!(judge(NAME, early).judgement, Judgement::Violated);
    }

    #[test]
    fn a_sent_and_committed_record_holds() {
        let events = vec![sent(0), high_watermark(1, 0, 1), polled(0, &[0]), final_read(0, &[0])];
        assert_eq!(judge(NAME, events).judgement, Judgement::Held);
    }

    #[test]
    fn without_a_read_nothing_is_judged() {
        assert_eq!(judge(NAME, vec![sent(0)]).judgement, Judgement::Vacuous);
    }
}
