//! Known bugs of the list: with the bug on, random faults show it within so many seeds; with the bug off, the same
//! seeds show nothing.

use crate::support::{assert_none, load, parallel, read};
use ackproof::manual::zoo::{CASES, Case};
use ackproof::study::zoo::first;
use std::collections::BTreeSet;

/// The first seed that shows it.
fn shows(case: &Case, variants: &str) -> Option<u64> {
    let sets = [case.sets, &[("variants", variants)]].concat();
    let plan = load(case.scenario, &sets);
    first(&plan, case.within, |findings| case.shown.by(findings)).expect("no panic").0
}

#[test]
fn every_bug_of_the_corpus_shows_when_it_is_on_and_only_then() {
    let findings = parallel(CASES, |case| {
        let Case { variant, scenario, within, .. } = case;
        let what = format!("{variant} in {scenario}: {}", case.shown.words());
        let on = shows(case, &format!("[\"{variant}\"]"));
        let off = shows(case, "[]");
        let silent = on.is_none().then(|| format!("{what}: none of {within} seeds shows it"));
        let loud = off.map(|seed| format!("{what}: seed {seed} shows it without the bug"));
        [silent, loud]
    });
    assert_none(&findings.into_iter().flatten().flatten().collect::<Vec<_>>());
}

/// The list for people says what is tested here.
#[test]
fn the_list_of_the_corpus_is_what_is_tested() {
    let page = read("models/kafka/CORPUS.md");
    let is_row = |line: &&str| line.starts_with("| `") && line.contains("| variant |");
    let told: BTreeSet<&str> = page.lines().filter(is_row).collect();
    let row = |case: &Case| {
        let scenario = case.scenario.trim_start_matches("scenarios/");
        let sets: Vec<String> =
            case.sets.iter().map(|(path, value)| format!(" `{path}={value}`")).collect();
        format!(
            "| `{}` | variant | {} | {scenario}{} | {} |",
            case.variant,
            case.shown.words(),
            sets.concat(),
            case.within
        )
    };
    let rows: Vec<String> = CASES.iter().map(row).collect();
    let tested: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
    let missing: Vec<String> = tested.difference(&told).map(|row| (*row).to_owned()).collect();
    assert_none(&missing);
    let untested: Vec<String> = told.difference(&tested).map(|row| (*row).to_owned()).collect();
    assert_none(&untested);
}
