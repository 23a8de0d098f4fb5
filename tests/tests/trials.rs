//! What users tried: a scenario or history each, with what is right. Each stands for its kind; the data lies in
//! `tests/tests/data/trials`.

use crate::cli::{Ran, run};
use crate::cli_reports::json;
use crate::support::root;
use serde_json::Value;

const MET: i32 = 0;
const VIOLATED: i32 = 1;
const USAGE: i32 = 2;
const INCONCLUSIVE: i32 = 3;

/// The path of a trial.
fn file(name: &str) -> String {
    format!("tests/tests/data/trials/{name}")
}

fn ran(arguments: &[&str]) -> Ran {
    run(&root(), arguments)
}

/// The report of a seed.
fn report(name: &str, seed: &str) -> Value {
    json(&root(), &["run", &file(name), "--seed", seed])
}

fn reasons(report: &Value) -> String {
    report["reasons"].to_string()
}

fn has_cause(report: &Value, what: &str, cause: &str) -> bool {
    let causes = report["causes"].as_array().expect("causes");
    causes.iter().any(|one| one["what"] == what && one["cause"] == cause)
}

// Groups: causes, dead letters, rebalances, settings.

#[test]
fn a_record_is_processed_where_it_was_polled() {
    let checked = ran(&["check", &file("history-processed-contradicts-polled.jsonl")]);
    assert_eq!(checked.status, USAGE, "{checked:?}");
    let said = ".jsonl:9: billing-0#0 is processed at payments-0 offset 1, where this member polled \
                billing-0#1";
    assert!(checked.talk.contains(said), "{}", checked.talk);
}

#[test]
fn the_same_member_again_is_no_rebalance() {
    for name in ["history-same-member-again.jsonl", "history-no-assignment.jsonl"] {
        let report = json(&root(), &["check", &file(name)]);
        assert!(has_cause(&report, "duplicate", "same-member"), "{report:#}");
        assert!(!has_cause(&report, "duplicate", "rebalance"), "{report:#}");
    }
}

#[test]
fn dead_letters_are_counted() {
    let name = "every-record-dead-lettered.json";
    let told = ran(&["run", &file(name), "--seed", "0"]);
    assert_eq!(told.status, MET, "{told:?}");
    assert!(told.out.contains("processed 378 (dead-lettered 378)"), "{}", told.out);
    assert!(told.out.contains("or dead-letters it after 1 failed"), "{}", told.out);
    let group = &report(name, "0")["groups"][0];
    assert_eq!((&group["processed"], &group["dead_lettered"]), (&378.into(), &378.into()));
    let limit = ["--set", "expect.dead_lettered.max=10"];
    let limited = ran(&[&["run", &file(name), "--seed", "0"], limit.as_slice()].concat());
    assert_eq!(limited.status, VIOLATED, "{limited:?}");
}

/// How often a group of the report rebalanced for a reason.
fn rebalances(report: &Value, reason: &str) -> u64 {
    report["groups"][0]["rebalances"][reason].as_u64().unwrap_or(0)
}

fn refused(report: &Value) -> u64 {
    let by_error = report["groups"][0]["refused_commits"].as_object().expect("an object");
    by_error.values().filter_map(Value::as_u64).sum()
}

#[test]
fn rebalances_have_reasons_and_refused_commits_are_counted() {
    for name in ["deploy-rebalance-loop.json", "blocking-retries.json"] {
        let report = report(name, "0");
        assert!(rebalances(&report, "joined") > 0, "{name}: {report:#}");
        assert!(rebalances(&report, "poll-interval-exceeded") > 1, "{name}: {report:#}");
        assert!(refused(&report) > 0, "{name}: {report:#}");
        let timeline = report["timeline"].to_string();
        assert!(timeline.contains("max.poll.interval.ms of a member ran out"), "{timeline}");
    }
    let name = file("commit-refused-slow-member.json");
    let sweep = json(&root(), &["run", &name, "--seeds", "0..8"]);
    let sum = &sweep["scenarios"][0];
    assert!(rebalances(sum, "session-expired") > 0, "{sum:#}");
    assert!(refused(sum) > 0, "{sum:#}");
}

/// R9.14: they are back before their sessions are over.
#[test]
fn static_members_restart_without_a_rebalance() {
    let report = report("static-membership.json", "0");
    assert_eq!(report["verdict"], "met", "{report:#}");
    assert_eq!(rebalances(&report, "joined"), 1, "{report:#}");
    assert_eq!(report["groups"][0]["rebalances"].as_object().map(|all| all.len()), Some(1));
    let timeline = report["timeline"].to_string();
    assert_eq!(
        timeline.matches("a static member of g was replaced by one with its id").count(),
        2,
        "{timeline}"
    );
    let dynamic = ["--set", "groups.g.config.group.instance.id="];
    let refused =
        ran(&[&["run", &file("static-membership.json"), "--seed", "0"], dynamic.as_slice()]
            .concat());
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(refused.talk.contains("group.instance.id must not be empty"), "{}", refused.talk);
}

/// R9.14: whoever joins last has the id; the others die of FENCED_INSTANCE_ID.
#[test]
fn one_instance_id_for_all_members_fences_them() {
    let name = file("static-membership.json");
    let same = ["--set", "groups.g.config.group.instance.id=pod"];
    let report = json(&root(), &[&["run", &name, "--seed", "0"], same.as_slice()].concat());
    let timeline = report["timeline"].to_string();
    assert!(
        timeline.contains("a static member of g was replaced by one with its id"),
        "{timeline}"
    );
    let held = |name: &str| {
        let properties = report["properties"].as_array().expect("a list");
        properties.iter().any(|one| one["name"] == name && one["verdict"] != "violated")
    };
    assert!(held("group-exclusive") && held("at-least-once"), "{report:#}");
    let told = stories(&report, "replaced").join("\n");
    assert!(told.contains("FENCED_INSTANCE_ID"), "{told}");
    assert!(!has_cause(&report, "duplicate", "rebalance"), "nobody rebalanced: {report:#}");
}

/// R9.25: what a member keeps it reads on while the others join.
#[test]
fn kept_partitions_go_on_through_a_cooperative_rebalance() {
    let name = file("cooperative-sticky.json");
    let trace = ran(&["run", &name, "--seed", "0", "--trace"]);
    assert_eq!(trace.status, MET, "{}", trace.talk);
    let entries: Vec<Value> =
        trace.out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let positioned = |node: &str| {
        let found =
            entries.iter().filter(|one| one["event"] == "positioned" && one["node"] == node);
        found.map(|one| one["partition"].to_string()).collect::<Vec<_>>()
    };
    for node in ["g-0", "g-1"] {
        let places = positioned(node);
        let mut distinct = places.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert!(!places.is_empty() && distinct.len() <= places.len(), "{node}: {places:?}");
    }
    let reasons = |wanted: &str| entries.iter().any(|one| one["reason"] == wanted);
    assert!(reasons("revoked"), "the rebalance that follows");
}

#[test]
fn without_enough_brokers_there_is_no_offsets_topic() {
    let name = file("one-broker-defaults.json");
    let told = ran(&["run", &name, "--seed", "0"]);
    assert_eq!(told.status, VIOLATED, "{told:?}");
    for words in ["recovers is violated", "offsets.topic.replication.factor=3 and 1 broker"] {
        assert!(told.out.contains(words), "{words}: {}", told.out);
    }
    let hint = r#"write "cluster": { "config": { "offsets.topic.replication.factor": 1 } }"#;
    assert!(told.talk.contains(hint), "{}", told.talk);
    let cured = ["--set", "cluster.config.offsets.topic.replication.factor=1"];
    let cured = ran(&[&["run", &name, "--seed", "0"], cured.as_slice()].concat());
    assert_eq!((cured.status, cured.talk.as_str()), (MET, ""), "{cured:?}");
}

#[test]
fn what_is_inconclusive_says_what_to_write() {
    let name = "latest-consumer-down.json";
    let first = report(name, "0");
    assert_eq!(first["verdict"], "inconclusive", "{first:#}");
    let line = r#"add \"commit-durability\": \"may-violate\" to \"expect\""#;
    assert!(reasons(&first).replace("\\\\", "\\").contains(line), "{}", reasons(&first));
    let set = ["--set", "expect.commit-durability=may-violate"];
    let told = ran(&[&["run", &file(name), "--seed", "0"], set.as_slice()].concat());
    assert_eq!(told.status, MET, "{told:?}");
}

/// Right as it was: a rebalance, and `latest` without a commit.
#[test]
fn latest_without_a_commit_passes_over_what_comes_in_a_rebalance() {
    let name = file("latest-no-commit-rebalance.json");
    let sweep = json(&root(), &["run", &name, "--seeds", "0..10"]);
    assert_eq!(sweep["verdict"], "met", "{sweep:#}");
    let property = &sweep["scenarios"][0]["properties"];
    let causes =
        property.as_array().unwrap().iter().flat_map(|one| one["causes"].as_array().unwrap());
    let names: Vec<&str> = causes.filter_map(|one| one["cause"].as_str()).collect();
    assert!(names.contains(&"auto-offset-reset-latest"), "{names:?}");
}

/// What a group is promised by `explain`, and what is said of settings without an effect.
fn explained(name: &str) -> Value {
    let ran = ran(&["explain", &file(name), "--seeds", "0..1", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    report["scenarios"][0].clone()
}

#[test]
fn what_is_not_modelled_is_not_promised() {
    let none = explained("disk-gone-on-restart.json");
    assert_eq!(none["not_modelled"], serde_json::json!([]));
    let possible = none["contract"]["possible"][0].to_string();
    assert!(possible.contains("topics.t.replication.factor=1"), "{possible}");
    let background = explained("auto-commit-background.json")["contract"]["promises"].to_string();
    assert!(background.contains("commit=auto-in-background"), "{background}");
}

/// R1.18: the group is away for longer than its records are kept.
#[test]
fn what_retention_deletes_unread_is_skipped_and_named() {
    let explained = explained("retention-deletes-unread.json");
    assert_eq!(explained["not_modelled"], serde_json::json!([]));
    let promises = explained["contract"]["promises"].to_string();
    assert!(!promises.contains("g processes every"), "{promises}");
    let possible = explained["contract"]["possible"].to_string();
    assert!(possible.contains("topics.t.config.retention.ms=10000"), "{possible}");
    let latest = report("retention-deletes-unread.json", "0");
    // The settling outlasts the retention: what rests on final reads alone has nothing to judge.
    assert_eq!(latest["verdict"], "inconclusive", "{latest:#}");
    assert!(has_cause(&latest, "skipped", "retention"), "{latest:#}");
    // What was left when it came back, `latest` passes over.
    assert!(has_cause(&latest, "skipped", "out-of-range-reset"), "{latest:#}");
    let name = file("retention-deletes-unread.json");
    let with = |set: &str| json(&root(), &["run", &name, "--seed", "0", "--set", set]);
    let earliest = with("groups.g.config.auto.offset.reset=earliest");
    assert!(has_cause(&earliest, "skipped", "retention"), "{earliest:#}");
    assert!(!has_cause(&earliest, "skipped", "out-of-range-reset"), "{earliest:#}");
    let kept = with("topics.t.config.retention.ms=60000");
    assert_eq!(kept["groups"][0]["skipped"], 0, "{kept:#}");
}

/// R9.37: the group is away for longer than its commits are kept.
#[test]
fn a_group_begins_anew_once_its_commits_have_expired() {
    let name = file("offsets-expired.json");
    let earliest = report("offsets-expired.json", "0");
    assert_eq!(earliest["verdict"], "met", "{earliest:#}");
    let again = earliest["groups"][0]["duplicates"].as_u64().expect("a count");
    assert!(again > 50, "all that came before the pause: {again}");
    let told = stories(&earliest, "offsets-expired").join("\n");
    assert!(told.contains("g-0 starts at t-0 offset 0 (no commit, reset to earliest)"), "{told}");
    let timeline = earliest["timeline"].to_string();
    assert!(timeline.contains("what g had committed of t-0 expired"), "{timeline}");
    let set = ["--set", "groups.g.config.auto.offset.reset=latest"];
    let latest = json(&root(), &[&["run", &name, "--seed", "0"], set.as_slice()].concat());
    assert_eq!(latest["verdict"], "met", "{latest:#}");
    assert!(has_cause(&latest, "skipped", "expired-commit-reset-latest"), "{latest:#}");
    let consumer = ["--set", "protocol=consumer"];
    let consumer = json(&root(), &[&["run", &name, "--seed", "0"], consumer.as_slice()].concat());
    assert!(has_cause(&consumer, "duplicate", "offsets-expired"), "{consumer:#}");
    let longer = ["--set", "cluster.config.offsets.retention.minutes=17"];
    let longer = json(&root(), &[&["run", &name, "--seed", "0"], longer.as_slice()].concat());
    assert!(!has_cause(&longer, "duplicate", "offsets-expired"), "{longer:#}");
    let explained = explained("offsets-expired.json");
    assert_eq!(explained["not_modelled"], serde_json::json!([]));
    let possible = explained["contract"]["possible"].to_string();
    assert!(possible.contains("cluster.config.offsets.retention.minutes=1"), "{possible}");
}

/// Skipped is what the new partitions got before the group's refresh.
#[test]
fn what_goes_to_new_partitions_before_the_group_looks_is_skipped_with_latest() {
    let report = report("partitions-added.json", "0");
    let cause = "partition-added-reset-latest";
    assert!(has_cause(&report, "skipped", cause), "{report:#}");
    let skipped = report["groups"][0]["skipped"].as_u64().expect("a count");
    // At most 60 s pass until the group's next refresh, in which 15 of 20 records a second go there.
    assert!((1..=60 * 20).contains(&skipped), "{report:#}");
}

#[test]
fn a_fault_that_is_not_modelled_says_so() {
    let scenario = file("partitions-added.json");
    let told = ran(&[
        "run",
        &scenario,
        "--seed",
        "0",
        "--set",
        "faults=[{\"at\": \"5s\", \"delete-records\": \"payments-0\"}]",
    ]);
    assert_eq!(told.status, USAGE, "{told:?}");
    assert!(told.talk.contains("\"delete-records\" is not modelled"), "{}", told.talk);
}

/// The nearest that can be said: what is sent again after the crash is in the log, once.
#[test]
fn a_crash_before_the_buffer_is_sent_is_no_loss_of_what_was_acknowledged() {
    let report = report("exit-without-flush.json", "0");
    assert_eq!(report["verdict"], "met", "{report:#}");
    assert_eq!(report["records"]["lost"], 0);
    let open = report["records"]["open_at_end"].as_u64().expect("a count");
    assert!((1..1000).contains(&open), "a part of the thousand was sent by then: {open}");
    let told = ran(&["run", &file("exit-without-flush.json"), "--seed", "0"]).out;
    let line = format!("ended       {open} records had no outcome when the producer ended");
    assert!(told.contains(&line), "{told}");
}

/// What the trial is about, said with its key.
#[test]
fn a_process_that_ends_without_flush_is_told_what_it_left_behind() {
    let set = |end: &str| {
        let end = format!("producers.script.end={end}");
        let batches = "producers.script.config.batch.size=100000";
        let more = ["--set", &end, "--set", "faults=[]", "--set", batches];
        let name = file("exit-without-flush.json");
        let told = ran(&[&["run", &name, "--seed", "0"], more.as_slice()].concat());
        (json(&root(), &[&["run", &name, "--seed", "0"], more.as_slice()].concat()), told.out)
    };
    let (report, told) = set("exit");
    assert_eq!(report["verdict"], "met", "{report:#}");
    let counts = &report["records"];
    assert_eq!((&counts["lost"], &counts["unknown"]), (&0.into(), &0.into()));
    let [failed, acked] = ["failed", "acked"].map(|one| counts[one].as_u64().expect("a count"));
    assert!(failed > 100 && failed + acked == 1000, "up to a thousand: {counts}");
    assert!(has_cause(&report, "failed", "ended-without-flush"), "{report:#}");
    let line = format!("script-0 ends without flush: {failed} records never left its buffer");
    assert!(told.contains(&line), "{told}");
    let (report, _) = set("flush");
    assert_eq!(report["records"]["acked"], 1000, "{report:#}");
}

/// The stories of records that a group processed again, by cause.
fn stories<'a>(report: &'a Value, cause: &str) -> Vec<&'a str> {
    let causes = report["causes"].as_array().expect("causes");
    let is_it = |one: &&Value| one["what"] == "duplicate" && one["cause"] == cause;
    let found = causes.iter().find(is_it).unwrap_or_else(|| panic!("{cause}: {causes:#?}"));
    found["story"].as_array().expect("lines").iter().filter_map(Value::as_str).collect()
}

#[test]
fn each_cause_has_a_story_of_its_own() {
    let report = report("blocking-retries.json", "0");
    let (zombie, overrun) = (stories(&report, "zombie"), stories(&report, "poll-overrun"));
    assert_ne!(zombie.last(), overrun.last(), "{zombie:#?} {overrun:#?}");
    let place = |words: &str| zombie.iter().position(|line| line.contains(words));
    let (moved, worked) = (place("l-1 polled"), place("l-0 processed it"));
    assert!(moved.is_some() && moved < worked, "it lost the partition first: {zombie:#?}");
    assert!(overrun.iter().any(|line| line.contains("l rebalanced: ")), "{overrun:#?}");
}

/// Everybody expects that what was there before the group began is passed over.
#[test]
fn a_skip_is_shown_by_a_record_of_the_outage() {
    let report = report("latest-consumer-down.json", "0");
    let all = report["properties"].as_array().expect("properties");
    let delivery = all.iter().find(|one| one["name"] == "at-least-once").expect("it is judged");
    let story = delivery["violations"][0]["story"].to_string();
    assert!(story.contains("adapter-0 crashed"), "{story}");
}

/// A longer settle phase does not help a group that Kafka gives no offsets topic.
#[test]
fn what_keeps_a_group_from_reading_is_the_only_reason() {
    for arguments in [["run", "--seed", "0"], ["run", "--seeds", "2"], ["explain", "--seeds", "2"]]
    {
        let [command, seeds, which] = arguments;
        let told = ran(&[command, &file("one-broker-defaults.json"), seeds, which]);
        assert_eq!(told.status, VIOLATED, "{told:?}");
        let why = "is not created, with offsets.topic.replication.factor=3 and 1 broker";
        assert!(told.out.contains(why), "{}", told.out);
        for wrong in ["nothing to judge; if", "\"settle\"", "undecided"] {
            assert!(!told.out.contains(wrong), "{wrong}: {}", told.out);
        }
    }
}

#[test]
fn the_template_with_acks_one_is_violated() {
    let directory = crate::cli::directory();
    let path = directory.path();
    assert_eq!(run(path, &["new", "-o", "new.json"]).status, MET);
    let asked = ["run", "new.json", "--seeds", "0..20"];
    let one = ["--set", "acks=1"];
    assert_eq!(run(path, &[&asked, one.as_slice()].concat()).status, VIOLATED, "acks=1");
    let all = run(path, &asked);
    assert_ne!(all.status, INCONCLUSIVE, "{all:?}");
}
