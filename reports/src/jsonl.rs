//! A sweep as it goes: one JSON object a run, on a line each, for whoever wants to look for more than
//! the sums tell. It decides nothing.

use crate::SCHEMA;
use crate::run::{GroupReport, PropertyCause, Records, RunReport};
use crate::verdict::{Expected, Judgement, Reason, Verdict};
use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one run of a sweep came to, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunLine {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The scenario's name.
    pub scenario: String,
    /// Its file, as the user named it.
    pub file: String,
    /// The seed.
    pub seed: u64,
    /// Against what the scenario expects.
    pub verdict: Verdict,
    /// Why it is not `met`; empty if it is.
    pub reasons: Vec<Reason>,
    /// What settings allowed to be lost, skipped or violated, or what was expected to be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Properties that are violated, expected or not.
    pub violated: Vec<ViolatedLine>,
    /// What was counted; null if the run crashed or was ended by a bound.
    pub counts: Option<CountsLine>,
    /// The command that shows this run again.
    pub reproduce: String,
}

/// A violated property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ViolatedLine {
    /// Its name.
    pub property: String,
    /// What the scenario expects of it.
    pub expected: Expected,
    /// How often it is violated.
    pub count: u64,
    /// By what, where causes are known.
    pub causes: Vec<PropertyCause>,
}

/// What was counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CountsLine {
    /// Over every entry and delivery: 32 hexadecimal digits. Equal digests are equal runs.
    pub digest: String,
    /// Counts of records.
    pub records: Records,
    /// Counts of each group.
    pub groups: Vec<GroupReport>,
    /// The run's length in simulated time.
    pub simulated_ms: u64,
    /// Messages delivered.
    pub messages: u64,
    /// Entries of the history.
    pub entries: u64,
}

impl From<&RunReport> for RunLine {
    fn from(run: &RunReport) -> Self {
        let violated = run.properties.iter().filter(|one| one.verdict == Judgement::Violated);
        let violated = violated.map(|one| ViolatedLine {
            property: one.name.clone(),
            expected: one.expected,
            count: one.violation_count,
            causes: one.causes.clone(),
        });
        Self {
            schema: SCHEMA,
            scenario: run.scenario.clone(),
            file: run.file.clone(),
            seed: run.seed,
            verdict: run.verdict,
            reasons: run.reasons.clone(),
            notes: run.notes.clone(),
            violated: violated.collect(),
            counts: Some(CountsLine {
                digest: run.digest.clone(),
                records: run.records.clone(),
                groups: run.groups.clone(),
                simulated_ms: run.simulated_ms,
                messages: run.messages,
                entries: run.entries,
            }),
            reproduce: run.reproduce.clone(),
        }
    }
}

impl RunLine {
    /// Of a run that left no report: its scenario's name and file and its seed, and why.
    #[must_use]
    pub fn without_report(
        (scenario, file, seed): (String, String, u64),
        verdict: Verdict,
        text: String,
        reproduce: String,
    ) -> Self {
        Self {
            schema: SCHEMA,
            scenario,
            file,
            seed,
            verdict,
            reasons: vec![Reason { expectation: "run".to_owned(), verdict, text }],
            notes: Vec::new(),
            violated: Vec::new(),
            counts: None,
            reproduce,
        }
    }
}

/// The line, with its end.
#[must_use]
pub fn line(line: &RunLine) -> String {
    crate::json::line(line)
}

/// The schema of a line.
#[must_use]
pub fn line_schema() -> Value {
    schema_for!(RunLine).to_value()
}
