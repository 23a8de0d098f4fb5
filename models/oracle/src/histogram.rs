//! A histogram of lengths of time: sixteen bins to each doubling, so that a quantile is right to within
//! 6.25 % whatever the length. Counts are whole numbers: histograms add up in any order.

use ackproof_types::Micros;

/// Bins to a doubling, as a power of two.
const FINE: u32 = 4;
/// Below this every microsecond has a bin of its own.
const EXACT: u64 = 1 << FINE;
/// Longer lengths, some twelve days and more, count as this one.
const LONGEST: u64 = (1 << 40) - 1;

/// How many lengths fell into each bin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    // Up to the last bin that holds something.
    bins: Vec<u64>,
    count: u64,
    sum: u64,
    longest: u64,
}

/// The bin of a length.
#[must_use]
pub fn bin(length: Micros) -> usize {
    let us = length.0.min(LONGEST);
    let Some(shift) = us.checked_ilog2().and_then(|log| log.checked_sub(FINE)) else {
        return usize::try_from(us).unwrap_or(0);
    };
    let place = u64::from(shift + 1) * EXACT + ((us >> shift) & (EXACT - 1));
    usize::try_from(place).unwrap_or(0)
}

/// The shortest and the longest length of a bin, in microseconds, both included.
#[must_use]
pub fn edges(bin: usize) -> (u64, u64) {
    let bin = bin as u64;
    if bin < EXACT {
        return (bin, bin);
    }
    let shift = bin / EXACT - 1;
    let low = (EXACT + bin % EXACT) << shift;
    (low, low + (1 << shift) - 1)
}

impl Histogram {
    /// Takes one length.
    pub fn add(&mut self, length: Micros) {
        let bin = bin(length);
        if self.bins.len() <= bin {
            self.bins.resize(bin + 1, 0);
        }
        self.bins[bin] += 1;
        self.count += 1;
        self.sum = self.sum.saturating_add(length.0);
        self.longest = self.longest.max(length.0);
    }

    /// How many lengths there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Their sum in microseconds.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// The longest; none of none.
    #[must_use]
    pub fn longest(&self) -> Option<Micros> {
        (self.count > 0).then_some(Micros(self.longest))
    }

    /// Counts by bin, up to the last that holds something.
    #[must_use]
    pub fn bins(&self) -> &[u64] {
        &self.bins
    }

    /// Their mean; none of none.
    #[must_use]
    pub fn mean(&self) -> Option<Micros> {
        self.sum.checked_div(self.count).map(Micros)
    }

    /// The length that `per_mille` of a thousand do not exceed: the upper edge of its bin, or the
    /// longest. None of none.
    #[must_use]
    pub fn quantile(&self, per_mille: u64) -> Option<Micros> {
        let rank = (u128::from(self.count) * u128::from(per_mille)).div_ceil(1000).max(1);
        let mut below = 0_u128;
        let found = self.bins.iter().position(|count| {
            below += u128::from(*count);
            below >= rank
        })?;
        Some(Micros(edges(found).1.min(self.longest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_length_lies_within_its_bin_and_bins_are_narrow(us in 0..=LONGEST) {
            let (low, high) = edges(bin(Micros(us)));
            prop_assert!((low..=high).contains(&us), "{us} not in {low}..={high}");
            prop_assert!(high - low <= low / 16);
        }

        #[test]
        fn bins_follow_one_another(number in 0_usize..590) {
            prop_assert_eq!(edges(number).1 + 1, edges(number + 1).0);
            prop_assert_eq!(bin(Micros(edges(number).0)), number);
        }
    }

    #[test]
    fn quantiles_mean_and_longest_are_those_of_the_lengths() {
        let mut histogram = Histogram::default();
        assert_eq!(
            (histogram.quantile(500), histogram.mean(), histogram.longest()),
            (None, None, None)
        );
        for us in (1..=100).map(|n| n * 1000) {
            histogram.add(Micros(us));
        }
        let near = |per_mille, wanted: u64| {
            let found = histogram.quantile(per_mille).unwrap().0;
            assert!((wanted..=wanted + wanted / 16).contains(&found), "{found} is not {wanted}");
        };
        near(500, 50_000);
        near(950, 95_000);
        near(1, 1000);
        assert_eq!(histogram.quantile(1000), Some(Micros(100_000)));
        assert_eq!(histogram.mean(), Some(Micros(50_500)));
        histogram.add(Micros(u64::MAX));
        assert_eq!(histogram.longest(), Some(Micros(u64::MAX)));
    }
}
