//! Topics that are deleted: what is gone with them is told as that, and nothing else is held against anybody.

use crate::cli::run;
use crate::cli_reports::json;
use crate::support::root;
use ackproof::world::document::load;
use serde_json::Value;

const UNREAD: &str = "scenarios/footguns/topic-deleted-unread.json";
const READ: &str = "scenarios/basics/topic-deleted.json";
/// The metadata log is folded all the time, and everybody who was away loads a snapshot.
const SNAPSHOTS: &[&str] = &[
    "--set",
    "cluster.controllers=3",
    "--set",
    "cluster.config.metadata.log.max.record.bytes.between.snapshots=1000",
    "--set",
    "cluster.config.metadata.max.retention.bytes=1000",
];

#[test]
fn what_a_group_had_not_read_is_skipped_with_its_topic_and_nothing_is_lost() {
    let report = json(&root(), &["run", UNREAD, "--seed", "0"]);
    let causes = report["causes"].as_array().expect("causes");
    let skipped: Vec<&Value> = causes.iter().filter(|one| one["what"] == "skipped").collect();
    assert!(skipped.len() == 1 && skipped[0]["cause"] == "topic-deleted", "{skipped:#?}");
    assert_eq!(skipped[0]["count"], report["groups"][0]["skipped"]);
    assert_eq!(report["records"]["lost"], 0);
    let recovers = report["properties"].as_array().expect("properties").iter();
    let recovers = recovers.clone().find(|one| one["name"] == "recovers").expect("it is judged");
    assert_eq!(recovers["verdict"], "held", "{recovers:#}");
}

#[test]
fn a_topic_is_deleted_once_and_the_timeline_tells_both() {
    let told = run(&root(), &["run", READ, "--seed", "0"]);
    assert_eq!(told.status, 0, "{told:?}");
    for words in ["payments is deleted", "refused DeleteTopics: UNKNOWN_TOPIC_OR_PARTITION"] {
        assert!(told.out.contains(words), "{words:?} in\n{}", told.out);
    }
}

#[test]
fn who_loads_a_snapshot_without_the_topic_deletes_it() {
    let told = run(&root(), &[&["run", READ, "--seeds", "0..8"], SNAPSHOTS].concat());
    assert_eq!(told.status, 0, "{told:?}");
}

const AGAIN: &str = "scenarios/footguns/topic-recreated.json";

/// The position of the deleted topic is kept in the new one, and only what lies below it there is skipped.
#[test]
fn a_position_is_kept_in_a_topic_that_is_created_again() {
    let report = json(&root(), &["run", AGAIN, "--seed", "0"]);
    let causes = report["causes"].as_array().expect("causes");
    let skipped: Vec<&Value> = causes.iter().filter(|one| one["what"] == "skipped").collect();
    assert!(skipped.len() == 1 && skipped[0]["cause"] == "topic-recreated", "{skipped:#?}");
    let told = run(&root(), &["run", AGAIN, "--seed", "0"]);
    for words in [
        "payments is deleted",
        "payments@2 is created",
        " offset 0). an administrator deleted the topic and created it again",
    ] {
        assert!(told.out.contains(words), "{words:?} in\n{}", told.out);
    }
    let told = run(&root(), &["run", AGAIN, "--seed", "0", "--trace"]);
    for words in ["\"topic_created\",\"topic\":\"payments@2\"", "\"source\":\"kept\""] {
        assert!(told.out.contains(words), "{words:?}");
    }
}

/// One that no fault deletes is not there before it is created, and is created once.
#[test]
fn a_topic_is_created_while_the_cluster_runs() {
    let text = r#"{
        "topics": { "payments": {} },
        "producers": { "billing": { "topic": "payments", "rate": "50/s", "config": { "max.block.ms": 60000 } } },
        "groups": { "ledger": { "topics": ["payments"], "config": { "auto.offset.reset": "earliest" } } },
        "faults": [ { "at": "20s", "create-topic": "payments" }, { "at": "25s", "create-topic": "payments" } ],
        "run": { "load": "30s" },
        "expect": { "acked-durability": "held", "at-least-once": "held", "witness": { "topic_created": 1 } }
    }"#;
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("later.json"), text).expect("written");
    let told = run(home.path(), &["run", "later.json", "--seed", "0"]);
    assert_eq!(told.status, 0, "{told:?}");
    for words in ["payments is created", "refused CreateTopics: TOPIC_ALREADY_EXISTS"] {
        assert!(told.out.contains(words), "{words:?} in\n{}", told.out);
    }
}

#[test]
fn what_a_group_or_a_mirror_writes_to_is_not_deleted_here() {
    let text = r#"{ "topics": { "in": {}, "out": {} }, "producers": { "p": { "topic": "in" } },
        "groups": { "g": { "topics": ["in"], "produces": { "to": "out" } } },
        "faults": [{ "at": "5s", "delete-topic": "out" }] }"#;
    let refused = format!("{:?}", load(text, "x.json", &[]).expect_err("it is refused"));
    assert!(refused.contains("a group writes to out"), "{refused}");
}
