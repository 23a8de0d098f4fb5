//! What was found as a file: a scenario, bounds, and the steps.

use ackproof_kafka::replicas::{Bounds, Grain, Step};
use serde::{Deserialize, Serialize};

/// The first key of such a file, by which it is known.
pub const KEY: &str = "explored";

/// Steps through the world of a scenario.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// What the last step breaks.
    pub explored: String,
    /// The text of the scenario.
    pub scenario: String,
    /// Values of it that were overridden.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<(String, String)>,
    /// The bounds.
    pub bounds: Bounded,
    /// The steps.
    pub steps: Vec<Taken>,
}

/// A step.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Who does what, with brokers by their place.
    pub step: String,
    /// In words; whoever reads the file back ignores them.
    #[serde(default)]
    pub told: String,
}

/// The bounds that steps depend on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounded {
    /// Records.
    pub records: u8,
    /// Leader epochs.
    pub epochs: u8,
    /// Changes of the cluster.
    pub changes: u8,
    /// Processes killed.
    pub crashes: u8,
    /// Losses of power.
    pub power_losses: u8,
    /// How finely a fetch is cut.
    pub grain: String,
    /// With the rule that Kafka does not have.
    pub mended: bool,
}

impl From<Bounds> for Bounded {
    fn from(bounds: Bounds) -> Self {
        let Bounds { records, epochs, changes, crashes, power_losses, grain, mended } = bounds;
        let grain = grain_name(grain).to_owned();
        Self { records, epochs, changes, crashes, power_losses, grain, mended }
    }
}

impl TryFrom<&Bounded> for Bounds {
    type Error = String;

    fn try_from(from: &Bounded) -> Result<Self, String> {
        let Bounded { records, epochs, changes, crashes, power_losses, ref grain, mended } = *from;
        let known = [Grain::Fetch, Grain::Answer, Grain::Message];
        let grain = known.into_iter().find(|one| grain_name(*one) == grain);
        let grain = grain.ok_or_else(|| format!("{:?} is no grain", from.grain))?;
        Ok(Self { records, epochs, changes, crashes, power_losses, grain, mended })
    }
}

/// Its stable name.
#[must_use]
pub const fn grain_name(grain: Grain) -> &'static str {
    match grain {
        Grain::Fetch => "fetch",
        Grain::Answer => "answer",
        Grain::Message => "message",
    }
}

impl Steps {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// The steps.
    ///
    /// # Errors
    /// The first that is none.
    pub fn taken(&self) -> Result<Vec<Step>, String> {
        self.steps.iter().map(|one| one.step.parse()).collect()
    }
}

/// Whether a text looks like such a file.
#[must_use]
pub fn is_steps(text: &str) -> bool {
    let begin = text.trim_start().strip_prefix('{').map(str::trim_start).unwrap_or_default();
    begin.starts_with(&format!("\"{KEY}\""))
}
