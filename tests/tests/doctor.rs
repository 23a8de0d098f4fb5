//! `ackproof doctor`: files that somebody deploys. The data lies in `tests/tests/data/doctor`: every setting with
//! its default, and three sets with a trap each.

use crate::cli::{directory, run, write};
use crate::cli_reports::json;
use crate::support::root;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const DEFAULTS: &str = "tests/tests/data/doctor/defaults";

/// The report of files of a folder.
fn doctor(folder: &str, files: &[&str], more: &[&str]) -> Value {
    let files: Vec<String> =
        files.iter().map(|file| format!("{folder}/{file}.properties")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    json(&root(), &[&["doctor"], files.as_slice(), more].concat())
}

const THREE: &[&str] = &["producer", "consumer", "server"];

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("no {key}: {value:#}"))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key}: {value:#}"))
}

/// Names of the traps of a weight.
fn named<'r>(report: &'r Value, weight: &str) -> Vec<&'r str> {
    let these = list(report, "traps").iter().filter(|one| one["weight"] == weight);
    these.map(|one| text(one, "name")).collect()
}

#[test]
fn every_setting_of_the_rules_is_read_and_told_of() {
    let report =
        doctor(DEFAULTS, &["producer", "consumer", "server", "topic"], &["--seeds", "0..2"]);
    let mut told = BTreeMap::new();
    for file in list(&report, "files") {
        let settings = list(file, "settings");
        let lines = std::fs::read_to_string(root().join(text(file, "file"))).expect("it is there");
        assert_eq!(settings.len(), lines.lines().filter(|line| line.contains('=')).count());
        for one in settings {
            *told.entry(text(one, "standing")).or_insert(0) += 1;
            let line = usize::try_from(one["line"].as_u64().expect("a line")).expect("few");
            let shown =
                format!("{}={}", text(one, "key"), one["value"].as_str().unwrap_or("false"));
            assert_eq!(lines.lines().nth(line - 1), Some(shown.as_str()));
        }
    }
    let told: Vec<_> = told.into_iter().collect();
    // The one that is unknown is a feature since 4.0, and no setting any more.
    assert_eq!(told, [("modelled", 104), ("no-effect", 36), ("unknown", 1)]);
    let mistakes = list(&report, "mistakes");
    assert!(mistakes.len() == 1, "{mistakes:#?}");
    assert!(
        text(&mistakes[0], "says").starts_with("\"eligible.leader.replicas.enable\" is no broker")
    );
    // Kafka's own defaults are no safe ones.
    assert_eq!(named(&report, "trap"), ["one-replica", "reset-latest"]);
    assert!(named(&report, "open").is_empty(), "{report:#}");
}

#[test]
fn files_without_a_trap_are_met() {
    let report = doctor("scenarios/basics/deployed", THREE, &[]);
    assert_eq!(report["verdict"], "met", "{report:#}");
    assert!(named(&report, "trap").is_empty() && list(&report, "mistakes").is_empty());
    let promises = list(&report["search"]["contract"], "promises");
    let said: Vec<&str> = promises.iter().map(|one| text(one, "says")).collect();
    assert!(said[0].starts_with("an acknowledged record of producer survives"), "{said:?}");
    assert!(said[1].starts_with("consumer processes every acknowledged record"), "{said:?}");
}

/// A set of files, the traps in it, and the cause by which a seed shows one.
const PLANTED: &[(&str, &[&str], &str, Option<&str>)] = &[
    ("acks", &["acks-one", "no-idempotence"], "producer.properties:6 acks=1", Some("acks-one")),
    (
        "latest",
        &["reset-latest"],
        "auto.offset.reset=latest by default",
        Some("auto-offset-reset-latest"),
    ),
    (
        "offsets",
        &["offsets-one-replica"],
        "server.properties:13 offsets.topic.replication.factor=1",
        None,
    ),
];

#[test]
fn a_planted_trap_is_named_with_its_place_and_a_witness() {
    for (folder, traps, place, cause) in PLANTED {
        let folder = format!("tests/tests/data/doctor/{folder}");
        let report = doctor(&folder, THREE, &[]);
        assert_eq!(named(&report, "trap"), *traps, "{folder}");
        assert_eq!(report["verdict"], "violated", "{folder}");
        let setting = list(&report, "traps")[0]["settings"].to_string();
        assert!(setting.contains(&format!("{place}\"")), "{folder}: {setting}");
        let possible = list(&report["search"]["contract"], "possible");
        for cause in cause.iter() {
            let has = |one: &&Value| list(one, "causes").contains(&(*cause).into());
            let shown = possible.iter().find(has).unwrap_or_else(|| panic!("{cause}: {report:#}"));
            assert!(!list(shown, "seeds").is_empty(), "{folder}: no seed shows {cause}");
        }
    }
}

/// A file of Spring Boot's stands for a producer and a consumer. Its container commits, and not the client.
#[test]
fn the_section_of_spring_boot_is_read_as_the_clients_that_it_makes() {
    let [spring, server] = ["application.yml", "server.properties"]
        .map(|file| format!("tests/tests/data/doctor/spring/{file}"));
    let report = json(&root(), &["doctor", &spring, &server]);
    assert_eq!(named(&report, "trap"), ["reset-latest"], "{report:#}");
    let trap = list(&report, "traps")[0]["settings"].to_string();
    assert!(trap.contains("application.yml:11 auto.offset.reset=latest\""), "{trap}");
    assert!(named(&report, "depends").contains(&"commit-by-hand"), "{report:#}");
    let files = list(&report, "files");
    let scopes: Vec<&str> = files.iter().map(|file| text(file, "scope")).collect();
    assert_eq!(scopes, ["producer", "consumer", "broker"]);
    let settings = files[0]["settings"].to_string();
    assert!(
        settings.contains("\"delivery.timeout.ms\"") && settings.contains("\"32768\""),
        "{settings}"
    );
    assert!(list(&report, "mistakes").is_empty(), "{report:#}");
}

/// Files in which every trap is.
const EVERY: &[(&str, &str)] = &[
    ("zero", "acks=0"),
    ("one", "acks=1"),
    ("hasty", "acks=all\nrequest.timeout.ms=2000\ndelivery.timeout.ms=6000"),
    ("large", "acks=all\nmax.request.size=9999999\nbatch.size=2000000"),
    ("first-topic", "retention.ms=1000\nmin.insync.replicas=1"),
    ("second-topic", "segment.ms=1000\nmin.insync.replicas=3"),
    ("third-topic", "segment.ms=1000\nmin.insync.replicas=2\nunclean.leader.election.enable=true"),
    (
        "server",
        "process.roles=broker\noffsets.topic.replication.factor=1\nproducer.id.expiration.ms=1000\n\
         offsets.retention.minutes=60",
    ),
    (
        "auto-consumer",
        "group.id=a\nauto.offset.reset=latest\nenable.auto.commit=true\ngroup.instance.id=pod\n\
         group.protocol=consumer",
    ),
    (
        "consumer",
        "group.id=b\nauto.offset.reset=earliest\nenable.auto.commit=false\ngroup.protocol=consumer",
    ),
];

/// A command that nobody tried is worth nothing.
#[test]
fn every_trap_has_a_command_that_demonstrates_it() {
    let directory = directory();
    let path = directory.path();
    let files = |files: &[(&str, &str)]| {
        let named = files.iter().map(|(name, text)| {
            write(path, &format!("{name}.properties"), text);
            format!("{name}.properties")
        });
        named.collect::<Vec<_>>()
    };
    let mut commands = BTreeMap::new();
    let mut unshown = BTreeSet::new();
    for set in [EVERY, &[("server", "process.roles=broker\ndefault.replication.factor=1")]] {
        let files = files(set);
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let report = json(path, &[&["doctor", "--seeds", "0..1"], files.as_slice()].concat());
        for trap in list(&report, "traps") {
            let name = text(trap, "name").to_owned();
            match trap["command"].as_str() {
                Some(command) => drop(commands.insert(name, command.to_owned())),
                None => drop(unshown.insert(name)),
            }
        }
    }
    let names: Vec<&str> = commands.keys().map(String::as_str).collect();
    let known = [
        "acks-one",
        "acks-zero",
        "auto-commit",
        "background-commit",
        "batch-too-large",
        "commit-by-hand",
        "created-with-one-replica",
        "delivery-timeout-short",
        "min-insync-all",
        "min-insync-one",
        "no-idempotence",
        "offsets-expire",
        "offsets-one-replica",
        "one-replica",
        "producer-expired",
        "record-too-large",
        "reset-latest",
        "shared-instance-id",
        "short-retention",
        "unclean-election",
    ];
    assert_eq!(names, known);
    assert!(unshown.is_empty(), "{unshown:?}");
    for (name, command) in commands {
        let words: Vec<String> =
            command.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect();
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let ran = run(&root(), &words);
        // A footgun is expected to go off; a scenario that is good by itself is violated.
        let wanted = i32::from(command.contains("/basics/"));
        assert_eq!(ran.status, wanted, "{name}: {command}\n{}", ran.out);
    }
}

fn refused(path: &Path, arguments: &[&str], said: &str) {
    let ran = run(path, &[&["doctor"], arguments].concat());
    assert_eq!(ran.status, 2, "{arguments:?}: {ran:?}");
    let all = format!("{}{}", ran.out, ran.talk);
    assert!(all.contains(said), "{arguments:?} does not say {said:?}: {all}");
}

#[test]
fn whose_file_it_is_follows_from_its_keys_or_its_name_or_is_asked() {
    let directory = directory();
    let path = directory.path();
    for (name, text) in [
        ("a.properties", "acks=all\nbootstrap.servers=a"),
        ("b.properties", "group.id=b\nbootstrap.servers=a"),
        ("c.conf", "process.roles=broker\nnode.id=1"),
        ("my-topic.properties", "min.insync.replicas=2"),
        ("consumer.properties", "bootstrap.servers=a"),
        ("client.properties", "bootstrap.servers=a"),
        ("d.properties", "node.id=2\nprocess.roles=broker"),
        ("e.properties", "acks=\\u12"),
    ] {
        write(path, name, text);
    }
    let files =
        ["a.properties", "b.properties", "c.conf", "my-topic.properties", "consumer.properties"];
    let named = ["producer=client.properties", "--seeds", "0..1"];
    let report = json(path, &[&["doctor"], &files[..], &named].concat());
    let scopes: Vec<&str> = list(&report, "files").iter().map(|one| text(one, "scope")).collect();
    assert_eq!(scopes, ["producer", "consumer", "broker", "topic", "consumer", "producer"]);
    refused(path, &["client.properties"], "write producer=client.properties");
    refused(path, &["c.conf", "d.properties"], "c.conf and d.properties are both of a broker");
    refused(path, &["e.properties"], "--> e.properties:1:6");
    refused(path, &["gone.properties"], "error: gone.properties: ");
}

#[test]
fn what_kafka_refuses_is_told_with_its_place_and_promises_nothing() {
    let directory = directory();
    let path = directory.path();
    write(path, "producer.properties", "acks=1\nenable.idempotence=true\nlinger.ms=soon");
    refused(
        path,
        &["producer.properties"],
        "producer.properties:1:6: an idempotent producer needs acks=all",
    );
    refused(
        path,
        &["producer.properties"],
        "producer.properties:3:11: linger.ms is a whole number",
    );
    let report = json(path, &["doctor", "producer.properties"]);
    assert!(report["verdict"].is_null() && report["search"].is_null(), "{report:#}");
    // Kafka takes it, the models do not: there is a report, and no promise.
    write(path, "producer.properties", "acks=all\ntransactional.id=a");
    write(path, "topic.properties", "min.insync.replicas=2");
    let files = ["doctor", "producer.properties", "topic.properties", "--seeds", "0..2"];
    let report = json(path, &files);
    assert_eq!(named(&report, "open"), ["transactional.id"]);
    assert_eq!(report["verdict"], "inconclusive", "{report:#}");
    assert!(list(&report["search"]["contract"], "promises").is_empty(), "{report:#}");
    assert_eq!(run(path, &files).status, 3);
    assert_eq!(run(path, &["doctor", "producer.properties", "--seeds", "0..0"]).status, 4);
    // A run is too short for it, and a deployment is not.
    write(path, "consumer.properties", "group.id=a\nauto.offset.reset=earliest");
    write(path, "topic.properties", "min.insync.replicas=2\nretention.ms=3600000");
    let report =
        json(path, &["doctor", "consumer.properties", "topic.properties", "--seeds", "0..2"]);
    let promises = list(&report["search"]["contract"], "promises");
    let only_kept = |one: &Value| {
        let says = text(one, "says");
        !says.contains("at least once") || says.contains("that its log keeps")
    };
    assert!(promises.iter().all(only_kept), "{promises:#?}");
    assert_eq!(named(&report, "trap"), ["short-retention"]);
}

#[test]
fn a_secret_is_shown_nowhere() {
    let directory = directory();
    let path = directory.path();
    let text = "acks=all\nssl.key.password=hunter2\nssl.key.password=hunter2\nmy.secret=hunter2\n";
    write(path, "producer.properties", text);
    let scenario = r#"{ "topics": { "t": {} }, "producers": { "p": { "properties": "producer.properties" } } }"#;
    write(path, "a.json", scenario);
    write(path, "broken.properties", "acks=all\nssl.key.password=hunter2\\u12\n");
    for arguments in [
        &["doctor", "producer.properties", "--seeds", "0..1"][..],
        &["doctor", "producer.properties", "--seeds", "0..1", "--format", "json"],
        &["doctor", "broken.properties"],
        &["run", "a.json"],
        &["run", "a.json", "--set", "producers.p.properties=broken.properties"],
    ] {
        let ran = run(path, arguments);
        let all = format!("{}{}", ran.out, ran.talk);
        assert!(all.contains("ssl.key.password"), "{arguments:?}: {all}");
        assert!(!all.contains("hunter2"), "{arguments:?}: {all}");
    }
}

/// The report is what its schema says, and the same files give it again.
#[test]
fn the_report_fits_its_schema_and_repeats() {
    let report = doctor("scenarios/basics/deployed", THREE, &["--seeds", "0..2"]);
    let schema = run(&root(), &["schema", "doctor"]).out;
    let schema: Value = serde_json::from_str(&schema).expect("a schema");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(validator.is_valid(&report), "{report:#}");
    assert_eq!(doctor("scenarios/basics/deployed", THREE, &["--seeds", "0..2"]), report);
}
