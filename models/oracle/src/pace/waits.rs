//! Who waits for a partition, and since when. It judges nothing.

use super::{STALL, Stalls};
use ackproof_types::{Micros, ProducerIndex, RecordId};
use std::collections::BTreeSet;

/// Whether a partition waits, and since when.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wait {
    pub(super) since: Option<u64>,
    /// When the last wait ended.
    pub(super) ended: u64,
    /// Something waited here.
    pub(super) began: bool,
    /// The first sign and the last.
    pub(super) seen: Option<(u64, u64)>,
    pub(super) longest_at: (u64, u64),
    pub(super) stalled: u64,
}

impl Wait {
    pub(super) const fn longest(&self) -> u64 {
        self.longest_at.1 - self.longest_at.0
    }

    pub(super) fn sign(&mut self, at: u64) {
        self.seen = Some((self.seen.map_or(at, |(first, _)| first), at));
    }

    pub(super) fn begin(&mut self, at: u64) {
        self.sign(at);
        self.began = true;
        self.since.get_or_insert(at);
    }

    /// Something waits here since `since`, as shows only now; what got through since then cuts it short.
    pub(super) fn begin_since(&mut self, since: u64, at: u64) {
        let since = since.max(self.ended);
        self.begin(at);
        self.since = self.since.map(|other| other.min(since));
        self.seen = self.seen.map(|(first, last)| (first.min(since), last));
    }

    /// Something got through, or nothing waits any more; `more` still waits.
    pub(super) fn end(&mut self, at: u64, more: bool) {
        self.sign(at);
        if let Some(since) = self.since {
            let length = at.saturating_sub(since);
            if length > self.longest() {
                self.longest_at = (since, at);
            }
            self.stalled += if length > STALL.0 { length } else { 0 };
        }
        self.ended = at;
        self.since = more.then_some(at);
    }

    pub(super) fn add_to(&self, sums: &mut Option<Stalls>) {
        if !self.began {
            return;
        }
        let sums = sums.get_or_insert_default();
        let (first, last) = self.seen.unwrap_or_default();
        sums.longest = sums.longest.max(Micros(self.longest()));
        sums.stalled = sums.stalled + Micros(self.stalled);
        sums.observed = sums.observed + Micros(last - first);
    }
}

/// A partition as its producers see it.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    pub(super) wait: Wait,
    /// Records that wait, by producer.
    pub(super) waiting: Vec<u32>,
}

impl Written {
    pub(super) fn of(&mut self, producer: ProducerIndex) -> &mut u32 {
        if self.waiting.len() <= producer.index() {
            self.waiting.resize(producer.index() + 1, 0);
        }
        &mut self.waiting[producer.index()]
    }

    /// `count` records of `producer` wait no longer; `calls` of `send` that block may wait for this partition.
    pub(super) fn settle(
        &mut self,
        at: u64,
        (producer, count): (ProducerIndex, u32),
        progress: bool,
        calls: bool,
    ) {
        let waiting = self.of(producer);
        *waiting = waiting.saturating_sub(count);
        let more = self.is_waited_for();
        if progress || !(more || calls) {
            self.wait.end(at, more);
        }
    }

    pub(super) fn is_waited_for(&self) -> bool {
        self.waiting.iter().any(|count| *count > 0)
    }
}

/// A partition as a group sees it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Read {
    pub(super) wait: Wait,
    /// One past the highest offset acknowledged, and processed.
    pub(super) end: i64,
    pub(super) done: i64,
}

/// The calls of `send` of a producer that block.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocked {
    pub(super) wait: Wait,
    pub(super) calls: BTreeSet<RecordId>,
}
