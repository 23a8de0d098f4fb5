//! Every scenario of the repository says what it should, as a user runs it: the binary, a range of
//! seeds, an exit status. Ranges are short here; long sweeps are a command (`--seeds 0..1000`).

use crate::support::{ackproof, assert_none, load, parallel, scenarios};
use ackproof_scenario::plan::{Expected, Plan};

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

/// A suite that cannot fail would prove nothing: a dangerous setting makes a good scenario fail, and
/// the cure makes a footgun fail to show its loss.
#[test]
fn a_scenario_that_does_not_do_as_it_says_is_found() {
    let broken = ["--set", "variants=[\"hw-ignores-followers\"]"];
    assert!(look("scenarios/basics/isolated-leader.json", &["0..4"], &broken).is_some());
    let cured = ["--set", "producers.billing.config.acks=all"];
    assert!(look("scenarios/footguns/acks-one-leader-crash.json", &["0..4"], &cured).is_some());
}
