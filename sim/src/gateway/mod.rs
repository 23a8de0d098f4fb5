//! Clients from outside talk to the simulated brokers through real sockets, and what they saw becomes a history.
//!
//! With `cli`, the only room that knows threads, sockets and what time it is. The cluster is a function of its seed and
//! of what came in, each with its simulated time: that is the [`tape`], and a tape alone repeats the run.
//!
//! - [`serve`] a run with clients from outside, from a plan to what it leaves: start here
//! - [`door`] between world and outside: frames become messages and back, and what shows goes on record
//! - [`claims`] what was processed, as far as commits say it
//! - `told` what was processed, as applications say it · `tail` in a file
//! - [`live`] the clock and ports · `connections` threads, `inbox` what they tell, with a `budget` of bytes · [`tape`] what came in
//! - [`control`] the orders of an operator, by HTTP · [`order`] what they are · `operator` what became of them ·
//!   `moment` what they may wait for · `view` what there is to see

mod budget;
mod claims;
mod connections;
pub mod control;
mod door;
mod inbox;
pub mod live;
mod moment;
mod operator;
pub mod order;
pub mod serve;
mod tail;
pub mod tape;
mod told;
mod view;
