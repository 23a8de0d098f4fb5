//! The states that are known, each by 64 bits of hash (hash compaction), with the step that led to it first.

use ackproof_kafka::replicas::Step;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Parts of the set, each with a lock of its own.
const SHARDS: usize = 256;
/// Bits of a hash that say which part it belongs to.
const BITS: u32 = 14;

/// How a state was reached first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) parent: u64,
    pub(super) step: Step,
    pub(super) depth: u16,
}

type Shard = HashTable<(u64, Origin)>;

/// All known states.
#[derive(Debug)]
pub(super) struct Known {
    shards: Vec<Mutex<Shard>>,
    /// The shard of each value of the first bits.
    of: Vec<u16>,
    bytes: AtomicUsize,
}

/// The largest shard is twice as large as the smallest. So they do not all grow at once: a table doubles when it is
/// full.
fn uneven() -> Vec<u16> {
    let all = 1_usize << BITS;
    let weights: Vec<usize> = (0..SHARDS).map(|shard| SHARDS + shard).collect();
    let total: usize = weights.iter().sum();
    let mut of = Vec::with_capacity(all);
    let mut upto = 0;
    for (shard, weight) in (0..).zip(weights) {
        upto += weight;
        of.resize(all * upto / total, shard);
    }
    of
}

impl Known {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::new())).collect();
        Self { shards, of: uneven(), bytes: AtomicUsize::new(0) }
    }

    fn shard(&self, state: u64) -> &Mutex<Shard> {
        // The table takes its own bits from both ends.
        let bits = (state >> 24) & ((1 << BITS) - 1);
        &self.shards[usize::from(self.of[usize::try_from(bits).unwrap_or_default()])]
    }

    /// Whether it is new. Of ways of one length the smallest is kept.
    pub(super) fn insert(&self, state: u64, origin: Origin) -> bool {
        let mut shard = self.shard(state).lock().unwrap_or_else(PoisonError::into_inner);
        let grows = (shard.len() == shard.capacity()).then(|| shard.allocation_size());
        let new = match shard.entry(state, |(known, _)| *known == state, |(known, _)| *known) {
            Entry::Vacant(place) => {
                place.insert((state, origin));
                true
            }
            Entry::Occupied(mut place) => {
                let (_, known) = place.get_mut();
                let order = |one: &Origin| (one.depth, one.parent, one.step);
                if order(&origin) < order(known) {
                    *known = origin;
                }
                false
            }
        };
        if let Some(before) = grows {
            self.bytes.fetch_add(shard.allocation_size() - before, Ordering::Relaxed);
        }
        new
    }

    pub(super) fn way_to(&self, mut state: u64) -> Vec<Step> {
        let mut steps = Vec::new();
        loop {
            let shard = self.shard(state).lock().unwrap_or_else(PoisonError::into_inner);
            let known = shard.find(state, |(known, _)| *known == state);
            let Some((_, origin)) = known.filter(|(_, origin)| origin.depth > 0) else { break };
            steps.push(origin.step);
            state = origin.parent;
        }
        steps.reverse();
        steps
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_has_a_shard_and_the_largest_is_twice_the_smallest() {
        let of = uneven();
        assert_eq!(of.len(), 1 << BITS);
        let size = |shard: u16| of.iter().filter(|one| **one == shard).count();
        let (first, last) = (size(0), size(u16::try_from(SHARDS - 1).unwrap()));
        assert!((first * 19 / 10..=first * 21 / 10).contains(&last), "{first} and {last}");
    }

    #[test]
    fn the_first_way_is_kept_and_of_equal_ones_the_smallest() {
        let known = Known::new();
        let origin = |parent, step, depth| Origin { parent, step, depth };
        assert!(known.insert(1, origin(1, Step::Lag(0), 0)));
        assert!(known.insert(2, origin(1, Step::Lag(1), 1)));
        assert!(!known.insert(2, origin(1, Step::Lag(0), 1)));
        assert!(!known.insert(2, origin(1, Step::Crash(0), 2)));
        assert!(known.insert(3, origin(2, Step::Crash(1), 2)));
        assert_eq!(known.way_to(3), [Step::Lag(0), Step::Crash(1)]);
        assert!(known.bytes() > 0);
    }
}
