//! Reports for machines: one JSON object on one line, and the JSON Schema of each.

use crate::bench::BenchReport;
use crate::catalogue::Catalogue;
use crate::check::CheckReport;
use crate::compare::CompareReport;
use crate::doctor::DoctorReport;
use crate::explore::ExploreReport;
use crate::life::LifeReport;
use crate::reference::Entry;
use crate::run::RunReport;
use crate::sweep::SweepReport;
use crate::validate::ValidateReport;
use crate::what_if::WhatIfReport;
use crate::zoo::ZooReport;
use schemars::schema_for;
use serde::Serialize;
use serde_json::Value;

/// One run.
#[must_use]
pub fn run(report: &RunReport) -> String {
    line(report)
}

/// A sweep.
#[must_use]
pub fn sweep(report: &SweepReport) -> String {
    line(report)
}

/// A history.
#[must_use]
pub fn check(report: &CheckReport) -> String {
    line(report)
}

/// Figures of a benchmark.
#[must_use]
pub fn bench(report: &BenchReport) -> String {
    line(report)
}

/// A comparison.
#[must_use]
pub fn compare(report: &CompareReport) -> String {
    line(report)
}

/// A validation.
#[must_use]
pub fn validate(report: &ValidateReport) -> String {
    line(report)
}

/// Files.
#[must_use]
pub fn doctor(report: &DoctorReport) -> String {
    line(report)
}

/// A search through all interleavings.
#[must_use]
pub fn explore(report: &ExploreReport) -> String {
    line(report)
}

/// The schema of [`explore`].
#[must_use]
pub fn explore_schema() -> Value {
    schema_for!(ExploreReport).to_value()
}

/// Known bugs.
#[must_use]
pub fn zoo(report: &ZooReport) -> String {
    line(report)
}

/// The schema of [`zoo`].
#[must_use]
pub fn zoo_schema() -> Value {
    schema_for!(ZooReport).to_value()
}

/// The life of a record.
#[must_use]
pub fn life(report: &LifeReport) -> String {
    line(report)
}

/// The schema of [`life`].
#[must_use]
pub fn life_schema() -> Value {
    schema_for!(LifeReport).to_value()
}

/// What would have saved a run.
#[must_use]
pub fn what_if(report: &WhatIfReport) -> String {
    line(report)
}

/// The schema of [`what_if`].
#[must_use]
pub fn what_if_schema() -> Value {
    schema_for!(WhatIfReport).to_value()
}

/// What there is to choose from, as lists by title.
#[must_use]
pub fn catalogue(catalogue: &Catalogue) -> String {
    line(&catalogue.by_title())
}

/// What is called by one name.
#[must_use]
pub fn reference(entries: &[Entry]) -> String {
    line(&entries)
}

/// The schema of [`run`].
#[must_use]
pub fn run_schema() -> Value {
    schema_for!(RunReport).to_value()
}

/// The schema of [`check`].
#[must_use]
pub fn check_schema() -> Value {
    schema_for!(CheckReport).to_value()
}

/// The schema of [`sweep`].
#[must_use]
pub fn sweep_schema() -> Value {
    schema_for!(SweepReport).to_value()
}

/// The schema of [`compare`].
#[must_use]
pub fn compare_schema() -> Value {
    schema_for!(CompareReport).to_value()
}

/// The schema of [`validate`].
#[must_use]
pub fn validate_schema() -> Value {
    schema_for!(ValidateReport).to_value()
}

/// The schema of [`doctor`].
#[must_use]
pub fn doctor_schema() -> Value {
    schema_for!(DoctorReport).to_value()
}

/// Any object, on a line.
pub(crate) fn line(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value).expect("a report has text for keys");
    text.push('\n');
    text
}
