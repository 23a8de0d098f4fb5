//! Log directories that have failed: what a broker says of them, and who leads then.
//!
//! A broker names the replicas themselves. Kafka's names directories, and the controller knows what lies in them.
//! Kafka: `ReplicationControlManager#handleDirectoriesOffline` (KIP-858).

use super::election;
use super::{Controller, Out};
use crate::metadata::MetadataRecord;
use ackproof_types::{BrokerId, TopicPartition};
use std::sync::Arc;

impl Controller {
    /// What is newly lost to `broker` leaves the in-sync sets, and others are elected. What has failed once stays so
    /// until its process starts again.
    pub(super) fn logs_offline(
        &mut self,
        broker: BrokerId,
        offline: &Arc<[TopicPartition]>,
        out: &mut Out,
    ) {
        let is_new = |id: &TopicPartition| !self.image.is_offline(broker, *id);
        if !offline.iter().any(is_new) {
            return;
        }
        self.change_all(out, |controller, partition, state| {
            let is_new = !controller.image.is_offline(broker, partition);
            let counts = state.isr.contains(&broker) || state.leader == Some(broker);
            if !(is_new && counts && offline.contains(&partition)) {
                return None;
            }
            let others = state.isr.iter().copied().filter(|member| *member != broker);
            let target: Vec<BrokerId> = others.collect();
            let election = controller.election_of(partition);
            let rules = controller.rules(partition);
            election::change(state, &target, election, rules, |replica| {
                replica != broker && controller.image.may_lead(replica, partition)
            })
        });
        self.append(MetadataRecord::LogsOffline { broker, logs: Arc::clone(offline) }, out);
    }

    /// A process registers that cannot use all its directories from the start.
    pub(super) fn register_logs(
        &mut self,
        broker: BrokerId,
        offline: &Arc<[TopicPartition]>,
        out: &mut Out,
    ) {
        if !offline.is_empty() {
            self.append(MetadataRecord::LogsOffline { broker, logs: Arc::clone(offline) }, out);
        }
    }
}
