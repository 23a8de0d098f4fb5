//! The life of a record for people: what became of it, why, and then step by step. What only led to a step is
//! set apart from the record's own steps.

use super::put;
use super::style::{aside, heading, instant, width};
use crate::life::{LifePart, LifeReport};

/// `12.301s` and what is before the text of a step.
const INDENT: usize = 14;

/// One life.
#[must_use]
pub fn life(report: &LifeReport) -> String {
    let mut text = String::new();
    let of = match report.seed {
        Some(seed) => format!("{}, seed {seed}", report.of),
        None => report.of.clone(),
    };
    put(&mut text, format_args!("{}  {of}", heading(&report.record)));
    if let Some(because) = &report.because {
        put(&mut text, format_args!("  {}", aside(because)));
    }
    paragraph(&mut text, "  ", &format!("{}.", report.outcome.join("; ")));
    for cause in &report.causes {
        let line = format!("{}: {}. {}", cause.of, heading(&cause.name), cause.about);
        paragraph(&mut text, "  ", &line);
    }
    text.push('\n');
    for step in &report.steps {
        let at = instant(step.at_us / 1000);
        let mark = match step.part {
            LifePart::Step => "  ",
            LifePart::Cause => "~ ",
        };
        if step.left_out > 0 {
            let more = aside(format!("… {} more", step.left_out));
            put(&mut text, format_args!("{:1$}~ {more}", "", INDENT - 2));
        }
        let room = width().saturating_sub(INDENT).max(20);
        for (number, line) in textwrap::wrap(&step.text, room).iter().enumerate() {
            let line = match step.part {
                LifePart::Step => line.to_string(),
                LifePart::Cause => aside(line),
            };
            if number == 0 {
                put(&mut text, format_args!("{at}  {mark}{line}"));
            } else {
                put(&mut text, format_args!("{:INDENT$}{line}", ""));
            }
        }
    }
    if report.steps.iter().any(|step| step.part == LifePart::Cause) {
        put(&mut text, format_args!("\n{}", aside("~ led to a later step")));
    }
    put(&mut text, format_args!("\n{}", report.reproduce));
    text
}

fn paragraph(text: &mut String, indent: &str, words: &str) {
    let options = textwrap::Options::new(width()).initial_indent(indent).subsequent_indent(indent);
    for line in textwrap::wrap(words, options) {
        put(text, format_args!("{line}"));
    }
}
