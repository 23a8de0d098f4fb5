//! From a plan to the configuration of machines and the context of the oracle.
//!
//! The one place that knows Kafka's keys on one side and the models' fields on the other.

mod clients;
mod context;
mod mirrors;
mod outsiders;
mod storage;
mod topics;

use super::network::Buffers;
use super::server::Limits;
use ackproof_kafka::assignor::{Assignor, ServerAssignor};
use ackproof_kafka::config::{
    ApplicationConfig, BrokerSettings, ClusterConfig, Compression, ConsumerConfig, OutputConfig,
    OutputsConfig, ProducerConfig, ReplicaSelector, ResetTo, TopicConfig,
};
use ackproof_kafka::message::Rack;
use ackproof_kafka::profile::{Profile, Rule};
use ackproof_kafka::reader::ReaderConfig;
use ackproof_kafka::variant::{Variant, Variants};
use ackproof_oracle::context::{
    ClusterContext, ConsumingContext, Context, GroupContext, GroupPart, OutputContext,
    OutputsContext, ProducerContext, ProducerLimits, TopicContext, Word,
};
use ackproof_scenario::plan::{Cluster, Group, Output, Part, Plan, Producer, Settings};
use ackproof_scenario::settings::RACK_AWARE_REPLICA_SELECTOR;
use ackproof_scenario::{entity, stream};
use ackproof_types::{
    Acks, BrokerId, ClusterId, CommitEvery, CommitOffset, CommitStrategy, ControllerId, Delay,
    GroupId, GroupProtocol, Lane, Micros, NodeId, OffsetReset, ProducerIndex, RecordId, Roster,
    Server, TopicId, TopicPartition,
};
use clients::{offset_reset, protocol, server_assignors};
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) use clients::{acks, consumer, pipeline, producer, reader};
pub(crate) use context::context;
pub(crate) use mirrors::mirror;
pub(crate) use topics::altered;

/// What a process of the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A controller of a cluster.
    Controller(ClusterId, ControllerId),
    /// A broker.
    Broker(BrokerId),
    /// Instance of a producer: index in the plan, instance, index among all instances.
    Producer(u16, u16, ProducerIndex),
    /// Member of a group: index in the plan, member.
    Member(u16, u16),
    /// A member that only a `join` fault starts.
    Spare(u16, u16),
    /// The final reader of a cluster.
    Reader(ClusterId),
    /// A client that no model speaks for, by index in the plan.
    Outsider(u16),
}

/// All processes of a run by [`NodeId`].
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    pub(crate) roles: Vec<Role>,
    pub(crate) names: Vec<String>,
    pub(crate) roster: Roster,
    /// The producers that members of groups have beside their consumers, numbered behind all others.
    pub(crate) outputs: BTreeMap<(NodeId, Lane), ProducerIndex>,
    /// The cluster that each process is of, or stands beside.
    homes: Vec<ClusterId>,
    /// Who is one process with whom: a broker and a controller, both ways.
    pub(crate) companions: BTreeMap<NodeId, NodeId>,
    /// The cluster of each topic.
    pub(crate) topics: Vec<ClusterId>,
}

/// The largest of `net.ipv4.tcp_wmem`, as Linux has it.
const SEND_MOST: u64 = 4_194_304;
/// The largest of `net.ipv4.tcp_rmem`.
const RECEIVE_MOST: u64 = 6_291_456;

/// The controllers of a cluster, ascending.
pub(crate) fn controllers(plan: &Plan, cluster: ClusterId) -> Arc<[ControllerId]> {
    plan.controllers_of(cluster).map(ControllerId).collect()
}

/// Members that `join` faults may add to each group.
const SPARES: u16 = 2;

/// Members that join a group in its course: by faults, or as many as an autoscaler asks for.
fn spares(group: &Group) -> u16 {
    if !group.is_named() {
        return 0;
    }
    let more = group.autoscale.map_or(0, |one| one.max - group.members);
    SPARES.max(more)
}

impl Cast {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut cast = Self {
            roles: Vec::new(),
            names: Vec::new(),
            roster: Roster::default(),
            outputs: BTreeMap::new(),
            homes: Vec::new(),
            companions: BTreeMap::new(),
            topics: plan.topics.iter().map(|topic| topic.cluster).collect(),
        };
        for (id, _) in plan.numbered() {
            for controller in plan.controllers_of(id) {
                let role = Role::Controller(id, ControllerId(controller));
                cast.add(role, plan.controller_name(controller), id);
            }
            for broker in plan.brokers_of(id) {
                cast.add(Role::Broker(BrokerId(broker)), plan.broker_name(broker), id);
            }
            if plan.cluster(id).combined {
                let pairs: Vec<(NodeId, NodeId)> =
                    cast.controllers_of(id).zip(cast.brokers_of(id)).collect();
                let ways = pairs.into_iter().flat_map(|(one, other)| [(one, other), (other, one)]);
                cast.companions.extend(ways);
            }
        }
        let mut index = 0;
        for (number, producer) in (0..).zip(&plan.producers) {
            for instance in 0..producer.instances {
                let role = Role::Producer(number, instance, ProducerIndex(index));
                cast.add(role, format!("{}-{instance}", producer.name), producer.at);
                index += 1;
            }
        }
        for (number, group) in (0..).zip(&plan.groups) {
            for member in 0..group.members {
                let role = Role::Member(number, member);
                cast.add(role, format!("{}-{member}", group.name), group.at);
            }
        }
        for (number, group) in (0..).zip(&plan.groups) {
            for spare in group.members..group.members + spares(group) {
                let role = Role::Spare(number, spare);
                cast.add(role, format!("{}-{spare}", group.name), group.at);
            }
        }
        for (id, _) in plan.numbered() {
            cast.add(Role::Reader(id), plan.process_name(id, "final-read"), id);
        }
        for (number, client) in (0..).zip(&plan.outsiders.clients) {
            cast.add(Role::Outsider(number), client.clone(), ClusterId::FIRST);
        }
        for (node, role) in cast.clone().nodes() {
            let (Role::Member(group, _) | Role::Spare(group, _)) = role else { continue };
            for (lane, _) in plan.groups[usize::from(group)].outputs() {
                cast.outputs.insert((node, lane), ProducerIndex(index));
                index += 1;
            }
        }
        cast
    }

    fn add(&mut self, role: Role, name: String, home: ClusterId) {
        let node = NodeId(u16::try_from(self.roles.len()).expect("processes are numbered by u16"));
        match role {
            Role::Controller(_, id) => self.roster.enter(Server::Controller(id), node),
            Role::Broker(id) => self.roster.enter(Server::Broker(id), node),
            Role::Producer(..)
            | Role::Member(..)
            | Role::Spare(..)
            | Role::Reader(_)
            | Role::Outsider(_) => {}
        }
        self.roles.push(role);
        self.names.push(name);
        self.homes.push(home);
    }

    /// The processes of a cluster and the clients beside it.
    pub(crate) fn beside(&self, cluster: ClusterId) -> Vec<NodeId> {
        let is_there = |(node, role): &(NodeId, Role)| {
            self.homes[node.index()] == cluster && !matches!(role, Role::Reader(_))
        };
        self.nodes().filter(is_there).map(|(node, _)| node).collect()
    }

    /// The name of a producer of a member: `invoicing-0.results`.
    pub(crate) fn output_name(&self, node: NodeId, lane: Lane) -> String {
        format!("{}.{}", self.names[node.index()], lane.name())
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = (NodeId, Role)> + '_ {
        (0..).map(NodeId).zip(self.roles.iter().copied())
    }

    /// What names the streams of each process. Of a client from outside that is its number: its name shows too late.
    pub(crate) fn entities(&self) -> Vec<u64> {
        let of = |(node, role): (NodeId, Role)| match role {
            Role::Outsider(number) => entity(&format!("outside client {number}")),
            _ => entity(&self.names[node.index()]),
        };
        self.nodes().map(of).collect()
    }

    /// The process of a broker of the plan.
    pub(crate) fn broker(&self, id: u16) -> Option<NodeId> {
        self.roster.node(Server::Broker(BrokerId(id)))
    }

    /// Where what concerns no process is on record: at the first controller.
    pub(crate) fn controller(&self) -> NodeId {
        self.controller_of(ClusterId::FIRST)
    }

    /// The process of the first controller of a cluster.
    pub(crate) fn controller_of(&self, cluster: ClusterId) -> NodeId {
        self.controllers_of(cluster).next().expect("a cluster has a controller")
    }

    /// The processes of the controllers of a cluster.
    pub(crate) fn controllers_of(&self, cluster: ClusterId) -> impl Iterator<Item = NodeId> + '_ {
        let is = move |role: Role| matches!(role, Role::Controller(id, _) if id == cluster);
        self.nodes().filter(move |(_, role)| is(*role)).map(|(node, _)| node)
    }

    /// The processes of the brokers of a cluster.
    pub(crate) fn brokers_of(&self, cluster: ClusterId) -> impl Iterator<Item = NodeId> + '_ {
        let brokers = self.nodes().filter(|(_, role)| matches!(role, Role::Broker(_)));
        brokers.map(|(node, _)| node).filter(move |node| self.homes[node.index()] == cluster)
    }

    /// Who is one process with `node`.
    pub(crate) fn companion(&self, node: NodeId) -> Option<NodeId> {
        self.companions.get(&node).copied()
    }

    /// The broker that a controller is one process with; anybody else is itself.
    pub(crate) fn whole(&self, node: NodeId) -> NodeId {
        match self.roles[node.index()] {
            Role::Controller(..) => self.companion(node).unwrap_or(node),
            _ => node,
        }
    }

    /// The process of a controller of the plan.
    pub(crate) fn controller_at(&self, id: u16) -> Option<NodeId> {
        self.roster.node(Server::Controller(ControllerId(id)))
    }

    /// The processes of the controllers.
    pub(crate) fn controllers(&self) -> Vec<NodeId> {
        let ids = self.roster.controllers();
        ids.filter_map(|id| self.roster.node(Server::Controller(id))).collect()
    }

    /// The readers of the logs at the end.
    pub(crate) fn readers(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes().filter(|(_, role)| matches!(role, Role::Reader(_))).map(|(node, _)| node)
    }

    pub(crate) fn find(&self, role: Role) -> Option<NodeId> {
        self.nodes().find(|(_, other)| *other == role).map(|(node, _)| node)
    }
}

fn number<T: TryFrom<i64>>(settings: &Settings, key: &str, largest: T) -> T {
    T::try_from(settings.number(key)).unwrap_or(largest)
}

/// The number under `key`; none where Kafka's default is the largest there is.
fn bound(settings: &Settings, key: &str) -> Option<u64> {
    u64::try_from(settings.number(key)).ok().filter(|number| *number < i64::MAX.unsigned_abs())
}

/// What the processes of a cluster know of it. Topics of other clusters have no partitions in it.
pub(crate) fn cluster(plan: &Plan, id: ClusterId) -> ClusterConfig {
    let cluster = plan.cluster(id);
    let brokers = || plan.brokers_of(id).map(BrokerId);
    let topics = plan.topics.iter().map(|one| match topics::topic(one) {
        here if one.cluster == id => here,
        elsewhere => TopicConfig { partitions: 0, ..elsewhere },
    });
    ClusterConfig {
        brokers: brokers().collect(),
        controllers: controllers(plan, id),
        topics: topics.collect(),
        later: plan.absent(),
        consumer_offsets: cluster.offsets,
        group_names: group_names(plan),
        racks: brokers().zip(racks(cluster)).collect(),
        broker: BrokerSettings {
            producer_byte_rate: cluster.quotas.producer,
            consumer_byte_rate: cluster.quotas.consumer,
            ..broker(&cluster.config)
        },
        profile: profile(plan),
        variants: variants(plan),
    }
}

/// Those from outside stand for names that only the run shows: where they lie does not depend on them.
fn group_names(plan: &Plan) -> Vec<Arc<str>> {
    let groups = plan.groups.iter().map(|group| group.name.as_str().into());
    let outside =
        (1..=plan.outsiders.groups.len()).map(|number| format!("outside-{number}").into());
    groups.chain(outside).collect()
}

/// The rack of each broker: the place of its name among all.
fn racks(cluster: &Cluster) -> impl Iterator<Item = Rack> + '_ {
    cluster.racks.iter().filter_map(|name| rack(cluster, name))
}

/// The rack called `name`, if a broker is in it.
fn rack(cluster: &Cluster, name: &str) -> Option<Rack> {
    let place = cluster.racks.iter().position(|known| known == name)?;
    u16::try_from(place).ok().map(Rack)
}

fn variants(plan: &Plan) -> Variants {
    let wanted = |variant: &&Variant| plan.variants.iter().any(|name| name == variant.name());
    let all: Variants = Variant::ALL.iter().filter(wanted).copied().collect();
    if plan.mended { all.mended() } else { all }
}

/// How long such a process takes to start again.
pub(crate) fn startup(plan: &Plan, role: Role) -> Delay {
    let startup = |id| plan.cluster(id).startup;
    match role {
        Role::Controller(id, _) => startup(id).brokers,
        Role::Broker(broker) => startup(home(plan, broker)).brokers,
        Role::Producer(number, ..) => startup(plan.producers[usize::from(number)].at).clients,
        Role::Member(number, _) | Role::Spare(number, _) => {
            startup(plan.groups[usize::from(number)].at).clients
        }
        Role::Reader(id) => startup(id).clients,
        Role::Outsider(_) => startup(ClusterId::FIRST).clients,
    }
}

/// The cluster of a broker.
pub(crate) fn home(plan: &Plan, broker: BrokerId) -> ClusterId {
    let mut all = plan.numbered().map(|(id, _)| id);
    all.find(|id| plan.brokers_of(*id).contains(&broker.0)).expect("a broker is in a cluster")
}

/// How many threads a broker has and what they can do; none: requests take no time.
pub(crate) fn limits(cluster: &Cluster) -> Option<Limits> {
    let config = &cluster.config;
    Some(Limits {
        capacity: cluster.capacity?,
        network_threads: number(config, "num.network.threads", usize::MAX),
        handlers: number(config, "num.io.threads", usize::MAX),
        queued_max: number(config, "queued.max.requests", usize::MAX),
    })
}

/// What the sockets of each process hold. Only of what producers send to brokers anybody asks.
pub(crate) fn buffers(plan: &Plan, cast: &Cast) -> Vec<Buffers> {
    let of = |(node, role): (NodeId, Role)| {
        let brokers = &plan.cluster(cast.homes[node.index()]).config;
        let receive = bytes(brokers, "socket.receive.buffer.bytes", RECEIVE_MOST);
        match role {
            Role::Producer(number, ..) => {
                let config = &plan.producers[usize::from(number)].config;
                Buffers { send: bytes(config, "send.buffer.bytes", SEND_MOST), receive }
            }
            Role::Controller(..)
            | Role::Broker(_)
            | Role::Member(..)
            | Role::Spare(..)
            | Role::Reader(_)
            | Role::Outsider(_) => Buffers { send: SEND_MOST, receive },
        }
    };
    cast.nodes().map(of).collect()
}

/// The size of a socket's buffer; -1 leaves it to the system, which lets it grow to `most`.
fn bytes(config: &Settings, key: &str, most: u64) -> u64 {
    u64::try_from(config.number(key)).unwrap_or(most)
}

/// `-1` closes the batch with the queue of requests (R17.55): here every step empties it.
fn append_linger(config: &Settings) -> Micros {
    let key = "group.coordinator.append.linger.ms";
    if config.number(key) < 0 { Micros::ZERO } else { config.millis(key) }
}

fn broker(config: &Settings) -> BrokerSettings {
    BrokerSettings {
        replica_lag_time_max: config.millis("replica.lag.time.max.ms"),
        replica_fetch_wait_max: config.millis("replica.fetch.wait.max.ms"),
        replica_fetch_min_bytes: number(config, "replica.fetch.min.bytes", u32::MAX),
        replica_fetch_max_bytes: number(config, "replica.fetch.max.bytes", u32::MAX),
        replica_fetch_response_max_bytes: number(
            config,
            "replica.fetch.response.max.bytes",
            u32::MAX,
        ),
        replica_fetch_backoff: config.millis("replica.fetch.backoff.ms"),
        replica_socket_timeout: config.millis("replica.socket.timeout.ms"),
        replica_selector: match config.text("replica.selector.class") {
            Some(RACK_AWARE_REPLICA_SELECTOR) => ReplicaSelector::RackAware,
            Some(_) | None => ReplicaSelector::Leader,
        },
        high_watermark_checkpoint_interval: config
            .millis("replica.high.watermark.checkpoint.interval.ms"),
        log_initial_task_delay: config.millis("log.initial.task.delay.ms"),
        log_flush_scheduler_interval: bound(config, "log.flush.scheduler.interval.ms")
            .map(Micros::from_millis),
        log_retention_check_interval: config.millis("log.retention.check.interval.ms"),
        log_cleaner_backoff: config
            .switch("log.cleaner.enable")
            .then(|| config.millis("log.cleaner.backoff.ms")),
        log_start_offset_checkpoint_interval: config
            .millis("log.flush.start.offset.checkpoint.interval.ms"),
        broker_heartbeat_interval: config.millis("broker.heartbeat.interval.ms"),
        broker_session_timeout: config.millis("broker.session.timeout.ms"),
        offsets_commit_timeout: config.millis("offsets.commit.timeout.ms"),
        offsets_retention: config.minutes("offsets.retention.minutes"),
        offsets_retention_check_interval: config.millis("offsets.retention.check.interval.ms"),
        producer_id_expiration: config.millis("producer.id.expiration.ms"),
        producer_id_expiration_check_interval: config
            .millis("producer.id.expiration.check.interval.ms"),
        producer_byte_rate: None,
        consumer_byte_rate: None,
        quota_window_num: number(config, "quota.window.num", u32::MAX),
        quota_window_size: Micros::from_secs(number(config, "quota.window.size.seconds", u64::MAX)),
        group_initial_rebalance_delay: config.millis("group.initial.rebalance.delay.ms"),
        group_min_session_timeout: config.millis("group.min.session.timeout.ms"),
        group_max_session_timeout: config.millis("group.max.session.timeout.ms"),
        group_coordinator_append_linger: append_linger(config),
        group_consumer_session_timeout: config.millis("group.consumer.session.timeout.ms"),
        group_consumer_heartbeat_interval: config.millis("group.consumer.heartbeat.interval.ms"),
        group_consumer_assignment_interval: config.millis("group.consumer.assignment.interval.ms"),
        group_consumer_assignors: server_assignors(config.word("group.consumer.assignors")),
        unclean_leader_election_interval: config.millis("unclean.leader.election.interval.ms"),
        auto_leader_rebalance: config.switch("auto.leader.rebalance.enable"),
        log_dirs: storage::log_dirs(config),
        log_dir_failure_timeout: config.millis("log.dir.failure.timeout.ms"),
        quorum: storage::quorum(config),
        leader_imbalance_check_interval: Micros::from_secs(number(
            config,
            "leader.imbalance.check.interval.seconds",
            u64::MAX,
        )),
    }
}

fn profile(plan: &Plan) -> Profile {
    Profile { version: plan.kafka, features: plan.features }
}

#[cfg(test)]
mod tests {
    use super::clients::{assignors, instance};
    use super::*;
    use ackproof_scenario::plan::SettingValue;
    use ackproof_scenario::settings::{Kind, Preset, Scope, find, of};

    #[test]
    fn a_scenario_may_name_the_assignors_that_there_are_and_no_others() {
        let setting = find(Scope::Consumer, "partition.assignment.strategy").expect("a row");
        let Kind::Words(words) = setting.kind else { panic!("{:?}", setting.kind) };
        assert!(words.iter().copied().eq(Assignor::ALL.iter().map(|one| one.class())));
        assert_eq!(*assignors(&words.join(",")), *Assignor::ALL);
    }

    #[test]
    fn instance_ids_are_ordered_as_text_and_may_be_shared() {
        let of = |template: &str| [2, 10].map(|member| instance(template, member, 11));
        assert_eq!(of("pod-{member}"), [3, 2], "pod-10 before pod-2");
        assert_eq!(of("pod"), [0, 0]);
    }

    /// The tests of the models have no table of settings: their defaults must be the table's.
    #[test]
    fn the_defaults_of_the_models_are_those_of_the_table() {
        let value = |preset| match preset {
            Preset::Number(number) => Some(SettingValue::Number(number)),
            Preset::Switch(on) => Some(SettingValue::Switch(on)),
            Preset::Word(word) => Some(SettingValue::Word(word.to_owned())),
            Preset::Unneeded => None,
        };
        let all = of(Scope::Broker).filter_map(|one| Some((one.key, value(one.default)?)));
        assert_eq!(broker(&Settings(all.collect())), BrokerSettings::default());
    }
}
