//! Who may depend on whom, and that versions are pinned. It reads what cargo makes of the manifests,
//! so that renamed and inherited dependencies count as well.

use crate::support::{assert_none, root};
use serde_json::Value;
use std::process::Command;

/// A crate of the workspace with the crates of the workspace that it may use.
struct Room {
    name: &'static str,
    uses: &'static [&'static str],
    /// Crates from outside that it may use; none: any.
    outside: Option<&'static [&'static str]>,
}

/// The import table of ARCHITECTURE.md.
const ROOMS: &[Room] = &[
    Room { name: "ackproof-types", uses: &[], outside: Some(&[]) },
    Room { name: "ackproof-kafka", uses: &["ackproof-types"], outside: Some(&["proptest"]) },
    Room {
        name: "ackproof-oracle",
        uses: &["ackproof-types"],
        // The last two only in tests; schemars and strsim for the public format of histories.
        outside: Some(&["serde", "serde_json", "schemars", "strsim", "proptest", "jsonschema"]),
    },
    Room { name: "ackproof-scenario", uses: &["ackproof-types"], outside: None },
    Room { name: "ackproof-wire", uses: &["ackproof-types", "ackproof-kafka"], outside: None },
    Room { name: "ackproof-reports", uses: &["ackproof-types", "ackproof-oracle"], outside: None },
    Room {
        name: "ackproof",
        uses: &[
            "ackproof-types",
            "ackproof-kafka",
            "ackproof-oracle",
            "ackproof-scenario",
            "ackproof-wire",
            "ackproof-reports",
        ],
        outside: None,
    },
    Room {
        name: "ackproof-tests",
        uses: &[
            "ackproof-types",
            "ackproof-kafka",
            "ackproof-oracle",
            "ackproof-scenario",
            "ackproof-reports",
            "ackproof",
        ],
        outside: None,
    },
    Room {
        name: "ackproof-real",
        uses: &["ackproof-types", "ackproof-oracle", "ackproof-scenario", "ackproof"],
        outside: None,
    },
];

/// What every crate but the simulator and its tests must do without, in tests too: they must work
/// where nothing is simulated.
const SIMULATORS: &[&str] = &["madsim", "turmoil", "tokio"];

/// Findings in the output of `cargo metadata --no-deps`.
fn check(metadata: &Value) -> Vec<String> {
    let mut findings = Vec::new();
    for package in list(&metadata["packages"]) {
        let (name, path) = (text(&package["name"]), text(&package["manifest_path"]));
        let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
            findings.push(format!("{path}: {name} has no row in the import table; add one"));
            continue;
        };
        for dependency in list(&package["dependencies"]) {
            check_dependency(path, room, dependency, &mut findings);
        }
    }
    findings
}

fn check_dependency(path: &str, room: &Room, dependency: &Value, findings: &mut Vec<String>) {
    let (name, wanted) = (text(&dependency["name"]), text(&dependency["req"]));
    let is_ours = dependency["path"].is_string();
    let simulates = SIMULATORS.contains(&name);
    let mut note = |what: &str| findings.push(format!("{path}: {name}: {what}"));
    if is_ours && !room.uses.contains(&name) {
        note("the import table forbids it; move what is shared into ackproof-types");
    }
    if !is_ours && room.outside.is_some_and(|outside| !outside.contains(&name)) {
        note("a model does without it; if it must not, give the reason in the import table");
    }
    if simulates && !matches!(room.name, "ackproof" | "ackproof-tests") {
        note("only the simulator knows a simulator; move the code to sim");
    }
    if !is_ours && !wanted.starts_with('=') {
        note(&format!("the version {wanted} floats; pin it with ="));
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn the_workspace_keeps_the_import_table_and_pins_versions() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    assert_eq!(list(&metadata["packages"]).len(), ROOMS.len(), "every room is looked at");
    assert_none(&check(&metadata));
}

#[test]
fn a_bad_dependency_is_found() {
    let metadata = |name: &str, dependency: Value| {
        let package = serde_json::json!({
            "name": name, "manifest_path": "x/Cargo.toml", "dependencies": [dependency],
        });
        check(&serde_json::json!({ "packages": [package] }))
    };
    let ours = |name: &str| serde_json::json!({ "name": name, "req": "*", "path": "/x" });
    let theirs = |name: &str, wanted: &str| serde_json::json!({ "name": name, "req": wanted, "kind": "dev" });
    let bad = [
        metadata("ackproof-kafka", ours("ackproof")),
        metadata("ackproof-oracle", ours("ackproof-kafka")),
        metadata("ackproof-scenario", ours("ackproof-oracle")),
        metadata("ackproof-kafka", theirs("serde", "=1.0.0")),
        metadata("ackproof-scenario", theirs("madsim", "=0.2.34")),
        metadata("ackproof", theirs("clap", "^4")),
        metadata("ackproof-extra", ours("ackproof-types")),
    ];
    for findings in bad {
        assert_eq!(findings.len(), 1, "{findings:?}");
    }
    assert_none(&metadata("ackproof-oracle", ours("ackproof-types")));
    assert_none(&metadata("ackproof", theirs("clap", "=4.6.9")));
}
