//! All end-to-end tests, as one binary: linking once is faster, and they share [`support`].
//!
//! - [`tidy`] the tree keeps its rules · [`readme`] what the documents promise is so, [`readme_ci`] in CI too
//! - [`commands`] of the documents work · [`book`] the manual is whole, and current where it is written from the code
//! - [`chaos`] random faults strike where they are aimed · [`determinism`] a seed is a run · [`suite`] every scenario says what it should
//! - [`histories`] traced runs and kept histories are judged alike · [`real`] those of real clusters too
//! - [`lives`] how single records fared · [`what_if`] what would have saved a run
//! - [`contracts`] what configurations promise, and how they compare
//! - [`explore`] all interleavings of small worlds · [`zoo`] known bugs
//! - [`corpus`] known bugs show, [`twins`] cures of footguns cure
//! - [`mutants`] every property can fail · [`schedules`] a saved run is the run · [`shrinking`] a failure made small
//! - [`trials`] what users tried: causes of groups · [`trials_lag`] lag and commits · [`trials_sends`] sends ·
//!   [`trials_logs`] logs · [`trials_histories`] histories written by hand
//! - [`deletion`] of topics · [`doctor`] files that are deployed · [`named_files`] scenarios that name them
//! - [`upgrades`] of a running cluster
//! - [`mirrors`] replication between clusters · [`memory`] what a long run keeps
//! - [`operators`] what Kafka's own tools would have shown, [`prometheus`] held against a real one
//! - [`pages`] reports to look at · [`terminal`] reports at three widths
//! - [`serve`] an application of its own on the wire, [`serve_control`] with orders by HTTP,
//!   [`serve_processed`] with what it says it has processed,
//!   [`serve_examples`] and the ones that people copy
//! - [`swarm`] a draw asks the same question · [`validate`] the model against histories of its own

mod book;
mod chaos;
mod cli;
mod cli_commands;
mod cli_config;
mod cli_install;
mod cli_junit;
mod cli_merge;
mod cli_names;
mod cli_reports;
mod cli_sweep;
mod commands;
mod contracts;
mod corpus;
mod deletion;
mod determinism;
mod doctor;
mod explore;
mod histories;
mod lives;
mod memory;
mod mirrors;
mod mutants;
mod named_files;
mod operators;
mod pages;
mod prometheus;
mod readme;
mod readme_ci;
mod real;
mod schedules;
mod serve;
mod serve_control;
mod serve_examples;
mod serve_processed;
mod shrinking;
mod suite;
mod support;
mod swarm;
mod terminal;
mod tidy;
mod trials;
mod trials_consuming;
mod trials_histories;
mod trials_lag;
mod trials_logs;
mod trials_sends;
mod twins;
mod upgrades;
mod validate;
mod what_if;
mod wire_clients;
mod zoo;
