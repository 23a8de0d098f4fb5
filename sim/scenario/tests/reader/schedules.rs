//! What a schedule says that other scenarios do not: its seed, every record, moments to wait for.

use crate::common::{fault, load, message, plan, scenario};
use ackproof_scenario::anchor::{Anchor, spell};
use ackproof_scenario::plan::When;
use ackproof_scenario::schedule::{Schedule, Start, Workload};
use ackproof_scenario::write::tree;
use ackproof_types::{Micros, ProducerIndex};

fn sends(list: &str) -> String {
    format!(r#"{{ "billing": {{ "instances": 2, "sends": {{ "billing-1": [{list}] }} }} }}"#)
}

#[test]
fn records_are_those_that_are_listed() {
    let plan = plan("producers", &sends(r#""1s key 7 size 120", "1.5s", "1.5s size 9""#));
    let records = |seed, instance| {
        let place = (ProducerIndex(instance), instance);
        let workload = Workload::new(seed, place, &plan.producers[0], plan.load);
        let plain = workload.map(|(at, record)| (at.0, record.key, record.size, record.id.number));
        plain.collect::<Vec<_>>()
    };
    let listed = [(1_000_000, Some(7), 120, 0), (1_500_000, None, 100, 1), (1_500_000, None, 9, 2)];
    assert_eq!(records(1, 1), listed);
    assert_eq!(records(2, 1), listed, "whatever the seed");
    assert_eq!(records(1, 0), [], "an instance without a list");
}

#[test]
fn mistakes_in_records_are_shown() {
    let of = |list: &str| message("producers", &sends(list));
    let first = "producers.billing.sends.billing-1[0]";
    for (list, said) in [
        ("\"soon\"", "\"soon\" is not a record; write \"1.5s\", or \"1.5s key 17 size 120\""),
        ("\"100ms\"", "the producer starts at 1s, after this"),
        ("\"31s\"", "the load ends at 30s; no record is sent later"),
        ("\"1s size 0\"", "0 bytes: a record has from 1 to 104857600"),
    ] {
        assert_eq!(of(list), format!("{first}: {said}"));
    }
    let unsorted = of("\"2s\", \"1s\"");
    assert!(unsorted.contains("before the record above it"), "{unsorted}");
    let unknown = r#"{ "billing": { "sends": { "biling-0": [] } } }"#;
    let unknown = message("producers", unknown);
    assert!(unknown.contains("unknown instance of billing \"biling-0\""), "{unknown}");
    assert!(unknown.contains("did you mean \"billing-0\"?"), "{unknown}");
    let both = r#"{ "billing": { "rate": "10/s", "sends": {} } }"#;
    let both = message("producers", both);
    assert!(both.contains("it excludes \"rate\""), "{both}");
}

#[test]
fn a_seed_is_a_whole_number() {
    let with = |seed: &str| scenario("run", &format!("{{}}, \"seed\": {seed}"));
    assert_eq!(load(&with("18446744073709551614"), &[]).unwrap().seed, Some(u64::MAX - 1));
    for wrong in ["-1", "1.5", "\"7\"", "18446744073709551615"] {
        let found = load(&with(wrong), &[]).expect_err(wrong);
        assert!(found[0].message.starts_with("a seed is a whole number"), "{found:#?}");
    }
}

#[test]
fn every_moment_is_spelt_as_it_is_read() {
    for text in [
        "leader of payments-0 appends offset 117",
        "leader of payments-0 appends billing-0#12",
        "broker-2 appends payments-0 offset 117",
        "broker-2 appends billing-1#12",
        "broker-2 becomes leader of payments-0",
        "billing-0#12 is sent",
        "billing-0#12 is acknowledged",
        "ledger-1 processes payments-0 offset 5",
        "ledger processes billing-0#5",
        "ledger-1 commits payments-0 offset 6",
        "ledger commits payments-0 offset 6",
    ] {
        let faults = format!(r#"[{{ "after": "{text}", "plus": "1.2ms", "crash": "broker-1" }}]"#);
        let plan = plan("faults", &faults);
        let When::After { anchor, plus } = plan.faults[0].when else { panic!("{text}") };
        assert_eq!((spell(anchor, &plan), plus), (text.to_owned(), Micros(1200)));
    }
}

#[test]
fn moments_that_make_no_sense_are_refused_with_a_hint() {
    let after = |text: &str| fault(&format!(r#"{{ "after": "{text}", "crash": "broker-1" }}"#));
    for (text, said) in [
        ("leader of payments-0 append offset 117", "did you mean \"leader of payments-0 appends"),
        ("leader of payments-9 appends offset 1", "\"payments\" has no partition number 9"),
        ("leader of payments-0 appends payments-1 offset 1", "another partition"),
        ("controller appends payments-0 offset 1", "\"controller\" appends nothing"),
        ("broker-1 appends offset 1", "not a place in a log"),
        ("broker-1 appends billing-0#x", "not a record"),
        ("ledger-0#1 is sent", "\"ledger-0\" is not a producer"),
        ("broker-1 processes payments-0 offset 1", "processes nothing"),
        ("billing-0 becomes leader of payments-0", "\"billing-0\" is not a broker"),
        ("everything is fine", "nothing that a fault can wait for"),
    ] {
        let told = after(text);
        assert!(told.starts_with("faults[0].after: ") && told.contains(said), "{text}: {told}");
    }
    let both = fault(r#"{ "at": "1s", "after": "billing-0#1 is sent", "crash": "broker-1" }"#);
    assert!(both.contains("one of \"at\", \"between\" and \"after\""), "{both}");
    let plus = fault(r#"{ "at": "1s", "plus": "1s", "crash": "broker-1" }"#);
    assert!(plus.contains("\"plus\" goes with \"after\" and \"on\" only"), "{plus}");
}

#[test]
fn a_fault_that_waits_keeps_its_place_among_the_others() {
    let plan = plan(
        "faults",
        r#"[{ "at": "5s", "reset": "broker-1" },
            { "after": "billing-0#1 is sent", "reset": "broker-2" },
            { "at": "4s", "reset": "broker-3" }, { "at": "9s", "reset": "broker-3" }]"#,
    );
    let starts: Vec<Start> =
        Schedule::new(&plan, 1).faults.iter().map(|fault| fault.start).collect();
    let at = |seconds| Start::At(Micros::from_secs(seconds));
    assert_eq!((starts[0], starts[1], starts[3]), (at(4), at(5), at(9)));
    assert!(matches!(starts[2], Start::After(Anchor::Sent(_), Micros(0))), "{starts:?}");
}

#[test]
fn a_startup_of_its_own_is_written_and_read_again() {
    let spelt = r#"{ "startup": { "brokers": "1s..3s" } }"#;
    let plan = plan("cluster", spelt);
    let whole = tree(&plan, 1, &[]);
    let expected: serde_json::Value = serde_json::from_str(spelt).unwrap();
    assert_eq!(whole["cluster"], expected, "only what differs");
}
