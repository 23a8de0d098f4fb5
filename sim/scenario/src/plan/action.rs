//! Whom the action of a fault is about beside its target.

use super::{Action, FaultKind, Peers, Target};
use crate::moment::Its;

impl Action {
    /// Lists of processes at the other ends of links that it touches, or on the sides of a cut.
    pub fn peers_mut(&mut self) -> Vec<&mut Vec<Peers>> {
        match self {
            Self::Partition(sides) => sides.iter_mut().collect(),
            Self::Isolate(links)
            | Self::Slow { links, .. }
            | Self::Lossy { links, .. }
            | Self::Throttle { links, .. } => vec![&mut links.peers],
            Self::Crash
            | Self::PowerLoss
            | Self::DiskLost
            | Self::Storage(_)
            | Self::Restart
            | Self::RollingRestart(_)
            | Self::Pause
            | Self::Reset
            | Self::Clock(_)
            | Self::SlowFollower(_)
            | Self::Leave
            | Self::Join
            | Self::FailOver
            | Self::Hold(_)
            | Self::Administer(_) => Vec::new(),
        }
    }
}

impl FaultKind {
    /// Whether only a moment says whom it is about.
    #[must_use]
    pub fn is_of_moment(&self) -> bool {
        !self.its().is_empty()
    }

    /// Whom it is about that only a moment knows.
    #[must_use]
    pub fn its(&self) -> Vec<Its> {
        let of = |target| if let Target::Its(its) = target { Some(its) } else { None };
        let mut action = self.action.clone();
        let peers = action.peers_mut().into_iter().flatten();
        let peers =
            peers.filter_map(|one| if let Peers::One(one) = one { Some(*one) } else { None });
        peers.chain([self.target]).filter_map(of).collect()
    }
}
