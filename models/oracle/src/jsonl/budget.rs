//! How much memory a history may ask for. The judge keeps tables that are dense in record numbers and
//! offsets, so a single number from a careless or hostile file could take gigabytes; here what a history
//! may span is bounded by what it has said so far. It knows no event.

use ackproof_types::{RecordId, TopicPartition};
use std::collections::BTreeMap;

/// What every history may span.
const FREE: u64 = 4_000_000;
/// What each record that it names adds.
const EACH: u64 = 64;

/// What a history spans.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// Places that records were named at.
    named: u64,
    /// One past the highest number of each producer.
    numbers: BTreeMap<u16, u64>,
    /// The lowest offset of each partition and one past the highest.
    offsets: BTreeMap<TopicPartition, (i64, i64)>,
    spanned: u64,
}

impl Budget {
    /// A line names a record.
    ///
    /// # Errors
    /// How far the numbers of all records reach, and of how many was told.
    pub(super) fn number(&mut self, id: RecordId) -> Result<(), String> {
        self.named += 1;
        let end = self.numbers.entry(id.producer.0).or_default();
        let wanted = u64::from(id.number) + 1;
        if wanted <= *end {
            return Ok(());
        }
        let more = wanted - *end;
        self.take(more).map_err(|()| {
            format!(
                "record number {} is too high here: a producer's records are numbered from 0 without \
                 gaps, and {} were named so far",
                id.number, self.named
            )
        })?;
        self.numbers.insert(id.producer.0, wanted);
        Ok(())
    }

    /// A line speaks of the offsets from `from` to before `to`.
    ///
    /// # Errors
    /// How far the offsets would reach.
    pub(super) fn offsets(&mut self, at: TopicPartition, from: i64, to: i64) -> Result<(), String> {
        let (low, high) = self.offsets.get(&at).copied().unwrap_or((from, from));
        let (lowest, highest) = (low.min(from), high.max(to));
        let more = (highest - lowest).abs_diff(high - low);
        if more == 0 {
            return Ok(());
        }
        self.take(more).map_err(|()| {
            format!(
                "offsets {from} to {to} are too far from the others of this partition, which are \
                 {low} to {high}: so wide a gap has to be left out of the history"
            )
        })?;
        self.offsets.insert(at, (lowest, highest));
        Ok(())
    }

    fn take(&mut self, more: u64) -> Result<(), ()> {
        let spanned = self.spanned.saturating_add(more);
        if spanned > FREE + EACH * self.named {
            return Err(());
        }
        self.spanned = spanned;
        Ok(())
    }
}
