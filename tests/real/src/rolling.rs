//! A rolling restart: one broker after another, the next one once all in-sync sets are full again.

use crate::network::Host;
use crate::stage::Stage;
use ackproof_types::Micros;
use std::time::{Duration, Instant};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing yet.
    Wait,
    /// Stop this broker cleanly.
    Stop(Host),
    /// Start it again.
    Boot(Host),
    /// All are through.
    Done,
}

/// Where a broker is on its way.
#[derive(Clone, Copy, Debug)]
enum Way {
    Stopping(Host),
    Down(Host, Instant),
}

/// A rolling restart.
#[derive(Debug)]
pub(crate) struct Rolling {
    left: Vec<Host>,
    down: Duration,
    way: Option<Way>,
}

impl Rolling {
    /// Of `brokers`, each down for so long.
    pub(crate) fn new(mut brokers: Vec<Host>, down: Micros) -> Self {
        brokers.reverse();
        Self { left: brokers, down: Duration::from_micros(down.0), way: None }
    }

    /// The broker that is on its way.
    pub(crate) fn current(&self) -> Option<Host> {
        self.way.map(|way| match way {
            Way::Stopping(host) | Way::Down(host, _) => host,
        })
    }

    /// Looks what is to be done.
    pub(crate) fn look(&mut self, stage: &mut Stage<'_>) -> Result<Step, String> {
        match self.way {
            Some(Way::Stopping(host)) => {
                if !stage.is_up(host) {
                    self.way = Some(Way::Down(host, Instant::now()));
                }
                Ok(Step::Wait)
            }
            Some(Way::Down(host, since)) => {
                if since.elapsed() < self.down {
                    return Ok(Step::Wait);
                }
                self.way = None;
                Ok(Step::Boot(host))
            }
            None if self.left.is_empty() => Ok(Step::Done),
            // An admin client that lost its broker asks again.
            None if !stage.is_in_sync().unwrap_or(false) => Ok(Step::Wait),
            None => {
                let next = self.left.pop();
                self.way = next.map(Way::Stopping);
                Ok(next.map_or(Step::Done, Step::Stop))
            }
        }
    }
}
