//! What the oracle must know of a run besides its history, from the plan.

use super::{outsiders, *};

/// How long after the work a commit is due. None: some of it may stay uncommitted for good.
fn commit_interval(group: &Group) -> Option<Micros> {
    if let Some(mirror) = group.mirror() {
        return Some(mirror.flush_interval);
    }
    if group.consuming.commit_offset == CommitOffset::Last {
        return None;
    }
    match (group.commit, group.consuming.commit_every) {
        (CommitStrategy::Never, _) | (_, Some(CommitEvery::Records(_))) => None,
        (_, Some(CommitEvery::Time(time))) => Some(time),
        (commit, None) if commit.is_automatic() => {
            Some(group.config.millis("auto.commit.interval.ms"))
        }
        (_, None) => Some(Micros::ZERO),
    }
}

fn consuming(group: &Group) -> ConsumingContext {
    let consuming = group.consuming;
    let commit_every = match consuming.commit_every {
        Some(CommitEvery::Records(many)) => Some(many),
        Some(CommitEvery::Time(_)) | None => None,
    };
    ConsumingContext {
        covers: consuming.workers.map(|_| consuming.covers),
        commit_every,
        commit_offset: consuming.commit_offset,
        on_failure: consuming.on_failure,
    }
}

/// After how long a broker forgets a producer of a topic, if a batch can be sent again later.
fn id_expiration(plan: &Plan, topic: TopicId, config: &Settings) -> Option<Micros> {
    let cluster = plan.topics[topic.index()].cluster;
    let after = plan.cluster(cluster).config.millis("producer.id.expiration.ms");
    (after < config.millis("delivery.timeout.ms")).then_some(after)
}

/// The producer `name` in the process `node`.
fn producer_context(
    plan: &Plan,
    (node, name): (NodeId, String),
    (topic, config): (TopicId, &Settings),
) -> ProducerContext {
    let idempotent = config.switch("enable.idempotence");
    let in_flight = config.number("max.in.flight.requests.per.connection");
    ProducerContext {
        node,
        name,
        topic,
        acks: acks(config),
        idempotent,
        ordered: idempotent || in_flight == 1,
        limits: ProducerLimits {
            retries: Some(number(config, "retries", u32::MAX)),
            delivery_timeout: Some(config.millis("delivery.timeout.ms")),
            max_block: Some(config.millis("max.block.ms")),
            id_expiration: id_expiration(plan, topic, config),
        },
    }
}

/// The producers of members, in the order of their numbers.
fn output_contexts(plan: &Plan, cast: &Cast) -> Vec<ProducerContext> {
    let context = |&(node, lane): &(NodeId, Lane)| {
        let (Role::Member(group, _) | Role::Spare(group, _)) = cast.roles[node.index()] else {
            return None;
        };
        let mut outputs = plan.groups[usize::from(group)].outputs();
        let (_, output) = outputs.find(|(other, _)| *other == lane)?;
        let name = cast.output_name(node, lane);
        Some(producer_context(plan, (node, name), (output.to, &output.config)))
    };
    cast.outputs.keys().filter_map(context).collect()
}

fn outputs(group: &Group) -> OutputsContext {
    let output = |one: &Output| OutputContext { topic: one.to, awaits: one.awaits };
    OutputsContext {
        results: group.produces.as_ref().map(output),
        dead_letters: group.dead_letter.as_ref().map(output),
    }
}

pub(crate) fn context(plan: &Plan, cast: &Cast) -> Context {
    let topics = plan.topics.iter().map(|topic| TopicContext {
        name: topic.name.clone(),
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        min_insync_replicas: topic.min_insync_replicas(),
        unclean_leader_election: topic.config.switch("unclean.leader.election.enable"),
        compacted: !topic.name.ends_with("__consumer_offsets") && topic.is_compacted(),
    });
    let producers = cast.nodes().filter_map(|(node, role)| match role {
        Role::Producer(number, ..) => {
            let producer = &plan.producers[usize::from(number)];
            let name = cast.names[node.index()].clone();
            Some(producer_context(plan, (node, name), (producer.topic, &producer.config)))
        }
        Role::Controller(..)
        | Role::Broker(_)
        | Role::Member(..)
        | Role::Spare(..)
        | Role::Reader(_)
        | Role::Outsider(_) => None,
    });
    let groups = plan.groups.iter().map(|group| {
        if plan.outsiders.replace {
            return outsiders::group(&group.name, &group.topics, plan.outsiders.told);
        }
        GroupContext {
            name: group.name.clone(),
            topics: group.topics.clone(),
            sink: group.sink,
            commit: Word::Known(group.commit),
            protocol: protocol(group),
            reset: Word::Known(offset_reset(&group.config)),
            commit_interval: commit_interval(group),
            consuming: consuming(group),
            outputs: outputs(group),
            part: match &group.part {
                Part::Application => GroupPart::Application,
                Part::Mirror(_) => GroupPart::Mirror,
                Part::StandsFor(other) => GroupPart::StandsFor(GroupId(*other)),
            },
        }
    });
    Context {
        nodes: cast.names.clone(),
        roster: cast.roster.clone(),
        clusters: plan.numbered().skip(1).map(|(id, _)| further(plan, id)).collect(),
        topics: topics.collect(),
        producers: producers
            .chain(output_contexts(plan, cast))
            .chain(outsiders::producers(plan, cast))
            .collect(),
        groups: groups.chain(outsiders::groups(plan)).collect(),
    }
}

/// A cluster beside the first one, for the oracle.
fn further(plan: &Plan, id: ClusterId) -> ClusterContext {
    let here = (0..).map(TopicId).zip(&plan.topics).filter(|(_, topic)| topic.cluster == id);
    ClusterContext {
        name: plan.cluster(id).name.clone(),
        controllers: controllers(plan, id).to_vec(),
        brokers: plan.brokers_of(id).map(BrokerId).collect(),
        topics: here.map(|(topic, _)| topic).collect(),
        offsets: plan.cluster(id).offsets,
    }
}
