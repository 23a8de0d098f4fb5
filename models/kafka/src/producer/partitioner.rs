//! Which partition a record goes to: by its key, or sticky.
//!
//! Knows nothing of batches: what it must know of the queues it is told. Kafka:
//! `BuiltInPartitioner` (R6.3).

use crate::client::murmur2::partition_of;
use ackproof_types::mix::mix;

/// The partition of a key, which producers serialize to its decimal digits.
pub(super) fn keyed(key: u32, partitions: u16) -> u16 {
    let mut digits = [0_u8; 10];
    let mut start = digits.len();
    let mut rest = key;
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest % 10).expect("a digit");
        rest /= 10;
        if rest == 0 {
            return partition_of(&digits[start..], partitions);
        }
    }
}

/// The partition that records without a key stay on for about `batch.size` bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sticky {
    partition: Option<u16>,
    bytes: u64,
    batch_size: u64,
    /// `partitioner.adaptive.partitioning.enable`.
    adaptive: bool,
    salt: u64,
    draws: u64,
    weights: Vec<(u16, u64)>,
}

/// What the choice of the next partition goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Load {
    /// Batches that wait.
    pub(super) queued: u64,
    /// It has a leader.
    pub(super) has_leader: bool,
    /// Its leader took something within `partitioner.availability.timeout.ms`, or nothing waits for it.
    pub(super) is_available: bool,
    /// It had a batch before.
    pub(super) used: bool,
}

impl Sticky {
    pub(super) fn new(batch_size: u32, adaptive: bool, salt: u64) -> Self {
        let batch_size = batch_size.into();
        let weights = Vec::new();
        Self { partition: None, bytes: 0, batch_size, adaptive, salt, draws: 0, weights }
    }

    /// The partition to add to now.
    pub(super) fn peek(&mut self, partitions: impl Iterator<Item = Load>) -> u16 {
        match self.partition {
            Some(partition) => partition,
            None => self.switch(partitions),
        }
    }

    /// Whether it is time for the next partition. `is_boundary`: the last batch of the current one is
    /// full, or there is none, so that a switch leaves no fraction of a batch behind.
    pub(super) fn is_spent(&self, is_boundary: bool) -> bool {
        self.bytes >= self.batch_size && is_boundary || self.bytes >= 2 * self.batch_size
    }

    /// So many bytes went to the current partition.
    pub(super) fn add(&mut self, bytes: u32) {
        self.bytes += u64::from(bytes);
    }

    /// Goes on to the next partition: uniform over those with a leader, or weighted against the length
    /// of their queues once all have been used (adaptive partitioning), without those whose leader takes
    /// nothing, unless that is all of them.
    pub(super) fn switch(&mut self, partitions: impl Iterator<Item = Load>) -> u16 {
        self.weights.clear();
        let (mut all, mut all_used, mut equal, mut longest) = (0_u16, true, true, 0);
        let (mut led, mut available, mut first) = (0, 0, None);
        for (load, number) in partitions.zip(0..) {
            all += 1;
            all_used &= load.used;
            led += u16::from(load.has_leader);
            if load.has_leader && load.is_available {
                available += 1;
                equal &= *first.get_or_insert(load.queued) == load.queued;
                longest = longest.max(load.queued);
                self.weights.push((number, load.queued + 1));
            } else if load.has_leader {
                self.weights.push((number, 0));
            }
        }
        let differ = !(equal && available == all);
        let adaptive = self.adaptive && all_used && available > 0 && all > 1 && differ;
        for (_, weight) in &mut self.weights {
            *weight = match (adaptive, *weight) {
                (true, 0) => 0,
                (true, queued) => longest + 2 - queued,
                (false, _) => 1,
            };
        }
        if led == 0 {
            self.weights.extend((0..all).map(|number| (number, 1)));
        }
        self.draws += 1;
        let total: u64 = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut drawn = mix(self.salt ^ self.draws) % total;
        let chosen = self.weights.iter().find(|(_, weight)| match drawn.checked_sub(*weight) {
            Some(rest) => {
                drawn = rest;
                false
            }
            None => true,
        });
        let (partition, _) = *chosen.expect("the draw is below the sum of the weights");
        self.partition = Some(partition);
        self.bytes = 0;
        partition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(queued: u64, has_leader: bool) -> Load {
        Load { queued, has_leader, is_available: true, used: true }
    }

    /// How often each of `loads` is chosen in 10 000 switches.
    fn shares(loads: &[Load]) -> Vec<u32> {
        chosen(loads, true)
    }

    fn chosen(loads: &[Load], adaptive: bool) -> Vec<u32> {
        let mut sticky = Sticky::new(100, adaptive, 7);
        let mut counts = vec![0; loads.len()];
        for _ in 0..10_000 {
            counts[usize::from(sticky.switch(loads.iter().copied()))] += 1;
        }
        counts
    }

    #[test]
    fn keys_hash_as_their_decimal_text() {
        for key in [0, 7, 21, 1_000_000, u32::MAX] {
            assert_eq!(keyed(key, 12), partition_of(key.to_string().as_bytes(), 12), "{key}");
        }
    }

    #[test]
    fn switches_at_a_batch_boundary_or_at_twice_the_size() {
        let mut sticky = Sticky::new(100, true, 7);
        sticky.add(99);
        assert!(!sticky.is_spent(true));
        sticky.add(1);
        assert!(sticky.is_spent(true));
        assert!(!sticky.is_spent(false), "it would leave a fraction of a batch");
        sticky.add(100);
        assert!(sticky.is_spent(false));
    }

    #[test]
    fn prefers_short_queues_and_leaves_out_the_leaderless() {
        let even = shares(&[load(2, true), load(2, true)]);
        assert!(even.iter().all(|count| (4800..5200).contains(count)), "{even:?}");
        let weighted = shares(&[load(0, true), load(3, true), load(1, true)]);
        let expected = [5000, 1250, 3750];
        assert!(weighted.iter().zip(expected).all(|(n, e)| n.abs_diff(e) < 300), "{weighted:?}");
        assert_eq!(shares(&[load(0, false), load(9, true)]), [0, 10_000]);
        assert!(shares(&[load(0, false), load(0, false)]).iter().all(|count| *count > 4000));
        let fresh = Load { used: false, ..load(0, true) };
        let uniform = shares(&[load(9, true), fresh]);
        assert!(uniform.iter().all(|count| *count > 4800), "not all were used: {uniform:?}");
    }

    #[test]
    fn is_uniform_without_adaptive_partitioning() {
        let busy = Load { is_available: false, ..load(9, true) };
        let uniform = chosen(&[load(0, true), busy], false);
        assert!(uniform.iter().all(|count| *count > 4800), "{uniform:?}");
        assert_eq!(chosen(&[load(0, false), load(9, true)], false), [0, 10_000]);
    }

    /// `RecordAccumulator#partitionReady` leaves them out of the load statistics.
    #[test]
    fn leaves_out_partitions_whose_leader_takes_nothing_unless_that_is_all() {
        let stuck = |queued| Load { is_available: false, ..load(queued, true) };
        assert_eq!(shares(&[stuck(0), load(5, true)]), [0, 10_000]);
        let weighted = shares(&[stuck(0), load(0, true), load(3, true)]);
        let expected = [0, 8000, 2000];
        assert!(weighted.iter().zip(expected).all(|(n, e)| n.abs_diff(e) < 300), "{weighted:?}");
        let all = shares(&[stuck(0), stuck(9)]);
        assert!(all.iter().all(|count| *count > 4800), "{all:?}");
    }
}
