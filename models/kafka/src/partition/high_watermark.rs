//! When a leader may advance the high watermark.
//!
//! Turns log ends into a decision. Knows nothing of requests, timers or disks. Kafka:
//! `Partition#maybeIncrementLeaderHW` (R2.17, KIP-966's strict minimum).

use ackproof_types::Offset;

/// How a remote replica relates to the in-sync set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// In the maximal in-sync set: committed, or being added.
    InSync,
    /// Outside, caught up, and allowed to join (R2.19).
    Joinable,
    /// Outside, and lagging or not allowed to join.
    Outside,
}

/// The outcome of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Advance {
    /// It becomes this, more than before.
    To(Offset),
    /// Fewer committed in-sync replicas than the minimum.
    BelowMinInSync,
    /// Some replica that counts has not moved past the current value.
    Unchanged,
}

/// Decides the next high watermark; never lowers it. `remotes` are log end and standing of the other
/// replicas; an unknown log end is −1 and holds everything back (R2.18).
pub fn advance(
    current: Offset,
    leader_end: Offset,
    remotes: impl Iterator<Item = (Offset, Standing)>,
    min_in_sync_met: bool,
) -> Advance {
    if !min_in_sync_met {
        return Advance::BelowMinInSync;
    }
    let next = remotes
        .filter(|(_, standing)| match standing {
            // Without waiting for the joinable, the leader's end would run ahead of a replica that
            // tries to come back, and it would never qualify.
            Standing::InSync | Standing::Joinable => true,
            Standing::Outside => false,
        })
        .map(|(end, _)| end)
        .fold(leader_end, Offset::min);
    if next > current { Advance::To(next) } else { Advance::Unchanged }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(current: i64, leader: i64, remotes: &[(i64, Standing)], met: bool) -> Advance {
        let remotes = remotes.iter().map(|(end, standing)| (Offset(*end), *standing));
        advance(Offset(current), Offset(leader), remotes, met)
    }

    #[test]
    fn waits_for_the_slowest_replica_in_sync() {
        use Standing::{InSync, Outside};
        assert_eq!(decide(5, 9, &[(7, InSync), (6, InSync)], true), Advance::To(Offset(6)));
        assert_eq!(decide(5, 9, &[(7, InSync), (2, Outside)], true), Advance::To(Offset(7)));
    }

    #[test]
    fn replica_about_to_join_holds_it_back() {
        assert_eq!(decide(5, 9, &[(6, Standing::Joinable)], true), Advance::To(Offset(6)));
    }

    #[test]
    fn unknown_log_end_of_a_new_leadership_holds_it_back() {
        assert_eq!(decide(5, 9, &[(-1, Standing::InSync)], true), Advance::Unchanged);
    }

    #[test]
    fn stands_still_below_min_in_sync() {
        assert_eq!(decide(5, 9, &[], false), Advance::BelowMinInSync);
    }
}
