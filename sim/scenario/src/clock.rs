//! Clocks that are wrong, and records that bear another time than that of their sender's clock: how it is written.

use crate::durations::{DAY, length_in, spell};
use ackproof_types::{Micros, Shift};

/// The verbs of faults that put a clock wrong.
pub(crate) const JUMPS: &str = "clock-jump";
pub(crate) const DRIFTS: &str = "clock-drift";

/// What such a fault can hit.
pub(crate) const HITS: &str = "a broker, all \"brokers\", a producer like \"billing-0\", a member or a zone; no \
                               controller goes by what its clock shows";

/// The pattern of a signed length of time in the schema.
pub const SHIFT: &str = r"^[+-][0-9]+(\.[0-9]+)?(us|ms|s|m|h|d)$";
/// The pattern of a rate at which a clock goes wrong.
pub const DRIFT: &str = r"^[+-][0-9]+ppm$";

/// A hundred years: further is a slip of the pen.
const FURTHEST: Micros = Micros(DAY * 36_500);
/// Half as fast again, or half as fast.
const FASTEST: i32 = 500_000;
const UNITS: &[(&str, u64)] = &[
    ("us", 1),
    ("ms", 1000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("h", 3_600_000_000),
    ("d", DAY),
];

/// How far a clock gains on the right time: microseconds a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub i32);

impl Rate {
    /// What it comes to over `us` microseconds.
    #[must_use]
    pub fn over(self, us: u64) -> Shift {
        let gained = i128::from(us) * i128::from(self.0) / 1_000_000;
        Shift(i64::try_from(gained).unwrap_or(i64::MAX))
    }
}

/// What is wrong with a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockFault {
    /// It is this far from the right time.
    Jump(Shift),
    /// It starts right, and gains on the right time, or loses.
    Drift(Rate),
}

impl ClockFault {
    pub(crate) const fn verb(self) -> &'static str {
        match self {
            Self::Jump(_) => JUMPS,
            Self::Drift(_) => DRIFTS,
        }
    }

    pub(crate) fn by(self) -> String {
        match self {
            Self::Jump(by) => spell_shift(by),
            Self::Drift(Rate(ppm)) => format!("{ppm:+}ppm"),
        }
    }

    pub(crate) fn done(self, target: &str) -> String {
        let (by, way) = match self {
            Self::Jump(by) => (spell_shift(by), if by.0 < 0 { "behind" } else { "ahead" }),
            Self::Drift(Rate(ppm)) => {
                let way = if ppm < 0 { "too slow" } else { "too fast" };
                return format!("the clock of {target} ran {}ppm {way}", ppm.unsigned_abs());
            }
        };
        format!("the clock of {target} was {} {way}", &by[1..])
    }
}

/// `+90m`, `-8d`.
///
/// # Errors
/// A sentence that shows the right form.
pub(crate) fn shift(text: &str) -> Result<Shift, String> {
    let form =
        || format!("\"{text}\" is no signed length of time; write \"+90m\", \"-8d\" or \"-250ms\"");
    let (sign, length) = signed(text).ok_or_else(form)?;
    let length = length_in(UNITS, length).ok_or_else(form)?;
    let far = i64::try_from(length.0).ok().filter(|_| length <= FURTHEST);
    far.map(|us| Shift(sign * us)).ok_or_else(|| format!("\"{text}\" is more than a hundred years"))
}

/// `+500ppm`.
///
/// # Errors
/// A sentence that shows the right form.
pub(crate) fn drift(text: &str) -> Result<Rate, String> {
    let form = || format!("\"{text}\" is no rate of a clock; write \"+500ppm\" or \"-20000ppm\"");
    let (sign, rest) = signed(text).ok_or_else(form)?;
    let ppm = rest.strip_suffix("ppm").filter(|rest| rest.bytes().all(|one| one.is_ascii_digit()));
    let ppm = ppm.ok_or_else(form)?.parse::<i32>().ok().filter(|ppm| *ppm <= FASTEST);
    let ppm =
        ppm.ok_or_else(|| format!("\"{text}\" is more than {FASTEST}ppm, half as fast again"))?;
    if ppm == 0 {
        return Err("a clock that neither gains nor loses is right".to_owned());
    }
    Ok(Rate(ppm * i32::try_from(sign).unwrap_or(1)))
}

fn signed(text: &str) -> Option<(i64, &str)> {
    text.strip_prefix('+').map(|rest| (1, rest)).or_else(|| Some((-1, text.strip_prefix('-')?)))
}

/// A signed length of time as it is read best without loss.
#[must_use]
pub fn spell_shift(shift: Shift) -> String {
    let sign = if shift.0 < 0 { '-' } else { '+' };
    let us = shift.0.unsigned_abs();
    let whole = |(_, per): &&(&str, u64)| us > 0 && us.is_multiple_of(*per);
    match UNITS.iter().skip(3).rev().find(whole) {
        Some((unit, per)) => format!("{sign}{}{unit}", us / per),
        None => format!("{sign}{}", spell(Micros(us))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spelt_is_read_again() {
        for us in [0, 1, -1500, 90_000_000, -5_400_000_000, 7_200_000_000, -8 * 86_400_000_000] {
            assert_eq!(shift(&spell_shift(Shift(us))), Ok(Shift(us)), "{us}");
        }
        assert_eq!(spell_shift(Shift(-8 * 86_400_000_000)), "-8d");
        assert_eq!(spell_shift(Shift(90_000_000)), "+90s");
        assert_eq!(spell_shift(Shift(5_400_000_000)), "+90m");
    }

    #[test]
    fn a_clock_is_ahead_or_behind_by_something() {
        assert_eq!(shift("+1.5h"), Ok(Shift(5_400_000_000)));
        assert!(shift("8d").unwrap_err().contains("write \"+90m\""));
        assert!(shift("+8w").unwrap_err().contains("no signed length"));
        assert!(shift("-36501d").unwrap_err().contains("hundred years"));
        assert_eq!(drift("-500ppm"), Ok(Rate(-500)));
        assert!(drift("+600000ppm").unwrap_err().contains("more than 500000ppm"));
        assert!(drift("+0ppm").unwrap_err().contains("neither"));
        assert!(drift("5%").unwrap_err().contains("write \"+500ppm\""));
    }
}
