//! What the application has done of a partition since its member owns it. It knows no client.

use ackproof_types::Offset;
use std::collections::BTreeSet;

/// The work at a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Work {
    /// With workers, and not finished.
    open: BTreeSet<Offset>,
    /// The first that workers were given.
    start: Option<Offset>,
    /// One past the last.
    handed: Offset,
    /// One past the highest that is finished.
    highest: Option<Offset>,
}

impl Work {
    /// The poll loop has finished the record at `offset`.
    pub(super) fn finish(&mut self, offset: Offset) {
        self.highest = self.highest.max(Some(offset + 1));
    }

    /// A worker gets the record at `offset`.
    pub(super) fn hand_over(&mut self, offset: Offset) {
        self.start.get_or_insert(offset);
        self.open.insert(offset);
        self.handed = self.handed.max(offset + 1);
    }

    /// A worker has finished the record at `offset`. What it got before the partition was given up, and got
    /// back, does not count.
    pub(super) fn complete(&mut self, offset: Offset) {
        if self.open.remove(&offset) {
            self.finish(offset);
        }
    }

    /// One past the highest that is finished; none: nothing is.
    pub(super) fn highest(&self) -> Option<Offset> {
        self.highest
    }

    /// The end of what is finished without a gap from the first on; none: that is not finished.
    pub(super) fn contiguous(&self) -> Option<Offset> {
        let end = self.open.first().copied().unwrap_or(self.handed);
        self.start.is_some_and(|start| start < end).then_some(end)
    }
}
