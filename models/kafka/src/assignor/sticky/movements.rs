//! What the general builder has moved so far, so that a pair of members does not swap partitions of one
//! topic for nothing (Kafka: `AbstractStickyAssignor.PartitionMovements`).

use ackproof_types::{MemberId, TopicPartition};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Movement {
    from: MemberId,
    to: MemberId,
}

/// Each moved partition with its first owner and its present one.
#[derive(Debug, Default)]
pub(super) struct Movements(BTreeMap<TopicPartition, Movement>);

impl Movements {
    /// Takes the movement to the record. One that brings a partition back is forgotten.
    pub(super) fn record(&mut self, partition: TopicPartition, from: MemberId, to: MemberId) {
        let from = self.0.remove(&partition).map_or(from, |earlier| earlier.from);
        if from != to {
            self.0.insert(partition, Movement { from, to });
        }
    }

    /// Which partition to move instead of `partition`: one of its topic that went the opposite way and can
    /// go back (Kafka: `getTheActualPartitionToBeMoved`). Of several, Kafka takes the first in hash order;
    /// here it is the one with the highest number.
    pub(super) fn actual(
        &self,
        partition: TopicPartition,
        from: MemberId,
        to: MemberId,
    ) -> TopicPartition {
        let from = self.0.get(&partition).map_or(from, |earlier| earlier.from);
        let reverse = Movement { from: to, to: from };
        let mut back =
            self.0.iter().rev().filter(|(other, movement)| {
                other.topic == partition.topic && **movement == reverse
            });
        back.next().map_or(partition, |(other, _)| *other)
    }
}
