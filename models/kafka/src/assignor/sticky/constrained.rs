//! Sticky for members that all subscribe to the same topics (Kafka: `ConstrainedAssignmentBuilder`).
//! Everybody gets the lower quota or the upper one, which is one more. Members keep what they own up to
//! their quota; the rest is dealt out in turn.

use super::super::{PartitionCounts, Shares, all_partitions};
use super::{Claims, Outcome};
use ackproof_types::{MemberId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(super) fn build(counts: &PartitionCounts, claims: Claims) -> Outcome {
    let total: usize = counts.values().map(|count| usize::from(*count)).sum();
    let members = claims.owned.len();
    let mut builder = Builder {
        min_quota: total / members,
        max_quota: total.div_ceil(members),
        upper_left: total % members,
        doubly_claimed: claims.doubly_claimed,
        revoked: BTreeSet::new(),
        below: Vec::new(),
        at_min: VecDeque::new(),
        shares: claims.owned.keys().map(|member| (*member, Vec::new())).collect(),
        transferring: BTreeMap::new(),
    };
    for (member, owned) in claims.owned {
        builder.keep_owned(member, owned);
    }
    builder.deal_out(counts);
    Outcome { shares: builder.shares, transferring: Some(builder.transferring) }
}

#[derive(Debug)]
struct Builder {
    min_quota: usize,
    max_quota: usize,
    /// How many members may still get the upper quota.
    upper_left: usize,
    doubly_claimed: BTreeSet<TopicPartition>,
    /// What was over quota. Nobody gets it back: who lost something has its full share.
    revoked: BTreeSet<TopicPartition>,
    /// Members below the lower quota (Kafka: `unfilledMembersWithUnderMinQuotaPartitions`).
    below: Vec<MemberId>,
    /// Members that have the lower quota, and get one more if anything is left.
    at_min: VecDeque<MemberId>,
    shares: Shares,
    transferring: BTreeMap<TopicPartition, MemberId>,
}

impl Builder {
    /// Kafka: `assignOwnedPartitions`. Who comes first keeps the upper quota; Kafka's order is that of
    /// hashes.
    fn keep_owned(&mut self, member: MemberId, mut owned: Vec<TopicPartition>) {
        owned.retain(|partition| !self.doubly_claimed.contains(partition));
        owned.sort_unstable_by_key(|partition| (partition.partition, partition.topic));
        let keep = if owned.len() < self.min_quota {
            self.below.push(member);
            owned.len()
        } else if owned.len() >= self.max_quota && self.upper_left > 0 {
            self.upper_left -= 1;
            self.max_quota
        } else {
            self.at_min.push_back(member);
            self.min_quota
        };
        self.revoked.extend(owned.drain(keep..));
        self.shares.insert(member, owned);
    }

    /// Kafka: `assignRoundRobin`. Members below the lower quota take turns; then each of the others gets
    /// one more.
    fn deal_out(&mut self, counts: &PartitionCounts) {
        let assigned: BTreeSet<TopicPartition> = self.shares.values().flatten().copied().collect();
        let free = all_partitions(counts).filter(|partition| !assigned.contains(partition));
        let mut turn = 0;
        for partition in free {
            if turn == self.below.len() {
                turn = 0;
            }
            // The quotas add up to all partitions, so someone is left.
            let Some(member) = self.below.get(turn).copied().or_else(|| self.at_min.pop_front())
            else {
                break;
            };
            turn += usize::from(!self.below.is_empty());
            if self.give(partition, member) == self.min_quota {
                turn -= 1;
                self.below.remove(turn);
                self.at_min.push_back(member);
            }
        }
    }

    /// Kafka: `assignNewPartition`. Returns how many the member has then.
    fn give(&mut self, partition: TopicPartition, member: MemberId) -> usize {
        if self.revoked.contains(&partition) || self.doubly_claimed.contains(&partition) {
            self.transferring.insert(partition, member);
        }
        let share = self.shares.entry(member).or_default();
        share.push(partition);
        share.len()
    }
}
