//! All figures together: whether more of them lie outside of their ranges than chance leaves there.
//!
//! A range of 95 % leaves one value in twenty of a right model outside. So many of so many, or more, have an exact
//! binomial probability, and the two sides differ if that is below one in a thousand. Figures of one run hang together
//! (a stall makes the slowest acknowledgements too), so that their number varies more than a binomial one does:
//! therefore the low level. Counts and times are tested apart, else a thousand good times would hide a wrong count.
//! Figures that are known to differ, with the reason, are shown and not tested.

use crate::study::statistics::at_least;
use ackproof_reports::validate::{Agreement, FigureTest, FigureUnit, Place, Validated};

/// The share of a right model's values that lie outside.
const OUTSIDE: f64 = 0.05;
/// What is less probable is no chance.
const LEVEL: f64 = 0.001;

/// The figures of `scenarios` that are in `unit`.
pub(super) fn together(scenarios: &[Validated], unit: FigureUnit) -> FigureTest {
    let (mut compared, mut outside, mut known) = (0, 0, 0);
    let figures = scenarios.iter().flat_map(|one| &one.figures);
    for figure in figures.filter(|figure| figure.unit == unit) {
        for place in figure.places.iter().flatten() {
            if figure.known.is_some() {
                known += 1;
                continue;
            }
            compared += 1;
            outside += u64::from(*place != Place::Inside);
        }
    }
    let probability = (compared > 0).then(|| at_least(outside, compared, OUTSIDE));
    let agreement = match probability {
        None => Agreement::NotCompared,
        Some(probability) if probability < LEVEL => Agreement::Differs,
        Some(_) => Agreement::Agrees,
    };
    FigureTest { compared, outside, known, probability, agreement }
}
