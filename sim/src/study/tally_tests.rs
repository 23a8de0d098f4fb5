//! Runs of one scenario added up, and what is decided on them together.

use super::*;
use crate::study::test_report::{COMMITS, DURABILITY, fault, plan, report};
use ackproof_reports::sweep::SeedRange;
use ackproof_reports::verdict::Judgement::{Held, Vacuous, Violated};
use ackproof_reports::verdict::{Judgement, Reason};

/// Seeds from 0, with these judgements of acked-durability.
fn sweep(plan: &Plan, judgements: &[Judgement]) -> ScenarioReport {
    let asked = asked(judgements.len());
    tally(plan, judgements, &asked).conclude()
}

/// As many seeds from 0.
fn asked(seeds: usize) -> Asked {
    let seeds = SeedRange { from: 0, to: Some(seeds as u64) };
    Asked { seeds, ..Asked::default() }
}

fn tally<'a>(plan: &'a Plan, judgements: &[Judgement], asked: &'a Asked) -> Tally<'a> {
    let mut tally = Tally::new(plan, "a.json", asked);
    for (seed, judgement) in (0..).zip(judgements) {
        let mut run = report(plan, seed, *judgement);
        assess::run(plan, &mut run, assess::Standing::OneOfMany);
        tally.add(seed, Ok(&run));
    }
    tally
}

#[test]
fn all_failing_seeds_are_listed_and_the_first_is_shown_again() {
    let plan = plan("", "");
    let sum = sweep(&plan, &[Held, Violated, Held, Violated]);
    assert_eq!(sum.verdict, Verdict::Violated);
    assert_eq!((sum.seeds.met, sum.seeds.violated.as_slice()), (2, [1, 3].as_slice()));
    let durability = &sum.properties[0];
    assert_eq!((durability.name.as_str(), durability.judged), (DURABILITY, 4));
    assert_eq!(durability.violated, [1, 3]);
    let rate = durability.rate.unwrap();
    assert!(rate.low < 0.5 && rate.high > 0.5, "{rate:?}");
    assert_eq!(durability.first.as_ref().unwrap().summary, "by 1");
    assert_eq!(sum.reproduce, "ackproof run a.json --seed 1");
}

#[test]
fn an_expected_violation_needs_one_seed_of_many() {
    let plan = plan(&format!("\"{DURABILITY}\": \"violated\""), "");
    let one = sweep(&plan, &[Held, Held, Violated]);
    assert_eq!(
        (one.verdict, one.reproduce.as_str()),
        (Verdict::Met, "ackproof run a.json --seed 2")
    );
    let none = sweep(&plan, &[Held, Held, Held]);
    assert_eq!(none.verdict, Verdict::Violated);
    assert_eq!(none.reproduce, "ackproof run a.json --seeds 0..3");
    // One seed proves nothing, nor do some of those that were asked for.
    assert_eq!(sweep(&plan, &[Held]).verdict, Verdict::Inconclusive);
    assert_eq!(tally(&plan, &[Held, Held], &asked(3)).conclude().verdict, Verdict::Inconclusive);
}

#[test]
fn a_witness_needs_one_seed_that_reaches_it() {
    // Seed 2 has 2 rebalances.
    let plan = plan(r#""witness": { "rebalance": 2 }"#, "");
    let sum = sweep(&plan, &[Held, Held, Held]);
    assert_eq!((sum.verdict, sum.demands[0].reached), (Verdict::Met, 1));
    let sum = sweep(&plan, &[Held, Held]);
    assert_eq!((sum.verdict, sum.demands[0].most), (Verdict::Inconclusive, 1));
    assert_eq!(sum.reproduce, "ackproof run a.json --seeds 0..2");
}

#[test]
fn a_property_must_have_judged_in_one_seed() {
    let moved = r#"{ "at": "5s", "crash": "g-0", "for": "3s" }"#;
    let about = |report: ScenarioReport| {
        let names = report.reasons.into_iter().map(|reason| reason.expectation);
        (report.verdict, names.collect::<Vec<_>>())
    };
    let still = plan("", "");
    assert_eq!(about(sweep(&still, &[Vacuous, Held])), (Verdict::Met, vec![]));
    let unsure = (Verdict::Inconclusive, vec![DURABILITY.to_owned()]);
    assert_eq!(about(sweep(&still, &[Vacuous, Vacuous])), unsure);
    let plan = plan("", moved);
    assert_eq!(about(sweep(&plan, &[Held])), (Verdict::Inconclusive, vec![COMMITS.to_owned()]));
}

#[test]
fn a_limit_is_held_by_every_seed() {
    let plan = plan(r#""failed": { "max": 0.5 }, "duplicate_rate": { "max": 0.3 }"#, "");
    let sum = sweep(&plan, &[Held, Held]);
    assert_eq!(sum.verdict, Verdict::Violated);
    let failed = sum.limits.iter().find(|limit| limit.measure == "failed").unwrap();
    assert_eq!((failed.outside.as_slice(), failed.highest), ([0, 1].as_slice(), Some(1.0)));
    let rate = sum.limits.iter().find(|limit| limit.measure == "duplicate_rate").unwrap();
    assert!(rate.outside.is_empty());
}

#[test]
fn a_limit_on_a_rate_is_tested_on_its_interval() {
    // Stalls of 2 to 5 s in 100 s.
    let verdict = |limit: &str| {
        let plan = plan(limit, "");
        sweep(&plan, &[Held; 4]).verdict
    };
    assert_eq!(verdict(r#""unavailability": { "max": 0.10 }"#), Verdict::Met);
    assert_eq!(verdict(r#""unavailability": { "max": 0.04 }"#), Verdict::Inconclusive);
    assert_eq!(verdict(r#""unavailability": { "max": 0.01 }"#), Verdict::Violated);
    assert_eq!(verdict(r#""unavailability": { "min": 0.10 }"#), Verdict::Violated);
    assert_eq!(verdict(r#""read_unavailability": { "min": 0.03 }"#), Verdict::Inconclusive);
    assert_eq!(verdict(r#""end_to_end_latency": { "mean": { "max": "21ms" } }"#), Verdict::Met);
    assert_eq!(verdict(r#""ack_latency": { "mean": { "min": "11ms" } }"#), Verdict::Violated);
    // The longest stall is a value of each run.
    assert_eq!(verdict(r#""longest_stall": { "max": "5s" }"#), Verdict::Met);
    assert_eq!(verdict(r#""longest_stall": { "max": "4999ms" }"#), Verdict::Violated);
}

#[test]
fn a_limit_on_what_no_run_measured_is_inconclusive() {
    let plan = plan(r#""ack_latency": { "p99": { "max": "1s" } }"#, "");
    let asked = asked(2);
    let mut tally = Tally::new(&plan, "a.json", &asked);
    for seed in 0..2 {
        let mut run = report(&plan, seed, Held);
        (run.pace, run.timing) = Default::default();
        assess::run(&plan, &mut run, assess::Standing::OneOfMany);
        tally.add(seed, Ok(&run));
    }
    assert_eq!(tally.conclude().verdict, Verdict::Inconclusive);
}

#[test]
fn a_crash_or_two_different_runs_outweigh_everything() {
    let plan = plan("", "");
    let asked = asked(3);
    let mut sum = tally(&plan, &[Violated], &asked);
    let mut run = report(&plan, 1, Held);
    run.verdict = Verdict::Nondeterministic;
    let text = "they part".to_owned();
    run.reasons =
        vec![Reason { expectation: "run".to_owned(), verdict: run.verdict, text: text.clone() }];
    sum.add(1, Ok(&run));
    sum.add(2, Err(&Failure::Crashed("a bug".to_owned())));
    let sum = sum.conclude();
    assert_eq!(sum.verdict, Verdict::Crashed);
    assert_eq!(sum.crashed, [Incident { seed: 2, text: "a bug".to_owned() }]);
    assert_eq!(sum.nondeterministic, [Incident { seed: 1, text }]);
    assert_eq!((sum.seeds.run, sum.seeds.violated.as_slice()), (2, [0].as_slice()));
    assert_eq!(sum.reproduce, "ackproof run a.json --seed 2");
    let verdicts: Vec<Verdict> = sum.reasons.iter().map(|reason| reason.verdict).collect();
    assert_eq!(verdicts, [Verdict::Crashed, Verdict::Nondeterministic, Verdict::Violated]);
}

#[test]
fn without_any_run_nothing_is_claimed() {
    let plan = plan("", "");
    assert_eq!(tally(&plan, &[], &asked(5)).conclude().verdict, Verdict::Inconclusive);
}

#[test]
fn sums_are_over_all_seeds_and_the_digest_over_their_set() {
    let plan = plan("", "");
    let sum = sweep(&plan, &[Held, Held, Held]);
    assert_eq!((sum.records.sent, sum.messages, sum.simulated_ms), (30, 60, 3000));
    assert_eq!((sum.groups[0].duplicates, sum.groups[0].distinct), (6, 24));
    assert!((sum.groups[0].duplicate_rate - 0.25).abs() < 1e-12);
    let rebalance = sum.witnesses["rebalance"];
    assert_eq!((rebalance.total, rebalance.seeds), (3, 2));
    let asked = asked(3);
    let mut backwards = Tally::new(&plan, "a.json", &asked);
    for seed in [2, 1, 0] {
        backwards.add(seed, Ok(&report(&plan, seed, Held)));
    }
    assert_eq!(backwards.conclude().digest, sum.digest);
    assert_ne!(sweep(&plan, &[Held, Held]).digest, sum.digest);
}

#[test]
fn a_fault_must_strike_in_one_seed() {
    let plan = plan("", r#"{ "at": "5s", "crash": "broker-1", "for": "3s" }"#);
    let sweep = |strikes: &[bool]| {
        let asked = asked(strikes.len());
        let mut tally = Tally::new(&plan, "a.json", &asked);
        for (seed, struck) in (0..).zip(strikes) {
            let mut run = report(&plan, seed, Held);
            run.faults = vec![fault(0, *struck)];
            assess::run(&plan, &mut run, assess::Standing::OneOfMany);
            tally.add(seed, Ok(&run));
        }
        tally.conclude()
    };
    let sum = sweep(&[false, true]);
    assert_eq!((sum.verdict, sum.faults[0].struck, sum.faults[0].idle), (Verdict::Met, 1, 1));
    let sum = sweep(&[false, false]);
    assert_eq!(
        (sum.verdict, sum.reasons[0].expectation.as_str()),
        (Verdict::Inconclusive, "faults[0]")
    );
}
