//! What a verdict leaves unsaid: losses, skips and violations that settings allow or that a scenario expects,
//! each in a sentence with the setting that is responsible. It decides nothing about the verdict.

use ackproof_oracle::cause::{LossCause, SendEnd};
use ackproof_reports::run::{Fate, PropertyReport, RunReport};
use ackproof_reports::sweep::{PropertySweep, ScenarioReport};
use ackproof_reports::verdict::{Expected, Judgement};
use ackproof_types::words::plural;

/// Of a run.
pub(crate) fn of_run(report: &RunReport) -> Vec<String> {
    let mut said = Vec::new();
    for property in &report.properties {
        let PropertyReport { name, expected, verdict, violation_count, causes, .. } = property;
        if *verdict == Judgement::Violated && *expected != Expected::Held {
            let causes = causes.iter().map(|one| (one.cause.as_str(), one.count));
            let times = times(*violation_count);
            property_says(&mut said, name, (*expected, *violation_count, &times), causes.collect());
        }
    }
    let silent = report.causes.iter().filter(|one| is_silent(one.what, &one.cause));
    vanished(&mut said, silent.map(|one| one.count).sum());
    said
}

/// Of the seeds of a scenario.
pub(crate) fn of_scenario(report: &ScenarioReport) -> Vec<String> {
    let mut said = Vec::new();
    for property in &report.properties {
        let PropertySweep { name, expected, verdict, violated, causes, .. } = property;
        if *verdict == Judgement::Violated && *expected != Expected::Held {
            let causes = causes.iter().map(|one| (one.cause.as_str(), one.count));
            let seeds = format!("by {} of {}", violated.len(), plural(report.seeds.run, "seed"));
            let count = causes.clone().map(|(_, count)| count).sum();
            property_says(&mut said, name, (*expected, count, &seeds), causes.collect());
        }
    }
    let silent = report.causes.iter().filter(|one| is_silent(one.what, &one.cause));
    vanished(&mut said, silent.map(|one| one.count).sum());
    said
}

/// Whether this is what acks=0 costs: nobody was told.
fn is_silent(what: Fate, cause: &str) -> bool {
    what == Fate::UnknownAbsent && cause == SendEnd::AcksZero.name()
}

fn vanished(said: &mut Vec<String>, count: u64) {
    if count > 0 {
        said.push(format!("{} unknown and absent, as acks=0 allows", plural(count, "record")));
    }
}

fn property_says(
    said: &mut Vec<String>,
    name: &str,
    (expected, count, times): (Expected, u64, &str),
    causes: Vec<(&str, u64)>,
) {
    let what = |count| match name {
        "acked-durability" => format!("{} lost", plural(count, "acknowledged record")),
        "at-least-once" => format!("{} never processed", plural(count, "record")),
        _ => format!("{name} violated {times}"),
    };
    let mut by_setting: Vec<(&str, u64)> = Vec::new();
    let mut rest = count;
    for (cause, count) in causes {
        let Some(setting) = setting(cause) else { continue };
        rest = rest.saturating_sub(count);
        match by_setting.iter_mut().find(|(known, _)| *known == setting) {
            Some((_, sum)) => *sum += count,
            None => by_setting.push((setting, count)),
        }
    }
    said.extend(by_setting.iter().map(|(by, count)| format!("{}, as {by} allows", what(*count))));
    if rest > 0 || by_setting.is_empty() {
        let why = if expected == Expected::Violated { "as expected" } else { "as it may be" };
        said.push(format!("{}, {why}", what(rest)));
    }
}

/// The setting that allows what this cause explains.
fn setting(cause: &str) -> Option<&'static str> {
    LossCause::ALL.iter().find(|one| one.name() == cause)?.setting()
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, expected: Expected, count: u64, causes: &[(&str, u64)]) -> Vec<String> {
        let mut said = Vec::new();
        property_says(&mut said, name, (expected, count, "3 times"), causes.to_vec());
        said
    }

    #[test]
    fn a_loss_comes_with_the_setting_that_allows_it() {
        let may = Expected::MayViolate;
        let causes = [("acks-one", 5), ("stale-leader", 2), ("unclean-election", 1)];
        let wanted = [
            "7 acknowledged records lost, as acks=1 allows",
            "1 acknowledged record lost, as unclean.leader.election.enable=true allows",
        ];
        assert_eq!(said("acked-durability", may, 8, &causes), wanted);
        let rest = said("acked-durability", Expected::Violated, 9, &[("acks-one", 5)]);
        assert_eq!(rest[1], "4 acknowledged records lost, as expected");
        let none = said("stable-reads", may, 3, &[]);
        assert_eq!(none, ["stable-reads violated 3 times, as it may be"]);
    }
}
