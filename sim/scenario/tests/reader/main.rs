//! What becomes of what a user types: plans, and what is said about mistakes.

mod applications;
mod common;
mod faults;
mod messages;
mod mutations;
mod protocol;
mod racks;
mod schedules;
