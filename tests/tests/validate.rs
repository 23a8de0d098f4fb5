//! `ackproof validate` through the binary. What it takes for real are histories of the simulator itself: then
//! the two sides must agree, and a history that is spoiled must not. It knows no cluster.

use crate::cli::{Ran, directory, run};
use crate::support::{read, root};
use serde_json::Value;
use std::path::Path;

const LEADER_KILL: &str = "scenarios/real/leader-kill.json";

/// A history of `seed` of the scenario, with every line kept that `keep` lets pass.
fn traced(directory: &Path, file: &str, seed: u64, keep: impl Fn(&str) -> bool) {
    let scenario = directory.join("leader-kill.json");
    if !scenario.exists() {
        let text = read(LEADER_KILL).replace("../scenario.schema.json", "scenario.schema.json");
        std::fs::write(&scenario, text).expect("it can be written");
    }
    let seed = seed.to_string();
    let traced = run(directory, &["run", "leader-kill.json", "--seed", &seed, "--trace"]);
    assert_eq!(traced.status, 0, "{}", traced.talk);
    let kept: Vec<&str> = traced.out.lines().filter(|line| keep(line)).collect();
    let path = directory.join(file);
    std::fs::create_dir_all(path.parent().expect("it is in a directory")).expect("it can be made");
    std::fs::write(path, kept.join("\n") + "\n").expect("it can be written");
}

fn validate(directory: &Path, histories: &[&str], more: &[&str]) -> Ran {
    let start = ["validate", "leader-kill.json", "--seeds", "40", "--history"];
    run(directory, &[&start, histories, more].concat())
}

fn parsed(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.talk))
}

fn places(report: &Value) -> (usize, usize) {
    let figures = report["scenarios"][0]["figures"].as_array().expect("a list");
    let all = figures.iter().flat_map(|figure| figure["places"].as_array().expect("a list"));
    let (inside, others): (Vec<&Value>, Vec<&Value>) =
        all.filter(|place| !place.is_null()).partition(|place| *place == "inside");
    (inside.len(), others.len())
}

/// The ranges hold what they say: of the simulator's own runs nineteen in twenty values lie inside.
#[test]
fn the_simulator_agrees_with_itself() {
    let directory = directory();
    let path = directory.path();
    let names: Vec<String> = (0..8).map(|n| format!("{n}.jsonl")).collect();
    for (seed, name) in (500..).zip(&names) {
        traced(path, name, seed, |_| true);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let report = parsed(&validate(path, &names, &["--format", "json"]));
    let properties = report["scenarios"][0]["properties"].as_array().unwrap();
    for property in properties {
        assert_ne!(property["agreement"], "differs", "{property}");
    }
    let agree = properties.iter().filter(|one| one["agreement"] == "agrees").count();
    assert!(agree >= 12, "{agree} properties compared");
    let (inside, outside) = places(&report);
    assert!(inside > 100 && outside * 10 < inside, "{inside} inside, {outside} outside: {report}");
    let schema = parsed(&run(path, &["schema", "validate"]));
    let validator = jsonschema::validator_for(&schema).expect("it is a schema");
    let errors: Vec<String> = validator.iter_errors(&report).map(|e| e.to_string()).collect();
    assert_eq!(errors, [""; 0]);
}

#[test]
fn a_spoiled_history_differs_and_says_in_what() {
    let directory = directory();
    let path = directory.path();
    // All that was read of one log at the end is gone, its end is not.
    let log = "\"event\":\"final_read\",\"partition\":\"payments-0\"";
    traced(path, "lost.jsonl", 7, |line| !line.contains(log));
    let ran = validate(path, &["lost.jsonl"], &[]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.talk);
    assert!(ran.out.starts_with("AGREES"), "{}", ran.out);
    let line = "acked-durability: real violated 1 of 1; simulated held 40 of 40: differs";
    // One run in fourteen that violates it is what forty seeds leave possible.
    let possible = line.trim_end_matches(": differs");
    assert!(ran.out.contains(possible), "{}", ran.out);
    let row = ran.out.lines().find(|row| row.trim_start().starts_with("lost ")).unwrap();
    assert!(row.ends_with('*'), "{row}");
    // A figure outside is one of many that may be; the property gates.
    // Three of them are not possible.
    let three = validate(path, &["lost.jsonl", "lost.jsonl", "lost.jsonl"], &[]);
    let line =
        "acked-durability: real violated 3 of 3; simulated held 40 of 40: differs (probability";
    assert!(three.out.contains(line), "{}", three.out);
    assert_eq!(three.status, 1, "{}", three.talk);
    assert!(three.out.starts_with("DIFFERS"), "{}", three.out);
}

#[test]
fn what_a_history_does_not_tell_is_not_compared() {
    let directory = directory();
    let path = directory.path();
    traced(path, "blind.jsonl", 7, |line| !line.contains("\"event\":\"final_read"));
    let report = parsed(&validate(path, &["blind.jsonl"], &["--format", "json"]));
    let scenario = &report["scenarios"][0];
    let find = |list: &str, name: &str| {
        let list = scenario[list].as_array().unwrap();
        list.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}")).clone()
    };
    let durability = find("properties", "acked-durability");
    assert_eq!(durability["agreement"], "not-compared");
    assert!(durability["unjudged"][0].as_str().is_some_and(|why| !why.is_empty()), "{durability}");
    for (name, place) in [("lost", Value::Null), ("acked", "inside".into())] {
        assert_eq!(find("figures", name)["places"][0], place, "{name}");
    }
    // With its header alone it tells nothing.
    let only = |line: &str| line.contains("\"ackproof\":\"history\"");
    traced(path, "empty.jsonl", 7, only);
    let nothing = validate(path, &["empty.jsonl"], &[]);
    assert_eq!(nothing.status, 3, "{}{}", nothing.out, nothing.talk);
}

#[test]
fn what_is_no_history_of_the_scenario_is_refused() {
    let directory = directory();
    let path = directory.path();
    traced(path, "1.jsonl", 7, |_| true);
    let text = std::fs::read_to_string(path.join("1.jsonl")).unwrap();
    std::fs::write(path.join("2.jsonl"), text.replace("billing-0", "invoices-0")).unwrap();
    for (histories, words) in [
        (["1.jsonl", "2.jsonl"], "2.jsonl: it is not a history of leader-kill.json"),
        (["1.jsonl", "none.jsonl"], "none.jsonl"),
        (["1.jsonl", "leader-kill.json"], "leader-kill.json"),
    ] {
        let refused = validate(path, &histories, &[]);
        assert_eq!(refused.status, 2, "{}", refused.out);
        assert!(refused.talk.contains(words), "{}", refused.talk);
    }
    for arguments in [
        ["validate", "leader-kill.json", "--seeds", "1"],
        ["validate", "--real", "nowhere", "--seeds=1"],
        ["validate", "--seeds", "1", "--jobs=1"],
    ] {
        assert_eq!(run(path, &arguments).status, 2, "{arguments:?}");
    }
}

/// With --real only what is named is taken, and what is no history of it is left out and told; the page is there.
#[test]
fn foreign_files_are_left_out_and_told() {
    let directory = directory();
    let path = directory.path();
    traced(path, "real/leader-kill/1.jsonl", 7, |_| true);
    let text = std::fs::read_to_string(path.join("real/leader-kill/1.jsonl")).unwrap();
    let page = |named: &[&str]| {
        let start = ["validate", "--real", "real", "--seeds", "5", "--scenarios", "."];
        run(path, &[&start, named].concat())
    };
    let clean = page(&[]);
    assert_eq!(clean.status, 0, "{}{}", clean.out, clean.talk);
    let foreign = text.replace("billing-0", "invoices-0");
    std::fs::write(path.join("real/leader-kill/2.jsonl"), foreign).unwrap();
    std::fs::write(path.join("real/leader-kill/3.jsonl"), "no history\n").unwrap();
    std::fs::create_dir(path.join("real/other")).unwrap();
    std::fs::write(path.join("real/other/1.jsonl"), text).unwrap();
    let ran = page(&[]);
    assert_eq!(ran.status, 2, "{}{}", ran.out, ran.talk);
    assert!(ran.out.contains("AGREES  real: leader kill\n  1 real run against 5"), "{}", ran.out);
    for file in ["real/leader-kill/2.jsonl", "real/leader-kill/3.jsonl", "real/other"] {
        assert!(ran.talk.contains(&format!("error: {file}: ")), "{file}: {}", ran.talk);
        assert!(ran.out.contains(&format!("left out: {file}: ")), "{file}: {}", ran.out);
    }
    // What is not named is not looked at.
    let named = page(&["leader-kill.json"]);
    assert!(!named.talk.contains("real/other"), "{}", named.talk);
    assert_eq!(named.status, 2);
    let none = page(&["other.json"]);
    assert_eq!(none.status, 2);
    assert!(none.talk.contains("other.json"), "{}", none.talk);
}

#[test]
fn figures_that_are_known_to_differ_need_a_name_and_a_reason() {
    let directory = directory();
    let path = directory.path();
    traced(path, "1.jsonl", 7, |_| true);
    let with = |text: &str| {
        std::fs::write(path.join("known.json"), text).unwrap();
        validate(path, &["1.jsonl"], &["--known", "known.json"])
    };
    let good = with(r#"{"leader-kill": {"sent": "evenly"}}"#);
    assert_eq!(good.status, 0, "{}{}", good.out, good.talk);
    assert!(good.out.contains("1 known to differ, not tested"), "{}", good.out);
    let bad = with(r#"{"leader-kill": {"send": "evenly"}}"#);
    assert_eq!(bad.status, 2);
    assert!(bad.talk.contains("known.json: leader-kill: \"send\" is not a figure"), "{}", bad.talk);
}

/// The page is the same on any number of threads, and has a row and a section for each scenario.
#[test]
fn many_scenarios_make_a_page() {
    let directory = directory();
    let path = directory.path();
    for (seed, name) in (7..).zip(["real/leader-kill/10.jsonl", "real/leader-kill/9.jsonl"]) {
        traced(path, name, seed, |_| true);
    }
    let page = |jobs: &str, more: &[&str]| {
        let start = ["validate", "--real", "real", "--scenarios", ".", "--seeds", "20"];
        let format = ["--format", "markdown", "--jobs", jobs];
        run(path, &[&start[..], &format[..], more].concat())
    };
    let (one, two) = (page("1", &[]), page("2", &[]));
    assert_eq!(one.out, two.out);
    assert!(one.out.contains("| [real: leader kill](#real-leader-kill) | nothing violated |"));
    assert!(one.out.contains("\n## real: leader kill\n"), "{}", one.out);
    let written = page("1", &["-o", "page.md"]);
    assert_eq!((written.status, written.out.as_str()), (one.status, ""));
    assert_eq!(std::fs::read_to_string(path.join("page.md")).unwrap(), one.out);
    // Nine comes before ten.
    let json = run(
        path,
        &["validate", "--real", "real", "--scenarios", ".", "--seeds", "2", "--format=json"],
    );
    let histories = parsed(&json)["scenarios"][0]["histories"].clone();
    assert_eq!(histories[0], "real/leader-kill/9.jsonl");
    assert!(root().join(LEADER_KILL).exists());
}
