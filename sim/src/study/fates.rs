//! How often each cause of a loss, a duplicate or a failed send is at work, as a rate with an interval over seeds.
//! It decides nothing.

use super::statistics::ratio;
use ackproof_reports::measure::{MeasureSweep, Sums};
use ackproof_reports::run::{CauseReport, Fate, RunReport};
use ackproof_reports::sweep::FateSweep;
use ackproof_reports::whole::whole;

/// What one run adds to a cause.
pub(crate) fn of(run: &RunReport, one: &CauseReport) -> FateSweep {
    let CauseReport { what, group, cause, count, about, story: _ } = one.clone();
    let whole = whole(run, one).unwrap_or(0);
    let (part, whole) = (u128::from(count), u128::from(whole));
    let (squares, products) = (part * part, part * whole);
    let seeds = u64::from(count > 0);
    FateSweep {
        what,
        group,
        cause,
        about,
        count,
        seeds,
        squares,
        products,
        rate: None,
        interval: None,
    }
}

/// Concludes the rate of each cause, from what all runs have of the records that it is a part of.
pub(crate) fn conclude(causes: &mut [FateSweep], measures: &[MeasureSweep]) {
    for one in causes {
        let name = measure(one.what);
        let of = |measure: &&MeasureSweep| {
            let is_all = name == Some("loss_rate");
            Some(measure.name.as_str()) == name && (is_all || measure.group == one.group)
        };
        let Some(measure) = measures.iter().find(of) else { continue };
        let sums = Sums {
            part: one.count,
            part_squares: one.squares,
            products: one.products,
            ..measure.sums.clone()
        };
        if let Some((rate, interval)) = ratio(&sums, measure.runs) {
            (one.rate, one.interval) = (Some(rate), interval);
        }
    }
}

/// The measure that has the records of which a fate is a part.
const fn measure(what: Fate) -> Option<&'static str> {
    match what {
        Fate::Lost
        | Fate::UnknownAbsent
        | Fate::Failed
        | Fate::Unknown
        | Fate::Reordered
        | Fate::LogDuplicate => Some("loss_rate"),
        Fate::Skipped | Fate::Duplicate => Some("duplicate_rate"),
        Fate::OutputLost | Fate::OutputDuplicate => Some("output_duplicate_rate"),
        Fate::LostCommit | Fate::Sink => None,
    }
}
