//! A topic that was deleted and created again while this consumer reads it. It goes by names, and keeps its position in
//! the other topic (Kafka: `SubscriptionState`, `Metadata#updateLatestMetadata`); what is on record goes by ids.

use super::positions::Search;
use super::{Consumer, Out};
use crate::client::Metadata;
use crate::observation::{Observation, PositionSource};
use ackproof_types::{Offset, TopicPartition};
use std::sync::Arc;

impl Consumer {
    /// Metadata came. Of a topic that has been replaced nothing that was read is returned any more. In Kafka it is;
    /// here a record is of one topic, and what it was read from is gone.
    pub(super) fn keep_positions(&mut self, out: &mut Out) {
        let replaced = self.client.metadata().replaced();
        if replaced.is_empty() {
            return;
        }
        let of_them = |place: &TopicPartition| replaced.contains(&place.topic);
        for (place, owned) in self.positions.owned.iter_mut().filter(|(place, _)| of_them(place)) {
            owned.buffer.clear();
            if let Search::Fetching(at) | Search::AwaitValidation(at) = owned.search {
                let (group, partition) = (self.config.group, *place);
                let (offset, source) = (at.offset, PositionSource::Kept);
                out.observe(Observation::Positioned { group, partition, offset, source });
            }
        }
    }

    /// Puts what was observed by name on record by id.
    pub(super) fn name_ids(&self, out: &mut Out) {
        let metadata = self.client.metadata();
        if metadata.knows_successors() {
            out.observations_mut().for_each(|fact| by_id(fact, metadata));
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other facts are by id, or not a consumer's"
)]
fn by_id(fact: &mut Observation, metadata: &Metadata) {
    let place = |named: &TopicPartition| metadata.place_of(*named);
    let all = |named: &Arc<[TopicPartition]>| named.iter().map(place).collect();
    let offsets = |named: &Arc<[(TopicPartition, Offset)]>| {
        named.iter().map(|(named, offset)| (place(named), *offset)).collect()
    };
    match fact {
        Observation::Assigned { partitions, .. }
        | Observation::Revoked { partitions, .. }
        | Observation::Lost { partitions, .. } => *partitions = all(partitions),
        Observation::CommitSent { offsets: at, .. }
        | Observation::Committed { offsets: at, .. }
        | Observation::CommitFailed { offsets: at, .. } => *at = offsets(at),
        Observation::Positioned { partition, .. }
        | Observation::FollowerChosen { partition, .. } => *partition = place(partition),
        _ => {}
    }
}
