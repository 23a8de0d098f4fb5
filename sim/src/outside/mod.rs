//! Histories from outside: read, judged by the same oracle, and held against simulated runs.
//!
//! It makes no run. What simulated runs came to is handed to it as reports.
//!
//! - [`verifiable`] makes a history of the logs of Kafka's tools
//! - [`mod@check`] judges a history from anywhere · [`validate`] real runs against simulated ones

pub mod check;
pub mod validate;
pub mod verifiable;
