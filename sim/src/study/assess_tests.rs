//! One run against each kind of expectation; many runs are in the tests of the tally.

use super::*;
use crate::study::test_report::{COMMITS, DURABILITY, fault, plan, report, with};
use ackproof_reports::run::{PropertyCause, Undecided};
use ackproof_scenario::resolve::{LATENCIES, LENGTHS, MEASURES, STATISTICS};

/// The verdict and what it is about.
fn decide(plan: &Plan, durability: Judgement) -> (Verdict, Vec<String>) {
    let mut report = report(plan, 3, durability);
    run(plan, &mut report, Standing::Alone);
    let about = report.reasons.into_iter().map(|reason| reason.expectation).collect();
    (report.verdict, about)
}

const MET: (Verdict, Vec<String>) = (Verdict::Met, Vec::new());

#[test]
fn a_violation_counts_by_what_is_expected() {
    let unsure = (Verdict::Inconclusive, vec![DURABILITY.to_owned()]);
    let wrong = (Verdict::Violated, vec![DURABILITY.to_owned()]);
    let table = [
        ("held", [MET, unsure.clone(), wrong.clone()]),
        ("violated", [unsure.clone(), unsure, MET]),
        ("may-violate", [MET, MET, MET]),
    ];
    for (word, expected) in table {
        let plan = plan(&format!("\"{DURABILITY}\": \"{word}\""), "");
        let judgements = [Judgement::Held, Judgement::Vacuous, Judgement::Violated];
        assert_eq!(judgements.map(|one| decide(&plan, one)), expected, "expected {word}");
    }
    assert_eq!(decide(&plan("", ""), Judgement::Violated), wrong, "what is not named must hold");
}

/// What did not happen explains why there was nothing to judge, and what is undecided weighs more than both.
#[test]
fn the_reason_that_weighs_most_comes_first() {
    let crash = r#"{ "at": "5s", "crash": "g-0", "for": "3s" }"#;
    let plan = plan("\"witness\": { \"isr_shrunk\": 1 }", crash);
    let mut report = report(&plan, 3, Judgement::Vacuous);
    let last = report.properties.last_mut().expect("some");
    last.undecided = Some(Undecided { why: "the run was too short".to_owned(), settle_ms: None });
    let last = last.name.clone();
    run(&plan, &mut report, Standing::Alone);
    let about: Vec<&str> = report.reasons.iter().map(|one| one.expectation.as_str()).collect();
    assert_eq!(about[0], last, "{about:?}");
    let place = |name: &str| about.iter().position(|one| *one == name);
    let (unseen, vacuous) = (place("witness.isr_shrunk"), place(DURABILITY));
    assert!(unseen.is_some() && unseen < vacuous, "{about:?}");
}

#[test]
fn nothing_judged_is_inconclusive_only_where_the_scenario_could_judge() {
    // Nobody promises anything with acks=0.
    let unacked = with("\"acks\": \"0\", \"enable.idempotence\": false", "", "");
    assert_eq!(decide(&unacked, Judgement::Vacuous), MET);
    // Nobody resumes from a commit unless a member leaves or comes back.
    for (fault, verdict) in [
        (r#""crash": "broker-1""#, Verdict::Met),
        (r#""pause": "g-0""#, Verdict::Met),
        (r#""crash": "g-0""#, Verdict::Inconclusive),
        (r#""leave": "any member of g""#, Verdict::Inconclusive),
        (r#""join": "g""#, Verdict::Inconclusive),
    ] {
        let plan = plan("", &format!(r#"{{ "at": "5s", {fault}, "for": "3s" }}"#));
        let (found, about) = decide(&plan, Judgement::Held);
        assert_eq!(found, verdict, "{fault}");
        assert_eq!(about.contains(&COMMITS.to_owned()), verdict != Verdict::Met, "{fault}");
    }
    // What only some draws do is not demanded of every seed.
    let drawn = r#"{ "between": ["5s", "9s"], "every": "1s", "one_of": [
        { "crash": "g-0", "for": "1s" }, { "crash": "broker-1", "for": "1s" }] }"#;
    assert_eq!(decide(&plan("", drawn), Judgement::Held), MET);
}

#[test]
fn a_group_of_one_or_of_one_partition_shares_nothing_and_one_replica_matches_itself() {
    let shape = |partitions: u16, members: u16, replicas: u16| {
        let mut plan = plan("", "");
        plan.topics[1].partitions = partitions;
        plan.topics[1].replication_factor = replicas;
        plan.groups[0].members = members;
        ["group-exclusive", "log-matching"].map(|name| shape::can_judge(&plan, name))
    };
    assert_eq!(shape(2, 2, 3), [true, true]);
    assert_eq!(shape(1, 2, 3), [false, true]);
    assert_eq!(shape(2, 1, 3), [false, true]);
    assert_eq!(shape(2, 2, 1), [true, false]);
}

#[test]
fn a_limit_holds_at_its_bounds_and_not_beyond() {
    for (limit, verdict) in [
        (r#""duplicate_rate": { "max": 0.25 }"#, Verdict::Met),
        (r#""duplicate_rate": { "max": 0.24 }"#, Verdict::Violated),
        (r#""failed": { "min": 1 }"#, Verdict::Met),
        (r#""failed": { "min": 2 }"#, Verdict::Violated),
    ] {
        assert_eq!(decide(&plan(limit, ""), Judgement::Held).0, verdict, "{limit}");
    }
}

#[test]
fn every_measure_has_a_value() {
    let plan = plan("", "");
    let report = report(&plan, 0, Judgement::Held);
    for name in MEASURES.iter().chain(LENGTHS) {
        assert!(measures::value(&report, name).is_some(), "{name}");
    }
    for name in LATENCIES {
        for of in STATISTICS {
            assert!(measures::value(&report, &format!("{name}.{of}")).is_some(), "{name} {of}");
        }
    }
}

#[test]
fn a_demanded_witness_must_be_reached() {
    for (least, verdict) in [(3, Verdict::Met), (4, Verdict::Inconclusive)] {
        let plan = plan(&format!("\"witness\": {{ \"rebalance\": {least} }}"), "");
        assert_eq!(decide(&plan, Judgement::Held).0, verdict, "3 against {least}");
    }
}

#[test]
fn the_worst_reason_is_the_verdict() {
    let plan = plan(r#""witness": { "rebalance": 9 }, "lost": { "min": 1 }"#, "");
    let (verdict, about) = decide(&plan, Judgement::Held);
    assert_eq!((verdict, about.len()), (Verdict::Violated, 2));
}

#[test]
fn a_fault_that_finds_nobody_is_inconclusive_unless_it_strikes_at_another_time() {
    let crash = r#"{ "at": "5s", "crash": "broker-1", "for": "3s" }"#;
    let plan = plan("", &format!("{crash}, {crash}"));
    let decide = |faults: &[(u64, bool)]| {
        let mut report = report(&plan, 0, Judgement::Held);
        report.faults = faults.iter().map(|(entry, struck)| fault(*entry, *struck)).collect();
        run(&plan, &mut report, Standing::Alone);
        let about = report.reasons.into_iter().map(|reason| reason.expectation);
        (report.verdict, about.collect::<Vec<_>>())
    };
    assert_eq!(decide(&[(0, true), (1, false), (1, true)]), MET);
    // Not due in this run.
    assert_eq!(decide(&[(1, true)]), MET);
    let unsure = |name: &str| (Verdict::Inconclusive, vec![name.to_owned()]);
    assert_eq!(decide(&[(0, true), (1, false)]), unsure("faults[1]"));
    assert_eq!(decide(&[]), unsure("faults"));
}

#[test]
fn a_cause_that_the_configuration_does_not_explain_is_worse_than_promised() {
    let decide = |causes: &[(&str, u64)], count: u64| {
        let plan = plan("", "");
        let mut report = report(&plan, 3, Judgement::Violated);
        let property = &mut report.properties[0];
        property.expected = Expected::MayViolate;
        property.allowed = vec!["acks-one".to_owned()];
        property.violation_count = count;
        let cause = |(cause, count): &(&str, u64)| PropertyCause {
            cause: (*cause).to_owned(),
            about: String::new(),
            count: *count,
        };
        property.causes = causes.iter().map(cause).collect();
        run(&plan, &mut report, Standing::Alone);
        report.verdict
    };
    assert_eq!(decide(&[("acks-one", 3)], 3), Verdict::Met);
    assert_eq!(decide(&[("acks-one", 2), ("replication", 1)], 3), Verdict::Violated);
    assert_eq!(decide(&[("acks-one", 2)], 3), Verdict::Violated, "one has no cause");
}
