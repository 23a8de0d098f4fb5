//! What the oracle must know of a run besides its history: who took part, and what was configured.

use crate::history::Event;
use ackproof_types::{
    Acks, Awaits, BrokerId, CommitOffset, CommitStrategy, ControllerId, Covers, GroupId,
    GroupProtocol, Lane, Micros, NodeId, OffsetReset, OnRecordFailure, ProducerIndex, Roster,
    Server, SinkConfig, TopicId, TopicPartition, offsets_partition,
};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The static facts of a run.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Names of processes by [`NodeId`]: `controller`, `broker-1`, `billing-0`, `ledger-2`.
    pub nodes: Vec<String>,
    /// Which of the processes are servers.
    pub roster: Roster,
    /// The clusters beside the first one, if there are any.
    pub clusters: Vec<ClusterContext>,
    /// Topics by [`TopicId`]; index 0 is `__consumer_offsets` of the first cluster.
    pub topics: Vec<TopicContext>,
    /// Producer instances by [`ProducerIndex`].
    pub producers: Vec<ProducerContext>,
    /// Groups by [`GroupId`].
    pub groups: Vec<GroupContext>,
}

/// A cluster beside the first one. What belongs to none of these belongs to the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterContext {
    /// Its name: processes are `backup-controller`, `backup-broker-1`, ….
    pub name: String,
    /// Its controllers.
    pub controllers: Vec<ControllerId>,
    /// Its brokers.
    pub brokers: Vec<BrokerId>,
    /// Its topics.
    pub topics: Vec<TopicId>,
    /// The one of them that is its `__consumer_offsets`.
    pub offsets: TopicId,
}

/// A topic.
#[derive(Clone, Debug)]
pub struct TopicContext {
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub partitions: u16,
    /// Replicas of each.
    pub replication_factor: u16,
    /// `min.insync.replicas`, and no more than there are replicas (R4.2).
    pub min_insync_replicas: u16,
    /// `unclean.leader.election.enable`.
    pub unclean_leader_election: bool,
    /// `cleanup.policy` says `compact`: of each key the newest record stays.
    pub compacted: bool,
}

/// A producer instance.
#[derive(Clone, Debug)]
pub struct ProducerContext {
    /// Its process.
    pub node: NodeId,
    /// `billing-0`.
    pub name: String,
    /// Where it writes.
    pub topic: TopicId,
    /// `acks`.
    pub acks: Acks,
    /// `enable.idempotence`.
    pub idempotent: bool,
    /// The order of sends is promised: idempotent, or one request in flight.
    pub ordered: bool,
    /// What it gives up by.
    pub limits: ProducerLimits,
}

/// What a producer gives up by; none: not on record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProducerLimits {
    /// `retries`.
    pub retries: Option<u32>,
    /// `delivery.timeout.ms`.
    pub delivery_timeout: Option<Micros>,
    /// `max.block.ms`.
    pub max_block: Option<Micros>,
    /// `producer.id.expiration.ms` of the brokers, if a retry may come later than that; none: it cannot.
    pub id_expiration: Option<Micros>,
}

/// A consumer group.
#[derive(Clone, Debug)]
pub struct GroupContext {
    /// Its name.
    pub name: String,
    /// What it subscribes to.
    pub topics: Vec<TopicId>,
    /// `group.protocol`; another word where members follow different ones.
    pub protocol: Word<GroupProtocol>,
    /// When it commits.
    pub commit: Word<CommitStrategy>,
    /// `auto.offset.reset`.
    pub reset: Word<OffsetReset>,
    /// How long after the work a commit is due: `auto.commit.interval.ms`, or nothing where the
    /// application commits itself. None: whether all commits are on record is not known.
    pub commit_interval: Option<Micros>,
    /// What its members write to; none: it is not on record.
    pub sink: Option<SinkConfig>,
    /// What else its application does with its consumer.
    pub consuming: ConsumingContext,
    /// What its application sends on.
    pub outputs: OutputsContext,
    /// What it is beside a group of consumers.
    pub part: GroupPart,
}

/// What a group is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupPart {
    /// A group of consumers.
    #[default]
    Application,
    /// A mirror: its results are copies of what it reads.
    Mirror,
    /// It stands for this group in another cluster, to which a mirror copies what that one reads.
    StandsFor(GroupId),
    /// Clients that no model speaks for: they may go at any time.
    Outside {
        /// What they were done with is told; else it shows by their commits alone.
        told: bool,
    },
}

/// What an application sends on; none: nothing, or it is not on record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputsContext {
    /// A record for each that it has processed.
    pub results: Option<OutputContext>,
    /// A record for each that it puts aside.
    pub dead_letters: Option<OutputContext>,
}

/// Where it sends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputContext {
    /// The topic.
    pub topic: TopicId,
    /// Whether the application waits for what it sends.
    pub awaits: Awaits,
}

impl OutputsContext {
    /// Those of a kind.
    #[must_use]
    pub const fn of(&self, lane: Lane) -> Option<OutputContext> {
        match lane {
            Lane::Results => self.results,
            Lane::DeadLetters => self.dead_letters,
        }
    }

    /// Whether it sends something on.
    #[must_use]
    pub const fn are_there(&self) -> bool {
        self.results.is_some() || self.dead_letters.is_some()
    }
}

impl GroupContext {
    /// Whether what it makes of records are copies of them.
    #[must_use]
    pub fn is_mirror(&self) -> bool {
        self.part == GroupPart::Mirror
    }

    /// Whether its members are clients that no model speaks for.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        matches!(self.part, GroupPart::Outside { .. })
    }

    /// Whether its commits alone say what it has processed.
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        self.part == GroupPart::Outside { told: false }
    }

    /// Whether work may stay uncommitted for good, and no commit of it is due.
    #[must_use]
    pub fn leaves_a_tail(&self) -> bool {
        self.commit == Word::Known(CommitStrategy::Never)
            || self.consuming.commit_every.is_some()
            || self.consuming.commit_offset == CommitOffset::Last
    }
}

/// What an application does with its consumer, as far as a cause names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsumingContext {
    /// Its workers, and what its commits cover of their work; none: the poll loop processes.
    pub covers: Option<Covers>,
    /// It commits once so many records are finished.
    pub commit_every: Option<u32>,
    /// Which offset it commits.
    pub commit_offset: CommitOffset,
    /// What it does with a record whose attempts have all failed.
    pub on_failure: OnRecordFailure,
}

/// A setting, to which a history from outside may give any word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word<T> {
    /// One that is known.
    Known(T),
    /// Another word.
    Other(String),
}

impl<T: FromStr> From<&str> for Word<T> {
    fn from(word: &str) -> Self {
        word.parse().map_or_else(|_| Self::Other(word.to_owned()), Self::Known)
    }
}

impl<T: fmt::Display> fmt::Display for Word<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(one) => one.fmt(f),
            Self::Other(word) => f.write_str(word),
        }
    }
}

/// The processes of a history: one that stands for the controllers, then brokers 1, 2, …
#[must_use]
pub fn servers(brokers: u16) -> Roster {
    let brokers = (1..=brokers).map(|id| Server::Broker(BrokerId(id)));
    let controller = Server::Controller(ControllerId(0));
    Roster::of(std::iter::once(controller).chain(brokers).map(Some))
}

impl Context {
    /// Settings of a topic were altered: the smallest minimum that was, and whether unclean elections ever
    /// were allowed, say what can have happened. No minimum counts more replicas than a partition has.
    pub(crate) fn loosen(&mut self, event: &Event) {
        if let Event::ReplicasChanged { partition, replicas, .. } = event {
            let known = &mut self.topics[partition.topic.index()];
            let count = u16::try_from(replicas.len()).unwrap_or(u16::MAX);
            known.min_insync_replicas = known.min_insync_replicas.min(count);
        }
        let Event::TopicAltered { topic, min_insync_replicas, unclean_leader_election } = event
        else {
            return;
        };
        let known = &mut self.topics[topic.index()];
        known.min_insync_replicas = known.min_insync_replicas.min(*min_insync_replicas);
        known.unclean_leader_election |= *unclean_leader_election;
    }

    /// Settings of a topic were altered: they are these from here on.
    pub fn alter(&mut self, event: &Event) {
        let Event::TopicAltered { topic, min_insync_replicas, unclean_leader_election } = event
        else {
            return;
        };
        let known = &mut self.topics[topic.index()];
        known.min_insync_replicas = (*min_insync_replicas).min(known.replication_factor);
        known.unclean_leader_election = *unclean_leader_election;
    }

    /// Whether all members of the group follow the classic protocol.
    #[must_use]
    pub fn is_classic(&self, group: GroupId) -> bool {
        self.groups[group.index()].protocol == Word::Known(GroupProtocol::Classic)
    }

    /// `payments`; `payments@2` for the second topic of this name.
    #[must_use]
    pub fn topic(&self, topic: TopicId) -> Cow<'_, str> {
        let name = &self.topics[topic.index()].name;
        match topic.life() {
            0 => name.into(),
            before => format!("{name}@{}", before + 1).into(),
        }
    }

    /// `payments-0`.
    #[must_use]
    pub fn partition(&self, partition: TopicPartition) -> String {
        format!("{}-{}", self.topic(partition.topic), partition.partition)
    }

    /// The process of a broker.
    ///
    /// # Panics
    /// If the run has no such broker: a history that names one is refused.
    #[must_use]
    pub fn process(&self, broker: BrokerId) -> NodeId {
        self.roster.node(Server::Broker(broker)).expect("a history names brokers of its header")
    }

    /// The name of a broker's process.
    ///
    /// # Panics
    /// As [`Self::process`].
    #[must_use]
    pub fn broker_name(&self, broker: BrokerId) -> &str {
        self.node(self.process(broker))
    }

    /// The broker that a process is; none for others.
    #[must_use]
    pub fn broker(&self, node: NodeId) -> Option<BrokerId> {
        match self.roster.server(node)? {
            Server::Broker(broker) => Some(broker),
            Server::Controller(_) => None,
        }
    }

    /// The process that stands for the controllers in a history: what they decide happens there.
    ///
    /// # Panics
    /// If the run has no controller.
    #[must_use]
    pub fn controller(&self) -> NodeId {
        let first = self.roster.controllers().next().map(Server::Controller);
        first.and_then(|server| self.roster.node(server)).expect("a cluster has a controller")
    }

    /// The first controller of the cluster that a controller is of: what they decide is on record there.
    #[must_use]
    pub fn first_controller(&self, node: NodeId) -> NodeId {
        let first = match self.roster.server(node) {
            Some(Server::Controller(id)) => {
                let home = self.clusters.iter().find(|one| one.controllers.contains(&id));
                home.and_then(|one| one.controllers.first().copied())
            }
            Some(Server::Broker(_)) | None => None,
        };
        let first = first.and_then(|id| self.roster.node(Server::Controller(id)));
        first.unwrap_or_else(|| self.controller())
    }

    /// How many controllers the first cluster has.
    #[must_use]
    pub fn controllers(&self) -> usize {
        let others: usize = self.clusters.iter().map(|cluster| cluster.controllers.len()).sum();
        self.roster.controllers().count() - others
    }

    /// The name of a process.
    #[must_use]
    pub fn node(&self, node: NodeId) -> &str {
        &self.nodes[node.index()]
    }

    /// The group for which this one stands in another cluster.
    #[must_use]
    pub fn stands_for(&self, group: GroupId) -> Option<GroupId> {
        match self.groups[group.index()].part {
            GroupPart::StandsFor(other) => Some(other),
            GroupPart::Application | GroupPart::Mirror | GroupPart::Outside { .. } => None,
        }
    }

    /// Whether a commit of `group` at this process is what a mirror has translated for it.
    #[must_use]
    pub fn translates(&self, node: NodeId, group: GroupId) -> bool {
        self.stands_for(group).is_some() && self.is_of_a_mirror(node)
    }

    /// Whether a process is a mirror's.
    #[must_use]
    fn is_of_a_mirror(&self, node: NodeId) -> bool {
        let mut mirrors = self.groups.iter().filter(|group| group.is_mirror());
        mirrors.any(|group| {
            let writes = group.outputs.results.map(|one| one.topic);
            self.producers.iter().any(|one| one.node == node && Some(one.topic) == writes)
        })
    }

    /// The name of a group.
    #[must_use]
    pub fn group(&self, group: GroupId) -> &str {
        &self.groups[group.index()].name
    }

    /// The cluster of a topic; none: the first one.
    #[must_use]
    pub fn cluster(&self, topic: TopicId) -> Option<&ClusterContext> {
        self.clusters.iter().find(|cluster| cluster.topics.contains(&topic))
    }

    /// The topic that keeps the offsets of a group, `__consumer_offsets` of its cluster.
    #[must_use]
    pub fn offsets_topic(&self, group: GroupId) -> TopicId {
        let group = &self.groups[group.index()];
        // A mirror keeps how far it has come where it writes.
        let writes = group.outputs.results.filter(|_| group.is_mirror()).map(|one| one.topic);
        let first = writes.or_else(|| group.topics.first().copied());
        let cluster = first.and_then(|topic| self.cluster(topic));
        cluster.map_or(TopicId::CONSUMER_OFFSETS, |cluster| cluster.offsets)
    }

    /// Whether a topic is the `__consumer_offsets` of some cluster.
    #[must_use]
    pub fn keeps_offsets(&self, topic: TopicId) -> bool {
        topic == TopicId::CONSUMER_OFFSETS
            || self.clusters.iter().any(|cluster| cluster.offsets == topic)
    }

    /// The partition of `__consumer_offsets` that keeps a group (R9.1).
    #[must_use]
    pub fn home(&self, group: GroupId) -> TopicPartition {
        let topic = self.offsets_topic(group);
        let partitions = self.topics[topic.index()].partitions.max(1);
        TopicPartition::new(topic, offsets_partition(self.group(group), partitions))
    }

    /// How many brokers the cluster of a topic has.
    #[must_use]
    pub fn brokers_beside(&self, topic: TopicId) -> usize {
        let others: usize = self.clusters.iter().map(|cluster| cluster.brokers.len()).sum();
        let all = self.roster.brokers().count();
        self.cluster(topic).map_or_else(|| all - others, |cluster| cluster.brokers.len())
    }

    /// `billing-0#117`.
    #[must_use]
    pub fn record(&self, record: ackproof_types::RecordId) -> String {
        format!("{}#{}", self.producer(record.producer).name, record.number)
    }

    /// A producer instance.
    #[must_use]
    pub fn producer(&self, producer: ProducerIndex) -> &ProducerContext {
        &self.producers[producer.index()]
    }
}
