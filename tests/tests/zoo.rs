//! `ackproof zoo`: known bugs, through the binary. That all are caught is what `corpus` and `mutants` test.

use crate::support::ackproof;
use serde_json::Value;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_bug_is_told_with_what_shows_it_and_how_soon() {
    let output = ackproof(&["zoo", "hw-stuck-after-shrink", "vote-not-synced"]);
    let told = "ZOO: 2 of 2 known bugs caught
caught: shown by random faults when it is on, and by none of the same seeds when it is off

hw-stuck-after-shrink  the high watermark is not looked at again when the in-sync set has shrunk (KAFKA-13091)
    unknown in scenarios/basics/quiet-topic.json
    on: the first seed shows it (300 s simulated); off: 2 seeds silent

vote-not-synced  a controller votes before its vote is safe on its disk
    metadata-agreement violated in scenarios/chaos/votes.json
    on: the first seed shows it (120 s simulated); off: 5 seeds silent

ackproof zoo hw-stuck-after-shrink vote-not-synced
";
    assert_eq!(text(&output.stdout), told);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_bug_that_is_not_found_fails() {
    // The first seed of the profile does not show it.
    let within = ["zoo", "elr-kept-after-regrow", "--within", "1", "--format", "json"];
    let output = ackproof(&within);
    let report: Value = serde_json::from_str(&text(&output.stdout)).expect("one JSON object");
    let exhibit = &report["bugs"][0]["exhibit"];
    assert_eq!(
        (&exhibit["seeds"], &exhibit["loud"], output.status.code()),
        (&Value::Null, &Value::Null, Some(1))
    );
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let wrong = ackproof(&["zoo", "trunc-hw"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        text(&wrong.stderr).contains("did you mean \"trunc-to-hw\"?"),
        "{}",
        text(&wrong.stderr)
    );
    let nowhere = ackproof(&["zoo", "trunc-to-hw", "--root", "tests/histories"]);
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(text(&nowhere.stderr).contains("or name one with --root"), "{}", text(&nowhere.stderr));
}
