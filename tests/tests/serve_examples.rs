//! The examples that people copy do what they say: a service with a bug fails with its cause, and passes without it.

use crate::support::{binary, root};
use serde_json::{Value, json};
use std::process::Command;

/// The pytest of the Python example, with this service; its status, what it said, and its report.
fn pytest(service: &str) -> (Option<i32>, String, Value) {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| place.path().join(name).display().to_string();
    let python = root().join("target/clients/bin/python").display().to_string();
    let output = Command::new(binary())
        .current_dir(root().join("tests/examples/python"))
        .env("LEDGER", service)
        .args(["serve", "payments.json", "--control", "--processed", &at("processed.jsonl")])
        .args(["--json", &at("report.json"), "--for", "300s", "--"])
        .args([&python, "-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .output()
        .expect("it runs");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let report = std::fs::read_to_string(at("report.json"));
    let report = report.unwrap_or_else(|error| panic!("{error}: {said}"));
    (output.status.code(), said, serde_json::from_str(&report).expect("JSON"))
}

fn property<'r>(report: &'r Value, name: &str) -> &'r Value {
    let all = report["properties"].as_array().expect("properties");
    all.iter().find(|one| one["name"] == name).expect("it is there")
}

/// The bug is found by the test and explained by the report; without it both are content.
#[test]
#[ignore = "needs `tests/clients/setup`"]
fn the_python_service_loses_payments_until_it_is_mended() {
    let (status, said, report) = pytest("ledger");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("payments are in no ledger"), "{said}");
    for broken in ["at-least-once", "commit-behind-processing"] {
        assert_eq!(property(&report, broken)["verdict"], json!("violated"), "{broken}: {said}");
    }
    assert_eq!(report["records"]["lost"], json!(0), "{said}");

    let (status, said, report) = pytest("ledger_fixed");
    assert_eq!((status, &report["verdict"]), (Some(0), &json!("met")), "{said}");
    assert_eq!(property(&report, "commit-behind-processing")["verdict"], json!("held"), "{said}");
    assert_eq!(report["groups"][0]["distinct"], json!(300), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}
