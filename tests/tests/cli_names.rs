//! `explain NAME`: every name that a report, a list or a scenario shows can be asked for.

use crate::cli::{directory, run, write};
use crate::support::root;
use serde_json::Value;

#[test]
fn a_name_says_what_it_means() {
    let directory = directory();
    for (name, said) in [
        ("acked-durability", "Every acknowledged record is in the log at the end"),
        ("rolling-restart", "a deploy"),
        ("acks-one", "the leader answered before every in-sync replica had the record"),
        ("poll-overrun", "poll-overrun  a footgun"),
        ("poll-overrun", "poll-overrun  the cause of a duplicate"),
        ("min.insync.replicas", "a setting of a topic"),
        ("min.insync.replicas", "a setting of a broker"),
        ("producers.billing.config.acks=1", "What a producer waits for"),
        ("log.dir", "Accepted, no effect here"),
        ("no-dedup", "a variant"),
        ("redelivered", "a witness"),
        ("duplicate_rate", "a measure"),
        ("sync-after-batch", "a way to commit"),
        ("isr-change", "a moment that a fault strikes at"),
        ("eligible.leader.replicas.version=1", "a feature level"),
    ] {
        let told = run(directory.path(), &["explain", name]);
        assert_eq!((told.status, told.talk.as_str()), (0, ""), "{name}");
        assert!(told.out.contains(said), "{name}: {said} in\n{}", told.out);
        assert!(!told.out.contains('`'), "{name}: no marks of a page: {}", told.out);
    }
}

#[test]
fn a_wrong_name_is_answered_with_the_nearest_right_ones() {
    let directory = directory();
    for (name, said) in [
        ("acked-durabilty", "did you mean acked-durability"),
        ("acks-on", "acks-one"),
        ("max.poll.record", "max.poll.records"),
        ("xyzzy", "`ackproof list` shows names"),
    ] {
        let told = run(directory.path(), &["explain", name]);
        assert_eq!((told.status, told.out.as_str()), (2, ""), "{name}");
        assert!(told.talk.contains(said), "{name}: {}", told.talk);
        assert!(told.talk.starts_with(&format!("error: \"{name}\" is no file")), "{}", told.talk);
    }
}

#[test]
fn a_name_is_found_as_people_type_it() {
    let directory = directory();
    for (name, said) in [
        ("ACKS-ONE", "acks-one"),
        ("not_enough_replicas", "min-insync-replicas"),
        ("CommitFailedException", "poll-overrun"),
    ] {
        let told = run(directory.path(), &["explain", name]);
        assert_eq!((told.status, told.talk.as_str()), (0, ""), "{name}");
        assert!(told.out.contains(said), "{name}: {}", told.out);
    }
    let told = run(directory.path(), &["explain", "acks=banana"]);
    assert_eq!((told.status, told.out.as_str()), (2, ""));
    assert!(told.talk.starts_with("error: acks ") && told.talk.contains("banana"), "{}", told.talk);
}

#[test]
fn a_file_is_not_called_as_standard_output_is() {
    let directory = directory();
    let scenario = root().join("scenarios/basics/no-faults.json");
    let scenario = scenario.to_str().expect("a path");
    for option in ["--perfetto", "--html", "--metrics", "--json"] {
        let told = run(directory.path(), &["run", scenario, "--seed", "1", option, "-"]);
        assert_eq!(told.status, 2, "{option}: {}", told.out);
        assert!(told.talk.contains("standard output"), "{option}: {}", told.talk);
    }
}

#[test]
fn a_file_that_has_a_name_is_a_file() {
    let directory = directory();
    write(directory.path(), "acks-one", "{");
    let told = run(directory.path(), &["explain", "acks-one"]);
    assert_eq!(told.status, 2, "{}", told.talk);
    assert!(told.talk.contains("acks-one:1:"), "it is read: {}", told.talk);
    let missing = run(directory.path(), &["explain", "acks-one.json"]);
    assert!(missing.talk.contains("acks-one.json"), "{}", missing.talk);
    assert!(!missing.talk.contains("did you mean"), "{}", missing.talk);
}

#[test]
fn a_program_reads_what_a_name_means() {
    let directory = directory();
    let told = run(directory.path(), &["explain", "acks-one", "--format", "json"]);
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!((&told[0]["kind"], &told[0]["name"]), (&"cause".into(), &"acks-one".into()));
}
