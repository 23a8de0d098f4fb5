//! How groups went over to another cluster, as data.

use ackproof_oracle::verdict as oracle;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a group went over to another cluster, in one run or in several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovedReport {
    /// The group that stands for it there.
    pub to: String,
    /// When it did; of several runs, in the first one.
    pub at_ms: u64,
    /// Acknowledged records that it had not processed, and of which there was no copy by then: gone with the cluster
    /// that it left, if that never comes back.
    pub not_copied: u64,
    /// Of those, the ones of which there was no copy to the end.
    pub never_copied: u64,
}

impl From<&oracle::Moved> for MovedReport {
    fn from(moved: &oracle::Moved) -> Self {
        let oracle::Moved { to, at, not_copied, never_copied } = moved;
        let (to, at_ms) = (to.clone(), at.as_micros() / 1000);
        Self { to, at_ms, not_copied: *not_copied, never_copied: *never_copied }
    }
}
