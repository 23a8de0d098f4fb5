//! How long processes take to start and to die, and what decides what a disk keeps then. It knows no process.

use ackproof_scenario::stream;
use ackproof_types::{Delay, Micros};
use rand_chacha::ChaCha8Rng;

/// How long a process takes to start again, which is all it does meanwhile.
pub(crate) struct Startup {
    pub(super) takes: Delay,
    pub(super) rng: ChaCha8Rng,
    /// It is starting, and ready then.
    pub(super) ready: Option<u64>,
}

impl Startup {
    /// Each start draws from `rng`, which nothing else draws from.
    pub(crate) fn new(takes: Delay, rng: ChaCha8Rng) -> Self {
        Self { takes, rng, ready: None }
    }
}

/// How long the kernel takes to free the memory of a process that was killed. Until then its sockets are
/// there: what arrives is taken, and answered by nobody; then come the resets. For Kafka 4.0.0 with a heap of
/// 320 MB, on a machine of two cores, about 32 ms passed between `kill -9` and the resets, time for 17 sends
/// with acks=0; a JVM with 20 MB in use took 5 to 35 ms. Memory in use and other work make it longer.
pub(super) const DYING: Delay =
    Delay { min: Micros::from_millis(20), max: Micros::from_millis(45) };

/// How long a process takes to die, and what its disk keeps then.
pub(crate) struct Dying {
    pub(super) rng: ChaCha8Rng,
    /// What a loss of power leaves is drawn from it, and nothing else.
    pub(super) power: ChaCha8Rng,
    /// It was killed, and is gone then.
    pub(super) until: Option<u64>,
}

impl Dying {
    /// The process `entity` of a run with `seed`: nothing else draws from these streams.
    pub(crate) fn new(seed: u64, entity: u64) -> Self {
        Self {
            rng: stream(seed, "dying", entity),
            power: stream(seed, "power", entity),
            until: None,
        }
    }
}
