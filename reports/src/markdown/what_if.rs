//! What would have saved a run, for an issue or a pull request: the same words as for people, in a table of Markdown.

use super::{cell as escaped, put};
use crate::human::what_if::{COLUMNS, EFFECTS, LEGEND, cell, change, fails, of, price, turn};
use crate::what_if::{Arm, Effect, Others, Refused, WhatIfReport};

/// A run, and what would have saved it.
#[must_use]
pub fn what_if(report: &WhatIfReport) -> String {
    let mut text = String::new();
    let failure = report.failure.as_deref().unwrap_or("nothing fails");
    put(&mut text, &format!("**{}, seed {}**: {failure}", report.scenario, report.seed));
    if let Some(also) = report.also() {
        put(&mut text, &also);
    }
    if let Some(curve) = &report.curve {
        put(&mut text, &format!("\n{}", turn(curve)));
    }
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    put(
        &mut text,
        &format!("\n| change | in this run | {} | other seeds that fail |", names.join(" | ")),
    );
    put(&mut text, &format!("|---|---|{}---:|", "---:|".repeat(COLUMNS.len())));
    let base = if report.failure.is_some() { "fails" } else { "holds" };
    row(&mut text, report, ["as it is", base], (&report.run, report.others.as_ref()));
    for (effect, says) in EFFECTS {
        for flip in of(report, effect) {
            let words: Vec<String> =
                std::iter::once(change(flip)).chain(price(flip, report)).collect();
            let change = words.join("; ");
            row(&mut text, report, [&change, says], (&flip.arm, flip.others.as_ref()));
        }
    }
    let idle: Vec<String> = of(report, Effect::Nothing).map(change).collect();
    if !idle.is_empty() {
        put(&mut text, &format!("\nNo effect on this run: {}.", idle.join(", ")));
    }
    if !report.refused.is_empty() {
        put(&mut text, "\nRefused with the other settings:\n");
    }
    for Refused { change, why } in &report.refused {
        put(&mut text, &format!("- `{change}`: {why}"));
    }
    put(&mut text, &format!("\n{LEGEND}.\n\n```sh"));
    if let Some(best) = of(report, Effect::Saves).next() {
        put(&mut text, &best.command);
    }
    put(&mut text, &format!("{}\n```", report.reproduce));
    text
}

fn row(
    text: &mut String,
    report: &WhatIfReport,
    words: [&str; 2],
    (arm, others): (&Arm, Option<&Others>),
) {
    let cells = COLUMNS.iter().map(|(_, of)| cell(report, arm, of));
    let cells: Vec<String> = cells.chain([others.map_or_else(String::new, fails)]).collect();
    let [change, does] = words.map(escaped);
    put(text, &format!("| {change} | {does} | {} |", cells.join(" | ")));
}
