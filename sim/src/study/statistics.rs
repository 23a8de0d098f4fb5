//! What a sweep may claim of the seeds that it did not run.
//!
//! A run is the unit of chance: what happens to the records of one run hangs together. Functions of sums
//! of whole numbers, and so the same on any number of threads. Knows no property and no scenario.

use ackproof_oracle::histogram::edges;
use ackproof_reports::measure::{Below, Sums};
use ackproof_reports::sweep::Interval;
use statrs::distribution::{Beta, Binomial, ContinuousCDF, DiscreteCDF, StudentsT};

/// The level of every interval.
const CONFIDENCE: f64 = 0.95;
/// Fewer runs say nothing of how much runs differ: of two, the interval is wider than what it is of.
const FEWEST: u64 = 3;

/// The exact (Clopper–Pearson) interval of a probability of which `hits` of `runs` were seen. With no
/// hit, or with nothing but hits, all of the error is on the open side: the bound people quote.
///
/// # Panics
/// If `hits` exceeds `runs`.
#[must_use]
pub(crate) fn proportion(hits: u64, runs: u64) -> Interval {
    assert!(hits <= runs, "{hits} hits in {runs} runs");
    if runs == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let error = 1.0 - CONFIDENCE;
    let (seen, missed) = (float(hits), float(runs - hits));
    let (below, above) = match (hits, runs - hits) {
        (0, _) => (0.0, error),
        (_, 0) => (error, 0.0),
        _ => (error / 2.0, error / 2.0),
    };
    let low = if hits == 0 { 0.0 } else { beta_quantile(seen, missed + 1.0, below) };
    let high = if hits == runs { 1.0 } else { beta_quantile(seen + 1.0, missed, 1.0 - above) };
    Interval { low, high }
}

/// How probable as many `hits` of `runs` are, or more, or as few, or fewer, under the rate of the interval
/// that makes it most so.
///
/// # Panics
/// If `hits` exceeds `runs`.
#[must_use]
pub(crate) fn plausibility(hits: u64, runs: u64, rate: Interval) -> f64 {
    assert!(hits <= runs, "{hits} hits in {runs} runs");
    let under = |rate: f64| Binomial::new(rate, runs).expect("a rate is from 0 to 1");
    let more = if hits == 0 { 1.0 } else { under(rate.high).sf(hits - 1) };
    let fewer = under(rate.low).cdf(hits);
    more.min(fewer)
}

/// How probable as many `hits` of `runs` are, or more, each with the probability `rate`.
///
/// # Panics
/// If `hits` exceeds `runs`.
#[must_use]
pub(crate) fn at_least(hits: u64, runs: u64, rate: f64) -> f64 {
    assert!(hits <= runs, "{hits} hits in {runs} runs");
    let binomial = Binomial::new(rate, runs).expect("a rate is from 0 to 1");
    if hits == 0 { 1.0 } else { binomial.sf(hits - 1) }
}

/// How many seeds without a failure show that fewer than `share` of all seeds fail.
#[must_use]
pub(crate) fn clean_runs_for(share: f64) -> u64 {
    let runs = ((1.0 - CONFIDENCE).ln() / (-share).ln_1p()).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "above 0, and saturating"
    )]
    let runs = runs as u64;
    runs
}

/// The mean of `values` with Student's interval; none of it for fewer than [`FEWEST`].
#[must_use]
pub(crate) fn mean(values: &[f64]) -> Option<(f64, Option<Interval>)> {
    let count = float(values.len() as u64);
    let mean = values.iter().sum::<f64>() / count;
    if (values.len() as u64) < FEWEST {
        return (!values.is_empty()).then_some((mean, None));
    }
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let far = (squares / (count - 1.0) / count).sqrt() * student(count - 1.0);
    Some((mean, Some(Interval { low: mean - far, high: mean + far })))
}

/// The part of the whole over all runs, with its interval: the ratio estimator of clusters with Student's
/// quantile (Cochran, Sampling Techniques, §6.3 and §9A.1). No interval of fewer runs than [`FEWEST`], and
/// none if no run has any part: then runs say nothing of how much they differ.
#[must_use]
pub(crate) fn ratio(sums: &Sums, runs: u64) -> Option<(f64, Option<Interval>)> {
    if sums.whole == 0 {
        return None;
    }
    let value = float(sums.part) / float(sums.whole);
    let squares = (sums.part_squares, sums.products);
    let interval = deviation(value, squares, sums, runs)
        .filter(|_| sums.part > 0)
        .map(|far| Interval { low: (value - far).max(0.0), high: value + far });
    Some((value, interval))
}

/// Half of the interval of a ratio over runs with these sums of squares and products of the part.
fn deviation(value: f64, (squares, products): (u128, u128), sums: &Sums, runs: u64) -> Option<f64> {
    if runs < FEWEST {
        return None;
    }
    let residuals =
        wide(squares) - 2.0 * value * wide(products) + value * value * wide(sums.whole_squares);
    let count = float(runs);
    let error = (residuals.max(0.0) * count / (count - 1.0)).sqrt() / float(sums.whole);
    Some(error * student(count - 1.0))
}

fn student(freedom: f64) -> f64 {
    let student = StudentsT::new(0.0, 1.0, freedom).expect("at least one degree of freedom");
    student.inverse_cdf(f64::midpoint(1.0, CONFIDENCE))
}

/// The length in milliseconds that `share` of all lengths do not exceed, with its interval: that of the
/// share, carried over to the lengths (Woodruff 1952). Beyond the last length there is no upper end.
#[must_use]
pub(crate) fn quantile(sums: &Sums, share: f64, runs: u64) -> Option<(f64, Option<Interval>)> {
    let bins = sums.bins.bins();
    let at = |share: f64| reach(bins, share * float(sums.whole));
    let (bin, value) = at(share)?;
    // The share lies between those of two edges, and runs differ by one of them at least.
    let spread = |bin: usize| {
        let Below { count, squares, products } = bins[bin];
        deviation(float(count) / float(sums.whole), (squares, products), sums, runs)
    };
    let far = spread(bin).map(|far| far.max(bin.checked_sub(1).and_then(spread).unwrap_or(0.0)));
    let interval = far.and_then(|far| {
        let ((_, low), (_, high)) = (at((share - far).max(0.0))?, at(share + far)?);
        Some(Interval { low, high })
    });
    Some((value, interval))
}

/// The first bin up to which there are `rank` lengths, and where in it, in milliseconds.
fn reach(bins: &[Below], rank: f64) -> Option<(usize, f64)> {
    let bin = bins.iter().position(|below| below.count > 0 && float(below.count) >= rank)?;
    let before = bin.checked_sub(1).map_or(0, |before| bins[before].count);
    let within = float(bins[bin].count - before);
    let part = if within == 0.0 { 1.0 } else { ((rank - float(before)) / within).clamp(0.0, 1.0) };
    let (low, high) = edges(bin);
    Some((bin, (float(low) + part * float(high - low)) / 1000.0))
}

#[expect(clippy::cast_precision_loss, reason = "a sum of squares, of which 53 bits are plenty")]
fn wide(sum: u128) -> f64 {
    sum as f64
}

fn beta_quantile(a: f64, b: f64, at: f64) -> f64 {
    Beta::new(a, b).expect("positive counts").inverse_cdf(at)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a sweep stay far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64) {
        assert!((left - right).abs() < 5e-5, "{left} is not {right}");
    }

    #[test]
    fn proportions_are_those_of_the_textbook() {
        let interval = proportion(10, 100);
        close(interval.low, 0.04901);
        close(interval.high, 0.17622);
    }

    #[test]
    fn no_hit_is_a_bound_near_three_in_as_many_runs() {
        let interval = proportion(0, 30_000);
        assert_eq!(interval.low, 0.0);
        assert!((9.9e-5..1.0e-4).contains(&interval.high), "{interval:?}");
        close(proportion(1000, 1000).low, 0.05_f64.powf(1.0 / 1000.0));
    }

    #[test]
    fn plausibility_is_that_of_the_nearest_rate() {
        let rate = Interval { low: 0.2, high: 0.5 };
        close(plausibility(3, 3, rate), 0.125);
        close(plausibility(0, 3, rate), 0.512);
        close(plausibility(2, 3, Interval { low: 0.0, high: 0.1 }), 0.028);
        close(plausibility(1, 1, Interval { low: 0.0, high: 0.0 }), 0.0);
        close(plausibility(0, 1, Interval { low: 1.0, high: 1.0 }), 0.0);
        close(plausibility(3, 3, Interval { low: 1.0, high: 1.0 }), 1.0);
    }

    #[test]
    fn nothing_yet_claims_nothing() {
        assert_eq!(proportion(0, 0), Interval { low: 0.0, high: 1.0 });
    }

    #[test]
    fn clean_runs_are_the_inverse_of_the_bound() {
        assert_eq!(clean_runs_for(1e-5), 299_572);
        assert_eq!(clean_runs_for(0.01), 299);
        assert!(proportion(0, 299).high <= 0.01 && proportion(0, 298).high > 0.01);
    }

    fn sums(runs: &[(u64, u64)]) -> Sums {
        let mut sums = Sums::default();
        runs.iter().for_each(|(part, whole)| sums.add(*part, *whole));
        sums
    }

    /// By hand: the mean 3 ± 4.3027 × 1 / √3, as every whole is 1.
    #[test]
    fn of_equal_wholes_the_ratio_is_a_mean_with_students_interval() {
        let (value, interval) = ratio(&sums(&[(2, 1), (3, 1), (4, 1)]), 3).unwrap();
        let interval = interval.unwrap();
        close(value, 3.0);
        close(interval.low, 3.0 - 2.484_14);
        close(interval.high, 3.0 + 2.484_14);
    }

    #[test]
    fn runs_of_one_share_differ_in_nothing() {
        let (value, interval) = ratio(&sums(&[(1, 10), (2, 20), (4, 40)]), 3).unwrap();
        let interval = interval.unwrap();
        close(value, 0.1);
        assert!(interval.high - interval.low < 1e-6);
    }

    #[test]
    fn without_a_part_or_with_one_run_there_is_no_interval() {
        assert_eq!(ratio(&sums(&[(0, 5), (0, 9)]), 2), Some((0.0, None)));
        assert_eq!(ratio(&sums(&[(1, 4)]), 1), Some((0.25, None)));
        assert_eq!(ratio(&sums(&[(0, 0)]), 1), None);
    }

    fn lengths(runs: impl Iterator<Item = Vec<u64>>) -> (Sums, u64) {
        let (mut sums, mut count) = (Sums::default(), 0);
        for run in runs {
            let mut histogram = ackproof_oracle::histogram::Histogram::default();
            run.iter().for_each(|us| histogram.add(ackproof_types::Micros(*us)));
            sums.add_lengths(&histogram);
            count += 1;
        }
        (sums, count)
    }

    #[test]
    fn a_quantile_lies_in_its_interval_and_more_runs_make_it_narrower() {
        let run = |n: u64| (0..50).map(|k| 1000 + (n * 7919 + k * 104_729) % 99_000).collect();
        let width = |runs| {
            let (sums, runs) = lengths((0..runs).map(run));
            let (value, interval) = quantile(&sums, 0.5, runs).unwrap();
            let Interval { low, high } = interval.unwrap();
            assert!(low <= value && value <= high && (40.0..60.0).contains(&value), "{value}");
            high - low
        };
        assert!(width(200) < width(10));
    }

    /// Runs that are alike within and differ among each other: fifty lengths say no more than one.
    #[test]
    fn a_run_of_many_alike_counts_as_one() {
        let width = |copies| {
            let (sums, runs) = lengths((1..=30).map(|n| vec![n * 1000; copies]));
            let Interval { low, high } = quantile(&sums, 0.5, runs).unwrap().1.unwrap();
            high - low
        };
        assert!((width(50) - width(1)).abs() < 1.0, "{} {}", width(50), width(1));
    }

    #[test]
    fn nothing_bounds_what_lies_beyond_the_longest() {
        let (sums, runs) = lengths((1..=3).map(|n| vec![n * 1000]));
        let (value, interval) = quantile(&sums, 0.99, runs).unwrap();
        assert!(value > 2.9 && interval.is_none());
        assert_eq!(quantile(&Sums::default(), 0.5, 2), None);
    }
}
