//! The simulated world and the command line.
