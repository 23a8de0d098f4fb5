//! `ackproof list`: what there is, each with a sentence.

use super::args::{List, Listed, Shown};
use super::load::read;
use super::output::result;
use super::select::scenarios;
use super::status::Status;
use ackproof_kafka::variant::Variant;
use ackproof_oracle::registry::PROPERTIES;
use ackproof_reports::catalogue::{Catalogue, Item, Section};
use ackproof_reports::{human, json};
use ackproof_scenario::describe::FAULTS;
use ackproof_scenario::settings::{Kind, Preset, Scope, Setting, of};
use ackproof_scenario::swarm::TABLE;
use std::path::Path;

/// Where scenarios are looked for.
const SCENARIOS: &str = "scenarios";

pub(crate) fn list(arguments: &List) -> Status {
    let wanted = arguments.what.map_or_else(
        // Settings are many; they are for who asks.
        || vec![Listed::Scenarios, Listed::Properties, Listed::Faults, Listed::Variants],
        |what| vec![what],
    );
    let catalogue = Catalogue { sections: wanted.into_iter().map(section).collect() };
    result(&match arguments.format {
        Shown::Human => human::catalogue(&catalogue),
        Shown::Json => json::catalogue(&catalogue),
    })
}

fn section(what: Listed) -> Section {
    let item = |name: &str, about: &str| Item { name: name.to_owned(), about: about.to_owned() };
    let (title, items) = match what {
        Listed::Scenarios => ("scenarios", files()),
        Listed::Properties => {
            let items = PROPERTIES.iter().map(|property| item(property.name, property.about));
            ("properties", items.collect())
        }
        Listed::Faults => {
            ("faults", FAULTS.iter().map(|(name, about)| item(name, about)).collect())
        }
        Listed::Variants => {
            let items = Variant::ALL.iter().map(|variant| item(variant.name(), variant.about()));
            ("variants", items.collect())
        }
        Listed::Settings => {
            let all = Scope::ALL.into_iter().flat_map(of);
            let items = all.map(|setting| item(setting.key, &setting_about(setting)));
            ("settings", items.collect())
        }
        Listed::Swarm => ("swarm", TABLE.iter().map(|row| item(row.what, row.bounds)).collect()),
    };
    Section { title: title.to_owned(), items }
}

fn files() -> Vec<Item> {
    let found = scenarios(Path::new(SCENARIOS)).unwrap_or_default();
    let item = |path: std::path::PathBuf| {
        let about = match read(&path, &[]) {
            Ok((scenario, _)) => scenario.plan.about,
            Err(_) => "cannot be read: `ackproof run` says why".to_owned(),
        };
        Item { name: path.display().to_string(), about }
    };
    found.into_iter().map(item).collect()
}

fn setting_about(setting: &Setting) -> String {
    let scope = setting.scope.name();
    if !setting.modelled {
        return format!("{scope}: known, not modelled");
    }
    let kind = match setting.kind {
        Kind::Number { unit: "", .. } => "a number".to_owned(),
        Kind::Number { unit, .. } => format!("in {unit}"),
        Kind::Switch => "true or false".to_owned(),
        Kind::Word(words) => words.join(" or "),
        Kind::Anything => "anything".to_owned(),
    };
    let default = match setting.default {
        Preset::Number(number) => number.to_string(),
        Preset::Switch(on) => on.to_string(),
        Preset::Word(word) => word.to_owned(),
        Preset::Unneeded => "none".to_owned(),
    };
    format!("{scope}: {kind}, default {default}")
}
