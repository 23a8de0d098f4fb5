//! A file in which the application says what it has processed, read as it grows.

use super::inbox::Told;
use super::order::Order;
use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often it is looked at, if nothing comes in otherwise.
const EVERY: Duration = Duration::from_millis(10);

/// It, with what stands in it of a line that is not complete.
pub(super) struct Tail {
    at: Mutex<(File, Vec<u8>)>,
    told: Sender<Told>,
}

impl Tail {
    pub(super) fn new(file: File, told: Sender<Told>) -> Self {
        Self { at: Mutex::new((file, Vec::new())), told }
    }

    /// Looks at it from now on, on a thread of its own.
    pub(super) fn follow(this: &Arc<Self>) -> io::Result<()> {
        let tail = Arc::downgrade(this);
        let look = move || {
            while let Some(tail) = tail.upgrade() {
                tail.look();
                drop(tail);
                std::thread::sleep(EVERY);
            }
        };
        std::thread::Builder::new().name("processed".to_owned()).spawn(look).map(drop)
    }

    /// Tells what has come.
    pub(super) fn look(&self) {
        self.read(false);
    }

    /// Nothing comes any more.
    pub(super) fn finish(&self) {
        self.read(true);
    }

    fn read(&self, all: bool) {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, open) = &mut *at;
        // What cannot be read now may be read later.
        let _ = file.read_to_end(open);
        let end = match open.iter().rposition(|byte| *byte == b'\n') {
            _ if all => open.len(),
            Some(place) => place + 1,
            None => return,
        };
        let rest = open.split_off(end);
        let lines = String::from_utf8_lossy(&std::mem::replace(open, rest)).into_owned();
        if !lines.trim().is_empty() {
            // Told while this is locked, so that lines stay in order. Nobody listens once it is over.
            let _ = self.told.send(Told::Order(Order::Processed(lines), None));
        }
    }
}
