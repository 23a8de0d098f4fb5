//! The simulated world and the command line.
fn main() {}
