//! What the application does with its producer: after a failed send, after a crash, and at its end.

use crate::common::{load, message, plan, scenario};
use ackproof_scenario::write::tree;
use ackproof_types::{
    AfterCrash, AtEnd, MemoryIn, OnFailure, Sending, Shift, SinkConfig, SinkWrites,
};

#[test]
fn what_an_application_does_with_its_producer() {
    let of = |keys: &str| plan("producers", &format!(r#"{{ "billing": {{ {keys} }} }}"#));
    assert_eq!(of("").producers[0].sending, Sending::default());
    let all = of(
        r#""records": 5, "on_failure": "stop", "after_crash": "drop", "end": "flush", "threads": 2, "create_time": "-8d""#,
    );
    let (on_failure, after_crash, end) = (OnFailure::Stop, AfterCrash::Drop, AtEnd::Flush);
    let threads = Some(2);
    let create_time = Shift(-8 * 86_400_000_000);
    let wanted = Sending { on_failure, after_crash, end, threads, create_time };
    assert_eq!(all.producers[0].sending, wanted);
    let said = |keys: &str| message("producers", &format!(r#"{{ "billing": {{ {keys} }} }}"#));
    for (keys, words) in [
        (r#""end": "exit""#, "an application without a last record has no end: add \"records\""),
        (r#""on_failure": "retry""#, "unknown answer to a failed send \"retry\""),
        (r#""create_time": "8d""#, "no signed length of time; write \"+90m\""),
        (r#""create_time": 5"#, "a bare number where a unit is needed"),
        (r#""threads": 0"#, "0 is not within 1 and 1000"),
        (r#""after_crash": "lose""#, "unknown way to go on \"lose\""),
        (r#""on_failure": "resend", "config": { "max.block.ms": 0 }"#, "never comes to an end"),
    ] {
        assert!(said(keys).contains(words), "{}", said(keys));
    }
}

#[test]
fn what_would_never_end_is_refused() {
    let text = scenario("cluster", r#"{ "startup": { "clients": "0ms..1s" } }"#)
        .replace(r#"{ "instances": 2 }"#, r#"{ "on_failure": "stop" }"#);
    let found = load(&text, &[]).expect_err("it stops and starts in no time");
    assert!(found[0].message.contains("never comes to an end"), "{found:#?}");
}

/// A schedule lists its records, so its application has an end as well.
#[test]
fn a_schedule_keeps_what_the_application_does() {
    let keys = r#"{ "billing": { "records": 2, "on_failure": "resend", "end": "exit", "create_time": "+90m" } }"#;
    let written = tree(&plan("producers", keys), 1, &[]);
    let billing = &written["producers"]["billing"];
    assert_eq!((&billing["on_failure"], &billing["end"]), (&"resend".into(), &"exit".into()));
    assert_eq!(billing["create_time"], "+90m");
    assert_eq!(billing.get("after_crash"), None, "the default");
}

#[test]
fn what_a_group_writes_to() {
    let of =
        |keys: &str| plan("groups", &format!(r#"{{ "ledger": {{ {keys} }} }}"#)).groups[0].sink;
    assert_eq!(of(""), None);
    let (memory, memory_in) = (None, MemoryIn::Sink);
    let writes = SinkWrites::Upsert;
    let upsert = of(r#""sink": { "writes": "upsert" }"#);
    assert_eq!(upsert, Some(SinkConfig { writes, memory, memory_in }));
    let all = r#""sink": { "writes": "once-per-offset", "memory": 50, "memory_in": "member" }"#;
    let (writes, memory, memory_in) = (SinkWrites::OncePerOffset, Some(50), MemoryIn::Member);
    assert_eq!(of(all), Some(SinkConfig { writes, memory, memory_in }));
    // A schedule keeps it.
    let of_all = plan("groups", &format!(r#"{{ "ledger": {{ {all} }} }}"#));
    let again = tree(&of_all, 1, &[]);
    assert_eq!(again["groups"]["ledger"]["sink"]["memory"], 50);
    let said = |keys: &str| message("groups", &format!(r#"{{ "ledger": {{ "sink": {keys} }} }}"#));
    for (keys, words) in [
        ("{}", "a sink needs \"writes\""),
        (r#"{ "writes": "twice" }"#, "unknown way to write to a sink \"twice\""),
        (r#"{ "writes": "append", "memory": 5 }"#, "recognises no record, and needs no memory"),
        (r#"{ "writes": "upsert", "memory_in": "sink" }"#, "needs no memory_in"),
        (
            r#"{ "writes": "with-position", "memory": 5 }"#,
            "recognises no record, and needs no memory",
        ),
        (r#"{ "writes": "then-position" }, "workers": 2"#, "needs the order of the partition"),
        (r#"{ "writes": "once-per-record", "memory": 0 }"#, "0 is not"),
        (r#"{ "writes": "once-per-record", "memory_in": "cache" }"#, "unknown place for a memory"),
    ] {
        assert!(said(keys).contains(words), "{}", said(keys));
    }
}
