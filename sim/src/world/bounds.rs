//! What ends a run that makes no progress: events without end while simulated time stands still, or a
//! flag that a watchdog outside sets when the run takes too long. A run that is ended so is no verdict
//! on anything. Reads no clock; one step of a machine that never returns is beyond its reach.

use ackproof_types::words::plural;
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Events at one instant that no sound run comes near; a second or two of work.
pub const MAX_EVENTS_AT_ONCE: u64 = 1_000_000;

/// Events between two looks at the flag: often enough to notice, too rare to cost anything.
const LOOK: u64 = 1024;

/// Why there is no report of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A panic: a fault of the models or of the simulator, never of the scenario.
    Crashed(String),
    /// A bound ended it: which one, and how to raise it.
    Bounded(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Crashed(text) | Self::Bounded(text)) = self;
        f.write_str(text)
    }
}

/// The bounds of a run.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Most events while simulated time stands still.
    pub events_at_once: u64,
    /// Set from outside when the run has taken too long.
    pub expired: Arc<AtomicBool>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { events_at_once: MAX_EVENTS_AT_ONCE, expired: Arc::default() }
    }
}

/// A run on its way through its bounds.
#[derive(Debug)]
pub(crate) struct Progress {
    bounds: Bounds,
    now: u64,
    here: u64,
    events: u64,
}

impl Progress {
    pub(crate) fn new(bounds: &Bounds) -> Self {
        Self { bounds: bounds.clone(), now: 0, here: 0, events: 0 }
    }

    /// One more event, at `now`.
    ///
    /// # Errors
    /// The bound that this event is beyond.
    pub(crate) fn event(&mut self, now: u64) -> Result<(), Failure> {
        self.events += 1;
        self.here = if now == self.now { self.here + 1 } else { 1 };
        self.now = now;
        if self.here > self.bounds.events_at_once {
            let text = format!(
                "ended after {} at {}, where simulated time stands still; \
                 --max-events-at-once raises the bound",
                plural(self.bounds.events_at_once, "event"),
                seconds(now)
            );
            return Err(Failure::Bounded(text));
        }
        if self.events.is_multiple_of(LOOK) && self.bounds.expired.load(Ordering::Relaxed) {
            let text = format!(
                "ended at {} of simulated time because it took too long; --run-timeout raises the bound",
                seconds(now)
            );
            return Err(Failure::Bounded(text));
        }
        Ok(())
    }
}

fn seconds(micros: u64) -> String {
    format!("{}.{:03} s", micros / 1_000_000, micros / 1000 % 1000)
}

/// The message of a panic.
pub fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded(bounds: &Bounds, times: impl Iterator<Item = u64>) -> Option<String> {
        let mut progress = Progress::new(bounds);
        times.map(|now| progress.event(now)).find_map(|step| step.err().map(|it| it.to_string()))
    }

    #[test]
    fn time_that_stands_still_is_noticed_and_time_that_moves_is_not() {
        let bounds = Bounds { events_at_once: 3, ..Bounds::default() };
        assert_eq!(bounded(&bounds, [0, 0, 0, 1, 1, 1, 2].into_iter()), None);
        let text = bounded(&bounds, [5, 1_234_567, 1_234_567, 1_234_567, 1_234_567].into_iter());
        assert!(text.unwrap().contains("3 events at 1.234 s"));
    }

    #[test]
    fn the_watchdog_is_heard() {
        let bounds = Bounds::default();
        assert_eq!(bounded(&bounds, 0..5000), None);
        bounds.expired.store(true, Ordering::Relaxed);
        assert!(bounded(&bounds, 0..5000).unwrap().contains("--run-timeout"));
    }
}
