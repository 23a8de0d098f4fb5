//! A list of seeds in few words: neighbours become a range, as `--seeds` takes it. It only spells.

/// Ranges that are written out; a list with more of them is for machines.
const SHOWN: usize = 40;

/// `seed 7`, `seeds 2, 5..9, 12`: of a range the end is excluded.
pub(crate) fn seeds(ascending: &[u64]) -> String {
    let word = if ascending.len() == 1 { "seed" } else { "seeds" };
    let ranges = ranges(ascending);
    let shown: Vec<String> =
        ranges.iter().take(SHOWN).map(|(from, to)| spell(*from, *to)).collect();
    let rest: u64 = ranges.iter().skip(SHOWN).map(|(from, to)| to - from + 1).sum();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{word} {}{more}", shown.join(", "))
}

/// First and last of each run of neighbours.
fn ranges(ascending: &[u64]) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for seed in ascending {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*seed) => *last = *seed,
            _ => ranges.push((*seed, *seed)),
        }
    }
    ranges
}

fn spell(from: u64, to: u64) -> String {
    match to - from {
        0 => from.to_string(),
        1 => format!("{from}, {to}"),
        _ => format!("{from}..{}", to.saturating_add(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_folded_and_a_pair_is_not() {
        assert_eq!(seeds(&[7]), "seed 7");
        assert_eq!(seeds(&[1, 2, 5, 6, 7, 9]), "seeds 1, 2, 5..8, 9");
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let even: Vec<u64> = (0..100).map(|seed| seed * 2).collect();
        let text = seeds(&even);
        assert!(text.contains(", 78 and 60 more"), "{text}");
    }
}
