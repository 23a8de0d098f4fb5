//! What trials of the tool found wrong with sends: counts, causes, stalls, each with the right value. Inputs are
//! in `data/trials`.

use crate::cli::run;
use crate::support::{load, outcome, root};
use ackproof_oracle::cause::{SendCause, SendEnd};
use ackproof_oracle::verdict::RecordCounts;
use ackproof_types::{ErrorCode, Micros};
use serde_json::Value;
use std::collections::BTreeMap;

fn records(name: &str, seed: u64) -> RecordCounts {
    outcome(&load(&path(name), &[]), seed).findings.records
}

fn path(name: &str) -> String {
    format!("tests/tests/data/trials/{name}.json")
}

#[test]
fn what_timed_out_is_not_lost() {
    let file = path("lost-counts-timeouts");
    let ran = run(&root(), &["run", &file, "--seeds", "0..3"]);
    assert_eq!(ran.status, 0, "{}", ran.out);
    let absent = (0..3).map(|seed| records("lost-counts-timeouts", seed)).find(|found| {
        assert_eq!(found.lost, 0);
        found.unknown_absent > 0
    });
    assert!(absent.is_some(), "some records timed out and are in no log");
    let why = ran.out.lines().find(|line| line.contains(" unknown, absent in "));
    let why = why.expect("they have a cause");
    assert!(why.contains(", delivery.timeout.ms=") && why.contains(" used up ("), "{why}");
    let strict = ["run", &file, "--seeds", "0..3", "--set", "expect.unknown_absent.max=0"];
    assert_eq!(run(&root(), &strict).status, 1, "the limit on them has a name of its own");
    let arms = ["--set", "acks=1", "--set", "acks=all", "--seeds", "3", "--format", "json"];
    let ran = run(&root(), &[&["compare", &file], arms.as_slice()].concat());
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(report["measures"][0]["name"], "lost");
    assert_eq!(report["arms"][1]["values"][0]["mean"], 0.0, "acks=all loses nothing");
}

#[test]
fn a_loss_that_settings_allow_is_in_the_headline() {
    let file = path("acks-one-without-expect");
    for seeds in [["--seed", "0"], ["--seeds", "0..3"]] {
        let ran = run(&root(), &[&["run", &file], seeds.as_slice()].concat());
        assert_eq!(ran.status, 0, "{}", ran.out);
        let headline = ran.out.lines().next().expect("a line");
        assert!(headline.starts_with("MET, "), "{headline}");
        assert!(headline.contains(" acknowledged records lost, as acks=1 allows"), "{headline}");
    }
}

#[test]
fn a_violation_that_explain_tells_is_its_status() {
    let file = "scenarios/basics/chaos.json";
    let broken = ["--set", "variants=[\"hw-ignores-followers\"]"];
    let told = run(&root(), &[&["explain", file, "--example", "1"], broken.as_slice()].concat());
    assert!(told.out.starts_with("VIOLATED"), "{}", told.out);
    assert_eq!(told.status, 1);
}

#[test]
fn a_call_of_send_counts_from_the_call() {
    let ran = run(&root(), &["run", &path("send-blocks")]);
    assert_eq!(ran.status, 1, "{}", ran.out);
    let longest =
        outcome(&load(&path("send-blocks"), &[]), 0).findings.pace.writes.expect("writes").longest;
    let expected = Micros::from_secs(45)..Micros::from_secs(52);
    assert!(expected.contains(&longest), "{longest}");
}

/// All that failed, or is unknown, has one cause each.
fn adds_up(found: &RecordCounts) {
    assert_eq!(found.failure_causes.values().sum::<u64>(), found.failed);
    assert_eq!(found.unknown_causes.values().sum::<u64>(), found.unknown);
}

#[test]
fn a_send_that_failed_names_the_setting_that_was_used_up() {
    let found = records("retries-used-up", 0);
    adds_up(&found);
    let used_up = |end: SendEnd| {
        let causes = found.failure_causes.iter().filter(move |(cause, _)| cause.end == end);
        causes.map(|(_, count)| count).sum::<u64>()
    };
    assert!(found.failed > 1000 && used_up(SendEnd::Retries(3)) * 10 > found.failed * 9);
    let ran = run(&root(), &["run", &path("retries-used-up")]);
    assert!(ran.out.contains("NOT_ENOUGH_REPLICAS, retries=3 used up"), "{}", ran.out);
    let swept = run(&root(), &["run", &path("retries-used-up"), "--seeds", "0..2"]);
    assert!(swept.out.contains("NOT_ENOUGH_REPLICAS, retries=3 used up"), "{}", swept.out);
}

#[test]
fn a_delivery_timeout_is_named_with_the_last_error() {
    for (name, ms) in [
        ("delivery-timeout-short", 30_005),
        ("idempotent-expiry-gap", 5000),
        ("isr-thrashing", 30_000),
    ] {
        let wanted = SendEnd::DeliveryTimeout(Micros::from_millis(ms));
        let found: Vec<RecordCounts> = (0..3).map(|seed| records(name, seed)).collect();
        found.iter().for_each(adds_up);
        let causes =
            found.iter().flat_map(|one| one.failure_causes.keys().chain(one.unknown_causes.keys()));
        let ends: Vec<SendEnd> = causes.map(|cause| cause.end).collect();
        assert!(ends.contains(&wanted), "{name}: {ends:?}");
        assert!(!ends.contains(&SendEnd::NotOnRecord), "{name}: {ends:?}");
    }
}

#[test]
fn a_timeout_is_dropped_or_sent_again_as_the_scenario_says() {
    let with = |word: &str| {
        let timeout = "producers.dev.config.delivery.timeout.ms";
        let sets = [("producers.dev.on_failure", word), (timeout, "3005")];
        outcome(&load(&path("reordering-in-flight"), &sets), 0).findings
    };
    let dropped = with("drop").records;
    assert!(dropped.dropped > 0 && dropped.sent_again == 0, "{dropped:?}");
    assert_eq!(dropped.dropped, dropped.failed + dropped.unknown);
    let again = with("resend").records;
    assert!(again.sent_again > 0 && again.dropped == 0, "{again:?}");
    assert_eq!((again.acked, again.lost), (again.sent, 0), "until it is acknowledged");
    let stopped = with("stop");
    assert!(stopped.witnesses["process_restarted"] > 0, "{:?}", stopped.witnesses);
    assert_eq!(stopped.records.acked, stopped.records.sent);
}

/// What an application forgets when it crashes is not written, and not lost either.
#[test]
fn a_crash_is_made_up_for_as_the_scenario_says() {
    let with = |word: &str| {
        let set = ("producers.script.after_crash", word);
        outcome(&load(&path("exit-without-flush"), &[set]), 0).findings.records
    };
    let (again, dropped) = (with("resend"), with("drop"));
    assert_eq!((again.acked, dropped.lost), (again.sent, 0));
    assert!(dropped.unknown > 0 && dropped.unknown == dropped.open_at_end, "{dropped:?}");
}

/// Refused by the client, by the broker, and by the broker after each split.
#[test]
fn a_record_that_is_too_large_is_told_as_such() {
    let taken = ("topics.payments.config.max.message.bytes", "2000");
    let of = |sets: &[(&str, &str)]| {
        outcome(&load("scenarios/basics/flush-at-end.json", sets), 0).findings.records
    };
    let told = |found: &RecordCounts, causes: &BTreeMap<SendCause, u64>, end: SendEnd| {
        adds_up(found);
        let cause = SendCause { error: Some(ErrorCode::MessageTooLarge), end };
        assert_eq!(causes.get(&cause).copied().unwrap_or(0) + found.acked, 1000, "{causes:?}");
        assert_eq!(found.lost, 0);
    };
    let by_client = of(&[("producers.script.config.max.request.size", "240")]);
    assert!(by_client.acked > 0, "the small ones pass: {by_client:?}");
    told(&by_client, &by_client.failure_causes, SendEnd::Final);
    let single = ("producers.script.config.batch.size", "100");
    let by_broker = of(&[taken, single, ("producers.script.size", "3000..3000")]);
    told(&by_broker, &by_broker.failure_causes, SendEnd::Final);
    assert_eq!(by_broker.failed, 1000);
    let timeout = "producers.script.config.delivery.timeout.ms";
    let kafka = ("kafka", "4.2");
    let split = of(&[taken, kafka, (timeout, "31000")]);
    let used_up = SendEnd::DeliveryTimeout(Micros::from_secs(31));
    told(&split, &split.unknown_causes, used_up);
    let early = of(&[taken, ("kafka", "4.1"), (timeout, "31000")]);
    let ended = early.unknown_causes.keys().any(|cause| cause.end == SendEnd::ProducerEnded);
    assert!(ended, "R17.33: flush did not wait for the parts: {early:?}");
}

/// R6.17, R17.30: what switched idempotence off stands in the report, beside what that allows.
#[test]
fn idempotence_that_was_switched_off_is_told_with_its_reason() {
    let file = path("acks-one-without-expect");
    let explained = |sets: &[&'static str]| {
        let mut arguments = vec!["explain", &file, "--seeds", "0..1"];
        sets.iter().for_each(|set| arguments.extend(["--set", *set]));
        run(&root(), &arguments)
    };
    const OFF: &str = "acks=1 switched idempotence off by itself";
    let silent = explained(&[]);
    assert!(silent.out.contains(OFF), "{}", silent.out);
    assert!(silent.talk.contains("\"enable.idempotence\" is off"), "{}", silent.talk);
    let meant = explained(&["producers.shop.config.enable.idempotence=false"]);
    assert!(!meant.out.contains("switched idempotence off"), "{}", meant.out);
    assert!(!meant.talk.contains("is off"), "{}", meant.talk);
    let refused = explained(&["producers.shop.config.enable.idempotence=true"]);
    assert_eq!(refused.status, 2, "{}", refused.talk);
    assert!(refused.talk.contains("an idempotent producer needs acks=all"), "{}", refused.talk);
    let many = "producers.shop.config.max.in.flight.requests.per.connection=6";
    let refused = explained(&["producers.shop.config.acks=all", many]);
    assert_eq!(refused.status, 2, "no line from 4.0 on falls back: {}", refused.talk);
}

#[test]
fn what_came_behind_an_expired_batch_is_told() {
    let found = (0..5).map(|seed| records("idempotent-expiry-gap", seed).behind_expired);
    let all: Vec<_> = found.filter(|behind| behind.batches > 0).collect();
    assert!(all.iter().any(|behind| behind.acked + behind.failed > 0), "{all:?}");
    let ran = run(&root(), &["run", &path("idempotent-expiry-gap"), "--seeds", "0..5"]);
    assert!(ran.out.contains("of idempotent producers expired"), "{}", ran.out);
}

#[test]
fn reordering_by_retries_is_told_and_is_possible() {
    let found = records("reordering-in-flight", 0);
    assert!(found.reordered > 0);
    assert_eq!(found.reorder_causes.values().sum::<u64>(), found.reordered);
    let ran = run(&root(), &["run", &path("reordering-in-flight")]);
    assert!(ran.out.contains("behind a later one of the same producer"), "{}", ran.out);
    assert!(ran.out.contains("(in-flight-retry)"), "{}", ran.out);
    let arguments =
        ["explain", &path("reordering-in-flight"), "--seeds", "0..8", "--format", "json"];
    let report: Value = serde_json::from_str(&run(&root(), &arguments).out).expect("JSON");
    let possible = report["scenarios"][0]["contract"]["possible"].as_array().expect("a contract");
    let order = possible.iter().find(|one| one["fate"] == "reordered").expect("it is possible");
    assert!(!order["seeds"].as_array().expect("a list").is_empty(), "a witness: {order}");
}

#[test]
fn more_in_sync_replicas_than_there_are_is_as_many_as_there_are() {
    let ran = run(&root(), &["run", &path("min-isr-above-rf")]);
    assert_eq!(ran.status, 0, "{}{}", ran.talk, ran.out);
    let found = records("min-isr-above-rf", 0);
    assert_eq!((found.acked, found.failed), (found.sent, 0));
}
