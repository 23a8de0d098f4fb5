//! `acked-durability`: every acknowledged record is in the log at the end, at the acknowledged offset.
//!
//! Source: bug corpus §10.2 AckedDurable and AckMatch. It does *not* speak of `acks=0`, of records
//! below the log's start (retention), of partitions that were not read to the end, nor of delivery.
//! Broken on purpose by `trunc-to-hw`, `hw-ignores-followers`, unclean elections and `acks=1`.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::report::Report;
use crate::story::Story;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{Offset, RecordId, RecordSlice, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Sent,
    Kind::Acked,
    Kind::Appended,
    Kind::Truncated,
    Kind::LeaderElected,
    Kind::FinalRead,
    Kind::FinalReadDone,
];

/// Batches by the offset of their first record.
type Batches = Vec<(Offset, RecordSlice)>;

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    story: Story,
    acked: BTreeMap<TopicPartition, Batches>,
    read: BTreeMap<TopicPartition, Batches>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            story: Story::new(Arc::clone(context)),
            acked: BTreeMap::new(),
            read: BTreeMap::new(),
        }
    }

    fn compare(&mut self, entry: &Entry, partition: TopicPartition, start: Offset) {
        let acked = self.acked.remove(&partition).unwrap_or_default();
        let mut read = self.read.remove(&partition).unwrap_or_default();
        read.sort_by_key(|(base, _)| *base);
        for (base, records) in acked {
            for (index, record) in records.iter().enumerate() {
                let offset = base.plus(index);
                if offset < start {
                    continue;
                }
                self.report.judged(1);
                let found = at(&read, offset);
                if found == Some(record.id) {
                    continue;
                }
                let (context, story) = (&self.context, &self.story);
                self.report.violated(entry, || {
                    let name = context.record(record.id);
                    let place = context.partition(partition);
                    let instead =
                        found.map_or_else(|| "nothing".to_owned(), |other| context.record(other));
                    let summary = format!(
                        "{name} was acknowledged at {place} offset {offset}, where the log \
                         holds {instead} at the end"
                    );
                    (summary, story.of(record.id, partition, offset))
                });
            }
        }
    }
}

/// The record at `offset` of ascending batches.
fn at(batches: &Batches, offset: Offset) -> Option<RecordId> {
    let after = batches.partition_point(|(base, _)| *base <= offset);
    let (base, records) = batches.get(after.checked_sub(1)?)?;
    records.get(usize::try_from(offset - *base).ok()?).map(|record| record.id)
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        self.story.observe(entry);
        match &entry.event {
            Event::Acked { partition, base_offset, records, .. }
                if *base_offset != Offset::UNKNOWN =>
            {
                let acked = self.acked.entry(*partition).or_default();
                acked.push((*base_offset, records.clone()));
            }
            Event::FinalRead { partition, base_offset, records } => {
                let read = self.read.entry(*partition).or_default();
                read.push((*base_offset, records.clone()));
            }
            Event::FinalReadDone { partition, start, .. } => {
                self.compare(entry, *partition, *start);
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

    const NAME: &str = "acked-durability";

    #[test]
    fn an_acknowledged_record_that_is_gone_violates_and_tells_why() {
        let result = judge(
            NAME,
            vec![
                sent(0),
                appended(1, 0, 0, &[0]),
                acked(0, &[0]),
                elected(2, 1, &[2, 3]),
                final_done(0),
            ],
        );
        assert_eq!(result.judgement, Judgement::Violated);
        let story = result.violations[0].story.join("\n");
        assert!(story.contains("acknowledged it at offset 0"), "{story}");
        assert!(story.contains("broker-2 elected (epoch 1), without the record"), "{story}");
    }

    #[test]
    fn a_record_at_its_offset_holds() {
        let result =
            judge(NAME, vec![sent(0), acked(0, &[0, 1]), final_read(0, &[0, 1]), final_done(2)]);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 2));
    }

    #[test]
    fn without_a_final_read_nothing_is_judged() {
        assert_eq!(judge(NAME, vec![sent(0), acked(0, &[0])]).judgement, Judgement::Vacuous);
        let unknown = vec![sent(0), acked(-1, &[0]), final_done(0)];
        assert_eq!(judge(NAME, unknown).judgement, Judgement::Vacuous, "acks=0 promises nothing");
    }
}
