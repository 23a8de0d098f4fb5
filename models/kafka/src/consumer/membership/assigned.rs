//! Manual assignment: the application names its partitions with `assign()`. Its consumer is in no group, looks offsets
//! up and commits under the `group.id` all the same, as nobody in no generation (R9.9 to R9.11); without a `group.id` it
//! does neither (R8.19).
//!
//! Kafka: `KafkaConsumer#assign`, `SubscriptionState#assignFromUser`, `ConsumerCoordinator#poll`.

use super::Ownership;
use crate::consumer::application::After;
use crate::consumer::{Consumer, Out, Timer};
use crate::observation::PositionSource;
use ackproof_types::MemberId;
use std::sync::Arc;

impl Consumer {
    /// The part of a poll that a group has otherwise. Whether it changed something.
    pub(super) fn assigned_polls(&mut self, out: &mut Out) -> bool {
        if self.membership.owned.is_none()
            && let Some(partitions) = &self.config.assigned
        {
            let partitions = Arc::clone(partitions);
            self.positions.assign(&partitions);
            if !self.config.has_group_id {
                // R8.19: there is no coordinator to ask.
                for partition in partitions.iter() {
                    self.reset_position(*partition, PositionSource::NoCommit);
                }
            }
            self.membership.owned = Some(Ownership { member: MemberId(0), partitions });
            if self.config.application.commit.is_automatic() {
                out.arm(Timer::AutoCommit, self.config.auto_commit_interval);
            }
            return true;
        }
        if self.coordinator_route().is_none() {
            return false;
        }
        if std::mem::take(&mut self.commits.again) {
            let offsets = self.to_commit();
            self.commit_and_wait(offsets, After::Poll, self.config.default_api_timeout, out);
            return true;
        }
        self.auto_commit_if_due(out);
        false
    }
}
