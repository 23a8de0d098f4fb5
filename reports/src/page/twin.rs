//! A run that does not fail, beside one that does.

use super::course::Course;
use crate::life::LifeReport;
use serde::Serialize;

/// What is drawn and said of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Twin {
    /// What makes the difference: `acks 1 → all`, `seed 2`.
    pub name: String,
    /// The first entries that differ, each as a course of its own.
    pub first: Option<Parting<Option<Course>>>,
    /// The first moments that differ of the two runs at a glance, in words; empty: nothing more.
    pub glance: Option<Parting<String>>,
    /// The life of the record that the failure is about, in both runs; none: it is about no record.
    pub lives: Option<Lives>,
    /// The command that runs it.
    pub command: String,
    /// What lasted in it, and its curves.
    pub course: Course,
}

/// One record in both runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lives {
    /// In the run that fails.
    pub run: LifeReport,
    /// In its twin; none: it was never sent there.
    pub twin: Option<LifeReport>,
}

/// Where two runs part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parting<T> {
    /// When.
    pub at_us: u64,
    /// What is there in the run that fails.
    pub run: T,
    /// And in its twin.
    pub twin: T,
}
