//! What Kafka does: brokers, controller, clients and their applications as pure state machines.
//!
//! Rules are cited as `R2.17`, with the class of Apache Kafka they come from. `RULES.md` says what each
//! number stands for. Where a machine does less than Kafka, `DEVIATIONS.md` says what, and why the claims
//! survive it.
//!
//! - [`machine`] the contract between a machine and whoever drives it: start here
//! - [`driver`] a process: a machine with its disk · [`harm`] what happens to a disk
//! - [`message`] requests and responses · [`observation`] facts for the history · [`config`] settings,
//!   those of a [`topic`]
//! - [`metadata`] the metadata log · [`controller`] the one who writes it · [`raft`] the quorum that keeps it
//! - [`log`] one replica's log · [`partition`] its role as leader or follower · [`broker`] the process
//! - [`replicas`] the replication of one partition as one value, for an explorer
//! - [`group`] the coordinator in a broker
//! - [`client`] what producers and consumers share · [`producer`] · [`consumer`] with its application ·
//!   [`pipeline`] a process that is both · [`mirror`] one that copies to another cluster · [`reader`] the final read · [`assignor`] who of a group reads which
//!   partition · [`sink`] what its members write to
//! - [`profile`] legal differences between versions
//! - [`variant`] historical and deliberate bugs, each switched on at one place

// A message, fact or state that is new must be thought of wherever one is told apart.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod assignor;
pub mod broker;
pub mod client;
pub mod config;
pub mod consumer;
pub mod controller;
pub mod driver;
#[cfg(test)]
mod golden;
pub mod group;
pub mod harm;
pub mod log;
pub mod machine;
pub mod message;
pub mod metadata;
pub mod mirror;
pub mod observation;
pub mod partition;
pub mod pipeline;
pub mod producer;
pub mod profile;
pub mod raft;
pub mod reader;
pub mod replicas;
pub mod sink;
pub mod topic;
pub mod variant;
