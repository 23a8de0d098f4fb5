//! Who takes part in a run: a process for each of the cast, and the servers in front of brokers.

use super::outsider::Outsider;
use crate::world::lower::{self, Cast, Role};
use crate::world::process::{Process, Running};
use crate::world::server::Server;
use ackproof_kafka::broker::Broker;
use ackproof_kafka::config::{BrokerConfig, ClusterConfig, ControllerConfig};
use ackproof_kafka::consumer::Consumer;
use ackproof_kafka::controller::Controller;
use ackproof_kafka::mirror::Mirror;
use ackproof_kafka::pipeline::Pipeline;
use ackproof_kafka::producer::Producer;
use ackproof_kafka::reader::Reader;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::{entity, stream};
use ackproof_types::{ClusterId, NodeId};
use std::collections::VecDeque;
use std::sync::Arc;

/// What stands in front of each process: a server in front of brokers, if requests take time.
pub(super) fn servers(plan: &Plan, cast: &Cast) -> Vec<Option<Server>> {
    if plan.clusters.iter().all(|cluster| cluster.capacity.is_none()) {
        return Vec::new();
    }
    let server = |(node, role)| match role {
        Role::Broker(id) => {
            let limits = lower::limits(plan.cluster(lower::home(plan, id)));
            limits.map(|limits| Server::new(node, limits))
        }
        Role::Controller(..)
        | Role::Producer(..)
        | Role::Member(..)
        | Role::Spare(..)
        | Role::Reader(_)
        | Role::Outsider(_) => None,
    };
    cast.nodes().map(server).collect()
}

pub(super) fn process(
    plan: &Plan,
    seed: u64,
    clusters: &[Arc<ClusterConfig>],
    (node, role): (NodeId, Role),
    cast: &Cast,
) -> Box<dyn Process> {
    let name = &cast.names[node.index()];
    let rng = stream(seed, "timer", entity(name));
    let cluster = |id: ClusterId| Arc::clone(&clusters[id.index()]);
    let known = |id| (Arc::clone(&cluster(id).brokers), seed);
    match role {
        Role::Controller(home, id) => {
            let config = ControllerConfig { id, cluster: cluster(home) };
            Box::new(Running::<Controller>::new(node, config, rng))
        }
        Role::Broker(id) => {
            let config = BrokerConfig { id, cluster: cluster(lower::home(plan, id)) };
            Box::new(Running::<Broker>::new(node, config, rng))
        }
        Role::Producer(number, instance, index) => {
            let producer = &plan.producers[usize::from(number)];
            let there = known(plan.topics[producer.topic.index()].cluster);
            let config = lower::producer(plan, producer, (index, instance), there);
            Box::new(Running::<Producer>::new(node, config, rng))
        }
        Role::Member(group, member) | Role::Spare(group, member) => {
            let of_group = &plan.groups[usize::from(group)];
            if let Some(told) = of_group.mirror() {
                let config = lower::mirror(plan, (group, node), told, cast, &known);
                let config = config.expect("a mirror has what it copies from one topic to another");
                return Box::new(Running::<Mirror>::new(node, config, rng));
            }
            let there = plan.cluster_of(of_group);
            let config =
                |settings| lower::consumer(plan, settings, (group, member, name), known(there));
            let deploys = of_group.deploys.iter();
            let later: VecDeque<_> =
                deploys.map(|(from, settings)| (*from, config(settings))).collect();
            let first = config(&of_group.config);
            if of_group.outputs().next().is_none() {
                return Box::new(Running::<Consumer>::new(node, first, rng).deploying(later));
            }
            let place = (group, node);
            let made = |one| lower::pipeline(plan, place, one, cast, &known);
            let later: VecDeque<_> =
                later.into_iter().map(|(from, one)| (from, made(one))).collect();
            Box::new(Running::<Pipeline>::new(node, made(first), rng).deploying(later))
        }
        Role::Reader(id) => {
            let config = lower::reader(plan, (id, name), known(id));
            Box::new(Running::<Reader>::new(node, config, rng))
        }
        Role::Outsider(_) => Box::new(Outsider),
    }
}
