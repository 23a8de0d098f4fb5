//! The builder of partition changes: every election is made here (Kafka: `PartitionChangeBuilder`,
//! KIP-966). It knows neither brokers nor the log, only one partition and who is acceptable.

use crate::metadata::PartitionRegistration;
use crate::variant::{Variant, Variants};
use ackproof_types::BrokerId;

/// How a leader is chosen (R5.19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Election {
    /// Keep the leader if it is valid, else the first valid replica.
    Online,
    /// As [`Election::Online`], and if none is valid the first acceptable replica, whatever its log.
    Unclean,
    /// The first replica if it is valid.
    Preferred,
}

/// A partition after a change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Change {
    /// Its new state.
    pub(super) state: PartitionRegistration,
    /// The leader came from outside the in-sync set (R5.21).
    pub(super) unclean: bool,
}

/// What an election goes by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    pub(super) variants: Variants,
    /// With eligible leader replicas: so many must be in sync (R5.25).
    pub(super) min_isr: Option<usize>,
    /// R17.3.
    pub(super) last_leader_lives: bool,
    /// This broker comes back from an unclean shutdown (R17.5).
    pub(super) unclean_restart: Option<BrokerId>,
}

/// The change that `target_isr` brings about; none if nothing changes. `acceptable` says who is
/// registered, unfenced and not shutting down (R5.18).
pub(super) fn change(
    old: &PartitionRegistration,
    target_isr: &[BrokerId],
    election: Election,
    rules: Rules,
    acceptable: impl Fn(BrokerId) -> bool,
) -> Option<Change> {
    reassign(old, target_isr, Assignment::of(old), election, rules, acceptable)
}

/// As [`change`], with other replicas.
pub(super) fn reassign(
    before: &PartitionRegistration,
    target_isr: &[BrokerId],
    assignment: Assignment,
    election: Election,
    rules: Rules,
    acceptable: impl Fn(BrokerId) -> bool,
) -> Option<Change> {
    let early = rules.variants.has(Variant::ReassignmentEndsEarly);
    let (assignment, target_isr) = assignment.completed(target_isr, early);
    let target_isr = &target_isr[..];
    // Leaders are chosen, and sets ordered, by the replicas that there will be.
    let old = &PartitionRegistration {
        replicas: assignment.replicas.clone(),
        adding: assignment.adding.clone(),
        removing: assignment.removing.clone(),
        ..before.clone()
    };
    let variants = rules.variants;
    let anyone = variants.has(Variant::ElectionIgnoresIsr);
    let mut elr = eligible(old, target_isr, rules);
    let counts =
        |one: BrokerId| target_isr.contains(&one) || target_isr.is_empty() && elr.contains(&one);
    let clean = elect(old, election, |broker| (anyone || counts(broker)) && acceptable(broker));
    let lives = |last: &BrokerId| !rules.last_leader_lives || acceptable(*last);
    let nobody = rules.min_isr.is_some() && target_isr.is_empty() && elr.is_empty();
    let last = old.last_leader.filter(|last| nobody && lives(last));
    let dirty = match election {
        _ if clean.is_some() => None,
        Election::Unclean => {
            last.or_else(|| old.replicas.iter().copied().find(|replica| acceptable(*replica)))
        }
        Election::Online | Election::Preferred => last,
    };
    let leader = clean.or(dirty);
    let isr = match leader {
        // R5.21: the unclean leader is alone. R17.2: so is an eligible one.
        Some(leader) if dirty.is_some() || rules.min_isr.is_some() && target_isr.is_empty() => {
            vec![leader]
        }
        // R5.20: an in-sync set is never written empty, R17.4: unless replicas are eligible.
        _ if target_isr.is_empty() && rules.min_isr.is_none() => old.isr.clone(),
        _ => in_order_of(&old.replicas, target_isr),
    };
    elr.retain(|one| dirty.is_none() && !isr.contains(one));
    let last_leader = match leader {
        Some(_) => None,
        None if isr.is_empty() && !old.isr.is_empty() => old.leader.or(old.last_leader),
        None => old.last_leader,
    };
    let is_assigned_anew = assignment != Assignment::of(before);
    if !is_assigned_anew
        && (leader, &isr, &elr, last_leader) == (old.leader, &old.isr, &old.elr, old.last_leader)
    {
        return None;
    }
    // R5.24: every change raises the partition epoch, a change of the leader also the leader epoch, and so does
    // one that takes replicas away (R3.12).
    let shrinks = before.replicas.iter().any(|one| !assignment.replicas.contains(one));
    let raised = shrinks || leader != old.leader && !variants.has(Variant::LeaderChangeKeepsEpoch);
    let leader_epoch = if raised { old.leader_epoch.next() } else { old.leader_epoch };
    Some(Change {
        state: PartitionRegistration {
            replicas: old.replicas.clone(),
            isr,
            elr,
            last_leader,
            leader,
            leader_epoch,
            partition_epoch: old.partition_epoch.next(),
            recovering: old.recovering || dirty.is_some(),
            adding: assignment.adding,
            removing: assignment.removing,
        },
        unclean: dirty.is_some(),
    })
}

/// The replicas of a partition, and which of them come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) replicas: Vec<BrokerId>,
    pub(super) adding: Vec<BrokerId>,
    pub(super) removing: Vec<BrokerId>,
}

impl Assignment {
    pub(super) fn of(state: &PartitionRegistration) -> Self {
        let (replicas, adding) = (state.replicas.clone(), state.adding.clone());
        Self { replicas, adding, removing: state.removing.clone() }
    }

    /// What takes `state` to the replicas `target` (Kafka: `PartitionReassignmentReplicas`). What is under way goes
    /// on where this one says nothing of it, as in Kafka (`changePartitionReassignment`).
    pub(super) fn towards(state: &PartitionRegistration, target: &[BrokerId]) -> Self {
        let without = |all: &[BrokerId], others: &[BrokerId]| {
            let mut left: Vec<BrokerId> =
                all.iter().copied().filter(|one| !others.contains(one)).collect();
            left.sort_unstable();
            left
        };
        let removing = without(&state.replicas, target);
        let adding = without(target, &state.replicas);
        let or = |new: Vec<BrokerId>, old: &[BrokerId]| {
            if new.is_empty() { old.to_vec() } else { new }
        };
        Self {
            replicas: target.iter().chain(&removing).copied().collect(),
            adding: or(adding, &state.adding),
            removing: or(removing, &state.removing),
        }
    }

    /// The reassignment is over if all that stay are in `isr`: those that go leave both.
    fn completed(self, isr: &[BrokerId], early: bool) -> (Self, Vec<BrokerId>) {
        let stay = |all: &[BrokerId]| -> Vec<BrokerId> {
            all.iter().copied().filter(|one| !self.removing.contains(one)).collect()
        };
        let (replicas, mut left) = (stay(&self.replicas), stay(isr));
        if early && left.is_empty() {
            left.extend(replicas.first());
        }
        let under_way = !self.adding.is_empty() || !self.removing.is_empty();
        let over = !left.is_empty()
            && !replicas.is_empty()
            && (early || replicas.iter().all(|one| left.contains(one)));
        if under_way && over {
            (Self { replicas, adding: Vec::new(), removing: Vec::new() }, left)
        } else {
            (self, isr.to_vec())
        }
    }
}

/// R5.25: who has all that was committed while too few are in sync. Nothing is committed then (R2.17).
pub(super) fn eligible(
    old: &PartitionRegistration,
    target_isr: &[BrokerId],
    rules: Rules,
) -> Vec<BrokerId> {
    let Some(least) = rules.min_isr else { return Vec::new() };
    let enough = target_isr.len() >= least;
    if enough && !rules.variants.has(Variant::EligibleAfterRegrow) {
        return Vec::new();
    }
    let was = |one: &BrokerId| old.elr.contains(one) || !enough && old.isr.contains(one);
    let distrusted =
        rules.unclean_restart.filter(|_| !rules.variants.has(Variant::EligibleAfterUncleanRestart));
    let is = |one: &&BrokerId| was(one) && !target_isr.contains(one) && distrusted != Some(**one);
    old.replicas.iter().filter(is).copied().collect()
}

/// `isr` in the order of `replicas`.
pub(super) fn in_order_of(replicas: &[BrokerId], isr: &[BrokerId]) -> Vec<BrokerId> {
    replicas.iter().copied().filter(|replica| isr.contains(replica)).collect()
}

/// R5.19, the clean part.
fn elect(
    old: &PartitionRegistration,
    election: Election,
    valid: impl Fn(BrokerId) -> bool,
) -> Option<BrokerId> {
    let preferred = match election {
        Election::Preferred => old.replicas.first().copied().filter(|first| valid(*first)),
        Election::Online | Election::Unclean => None,
    };
    preferred
        .or_else(|| old.leader.filter(|leader| valid(*leader)))
        .or_else(|| old.replicas.iter().copied().find(|replica| valid(*replica)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::{LeaderEpoch, PartitionEpoch};

    fn ids(ids: &[u16]) -> Vec<BrokerId> {
        ids.iter().copied().map(BrokerId).collect()
    }

    fn partition(isr: &[u16], leader: Option<u16>) -> PartitionRegistration {
        PartitionRegistration {
            replicas: ids(&[2, 3, 1]),
            isr: ids(isr),
            elr: Vec::new(),
            last_leader: None,
            leader: leader.map(BrokerId),
            leader_epoch: LeaderEpoch(4),
            partition_epoch: PartitionEpoch(9),
            recovering: false,
            adding: Vec::new(),
            removing: Vec::new(),
        }
    }

    #[test]
    fn next_in_order_of_replicas_leads() {
        let old = partition(&[2, 3, 1], Some(2));
        let change =
            change(&old, &ids(&[1, 3]), Election::Online, Rules::default(), |b| b != BrokerId(2))
                .unwrap();
        assert_eq!(change.state.leader, Some(BrokerId(3)), "3 comes before 1");
        assert_eq!(change.state.isr, ids(&[3, 1]), "in the order of the replicas");
        assert_eq!(change.state.leader_epoch, LeaderEpoch(5), "a new leader");
        assert_eq!(change.state.partition_epoch, PartitionEpoch(10), "a change");
    }

    #[test]
    fn last_member_stays_in_sync_without_leading() {
        let old = partition(&[2], Some(2));
        let change =
            change(&old, &[], Election::Online, Rules::default(), |b| b != BrokerId(2)).unwrap();
        assert_eq!((change.state.leader, &change.state.isr), (None, &ids(&[2])), "R5.20");
        assert_eq!(change.state.leader_epoch, LeaderEpoch(5), "none is a new leader too");
    }

    #[test]
    fn unclean_takes_first_acceptable_alone() {
        let old = partition(&[2], Some(2));
        let change =
            change(&old, &[], Election::Unclean, Rules::default(), |b| b == BrokerId(1)).unwrap();
        assert_eq!((change.state.leader, &change.state.isr), (Some(BrokerId(1)), &ids(&[1])));
        assert!(change.unclean && change.state.recovering, "R5.21");
    }

    #[test]
    fn preferred_only_from_within_the_in_sync_set() {
        let old = partition(&[3, 1], Some(3));
        assert_eq!(
            change(&old, &old.isr, Election::Preferred, Rules::default(), |_| true),
            None,
            "2 is not in sync"
        );
        let old = partition(&[2, 3, 1], Some(3));
        let change =
            change(&old, &old.isr, Election::Preferred, Rules::default(), |_| true).unwrap();
        assert_eq!(change.state.leader, Some(BrokerId(2)), "2 is preferred");
    }

    #[test]
    fn nothing_new_is_no_change() {
        let old = partition(&[2, 3], Some(2));
        assert_eq!(
            change(&old, &old.isr, Election::Online, Rules::default(), |_| true),
            None,
            "same leader, same set"
        );
    }

    fn eligible_rules(unclean_restart: Option<u16>) -> Rules {
        let unclean_restart = unclean_restart.map(BrokerId);
        Rules { min_isr: Some(2), last_leader_lives: true, unclean_restart, ..Rules::default() }
    }

    /// R5.25, R17.2 to R17.5, as Kafka 4.4.0 wrote them for a broker that was killed and came back.
    #[test]
    fn the_last_in_sync_goes_and_comes_back() {
        let old = partition(&[2, 3], Some(2));
        let rules = eligible_rules(None);
        let one = change(&old, &ids(&[2]), Election::Online, rules, |_| true).unwrap().state;
        assert_eq!((&one.isr, &one.elr, one.leader), (&ids(&[2]), &ids(&[3]), Some(BrokerId(2))));
        let gone = change(&one, &[], Election::Online, rules, |_| false).unwrap().state;
        assert_eq!((&gone.isr, &gone.elr), (&ids(&[]), &ids(&[2, 3])), "whoever left is eligible");
        assert_eq!((gone.leader, gone.last_leader), (None, Some(BrokerId(2))));
        let live = |live: u16| move |one: BrokerId| one == BrokerId(live);
        let other = change(&gone, &[], Election::Online, rules, live(3)).unwrap();
        assert_eq!((other.state.leader, other.unclean), (Some(BrokerId(3)), false));
        assert_eq!((&other.state.isr, &other.state.elr), (&ids(&[3]), &ids(&[2])));
        let unclean = |old, broker| {
            change(old, &[], Election::Online, eligible_rules(Some(broker)), |_| false)
        };
        let both = unclean(&unclean(&gone, 2).unwrap().state, 3).unwrap().state;
        assert_eq!((&both.elr, both.last_leader), (&ids(&[]), Some(BrokerId(2))));
        assert_eq!(
            change(&both, &[], Election::Online, rules, live(3)),
            None,
            "not the last leader"
        );
        let last = change(&both, &[], Election::Online, rules, live(2)).unwrap();
        assert!(last.unclean && last.state.recovering);
        assert_eq!((&last.state.isr, last.state.last_leader), (&ids(&[2]), None));
        let grown = change(&one, &ids(&[2, 3]), Election::Online, rules, |_| true).unwrap().state;
        assert_eq!(grown.elr, ids(&[]), "enough are in sync");
    }
}
