//! A client's view of leaders: the newest epoch wins. Kafka: `Metadata` (R5.28).

use crate::message::MetadataResponse;
use ackproof_types::{BrokerId, LeaderEpoch, TopicPartition};
use std::collections::BTreeMap;

/// Leaders by partition.
#[derive(Debug, Default)]
pub struct MetadataCache {
    leaders: BTreeMap<TopicPartition, (Option<BrokerId>, LeaderEpoch)>,
}

impl MetadataCache {
    /// Takes a response, ignoring what carries an older epoch than what is known.
    pub fn update(&mut self, response: &MetadataResponse) {
        for one in &response.partitions {
            let known = self.leaders.get(&one.partition).map(|(_, epoch)| *epoch);
            if known.is_none_or(|known| one.leader_epoch >= known) {
                self.leaders.insert(one.partition, (one.leader, one.leader_epoch));
            }
        }
    }

    /// The leader of `partition`, if one is known.
    #[must_use]
    pub fn leader(&self, partition: TopicPartition) -> Option<BrokerId> {
        self.leaders.get(&partition).and_then(|(leader, _)| *leader)
    }

    /// Number of partitions known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leaders.len()
    }

    /// Whether nothing is known yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaders.is_empty()
    }
}
