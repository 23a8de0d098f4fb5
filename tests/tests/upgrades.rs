//! What an upgrade of a running cluster changes, and what only finalized features change.

use crate::support::{outcome, read};
use ackproof_oracle::verdict::Judgement;

const UPGRADE: &str = "scenarios/basics/rolling-upgrade.json";

/// Acknowledged records that are lost by some of the first seeds.
fn lost(text: &str) -> u64 {
    let (plan, _) = ackproof::world::document::load(text, UPGRADE, &[]).expect("a scenario");
    (0..5).map(|seed| outcome(&plan, seed).findings.records.lost).sum()
}

/// New binaries alone are no protection: what saves the records is the feature.
#[test]
fn the_power_loss_after_an_upgrade_is_harmless_only_once_features_are_finalized() {
    let text = read(UPGRADE);
    assert_eq!(lost(&text), 0);
    let step = r#"{ "at": "130s", "update-features": "4.4" },"#;
    assert!(text.contains(step), "the scenario finalizes in one step");
    assert!(lost(&text.replace(step, "")) > 0, "4.4 with the levels of 4.0");
    // One broker stays as it was: the controller refuses.
    let brokers = r#""rolling-restart": "brokers", "to": "4.4""#;
    assert!(lost(&text.replace(brokers, r#""rolling-restart": "brokers""#)) > 0);
}

/// A weakness of Kafka: who led last is not known of a partition that had no leader before.
#[test]
fn features_finalized_while_a_partition_has_no_leader_may_leave_it_without_one() {
    let text = read("scenarios/basics/features-finalized-while-offline.json");
    let violated = |text: &str| {
        let (plan, _) = ackproof::world::document::load(text, UPGRADE, &[]).expect("a scenario");
        let findings = outcome(&plan, 1).findings;
        let recovers = findings.properties.iter().find(|one| one.name == "recovers");
        recovers.is_some_and(|one| one.judgement == Judgement::Violated)
    };
    assert!(violated(&text));
    // Once it has a leader again, they do no harm.
    assert!(text.contains(r#""at": "55s""#));
    assert!(!violated(&text.replace(r#""at": "55s""#, r#""at": "79s""#)));
}

/// Each cluster is upgraded on its own, a single controller as well. Orders that are refused are on record.
#[test]
fn one_of_two_clusters_is_upgraded_and_a_refusal_is_told() {
    let text = r#"{
        "cluster": {},
        "clusters": { "backup": {} },
        "topics": { "payments": {}, "refunds": { "cluster": "backup" } },
        "producers": { "billing": { "topic": "payments" }, "support": { "topic": "refunds" } },
        "faults": [
            { "at": "3s", "update-features": "4.4" },
            { "at": "5s", "rolling-restart": "controllers of backup", "to": "4.4", "for": "2s" },
            { "at": "20s", "rolling-restart": "brokers of backup", "to": "4.4", "for": "2s" },
            { "at": "161s", "update-features": "4.4", "cluster": "backup" },
            { "at": "162s", "cancel-reassignment": "payments-0" }
        ],
        "run": { "load": "170s", "settle": "60s" }
    }"#;
    let (plan, _) = ackproof::world::document::load(text, "two.json", &[]).expect("a scenario");
    let findings = outcome(&plan, 1).findings;
    let said: Vec<&str> = findings.timeline.iter().map(|one| one.text.as_str()).collect();
    let told = |words: &str| said.iter().filter(|one| one.contains(words)).count();
    assert_eq!(told("controller refused UpdateFeatures: INVALID_UPDATE_VERSION"), 1, "{said:#?}");
    assert_eq!(told("finalized: metadata.version 4.4"), 1, "{said:#?}");
    let none = "controller refused AlterPartitionReassignments: NO_REASSIGNMENT_IN_PROGRESS";
    assert_eq!(told(none), 1, "{said:#?}");
    assert_eq!(findings.records.lost, 0);
    assert!(findings.properties.iter().all(|one| one.judgement != Judgement::Violated));
}
