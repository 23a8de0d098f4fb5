//! Whether a run met what its scenario expects.

use ackproof::run::RunOutcome;
use ackproof_oracle::verdict::Judgement;
use ackproof_scenario::plan::{Expected, Plan};

/// The verdict on one run, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Met,
    Inconclusive,
    Violated,
}

impl Verdict {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Inconclusive => "inconclusive",
            Self::Violated => "violated",
        }
    }
}

/// The verdict with the reasons that made it worse than met.
pub(crate) struct Assessment {
    pub(crate) verdict: Verdict,
    pub(crate) reasons: Vec<String>,
}

pub(crate) fn expected(plan: &Plan, property: &str) -> Expected {
    plan.expect.properties.get(property).copied().unwrap_or(Expected::Held)
}

pub(crate) fn assess(plan: &Plan, outcome: &RunOutcome) -> Assessment {
    let mut assessment = Assessment { verdict: Verdict::Met, reasons: Vec::new() };
    let mut note = |verdict: Verdict, reason: String| {
        assessment.verdict = assessment.verdict.max(verdict);
        assessment.reasons.push(reason);
    };
    for property in &outcome.findings.properties {
        match (expected(plan, property.name), property.judgement) {
            (Expected::Held, Judgement::Violated) => {
                note(Verdict::Violated, format!("{} is violated", property.name));
            }
            (Expected::Held, Judgement::Vacuous)
                if property.name == "acked-durability" && outcome.findings.records.acked > 0 =>
            {
                note(Verdict::Inconclusive, format!("{} judged nothing", property.name));
            }
            (Expected::Violated, Judgement::Held | Judgement::Vacuous) => {
                let reason =
                    format!("{} was expected to be violated; this seed does not", property.name);
                note(Verdict::Inconclusive, reason);
            }
            (Expected::Held | Expected::MayViolate, _) | (Expected::Violated, _) => {}
        }
    }
    for entry in idle_faults(plan, outcome) {
        note(Verdict::Inconclusive, entry);
    }
    for limit in &plan.expect.limits {
        let value = measure(outcome, &limit.measure);
        if limit.max.is_some_and(|max| value > max) || limit.min.is_some_and(|min| value < min) {
            note(Verdict::Violated, format!("{} is {value}, outside its limit", limit.measure));
        }
    }
    for (witness, least) in &plan.expect.witness {
        let seen = outcome.findings.witnesses.get(witness.as_str()).copied().unwrap_or(0);
        if seen < *least {
            note(
                Verdict::Inconclusive,
                format!("{witness} happened {seen} times, {least} expected"),
            );
        }
    }
    assessment
}

/// Entries of `faults` that were due and found nobody to hit; a run without its faults shows nothing.
fn idle_faults(plan: &Plan, outcome: &RunOutcome) -> Vec<String> {
    if outcome.faults.is_empty() && !plan.faults.is_empty() {
        return vec!["no fault ever struck".to_owned()];
    }
    let of = |entry| outcome.faults.iter().filter(move |fault| fault.entry == entry);
    (0..plan.faults.len())
        .filter(|entry| of(*entry).all(|fault| fault.target.is_none()))
        .filter_map(|entry| {
            let first = of(entry).next()?;
            Some(format!("faults[{entry}] never struck: {}", first.text))
        })
        .collect()
}

/// The value of a measure that a limit can name.
#[expect(clippy::cast_precision_loss, reason = "counts of one run are far below 2^52")]
fn measure(outcome: &RunOutcome, name: &str) -> f64 {
    let (records, groups) = (&outcome.findings.records, &outcome.findings.groups);
    match name {
        "duplicate_rate" => groups.iter().map(|group| group.duplicate_rate()).fold(0.0, f64::max),
        "skipped" => groups.iter().map(|group| group.skipped).max().unwrap_or(0) as f64,
        "log_duplicates" => records.log_duplicates as f64,
        "lost" => records.lost as f64,
        "unknown" => records.unknown as f64,
        _ => records.failed as f64,
    }
}
