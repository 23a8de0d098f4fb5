//! The profiles of random faults: every moment that they aim at comes, and the cluster is up most of the time.

use crate::support::{ackproof, assert_none, parallel};
use serde_json::Value;

const PROFILES: [&str; 4] = ["light", "chained", "bursts", "rolling"];
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
