//! Whom the controller chose to lead a partition, and whom an unclean election replaced: such a leader may go on,
//! with those that are in sync in its eyes, until it is in sync again. It judges nothing.

use ackproof_types::{BrokerId, LeaderEpoch};
use std::collections::BTreeSet;

/// Elections of a partition.
#[derive(Debug, Default)]
pub(crate) struct Elected {
    last: Option<(LeaderEpoch, BrokerId)>,
    /// The last leader's process ended since.
    is_gone: bool,
    deposed: BTreeSet<BrokerId>,
}

impl Elected {
    /// The controller chose; without a leader the one before is still the last. Whether a deposed leader is back.
    pub(crate) fn elect(
        &mut self,
        (epoch, leader): (LeaderEpoch, Option<BrokerId>),
        isr: &[BrokerId],
        unclean: bool,
    ) -> bool {
        if unclean && !self.is_gone {
            self.deposed.extend(self.leader().filter(|before| Some(*before) != leader));
        }
        if let Some(leader) = leader {
            (self.last, self.is_gone) = (Some((epoch, leader)), false);
        }
        self.take_isr(isr)
    }

    /// Who is in sync; whether a deposed leader is back.
    pub(crate) fn take_isr(&mut self, isr: &[BrokerId]) -> bool {
        self.keep(|broker| !isr.contains(&broker))
    }

    /// A process ended: a broker answers nobody any more, and follows when it is back. Whether it was deposed.
    pub(crate) fn end(&mut self, ended: Option<BrokerId>) -> bool {
        self.is_gone |= ended.is_some() && self.leader() == ended;
        self.keep(|broker| Some(broker) != ended)
    }

    fn keep(&mut self, stays: impl Fn(BrokerId) -> bool) -> bool {
        let before = self.deposed.len();
        self.deposed.retain(|broker| stays(*broker));
        self.deposed.len() < before
    }

    /// The last leader and its epoch.
    pub(crate) const fn last(&self) -> Option<(LeaderEpoch, BrokerId)> {
        self.last
    }

    /// The last leader.
    pub(crate) fn leader(&self) -> Option<BrokerId> {
        self.last.map(|(_, leader)| leader)
    }

    /// Whether an unclean election replaced `broker`, which may not know.
    pub(crate) fn is_deposed(&self, broker: BrokerId) -> bool {
        self.deposed.contains(&broker)
    }

    /// Whether there is such a leader.
    pub(crate) fn has_deposed(&self) -> bool {
        !self.deposed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: BrokerId = BrokerId(1);
    const TWO: BrokerId = BrokerId(2);

    fn unclean() -> Elected {
        let mut elected = Elected::default();
        elected.elect((LeaderEpoch(0), Some(ONE)), &[ONE], false);
        assert!(!elected.has_deposed());
        elected.elect((LeaderEpoch(1), None), &[ONE], false);
        elected.elect((LeaderEpoch(2), Some(TWO)), &[TWO], true);
        elected
    }

    #[test]
    fn a_deposed_leader_is_back_with_the_in_sync_set_or_ends() {
        let mut elected = unclean();
        assert!(elected.is_deposed(ONE) && !elected.is_deposed(TWO));
        assert_eq!(elected.last(), Some((LeaderEpoch(2), TWO)));
        assert!(!elected.take_isr(&[TWO]) && elected.take_isr(&[ONE, TWO]));
        assert!(!elected.has_deposed());
        let mut elected = unclean();
        assert!(elected.end(Some(ONE)) && !elected.has_deposed());
    }

    #[test]
    fn who_ended_before_is_not_deposed() {
        let mut elected = Elected::default();
        elected.elect((LeaderEpoch(0), Some(ONE)), &[ONE], false);
        elected.end(Some(ONE));
        elected.elect((LeaderEpoch(1), Some(TWO)), &[TWO], true);
        assert!(!elected.has_deposed());
    }
}
