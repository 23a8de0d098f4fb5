//! The figures that a real run and a simulated one are compared by, and where a real value lies among
//! simulated ones. The same for both sides: a figure that a side does not tell has no value there.

use ackproof_reports::measure::{Latency, Stall};
use ackproof_reports::run::{GroupReport, Records};
use ackproof_reports::timing::{GroupTiming, Timing};
use ackproof_reports::validate::{Figure, FigureUnit, Place, Spread};

/// Of simulated values as many per mille lie beyond either end of a range.
const BEYOND: usize = 25;

/// Real times are known to a millisecond: Kafka's tools print no less, and a record carries no less.
const PRECISION_MS: f64 = 1.0;

/// What a run came to, of either side.
#[derive(Clone, Debug)]
pub(super) struct Measured<'a> {
    pub(super) records: &'a Records,
    pub(super) groups: &'a [GroupReport],
    pub(super) timing: &'a Timing,
    /// All logs were read to their end.
    pub(super) read: bool,
    /// What is not on record did not happen.
    pub(super) complete: bool,
}

/// The names of all figures.
pub(super) const NAMES: [&str; 19] = [
    "sent",
    "acked",
    "failed",
    "unknown",
    "failed_or_unknown",
    "lost",
    "unknown_absent",
    "log_duplicates",
    "ack_latency.p50",
    "ack_latency.p99",
    "longest_stall",
    "longest_failover",
    "processed",
    "duplicates",
    "skipped",
    "end_to_end_latency.p50",
    "end_to_end_latency.p99",
    "longest_read_stall",
    "longest_handover",
];

/// A figure without values: its name, the group concerned, what it is in.
pub(super) type Name = (&'static str, Option<String>, FigureUnit);

/// All figures of a run, in one order for all runs of a scenario.
pub(super) fn figures(run: &Measured<'_>) -> Vec<(Name, Option<f64>)> {
    use FigureUnit::{Count, Milliseconds};
    let Measured { records, timing, read, .. } = run;
    // A real run without anything sent on record has not told of it.
    let told = run.complete || records.sent > 0;
    let number = |number: u64| told.then(|| count(number));
    // A real client does not say whether a record that timed out was ever sent: all of them are unknown.
    let certain = |of: u64| number(of).filter(|_| run.complete || records.unknown == 0);
    let logs = |of: u64| number(of).filter(|_| *read);
    let mut all = vec![
        (("sent", None, Count), number(records.sent)),
        (("acked", None, Count), number(records.acked)),
        (("failed", None, Count), certain(records.failed)),
        (("unknown", None, Count), certain(records.unknown)),
        (("failed_or_unknown", None, Count), number(records.failed + records.unknown)),
        (("lost", None, Count), logs(records.lost)),
        (("unknown_absent", None, Count), logs(records.unknown_absent)),
        (("log_duplicates", None, Count), logs(records.log_duplicates)),
        (("ack_latency.p50", None, Milliseconds), timing.acknowledgement.p50_ms),
        (("ack_latency.p99", None, Milliseconds), timing.acknowledgement.p99_ms),
        (("longest_stall", None, Milliseconds), longest(timing.writes)),
        (("longest_failover", None, Milliseconds), most(timing.failover)),
    ];
    for (group, timing) in run.groups.iter().zip(&timing.groups) {
        all.extend(of_group(run, group, timing));
    }
    all
}

fn of_group(
    run: &Measured<'_>,
    group: &GroupReport,
    timing: &GroupTiming,
) -> [(Name, Option<f64>); 7] {
    use FigureUnit::{Count, Milliseconds};
    // A real group without anything processed has not told of it.
    let told = run.complete || group.processed > 0;
    let name = |name, unit| (name, Some(group.group.clone()), unit);
    let number = |number: u64| told.then(|| count(number));
    [
        (name("processed", Count), number(group.processed)),
        (name("duplicates", Count), number(group.duplicates)),
        (name("skipped", Count), number(group.skipped).filter(|_| run.read)),
        (name("end_to_end_latency.p50", Milliseconds), timing.end_to_end.p50_ms),
        (name("end_to_end_latency.p99", Milliseconds), timing.end_to_end.p99_ms),
        (name("longest_read_stall", Milliseconds), longest(timing.reads)),
        (name("longest_handover", Milliseconds), most(timing.handover)),
    ]
}

fn longest(stall: Option<Stall>) -> Option<f64> {
    stall.map(|stall| stall.longest_ms)
}

fn most(times: Option<Latency>) -> Option<f64> {
    times.and_then(|times| times.max_ms)
}

#[expect(clippy::cast_precision_loss, reason = "counts of one run are far below 2^52")]
fn count(number: u64) -> f64 {
    number as f64
}

/// Holds real values against simulated ones.
pub(super) fn place(
    (name, group, unit): Name,
    real: Vec<Option<f64>>,
    simulated: Vec<f64>,
    known: Option<String>,
) -> Figure {
    let spread = spread(simulated);
    let precision = match unit {
        FigureUnit::Milliseconds => PRECISION_MS,
        FigureUnit::Count => 0.0,
    };
    let places = real.iter().map(|value| {
        let (value, Spread { low, high, .. }) = ((*value)?, spread?);
        Some(match value {
            _ if value + precision < low => Place::Below,
            _ if value - precision > high => Place::Above,
            _ => Place::Inside,
        })
    });
    let places = places.collect();
    Figure { name: name.to_owned(), group, unit, places, real, simulated: spread, known }
}

/// How `values` spread. The ends are rounded outward: of fewer than forty runs they are the extremes.
fn spread(mut values: Vec<f64>) -> Option<Spread> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let (low, high) = (last * BEYOND / 1000, last - last * BEYOND / 1000);
    Some(Spread {
        runs: values.len() as u64,
        low: values[low],
        median: values[last / 2],
        high: values[high],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Name = ("lost", None, FigureUnit::Count);

    fn ends(count: u32) -> (f64, f64, f64) {
        // In no order.
        let values = (0..count).rev().map(f64::from).collect();
        let Spread { low, median, high, .. } = spread(values).unwrap();
        (low, median, high)
    }

    #[test]
    fn ranges_leave_out_a_fortieth_at_either_end_and_not_more() {
        assert_eq!(ends(1), (0.0, 0.0, 0.0));
        assert_eq!(ends(40), (0.0, 19.0, 39.0));
        assert_eq!(ends(41), (1.0, 20.0, 39.0));
        assert_eq!(ends(200), (4.0, 99.0, 195.0));
        assert_eq!(spread(Vec::new()), None);
    }

    #[test]
    fn a_real_value_lies_inside_below_or_above_or_is_missing() {
        let simulated: Vec<f64> = (10..=20).map(f64::from).collect();
        let real = [Some(10.0), Some(9.0), Some(21.0), None].to_vec();
        let figure = place(NAME, real.clone(), simulated, None);
        let wanted = [Some(Place::Inside), Some(Place::Below), Some(Place::Above), None];
        assert_eq!(figure.places, wanted);
        assert_eq!(place(NAME, real, Vec::new(), None).places, [None; 4]);
    }

    #[test]
    fn a_real_time_is_known_to_a_millisecond() {
        let real = [8.0, 9.0, 21.0, 22.0].map(Some).to_vec();
        let simulated: Vec<f64> = (10..=20).map(f64::from).collect();
        let name = ("longest_stall", None, FigureUnit::Milliseconds);
        let wanted = [Place::Below, Place::Inside, Place::Inside, Place::Above].map(Some);
        assert_eq!(place(name, real, simulated, None).places, wanted);
    }
}
