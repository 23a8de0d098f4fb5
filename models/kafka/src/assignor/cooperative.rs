//! The cooperative sticky assignor (R9.25, R9.28; Kafka: `CooperativeStickyAssignor`): the sticky
//! assignment without what must first be given up by another member. The next rebalance hands it out.

use super::sticky::{self, Claim};
use super::{PartitionCounts, Shares, Subscriber};
use ackproof_types::{GenerationId, MemberId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn assign(members: &[Subscriber], counts: &PartitionCounts) -> Shares {
    let sticky::Outcome { mut shares, transferring } = sticky::assign(members, owned, counts);
    let transferring = transferring.unwrap_or_else(|| changing_hands(members, &shares));
    for (partition, member) in transferring {
        if let Some(share) = shares.get_mut(&member) {
            share.retain(|other| *other != partition);
        }
    }
    shares
}

/// What a member says it owns, in the generation in which it joined. User data counts only if that is
/// missing, and names no partitions (Kafka: `CooperativeStickyAssignor#memberData`).
fn owned(member: &Subscriber) -> Claim<'_> {
    let generation = match &member.user_data {
        Some(data) if member.generation == GenerationId::UNKNOWN => data.generation,
        Some(_) | None => member.generation,
    };
    Claim { partitions: &member.owned, generation }
}

/// Partitions that are new to their member while another member loses them (Kafka:
/// `computePartitionsTransferringOwnership`).
fn changing_hands(members: &[Subscriber], shares: &Shares) -> BTreeMap<TopicPartition, MemberId> {
    let mut added = BTreeMap::new();
    let mut revoked: BTreeSet<TopicPartition> = BTreeSet::new();
    for member in members {
        let share = shares.get(&member.id).map_or(&[][..], Vec::as_slice);
        added.extend(share.iter().filter(|p| !member.owned.contains(p)).map(|p| (*p, member.id)));
        revoked.extend(member.owned.iter().filter(|p| !share.contains(p)));
    }
    added.retain(|partition, _| revoked.contains(partition));
    added
}
