//! Every scenario of the repository loads without a word.

use ackproof_scenario::describe::template;
use ackproof_scenario::json;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_from};
use ackproof_scenario::schema::schema;
use std::fs;
use std::path::{Path, PathBuf};

/// The names as the oracle and the models have them; the program hands in the real ones.
const NAMES: Names<'static> = Names {
    properties: &[
        "acked-durability",
        "at-least-once",
        "commit-behind-processing",
        "no-phantom",
        "stable-reads",
        "log-matching",
        "min-insync-replicas",
        "high-watermark",
        "one-leader-per-epoch",
        "leader-in-isr",
        "commit-durability",
        "idempotent-log",
        "producer-order",
        "group-exclusive",
        "sink-effect",
        "end-to-end",
        "metadata-agreement",
        "recovers",
    ],
    witnesses: &[
        "controller_elected",
        "coordinator_moved",
        "duplicate_batch",
        "epoch_bumped",
        "features_updated",
        "fenced",
        "follower_chosen",
        "isr_expanded",
        "isr_shrunk",
        "leader_elected",
        "log_compacted",
        "log_damaged",
        "log_dir_failed",
        "log_start_moved",
        "not_enough_replicas",
        "offline",
        "partitions_added",
        "position_reset",
        "replicas_changed",
        "process_crashed",
        "process_killed",
        "process_restarted",
        "process_stopped",
        "rebalance",
        "redelivered",
        "retried",
        "snapshot_loaded",
        "tail_lost",
        "topic_altered",
        "topic_created",
        "topic_deleted",
        "truncated",
        "unclean_election",
        "fault_at_append",
        "fault_at_fetch_answer",
        "fault_at_isr_change",
        "fault_at_isr_answer",
        "fault_at_election",
        "fault_at_leadership",
        "fault_at_truncation",
        "fault_at_commit",
        "fault_at_rebalance",
        "fault_at_retry",
        "fault_at_recovery",
        "fault_at_fault",
        "fault_at_in_sync",
        "fault_at_vote",
    ],
    variants: &[
        "trunc-to-hw",
        "no-divergence-check",
        "epoch-start-only-on-append",
        "read-above-hw-race",
        "no-maximal-isr",
        "isr-join-before-epoch-start",
        "isr-join-behind-hw",
        "replica-map-cleared",
        "hw-advance-below-min-isr",
        "hw-not-monotone",
        "min-isr-ignored",
        "hw-ignores-followers",
        "isr-change-without-version",
        "fenced-broker-joins-isr",
        "election-ignores-isr",
        "leader-change-keeps-epoch",
        "no-dedup",
        "bump-on-retry",
        "expired-called-unsent",
        "zombie-commit-accepted",
        "unreleased-granted",
        "commit-ack-before-replication",
        "follower-read-reset",
        "dedup-window-one",
        "bump-epoch-on-ooo",
        "idle-partition-sequence",
        "pid-block-reused",
        "error-treated-as-definite",
        "autocommit-prefetch",
        "fetch-while-revoking",
        "async-commit-on-revoke",
        "reset-on-transient-error",
        "stale-epoch-on-fetch-offsets",
        "paused-rewinds",
        "no-consumer-truncation-check",
        "revoked-batch-still-delivered",
        "gc-active-while-log-offline",
        "offsets-expire-during-rebalance",
        "offsets-expire-after-load",
        "static-member-clone",
        "false-fencing-commit",
        "delete-past-hw",
        "clean-past-hw",
        "compaction-keeps-oldest",
        "mirror-keeps-unacknowledged",
        "mirror-translates-ahead",
        "zombie-controller",
        "vote-not-synced",
        "quorum-by-minority",
        "vote-for-shorter-log",
        "epoch-end-unknown-epoch",
        "missed-epoch-skips-truncation",
        "unfenced-truncation-source",
        "unfenced-hw-advance",
        "truncate-lazily-no-epoch-in-fetch",
        "epoch-cache-survives-noop-truncate",
        "hw-stuck-after-shrink",
        "hw-counts-ineligible-replica",
        "elr-kept-after-unclean-restart",
        "elr-kept-after-regrow",
        "elr-kept-after-new-minimum",
        "reassignment-ends-early",
        "append-after-io-error",
        "snapshot-without-elr",
    ],
};

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

/// Every scenario: its path below `scenarios/` and its text, by path.
fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in fs::read_dir(scenarios()).expect("readable") {
        let folder = folder.expect("readable").path();
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(&folder).expect("readable") {
            let path = file.expect("readable").path();
            if path.extension().is_none_or(|end| end != "json") {
                continue;
            }
            let name = path
                .strip_prefix(scenarios())
                .expect("a path below")
                .to_str()
                .expect("UTF-8")
                .to_owned();
            files.push((name, fs::read_to_string(&path).expect("readable")));
        }
    }
    files.sort();
    files
}

fn load(name: &str, text: &str) -> Plan {
    let beside = scenarios().join(name);
    let reader = |file: &str| {
        let text = fs::read_to_string(beside.with_file_name(file));
        text.map(|text| (file.to_owned(), text)).map_err(|error| error.to_string())
    };
    match load_from(text, (name, &reader), &NAMES, &[]) {
        Ok((plan, warnings)) => {
            assert!(warnings.is_empty(), "{}", shown(&warnings));
            plan
        }
        Err(found) => panic!("{}", shown(&found)),
    }
}

fn shown(found: &[ackproof_scenario::diagnostic::Diagnostic]) -> String {
    found.iter().map(|found| format!("\n{found}\n")).collect()
}

#[test]
fn every_file_loads() {
    let files = files();
    assert!(!files.is_empty(), "there are scenarios");
    for (name, text) in files {
        let plan = load(&name, &text);
        assert!(!plan.about.is_empty(), "{name} says what it shows");
    }
}

/// The schema that stands beside the scenarios is the one the tables make. With `BLESS=1` in the
/// environment it is written instead.
#[test]
fn schema_is_current_and_fits_every_file() {
    let schema = schema(&NAMES);
    let path = scenarios().join("scenario.schema.json");
    let typed = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &typed).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap();
    assert!(stored == typed, "scenario.schema.json is old: run this test with BLESS=1");

    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut texts = files();
    texts.push(("template".to_owned(), template("new one")));
    // Whom a rolling restart can hit, in each of its forms.
    for whom in ["brokers", "members of ledger", "all members of ledger"] {
        let fault = format!(r#"{{ "at": "9s", "rolling-restart": "{whom}", "for": "5s" }}"#);
        let text = template(whom).replace("\"faults\": [", &format!("\"faults\": [{fault}, "));
        assert_eq!(load(whom, &text).faults.len(), 2, "{text}");
        texts.push((whom.to_owned(), text));
    }
    for (name, text) in texts {
        let value = json::parse(&text).unwrap().to_value();
        if let Err(error) = validator.validate(&value) {
            panic!("{name}: {error} at {}", error.instance_path());
        }
    }
}

#[test]
fn the_template_loads() {
    let plan = load("first.json", &template("a \"first\" one"));
    assert_eq!(plan.name, "a \"first\" one", "its name survives quotes");
}
