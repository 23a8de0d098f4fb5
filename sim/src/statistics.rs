//! What a sweep may claim of the seeds that it did not run.
//!
//! A run is the unit of chance: what happens to the records of one run hangs together. A function of
//! counts, and so the same on any number of threads. Knows no property and no scenario.

use ackproof_reports::sweep::Interval;
use statrs::distribution::{Beta, ContinuousCDF};

/// The level of every interval.
const CONFIDENCE: f64 = 0.95;

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
    fn nothing_yet_claims_nothing() {
        assert_eq!(proportion(0, 0), Interval { low: 0.0, high: 1.0 });
    }
}
