//! Inputs that once got a wrong verdict, each with the right one. The scenarios are in `data/trials`.

use crate::cli_reports::json;
use crate::support::{load, outcome, parallel, root};
use ackproof_oracle::verdict::{Findings, Judgement, PropertyResult};

fn property<'a>(findings: &'a Findings, name: &str) -> &'a PropertyResult {
    findings.properties.iter().find(|one| one.name == name).expect("the property is registered")
}

fn trial(name: &str, seed: u64) -> Findings {
    outcome(&load(&format!("tests/tests/data/trials/{name}.json"), &[]), seed).findings
}

// Groups: commits, lag and backlog.

/// Seeds in which an answer was heard after later commits.
#[test]
fn the_late_answer_of_a_commit_is_no_new_commit() {
    let judgements = parallel(&[2, 6, 8, 0, 1], |seed| {
        property(&trial("late-commit-answer", *seed), "commit-durability").judgement
    });
    assert_eq!(judgements, [Judgement::Held; 5]);
}

#[test]
fn a_log_that_was_cut_and_not_written_again_leaves_no_lag() {
    let findings = trial("recovers-after-truncation", 0);
    let recovers = property(&findings, "recovers");
    assert_eq!(recovers.judgement, Judgement::Held, "{:?}", recovers.violations);
    assert_eq!((findings.groups[0].backlog, findings.groups[0].skipped), (0, 0));
}

#[test]
fn what_is_processed_and_never_committed_is_lag() {
    let recovers = trial("blocking-retries", 0);
    let recovers = property(&recovers, "recovers");
    assert_eq!(recovers.judgement, Judgement::Violated);
    let first = &recovers.violations[0].summary;
    assert!(first.contains("records behind in in-0") && first.contains("committed 0"), "{first}");
}

#[test]
fn a_group_that_comes_no_further_is_behind_and_has_lost_nothing() {
    let findings = trial("deploy-rebalance-loop", 0);
    let recovers = property(&findings, "recovers");
    assert_eq!(recovers.judgement, Judgement::Violated);
    assert!(recovers.violations[0].summary.contains("is not catching up"));
    let delivery = property(&findings, "at-least-once");
    assert_eq!((delivery.judgement, delivery.violation_count), (Judgement::Vacuous, 0));
    assert!(delivery.undecided.is_some(), "it says why");
    assert_eq!(findings.groups[0].skipped, 0);
    assert!(findings.groups[0].backlog > 10_000, "{:?}", findings.groups[0]);
}

#[test]
fn a_stall_names_the_setting_that_made_it() {
    let file = "tests/tests/data/trials/offsets-topic-one-replica.json";
    let because = "offsets.topic.replication.factor=1: __consumer_offsets-41 had no leader";
    let one = json(&root(), &["run", file, "--seed", "0"]);
    assert_eq!(one["verdict"], "violated", "{one:#}");
    assert!(one["reasons"].to_string().contains(because), "{}", one["reasons"]);
    let told = &one["timing"]["groups"][0]["reads_because"];
    assert_eq!(told["cause"], "no-leader", "{told}");
    let sweep = json(&root(), &["run", file, "--seeds", "0..4"]);
    let reasons = sweep["scenarios"][0]["reasons"].to_string();
    assert!(reasons.contains("in 4 of 4 seeds") && reasons.contains(because), "{reasons}");
    let thrashing = "tests/tests/data/trials/isr-thrashing.json";
    let writes = &json(&root(), &["run", thrashing, "--seed", "0"])["timing"]["writes_because"];
    let about = writes["about"].as_str().expect("it is told");
    assert!(about.contains("min.insync.replicas=2 with replication.factor=2"), "{about}");
    let quiet = json(&root(), &["run", "scenarios/basics/no-faults.json", "--seed", "0"]);
    assert_eq!(quiet["timing"].get("writes_because"), None);
    assert_eq!(quiet["timing"]["groups"][0].get("reads_because"), None);
}

#[test]
fn the_start_of_a_group_is_not_measured() {
    let quiet = json(&root(), &["run", "scenarios/basics/no-faults.json", "--seed", "0"]);
    let group = &quiet["timing"]["groups"][0];
    assert!(group["from_ms"].as_u64() > Some(6000), "{group}");
    assert!(group["end_to_end"]["p99_ms"].as_f64() < Some(1000.0), "{group}");
    assert!(group["reads"]["longest_ms"].as_f64() < Some(1000.0), "{group}");
    // A group that never forms is measured from the start.
    let none =
        json(&root(), &["run", "tests/tests/data/trials/one-broker-defaults.json", "--seed", "0"]);
    let group = &none["timing"]["groups"][0];
    assert_eq!(group.get("from_ms"), None, "{group}");
    assert!(group["reads"]["longest_ms"].as_f64() > Some(50_000.0), "{group}");
}
