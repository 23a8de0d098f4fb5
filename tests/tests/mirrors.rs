//! Replication between two clusters, as a user runs it: what happens to every acknowledged record across a cut, a
//! crash of the mirror and a fail-over, and what is told of it.

use super::cli_reports::json;
use super::support::{ackproof, load, outcome, parallel, root};
use ackproof_oracle::cause::{DuplicateCause, LossCause};
use std::collections::BTreeSet;

const USE_CASE: &str = "scenarios/use-cases/replication-between-clusters.json";
const WITHOUT_SYNC: &str = "scenarios/footguns/fail-over-without-sync.json";

fn told(arguments: &[&str]) -> (Option<i32>, String) {
    let output = ackproof(arguments);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn nothing_is_skipped_in_a_hundred_seeds() {
    let (status, text) = told(&["run", USE_CASE, "--seeds", "0..100"]);
    assert_eq!(status, Some(0), "{text}");
}

#[test]
fn repetitions_are_told_by_what_the_mirror_and_the_fail_over_did() {
    let seeds: Vec<u64> = (0..8).collect();
    let found = parallel(&seeds, |seed| {
        let findings = outcome(&load(USE_CASE, &[]), *seed).findings;
        let causes = |name: &str| -> BTreeSet<DuplicateCause> {
            let group = findings.groups.iter().find(|group| group.group == name);
            group.expect("a group").duplicate_causes.keys().copied().collect()
        };
        let moved = findings.groups[0].moved.clone().expect("it went over");
        assert_eq!((moved.to.as_str(), moved.never_copied), ("backup-ledger", 0), "seed {seed}");
        (causes("mirror"), causes("backup-ledger"), moved.not_copied)
    });
    for (mirror, there, _) in &found {
        assert!(mirror.is_subset(&[DuplicateCause::MirrorRestart].into()), "{mirror:?}");
        let legal = [DuplicateCause::MirrorRestart, DuplicateCause::TranslationLag];
        let known: BTreeSet<DuplicateCause> = legal.into();
        assert!(there.contains(&DuplicateCause::TranslationLag), "{there:?}");
        assert!(there.is_subset(&known), "{there:?}");
    }
    assert!(found.iter().any(|(mirror, ..)| !mirror.is_empty()), "a mirror copied again");
    assert!(found.iter().any(|(.., left)| *left > 0), "something was not copied in time");
}

#[test]
fn a_report_says_what_was_left_behind_and_a_life_goes_through_both_clusters() {
    let (status, text) = told(&["run", USE_CASE, "--seed", "3"]);
    assert_eq!(status, Some(0), "{text}");
    for words in ["ledger went on as backup-ledger at 65.000s", "(translation-lag)"] {
        assert!(text.contains(words), "{words:?} in\n{text}");
    }
    let report = json(&root(), &["run", USE_CASE, "--seed", "3"]);
    let moved = &report["groups"][0]["moved"];
    assert_eq!((&moved["to"], &moved["at_ms"]), (&"backup-ledger".into(), &65_000.into()));
    let (status, life) = told(&["explain", USE_CASE, "--seed", "3", "--record", "billing-0#3600"]);
    assert_eq!(status, Some(0), "{life}");
    for words in ["copies it as mirror-0.results#", "ends here, and goes on as backup-ledger"] {
        assert!(life.contains(words), "{words:?} in\n{life}");
    }
    // The original tells how its copy ended, and the copy what became of the original.
    let report =
        |record: &str| json(&root(), &["explain", USE_CASE, "--seed", "3", "--record", record]);
    let outcomes = |of: &serde_json::Value| -> Vec<String> {
        let all = of["outcome"].as_array().expect("a list").iter();
        all.map(|one| one.as_str().expect("a sentence").to_owned()).collect()
    };
    let original = outcomes(&report("billing-0#3600"));
    let copy = original.iter().find_map(|one| one.strip_prefix("the copy, ")?.split(':').next());
    let copy = copy.unwrap_or_else(|| panic!("no copy in {original:?}"));
    let told = outcomes(&report(copy));
    let words = "the original, billing-0#3600: acknowledged";
    assert!(told.iter().any(|one| one.starts_with(words)), "{told:?}");
    assert_eq!(told.first().map(|one| one.starts_with("acknowledged")), Some(true), "{told:?}");
    let sent = json(&root(), &["run", USE_CASE, "--seed", "3"])["records"].clone();
    assert!(sent["copies"].as_u64() > Some(0) && sent["copies"].as_u64() < sent["sent"].as_u64());
}

#[test]
fn without_translated_offsets_a_fail_over_skips_and_a_contract_says_so() {
    let (status, text) = told(&["explain", WITHOUT_SYNC]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("mirrors.mirror.config.sync.group.offsets.enabled=false"), "{text}");
    let held = ["--set", "expect.at-least-once=held"];
    let (status, text) = told(&[&["run", WITHOUT_SYNC, "--seed", "0"], &held[..]].concat());
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("fail-over-reset-latest"), "{text}");
    let cured = ["--set", "mirrors.mirror.config.sync.group.offsets.enabled=true"];
    let (status, text) = told(&[&["run", WITHOUT_SYNC, "--seed", "0"], &held[..], &cured].concat());
    assert_eq!(status, Some(0), "{text}");
}

/// R20.1: a mirror that is cut off for longer than the source keeps its records goes on where they begin now.
#[test]
fn a_mirror_that_retention_overtakes_goes_on_where_the_log_begins() {
    const SHORT: &[(&str, &str)] = &[
        ("topics.payments.config.segment.ms", "2000"),
        ("topics.payments.config.retention.ms", "6000"),
        ("cluster.config.log.retention.check.interval.ms", "1000"),
        ("cluster.config.log.initial.task.delay.ms", "1000"),
    ];
    let findings = outcome(&load(USE_CASE, SHORT), 3).findings;
    let mirror = findings.groups.iter().find(|group| group.group == "mirror").expect("a mirror");
    let lost = mirror.skip_causes.get(&LossCause::Retention).copied().unwrap_or(0);
    assert_eq!(mirror.skipped, lost, "{:?}", mirror.skip_causes);
    assert!(lost > 0 && mirror.processed > lost, "{lost} of {}", mirror.processed);
}
