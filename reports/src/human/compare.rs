//! A comparison for people. Two arms: a line a measure, with the difference. More: a column an arm, with
//! the front marked. What is too wide for the screen becomes a list.

use super::put;
use super::style::{length, percent, width};
use crate::compare::{Arm, CompareReport, Value};
use crate::measure::Unit;
use crate::sweep::Interval;
use ackproof_types::words::plural;
use comfy_table::{CellAlignment, Table, presets};

/// Seeds that make an interval.
const LEAST: u64 = 3;

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
        narrowed(pair(report, first, second), || pair_list(report, first, second))
    } else {
        narrowed(grid(report), || grid_list(report))
    };
    for line in table.lines() {
        put(&mut text, format_args!("{}", line.trim_end()));
    }
    if report.arms.len() == 2 {
        text.push_str(
            "\ndifference: B minus A within a seed, mean over seeds, with its interval at 95 %; \
             pp: percentage points\n",
        );
    } else {
        text.push_str(
            "\nmeans over seeds, each with its interval at 95 %\n\
             * on the front: no other arm is as good in everything down to read unavailability and better in \
             something (by 1 % at least)\n",
        );
    }
    if runs < LEAST {
        put(&mut text, format_args!("an interval takes {} at least", plural(LEAST, "seed")));
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

pub(super) fn table(head: Vec<String>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head);
    table
}

pub(super) fn align(mut table: Table) -> String {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// The measures that some arm has.
fn measured(report: &CompareReport) -> impl Iterator<Item = usize> + '_ {
    let has = |index: &usize| report.arms.iter().any(|arm| arm.values[*index].mean.is_some());
    (0..report.measures.len()).filter(has)
}

/// `table`, or the list instead if it is wider than the screen.
pub(super) fn narrowed(table: String, list: impl FnOnce() -> String) -> String {
    let widest = table.lines().map(|line| line.trim_end().chars().count()).max().unwrap_or(0);
    if widest <= width() { table } else { list() }
}

/// What is shown of a measure of two arms: both values, their difference, and where that lies.
fn pair_cells(report: &CompareReport, index: usize, first: &Arm, second: &Arm) -> [String; 5] {
    let measure = &report.measures[index];
    let (a, b) = (&first.values[index], &second.values[index]);
    let shown =
        |value: Option<f64>| value.map_or_else(String::new, |value| show(value, measure.unit));
    let points = measure.unit == Some(Unit::Share);
    let amount = |value: f64| {
        let amount = show(value.abs(), measure.unit);
        // Of two shares the difference is in points of percent, not a share of one of them.
        if points { amount.trim_end_matches(" %").to_owned() } else { amount }
    };
    let signed = |value: f64| {
        let amount = amount(value);
        // What rounds to nothing has no sign.
        let is_zero = !amount.contains(|letter: char| ('1'..='9').contains(&letter));
        let sign = match value {
            _ if is_zero => "",
            _ if value > 0.0 => "+",
            _ => "-",
        };
        format!("{sign}{amount}")
    };
    let unit = if points { " pp" } else { "" };
    let between = match (b.difference, b.difference_interval) {
        (_, Some(Interval { low, high })) => {
            format!("{} to {}{unit}", signed(low), signed(high))
        }
        (_, None) => String::new(),
    };
    let difference = b.difference.map_or_else(String::new, |value| signed(value) + unit);
    [name(&measure.name), shown(a.mean), shown(b.mean), difference, between]
}

/// As [`pair`], for a narrow screen.
fn pair_list(report: &CompareReport, first: &Arm, second: &Arm) -> String {
    let mut text = String::new();
    for index in measured(report) {
        let [name, a, b, difference, between] = pair_cells(report, index, first, second);
        let values = format!("A {}, B {}", or_none(&a), or_none(&b));
        put(&mut text, format_args!("{name}: {values}"));
        if !difference.is_empty() {
            let between = if between.is_empty() { between } else { format!(" ({between})") };
            put(&mut text, format_args!("  {difference}{between}"));
        }
    }
    for (property, count) in &first.violated {
        let other = second.violated.get(property).copied().unwrap_or(0);
        let of = |count: u64, arm: &Arm| format!("{count} of {}", arm.runs);
        put(
            &mut text,
            format_args!("{property} violated: A {}, B {}", of(*count, first), of(other, second)),
        );
    }
    text
}

fn or_none(cell: &str) -> &str {
    if cell.is_empty() { "none" } else { cell }
}

fn pair(report: &CompareReport, first: &Arm, second: &Arm) -> String {
    let head = ["", "A", "B", "difference", "between"].map(str::to_owned);
    let mut table = table(head.to_vec());
    for index in measured(report) {
        table.add_row(pair_cells(report, index, first, second));
    }
    for (property, count) in &first.violated {
        let other = second.violated.get(property).copied().unwrap_or(0);
        let of = |count: u64, arm: &Arm| format!("{count} of {}", arm.runs);
        let cells = [of(*count, first), of(other, second), String::new(), String::new()];
        table.add_row([vec![format!("{property} violated")], cells.to_vec()].concat());
    }
    align(table)
}

/// A column for each arm, with the interval of each mean below it.
fn grid(report: &CompareReport) -> String {
    let mark = |arm: &Arm| if arm.on_front { "*" } else { "" };
    let columns = letters().zip(&report.arms).map(|(letter, arm)| format!("{letter}{}", mark(arm)));
    let mut table = table(std::iter::once(String::new()).chain(columns).collect());
    for index in measured(report) {
        let measure = &report.measures[index];
        let cell = |arm: &Arm| {
            let (mean, interval) = cells(&arm.values[index], measure.unit);
            if interval.is_empty() { mean } else { format!("{mean}\n{interval}") }
        };
        let cells = report.arms.iter().map(cell);
        table.add_row(std::iter::once(name(&measure.name)).chain(cells).collect::<Vec<_>>());
    }
    for property in violated(report) {
        let cells = report.arms.iter().map(|arm| count_of(arm, property));
        let head = format!("{property} violated");
        table.add_row(std::iter::once(head).chain(cells).collect::<Vec<_>>());
    }
    align(table)
}

/// As [`grid`], for more arms than the screen is wide: one after another.
fn grid_list(report: &CompareReport) -> String {
    let mut text = String::new();
    for (letter, arm) in letters().zip(&report.arms) {
        let mark = if arm.on_front { " *" } else { "" };
        put(&mut text, format_args!("{letter}{mark}"));
        for (measure, value) in report.measures.iter().zip(&arm.values) {
            let (mean, interval) = cells(value, measure.unit);
            let interval =
                if interval.is_empty() { String::new() } else { format!(" ({interval})") };
            if !mean.is_empty() {
                put(&mut text, format_args!("  {}: {mean}{interval}", name(&measure.name)));
            }
        }
        for property in violated(report) {
            put(&mut text, format_args!("  {property} violated: {}", count_of(arm, property)));
        }
    }
    text
}

/// A mean and its interval, as far as there are any.
fn cells(value: &Value, unit: Option<Unit>) -> (String, String) {
    let mean = value.mean.map_or_else(String::new, |mean| show(mean, unit));
    let interval = match (value.mean, value.interval) {
        (_, Some(Interval { low, high })) => format!("{} to {}", show(low, unit), show(high, unit)),
        (_, None) => String::new(),
    };
    (mean, interval)
}

/// Properties that some seed of some arm violates.
fn violated(report: &CompareReport) -> Vec<&String> {
    report.arms.first().map(|arm| arm.violated.keys().collect()).unwrap_or_default()
}

fn count_of(arm: &Arm, property: &str) -> String {
    format!("{} of {}", arm.violated.get(property).copied().unwrap_or(0), arm.runs)
}

fn name(measure: &str) -> String {
    measure.strip_suffix(".mean").unwrap_or(measure).replace(['_', '.'], " ")
}

fn show(value: f64, unit: Option<Unit>) -> String {
    match unit {
        Some(Unit::Share) => percent(value),
        Some(Unit::Milliseconds) => length(value),
        None if value.abs() < 0.005 => "0".to_owned(),
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
