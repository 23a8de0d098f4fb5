//! Metrics as text in the format OpenMetrics 1.0, with timestamps: `promtool tsdb create-blocks-from openmetrics`
//! reads it. It has no wall clock: simulated time counts from a fixed instant.

use std::fmt::{self, Write};

/// What simulated time counts from: 2025-01-01T00:00:00Z, in seconds since 1970.
pub const EPOCH: u64 = 1_735_689_600;

/// Series of samples, by family.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// The distance between samples, in microseconds.
    pub step: u64,
    /// The last instant at which samples were taken, in microseconds.
    pub end: u64,
    /// In the order in which they are written.
    pub families: Vec<Family>,
}

/// Series that measure the same of different things.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its name, without `_total`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it measures, in a sentence.
    pub help: &'static str,
    /// By labels.
    pub series: Vec<Series>,
}

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It goes up and down.
    Gauge,
    /// It goes up, and back to 0 where a process starts again.
    Counter,
    /// Quantiles, with how many they are of.
    Summary,
}

/// Samples of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What stands behind the name of the family: nothing, `_total`, `_count`.
    pub suffix: &'static str,
    /// Names and values, by name.
    pub labels: Vec<(&'static str, String)>,
    /// Ascending by time in microseconds; none: from here on there is no such thing, as for a target that cannot
    /// be scraped.
    pub points: Vec<(u64, Option<f64>)>,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Summary => "summary",
        }
    }
}

/// The whole text.
#[must_use]
pub fn text(metrics: &Metrics) -> String {
    let mut text = String::new();
    for Family { name, kind, help, series } in &metrics.families {
        put(&mut text, format_args!("# TYPE {name} {}\n", kind.word()));
        put(&mut text, format_args!("# HELP {name} {}\n", escaped(help)));
        for Series { suffix, labels, points } in series {
            let labels = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value)));
            let labels = labels.collect::<Vec<_>>().join(",");
            for (at, value) in points {
                let Some(value) = value else { continue };
                put(
                    &mut text,
                    format_args!("{name}{suffix}{{{labels}}} {value} {}\n", moment(*at)),
                );
            }
        }
    }
    text.push_str("# EOF\n");
    text
}

/// Seconds since 1970, with the milliseconds that Prometheus keeps.
fn moment(at: u64) -> String {
    format!("{}.{:03}", EPOCH + at / 1_000_000, at % 1_000_000 / 1000)
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn put(text: &mut String, line: fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a string takes every text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_its_labels_and_its_time() {
        let lag = Series {
            suffix: "",
            labels: vec![("consumergroup", "a\"b".to_owned()), ("partition", "0".to_owned())],
            points: vec![(0, Some(3.0)), (1_000_000, None), (2_500_000, Some(0.5))],
        };
        let shrinks =
            Series { suffix: "_total", labels: Vec::new(), points: vec![(7_001_000, Some(2.0))] };
        let family =
            |name, kind, series| Family { name, kind, help: "What it is.", series: vec![series] };
        let metrics = Metrics {
            step: 1_000_000,
            end: 7_001_000,
            families: vec![family("lag", Kind::Gauge, lag), family("cut", Kind::Counter, shrinks)],
        };
        assert_eq!(
            text(&metrics),
            "# TYPE lag gauge\n# HELP lag What it is.\n\
             lag{consumergroup=\"a\\\"b\",partition=\"0\"} 3 1735689600.000\n\
             lag{consumergroup=\"a\\\"b\",partition=\"0\"} 0.5 1735689602.500\n\
             # TYPE cut counter\n# HELP cut What it is.\n\
             cut_total{} 2 1735689607.001\n# EOF\n"
        );
    }
}
