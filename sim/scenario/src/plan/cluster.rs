//! A cluster with everything decided, and what the clusters of a plan share out: topics and numbers.

use super::{Group, Part, Plan, Settings, Startup, Topic};
use crate::capacity::{Capacity, Quotas};
use ackproof_types::{ClusterId, TopicId};

/// What the first cluster is called beside others.
pub const FIRST: &str = "primary";

/// A cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its name among the clusters of the scenario.
    pub name: String,
    /// Number of brokers, from 1.
    pub brokers: u16,
    /// Number of controllers: the voters of the quorum.
    pub controllers: u16,
    /// Each controller is one process with the broker of the same place in the order
    /// (`process.roles=broker,controller`).
    pub combined: bool,
    /// `broker.rack` of each broker, in the order of their numbers; empty: they have none.
    pub racks: Vec<String>,
    /// Broker settings by Kafka's key; every modelled key is present.
    pub config: Settings,
    /// How long a process that starts again takes until it is ready.
    pub startup: Startup,
    /// What each broker's machine can do; none: everything at once.
    pub capacity: Option<Capacity>,
    /// Bytes a second that each client may move at each broker.
    pub quotas: Quotas,
    /// Its `__consumer_offsets`.
    pub offsets: TopicId,
}

impl Plan {
    /// The first cluster, and of most plans the only one.
    #[must_use]
    pub fn main(&self) -> &Cluster {
        &self.clusters[0]
    }

    /// The cluster `id`.
    #[must_use]
    pub fn cluster(&self, id: ClusterId) -> &Cluster {
        &self.clusters[id.index()]
    }

    /// All clusters with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (ClusterId, &Cluster)> {
        (0..).map(ClusterId).zip(&self.clusters)
    }

    /// The topics that the scenario names, without those that Kafka makes for itself.
    pub fn user_topics(&self) -> impl Iterator<Item = (TopicId, &Topic)> {
        let internal = |id: &TopicId| self.clusters.iter().any(|cluster| cluster.offsets == *id);
        (0..).map(TopicId).zip(&self.topics).filter(move |(id, _)| !internal(id))
    }

    /// The cluster that a group reads from, and that keeps its offsets.
    #[must_use]
    pub fn cluster_of(&self, group: &Group) -> ClusterId {
        group.topics.first().map_or(group.at, |topic| self.topics[topic.index()].cluster)
    }

    /// The groups that the scenario names under `groups`.
    pub fn named_groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| group.is_named())
    }

    /// The group that stands in another cluster for the one of this index.
    #[must_use]
    pub fn stand_in(&self, group: u16) -> Option<u16> {
        let stands = |one: &Group| one.part == Part::StandsFor(group);
        let place = self.groups.iter().position(stands)?;
        u16::try_from(place).ok()
    }

    /// Whether a mirror copies `topic`, or makes it of another one.
    #[must_use]
    pub fn is_mirrored(&self, topic: TopicId) -> bool {
        let mut mirrors = self.groups.iter().filter(|group| group.mirror().is_some());
        mirrors.any(|one| {
            one.topics.contains(&topic) || one.produces.as_ref().is_some_and(|to| to.to == topic)
        })
    }

    /// Whether a group writes to `topic`, a mirror copies it, or makes it of another one.
    #[must_use]
    pub fn is_written_by_a_group(&self, topic: TopicId) -> bool {
        let writes = |one: &Group| {
            let outputs = [&one.produces, &one.dead_letter];
            outputs.into_iter().flatten().any(|output| output.to == topic)
        };
        self.is_mirrored(topic) || self.groups.iter().any(writes)
    }

    /// `__consumer_offsets` of the cluster `id`.
    #[must_use]
    pub fn offsets_of(&self, id: ClusterId) -> &Topic {
        &self.topics[self.cluster(id).offsets.index()]
    }

    /// The `node.id`s of the brokers of the cluster `id`: no two brokers of a run have the same.
    #[must_use]
    pub fn brokers_of(&self, id: ClusterId) -> std::ops::RangeInclusive<u16> {
        let before: u16 = self.clusters[..id.index()].iter().map(|cluster| cluster.brokers).sum();
        before + 1..=before + self.cluster(id).brokers
    }

    /// The controllers of the cluster `id`, numbered from 0: no two of a run have the same number.
    #[must_use]
    pub fn controllers_of(&self, id: ClusterId) -> std::ops::Range<u16> {
        let before = self.clusters[..id.index()].iter().map(|cluster| cluster.controllers).sum();
        before..before + self.cluster(id).controllers
    }

    /// `controller`, `controller-2` of several, or `backup-controller`.
    ///
    /// # Panics
    /// If no cluster has a controller of that number.
    #[must_use]
    pub fn controller_name(&self, controller: u16) -> String {
        let mut all = self.numbered();
        let (id, cluster) = all
            .find(|(id, _)| self.controllers_of(*id).contains(&controller))
            .expect("a controller");
        let number = controller + 1 - self.controllers_of(id).start;
        match cluster.controllers {
            1 => self.process_name(id, "controller"),
            _ => self.process_name(id, &format!("controller-{number}")),
        }
    }

    /// Where a scenario says what the cluster `id` is: `cluster`, or `clusters.backup`.
    #[must_use]
    pub fn cluster_path(&self, id: ClusterId) -> String {
        match id {
            ClusterId::FIRST => "cluster".to_owned(),
            other => format!("clusters.{}", self.cluster(other).name),
        }
    }

    /// `broker-2`, or `backup-broker-1`.
    ///
    /// # Panics
    /// If no cluster has a broker of that number.
    #[must_use]
    pub fn broker_name(&self, broker: u16) -> String {
        let mut all = self.numbered();
        let (id, _) = all.find(|(id, _)| self.brokers_of(*id).contains(&broker)).expect("a broker");
        let number = broker + 1 - self.brokers_of(id).start();
        self.process_name(id, &format!("broker-{number}"))
    }

    /// What a process of the cluster `id` is called that the first cluster calls `name`.
    #[must_use]
    pub fn process_name(&self, id: ClusterId, name: &str) -> String {
        match id {
            ClusterId::FIRST => name.to_owned(),
            other => format!("{}-{name}", self.cluster(other).name),
        }
    }
}
