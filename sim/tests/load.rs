//! Requests that take time at their brokers, seen from outside.

use ackproof::world::recorder::Trace;
use ackproof::world::run::{RunOutcome, run};
use ackproof_oracle::history::Event;
use ackproof_oracle::verdict::Judgement;
use ackproof_scenario::resolve::{Names, load_with};
use ackproof_types::{Micros, NodeId};
use std::sync::{Arc, Mutex};

fn outcome(capacity: &str, faults: &str, trace: Option<Trace>) -> RunOutcome {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let text = format!(
        r#"{{
          "cluster": {{ "config": {{ "replica.lag.time.max.ms": 10000 }} {capacity} }},
          "topics": {{ "payments": {{ "config": {{ "min.insync.replicas": 2 }} }} }},
          "producers": {{ "billing": {{ "rate": "50/s", "keys": 20 }} }},
          "groups": {{ "ledger": {{ "members": 2, "config": {{
            "auto.offset.reset": "earliest", "session.timeout.ms": 10000 }} }} }},
          "faults": [{faults}],
          "run": {{ "load": "30s", "settle": "60s" }}
        }}"#
    );
    let plan = load_with(&text, "test.json", &names, &[]);
    let (plan, _) = plan.unwrap_or_else(|found| panic!("{found:#?}"));
    let outcome = run(&plan, 1, trace).expect("a run");
    for property in &outcome.findings.properties {
        assert_ne!(property.judgement, Judgement::Violated, "{}", property.name);
    }
    outcome
}

fn median(outcome: &RunOutcome) -> Micros {
    outcome.findings.pace.acknowledgement.quantile(500).expect("records were acknowledged")
}

#[test]
fn a_request_takes_its_time() {
    let at_once = outcome("", "", None);
    assert_eq!(at_once.findings.pace.load, None, "nothing takes time");
    let free = outcome(r#", "capacity": {}"#, "", None);
    assert!(median(&free).0.abs_diff(median(&at_once).0) < 500, "no figure, no time");
    // A write waits for its own request and for the next fetch of the followers.
    let slow = outcome(r#", "capacity": { "request": "20ms" }"#, "", None);
    let more = median(&slow).0 - median(&at_once).0;
    assert!((38_000..75_000).contains(&more), "{more} us more");
    let load = slow.findings.pace.load.expect("requests take time");
    assert!(load.handlers.value > 10_000, "{load:?}");
}

/// A crash empties the queue, a pause keeps it; nothing is lost by either.
#[test]
fn faults_strike_a_busy_cluster_and_break_no_promise() {
    let capacity = r#", "capacity": {
        "request": "2ms", "handler": "1MB/s", "network": "5MB/s", "disk": "100kB/s", "page_cache": 10000 }"#;
    let faults = r#"
        { "at": "5s", "crash": "leader of payments-0", "for": "5s" },
        { "at": "14s", "pause": "leader of payments-1", "for": "4s" },
        { "at": "20s", "isolate": "leader of payments-2", "from": ["brokers"], "for": "4s" }"#;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    let trace: Trace = Box::new(move |entry, _| {
        if let Event::BrokerLoad { disk_ppm, .. } = entry.event {
            into.lock().expect("nobody panicked").push((entry.node, disk_ppm));
        }
    });
    let first = outcome(capacity, faults, Some(trace));
    assert!(first.findings.records.acked > 1000, "{:?}", first.findings.records);
    let seen = seen.lock().expect("nobody panicked").clone();
    let nodes: Vec<u16> = seen.iter().map(|(NodeId(node), _)| *node).collect();
    assert_eq!(nodes, [1, 2, 3, 1, 2, 3], "each broker, at the end of load and settle");
    assert!(seen[..3].iter().all(|(_, disk)| *disk > 10_000), "{seen:?}");
    assert_eq!(first.digest, outcome(capacity, faults, None).digest, "deterministic");
}

/// A cluster as large as they come: 100 brokers, 1 000 partitions.
#[test]
fn a_hundred_brokers_with_a_thousand_partitions_are_simulated() {
    let text = r#"{
        "cluster": { "brokers": 100 },
        "topics": { "payments": { "partitions": 1000, "config": { "min.insync.replicas": 2 } } },
        "producers": { "billing": { "rate": "200/s", "keys": 1000 } },
        "groups": { "ledger": { "members": 20, "config": { "auto.offset.reset": "earliest" } } },
        "faults": [{ "at": "10s", "crash": "leader of payments-0", "for": "5s" }],
        "run": { "load": "25s", "settle": "60s" }
    }"#;
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let (plan, _) = load_with(text, "test.json", &names, &[]).expect("a scenario");
    let outcome = run(&plan, 1, None).expect("a run");
    assert!(outcome.findings.properties.iter().all(|one| one.judgement != Judgement::Violated));
    assert!(outcome.findings.records.acked > 3000, "{:?}", outcome.findings.records);
}
