//! What alert rules would have been good for: the sentence that matters, then a line for each.

use super::put;
use super::style::{aside, row};
use crate::alerts::{AlertReport, AlertRule, AlertSpan};
use crate::describe::seconds;

/// Alerts of a run or a history; nothing if nobody asked.
pub(super) fn alerts(text: &mut String, report: Option<&AlertReport>) {
    let Some(report) = report else { return };
    put(text, format_args!("{}{}", row("alerts"), report.headline));
    let width = report.alerts.iter().map(|one| one.alert.len()).max().unwrap_or(0);
    for one in &report.alerts {
        put(text, format_args!("{:12}{:width$}  {}", "", one.alert, fate(one)));
    }
    let from = format!("{}, scraped every {}", report.rules, seconds(report.interval_ms * 1000));
    put(text, format_args!("{:12}{}", "", aside(from)));
}

fn fate(one: &AlertRule) -> String {
    let at = |ms: u64| seconds(ms * 1000);
    let wait = if one.for_ms == 0 { String::new() } else { format!(" (for: {})", at(one.for_ms)) };
    match (one.fired_ms, one.before_ms) {
        (Some(fired), None) => format!("fired at {}{wait}", at(fired)),
        (Some(fired), Some(before)) => {
            let side = if before > 0 { "before" } else { "after" };
            format!(
                "fired at {}{wait}, {} {side} the violation",
                at(fired),
                at(before.unsigned_abs())
            )
        }
        (None, _) => match one.spans.iter().max_by_key(|span| length(span)) {
            None => "never pending".to_owned(),
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
