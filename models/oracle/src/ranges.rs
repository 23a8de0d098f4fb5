//! Sets of offsets as ranges: little memory where they are dense. They know no event.

use std::collections::BTreeMap;

/// Offsets, as ranges from a start to an end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranges(BTreeMap<i64, i64>);

impl Ranges {
    /// Adds everything from `from` to below `to`.
    pub(crate) fn insert(&mut self, from: i64, to: i64) {
        if from >= to {
            return;
        }
        // Nearly always behind the last one.
        if let Some(mut last) = self.0.last_entry()
            && *last.key() <= from
            && *last.get() >= from
        {
            *last.get_mut() = to.max(*last.get());
            return;
        }
        let (mut start, mut end) = (from, to);
        // What begins behind it is left alone, what it touches becomes a part of it.
        while let Some((&other, &its_end)) = self.0.range(..=end).next_back() {
            if its_end < start {
                break;
            }
            self.0.remove(&other);
            (start, end) = (start.min(other), end.max(its_end));
        }
        self.0.insert(start, end);
    }

    /// Takes out what is at `offset` and above.
    pub(crate) fn cut(&mut self, offset: i64) {
        self.0.split_off(&offset);
        if let Some(mut last) = self.0.last_entry() {
            *last.get_mut() = offset.min(*last.get());
        }
    }

    /// Forgets ranges that lie below `offset` as a whole.
    pub(crate) fn forget(&mut self, offset: i64) {
        while let Some(first) = self.0.first_entry().filter(|first| *first.get() <= offset) {
            first.remove();
        }
    }

    /// Whether `offset` is inside.
    pub(crate) fn contains(&self, offset: i64) -> bool {
        self.past(offset) > offset
    }

    /// The first at `offset` or above that is not inside.
    pub(crate) fn past(&self, offset: i64) -> i64 {
        // What is asked for lies mostly behind all, or in the last one.
        let last = self.0.last_key_value().filter(|(start, _)| **start <= offset);
        let before = last.or_else(|| self.0.range(..=offset).next_back());
        before.map_or(offset, |(_, end)| offset.max(*end))
    }

    /// The first at `offset` or above that is inside.
    pub(crate) fn next(&self, offset: i64) -> Option<i64> {
        if self.contains(offset) {
            return Some(offset);
        }
        self.0.range(offset..).next().map(|(start, _)| *start)
    }

    /// How many there are from `from` to below `to`.
    pub(crate) fn count(&self, from: i64, to: i64) -> u64 {
        let within = self.0.range(..to).map(|(&start, &end)| end.min(to) - start.max(from));
        within.filter_map(|count| u64::try_from(count).ok()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Ranges;

    #[test]
    fn ranges_that_touch_become_one() {
        let mut ranges = Ranges::default();
        for (from, to) in [(5, 7), (0, 2), (9, 9), (2, 3), (10, 12), (6, 8)] {
            ranges.insert(from, to);
        }
        assert_eq!(ranges.0.iter().collect::<Vec<_>>(), [(&0, &3), (&5, &8), (&10, &12)]);
        assert_eq!((ranges.past(0), ranges.past(3), ranges.past(11)), (3, 3, 12));
        assert_eq!((ranges.next(1), ranges.next(3), ranges.next(12)), (Some(1), Some(5), None));
        assert!(ranges.contains(7) && !ranges.contains(8) && !ranges.contains(-1));
        assert_eq!((ranges.count(1, 11), ranges.count(3, 5), ranges.count(0, 100)), (6, 0, 8));
        let mut above = ranges.clone();
        above.forget(8);
        assert_eq!(above.0.iter().collect::<Vec<_>>(), [(&10, &12)]);
        ranges.insert(1, 11);
        assert_eq!(ranges.0.iter().collect::<Vec<_>>(), [(&0, &12)]);
        ranges.cut(6);
        assert_eq!((ranges.past(0), ranges.count(0, 100)), (6, 6));
    }
}
