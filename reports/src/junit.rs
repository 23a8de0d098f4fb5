//! A sweep as JUnit's XML, in the dialect that Jenkins checks and GitLab and others read: a suite a
//! scenario, a case an expectation. Decides nothing.
//!
//! What is inconclusive is *skipped*: viewers then show it as neither good nor bad, which is what it is,
//! and the exit status still gates. Runs that crashed, differed or came to no end are *errors*. Times are
//! simulated, so that equal sweeps are equal files.

use crate::cases::{Case, cases};
use crate::sweep::{ScenarioReport, SweepReport};
use crate::verdict::Verdict;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// A sweep.
///
/// # Panics
/// Never: the text is made in memory, of what XML can hold.
#[must_use]
pub fn sweep(report: &SweepReport) -> String {
    let mut whole = Report::new("ackproof");
    for scenario in &report.scenarios {
        whole.add_test_suite(suite(scenario, report));
    }
    let text = whole.to_string().expect("memory takes every text");
    let mut text = without_skipped_of_all(&text);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// The root may not say how many cases were skipped in all: Jenkins refuses the whole file for it.
fn without_skipped_of_all(text: &str) -> String {
    let Some((root, rest)) = text.split_once("<testsuite ") else { return text.to_owned() };
    let Some((before, after)) = root.split_once(" skipped=\"") else { return text.to_owned() };
    let after = after.split_once('"').map_or(after, |(_, after)| after);
    format!("{before}{after}<testsuite {rest}")
}

fn suite(scenario: &ScenarioReport, report: &SweepReport) -> TestSuite {
    let mut suite = TestSuite::new(&scenario.scenario);
    suite.set_time(Duration::from_millis(scenario.simulated_ms));
    let seeds = &scenario.seeds;
    let facts = [
        ("ackproof", report.version.clone()),
        ("file", scenario.file.clone()),
        ("seeds", format!("{}..{}", seeds.from, seeds.to)),
        ("runs", seeds.run.to_string()),
        ("runs-met", seeds.met.to_string()),
        ("runs-violated", seeds.violated.len().to_string()),
        ("runs-inconclusive", seeds.inconclusive.to_string()),
        ("digest", scenario.digest.clone()),
        ("reproduce", scenario.reproduce.clone()),
    ];
    suite.add_properties(facts.map(|(name, value)| Property::new(name, value)));
    for one in cases(scenario) {
        // The strictest of the schemas knows properties of suites only.
        let facts = one.facts.iter();
        let facts = facts.map(|(name, value)| (format!("{}.{name}", one.name), value.as_str()));
        suite.add_properties(facts.map(|(name, value)| Property::new(name, value)));
        suite.add_test_case(case(&one, scenario, report));
    }
    suite
}

fn case(case: &Case<'_>, scenario: &ScenarioReport, report: &SweepReport) -> TestCase {
    let mut made = TestCase::new(case.name.as_str(), status(case, scenario, report));
    made.set_classname(scenario.file.as_str());
    made.set_time(Duration::ZERO);
    made
}

fn status(case: &Case<'_>, scenario: &ScenarioReport, report: &SweepReport) -> TestCaseStatus {
    let broken = case.name == "run" && !scenario.bounded.is_empty();
    let kind = match case.verdict() {
        Verdict::Met => return met(case, report),
        Verdict::Inconclusive if !broken => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(case.text()).set_type("inconclusive");
            skipped.set_description(case.details(scenario, &report.asked));
            return skipped;
        }
        Verdict::Violated => NonSuccessKind::Failure,
        Verdict::Inconclusive | Verdict::Nondeterministic | Verdict::Crashed => {
            NonSuccessKind::Error
        }
    };
    let word = if broken { "bounded".to_owned() } else { case.verdict().to_string() };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(case.text()).set_type(word);
    status.set_description(case.details(scenario, &report.asked));
    status
}

/// Runs that were not begun any more say nothing, and are not shown as a success.
fn met(case: &Case<'_>, report: &SweepReport) -> TestCaseStatus {
    if case.name != "run" || !report.interrupted {
        return TestCaseStatus::success();
    }
    let mut skipped = TestCaseStatus::skipped();
    skipped.set_message("interrupted: this is what was done by then").set_type("interrupted");
    skipped
}
