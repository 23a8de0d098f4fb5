//! One history of a real Apache Kafka of each scenario that the simulator is compared by, as tests/real left it.
//! The oracle must say of real clusters what happened to them, and the models what the oracle says.

use crate::cli::{Ran, directory, run};
use crate::support::{read, root};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::fs::File;
use std::io::Read;

/// The scenarios that have a kept history.
fn kept() -> Vec<String> {
    let folder = std::fs::read_dir(root().join("tests/histories/real")).expect("it is there");
    let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut stems: Vec<String> =
        names.filter_map(|name| Some(name.strip_suffix(".jsonl.gz")?.to_owned())).collect();
    stems.sort_unstable();
    stems
}

fn path(stem: &str) -> String {
    root().join(format!("tests/histories/real/{stem}.jsonl.gz")).display().to_string()
}

fn unpacked(stem: &str) -> String {
    let mut text = String::new();
    let file = File::open(path(stem)).expect("it is kept");
    GzDecoder::new(file).read_to_string(&mut text).expect("it is compressed text");
    text
}

fn check(history: &str) -> (Ran, Value) {
    let directory = directory();
    let ran = run(directory.path(), &["check", history, "--format", "json"]);
    let report = serde_json::from_str(&ran.out)
        .unwrap_or_else(|error| panic!("{history}: {error}: {}", ran.talk));
    (ran, report)
}

fn loses(stem: &str) -> bool {
    read(&format!("scenarios/real/{stem}.json")).contains("\"acked-durability\": \"violated\"")
}

/// Whether a property may be violated as well: offsets are used again once logs have lost their ends.
fn may_violate(stem: &str, property: &Value) -> bool {
    let name = property["name"].as_str().expect("it has a name");
    read(&format!("scenarios/real/{stem}.json")).contains(&format!("\"{name}\": \"may-violate\""))
}

#[test]
fn every_compared_scenario_has_a_history_of_a_real_cluster() {
    let scenarios = crate::support::files(".json").into_iter();
    let stems = scenarios.filter_map(|file| {
        Some(file.strip_prefix("scenarios/real/")?.strip_suffix(".json")?.to_owned())
    });
    let mut stems: Vec<String> = stems.collect();
    stems.sort_unstable();
    assert!(stems.len() >= 12, "{stems:?}");
    assert_eq!(kept(), stems);
}

#[test]
fn real_clusters_get_the_verdict_that_their_scenario_expects() {
    for stem in kept() {
        let (ran, report) = check(&path(&stem));
        let wrong = loses(&stem) || stem == OVERTAKEN;
        assert_eq!(ran.status, i32::from(wrong), "{stem}: {}", report["reasons"]);
        let count = |name: &str| report["records"][name].as_u64().unwrap_or_default();
        assert!(count("sent") > 2000, "{stem}: {}", report["records"]);
        assert_eq!(count("lost") > 0, loses(&stem), "{stem}: {}", report["records"]);
        let properties = report["properties"].as_array().expect("a list");
        for property in properties.iter().filter(|one| one["name"] != "acked-durability") {
            let skips = stem == OVERTAKEN && property["name"] == "at-least-once";
            let is_fine =
                (property["verdict"] == "violated") == skips || may_violate(&stem, property);
            assert!(is_fine, "{stem}: {property}");
        }
        let judged = properties.iter().filter(|one| one["verdict"] == "held").count();
        assert!(judged >= 6, "{stem}: only {judged} properties judged anything");
        let logged = count("log_duplicates") > 0;
        assert_eq!(logged, stem == TWICE, "{stem}: twice in a log");
    }
}

/// Retention deletes what the group had not read.
const OVERTAKEN: &str = "retention-overtakes";
/// Without idempotence records are twice in a log.
const TWICE: &str = "connection-cut-no-idempotence";

/// Who lost the power and led again is named by the elections: no broker of a real cluster tells with which log it leads.
#[test]
fn what_real_brokers_lost_with_their_power_is_told_as_that() {
    for stem in ["power-loss-of-all", "last-in-sync-loses-power"] {
        let (_, report) = check(&path(stem));
        let causes = report["causes"].as_array().expect("a list");
        let is_one = causes.len() == 1 && causes[0]["cause"] == "power-loss";
        assert!(is_one, "{stem}: {causes:?}");
    }
}

#[test]
fn a_loss_that_is_taken_out_of_a_real_history_is_no_longer_found() {
    let text = unpacked("leader-kill-acks-one");
    let (_, whole) = check(&path("leader-kill-acks-one"));
    assert_eq!(whole["causes"][0]["cause"], "acks-one", "{}", whole["causes"]);
    // Nobody was told that anything is safe: so nothing that was promised is gone.
    let promised = |line: &&str| !line.contains("\"event\":\"acked\"");
    let kept: Vec<&str> = text.lines().filter(promised).collect();
    let directory = directory();
    let spoiled = directory.path().join("spoiled.jsonl");
    std::fs::write(&spoiled, kept.join("\n") + "\n").expect("it can be written");
    let (ran, report) = check(&spoiled.display().to_string());
    assert_eq!((ran.status, &report["verdict"]), (3, &Value::from("inconclusive")), "{}", ran.talk);
    assert_eq!(report["properties"][0]["verdict"], "vacuous", "{}", report["properties"][0]);
}

/// A commit that was acknowledged and is gone: whoever looks it up, a member that takes over or the observer.
#[test]
fn a_committed_offset_that_goes_back_in_a_real_history_is_found() {
    for (stem, who) in [("consumer-kill", "ledger-1"), ("partition", "observer")] {
        let text = unpacked(stem);
        let at = format!("\"node\":\"{who}\",\"event\":\"positioned\"");
        let is_lookup = |line: &&str| line.contains(&at) && line.contains("\"committed\"");
        let line = text.lines().find(is_lookup).expect("it looks a commit up");
        let mut event: Value = serde_json::from_str(line).expect("it is an event");
        event["offset"] = (event["offset"].as_u64().expect("an offset") - 1).into();
        let directory = directory();
        let spoiled = directory.path().join("spoiled.jsonl");
        let changed = text.replace(line, &event.to_string());
        std::fs::write(&spoiled, changed).expect("it can be written");
        let (ran, report) = check(&spoiled.display().to_string());
        assert_eq!(ran.status, 1, "{line}: {}", ran.talk);
        let properties = report["properties"].as_array().expect("a list");
        let durable = properties.iter().find(|one| one["name"] == "commit-durability");
        assert_eq!(durable.expect("it is there")["verdict"], "violated", "{line}");
    }
}

/// What the comparison found once stays found: property by property the models say what real clusters did.
#[test]
fn the_models_agree_with_real_clusters_about_every_property() {
    let directory = directory();
    let real = directory.path().join("real");
    for stem in kept() {
        let folder = real.join(&stem);
        std::fs::create_dir_all(&folder).expect("it can be made");
        std::fs::copy(path(&stem), folder.join("1.jsonl.gz")).expect("it can be copied");
    }
    let scenarios = root().join("scenarios/real").display().to_string();
    let arguments = [
        "validate",
        "--real",
        "real",
        "--scenarios",
        &scenarios,
        "--seeds",
        "10",
        "--format",
        "json",
    ];
    let ran = run(directory.path(), &arguments);
    let report: Value = serde_json::from_str(&ran.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.talk));
    let scenarios = report["scenarios"].as_array().expect("a list");
    assert_eq!(scenarios.len(), kept().len());
    for scenario in scenarios {
        let properties = scenario["properties"].as_array().expect("a list");
        for property in properties {
            assert_ne!(property["agreement"], "differs", "{}: {property}", scenario["scenario"]);
        }
        let agreed = properties.iter().filter(|one| one["agreement"] == "agrees").count();
        // Retention has emptied the logs of one.
        assert!(agreed >= 5, "{}: {agreed}", scenario["scenario"]);
    }
}
