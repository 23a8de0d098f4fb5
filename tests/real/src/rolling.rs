//! A rolling restart: one broker after another, the next one once all in-sync sets are full again.

use crate::network::Host;
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

/// What it looks at.
pub(crate) trait Watched {
    /// Whether the process of `host` runs.
    fn is_up(&mut self, host: Host) -> bool;
    /// Whether all in-sync sets are full.
    fn is_in_sync(&mut self) -> Result<bool, String>;
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
    pub(crate) fn look(&mut self, stage: &mut impl Watched) -> Step {
        match self.way {
            Some(Way::Stopping(host)) => {
                if !stage.is_up(host) {
                    self.way = Some(Way::Down(host, Instant::now()));
                }
                Step::Wait
            }
            Some(Way::Down(host, since)) => {
                if since.elapsed() < self.down {
                    return Step::Wait;
                }
                self.way = None;
                Step::Boot(host)
            }
            None if self.left.is_empty() => Step::Done,
            // An admin client that lost its broker asks again.
            None if !stage.is_in_sync().unwrap_or(false) => Step::Wait,
            None => {
                let next = self.left.pop();
                self.way = next.map(Way::Stopping);
                next.map_or(Step::Done, Step::Stop)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[derive(Default)]
    struct Cluster {
        down: BTreeSet<Host>,
        full: Option<bool>,
    }

    impl Watched for Cluster {
        fn is_up(&mut self, host: Host) -> bool {
            !self.down.contains(&host)
        }
        fn is_in_sync(&mut self) -> Result<bool, String> {
            self.full.ok_or_else(|| "nobody answers".to_owned())
        }
    }

    #[test]
    fn the_next_broker_waits_for_full_in_sync_sets() {
        let (first, second) = (Host(0), Host(1));
        let mut rolling = Rolling::new(vec![first, second], Micros::from_millis(30));
        let mut cluster = Cluster::default();
        assert_eq!(
            rolling.look(&mut cluster),
            Step::Wait,
            "whoever does not answer is not in sync"
        );
        cluster.full = Some(true);
        assert_eq!(rolling.look(&mut cluster), Step::Stop(first));
        assert_eq!((rolling.look(&mut cluster), rolling.current()), (Step::Wait, Some(first)));
        cluster.down.insert(first);
        let down = Instant::now();
        assert_eq!(rolling.look(&mut cluster), Step::Wait, "its time down begins now");
        let mut step = Step::Wait;
        while step == Step::Wait {
            step = rolling.look(&mut cluster);
        }
        assert_eq!((step, rolling.current()), (Step::Boot(first), None));
        assert!(down.elapsed() >= Duration::from_millis(30));
        cluster = Cluster { full: Some(false), ..Cluster::default() };
        assert_eq!(rolling.look(&mut cluster), Step::Wait, "the first is not in sync again");
        cluster.full = Some(true);
        assert_eq!(rolling.look(&mut cluster), Step::Stop(second));
        cluster.down.insert(second);
        while rolling.current().is_some() {
            rolling.look(&mut cluster);
        }
        cluster.full = Some(false);
        assert_eq!(rolling.look(&mut cluster), Step::Done, "nobody is left to wait for");
    }
}
