//! What would have saved a run, for people: what saves it first, with its price, and the commands last.

use super::compare::{align, narrowed, table};
use super::put;
use super::style::{aside, heading, instant, length, percent, width};
use crate::what_if::{Arm, Curve, Effect, Flip, Jump, Others, Refused, WhatIfReport};
use ackproof_types::words::plural;

/// What is shown of a run: sums of measures, each less the better.
pub(crate) const COLUMNS: [(&str, &[&str]); 7] = [
    ("lost", &["lost", "skipped", "output_lost", "sink_missing"]),
    ("failed", &["failed", "unknown_absent"]),
    ("twice", &["log_duplicates"]),
    ("again", &["duplicate_rate"]),
    ("stall", &["unavailability"]),
    ("ack", &["ack_latency.p99"]),
    ("e2e", &["end_to_end_latency.p99"]),
];
/// What the columns are.
pub(crate) const LEGEND: &str = "lost: acknowledged and in no log, or never processed; failed: the application was \
    told, or of no outcome; twice: in the log more than once; again: processed more than once, per record; \
    stall: part of the time without a write; ack, e2e: from send to acknowledged, to processed, for 99 %";
/// What a change is tried on beside.
const OTHER_SEEDS: &str = "others";
/// A longer name of a change has two lines.
const LONG: usize = 36;

/// The effects, as people are told of them, in the order of the report.
pub(crate) const EFFECTS: [(Effect, &str); 6] = [
    (Effect::Saves, "saves this run"),
    (Effect::Trades, "trades it for another"),
    (Effect::Fails, "does not save it"),
    (Effect::Breaks, "breaks it"),
    (Effect::Holds, "holds too"),
    (Effect::Unknown, "came to no end"),
];

/// A run, and what would have saved it.
#[must_use]
pub fn what_if(report: &WhatIfReport) -> String {
    let mut text = String::new();
    let failure = report.failure.as_deref().unwrap_or("nothing fails");
    let name = heading(format!("{}, seed {}", report.scenario, report.seed));
    put(&mut text, format_args!("{name}: {failure}"));
    if let Some(also) = report.also() {
        paragraph(&mut text, &also);
    }
    if let Some(curve) = &report.curve {
        inevitable(&mut text, curve);
    }
    text.push('\n');
    let rows = narrowed(rows(report), || list(report));
    for line in rows.lines() {
        put(&mut text, format_args!("{}", line.trim_end()));
    }
    text.push('\n');
    legend(&mut text, report);
    let best = report.flips.iter().find(|flip| flip.effect == Effect::Saves);
    if report.failure.is_some() && best.is_none() {
        put(&mut text, format_args!("no single setting saves this run"));
    }
    if report.interrupted {
        put(&mut text, format_args!("interrupted: this is what was done by then"));
    }
    text.push('\n');
    if let Some(best) = best {
        put(&mut text, format_args!("{}", best.command));
    }
    put(&mut text, format_args!("{}", report.reproduce));
    text
}

fn legend(text: &mut String, report: &WhatIfReport) {
    let changes = |flips: &mut dyn Iterator<Item = &Flip>| flips.map(change).collect::<Vec<_>>();
    for (effect, says) in [(Effect::Fails, "does not save it"), (Effect::Holds, "holds too")] {
        let alike = changes(&mut of(report, effect).filter(|flip| is_alike(flip, report)));
        listed(text, &format!("{says}, and costs the same"), &alike);
    }
    listed(text, "no effect on this run", &changes(&mut of(report, Effect::Nothing)));
    for Refused { change, why } in &report.refused {
        paragraph(text, &format!("refused with the other settings: {change}: {why}"));
    }
    if let Some(others) = report.others {
        let seeds = plural(others.runs, "other seed");
        let mut words =
            format!("others: how many of {seeds} fail, as one seed may be saved by luck");
        if let Some(none) =
            report.flips.iter().filter_map(|flip| flip.others).find(|one| one.fail == 0)
        {
            let most = none.interval.high * 100.0;
            words +=
                &format!("; 0 of {}: of all seeds at most {most:.0} % fail (at 95 %)", none.runs);
        }
        paragraph(text, &words);
    }
    paragraph(text, LEGEND);
}

fn listed(text: &mut String, what: &str, all: &[String]) {
    if !all.is_empty() {
        paragraph(text, &format!("{what}: {}", all.join(", ")));
    }
}

/// Whether a change makes no difference that is shown.
fn is_alike(flip: &Flip, report: &WhatIfReport) -> bool {
    let same =
        |(_, of): &(&str, &[&str])| cell(report, &flip.arm, of) == cell(report, &report.run, of);
    new(flip, report).is_empty() && COLUMNS.iter().all(same)
}

/// What a change violates that is not violated without it.
fn new<'r>(flip: &'r Flip, report: &WhatIfReport) -> Vec<&'r str> {
    let is_new = |name: &&String| !report.run.violated.contains(name);
    flip.arm.violated.iter().filter(is_new).map(String::as_str).collect()
}

fn paragraph(text: &mut String, words: &str) {
    for line in textwrap::wrap(words, width()) {
        put(text, format_args!("{}", aside(line)));
    }
}

pub(crate) fn change(flip: &Flip) -> String {
    format!("{} {} → {}", flip.setting, flip.from, flip.to)
}

/// A table with what is done as a heading over each part.
fn rows(report: &WhatIfReport) -> String {
    let names = COLUMNS.iter().map(|(name, _)| (*name).to_owned());
    let head = std::iter::once(String::new()).chain(names).chain([OTHER_SEEDS.to_owned()]);
    let mut table = table(head.collect());
    table.add_row(row("as it is".to_owned(), report, &report.run, report.others.as_ref()));
    for (effect, says) in EFFECTS {
        for (place, flip) in shown(report, effect).enumerate() {
            if place == 0 {
                table.add_row([says]);
            }
            let name = name(flip, report).join("\n  ");
            table.add_row(row(format!(" {name}"), report, &flip.arm, flip.others.as_ref()));
        }
    }
    align(table)
}

pub(crate) fn of(report: &WhatIfReport, effect: Effect) -> impl Iterator<Item = &Flip> {
    report.flips.iter().filter(move |flip| flip.effect == effect)
}

/// The changes that have a line of their own.
fn shown(report: &WhatIfReport, effect: Effect) -> impl Iterator<Item = &Flip> {
    let hides = matches!(effect, Effect::Fails | Effect::Holds);
    of(report, effect).filter(move |flip| !(hides && is_alike(flip, report)))
}

/// A change, with what it violates that is not violated without it, as lines.
fn name(flip: &Flip, report: &WhatIfReport) -> Vec<String> {
    let mut lines = vec![change(flip)];
    if lines[0].chars().count() > LONG {
        lines = vec![flip.setting.clone(), format!("{} → {}", flip.from, flip.to)];
    }
    lines.extend(price(flip, report));
    lines
}

/// What a change violates that is not violated without it, and what it leaves possible.
pub(crate) fn price(flip: &Flip, report: &WhatIfReport) -> Vec<String> {
    let new = new(flip, report).into_iter().map(|name| format!("violates {name}"));
    let possible: &[String] = match flip.effect {
        Effect::Trades | Effect::Holds => &flip.gives_up,
        Effect::Saves => flip.leaves.as_slice(),
        _ => &[],
    };
    new.chain(possible.iter().map(|cause| format!("leaves {cause} possible"))).collect()
}

fn row(name: String, report: &WhatIfReport, arm: &Arm, others: Option<&Others>) -> Vec<String> {
    let cells = COLUMNS.iter().map(|(_, of)| cell(report, arm, of));
    std::iter::once(name).chain(cells).chain([others.map_or_else(String::new, fails)]).collect()
}

pub(crate) fn fails(others: &Others) -> String {
    format!("{}/{}", others.fail, others.runs)
}

/// The sum of these measures.
pub(crate) fn cell(report: &WhatIfReport, arm: &Arm, of: &[&str]) -> String {
    let values = of.iter().filter_map(|name| {
        let place = report.measures.iter().position(|one| one.name == *name)?;
        arm.values.get(place).copied().flatten()
    });
    let Some(sum) = values.reduce(|one, other| one + other) else { return String::new() };
    match of {
        ["duplicate_rate" | "unavailability"] => percent(sum),
        [one] if one.contains('.') => length(sum),
        _ => format!("{sum:.0}"),
    }
}

/// As [`rows`], for a narrow screen.
fn list(report: &WhatIfReport) -> String {
    let mut text = String::new();
    let values = |arm: &Arm, others: Option<&Others>| {
        let cells = COLUMNS.iter().map(|(name, of)| (*name, cell(report, arm, of)));
        let cells = cells.chain(others.map(|one| (OTHER_SEEDS, fails(one))));
        let cells = cells.filter(|(_, cell)| !matches!(cell.as_str(), "" | "0" | "0 %"));
        cells.map(|(name, cell)| format!("{name} {cell}")).collect::<Vec<_>>().join(", ")
    };
    let wrapped = |text: &mut String, words: &str, indent: &str| {
        let options =
            textwrap::Options::new(width()).initial_indent(indent).subsequent_indent(indent);
        for line in textwrap::wrap(words, options) {
            put(text, format_args!("{line}"));
        }
    };
    put(&mut text, format_args!("as it is"));
    wrapped(&mut text, &values(&report.run, report.others.as_ref()), "    ");
    for (effect, says) in EFFECTS {
        for (place, flip) in shown(report, effect).enumerate() {
            if place == 0 {
                put(&mut text, format_args!("{}", heading(says)));
            }
            wrapped(&mut text, &name(flip, report).join(" "), "  ");
            wrapped(&mut text, &values(&flip.arm, flip.others.as_ref()), "    ");
        }
    }
    text
}

/// When it was too late.
fn inevitable(text: &mut String, curve: &Curve) {
    for line in textwrap::wrap(&turn(curve), width()) {
        put(text, format_args!("{line}"));
    }
}

/// When it was too late, in words.
pub(crate) fn turn(curve: &Curve) -> String {
    let share = |share: f64| format!("{:.0} %", share * 100.0);
    match &curve.jump {
        Some(Jump { at_us, event, before, after, .. }) => format!(
            "It became {} at {}: {event}. Of up to {} forks of the run {} fail just before that, and {} just after it.",
            if *after >= 0.9 { "inevitable" } else { "likely" },
            instant(at_us / 1000).trim_start(),
            curve.forks,
            share(*before),
            share(*after)
        ),
        None => match curve.points.first() {
            Some(point) if point.fail * 2 > point.forks => format!(
                "It was inevitable from the beginning: without any fault {} of {} forks fail.",
                point.fail, point.forks
            ),
            _ => "Nothing that is on the timeline made it inevitable.".to_owned(),
        },
    }
}
