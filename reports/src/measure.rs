//! Measures as data: of one run, and over seeds as sums from which every estimate follows.
//!
//! All sums are whole numbers and the same in any order, so that parts of a sweep add up to exactly the
//! whole. A run is the unit of chance: the sums of squares and products say how much runs differ.

use crate::sweep::Interval;
use ackproof_oracle::histogram::Histogram;
use ackproof_oracle::pace::Stalls;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lengths of time in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// How many.
    pub count: u64,
    /// Their mean; quantiles are right to within 6.25 %. Null of none, as all that follows.
    pub mean_ms: Option<f64>,
    /// Half are no longer.
    pub p50_ms: Option<f64>,
    /// 95 % are no longer.
    pub p95_ms: Option<f64>,
    /// 99 % are no longer.
    pub p99_ms: Option<f64>,
    /// The longest.
    pub max_ms: Option<f64>,
}

/// Times in which records waited and nothing got through, in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stall {
    /// The longest wait of a partition.
    pub longest_ms: f64,
    /// Waits of more than a second, partitions added up.
    pub stalled_ms: u64,
    /// The time from the first to the last record of each partition, added up.
    pub observed_ms: u64,
    /// `stalled_ms` of `observed_ms`.
    pub unavailability: f64,
}

/// A measure over the seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MeasureSweep {
    /// `duplicate_rate`, `ack_latency`, ….
    pub name: String,
    /// The group, where one is concerned.
    pub group: Option<String>,
    /// What values are in.
    pub unit: Unit,
    /// Runs that had something to measure.
    pub runs: u64,
    /// What follows from the sums.
    pub estimates: Vec<Estimate>,
    /// The sums.
    pub sums: Sums,
}

/// What the values of a measure are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A part of a whole.
    Share,
    /// Milliseconds.
    Milliseconds,
}

/// An estimate with its interval, at 95 %, clustered by run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// `rate`, `mean`, `p50`, `p95`, `p99`, `max`.
    pub of: String,
    /// The value over all runs.
    pub value: f64,
    /// Null where the runs say nothing of how much they differ: a single one, or all alike without any.
    pub interval: Option<Interval>,
}

/// Sums over runs of a part and its whole: duplicates and records, microseconds and acknowledgements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sums {
    /// Of the part.
    pub part: u64,
    /// Of the whole.
    pub whole: u64,
    /// Of the squares of the part.
    pub part_squares: u128,
    /// Of part times whole.
    pub products: u128,
    /// Of the squares of the whole.
    pub whole_squares: u128,
    /// For lengths of time: how many are no longer than the upper edge of each bin.
    pub bins: Cumulative,
}

/// Cumulative counts by bin of [`Histogram`]; in JSON only bins that differ from the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Vec<Step>", into = "Vec<Step>")]
pub struct Cumulative(Vec<Below>);

/// Counts up to one bin, summed over runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Below {
    /// Of the counts.
    pub count: u64,
    /// Of their squares.
    pub squares: u128,
    /// Of each times the run's whole.
    pub products: u128,
}

/// A bin in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct Step {
    /// Its number; sixteen to each doubling of microseconds.
    bin: usize,
    /// Lengths up to it, over all runs.
    count: u64,
    /// The sum of the squares of each run's.
    squares: u128,
    /// The sum of each run's times all of the run's.
    products: u128,
}

impl Latency {
    /// Of the lengths of `histogram`.
    #[must_use]
    pub fn of(histogram: &Histogram) -> Self {
        let ms = |length: ackproof_types::Micros| millis(length.0);
        let quantile = |per_mille| histogram.quantile(per_mille).map(ms);
        Self {
            count: histogram.count(),
            mean_ms: histogram.mean().map(ms),
            p50_ms: quantile(500),
            p95_ms: quantile(950),
            p99_ms: quantile(990),
            max_ms: histogram.longest().map(ms),
        }
    }
}

impl Stall {
    /// As a report shows them.
    #[must_use]
    pub fn of(stalls: Stalls) -> Self {
        let (stalled, observed) = (stalls.stalled.as_millis(), stalls.observed.as_millis());
        let unavailability = if observed == 0 { 0.0 } else { millis(stalled) / millis(observed) };
        let longest_ms = millis(stalls.longest.0);
        Self { longest_ms, stalled_ms: stalled, observed_ms: observed, unavailability }
    }
}

/// Microseconds as milliseconds.
#[expect(clippy::cast_precision_loss, reason = "a length for people, far below 2^52")]
pub(crate) fn millis(us: u64) -> f64 {
    us as f64 / 1000.0
}

impl Sums {
    /// Takes a run's `part` of a `whole`.
    pub fn add(&mut self, part: u64, whole: u64) {
        let (wide_part, wide_whole) = (u128::from(part), u128::from(whole));
        self.part = self.part.saturating_add(part);
        self.whole = self.whole.saturating_add(whole);
        self.part_squares += wide_part * wide_part;
        self.products += wide_part * wide_whole;
        self.whole_squares += wide_whole * wide_whole;
    }

    /// Takes a run's lengths of time.
    pub fn add_lengths(&mut self, lengths: &Histogram) {
        self.bins.reach(lengths.bins().len(), self.whole, self.whole_squares);
        self.add(lengths.sum(), lengths.count());
        let (mut below, mut counts) = (0, lengths.bins().iter());
        for bin in &mut self.bins.0 {
            below += counts.next().copied().unwrap_or(0);
            bin.count += below;
            bin.squares += u128::from(below) * u128::from(below);
            bin.products += u128::from(below) * u128::from(lengths.count());
        }
    }

    /// Takes the sums over other runs.
    pub fn absorb(&mut self, other: &Self) {
        let mut theirs = other.bins.clone();
        theirs.reach(self.bins.0.len(), other.whole, other.whole_squares);
        self.bins.reach(theirs.0.len(), self.whole, self.whole_squares);
        for (ours, theirs) in self.bins.0.iter_mut().zip(&theirs.0) {
            ours.count += theirs.count;
            ours.squares += theirs.squares;
            ours.products += theirs.products;
        }
        self.part = self.part.saturating_add(other.part);
        self.whole = self.whole.saturating_add(other.whole);
        self.part_squares += other.part_squares;
        self.products += other.products;
        self.whole_squares += other.whole_squares;
    }
}

impl Cumulative {
    /// By bin, from 0.
    #[must_use]
    pub fn bins(&self) -> &[Below] {
        &self.0
    }

    /// Has `length` bins at least: beyond the last one every run has its `whole` below it.
    fn reach(&mut self, length: usize, whole: u64, squares: u128) {
        if self.0.len() < length {
            self.0.resize(length, Below { count: whole, squares, products: squares });
        }
    }
}

impl From<Vec<Step>> for Cumulative {
    fn from(steps: Vec<Step>) -> Self {
        let mut bins = Vec::new();
        let mut last = Below::default();
        // A file may say anything: no length has a bin beyond.
        for step in steps.iter().filter(|step| step.bin < 1 << 10) {
            bins.resize(bins.len().max(step.bin), last);
            last = Below { count: step.count, squares: step.squares, products: step.products };
            bins.push(last);
        }
        Self(bins)
    }
}

impl From<Cumulative> for Vec<Step> {
    fn from(cumulative: Cumulative) -> Self {
        let mut last = Below::default();
        let mut steps = Self::new();
        for (bin, below) in cumulative.0.into_iter().enumerate() {
            if below != last {
                let Below { count, squares, products } = below;
                steps.push(Step { bin, count, squares, products });
                last = below;
            }
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::Micros;

    fn lengths(of: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        of.iter().for_each(|us| histogram.add(Micros(*us)));
        histogram
    }

    fn sums(runs: &[&[u64]]) -> Sums {
        let mut sums = Sums::default();
        runs.iter().for_each(|run| sums.add_lengths(&lengths(run)));
        sums
    }

    #[test]
    fn parts_add_up_to_the_whole_in_any_order() {
        let runs: [&[u64]; 4] = [&[5, 70], &[], &[9_000_000, 3], &[70, 71, 400]];
        let whole = sums(&runs);
        let mut other = sums(&[runs[3], runs[1]]);
        other.absorb(&sums(&[runs[2], runs[0]]));
        assert_eq!(other, whole);
        let mut grown = sums(&runs[..1]);
        grown.absorb(&sums(&runs[1..]));
        assert_eq!(grown, whole);
        assert_eq!((whole.part, whole.whole), (9_000_619, 7));
        let last = whole.bins.bins().last().unwrap();
        assert_eq!((last.count, last.squares, last.products), (7, 4 + 4 + 9, 4 + 4 + 9));
    }

    #[test]
    fn sums_come_back_from_json() {
        let sums = sums(&[&[5, 70], &[9_000_000]]);
        let text = serde_json::to_string(&sums).unwrap();
        assert_eq!(text.matches("bin\":").count(), 3, "{text}");
        assert_eq!(serde_json::from_str::<Sums>(&text).unwrap(), sums);
        let huge = text.replace(":9000000,", ":18446744073709551615,");
        assert!(serde_json::from_str::<Sums>(&huge).is_ok());
    }
}
