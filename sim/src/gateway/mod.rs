//! Clients from outside talk to the simulated brokers through real sockets, and what they saw becomes a history.
//!
//! With `cli`, the only room that knows threads, sockets and what time it is. The cluster is a function of its seed and
//! of what came in, each with its simulated time: that is the [`tape`], and a tape alone repeats the run.
//!
//! - [`serve`] a run with clients from outside, from a plan to what it leaves: start here
//! - [`door`] between world and outside: frames become messages and back, and what shows goes on record
//! - [`claims`] what was processed, as far as commits say it
//! - [`live`] sockets and the clock · [`tape`] what came in

mod claims;
mod door;
pub mod live;
pub mod serve;
pub mod tape;
