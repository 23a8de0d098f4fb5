//! What becomes of a run in which log directories fail, or are full.

use ackproof::world::recorder::Trace;
use ackproof::world::run::{RunOutcome, run};
use ackproof_oracle::cause::LossCause;
use ackproof_oracle::history::Event;
use ackproof_oracle::verdict::Judgement;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_with};
use ackproof_types::{ErrorCode, NodeId, TopicPartition};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Two directories, and the metadata log in the first of them.
fn plan(faults: &str, sets: &[(&str, &str)]) -> Plan {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let text = format!(
        r#"{{
          "cluster": {{ "config": {{ "log.dirs": "/disk1,/disk2" }} }},
          "topics": {{ "payments": {{ "partitions": 4, "config": {{ "min.insync.replicas": 2 }} }} }},
          "producers": {{ "billing": {{ "rate": "50/s", "keys": 20 }} }},
          "groups": {{ "ledger": {{ "members": 2, "config": {{
            "auto.offset.reset": "earliest", "session.timeout.ms": 10000 }} }} }},
          "faults": [{faults}],
          "run": {{ "load": "60s", "settle": "60s" }}
        }}"#
    );
    let sets: Vec<(String, String)> =
        sets.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
    load_with(&text, "test.json", &names, &sets).unwrap_or_else(|found| panic!("{found:#?}")).0
}

/// When, at which process, what.
type Kept = Vec<(f64, NodeId, Event)>;

/// The run, which breaks no promise.
fn traced(faults: &str, sets: &[(&str, &str)], seed: u64) -> (RunOutcome, Kept) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&kept);
    let trace: Trace = Box::new(move |entry, _| {
        let at = entry.at.as_micros() as f64 / 1e6;
        into.lock().expect("nobody panicked").push((at, entry.node, entry.event.clone()));
    });
    let outcome = run(&plan(faults, sets), seed, Some(trace)).expect("a run");
    for property in &outcome.findings.properties {
        assert_ne!(property.judgement, Judgement::Violated, "{}", property.name);
    }
    let kept = kept.lock().expect("nobody panicked").clone();
    (outcome, kept)
}

/// The directory that was given up, first of all: when, by whom, with what, and whether that ended the broker.
fn given_up(kept: &Kept) -> (f64, NodeId, BTreeSet<TopicPartition>, bool) {
    let found = kept.iter().find_map(|(at, node, event)| match event {
        Event::LogDirFailed { partitions, halts, .. } => {
            Some((*at, *node, partitions.iter().copied().collect(), *halts))
        }
        _ => None,
    });
    found.expect("a directory was given up")
}

/// What `node` appended between two times, by partition.
fn appended(kept: &Kept, node: NodeId, from: f64, to: f64) -> BTreeSet<TopicPartition> {
    let there = kept.iter().filter(|(at, who, _)| *who == node && *at > from && *at < to);
    let partition = |(_, _, event): &(f64, NodeId, Event)| match event {
        Event::Appended { partition, .. } => Some(*partition),
        _ => None,
    };
    there.filter_map(partition).collect()
}

fn ends(kept: &Kept, node: NodeId) -> Vec<f64> {
    let is_end = |event: &Event| matches!(event, Event::ProcessEnded(_));
    kept.iter().filter(|(_, who, event)| *who == node && is_end(event)).map(|it| it.0).collect()
}

fn starts(kept: &Kept, node: NodeId) -> Vec<f64> {
    let is_start = |event: &Event| matches!(event, Event::ProcessStarted);
    kept.iter().filter(|(_, who, event)| *who == node && is_start(event)).map(|it| it.0).collect()
}

/// KIP-858: what lies in the directory is led and copied by others, what lies elsewhere stays.
#[test]
fn a_directory_that_fails_takes_what_lies_there_and_nothing_else() {
    let fault = r#"{ "at": "12s", "log-dir-failed": "any broker", "dir": 2, "for": "15s" }"#;
    for seed in 0..4 {
        let (outcome, kept) = traced(fault, &[], seed);
        let (at, broker, gone, halts) = given_up(&kept);
        assert!(!halts && (12.0..17.0).contains(&at), "with its next write: {at}");
        assert!(gone.len() > 20, "{gone:?}");
        let served = appended(&kept, broker, at, 27.0);
        assert!(served.is_disjoint(&gone) && !served.is_empty(), "{served:?}");
        assert!(ends(&kept, broker)[0] > 27.0, "it goes on until it is restarted");
        let back = appended(&kept, broker, 27.0, 60.0);
        assert!(!back.is_disjoint(&gone), "and has it back then");
        assert_eq!(outcome.findings.records.lost, 0);
        let told = &outcome.faults[0].text;
        let number = broker.0;
        assert!(told.starts_with("log directory 2 of broker-"), "{told}, {number}");
    }
}

/// Without the metadata log a broker ends, and no start helps as long as it is so.
#[test]
fn a_broker_ends_without_the_directory_of_its_metadata_log() {
    let fault = r#"{ "at": "12s", "log-dir-failed": "broker-1", "dir": 1, "for": "15s" }"#;
    let (outcome, kept) = traced(fault, &[], 1);
    let (at, broker, _, halts) = given_up(&kept);
    assert!(halts);
    assert_eq!(ends(&kept, broker).first(), Some(&at));
    let back = starts(&kept, broker).into_iter().find(|start| *start > at).expect("it is back");
    assert!(back >= 27.0, "{back}");
    assert_eq!(outcome.findings.records.lost, 0);
    // In a place of its own it is not hurt.
    let apart = [("cluster.config.metadata.log.dir", "/metadata")];
    assert!(!given_up(&traced(fault, &apart, 1).1).3, "the other directory is left");
    let last =
        [("cluster.config.log.dirs", "/disk1"), ("cluster.config.metadata.log.dir", "/metadata")];
    assert!(given_up(&traced(fault, &last, 1).1).3, "none is left");
}

/// A process that starts while the directory is broken has the rest.
#[test]
fn a_broker_starts_without_a_directory_that_is_still_broken() {
    let faults = r#"{ "at": "10s", "log-dir-failed": "broker-1", "dir": 2, "for": "25s" },
                    { "at": "16s", "crash": "broker-1", "for": "1s" }"#;
    let (outcome, kept) = traced(faults, &[], 2);
    let (_, broker, gone, _) = given_up(&kept);
    let served = appended(&kept, broker, 17.0, 35.0);
    assert!(served.is_disjoint(&gone) && !served.is_empty(), "{served:?}");
    assert!(!appended(&kept, broker, 35.0, 60.0).is_disjoint(&gone), "mended and restarted");
    assert_eq!(outcome.findings.records.lost, 0);
}

/// Another directory has another id: nobody misses the old one, and the replicas fetch everything.
#[test]
fn an_empty_directory_is_filled_by_the_leaders() {
    let fault = r#"{ "at": "12s", "log-dir-failed": "leader of payments-0", "dir": 2,
                     "returns": "empty", "for": "10s" }"#;
    let (outcome, kept) = traced(fault, &[], 3);
    let lost = |event: &Event| matches!(event, Event::TailLost { .. });
    assert!(kept.iter().any(|(.., event)| lost(event)), "what was there is gone");
    assert_eq!(outcome.findings.records.lost, 0);
}

/// An append that has room is made; the first one that has none is the end of the directory.
#[test]
fn a_full_disk_takes_what_there_is_room_for() {
    let size = |left: &str| {
        let fault = format!(
            r#"{{ "at": "12s", "disk-full": "broker-2", "left": "{left}", "for": "20s" }}"#
        );
        let sets = [("cluster.config.log.dirs", "/disk1")];
        let (outcome, kept) = traced(&fault, &sets, 1);
        let (at, broker, _, halts) = given_up(&kept);
        assert!(halts && outcome.findings.records.lost == 0);
        let before = |event: &Event| match event {
            Event::Appended { records, .. } => records.len(),
            _ => 0,
        };
        let there =
            kept.iter().filter(|(when, who, _)| *who == broker && *when > 12.0 && *when <= at);
        there.map(|(.., event)| before(event)).sum::<usize>()
    };
    assert_eq!(size("0B"), 0, "nothing");
    let (some, more) = (size("20kB"), size("60kB"));
    assert!(some > 10 && more > 2 * some, "{some}, {more}");
}

/// KIP-858: a broker that cannot say what it has lost does not go on for ever.
#[test]
fn a_broker_that_cannot_tell_the_controller_stops() {
    let faults = r#"{ "at": "12s", "isolate": "broker-1", "from": ["controllers"], "for": "20s" },
                    { "at": "12s", "log-dir-failed": "broker-1", "dir": 2, "for": "25s" }"#;
    let stopped = |timeout| {
        let sets = [("cluster.config.log.dir.failure.timeout.ms", timeout)];
        let (_, kept) = traced(faults, &sets, 1);
        let (at, broker, ..) = given_up(&kept);
        ends(&kept, broker).first().map(|end| end - at)
    };
    // It asks for leave first, and is heard when the cut is over.
    let (soon, late) = (stopped("5000").expect("it stops"), stopped("300000").expect("restarted"));
    assert!(soon < late, "{soon}, {late}");
}

/// R1.22: after an unclean stop a log is looked through, after a clean one it is not.
#[test]
fn a_wrong_batch_is_found_by_a_broker_that_was_killed() {
    let fault =
        r#"{ "at": "12s", "corrupt-log": "leader of payments-0", "batch": "any", "for": "2s" }"#;
    for seed in 0..4 {
        let (outcome, kept) = traced(fault, &[], seed);
        let wrong = |event: &Event| match event {
            Event::LogDamaged { partition, from, .. } => Some((*partition, *from)),
            _ => None,
        };
        let (partition, from) =
            kept.iter().find_map(|(.., event)| wrong(event)).expect("a batch is wrong");
        let cut = kept.iter().any(|(at, _, event)| {
            matches!(event, Event::Truncated { partition: p, to, .. } if (*p, *to) == (partition, from))
                && *at >= 14.0
        });
        assert!(cut, "at the batch");
        assert_eq!(outcome.findings.records.lost, 0, "the others have it");
    }
}

/// What nobody looked for: a group that begins anew comes no further than the batch, and throws.
#[test]
fn a_wrong_batch_stops_a_reader_after_a_clean_stop() {
    let fault = r#"{ "at": "12s", "corrupt-log": "leader of payments-0", "batch": "any",
                     "stopped": "cleanly", "for": "2s" }"#;
    let sets = [
        ("cluster.config.leader.imbalance.check.interval.seconds", "5"),
        (
            "groups.audit",
            r#"{ "members": 1, "start": "45s", "config": { "auto.offset.reset": "earliest" } }"#,
        ),
    ];
    let kept = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&kept);
    let trace: Trace = Box::new(move |entry, _| {
        if let Event::PollFailed { error, .. } = &entry.event {
            into.lock().expect("nobody panicked").push(*error);
        }
    });
    let outcome = run(&plan(fault, &sets), 1, Some(trace)).expect("a run");
    let thrown = kept.lock().expect("nobody panicked").clone();
    assert!(thrown.len() > 2, "{thrown:?}");
    assert!(thrown.iter().all(|error| *error == ErrorCode::CorruptMessage), "{thrown:?}");
    let causes: Vec<LossCause> = outcome.findings.records.loss_causes.keys().copied().collect();
    assert_eq!(causes, [LossCause::DamagedLog], "acknowledged, and nobody can read it");
}
