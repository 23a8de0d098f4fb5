//! One consumer group (KIP-848): its coordinator shares out the partitions, and each member moves to the
//! target at its own pace (Kafka: `ConsumerGroup`, `GroupMetadataManager`).
//!
//! - `group` what its records say · `change` a write, with the way back
//! - `heartbeat` the one request of its members · `membership` who joins, leaves and is fenced
//! - `classic` members that still speak the classic protocol
//! - `target` who is to have what · `reconcile` how one member gets there
//! - `offsets` who may commit

mod change;
mod classic;
mod group;
mod heartbeat;
mod membership;
mod offsets;
mod reconcile;
mod target;

pub(super) use change::Change;
pub(super) use classic::Joined;
pub(super) use group::Group;
pub(super) use heartbeat::validate;
