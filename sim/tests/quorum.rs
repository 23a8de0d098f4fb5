//! Several controllers in one run: one of them decides, another takes over, and without a majority nobody does.

use ackproof::world::recorder::Trace;
use ackproof::world::run::run;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event};
use ackproof_oracle::jsonl::header_line;
use ackproof_oracle::verdict::Judgement;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_with};
use ackproof_types::{ControllerEpoch, NodeId};
use std::sync::{Arc, Mutex};

fn plan(kafka: &str, faults: &str) -> Plan {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let text = format!(
        r#"{{
          "kafka": "{kafka}",
          "cluster": {{ "controllers": 3 }},
          "topics": {{ "payments": {{ "config": {{ "min.insync.replicas": 2 }} }} }},
          "producers": {{ "billing": {{ "rate": "50/s",
            "config": {{ "acks": "all", "delivery.timeout.ms": 60000, "request.timeout.ms": 5000 }} }} }},
          "groups": {{ "ledger": {{ "members": 2, "config": {{ "auto.offset.reset": "earliest" }} }} }},
          "faults": [{faults}],
          "run": {{ "load": "50s", "settle": "60s" }}
        }}"#
    );
    load_with(&text, "test.json", &names, &[]).unwrap_or_else(|found| panic!("{found:#?}")).0
}

/// What happened in a run in which nothing is violated.
fn history(kafka: &str, faults: &str, seed: u64) -> (Vec<Entry>, Arc<Context>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&kept);
    let trace: Trace = Box::new(move |entry, _| {
        into.lock().expect("nobody panicked").push(entry.clone());
    });
    let outcome = run(&plan(kafka, faults), seed, Some(trace)).expect("a run");
    for property in &outcome.findings.properties {
        assert_ne!(property.judgement, Judgement::Violated, "{}: {property:?}", property.name);
    }
    let agreed = outcome.findings.properties.iter().find(|one| one.name == "metadata-agreement");
    assert_eq!(agreed.map(|one| one.judgement), Some(Judgement::Held), "it is judged");
    let kept = std::mem::take(&mut *kept.lock().expect("nobody panicked"));
    (kept, outcome.context)
}

fn elected(history: &[Entry]) -> Vec<(u64, NodeId, ControllerEpoch)> {
    let one = |entry: &Entry| match entry.event {
        Event::ControllerElected { epoch } => Some((entry.at.as_millis(), entry.node, epoch)),
        _ => None,
    };
    history.iter().filter_map(one).collect()
}

/// When it happened, in milliseconds.
fn at(history: &[Entry], is: impl Fn(&Event) -> bool) -> Vec<u64> {
    history.iter().filter(|entry| is(&entry.event)).map(|entry| entry.at.as_millis()).collect()
}

const fn seconds(seconds: u64) -> u64 {
    seconds * 1000
}

#[test]
fn another_controller_takes_over_and_gives_every_broker_a_new_session() {
    let faults = r#"{ "at": "10s", "crash": "leader of payments-0", "for": "38s" },
                    { "at": "15s", "crash": "active controller", "for": "20s" }"#;
    for seed in 0..6 {
        let (history, _) = history("4.0", faults, seed);
        let terms = elected(&history);
        assert_eq!(terms.len(), 2, "seed {seed}: {terms:?}");
        let ((_, first, one), (taken, second, two)) = (terms[0], terms[1]);
        assert!(first != second && one < two, "seed {seed}: {terms:?}");
        assert!(taken > seconds(16) && taken < seconds(21), "seed {seed}: R5.29 {taken}");
        let fenced = at(&history, |event| matches!(event, Event::Fenced { .. }));
        let waited = fenced[0] - taken;
        assert!(waited >= seconds(9), "seed {seed}: R5.12, after {waited}");
    }
}

#[test]
fn an_active_controller_without_its_majority_resigns() {
    let faults =
        r#"{ "at": "10s", "partition": [["active controller"], ["controllers"]], "for": "20s" }"#;
    for (kafka, seed) in [("4.0", 0), ("4.0", 1), ("4.1", 2), ("4.3", 3)] {
        let (history, _) = history(kafka, faults, seed);
        let resigned = at(&history, |event| matches!(event, Event::ControllerResigned { .. }));
        assert_eq!(resigned.len(), 1, "seed {seed}: it comes back as a follower (R17.19)");
        assert!(resigned[0] > seconds(11) && resigned[0] < seconds(14), "R5.30: {}", resigned[0]);
        let terms = elected(&history);
        assert_eq!(terms.len(), 2, "seed {seed}: {terms:?}");
        let elections = at(&history, |event| matches!(event, Event::LeaderElected { .. }));
        assert!(elections.iter().all(|at| *at < seconds(10)), "seed {seed}: no broker was fenced");
    }
}

#[test]
fn without_a_majority_nothing_is_decided_and_leaders_serve_on() {
    let faults = r#"{ "at": "10s", "crash": "controller-1", "for": "25s" },
                    { "at": "10s", "crash": "controller-3", "for": "25s" },
                    { "at": "18s", "crash": "leader of payments-0", "for": "30s" }"#;
    for seed in 0..4 {
        let (history, _) = history("4.1", faults, seed);
        let silent = |at: &u64| *at > seconds(14) && *at < seconds(35);
        let decided = at(&history, |event| {
            matches!(
                event,
                Event::LeaderElected { .. } | Event::IsrChanged { .. } | Event::Fenced { .. }
            )
        });
        assert!(!decided.iter().any(silent), "R5.32: {decided:?}");
        let acked = at(&history, |event| matches!(event, Event::Acked { .. }));
        assert!(acked.iter().any(|at| *at > seconds(14) && *at < seconds(18)), "it serves on");
        let fenced = at(&history, |event| matches!(event, Event::Fenced { .. }));
        assert!(fenced.iter().any(|at| *at > seconds(40)), "a session after they are back");
    }
}

#[test]
fn a_clean_stop_of_the_active_controller_hands_over_at_once() {
    let faults = r#"{ "at": "10s", "restart": "active controller", "for": "3s" }"#;
    let (history, _) = history("4.0", faults, 1);
    let terms = elected(&history);
    assert!(terms[1].0 < seconds(11), "EndQuorumEpoch: {terms:?}");
}

#[test]
fn each_controller_may_be_restarted_in_turn() {
    let faults = r#"{ "at": "8s", "rolling-restart": "controllers", "for": "1s" }"#;
    let (history, context) = history("4.0", faults, 2);
    let first =
        history.iter().position(|entry| entry.at.as_millis() > seconds(8)).expect("later entries");
    let started = history[first..].iter().filter(|one| one.event == Event::ProcessStarted);
    let names: Vec<&str> = started.map(|one| context.node(one.node)).collect();
    assert_eq!(names[..3], ["controller-1", "controller-2", "controller-3"]);
}

#[test]
fn a_header_names_the_controllers() {
    let (_, context) = history("4.0", "", 0);
    let header = header_line(&context);
    assert!(header.contains(r#""controllers":3"#), "{header}");
    assert_eq!(context.nodes[..4], ["controller-1", "controller-2", "controller-3", "broker-1"]);
}
