//! What a seed decides for one thing does not depend on the others.

use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_with};
use ackproof_scenario::schedule::{Schedule, ScheduledFault, Workload};
use ackproof_types::{Micros, ProducerIndex, Record};

fn plan(faults: &str, rest: &str) -> Plan {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let text = format!(
        r#"{{ "topics": {{ "payments": {{}} }}, "producers": {{ "billing": {{ "keys": 9 }} }},
             "faults": [{faults}]{rest} }}"#
    );
    load_with(&text, "test.json", &names, &[]).unwrap_or_else(|found| panic!("{found:#?}")).0
}

fn workload(seed: u64, index: u16, plan: &Plan) -> Vec<(Micros, Record)> {
    Workload::new(seed, ProducerIndex(index), &plan.producers[0], plan.load).collect()
}

const FIRST: &str = r#"{ "between": ["2s", "20s"], "every": "1s..3s",
    "one_of": [{ "crash": "any broker", "for": "1s..2s" }, { "pause": "any broker" }] }"#;
const SECOND: &str = r#"{ "between": ["1s", "25s"], "every": "1s..3s", "reset": "any broker" }"#;

#[test]
fn another_fault_moves_no_fault_and_no_record() {
    let (alone, both) = (plan(FIRST, ""), plan(&format!("{FIRST}, {SECOND}"), ""));
    let is_second =
        |fault: &ScheduledFault| fault.kind.action == ackproof_scenario::plan::Action::Reset;
    for seed in 0..50 {
        let mut faults = Schedule::new(&both, seed).faults;
        assert!(faults.iter().any(is_second), "seed {seed} has the second");
        assert!(faults.windows(2).all(|pair| pair[0].at <= pair[1].at), "by time");
        faults.retain(|fault| !is_second(fault));
        assert_eq!(faults, Schedule::new(&alone, seed).faults, "seed {seed}");
        assert_eq!(workload(seed, 0, &alone), workload(seed, 0, &both), "seed {seed}");
    }
}

#[test]
fn workloads_differ_by_seed_and_instance_and_repeat() {
    let plan = plan("", "");
    let first = workload(7, 0, &plan);
    assert_eq!(first, workload(7, 0, &plan), "reading again gives the same");
    assert_ne!(first, workload(8, 0, &plan), "another seed");
    let other: Vec<_> = workload(7, 1, &plan).into_iter().map(|(at, _)| at).collect();
    assert!(first.iter().map(|(at, _)| *at).ne(other), "another instance");
    // 29 s at 100/s, give or take.
    assert!((2700..3100).contains(&first.len()), "{} records", first.len());
}

#[test]
fn a_longer_load_only_adds_records() {
    let (short, long) = (plan("", ""), plan("", r#", "run": { "load": "40s" }"#));
    let (short, long) = (workload(3, 0, &short), workload(3, 0, &long));
    assert_eq!(short, long[..short.len()], "the same beginning");
    assert!(short.len() < long.len(), "and more");
}
