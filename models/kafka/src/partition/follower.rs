//! What a follower keeps of its fetching.
//!
//! Knows when a partition may be named in a fetch; requests and timers are the broker's. Kafka:
//! `PartitionFetchState`, `AbstractFetcherThread` (R2.3–R2.7).

use ackproof_types::{BrokerId, LeaderEpoch};

/// Whether a fetch may ask for a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fetching {
    /// It may.
    Ready,
    /// The leader refused; it is asked again after a pause.
    Delayed,
    /// It is outside of what the leader has, which is asked where its log begins and ends.
    Asking,
    /// The connection to the leader failed; all its partitions pause together.
    Paused,
    /// Not before the next leader epoch: the leader is ahead of this replica's metadata, its answer did
    /// not fit, or this broker is shutting down.
    Stopped,
}

/// The follower's side of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Follower {
    /// Whom it follows, if there is a leader.
    pub leader: Option<BrokerId>,
    /// Whether it may be fetched.
    pub fetching: Fetching,
    /// The leader epoch that the newest fetch named.
    pub asked: LeaderEpoch,
    /// Its log is taken to be the leader's, and is not compared again. Only known bugs say so: since KIP-595
    /// each fetch compares.
    pub compared: bool,
}

impl Follower {
    /// A follower that is fetched from the start (R2.7).
    #[must_use]
    pub fn of(leader: Option<BrokerId>) -> Self {
        Self { leader, fetching: Fetching::Ready, asked: LeaderEpoch::UNKNOWN, compared: false }
    }

    /// Whether a fetch from `leader` names it.
    #[must_use]
    pub fn fetches_from(&self, leader: BrokerId) -> bool {
        self.leader == Some(leader) && self.fetching == Fetching::Ready
    }
}
