//! Bounds that a scenario sets.

/// A bound on a measure, both ends included.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// `duplicate_rate`, `lost`, `ack_latency.p99`, …; lengths of time are in milliseconds.
    pub measure: String,
    /// At least.
    pub min: Option<f64>,
    /// At most.
    pub max: Option<f64>,
}
