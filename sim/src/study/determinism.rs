//! Checks that a seed gives one run: runs it again and, if the digests differ, names the first entry
//! in which the runs part. The ladder of digests tells the second; the entries of that second are then
//! recorded in two more runs. It knows nothing of what a run is made of.

use crate::world::bounds::Failure;
use crate::world::recorder::Trace;
use crate::world::run::RunOutcome;
use ackproof_oracle::jsonl::entry_line;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Where two runs of one seed part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The digests of the two runs.
    pub digests: (u128, u128),
    /// The simulated second in which they part.
    pub second: u64,
    /// The first entries of that second that differ, as JSON; none where one run had no more. Nothing:
    /// the entries are the same, and deliveries between them differ, or two more runs did not part.
    pub entries: Option<(Option<String>, Option<String>)>,
}

/// Runs again by `again`, which gets a trace to feed, and compares with `first`.
///
/// # Errors
/// The message of a panic in one of the runs.
pub fn divergence(
    first: &RunOutcome,
    again: impl Fn(Option<Trace>) -> Result<RunOutcome, Failure>,
) -> Result<Option<Divergence>, Failure> {
    let second = again(None)?;
    if first.digest == second.digest {
        return Ok(None);
    }
    let same = first.ladder.iter().zip(&second.ladder).take_while(|(one, other)| one == other);
    let at = same.count() as u64;
    let (one, other) = (entries(at, &again)?, entries(at, &again)?);
    let digests = (first.digest, second.digest);
    Ok(Some(Divergence { digests, second: at, entries: first_difference(&one, &other) }))
}

/// The entries of one simulated second.
fn entries(
    second: u64,
    again: &impl Fn(Option<Trace>) -> Result<RunOutcome, Failure>,
) -> Result<Vec<String>, Failure> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    again(Some(Box::new(move |entry, context| {
        if entry.at.as_micros() / 1_000_000 == second {
            let line = entry_line(entry, context);
            keep.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    })))?;
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *kept))
}

fn first_difference(one: &[String], other: &[String]) -> Option<(Option<String>, Option<String>)> {
    let index =
        (0..one.len().max(other.len())).find(|index| one.get(*index) != other.get(*index))?;
    Some((one.get(index).cloned(), other.get(index).cloned()))
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, other) = self.digests;
        write!(
            f,
            "two runs have the digests {one:032x} and {other:032x}; they part in simulated second {}",
            self.second
        )?;
        let name = |entry: &Option<String>| {
            entry.clone().unwrap_or_else(|| "no more in this second".to_owned())
        };
        match &self.entries {
            Some((one, other)) => {
                write!(f, ", first at the entry {} against {}", name(one), name(other))
            }
            None => f.write_str(
                "; two more runs have the same entries there, so it is deliveries, or does not happen always",
            ),
        }
    }
}

#[cfg(test)]
#[path = "determinism_tests.rs"]
mod tests;
