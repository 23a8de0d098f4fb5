//! A seed is a run: the same build, scenario and seed give the same history to the bit, whatever ran
//! before, beside it, in which process, and whoever watches. It does not know whether a run is right.

use crate::support::{
    ackproof, assert_none, binary, history, load, outcome, parallel, root, scenarios,
};
use ackproof::world::run::RunOutcome;
use ackproof_oracle::history::{Entry, Event};
use ackproof_scenario::plan::Plan;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// Everything random at once.
const CHAOS: &str = "scenarios/basics/chaos.json";
const QUIET: &str = "scenarios/basics/no-faults.json";

/// What two runs of one seed must share.
fn print(outcome: &RunOutcome) -> (u128, Vec<u128>, u64, u64) {
    (outcome.digest, outcome.ladder.clone(), outcome.entries, outcome.messages)
}

/// The digest that the binary prints for a run.
fn digest(arguments: &[&str]) -> String {
    let output = ackproof(arguments);
    let run: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{arguments:?} prints no JSON: {error}: {output:?}"));
    run["digest"].as_str().expect("a digest").to_owned()
}

#[test]
fn every_scenario_runs_the_same_twice_and_watched() {
    let jobs: Vec<(String, u64)> =
        scenarios().into_iter().flat_map(|file| [(file.clone(), 1), (file, 1_000_003)]).collect();
    let differences = parallel(&jobs, |(file, seed)| {
        let plan = load(file, &[]);
        let (once, (watched, entries)) = (outcome(&plan, *seed), history(&plan, *seed));
        let same = print(&once) == print(&watched) && entries.len() as u64 == once.entries;
        let second = once.ladder.iter().zip(&watched.ladder).take_while(|(a, b)| a == b).count();
        (!same).then(|| format!("{file} seed {seed}: the runs part in second {second}"))
    });
    assert_none(&differences.into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn what_ran_before_and_runs_beside_moves_nothing() {
    let (chaos, quiet) = (load(CHAOS, &[]), load(QUIET, &[]));
    let first = print(&outcome(&chaos, 5));
    let order = |seeds: &[u64]| seeds.iter().map(|seed| outcome(&chaos, *seed).digest).collect();
    let up: Vec<u128> = order(&[4, 5, 6]);
    let _other = outcome(&quiet, 5);
    let mut down: Vec<u128> = order(&[6, 5, 4]);
    down.reverse();
    assert_eq!(up, down, "first or last");
    assert_eq!(up[1], first.0, "alone or among others");
    let beside = parallel(&[5, 5, 5, 5], |seed| print(&outcome(&chaos, *seed)));
    assert!(beside.iter().all(|other| *other == first), "several threads at once");
}

#[test]
fn other_processes_give_the_same_run() {
    let expected = format!("{:032x}", outcome(&load(CHAOS, &[]), 5).digest);
    let run = ["run", CHAOS, "--format", "json", "--seed", "5"];
    let checked = [&run[..], &["--check-determinism"]].concat();
    assert_eq!(digest(&run), expected, "another process");
    assert_eq!(digest(&checked), expected, "and another, that runs it twice");
}

#[test]
fn logs_and_surroundings_move_nothing() {
    let expected = format!("{:032x}", outcome(&load(QUIET, &[]), 5).digest);
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(binary())
        .args(["run", "--format", "json", "--seed", "5"])
        .arg(root().join(QUIET))
        .env_clear()
        .env("RUST_LOG", "debug")
        .env("TZ", "Pacific/Chatham")
        .env("MADSIM_TEST_SEED", "9")
        .current_dir(folder.path())
        .output()
        .expect("the binary starts");
    let run: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(run["digest"], expected.as_str());
    assert!(output.stderr.len() > 100_000, "the log was written: {} bytes", output.stderr.len());
}

#[test]
fn different_seeds_are_different_runs() {
    let plan = load(QUIET, &[]);
    let seeds: Vec<u64> = (0..16).chain([u64::MAX, 1 << 32, 1 << 63]).collect();
    let digests: BTreeSet<u128> =
        parallel(&seeds, |seed| outcome(&plan, *seed).digest).into_iter().collect();
    assert_eq!(digests.len(), seeds.len());
}

/// A fault at 20 s, long after everything has started.
const LATE: &[(&str, &str)] = &[
    ("crash", r#"{ "at": "20s", "crash": "leader of payments-0", "for": "5s" }"#),
    ("slow", r#"{ "at": "20s", "slow": "broker-2", "by": "5ms..50ms", "for": "5s" }"#),
    ("lossy", r#"{ "at": "20s", "lossy": "any broker", "loss": "5%", "for": "5s" }"#),
    ("throttle", r#"{ "at": "20s", "throttle": "broker-2", "rate": "5kB/s", "for": "5s" }"#),
    ("cut", r#"{ "at": "20s", "isolate": "broker-3", "from": ["clients"], "for": "3s" }"#),
    ("member", r#"{ "at": "20s", "crash": "any member of ledger", "for": "5s" }"#),
];
const LATE_US: u64 = 20_000_000;

fn with_fault(fault: &str) -> Plan {
    load(QUIET, &[("faults", &format!("[{fault}]"))])
}

/// What the application sent: when, what, where to.
fn sends(history: &[Entry]) -> Vec<(u64, String)> {
    let sent = |entry: &Entry| match &entry.event {
        Event::Sent { record, partition } => {
            Some((entry.at.as_micros(), format!("{record:?} {partition:?}")))
        }
        _ => None,
    };
    history.iter().filter_map(sent).collect()
}

fn before(history: &[Entry], at: u64) -> &[Entry] {
    &history[..history.partition_point(|entry| entry.at.as_micros() < at)]
}

/// The beginning is the same to the microsecond, so the fault moved no latency and no timer; and all
/// of the workload is.
#[test]
fn a_fault_moves_nothing_before_it_and_no_record_at_all() {
    let (_, quiet) = history(&load(QUIET, &[]), 5);
    assert!(before(&quiet, LATE_US).len() > 10_000, "much happens before the fault");
    let findings = parallel(LATE, |(name, fault)| {
        let (_, faulty) = history(&with_fault(fault), 5);
        assert_ne!(quiet.len(), faulty.len(), "{name} does something");
        let mut findings = Vec::new();
        let pairs = before(&quiet, LATE_US).iter().zip(before(&faulty, LATE_US));
        if let Some((one, other)) = pairs.clone().find(|(one, other)| one != other) {
            findings.push(format!("{name}: {one:?} became {other:?}"));
        }
        if before(&quiet, LATE_US).len() != before(&faulty, LATE_US).len() {
            findings.push(format!("{name}: more or fewer entries before it"));
        }
        let (calm, hit) = (sends(&quiet), sends(&faulty));
        if let Some((one, other)) = calm.iter().zip(&hit).find(|(one, other)| one != other) {
            findings.push(format!("{name}: sent {one:?} became {other:?}"));
        }
        if calm.len() != hit.len() {
            findings.push(format!("{name}: {} records became {}", calm.len(), hit.len()));
        }
        findings
    });
    assert_none(&findings.concat());
}

/// Taking away the second of two faults leaves the first as it was: time, target and duration.
#[test]
fn faults_are_drawn_independently_of_each_other() {
    let first = r#"{ "between": ["5s", "15s"], "every": "2s..4s", "crash": "any broker", "for": "1s..3s" }"#;
    let second = r#"{ "between": ["16s", "28s"], "every": "2s..4s", "pause": "any broker", "for": "1s..2s" }"#;
    for seed in 0..4 {
        let (one, entries) = history(&with_fault(first), seed);
        let (both, more) = history(&with_fault(&format!("{first}, {second}")), seed);
        assert!(one.faults.len() >= 2 && both.faults.len() > one.faults.len(), "seed {seed}");
        for (alone, among) in one.faults.iter().zip(&both.faults) {
            let alone = (alone.at, alone.kind, &alone.target, alone.lasts);
            assert_eq!(alone, (among.at, among.kind, &among.target, among.lasts), "seed {seed}");
        }
        let at = both.faults[one.faults.len()].at.0;
        assert!(before(&entries, at).iter().eq(before(&more, at)), "seed {seed}: the beginning");
    }
}
