//! `ackproof explain NAME`: what a property, a fault, a cause, a footgun, a setting or any other name means.

use super::args::{Listed, Shown};
use super::explain::Explain;
use super::list::section;
use super::output::{for_people, result, talk};
use super::status::Status;
use ackproof::manual::{reference, unmodelled};
use ackproof_reports::reference::{Entry, Kind, Reference};
use ackproof_reports::{human, json};
use ackproof_scenario::diagnostic::nearest_names;
use ackproof_scenario::settings::kafka;
use std::collections::BTreeSet;
use std::path::Path;

/// Names that have a sentence and no entry.
const OTHERS: [(Listed, &str); 7] = [
    (Listed::Measures, "a measure, which `expect` can limit"),
    (Listed::Witnesses, "a witness, which `expect.witness` can count"),
    (Listed::Targets, "a target of a fault"),
    (Listed::Anchors, "a moment that a fault can wait for"),
    (Listed::Moments, "a moment that a fault strikes at, with `on`"),
    (Listed::Commits, "a way to commit"),
    (Listed::Variants, "a variant: a bug that can be switched on in the models"),
];

/// Feature levels, which a scenario sets under `features`.
const LEVELS: [(&str, &str); 4] = [
    ("metadata.version", "How the metadata of the cluster is written: 4.0-IV3 unless said."),
    (
        "group.version",
        "1, the default: groups of the consumer protocol (KIP-848) are served. 0: they are not.",
    ),
    ("transaction.version", "How transactions speak, which are not modelled."),
    (
        "eligible.leader.replicas.version",
        "1: who leaves an in-sync set that is below min.insync.replicas may lead later, if nobody is in sync any more \
         (KIP-966). 0, the default here: only who is in sync may lead. A cluster that Kafka 4.1 or later formats has 1; \
         one that was upgraded has 0 until somebody switches it on.",
    ),
];

/// How many names are offered for one that is not there.
const OFFERED: usize = 3;

/// Whether a name is asked for: what is given is no file, and does not look like one.
pub(crate) fn is_asked(arguments: &Explain) -> bool {
    let file = &arguments.file;
    let Some(text) = file.to_str() else { return false };
    let endings = [".json", ".jsonl", ".gz"];
    let is_path = text == "-"
        || text.contains(['/', '\\'])
        || endings.iter().any(|ending| text.ends_with(ending));
    !is_path && !Path::exists(file)
}

pub(crate) fn explain(arguments: &Explain) -> Status {
    let typed = arguments.file.to_string_lossy();
    let all = reference();
    let name = &spelt(name(&typed), &all);
    if let Some(words) = typed.split_once('=').and_then(|(_, value)| refused(name, value)) {
        talk(&format!("error: {name} {words}\n"));
        return Status::Usage;
    }
    let mut found: Vec<Entry> = all.named(name).into_iter().cloned().collect();
    if !found.iter().any(|entry| entry.kind == Kind::Setting) {
        found.extend(unmodelled(name));
    }
    let mut others = others(name);
    others.extend(symptom(name));
    if found.is_empty() && others.is_empty() {
        talk(&unknown(&typed, name, &all));
        return Status::Usage;
    }
    match arguments.shown() {
        Shown::Json => result(&json::reference(&found)),
        Shown::Human => {
            let mut texts: Vec<String> = found.iter().map(human::reference).collect();
            texts.extend(others);
            for_people(&texts.join("\n"))
        }
    }
}

/// The name in what was typed: `acks` of `producers.billing.config.acks=1`.
fn name(typed: &str) -> &str {
    let path = typed.split('=').next().unwrap_or(typed);
    path.split_once(".config.").map_or(path, |(_, key)| key)
}

/// The name as it is written, whatever letters were typed large.
fn spelt(name: &str, all: &Reference) -> String {
    let mut names = all.entries.iter().map(|entry| entry.name.as_str());
    let found = names.find(|one| one.eq_ignore_ascii_case(name));
    found.unwrap_or(name).to_owned()
}

/// Why Kafka refuses a value, if it does so wherever there is a setting of this name.
fn refused(key: &str, value: &str) -> Option<String> {
    let mut wrong = None;
    for definition in kafka::all().iter().filter(|one| one.key == key) {
        wrong = Some(definition.check(value.trim()).err()?);
    }
    wrong
}

const SYMPTOMS: &str = include_str!("../../../reports/manual/symptoms.md");

/// An error of Kafka, or another name that a symptom has: which causes it may have.
fn symptom(name: &str) -> Option<String> {
    let mut causes: BTreeSet<&str> = BTreeSet::new();
    for row in SYMPTOMS.lines().filter(|row| row.starts_with("| ")) {
        let mut cells = row.split(" | ");
        let (seen, cause) = (cells.next()?, cells.next()?);
        let mut words = seen.split('`').skip(1).step_by(2);
        if words.any(|word| word.eq_ignore_ascii_case(name)) {
            causes.extend(cause.split('`').nth(1));
        }
    }
    let list: Vec<&str> = causes.into_iter().collect();
    let about = format!(
        "the likely cause is {}; reports/manual/symptoms.md says what to look at",
        list.join(" or ")
    );
    (!list.is_empty()).then(|| human::named(name, "a symptom", &about))
}

/// What is said of other things that are called so.
fn others(name: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for (listed, what) in OTHERS {
        for item in section(listed).items {
            if item.name == name {
                texts.push(human::named(&item.name, what, &item.about));
            }
        }
    }
    let levels = LEVELS.iter().filter(|(level, _)| *level == name);
    let what = "a feature level, which a scenario sets under `features`";
    texts.extend(levels.map(|(level, about)| human::named(level, what, about)));
    texts
}

fn unknown(typed: &str, name: &str, all: &Reference) -> String {
    let mut known: BTreeSet<String> = all.entries.iter().map(|entry| entry.name.clone()).collect();
    known.extend(OTHERS.iter().flat_map(|(listed, _)| section(*listed).items).map(|one| one.name));
    known.extend(LEVELS.map(|(level, _)| level.to_owned()));
    let mut offered = nearest_names(name, known.iter().map(String::as_str));
    offered.truncate(OFFERED);
    let offer = match offered.split_last() {
        None => "`ackproof list` shows names, and reports/manual/reference/causes.md those of \
                 causes"
            .to_owned(),
        Some((last, [])) => format!("did you mean {last}?"),
        Some((last, first)) => format!("did you mean {} or {last}?", first.join(", ")),
    };
    format!("error: \"{typed}\" is no file, and nothing is called so; {offer}\n")
}
