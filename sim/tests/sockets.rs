//! Sockets, seen from outside: with `acks=0`, written is success, and a socket holds only so much; what is in the
//! socket of a broker outlives the connection by two requests.

use ackproof::world::recorder::Trace;
use ackproof::world::run::run;
use ackproof_oracle::history::Event;
use ackproof_scenario::resolve::{Names, load_with};
use std::sync::{Arc, Mutex};

/// Records that succeed while the producer cannot reach the one broker, and those that fail in the run.
fn while_cut_off(send_buffer: u64, request_timeout: u64) -> (u64, u64) {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let text = format!(
        r#"{{
          "cluster": {{ "brokers": 1,
            "config": {{ "offsets.topic.replication.factor": 1 }} }},
          "topics": {{ "payments": {{ "partitions": 1, "replication.factor": 1 }} }},
          "producers": {{ "billing": {{ "rate": "200/s", "size": "1000..1000", "config": {{
            "acks": 0, "enable.idempotence": false, "linger.ms": 0, "batch.size": 0,
            "send.buffer.bytes": {send_buffer},
            "request.timeout.ms": {request_timeout}, "delivery.timeout.ms": 60000 }} }} }},
          "faults": [{{ "at": "5s", "isolate": "billing-0", "from": ["brokers"], "for": "20s" }}],
          "run": {{ "load": "40s", "settle": "20s" }}
        }}"#
    );
    let plan = load_with(&text, "test.json", &names, &[]);
    let (plan, _) = plan.unwrap_or_else(|found| panic!("{found:#?}"));
    let counts = Arc::new(Mutex::new((0, 0)));
    let into = Arc::clone(&counts);
    let trace: Trace = Box::new(move |entry, _| {
        let mut counts = into.lock().expect("nobody panicked");
        let is_cut = entry.at.as_micros() > 5_000_000 && entry.at.as_micros() < 25_000_000;
        match &entry.event {
            Event::Acked { records, .. } if is_cut => counts.0 += records.iter().count() as u64,
            Event::Failed { records, .. } => counts.1 += records.iter().count() as u64,
            _ => {}
        }
    });
    run(&plan, 1, Some(trace)).expect("a run");
    *counts.lock().expect("nobody panicked")
}

#[test]
fn behind_a_cut_as_much_succeeds_as_the_socket_holds() {
    // 1000 bytes become about 1200 on the wire.
    let (succeeded, failed) = while_cut_off(131_072, 30_000);
    assert!((100..131).contains(&succeeded), "{succeeded}");
    assert_eq!(failed, 0, "the rest waits in buffer.memory, and is written later");
    let (twice, _) = while_cut_off(262_144, 30_000);
    assert!((200..262).contains(&twice), "{twice}");
}

#[test]
fn a_send_that_the_socket_does_not_take_times_out() {
    let (succeeded, failed) = while_cut_off(131_072, 5000);
    assert!(
        (100..262).contains(&succeeded),
        "a new connection has a buffer of its own: {succeeded}"
    );
    assert_eq!(failed, 0, "it is tried again");
}

#[test]
fn of_what_a_frozen_broker_has_not_read_it_takes_two_requests_once_its_client_is_gone() {
    // The first answer is answered by a reset, and the second cannot be written.
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let text = r#"{
      "cluster": { "brokers": 1, "config": { "offsets.topic.replication.factor": 1 } },
      "topics": { "payments": { "partitions": 1, "replication.factor": 1 } },
      "producers": { "billing": { "rate": "200/s", "config": {
        "acks": 1, "enable.idempotence": false, "linger.ms": 0, "batch.size": 0,
        "max.in.flight.requests.per.connection": 5,
        "request.timeout.ms": 5000, "delivery.timeout.ms": 60000 } } },
      "faults": [{ "at": "5s", "pause": "broker-1", "for": "8s" }],
      "run": { "load": "40s", "settle": "20s" }
    }"#;
    let plan = load_with(text, "test.json", &names, &[]);
    let (plan, _) = plan.unwrap_or_else(|found| panic!("{found:#?}"));
    for seed in 0..10 {
        let outcome = run(&plan, seed, None).expect("a run");
        assert_eq!(outcome.findings.records.log_duplicates, 2, "of five in flight, seed {seed}");
    }
}
