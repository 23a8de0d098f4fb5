//! Seeds as people type them: decimal, hexadecimal, or the hash of a commit, alone or as the start of a
//! range. It runs nothing.

use super::output::talk;
use super::status::Status;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// Seeds that were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The first.
    pub(crate) from: u64,
    /// One past the last; none: as many as there is time for.
    pub(crate) to: Option<u64>,
}

impl Wanted {
    /// One seed.
    pub(crate) fn one(seed: u64) -> Self {
        Self { from: seed, to: Some(seed.saturating_add(1)) }
    }
}

/// Bits of a seed that comes from a commit: few enough that every reader of JSON keeps them.
const COMMIT_BITS: u32 = 48;

/// A whole number, decimal or hexadecimal, or the 40 (SHA-256: 64) digits of a commit.
pub(crate) fn parse_seed(text: &str) -> Result<u64, String> {
    if is_commit(text) {
        let hash = xxh3_64(text.to_ascii_lowercase().as_bytes());
        return Ok(hash & ((1 << COMMIT_BITS) - 1));
    }
    let parsed = match text.strip_prefix("0x") {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16),
        Some(_) | None => text.parse(),
    };
    // One past the last seed must be a number too.
    let seed = parsed.ok().filter(|seed| *seed < u64::MAX);
    seed.ok_or_else(|| {
        format!("\"{text}\" is not a seed: a whole number below 2^64 - 1, or the hash of a commit")
    })
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `A..B` with B excluded, `N` for `0..N`, `A+N` for N seeds from A, `A..` for as many as there is time for.
pub(crate) fn parse_seeds(text: &str) -> Result<Wanted, String> {
    if let Some((from, count)) = text.split_once('+') {
        let from = parse_seed(from)?;
        let count = count.parse::<u64>().map_err(|_| format!("\"{count}\" is not a number"))?;
        let to = from.checked_add(count).filter(|to| *to < u64::MAX);
        let to = to.ok_or_else(|| format!("{text} goes beyond 2^64 - 1"))?;
        return Ok(Wanted { from, to: Some(to) });
    }
    let (from, to) = match text.split_once("..") {
        Some((from, "")) => return Ok(Wanted { from: parse_seed(from)?, to: None }),
        Some((from, to)) => (parse_seed(from)?, parse_seed(to)?),
        None if is_commit(text) => {
            return Err(format!("how many seeds from {text} on? write {text}+200"));
        }
        None => (0, parse_seed(text)?),
    };
    if from <= to {
        Ok(Wanted { from, to: Some(to) })
    } else {
        Err(format!("{text} goes backwards"))
    }
}

/// As [`parse_seeds`], where there is no budget of time to end them.
pub(crate) fn parse_range(text: &str) -> Result<Range<u64>, String> {
    let Wanted { from, to } = parse_seeds(text)?;
    to.map(|to| from..to).ok_or_else(|| format!("{text} has no end"))
}

/// Says that a range holds no seed.
pub(crate) fn nothing(range: &Range<u64>) -> Status {
    let Range { start, end } = range;
    talk(&format!("nothing to run: {start}..{end} holds no seed; the last is excluded\n"));
    Status::Nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "356e57e0a9b1c2d3e4f5061728394a5b6c7d8e9f";

    #[test]
    fn a_seed_is_a_number_or_a_commit() {
        assert_eq!(parse_seed("17"), Ok(17));
        assert_eq!(parse_seed("0xff"), Ok(255));
        let seed = parse_seed(COMMIT).unwrap();
        assert!(seed < 1 << COMMIT_BITS);
        assert_eq!(parse_seed(&COMMIT.to_uppercase()), Ok(seed), "digits are digits");
        assert_ne!(parse_seed(&COMMIT.replace('9', "8")), Ok(seed), "another commit");
        for wrong in ["", "x", "-1", "0x", "0x+1", "18446744073709551615", &COMMIT[1..], "1.5"] {
            assert!(parse_seed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seeds_are_a_range_a_number_or_so_many_from_one() {
        let wanted = |from, to| Ok(Wanted { from, to });
        assert_eq!(parse_seeds("5..9"), wanted(5, Some(9)));
        assert_eq!(parse_seeds("9"), wanted(0, Some(9)));
        assert_eq!(parse_seeds("0x10+4"), wanted(16, Some(20)));
        assert_eq!(parse_seeds("7.."), wanted(7, None));
        let base = parse_seed(COMMIT).unwrap();
        assert_eq!(parse_seeds(&format!("{COMMIT}+200")), wanted(base, Some(base + 200)));
        for wrong in ["9..5", "..", "..5", "1+x", "18446744073709551614+9", "1..2..3", COMMIT] {
            assert!(parse_seeds(wrong).is_err(), "{wrong}");
        }
    }
}
