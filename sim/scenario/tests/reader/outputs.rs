//! What a group sends on, and what of its keys goes together.

use crate::common::{load, scenario};
use ackproof_scenario::plan::Plan;
use ackproof_scenario::write::tree;
use ackproof_types::{Awaits, OnFailure, TopicId};

/// A group that reads `payments` beside the topics `results` and `dead`.
fn of(keys: &str) -> Result<Plan, String> {
    let text = scenario("topics", r#"{ "payments": {}, "results": {}, "dead": {} }"#)
        .replace(r#"{ "instances": 2 }"#, r#"{ "topic": "payments" }"#)
        .replace(r#"{ "members": 2 }"#, &format!("{{ {keys} }}"));
    let said =
        |one: &ackproof_scenario::diagnostic::Diagnostic| format!("{}: {}", one.path, one.message);
    load(&text, &[]).map_err(|found| found.iter().map(said).collect::<Vec<_>>().join("; "))
}

#[test]
fn a_group_sends_on_what_it_says_and_does_not_read_that() {
    let plan = of(r#""produces": { "to": "results", "wait": "never", "on_failure": "stop",
        "config": { "acks": "1", "enable.idempotence": false } }, "dead_letter": { "to": "dead" }"#);
    let plan = plan.expect("a scenario");
    let group = &plan.groups[0];
    assert_eq!(group.topics, [TopicId(1)], "all topics but those that it writes");
    let (made, dead) = (group.produces.as_ref().unwrap(), group.dead_letter.as_ref().unwrap());
    assert_eq!((made.to, made.awaits), (TopicId(2), Awaits::Never));
    assert_eq!(made.sending.on_failure, OnFailure::Stop);
    assert_eq!(made.config.word("acks"), "1");
    assert_eq!((dead.to, dead.awaits), (TopicId(3), Awaits::BeforeCommit));
    assert_eq!(dead.sending.on_failure, OnFailure::Resend);
    // A schedule keeps it.
    let written = &tree(&plan, 1, &[])["groups"]["ledger"];
    assert_eq!(written["topics"], serde_json::json!(["payments"]));
    assert_eq!(written["produces"]["wait"], "never");
    assert_eq!(written["produces"]["config"]["acks"], "1");
    assert_eq!(written["dead_letter"], serde_json::json!({ "to": "dead" }));
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (keys, words) in [
        (r#""produces": {}"#, "needs \"to\": the topic that records are sent to"),
        (r#""produces": { "to": "result" }"#, "unknown topic \"result\""),
        (r#""produces": { "to": "results", "wait": "later" }"#, "unknown time to wait \"later\""),
        (
            r#""topics": ["payments", "results"], "produces": { "to": "results" }"#,
            "ledger would read what it writes, without end",
        ),
        (r#""workers": 2, "produces": { "to": "results" }"#, "threads beside it"),
        (
            r#""sink": { "writes": "with-position" }, "produces": { "to": "results" }"#,
            "passes a record before what the group produced of it is acknowledged",
        ),
        (r#""on_failure": "skip", "dead_letter": { "to": "dead" }"#, "no record is put aside"),
        (
            r#""produces": { "to": "results", "config": { "max.block.ms": 0 } }"#,
            "never comes to an end",
        ),
    ] {
        let said = of(keys).expect_err(keys);
        assert!(said.contains(words), "{said}");
    }
}
