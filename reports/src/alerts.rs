//! Which alerts would have fired in a run, and how long before what went wrong, as data. It decides nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of the alert rules of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertReport {
    /// The file, as it was named.
    pub rules: String,
    /// The distance between scrapes, and between evaluations where the file does not say it.
    pub interval_ms: u64,
    /// In one sentence: what fired before what went wrong.
    pub headline: String,
    /// What went wrong first; null: nothing is violated.
    pub violation: Option<FirstViolation>,
    /// In the order of the file.
    pub alerts: Vec<AlertRule>,
}

/// What went wrong first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstViolation {
    /// The property.
    pub property: String,
    /// When its cause took effect: the leadership without the record, the position past it.
    pub at_ms: u64,
}

/// An alert rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertRule {
    /// Its group.
    pub group: String,
    /// Its name.
    pub alert: String,
    /// Its expression.
    pub expr: String,
    /// How long it must hold.
    pub for_ms: u64,
    /// Its labels, as the file has them.
    pub labels: BTreeMap<String, String>,
    /// When it fired first; null: never.
    pub fired_ms: Option<u64>,
    /// How long that was before what went wrong first; negative: after it; null: it never fired, or nothing
    /// went wrong.
    pub before_ms: Option<i64>,
    /// Every time that it was pending.
    pub spans: Vec<AlertSpan>,
}

/// A time in which an alert was pending or fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertSpan {
    /// The labels of what it is about.
    pub labels: BTreeMap<String, String>,
    /// From when on its expression held.
    pub pending_ms: u64,
    /// When it fired; null: it did not.
    pub fired_ms: Option<u64>,
    /// When it was over; null: not until the end.
    pub over_ms: Option<u64>,
}
