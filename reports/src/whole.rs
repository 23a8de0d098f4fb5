//! Of how many records those that a cause explains are a part. It decides nothing.

use crate::run::{CauseReport, Fate, RunReport};

/// The records sent, processed by the group, or written for it; none: the cause is about something else.
#[must_use]
pub fn whole(run: &RunReport, one: &CauseReport) -> Option<u64> {
    let group = || run.groups.iter().find(|of| Some(&of.group) == one.group.as_ref());
    match one.what {
        Fate::Lost
        | Fate::UnknownAbsent
        | Fate::Failed
        | Fate::Unknown
        | Fate::Reordered
        | Fate::LogDuplicate => Some(run.records.sent),
        Fate::Skipped | Fate::Duplicate => Some(group()?.distinct),
        Fate::OutputLost | Fate::OutputDuplicate => Some(group()?.outputs?.written),
        Fate::LostCommit | Fate::Sink => None,
    }
}

/// The part that it explains of them.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub fn rate(run: &RunReport, one: &CauseReport) -> Option<f64> {
    let whole = whole(run, one).filter(|whole| *whole > 0)?;
    Some(one.count as f64 / whole as f64)
}
