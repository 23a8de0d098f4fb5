//! Uniform for members that subscribe to different topics (Kafka:
//! `UniformHeterogeneousAssignmentBuilder`). Members keep their part of the last target, free partitions
//! go to whoever has least, and then topics are balanced one after the other.

use super::super::{PartitionCounts, Shares, exists};
use super::Members;
use super::balancer::Balancer;
use ackproof_types::{TopicId, TopicPartition};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Kafka: `MAX_ITERATION_COUNT`.
const MAX_ROUNDS: usize = 16;

pub(super) fn assign(members: &Members<'_>, counts: &PartitionCounts) -> Shares {
    let mut builder = Builder::new(members, counts);
    builder.keep(members, counts);
    builder.deal_out();
    builder.balance();
    let mut shares: Vec<Vec<TopicPartition>> = vec![Vec::new(); members.len()];
    for (topic, state) in builder.topics {
        for (partition, owner) in (0..).zip(state.owners) {
            if let Some(owner) = owner {
                shares[owner].push(TopicPartition::new(topic, partition));
            }
        }
    }
    members.keys().copied().zip(shares).collect()
}

/// A topic; members stand here as their index in the order of ids.
#[derive(Debug)]
struct Topic {
    subscribers: Vec<usize>,
    /// By partition.
    owners: Vec<Option<usize>>,
}

#[derive(Debug)]
struct Builder {
    topics: BTreeMap<TopicId, Topic>,
    /// How many partitions each member has, over all topics.
    sizes: Vec<usize>,
}

impl Builder {
    fn new(members: &Members<'_>, counts: &PartitionCounts) -> Self {
        let topic = |(topic, count): (&TopicId, &u16)| {
            let subscribers = members
                .values()
                .enumerate()
                .filter(|(_, member)| member.topics.contains(topic))
                .map(|(index, _)| index)
                .collect();
            (*topic, Topic { subscribers, owners: vec![None; usize::from(*count)] })
        };
        Self { topics: counts.iter().map(topic).collect(), sizes: vec![0; members.len()] }
    }

    /// Kafka: `maybeRevokePartitions`.
    fn keep(&mut self, members: &Members<'_>, counts: &PartitionCounts) {
        for (index, member) in members.values().enumerate() {
            let read = |partition: &&TopicPartition| member.topics.contains(&partition.topic);
            for partition in member.target.iter().filter(read) {
                if exists(counts, *partition) {
                    self.give(partition.topic, usize::from(partition.partition), index);
                }
            }
        }
    }

    /// Topics with many partitions per subscriber first, then those with few subscribers (Kafka:
    /// `topicComparator`, with quotients of floats).
    fn in_order(&self) -> Vec<TopicId> {
        let mut topics: Vec<(&TopicId, &Topic)> = self.topics.iter().collect();
        topics.sort_by(|(_, one), (_, other)| {
            let (count, subscribers) = (one.owners.len(), one.subscribers.len());
            let (other_count, other_subscribers) = (other.owners.len(), other.subscribers.len());
            let per_subscriber = Reverse(count * other_subscribers);
            per_subscriber
                .cmp(&Reverse(other_count * subscribers))
                .then(subscribers.cmp(&other_subscribers))
        });
        topics.into_iter().map(|(topic, _)| *topic).collect()
    }

    /// Gives the partition to the member and takes it from whoever has it.
    fn give(&mut self, topic: TopicId, partition: usize, member: usize) {
        let Some(owner) = self.topics.get_mut(&topic).and_then(|t| t.owners.get_mut(partition))
        else {
            return;
        };
        if let Some(before) = owner.replace(member) {
            self.sizes[before] -= 1;
        }
        self.sizes[member] += 1;
    }

    /// Kafka: `assignRemainingPartitions`.
    fn deal_out(&mut self) {
        for topic in self.in_order() {
            let Some(Topic { subscribers, owners }) = self.topics.get(&topic) else { continue };
            let mut balancer = Balancer::new(subscribers, &self.sizes);
            let free: Vec<usize> =
                (0..owners.len()).filter(|partition| owners[*partition].is_none()).collect();
            for partition in free {
                if let Some(member) = balancer.next_least_loaded(&self.sizes) {
                    self.give(topic, partition, member);
                }
            }
        }
    }

    /// Balances topic by topic until a whole round moves nothing (Kafka: `balanceTopics`).
    fn balance(&mut self) {
        let can_move =
            |topic: &TopicId| self.topics.get(topic).is_some_and(|t| t.subscribers.len() >= 2);
        let topics: Vec<TopicId> = self.in_order().into_iter().filter(can_move).collect();
        for _ in 0..MAX_ROUNDS {
            let mut moved = false;
            for topic in &topics {
                moved |= self.balance_topic(*topic);
            }
            if !moved {
                return;
            }
        }
    }

    /// Moves partitions from those who have most to those who have least. Returns whether it moved any.
    fn balance_topic(&mut self, topic: TopicId) -> bool {
        let Some(Topic { subscribers, owners }) = self.topics.get(&topic) else { return false };
        let mut balancer = Balancer::new(subscribers, &self.sizes);
        if balancer.imbalance(&self.sizes) <= 1 {
            return false;
        }
        let mut to_give: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (partition, owner) in owners.iter().enumerate() {
            if let Some(owner) = owner {
                to_give.entry(*owner).or_default().push(partition);
            }
        }
        let mut moved = false;
        while let Some(most) = balancer.next_most_loaded(&self.sizes) {
            let Some(partition) = to_give.get_mut(&most).and_then(Vec::pop) else {
                balancer.exclude_most_loaded();
                continue;
            };
            let least = balancer.next_least_loaded(&self.sizes);
            let Some(least) = least.filter(|_| !balancer.is_balanced()) else { break };
            self.give(topic, partition, least);
            moved = true;
        }
        moved
    }
}
