//! What `.properties` files say, promise and risk, as data. It decides nothing.

use crate::sweep::ScenarioReport;
use crate::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The files of a pipeline, looked at together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DoctorReport {
    /// [`crate::SCHEMA`].
    pub schema: u32,
    /// The version of ackproof.
    pub version: String,
    /// The line of Kafka.
    pub kafka: String,
    /// The files, in the order in which they were named.
    pub files: Vec<FileReport>,
    /// What was put around them, each in a few words.
    pub assumed: Vec<String>,
    /// What Kafka refuses or ignores, and what contradicts something else.
    pub mistakes: Vec<Mistake>,
    /// Known traps.
    pub traps: Vec<Trap>,
    /// What the files promise, what they leave possible, and what the seeds showed; null: Kafka refuses the
    /// files, and nothing was run.
    pub search: Option<ScenarioReport>,
    /// Null: Kafka refuses the files.
    pub verdict: Option<Verdict>,
    /// It was stopped; the search holds what was done by then.
    pub interrupted: bool,
    /// The command that says the same again.
    pub reproduce: String,
}

/// A file with its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileReport {
    /// As it was named.
    pub file: String,
    /// Whose settings these are: `broker`, `topic`, `producer` or `consumer`.
    pub scope: String,
    /// In the order of the file.
    pub settings: Vec<SettingReport>,
}

/// A setting of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingReport {
    /// Kafka's key.
    pub key: String,
    /// As the file has it; null for what nobody may read.
    pub value: Option<String>,
    /// The line of the file, from 1.
    pub line: u64,
    /// What becomes of it.
    pub standing: Standing,
    /// The setting in one sentence.
    pub about: String,
}

/// What becomes of a setting.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The models follow it.
    Modelled,
    /// It has no effect here.
    NoEffect,
    /// The models do not follow it, and it changes what is delivered.
    Refused,
    /// Kafka does not know it.
    Unknown,
}

/// Something that Kafka refuses or ignores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mistake {
    /// Whether nothing can be run with it.
    pub refused: bool,
    /// Where: `producer.properties:3:6`.
    pub place: String,
    /// What is wrong.
    pub says: String,
    /// What to do.
    pub hint: Option<String>,
}

/// A setting that is known to lose or to delay records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trap {
    /// Its name: `acks-one`.
    pub name: String,
    /// How much it counts.
    pub weight: Weight,
    /// The settings: `producer.properties:3 acks=1`.
    pub settings: Vec<String>,
    /// What happens.
    pub says: String,
    /// The command that demonstrates it; null: it is not modelled.
    pub command: Option<String>,
}

/// How much a trap counts; the worst first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// The files are enough for it to happen.
    Trap,
    /// The models do not follow the setting: nothing is promised, and nothing is known.
    Open,
    /// It depends on the application, which is not in the files: it decides nothing.
    Depends,
}
