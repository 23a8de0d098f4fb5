//! Settings of mirrors, from the plan to what the model is configured with.

use super::clients::output;
use super::*;
use ackproof_kafka::client::ClientSettings;
use ackproof_kafka::mirror::{MirrorConfig, SideConfig};
use ackproof_scenario::plan::Mirror;

/// As many requests as Kafka's consumers and admin clients have under way.
const MAX_IN_FLIGHT: usize = 100;

/// The mirror at `node`, the group of this index.
pub(crate) fn mirror(
    plan: &Plan,
    (index, node): (u16, NodeId),
    told: &Mirror,
    cast: &Cast,
    known: &dyn Fn(ClusterId) -> (Arc<[BrokerId]>, u64),
) -> Option<MirrorConfig> {
    let group = &plan.groups[usize::from(index)];
    let (from, copies) = (*group.topics.first()?, group.produces.as_ref()?);
    let name = &cast.names[node.index()];
    let side = |topic: TopicId, purpose| {
        let (bootstrap, seed) = known(plan.topics[topic.index()].cluster);
        let config = &group.config;
        SideConfig {
            client: ClientSettings {
                bootstrap,
                max_in_flight: MAX_IN_FLIGHT,
                request_timeout: config.millis("request.timeout.ms"),
                retry_backoff: config.millis("retry.backoff.ms"),
                retry_backoff_max: config.millis("retry.backoff.max.ms"),
                metadata_max_age: config.millis("metadata.max.age.ms"),
                salt: stream(seed, purpose, entity(name)).random(),
            },
            topic,
            min_bytes: number(config, "fetch.min.bytes", u32::MAX),
            max_wait: config.millis("fetch.max.wait.ms"),
            max_bytes: number(config, "fetch.max.bytes", u32::MAX),
            partition_max_bytes: number(config, "max.partition.fetch.bytes", u32::MAX),
        }
    };
    let followed = told.groups.iter();
    let followed =
        followed.filter_map(|here| Some((GroupId(*here), GroupId(plan.stand_in(*here)?))));
    Some(MirrorConfig {
        group: GroupId(index),
        source: side(from, "mirror-source"),
        target: side(copies.to, "mirror-target"),
        partitions: plan.topics[from.index()].partitions,
        producer: output(plan, (node, Lane::Results), copies, cast, known),
        flush_interval: told.flush_interval,
        offset_lag_max: told.offset_lag_max.into(),
        checkpoint_interval: told.checkpoint_interval,
        sync_interval: told.sync_interval,
        groups: followed.collect(),
        variants: variants(plan),
    })
}
