//! A comparison for people. Two arms: a line a measure, with the difference. More: a line an arm, with
//! the front marked.

use super::put;
use super::style::{length, percent, plural};
use crate::compare::{Arm, CompareReport, Value};
use crate::measure::Unit;
use crate::sweep::Interval;
use comfy_table::{CellAlignment, Table, presets};

/// A comparison.
#[must_use]
pub fn compare(report: &CompareReport) -> String {
    let mut text = String::new();
    let runs = report.arms.iter().map(|arm| arm.runs).min().unwrap_or(0);
    put(
        &mut text,
        format_args!("{}, {} each", plural(report.arms.len() as u64, "arm"), plural(runs, "seed")),
    );
    let common = common_file(&report.arms);
    for (letter, arm) in letters().zip(&report.arms) {
        put(&mut text, format_args!("  {letter}  {}", arm_name(arm, common)));
    }
    text.push('\n');
    let table = if let [first, second] = report.arms.as_slice() {
        pair(report, first, second)
    } else {
        grid(report)
    };
    for line in table.lines() {
        put(&mut text, format_args!("{}", line.trim_end()));
    }
    if report.arms.len() == 2 {
        text.push_str(
            "\ndifference: B minus A within a seed, mean over seeds, with its interval at 95 %\n",
        );
    } else {
        text.push_str(
            "\n* on the front: no other arm is as good in everything and better in something (by 1 % at least)\n",
        );
    }
    failures(&mut text, report);
    put(&mut text, format_args!("\n{}", report.reproduce));
    text
}

fn letters() -> impl Iterator<Item = String> {
    (0..).map(|index: u32| match char::from_u32(u32::from(b'A') + index) {
        Some(letter) if index < 26 => letter.to_string(),
        _ => format!("#{}", index + 1),
    })
}

fn common_file(arms: &[Arm]) -> Option<&str> {
    let first = arms.first()?.file.as_str();
    arms.iter().all(|arm| arm.file == first).then_some(first)
}

/// What tells an arm from the others.
fn arm_name(arm: &Arm, common: Option<&str>) -> String {
    let sets = arm.sets.iter().map(|(path, value)| format!("{path}={value}"));
    let sets = sets.collect::<Vec<_>>().join(" ");
    match (common, sets.is_empty()) {
        (Some(_), false) => sets,
        (_, true) => arm.file.clone(),
        (None, false) => format!("{} {sets}", arm.file),
    }
}

fn table(head: Vec<String>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head);
    table
}

fn align(mut table: Table) -> String {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn pair(report: &CompareReport, first: &Arm, second: &Arm) -> String {
    let head = ["", "A", "B", "difference", "between"].map(str::to_owned);
    let mut table = table(head.to_vec());
    for (index, measure) in report.measures.iter().enumerate() {
        let (a, b) = (&first.values[index], &second.values[index]);
        let shown =
            |value: Option<f64>| value.map_or_else(String::new, |value| show(value, measure.unit));
        let signed = |value: f64| {
            let sign = if value > 0.0 {
                "+"
            } else if value < 0.0 {
                "-"
            } else {
                ""
            };
            format!("{sign}{}", show(value.abs(), measure.unit))
        };
        let between = b.difference_interval.map_or_else(String::new, |Interval { low, high }| {
            format!("{} to {}", signed(low), signed(high))
        });
        let difference = b.difference.map_or_else(String::new, signed);
        table.add_row([name(&measure.name), shown(a.mean), shown(b.mean), difference, between]);
    }
    for (property, count) in &first.violated {
        let other = second.violated.get(property).copied().unwrap_or(0);
        let of = |count: u64, arm: &Arm| format!("{count} of {}", arm.runs);
        let cells = [of(*count, first), of(other, second), String::new(), String::new()];
        table.add_row([vec![format!("{property} violated")], cells.to_vec()].concat());
    }
    align(table)
}

fn grid(report: &CompareReport) -> String {
    let mut head = vec![String::new(), String::new()];
    head.extend(report.measures.iter().map(|measure| name(&measure.name)));
    head.push("violated".to_owned());
    let mut table = table(head);
    for (letter, arm) in letters().zip(&report.arms) {
        let mark = if arm.on_front { "*" } else { "" };
        let mut row = vec![letter, mark.to_owned()];
        let shown = |(value, unit): (&Value, Option<Unit>)| {
            value.mean.map_or_else(String::new, |value| show(value, unit))
        };
        let units = report.measures.iter().map(|measure| measure.unit);
        row.extend(arm.values.iter().zip(units).map(shown));
        let violated = arm.violated.iter().filter(|(_, count)| **count > 0);
        let violated: Vec<String> =
            violated.map(|(name, count)| format!("{name} ({count})")).collect();
        row.push(violated.join(", "));
        table.add_row(row);
    }
    align(table)
}

fn name(measure: &str) -> String {
    measure.strip_suffix(".mean").unwrap_or(measure).replace('_', " ")
}

fn show(value: f64, unit: Option<Unit>) -> String {
    match unit {
        Some(Unit::Share) => percent(value),
        Some(Unit::Milliseconds) => length(value),
        None if value == 0.0 => "0".to_owned(),
        None => format!("{value:.2}"),
    }
}

fn failures(text: &mut String, report: &CompareReport) {
    for (letter, arm) in letters().zip(&report.arms).filter(|(_, arm)| arm.failed > 0) {
        let runs = plural(arm.failed, "run");
        put(text, format_args!("{letter}: {runs} came to no report: `ackproof run` says why"));
    }
    if report.interrupted {
        put(text, format_args!("interrupted: this is what was done by then"));
    }
}
