//! Many runs: each is judged by what its scenario expects, and all of them say together what one cannot.
//!
//! It knows nothing of files and of what is typed, and of no history but those of its own runs.
//!
//! - [`trial`] one run with its verdict: [`report`] its facts, [`assess`] decides, [`headline`] says what the verdict leaves unsaid, [`shape`] what can be judged
//! - [`runs`] of a sweep · [`explore`] many · [`tally`] adds them up, with [`measures`] and the [`fates`] of records · [`merge`] adds sums up
//! - [`conclude`] decides on sums · [`statistics`] what sums say of other seeds
//! - [`contract`] what a configuration promises, [`provoke`] faults that show it · [`demands`] what its faults must show
//! - [`compare`] arms over common random numbers · [`determinism`] compares two runs of one seed
//! - [`saved`] a run as a schedule file · [`mod@shrink`] a failing run made small
//! - [`mod@course`] what happened over time, for a page
//! - [`doctor`] what `.properties` files promise and risk · [`mod@bench`] what a message costs
//! - [`life`] how one record fared, [`mod@what_if`] what would have saved a run, [`zoo`] how soon a known bug shows · [`operators`] what an operator would have seen, [`alerts`] what would have fired

pub mod alerts;
pub mod assess;
pub mod bench;
pub mod compare;
pub mod conclude;
pub mod contract;
pub mod course;
mod demands;
pub mod determinism;
pub mod doctor;
pub mod exhaustive;
pub mod explore;
mod fates;
mod headline;
pub mod life;
mod measures;
pub mod merge;
pub mod operators;
pub mod provoke;
pub mod report;
pub mod runs;
pub mod saved;
mod shape;
pub mod shrink;
pub(crate) mod statistics;
pub mod tally;
#[cfg(test)]
pub(crate) mod test_report;
pub mod trial;
pub mod what_if;
pub mod zoo;
