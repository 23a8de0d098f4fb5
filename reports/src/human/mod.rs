//! Reports for people, to be read in ten seconds: the verdict first, the command that shows it again
//! last. The text carries colours; whoever writes it strips them where they do not belong.
//!
//! - [`run()`] one run · [`sweep()`] many, [`explained()`] a contract, [`compare()`] arms
//! - [`validate()`] the model held against the real thing
//! - [`doctor()`] files · [`bench()`] figures · [`check()`] a history · [`shrink()`] a failure made small · [`life()`] of a record, [`what_if()`] of a run · [`explore()`] of all interleavings, [`zoo()`] of known bugs · [`catalogue()`] what there is, [`reference()`] what it means

mod alerts;
mod bench;
mod check;
mod compare;
mod doctor;
mod explore;
mod life;
mod load;
mod reference;
mod run;
mod shrink;
mod style;
mod sweep;
mod validate;
pub(crate) mod what_if;
mod zoo;

pub use bench::bench;
pub use check::check;
pub use compare::compare;
pub use doctor::doctor;
pub use explore::explore;
pub use life::life;
pub use reference::{named, reference};
pub use run::run;
pub use shrink::shrink;
pub use style::set_width;
pub(crate) use style::{length, percent};
pub use sweep::{explained, sweep};
pub use validate::validate;
pub use what_if::what_if;
pub use zoo::zoo;

use crate::catalogue::Catalogue;
use crate::contract::{Clause, Contract, NotModelled, Possible};
use crate::run::Fate;
use ackproof_types::words::plural;
use std::fmt::Write;

/// What there is to choose from.
#[must_use]
pub fn catalogue(catalogue: &Catalogue) -> String {
    let mut text = String::new();
    for (index, section) in catalogue.sections.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        put(&mut text, format_args!("{}", style::heading(&section.title)));
        let rows = section.items.iter().map(|item| (item.name.as_str(), item.about.as_str()));
        columns(&mut text, &rows.collect::<Vec<_>>());
    }
    text
}

/// Columns that words need beside a name, or they are better below it.
const ROOM: usize = 34;

/// Names, each with its words: in two columns, or on a narrow screen one below the other.
fn columns(text: &mut String, rows: &[(&str, &str)]) {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let beside = width + ROOM <= style::width();
    for (name, words) in rows {
        if beside || words.is_empty() {
            put(text, format_args!("  {name:width$}  {words}"));
        } else {
            put(text, format_args!("  {}\n      {words}", style::heading(name)));
        }
    }
}

/// What a configuration promises, and what it leaves possible with what runs showed of it; `runs`: how
/// many there were, none for a single one.
pub(crate) fn contract(text: &mut String, contract: &Contract, runs: Option<u64>) {
    let because = |clause: &Clause| {
        let settings = clause.settings.join(", ");
        if settings.is_empty() { String::new() } else { style::aside(format!(" ({settings})")) }
    };
    for clause in &contract.promises {
        let line = format!("{}{}{}", style::row("promised"), clause.says, because(clause));
        put(text, format_args!("{line}"));
    }
    for Possible { clause, fate, records, seeds, .. } in &contract.possible {
        let noun = if *fate == Fate::LostCommit { "commit" } else { "record" };
        let line = format!("{}{}{}", style::row("possible"), clause.says, because(clause));
        let shown = match (runs, seeds.first()) {
            (Some(0), _) => String::new(),
            (None, None) => ": not in this run".to_owned(),
            (None, Some(_)) => format!(": {} here", plural(*records, noun)),
            (Some(runs), None) => format!(": not seen in {}", plural(runs, "seed")),
            (Some(runs), Some(first)) => {
                let (shown, runs) = (seeds.len(), plural(runs, "seed"));
                let records = plural(*records, noun);
                format!(": {records} in {shown} of {runs}, first in seed {first}")
            }
        };
        put(text, format_args!("{line}{shown}"));
    }
}

/// Settings that have no effect, so that nobody takes a verdict for one about them.
pub(crate) fn not_modelled(text: &mut String, settings: &[NotModelled]) {
    for NotModelled { setting, could_break, says } in settings {
        let harm = if could_break.is_empty() {
            String::new()
        } else {
            format!(", and could break {}: {says}", could_break.join(", "))
        };
        put(text, format_args!("{}{setting} is not modelled{harm}", style::row("no effect")));
    }
}

/// One more line.
fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes every text");
}
