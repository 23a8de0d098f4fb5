//! What follows a new high watermark: who waits for it is answered.
//!
//! When it moves is the partition's decision. Kafka: `Partition#tryCompleteDelayedRequests`,
//! `DelayedOperations#checkAndCompleteAll` (R2.17, R4.6, R9.3).

use super::{Broker, Out};
use ackproof_types::TopicPartition;

impl Broker {
    /// R2.17 and what follows: wakes everyone who waits for the high watermark of `id`.
    pub(super) fn advance(&mut self, id: TopicPartition, out: &mut Out) {
        let Some(partition) = self.partitions.get_mut(id) else { return };
        if partition.maybe_advance(self.env.around(id), out) {
            let high_watermark = partition.log.high_watermark();
            self.note(id);
            self.settle_produce(id, out);
            self.wake_consumers(id, out);
            self.coordinator_high_watermark(id, high_watermark, out);
        }
    }
}
