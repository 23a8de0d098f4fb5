//! The entries of faults are made here: from their sentences, their notes, and the footguns that have them.

use super::scenarios::Told;
use super::{commands, items, text};
use ackproof_reports::reference::{Entry, Kind};
use ackproof_scenario::describe::FAULTS;
use ackproof_scenario::notes::{FAULT_NOTES, FaultNote};

pub(super) fn entries(footguns: &[Told]) -> Vec<Entry> {
    FAULTS.iter().zip(FAULT_NOTES).map(|((_, about), note)| entry(about, note, footguns)).collect()
}

fn entry(about: &str, note: &FaultNote, footguns: &[Told]) -> Entry {
    let FaultNote { verb, rule, bounds, example } = *note;
    let mut parts = vec![text("What Kafka does then", rule), text("What bounds the harm", bounds)];
    let with = footguns.iter().filter(|told| told.has(verb));
    parts.extend(items("Footguns with it", with.map(Told::item).collect()));
    // Who goes over needs a mirror.
    let scenario = match verb {
        "fail-over" => "scenarios/basics/mirror-chaos.json",
        // Whoever goes on sending to it fails.
        "create-topic" => "scenarios/basics/topic-recreated.json",
        "delete-topic" => "scenarios/basics/topic-deleted.json",
        _ => "scenarios/basics/no-faults.json",
    };
    let run = format!("ackproof run {scenario} --seed 1 --set 'faults=[{example}]'");
    parts.extend(commands("Run it", vec![run]));
    Entry {
        kind: Kind::Fault,
        name: verb.to_owned(),
        what: "a fault: what a scenario does to a process or a link".to_owned(),
        page: None,
        about: about.to_owned(),
        parts,
    }
}
