//! A record of the workload and cheap views on a batch of them.

use crate::ProducerIndex;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};
use std::sync::Arc;

/// What makes a record itself, wherever it is copied to: its producer instance and its number in
/// that instance's workload, from 0. A record sent again by its application keeps its id; that is how
/// duplicates are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The instance that sends it.
    pub producer: ProducerIndex,
    /// Its number in that instance's workload, from 0.
    pub number: u32,
}

impl RecordId {
    /// One integer that orders as the id does.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        (self.producer.0 as u64) << 32 | self.number as u64
    }

    /// The record of such a number.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the two halves that `as_u64` put together"
    )]
    pub const fn from_u64(number: u64) -> Self {
        Self { producer: ProducerIndex((number >> 32) as u16), number: number as u32 }
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.producer.0, self.number)
    }
}

/// One record as the application sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Its identity.
    pub id: RecordId,
    /// Its key, as an index into the producer's key space; none: spread by the partitioner.
    pub key: Option<u32>,
    /// Serialized size in bytes, key included.
    pub size: u32,
}

/// A run of neighbouring records of one shared batch. Cloning copies no record.
#[derive(Clone, Debug)]
pub struct RecordSlice {
    batch: Arc<[Record]>,
    range: Range<u32>,
}

impl RecordSlice {
    /// The whole batch.
    ///
    /// # Panics
    /// If the batch has more than `u32::MAX` records.
    #[must_use]
    pub fn whole(batch: Arc<[Record]>) -> Self {
        let end = u32::try_from(batch.len()).expect("a batch has fewer than 2^32 records");
        Self { batch, range: 0..end }
    }

    /// The records at `range` of this slice.
    ///
    /// # Panics
    /// If `range` is not within this slice.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len(), "{range:?} leaves the slice");
        let at = |index: usize| {
            self.range.start + u32::try_from(index).expect("checked against the length")
        };
        Self { batch: Arc::clone(&self.batch), range: at(range.start)..at(range.end) }
    }
}

impl Deref for RecordSlice {
    type Target = [Record];
    #[inline]
    fn deref(&self) -> &[Record] {
        &self.batch[self.range.start as usize..self.range.end as usize]
    }
}

impl PartialEq for RecordSlice {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for RecordSlice {}

impl Hash for RecordSlice {
    /// By the ids alone: the id decides key and size.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.range.end - self.range.start);
        for record in self.iter() {
            state.write_u64(record.id.as_u64());
        }
    }
}
