//! The simulated world: a plan and a seed become processes, a network, faults, a history and a verdict.
//!
//! - [`run`] one run, from boot to findings: start here
//! - [`lower`] from a plan to the configuration of machines
//! - [`world`] processes and their lives · [`process`] one of them, with its [`timers`]
//! - [`kernel`] what their effects act on: [`events`] the heap, [`network`] links and connections
//! - [`mod@bench`] what a message costs
//! - [`trial`] one run with its verdict: [`report`] its facts, [`assess`] decides, [`shape`] what can be judged
//! - [`explore`] many · [`tally`] adds them up · [`statistics`] what that says of other seeds
//! - [`determinism`] compares two runs of one seed
//! - [`nemesis`] faults · [`recorder`] the history and its digest

#[cfg(not(madsim))]
compile_error!(
    "ackproof needs `--cfg madsim`; .cargo/config.toml sets it, but an exported RUSTFLAGS overrides \
     that file: unset RUSTFLAGS, or add `--cfg madsim` to it"
);

pub mod assess;
pub mod bench;
pub mod determinism;
mod events;
pub mod explore;
mod kernel;
mod lower;
pub mod nemesis;
mod network;
mod process;
pub mod recorder;
pub mod report;
pub mod run;
mod shape;
mod statistics;
pub mod tally;
#[cfg(test)]
mod test_report;
mod timers;
pub mod trial;
mod world;
