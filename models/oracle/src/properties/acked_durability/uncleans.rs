//! What unclean elections of a partition may have thrown away. It judges nothing.

use crate::elected::Elected;
use crate::record_set::RecordSet;
use ackproof_types::{BrokerId, RecordId};

/// The unclean elections of a partition.
#[derive(Debug, Default)]
pub(super) struct Uncleans {
    pub(super) count: u32,
    /// Nobody has taken the lead since the last.
    pub(super) is_open: bool,
    /// Acknowledged after the last, and not by a leader that one deposed.
    pub(super) after: RecordSet,
    /// Acknowledged by such a leader.
    pub(super) by_deposed: RecordSet,
    /// Sent for the first time after the last.
    pub(super) sent_after: RecordSet,
}

impl Uncleans {
    /// Whether an unclean election may have thrown away the acknowledged record `id`: it was acknowledged
    /// before the last one, or by a leader that one had replaced; but not if it was sent after it, and
    /// nothing says that such a leader took it.
    pub(super) fn explains(&self, id: RecordId) -> bool {
        self.count > 0 && !self.after.contains(id)
    }

    pub(super) fn acked(&mut self, elected: &Elected, by: Option<BrokerId>, id: RecordId) {
        let deposed = by.map_or_else(
            || elected.has_deposed() && !self.sent_after.contains(id),
            |by| elected.is_deposed(by),
        );
        if self.count > 0 && deposed {
            self.by_deposed.insert(id);
        } else if self.count > 0 {
            self.after.insert(id);
        }
    }
}
