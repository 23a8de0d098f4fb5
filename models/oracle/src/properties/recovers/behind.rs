//! What a group had not reached in a partition, in records: offsets without one are no lag.

use crate::ranges::Ranges;
use ackproof_types::{Offset, TopicPartition};

/// What a group was behind in a partition.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    pub(super) place: TopicPartition,
    /// None: it never had a position.
    pub(super) at: Option<Offset>,
    pub(super) worked: Offset,
    /// What it has done beyond that, where that counts.
    pub(super) ahead: Ranges,
    pub(super) end: Offset,
    pub(super) records: u64,
}

impl Behind {
    pub(super) fn new(place: TopicPartition, at: Option<Offset>, end: Offset) -> Self {
        let records = u64::try_from(end - at.unwrap_or(Offset(0))).unwrap_or(0);
        Self { place, at, worked: Offset(0), ahead: Ranges::default(), end, records }
    }

    /// Takes out what holds no record: below `read`, `held` is all that there is.
    pub(super) fn know(&mut self, held: &Ranges, read: Offset) {
        let (read, end) = (read.0, self.end.0);
        let next_held = |at: i64| if at >= read { at } else { held.next(at).unwrap_or(read) };
        let mut at = self.at.map_or(0, |at| at.0);
        loop {
            let next = next_held(self.ahead.past(at));
            if next == at {
                break;
            }
            at = next;
        }
        self.records =
            held.count(at, end.min(read)) + u64::try_from(end - read.max(at)).unwrap_or(0);
        self.at = self.at.map(|_| Offset(at.min(end)));
    }
}
