//! `ackproof list`: what there is, each with a sentence.

use super::args::{List, Listed, Shown};
use super::load::read;
use super::output::{for_people, result};
use super::select::scenarios;
use super::status::Status;
use ackproof_kafka::profile::Rule;
use ackproof_kafka::variant::Variant;
use ackproof_oracle::measure::WITNESSES;
use ackproof_oracle::registry::PROPERTIES;
use ackproof_reports::catalogue::{Catalogue, Item, Section};
use ackproof_reports::{human, json};
use ackproof_scenario::anchor::ANCHORS;
use ackproof_scenario::describe::{COMMITS, FAULTS, MEASURED};
use ackproof_scenario::moment::{MOMENTS, Row};
use ackproof_scenario::settings::words::{about, every};
use ackproof_scenario::settings::{Preset, Scope, of};
use ackproof_scenario::swarm::TABLE;
use ackproof_scenario::targets::TARGETS;
use ackproof_types::KafkaVersion;
use std::path::Path;

/// Where scenarios are looked for.
const SCENARIOS: &str = "scenarios";

pub(crate) fn list(arguments: &List) -> Status {
    let wanted = arguments.what.map_or_else(
        // Settings are many; they are for who asks.
        || {
            vec![
                Listed::Scenarios,
                Listed::Properties,
                Listed::Measures,
                Listed::Witnesses,
                Listed::Faults,
                Listed::Targets,
                Listed::Anchors,
                Listed::Moments,
                Listed::Commits,
                Listed::Variants,
                Listed::Versions,
            ]
        },
        |what| vec![what],
    );
    let catalogue = Catalogue { sections: wanted.into_iter().map(section).collect() };
    match arguments.format {
        Shown::Human => for_people(&human::catalogue(&catalogue)),
        Shown::Json => result(&json::catalogue(&catalogue)),
    }
}

pub(super) fn section(what: Listed) -> Section {
    let item = |name: &str, about: &str| Item { name: name.to_owned(), about: about.to_owned() };
    let (title, items) = match what {
        Listed::Scenarios => ("scenarios", files()),
        Listed::Properties => {
            let items = PROPERTIES.iter().map(|property| item(property.name, property.about));
            ("properties", items.collect())
        }
        Listed::Measures => ("measures", table(MEASURED)),
        Listed::Witnesses => {
            let items = WITNESSES.iter().map(|name| item(name, occurs(name)));
            let struck = |row: &Row| format!("a fault struck at a moment: {}", row.about);
            let aimed = MOMENTS.iter().map(|row| item(row.witness, &struck(row)));
            ("witnesses", items.chain(aimed).collect())
        }
        Listed::Faults => ("faults", table(FAULTS)),
        Listed::Targets => ("targets", table(TARGETS)),
        Listed::Anchors => ("anchors", table(ANCHORS)),
        Listed::Moments => {
            let items = MOMENTS.iter().map(|row| item(row.name, row.about));
            ("moments", items.collect())
        }
        Listed::Commits => ("commits", table(COMMITS)),
        Listed::Variants => {
            let items = Variant::ALL.iter().map(|variant| item(variant.name(), variant.about()));
            ("variants", items.collect())
        }
        Listed::Versions => ("versions", KafkaVersion::ALL.into_iter().map(version).collect()),
        Listed::Settings => {
            let items = every().into_iter().map(|(scope, key)| item(key, &about(scope, key)));
            ("settings", items.collect())
        }
        Listed::Swarm => ("swarm", TABLE.iter().map(|row| item(row.what, row.bounds)).collect()),
    };
    Section { title: title.to_owned(), items }
}

fn table(rows: &[(&str, &str)]) -> Vec<Item> {
    let item = |(name, about): &(&str, &str)| Item {
        name: (*name).to_owned(),
        about: (*about).to_owned(),
    };
    rows.iter().map(item).collect()
}

/// What a witness counts.
fn occurs(witness: &str) -> &'static str {
    match witness {
        "controller_elected" => {
            "one of several controllers became the active one, including the first time"
        }
        "coordinator_moved" => "another broker took over the commits of a group",
        "duplicate_batch" => "a broker recognised a batch that was already in its log",
        "epoch_bumped" => "an idempotent producer raised its epoch by itself",
        "fenced" => "the controller fenced a broker",
        "follower_chosen" => "a leader sent a member to a follower in its rack",
        "isr_expanded" => "a replica came back into an in-sync set",
        "isr_shrunk" => "a replica left an in-sync set",
        "leader_elected" => "a partition got another leader",
        "log_compacted" => "a replica compacted a log: superseded records are gone there",
        "log_damaged" => "bytes of a batch on a broker's disk went wrong",
        "log_dir_failed" => "a broker gave up a log directory that it could not write",
        "log_start_moved" => "a replica deleted the beginning of its log",
        "not_enough_replicas" => "a write was refused because too few replicas were in sync",
        "offline" => "a partition had no leader",
        "partitions_added" => "a topic got more partitions",
        "topic_created" => "a topic was created that was not there, or not any more",
        "topic_deleted" => "a topic was deleted",
        "position_reset" => {
            "a member had no commit to resume from, or none that still was in the log"
        }
        "process_crashed" => "a process was killed",
        "process_killed" => {
            "a process was killed (SIGKILL), as it had not stopped within its grace"
        }
        "process_restarted" => "a process started again",
        "process_stopped" => "a process ended by itself, in good order",
        "rebalance" => "a group assigned its partitions, including the first time",
        "redelivered" => "a group processed a record again",
        "replicas_changed" => "a partition was given other replicas, or had them",
        "retried" => "a producer sent a batch again",
        "snapshot_loaded" => "a controller or a broker went on from a snapshot of the metadata log",
        "features_updated" => "the controller finalized feature levels of the cluster",
        "topic_altered" => "an administrator altered a setting of a topic",
        "tail_lost" => "a log lost its end with the power or the disk of its broker",
        "truncated" => "a replica truncated its log",
        "unclean_election" => "a replica from outside the in-sync set became leader",
        _ => "",
    }
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

/// A line of Kafka, with what it does otherwise than the one before.
fn version(version: KafkaVersion) -> Item {
    let rules = Rule::ALL.iter().filter(|rule| rule.since() == version);
    let mut news: Vec<String> = rules.map(|rule| rule.about().to_owned()).collect();
    for setting in Scope::ALL.into_iter().flat_map(of) {
        let changed = setting.since.iter().find(|(since, _)| *since == version);
        news.extend(changed.map(|(_, preset)| format!("{} is {}", setting.key, spell(*preset))));
    }
    if version == KafkaVersion::default() {
        news.insert(0, "the default".to_owned());
    }
    let about = if news.is_empty() { "as the one before".to_owned() } else { news.join("; ") };
    Item { name: version.name().to_owned(), about }
}

fn spell(preset: Preset) -> String {
    match preset {
        Preset::Number(number) => number.to_string(),
        Preset::Switch(on) => on.to_string(),
        Preset::Word(word) => word.to_owned(),
        Preset::Unneeded => "none".to_owned(),
    }
}
