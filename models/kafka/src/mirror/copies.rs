//! Copies under way: what was read and has no acknowledgement yet, where to read on, and how far the mirror has come
//! for certain (R20.1 to R20.4).
//!
//! Kafka: `MirrorSourceTask`, `OffsetSyncWriter`, `SubmittedRecords`, `WorkerSourceTask#commitOffsets`.

use super::side::{Offsets, Wanted};
use super::syncs::{OffsetSync, Spacing};
use super::{Course, Kept, Mirror, Out};
use crate::config::ResetTo;
use crate::machine::Input;
use crate::message::FetchedPartition;
use crate::observation::{Observation, PositionSource};
use crate::producer::{Acked, ProducerCall};
use crate::variant::Variant;
use ackproof_types::{ErrorCode, Offset, Record, RecordId, Timestamp, TopicPartition};
use std::collections::BTreeMap;

/// Copies under way at most: more than `buffer.memory` holds of usual records.
const MOST: usize = 20_000;

/// A partition that is copied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Reading {
    /// The next offset to fetch.
    next: Offset,
    /// The log does not have it: it goes on where the log begins.
    is_out_of_range: bool,
    /// Everything below is kept as copied.
    kept: Offset,
    spacing: Spacing,
    /// A pair that waits for the next flush.
    delayed: Option<OffsetSync>,
}

/// What is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Copies {
    readings: BTreeMap<TopicPartition, Reading>,
    /// The records of copies without an acknowledgement, by the number of the copy.
    under_way: BTreeMap<u32, (TopicPartition, Offset)>,
}

impl Copies {
    pub(super) fn check(&self, next: u32) {
        assert!(self.under_way.keys().all(|number| *number < next), "every copy has a name");
        for (partition, offset) in self.under_way.values() {
            assert!(self.readings.contains_key(partition), "R20.1: {partition:?} at {offset}");
        }
    }

    /// What to fetch next.
    pub(super) fn wanted(&self) -> Wanted {
        if self.under_way.len() >= MOST {
            return Vec::new();
        }
        let next = |reading: &Reading| (!reading.is_out_of_range).then_some(reading.next);
        self.readings.iter().map(|(partition, reading)| (*partition, next(reading))).collect()
    }

    /// R20.2: up to where everything is copied, of each partition that has come further since it was kept.
    fn done(&self, counts_unacknowledged: bool) -> Offsets {
        let mut first: BTreeMap<TopicPartition, Offset> = BTreeMap::new();
        for (partition, offset) in self.under_way.values() {
            let lowest = first.entry(*partition).or_insert(*offset);
            *lowest = (*lowest).min(*offset);
        }
        let done = self.readings.iter().map(|(partition, reading)| {
            let open = first.get(partition).filter(|_| !counts_unacknowledged);
            (*partition, open.map_or(reading.next, |open| *open), reading.kept)
        });
        let moved = done.filter(|(_, done, kept)| done > kept);
        moved.map(|(partition, done, _)| (partition, done)).collect()
    }
}

impl Mirror {
    /// R20.1: where Connect has kept how far it had come it goes on, else it begins with the oldest record.
    pub(super) fn begin(&mut self, offsets: Vec<(TopicPartition, Option<Offset>)>, out: &mut Out) {
        if self.course != Course::Begins {
            return;
        }
        self.course = Course::Copies;
        let group = self.config.group;
        for (partition, kept) in offsets {
            let offset = kept.unwrap_or(Offset(0));
            let source = match kept {
                Some(_) => PositionSource::Committed,
                None => PositionSource::NoCommit(ResetTo::Earliest),
            };
            out.observe(Observation::Positioned { group, partition, offset, source });
            let (spacing, delayed) = (Spacing::default(), None);
            let (next, kept, is_out_of_range) = (offset, offset, false);
            let reading = Reading { next, is_out_of_range, kept, spacing, delayed };
            self.copies.readings.insert(partition, reading);
        }
    }

    /// R20.1: logs were cut below, or begin later, and auto.offset.reset is earliest.
    pub(super) fn begin_anew(&mut self, starts: Offsets, out: &mut Out) {
        for (partition, offset) in starts {
            let Some(reading) = self.copies.readings.get_mut(&partition) else { continue };
            (reading.next, reading.kept, reading.is_out_of_range) = (offset, offset, false);
            let (group, source) =
                (self.config.group, PositionSource::OutOfRange(ResetTo::Earliest));
            out.observe(Observation::Positioned { group, partition, offset, source });
        }
    }

    pub(super) fn fetched(&mut self, answer: FetchedPartition, now: Timestamp, out: &mut Out) {
        let (group, partition) = (self.config.group, answer.partition);
        let Some(reading) = self.copies.readings.get_mut(&partition) else { return };
        let fetched = match answer.result {
            Ok(fetched) => fetched,
            Err(ErrorCode::OffsetOutOfRange) => {
                reading.is_out_of_range = true;
                return;
            }
            Err(_) => return,
        };
        if fetched.fetch_offset != reading.next {
            return;
        }
        let mut next = reading.next;
        for batch in fetched.batches {
            let records = batch.records();
            let skipped = usize::try_from(next.since(batch.base_offset)).unwrap_or(usize::MAX);
            if skipped < records.len() {
                let base_offset = next.max(batch.base_offset);
                let records = records.slice(skipped..records.len());
                let polled = records.clone();
                out.observe(Observation::Polled { group, partition, base_offset, records: polled });
                for (index, record) in records.iter().enumerate() {
                    self.copy((partition, base_offset.plus(index)), *record, now, out);
                }
            }
            next = next.max(batch.next_offset());
        }
        if let Some(reading) = self.copies.readings.get_mut(&partition) {
            reading.next = next;
        }
    }

    /// Hands a record to the producer, for the partition of the same number (R20.1).
    fn copy(
        &mut self,
        (partition, offset): (TopicPartition, Offset),
        record: Record,
        now: Timestamp,
        out: &mut Out,
    ) {
        let number = self.kept.next_copy;
        self.keep(Kept::Named(number + 1), out);
        let id = RecordId { producer: self.config.producer.index, number };
        let output = Record { id, ..record };
        self.copies.under_way.insert(number, (partition, offset));
        let (group, dead_lettered) = (self.config.group, false);
        out.observe(Observation::Processed { group, partition, offset, record, dead_lettered });
        out.observe(Observation::Derived { group, partition, offset, record, output });
        let call = ProducerCall::SendTo(partition.partition, output);
        self.produce(now, Input::Call(call), out);
    }

    /// Copies are acknowledged, and where they lie.
    pub(super) fn acknowledged(&mut self, acked: &Acked, out: &mut Out) {
        for (index, copy) in acked.records.iter().enumerate() {
            let Some((partition, upstream)) = self.copies.under_way.remove(&copy.id.number) else {
                continue;
            };
            let downstream = acked.base_offset.plus(index);
            let sync = OffsetSync { upstream, downstream };
            let Some(reading) = self.copies.readings.get_mut(&partition) else { continue };
            if reading.spacing.is_due(sync, self.config.offset_lag_max) {
                reading.delayed = None;
                self.keep(Kept::Sync(partition.partition, sync), out);
            } else {
                reading.delayed = Some(sync);
            }
        }
    }

    /// R20.2: how far everything is copied goes to the target, to be kept there.
    pub(super) fn flush(&mut self, out: &mut Out) {
        let early = self.config.variants.has(Variant::MirrorKeepsUnacknowledged);
        let done = self.copies.done(early);
        if done.is_empty() {
            self.flushed(&[], true, out);
        } else {
            self.commit(self.config.group, done, out);
        }
    }

    /// It is kept, and pairs that have waited are told (R20.4); or it is not, and the next flush tries again.
    pub(super) fn flushed(
        &mut self,
        offsets: &[(TopicPartition, Offset)],
        is_kept: bool,
        out: &mut Out,
    ) {
        if is_kept {
            let mut told = Vec::new();
            for (partition, offset) in offsets {
                if let Some(reading) = self.copies.readings.get_mut(partition) {
                    reading.kept = reading.kept.max(*offset);
                }
            }
            for (partition, reading) in &mut self.copies.readings {
                told.extend(reading.delayed.take().map(|sync| (partition.partition, sync)));
            }
            for (partition, sync) in told {
                self.keep(Kept::Sync(partition, sync), out);
            }
        }
        if self.course == Course::Leaves {
            out.exit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::TopicId;

    #[test]
    fn only_what_lies_below_the_first_copy_under_way_is_kept() {
        let [one, other] = [0, 1].map(|number| TopicPartition::new(TopicId(1), number));
        let mut copies = Copies::default();
        for partition in [one, other] {
            let (spacing, delayed) = (Spacing::default(), None);
            let (next, kept, is_out_of_range) = (Offset(9), Offset(4), false);
            let reading = Reading { next, is_out_of_range, kept, spacing, delayed };
            copies.readings.insert(partition, reading);
        }
        copies.under_way = [(1, (one, Offset(5))), (2, (one, Offset(8)))].into();
        assert_eq!(copies.done(false), [(one, Offset(5)), (other, Offset(9))]);
        assert_eq!(copies.done(true), [(one, Offset(9)), (other, Offset(9))], "a bug on purpose");
        copies.under_way.insert(0, (one, Offset(4)));
        assert_eq!(copies.done(false), [(other, Offset(9))], "nothing of the first is new");
    }
}
