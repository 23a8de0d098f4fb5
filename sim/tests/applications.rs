//! Applications that send on, keep positions of their own, or come and go with the lag, seen from outside.

use ackproof::world::recorder::Trace;
use ackproof::world::run::{RunOutcome, run};
use ackproof_oracle::history::{Event, PositionSource, ProcessEnd};
use ackproof_oracle::verdict::Judgement;
use ackproof_scenario::resolve::{Names, load_with};
use ackproof_types::{NodeId, Record};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// A run of a group with these keys, and all that happened in it.
fn outcome(group: &str, faults: &str, seed: u64) -> (RunOutcome, Vec<(NodeId, Event)>) {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let text = format!(
        r#"{{
          "topics": {{
            "payments": {{ "partitions": 3, "config": {{ "min.insync.replicas": 2 }} }},
            "results": {{ "partitions": 2, "config": {{ "min.insync.replicas": 3 }} }}
          }},
          "producers": {{ "billing": {{ "topic": "payments", "rate": "100/s", "keys": 20 }} }},
          "groups": {{ "ledger": {{ "topics": ["payments"], {group},
            "config": {{ "auto.offset.reset": "earliest", "session.timeout.ms": 6000 }} }} }},
          "faults": [{faults}],
          "run": {{ "load": "30s", "settle": "90s" }}
        }}"#
    );
    let plan = load_with(&text, "test.json", &names, &[]);
    let (plan, _) = plan.unwrap_or_else(|found| panic!("{found:#?}"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    let trace: Trace = Box::new(move |entry, _| {
        into.lock().expect("one thread").push((entry.node, entry.event.clone()));
    });
    let outcome = run(&plan, seed, Some(trace)).expect("a run");
    let seen = std::mem::take(&mut *seen.lock().expect("one thread"));
    (outcome, seen)
}

fn judgement(outcome: &RunOutcome, name: &str) -> Judgement {
    let mut all = outcome.findings.properties.iter();
    all.find(|property| property.name == name).expect("it is registered").judgement
}

/// No output can be written for a while: each attempt ends the process before its commit, until one goes well.
#[test]
fn an_application_that_stops_when_a_send_fails_loses_nothing() {
    let group = r#""members": 1, "produces": { "to": "results", "on_failure": "stop",
        "config": { "request.timeout.ms": 1000, "delivery.timeout.ms": 2000 } }"#;
    let faults = r#"{ "at": "8s", "crash": "broker-2", "for": "10s" }"#;
    let (outcome, seen) = outcome(group, faults, 1);
    let member = NodeId(u16::try_from(place(&outcome, "ledger-0")).expect("few"));
    let stopped =
        |one: &&(NodeId, Event)| **one == (member, Event::ProcessEnded(ProcessEnd::Clean));
    assert!(seen.iter().filter(stopped).count() > 1, "it ends itself");
    assert_eq!(judgement(&outcome, "end-to-end"), Judgement::Held);
    let counts = outcome.findings.groups[0].outputs.as_ref().expect("it sends on");
    assert!(counts.loss_causes.is_empty(), "{counts:?}");
    assert!(counts.made > counts.written, "it made some again: {counts:?}");
}

fn place(outcome: &RunOutcome, name: &str) -> usize {
    outcome.context.nodes.iter().position(|other| other == name).expect("it takes part")
}

/// Each life of a member names its outputs anew.
#[test]
fn an_output_has_a_name_of_its_own_whatever_crashes() {
    let group = r#""members": 2, "produces": { "to": "results" }"#;
    let faults = r#"{ "between": ["4s", "28s"], "every": "3s..5s", "crash": "any member of ledger", "for": "1s" }"#;
    let (_, seen) = outcome(group, faults, 2);
    let made = seen.iter().filter_map(|(_, event)| match event {
        Event::Derived { output, .. } => Some(output),
        _ => None,
    });
    let made: Vec<&Record> = made.collect();
    let distinct: BTreeSet<_> = made.iter().map(|record| record.id).collect();
    assert!(
        made.len() > 1000 && made.len() == distinct.len(),
        "{} of {}",
        distinct.len(),
        made.len()
    );
}

#[test]
fn a_member_begins_where_its_database_has_come() {
    let group = r#""members": 2, "commit": "never", "sink": { "writes": "with-position" }"#;
    let faults = r#"{ "between": ["6s", "25s"], "every": "4s..6s", "crash": "any member of ledger", "for": "2s" }"#;
    for seed in 0..10 {
        let (outcome, seen) = outcome(group, faults, seed);
        let sought = |(_, event): &(NodeId, Event)| {
            matches!(event, Event::Positioned { source: PositionSource::Sought, .. })
        };
        assert!(seen.iter().any(sought), "seed {seed}");
        let sink = outcome.findings.groups[0].sink.as_ref().expect("a sink");
        let sums = sink.amounts.expect("rows add up");
        assert_eq!((sums.repeated, sums.missing), (0, 0), "seed {seed}: {sums:?}");
        assert_eq!(sums.sink, sums.acknowledged + sums.unacknowledged, "seed {seed}");
        assert_eq!(judgement(&outcome, "sink-effect"), Judgement::Held, "seed {seed}");
    }
}

#[test]
fn members_come_with_the_lag_and_go_without_it() {
    let group = r#""members": 1, "process": "9ms..15ms",
        "autoscale": { "max": 3, "lag": 100, "every": "3s", "cooldown": "6s" }"#;
    let (outcome, seen) = outcome(group, "", 1);
    let spare = place(&outcome, "ledger-1");
    let of_spare = |one: &&(NodeId, Event)| one.0.index() == spare;
    let started = seen.iter().filter(of_spare).any(|(_, event)| *event == Event::ProcessStarted);
    assert!(started, "one member is too slow");
    let ended = Event::ProcessEnded(ProcessEnd::Clean);
    assert!(seen.iter().filter(of_spare).any(|(_, event)| *event == ended), "two are too many");
    assert!(!outcome.context.nodes.contains(&"ledger-3".to_owned()), "three at most");
    assert_eq!(judgement(&outcome, "at-least-once"), Judgement::Held);
}
