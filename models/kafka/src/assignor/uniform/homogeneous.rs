//! Uniform for members that all subscribe to the same topics (Kafka:
//! `UniformHomogeneousAssignmentBuilder`). Members keep their part of the last target up to their quota;
//! the rest fills up one member after the other.

use super::super::{PartitionCounts, Shares, all_partitions, exists};
use super::Members;
use ackproof_types::{MemberId, TopicPartition};
use std::collections::BTreeSet;

pub(super) fn assign(members: &Members<'_>, counts: &PartitionCounts) -> Shares {
    let assigned: BTreeSet<TopicPartition> =
        members.values().flat_map(|member| member.target.iter().copied()).collect();
    let mut free: Vec<TopicPartition> =
        all_partitions(counts).filter(|partition| !assigned.contains(partition)).collect();
    let total: usize = counts.values().map(|count| usize::from(*count)).sum();
    let (each, extra) = match members.len() {
        0 => return Shares::new(),
        count => (total / count, total % count),
    };
    let mut shares = Shares::new();
    let mut unfilled: Vec<(MemberId, usize)> = Vec::new();
    // Who comes first gets one more; Kafka's order of members and topics is that of hashes.
    for (index, (id, member)) in members.iter().enumerate() {
        let quota = each + usize::from(index < extra);
        let kept: BTreeSet<TopicPartition> =
            member.target.iter().filter(|p| exists(counts, **p)).copied().collect();
        let mut share: Vec<TopicPartition> = kept.into_iter().collect();
        free.extend(share.drain(quota.min(share.len())..));
        if share.len() < quota {
            unfilled.push((*id, quota - share.len()));
        }
        shares.insert(*id, share);
    }
    let mut free = free.into_iter();
    for (member, missing) in unfilled {
        shares.entry(member).or_default().extend(free.by_ref().take(missing));
    }
    shares
}
