//! Exponential back-off with jitter. Kafka: `ExponentialBackoff` (R6.8).

use ackproof_types::{Delay, Micros};

/// `first` · 2^`failures`, at most `most`, ± 20 %.
#[must_use]
pub fn backoff(first: Micros, most: Micros, failures: u32) -> Delay {
    let doubled = Micros(first.0.saturating_mul(1 << failures.min(20)));
    Delay::jittered(doubled.min(most), 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_bound() {
        let (first, most) = (Micros::from_millis(100), Micros::from_millis(1000));
        let middle = |failures| {
            let delay = backoff(first, most, failures);
            delay.min.0.midpoint(delay.max.0) / 1000
        };
        assert_eq!([middle(0), middle(1), middle(3), middle(9)], [100, 200, 800, 1000]);
    }
}
