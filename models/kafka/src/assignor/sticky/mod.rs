//! The sticky assignment: balanced, and members keep what they can (R9.28; Kafka:
//! `AbstractStickyAssignor`). This file settles who owned what; the builders decide who gets what.
//!
//! - [`constrained`] all members subscribe to the same topics · [`general`] they do not
//! - [`movements`] what the general builder has moved so far

mod constrained;
mod general;
mod movements;

use super::{PartitionCounts, Shares, Subscriber, exists};
use ackproof_types::{GenerationId, MemberId, TopicId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

const UNKNOWN: GenerationId = GenerationId::UNKNOWN;

/// What a member claims to own (Kafka: `MemberData`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub(super) partitions: &'a [TopicPartition],
    pub(super) generation: GenerationId,
}

/// Where an assignor finds the claim of a member.
pub(super) type ClaimOf = for<'a> fn(&'a Subscriber) -> Claim<'a>;

/// The claim of `sticky`: an eager member owns nothing when it joins, so its user data tells (Kafka:
/// `StickyAssignor#memberData`).
pub(super) fn remembered(member: &Subscriber) -> Claim<'_> {
    match &member.user_data {
        Some(data) => Claim { partitions: &data.partitions, generation: data.generation },
        None => Claim { partitions: &[], generation: UNKNOWN },
    }
}

/// What a builder made.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) shares: Shares,
    /// What changes hands, with its next owner; the general builder does not know it.
    pub(super) transferring: Option<BTreeMap<TopicPartition, MemberId>>,
}

/// Shares out all partitions.
pub(super) fn assign(
    members: &[Subscriber],
    claim_of: ClaimOf,
    counts: &PartitionCounts,
) -> Outcome {
    if members.is_empty() {
        return Outcome { shares: Shares::new(), transferring: None };
    }
    // Kafka walks them in hash order.
    let members: BTreeMap<MemberId, &Subscriber> =
        members.iter().map(|member| (member.id, member)).collect();
    let claims = Claims::settle(&members, claim_of, counts);
    if all_subscribe_to_the_same(&members) {
        constrained::build(counts, claims)
    } else {
        let shares = general::build(&members, claim_of, counts, claims.owned);
        Outcome { shares, transferring: None }
    }
}

/// Who may go on with what.
#[derive(Debug)]
struct Claims {
    owned: Shares,
    /// Claimed twice in one generation, so that nobody is believed.
    doubly_claimed: BTreeSet<TopicPartition>,
}

impl Claims {
    /// Of two claims the one of the newer generation counts (Kafka: `allSubscriptionsEqual`).
    fn settle(
        members: &BTreeMap<MemberId, &Subscriber>,
        claim_of: ClaimOf,
        counts: &PartitionCounts,
    ) -> Self {
        let mut owned = Shares::new();
        let mut doubly_claimed = BTreeSet::new();
        let mut owners: BTreeMap<TopicPartition, MemberId> = BTreeMap::new();
        for (member, subscriber) in members {
            owned.insert(*member, Vec::new());
            let claim = claim_of(subscriber);
            for partition in claim.partitions.iter().filter(|p| exists(counts, **p)) {
                if let Some(other) = owners.get(partition).copied() {
                    // Kafka takes it from the subscription, even where the claim is user data.
                    let generation = members.get(&other).map_or(UNKNOWN, |other| other.generation);
                    if claim.generation < generation {
                        continue;
                    }
                    if let Some(partitions) = owned.get_mut(&other) {
                        partitions.retain(|p| p != partition);
                    }
                    if claim.generation == generation {
                        doubly_claimed.insert(*partition);
                        owners.insert(*partition, *member);
                        continue;
                    }
                }
                owners.insert(*partition, *member);
                owned.entry(*member).or_default().push(*partition);
            }
        }
        Self { owned, doubly_claimed }
    }
}

/// Kafka: `allSubscriptionsEqual`. A subscription to nothing that comes first is like any other.
fn all_subscribe_to_the_same(members: &BTreeMap<MemberId, &Subscriber>) -> bool {
    let topics =
        |member: &&Subscriber| member.topics.iter().copied().collect::<BTreeSet<TopicId>>();
    let mut subscriptions = members.values().map(topics).skip_while(BTreeSet::is_empty);
    let first = subscriptions.next();
    subscriptions.all(|subscription| Some(subscription) == first)
}
