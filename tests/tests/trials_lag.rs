//! Inputs that once got a wrong verdict, each with the right one. The scenarios are in `data/trials`.

use crate::support::{load, outcome, parallel};
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
