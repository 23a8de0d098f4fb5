//! Placeholder of tests to come.
