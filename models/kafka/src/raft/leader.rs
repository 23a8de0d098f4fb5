//! What a leader keeps of its voters: how far they are, and whether they are there (R5.30).
//!
//! Kafka: `LeaderState`.

use super::{Asker, Content, Port, Replica, Role, Timer};
use crate::message::quorum::{FetchOfLog, Member, Payload};
use crate::variant::Variant;
use ackproof_types::{ControllerId, Micros};
use std::collections::{BTreeMap, BTreeSet};

/// A leader.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Leader {
    /// Nothing below this is called committed: the first entry of the own epoch must be (Raft §5.4.2).
    pub(super) least: u64,
    /// So many entries are safe at each voter.
    pub(super) acked: BTreeMap<ControllerId, u64>,
    /// Who fetched since the quorum was last seen.
    seen: BTreeSet<ControllerId>,
    /// Who fetched since it last presented itself.
    fetched: BTreeSet<ControllerId>,
    /// Whom it presents itself to.
    pub(super) to_present: BTreeSet<ControllerId>,
    /// Fetches that wait, with what they asked.
    pub(super) parked: BTreeMap<Member, (Asker, FetchOfLog)>,
}

impl<P: Content> Replica<P> {
    /// It has the votes.
    pub(super) fn lead(&mut self, port: &mut dyn Port<P>) {
        self.retries = 0;
        port.disarm(Timer::Patience);
        self.forget_asked(port);
        let start = self.log_end();
        let mut leader = Leader {
            least: start,
            acked: BTreeMap::new(),
            seen: BTreeSet::new(),
            fetched: BTreeSet::new(),
            to_present: self.others().collect(),
            parked: BTreeMap::new(),
        };
        if self.is_alone() {
            leader.acked.insert(self.config.id, start);
            self.high_watermark = start;
            self.role = Role::Leader(leader);
            return;
        }
        leader.least = start + 1;
        self.role = Role::Leader(leader);
        self.append_entry(Payload::EpochStart(self.config.id), port);
        port.arm(Timer::Quorum, self.quorum_patience().into());
        port.arm(Timer::Begin, self.presenting_interval().into());
    }

    fn quorum_patience(&self) -> Micros {
        Micros(self.config.settings.fetch_timeout.0 * 3 / 2)
    }

    fn presenting_interval(&self) -> Micros {
        Micros(self.config.settings.fetch_timeout.0 / 2)
    }

    /// Presents itself to those who have not fetched for a while.
    pub(super) fn present(&mut self, port: &mut dyn Port<P>) {
        let all: BTreeSet<ControllerId> = self.others().collect();
        let Role::Leader(leader) = &mut self.role else { return };
        let fetched = std::mem::take(&mut leader.fetched);
        leader.to_present = all.difference(&fetched).copied().collect();
        port.arm(Timer::Begin, self.presenting_interval().into());
    }

    /// R5.30: a majority is not there any more.
    pub(super) fn quorum_is_lost(&mut self, port: &mut dyn Port<P>) {
        if !self.is_zombie() && matches!(self.role, Role::Leader(_)) {
            self.resign(port);
        }
    }

    /// A voter has fetched from `offset` on: all before is safe there.
    pub(super) fn acknowledge(&mut self, voter: ControllerId, offset: u64, port: &mut dyn Port<P>) {
        let others = self.majority() - 1;
        let patience = self.quorum_patience();
        let Role::Leader(leader) = &mut self.role else { return };
        leader.acked.insert(voter, offset);
        leader.fetched.insert(voter);
        leader.to_present.remove(&voter);
        leader.seen.insert(voter);
        if leader.seen.len() >= others {
            leader.seen.clear();
            port.arm(Timer::Quorum, patience.into());
        }
        self.count();
    }

    /// The high watermark by majority; it never falls.
    pub(super) fn count(&mut self) {
        let majority = self.majority();
        let (own, alone) = (self.config.id, self.config.variants.has(Variant::ZombieController));
        let Role::Leader(leader) = &self.role else { return };
        let mut acked: Vec<u64> = leader.acked.values().copied().collect();
        acked.sort_unstable_by(|one, other| other.cmp(one));
        let by_majority = acked.get(majority - 1).copied().unwrap_or(0);
        let own = leader.acked.get(&own).copied().unwrap_or(0);
        // KAFKA-6082: once it has begun, it asks nobody.
        let begun = alone && self.high_watermark >= leader.least;
        let reached = if begun { own } else { by_majority };
        if reached >= leader.least {
            self.high_watermark = self.high_watermark.max(reached);
        }
    }
}
