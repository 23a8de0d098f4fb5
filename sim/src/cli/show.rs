//! What people and machines are shown.

use super::Status;
use super::assess::{Assessment, Verdict, expected};
use ackproof::run::RunOutcome;
use ackproof_kafka::variant::Variant;
use ackproof_oracle::registry::PROPERTIES;
use ackproof_oracle::verdict::{Judgement, Violation};
use ackproof_scenario::describe::FAULTS;
use ackproof_scenario::plan::{Expected, Plan};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

/// A run with everything that is said about it.
pub(crate) struct Shown<'a> {
    pub(crate) file: &'a str,
    pub(crate) plan: &'a Plan,
    pub(crate) outcome: &'a RunOutcome,
    pub(crate) assessment: &'a Assessment,
}

pub(crate) fn list(out: &mut impl Write) {
    let mut text = String::from("properties\n");
    for property in PROPERTIES {
        let _ = writeln!(text, "  {:26} {}", property.name, property.about);
    }
    text.push_str("faults\n");
    for (name, about) in FAULTS {
        let _ = writeln!(text, "  {name:26} {about}");
    }
    text.push_str("variants\n");
    for variant in Variant::ALL {
        let _ = writeln!(text, "  {:26} {}", variant.name(), variant.about());
    }
    let _gone = out.write_all(text.as_bytes());
}

fn judgement(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Held => "held",
        Judgement::Vacuous => "vacuous",
        Judgement::Violated => "violated",
    }
}

fn expectation(expected: Expected) -> &'static str {
    match expected {
        Expected::Held => "held",
        Expected::Violated => "violated",
        Expected::MayViolate => "may-violate",
    }
}

fn violation(one: &Violation) -> Value {
    json!({ "seq": one.seq, "at_ms": one.at.as_millis(), "summary": one.summary, "story": one.story })
}

pub(crate) fn json(run: &Shown<'_>) -> Value {
    let findings = &run.outcome.findings;
    let properties: Vec<Value> = findings
        .properties
        .iter()
        .map(|one| {
            json!({
                "name": one.name,
                "verdict": judgement(one.judgement),
                "expected": expectation(expected(run.plan, one.name)),
                "witnesses": one.witnesses,
                "violations": one.violations.iter().map(violation).collect::<Vec<_>>(),
            })
        })
        .collect();
    let groups: Vec<Value> = findings
        .groups
        .iter()
        .map(|group| {
            json!({
                "group": group.group, "delivered": group.delivered, "processed": group.processed,
                "distinct": group.distinct, "duplicates": group.duplicates,
                "duplicate_rate": group.duplicate_rate(), "skipped": group.skipped,
            })
        })
        .collect();
    let faults: Vec<Value> = run
        .outcome
        .faults
        .iter()
        .map(|fault| {
            json!({
                "at_ms": fault.at.as_millis(),
                "for_ms": fault.lasts.map(ackproof_types::Micros::as_millis),
                "kind": fault.kind, "target": fault.target, "resolved_from": fault.resolved_from,
                "text": fault.text,
            })
        })
        .collect();
    let records = &findings.records;
    json!({
        "schema": 1,
        "scenario": run.plan.name,
        "file": run.file,
        "seed": run.outcome.seed,
        "digest": format!("{:032x}", run.outcome.digest),
        "verdict": run.assessment.verdict.name(),
        "properties": properties,
        "records": {
            "sent": records.sent, "acked": records.acked, "failed": records.failed,
            "unknown": records.unknown, "lost": records.lost,
            "log_duplicates": records.log_duplicates,
        },
        "groups": groups,
        "faults": faults,
        "witnesses": findings.witnesses,
        "simulated_ms": run.outcome.simulated.as_millis(),
        "messages": run.outcome.messages,
        "entries": run.outcome.entries,
    })
}

pub(crate) fn human(run: &Shown<'_>) -> String {
    let findings = &run.outcome.findings;
    let mut text = String::new();
    let verdict = run.assessment.verdict.name().to_uppercase();
    let _ = writeln!(text, "{verdict}  {}  seed {}", run.plan.name, run.outcome.seed);
    for reason in &run.assessment.reasons {
        let _ = writeln!(text, "  because {reason}");
    }
    let _ = writeln!(text, "\nwhat happened");
    for item in &findings.timeline {
        let ms = item.at.as_millis();
        let _ = writeln!(text, "  {:>4}.{:03}s  {}", ms / 1000, ms % 1000, item.text);
    }
    let records = &findings.records;
    let _ = writeln!(
        text,
        "\nrecords  sent {}, acked {}, failed {}, unknown {}, lost {}, log duplicates {}",
        records.sent,
        records.acked,
        records.failed,
        records.unknown,
        records.lost,
        records.log_duplicates
    );
    for group in &findings.groups {
        let _ = writeln!(
            text,
            "group    {}: processed {}, duplicates {} ({:.2} %), skipped {}",
            group.group,
            group.processed,
            group.duplicates,
            100.0 * group.duplicate_rate(),
            group.skipped
        );
    }
    let held = findings.properties.iter().filter(|one| one.judgement == Judgement::Held).count();
    let _ = writeln!(text, "properties  {held} of {} held", findings.properties.len());
    for one in &findings.properties {
        if one.judgement == Judgement::Violated {
            let wanted = expectation(expected(run.plan, one.name));
            let _ = writeln!(
                text,
                "\n{} violated {} times (expected: {wanted})",
                one.name, one.violation_count
            );
            if let Some(first) = one.violations.first() {
                let _ = writeln!(text, "  {}", first.summary);
                for line in &first.story {
                    let _ = writeln!(text, "    {line}");
                }
            }
        }
    }
    let _ = writeln!(text, "\nackproof run {} --seed {}", run.file, run.outcome.seed);
    text
}

/// Where two runs of one seed part.
pub(crate) fn divergence(file: &str, seed: u64, one: &RunOutcome, other: &RunOutcome) -> String {
    let second = one.ladder.iter().zip(&other.ladder).take_while(|(a, b)| a == b).count();
    format!("not deterministic: {file} --seed {seed}: the runs part in simulated second {second}\n")
}

/// What a sweep adds up.
#[derive(Default)]
pub(crate) struct Sweep {
    runs: u64,
    failing: Vec<u64>,
    inconclusive: Vec<u64>,
    violated: BTreeMap<&'static str, Vec<u64>>,
}

impl Sweep {
    pub(crate) fn add(&mut self, seed: u64, outcome: &RunOutcome, verdict: Verdict) {
        self.runs += 1;
        match verdict {
            Verdict::Met => {}
            Verdict::Inconclusive => self.inconclusive.push(seed),
            Verdict::Violated => self.failing.push(seed),
        }
        for property in &outcome.findings.properties {
            if property.judgement == Judgement::Violated {
                self.violated.entry(property.name).or_default().push(seed);
            }
        }
    }

    pub(crate) fn conclude(self, file: &str, plan: &Plan) -> (Status, String) {
        let missing: Vec<&String> = plan
            .expect
            .properties
            .iter()
            .filter(|(name, wanted)| {
                **wanted == Expected::Violated && !self.violated.contains_key(name.as_str())
            })
            .map(|(name, _)| name)
            .collect();
        let wants_violations =
            plan.expect.properties.values().any(|wanted| *wanted == Expected::Violated);
        let (status, word) = if !self.failing.is_empty() || !missing.is_empty() {
            (Status::Violated, "VIOLATED")
        } else if !wants_violations && !self.inconclusive.is_empty() {
            (Status::Inconclusive, "INCONCLUSIVE")
        } else {
            (Status::Met, "MET")
        };
        let mut text = format!("{word}  {}  {} seeds\n", plan.name, self.runs);
        for (property, seeds) in &self.violated {
            let first: Vec<String> = seeds.iter().take(10).map(u64::to_string).collect();
            let count = seeds.len();
            let _ = writeln!(text, "  {property}: {count} seeds ({})", first.join(", "));
        }
        for property in missing {
            let _ =
                writeln!(text, "  {property} was expected to be violated by some seed; none does");
        }
        if let Some(seed) = self.failing.first().or(self.inconclusive.first()) {
            let _ = writeln!(text, "ackproof run {file} --seed {seed}");
        }
        (status, text)
    }
}
