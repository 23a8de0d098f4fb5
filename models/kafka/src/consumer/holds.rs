//! What an application stops to do with its consumer for a while: polling, its subscription, or fetching of what it
//! has.

use super::{Consumer, Out};
use ackproof_types::Hold;

impl Consumer {
    /// The application stops this, or does it again.
    pub(super) fn hold(&mut self, hold: Hold, on: bool, out: &mut Out) {
        match hold {
            Hold::Poll => self.stall(on, out),
            Hold::Subscription => {
                self.application.unsubscribed = on;
                self.resume(out);
            }
            // `KafkaConsumer#pause` of `assignment()`, and `resume` of `paused()`.
            Hold::Partitions => {
                self.positions.owned.values_mut().for_each(|owned| owned.paused = on);
            }
        }
    }

    /// `unsubscribe()` (R8.12): it commits nothing, unless a rebalance listener does. What is owned is revoked, or
    /// lost, before the group is told (`ConsumerCoordinator#onLeavePrepare`,
    /// `AbstractMembershipManager#leaveGroup`). Nothing is polled then.
    pub(super) fn unsubscribe(&mut self, out: &mut Out) {
        if !self.listener_commits(&[], out) {
            self.leave_for_good(out);
            self.application.idle();
        }
    }
}
