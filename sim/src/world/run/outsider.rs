//! The place of a client from outside among the processes: no model speaks for it, so it has no machine, and hands on
//! what it is sent.

use crate::world::kernel::Kernel;
use crate::world::leaving::Leaving;
use crate::world::process::{Process, Stimulus};
use crate::world::timers::Entry;
use ackproof_kafka::broker::BrokerDisk;
use ackproof_kafka::config::LogDirs;
use ackproof_kafka::driver::After;
use ackproof_kafka::harm::Harm;
use ackproof_kafka::machine::{Channel, LostTail, Peer, Route};
use ackproof_oracle::history::TailLoss;
use ackproof_types::KafkaVersion;
use rand_chacha::ChaCha8Rng;

/// The connection from outside with this number.
fn number(route: Route) -> Option<u32> {
    match route.channel {
        Channel::Outside(number) => Some(number),
        _ => None,
    }
}

/// It is always there.
pub(super) struct Outsider;

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

    fn is_watched(&self, _entry: Entry, _now: u64) -> bool {
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
