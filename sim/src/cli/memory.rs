//! How much memory there is, and how much of it a command may take.

use std::fs;

/// What is taken to be free where nobody says.
const UNKNOWN: usize = 4 << 30;

/// Names of sizes, largest first.
const UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// A size: `4GiB`, `512MiB`.
pub(super) fn parse_memory(text: &str) -> Result<usize, String> {
    let wrong = || format!("\"{text}\" is not a size; write \"4GiB\" or \"512MiB\"");
    let unit = UNITS.into_iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)));
    let (number, unit) = unit.ok_or_else(wrong)?;
    let number: usize = number.trim().parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|size| *size > 0).ok_or_else(wrong)
}

/// Three quarters of what is free.
pub(super) fn free_memory() -> usize {
    let free = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
    free.unwrap_or(UNKNOWN) / 4 * 3
}

fn available(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_unit() {
        assert_eq!(parse_memory("4GiB"), Ok(4 << 30));
        assert_eq!(parse_memory("512 MiB"), Ok(512 << 20));
        for wrong in ["4", "4GB", "-1GiB", "0MiB", "99999999999999999999GiB", "GiB"] {
            assert!(parse_memory(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_available_is_read() {
        let text = "MemTotal:       24656088 kB\nMemAvailable:   1024 kB\n";
        assert_eq!(available(text), Some(1 << 20));
        assert_eq!(available("MemTotal: 1 kB"), None);
    }
}
