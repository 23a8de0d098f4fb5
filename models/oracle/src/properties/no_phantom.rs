//! `no-phantom`: nothing is delivered that was not sent, and nothing at or above the highest high
//! watermark that any leader of the partition had so far.
//!
//! Source: bug corpus §10.2 PhantomRead, §10.1 G1a. A witness is a record that was read. It does *not*
//! say that what is delivered stays (`stable-reads`); in histories without high watermarks it judges only
//! the sending, and that only of producers whose sends are on record, in a complete history. Broken on
//! purpose by a fetch that serves consumers up to the log end.

use crate::context::Context;
use crate::history::{Entry, Event, Phase};
use crate::kind::Kind;
use crate::places::Places;
use crate::record_set::RecordSet;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{Offset, ProducerIndex, RecordId, Timestamp, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Phase,
    Kind::Sent,
    Kind::Polled,
    Kind::FinalRead,
    Kind::HighWatermark,
    Kind::BecameLeader,
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
    /// First reads of what nobody sent so far.
    unsent: BTreeMap<RecordId, Read>,
    /// Producers whose sends are on record.
    sending: BTreeSet<ProducerIndex>,
    ended: bool,
    exposed: Places<Option<Offset>>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            sent: RecordSet::default(),
            unsent: BTreeMap::new(),
            sending: BTreeSet::new(),
            ended: false,
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
            Event::Phase(phase) => self.ended |= *phase == Phase::End,
            Event::Sent { record, .. } => {
                self.sent.insert(record.id);
                self.sending.insert(record.id.producer);
                self.unsent.remove(&record.id);
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
                        let (seq, at, partition) = (entry.seq, entry.at, *partition);
                        let read = Read { seq, at, partition, offset: base_offset.plus(index) };
                        self.unsent.entry(record.id).or_insert(read);
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

    fn conclude(mut self: Box<Self>) -> PropertyResult {
        // Where several clocks were merged the send may stand a little after the read; and where the
        // history was cut off, past its end.
        let mut unsent: Vec<_> = std::mem::take(&mut self.unsent).into_iter().collect();
        unsent.sort_by_key(|(_, read)| read.seq);
        for (id, read) in unsent {
            if !self.ended || !self.sending.contains(&id.producer) {
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
    use crate::history::Phase;
    use crate::test_history::*;
    use crate::verdict::Judgement;

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

    #[test]
    fn without_a_read_nothing_is_judged() {
        assert_eq!(judge(NAME, vec![sent(0)]).judgement, Judgement::Vacuous);
    }
}
