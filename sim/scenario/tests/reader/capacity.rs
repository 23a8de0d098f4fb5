//! What a broker's machine can do, and what is said about mistakes in it.

use crate::common::{NAMES, message, plan, scenario};
use ackproof_scenario::capacity::{Capacity, PROFILES, Quotas};
use ackproof_scenario::resolve::load_with;
use ackproof_scenario::settings::{CONDITIONAL, Scope, find};
use ackproof_scenario::write::tree;
use ackproof_types::Micros;

fn capacity(text: &str) -> Option<Capacity> {
    plan("cluster", &format!(r#"{{ "capacity": {text} }}"#)).main().capacity
}

#[test]
fn single_figures_go_before_those_of_the_profile() {
    assert_eq!(plan("cluster", "{}").main().capacity, None, "off");
    assert_eq!(capacity("{}"), Some(Capacity::default()), "nothing takes time");
    let small = PROFILES[0].capacity;
    assert_eq!(small.profile, Some("small-vm"));
    assert_eq!(capacity(r#""small-vm""#), Some(small));
    assert_eq!(
        capacity(r#"{ "disk": "2MB/s", "profile": "small-vm", "page_cache": 0 }"#),
        Some(Capacity { disk: Some(2_000_000), page_cache: Some(0), ..small })
    );
    let own = r#"{ "request": "1ms", "handler": "3MB/s", "network": "4kB/s", "cores": 3, "network_request": "7us" }"#;
    assert_eq!(
        capacity(own),
        Some(Capacity {
            request: Some(Micros::from_millis(1)),
            handler: Some(3_000_000),
            network: Some(4000),
            cores: Some(3),
            network_request: Some(Micros(7)),
            ..Capacity::default()
        })
    );
}

#[test]
fn a_schedule_keeps_it() {
    for text in [
        r#""small-vm""#,
        r#"{ "profile": "small-vm", "disk": "2MB/s", "page_cache": 5 }"#,
        r#"{ "cores": 1, "network_request": "2us", "request": "100us", "handler": "1MB/s", "network": "2MB/s" }"#,
        "{}",
    ] {
        let first = plan("cluster", &format!(r#"{{ "capacity": {text} }}"#));
        let written = tree(&first, 0, &[])["cluster"].to_string();
        assert_eq!(plan("cluster", &written).main().capacity, first.main().capacity, "{written}");
    }
}

#[test]
fn mistakes_are_told() {
    let said = |text: &str| message("cluster", &format!(r#"{{ "capacity": {text} }}"#));
    for (text, words) in [
        (r#""small""#, "cluster.capacity: unknown profile of a machine \"small\""),
        (r#"{ "profile": "big" }"#, "cluster.capacity.profile: unknown profile of a machine"),
        ("7", "cluster.capacity: expected a profile like \"small-vm\" or an object"),
        (r#"{ "disc": "1MB/s" }"#, "cluster.capacity.disc: unknown key \"disc\""),
        (r#"{ "disk": 5 }"#, "a bare number where a unit is needed (write \"5MB/s\")"),
        (r#"{ "cores": 0 }"#, "cluster.capacity.cores: 0 is not within 1 and 1024"),
        (r#"{ "page_cache": -1 }"#, "cluster.capacity.page_cache: -1 is not within 0 and"),
    ] {
        assert!(said(text).contains(words), "{}", said(text));
    }
}

/// Nobody waits for a thread where requests take no time.
#[test]
fn threads_have_no_effect_without_it() {
    let warned = |rest: &str| {
        let threads = r#""config": { "num.io.threads": 2, "queued.max.requests": 5 }"#;
        let text = scenario("cluster", &format!("{{ {threads} {rest} }}"));
        let (plan, found) = load_with(&text, "test.json", &NAMES, &[]).expect("it is accepted");
        assert_eq!(plan.main().config.number("num.io.threads"), 2);
        (plan.ignored.len(), found.iter().map(ToString::to_string).collect::<String>())
    };
    let (ignored, found) = warned("");
    assert_eq!(ignored, 2, "{found}");
    let words = "\"num.io.threads\" has no effect without \"cluster.capacity\"";
    assert!(found.contains(words), "{found}");
    assert_eq!(warned(r#", "capacity": "small-vm""#), (0, String::new()));
}

#[test]
fn quotas_are_bytes_a_second() {
    let spelt = r#"{ "quotas": { "producer_byte_rate": 20000, "consumer_byte_rate": 7 } }"#;
    let first = plan("cluster", spelt);
    assert_eq!(first.main().quotas, Quotas { producer: Some(20_000), consumer: Some(7) });
    assert_eq!(plan("cluster", "{}").main().quotas, Quotas::default(), "without bound");
    let expected: serde_json::Value = serde_json::from_str(spelt).expect("JSON");
    assert_eq!(tree(&first, 0, &[])["cluster"], expected, "a schedule keeps them");
    let said = |text: &str| message("cluster", &format!(r#"{{ "quotas": {text} }}"#));
    assert!(said(r#"{ "producer_byte_rate": 0 }"#).contains("0 is not within 1 and"));
    assert!(said(r#"{ "producer_rate": 5 }"#).contains("unknown key \"producer_rate\""));
    let ignored = |rest: &str| {
        let windows = r#""config": { "quota.window.num": 5 }"#;
        let text = scenario("cluster", &format!("{{ {windows} {rest} }}"));
        load_with(&text, "test.json", &NAMES, &[]).expect("it is accepted").0.ignored.len()
    };
    assert_eq!(ignored(""), 1, "nobody is held up");
    assert_eq!(ignored(r#", "quotas": { "consumer_byte_rate": 5 }"#), 0);
}

#[test]
fn what_records_shrink_to_needs_a_compression_and_the_other_way_round() {
    let text = |keys: &str| scenario("producers", &format!(r#"{{ "billing": {{ {keys} }} }}"#));
    let loaded = |keys: &str| load_with(&text(keys), "test.json", &NAMES, &[]);
    let kind = r#""config": { "compression.type": "lz4" }"#;
    let (plan, found) = loaded(&format!(r#""compressed_to": "40%", {kind}"#)).expect("fine");
    assert_eq!((plan.producers[0].compressed_to, found.len()), (400_000, 0));
    assert_eq!(tree(&plan, 0, &[])["producers"]["billing"]["compressed_to"], "40%");
    let (plan, found) = loaded(kind).expect("it is accepted");
    assert_eq!(plan.producers[0].compressed_to, 1_000_000);
    assert!(found[0].message.contains("has no effect without \"compressed_to\""), "{found:?}");
    for keys in [r#""compressed_to": "40%""#, &format!(r#""compressed_to": "0%", {kind}"#)] {
        assert!(loaded(keys).is_err(), "{keys}");
    }
}

#[test]
fn what_counts_only_with_a_word_of_the_scenario_is_modelled() {
    for key in CONDITIONAL {
        let is_modelled = |scope| find(scope, key).is_some_and(|one| one.is_modelled());
        assert!(is_modelled(Scope::Broker) || is_modelled(Scope::Producer), "{key}");
    }
}
