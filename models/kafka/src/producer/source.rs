//! The application's source: where it goes on after a crash of the process.
//!
//! A source commits its own position as the outcomes of its records become known, as a connector does, or
//! as its records are handed to `send`. A process that ends loses what it had buffered and in flight; the
//! next one, with a new producer id, sends from that position on (R6.18, R6.24, F13).

use crate::machine::{Disk, LostTail};
use ackproof_types::RecordId;
use std::collections::VecDeque;

/// How far the source is: the application is done with all records below. It survives the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SourceCursor {
    next: u32,
    over: bool,
}

impl SourceCursor {
    /// One that begins with the record of this number.
    pub(crate) fn at(next: u32) -> Self {
        Self { next, over: false }
    }

    /// The first record to send after a restart.
    #[must_use]
    pub fn next(&self) -> u32 {
        self.next
    }

    /// The application has ended by itself: nobody starts it again.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }
}

impl Disk for SourceCursor {
    type Write = Progress;
    fn apply(&mut self, progress: Progress) {
        match progress {
            Progress::To(next) => self.next = next,
            Progress::Over => self.over = true,
        }
    }
    /// Where a source stands is kept by another system, which syncs each of its commits.
    fn flush(&mut self) {}
    fn lose_power(&mut self, _survive: &mut dyn FnMut(usize) -> usize) -> Vec<LostTail> {
        Vec::new()
    }
}

/// A source has come further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// The application is done with all records below this number.
    To(u32),
    /// It has ended by itself.
    Over,
}

/// The outcomes from the cursor on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source {
    cursor: u32,
    /// Whether the record this far past the cursor has its outcome; the first one never has.
    known: VecDeque<bool>,
}

impl Source {
    pub(super) fn new(cursor: SourceCursor) -> Self {
        Self { cursor: cursor.next, known: VecDeque::new() }
    }

    /// These records have their outcome; tells how far the source has come if it moved.
    pub(super) fn resolve(&mut self, records: impl Iterator<Item = RecordId>) -> Option<Progress> {
        let before = self.cursor;
        for id in records {
            let Some(past) = id.number.checked_sub(self.cursor) else { continue };
            if past == 0 {
                self.known.pop_front();
                self.cursor += 1;
                while self.known.front() == Some(&true) {
                    self.known.pop_front();
                    self.cursor += 1;
                }
                continue;
            }
            let past = past as usize;
            if past >= self.known.len() {
                self.known.resize(past + 1, false);
            }
            self.known[past] = true;
        }
        (self.cursor != before).then_some(Progress::To(self.cursor))
    }

    /// The application is done with all below `next`; tells how far the source has come if it moved.
    pub(super) fn skip_to(&mut self, next: u32) -> Option<Progress> {
        let moves = next > self.cursor;
        self.cursor = self.cursor.max(next);
        moves.then_some(Progress::To(self.cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::ProducerIndex;

    #[test]
    fn moves_past_outcomes_without_gaps() {
        let mut source = Source::new(SourceCursor { next: 10, over: false });
        let mut resolve = |numbers: &[u32]| {
            let id = |number: &u32| RecordId { producer: ProducerIndex(0), number: *number };
            source.resolve(numbers.iter().map(id))
        };
        assert_eq!(resolve(&[12, 11]), None);
        assert_eq!(resolve(&[14]), None);
        assert_eq!(resolve(&[10]), Some(Progress::To(13)));
        assert_eq!(resolve(&[13, 15]), Some(Progress::To(16)));
        assert_eq!(resolve(&[16]), Some(Progress::To(17)));
    }
}
