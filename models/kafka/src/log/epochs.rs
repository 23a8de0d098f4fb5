//! The leader-epoch cache of one log: which leadership wrote which offsets.
//!
//! Knows nothing of batches. Kafka: `LeaderEpochFileCache` (KIP-101, KIP-279).

use crate::message::EpochEnd;
use ackproof_types::{LeaderEpoch, Offset};

/// Epochs with their start offsets, ascending in both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EpochCache {
    entries: Vec<(LeaderEpoch, Offset)>,
}

impl EpochCache {
    /// The latest epoch; UNKNOWN if there is none.
    #[must_use]
    pub fn latest(&self) -> LeaderEpoch {
        self.entries.last().map_or(LeaderEpoch::UNKNOWN, |(epoch, _)| *epoch)
    }

    /// The earliest epoch; UNKNOWN if there is none.
    #[must_use]
    pub fn earliest(&self) -> LeaderEpoch {
        self.entries.first().map_or(LeaderEpoch::UNKNOWN, |(epoch, _)| *epoch)
    }

    /// R1.11: notes that `epoch` begins at `start`, dropping what contradicts it.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) {
        if let Some((latest, from)) = self.entries.last()
            && *latest == epoch
            && *from <= start
        {
            return;
        }
        while let Some((latest, from)) = self.entries.last()
            && (*latest >= epoch || *from >= start)
        {
            self.entries.pop();
        }
        self.entries.push((epoch, start));
    }

    /// R1.13: the end of `asked`, in a log that ends at `log_end`.
    #[must_use]
    pub fn end_of(&self, asked: LeaderEpoch, log_end: Offset) -> EpochEnd {
        if asked == LeaderEpoch::UNKNOWN {
            return EpochEnd::UNDEFINED;
        }
        if asked == self.latest() {
            return EpochEnd { epoch: asked, end: log_end };
        }
        let higher = self.entries.partition_point(|(epoch, _)| *epoch <= asked);
        let Some((_, end)) = self.entries.get(higher) else {
            return EpochEnd::UNDEFINED;
        };
        let epoch = if higher == 0 { asked } else { self.entries[higher - 1].0 };
        EpochEnd { epoch, end: *end }
    }

    /// Epochs and their starts ascend, none begins after the end of the log.
    pub(super) fn check(&self, log_end: Offset) {
        for pair in self.entries.windows(2) {
            assert!(pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1, "epochs ascend: {self:?}");
        }
        let last = self.entries.last().map(|(_, start)| *start);
        assert!(last.is_none_or(|start| start <= log_end), "{self:?} beyond {log_end}");
    }

    /// R1.14: folds what starts at or before `offset` into one entry that starts there.
    pub fn truncate_from_start(&mut self, offset: Offset) {
        let folded = self.entries.partition_point(|(_, start)| *start <= offset);
        if folded > 0 {
            self.entries.drain(..folded - 1);
            self.entries[0].1 = offset;
        }
    }

    /// R1.14, R1.15: removes entries that start at or after `offset`.
    pub fn truncate_from_end(&mut self, offset: Offset) {
        while self.entries.last().is_some_and(|(_, start)| *start >= offset) {
            self.entries.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: &[(i32, i64)]) -> EpochCache {
        let mut cache = EpochCache::default();
        for (epoch, start) in entries {
            cache.assign(LeaderEpoch(*epoch), Offset(*start));
        }
        cache
    }

    fn end(cache: &EpochCache, epoch: i32, log_end: i64) -> (i32, i64) {
        let end = cache.end_of(LeaderEpoch(epoch), Offset(log_end));
        (end.epoch.0, end.end.0)
    }

    #[test]
    fn answers_the_largest_epoch_not_above_the_asked_one() {
        let cache = cache(&[(1, 0), (2, 5), (4, 8)]);
        assert_eq!(end(&cache, 3, 10), (2, 8), "W3: the leader's answer");
        assert_eq!(end(&cache, 4, 10), (4, 10));
        assert_eq!(end(&cache, 0, 10), (0, 0), "none below: the start of the lowest");
        assert_eq!(end(&cache, 5, 10), (-1, -1), "none above");
    }

    #[test]
    fn a_higher_start_folds_the_epochs_before_it_into_one() {
        let mut folded = cache(&[(1, 0), (2, 5), (4, 8)]);
        folded.truncate_from_start(Offset(6));
        assert_eq!(folded, cache(&[(2, 6), (4, 8)]));
        assert_eq!(end(&folded, 1, 10), (1, 6), "what is gone ends where the log begins");
        folded.truncate_from_start(Offset(8));
        assert_eq!(folded, cache(&[(4, 8)]));
    }

    #[test]
    fn an_epoch_without_records_is_replaced_by_the_next() {
        let cache = cache(&[(4, 0), (5, 10), (6, 10)]);
        assert_eq!(end(&cache, 4, 10), (4, 10), "W4");
        assert_eq!(end(&cache, 5, 12), (4, 10));
    }
}
