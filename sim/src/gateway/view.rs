//! What an operator sees of the cluster at this moment. It looks, and changes nothing.

use super::claims::Claims;
use crate::world::lives::World;
use ackproof_scenario::plan::Plan;
use ackproof_types::{BrokerId, ClusterId, GroupId, Offset, TopicId, TopicPartition};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that there is to see.
pub(super) struct View<'a> {
    pub(super) world: &'a World,
    /// The plan, with those outside as they are called by now.
    pub(super) plan: &'a Plan,
    pub(super) claims: &'a Claims,
    /// What groups subscribe to.
    pub(super) subscribed: &'a BTreeMap<u16, BTreeSet<TopicId>>,
}

impl View<'_> {
    /// `orders-0`.
    fn name(&self, partition: TopicPartition) -> String {
        format!("{}-{}", self.plan.topics[partition.topic.index()].name, partition.partition)
    }

    fn partitions(&self, topic: TopicId) -> impl Iterator<Item = TopicPartition> + '_ {
        let leaders = self.world.kernel.recorder.leaders();
        let all = (0..u16::MAX).map(move |number| TopicPartition::new(topic, number));
        all.take_while(move |one| leaders.sight(*one).is_some())
    }

    pub(super) fn leader(&self, partition: TopicPartition) -> Option<BrokerId> {
        self.world.kernel.recorder.leaders().sight(partition)?.0
    }

    pub(super) fn in_sync(&self, partition: TopicPartition) -> usize {
        let leaders = self.world.kernel.recorder.leaders();
        leaders.sight(partition).map_or(0, |(_, _, in_sync)| in_sync.len())
    }

    pub(super) fn is_up(&self, broker: BrokerId) -> bool {
        let node = self.world.kernel.recorder.leaders().process(broker);
        self.world.is_ready(node) && !self.world.is_paused(node)
    }

    pub(super) fn log_end(&self, partition: TopicPartition) -> Offset {
        let sights = self.world.kernel.recorder.sights.as_ref();
        sights.and_then(|all| all.ends.get(&partition)).copied().unwrap_or(Offset(0))
    }

    fn high_watermark(&self, partition: TopicPartition) -> Offset {
        let sights = self.world.kernel.recorder.sights.as_ref();
        sights.and_then(|all| all.high_watermarks.get(&partition)).copied().unwrap_or(Offset(0))
    }

    fn committed(&self, group: GroupId, partition: TopicPartition) -> Option<Offset> {
        let sights = self.world.kernel.recorder.sights.as_ref()?;
        sights.committed.get(&(group, partition)).copied()
    }

    /// The group that is called so by now.
    pub(super) fn group(&self, name: &str) -> Option<GroupId> {
        self.groups().find(|group| self.plan.group_name(group.0) == name)
    }

    fn groups(&self) -> impl Iterator<Item = GroupId> + use<> {
        let all = self.plan.groups.len() + self.plan.outsiders.groups.len();
        (0..u16::try_from(all).unwrap_or(u16::MAX)).map(GroupId)
    }

    pub(super) fn members(&self, group: GroupId) -> u16 {
        let sights = self.world.kernel.recorder.sights.as_ref();
        sights.and_then(|all| all.groups.get(&group)).map_or(0, |(_, members)| *members)
    }

    /// What a group has not committed of what it could read, over all partitions of what it subscribes to.
    pub(super) fn lag(&self, group: GroupId) -> Option<u64> {
        let topics = self.subscribed.get(&group.0)?;
        let behind = |partition| {
            let done = self.committed(group, partition).map_or(0, |offset| offset.0);
            u64::try_from(self.high_watermark(partition).0 - done).unwrap_or(0)
        };
        Some(topics.iter().flat_map(|topic| self.partitions(*topic)).map(behind).sum())
    }

    /// All of it.
    pub(super) fn state(&self) -> Value {
        let brokers: Map<String, Value> = self
            .plan
            .brokers_of(ClusterId::FIRST)
            .map(|id| (self.plan.broker_name(id), json!({ "up": self.is_up(BrokerId(id)) })))
            .collect();
        let topics = self.plan.user_topics().map(|(id, _)| id);
        let partitions: Map<String, Value> = topics
            .flat_map(|topic| self.partitions(topic).collect::<Vec<_>>())
            .map(|one| (self.name(one), self.partition(one)))
            .collect();
        let groups: Map<String, Value> = self
            .groups()
            .filter_map(|group| {
                Some((self.plan.group_name(group.0).to_owned(), self.group_state(group)?))
            })
            .collect();
        json!({
            "at_us": self.world.now(),
            "brokers": brokers,
            "partitions": partitions,
            "groups": groups,
            "clients": self.plan.outsiders.clients,
        })
    }

    fn partition(&self, partition: TopicPartition) -> Value {
        let name = |id: &BrokerId| self.plan.broker_name(id.0);
        let sight = self.world.kernel.recorder.leaders().sight(partition);
        let (leader, replicas, in_sync) = sight.unwrap_or_default();
        json!({
            "leader": leader.as_ref().map(name),
            "replicas": replicas.iter().map(name).collect::<Vec<_>>(),
            "in_sync": in_sync.iter().map(name).collect::<Vec<_>>(),
            "log_end": self.log_end(partition).0,
            "high_watermark": self.high_watermark(partition).0,
        })
    }

    /// None: nothing is known of it.
    fn group_state(&self, group: GroupId) -> Option<Value> {
        let sights = self.world.kernel.recorder.sights.as_ref()?;
        let generation = sights.groups.get(&group).map(|(generation, _)| generation.0);
        let lag = self.lag(group);
        if generation.is_none() && lag.is_none() {
            return None;
        }
        let recorder = &self.world.kernel.recorder;
        let coordinator = self.leader(recorder.offsets_partition(group.0));
        let committed = sights.committed.range((group, TopicPartition::new(TopicId(0), 0))..);
        let committed: Map<String, Value> = committed
            .take_while(|((of, _), _)| *of == group)
            .map(|((_, partition), offset)| (self.name(*partition), offset.0.into()))
            .collect();
        let members = self.members(group);
        let assigned = self.claims.assigned(group).filter(|_| members > 0);
        let assigned: Map<String, Value> = assigned
            .map(|(client, all)| {
                let name = self.plan.outsiders.clients.get(usize::from(client));
                let all: Vec<String> = all.iter().map(|one| self.name(*one)).collect();
                (name.cloned().unwrap_or_default(), all.into())
            })
            .collect();
        Some(json!({
            "coordinator": coordinator.map(|id| self.plan.broker_name(id.0)),
            "generation": generation,
            "members": members,
            "assigned": assigned,
            "committed": committed,
            "lag": lag,
        }))
    }
}
