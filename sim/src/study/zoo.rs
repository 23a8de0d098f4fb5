//! How soon a known bug shows: run after run, until one does. It knows nothing of files.

use crate::world::bounds::Failure;
use crate::world::run::run;
use ackproof_oracle::verdict::Findings;
use ackproof_scenario::plan::Plan;
use ackproof_types::{Micros, Timestamp};

/// The first of so many seeds in which `plan` shows something, and how long all runs up to it were.
///
/// # Errors
/// A run that came to no end, and its seed.
pub fn first(
    plan: &Plan,
    within: u64,
    shows: impl Fn(&Findings) -> bool,
) -> Result<(Option<u64>, Micros), (u64, Failure)> {
    let mut simulated = Micros::ZERO;
    for seed in 0..within {
        let outcome = run(plan, seed, None).map_err(|failure| (seed, failure))?;
        simulated = simulated + outcome.simulated.since(Timestamp::START);
        if shows(&outcome.findings) {
            return Ok((Some(seed), simulated));
        }
    }
    Ok((None, simulated))
}
