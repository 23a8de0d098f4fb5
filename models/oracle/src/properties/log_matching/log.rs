//! One replica's log, as far as it was not yet compared with what is committed. It judges nothing.

use super::cell::Cell;
use std::collections::VecDeque;

/// One replica's log: below `checked` it agrees with the committed prefix.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// An append is on record.
    pub(super) is_known: bool,
    /// That it lacks committed records was told.
    pub(super) is_short: bool,
    /// Where it ended before it lost what it had not flushed, until it has caught up. Its leader believes what it
    /// had claimed until it fetches again.
    pub(super) unflushed: Option<i64>,
    pub(super) checked: i64,
    /// It has compacted what lies below.
    pub(super) compacted: i64,
    /// What is at `checked` and above.
    pub(super) tail: VecDeque<Cell>,
}

impl Log {
    pub(super) fn end(&self) -> i64 {
        self.checked + i64::try_from(self.tail.len()).expect("a length in memory")
    }

    /// What lies below `start` is gone.
    pub(super) fn begin(&mut self, start: i64) {
        let gone = usize::try_from(start - self.checked).unwrap_or(0).min(self.tail.len());
        self.tail.drain(..gone);
        self.checked = self.checked.max(start);
    }

    /// What lies between its end and `base` is compacted away.
    pub(super) fn skip(&mut self, base: i64) {
        let gap = usize::try_from(base - self.end()).unwrap_or(0);
        self.tail.extend(std::iter::repeat_n(Cell::default(), gap));
    }

    /// It may have what it lost, and all below `committed`.
    pub(super) fn catch_up(&mut self, committed: i64) {
        let end = self.end();
        self.unflushed = self.unflushed.filter(|lost| end < committed.max(*lost));
    }

    pub(super) fn cut(&mut self, to: i64) {
        if to > self.end() {
            // It starts anew at its leader's log start.
            self.tail.clear();
            self.checked = to;
            return;
        }
        self.tail.truncate(usize::try_from(to - self.checked).unwrap_or(0));
        self.checked = self.checked.min(to);
    }
}
