//! The entries of causes are made here, one for each name: from what the oracle tells, and from the footguns that
//! show it.

use super::scenarios::Told;
use super::{commands, items, text};
use ackproof_oracle::advice::{CauseInfo, causes};
use ackproof_reports::reference::{Entry, Kind, Part};

pub(super) fn entries(footguns: &[Told]) -> Vec<Entry> {
    let all = causes();
    let mut entries: Vec<Entry> = Vec::new();
    for first in &all {
        if entries.iter().any(|entry| entry.name == first.name) {
            continue;
        }
        let same: Vec<&CauseInfo> = all.iter().filter(|one| one.name == first.name).collect();
        entries.push(entry(&same, footguns));
    }
    entries
}

/// An entry of all that have one name: something can go wrong in several ways because of it.
fn entry(same: &[&CauseInfo], footguns: &[Told]) -> Entry {
    let first = same[0];
    let ofs: Vec<&str> = same.iter().map(|one| one.of).collect();
    let mut parts: Vec<Part> = Vec::new();
    for one in same {
        let differs = one.about != first.about;
        if differs {
            parts.push(text(&format!("As the cause of {}", one.of), one.about));
        }
        if one == &first || one.advice != first.advice {
            parts.push(text("Kafka's rule", one.advice.rule));
            parts.push(text("Cure", one.advice.cure));
        }
    }
    if let Some(setting) = first.setting {
        parts.push(text("Setting", format!("`{setting}` allows it")));
    }
    let shown: Vec<&Told> =
        footguns.iter().filter(|told| told.footgun.cause == first.name).collect();
    parts.extend(items("Shown by", shown.iter().map(|told| told.item()).collect()));
    parts.extend(commands("Run it", shown.iter().map(|told| told.command()).collect()));
    Entry {
        kind: Kind::Cause,
        name: first.name.to_owned(),
        what: format!("the cause of {}", ofs.join(", of ")),
        page: None,
        about: first.about.to_owned(),
        parts,
    }
}
