//! Measures: what a limit of a scenario can name, of one run and over seeds.
//!
//! Counts and longest stalls, failovers and handovers are values of a run, and a limit on them holds in every run. Rates and
//! latencies are estimates over all runs, and a limit on them is tested on their interval.

use super::statistics::{quantile, ratio};
use ackproof_oracle::histogram::Histogram;
use ackproof_oracle::pace::Stalls;
use ackproof_reports::measure::{Estimate, MeasureSweep, Stall, Sums, Unit};
use ackproof_reports::outputs::OutputReport;
use ackproof_reports::run::RunReport;
use ackproof_reports::sweep::Interval;
use ackproof_reports::timing::{GroupTiming, LoadReport, StallReport};

/// The estimates of a latency: `mean` and `max` beside these.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

/// What a run contributes to a measure over seeds.
enum Share<'a> {
    Part(u64, u64),
    Lengths(&'a Histogram),
    Stalls(Stalls),
}

/// Adds a run to `sums`, which it fills with every measure if they are empty.
pub(crate) fn add(sums: &mut Vec<MeasureSweep>, run: &RunReport) {
    let shares = shares(run);
    if sums.is_empty() {
        sums.extend(shares.iter().map(|(name, group, share)| MeasureSweep {
            name: (*name).to_owned(),
            group: group.map(str::to_owned),
            unit: match share {
                Share::Part(..) | Share::Stalls(_) => Unit::Share,
                Share::Lengths(_) => Unit::Milliseconds,
            },
            runs: 0,
            estimates: Vec::new(),
            sums: Sums::default(),
        }));
    }
    for (sum, (_, _, share)) in sums.iter_mut().zip(shares) {
        let before = sum.sums.whole;
        match share {
            Share::Part(part, whole) => sum.sums.add(part, whole),
            Share::Lengths(lengths) => sum.sums.add_lengths(lengths),
            Share::Stalls(stalls) => {
                sum.sums.add(stalls.stalled.as_millis(), stalls.observed.as_millis());
            }
        }
        sum.runs += u64::from(sum.sums.whole > before);
    }
}

fn shares(run: &RunReport) -> Vec<(&'static str, Option<&str>, Share<'_>)> {
    let (records, pace) = (&run.records, &run.pace);
    let mut all = vec![
        ("loss_rate", None, Share::Part(records.lost, records.sent)),
        ("unknown_absent_rate", None, Share::Part(records.unknown_absent, records.sent)),
        ("ack_latency", None, Share::Lengths(&pace.acknowledgement)),
        ("unavailability", None, Share::Stalls(pace.writes.unwrap_or_default())),
    ];
    for (group, pace) in run.groups.iter().zip(&pace.groups) {
        let name = Some(group.group.as_str());
        all.push(("duplicate_rate", name, Share::Part(group.duplicates, group.distinct)));
        if let Some(made) = &group.outputs {
            let share = Share::Part(made.duplicates, made.written);
            all.push(("output_duplicate_rate", name, share));
        }
        all.push(("end_to_end_latency", name, Share::Lengths(&pace.end_to_end)));
        all.push(("read_unavailability", name, Share::Stalls(pace.reads.unwrap_or_default())));
    }
    all
}

/// Concludes what the sums of every measure say.
pub(crate) fn conclude(measures: &mut [MeasureSweep]) {
    for measure in measures {
        measure.estimates = estimates(measure);
    }
}

/// The largest value that a share can have.
pub(crate) fn most(measure: &str) -> f64 {
    // A record may be processed again more than once.
    if measure.ends_with("duplicate_rate") { f64::INFINITY } else { 1.0 }
}

fn estimates(measure: &MeasureSweep) -> Vec<Estimate> {
    let MeasureSweep { unit, runs, sums, .. } = measure;
    let estimate = |of: &str, found| {
        let (value, interval) = found?;
        Some(Estimate { of: of.to_owned(), value, interval })
    };
    let ratio = ratio(sums, *runs);
    match unit {
        Unit::Share => {
            let most = most(&measure.name);
            let clipped = ratio.map(|(rate, interval)| {
                let clip = |of: Interval| Interval { low: of.low, high: of.high.min(most) };
                (rate, interval.map(clip))
            });
            estimate("rate", clipped).into_iter().collect()
        }
        Unit::Milliseconds => {
            let mean = ratio.map(|(mean, interval)| {
                let ms = |us: f64| us / 1000.0;
                let ends = |of: Interval| Interval { low: ms(of.low), high: ms(of.high) };
                (ms(mean), interval.map(ends))
            });
            let quantiles = QUANTILES.map(|(of, share)| estimate(of, quantile(sums, share, *runs)));
            estimate("mean", mean).into_iter().chain(quantiles.into_iter().flatten()).collect()
        }
    }
}

/// Whether a limit on `measure` is tested on the interval over seeds; else it holds in every run.
pub(crate) fn is_estimated(measure: &str) -> bool {
    measure.contains('.')
        || matches!(
            measure,
            "duplicate_rate"
                | "output_duplicate_rate"
                | "loss_rate"
                | "unknown_absent_rate"
                | "unavailability"
                | "read_unavailability"
        )
}

/// The value in one run of a measure that a limit can name; of groups, the worst one's. None: there was
/// nothing to measure. Lengths are in milliseconds.
pub(crate) fn value(run: &RunReport, name: &str) -> Option<f64> {
    let (records, groups, timing) = (&run.records, &run.groups, &run.timing);
    let worst = |values: &mut dyn Iterator<Item = f64>| values.reduce(f64::max);
    let stall = |of: fn(&Stall) -> f64| {
        worst(&mut timing.groups.iter().filter_map(|one| one.reads.as_ref()).map(of))
    };
    let load = |of: fn(&LoadReport) -> f64| timing.load.as_ref().map(of);
    match name {
        "duplicate_rate" => {
            Some(worst(&mut groups.iter().map(|one| one.duplicate_rate)).unwrap_or(0.0))
        }
        "dead_lettered" => {
            Some(count(groups.iter().map(|one| one.dead_lettered).max().unwrap_or(0)))
        }
        "sink_repeated" => {
            let sinks = groups.iter().filter_map(|one| one.sink.as_ref());
            Some(count(sinks.map(|sink| sink.repeated).max().unwrap_or(0)))
        }
        "sink_missing" => {
            let sinks = groups.iter().filter_map(|one| one.sink.as_ref());
            Some(count(sinks.map(|sink| sink.missing).max().unwrap_or(0)))
        }
        "output_duplicates" | "output_lost" => {
            let outputs = groups.iter().filter_map(|one| one.outputs.as_ref());
            let of = |one: &OutputReport| {
                if name == "output_lost" { one.lost } else { one.duplicates }
            };
            Some(count(outputs.map(of).max().unwrap_or(0)))
        }
        "output_duplicate_rate" => {
            let outputs = groups.iter().filter_map(|one| one.outputs.as_ref());
            worst(&mut outputs.map(|one| one.duplicate_rate)).or(Some(0.0))
        }
        "skipped" => Some(count(groups.iter().map(|one| one.skipped).max().unwrap_or(0))),
        "backlog" => Some(count(groups.iter().map(|one| one.backlog).max().unwrap_or(0))),
        "log_duplicates" => Some(count(records.log_duplicates)),
        "lost" => Some(count(records.lost)),
        "displaced" => Some(count(records.displaced)),
        "unknown" => Some(count(records.unknown)),
        "unknown_absent" => Some(count(records.unknown_absent)),
        "failed" => Some(count(records.failed)),
        "reordered" => Some(count(records.reordered)),
        "loss_rate" => Some(count(records.lost) / count(records.sent.max(1))),
        "unknown_absent_rate" => Some(count(records.unknown_absent) / count(records.sent.max(1))),
        "unavailability" => timing.writes.map(|stall| stall.unavailability),
        "longest_stall" => timing.writes.map(|stall| stall.longest_ms),
        "read_unavailability" => stall(|stall| stall.unavailability),
        "longest_read_stall" => stall(|stall| stall.longest_ms),
        "longest_failover" => timing.failover.and_then(|times| times.max_ms),
        "longest_queue" => load(|load| load.longest_queue_ms),
        "longest_disk_queue" => load(|load| load.longest_disk_queue_ms),
        "handler_use" => load(|load| load.handler_use),
        "disk_use" => load(|load| load.disk_use),
        "longest_handover" => {
            let handovers = timing.groups.iter().filter_map(|one| one.handover?.max_ms);
            worst(&mut handovers.into_iter())
        }
        other => latency(run, other),
    }
}

/// What stood in the way of the longest stall that a limit on `name` is about, as far as it is on record.
pub(crate) fn stalled_by<'r>(run: &'r RunReport, name: &str) -> Option<&'r StallReport> {
    match name {
        "longest_stall" => run.timing.writes_because.as_ref(),
        "longest_read_stall" => {
            let groups = run.timing.groups.iter().filter(|one| one.reads.is_some());
            let longest = |one: &&GroupTiming| one.reads.map_or(0.0, |stall| stall.longest_ms);
            let worst = groups.max_by(|one, other| longest(one).total_cmp(&longest(other)));
            worst?.reads_because.as_ref()
        }
        _ => None,
    }
}

fn latency(run: &RunReport, name: &str) -> Option<f64> {
    let (measure, of) = name.split_once('.').unwrap_or((name, ""));
    let pick = |latency: &ackproof_reports::measure::Latency| match of {
        "mean" => latency.mean_ms,
        "p50" => latency.p50_ms,
        "p95" => latency.p95_ms,
        "p99" => latency.p99_ms,
        _ => unreachable!("the scenario's reader knows no measure {name}"),
    };
    match measure {
        "ack_latency" => pick(&run.timing.acknowledgement),
        _ => run.timing.groups.iter().filter_map(|one| pick(&one.end_to_end)).reduce(f64::max),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of one run are far below 2^52")]
fn count(number: u64) -> f64 {
    number as f64
}

/// The estimates that a limit on `name` is tested on: one a group where groups are concerned.
pub(crate) fn estimated<'a>(
    measures: &'a [MeasureSweep],
    name: &'a str,
) -> impl Iterator<Item = (&'a MeasureSweep, &'a Estimate)> {
    let (measure, of) = name.split_once('.').unwrap_or((name, "rate"));
    let named = measures.iter().filter(move |one| one.name == measure);
    named.filter_map(move |one| {
        one.estimates.iter().find(|estimate| estimate.of == of).map(|estimate| (one, estimate))
    })
}
