//! Both sides made by hand, and whether they agree.

use super::*;
use crate::study::test_report::{DURABILITY, plan, report as simulated};
use ackproof_oracle::context::servers;
use ackproof_oracle::judge::Judge;
use ackproof_oracle::verdict::Judgement as Found;
use ackproof_reports::validate::{Figure, Place};
use ackproof_types::{Acks, Timestamp};
use std::sync::Arc;

/// A real run in which acked-durability concludes this; nothing else happened.
fn checked(durability: Found) -> Checked {
    let context = Arc::new(context(&plan("", "")));
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
fn a_figure_lies_outside_and_one_that_is_missing_does_not() {
    let plan = plan("", "");
    let mut validation = Validation::new(&plan, "test.json");
    validation.real("1.jsonl", &checked(Found::Vacuous)).unwrap();
    for seed in 0..50 {
        validation.simulated(Ok(&simulated(&plan, seed, Judgement::Held)));
    }
    let validated = validation.conclude();
    // Simulated runs send ten. One figure alone makes no difference.
    assert_eq!(validated.agreement, Agreement::Agrees);
    let of = |name: &str| validated.figures.iter().find(|one| one.name == name).unwrap();
    assert_eq!(of("sent").places, [Some(Place::Below)]);
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
    let other = refused(|context| context.producers[0].acks = Acks::Leader);
    assert!(other.contains("acks=1"), "{other}");
    let brokers = refused(|context| context.roster = servers(5));
    assert!(brokers.contains("5 brokers"), "{brokers}");
}

/// A scenario with so many counts, of which so many lie outside.
fn counts(all: u64, outside: u64, known: Option<&str>) -> Validated {
    let mut validation = Validation::new(&plan("", ""), "test.json");
    validation.real("1.jsonl", &checked(Found::Held)).unwrap();
    validation.simulated(Ok(&simulated(&plan("", ""), 0, Judgement::Held)));
    let mut validated = validation.conclude();
    let place = |at: u64| Some(if at < outside { Place::Above } else { Place::Inside });
    validated.figures = vec![Figure {
        name: "lost".to_owned(),
        group: None,
        unit: FigureUnit::Count,
        real: vec![Some(1.0); usize::try_from(all).unwrap()],
        places: (0..all).map(place).collect(),
        simulated: None,
        known: known.map(str::to_owned),
    }];
    validated
}

/// Of a hundred values that lie outside with 5 % each eleven do with 1.2 %, thirteen with 0.15 %, fourteen with 0.05 %.
#[test]
fn figures_differ_if_more_lie_outside_than_chance_leaves_there() {
    let of = |scenarios| {
        report(scenarios, SeedRange { from: 0, to: None }, false, vec![], String::new())
    };
    let test = |all, outside| of(vec![counts(all, outside, None)]);
    assert_eq!(test(100, 0).agreement, Agreement::Agrees);
    let eleven = test(100, 11);
    assert_eq!(eleven.counts.agreement, Agreement::Agrees);
    let probability = eleven.counts.probability.unwrap();
    assert!((probability - 0.0115).abs() < 1e-4, "{probability}");
    assert_eq!(test(100, 13).agreement, Agreement::Agrees);
    assert_eq!(test(100, 14).agreement, Agreement::Differs);
    assert_eq!(test(100, 14).counts.agreement, Agreement::Differs);
    assert_eq!(test(100, 14).times.agreement, Agreement::NotCompared);
    // All scenarios together: seven of fifty in each of two.
    let both = of(vec![counts(50, 7, None), counts(50, 7, None)]);
    assert_eq!((both.counts.compared, both.counts.outside), (100, 14));
    assert_eq!(both.agreement, Agreement::Differs);
    // What is known to differ is not tested.
    let known = of(vec![counts(100, 100, Some("why")), counts(100, 2, None)]);
    assert_eq!((known.counts.compared, known.counts.known), (100, 100));
    assert_eq!(known.agreement, Agreement::Agrees);
}

#[test]
fn a_property_that_differs_gates_whatever_the_figures_say() {
    let mut validated = counts(100, 0, None);
    validated.agreement = Agreement::Differs;
    let seeds = SeedRange { from: 0, to: None };
    let found = report(vec![validated], seeds, false, vec![], String::new());
    assert_eq!(found.counts.agreement, Agreement::Agrees);
    assert_eq!(found.agreement, Agreement::Differs);
}

#[test]
fn every_figure_can_be_named_as_known_to_differ() {
    let mut validation = Validation::new(&plan("", ""), "test.json");
    validation.simulated(Ok(&simulated(&plan("", ""), 0, Judgement::Held)));
    let found: Vec<String> =
        validation.conclude().figures.into_iter().map(|figure| figure.name).collect();
    assert_eq!(found, figures::NAMES);
}

/// A real client that let a record time out does not say whether it ever sent it.
#[test]
fn where_a_record_is_unknown_what_failed_is_not_compared() {
    let figures = |unknown| {
        let mut validation = Validation::new(&plan("", ""), "test.json");
        let mut real = checked(Found::Held);
        real.findings.records.failed = 4;
        real.findings.records.unknown = unknown;
        validation.real("1.jsonl", &real).unwrap();
        validation.simulated(Ok(&simulated(&plan("", ""), 0, Judgement::Held)));
        let figures = validation.conclude().figures;
        ["failed", "unknown", "failed_or_unknown"]
            .map(|name| figures.iter().find(|one| one.name == name).unwrap().real[0])
    };
    assert_eq!(figures(0), [Some(4.0), Some(0.0), Some(4.0)]);
    assert_eq!(figures(2), [None, None, Some(6.0)]);
}
