//! Bytes that are held for others: how many there are at most, and who waits for room.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an answer may take to be written to a client that has said goodbye.
const DRAIN: Duration = Duration::from_millis(200);

/// A number of bytes that may not go beyond a bound.
#[derive(Debug)]
pub(super) struct Budget {
    used: Mutex<usize>,
    most: usize,
    freed: Condvar,
}

impl Budget {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { used: Mutex::new(0), most, freed: Condvar::new() })
    }

    fn locked(&self) -> MutexGuard<'_, usize> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room; one that is larger than all of it waits until nothing else is there.
    pub(super) fn take(&self, bytes: usize) {
        let mut used = self.locked();
        while *used > 0 && *used + bytes > self.most {
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used += bytes;
    }

    pub(super) fn add(&self, bytes: usize) {
        *self.locked() += bytes;
    }

    pub(super) fn give_back(&self, bytes: usize) {
        let mut used = self.locked();
        *used = used.saturating_sub(bytes);
        self.freed.notify_all();
    }

    /// Waits until nothing is left, for a moment.
    pub(super) fn drain(&self) {
        let used = self.locked();
        drop(self.freed.wait_timeout_while(used, DRAIN, |used| *used > 0));
    }

    /// Waits until it is below its bound.
    pub(super) fn wait(&self) {
        let mut used = self.locked();
        while *used >= self.most {
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
