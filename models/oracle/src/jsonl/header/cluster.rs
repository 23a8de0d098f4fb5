//! Clusters beside the first one in the header of a history.

use super::{Mistake, Named, OFFSETS, Topic};
use crate::context::{ClusterContext, Context};
use ackproof_types::{BrokerId, ControllerId, Server, TopicId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A cluster beside the first one: its processes are `backup-controller`, `backup-broker-1`, ….
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Cluster {
    /// How many brokers it has. Their numbers follow those of the clusters before it.
    #[serde(default = "super::three")]
    pub(super) brokers: u16,
    /// How many controllers it has.
    #[serde(default = "super::one", skip_serializing_if = "super::is_one")]
    pub(super) controllers: u16,
    /// The topics that are on it; all others are on the first one.
    pub(super) topics: Vec<String>,
}

/// What keeps the offsets of the groups of a cluster.
fn offsets(cluster: &str) -> String {
    format!("{cluster}/{OFFSETS}")
}

/// The clusters of `context` for the header.
pub(super) fn shown(context: &Context) -> Named<Cluster> {
    let one = |cluster: &ClusterContext| {
        let own = cluster.topics.iter().filter(|topic| **topic != cluster.offsets);
        let topics = own.map(|topic| context.topics[topic.index()].name.clone()).collect();
        let brokers = u16::try_from(cluster.brokers.len()).expect("brokers are bounded");
        let controllers =
            u16::try_from(cluster.controllers.len()).expect("controllers are bounded");
        (cluster.name.clone(), Cluster { brokers, controllers, topics })
    };
    Named(context.clusters.iter().map(one).collect())
}

/// The topics of Kafka's own that the header does not name.
pub(super) fn place_offsets(clusters: &Named<Cluster>, topics: &mut Named<Topic>) {
    for (name, _) in &clusters.0 {
        let name = offsets(name);
        let found = topics.0.iter().position(|(known, _)| *known == name);
        let place = found.map_or_else(|| (name, super::usual_offsets()), |at| topics.0.remove(at));
        topics.0.push(place);
    }
}

/// Its names of controllers.
fn controllers(count: u16, before: &str) -> Vec<String> {
    match count {
        1 => vec![format!("{before}controller")],
        _ => (1..=count).map(|number| format!("{before}controller-{number}")).collect(),
    }
}

/// The servers of all clusters, the first one with so many controllers and brokers, and their names.
pub(super) fn servers(first: (u16, u16), clusters: &Named<Cluster>) -> (Vec<Server>, Vec<String>) {
    let others =
        clusters.0.iter().map(|(name, one)| (format!("{name}-"), one.controllers, one.brokers));
    let (mut servers, mut names) = (Vec::new(), Vec::new());
    let (mut next_controller, mut next_broker) = (0, 1);
    for (before, voters, brokers) in
        std::iter::once((String::new(), first.0, first.1)).chain(others)
    {
        let ids = next_controller..next_controller + voters;
        servers.extend(ids.map(|id| Server::Controller(ControllerId(id))));
        names.extend(controllers(voters, &before));
        let ids = next_broker..next_broker + brokers;
        servers.extend(ids.map(|id| Server::Broker(BrokerId(id))));
        names.extend((1..=brokers).map(|number| format!("{before}broker-{number}")));
        next_controller += voters;
        next_broker += brokers;
    }
    (servers, names)
}

/// The clusters of the header for the judge.
pub(super) fn read(
    first: (u16, u16),
    clusters: &Named<Cluster>,
    topic: impl Fn(&str, String) -> Result<TopicId, Mistake>,
) -> Result<Vec<ClusterContext>, Mistake> {
    let (mut controllers_before, mut before) = first;
    let mut all: Vec<ClusterContext> = Vec::new();
    for (name, cluster) in &clusters.0 {
        let of = |one: &String| topic(one, format!("clusters.{name}.topics"));
        let offsets = topic(&offsets(name), format!("clusters.{name}"))?;
        let mut topics = cluster.topics.iter().map(of).collect::<Result<Vec<_>, _>>()?;
        let taken = all.iter().flat_map(|other| &other.topics).any(|one| topics.contains(one));
        if taken || topics.contains(&TopicId::CONSUMER_OFFSETS) || topics.contains(&offsets) {
            let what =
                format!("clusters.{name}.topics: a topic of another cluster, or of Kafka's own");
            return Err((what, None));
        }
        topics.push(offsets);
        let brokers = (1..=cluster.brokers).map(|id| BrokerId(before + id)).collect();
        before += cluster.brokers;
        let voters = controllers_before..controllers_before + cluster.controllers;
        controllers_before += cluster.controllers;
        let controllers = voters.map(ControllerId).collect();
        all.push(ClusterContext { name: name.clone(), controllers, brokers, topics, offsets });
    }
    Ok(all)
}
