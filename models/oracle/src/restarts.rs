//! Which cuts of a log are no rule of replication: what a broker lost with its power or its disk, and finds
//! when it starts again (R1.20). It judges nothing.

use crate::history::{Entry, Event};
use crate::places::Places;
use ackproof_types::NodeId;

/// The lives of brokers, and what each does in them.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    /// By node: how often it has started.
    lives: Vec<u32>,
    /// By node: in which life it last led, followed or appended.
    active: Places<Vec<u32>>,
}

impl Restarts {
    /// Takes an entry; whether it is the end that a log lost with the power or the disk of its broker: it is
    /// on record, or it is the cut of a log by a broker that has just started, which nobody leads yet, and
    /// which leads nobody.
    pub(crate) fn observe(&mut self, entry: &Entry) -> bool {
        let node = entry.node.index();
        match &entry.event {
            Event::TailLost { .. } => return true,
            Event::ProcessStarted => *slot(&mut self.lives, entry.node) += 1,
            Event::BecameLeader { partition, .. }
            | Event::BecameFollower { partition, .. }
            | Event::Appended { partition, .. } => {
                let life = self.lives.get(node).copied().unwrap_or(0);
                *slot(self.active.of(*partition), entry.node) = life;
            }
            Event::Truncated { partition, .. } => {
                let life = self.lives.get(node).copied().unwrap_or(0);
                let active = self.active.get(*partition).and_then(|all| all.get(node)).copied();
                return life > active.unwrap_or(0);
            }
            _ => {}
        }
        false
    }
}

fn slot(all: &mut Vec<u32>, node: NodeId) -> &mut u32 {
    if all.len() <= node.index() {
        all.resize(node.index() + 1, 0);
    }
    &mut all[node.index()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_history::*;
    use ackproof_types::{LeaderEpoch, Offset};

    #[test]
    fn only_what_is_cut_right_after_a_start_is_what_a_broker_lost() {
        let cut = (1, Event::Truncated { partition: P, from: Offset(3), to: Offset(1) });
        let of = |before: Vec<(u16, Event)>| {
            let mut restarts = Restarts::default();
            let all = entries([before, vec![cut.clone()]].concat());
            all.iter().fold(false, |_, entry| restarts.observe(entry))
        };
        let started = (1, Event::ProcessStarted);
        let follows = Event::BecameFollower { partition: P, epoch: LeaderEpoch(1), leader: None };
        assert!(!of(vec![]));
        assert!(of(vec![appended(1, 0, 0, &[0]), started.clone()]));
        assert!(!of(vec![started.clone(), (1, follows.clone())]));
        assert!(of(vec![started.clone(), (2, follows)]), "another follows");
        assert!(!of(vec![started, appended(1, 0, 0, &[0])]));
    }
}
