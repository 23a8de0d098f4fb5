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
        (cluster.name.clone(), Cluster { brokers, topics })
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

/// The servers of all clusters, the first one with so many brokers, and their names.
pub(super) fn servers(first: u16, clusters: &Named<Cluster>) -> (Vec<Server>, Vec<String>) {
    let mut servers = vec![Server::Controller(ControllerId(0))];
    servers.extend((1..=first).map(|id| Server::Broker(BrokerId(id))));
    let mut names = vec!["controller".to_owned()];
    names.extend((1..=first).map(|id| format!("broker-{id}")));
    let mut before = first;
    for (number, (name, cluster)) in (1..).zip(&clusters.0) {
        servers.push(Server::Controller(ControllerId(number)));
        names.push(format!("{name}-controller"));
        servers.extend((1..=cluster.brokers).map(|id| Server::Broker(BrokerId(before + id))));
        names.extend((1..=cluster.brokers).map(|id| format!("{name}-broker-{id}")));
        before += cluster.brokers;
    }
    (servers, names)
}

/// The clusters of the header for the judge.
pub(super) fn read(
    first: u16,
    clusters: &Named<Cluster>,
    topic: impl Fn(&str, String) -> Result<TopicId, Mistake>,
) -> Result<Vec<ClusterContext>, Mistake> {
    let mut before = first;
    let mut all: Vec<ClusterContext> = Vec::new();
    for (number, (name, cluster)) in (1..).zip(&clusters.0) {
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
        let (name, controller) = (name.clone(), ControllerId(number));
        all.push(ClusterContext { name, controller, brokers, topics, offsets });
    }
    Ok(all)
}
