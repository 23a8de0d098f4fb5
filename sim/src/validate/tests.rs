//! Both sides made by hand, and whether they agree.

use super::*;
use crate::test_report::{DURABILITY, plan, report as simulated};
use ackproof_oracle::judge::Judge;
use ackproof_oracle::verdict::Judgement as Found;
use ackproof_types::Timestamp;
use std::sync::Arc;

/// A real run in which acked-durability concludes this; nothing else happened.
fn checked(durability: Found) -> Checked {
    let context = Arc::new(context(&plan("", ""), &Cast::new(&plan("", ""))));
    let mut findings = Judge::new(Arc::clone(&context)).conclude();
    for result in findings.properties.iter_mut().filter(|one| one.name == DURABILITY) {
        result.judgement = durability;
    }
    findings.records.sent = 3;
    Checked { findings, context, span: Timestamp::START, read: true }
}

/// The match of acked-durability after these real runs, and simulated ones of which some violate it.
fn durability(real: &[Found], violated: u64, runs: u64) -> PropertyMatch {
    let plan = plan("", "");
    let mut validation = Validation::new(&plan, "test.json");
    for judgement in real {
        validation.real("1.jsonl", &checked(*judgement)).unwrap();
    }
    for seed in 0..runs {
        let judgement = if seed < violated { Judgement::Violated } else { Judgement::Held };
        validation.simulated(Ok(&simulated(&plan, seed, judgement)));
    }
    let found = validation.conclude().properties.into_iter().find(|one| one.name == DURABILITY);
    found.expect("it is a property")
}

#[test]
fn outcomes_that_the_rate_makes_improbable_differ() {
    use Found::{Held, Vacuous, Violated};
    let agreement = |real: &[Found], violated| durability(real, violated, 200).agreement;
    assert_eq!(agreement(&[Held; 3], 0), Agreement::Agrees);
    assert_eq!(agreement(&[Violated; 3], 200), Agreement::Agrees);
    assert_eq!(agreement(&[Violated; 3], 0), Agreement::Differs);
    assert_eq!(agreement(&[Held; 3], 200), Agreement::Differs);
    assert_eq!(agreement(&[Held, Violated, Held], 100), Agreement::Agrees);
    assert_eq!(agreement(&[Held; 3], 100), Agreement::Agrees);
    // What judged nothing is no run: one of one violates it.
    assert_eq!(agreement(&[Vacuous, Violated, Vacuous], 0), Agreement::Differs);
    assert_eq!(agreement(&[Vacuous; 3], 0), Agreement::NotCompared);
}

/// At most 1.49 % of runs violate what none of 200 does: 1 - 0.9851^3 is 4.4 %.
#[test]
fn few_seeds_leave_a_single_violation_possible() {
    let found = durability(&[Found::Held, Found::Violated, Found::Held], 0, 200);
    let probability = found.probability.unwrap();
    assert!((probability - 0.0439).abs() < 1e-4, "{probability}");
    assert_eq!(found.agreement, Agreement::Agrees);
    let more = durability(&[Found::Held, Found::Violated, Found::Held], 0, 400);
    assert_eq!(more.agreement, Agreement::Differs);
}

#[test]
fn without_simulated_runs_nothing_is_compared() {
    let plan = plan("", "");
    let mut validation = Validation::new(&plan, "test.json");
    validation.real("1.jsonl", &checked(Found::Held)).unwrap();
    validation.simulated(Err(&Failure::Crashed("a panic".to_owned())));
    let validated = validation.conclude();
    assert_eq!((validated.runs, validated.failed), (0, 1));
    assert_eq!(validated.agreement, Agreement::NotCompared);
}

#[test]
fn a_figure_outside_differs_and_one_that_is_missing_does_not() {
    let plan = plan("", "");
    let mut validation = Validation::new(&plan, "test.json");
    validation.real("1.jsonl", &checked(Found::Vacuous)).unwrap();
    for seed in 0..50 {
        validation.simulated(Ok(&simulated(&plan, seed, Judgement::Held)));
    }
    let validated = validation.conclude();
    // Simulated runs send ten.
    assert_eq!(validated.agreement, Agreement::Differs);
    let of = |name: &str| validated.figures.iter().find(|one| one.name == name).unwrap();
    assert_eq!(of("sent").places, [Some(ackproof_reports::validate::Place::Below)]);
    assert_eq!(of("longest_failover").places, [None]);
    assert!(of("longest_failover").simulated.is_some());
    assert_eq!(of("processed").places, [None], "a group that told nothing");
}

#[test]
fn a_history_that_tells_nothing_is_not_compared() {
    let plan = plan("", "");
    let mut validation = Validation::new(&plan, "test.json");
    let mut silent = checked(Found::Vacuous);
    silent.findings.records.sent = 0;
    validation.real("1.jsonl", &silent).unwrap();
    validation.simulated(Ok(&simulated(&plan, 0, Judgement::Held)));
    assert_eq!(validation.conclude().agreement, Agreement::NotCompared);
}

#[test]
fn a_history_of_others_is_refused() {
    let plan = plan("", "");
    let refused = |change: fn(&mut Context)| {
        let mut checked = checked(Found::Held);
        let mut context = (*checked.context).clone();
        change(&mut context);
        checked.context = Arc::new(context);
        Validation::new(&plan, "test.json").real("1.jsonl", &checked).unwrap_err()
    };
    let renamed = refused(|context| context.producers[0].name = "other-0".to_owned());
    assert!(renamed.contains("the history has a producer \"other-0\""), "{renamed}");
    let missing = refused(|context| context.groups.clear());
    assert!(missing.contains("the scenario has a group \"g\""), "{missing}");
    let larger = refused(|context| context.topics[1].partitions += 1);
    assert!(larger.contains("topic \"t\" is "), "{larger}");
    let other = refused(|context| context.producers[0].acks = "1".to_owned());
    assert!(other.contains("acks=1"), "{other}");
    let brokers = refused(|context| context.brokers = 5);
    assert!(brokers.contains("5 brokers"), "{brokers}");
}
