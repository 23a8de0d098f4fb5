//! Words that the renderers of a validation share: names and values of figures, what a side concludes.

use crate::human::{length, percent};
use crate::validate::{Agreement, Figure, FigureTest, FigureUnit, PropertyMatch};
use crate::verdict::Judgement;
use std::fmt;

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agrees => "agrees",
            Self::NotCompared => "not compared",
            Self::Differs => "differs",
        })
    }
}

/// `redeliveries to ledger`; a name without better words is its own.
pub(crate) fn figure_name(figure: &Figure) -> String {
    let words = match figure.name.as_str() {
        "acked" => "acknowledged",
        "failed_or_unknown" => "failed or unknown",
        "unknown_absent" => "unknown, absent",
        "log_duplicates" => "log duplicates",
        "duplicates" => "redeliveries",
        "ack_latency.p50" => "acknowledged within (half)",
        "ack_latency.p99" => "acknowledged within (99 %)",
        "end_to_end_latency.p50" => "end to end within (half)",
        "end_to_end_latency.p99" => "end to end within (99 %)",
        "longest_stall" => "longest stall of writes",
        "longest_read_stall" => "longest stall of reads",
        "longest_failover" => "longest failover",
        "longest_handover" => "longest handover",
        other => other,
    };
    let of = figure.group.as_ref().map_or_else(String::new, |group| format!(", {group}"));
    format!("{words}{of}")
}

/// `counts: 14 of 567 outside, 12 known to differ; as many or more are chance with probability 1`.
pub(crate) fn figure_test(what: &str, test: &FigureTest) -> String {
    let FigureTest { compared, outside, known, probability, .. } = *test;
    let mut text = format!("{what}: {outside} of {compared} outside");
    if let Some(probability) = probability {
        let digits = if probability < 1e-9 {
            "below 1e-9".to_owned()
        } else if probability < 0.001 {
            format!("{probability:.1e}")
        } else {
            format!("{probability:.3}")
        };
        text.push_str(&format!("; as many by chance, or more: probability {digits}"));
    }
    if known > 0 {
        text.push_str(&format!("; {known} known to differ, not tested"));
    }
    text
}

/// A value of a measure that a limit can name, as people read it: a share in percent, a length of time in its
/// largest unit (it is given in milliseconds), a count as it is.
#[must_use]
pub fn amount(measure: &str, value: f64) -> String {
    let name = measure.split('.').next().unwrap_or(measure);
    if name.ends_with("_rate") || name.ends_with("unavailability") || name.ends_with("_use") {
        percent(value)
    } else if name.starts_with("longest_") || name.ends_with("_latency") {
        length(value)
    } else {
        format!("{value}")
    }
}

/// A value in its unit.
pub(crate) fn figure_value(value: f64, unit: FigureUnit) -> String {
    match unit {
        FigureUnit::Count => format!("{value}"),
        FigureUnit::Milliseconds => length(value),
    }
}

/// `held 2 of 3, violated 1`, and why what was not judged was not.
pub(crate) fn property_real(property: &PropertyMatch) -> String {
    let of = |wanted: Judgement| property.real.iter().filter(|one| **one == wanted).count() as u64;
    let numbers = (of(Judgement::Violated), of(Judgement::Held), of(Judgement::Vacuous));
    let mut words = side(numbers, "not judged");
    if !property.unjudged.is_empty() {
        words.push_str(&format!(" ({})", property.unjudged.join("; ")));
    }
    words
}

/// `held 190 of 200, violated 10`.
pub(crate) fn property_simulated(property: &PropertyMatch) -> String {
    side((property.violated, property.held, property.vacuous), "nothing to judge")
}

fn side((violated, held, vacuous): (u64, u64, u64), nothing: &str) -> String {
    let runs = violated + held + vacuous;
    let parts = [("violated", violated), ("held", held), (nothing, vacuous)];
    let some: Vec<String> = parts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{word} {count} of {runs}"))
        .collect();
    if some.is_empty() { "no run".to_owned() } else { some.join(", ") }
}

/// `probability 0.0012`, of what differs.
pub(crate) fn probability(property: &PropertyMatch) -> Option<String> {
    let differs = property.agreement == Agreement::Differs;
    let probability = property.probability.filter(|_| differs)?;
    Some(if probability < 0.0001 {
        "probability below 0.0001".to_owned()
    } else {
        format!("probability {probability:.4}")
    })
}
