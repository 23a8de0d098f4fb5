//! Quantities as people write them: `250ms`, `1ms..10ms`, `100/s`, `5%`, `100..200`. It knows no tree.

use ackproof_types::{Delay, Micros};

/// Microseconds of a day.
pub(crate) const DAY: u64 = 86_400_000_000;

/// A day: longer is a slip of the pen.
const LONGEST: Micros = Micros(DAY);

/// The largest record, in bytes: a hundred times what Kafka takes by default.
const LARGEST: u32 = 100 * 1_048_576;

/// The pattern of a duration in the schema.
pub const DURATION: &str = r"^[0-9]+(\.[0-9]+)?(us|ms|s|m)$";
/// The pattern of `auto.offset.reset` by a duration. In Kafka the letters of the duration may be small.
pub const BY_DURATION: &str =
    r"^by_duration:[Pp]([0-9]+[Dd])?([Tt]([0-9]+[Hh])?([0-9]+[Mm])?([0-9]+([.,][0-9]*)?[Ss])?)?$";
/// The pattern of a duration or a range of them.
pub const DELAY: &str = r"^[0-9]+(\.[0-9]+)?(us|ms|s|m)(\.\.[0-9]+(\.[0-9]+)?(us|ms|s|m))?$";
/// The pattern of a rate.
pub const RATE: &str = r"^[0-9]+(\.[0-9]+)?/(s|m)$";
/// The pattern of a share.
pub const PERCENT: &str = r"^[0-9]+(\.[0-9]+)?%$";
/// The pattern of a bandwidth.
pub const BANDWIDTH: &str = r"^[0-9]+(\.[0-9]+)?(B|kB|MB)/s$";
/// The pattern of an amount.
pub const AMOUNT: &str = r"^[0-9]+(\.[0-9]+)?(B|kB|MB|GB)$";
/// The pattern of a range of sizes.
pub const SIZES: &str = r"^[0-9]+\.\.[0-9]+$";

/// A decimal as a whole number of millionths, without floating point.
fn millionths(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?;
    whole.checked_add(format!("{fraction:0<6}").parse().ok()?)
}

/// `250ms`, `2s`, `200us`, `1.5s`, `2m`.
///
/// # Errors
/// A sentence that shows the right form.
pub fn duration(text: &str) -> Result<Micros, String> {
    let form =
        || format!("\"{text}\" is not a duration; write \"250ms\", \"2s\", \"200us\" or \"1m\"");
    let units = [("us", 1), ("ms", 1000), ("s", 1_000_000), ("m", 60_000_000)];
    match length_in(&units, text).ok_or_else(form)? {
        length if length <= LONGEST => Ok(length),
        _ => Err(format!("\"{text}\" is longer than a day")),
    }
}

/// A number with one of `units`, each with its microseconds.
pub(crate) fn length_in(units: &[(&str, u64)], text: &str) -> Option<Micros> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let (_, each) = units.iter().find(|(name, _)| *name == unit)?;
    let scaled = u128::from(millionths(number)?) * u128::from(*each);
    Some(Micros(u64::try_from(scaled / 1_000_000).unwrap_or(u64::MAX)))
}

/// A duration, or a range `1ms..10ms`.
///
/// # Errors
/// A sentence that shows the right form.
pub fn delay(text: &str) -> Result<Delay, String> {
    let Some((min, max)) = text.split_once("..") else {
        return duration(text).map(Delay::exactly);
    };
    let range = Delay { min: duration(min)?, max: duration(max)? };
    if range.min > range.max {
        return Err(format!("the range \"{text}\" ends before it starts"));
    }
    Ok(range)
}

/// `100/s` or `30/m` as the distance between two.
///
/// # Errors
/// A sentence that shows the right form.
pub fn rate(text: &str) -> Result<Micros, String> {
    let form = || format!("\"{text}\" is not a rate; write \"100/s\" or \"30/m\"");
    let (number, unit) = text.split_once('/').ok_or_else(form)?;
    let span: u128 = match unit {
        "s" => 1_000_000,
        "m" => 60_000_000,
        _ => return Err(form()),
    };
    let count = millionths(number).ok_or_else(form)?;
    if count == 0 {
        return Err("a rate of zero sends nothing; leave the producer out".to_owned());
    }
    match u64::try_from(span * 1_000_000 / u128::from(count)) {
        Ok(interval @ 1..) => Ok(Micros(interval.min(LONGEST.0))),
        _ => Err(format!("\"{text}\" is more than a million a second")),
    }
}

/// `5%` as parts in a million.
///
/// # Errors
/// A sentence that shows the right form.
pub fn percent(text: &str) -> Result<u32, String> {
    let form = || format!("\"{text}\" is not a share; write \"5%\" or \"0.1%\"");
    let number = text.strip_suffix('%').ok_or_else(form)?;
    let parts = millionths(number).ok_or_else(form)? / 100;
    u32::try_from(parts)
        .ok()
        .filter(|parts| *parts <= 1_000_000)
        .ok_or_else(|| format!("\"{text}\" is more than 100%"))
}

/// Units of a bandwidth with their bytes; powers of ten, as networks count.
const UNITS: &[(&str, u64)] = &[("MB/s", 1_000_000), ("kB/s", 1000), ("B/s", 1)];

/// A bandwidth beyond this limits nothing: a slip of the pen.
const WIDEST: u64 = 10_000_000_000;

/// `500B/s`, `20kB/s`, `1.5MB/s` as bytes a second.
///
/// # Errors
/// A sentence that shows the right form.
pub fn bandwidth(text: &str) -> Result<u64, String> {
    let form =
        || format!("\"{text}\" is not a bandwidth; write \"20kB/s\", \"1.5MB/s\" or \"500B/s\"");
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)));
    let (number, bytes) = unit.ok_or_else(form)?;
    let scaled = u128::from(millionths(number).ok_or_else(form)?) * u128::from(*bytes);
    match u64::try_from(scaled / 1_000_000) {
        Ok(0) => Err(format!("\"{text}\" is less than a byte a second; \"isolate\" cuts a link")),
        Ok(rate) if rate <= WIDEST => Ok(rate),
        _ => Err(format!("\"{text}\" is more than {}", spell_bandwidth(WIDEST))),
    }
}

/// Units of an amount with their bytes; powers of ten, as sellers of disks count.
const AMOUNTS: &[(&str, u64)] = &[("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000), ("B", 1)];

/// `500B`, `20kB`, `1.5MB` as bytes.
///
/// # Errors
/// A sentence that shows the right form.
pub fn bytes(text: &str) -> Result<u64, String> {
    let form = || format!("\"{text}\" is not an amount; write \"20kB\", \"1.5MB\" or \"500B\"");
    let unit = AMOUNTS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)));
    let (number, bytes) = unit.ok_or_else(form)?;
    let scaled = u128::from(millionths(number).ok_or_else(form)?) * u128::from(*bytes);
    u64::try_from(scaled / 1_000_000).map_err(|_| form())
}

/// An amount as it is read best without loss.
#[must_use]
pub fn spell_bytes(bytes: u64) -> String {
    let unit = AMOUNTS.iter().find(|(_, each)| bytes >= *each && bytes.is_multiple_of(*each));
    let (unit, each) = unit.copied().unwrap_or(("B", 1));
    format!("{}{unit}", bytes / each)
}

/// `100..200` bytes.
///
/// # Errors
/// A sentence that shows the right form.
pub fn sizes(text: &str) -> Result<(u32, u32), String> {
    let form = || format!("\"{text}\" is not a range of bytes; write \"100..200\"");
    let (min, max) = text.split_once("..").ok_or_else(form)?;
    let (min, max): (u32, u32) =
        (min.parse().map_err(|_| form())?, max.parse().map_err(|_| form())?);
    if min > max {
        return Err(format!("the range \"{text}\" ends before it starts"));
    }
    if max > LARGEST {
        return Err(format!("\"{text}\" goes beyond {LARGEST} bytes a record"));
    }
    Ok((min, max))
}

/// A length as it is read best without loss: `1.003412s`, `1.2ms`, `70us`.
#[must_use]
pub fn spell(length: Micros) -> String {
    let (unit, per, digits) = match length.0 {
        0 => return "0s".to_owned(),
        1..1000 => return format!("{}us", length.0),
        1000..1_000_000 => ("ms", 1000, 3),
        _ => ("s", 1_000_000, 6),
    };
    format!("{}{unit}", decimal(length.0 / per, length.0 % per, digits))
}

/// A length, or a range of lengths.
#[must_use]
pub fn spell_range(range: Delay) -> String {
    if range.min == range.max {
        spell(range.min)
    } else {
        format!("{}..{}", spell(range.min), spell(range.max))
    }
}

/// Parts in a million as a share: `0.1%`.
#[must_use]
pub fn spell_percent(parts: u32) -> String {
    format!("{}%", decimal(u64::from(parts / 10_000), u64::from(parts % 10_000), 4))
}

/// Bytes a second as they are read best without loss: `20kB/s`.
#[must_use]
pub fn spell_bandwidth(rate: u64) -> String {
    match rate {
        0..1000 => format!("{rate}B/s"),
        1000..1_000_000 => format!("{}kB/s", decimal(rate / 1000, rate % 1000, 3)),
        _ => format!("{}MB/s", decimal(rate / 1_000_000, rate % 1_000_000, 6)),
    }
}

fn decimal(whole: u64, fraction: u64, digits: usize) -> String {
    let fraction = format!("{fraction:0digits$}");
    match fraction.trim_end_matches('0') {
        "" => whole.to_string(),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spelt_is_read_again() {
        for micros in [0, 1, 999, 1000, 1200, 999_999, 1_000_000, 1_003_412, 61_500_000] {
            let text = spell(Micros(micros));
            assert_eq!(duration(&text), Ok(Micros(micros)), "{text}");
        }
        assert_eq!(spell(Micros(1_003_412)), "1.003412s");
        assert_eq!(spell(Micros(1200)), "1.2ms");
        for parts in [1, 999, 10_000, 50_000, 1_000_000] {
            assert_eq!(percent(&spell_percent(parts)), Ok(parts), "{}", spell_percent(parts));
        }
        for rate in [1, 999, 1000, 20_000, 20_500, 999_999, 1_500_000, WIDEST] {
            assert_eq!(bandwidth(&spell_bandwidth(rate)), Ok(rate), "{}", spell_bandwidth(rate));
        }
        assert_eq!(spell_bandwidth(20_500), "20.5kB/s");
    }

    #[test]
    fn quantities() {
        assert_eq!(duration("1.5s"), Ok(Micros(1_500_000)), "fractions");
        assert_eq!(duration("200us"), Ok(Micros(200)), "micros");
        assert_eq!(rate("100/s"), Ok(Micros(10_000)), "rate");
        assert_eq!(percent("5%"), Ok(50_000), "percent");
        assert_eq!(bandwidth("1.5MB/s"), Ok(1_500_000), "bandwidth");
        assert!(bandwidth("20kbit").unwrap_err().contains("write \"20kB/s\""), "its form");
        assert!(bandwidth("0.5B/s").unwrap_err().contains("less than a byte"), "none at all");
        assert!(bandwidth("10001MB/s").unwrap_err().contains("more than 10000MB/s"), "bound");
        assert_eq!(sizes("100..200"), Ok((100, 200)), "sizes");
        assert_eq!(
            delay("5ms..1ms").unwrap_err(),
            "the range \"5ms..1ms\" ends before it starts",
            "range"
        );
        assert!(duration("10").unwrap_err().contains("write \"250ms\""), "form");
        assert!(duration("99999999999999999999s").is_err(), "no overflow");
    }
}
