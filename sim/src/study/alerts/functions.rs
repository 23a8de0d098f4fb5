//! Functions of PromQL over the samples of a range, as Prometheus 3 computes them.

/// Samples of one series, ascending by time in milliseconds.
pub(super) type Range<'a> = &'a [(i64, f64)];

/// A function of a range `(from, to]`; none: there are too few samples.
#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
pub(super) fn over(name: &str, range: Range<'_>, (from, to): (i64, i64)) -> Option<f64> {
    let values = || range.iter().map(|(_, value)| *value);
    let count = range.len() as f64;
    if range.is_empty() {
        return None;
    }
    match name {
        "rate" => {
            extrapolated(range, (from, to), true).map(|one| one * 1000.0 / (to - from) as f64)
        }
        "increase" => extrapolated(range, (from, to), true),
        "delta" => extrapolated(range, (from, to), false),
        "irate" | "idelta" => instant(name, range),
        "avg_over_time" => Some(values().sum::<f64>() / count),
        "sum_over_time" => Some(values().sum()),
        "min_over_time" => values().reduce(f64::min),
        "max_over_time" => values().reduce(f64::max),
        "count_over_time" => Some(count),
        "last_over_time" => values().next_back(),
        "present_over_time" => Some(1.0),
        "changes" => Some(pairs(range, |before, after| before.to_bits() != after.to_bits())),
        "resets" => Some(pairs(range, |before, after| after < before)),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
fn pairs(range: Range<'_>, differ: impl Fn(f64, f64) -> bool) -> f64 {
    range.windows(2).filter(|pair| differ(pair[0].1, pair[1].1)).count() as f64
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
fn instant(name: &str, range: Range<'_>) -> Option<f64> {
    let [.., (before, first), (after, last)] = range else { return None };
    match name {
        "idelta" => Some(last - first),
        _ => {
            let grown = if last < first { *last } else { last - first };
            Some(grown * 1000.0 / (after - before) as f64)
        }
    }
}

/// The difference over the whole range, of which samples cover a part (Prometheus: `extrapolatedRate`).
#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
fn extrapolated(range: Range<'_>, (from, to): (i64, i64), is_counter: bool) -> Option<f64> {
    let [(first, begin), .., (last, end)] = range else { return None };
    let mut result = end - begin;
    if is_counter {
        let lost = range.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[0].1);
        result += lost.sum::<f64>();
    }
    let sampled = (last - first) as f64;
    let usual = sampled / (range.len() - 1) as f64;
    // A series that begins or ends within the range is continued by half a distance at most.
    let near = |gap: i64| if gap as f64 >= usual * 1.1 { usual / 2.0 } else { gap as f64 };
    let (mut before, after) = (near(first - from), near(to - last));
    if is_counter && result > 0.0 && *begin >= 0.0 {
        before = before.min(sampled * (begin / result));
    }
    Some(result * (sampled + before + after) / sampled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[f64]) -> Vec<(i64, f64)> {
        (0..).map(|nth| nth * 10_000).zip(values.iter().copied()).collect()
    }

    /// The figures are those of Prometheus' own tests of functions (`rate`, `increase`, `resets`, `changes`).
    #[test]
    fn ranges_give_what_prometheus_gives() {
        let grows = samples(&[0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
        let near = |value: Option<f64>, expected: f64| {
            assert!((value.expect("a value") - expected).abs() < 1e-9, "{value:?} {expected}");
        };
        near(over("rate", &grows, (-1, 50_000)), 50.0 * 1000.0 / 50_001.0);
        near(over("increase", &grows[1..], (0, 50_000)), 50.0);
        let again = samples(&[5.0, 15.0, 0.0, 10.0]);
        near(over("increase", &again[..], (-5000, 30_000)), 20.0 * 35.0 / 30.0);
        near(over("resets", &again, (-1, 30_000)), 1.0);
        near(over("changes", &again, (-1, 30_000)), 3.0);
        near(over("irate", &again, (-1, 30_000)), 1.0);
        near(over("delta", &again[..2], (0, 10_000)), 10.0);
        assert_eq!(over("rate", &again[..1], (0, 10_000)), None, "one sample is no rate");
        assert_eq!(over("max_over_time", &[], (0, 10_000)), None);
    }
}
