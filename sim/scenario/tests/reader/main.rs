//! What becomes of what a user types: plans, and what is said about mistakes.

mod applications;
mod assign;
mod autoscale;
mod capacity;
mod clocks;
mod clusters;
mod common;
mod consuming;
mod faults;
mod messages;
mod mirrors;
mod moments;
mod mutations;
mod orders;
mod outputs;
mod protocol;
mod racks;
mod schedules;
