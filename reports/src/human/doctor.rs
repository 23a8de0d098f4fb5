//! The files of a pipeline for people: the verdict, what is in the files, what they promise, the traps.

use super::put;
use super::style::{heading, row, verdict};
use super::sweep::explained_scenario;
use crate::doctor::{DoctorReport, FileReport, SettingReport, Standing, Trap, Weight};
use crate::verdict::Verdict;
use ackproof_types::words::plural;

/// Everything about the files.
#[must_use]
pub fn doctor(report: &DoctorReport) -> String {
    let mut text = String::new();
    title(&mut text, report);
    for file in &report.files {
        settings(&mut text, file);
    }
    put(&mut text, format_args!("{}{}", row("assumed"), report.assumed.join(", ")));
    for mistake in &report.mistakes {
        let word = if mistake.refused { "refused" } else { "warning" };
        let hint = mistake.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
        put(&mut text, format_args!("{}{}: {}{hint}", row(word), mistake.place, mistake.says));
    }
    text.push('\n');
    match &report.search {
        Some(search) => explained_scenario(&mut text, search),
        None => put(&mut text, format_args!("nothing is promised of files that are refused")),
    }
    for one in &report.traps {
        trap(&mut text, one);
    }
    if report.interrupted {
        let word = verdict(Verdict::Inconclusive, 0);
        put(&mut text, format_args!("\n{word}  interrupted: this is what was done by then"));
    }
    put(&mut text, format_args!("\n{}", report.reproduce));
    text
}

fn title(text: &mut String, report: &DoctorReport) {
    let word = report.verdict.map_or_else(|| heading("REFUSED"), |word| verdict(word, 0));
    let mut names: Vec<&str> = report.files.iter().map(|one| one.file.as_str()).collect();
    // A file of Spring's stands for several.
    names.dedup();
    let traps = report.traps.iter().filter(|one| one.weight == Weight::Trap).count() as u64;
    let traps = if traps == 0 { "no trap".to_owned() } else { plural(traps, "trap") };
    put(text, format_args!("{word}  {}  {traps}\n", names.join(", ")));
}

/// What becomes of each setting of a file, by standing.
fn settings(text: &mut String, file: &FileReport) {
    let count = plural(file.settings.len() as u64, "setting");
    put(text, format_args!("{}{}: {count} of a {}", row("file"), file.file, file.scope));
    for (standing, word) in [
        (Standing::Modelled, "modelled"),
        (Standing::NoEffect, "no effect"),
        (Standing::Refused, "refused"),
        (Standing::Unknown, "unknown"),
    ] {
        let these = file.settings.iter().filter(|one| one.standing == standing);
        let shown: Vec<String> = these.map(|one| setting(one, standing)).collect();
        if !shown.is_empty() {
            put(text, format_args!("{}{}", row(&format!("  {word}")), shown.join(", ")));
        }
    }
}

fn setting(one: &SettingReport, standing: Standing) -> String {
    match (standing, &one.value) {
        (Standing::Modelled | Standing::Refused, Some(value)) => format!("{}={value}", one.key),
        _ => one.key.clone(),
    }
}

fn trap(text: &mut String, trap: &Trap) {
    let word = match trap.weight {
        Weight::Trap => "trap",
        Weight::Open => "open",
        Weight::Depends => "depends",
    };
    let settings = trap.settings.join(", ");
    put(text, format_args!("\n{}{}: {settings}: {}", row(word), trap.name, trap.says));
    match &trap.command {
        // From the start of the line: it is to be copied.
        Some(command) => put(text, format_args!("{command}")),
        None => put(text, format_args!("{}not modelled: no scenario shows it", row(""))),
    }
}
