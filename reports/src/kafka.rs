//! Which Kafka a verdict is about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which Kafka the models followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KafkaReport {
    /// The line of the binary: `4.0` … `4.4`.
    pub version: String,
    /// The line that a fault of the scenario upgrades servers to while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgraded_to: Option<String>,
    /// The feature levels that it began with by name, as `kafka-features` gives them.
    pub features: BTreeMap<String, String>,
}
