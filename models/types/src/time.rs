//! Simulated time, in whole microseconds.

use std::fmt;
use std::ops::{Add, Mul};

/// A length of simulated time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

impl Micros {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// `ms` milliseconds.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1000))
    }

    /// `s` seconds.
    #[must_use]
    pub const fn from_secs(s: u64) -> Self {
        Self(s.saturating_mul(1_000_000))
    }

    /// Whole milliseconds, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1000
    }
}

impl Add for Micros {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Mul<u64> for Micros {
    type Output = Self;
    fn mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl fmt::Display for Micros {
    /// In the largest unit that shows it exactly: `2s`, `250ms`, `70us`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            us if us % 1_000_000 == 0 => write!(f, "{}s", us / 1_000_000),
            us if us % 1000 == 0 => write!(f, "{}ms", us / 1000),
            us => write!(f, "{us}us"),
        }
    }
}

/// A signed length of time in microseconds: how far a clock, or what a record bears, is from the right time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shift(pub i64);

impl fmt::Display for Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.0 < 0 { '-' } else { '+' }, Micros(self.0.unsigned_abs()))
    }
}

/// An instant of simulated time: microseconds since the start of the run. What a machine is told of it is what the
/// clock of its computer shows, which may be wrong, and before the start.
///
/// It has no order on purpose: a model that compared instants would branch on the clock, and what
/// Kafka decides by comparing clocks is a named timer here. The age of what a record tells outlives the
/// process that wrote it, and no timer does: it is [`Timestamp::since`]. Drivers and reports, which stand
/// outside the models, compare [`Timestamp::as_micros`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The start of the run.
    pub const START: Self = Self(0);

    /// The instant `us` microseconds after the start.
    #[must_use]
    pub const fn from_micros(us: u64) -> Self {
        Self(signed(us))
    }

    /// Microseconds since the start of the run; none before it.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        if self.0 < 0 { 0 } else { self.0.unsigned_abs() }
    }

    /// Whole milliseconds since the start of the run; none before it.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.as_micros() / 1000
    }

    /// A number that no other instant has, to draw from.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0.cast_unsigned()
    }

    /// The instant this long before.
    #[must_use]
    pub const fn before(self, length: Micros) -> Self {
        Self(self.0.saturating_sub(signed(length.0)))
    }

    /// The length of time from `earlier` to this instant; none at all if that is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Micros {
        let length = self.0.saturating_sub(earlier.0);
        Micros(if length < 0 { 0 } else { length.unsigned_abs() })
    }

    /// The later of the two.
    #[must_use]
    pub const fn latest(self, other: Self) -> Self {
        if self.0 < other.0 { other } else { self }
    }
}

/// The longest length there is stands for all that are longer.
const fn signed(us: u64) -> i64 {
    if us > i64::MAX as u64 { i64::MAX } else { us.cast_signed() }
}

impl Add<Micros> for Timestamp {
    type Output = Self;
    fn add(self, length: Micros) -> Self {
        Self(self.0.saturating_add(signed(length.0)))
    }
}

impl Add<Shift> for Timestamp {
    type Output = Self;
    fn add(self, by: Shift) -> Self {
        Self(self.0.saturating_add(by.0))
    }
}

/// A range of lengths, both ends included, from which the driver of a model draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Delay {
    /// The shortest.
    pub min: Micros,
    /// The longest; never below `min`.
    pub max: Micros,
}

impl Delay {
    /// Exactly `length`.
    #[must_use]
    pub const fn exactly(length: Micros) -> Self {
        Self { min: length, max: length }
    }

    /// `length` ± `percent` % (Kafka's jitter of retry back-offs).
    #[must_use]
    pub const fn jittered(length: Micros, percent: u64) -> Self {
        let spread = length.0 / 100 * percent;
        Self { min: Micros(length.0 - spread), max: Micros(length.0 + spread) }
    }

    /// The rest of a `period` that began at any time: the first period of a timer that stands for one
    /// of a process that has been up for long. With whole periods from the start all such timers would
    /// keep step, and a fault would meet each of them at the same place in every run.
    #[must_use]
    pub const fn rest_of(period: Micros) -> Self {
        Self { min: Micros::ZERO, max: period }
    }
}

impl From<Micros> for Delay {
    fn from(length: Micros) -> Self {
        Self::exactly(length)
    }
}
