//! A saved schedule is the run it came from, to the bit; it says everything in words that a person can
//! edit, and what it cannot do it says.

use crate::cli::run as run_binary;
use crate::support::root;
use crate::support::{assert_none, load, outcome, parallel, scenarios};
use ackproof::study::saved::save;
use ackproof::world::{document, run};
use ackproof_scenario::plan::{Action, Plan, Target};
use ackproof_scenario::schedule::{ScheduledFault, Start};
use ackproof_scenario::write;
use std::collections::{BTreeMap, BTreeSet};

/// Everything of a plan that a schedule repeats rather than decides.
fn repeated(plan: &Plan) -> String {
    let mut expect = plan.expect.clone();
    expect.lines.clear();
    let configs: Vec<_> = plan.producers.iter().map(|one| (&one.config, one.start)).collect();
    format!(
        "{:#?}",
        (
            (&plan.name, &plan.about, &plan.clusters, &plan.topics),
            (configs, &plan.groups, plan.load, plan.settle, expect, &plan.variants),
            (plan.network.latency, &plan.faults.is_empty()),
        )
    )
}

#[test]
fn expectations_and_settings_survive() {
    let sets = [
        ("expect.duplicate_rate", r#"{ "max": 0.05 }"#),
        (
            "expect.ack_latency",
            r#"{ "p99": { "max": "1.5s" }, "mean": { "min": "1ms", "max": "2s" } }"#,
        ),
        ("expect.skipped", r#"{ "min": 0, "max": 7 }"#),
        ("expect.acked-durability", "may-violate"),
        ("cluster.config.min.insync.replicas", "2"),
        ("topics.payments.config", r#"{ "min.insync.replicas": 1 }"#),
        (
            "producers.billing.config",
            r#"{ "acks": "1", "enable.idempotence": false, "linger.ms": 0 }"#,
        ),
        ("groups.ledger.commit", "auto"),
        ("groups.ledger.failures", "0.1%"),
    ];
    let plan = load("scenarios/basics/chaos.json", &sets);
    let again = reload(&save(&plan, &outcome(&plan, 1), "a command").expect("no panic"));
    assert_eq!(repeated(&again), repeated(&plan));
    let other = load("scenarios/basics/chaos.json", &sets[..8]);
    assert_ne!(repeated(&other), repeated(&plan), "it can fail");
}

/// What each regression failed of, and what made it do so: a bug of the models, or a line of Kafka that has one.
const REGRESSIONS: &[(&str, &str, &str)] = &[
    (
        "high-watermark-ignores-followers",
        r#"variants=["hw-ignores-followers"]"#,
        "acked-durability",
    ),
    ("last-leader-elected-dead", "kafka=4.0", "recovers"),
    ("no-deduplication", r#"variants=["no-dedup"]"#, "idempotent-log"),
    ("no-divergence-check", r#"variants=["no-divergence-check"]"#, "log-matching"),
    ("stale-leader-appends", r#"variants=["no-divergence-check"]"#, "log-matching"),
];

#[test]
fn a_regression_fails_again_with_the_bug_it_once_showed() {
    let directory = root();
    let files: Vec<String> =
        scenarios().into_iter().filter(|file| file.starts_with("scenarios/regressions/")).collect();
    assert_eq!(files.len(), REGRESSIONS.len(), "each has its bug: {files:?}");
    for (name, set, property) in REGRESSIONS {
        let file = format!("scenarios/regressions/{name}.json");
        let broken = run_binary(&directory, &["replay", &file, "--set", set]);
        assert_eq!(broken.status, 1, "{broken:?}");
        assert!(broken.out.contains(&format!("because {property} is violated")), "{broken:?}");
        let sound = run_binary(&directory, &["replay", &file]);
        assert_eq!(sound.status, 0, "{sound:?}");
    }
}

#[test]
fn among_others_a_schedule_comes_first_and_once_with_its_own_seed() {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = |from: &str, to: &str| {
        let to = folder.path().join(to);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        std::fs::copy(root().join(from), to).expect("copied");
    };
    copy("scenarios/basics/no-faults.json", "a/no-faults.json");
    copy("scenarios/regressions/no-deduplication.json", "regressions/x.json");
    let all = ["run", ".", "--seeds", "5..8", "--format", "json"];
    let ran = run_binary(folder.path(), &all);
    let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let seeds = |index: usize| {
        let seeds = &report["scenarios"][index]["seeds"];
        (seeds["from"].as_u64(), seeds["to"].as_u64(), seeds["run"].as_u64())
    };
    assert_eq!(report["scenarios"][0]["scenario"], "no deduplication", "{ran:?}");
    assert_eq!(seeds(0), (Some(0), Some(1), Some(1)), "once, with its own");
    assert_eq!(seeds(1), (Some(5), Some(8), Some(3)));
    assert_eq!((ran.status, &report["verdict"]), (0, &"met".into()));
    let alone = ["replay", "regressions/x.json", "--seeds", "5..8", "--format", "json"];
    let alone = run_binary(folder.path(), &alone);
    let report: serde_json::Value = serde_json::from_str(&alone.out).expect("JSON");
    assert_eq!(report["scenarios"][0]["seeds"]["run"], 3, "under other latencies");
}

#[test]
fn the_command_that_repeats_a_folder_has_the_seeds_that_were_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    for (from, to) in [
        ("scenarios/basics/no-faults.json", "no-faults.json"),
        ("scenarios/regressions/stale-leader-appends.json", "of-seed-119440.json"),
    ] {
        std::fs::copy(root().join(from), folder.path().join(to)).expect("copied");
    }
    let ran = run_binary(folder.path(), &["run", ".", "--seeds", "0..2", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(report["reproduce"], "ackproof run . --seeds 0..2", "{ran:?}");
}

/// Whom each fault hits, by seed.
fn hit(plan: &Plan, seeds: &[u64]) -> Vec<Vec<String>> {
    parallel(seeds, |seed| {
        let faults = outcome(plan, *seed).schedule;
        faults.iter().map(|fault| format!("{:?}", fault.kind.target)).collect()
    })
}

#[test]
fn seeds_and_faults_differ_in_whom_they_draw() {
    let plan = reload(
        r#"{
  "topics": { "t": { "partitions": 3 } },
  "producers": { "p": { "instances": 2, "rate": "5/s" } },
  "groups": { "g": { "members": 3 } },
  "faults": [
    { "at": "5s", "pause": "any broker", "for": "100ms" },
    { "at": "10s", "pause": "any broker", "for": "100ms" },
    { "at": "15s", "pause": "any producer", "for": "100ms" },
    { "at": "20s", "pause": "any member of g", "for": "100ms" } ],
  "run": { "load": "25s", "settle": "20s" }
}"#,
    );
    let seeds: Vec<u64> = (0..24).collect();
    let hit = hit(&plan, &seeds);
    for (fault, candidates) in [3, 3, 2, 3].into_iter().enumerate() {
        let drawn: BTreeSet<&str> = hit.iter().map(|one| one[fault].as_str()).collect();
        assert_eq!(drawn.len(), candidates, "fault {fault}: everybody has a turn: {drawn:?}");
        assert!(drawn.iter().all(|one| !one.contains("Any")), "{drawn:?}");
    }
    assert!(hit.iter().any(|one| one[0] != one[1]), "faults draw for themselves");
    assert_eq!(self::hit(&plan, &seeds[..4]), hit[..4], "a seed draws the same again");
}

fn reload(text: &str) -> Plan {
    let (plan, warnings) =
        document::load(text, "saved.json", &[]).unwrap_or_else(|found| panic!("{found:#?}"));
    assert!(warnings.is_empty(), "{warnings:#?}");
    plan
}

fn slows_at_a_moment(fault: &ScheduledFault) -> bool {
    matches!(fault.start, Start::On(_)) && matches!(fault.kind.action, Action::Slow { .. })
}

#[test]
fn a_saved_schedule_is_the_run_it_came_from() {
    let jobs: Vec<(String, u64)> = scenarios()
        .into_iter()
        .flat_map(|file| (0..3).map(move |seed| (file.clone(), seed)))
        .collect();
    let findings = parallel(&jobs, |(file, seed)| {
        let plan = load(file, &[]);
        let first = outcome(&plan, *seed);
        let plain = write::tree(&plan, *seed, &first.schedule);
        let plain = write::text(&plain, &[], &BTreeMap::new());
        let anchored = save(&plan, &first, "a command").expect("no panic");
        let mut findings = Vec::new();
        if repeated(&reload(&plain)) != repeated(&plan) {
            findings.push(format!("{file}: the schedule repeats another plan"));
        }
        for (form, text) in [("absolute", &plain), ("anchored", &anchored)] {
            let saved = reload(text);
            let again = run::run(&saved, saved.seed.expect("a seed"), None).expect("no panic");
            // Numbers of faults are in the digest, and what hit nobody is left out.
            let whole = again.schedule.len() == first.schedule.len();
            if !whole && form == "anchored" {
                if again.findings.records != first.findings.records
                    || again.entries != first.entries
                {
                    findings.push(format!("{file} seed {seed}: another run without idle faults"));
                }
            } else if form == "absolute" && first.schedule.iter().any(slows_at_a_moment) {
                // By the clock it strikes before the step that was its moment, and slows what that step sends. The
                // form that people get is the other one.
            } else if again.digest != first.digest {
                let same = first.ladder.iter().zip(&again.ladder).take_while(|(a, b)| a == b);
                let second = same.count();
                findings.push(format!("{file} seed {seed}, {form}: parts in second {second}"));
            }
            // Written again, it is the same text: nothing is left to decide.
            let twice = write::tree(&saved, *seed, &again.schedule);
            let once = write::tree(
                &reload(&write::text(&twice, &[], &BTreeMap::new())),
                *seed,
                &again.schedule,
            );
            if once != twice {
                findings.push(format!("{file} seed {seed}, {form}: written twice, it differs"));
            }
        }
        let of_leaders = |fault: &&ScheduledFault| {
            matches!(fault.start, Start::At(_)) && matches!(fault.kind.target, Target::LeaderOf(..))
        };
        // By chance none of a few strikes close behind an append.
        let faults = first.schedule.iter().filter(of_leaders).count();
        if faults > 3 && !anchored.contains("appends") {
            findings.push(format!("{file} seed {seed}: no fault on a leader is anchored"));
        }
        findings
    });
    assert_none(&findings.into_iter().flatten().collect::<Vec<_>>());
}
