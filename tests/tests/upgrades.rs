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
