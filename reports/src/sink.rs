//! What came to the sinks of groups, as data.

use ackproof_oracle::verdict as oracle;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What came to the sink of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SinkReport {
    /// How a record changes it: `append`, `once-per-record`, `once-per-offset`, `upsert`, `upsert-if-newer`.
    pub writes: String,
    /// Writes that changed something.
    pub rows: u64,
    /// Writes that it recognised, or for which it held something newer.
    pub ignored: u64,
    /// Of `rows`: of records that had changed something before.
    pub repeated: u64,
    /// Acknowledged records that changed nothing.
    pub missing: u64,
    /// In amounts; absent: a row for each key does not add up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amounts: Option<AmountsReport>,
}

/// Sums of what records are worth: `sink + missing == acknowledged + unacknowledged + repeated`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AmountsReport {
    /// Of all rows.
    pub sink: u64,
    /// Of the acknowledged records of its topics.
    pub acknowledged: u64,
    /// Of records in the sink that were never acknowledged.
    pub unacknowledged: u64,
    /// Of rows beyond the first of a record.
    pub repeated: u64,
    /// Of acknowledged records that are not in the sink.
    pub missing: u64,
}

impl From<&oracle::SinkCounts> for SinkReport {
    fn from(counts: &oracle::SinkCounts) -> Self {
        Self {
            writes: counts.writes.name().to_owned(),
            rows: counts.rows,
            ignored: counts.ignored,
            repeated: counts.repeated,
            missing: counts.missing,
            amounts: counts.amounts.map(AmountsReport::from),
        }
    }
}

impl From<oracle::Amounts> for AmountsReport {
    fn from(sums: oracle::Amounts) -> Self {
        let oracle::Amounts { sink, acknowledged, unacknowledged, repeated, missing } = sums;
        Self { sink, acknowledged, unacknowledged, repeated, missing }
    }
}
