//! A run that does not fail, beside one that does.

use super::course::Course;
use serde::Serialize;

/// What is drawn and said of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Twin {
    /// What makes the difference: `acks 1 → all`, `seed 2`.
    pub name: String,
    /// The first entries that differ.
    pub first: Option<Parting>,
    /// The first moments that differ of the two runs at a glance.
    pub glance: Option<Parting>,
    /// The command that runs it.
    pub command: String,
    /// What lasted in it, and its curves.
    pub course: Course,
}

/// Where two runs part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parting {
    /// When.
    pub at_us: u64,
    /// What is there in the run that fails; empty: nothing yet.
    pub run: String,
    /// And in its twin.
    pub twin: String,
}
