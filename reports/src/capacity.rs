//! What brokers could do in a run whose requests took time: a verdict rests on these figures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What each broker's machine could do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CapacityReport {
    /// The profile whose figures hold unless the scenario says otherwise; null: none.
    pub profile: Option<String>,
    /// What that is, and where its figures come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// By key of `cluster.capacity`, or of the broker's configuration, as the scenario writes them.
    pub figures: BTreeMap<String, String>,
}
