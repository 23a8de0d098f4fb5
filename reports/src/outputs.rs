//! What groups made of records, as data.

use ackproof_oracle::verdict as oracle;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a group made of records, its results and its dead letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutputReport {
    /// Records that it made.
    pub made: u64,
    /// Distinct records of which something that it made is in a log at the end.
    pub written: u64,
    /// In the logs at the end, beyond the first of each record that it read.
    pub duplicates: u64,
    /// `duplicates` per record of which something was written.
    pub duplicate_rate: f64,
    /// Acknowledged and committed records of which nothing is left.
    pub lost: u64,
}

impl From<&oracle::OutputCounts> for OutputReport {
    fn from(counts: &oracle::OutputCounts) -> Self {
        Self {
            made: counts.made,
            written: counts.written,
            duplicates: counts.duplicates,
            duplicate_rate: counts.duplicate_rate(),
            lost: counts.loss_causes.values().sum(),
        }
    }
}
