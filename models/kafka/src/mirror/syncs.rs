//! Which offset on the other side stands for an offset on this one, as far as the mirror remembers: pairs that it
//! has seen, dense at the end of the partition and ever sparser before it (R20.4–R20.6).
//!
//! Kafka: `OffsetSyncWriter.PartitionState`, `OffsetSyncStore`.

use ackproof_types::Offset;

/// Pairs that are kept of a partition: one for each bit of an offset.
const KEPT: usize = 64;

/// A record of the source and its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OffsetSync {
    /// The offset of the record.
    pub upstream: Offset,
    /// The offset of its copy.
    pub downstream: Offset,
}

/// When a pair is worth to be told at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Spacing {
    previous: Option<OffsetSync>,
    /// The copy of the last pair that was told.
    told: Option<Offset>,
}

impl Spacing {
    /// R20.4: takes an acknowledged copy; whether its pair is told now. Otherwise it waits for the next flush.
    pub(super) fn is_due(&mut self, sync: OffsetSync, lag_max: i64) -> bool {
        // A group is translated to one past the pair, so one past counts.
        let is_stale = self.told.is_none_or(|told| sync.downstream - (told + 1) >= lag_max);
        let skipped = self.previous.is_none_or(|one| sync.upstream - one.upstream != 1);
        let went_back = self.previous.is_some_and(|one| sync.downstream < one.downstream);
        self.previous = Some(sync);
        let is_due = is_stale || skipped || went_back;
        if is_due {
            self.told = Some(sync.downstream);
        }
        is_due
    }
}

/// The pairs of a partition, the newest first. All are the same to begin with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OffsetSyncs(Vec<OffsetSync>);

impl OffsetSyncs {
    /// The first pair.
    #[must_use]
    pub fn new(first: OffsetSync) -> Self {
        Self(vec![first; KEPT])
    }

    /// R20.5: takes a newer pair. The one at place n is never further from the newest than 2^n records, and pairs
    /// that are too close to each other give way.
    pub fn take(&mut self, sync: OffsetSync) {
        if sync.upstream < self.0[0].upstream {
            // The source was cut, and nothing before says anything of it.
            self.0.fill(sync);
            return;
        }
        let old = self.0.clone();
        let (mut candidate, mut from) = (sync, 0);
        self.0[0] = sync;
        for at in 1..KEPT {
            let before = self.0[at - 1];
            loop {
                let one = old[from];
                let separated = is_apart(before, one, at - 1);
                let leaves_room = at + 1 >= KEPT || is_apart(one, self.0[at + 1], at);
                let repeated = old.get(from + 1) == Some(&one);
                let promoted = is_recent(before, one, at - 1, at) && separated && leaves_room;
                if promoted {
                    candidate = one;
                }
                let skipped = repeated || !separated;
                if promoted || skipped {
                    from += 1;
                }
                if from >= at || !skipped {
                    break;
                }
            }
            if is_recent(before, self.0[at], at - 1, at) {
                break;
            }
            self.0[at] = candidate;
        }
    }

    /// The pair that was told last.
    #[must_use]
    pub fn newest(&self) -> OffsetSync {
        self.0[0]
    }

    /// R20.6: where a group that is to go on at `offset` of the source goes on here, never too far: behind the
    /// nearest pair before it, and one further, since all that follows was copied behind that. None: no pair is
    /// old enough.
    #[must_use]
    pub fn translate(&self, offset: Offset) -> Option<Offset> {
        let sync = self.0.iter().find(|sync| sync.upstream <= offset)?;
        Some(if sync.upstream == offset { sync.downstream } else { sync.downstream + 1 })
    }
}

/// The distance that the places `i` and `j` may have at most.
fn is_recent(newer: OffsetSync, older: OffsetSync, i: usize, j: usize) -> bool {
    let most = (1_i128 << j) - (1_i128 << i);
    newer == older || i128::from(newer.upstream - older.upstream) <= most
}

/// The distance that the one at place `i` keeps from the next older one at least.
fn is_apart(newer: OffsetSync, older: OffsetSync, i: usize) -> bool {
    let least = 1_i128 << i.saturating_sub(2);
    newer == older || i128::from(newer.upstream - older.upstream) >= least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sync(upstream: i64, downstream: i64) -> OffsetSync {
        OffsetSync { upstream: Offset(upstream), downstream: Offset(downstream) }
    }

    fn translated(syncs: &OffsetSyncs, offset: i64) -> Option<i64> {
        syncs.translate(Offset(offset)).map(|offset| offset.0)
    }

    #[test]
    fn a_pair_is_told_first_and_then_when_a_group_would_fall_behind() {
        let mut spacing = Spacing::default();
        let due: Vec<i64> = (0..250).filter(|at| spacing.is_due(sync(*at, *at + 7), 100)).collect();
        assert_eq!(due, [0, 101, 202]);
        assert!(spacing.is_due(sync(260, 257), 100), "records were left out");
        assert!(!spacing.is_due(sync(261, 258), 100));
        assert!(spacing.is_due(sync(262, 40), 100), "the copy was cut");
    }

    #[test]
    fn a_group_is_translated_to_one_past_the_pair_before_it() {
        let mut syncs = OffsetSyncs::new(sync(10, 4));
        assert_eq!(translated(&syncs, 9), None, "nobody knows what came before");
        assert_eq!(translated(&syncs, 10), Some(4), "the same record");
        assert_eq!(translated(&syncs, 11), Some(5));
        assert_eq!(translated(&syncs, 500), Some(5), "what follows may be left out in the copy");
        syncs.take(sync(111, 105));
        assert_eq!((translated(&syncs, 110), translated(&syncs, 112)), (Some(5), Some(106)));
    }

    #[test]
    fn a_source_that_goes_back_is_begun_anew() {
        let mut syncs = OffsetSyncs::new(sync(0, 0));
        syncs.take(sync(100, 100));
        syncs.take(sync(50, 120));
        assert_eq!((translated(&syncs, 49), translated(&syncs, 60)), (None, Some(121)));
    }

    /// Kafka: the invariants of `OffsetSyncStore`, after every pair of any row of them.
    #[test]
    fn old_pairs_thin_out_and_no_translation_is_ever_too_far() {
        for step in [1, 3, 100, 1000] {
            let mut syncs = OffsetSyncs::new(sync(0, 0));
            for at in 1..400_i64 {
                // Every third record was left out, so copies are fewer.
                syncs.take(sync(at * step, at * step * 2 / 3));
                for (place, pair) in syncs.0.windows(2).enumerate() {
                    assert!(is_recent(pair[0], pair[1], place, place + 1), "{place}: {pair:?}");
                    assert!(is_apart(pair[0], pair[1], place), "{place}: {pair:?}");
                }
                let end = at * step;
                for group in (0..=end).step_by(usize::try_from(end / 50 + 1).expect("few")) {
                    let there = translated(&syncs, group).unwrap_or(0);
                    assert!(there <= group * 2 / 3 + 1, "{group} of {end} is {there}");
                }
            }
            assert_eq!(syncs.0[0], sync(399 * step, 399 * step * 2 / 3));
        }
    }
}
