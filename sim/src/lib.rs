//! The simulated world: a plan and a seed become processes, a network, faults, a history and a verdict.
//!
//! - [`run`] one run, from boot to findings: start here
//! - [`lower`] from a plan to the configuration of machines
//! - [`world`] processes and their lives · [`process`] one of them, with its [`timers`]
//! - [`kernel`] what their effects act on: [`events`] the heap, [`network`] links and connections
//! - [`bounds`] what ends a run without progress · [`mod@bench`] what a message costs
//! - [`trial`] one run with its verdict: [`report`] its facts, [`assess`] decides, `headline` says what the verdict leaves unsaid, [`shape`] what can be judged
//! - [`runs`] of a sweep · [`explore`] many · [`tally`] adds them up, with [`measures`] · [`merge`] adds sums up
//! - [`conclude`] decides on sums · [`statistics`] what sums say of other seeds
//! - [`document`] texts as plans · [`saved`] a run as a schedule file · [`mod@shrink`] a failing run made small
//! - [`mod@check`] judges a history from anywhere · [`verifiable`] makes one of the logs of Kafka's tools
//! - [`compare`] arms over common random numbers · [`validate`] real runs against simulated ones
//! - [`contract`] what a configuration promises, [`provoke`] faults that show it · [`demands`] what its faults must show
//! - [`determinism`] compares two runs of one seed
//! - [`nemesis`] faults · [`recorder`] the history and its digest

#[cfg(not(madsim))]
compile_error!(
    "ackproof needs `--cfg madsim`; .cargo/config.toml sets it, but an exported RUSTFLAGS overrides \
     that file: unset RUSTFLAGS, or add `--cfg madsim` to it"
);

pub mod assess;
pub mod bench;
pub mod bounds;
pub mod check;
pub mod compare;
pub mod conclude;
pub mod contract;
mod demands;
pub mod determinism;
pub mod document;
mod events;
pub mod explore;
mod headline;
mod kernel;
mod lower;
mod measures;
pub mod merge;
pub mod nemesis;
mod network;
mod process;
pub mod provoke;
pub mod recorder;
pub mod report;
pub mod run;
pub mod runs;
pub mod saved;
mod shape;
pub mod shrink;
mod statistics;
pub mod tally;
#[cfg(test)]
mod test_report;
mod timers;
pub mod trial;
pub mod validate;
pub mod verifiable;
mod world;
