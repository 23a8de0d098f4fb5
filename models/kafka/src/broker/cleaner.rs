//! When logs are compacted. What stays is the log's decision.
//!
//! Kafka: `LogCleaner`, `LogCleanerManager` (R1.19).

use super::{Broker, Out, Timer};
use crate::observation::Observation;

impl Broker {
    /// R1.19: looks through all logs. Which comes first makes no difference: a step takes no time.
    pub(super) fn clean(&mut self, out: &mut Out) {
        let (now, variants) = (self.env.now, self.env.cluster.variants);
        for partition in self.partitions.all_mut() {
            if let Some((from, to)) = partition.log.compact(now, variants, out) {
                out.observe(Observation::LogCompacted { partition: partition.id, from, to });
            }
        }
        if let Some(backoff) = self.settings().log_cleaner_backoff {
            out.arm(Timer::Cleaner, backoff);
        }
    }
}
