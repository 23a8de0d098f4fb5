//! A sweep for GitHub Actions: annotations on the lines of scenario files, and a summary of the step in
//! Markdown. Decides nothing.
//!
//! GitHub shows ten annotations of a kind for each step, and drops a summary of more than a mebibyte; so
//! there is one annotation an expectation, the worst first, and the summary is cut where it gets long.

use crate::cases::{Case, cases};
use crate::sweep::{ScenarioReport, SweepReport};
use crate::verdict::Verdict;
use std::fmt::Write;

/// Annotations of a kind that GitHub shows of a step.
const SHOWN: usize = 10;
/// Bytes of a summary after which details are left out.
const LONG: usize = 500_000;

/// A line for each expectation that is not met, as a workflow command.
#[must_use]
pub fn annotations(report: &SweepReport) -> String {
    let mut all: Vec<(Verdict, String)> = Vec::new();
    for scenario in &report.scenarios {
        for case in cases(scenario).iter().filter(|case| case.verdict() != Verdict::Met) {
            all.push((case.verdict(), annotation(case, scenario)));
        }
    }
    all.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
    let is_warning = |(verdict, _): &&(Verdict, String)| *verdict == Verdict::Inconclusive;
    let errors = all.iter().filter(|one| !is_warning(one)).take(SHOWN);
    let warnings = all.iter().filter(is_warning).take(SHOWN);
    errors.chain(warnings).map(|(_, line)| line.as_str()).collect()
}

fn annotation(case: &Case<'_>, scenario: &ScenarioReport) -> String {
    let kind = if case.verdict() == Verdict::Inconclusive { "warning" } else { "error" };
    let line = scenario.lines.get(&case.name).or_else(|| scenario.lines.get("name"));
    let (file, title) = (property(&scenario.file), property(&scenario.scenario));
    let line = line.copied().unwrap_or(1);
    let mut text = case.text();
    if let (Some(seed), Some(first)) = (case.seed, case.first) {
        text.push_str(&format!("\nseed {seed}: {}", first.summary));
    }
    format!("::{kind} file={file},line={line},title={title}::{}\n", message(&text))
}

/// As the runner reads a message: only these are special.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// As the runner reads the value of a property.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

/// The summary of the step.
///
/// # Panics
/// Never: a string takes every text.
#[must_use]
pub fn summary(report: &SweepReport) -> String {
    let mut text = String::new();
    let mut put = |line: String| {
        writeln!(text, "{line}").expect("a string takes every text");
        text.len()
    };
    put(format!("## ackproof: {}\n", report.verdict));
    if report.interrupted {
        put("Interrupted: this is what was done by then.\n".to_owned());
    }
    put("| | scenario | runs | violated | inconclusive | not met |".to_owned());
    put("|---|---|---|---|---|---|".to_owned());
    for scenario in &report.scenarios {
        put(row(scenario));
    }
    for scenario in report.scenarios.iter().filter(|one| one.verdict != Verdict::Met) {
        put(format!("\n### {}\n", inline(&scenario.file)));
        for case in cases(scenario).iter().filter(|case| case.verdict() != Verdict::Met) {
            put(format!("**{}**: {}\n", inline(&case.name), case.verdict()));
            let length = put(block(&case.details(scenario, &report.asked)));
            if length > LONG {
                put("\nThe rest is left out; `--json` has it.".to_owned());
                return text;
            }
        }
    }
    put(format!("\nRepeat with\n\n{}", block(&report.reproduce)));
    text
}

fn row(scenario: &ScenarioReport) -> String {
    let sign = match scenario.verdict {
        Verdict::Met => "✅",
        Verdict::Inconclusive => "⚠️",
        Verdict::Violated | Verdict::Nondeterministic | Verdict::Crashed => "❌",
    };
    let seeds = &scenario.seeds;
    let names: Vec<String> = cases(scenario)
        .iter()
        .filter(|case| case.verdict() != Verdict::Met)
        .map(|case| inline(&case.name))
        .collect();
    format!(
        "| {sign} | {} | {} | {} | {} | {} |",
        inline(&named(scenario)),
        seeds.run,
        seeds.violated.len(),
        seeds.inconclusive,
        names.join(", ")
    )
}

/// The scenario, with what its settings allowed to go wrong.
fn named(scenario: &ScenarioReport) -> String {
    let said = scenario.notes.join("; ");
    if said.is_empty() {
        scenario.scenario.clone()
    } else {
        format!("{}: {said}", scenario.scenario)
    }
}

/// Text that stays text within a line of Markdown.
fn inline(text: &str) -> String {
    let mut safe = String::new();
    for letter in text.chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '&' | '#' | '~' | '!' | '$' => {
                safe.extend(['\\', letter]);
            }
            '\n' | '\r' => safe.push(' '),
            _ => safe.push(letter),
        }
    }
    safe
}

/// Text as it is, whatever fences it has.
fn block(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_runner_would_take_for_its_own_is_escaped() {
        assert_eq!(message("100 %\r\nof a: b, c"), "100 %25%0D%0Aof a: b, c");
        assert_eq!(property("a:b,c%"), "a%3Ab%2Cc%25");
    }

    #[test]
    fn text_stays_text_in_markdown() {
        assert_eq!(inline("a|b *c*\n<d>"), "a\\|b \\*c\\* \\<d\\>");
        assert_eq!(block("a ``` b"), "````text\na ``` b\n````");
    }
}
