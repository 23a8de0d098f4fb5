//! Settings of clients, from the plan to what the models are configured with.

use super::*;
use ackproof_kafka::pipeline::PipelineConfig;
use ackproof_types::Sending;

/// What a producer is told to do.
struct Client<'p> {
    topic: TopicId,
    config: &'p Settings,
    compressed_to: u32,
    sending: Sending,
}

pub(crate) fn producer(
    plan: &Plan,
    producer: &Producer,
    (index, instance): (ProducerIndex, u16),
    known: (Arc<[BrokerId]>, u64),
) -> ProducerConfig {
    let Producer { topic, config, compressed_to, sending, .. } = producer;
    let (topic, compressed_to, sending) = (*topic, *compressed_to, *sending);
    let name = format!("{}-{instance}", producer.name);
    client(plan, (index, &name), &Client { topic, config, compressed_to, sending }, known)
}

fn client(
    plan: &Plan,
    (index, name): (ProducerIndex, &str),
    &Client { topic, config, compressed_to, sending }: &Client<'_>,
    (bootstrap, seed): (Arc<[BrokerId]>, u64),
) -> ProducerConfig {
    ProducerConfig {
        index,
        topic,
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
        compression: Compression(compressed_to),
        adaptive_partitioning: config.switch("partitioner.adaptive.partitioning.enable"),
        availability_timeout: config.millis("partitioner.availability.timeout.ms"),
        ignore_keys: config.switch("partitioner.ignore.keys"),
        flush_waits_for_parts: profile(plan).has(Rule::FlushWaitsForParts),
        sending,
        salt: stream(seed, "salt", entity(name)).random(),
        variants: variants(plan),
    }
}

/// The producer that the process at `node` has for what it sends on.
pub(super) fn output(
    plan: &Plan,
    (node, lane): (NodeId, Lane),
    output: &Output,
    cast: &Cast,
    known: &dyn Fn(ClusterId) -> (Arc<[BrokerId]>, u64),
) -> ProducerConfig {
    let Output { to, sending, compressed_to, config, .. } = output;
    let (topic, compressed_to, sending) = (*to, *compressed_to, *sending);
    let made = Client { topic, config, compressed_to, sending };
    let (index, name) = (cast.outputs[&(node, lane)], cast.output_name(node, lane));
    // Its topic may be in another cluster than what the process reads.
    let there = known(plan.topics[to.index()].cluster);
    client(plan, (index, &name), &made, there)
}

/// The member at `node`, whose consumer is `consumer`, with its producers.
pub(crate) fn pipeline(
    plan: &Plan,
    (group, node): (u16, NodeId),
    consumer: ConsumerConfig,
    cast: &Cast,
    known: &dyn Fn(ClusterId) -> (Arc<[BrokerId]>, u64),
) -> PipelineConfig {
    let mut pipeline = PipelineConfig { consumer, results: None, dead_letters: None };
    let application = &mut pipeline.consumer.application.outputs;
    for (lane, one) in plan.groups[usize::from(group)].outputs() {
        let producer = Some(output(plan, (node, lane), one, cast, known));
        let index = cast.outputs[&(node, lane)];
        let told = Some(OutputConfig { producer: index, awaits: one.awaits });
        match lane {
            Lane::Results => (pipeline.results, application.results) = (producer, told),
            Lane::DeadLetters => {
                (pipeline.dead_letters, application.dead_letters) = (producer, told);
            }
        }
    }
    pipeline
}

pub(crate) fn acks(config: &Settings) -> Acks {
    config.word("acks").parse().expect("a scenario has one of Kafka's words")
}

fn group_protocol(config: &Settings) -> GroupProtocol {
    config.word("group.protocol").parse().expect("a scenario has one of Kafka's words")
}

/// The protocol of the group's members, if all follow one.
pub(super) fn protocol(group: &Group) -> Word<GroupProtocol> {
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
pub(super) fn server_assignors(list: &str) -> &'static [ServerAssignor] {
    use ServerAssignor::{Range, Uniform};
    let names: Vec<ServerAssignor> = list.split(',').map(server_assignor).collect();
    match names.as_slice() {
        [Range, ..] => &[Range, Uniform][..names.len()],
        _ => &[Uniform, Range][..names.len()],
    }
}

pub(super) fn offset_reset(config: &Settings) -> OffsetReset {
    config.word("auto.offset.reset").parse().expect("a scenario has one of Kafka's words")
}

/// The assignors of a list of their classes.
pub(super) fn assignors(list: &str) -> Arc<[Assignor]> {
    let known = |class| Assignor::by_class(class).expect("a scenario has Kafka's classes");
    list.split(',').map(known).collect()
}

/// A setting of a group as one of its members has it.
fn numbered(template: &str, member: u16) -> String {
    template.replace("{member}", &member.to_string())
}

/// `group.instance.id` with the number of the member: its place among all that members of the group have,
/// in the order of their text. Members that share one share a number.
pub(super) fn instance(template: &str, member: u16, members: u16) -> u16 {
    let id = |number: u16| numbered(template, number);
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
    let cluster = plan.cluster(plan.cluster_of(group));
    ConsumerConfig {
        group: GroupId(index),
        group_name: group.name.as_str().into(),
        topics: group.topics.iter().copied().collect(),
        offsets_partitions: plan.offsets_of(plan.cluster_of(group)).partitions,
        bootstrap,
        application: application(plan, group, seed),
        auto_commit_interval: config.millis("auto.commit.interval.ms"),
        auto_offset_reset: match offset_reset(config) {
            OffsetReset::Earliest => Some(ResetTo::Earliest),
            OffsetReset::Latest => Some(ResetTo::Latest),
            OffsetReset::ByDuration(length) => Some(ResetTo::NotOlderThan(length)),
            OffsetReset::None => None,
        },
        partition_assignment_strategy: assignors(config.word("partition.assignment.strategy")),
        group_instance_id: config
            .text("group.instance.id")
            .map(|template| instance(template, member, group.members + spares(group))),
        assigned: assigned(plan, group, member),
        has_group_id: group.has_group_id,
        profile: Profile { version: plan.kafka, features: plan.features },
        client_rack: config
            .text("client.rack")
            .and_then(|template| rack(cluster, &numbered(template, member))),
        variants: variants(plan),
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
    }
}

/// What a member assigns itself: of the partitions that its topics begin with those whose number leaves its own
/// when it is divided by the number of members that do so.
fn assigned(plan: &Plan, group: &Group, member: u16) -> Option<Arc<[TopicPartition]>> {
    let first = group.members - group.assigned;
    if !(first..group.members).contains(&member) {
        return None;
    }
    let all = group.topics.iter().flat_map(|topic| {
        (0..plan.topics[topic.index()].partitions).map(|number| TopicPartition::new(*topic, number))
    });
    Some(all.filter(|one| one.partition % group.assigned == member - first).collect())
}

/// The configuration of the final read of all topics of a cluster but the internal one.
pub(crate) fn reader(
    plan: &Plan,
    (cluster, name): (ClusterId, &str),
    (bootstrap, seed): (Arc<[BrokerId]>, u64),
) -> ReaderConfig {
    let here = plan.user_topics().filter(|(_, topic)| topic.cluster == cluster);
    let partitions = here.flat_map(|(topic, one)| {
        (0..one.partitions).map(move |number| TopicPartition::new(topic, number))
    });
    ReaderConfig {
        bootstrap,
        partitions: partitions.collect(),
        max_bytes: 1_048_576,
        salt: stream(seed, "salt", entity(name)).random(),
    }
}

pub(super) fn application(plan: &Plan, group: &Group, seed: u64) -> ApplicationConfig {
    let fails = group.fails.iter().map(|name| {
        let before = plan.producers[..usize::from(name.producer)].iter();
        let before: u16 = before.map(|producer| producer.instances).sum();
        RecordId { producer: ProducerIndex(before + name.instance), number: name.number }
    });
    ApplicationConfig {
        process: group.process,
        failures_per_million: group.failures_per_million,
        fails: fails.collect(),
        attempts: group.attempts,
        // One for the group: whether an attempt fails does not depend on who makes it.
        salt: stream(seed, "failures", entity(&group.name)).random(),
        commit: group.commit,
        consuming: group.consuming,
        outputs: OutputsConfig::default(),
    }
}
