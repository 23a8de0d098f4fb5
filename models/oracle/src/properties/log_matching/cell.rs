//! What a log holds at one offset, in 8 bytes. It judges nothing.

use crate::context::Context;
use ackproof_types::{LeaderEpoch, ProducerIndex, RecordId};

/// What a log holds at one offset: 16 bits of the epoch (shifted by one), 48 bits of the record. 0: not
/// on record, agrees with everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell(pub(super) u64);

const RECORD: u64 = (1 << 48) - 1;

impl Cell {
    pub(super) fn new(epoch: LeaderEpoch, record: Option<RecordId>) -> Self {
        let epoch = u64::from((epoch.0 + 1).cast_unsigned() & 0xffff);
        Self(epoch << 48 | record.map_or(RECORD, RecordId::as_u64))
    }

    /// `record`, in the epoch of `other`.
    pub(super) fn of(other: Self, record: RecordId) -> Self {
        Self(other.0 & !RECORD | record.as_u64())
    }

    pub(super) fn agrees(self, other: Self) -> bool {
        self == other || self.0 == 0 || other.0 == 0
    }

    pub(super) fn words(self, context: &Context) -> String {
        let epoch = i64::from(u16::try_from(self.0 >> 48).unwrap_or(0)) - 1;
        format!("{} of epoch {epoch}", self.record(context))
    }

    pub(super) fn record(self, context: &Context) -> String {
        match self.0 & RECORD {
            RECORD => "a coordinator's record".to_owned(),
            id => context.record(RecordId {
                producer: ProducerIndex(u16::try_from(id >> 32).unwrap_or(0)),
                number: u32::try_from(id & u64::from(u32::MAX)).unwrap_or(0),
            }),
        }
    }
}
