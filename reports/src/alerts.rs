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

/// What became of the alert rules of a file over many runs. Parts of a sweep add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertSweep {
    /// The file, as it was named.
    pub rules: String,
    /// The distance between scrapes, and between evaluations where the file does not say it.
    pub interval_ms: u64,
    /// Runs over which they were evaluated.
    pub runs: u64,
    /// Runs in which something was violated.
    pub violated: u64,
    /// In the order of the file.
    pub alerts: Vec<AlertRuleSweep>,
}

/// An alert rule over many runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertRuleSweep {
    /// Its group.
    pub group: String,
    /// Its name.
    pub alert: String,
    /// Its expression.
    pub expr: String,
    /// How long it must hold.
    pub for_ms: u64,
    /// Runs in which it fired before what was violated first.
    pub warned: u64,
    /// How long before, in each of these runs, ascending.
    pub before_ms: Vec<u64>,
    /// Runs in which it fired no sooner than that.
    pub late: u64,
    /// Runs in which it fired only for something that was over before what was violated first began.
    #[serde(default)]
    pub earlier: u64,
    /// Runs in which it fired and nothing was violated.
    pub unfounded: u64,
    /// What it asks for and no sample has, in sentences, and in how many runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub in_vain: BTreeMap<String, u64>,
}

impl AlertSweep {
    /// No run so far, for the rules of `run`.
    #[must_use]
    pub fn new(run: &AlertReport) -> Self {
        let rule = |one: &AlertRule| AlertRuleSweep {
            group: one.group.clone(),
            alert: one.alert.clone(),
            expr: one.expr.clone(),
            for_ms: one.for_ms,
            ..AlertRuleSweep::default()
        };
        Self {
            rules: run.rules.clone(),
            interval_ms: run.interval_ms,
            alerts: run.alerts.iter().map(rule).collect(),
            ..Self::default()
        }
    }
}

impl AlertRule {
    /// When it fired for what went wrong first, so long before that.
    #[must_use]
    pub fn fired_for(&self, violation: &FirstViolation) -> Option<u64> {
        let before = self.before_ms?;
        u64::try_from(violation.at_ms.cast_signed().saturating_sub(before)).ok()
    }
}

impl AlertRuleSweep {
    /// The middle of how long before; null: it never fired before.
    #[must_use]
    pub fn median_ms(&self) -> Option<u64> {
        self.before_ms.get(self.before_ms.len() / 2).copied()
    }

    /// What it asked for in vain in all of `runs`.
    pub fn always_in_vain(&self, runs: u64) -> impl Iterator<Item = &str> {
        self.in_vain.iter().filter(move |(_, count)| **count == runs).map(|(said, _)| said.as_str())
    }
}

/// What went wrong first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstViolation {
    /// The property.
    pub property: String,
    /// When its cause took effect: the leadership without the record, the position past it.
    pub at_ms: u64,
    /// When it began: the first step of its story. An alert that was over by then was about something else.
    pub begins_ms: u64,
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
    /// How long before what went wrong first it fired, of the times that were not over before that began;
    /// negative: after it; null: it never fired for it, or nothing went wrong.
    pub before_ms: Option<i64>,
    /// What it asks for and no sample has, in sentences: it would stay quiet whatever happens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_vain: Vec<String>,
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
