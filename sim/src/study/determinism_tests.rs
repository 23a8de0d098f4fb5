//! Runs that really differ: every call of the runner takes the next seed, as a run would that draws
//! from outside its seed.

use super::*;
use crate::world::bounds::Failure;
use crate::world::run::run;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_with};
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};

fn plan() -> Plan {
    let text = r#"{
        "topics": { "t": {} }, "producers": { "p": { "rate": "20/s" } },
        "run": { "load": "3s", "settle": "1s" }
    }"#;
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    load_with(text, "test", &names, &[]).unwrap().0
}

/// A runner that gives the seeds one after the other.
fn drifting(
    plan: &Plan,
    seeds: [u64; 4],
) -> impl Fn(Option<Trace>) -> Result<RunOutcome, Failure> + '_ {
    let calls = AtomicU64::new(0);
    move |trace| {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        run(plan, seeds[usize::try_from(call).unwrap()], trace)
    }
}

#[test]
fn equal_runs_do_not_part() {
    let plan = plan();
    let again = drifting(&plan, [7, 7, 7, 7]);
    let first = again(None).unwrap();
    assert_eq!(divergence(&first, again), Ok(None));
}

#[test]
fn runs_that_differ_part_at_a_named_entry() {
    let plan = plan();
    let again = drifting(&plan, [7, 8, 7, 8]);
    let first = again(None).unwrap();
    let found = divergence(&first, again).unwrap().unwrap();
    assert_ne!(found.digests.0, found.digests.1);
    let (one, other) = found.entries.clone().unwrap();
    let parse = |text: Option<String>| serde_json::from_str::<Value>(&text.unwrap()).unwrap();
    let (one, other) = (parse(one), parse(other));
    assert_eq!(one["seq"], other["seq"], "the first that differs has one place in both");
    for entry in [&one, &other] {
        assert_eq!(entry["at_us"].as_u64().unwrap() / 1_000_000, found.second);
    }
    let text = found.to_string();
    assert!(text.contains(&format!("second {}", found.second)) && text.contains("at_us"), "{text}");
}

#[test]
fn a_difference_that_does_not_come_again_is_told_without_an_entry() {
    let plan = plan();
    let again = drifting(&plan, [7, 8, 7, 7]);
    let first = again(None).unwrap();
    let found = divergence(&first, again).unwrap().unwrap();
    assert_eq!(found.entries, None);
    assert!(found.to_string().contains("two more runs"), "{found}");
}

#[test]
fn a_run_that_has_no_more_differs_too() {
    let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let (long, short) = (lines(&["a", "b"]), lines(&["a"]));
    let found = first_difference(&long, &short);
    assert_eq!(found, Some((Some("b".to_owned()), None)));
    assert_eq!(first_difference(&long, &long), None);
}
