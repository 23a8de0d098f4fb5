//! The producer under test: by hand, one effect at a time; and in a laboratory with faithful brokers.
//!
//! - [`hand`] the driver without a clock · [`rules`] sending · [`retries`] outcomes and retries ·
//!   [`numbering`] idempotence · [`connections`] network and metadata ·
//!   [`application`] failed sends and the end
//! - [`lab`] brokers, network and clock · [`races`] stories in time · [`any_order`] property tests

mod any_order;
mod application;
mod connections;
mod hand;
mod lab;
mod numbering;
mod races;
mod retries;
mod rules;
