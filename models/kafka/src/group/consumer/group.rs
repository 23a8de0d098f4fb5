//! What is known of a consumer group: nothing but its records, folded (Kafka: `ConsumerGroup`). It knows no
//! requests and no journal.

use crate::config::ClusterConfig;
use crate::message::{ConsumerGroupRecord, ConsumerMember, CurrentAssignment};
use crate::variant::Variant;
use ackproof_types::{MemberEpoch, MemberId, TopicId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A consumer group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in super::super) struct Group {
    /// Raised with every member that comes or goes and every new subscription.
    pub(in super::super) epoch: MemberEpoch,
    /// The epoch that the target assignment was made for.
    pub(in super::super) target_epoch: MemberEpoch,
    /// What its members said of themselves.
    pub(in super::super) members: BTreeMap<MemberId, ConsumerMember>,
    /// What each is to have in the end.
    pub(in super::super) target: BTreeMap<MemberId, Arc<[TopicPartition]>>,
    /// What each has.
    pub(in super::super) current: BTreeMap<MemberId, CurrentAssignment>,
    /// The last target is younger than `group.consumer.assignment.interval.ms` (R17.59). No record tells.
    pub(super) resting: bool,
    /// Members with the classic protocol that were told to join again, and have time to. No record tells.
    pub(super) rejoining: BTreeSet<MemberId>,
}

impl Group {
    /// Takes a record over; the one that takes it back.
    pub(in super::super) fn apply(&mut self, record: &ConsumerGroupRecord) -> ConsumerGroupRecord {
        use ConsumerGroupRecord as Record;
        match record {
            Record::Epoch(epoch) => {
                let before = std::mem::replace(&mut self.epoch, epoch.unwrap_or_default());
                Record::Epoch(Some(before))
            }
            Record::TargetEpoch(epoch) => {
                let before = std::mem::replace(&mut self.target_epoch, epoch.unwrap_or_default());
                Record::TargetEpoch(Some(before))
            }
            Record::Member(id, member) => {
                Record::Member(*id, put(&mut self.members, *id, member.as_ref()))
            }
            Record::Target(id, target) => {
                Record::Target(*id, put(&mut self.target, *id, target.as_ref()))
            }
            Record::Current(id, current) => {
                Record::Current(*id, put(&mut self.current, *id, current.as_ref()))
            }
        }
    }

    /// What the member has; nothing if it has just joined.
    pub(super) fn current(&self, id: MemberId) -> CurrentAssignment {
        self.current.get(&id).cloned().unwrap_or_default()
    }

    /// The member that has this instance id now.
    pub(super) fn static_member(&self, instance: u16) -> Option<MemberId> {
        let mut members = self.members.iter();
        members.find(|(_, member)| member.instance == Some(instance)).map(|(id, _)| *id)
    }

    /// Whether a member subscribes to the topic (R9.37; `ModernGroup#isSubscribedToTopic`).
    pub(in super::super) fn is_subscribed(&self, topic: TopicId) -> bool {
        self.members.values().any(|member| member.topics.contains(&topic))
    }

    /// Whether nobody has the partition, and nobody is still to give it up (R9.33).
    pub(in super::super) fn is_free(&self, partition: TopicPartition) -> bool {
        let has = |current: &CurrentAssignment| {
            current.assigned.contains_key(&partition) || current.revoking.contains_key(&partition)
        };
        !self.current.values().any(has)
    }

    /// No record tells whether a target is fresh, so a later coordinator does not know.
    #[cfg(test)]
    pub(in super::super) fn rest_like(&mut self, other: &Self) {
        self.resting = other.resting;
        self.rejoining = other.rejoining.clone();
    }

    /// What holds of a group between any two steps.
    pub(in super::super) fn check(&self, config: &ClusterConfig, counts: &[u16]) {
        self.check_members();
        self.check_epochs();
        if !config.variants.has(Variant::UnreleasedGranted) {
            self.check_owners();
        }
        self.check_target(counts);
    }

    /// R9.29, R9.30: whoever has or is to have something is a member, and no two have one instance id.
    fn check_members(&self) {
        let is_member = |id: &MemberId| self.members.contains_key(id);
        assert!(self.target.keys().all(is_member), "a target of nobody: {self:?}");
        assert!(self.current.keys().eq(self.members.keys()), "each has a current assignment");
        let instances: Vec<u16> = self.members.values().filter_map(|one| one.instance).collect();
        let distinct: BTreeSet<u16> = instances.iter().copied().collect();
        assert_eq!(instances.len(), distinct.len(), "two with one instance id");
    }

    /// R9.31, R9.32: members follow the target, and the target follows the group.
    fn check_epochs(&self) {
        assert!(self.target_epoch <= self.epoch, "{} after {}", self.target_epoch, self.epoch);
        for (id, current) in &self.current {
            assert!(current.epoch <= self.target_epoch, "{id:?}: {current:?}");
            let is_away = current.epoch == MemberEpoch::LEAVE_STATIC;
            assert!(is_away || current.epoch >= MemberEpoch::JOIN, "{id:?}: {current:?}");
            assert!(!is_away || current.revoking.is_empty(), "{id:?} is away: {current:?}");
        }
    }

    /// R9.33: nobody gets a partition that another one has or is still to give up.
    fn check_owners(&self) {
        let mut owners = BTreeMap::new();
        for (id, current) in &self.current {
            for partition in current.assigned.keys().chain(current.revoking.keys()) {
                let other = owners.insert(*partition, *id);
                assert_eq!(other, None, "{partition:?} of {id:?} too");
            }
        }
    }

    /// Partitions of the topics that somebody subscribes to, if `count` says how many a topic has.
    fn wanted(&self, count: impl Fn(TopicId) -> u16) -> BTreeSet<TopicPartition> {
        let topics = self.members.values().flat_map(|it| it.topics.iter().copied());
        let topics: BTreeSet<TopicId> = topics.collect();
        let all = |topic| (0..count(topic)).map(move |at| TopicPartition::new(topic, at));
        topics.into_iter().flat_map(all).collect()
    }

    /// Whether the target was made when a topic had fewer partitions, or was there (R9.31). Kafka keeps what it was made of
    /// (`ConsumerGroup#subscriptionMetadata`); here the target itself tells.
    pub(super) fn is_outgrown(&self, count: impl Fn(TopicId) -> u16) -> bool {
        let given: usize = self.target.values().map(|share| share.len()).sum();
        self.epoch == self.target_epoch && given != self.wanted(count).len()
    }

    /// R9.31: a target that is up to date gives each partition that subscribed topics had when it was made to
    /// one member, be the topic deleted since.
    fn check_target(&self, counts: &[u16]) {
        let given: Vec<TopicPartition> = self.target.values().flat_map(|it| it.to_vec()).collect();
        let distinct: BTreeSet<TopicPartition> = given.iter().copied().collect();
        assert_eq!(given.len(), distinct.len(), "a partition in two targets: {:?}", self.target);
        if self.epoch == self.target_epoch {
            let had = |topic: TopicId| {
                let last = distinct.iter().rev().find(|one| one.topic == topic);
                let now = counts.get(topic.index()).copied().unwrap_or(0);
                last.map_or(now.min(1), |last| last.partition.saturating_add(1)).min(now)
            };
            let is_there = |one: &TopicPartition| {
                counts.get(one.topic.index()).is_some_and(|count| *count > 0)
            };
            let distinct: BTreeSet<TopicPartition> =
                distinct.iter().copied().filter(is_there).collect();
            assert_eq!(distinct, self.wanted(had), "not the whole: {:?}", self.target);
        }
    }
}

fn put<T: Clone>(map: &mut BTreeMap<MemberId, T>, id: MemberId, value: Option<&T>) -> Option<T> {
    match value {
        Some(value) => map.insert(id, value.clone()),
        None => map.remove(&id),
    }
}
