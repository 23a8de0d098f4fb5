//! Samples as Prometheus keeps them: series by their labels, and what a selector finds at an instant.

use ackproof_reports::openmetrics::Metrics;
use promql_parser::label::{METRIC_NAME, Matchers};
use std::collections::BTreeMap;

/// Labels of a series, its name among them.
pub(super) type Labels = BTreeMap<String, String>;

/// How far back a selector looks, in milliseconds.
const LOOKBACK: i64 = 300_000;

/// A series. A point without a value says that the series ends there.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    points: Vec<(i64, Option<f64>)>,
}

impl Series {
    /// Those in `(from, to]`, without ends.
    pub(super) fn between(&self, from: i64, to: i64) -> Vec<(i64, f64)> {
        let first = self.points.partition_point(|(at, _)| *at <= from);
        let points = self.points[first..].iter().take_while(|(at, _)| *at <= to);
        points.filter_map(|(at, value)| Some((*at, (*value)?))).collect()
    }

    /// What a scrape has found last.
    pub(super) fn at(&self, now: i64) -> Option<f64> {
        let next = self.points.partition_point(|(at, _)| *at <= now);
        let (at, value) = self.points.get(next.checked_sub(1)?)?;
        value.filter(|_| *at > now - LOOKBACK)
    }
}

/// All series, by name.
#[derive(Debug, Default)]
pub(super) struct Store(BTreeMap<String, Vec<Series>>);

impl Store {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let mut store = Self::default();
        for family in &metrics.families {
            for series in &family.series {
                let name = format!("{}{}", family.name, series.suffix);
                let labels = series.labels.iter();
                let mut labels: Labels =
                    labels.map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
                labels.insert(METRIC_NAME.to_owned(), name.clone());
                let millis = |(at, value): &(u64, Option<f64>)| {
                    (i64::try_from(at / 1000).unwrap_or(i64::MAX), *value)
                };
                let points = series.points.iter().map(millis).collect();
                store.0.entry(name).or_default().push(Series { labels, points });
            }
        }
        store
    }

    /// Whether a series ever had this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|all| !all.is_empty())
    }

    /// Those that a selector names.
    pub(super) fn select(&self, name: Option<&String>, matchers: &Matchers) -> Vec<&Series> {
        let named = self.0.iter().filter(|(own, _)| name.is_none_or(|name| *own == name));
        let fits = |series: &&Series| {
            let value = |label: &str| series.labels.get(label).map_or("", String::as_str);
            let all = |matchers: &Vec<promql_parser::label::Matcher>| {
                matchers.iter().all(|one| one.is_match(value(&one.name)))
            };
            all(&matchers.matchers)
                && (matchers.or_matchers.is_empty() || matchers.or_matchers.iter().any(all))
        };
        named.flat_map(|(_, series)| series).filter(fits).collect()
    }

    /// Adds what a rule recorded at `now`; what it recorded before, and no more, ends.
    pub(super) fn record(&mut self, name: &str, now: i64, samples: Vec<(Labels, f64)>) {
        let all = self.0.entry(name.to_owned()).or_default();
        for (mut labels, value) in samples {
            labels.insert(METRIC_NAME.to_owned(), name.to_owned());
            match all.iter_mut().find(|series| series.labels == labels) {
                Some(series) => series.points.push((now, Some(value))),
                None => all.push(Series { labels, points: vec![(now, Some(value))] }),
            }
        }
        for series in all {
            if series.points.last().is_some_and(|(at, value)| *at < now && value.is_some()) {
                series.points.push((now, None));
            }
        }
    }
}
