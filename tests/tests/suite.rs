//! Every scenario of the repository says what it should, as a user runs it: the binary, a range of
//! seeds, an exit status. Ranges are short here; long sweeps are a command (`--seeds 0..1000`).

use crate::support::{ackproof, assert_none, load, outcome, parallel, scenarios};
use ackproof::manual::footguns::{FOOTGUNS, Footgun};
use ackproof_oracle::cause::SendCause;
use ackproof_oracle::verdict::Findings;
use ackproof_scenario::plan::{Action, Expected, Plan, Target, When};
use ackproof_types::CommitStrategy;

/// What holds is run over the one range. What some seed must violate is run over the first of the
/// ranges that is enough.
const HOLDS: &[&str] = &["0..8"];
const BREAKS: &[&str] = &["0..4", "0..16", "0..50"];

fn breaks(plan: &Plan) -> bool {
    plan.expect.properties.values().any(|wanted| *wanted == Expected::Violated)
}

/// What is wrong with a scenario, with what the binary says about it.
fn look(file: &str, ranges: &[&str], sets: &[&str]) -> Option<String> {
    let mut said = String::new();
    for range in ranges {
        let arguments = [&["run", file, "--seeds", range], sets].concat();
        let output = ackproof(&arguments);
        if output.status.success() {
            return None;
        }
        let (printed, talk) = (&output.stdout, &output.stderr);
        said = format!(
            "{file} --seeds {range} ends with {}:\n{}{}",
            output.status,
            String::from_utf8_lossy(printed),
            String::from_utf8_lossy(talk)
        );
    }
    Some(said)
}

#[test]
fn every_scenario_meets_its_expectations() {
    let findings = parallel(&scenarios(), |file| {
        look(file, if breaks(&load(file, &[])) { BREAKS } else { HOLDS }, &[])
    });
    assert_none(&findings.into_iter().flatten().collect::<Vec<_>>());
}

/// Basics hold. A scenario that expects a violation is a footgun, and a footgun expects one or limits
/// what it costs: otherwise it would pass whatever happens.
#[test]
fn every_scenario_is_in_the_folder_it_belongs_to() {
    for file in scenarios() {
        let plan = load(&file, &[]);
        let demands = plan.expect.limits.iter().any(|limit| limit.min.is_some());
        if file.starts_with("scenarios/basics/") {
            assert!(!breaks(&plan), "{file} expects a violation");
            assert!(!demands, "{file} demands that something goes wrong");
        }
        if file.starts_with("scenarios/footguns/") {
            assert!(breaks(&plan) || demands, "{file} catches nothing");
        }
    }
}

/// A real run follows the same timeline only if no seed decides whom it hits and for how long, and its clients can do
/// it. When a fault begins may be drawn: real runs have their seeds too.
#[test]
fn what_a_real_cluster_is_compared_by_leaves_little_to_chance() {
    let files: Vec<String> =
        scenarios().into_iter().filter(|file| file.starts_with("scenarios/real/")).collect();
    assert!(files.len() >= 12, "{files:?}");
    for file in files {
        let plan = load(&file, &[]);
        for fault in &plan.faults {
            let once = matches!(fault.when, When::At(_) | When::OnceBetween { .. });
            assert!(once, "{file}: {:?}", fault.when);
            let [(_, kind)] = fault.choices.as_slice() else { panic!("{file}: {fault:?}") };
            // An order is done at once.
            if !matches!(kind.action, Action::Administer(_)) {
                let lasts = kind.lasts.unwrap_or_else(|| panic!("{file}: {kind:?} has no end"));
                assert_eq!(lasts.min, lasts.max, "{file}: {kind:?}");
            }
            let drawn = matches!(
                kind.target,
                Target::AnyBroker | Target::AnyProducer(_) | Target::AnyMember(_)
            );
            assert!(!drawn, "{file}: {kind:?}");
        }
        for group in &plan.groups {
            let known = [CommitStrategy::SyncAfterBatch, CommitStrategy::Auto];
            assert!(known.contains(&group.commit), "{file}");
            assert_eq!(group.config.word("auto.offset.reset"), "earliest", "{file}");
        }
        assert_eq!(plan.topics[0].partitions, 3, "{file}: a real cluster starts as many");
        assert!(plan.expect.stated, "{file} expects nothing");
    }
}

/// What is told of a run.
pub(crate) fn causes(findings: &Findings) -> Vec<&'static str> {
    let records = &findings.records;
    let skips = findings.groups.iter().flat_map(|group| group.skip_causes.keys());
    let outputs = findings.groups.iter().filter_map(|group| group.outputs.as_ref());
    let outputs = outputs.flat_map(|outputs| outputs.loss_causes.keys());
    let losses = records.loss_causes.keys().chain(skips).chain(outputs);
    let unwritten = records.absent_causes.keys().chain(records.failure_causes.keys());
    let absent = unwritten.map(SendCause::name);
    let twice = records.log_duplicate_causes.keys().map(|cause| cause.name());
    let sinks = findings.groups.iter().filter_map(|group| group.sink.as_ref());
    let wrong = sinks.flat_map(|sink| sink.causes.keys()).map(|cause| cause.name());
    let again = findings.groups.iter().flat_map(|group| group.duplicate_causes.keys());
    let twice = twice.chain(again.map(|cause| cause.name()));
    losses.map(|cause| cause.name()).chain(absent).chain(twice).chain(wrong).collect()
}

#[test]
fn every_footgun_is_told_by_its_cause() {
    let is_footgun = |file: &String| file.starts_with("scenarios/footguns/");
    let files: Vec<String> = scenarios().into_iter().filter(is_footgun).collect();
    let findings = parallel(&files, |file| {
        let name = file.trim_start_matches("scenarios/footguns/").trim_end_matches(".json");
        let Some(Footgun { cause, .. }) = FOOTGUNS.iter().find(|one| one.name == name) else {
            return Some(format!("{file}: add it to sim/src/manual/footguns.rs"));
        };
        let plan = load(file, &[]);
        let told = (0..50).any(|seed| causes(&outcome(&plan, seed).findings).contains(cause));
        (!told).then(|| format!("{file}: no seed tells of {cause}"))
    });
    assert_none(&findings.into_iter().flatten().collect::<Vec<_>>());
    assert_eq!(files.len(), FOOTGUNS.len(), "every cause has its footgun");
}

/// A suite that cannot fail would prove nothing: a dangerous setting makes a good scenario fail, and
/// the cure makes a footgun fail to show its loss.
#[test]
fn a_scenario_that_does_not_do_as_it_says_is_found() {
    let broken = ["--set", "variants=[\"hw-ignores-followers\"]"];
    assert!(look("scenarios/basics/isolated-leader.json", &["0..4"], &broken).is_some());
    let cured = ["--set", "producers.billing.config.acks=all"];
    assert!(look("scenarios/footguns/acks-one-leader-crash.json", &["0..4"], &cured).is_some());
}
