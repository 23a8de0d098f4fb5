//! The application's source: where it goes on after a crash of the process.
//!
//! A source commits its own position as the outcomes of its records become known, as a connector does.
//! A process that ends loses what it had buffered and in flight; the next one, with a new producer id,
//! sends again from the first record without an outcome (R6.18, R6.24, F13).

use crate::machine::Disk;
use ackproof_types::RecordId;
use std::collections::VecDeque;

/// How far the source is: all records below have an outcome. It survives the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SourceCursor(u32);

impl SourceCursor {
    /// The first record to send again.
    #[must_use]
    pub fn next(&self) -> u32 {
        self.0
    }
}

impl Disk for SourceCursor {
    type Write = Progress;
    fn apply(&mut self, Progress(next): Progress) {
        self.0 = next;
    }
    /// Where a source stands is kept by another system, which syncs each of its commits.
    fn flush(&mut self) {}
    fn lose_power(&mut self, _survive: &mut dyn FnMut(usize) -> usize) {}
}

/// All records below this number have an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Progress(pub u32);

/// The outcomes from the cursor on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source {
    cursor: u32,
    /// Whether the record this far past the cursor has its outcome; the first one never has.
    known: VecDeque<bool>,
}

impl Source {
    pub(super) fn new(cursor: SourceCursor) -> Self {
        Self { cursor: cursor.0, known: VecDeque::new() }
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
        (self.cursor != before).then_some(Progress(self.cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::ProducerIndex;

    #[test]
    fn moves_past_outcomes_without_gaps() {
        let mut source = Source::new(SourceCursor(10));
        let mut resolve = |numbers: &[u32]| {
            let id = |number: &u32| RecordId { producer: ProducerIndex(0), number: *number };
            source.resolve(numbers.iter().map(id))
        };
        assert_eq!(resolve(&[12, 11]), None);
        assert_eq!(resolve(&[14]), None);
        assert_eq!(resolve(&[10]), Some(Progress(13)));
        assert_eq!(resolve(&[13, 15]), Some(Progress(16)));
        assert_eq!(resolve(&[16]), Some(Progress(17)));
    }
}
