//! What a seed decides for one thing does not depend on the others.

use ackproof_scenario::plan::{Action, Plan, Producer};
use ackproof_scenario::resolve::{Names, load_with};
use ackproof_scenario::schedule::{Schedule, ScheduledFault, Start, Workload};
use ackproof_types::{Micros, ProducerIndex, Record};

fn plan(faults: &str, rest: &str) -> Plan {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let text = format!(
        r#"{{ "topics": {{ "payments": {{}} }}, "producers": {{ "billing": {{ "keys": 9 }} }},
             "faults": [{faults}]{rest} }}"#
    );
    load_with(&text, "test.json", &names, &[]).unwrap_or_else(|found| panic!("{found:#?}")).0
}

fn workload(seed: u64, instance: u16, plan: &Plan) -> Vec<(Micros, Record)> {
    let place = (ProducerIndex(instance), instance);
    Workload::new(seed, place, &plan.producers[0], plan.load).collect()
}

const FIRST: &str = r#"{ "between": ["2s", "20s"], "every": "1s..3s",
    "one_of": [{ "crash": "any broker", "for": "1s..2s" }, { "pause": "any broker" }] }"#;
const SECOND: &str = r#"{ "between": ["1s", "25s"], "every": "1s..3s", "reset": "any broker" }"#;

fn at(fault: &ScheduledFault) -> Micros {
    match fault.start {
        Start::At(at) => at,
        Start::After(..) | Start::On(_) => panic!("no fault waits here"),
    }
}

/// The faults of `plan` but for the resets, without the number of their entry.
fn others(plan: &Plan, seed: u64) -> Vec<ScheduledFault> {
    let mut faults = Schedule::new(plan, seed).faults;
    faults.retain(|fault| fault.kind.action != Action::Reset);
    faults.iter_mut().for_each(|fault| fault.entry = 0);
    faults
}

#[test]
fn another_fault_moves_no_fault_and_no_record() {
    let alone = plan(FIRST, "");
    // Behind it, before it, and twice.
    for order in [
        format!("{FIRST}, {SECOND}"),
        format!("{SECOND}, {FIRST}"),
        format!("{SECOND}, {FIRST}, {SECOND}"),
    ] {
        let both = plan(&order, "");
        for seed in 0..50 {
            let faults = Schedule::new(&both, seed).faults;
            let is_second = |fault: &ScheduledFault| fault.kind.action == Action::Reset;
            assert!(faults.iter().any(is_second), "seed {seed} has the second");
            assert!(faults.windows(2).all(|pair| at(&pair[0]) <= at(&pair[1])), "by time");
            assert_eq!(others(&both, seed), others(&alone, seed), "seed {seed}");
            assert_eq!(workload(seed, 0, &alone), workload(seed, 0, &both), "seed {seed}");
        }
    }
}

#[test]
fn entries_that_are_alike_are_drawn_apart() {
    let twice = plan(&format!("{SECOND}, {SECOND}"), "");
    let faults = Schedule::new(&twice, 1).faults;
    let times = |entry| {
        let of = faults.iter().filter(move |fault| fault.entry == entry);
        of.map(at).collect::<Vec<_>>()
    };
    assert_ne!(times(0), times(1), "not in lockstep");
}

#[test]
fn how_long_a_fault_lasts_moves_neither_its_times_nor_its_victims() {
    let at = |plan: &Plan| {
        let faults = Schedule::new(plan, 5).faults.into_iter();
        faults.map(|fault| (fault.start, fault.pick, fault.kind.action)).collect::<Vec<_>>()
    };
    let short = plan(FIRST, "");
    let fixed = plan(&FIRST.replace("1s..2s", "9s"), "");
    assert_eq!(at(&short), at(&fixed), "only its length");
}

#[test]
fn a_producer_beside_another_and_its_keys_move_no_other_stream() {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let load = |producers: &str| {
        let text =
            format!(r#"{{ "topics": {{ "payments": {{}} }}, "producers": {{ {producers} }} }}"#);
        load_with(&text, "test.json", &names, &[]).unwrap_or_else(|found| panic!("{found:#?}")).0
    };
    let alone = load(r#""billing": { "keys": 9 }"#);
    let beside = load(r#""audit": {}, "billing": { "keys": 9 }"#);
    let times = |index: u16, producer: &Producer| {
        let records = Workload::new(4, (ProducerIndex(index), 0), producer, alone.load);
        records.map(|(at, record)| (at, record.key, record.size)).collect::<Vec<_>>()
    };
    assert_eq!(
        times(0, &alone.producers[0]),
        times(1, &beside.producers[1]),
        "named, not numbered"
    );
    let keyless = load(r#""billing": {}"#);
    let sizes = |producer: &Producer| {
        times(0, producer).into_iter().map(|(at, _, size)| (at, size)).collect::<Vec<_>>()
    };
    assert_eq!(
        sizes(&alone.producers[0]),
        sizes(&keyless.producers[0]),
        "keys apart from the rest"
    );
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

#[test]
fn choices_come_by_weight() {
    let plan = plan(
        r#"{ "between": ["0s", "30s"], "every": "10ms..20ms", "one_of": [
            { "weight": 1, "reset": "any broker" }, { "weight": 3, "pause": "any broker" },
            { "weight": 1000000, "crash": "any broker", "for": "1s" } ] },
           { "between": ["0s", "30s"], "every": "10ms..20ms", "one_of": [
            { "weight": 1, "reset": "any broker" }, { "weight": 3, "pause": "any broker" } ] }"#,
        "",
    );
    let faults = Schedule::new(&plan, 2).faults;
    let count = |entry, action: &Action| {
        faults.iter().filter(|one| one.entry == entry && one.kind.action == *action).count()
    };
    assert!(count(0, &Action::Crash) > 1500, "hardly anything else");
    assert!(count(0, &Action::Reset) < 20, "a millionth");
    let (resets, pauses) = (count(1, &Action::Reset), count(1, &Action::Pause));
    assert!(pauses > 2 * resets && pauses < 4 * resets, "{pauses} to {resets}");
}
