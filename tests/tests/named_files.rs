//! A scenario that names `.properties` files, as a user runs it: mistakes with their places, values of the command
//! line, and what is kept of a run.

use crate::cli::{directory, run, write};
use crate::cli_reports::json;
use std::path::Path;

const SCENARIO: &str = r#"{
  "cluster": { "properties": "conf/server.properties" },
  "topics": { "payments": {} },
  "producers": { "billing": { "rate": "20/s", "properties": "conf/producer.properties" } },
  "groups": { "ledger": { "properties": "conf/consumer.properties" } },
  "run": { "load": "10s", "settle": "20s" }
}"#;

/// The scenario lies in a folder of its own, with the files below it.
fn prepare(path: &Path) {
    write(path, "deep/a.json", SCENARIO);
    write(
        path,
        "deep/conf/server.properties",
        "min.insync.replicas=2\ndefault.replication.factor=3\n",
    );
    write(
        path,
        "deep/conf/producer.properties",
        "# ours\nacks=1\nenable.idempotence=false\nlinger.ms=20\n",
    );
    write(path, "deep/conf/consumer.properties", "auto.offset.reset=earliest\ngroup.id=ledger\n");
}

#[test]
fn mistakes_are_told_with_the_place_in_the_file() {
    let directory = directory();
    let path = directory.path();
    prepare(path);
    for (file, text, said) in [
        ("producer", "acks=1\n linger.ms = soon\n", "--> deep/conf/producer.properties:2:14"),
        ("producer", "acks=9\n", "acks is -1, 0, 1 or all, found \"9\""),
        ("consumer", "session.timeout.ms=1\n", "--> deep/conf/consumer.properties:1:20"),
        ("server", "min.insync.replicas=-1\n", "--> deep/conf/server.properties:1:21"),
    ] {
        prepare(path);
        write(path, &format!("deep/conf/{file}.properties"), text);
        let ran = run(path, &["run", "deep/a.json"]);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.talk.contains(said), "{said}: {}", ran.talk);
    }
    std::fs::remove_file(path.join("deep/conf/server.properties")).unwrap();
    let ran = run(path, &["run", "deep/a.json"]);
    assert_eq!(ran.status, 2);
    let said = "error: conf/server.properties: ";
    assert!(ran.talk.contains(said) && ran.talk.contains("--> deep/a.json:2:30"), "{}", ran.talk);
}

#[test]
fn the_command_line_comes_first() {
    let directory = directory();
    let path = directory.path();
    prepare(path);
    let digest = |sets: &[&str]| {
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        json(path, &[&["run", "deep/a.json"], sets.as_slice()].concat())["digest"].to_string()
    };
    let (file, other) = (digest(&[]), digest(&["acks=all", "enable.idempotence=true"]));
    assert_ne!(file, other);
    write(path, "deep/other.properties", "acks=all\nlinger.ms=20\n");
    assert_eq!(digest(&["producers.billing.properties=other.properties"]), other);
    let ran = run(path, &["run", "deep/a.json", "--set", "producers.billing.properties=gone"]);
    assert!(ran.status == 2 && ran.talk.contains("--> --set:1:"), "{ran:?}");
}

/// What is kept of a run stands by itself.
#[test]
fn a_schedule_and_a_history_need_no_file() {
    let directory = directory();
    let path = directory.path();
    prepare(path);
    let save = ["run", "deep/a.json", "--seed", "3", "--save-schedule", "s.json"];
    let report = json(path, &save);
    let command = report["reproduce"].as_str().unwrap();
    assert_eq!(command, "ackproof run deep/a.json --seed 3");
    let history = run(path, &["run", "deep/a.json", "--seed", "3", "--trace"]).out;
    write(path, "h.jsonl", &history);
    std::fs::remove_dir_all(path.join("deep")).unwrap();
    let schedule = std::fs::read_to_string(path.join("s.json")).unwrap();
    assert!(
        schedule.contains("\"linger.ms\": 20") && !schedule.contains("properties\""),
        "{schedule}"
    );
    let replayed = json(path, &["replay", "s.json"]);
    assert_eq!(replayed["records"], report["records"]);
    assert_eq!(replayed["verdict"], report["verdict"]);
    assert_eq!(run(path, &["check", "h.jsonl"]).status, 0);
}
