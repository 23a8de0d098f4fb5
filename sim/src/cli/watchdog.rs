//! Watches runs from outside the simulation, by the wall clock: a run that takes too long gets its flag
//! set, and ends itself at its next event. It knows no run from within.

use super::output::talk;
use ackproof::world::bounds::Bounds;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// A run that is watched.
struct Watched {
    name: String,
    since: Instant,
    expired: Arc<AtomicBool>,
    told: bool,
}

#[derive(Default)]
struct Runs {
    next: u64,
    at_work: BTreeMap<u64, Watched>,
}

/// The watchdog; it goes when this is dropped.
pub(crate) struct Watchdog {
    runs: Arc<Mutex<Runs>>,
    events_at_once: u64,
}

impl Watchdog {
    /// Watches runs for `timeout` each.
    pub(crate) fn new(timeout: Duration, events_at_once: u64) -> Self {
        let runs = Arc::new(Mutex::new(Runs::default()));
        let weak = Arc::downgrade(&runs);
        let tick = (timeout / 4).clamp(Duration::from_millis(1), Duration::from_millis(100));
        std::thread::spawn(move || {
            while look(&weak, timeout) {
                std::thread::sleep(tick);
            }
        });
        Self { runs, events_at_once }
    }

    /// Does `work` within bounds; `name` is what it is called if it never ends.
    pub(crate) fn watch<T>(
        &self,
        name: impl FnOnce() -> String,
        work: impl FnOnce(&Bounds) -> T,
    ) -> T {
        let expired = Arc::new(AtomicBool::new(false));
        let bounds = Bounds { events_at_once: self.events_at_once, expired: Arc::clone(&expired) };
        let watched = Watched { name: name(), since: Instant::now(), expired, told: false };
        let lock = || self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let id = {
            let mut runs = lock();
            runs.next += 1;
            let id = runs.next;
            runs.at_work.insert(id, watched);
            id
        };
        let done = work(&bounds);
        lock().at_work.remove(&id);
        done
    }
}

/// Looks at all runs; false when there is nobody left to look for.
fn look(runs: &Weak<Mutex<Runs>>, timeout: Duration) -> bool {
    let Some(runs) = runs.upgrade() else { return false };
    let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
    for run in runs.at_work.values_mut() {
        let took = run.since.elapsed();
        if took > timeout {
            run.expired.store(true, Ordering::Relaxed);
        }
        if took > timeout * 2 + Duration::from_secs(10) && !run.told {
            run.told = true;
            let name = &run.name;
            talk(&format!(
                "{name} does not end: one step of it never returns, a bug of ackproof; Ctrl-C twice\n"
            ));
        }
    }
    true
}
