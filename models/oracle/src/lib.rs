//! What Kafka promises: the history's vocabulary, the properties over it, the measures, the verdict.
//!
//! It never looks into a model: it judges only what is on record, so that a bug in a model cannot hide
//! itself and a history recorded around a real cluster is judged by the same code.
//!
//! - [`history`] what happened · [`context`] who took part · [`verdict`] what follows

pub mod context;
pub mod history;
pub mod verdict;
