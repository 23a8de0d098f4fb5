//! What administrators do: what a user reads when it is wrong, and that a schedule says it again.

use crate::common::{fault, plan};
use ackproof_scenario::describe::describe;
use ackproof_scenario::plan::{Plan, SettingValue};
use ackproof_scenario::schedule::Schedule;
use ackproof_scenario::write::tree;

fn orders(faults: &str) -> Plan {
    plan("faults", faults)
}

/// The faults of a schedule of the plan, as they are written.
fn written(plan: &Plan) -> serde_json::Value {
    tree(plan, 7, &Schedule::new(plan, 7).faults)["faults"].clone()
}

#[test]
fn settings_of_a_topic_are_altered_by_a_sentence() {
    let cases = [
        (
            r#"{ "at": "5s", "alter-config": "payments" }"#,
            "faults[0].alter-config: which settings? add \"config\": { \"min.insync.replicas\": 1 }",
        ),
        (
            r#"{ "at": "5s", "alter-config": "payments", "config": {} }"#,
            "faults[0].config: nothing is altered; one or more of \"max.message.bytes\", \
             \"min.insync.replicas\", \"retention.bytes\", \"retention.ms\" and \
             \"unclean.leader.election.enable\"",
        ),
        (
            r#"{ "at": "5s", "alter-config": "payments", "config": { "segment.ms": 1000 } }"#,
            "faults[0].config.segment.ms: \"segment.ms\" cannot be altered while the cluster runs here \
             (what can be: max.message.bytes, min.insync.replicas, retention.bytes, retention.ms, \
             unclean.leader.election.enable)",
        ),
        (
            r#"{ "at": "5s", "alter-config": "payments", "config": { "min.insync.replica": 1 } }"#,
            "faults[0].config.min.insync.replica: unknown topic setting \"min.insync.replica\" (did you \
             mean \"min.insync.replicas\"?)",
        ),
        (
            r#"{ "at": "5s", "alter-config": "payments", "config": { "min.insync.replicas": 0 } }"#,
            "faults[0].config.min.insync.replicas: 0 is not within 1 and 2147483647",
        ),
        (
            r#"{ "at": "5s", "alter-config": "payments", "config": { "retention.ms": 5 }, "for": "5s" }"#,
            "faults[0].for: settings stay until they are altered again; this has no \"for\": write another \
             fault",
        ),
        (
            r#"{ "at": "5s", "crash": "broker-1", "config": { "retention.ms": 5 } }"#,
            "faults[0].config: \"config\" goes with \"alter-config\" only",
        ),
    ];
    for (text, said) in cases {
        assert_eq!(fault(text), said, "{text}");
    }
    let lower = r#"{ "at": "5s", "alter-config": "payments", "config":
        { "min.insync.replicas": 1, "unclean.leader.election.enable": true } }"#;
    let plan = orders(&format!("[{lower}]"));
    let kind = &plan.faults[0].choices[0].1;
    assert_eq!(
        describe(kind, &plan, Some("controller"), None),
        "an administrator asked to give payments min.insync.replicas=1, unclean.leader.election.enable=true"
    );
    assert_eq!(
        written(&plan)[0]["config"],
        serde_json::json!({ "min.insync.replicas": 1, "unclean.leader.election.enable": true })
    );
    let loosest = plan.loosened();
    assert_eq!(loosest.topics[1].min_insync_replicas(), 1);
    let key = "unclean.leader.election.enable";
    assert_eq!(loosest.topics[1].config.0[key], SettingValue::Switch(true));
    assert_eq!(plan.topics[1].config.0[key], SettingValue::Switch(false));
}

#[test]
fn a_partition_moves_by_a_sentence() {
    let cases = [
        (
            r#"{ "at": "5s", "reassign": "payments-0" }"#,
            "faults[0].reassign: to which brokers? add \"to\": [\"broker-2\", \"broker-3\"]",
        ),
        (
            r#"{ "at": "5s", "reassign": "payments", "to": ["broker-1"] }"#,
            "faults[0].reassign: \"payments\" is not a partition (write \"payments-0\")",
        ),
        (
            r#"{ "at": "5s", "reassign": "payments-0", "to": [] }"#,
            "faults[0].to: a partition has a replica or more",
        ),
        (
            r#"{ "at": "5s", "reassign": "payments-0", "to": ["broker-1", "broker-1"] }"#,
            "faults[0].to[1]: listed twice",
        ),
        (
            r#"{ "at": "5s", "reassign": "payments-0", "to": ["any broker"] }"#,
            "faults[0].to[0]: a partition moves to brokers by name, like \"broker-2\"",
        ),
        (
            r#"{ "at": "5s", "reassign": "payments-0", "to": ["broker-4"] }"#,
            "faults[0].to[0]: unknown broker \"broker-4\" (there is broker-1 to broker-3)",
        ),
        (
            r#"{ "at": "5s", "reassign": "payments-0", "to": ["broker-1"], "for": "5s" }"#,
            "faults[0].for: replicas stay where they are moved to; this has no \"for\"",
        ),
        (
            r#"{ "at": "5s", "update-features": "5.0" }"#,
            "faults[0].update-features: unknown Kafka version \"5.0\" (known: 4.0, 4.1, 4.2, 4.3, 4.4)",
        ),
        (
            r#"{ "at": "5s", "update-features": { "elr.version": 1 } }"#,
            "faults[0].update-features.elr.version: unknown key \"elr.version\" (did you mean \"group.version\"?)",
        ),
        (
            r#"{ "at": "5s", "rolling-restart": "members of ledger", "to": "4.4" }"#,
            "faults[0].rolling-restart: \"rolling-restart\" hits \"brokers\" or \"controllers\" if they start as \
             another line of Kafka; clients have none",
        ),
        (
            r#"{ "at": "5s", "cancel-reassignment": "payments-0", "to": ["broker-1"] }"#,
            "faults[0].to: \"to\" goes with \"slow\", \"lossy\", \"throttle\", \"add-partitions\", \"reassign\" \
             and \"rolling-restart\" only",
        ),
    ];
    for (text, said) in cases {
        assert_eq!(fault(text), said, "{text}");
    }
    let moved = r#"{ "at": "5s", "reassign": "payments-0", "to": ["broker-3", "broker-1"] }"#;
    let plan =
        orders(&format!(r#"[{moved}, {{ "at": "9s", "cancel-reassignment": "payments-0" }}]"#));
    let said =
        |nth: usize| describe(&plan.faults[nth].choices[0].1, &plan, Some("controller"), None);
    assert_eq!(said(0), "an administrator asked to move payments-0 to broker-3 and broker-1");
    assert_eq!(said(1), "an administrator asked to give up moving payments-0");
    let written = written(&plan);
    assert_eq!(written[0]["to"], serde_json::json!(["broker-3", "broker-1"]));
    assert_eq!(written[1]["cancel-reassignment"], "payments-0");
}
