//! The commands beside `run`: list, schema, new.

use crate::cli::{MET, directory, run, scenario, write};
use crate::cli_reports::json;
use ackproof_oracle::measure::WITNESSES;
use ackproof_oracle::registry::PROPERTIES;
use ackproof_scenario::moment::MOMENTS;
use ackproof_scenario::resolve::{LATENCIES, LENGTHS, MEASURES};
use ackproof_types::CommitStrategy;
use serde_json::Value;

#[test]
fn list_names_everything_with_a_sentence() {
    let directory = directory();
    let about = scenario(MET).replacen('{', "{ \"about\": \"A quiet day.\",", 1);
    write(directory.path(), "scenarios/deep/quiet.json", &about);
    write(directory.path(), "scenarios/broken.json", "{");
    let list = json(directory.path(), &["list"]);
    let titles: Vec<&String> = list.as_object().unwrap().keys().collect();
    let wanted = [
        "anchors",
        "commits",
        "faults",
        "measures",
        "moments",
        "properties",
        "scenarios",
        "targets",
        "variants",
        "versions",
        "witnesses",
    ];
    assert_eq!(titles, wanted);
    for item in list.as_object().unwrap().values().flat_map(|items| items.as_array().unwrap()) {
        assert!(item["about"].as_str().is_some_and(|about| about.len() > 5), "{item}");
    }
    assert_eq!(list["properties"].as_array().unwrap().len(), PROPERTIES.len());
    let path = format!("scenarios{0}deep{0}quiet.json", std::path::MAIN_SEPARATOR);
    assert_eq!(list["scenarios"][1]["name"], path);
    assert_eq!(list["scenarios"][1]["about"], "A quiet day.");
    let human = run(directory.path(), &["list"]);
    assert_eq!(human.status, 0);
    for words in ["A quiet day.", "acked-durability", "rolling-restart", "trunc-to-hw"] {
        assert!(human.out.contains(words), "{words}: {}", human.out);
    }
}

#[test]
fn list_can_be_asked_for_one_kind() {
    let directory = directory();
    let list = json(directory.path(), &["list", "settings"]);
    assert_eq!(list.as_object().unwrap().len(), 1);
    let settings = list["settings"].as_array().unwrap();
    let about =
        |key: &str| settings.iter().find(|one| one["name"] == key).unwrap()["about"].clone();
    assert_eq!(about("max.poll.records"), "consumer: modelled; int, from 1, default 500");
    assert!(settings.len() > 500, "all of Kafka's: {}", settings.len());
    for (key, begins) in [
        ("transactional.id", "producer: refused: "),
        ("retention.ms", "topic: modelled; long in ms, from -1, default 604800000"),
        ("cleanup.policy", "topic: modelled; list of compact or delete"),
        (
            "remote.storage.enable",
            "topic: accepted, no effect here; on a real cluster it could break ",
        ),
        ("background.threads", "broker: accepted, no effect here; int"),
    ] {
        let about = about(key);
        assert!(about.as_str().is_some_and(|about| about.starts_with(begins)), "{key}: {about}");
    }
    assert!(
        json(directory.path(), &["list", "scenarios"])["scenarios"].as_array().unwrap().is_empty()
    );
}

/// What a scenario needs around a fault on another cluster, or on a zone.
fn surroundings(fault: &str) -> &'static str {
    match fault {
        _ if fault.contains("backup") => r#", "clusters": { "backup": {} }"#,
        _ if fault.contains("zone ") => r#", "cluster": { "racks": ["a", "b", "c"] }"#,
        _ => "",
    }
}

/// The moment that a fault needs.
fn aim(fault: &str) -> &'static str {
    match fault {
        _ if fault.contains("its voter") || fault.contains("its candidate") => r#""on": "vote", "#,
        _ if fault.contains("\"its ") => r#""on": "append", "#,
        _ => "",
    }
}

/// What is listed can be written: everything is loaded, and nothing is run.
#[test]
fn what_is_listed_can_be_used() {
    let directory = directory();
    let path = directory.path();
    let names = |kind: &str| -> Vec<String> {
        let list = json(path, &["list", kind])[kind].clone();
        let items = list.as_array().expect("a list").iter();
        items.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
    };
    let loads = |more: &str| {
        write(path, "a.json", &scenario(more));
        let ran = run(path, &["run", "a.json", "--seeds", "0..0"]);
        assert_eq!(ran.status, 4, "{more}: {ran:?}");
    };
    let fault = |fault: &str| {
        let around = surroundings(fault);
        let aimed = aim(fault);
        loads(&format!(r#"{around}, "faults": [ {{ {aimed}{fault} }} ]"#));
    };
    for anchor in names("anchors") {
        fault(&format!(r#""after": "{anchor}", "crash": "broker-1""#));
    }
    for target in names("targets") {
        let only_peers = ["controllers", "clients", "billing"].contains(&target.as_str())
            || target.ends_with(" backup");
        fault(&match target.as_str() {
            _ if only_peers => {
                format!(r#""at": "1s", "isolate": "broker-1", "from": ["{target}"]"#)
            }
            "brokers" => r#""at": "1s", "rolling-restart": "brokers""#.to_owned(),
            "ledger" => r#""at": "1s", "join": "ledger""#.to_owned(),
            _ => format!(r#""at": "1s", "pause": "{target}", "for": "1s""#),
        });
    }
    for measure in names("measures") {
        let limit = if measure.ends_with("latency") {
            r#"{ "p99": { "max": "1s" } }"#
        } else if measure.starts_with("longest") {
            r#"{ "max": "1s" }"#
        } else {
            r#"{ "max": 1 }"#
        };
        loads(&format!(r#", "expect": {{ "{measure}": {limit} }}"#));
    }
    for witness in names("witnesses") {
        loads(&format!(r#", "expect": {{ "witness": {{ "{witness}": 1 }} }}"#));
    }
    write(path, "a.json", &scenario(MET));
    for commit in names("commits") {
        let set = format!("commit={commit}");
        assert_eq!(
            run(path, &["run", "a.json", "--seeds", "0..0", "--set", &set]).status,
            4,
            "{set}"
        );
    }
    // None of what can be written is left out.
    let all = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let mut measures = all(&[MEASURES, LENGTHS, LATENCIES].concat());
    let mut listed = names("measures");
    measures.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, measures);
    let moments: Vec<&str> = MOMENTS.iter().map(|row| row.witness).collect();
    assert_eq!(names("witnesses"), all(&[WITNESSES, &moments].concat()));
    assert_eq!(
        names("commits"),
        CommitStrategy::ALL.iter().map(|one| one.name()).collect::<Vec<_>>()
    );
}

#[test]
fn the_schema_of_a_scenario_is_the_one_beside_the_scenarios() {
    let directory = directory();
    let stored = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/scenario.schema.json");
    let printed = run(directory.path(), &["schema"]);
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(parse(&printed.out), parse(&std::fs::read_to_string(stored).unwrap()));
}

#[test]
fn a_new_scenario_runs_and_never_replaces_another() {
    let directory = directory();
    let path = directory.path();
    let printed = run(path, &["new", "it's \"mine\""]);
    assert_eq!(printed.status, 0);
    let written = run(path, &["new", "it's \"mine\"", "-o", "mine.json"]);
    assert_eq!((written.status, written.out.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(path.join("mine.json")).unwrap(), printed.out);
    let report = json(path, &["run", "mine.json"]);
    assert_eq!((&report["scenario"], &report["verdict"]), (&"it's \"mine\"".into(), &"met".into()));
    let again = run(path, &["new", "other", "--output", "mine.json"]);
    assert_eq!(again.status, 2);
    assert!(again.talk.contains("mine.json"), "{}", again.talk);
    assert_eq!(std::fs::read_to_string(path.join("mine.json")).unwrap(), printed.out);
}

/// The commands that this help lists.
fn listed(help: &str) -> Vec<String> {
    let rest = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let lines = rest.lines().take_while(|line| line.starts_with("  "));
    let named = lines.filter(|line| !line.starts_with("   "));
    let names = named.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Every command and every command of a command.
#[test]
fn every_command_has_an_example_and_its_exit_statuses() {
    let directory = directory();
    let (mut open, mut seen) = (vec![String::new()], Vec::new());
    while let Some(command) = open.pop() {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = run(directory.path(), &words);
        assert_eq!(help.status, 0, "{help:?}");
        let (start, rest) = help.out.split_once("\nExample:\n").expect(&command);
        assert!(rest.starts_with(&format!("  ackproof {command}")), "of its own: {rest}");
        let (_, statuses) = rest.split_once("\n\nExit status: ").expect(&command);
        assert!(statuses.starts_with("0 ") || statuses.contains(": 0 "), "{command}: {statuses}");
        assert!(statuses.contains(" 2 usage"), "{command}: {statuses}");
        assert!(statuses.trim_end().ends_with('.'), "a sentence: {command}: {statuses}");
        assert!(start.contains("\nUsage: ackproof"), "{command}: {start}");
        let below = listed(&help.out);
        open.extend(below.iter().map(|name| format!("{command} {name}").trim().to_owned()));
        seen.push(command);
    }
    for command in ["run", "import", "import verifiable", "new"] {
        assert!(seen.iter().any(|one| one == command), "{command} among {seen:?}");
    }
    assert_eq!(seen.len(), 1 + 20 + 1, "{seen:?}");
    let replay = run(directory.path(), &["replay", "--help"]);
    assert!(replay.out.starts_with("Run schedule files"), "{}", replay.out);
    assert!(!replay.out.contains("--save-schedule"), "a schedule is one: {}", replay.out);
}

#[test]
fn help_tells_the_exit_statuses() {
    let directory = directory();
    let help = run(directory.path(), &["run", "--help"]);
    assert_eq!(help.status, 0);
    for words in ["4 nothing to run", "70 ackproof itself failed", "130 interrupted"] {
        assert!(help.out.replace('\n', " ").contains(words), "{words}: {}", help.out);
    }
}
