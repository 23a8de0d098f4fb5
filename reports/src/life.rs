//! The life of one record, as data. It decides nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a record fared, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LifeReport {
    /// The version of this format.
    pub schema: u32,
    /// The scenario's name, or the file of the history.
    pub of: String,
    /// The seed; null: a history.
    pub seed: Option<u64>,
    /// `billing-0#117`.
    pub record: String,
    /// Why it was chosen; null: somebody asked for it.
    pub because: Option<String>,
    /// Where it was appended or acknowledged: `payments-0@117`.
    pub places: Vec<String>,
    /// What became of it.
    pub outcome: Vec<String>,
    /// Causes that the oracle found.
    pub causes: Vec<LifeCause>,
    /// In the order of the history.
    pub steps: Vec<LifeStep>,
    /// The command that shows it again.
    pub reproduce: String,
}

/// A cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LifeCause {
    /// Its stable name.
    pub name: String,
    /// What it means, with the setting responsible.
    pub about: String,
    /// What it explains: `lost`.
    pub of: String,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LifeStep {
    /// Microseconds since the start.
    pub at_us: u64,
    /// The number of the entry in the history, from 0.
    pub entry: u64,
    /// The process.
    pub node: String,
    /// `step`: the record's own. `cause`: what led to a later step.
    pub part: LifePart,
    /// So many that led to a later step as well are left out before this one; absent: none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub left_out: u64,
    /// In a few words.
    pub text: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LifePart {
    /// The record.
    Step,
    /// What led to a later step.
    Cause,
}
