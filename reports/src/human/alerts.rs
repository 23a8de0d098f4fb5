//! What alert rules would have been good for: the sentence that matters, then a line for each.

use super::put;
use super::style::{aside, row};
use crate::alerts::{
    AlertReport, AlertRule, AlertRuleSweep, AlertSpan, AlertSweep, FirstViolation,
};
use crate::describe::seconds;
use ackproof_types::words::plural;

/// Alerts of a run or a history; nothing if nobody asked.
pub(super) fn alerts(text: &mut String, report: Option<&AlertReport>) {
    let Some(report) = report else { return };
    put(text, format_args!("{}{}", row("alerts"), report.headline));
    let width = report.alerts.iter().map(|one| one.alert.len()).max().unwrap_or(0);
    for one in &report.alerts {
        let fate = fate(one, report.violation.as_ref());
        put(text, format_args!("{:12}{:width$}  {fate}", "", one.alert));
        // Of one that asks for nothing that there is, it is all there is to say.
        for lack in one.in_vain.iter().skip(usize::from(one.spans.is_empty())) {
            put(text, format_args!("{:12}{:width$}  {lack}", "", ""));
        }
    }
    let from = format!("{}, scraped every {}", report.rules, seconds(report.interval_ms * 1000));
    put(text, format_args!("{:12}{}", "", aside(from)));
}

fn fate(one: &AlertRule, violation: Option<&FirstViolation>) -> String {
    let at = |ms: u64| seconds(ms * 1000);
    let wait = if one.for_ms == 0 { String::new() } else { format!(" (for: {})", at(one.for_ms)) };
    match (one.fired_ms, one.before_ms) {
        (Some(fired), None) if violation.is_some() => {
            format!("fired at {}{wait}, over before what was violated began", at(fired))
        }
        (Some(fired), None) => format!("fired at {}{wait}", at(fired)),
        (Some(first), Some(before)) => {
            let side = if before > 0 { "before" } else { "after" };
            let fired = violation.and_then(|violation| one.fired_for(violation)).unwrap_or(first);
            let earlier = match first < fired {
                true => format!(", and for something earlier at {}", at(first)),
                false => String::new(),
            };
            let before = at(before.unsigned_abs());
            format!("fired at {}{wait}, {before} {side} the violation{earlier}", at(fired))
        }
        (None, _) => match one.spans.iter().max_by_key(|span| length(span)) {
            None => one.in_vain.first().map_or("never pending", String::as_str).to_owned(),
            Some(span) => {
                let until = match span.over_ms {
                    Some(over) => format!("to {}", at(over)),
                    None => "to the end".to_owned(),
                };
                format!("never fired{wait}; pending from {} {until}", at(span.pending_ms))
            }
        },
    }
}

/// How long it was pending.
fn length(span: &AlertSpan) -> u64 {
    span.over_ms.map_or(u64::MAX, |over| over - span.pending_ms)
}

/// Alerts of a sweep; nothing if nobody asked.
pub(super) fn alert_sums(text: &mut String, sum: Option<&AlertSweep>) {
    let Some(sum) = sum else { return };
    let AlertSweep { violated, runs, .. } = *sum;
    let said = match sum.alerts.iter().filter(|one| one.warned > 0).max_by_key(|one| one.warned) {
        _ if violated == 0 => "nothing is violated".to_owned(),
        None => format!("in none of {violated} runs an alert fired before the first violation"),
        Some(one) => {
            let AlertRuleSweep { alert, warned, .. } = one;
            format!("{alert} fired before the first violation in {warned} of {violated} runs")
        }
    };
    put(text, format_args!("{}{said}", row("alerts")));
    let width = sum.alerts.iter().map(|one| one.alert.len()).max().unwrap_or(0);
    for one in &sum.alerts {
        for (place, line) in fates(one, sum).into_iter().enumerate() {
            let name = if place == 0 { one.alert.as_str() } else { "" };
            put(text, format_args!("{:12}{name:width$}  {line}", ""));
        }
    }
    let every = seconds(sum.interval_ms * 1000);
    let from = format!("{}, scraped every {every}, over {}", sum.rules, plural(runs, "run"));
    put(text, format_args!("{:12}{}", "", aside(from)));
}

/// What became of a rule: a line, and one for each thing that it asks for in vain.
fn fates(one: &AlertRuleSweep, sum: &AlertSweep) -> Vec<String> {
    let at = |ms: u64| seconds(ms * 1000);
    let mut parts = Vec::new();
    if let (Some(least), Some(median), Some(most)) =
        (one.before_ms.first(), one.median_ms(), one.before_ms.last())
    {
        let range = if least == most {
            at(*most)
        } else {
            format!("{} to {}, half at least {}", at(*least), at(*most), at(median))
        };
        parts.push(format!("before it in {} of {} ({range})", one.warned, sum.violated));
    }
    if one.late > 0 {
        parts.push(format!("after it in {} of {}", one.late, sum.violated));
    }
    if one.earlier > 0 {
        parts.push(format!("only for something earlier in {} of {}", one.earlier, sum.violated));
    }
    if one.unfounded > 0 {
        let quiet = sum.runs - sum.violated;
        parts.push(format!("in {} of {quiet} without a violation", one.unfounded));
    }
    let mut lines: Vec<String> = one.always_in_vain(sum.runs).map(str::to_owned).collect();
    if !parts.is_empty() {
        lines.insert(0, format!("fired {}", parts.join(", ")));
    } else if lines.is_empty() {
        lines.push("never fired".to_owned());
    }
    lines
}
