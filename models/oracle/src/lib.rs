//! What Kafka promises: the history's vocabulary, the properties over it, the measures, the verdict.
//!
//! It never looks into a model: it judges only what is on record, so that a bug in a model cannot hide
//! itself and a history recorded around a real cluster is judged by the same code.
//!
//! - [`history`] what happened · [`context`] who took part · [`verdict`] what follows · [`cause`] why, and [`advice`]
//! - [`judge`] everything at once · [`registry`] the properties · [`measure`] counts and witnesses
//! - [`pace`] latencies and stalls, `moves` of leaders and owners, in [`histogram`]s; [`load`] of brokers
//! - `gone` topics that are deleted · `formation` of groups, before which they are not measured · `obstacles` that explain a stall
//! - `elected` leaders, and `deposed` ones whose final reads are set aside · `standing` of groups
//! - `copies` in other clusters · `bumps` of epochs, which excuse copies · `expiry` of producers
//! - `restarts` after which logs are shorter · `tails` that brokers lost · `commits` and what they passed
//! - [`partitions`] that topics have, and which of them were read
//! - [`timeline`] a run at a glance · [`story`] short stories of records, [`life`] all of one, [`told`] what went wrong with each · [`jsonl`] histories as JSON Lines

pub mod advice;
mod bumps;
pub mod cause;
mod commits;
pub mod context;
mod copies;
mod deposed;
mod effects;
mod elected;
mod expiry;
mod exposed;
mod formation;
mod gone;
pub mod histogram;
pub mod history;
pub mod jsonl;
pub mod judge;
mod kind;
pub mod life;
pub mod load;
pub mod measure;
mod moves;
mod obstacles;
mod outcomes;
mod outputs;
pub mod pace;
pub mod partitions;
mod places;
pub mod properties;
mod ranges;
mod record_set;
pub mod registry;
mod report;
mod restarts;
mod standing;
mod starts;
pub mod story;
mod superseded;
mod tails;
#[cfg(test)]
mod test_history;
pub mod timeline;
pub mod told;
pub mod verdict;
