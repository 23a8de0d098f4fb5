//! A rolling restart: one broker after another, the next one once all in-sync sets are full again; or one member
//! after another, the next one once the last one has started, as a deployment does it.

use crate::network::Host;
use ackproof_types::Micros;
use std::time::{Duration, Instant};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing yet.
    Wait,
    /// Stop this one cleanly.
    Stop(Host),
    /// Start it again.
    Boot(Host),
    /// All are through.
    Done,
}

/// Where one is on its way.
#[derive(Clone, Copy, Debug)]
enum Way {
    Stopping(Host),
    Down(Host, Instant),
}

/// What it looks at.
pub(crate) trait Watched {
    /// Whether the process of `host` runs.
    fn is_up(&mut self, host: Host) -> bool;
    /// Whether nothing is missing after `last` was restarted: of brokers, whether all in-sync sets are full.
    fn is_back(&mut self, last: Option<Host>) -> Result<bool, String>;
}

/// A rolling restart.
#[derive(Debug)]
pub(crate) struct Rolling {
    left: Vec<Host>,
    down: Duration,
    way: Option<Way>,
    last: Option<Host>,
}

impl Rolling {
    /// Of these, each down for so long.
    pub(crate) fn new(mut hosts: Vec<Host>, down: Micros) -> Self {
        hosts.reverse();
        let down = Duration::from_micros(down.0);
        Self { left: hosts, down, way: None, last: None }
    }

    /// The one that is on its way.
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
                (self.way, self.last) = (None, Some(host));
                Step::Boot(host)
            }
            None if self.left.is_empty() => Step::Done,
            // An admin client that lost its broker asks again.
            None if !stage.is_back(self.last).unwrap_or(false) => Step::Wait,
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
        asked: Vec<Option<Host>>,
    }

    impl Watched for Cluster {
        fn is_up(&mut self, host: Host) -> bool {
            !self.down.contains(&host)
        }
        fn is_back(&mut self, last: Option<Host>) -> Result<bool, String> {
            self.asked.push(last);
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
        assert_eq!(cluster.asked, [Some(first), Some(first)], "it is asked about the last one");
    }
}
