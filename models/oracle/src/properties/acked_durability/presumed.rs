//! Who took the lead without a record, where no broker tells of taking it: the controller's elections tell who leads, and
//! what that one had lost with its power or its disk is not in its log.

use super::{Doom, Log};
use ackproof_types::{LeaderEpoch, NodeId, RecordId, Timestamp};

impl Log {
    /// `leader` was elected. Of what it has lost it has nothing, unless it tells itself with which log it begins.
    pub(super) fn presume(&mut self, leader: NodeId, epoch: LeaderEpoch, at: Timestamp) {
        if !self.leaders.is_empty() {
            return;
        }
        let lost = self.acked.from(0).filter_map(|(offset, id)| {
            let cause = self.lost.at(leader, offset)?;
            Some(((offset, id), Doom { cause, leader, epoch, at }))
        });
        for (place, doom) in lost.collect::<Vec<_>>() {
            self.presumed.entry(place).or_insert(doom);
        }
        self.lost.lead(leader);
    }

    /// How a record was lost, as far as elections tell.
    pub(super) fn presumed(&self, place: (i64, RecordId)) -> Option<Doom> {
        self.presumed.get(&place).filter(|_| self.leaders.is_empty()).copied()
    }
}
