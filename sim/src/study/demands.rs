//! What a run must show for its faults to mean something, where the scenario does not say it itself.
//!
//! Only what follows from a fault for certain, whatever the seed draws: a demand too many makes a good
//! scenario inconclusive. It knows a plan, and no run.

use ackproof_scenario::plan::{Action, Fault, FaultKind, Order, Plan, Target};
use ackproof_types::TopicId;
use std::collections::BTreeMap;

/// Witnesses with how often each must occur in a run.
#[must_use]
pub(crate) fn demands(plan: &Plan) -> BTreeMap<String, u64> {
    if let Some(stated) = &plan.expect.witness {
        return stated.clone();
    }
    let mut demands = BTreeMap::new();
    for (witness, shows) in SHOWN {
        if plan.faults.iter().any(|fault| always(plan, fault, *shows)) {
            // A group's first join phase is none of a fault's.
            let least = if *witness == "rebalance" { 2 } else { 1 };
            demands.insert((*witness).to_owned(), least);
        }
    }
    demands
}

type Shows = fn(&Plan, &FaultKind) -> bool;

const SHOWN: &[(&str, Shows)] = &[
    ("process_crashed", |_, kind| {
        matches!(kind.action, Action::Crash | Action::PowerLoss | Action::DiskLost)
    }),
    ("process_restarted", |_, kind| {
        let back = matches!(
            kind.action,
            Action::Crash | Action::PowerLoss | Action::DiskLost | Action::Restart | Action::Leave
        );
        back && kind.lasts.is_some() || matches!(kind.action, Action::RollingRestart(_))
    }),
    ("leader_elected", |plan, kind| {
        let ends = matches!(kind.action, Action::Crash | Action::Restart);
        ends && matches!(kind.target, Target::LeaderOf(topic, _) if replicated(plan, topic))
    }),
    ("rebalance", |_, kind| {
        let leaves = kind.action == Action::Leave
            && kind.grace.is_none()
            && matches!(kind.target, Target::Member(..) | Target::AllMembers(_));
        leaves || kind.action == Action::Join
    }),
    ("partitions_added", |_, kind| {
        matches!(kind.action, Action::Administer(Order::AddPartitions(_)))
    }),
    ("topic_created", |_, kind| kind.action == Action::Administer(Order::CreateTopic)),
    ("topic_deleted", |_, kind| kind.action == Action::Administer(Order::DeleteTopic)),
    ("replicas_changed", |_, kind| matches!(kind.action, Action::Administer(Order::Reassign(_)))),
    ("features_updated", |_, kind| {
        matches!(kind.action, Action::Administer(Order::UpdateFeatures(_)))
    }),
    ("topic_altered", |_, kind| matches!(kind.action, Action::Administer(Order::AlterConfig(_)))),
    // Without an end of its own it lasts until this is so.
    ("isr_shrunk", |_, kind| {
        matches!(kind.action, Action::SlowFollower(_)) && kind.lasts.is_none()
    }),
];

/// Whether `fault` shows it whatever is drawn.
fn always(plan: &Plan, fault: &Fault, shows: Shows) -> bool {
    // The moment that it waits for may not come.
    fault.aim.is_none() && fault.choices.iter().all(|(_, kind)| shows(plan, kind))
}

fn replicated(plan: &Plan, topic: TopicId) -> bool {
    plan.topics[topic.index()].replication_factor > 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::test_report::plan;

    fn of(expect: &str, faults: &str) -> Vec<(String, u64)> {
        demands(&plan(expect, faults)).into_iter().collect()
    }

    #[test]
    fn a_fault_demands_what_follows_from_it() {
        for (fault, wanted) in [
            (r#""crash": "broker-1", "for": "3s""#, vec!["process_crashed", "process_restarted"]),
            (r#""crash": "broker-1""#, vec!["process_crashed"]),
            (
                r#""crash": "leader of t-0", "for": "3s""#,
                vec!["leader_elected", "process_crashed", "process_restarted"],
            ),
            (r#""slow-follower": "broker-2", "by": "30s""#, vec!["isr_shrunk"]),
            (r#""join": "g", "for": "3s""#, vec!["rebalance"]),
            (r#""pause": "broker-1", "for": "1s""#, vec![]),
        ] {
            let found = of("", &format!(r#"{{ "at": "5s", {fault} }}"#));
            let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, wanted, "{fault}");
        }
    }

    #[test]
    fn what_only_some_draws_show_is_not_demanded_and_what_is_stated_goes_first() {
        let some =
            r#"{ "at": "5s", "one_of": [{ "crash": "broker-1" }, { "pause": "broker-1" }] }"#;
        assert!(of("", some).is_empty());
        let crash = r#"{ "at": "5s", "crash": "broker-1" }"#;
        assert_eq!(of(r#""witness": { "isr_shrunk": 3 }"#, crash), [("isr_shrunk".to_owned(), 3)]);
        assert!(of(r#""witness": {}"#, crash).is_empty());
    }
}
