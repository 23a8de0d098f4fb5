//! How one member comes nearer to its target (Kafka: `CurrentAssignmentBuilder`; R9.32, R9.33). A pure
//! function of what is known of the member and of which partitions are free.
//!
//! A member first gives up what it is not to keep, in its old epoch, and says so. Then it goes to the epoch
//! of the target at once and gets what is free; the rest it gets as others give it up. It waits for nobody
//! else (R9.34).

use crate::message::{CurrentAssignment, MemberState};
use ackproof_types::{MemberEpoch, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// Where a member is to arrive.
pub(super) struct Goal<'a> {
    /// The epoch of the target.
    pub(super) epoch: MemberEpoch,
    /// Its partitions.
    pub(super) partitions: &'a BTreeSet<TopicPartition>,
    /// It has partitions of topics that it no longer subscribes to, and need not wait for a new target to
    /// give them up (R17.59).
    pub(super) has_unsubscribed: bool,
}

/// The next assignment of a member that is at `now` and says that it owns `owned`; as before if it can get
/// no further.
pub(super) fn reconcile(
    now: &CurrentAssignment,
    goal: &Goal<'_>,
    owned: Option<&[TopicPartition]>,
    is_free: impl Fn(TopicPartition) -> bool,
) -> CurrentAssignment {
    match now.state {
        MemberState::Stable if now.epoch == goal.epoch && !goal.has_unsubscribed => now.clone(),
        MemberState::UnrevokedPartitions if still_owns(owned, &now.revoking) => now.clone(),
        MemberState::Stable | MemberState::UnreleasedPartitions => {
            next(now, now.epoch, goal, owned, is_free)
        }
        // It gave up what it had to: that is an epoch of its own, should more follow.
        MemberState::UnrevokedPartitions => {
            next(now, now.epoch.next().min(goal.epoch), goal, owned, is_free)
        }
    }
}

/// Who does not say what it owns may own everything.
fn still_owns(
    owned: Option<&[TopicPartition]>,
    revoking: &BTreeMap<TopicPartition, MemberEpoch>,
) -> bool {
    owned.is_none_or(|owned| owned.iter().any(|partition| revoking.contains_key(partition)))
}

fn next(
    now: &CurrentAssignment,
    epoch: MemberEpoch,
    goal: &Goal<'_>,
    owned: Option<&[TopicPartition]>,
    is_free: impl Fn(TopicPartition) -> bool,
) -> CurrentAssignment {
    let parts = now.assigned.iter().map(|(partition, since)| (*partition, *since));
    let (mut assigned, revoking): (BTreeMap<_, _>, BTreeMap<_, _>) =
        parts.partition(|(partition, _)| goal.partitions.contains(partition));
    let previous = now.epoch;
    if !revoking.is_empty() && still_owns(owned, &revoking) {
        let state = MemberState::UnrevokedPartitions;
        return CurrentAssignment { epoch, previous, state, assigned, revoking };
    }
    let missing =
        goal.partitions.iter().copied().filter(|partition| !assigned.contains_key(partition));
    let (free, unreleased): (Vec<TopicPartition>, Vec<TopicPartition>) =
        missing.partition(|partition| is_free(*partition));
    let state =
        if unreleased.is_empty() { MemberState::Stable } else { MemberState::UnreleasedPartitions };
    assigned.extend(free.into_iter().map(|partition| (partition, goal.epoch)));
    CurrentAssignment { epoch: goal.epoch, previous, state, assigned, revoking: BTreeMap::new() }
}
