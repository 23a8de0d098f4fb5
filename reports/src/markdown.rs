//! The model held against the real thing, as the body of a page in Markdown: a table of scenarios, then a
//! section for each. No colours, no time of day: the same for the same input.
//!
//! - [`mod@what_if`] what would have saved a run

mod what_if;

pub use what_if::what_if;

use crate::validate::{
    Agreement, Figure, LeftOut, Place, PropertyMatch, ValidateReport, Validated,
};
use crate::verdict::Judgement;
use crate::words::{
    figure_name, figure_test, figure_value, probability, property_real, property_simulated,
};
use ackproof_types::words::plural;
use std::fmt::Write;

/// Scenarios that ran for real and in simulation.
#[must_use]
pub fn validate(report: &ValidateReport) -> String {
    let mut text = String::new();
    if report.interrupted {
        put(&mut text, "Interrupted: this is what was done by then.\n");
    }
    for (what, test) in [("Counts", &report.counts), ("Times", &report.times)] {
        let agreement = match test.agreement {
            Agreement::Differs => "**differ**",
            Agreement::Agrees => "agree",
            Agreement::NotCompared => "not compared",
        };
        put(&mut text, &format!("- {}: {agreement}.", figure_test(what, test)));
    }
    put(
        &mut text,
        "\n| scenario | real | simulated | properties | inside | outside | not compared |",
    );
    put(&mut text, "|---|---|---|---|---:|---:|---:|");
    for one in &report.scenarios {
        summary(&mut text, one);
    }
    for one in &report.scenarios {
        section(&mut text, one);
    }
    if !report.left_out.is_empty() {
        put(&mut text, "\n## Left out\n");
        for LeftOut { file, why } in &report.left_out {
            put(&mut text, &format!("- `{file}`: {}", cell(why)));
        }
    }
    put(&mut text, &format!("\n```console\n{}\n```", report.reproduce));
    text
}

fn summary(text: &mut String, one: &Validated) {
    let differing = one.properties.iter().filter(|one| one.agreement == Agreement::Differs);
    let differing: Vec<&str> = differing.map(|one| one.name.as_str()).collect();
    let properties = if !differing.is_empty() {
        format!("**differ: {}**", differing.join(", "))
    } else if one.properties.iter().any(|one| one.agreement == Agreement::Agrees) {
        "agree".to_owned()
    } else {
        "not compared".to_owned()
    };
    let places = one.places();
    let cells = [
        format!("[{}](#{})", cell(&one.scenario), anchor(&one.scenario)),
        cell(&violated(one, |property| {
            let violated = property.real.iter().filter(|one| **one == Judgement::Violated);
            (violated.count() as u64, property.real.len() as u64)
        })),
        cell(&violated(one, |property| (property.violated, one.runs))),
        properties,
        places.inside.to_string(),
        places.outside.to_string(),
        places.missing.to_string(),
    ];
    put(text, &format!("| {} |", cells.join(" | ")));
}

/// What a side violates, in how many of its runs.
fn violated(one: &Validated, count: impl Fn(&PropertyMatch) -> (u64, u64)) -> String {
    let found = one.properties.iter().filter_map(|property| {
        let (violated, runs) = count(property);
        (violated > 0).then(|| format!("{} violated {violated} of {runs}", property.name))
    });
    let found: Vec<String> = found.collect();
    if found.is_empty() { "nothing violated".to_owned() } else { found.join("; ") }
}

fn section(text: &mut String, one: &Validated) {
    put(text, &format!("\n## {}\n", one.scenario));
    if !one.about.is_empty() {
        put(text, &format!("{}\n", one.about));
    }
    let real = plural(one.histories.len() as u64, "real run");
    let simulated = plural(one.runs, "simulated run");
    put(text, &format!("`{}`: {real}, {simulated}.", one.file));
    if one.failed > 0 {
        let runs = plural(one.failed, "simulated run");
        put(text, &format!("{runs} came to no report."));
    }
    put(text, "\n| property | real | simulated | |\n|---|---|---|---|");
    for property in &one.properties {
        let agreement = probability(property).map_or_else(
            || property.agreement.to_string(),
            |probability| format!("**differs** ({probability})"),
        );
        let (real, simulated) = (property_real(property), property_simulated(property));
        let cells = [property.name.clone(), cell(&real), cell(&simulated), agreement];
        put(text, &format!("| {} |", cells.join(" | ")));
    }
    put(text, "\n| figure | real | simulated: median | 95 % of runs | |\n|---|---|---:|---:|---|");
    for figure in &one.figures {
        put(text, &row(figure));
    }
    let known = one.figures.iter().filter_map(|figure| Some((figure, figure.known.as_ref()?)));
    let outside = |figure: &Figure| figure.places.iter().flatten().any(|at| *at != Place::Inside);
    let mut known = known.filter(|(figure, _)| outside(figure)).peekable();
    if known.peek().is_some() {
        put(text, "\nKnown to differ, and not tested:\n");
    }
    for (figure, why) in known {
        put(text, &format!("- {}: {why}", figure_name(figure)));
    }
}

fn row(figure: &Figure) -> String {
    let show = |value: f64| figure_value(value, figure.unit);
    let real = figure.real.iter().map(|value| value.map_or_else(|| "–".to_owned(), show));
    let (median, range) = figure.simulated.map_or_else(Default::default, |spread| {
        (show(spread.median), format!("{} to {}", show(spread.low), show(spread.high)))
    });
    let cells = [
        cell(&figure_name(figure)),
        real.collect::<Vec<_>>().join(", "),
        median,
        range,
        places(figure),
    ];
    format!("| {} |", cells.join(" | "))
}

/// Where the real values lie: one word if all lie alike.
fn places(figure: &Figure) -> String {
    let words = figure.places.iter().map(|place| match place {
        Some(Place::Inside) => "inside",
        Some(Place::Below) => "**below**",
        Some(Place::Above) => "**above**",
        None => "–",
    });
    let words: Vec<&str> = words.collect();
    let measured = figure.real.iter().any(Option::is_some);
    match (measured, figure.simulated) {
        (false, None) => "neither side tells it".to_owned(),
        (false, Some(_)) => "real runs do not tell it".to_owned(),
        (true, None) => "no simulated run has it".to_owned(),
        (true, Some(_)) => match words.split_first() {
            Some((first, rest)) if rest.iter().all(|word| word == first) => (*first).to_owned(),
            _ => words.join(", "),
        },
    }
}

/// What stands in a cell ends none.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn put(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes every text");
}
