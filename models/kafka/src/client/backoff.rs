//! Exponential back-off with jitter. Kafka: `ExponentialBackoff` (R6.8).

use ackproof_types::{Delay, Micros};

/// `first` · 2^`failures` ± 20 %, never above `most`; without growth or jitter if `most` leaves no room
/// for any.
#[must_use]
pub fn backoff(first: Micros, most: Micros, failures: u32) -> Delay {
    if most <= first {
        return Delay::exactly(most);
    }
    let doubled = Micros(first.0.saturating_mul(1 << failures.min(20)));
    let Delay { min, max } = Delay::jittered(doubled.min(most), 20);
    Delay { min, max: max.min(most) }
}

/// One failure more. Beyond this many the back-off does not grow, so nothing is counted.
#[must_use]
pub fn once_more(failures: u32) -> u32 {
    (failures + 1).min(20)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Micros {
        Micros::from_millis(ms)
    }

    #[test]
    fn doubles_with_jitter_up_to_the_bound() {
        let range = |failures| backoff(ms(100), ms(1000), failures);
        assert_eq!(range(0), Delay { min: ms(80), max: ms(120) });
        assert_eq!(range(1), Delay { min: ms(160), max: ms(240) });
        assert_eq!(range(3), Delay { min: ms(640), max: ms(960) });
        assert_eq!(range(4), Delay { min: ms(800), max: ms(1000) });
        assert_eq!(range(99), Delay { min: ms(800), max: ms(1000) });
    }

    #[test]
    fn is_constant_if_the_bound_is_no_higher_than_the_start() {
        assert_eq!(backoff(ms(100), ms(40), 5), Delay::exactly(ms(40)));
        assert_eq!(backoff(ms(100), ms(100), 5), Delay::exactly(ms(100)));
    }
}
