//! Alert rules of Prometheus over the metrics of a run: when each was pending and fired, and how long that was
//! before what went wrong. It knows metrics and no entries.
//!
//! - [`rules`] the files, and [`supported`] what of PromQL is evaluated · [`series`] samples
//! - [`asked`] what rules ask for in vain · [`mod@eval`] expressions, with their [`functions`]

mod asked;
mod eval;
mod functions;
pub mod rules;
mod series;
mod supported;

use ackproof_reports::alerts::{AlertReport, AlertRule, AlertSpan, FirstViolation};
use ackproof_reports::describe::seconds;
use ackproof_reports::openmetrics::{EPOCH, Metrics};
use ackproof_reports::run::PropertyReport;
use ackproof_types::words::plural;
use eval::eval;
use promql_parser::label::METRIC_NAME;
use rules::{Group, Makes, Rule};
use series::{Labels, Store};
use std::collections::BTreeMap;

/// The instant from which simulated time counts, in milliseconds since 1970.
const EPOCH_MS: i64 = EPOCH.cast_signed() * 1000;

/// Evaluates the rules of `file` and says what they would have been good for.
#[must_use]
pub fn judge(
    file: &str,
    groups: &[Group],
    metrics: &Metrics,
    properties: &[PropertyReport],
) -> AlertReport {
    let mut store = Store::new(metrics);
    let (interval, end) = (metrics.step / 1000, metrics.end / 1000);
    let mut alerts = Vec::new();
    for group in groups {
        alerts.extend(evaluated(group, &mut store, group.interval.unwrap_or(interval), end));
    }
    let asked = asked::Asked::new(groups);
    let rules = groups.iter().flat_map(|group| &group.rules).filter(|rule| rule.is_alert());
    for (alert, rule) in alerts.iter_mut().zip(rules) {
        alert.in_vain = asked.in_vain(&rule.expr, &store);
    }
    let violation = first(properties);
    if let Some(violation) = &violation {
        for alert in &mut alerts {
            let is_over =
                |span: &&AlertSpan| span.over_ms.is_some_and(|at| at < violation.begins_ms);
            let spans = alert.spans.iter().filter(|span| !is_over(span));
            let fired = spans.filter_map(|span| span.fired_ms).min();
            alert.before_ms =
                fired.map(|at| violation.at_ms.cast_signed().saturating_sub(at.cast_signed()));
        }
    }
    let headline = headline(&alerts, violation.as_ref());
    AlertReport { rules: file.to_owned(), interval_ms: interval, headline, violation, alerts }
}

/// What went wrong first.
fn first(properties: &[PropertyReport]) -> Option<FirstViolation> {
    let wrong = properties.iter().filter_map(|one| Some((one.since_ms?, one)));
    let (at_ms, property) = wrong.min_by_key(|(at, _)| *at)?;
    let story = property.violations.iter().find_map(|one| one.story.first());
    let begins_ms = story.and_then(|line| begin(line)).map_or(at_ms, |begins| begins.min(at_ms));
    Some(FirstViolation { property: property.name.clone(), at_ms, begins_ms })
}

/// The instant with which a step of a story begins: `12.301s  broker-2 …`.
fn begin(step: &str) -> Option<u64> {
    let (second, rest) = step.trim_start().split_once('.')?;
    let (millis, _) = rest.split_once('s')?;
    Some(
        second.parse::<u64>().ok()? * 1000
            + millis.parse::<u64>().ok().filter(|_| millis.len() == 3)?,
    )
}

fn headline(alerts: &[AlertRule], violation: Option<&FirstViolation>) -> String {
    let fired = alerts.iter().filter(|alert| alert.fired_ms.is_some()).count();
    let all = plural(alerts.len() as u64, "alert");
    let Some(FirstViolation { property, at_ms, .. }) = violation else {
        return format!("{fired} of {all} fired; nothing is violated");
    };
    let what = format!("{property} was violated at {}", seconds(at_ms * 1000));
    let early = alerts.iter().filter(|alert| alert.before_ms.is_some_and(|before| before > 0));
    match early.max_by_key(|alert| alert.before_ms) {
        Some(alert) => {
            let before = u64::try_from(alert.before_ms.unwrap_or(0)).unwrap_or(0);
            format!("{} fired {} before {what}", alert.alert, seconds(before * 1000))
        }
        None if fired == 0 => format!("no alert fired, and {what}"),
        None => {
            let later = alerts.iter().filter(|alert| alert.before_ms.is_some()).count();
            let earlier = match fired - later {
                0 => String::new(),
                count => format!(", {count} only for something that was over before"),
            };
            format!("no alert fired before {what}; {later} of {all} fired later{earlier}")
        }
    }
}

/// An alert that is pending or fires.
struct Active {
    since: u64,
    span: usize,
    fired: bool,
    /// When its expression was last so.
    seen: u64,
}

/// A rule with what it has shown so far.
struct Watched<'a> {
    rule: &'a Rule,
    active: BTreeMap<Labels, Active>,
    report: Option<AlertRule>,
}

fn evaluated(group: &Group, store: &mut Store, interval: u64, end: u64) -> Vec<AlertRule> {
    let watch = |rule| Watched { rule, active: BTreeMap::new(), report: report(&group.name, rule) };
    let mut watched: Vec<Watched<'_>> = group.rules.iter().map(watch).collect();
    let step = usize::try_from(interval.max(1)).unwrap_or(usize::MAX);
    for now in (0..=end).step_by(step) {
        for one in &mut watched {
            let found = eval(store, &one.rule.expr, now.cast_signed()).vector();
            match &one.rule.makes {
                Makes::Series(name) => {
                    let labelled = found.into_iter().map(|(mut labels, value)| {
                        labels.extend(one.rule.labels.clone());
                        (labels, value)
                    });
                    store.record(name, now.cast_signed(), labelled.collect());
                }
                Makes::Alert { wait, keep, .. } => {
                    let found = found.into_iter().map(|(labels, _)| labels);
                    one.step(now, (*wait, *keep), found);
                }
            }
        }
    }
    watched.into_iter().filter_map(|one| one.report).collect()
}

fn report(group: &str, rule: &Rule) -> Option<AlertRule> {
    let Makes::Alert { name, wait, .. } = &rule.makes else { return None };
    Some(AlertRule {
        group: group.to_owned(),
        alert: name.clone(),
        expr: rule.text.clone(),
        for_ms: *wait,
        labels: rule.labels.clone(),
        fired_ms: None,
        before_ms: None,
        in_vain: Vec::new(),
        spans: Vec::new(),
    })
}

impl Watched<'_> {
    /// An evaluation has found these (Prometheus: `AlertingRule.Eval`).
    fn step(&mut self, now: u64, (wait, keep): (u64, u64), found: impl Iterator<Item = Labels>) {
        let Some(report) = &mut self.report else { return };
        for mut labels in found {
            labels.remove(METRIC_NAME);
            let active = self.active.entry(labels).or_insert_with_key(|labels| {
                let labels = labels.clone();
                let span = AlertSpan { labels, pending_ms: now, fired_ms: None, over_ms: None };
                report.spans.push(span);
                Active { since: now, span: report.spans.len() - 1, fired: false, seen: now }
            });
            active.seen = now;
            if !active.fired && now - active.since >= wait {
                active.fired = true;
                report.spans[active.span].fired_ms = Some(now);
                report.fired_ms.get_or_insert(now);
            }
        }
        self.active.retain(|_, active| {
            let stays = active.seen == now || active.fired && now - active.seen < keep;
            if !stays {
                report.spans[active.span].over_ms = Some(now);
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::test_report::{plan, report as report_of};
    use ackproof_reports::openmetrics::{Family, Kind, Series};
    use ackproof_reports::verdict::Judgement;

    /// A series of this name with a value for each second.
    fn family(name: &'static str, instance: &str, values: &[Option<f64>]) -> Family {
        let points = (0..).map(|second| second * 1_000_000).zip(values.iter().copied()).collect();
        let labels = vec![("instance", instance.to_owned())];
        let series = vec![Series { suffix: "", labels, points }];
        Family { name, kind: Kind::Gauge, help: "", series }
    }

    fn metrics(families: Vec<Family>) -> Metrics {
        Metrics { step: 1_000_000, end: 20_000_000, families }
    }

    fn alerts(expr: &str, wait: &str, metrics: &Metrics) -> Vec<AlertSpan> {
        let text = format!(
            "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: {expr}\n    for: {wait}\n"
        );
        let groups = rules::read("a.yml", &text).expect("a rule");
        let mut report = judge("a.yml", &groups, metrics, &[]);
        report.alerts.remove(0).spans
    }

    #[test]
    fn an_alert_of_something_earlier_has_not_warned() {
        let metrics = metrics(vec![family("up", "b", &up_from_to(2, 5))]);
        let text = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up == 0\n";
        let groups = rules::read("a.yml", text).expect("a rule");
        let of = |story: &[&str]| {
            let run = report_of(&plan("", ""), 1, Judgement::Violated);
            let mut properties = run.properties;
            properties[0].since_ms = Some(9000);
            properties[0].violations[0].story =
                story.iter().map(|line| (*line).to_owned()).collect();
            let report = judge("a.yml", &groups, &metrics, &properties);
            (report.alerts[0].before_ms, report.headline)
        };
        // The fault was over when the record that was lost was sent.
        let (before, headline) =
            of(&["    8.250s  billing-0 sent it", "    8.300s  it was acknowledged"]);
        assert_eq!(before, None, "{headline}");
        assert!(
            headline
                .ends_with("0 of 1 alert fired later, 1 only for something that was over before")
        );
        // It was sent under the fault.
        let (before, headline) = of(&["    4.250s  billing-0 sent it"]);
        assert_eq!(before, Some(7000), "{headline}");
        assert!(headline.starts_with("A fired 7s before"), "{headline}");
        // Nobody knows when it began.
        assert_eq!(of(&[]).0, None);
    }

    fn up_from_to(from: usize, to: usize) -> Vec<Option<f64>> {
        (0..=20).map(|second| Some(f64::from(u8::from(!(from..to).contains(&second))))).collect()
    }

    #[test]
    fn an_alert_is_pending_until_it_has_waited_and_over_when_it_is_no_more_so() {
        let metrics = metrics(vec![family("up", "b", &up_from_to(5, 12))]);
        for (wait, fired) in [("0s", Some(5000)), ("4s", Some(9000)), ("7s", None)] {
            let spans = alerts("up == 0", wait, &metrics);
            let times: Vec<_> =
                spans.iter().map(|one| (one.pending_ms, one.fired_ms, one.over_ms)).collect();
            assert_eq!(times, [(5000, fired, Some(12_000))], "{wait}");
            assert_eq!(spans[0].labels["instance"], "b");
        }
    }

    #[test]
    fn a_series_that_ends_is_absent_at_once() {
        let mut gone = vec![Some(1.0); 10];
        gone.push(None);
        let metrics = metrics(vec![family("lag", "b", &gone)]);
        assert_eq!(alerts("absent(lag{instance=\"b\"})", "0s", &metrics)[0].pending_ms, 10_000);
        assert_eq!(alerts("lag > 0", "0s", &metrics)[0].over_ms, Some(10_000));
    }

    #[test]
    fn operators_and_aggregations_do_as_in_prometheus() {
        let two = vec![
            family("up", "a", &up_from_to(3, 20)),
            Family { name: "lag", ..family("lag", "a", &[Some(7.0); 21]) },
        ];
        let metrics = metrics(two);
        let pending =
            |expr: &str| alerts(expr, "0s", &metrics).first().map(|span| span.pending_ms / 1000);
        for (expr, second) in [
            ("sum(up) < 1", Some(3)),
            ("count(up == 0) > 0", Some(3)),
            ("lag > 5 and on(instance) up == 0", Some(3)),
            ("lag > 5 unless on(instance) up == 1", Some(3)),
            ("lag > 5 or up == 0", Some(0)),
            ("lag * up == 0", Some(3)),
            ("3 > up", Some(0)),
            ("max by (instance) (lag) > bool 8", Some(0)),
            ("changes(up[5s]) > 0", Some(3)),
            ("min_over_time(up[3s]) == 1", Some(0)),
            ("max_over_time(up[3s]) == 0", Some(5)),
            ("up offset 2s == 0", Some(5)),
            ("delta(lag[5s]) != 0", None),
            ("lag{instance=~\"b.*\"}", None),
            ("-lag < 0", Some(0)),
            ("vector(1) == 1", Some(0)),
            ("vector(time()) > 1735689601", Some(2)),
        ] {
            assert_eq!(pending(expr), second, "{expr}");
        }
    }

    #[test]
    fn what_no_sample_has_is_named_and_not_called_quiet() {
        let metrics = metrics(vec![family("up", "a", &[Some(1.0); 21])]);
        let text = |expr: &str| {
            format!(
                "groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: sum(kafka_broker)\n  \
                 - alert: A\n    expr: {expr}\n"
            )
        };
        for (expr, said) in [
            ("up == 0", ""),
            ("kafka_broker < 3", "no such metric: kafka_broker; did you mean \"kafka_brokers\"?"),
            ("kafka_brokers < 3", "no sample of kafka_brokers in this run"),
            ("node_load1 > 4", "no such metric: node_load1"),
            ("a:b < 3", "no such metric: kafka_broker; did you mean \"kafka_brokers\"?"),
            ("rate(up{instance=\"b\"}[5m]) > 0", "no series fits up{instance=\"b\"}"),
            ("absent(node_load1)", "no such metric: node_load1"),
        ] {
            let groups = rules::read("a.yml", &text(expr)).expect("rules");
            let report = judge("a.yml", &groups, &metrics, &[]);
            assert_eq!(report.alerts[0].in_vain.join("|"), said, "{expr}");
        }
    }

    #[test]
    fn a_recorded_series_can_be_asked_for() {
        let metrics = metrics(vec![family("up", "a", &up_from_to(4, 20))]);
        let text = "groups:\n- name: g\n  rules:\n  - record: job:up:sum\n    expr: sum(up)\n    \
                    labels: {a: b}\n  - alert: A\n    expr: job:up:sum{a=\"b\"} == 0\n";
        let groups = rules::read("a.yml", text).expect("rules");
        let report = judge("a.yml", &groups, &metrics, &[]);
        assert_eq!(report.alerts[0].fired_ms, Some(4000));
        assert_eq!(report.headline, "1 of 1 alert fired; nothing is violated");
    }
}
