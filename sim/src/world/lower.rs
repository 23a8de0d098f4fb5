//! From a plan to the configuration of machines and the context of the oracle.
//!
//! The one place that knows Kafka's keys on one side and the models' fields on the other.

use ackproof_kafka::assignor::{Assignor, ServerAssignor};
use ackproof_kafka::config::{
    ApplicationConfig, BrokerSettings, ClusterConfig, ConsumerConfig, ProducerConfig, TopicConfig,
};
use ackproof_kafka::message::OffsetSpec;
use ackproof_kafka::profile::{Profile, Rule};
use ackproof_kafka::reader::ReaderConfig;
use ackproof_kafka::variant::{Variant, Variants};
use ackproof_oracle::context::{
    Context, GroupContext, ProducerContext, ProducerLimits, TopicContext, Word,
};
use ackproof_scenario::plan::{Group, Plan, Producer, Settings, Topic};
use ackproof_scenario::{entity, stream};
use ackproof_types::{
    Acks, BrokerId, ControllerId, Delay, GroupId, GroupProtocol, Micros, NodeId, OffsetReset,
    ProducerIndex, Roster, Server, TopicId, TopicPartition,
};
use rand::RngExt;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a process of the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A controller.
    Controller(ControllerId),
    /// A broker.
    Broker(BrokerId),
    /// Instance of a producer: index in the plan, instance, index among all instances.
    Producer(u16, u16, ProducerIndex),
    /// Member of a group: index in the plan, member.
    Member(u16, u16),
    /// A member that only a `join` fault starts.
    Spare(u16, u16),
    /// The final reader.
    Reader,
}

/// All processes of a run by [`NodeId`].
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    pub(crate) roles: Vec<Role>,
    pub(crate) names: Vec<String>,
    pub(crate) roster: Roster,
}

/// The one controller: it stands for the quorum.
const CONTROLLER: ControllerId = ControllerId(0);

/// Members that `join` faults may add to each group.
const SPARES: u16 = 2;

impl Cast {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut cast = Self { roles: Vec::new(), names: Vec::new(), roster: Roster::default() };
        cast.add(Role::Controller(CONTROLLER), "controller".to_owned());
        for broker in (1..=plan.brokers).map(BrokerId) {
            cast.add(Role::Broker(broker), broker.to_string());
        }
        let mut index = 0;
        for (number, producer) in (0..).zip(&plan.producers) {
            for instance in 0..producer.instances {
                let role = Role::Producer(number, instance, ProducerIndex(index));
                cast.add(role, format!("{}-{instance}", producer.name));
                index += 1;
            }
        }
        for (number, group) in (0..).zip(&plan.groups) {
            for member in 0..group.members {
                cast.add(Role::Member(number, member), format!("{}-{member}", group.name));
            }
        }
        for (number, group) in (0..).zip(&plan.groups) {
            for spare in group.members..group.members + SPARES {
                cast.add(Role::Spare(number, spare), format!("{}-{spare}", group.name));
            }
        }
        cast.add(Role::Reader, "final-read".to_owned());
        cast
    }

    fn add(&mut self, role: Role, name: String) {
        let node = NodeId(u16::try_from(self.roles.len()).expect("processes are numbered by u16"));
        match role {
            Role::Controller(id) => self.roster.enter(Server::Controller(id), node),
            Role::Broker(id) => self.roster.enter(Server::Broker(id), node),
            Role::Producer(..) | Role::Member(..) | Role::Spare(..) | Role::Reader => {}
        }
        self.roles.push(role);
        self.names.push(name);
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = (NodeId, Role)> + '_ {
        (0..).map(NodeId).zip(self.roles.iter().copied())
    }

    /// What names the streams of each process.
    pub(crate) fn entities(&self) -> Vec<u64> {
        self.names.iter().map(|name| entity(name)).collect()
    }

    /// The process of a broker of the plan.
    pub(crate) fn broker(&self, id: u16) -> Option<NodeId> {
        self.roster.node(Server::Broker(BrokerId(id)))
    }

    /// Where what concerns no process is on record: at the first controller.
    pub(crate) fn controller(&self) -> NodeId {
        *self.controllers().first().expect("a cluster has a controller")
    }

    /// The processes of the controllers.
    pub(crate) fn controllers(&self) -> Vec<NodeId> {
        let ids = self.roster.controllers();
        ids.filter_map(|id| self.roster.node(Server::Controller(id))).collect()
    }

    pub(crate) fn find(&self, role: Role) -> Option<NodeId> {
        self.nodes().find(|(_, other)| *other == role).map(|(node, _)| node)
    }
}

fn number<T: TryFrom<i64>>(settings: &Settings, key: &str, largest: T) -> T {
    T::try_from(settings.number(key)).unwrap_or(largest)
}

pub(crate) fn cluster(plan: &Plan, roster: &Roster) -> ClusterConfig {
    ClusterConfig {
        brokers: roster.brokers().collect(),
        controller: CONTROLLER,
        topics: plan.topics.iter().map(topic).collect(),
        consumer_offsets: TopicId::CONSUMER_OFFSETS,
        group_names: plan.groups.iter().map(|group| group.name.as_str().into()).collect(),
        broker: broker(&plan.broker_config),
        profile: profile(plan),
        variants: variants(plan),
    }
}

fn variants(plan: &Plan) -> Variants {
    let wanted = |variant: &&Variant| plan.variants.iter().any(|name| name == variant.name());
    Variant::ALL.iter().filter(wanted).copied().collect()
}

/// How long such a process takes to start again.
pub(crate) fn startup(plan: &Plan, role: Role) -> Delay {
    match role {
        Role::Controller(_) | Role::Broker(_) => plan.startup.brokers,
        Role::Producer(..) | Role::Member(..) | Role::Spare(..) | Role::Reader => {
            plan.startup.clients
        }
    }
}

fn topic(topic: &Topic) -> TopicConfig {
    let config = &topic.config;
    TopicConfig {
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        min_insync_replicas: topic.min_insync_replicas(),
        unclean_leader_election: config.switch("unclean.leader.election.enable"),
        max_message_bytes: number(config, "max.message.bytes", u32::MAX),
        segment_bytes: number(config, "segment.bytes", u64::MAX),
    }
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
        high_watermark_checkpoint_interval: config
            .millis("replica.high.watermark.checkpoint.interval.ms"),
        broker_heartbeat_interval: config.millis("broker.heartbeat.interval.ms"),
        broker_session_timeout: config.millis("broker.session.timeout.ms"),
        offsets_commit_timeout: config.millis("offsets.commit.timeout.ms"),
        offsets_retention: config.minutes("offsets.retention.minutes"),
        offsets_retention_check_interval: config.millis("offsets.retention.check.interval.ms"),
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

pub(crate) fn producer(
    plan: &Plan,
    producer: &Producer,
    (index, instance): (ProducerIndex, u16),
    (bootstrap, seed): (Arc<[BrokerId]>, u64),
) -> ProducerConfig {
    let name = format!("{}-{instance}", producer.name);
    let config = &producer.config;
    ProducerConfig {
        index,
        topic: producer.topic,
        bootstrap,
        acks: acks(config),
        enable_idempotence: config.switch("enable.idempotence"),
        retries: number(config, "retries", u32::MAX),
        max_in_flight: number(config, "max.in.flight.requests.per.connection", usize::MAX),
        linger: config.millis("linger.ms"),
        batch_size: number(config, "batch.size", u32::MAX),
        buffer_memory: number(config, "buffer.memory", u64::MAX),
        max_request_size: number(config, "max.request.size", u32::MAX),
        max_block: config.millis("max.block.ms"),
        request_timeout: config.millis("request.timeout.ms"),
        delivery_timeout: config.millis("delivery.timeout.ms"),
        retry_backoff: config.millis("retry.backoff.ms"),
        retry_backoff_max: config.millis("retry.backoff.max.ms"),
        metadata_max_age: config.millis("metadata.max.age.ms"),
        flush_waits_for_parts: profile(plan).has(Rule::FlushWaitsForParts),
        sending: producer.sending,
        salt: stream(seed, "salt", entity(&name)).random(),
        variants: variants(plan),
    }
}

fn acks(config: &Settings) -> Acks {
    config.word("acks").parse().expect("a scenario has one of Kafka's words")
}

fn group_protocol(config: &Settings) -> GroupProtocol {
    config.word("group.protocol").parse().expect("a scenario has one of Kafka's words")
}

/// The protocol of the group's members, if all follow one.
fn protocol(group: &Group) -> Word<GroupProtocol> {
    let all: BTreeSet<GroupProtocol> = group.configs().map(group_protocol).collect();
    match all.first() {
        Some(only) if all.len() == 1 => Word::Known(*only),
        _ => Word::Other("changes".to_owned()),
    }
}

fn server_assignor(name: &str) -> ServerAssignor {
    ServerAssignor::by_name(name).expect("a scenario has Kafka's names")
}

/// The assignors of the coordinator, in the order of their names.
fn server_assignors(list: &str) -> &'static [ServerAssignor] {
    use ServerAssignor::{Range, Uniform};
    let names: Vec<ServerAssignor> = list.split(',').map(server_assignor).collect();
    match names.as_slice() {
        [Range, ..] => &[Range, Uniform][..names.len()],
        _ => &[Uniform, Range][..names.len()],
    }
}

fn offset_reset(config: &Settings) -> OffsetReset {
    config.word("auto.offset.reset").parse().expect("a scenario has one of Kafka's words")
}

/// The assignors of a list of their classes.
fn assignors(list: &str) -> Arc<[Assignor]> {
    let known = |class| Assignor::by_class(class).expect("a scenario has Kafka's classes");
    list.split(',').map(known).collect()
}

/// `group.instance.id` with the number of the member: its place among all that members of the group have,
/// in the order of their text. Members that share one share a number.
fn instance(template: &str, member: u16, members: u16) -> u16 {
    let id = |number: u16| template.replace("{member}", &number.to_string());
    let mut all: Vec<String> = (0..members).map(id).collect();
    all.sort_unstable();
    all.dedup();
    let place = all.iter().position(|other| *other == id(member));
    place.and_then(|place| u16::try_from(place).ok()).unwrap_or_default()
}

pub(crate) fn consumer(
    plan: &Plan,
    config: &Settings,
    (index, member, name): (u16, u16, &str),
    (bootstrap, seed): (Arc<[BrokerId]>, u64),
) -> ConsumerConfig {
    let group = &plan.groups[usize::from(index)];
    ConsumerConfig {
        group: GroupId(index),
        group_name: group.name.as_str().into(),
        topics: group.topics.iter().copied().collect(),
        offsets_partitions: plan.topics[TopicId::CONSUMER_OFFSETS.index()].partitions,
        bootstrap,
        application: application(group, seed),
        auto_commit_interval: config.millis("auto.commit.interval.ms"),
        auto_offset_reset: match offset_reset(config) {
            OffsetReset::Earliest => Some(OffsetSpec::Earliest),
            OffsetReset::Latest => Some(OffsetSpec::Latest),
            OffsetReset::None => None,
        },
        partition_assignment_strategy: assignors(config.word("partition.assignment.strategy")),
        group_instance_id: config
            .text("group.instance.id")
            .map(|template| instance(template, member, group.members + SPARES)),
        profile: Profile { version: plan.kafka, features: plan.features },
        group_protocol: group_protocol(config),
        group_remote_assignor: config.text("group.remote.assignor").map(server_assignor),
        session_timeout: config.millis("session.timeout.ms"),
        heartbeat_interval: config.millis("heartbeat.interval.ms"),
        max_poll_interval: config.millis("max.poll.interval.ms"),
        max_poll_records: number(config, "max.poll.records", usize::MAX),
        fetch_min_bytes: number(config, "fetch.min.bytes", u32::MAX),
        fetch_max_wait: config.millis("fetch.max.wait.ms"),
        fetch_max_bytes: number(config, "fetch.max.bytes", u32::MAX),
        max_partition_fetch_bytes: number(config, "max.partition.fetch.bytes", u32::MAX),
        request_timeout: config.millis("request.timeout.ms"),
        default_api_timeout: config.millis("default.api.timeout.ms"),
        retry_backoff: config.millis("retry.backoff.ms"),
        retry_backoff_max: config.millis("retry.backoff.max.ms"),
        metadata_max_age: config.millis("metadata.max.age.ms"),
        salt: stream(seed, "salt", entity(name)).random(),
        variants: variants(plan),
    }
}

/// The configuration of the final read of all topics but the internal one.
pub(crate) fn reader(
    plan: &Plan,
    name: &str,
    (bootstrap, seed): (Arc<[BrokerId]>, u64),
) -> ReaderConfig {
    let partitions = (1..).zip(&plan.topics[1..]).flat_map(|(topic, one)| {
        (0..one.partitions).map(move |p| TopicPartition::new(TopicId(topic), p))
    });
    ReaderConfig {
        bootstrap,
        partitions: partitions.collect(),
        max_bytes: 1_048_576,
        salt: stream(seed, "salt", entity(name)).random(),
    }
}

fn application(group: &Group, seed: u64) -> ApplicationConfig {
    ApplicationConfig {
        process: group.process,
        failures_per_million: group.failures_per_million,
        attempts: group.attempts,
        // One for the group: whether an attempt fails does not depend on who makes it.
        salt: stream(seed, "failures", entity(&group.name)).random(),
        commit: group.commit,
    }
}

pub(crate) fn context(plan: &Plan, cast: &Cast) -> Context {
    let topics = plan.topics.iter().map(|topic| TopicContext {
        name: topic.name.clone(),
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        min_insync_replicas: topic.min_insync_replicas(),
        unclean_leader_election: topic.config.switch("unclean.leader.election.enable"),
    });
    let producers = cast.nodes().filter_map(|(node, role)| match role {
        Role::Producer(number, ..) => {
            let producer = &plan.producers[usize::from(number)];
            let idempotent = producer.config.switch("enable.idempotence");
            let in_flight = producer.config.number("max.in.flight.requests.per.connection");
            Some(ProducerContext {
                node,
                name: cast.names[node.index()].clone(),
                topic: producer.topic,
                acks: acks(&producer.config),
                idempotent,
                ordered: idempotent || in_flight == 1,
                limits: ProducerLimits {
                    retries: Some(self::number(&producer.config, "retries", u32::MAX)),
                    delivery_timeout: Some(producer.config.millis("delivery.timeout.ms")),
                    max_block: Some(producer.config.millis("max.block.ms")),
                },
            })
        }
        Role::Controller(_)
        | Role::Broker(_)
        | Role::Member(..)
        | Role::Spare(..)
        | Role::Reader => None,
    });
    let groups = plan.groups.iter().map(|group| GroupContext {
        name: group.name.clone(),
        topics: group.topics.clone(),
        commit: Word::Known(group.commit),
        protocol: protocol(group),
        reset: Word::Known(offset_reset(&group.config)),
        commit_interval: Some(if group.commit.is_automatic() {
            group.config.millis("auto.commit.interval.ms")
        } else {
            Micros::ZERO
        }),
    });
    Context {
        nodes: cast.names.clone(),
        roster: cast.roster.clone(),
        topics: topics.collect(),
        producers: producers.collect(),
        groups: groups.collect(),
    }
}

#[cfg(test)]
mod tests {
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
