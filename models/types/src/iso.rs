//! Durations as ISO 8601 writes them and Kafka reads them (`java.time.Duration#parse`): days, hours, minutes
//! and seconds, each of 24 hours, 60 minutes, 60 seconds. Kafka refuses what is negative, so no sign is read.

use crate::time::Micros;

/// The units before and after the `T`, each once and in this order, in microseconds.
const DAYS: &[(char, u64)] = &[('D', 86_400_000_000)];
const TIME: &[(char, u64)] = &[('H', 3_600_000_000), ('M', 60_000_000), ('S', 1_000_000)];

/// Reads `PnDTnHnMn.nS`, in either case. What is below a microsecond is cut.
#[must_use]
pub fn parse(text: &str) -> Option<Micros> {
    let text = text.to_ascii_uppercase();
    let text = text.strip_prefix('P')?;
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    if text.is_empty() || time == Some("") {
        return None;
    }
    let days = sum(date, DAYS)?;
    let time = sum(time.unwrap_or_default(), TIME)?;
    days.checked_add(time).map(Micros)
}

/// Adds up numbers that are followed by their units.
fn sum(mut text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut total = 0_u64;
    let mut units = units.iter();
    while !text.is_empty() {
        let at = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at(at);
        let (_, length) = units.by_ref().find(|(name, _)| unit.starts_with(*name))?;
        let (whole, part) = match number.split_once(['.', ',']) {
            Some((whole, part)) if unit.starts_with('S') => (whole, micros(part)?),
            Some(_) => return None,
            None => (number, 0),
        };
        let whole = digits(whole)?.parse::<u64>().ok()?;
        total = total.checked_add(whole.checked_mul(*length)?)?.checked_add(part)?;
        text = &unit[1..];
    }
    Some(total)
}

fn digits(text: &str) -> Option<&str> {
    let fine = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    fine.then_some(text)
}

/// The decimals of a second, nine at most.
fn micros(part: &str) -> Option<u64> {
    if part.is_empty() {
        return Some(0);
    }
    let part = digits(part).filter(|part| part.len() <= 9)?;
    format!("{part:0<6}").get(..6)?.parse().ok()
}

/// Writes it in seconds: `PT90S`, `PT0.25S`.
#[must_use]
pub fn written(length: Micros) -> String {
    let (seconds, rest) = (length.0 / 1_000_000, length.0 % 1_000_000);
    if rest == 0 {
        return format!("PT{seconds}S");
    }
    let part = format!("{rest:06}");
    format!("PT{seconds}.{}S", part.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_java_reads_is_read() {
        let cases = [
            ("PT1H", 3_600_000_000),
            ("P3DT3H", (3 * 24 + 3) * 3_600_000_000),
            ("P2D", 2 * 86_400_000_000),
            ("PT15M", 900_000_000),
            ("PT1M30S", 90_000_000),
            ("PT20.345S", 20_345_000),
            ("PT0,25S", 250_000),
            ("PT0S", 0),
            ("pt1h", 3_600_000_000),
            ("PT1.S", 1_000_000),
        ];
        for (text, micros) in cases {
            assert_eq!(parse(text), Some(Micros(micros)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        let cases = [
            "",
            "P",
            "PT",
            "1H",
            "PT1",
            "T1H",
            "P1H",
            "P1DT",
            "PT1D",
            "PT1S1M",
            "PT1H1H",
            "P1W",
            "P1Y",
            "PT1.5H",
            "PT.5S",
            "PT0.1234567890S",
            "PT-1H",
            "-PT1H",
            "PT 1H",
            "PT1H ",
            "PTH",
            "P99999999999999999999D",
            "PT1é",
        ];
        for text in cases {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for micros in [0, 1, 250_000, 1_000_000, 90_500_000, 86_400_000_000] {
            let text = written(Micros(micros));
            assert_eq!(parse(&text), Some(Micros(micros)), "{text}");
        }
        assert_eq!(written(Micros(90_500_000)), "PT90.5S");
    }
}
