//! Which topics a client writes to or reads, and which cluster it stands beside, read from the tree.

use crate::cluster::OFFSETS_TOPIC;
use crate::clusters::Clusters;
use crate::plan::Topic;
use crate::sink::{At, Sink};
use ackproof_types::{ClusterId, TopicId};

/// Names of the user's topics.
pub(crate) fn topic_names(topics: &[Topic]) -> impl Iterator<Item = &str> {
    users(topics).map(|(_, topic)| topic.name.as_str())
}

/// The user's topics.
pub(crate) fn users(topics: &[Topic]) -> impl Iterator<Item = (TopicId, &Topic)> {
    let all = (0..).map(TopicId).zip(topics);
    all.filter(|(_, topic)| !is_internal(topic))
}

pub(crate) fn topic_id(sink: &mut Sink<'_>, at: &At<'_>, topics: &[Topic]) -> Option<TopicId> {
    let name = sink.string(at)?;
    let found = users(topics).find(|(_, topic)| topic.name == name);
    if found.is_none() {
        sink.unknown(at.node.span, &at.path, ("topic", name), topic_names(topics));
    }
    found.map(|(id, _)| id)
}

/// Whether Kafka made it for itself.
fn is_internal(topic: &Topic) -> bool {
    // No topic of a scenario has a slash in its name.
    topic.name == OFFSETS_TOPIC || topic.name.contains('/')
}

/// The cluster that a client stands beside: that of its topic, unless it says another.
pub(crate) fn place(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    of_topic: ClusterId,
    clusters: &Clusters,
) -> ClusterId {
    at.get("at").map_or(of_topic, |at| clusters.named(sink, Some(&at)))
}

/// What a group reads, which is on one cluster: without a word all that is on the one `beside` it.
pub(crate) fn subscription(
    sink: &mut Sink<'_>,
    at: Option<At<'_>>,
    topics: &[Topic],
    beside: ClusterId,
) -> (Vec<TopicId>, ClusterId) {
    let Some(at) = at else {
        let there = users(topics).filter(|(_, topic)| topic.cluster == beside);
        return (there.map(|(id, _)| id).collect(), beside);
    };
    let items = sink.list(&at);
    let mut chosen = Vec::new();
    for item in &items {
        if let Some(id) = topic_id(sink, item, topics) {
            if chosen.contains(&id) {
                sink.at(item, "this topic is listed twice");
            }
            chosen.push(id);
        }
    }
    if items.is_empty() && matches!(at.node.value, crate::json::Value::Array(_)) {
        sink.at(&at, "a group without topics reads nothing; leave \"topics\" out for all");
    }
    chosen.sort_unstable();
    let cluster = |id: &TopicId| topics[id.index()].cluster;
    let first = chosen.first().map_or(beside, cluster);
    if chosen.iter().any(|id| cluster(id) != first) {
        sink.at(&at, "a group reads from one cluster, and these topics are on several");
    }
    (chosen, first)
}
