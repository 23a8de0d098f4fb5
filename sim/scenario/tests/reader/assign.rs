//! Members that call `assign()`, with a `group.id` and without one.

use crate::common::{message, plan};
use ackproof_scenario::write::tree;
use ackproof_types::CommitStrategy;

fn of(keys: &str) -> String {
    format!(r#"{{ "ledger": {{ "members": 3, {keys} }} }}"#)
}

#[test]
fn without_a_group_id_all_members_assign_and_nothing_is_committed() {
    let plan = plan("groups", &of(r#""assign": "no-group-id""#));
    let group = &plan.groups[0];
    assert_eq!((group.assigned, group.has_group_id), (3, false));
    assert_eq!(group.commit, CommitStrategy::Never);
    assert!(!group.config.switch("enable.auto.commit"));
    // A schedule keeps it.
    assert_eq!(tree(&plan, 1, &[])["groups"]["ledger"]["assign"], "no-group-id");
}

#[test]
fn what_kafka_refuses_without_a_group_id_is_refused() {
    for (keys, words) in [
        (r#""config": { "group.id": null }"#, "throw InvalidGroupIdException"),
        (r#""config": { "group.id": "" }"#, "throw InvalidGroupIdException"),
        (r#""assign": "fixed", "config": { "group.id": null }"#, "\"assign\": \"no-group-id\""),
        (
            r#""assign": "no-group-id", "commit": "sync-after-batch""#,
            "every commit throws InvalidGroupIdException",
        ),
        (
            r#""assign": "no-group-id", "config": { "enable.auto.commit": true }"#,
            "throws InvalidConfigurationException",
        ),
        (r#""assign": "none""#, "expected \"fixed\" for all members, \"no-group-id\""),
    ] {
        let said = message("groups", &of(keys));
        assert!(said.contains(words), "{said}");
    }
}
