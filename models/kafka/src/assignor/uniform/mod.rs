//! The uniform assignor of coordinators (R9.31; Kafka: `UniformAssignor`): balanced, and the next target
//! keeps what it can of the last one.
//!
//! - [`homogeneous`] all members subscribe to the same topics · [`heterogeneous`] they do not
//! - [`balancer`] who has least and who has most

mod balancer;
mod heterogeneous;
mod homogeneous;

use super::{GroupMember, PartitionCounts, Shares};
use ackproof_types::{MemberId, TopicId};
use std::collections::{BTreeMap, BTreeSet};

/// The members in the order in which Kafka has the hashes of their ids.
type Members<'a> = BTreeMap<MemberId, &'a GroupMember>;

pub(super) fn assign(members: &[GroupMember], counts: &PartitionCounts) -> Shares {
    let members: Members<'_> = members.iter().map(|member| (member.id, member)).collect();
    let topics =
        |member: &&GroupMember| member.topics.iter().copied().collect::<BTreeSet<TopicId>>();
    let mut subscriptions = members.values().map(topics);
    let first = subscriptions.next();
    if subscriptions.all(|subscription| Some(subscription) == first) {
        homogeneous::assign(&members, counts)
    } else {
        heterogeneous::assign(&members, counts)
    }
}
