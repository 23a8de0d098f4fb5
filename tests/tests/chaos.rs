//! The profiles of random faults: every moment that they aim at comes, and the cluster is up most of the time.

use crate::support::{ackproof, assert_none, parallel};
use serde_json::Value;

const PROFILES: [&str; 15] = [
    "light",
    "chained",
    "bursts",
    "rolling",
    "elections",
    "power",
    "power-by-default",
    "storage",
    "administration",
    "deletion",
    "upgrade",
    "clocks",
    "late-metadata",
    "in-sync-changes",
    "votes",
];
const SEEDS: &str = "0..40";

fn sweep(profile: &str) -> Value {
    let file = format!("scenarios/chaos/{profile}.json");
    let output = ackproof(&["run", &file, "--seeds", SEEDS, "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(output.status.code(), Some(0), "{profile}: {report:#}");
    report
}

#[test]
fn profiles_leave_the_cluster_up_and_strike_at_every_moment_they_aim_at() {
    let findings = parallel(&PROFILES, |profile| {
        let report = &sweep(profile)["scenarios"][0];
        let mut found = Vec::new();
        let witnesses = report["witnesses"].as_object().expect("counts by name");
        let aimed = witnesses.iter().filter(|(name, _)| name.starts_with("fault_at_"));
        for (name, count) in aimed.clone() {
            if count["total"].as_u64() == Some(0) {
                found.push(format!("{profile}: {name} is 0"));
            }
        }
        if aimed.count() < 2 {
            found.push(format!("{profile} aims at nothing"));
        }
        let measures = report["measures"].as_array().expect("measures");
        let unavailability = measures.iter().find(|one| one["name"] == "unavailability");
        let mean = unavailability.and_then(|one| one["estimates"][0]["value"].as_f64());
        match mean {
            Some(share) if share <= 0.3 => {}
            other => found.push(format!("{profile}: writes are unavailable {other:?} of the time")),
        }
        found
    });
    assert_none(&findings.into_iter().flatten().collect::<Vec<_>>());
}

/// What a loss of power takes is told as that; nothing is a broken rule, and nothing is left without a cause.
#[test]
fn what_is_lost_with_power_is_told_as_that() {
    let report = &sweep("power-by-default")["scenarios"][0];
    let causes = report["causes"].as_array().expect("causes");
    let is_loss = |one: &&Value| one["what"] == "lost" || one["what"] == "lost-commit";
    let lost: Vec<&Value> = causes.iter().filter(is_loss).collect();
    assert!(!lost.is_empty(), "{report:#}");
    let allowed = ["power-loss", "last-in-sync-replica"];
    let other = |one: &&&Value| !allowed.iter().any(|cause| one["cause"] == **cause);
    assert_eq!(lost.iter().find(other), None);
}

/// Clocks that are wrong by less than a topic keeps delete nothing; wrong by more, they do.
#[test]
fn clocks_delete_only_what_they_make_older_than_retention() {
    let keep = |topic: &str| format!("topics.{topic}.config.retention.ms=3600000");
    let (payments, events) = (keep("payments"), keep("events"));
    let file = "scenarios/chaos/clocks.json";
    let args =
        ["run", file, "--seeds", "0..24", "--format", "json", "--set", &payments, "--set", &events];
    let output = ackproof(&args);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let causes = report["scenarios"][0]["causes"].as_array().expect("causes").clone();
    let skipped: Vec<&Value> = causes.iter().filter(|one| one["what"] == "skipped").collect();
    assert!(!skipped.is_empty(), "{report:#}");
    assert!(skipped.iter().all(|one| one["cause"] == "retention"), "{skipped:#?}");
}
