//! What a run and a sweep came to, as plain data, and how it is shown. Decides nothing.
//!
//! The data is the contract: deciding (crate `ackproof`) fills it in, renderers read it, and what they
//! print of it is stable under the number [`SCHEMA`]. A new format is a new renderer and no more.
//!
//! - [`verdict`] the words of a verdict · [`run`] one seed, [`timing`] how fast · [`sweep`] many, [`mod@whole`] of which a cause takes its part · [`check`] a history · [`catalogue`] what there is, [`mod@reference`] what it means · [`doctor`] files · [`life`] of a record, [`what_if`] of a run · [`mod@explore`] of all interleavings, [`mod@zoo`] of known bugs
//! - [`shrink`] a failure made small · [`validate`] the model held against the real thing, in [`markdown`] too
//! - [`human`] for people · [`json`] for machines, [`jsonl`] a line a run · [`mod@cases`] by expectation, for
//!   [`junit`] and [`github`] · [`command`] the command that shows it again
//! - [`describe`] what Kafka's own tools print of groups and topics · [`openmetrics`] what Prometheus reads, [`alerts`] what it would have said
//! - [`mod@page`] a report to look at, as one HTML file · [`perfetto`] a run as a trace for Perfetto · [`mod@seeds`] lists of seeds

pub mod alerts;
pub mod bench;
pub mod capacity;
mod cases;
pub mod catalogue;
pub mod check;
pub mod command;
pub mod compare;
pub mod contract;
pub mod describe;
pub mod doctor;
pub mod explore;
pub mod github;
pub mod human;
pub mod json;
pub mod jsonl;
pub mod junit;
pub mod kafka;
pub mod life;
pub mod markdown;
pub mod measure;
pub mod moved;
pub mod openmetrics;
pub mod outputs;
pub mod page;
pub mod perfetto;
pub mod reference;
pub mod run;
mod seeds;
pub mod shrink;
pub mod sink;
pub mod sweep;
pub mod timing;
pub mod validate;
pub mod verdict;
pub mod what_if;
pub mod whole;
pub mod words;
pub mod zoo;

/// The version of the data: raised when a field changes its meaning or goes, not when one is added.
pub const SCHEMA: u32 = 3;
