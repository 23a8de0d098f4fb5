//! The simulator: a plan and a seed become a run, many runs a verdict.
//!
//! - [`world`] one run: processes, a network, faults and a history. Start at [`world::run`]
//! - [`study`] many runs, and what they say together: verdicts, comparison, smaller failures
//! - [`manual`] what each name means: properties, faults, causes, footguns, settings
//! - [`gateway`] clients from outside, through real sockets
//! - [`outside`] histories that no run here made: read, judged, and held against simulated runs
//!
//! Imports go one way: the world knows neither of the others, the study knows the world, and what comes from
//! outside may use both. The command line (`cli/`) belongs to the binary and uses all of them. The table is in
//! `tests/tests/tidy/rooms.rs`.

#[cfg(not(madsim))]
compile_error!(
    "ackproof needs `--cfg madsim`; .cargo/config.toml sets it, but an exported RUSTFLAGS overrides \
     that file: unset RUSTFLAGS, or add `--cfg madsim` to it"
);

pub mod gateway;
pub mod manual;
pub mod outside;
pub mod study;
pub mod world;
