//! What a property writes its result into, and how instants read. It judges nothing.

use crate::history::Entry;
use crate::verdict::{Judgement, PropertyResult, Violation};
use ackproof_types::Timestamp;

/// Violations whose words are kept; the others are only counted.
const KEPT: usize = 10;

/// A result in the making.
#[derive(Debug)]
pub(crate) struct Report {
    name: &'static str,
    witnesses: u64,
    count: u64,
    violations: Vec<Violation>,
}

impl Report {
    /// Nothing judged yet.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, witnesses: 0, count: 0, violations: Vec::new() }
    }

    /// The property's name.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// `count` facts were judged.
    pub(crate) const fn judged(&mut self, count: usize) {
        self.witnesses += count as u64;
    }

    /// Something is wrong. The words are asked for only where they are kept.
    pub(crate) fn violated(
        &mut self,
        entry: &Entry,
        words: impl FnOnce() -> (String, Vec<String>),
    ) {
        self.violated_at(entry.seq, entry.at, words);
    }

    /// As [`Self::violated`], without the entry at hand.
    pub(crate) fn violated_at(
        &mut self,
        seq: u64,
        at: Timestamp,
        words: impl FnOnce() -> (String, Vec<String>),
    ) {
        self.count += 1;
        if self.violations.len() < KEPT {
            let (summary, story) = words();
            self.violations.push(Violation { seq, at, summary, story });
        }
    }

    /// The result.
    pub(crate) fn finish(self) -> PropertyResult {
        let judgement = match (self.count, self.witnesses) {
            (0, 0) => Judgement::Vacuous,
            (0, _) => Judgement::Held,
            _ => Judgement::Violated,
        };
        PropertyResult {
            name: self.name,
            judgement,
            witnesses: self.witnesses,
            violation_count: self.count,
            violations: self.violations,
        }
    }
}

/// `12.301s`.
pub(crate) fn instant(at: Timestamp) -> String {
    format!("{}.{:03}s", at.as_millis() / 1000, at.as_millis() % 1000)
}
