//! The builder of partition changes: every election is made here (Kafka: `PartitionChangeBuilder`,
//! ELR off). It knows neither brokers nor the log, only one partition and who is acceptable.

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

/// The change that `target_isr` brings about; none if nothing changes. `acceptable` says who is
/// registered, unfenced and not shutting down (R5.18).
pub(super) fn change(
    old: &PartitionRegistration,
    target_isr: &[BrokerId],
    election: Election,
    variants: Variants,
    acceptable: impl Fn(BrokerId) -> bool,
) -> Option<Change> {
    let anyone = variants.has(Variant::ElectionIgnoresIsr);
    let valid = |broker: BrokerId| (anyone || target_isr.contains(&broker)) && acceptable(broker);
    let clean = elect(old, election, valid);
    let dirty = match election {
        Election::Unclean if clean.is_none() => {
            old.replicas.iter().copied().find(|replica| acceptable(*replica))
        }
        Election::Unclean | Election::Online | Election::Preferred => None,
    };
    let leader = clean.or(dirty);
    let isr = match dirty {
        // R5.21: the unclean leader is alone.
        Some(leader) => vec![leader],
        // R5.20: an in-sync set is never written empty.
        None if target_isr.is_empty() => old.isr.clone(),
        None => in_order_of(&old.replicas, target_isr),
    };
    if leader == old.leader && isr == old.isr {
        return None;
    }
    // R5.24: every change raises the partition epoch, a change of the leader also the leader epoch.
    let raised = leader != old.leader && !variants.has(Variant::LeaderChangeKeepsEpoch);
    let leader_epoch = if raised { old.leader_epoch.next() } else { old.leader_epoch };
    Some(Change {
        state: PartitionRegistration {
            replicas: old.replicas.clone(),
            isr,
            leader,
            leader_epoch,
            partition_epoch: old.partition_epoch.next(),
            recovering: old.recovering || dirty.is_some(),
        },
        unclean: dirty.is_some(),
    })
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
            leader: leader.map(BrokerId),
            leader_epoch: LeaderEpoch(4),
            partition_epoch: PartitionEpoch(9),
            recovering: false,
        }
    }

    #[test]
    fn next_in_order_of_replicas_leads() {
        let old = partition(&[2, 3, 1], Some(2));
        let change = change(&old, &ids(&[1, 3]), Election::Online, Variants::default(), |b| {
            b != BrokerId(2)
        })
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
            change(&old, &[], Election::Online, Variants::default(), |b| b != BrokerId(2)).unwrap();
        assert_eq!((change.state.leader, &change.state.isr), (None, &ids(&[2])), "R5.20");
        assert_eq!(change.state.leader_epoch, LeaderEpoch(5), "none is a new leader too");
    }

    #[test]
    fn unclean_takes_first_acceptable_alone() {
        let old = partition(&[2], Some(2));
        let change =
            change(&old, &[], Election::Unclean, Variants::default(), |b| b == BrokerId(1))
                .unwrap();
        assert_eq!((change.state.leader, &change.state.isr), (Some(BrokerId(1)), &ids(&[1])));
        assert!(change.unclean && change.state.recovering, "R5.21");
    }

    #[test]
    fn preferred_only_from_within_the_in_sync_set() {
        let old = partition(&[3, 1], Some(3));
        assert_eq!(
            change(&old, &old.isr, Election::Preferred, Variants::default(), |_| true),
            None,
            "2 is not in sync"
        );
        let old = partition(&[2, 3, 1], Some(3));
        let change =
            change(&old, &old.isr, Election::Preferred, Variants::default(), |_| true).unwrap();
        assert_eq!(change.state.leader, Some(BrokerId(2)), "2 is preferred");
    }

    #[test]
    fn nothing_new_is_no_change() {
        let old = partition(&[2, 3], Some(2));
        assert_eq!(
            change(&old, &old.isr, Election::Online, Variants::default(), |_| true),
            None,
            "same leader, same set"
        );
    }
}
