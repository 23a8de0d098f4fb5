//! A history that was judged, for people: as a run is told, with what could not be judged and why.

use super::alerts::alerts;
use super::put;
use super::run::{cause, failing, group, properties, records, timing};
use super::style::{aside, heading, instant, row, verdict};
use crate::check::CheckReport;
use crate::verdict::Judgement;
use ackproof_types::words::plural;

/// A history.
#[must_use]
pub fn check(report: &CheckReport) -> String {
    let mut text = String::new();
    put(&mut text, format_args!("{}  {}", verdict(report.verdict, 0), report.history));
    for reason in &report.reasons {
        put(&mut text, format_args!("  because {}", reason.text));
    }
    text.push('\n');
    if !report.timeline.is_empty() {
        put(&mut text, format_args!("{}", heading("what happened")));
        for moment in &report.timeline {
            put(&mut text, format_args!("{}  {}", instant(moment.at_ms), moment.text));
        }
        text.push('\n');
    }
    records(&mut text, &report.records);
    for one in &report.groups {
        group(&mut text, one);
    }
    for one in &report.causes {
        cause(&mut text, one, None);
    }
    timing(&mut text, &report.timing);
    alerts(&mut text, report.alerts.as_ref());
    properties(&mut text, &report.properties);
    for (name, why) in &report.unjudged {
        put(&mut text, format_args!("{}{name}: {why}", row("unjudged")));
    }
    let (seconds, millis) = (report.span_ms / 1000, report.span_ms % 1000);
    let figures = format!("{seconds}.{millis:03} s, {}", plural(report.entries, "event"));
    put(&mut text, format_args!("{}{}", row("history"), aside(figures)));
    for one in report.properties.iter().filter(|one| one.verdict == Judgement::Violated) {
        failing(&mut text, one);
    }
    text
}
