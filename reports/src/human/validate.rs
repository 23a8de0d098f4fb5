//! The model held against the real thing, for people: a table of figures a scenario, and of its properties
//! those that judged something on both sides.

use super::put;
use super::style::{aside, differing, heading};
use crate::validate::{
    Agreement, Figure, LeftOut, Place, PropertyMatch, ValidateReport, Validated,
};
use crate::verdict::Judgement;
use crate::words::{
    figure_name, figure_test, figure_value, probability, property_real, property_simulated,
};
use ackproof_types::words::plural;
use comfy_table::{CellAlignment, Table, presets};

/// Scenarios that ran for real and in simulation.
#[must_use]
pub fn validate(report: &ValidateReport) -> String {
    let mut text = String::new();
    for scenario in &report.scenarios {
        one(&mut text, scenario);
        text.push('\n');
    }
    text.push_str(
        "range: of 95 % of the simulated runs; * outside of it, times by more than 1 ms; (known) known to differ\n",
    );
    for (what, test) in [("counts", &report.counts), ("times", &report.times)] {
        let word = differing(test.agreement, &test.agreement.to_string().to_uppercase());
        put(&mut text, format_args!("{word}  {}", figure_test(what, test)));
    }
    for LeftOut { file, why } in &report.left_out {
        put(&mut text, format_args!("left out: {file}: {why}"));
    }
    if report.interrupted {
        text.push_str("interrupted: this is what was done by then\n");
    }
    put(&mut text, format_args!("\n{}", report.reproduce));
    text
}

fn one(text: &mut String, scenario: &Validated) {
    let word = differing(scenario.agreement, &scenario.agreement.to_string().to_uppercase());
    put(text, format_args!("{word}  {}", scenario.scenario));
    let real = plural(scenario.histories.len() as u64, "real run");
    let places = scenario.places();
    put(
        text,
        format_args!(
            "  {real} against {} simulated; {} inside, {} outside, {} not compared",
            scenario.runs,
            plural(places.inside, "value"),
            places.outside,
            places.missing
        ),
    );
    if scenario.failed > 0 {
        let runs = plural(scenario.failed, "simulated run");
        put(text, format_args!("  {runs} came to no report: `ackproof run` says why"));
    }
    text.push('\n');
    let compared = |one: &&PropertyMatch| one.agreement != Agreement::NotCompared;
    for property in scenario.properties.iter().filter(|one| compared(one) && !is_sound(one)) {
        property_line(text, property);
    }
    names(text, "never violated on either side", scenario, |one| compared(&one) && is_sound(one));
    names(text, "not compared", scenario, |one| !compared(&one));
    text.push('\n');
    for line in table(&scenario.figures).to_string().lines() {
        put(text, format_args!("{}", line.trim_end()));
    }
}

/// Whether no run of either side violates it.
fn is_sound(property: &PropertyMatch) -> bool {
    property.violated == 0 && !property.real.contains(&Judgement::Violated)
}

/// The properties that are of a kind, on a line.
fn names(text: &mut String, what: &str, scenario: &Validated, is: impl Fn(&PropertyMatch) -> bool) {
    let found = scenario.properties.iter().filter(|one| is(one));
    let names: Vec<&str> = found.map(|one| one.name.as_str()).collect();
    if !names.is_empty() {
        put(text, format_args!("{}", aside(format!("{what}: {}", names.join(", ")))));
    }
}

fn property_line(text: &mut String, property: &PropertyMatch) {
    let (real, simulated) = (property_real(property), property_simulated(property));
    let mut line = format!("{}: real {real}; simulated {simulated}", heading(&property.name));
    if let Some(probability) = probability(property) {
        line.push_str(&differing(property.agreement, &format!(": differs ({probability})")));
    }
    put(text, format_args!("{line}"));
}

fn table(figures: &[Figure]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["", "median", "range", "real"]);
    for figure in figures {
        let show = |value: f64| figure_value(value, figure.unit);
        let (median, range) = figure.simulated.map_or_else(
            || ("-".to_owned(), "none".to_owned()),
            |spread| {
                (show(spread.median), format!("{} to {}", show(spread.low), show(spread.high)))
            },
        );
        let real = figure.real.iter().zip(&figure.places).map(|(value, place)| {
            let outside = matches!(place, Some(Place::Below | Place::Above));
            let mark = match (outside, &figure.known) {
                (false, _) => "",
                (true, None) => "*",
                (true, Some(_)) => "* (known)",
            };
            value.map_or_else(|| "-".to_owned(), |value| format!("{}{mark}", show(value)))
        });
        table.add_row([figure_name(figure), median, range, real.collect::<Vec<_>>().join(", ")]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
