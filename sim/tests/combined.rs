//! Servers that are broker and controller in one process (`process.roles=broker,controller`): what ends one ends both.

use ackproof::world::recorder::Trace;
use ackproof::world::run::run;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event, ProcessEnd};
use ackproof_oracle::verdict::Judgement;
use ackproof_scenario::resolve::{Names, load_with};
use std::sync::{Arc, Mutex};

/// What happened in a run in which nothing is violated.
fn history(fault: &str, seed: u64) -> (Vec<Entry>, Arc<Context>) {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let text = format!(
        r#"{{
          "cluster": {{ "config": {{ "process.roles": "broker,controller" }} }},
          "topics": {{ "payments": {{ "config": {{ "min.insync.replicas": 2 }} }} }},
          "producers": {{ "billing": {{ "rate": "50/s", "config": {{ "delivery.timeout.ms": 60000 }} }} }},
          "groups": {{ "ledger": {{ "config": {{ "auto.offset.reset": "earliest" }} }} }},
          "faults": [{fault}],
          "run": {{ "load": "50s", "settle": "90s" }}
        }}"#
    );
    let plan =
        load_with(&text, "test.json", &names, &[]).unwrap_or_else(|found| panic!("{found:#?}"));
    let kept = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&kept);
    let trace: Trace = Box::new(move |entry, _| {
        into.lock().expect("nobody panicked").push(entry.clone());
    });
    let outcome = run(&plan.0, seed, Some(trace)).expect("a run");
    for property in &outcome.findings.properties {
        assert_ne!(property.judgement, Judgement::Violated, "{}: {property:?}", property.name);
    }
    let kept = std::mem::take(&mut *kept.lock().expect("nobody panicked"));
    (kept, outcome.context)
}

/// The ends and the starts of processes after the start of the run: when in milliseconds, who, and what.
fn lives(fault: &str, seed: u64) -> Vec<(u64, String, Option<ProcessEnd>)> {
    let (history, context) = history(fault, seed);
    let of = |entry: &Entry| {
        let what = match entry.event {
            Event::ProcessEnded(end) => Some(end),
            Event::ProcessStarted => None,
            _ => return None,
        };
        let name = context.node(entry.node).to_owned();
        let is_server = name.starts_with("broker") || name.starts_with("controller");
        (is_server && entry.at.as_millis() > 9000).then(|| (entry.at.as_millis(), name, what))
    };
    history.iter().filter_map(of).collect()
}

#[test]
fn a_crash_of_either_takes_both_and_they_come_back() {
    for fault in ["broker-2", "controller-2"] {
        let seen = lives(&format!(r#"{{ "at": "10s", "crash": "{fault}", "for": "5s" }}"#), 1);
        let ends: Vec<&str> = seen
            .iter()
            .filter(|(at, _, end)| *at == 10_000 && *end == Some(ProcessEnd::Crash))
            .map(|(_, name, _)| name.as_str())
            .collect();
        assert_eq!(ends, ["controller-2", "broker-2"], "{seen:?}");
        let starts = seen.iter().filter(|(at, _, end)| *at == 15_000 && end.is_none()).count();
        assert_eq!((starts, seen.len()), (2, 4), "{seen:?}");
    }
}

#[test]
fn a_clean_stop_ends_the_broker_before_its_controller() {
    let fault = r#"{ "at": "10s", "restart": "active controller", "for": "5s" }"#;
    for seed in 0..4 {
        let seen = lives(fault, seed);
        let [(stopped, broker, one), (later, controller, other), starts @ ..] = seen.as_slice()
        else {
            panic!("{seen:?}")
        };
        assert_eq!((*one, *other), (Some(ProcessEnd::Clean), Some(ProcessEnd::Clean)), "{seen:?}");
        assert!(broker.starts_with("broker") && controller.starts_with("controller"), "{seen:?}");
        assert!(stopped <= later && starts.len() == 2, "{seen:?}");
        assert!(starts.iter().all(|(at, _, end)| end.is_none() && at - later >= 4_900), "{seen:?}");
    }
}

#[test]
fn an_isolated_server_takes_its_voter_with_it_and_another_controller_decides() {
    let fault = r#"{ "at": "10s", "isolate": "active controller", "for": "20s" }"#;
    for seed in 0..4 {
        let (history, _) = history(fault, seed);
        let since = |is: fn(&Event) -> bool| {
            history.iter().filter(|one| one.at.as_millis() > 10_000 && is(&one.event)).count()
        };
        assert!(
            since(|event| matches!(event, Event::ControllerElected { .. })) >= 1,
            "seed {seed}"
        );
        assert!(since(|event| matches!(event, Event::Fenced { .. })) >= 1, "seed {seed}");
    }
}
