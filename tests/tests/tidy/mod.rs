//! The tree keeps its rules. Every rule is a function from a path and a text to findings, so that a
//! test beside it shows it failing on a bad text; another applies it to the whole repository.
//!
//! - [`imports`] who may depend on whom, pinned versions · [`rooms`] the same inside the simulator
//! - [`sources`] headers, sizes, banned words · [`circles`] modules that use each other
//! - [`rules`] numbers of Kafka's rules
//! - [`docs`] links and paths in documents · [`scenarios`] what a scenario file must say

mod circles;
mod docs;
mod imports;
mod rooms;
mod rules;
mod scenarios;
mod sources;

/// `path:line: what is wrong; how to mend it`.
fn finding(path: &str, line: usize, what: &str, mend: &str) -> String {
    format!("{path}:{line}: {what}; {mend}")
}
