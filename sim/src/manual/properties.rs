//! The entries of properties are made here: from their registry, from what breaks them, and from the footguns that
//! expect it.

use super::breakages::{BREAKAGES, Breakage};
use super::scenarios::Told;
use super::{commands, items, text};
use ackproof_oracle::registry::{PROPERTIES, PropertyInfo};
use ackproof_reports::reference::{Entry, Kind};

pub(super) fn entries(footguns: &[Told]) -> Vec<Entry> {
    PROPERTIES.iter().map(|property| entry(property, footguns)).collect()
}

fn entry(property: &PropertyInfo, footguns: &[Told]) -> Entry {
    let PropertyInfo { name, about, rule, silent, cure } = *property;
    let broken: Vec<&Told> = footguns.iter().filter(|told| told.breaks(name)).collect();
    let mut parts = vec![
        text("Kafka's rule", rule),
        text("What it does not say", silent),
        text("What makes it hold", cure),
    ];
    parts.extend(items("Broken by", broken.iter().map(|told| told.item()).collect()));
    let bugs = BREAKAGES.iter().filter(|one| one.property == name);
    let mut bugs: Vec<(&str, String)> = bugs.filter_map(bug).collect();
    bugs.dedup();
    let words: Vec<String> = bugs.iter().map(|(about, _)| (*about).to_owned()).collect();
    if !words.is_empty() {
        parts.push(text("Broken by bugs of the models", words.join("; ")));
    }
    let mut lines = vec![holds(name).to_owned()];
    lines.extend(broken.first().map(|told| told.command()));
    lines.extend(bugs.into_iter().map(|(_, line)| line));
    parts.extend(commands("See it hold, and see it fail", lines));
    Entry {
        kind: Kind::Property,
        name: name.to_owned(),
        what: "a property: what must hold".to_owned(),
        page: None,
        about: about.to_owned(),
        parts,
    }
}

/// A run that has what the property judges, and keeps it.
fn holds(property: &str) -> &'static str {
    match property {
        "sink-effect" => "ackproof run scenarios/use-cases/positions-in-the-database.json --seed 1",
        "end-to-end" => "ackproof run scenarios/use-cases/consume-transform-produce.json --seed 1",
        "metadata-agreement" => "ackproof run scenarios/basics/controller-failover.json --seed 0",
        _ => "ackproof run scenarios/basics/chaos.json --seed 7",
    }
}

/// What a bug does, and the command that shows it.
fn bug(breakage: &Breakage) -> Option<(&'static str, String)> {
    let variant = breakage.variant?;
    let Breakage { scenario, seed, .. } = breakage;
    let name = variant.name();
    let line = format!("ackproof run {scenario} --set 'variants=[\"{name}\"]' --seed {seed}");
    Some((variant.about(), line))
}
