//! How long processes take to start again, seen from outside: what they do when, and what interrupts it.

use ackproof::world::recorder::Trace;
use ackproof::world::run::run;
use ackproof_oracle::history::{Event, ProcessEnd};
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_with};
use std::sync::{Arc, Mutex};

/// What a process did, as far as its start and its end are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Did {
    Started,
    /// The first thing that only a process at work does.
    Worked,
    Ended(ProcessEnd),
}

/// A run with `faults` in which brokers take as long as that to start.
fn plan(brokers: &str, faults: &str) -> Plan {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let text = format!(
        r#"{{
          "cluster": {{ "startup": {{ "brokers": "{brokers}", "clients": "2s" }} }},
          "topics": {{ "payments": {{ "config": {{ "min.insync.replicas": 2 }} }} }},
          "producers": {{ "billing": {{ "rate": "100/s", "keys": 20 }} }},
          "groups": {{ "ledger": {{ "members": 2, "config": {{ "session.timeout.ms": 10000 }} }} }},
          "faults": [{faults}],
          "run": {{ "load": "30s", "settle": "60s" }}
        }}"#
    );
    load_with(&text, "test.json", &names, &[]).unwrap_or_else(|e| panic!("{e:#?}")).0
}

/// When, in tenths of a second from 9 s on, the process called `name` did what; brokers take 4 s to start, clients 2 s.
fn told(name: &str, faults: &str) -> Vec<(u64, Did)> {
    let plan = plan("4s", faults);
    let kept = Arc::new(Mutex::new(Vec::<(u64, Did)>::new()));
    let (into, name) = (Arc::clone(&kept), name.to_owned());
    let trace: Trace = Box::new(move |entry, context| {
        let did = match &entry.event {
            Event::ProcessStarted => Did::Started,
            Event::ProcessEnded(how) => Did::Ended(*how),
            Event::BrokerStarted | Event::Sent { .. } | Event::Assigned { .. } => Did::Worked,
            _ => return,
        };
        let mut kept = into.lock().expect("nobody panicked");
        let is_news = !(did == Did::Worked && kept.last().is_none_or(|(_, last)| *last == did));
        if entry.at.as_millis() >= 9000 && context.node(entry.node) == name && is_news {
            kept.push((entry.at.as_millis() / 100, did));
        }
    });
    run(&plan, 1, Some(trace)).expect("a run");
    kept.lock().expect("nobody panicked").clone()
}

const CRASH: Did = Did::Ended(ProcessEnd::Crash);
const CLEAN: Did = Did::Ended(ProcessEnd::Clean);

fn crash(name: &str, seconds: u64, lasts: u64) -> String {
    format!(r#"{{ "at": "{seconds}s", "crash": "{name}", "for": "{lasts}s" }}"#)
}

#[test]
fn a_process_works_again_after_its_startup() {
    let brokers = [(100, CRASH), (150, Did::Started), (190, Did::Worked)];
    assert_eq!(told("broker-1", &crash("broker-1", 10, 5)), brokers, "a broker's");
    let clients = [(100, CRASH), (150, Did::Started), (170, Did::Worked)];
    assert_eq!(told("billing-0", &crash("billing-0", 10, 5)), clients, "a client's");
    let stop = r#"{ "at": "10s", "restart": "broker-1", "for": "5s" }"#;
    let [(_, CLEAN), (started, Did::Started), (worked, Did::Worked)] = told("broker-1", stop)[..]
    else {
        panic!("a clean restart");
    };
    assert_eq!(worked, started + 40, "after a clean stop, too");
}

#[test]
fn a_process_that_is_killed_while_it_starts_never_worked() {
    let faults = [crash("broker-1", 10, 5), crash("broker-1", 17, 3)].join(", ");
    let expected =
        [(100, CRASH), (150, Did::Started), (170, CRASH), (200, Did::Started), (240, Did::Worked)];
    assert_eq!(told("broker-1", &faults), expected, "the second start counts");
}

#[test]
fn a_process_that_is_stopped_while_it_starts_ends_at_once() {
    let stop = r#"{ "at": "17s", "restart": "broker-1", "for": "3s" }"#;
    let expected =
        [(100, CRASH), (150, Did::Started), (170, CLEAN), (200, Did::Started), (240, Did::Worked)];
    let faults = [crash("broker-1", 10, 5), stop.to_owned()].join(", ");
    assert_eq!(told("broker-1", &faults), expected, "it has nothing to put in order");
}

#[test]
fn a_process_that_is_frozen_past_its_startup_works_when_it_goes_on() {
    let frozen = |lasts: &str| {
        let pause = format!(r#"{{ "at": "17s", "pause": "broker-1", "for": "{lasts}" }}"#);
        told("broker-1", &[crash("broker-1", 10, 5), pause].join(", "))
    };
    let works = |at| vec![(100, CRASH), (150, Did::Started), (at, Did::Worked)];
    assert_eq!(frozen("6s"), works(230), "late");
    assert_eq!(frozen("1s"), works(190), "in time");
    // Not a packet leaves it before: it makes no difference when it would have been ready.
    let pause = r#"{ "at": "17s", "pause": "broker-1", "for": "6s" }"#;
    let faults = [crash("broker-1", 10, 5), pause.to_owned()].join(", ");
    let digest = |startup| run(&plan(startup, &faults), 1, None).expect("a run").digest;
    assert_eq!(digest("4s"), digest("5s"), "until it goes on");
}

#[test]
fn what_is_down_when_the_load_ends_starts_then() {
    let down = r#"{ "at": "25s", "crash": "broker-1" }"#;
    let expected = [(250, CRASH), (300, Did::Started), (340, Did::Worked)];
    assert_eq!(told("broker-1", down), expected, "at the end of the load");
    let starting = told("broker-1", &crash("broker-1", 25, 4));
    assert_eq!(starting, [(250, CRASH), (290, Did::Started), (330, Did::Worked)], "only once");
    let stopping = r#"{ "at": "29999ms", "restart": "broker-1", "for": "5s" }"#;
    let [(ended, CLEAN), (started, Did::Started), (worked, Did::Worked)] =
        told("broker-1", stopping)[..]
    else {
        panic!("one that is stopping");
    };
    assert!(ended > 300 && started == ended && worked >= started + 40, "once it has stopped");
}

#[test]
fn a_member_that_joins_starts_too_and_may_be_gone_before_it_worked() {
    let join = |lasts: &str| format!(r#"{{ "at": "10s", "join": "ledger", "for": "{lasts}" }}"#);
    assert_eq!(told("ledger-2", &join("1s")), [(100, Did::Started), (110, CLEAN)], "called off");
    let [(100, Did::Started), (worked, Did::Worked), (200, CLEAN)] =
        told("ledger-2", &join("10s"))[..]
    else {
        panic!("a member that works");
    };
    assert!(worked >= 120, "assigned at {worked}, not while it started");
}
