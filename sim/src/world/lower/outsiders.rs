//! What the oracle must know of clients from outside.

use super::{Cast, Role};
use ackproof_oracle::context::{
    ConsumingContext, GroupContext, GroupPart, OutputsContext, ProducerContext, ProducerLimits,
    Word,
};
use ackproof_scenario::plan::{OutsideGroup, Plan};
use ackproof_types::{GroupProtocol, TopicId};

/// Their producers, in the order of their numbers. What they give up by shows nowhere.
pub(super) fn producers(plan: &Plan, cast: &Cast) -> Vec<ProducerContext> {
    let context = |producer: &ackproof_scenario::plan::OutsideProducer| {
        let node = cast.find(Role::Outsider(producer.client))?;
        Some(ProducerContext {
            node,
            name: cast.names[node.index()].clone(),
            topic: producer.topic,
            acks: producer.acks,
            idempotent: producer.idempotent,
            ordered: producer.idempotent,
            limits: ProducerLimits::default(),
        })
    };
    plan.outsiders.producers.iter().filter_map(context).collect()
}

/// Their groups.
pub(super) fn groups(plan: &Plan) -> impl Iterator<Item = GroupContext> + '_ {
    let told = plan.outsiders.told;
    plan.outsiders.groups.iter().map(move |OutsideGroup { name, topics }| group(name, topics, told))
}

/// A group of clients from outside. When they commit, and what they do with their consumer, shows nowhere.
pub(super) fn group(name: &str, topics: &[TopicId], told: bool) -> GroupContext {
    let unsaid = "not on record";
    GroupContext {
        name: name.to_owned(),
        topics: topics.to_vec(),
        protocol: Word::Known(GroupProtocol::Classic),
        commit: Word::Other(unsaid.to_owned()),
        reset: Word::Other(unsaid.to_owned()),
        commit_interval: None,
        sink: None,
        consuming: ConsumingContext::default(),
        outputs: OutputsContext::default(),
        part: GroupPart::Outside { told },
    }
}
