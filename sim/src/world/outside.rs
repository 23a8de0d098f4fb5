//! Clients that no model speaks for: what they ask comes in from outside the world, and what is for them leaves it.
//!
//! The world does not know who they are or what time it is there. Whoever drives it from outside ([`Outside`]) says
//! when something comes in; between two such moments the world goes its usual way.

use super::kernel::Kernel;
use super::lives::World;
use super::process::{Process, Stimulus};
use ackproof_kafka::broker::BrokerDisk;
use ackproof_kafka::config::LogDirs;
use ackproof_kafka::driver::After;
use ackproof_kafka::harm::Harm;
use ackproof_kafka::machine::{Channel, LostTail, Peer, Route};
use ackproof_kafka::message::Message;
use ackproof_oracle::history::TailLoss;
use ackproof_types::{KafkaVersion, NodeId};
use rand_chacha::ChaCha8Rng;

/// Whoever drives a world in which clients from outside take part.
pub(crate) trait Outside {
    /// When the next thing comes in, if that is not after `due`, the next event of the world (none: nothing is due
    /// any more). Later than `now`, in microseconds. It may wait until then.
    fn next(&mut self, now: u64, due: Option<u64>) -> Option<u64>;
    /// It comes in: now.
    fn enter(&mut self, world: &mut World);
    /// Something may have left the world.
    fn look(&mut self, world: &mut World);
    /// Nothing comes in any more.
    fn is_over(&self) -> bool;
}

/// What leaves the world.
#[derive(Debug)]
pub(crate) enum Leaving {
    /// An answer on a connection from outside.
    Answer(u32, Message),
    /// A connection from outside has ended.
    Ended(u32),
    /// The ports of a process are open from here on, or closed.
    Listens(NodeId, bool),
}

/// The connection from outside with this number.
fn number(route: Route) -> Option<u32> {
    match route.channel {
        Channel::Outside(number) => Some(number),
        _ => None,
    }
}

/// The place of a client from outside among the processes. It has no machine.
pub(crate) struct Outsider;

impl Process for Outsider {
    fn boot(&mut self, _kernel: &mut Kernel) -> After {
        After::Runs
    }

    fn install(&mut self, _line: KafkaVersion) {}

    fn step(&mut self, stimulus: Stimulus, kernel: &mut Kernel) -> After {
        let leaving = match stimulus {
            Stimulus::Deliver(Peer { route, .. }, message) => {
                number(route).map(|number| Leaving::Answer(number, message))
            }
            Stimulus::Disconnected(route) => number(route).map(Leaving::Ended),
            Stimulus::SendCompleted(_) | Stimulus::Timer(_) | Stimulus::Call(_) => None,
        };
        if let Some(leaving) = leaving {
            kernel.leave(leaving);
        }
        After::Runs
    }

    fn kill(&mut self) {}

    fn lose(&mut self, _how: TailLoss, _rng: &mut ChaCha8Rng) -> Vec<LostTail> {
        Vec::new()
    }

    fn suffer(&mut self, _harm: Harm) -> Vec<LostTail> {
        Vec::new()
    }

    fn storage(&self) -> Option<(LogDirs, &BrokerDisk)> {
        None
    }

    fn is_up(&self) -> bool {
        true
    }

    fn can_stop(&self) -> bool {
        false
    }

    fn is_watched(&self, _entry: super::timers::Entry, _now: u64) -> bool {
        false
    }

    fn next_record(&self) -> u32 {
        0
    }

    fn is_over(&self) -> bool {
        false
    }

    fn reseed(&mut self, _rng: ChaCha8Rng) {}
}
