//! What the harness itself knows of a run, as events of a history with the time of the wall clock: phases,
//! faults, processes that it started and ended.

use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event};
use ackproof_oracle::jsonl::{entry_line, header_line};
use ackproof_types::{NodeId, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds of the wall clock.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Events in the order in which they were put down.
#[derive(Debug, Default)]
pub(crate) struct Journal(Vec<Entry>);

impl Journal {
    /// `event` happens at `node` now.
    pub(crate) fn put(&mut self, node: NodeId, event: Event) {
        let at = Timestamp::from_micros(now());
        self.0.push(Entry { seq: self.0.len() as u64, at, node, event });
    }

    /// A history of `context` with these events.
    pub(crate) fn text(&self, context: &Context) -> String {
        let lines = self.0.iter().map(|entry| entry_line(entry, context));
        let mut text = header_line(context);
        lines.for_each(|line| {
            text.push('\n');
            text.push_str(&line);
        });
        text + "\n"
    }
}
