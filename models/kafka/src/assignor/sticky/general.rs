//! Sticky for members that subscribe to different topics (Kafka: `GeneralAssignmentBuilder`). Members keep
//! what they own, free partitions go to whoever has least, and then partitions move one by one until no
//! move makes the shares more even.

use super::super::{PartitionCounts, Shares, Subscriber, partitions};
use super::ClaimOf;
use super::movements::Movements;
use ackproof_types::{GenerationId, MemberId, TopicId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn build(
    members: &BTreeMap<MemberId, &Subscriber>,
    claim_of: ClaimOf,
    counts: &PartitionCounts,
    owned: Shares,
) -> Shares {
    let mut builder = Builder::new(members, counts, owned);
    let previous = previous_owners(members, claim_of);
    let everything = builder.everything();
    let assigned: BTreeSet<_> = builder.shares.values().flatten().copied().collect();
    let free: Vec<_> = everything.iter().filter(|p| !assigned.contains(p)).copied().collect();
    builder.balance(everything, free, &previous);
    builder.shares
}

/// Who had a partition in an older generation than the newest (Kafka: `prepopulateCurrentAssignments`).
fn previous_owners(
    members: &BTreeMap<MemberId, &Subscriber>,
    claim_of: ClaimOf,
) -> BTreeMap<TopicPartition, MemberId> {
    let newest = members.values().map(|member| claim_of(member).generation).max();
    let mut previous: BTreeMap<TopicPartition, (GenerationId, MemberId)> = BTreeMap::new();
    for (id, member) in members {
        let claim = claim_of(member);
        if Some(claim.generation) == newest {
            continue;
        }
        for partition in claim.partitions {
            let known = previous.get(partition);
            if known.is_none_or(|(generation, _)| claim.generation > *generation) {
                previous.insert(*partition, (claim.generation, *id));
            }
        }
    }
    previous.into_iter().map(|(partition, (_, member))| (partition, member)).collect()
}

#[derive(Debug)]
struct Builder<'a> {
    counts: &'a PartitionCounts,
    /// Topics that have partitions, by member.
    topics: BTreeMap<MemberId, Vec<TopicId>>,
    /// Members by topic.
    readers: BTreeMap<TopicId, Vec<MemberId>>,
    /// The shares of those that take part (Kafka: `currentAssignment`).
    shares: Shares,
    owners: BTreeMap<TopicPartition, MemberId>,
    movements: Movements,
    /// A member lost a partition because it no longer subscribes to its topic.
    revocation_required: bool,
}

impl<'a> Builder<'a> {
    fn new(
        members: &BTreeMap<MemberId, &Subscriber>,
        counts: &'a PartitionCounts,
        owned: Shares,
    ) -> Self {
        let mut readers: BTreeMap<TopicId, Vec<MemberId>> = BTreeMap::new();
        let mut topics = BTreeMap::new();
        for (id, member) in members {
            let subscribed: BTreeSet<TopicId> = member.topics.iter().copied().collect();
            let subscribed: Vec<TopicId> =
                subscribed.into_iter().filter(|topic| counts.contains_key(topic)).collect();
            for topic in &subscribed {
                readers.entry(*topic).or_default().push(*id);
            }
            topics.insert(*id, subscribed);
        }
        let mut builder = Self {
            counts,
            topics,
            readers,
            shares: Shares::new(),
            owners: BTreeMap::new(),
            movements: Movements::default(),
            revocation_required: false,
        };
        for (member, mut partitions) in owned {
            let claimed = partitions.len();
            partitions.retain(|partition| builder.reads(member, partition.topic));
            builder.revocation_required |= partitions.len() < claimed;
            builder.owners.extend(partitions.iter().map(|partition| (*partition, member)));
            builder.shares.insert(member, partitions);
        }
        builder
    }

    fn reads(&self, member: MemberId, topic: TopicId) -> bool {
        self.topics.get(&member).is_some_and(|topics| topics.contains(&topic))
    }

    /// All partitions, those of topics with few readers first.
    fn everything(&self) -> Vec<TopicPartition> {
        let mut topics: Vec<TopicId> = self.counts.keys().copied().collect();
        topics.sort_by_key(|topic| (self.readers_of(*topic).len(), *topic));
        topics.into_iter().flat_map(|topic| partitions(topic, self.count(topic))).collect()
    }

    fn readers_of(&self, topic: TopicId) -> &[MemberId] {
        self.readers.get(&topic).map_or(&[], Vec::as_slice)
    }

    fn count(&self, topic: TopicId) -> u16 {
        self.counts.get(&topic).copied().unwrap_or(0)
    }

    /// How many partitions the member has; `None` if it does not take part.
    fn size(&self, member: MemberId) -> Option<usize> {
        self.shares.get(&member).map(Vec::len)
    }

    /// Those that take part, the one with least first (Kafka: `sortedCurrentSubscriptions`).
    fn by_size(&self) -> Vec<MemberId> {
        let mut members: Vec<(usize, MemberId)> =
            self.shares.iter().map(|(member, share)| (share.len(), *member)).collect();
        members.sort_unstable();
        members.into_iter().map(|(_, member)| member).collect()
    }

    /// Whoever reads the topic and has least.
    fn least_loaded(&self, topic: TopicId) -> Option<MemberId> {
        self.by_size().into_iter().find(|member| self.reads(*member, topic))
    }

    /// Kafka: `balance`.
    fn balance(
        &mut self,
        mut everything: Vec<TopicPartition>,
        mut free: Vec<TopicPartition>,
        previous: &BTreeMap<TopicPartition, MemberId>,
    ) {
        let initializing = self.shares.values().all(Vec::is_empty);
        for partition in &free {
            if let Some(member) = self.least_loaded(partition.topic) {
                self.shares.entry(member).or_default().push(*partition);
                self.owners.insert(*partition, member);
            }
        }
        everything.retain(|partition| self.can_move(partition.topic));
        free.retain(|partition| self.can_move(partition.topic));
        let mut fixed = Shares::new();
        for member in self.by_size() {
            if !self.can_change(member)
                && let Some(share) = self.shares.remove(&member)
            {
                fixed.insert(member, share);
            }
        }
        let before = self.shares.clone();
        // What is new moves first, unless something must be revoked anyway.
        if !self.revocation_required {
            self.reassign(&free, previous);
        }
        let reassigned = self.reassign(&everything, previous);
        if !initializing && reassigned && unevenness(&self.shares) >= unevenness(&before) {
            self.shares = before;
        }
        self.shares.append(&mut fixed);
    }

    /// Kafka: `canTopicParticipateInReassignment`.
    fn can_move(&self, topic: TopicId) -> bool {
        self.readers_of(topic).len() >= 2
    }

    /// Kafka: `canConsumerParticipateInReassignment`.
    fn can_change(&self, member: MemberId) -> bool {
        let share = self.shares.get(&member).map_or(&[][..], Vec::as_slice);
        share.len() < self.most(member)
            || share.iter().any(|partition| self.can_move(partition.topic))
    }

    /// How many partitions the member could get at most.
    fn most(&self, member: MemberId) -> usize {
        let topics = self.topics.get(&member).into_iter().flatten();
        topics.map(|topic| usize::from(self.count(*topic))).sum()
    }

    /// Moves partitions until nothing is gained by it. Returns whether any was moved (Kafka:
    /// `performReassignments`).
    fn reassign(
        &mut self,
        candidates: &[TopicPartition],
        previous: &BTreeMap<TopicPartition, MemberId>,
    ) -> bool {
        let mut moved = false;
        loop {
            let mut modified = false;
            for partition in candidates {
                if self.is_balanced() {
                    break;
                }
                if let Some(member) = self.better(*partition, previous) {
                    self.reassign_to(*partition, member);
                    modified = true;
                }
            }
            if !modified {
                return moved;
            }
            moved = true;
        }
    }

    /// Who should rather have the partition: its owner of an older generation, or whoever has least of
    /// those that read the topic. Kafka fails if the older owner does not take part; here it is passed
    /// over. Kafka does not ask whether it still reads the topic, and neither does this.
    fn better(
        &self,
        partition: TopicPartition,
        previous: &BTreeMap<TopicPartition, MemberId>,
    ) -> Option<MemberId> {
        let size = self.size(*self.owners.get(&partition)?)?;
        let gains = |member: MemberId| self.size(member).is_some_and(|other| size > other + 1);
        let older = previous.get(&partition).copied();
        if let Some(older) = older.filter(|older| gains(*older)) {
            return Some(older);
        }
        let readers = self.readers_of(partition.topic);
        readers.iter().any(|reader| gains(*reader)).then(|| self.least_loaded(partition.topic))?
    }

    /// Kafka: `reassignPartition`, `processPartitionMovement`.
    fn reassign_to(&mut self, partition: TopicPartition, to: MemberId) {
        let Some(owner) = self.owners.get(&partition) else { return };
        let partition = self.movements.actual(partition, *owner, to);
        let Some(from) = self.owners.insert(partition, to) else { return };
        self.movements.record(partition, from, to);
        if let Some(share) = self.shares.get_mut(&from) {
            share.retain(|other| *other != partition);
        }
        self.shares.entry(to).or_default().push(partition);
    }

    /// Nobody could take a partition from someone who has at least two more (Kafka: `isBalanced`).
    fn is_balanced(&self) -> bool {
        let sizes = || self.shares.values().map(Vec::len);
        let (Some(least), Some(most)) = (sizes().min(), sizes().max()) else { return true };
        if least + 1 >= most {
            return true;
        }
        let owners: BTreeMap<TopicPartition, usize> = self
            .shares
            .values()
            .flat_map(|share| share.iter().map(|partition| (*partition, share.len())))
            .collect();
        self.shares.iter().all(|(member, share)| {
            let topics = self.topics.get(member).into_iter().flatten();
            let mut wanted = topics.flat_map(|topic| partitions(*topic, self.count(*topic)));
            share.len() == self.most(*member)
                || wanted.all(|partition| {
                    let owner = owners.get(&partition).copied().unwrap_or(0);
                    share.contains(&partition) || share.len() + 1 >= owner
                })
        })
    }
}

/// The differences in size of all pairs of shares, summed up (Kafka: `getBalanceScore`).
fn unevenness(shares: &Shares) -> usize {
    let sizes: Vec<usize> = shares.values().map(Vec::len).collect();
    let pairs = sizes
        .iter()
        .enumerate()
        .flat_map(|(index, size)| sizes[index + 1..].iter().map(|other| size.abs_diff(*other)));
    pairs.sum()
}
