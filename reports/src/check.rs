//! A history that was judged, as data: what a run's report has, as far as a history can tell. The fields
//! and their order are those of `ackproof check --format json`.

use crate::alerts::AlertReport;
use crate::run::{CauseReport, GroupReport, Moment, PropertyReport, Records};
use crate::timing::Timing;
use crate::verdict::{Reason, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a history came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// [`crate::SCHEMA`].
    pub schema: u32,
    /// The file, as the user named it; `-`: standard input.
    pub history: String,
    /// Against what is expected of it.
    pub verdict: Verdict,
    /// Why the verdict is not `met`; empty if it is.
    pub reasons: Vec<Reason>,
    /// Every property, in a fixed order.
    pub properties: Vec<PropertyReport>,
    /// Why a property judged nothing, or what it left alone, by its name.
    pub unjudged: BTreeMap<String, String>,
    /// Counts of records.
    pub records: Records,
    /// Counts of each group, in the order of the header.
    pub groups: Vec<GroupReport>,
    /// Why records were lost, skipped or there more than once.
    pub causes: Vec<CauseReport>,
    /// How often each witness occurred; every known name is present.
    pub witnesses: BTreeMap<String, u64>,
    /// From the first event to the last.
    pub span_ms: u64,
    /// Events of the history.
    pub entries: u64,
    /// The history at a glance.
    pub timeline: Vec<Moment>,
    /// Moments that the timeline leaves out; a moment says how many are missing before it.
    pub timeline_omitted: u64,
    /// How fast records got through, as far as the history tells.
    pub timing: Timing,
    /// What alert rules would have been good for; absent: nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<AlertReport>,
}
