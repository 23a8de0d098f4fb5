//! What a configuration promises, searched and held against; settings compared; what faults must show.

use crate::cli::{directory, run, write};
use crate::cli_reports::json;
use crate::support::{read, root};
use serde_json::Value;
use std::path::{Path, PathBuf};

const ACKS_ONE: &str = "scenarios/footguns/acks-one-leader-crash.json";

/// A file of ours without what it expects.
fn unstated(file: &str) -> String {
    let text = read(file);
    let start = text.find("\"expect\"").expect("it expects something");
    let before = text[..start].trim_end().trim_end_matches(',');
    format!("{before}\n}}\n")
}

fn possible<'a>(report: &'a Value, cause: &str) -> &'a Value {
    let all = report["scenarios"][0]["contract"]["possible"].as_array().expect("a contract");
    let has =
        |one: &&Value| one["causes"].as_array().is_some_and(|all| all.contains(&cause.into()));
    all.iter().find(has).unwrap_or_else(|| panic!("{cause} is not possible: {all:#?}"))
}

#[test]
fn what_a_configuration_leaves_possible_is_found() {
    let root = root();
    let report = json(&root, &["explain", ACKS_ONE, "--seeds", "0..8"]);
    for cause in ["acks-one", "producer-retry", "member-crash"] {
        assert!(!possible(&report, cause)["seeds"].as_array().unwrap().is_empty(), "{cause}");
    }
    assert_eq!(report["verdict"], "met");
    let told = run(&root, &["explain", ACKS_ONE, "--seeds", "0..2"]).out;
    assert!(told.contains("producers.billing.config.acks=1"), "{told}");
}

#[test]
fn without_expectations_the_configuration_is_what_runs_are_held_against() {
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &unstated(ACKS_ONE));
    let report = json(path, &["run", "a.json", "--seeds", "0..6"]);
    assert_eq!(report["verdict"], "met", "the losses of acks=1 are what it promises");
    assert_eq!(report["scenarios"][0]["properties"][0]["expected"], "may-violate");
    // The same losses, of a configuration that promises there are none.
    let sets = ["--set", "acks=all", "--set", "variants=[\"trunc-to-hw\"]"];
    write(path, "chaos.json", &unstated("scenarios/basics/chaos.json"));
    let chaos = ["run", "chaos.json", "--seeds", "0..12"];
    assert_eq!(run(path, &chaos).status, 0);
    let broken = run(path, &[&chaos, sets.as_slice()].concat());
    assert_eq!(broken.status, 1, "{}", broken.out);
    let causes = causes_of_losses(path, &[&chaos, sets.as_slice()].concat());
    assert_eq!(causes, ["replication"], "no setting of that configuration explains a loss");
}

#[test]
fn a_reset_by_duration_may_skip_what_the_run_is_long_enough_for() {
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &unstated("scenarios/footguns/reset-by-duration.json"));
    let cause = "auto-offset-reset-by-duration";
    let report = json(path, &["explain", "a.json", "--seeds", "0..3"]);
    assert!(!possible(&report, cause)["seeds"].as_array().unwrap().is_empty());
    assert_eq!(report["verdict"], "met", "{report:#}");
    let set = ["--set", "groups.ledger.config.auto.offset.reset=by_duration:PT1H"];
    let told = run(path, &[&["explain", "a.json", "--seeds", "0..1"], set.as_slice()].concat()).out;
    assert!(told.contains("ledger processes every acknowledged record"), "{told}");
    assert!(!told.contains("ledger never processes"), "{told}");
}

/// What a group sends on is promised, or not, as its keys say.
#[test]
fn what_a_group_sends_on_may_be_lost_as_its_keys_say() {
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &unstated("scenarios/footguns/output-not-awaited.json"));
    let report = json(path, &["explain", "a.json", "--seeds", "0..12"]);
    let lost = possible(&report, "committed-before-acknowledged");
    assert!(!lost["seeds"].as_array().unwrap().is_empty(), "{lost:#}");
    assert_eq!(lost["clause"]["settings"][0], "groups.invoicing.produces.wait=never");
    assert_eq!(report["verdict"], "met", "{report:#}");
    let cured = ["--set", "groups.invoicing.produces.wait=before-commit"];
    let told = run(path, &[&["explain", "a.json", "--seeds", "0..2"], cured.as_slice()].concat());
    assert!(told.out.contains("what it makes of every record that it commits"), "{}", told.out);
    assert!(!told.out.contains("invoicing loses"), "{}", told.out);
}

/// The causes that a sweep tells of lost records.
fn causes_of_losses(path: &Path, arguments: &[&str]) -> Vec<String> {
    let report = json(path, arguments);
    let all = report["scenarios"][0]["properties"].as_array().expect("properties");
    let lost = all.iter().find(|one| one["name"] == "acked-durability").expect("it is judged");
    let causes = lost["causes"].as_array().expect("causes");
    causes.iter().map(|one| one["cause"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn faults_that_show_nothing_are_inconclusive_without_being_asked() {
    let directory = directory();
    let fault = r#""faults": [ { "at": "5s", "slow-follower": "broker-2", "by": "1ms" } ]"#;
    let text = format!(r#"{{ "topics": {{ "t": {{}} }}, "producers": {{ "p": {{}} }}, {fault} }}"#);
    write(directory.path(), "a.json", &text);
    let ran = run(directory.path(), &["run", "a.json", "--seeds", "0..2"]);
    assert_eq!(ran.status, 3, "{}", ran.out);
    assert!(ran.out.contains("isr_shrunk happened 0 times"), "{}", ran.out);
}

fn compare(directory: &Path, arguments: &[&str]) -> Value {
    json(directory, &[&["compare", ACKS_ONE, "--seeds", "0..4"], arguments].concat())
}

#[test]
fn acks_one_and_acks_all_differ_in_what_they_lose() {
    let root = root();
    let arms = ["--set", "acks=1", "--set", "acks=all"];
    let report = compare(&root, &arms);
    let lost = &report["arms"][1]["values"][0];
    assert_eq!(report["measures"][0]["name"], "lost");
    assert_eq!(lost["mean"], 0.0);
    assert!(lost["difference"].as_f64().unwrap() < 0.0, "{lost}");
    assert_eq!(report["arms"][0]["violated"]["acked-durability"], 4);
    assert_eq!(report["arms"][1]["violated"]["acked-durability"], 0);
    let schema = serde_json::from_str(&run(&root, &["schema", "compare"]).out).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&report));
    let alone = |jobs| compare(&root, &[arms.as_slice(), &["--jobs", jobs]].concat());
    assert_eq!(alone("1"), alone("2"));
}

#[test]
fn a_grid_has_every_combination_and_marks_its_front() {
    let vary =
        ["--vary", "session.timeout.ms=10000,20000", "--vary", "commit=sync-per-record,auto"];
    let report = compare(&root(), &vary);
    let arms = report["arms"].as_array().unwrap();
    assert_eq!(arms.len(), 4);
    assert_eq!(
        arms[1]["sets"],
        serde_json::json!([["session.timeout.ms", "10000"], ["commit", "auto"]])
    );
    assert!(arms.iter().any(|arm| arm["on_front"] == true));
    let told =
        run(&root(), &[&["compare", ACKS_ONE, "--seeds", "1"], vary.as_slice()].concat()).out;
    assert!(told.contains("* on the front"), "{told}");
}

#[test]
fn the_protocols_of_groups_are_compared_under_the_same_faults() {
    let storm = "scenarios/basics/rebalance-storm.json";
    let vary = ["--vary", "protocol=eager,cooperative,consumer", "--seeds", "0..3"];
    let ran = run(&root(), &[&["compare", storm], vary.as_slice()].concat());
    assert!(ran.out.contains("C  protocol=consumer"), "{}", ran.out);
    for row in [" duplicate rate", " longest handover", " read unavailability"] {
        assert!(ran.out.lines().any(|line| line.starts_with(row)), "{row}: {}", ran.out);
    }
    let told = "session.timeout.ms 6000 is the brokers' group.consumer.session.timeout.ms";
    assert_eq!(ran.talk.matches(told).count(), 1, "{}", ran.talk);
}

/// F23, R17.46: Kafka 4.0 and 4.1 let `poll` wait for the commit.
#[test]
fn whether_an_interval_commit_passes_work_depends_on_the_line_of_kafka() {
    let file = "scenarios/footguns/consumer-protocol-auto-commit.json";
    let skipped = |kafka: &str| {
        let line = format!("kafka={kafka}");
        let report = json(&root(), &["run", file, "--seeds", "0..12", "--set", &line]);
        report["scenarios"][0]["groups"][0]["skipped"].as_u64().expect("a count")
    };
    assert_eq!((skipped("4.0"), skipped("4.1")), (0, 0));
    assert!(skipped("4.2") > 0 && skipped("4.4") > 0);
}

/// The schedules that `explain` saved of `file`, and what it said.
fn saved(directory: &Path, file: &str, more: &[&str]) -> (Vec<PathBuf>, String) {
    let file = root().join(file);
    let asked = ["explain", file.to_str().expect("UTF-8"), "--save-schedules", "shown"];
    let ran = run(directory, &[&asked, more].concat());
    let files = std::fs::read_dir(directory.join("shown")).expect("made");
    (files.map(|file| file.expect("readable").path()).collect(), ran.talk)
}

#[test]
fn a_schedule_that_explain_saved_shows_it_again() {
    let directory = directory();
    let path = directory.path();
    let acks_zero = "scenarios/footguns/acks-zero.json";
    let (files, talk) = saved(path, acks_zero, &["--seeds", "0..4"]);
    assert!(talk.contains(": shown/acks-zero-") && !talk.contains("inconclusive"), "{talk}");
    let mut idle = 0;
    for file in &files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let again = run(path, &["replay", file.to_str().unwrap()]);
        assert_eq!(again.status, 0, "{name}: {again:?}");
        let cause = name.strip_prefix("acks-zero-").unwrap().rsplit_once("-seed-").unwrap().0;
        assert!(again.out.contains(&format!(" ({cause})")), "{name}: {again:?}");
        idle += usize::from(std::fs::read_to_string(file).unwrap().contains("found nobody to hit"));
    }
    assert!(files.len() > 2 && idle > 0, "{idle} of {files:?} had faults that hit nobody");
}

#[test]
fn a_violation_that_explain_saved_is_one_again() {
    let directory = directory();
    let sets = ["--example", "0", "--set", "variants=[\"hw-ignores-followers\"]"];
    let (files, _) = saved(directory.path(), "scenarios/basics/chaos.json", &sets);
    let is_loss = |file: &&PathBuf| file.to_str().unwrap().contains("-acked-durability-");
    let lost = files.iter().find(is_loss).expect("a loss");
    let again = run(directory.path(), &["replay", lost.to_str().unwrap()]);
    assert_eq!(again.status, 1, "{again:?}");
    assert!(again.out.contains("acked-durability is violated"), "{again:?}");
}

/// Its faults are not those of the scenario, and neither is the time that recovery from them takes.
#[test]
fn explain_gives_its_own_faults_time_to_be_recovered_from() {
    let file = "scenarios/regressions/stale-leader-appends.json";
    assert!(read(file).contains("\"settle\": \"1s\""), "the shortest one stays in the test");
    let ran = run(&root(), &["explain", file]);
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn explain_says_why_something_is_worse_than_promised() {
    let broken = ["--set", "variants=[\"hw-ignores-followers\"]", "--seeds", "0..2"];
    let ran = run(&root(), &[&["explain", "scenarios/basics/chaos.json"], &broken[..]].concat());
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.out.contains("worse than promised: acked-durability is violated by"), "{ran:?}");
    for told in [" by replication in ", " was acknowledged at ", " elected without it "] {
        assert!(ran.out.contains(told), "{told}: {ran:?}");
    }
}

#[test]
fn a_comparison_of_nothing_is_refused() {
    let root = root();
    for (arguments, why) in [
        (vec![ACKS_ONE], "nothing to compare"),
        (vec![ACKS_ONE, "--set", "acks=1"], "nothing to compare"),
        (vec![ACKS_ONE, "--vary", "acks=1,"], "empty value"),
        (vec![ACKS_ONE, "--vary", "aks=1,all"], "aks"),
        (vec![ACKS_ONE, "--set", "min.insync.replicas=1", "--set", "acks=1"], "several places"),
    ] {
        let ran = run(&root, &[&["compare"], arguments.as_slice()].concat());
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.talk.contains(why) && ran.out.is_empty(), "{}", ran.talk);
    }
}

#[test]
fn a_comparison_says_each_warning_once_and_no_share_as_a_part_of_a_share() {
    let sets = ["--vary", "acks=1,0", "--vary", "rate=20/s,40/s", "--seeds", "1"];
    let file = "scenarios/basics/no-faults.json";
    let ran = run(&root(), &[&["compare", file], &sets[..]].concat());
    assert_eq!(ran.talk.matches("--set:1:6 (").count(), 2, "one for each value: {}", ran.talk);
    assert!(ran.out.contains("an interval takes 3 seeds at least"), "{}", ran.out);
    let arms = ["--set", "acks=1", "--set", "acks=all", "--seeds", "3"];
    let pair = run(&root(), &[&["compare", ACKS_ONE], &arms[..]].concat()).out;
    let line = pair.lines().find(|line| line.starts_with(" unavailability")).expect("a row");
    assert!(line.ends_with(" pp") && pair.contains("pp: percentage points"), "{pair}");
}

#[test]
fn a_range_without_a_seed_is_told_alike_by_every_command() {
    let real = "scenarios/real/no-faults.json";
    let history = "tests/histories/real/no-faults.jsonl.gz";
    for arguments in [
        vec!["run", ACKS_ONE],
        vec!["replay", "scenarios/regressions/no-deduplication.json"],
        vec!["explain", ACKS_ONE],
        vec!["compare", ACKS_ONE, "--vary", "acks=1,all"],
        vec!["validate", real, "--history", history],
    ] {
        let none = run(&root(), &[arguments.as_slice(), &["--seeds", "5..5"]].concat());
        assert_eq!(none.status, 4, "{arguments:?}: {none:?}");
        let told = "nothing to run: 5..5 holds no seed; the last is excluded\n";
        assert_eq!((none.talk.as_str(), none.out.as_str()), (told, ""), "{arguments:?}");
    }
}

/// The commit before a revocation fails, and is to be made anew of the positions of that moment. While all of them are
/// being validated there are none: the commit is done, and the member goes on committing.
#[test]
fn a_commit_before_a_revocation_ends_where_nothing_is_left_to_commit() {
    let sets = ["--set", "protocol=consumer", "--set", "groups.ledger.commit=auto"];
    for seed in ["457", "592", "650"] {
        let words = [&["run", "scenarios/basics/chaos.json", "--seed", seed], &sets[..]].concat();
        assert_eq!(run(&root(), &words).status, 0, "seed {seed}");
    }
}
