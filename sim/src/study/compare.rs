//! Compares arms over common random numbers: every arm runs the same seeds, and so the same workload
//! and, where the scenarios agree, the same faults. What is looked at is the difference within a seed,
//! which varies far less than the arms do. It decides nothing: less of each measure is better.

use super::measures;
use super::statistics::mean;
use crate::world::bounds::Failure;
use ackproof_reports::SCHEMA;
use ackproof_reports::compare::{Arm, CompareReport, Compared, Value};
use ackproof_reports::measure::Unit;
use ackproof_reports::run::RunReport;
use ackproof_reports::sweep::{Interval, SeedRange};
use ackproof_reports::verdict::Judgement;
use std::collections::BTreeMap;

/// What is compared. The first latencies are means: a sum that every record is part of.
const COMPARED: [(&str, Option<Unit>); 20] = [
    ("lost", None),
    ("unknown_absent", None),
    ("unknown", None),
    ("failed", None),
    ("reordered", None),
    ("skipped", None),
    ("backlog", None),
    ("log_duplicates", None),
    ("duplicate_rate", Some(Unit::Share)),
    ("output_duplicate_rate", Some(Unit::Share)),
    ("ack_latency.mean", Some(Unit::Milliseconds)),
    ("end_to_end_latency.mean", Some(Unit::Milliseconds)),
    ("unavailability", Some(Unit::Share)),
    ("read_unavailability", Some(Unit::Share)),
    ("ack_latency.p99", Some(Unit::Milliseconds)),
    ("end_to_end_latency.p99", Some(Unit::Milliseconds)),
    ("longest_stall", Some(Unit::Milliseconds)),
    ("longest_read_stall", Some(Unit::Milliseconds)),
    ("longest_failover", Some(Unit::Milliseconds)),
    ("longest_handover", Some(Unit::Milliseconds)),
];

/// What decides who is beaten: the measures before the extremes of a run, which chance moves most.
const DECIDING: usize = 14;
const _: () = assert!(matches!(COMPARED[DECIDING - 1].0.as_bytes(), b"read_unavailability"));

/// Runs of several arms, seed by seed.
#[derive(Debug)]
pub struct Comparison {
    arms: Vec<Runs>,
}

#[derive(Debug, Default)]
struct Runs {
    file: String,
    sets: Vec<(String, String)>,
    failed: u64,
    violated: BTreeMap<String, u64>,
    /// By seed.
    values: BTreeMap<u64, [Option<f64>; COMPARED.len()]>,
}

impl Comparison {
    /// Of no run yet: a file and what is changed in it for each arm.
    #[must_use]
    pub fn new(arms: impl Iterator<Item = (String, Vec<(String, String)>)>) -> Self {
        let arms = arms.map(|(file, sets)| Runs { file, sets, ..Runs::default() });
        Self { arms: arms.collect() }
    }

    /// Takes the run of `seed` of an arm.
    pub fn add(&mut self, arm: usize, seed: u64, run: Result<&RunReport, &Failure>) {
        let arm = &mut self.arms[arm];
        let Ok(run) = run else {
            arm.failed += 1;
            return;
        };
        arm.values.insert(seed, COMPARED.map(|(name, _)| measures::value(run, name)));
        for property in &run.properties {
            let count = arm.violated.entry(property.name.clone()).or_default();
            *count += u64::from(property.verdict == Judgement::Violated);
        }
    }

    /// What the arms came to.
    #[must_use]
    pub fn conclude(self, seeds: SeedRange, interrupted: bool, reproduce: String) -> CompareReport {
        let some = |property: &String| {
            self.arms.iter().any(|arm| arm.violated.get(property).is_some_and(|count| *count > 0))
        };
        let mut arms: Vec<Arm> = self
            .arms
            .iter()
            .map(|arm| Arm {
                file: arm.file.clone(),
                sets: arm.sets.clone(),
                runs: arm.values.len() as u64,
                failed: arm.failed,
                violated: arm.violated.clone().into_iter().filter(|(name, _)| some(name)).collect(),
                values: values(arm, self.arms.first().filter(|first| !std::ptr::eq(*first, arm))),
                on_front: false,
            })
            .collect();
        let front: Vec<bool> =
            arms.iter().map(|arm| !arms.iter().any(|other| dominates(other, arm))).collect();
        arms.iter_mut().zip(front).for_each(|(arm, on_front)| arm.on_front = on_front);
        let measures =
            COMPARED.map(|(name, unit)| Compared { name: name.to_owned(), unit }).to_vec();
        CompareReport { schema: SCHEMA, seeds, interrupted, measures, arms, reproduce }
    }
}

fn values(arm: &Runs, against: Option<&Runs>) -> Vec<Value> {
    let value = |index: usize| {
        let of = |values: &[Option<f64>; COMPARED.len()]| values[index];
        let own: Vec<f64> = arm.values.values().filter_map(of).collect();
        let pairs = against.into_iter().flat_map(|against| &against.values);
        let differences: Vec<f64> = pairs
            .filter_map(|(seed, theirs)| Some(of(arm.values.get(seed)?)? - of(theirs)?))
            .collect();
        let split = |found: Option<(f64, Option<Interval>)>| {
            found.map_or((None, None), |(mean, interval)| (Some(mean), interval))
        };
        let ((average, interval), (difference, difference_interval)) =
            (split(mean(&own)), split(mean(&differences)));
        // Nothing is below none, and no share above all; and a difference is no more than what there is.
        let (name, unit) = COMPARED[index];
        let most = if unit == Some(Unit::Share) { measures::most(name) } else { f64::INFINITY };
        let clip = |least: f64, most: f64| {
            move |Interval { low, high }: Interval| Interval {
                low: low.max(least),
                high: high.min(most),
            }
        };
        let interval = interval.map(clip(0.0, most));
        let theirs = against.map(|first| first.values.values().filter_map(of).collect::<Vec<_>>());
        let theirs = theirs.and_then(|theirs| mean(&theirs)?.1).map(clip(0.0, most));
        let high = |interval: Option<Interval>| interval.map_or(most, |interval| interval.high);
        let difference_interval = difference_interval.map(clip(-high(theirs), high(interval)));
        Value { mean: average, interval, difference, difference_interval }
    };
    (0..COMPARED.len()).map(value).collect()
}

/// Values this near to each other, as a part of the greater one, count as equal on a front: with seeds as few
/// as people wait for, less than that is chance.
const NEAR: f64 = 0.01;

/// Whether `one` is at least as good as `other` in everything, and better in something.
fn dominates(one: &Arm, other: &Arm) -> bool {
    let pairs = || one.values.iter().zip(&other.values).take(DECIDING);
    let compared = || pairs().filter_map(|(one, other)| Some((one.mean?, other.mean?)));
    let better = |(one, other): (f64, f64)| one < other * (1.0 - NEAR);
    compared().all(|(one, other)| !better((other, one))) && compared().any(better)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::test_report::{plan, report};

    fn compare(rates: [[u64; 3]; 3]) -> CompareReport {
        let plan = plan("", "");
        let arms = ["a", "b", "c"].map(|file| (file.to_owned(), Vec::new()));
        let mut comparison = Comparison::new(arms.into_iter());
        for (arm, lost) in rates.iter().enumerate() {
            for (seed, lost) in (0..).zip(lost) {
                let mut run = report(&plan, seed, Judgement::Held);
                run.records.lost = *lost;
                comparison.add(arm, seed, Ok(&run));
            }
        }
        let seeds = SeedRange { from: 0, to: Some(3) };
        comparison.conclude(seeds, false, String::new())
    }

    #[test]
    fn differences_are_within_a_seed() {
        // Both vary between seeds; within each the second has two more.
        let found = compare([[0, 10, 20], [2, 12, 22], [0, 10, 20]]);
        let (first, second) = (&found.arms[0].values[0], &found.arms[1].values[0]);
        assert_eq!((first.mean, first.difference), (Some(10.0), None));
        assert_eq!(second.difference, Some(2.0));
        assert_eq!(second.difference_interval, Some(Interval { low: 2.0, high: 2.0 }));
        let Interval { low, high } = first.interval.unwrap();
        assert!(low == 0.0 && high > 30.0, "the mean itself is uncertain, and not below none");
    }

    /// What there is none of cannot become less, nor can more go than there was.
    #[test]
    fn a_difference_is_no_more_than_what_there_is() {
        let found = compare([[0, 0, 0], [0, 9, 0], [0, 0, 0]]);
        let Interval { low, high } = found.arms[1].values[0].difference_interval.unwrap();
        assert!(low == 0.0 && high > 3.0, "{low} to {high}: nothing was lost before");
        let found = compare([[0, 9, 0], [0, 0, 0], [0, 0, 0]]);
        let Interval { low, high } = found.arms[1].values[0].difference_interval.unwrap();
        assert!(high == 0.0 && low < -3.0, "{low} to {high}: nothing is lost now");
    }

    #[test]
    fn the_front_is_who_is_not_beaten_in_everything() {
        let found = compare([[5, 5, 5], [4, 4, 4], [4, 4, 4]]);
        assert_eq!([false, true, true], [0, 1, 2].map(|arm: usize| found.arms[arm].on_front));
        let near = compare([[1000; 3], [1001; 3], [1100; 3]]);
        assert_eq!([true, true, false], [0, 1, 2].map(|arm: usize| near.arms[arm].on_front));
    }

    /// Each measure before the extremes decides who is beaten, and no extreme does.
    #[test]
    fn measures_decide_and_extremes_do_not() {
        let value = |mean: f64| Value {
            mean: Some(mean),
            interval: None,
            difference: None,
            difference_interval: None,
        };
        let arm = |worse: Option<usize>| Arm {
            file: String::new(),
            sets: Vec::new(),
            runs: 3,
            failed: 0,
            violated: BTreeMap::new(),
            values: (0..COMPARED.len())
                .map(|at| value(if Some(at) == worse { 2.0 } else { 1.0 }))
                .collect(),
            on_front: false,
        };
        for (at, (name, _)) in COMPARED.iter().enumerate() {
            let is_extreme = name.starts_with("longest_") || name.ends_with(".p99");
            assert_eq!(dominates(&arm(None), &arm(Some(at))), !is_extreme, "{name}");
            assert!(!dominates(&arm(Some(at)), &arm(None)), "{name}");
        }
    }

    #[test]
    fn a_run_that_failed_is_in_no_pair() {
        let plan = plan("", "");
        let arms = ["a", "b"].map(|file| (file.to_owned(), Vec::new()));
        let mut comparison = Comparison::new(arms.into_iter());
        for seed in 0..3 {
            comparison.add(0, seed, Ok(&report(&plan, seed, Judgement::Violated)));
        }
        comparison.add(1, 0, Err(&Failure::Crashed("a panic".to_owned())));
        comparison.add(1, 1, Ok(&report(&plan, 1, Judgement::Held)));
        let found = comparison.conclude(SeedRange::default(), false, String::new());
        assert_eq!((found.arms[1].runs, found.arms[1].failed), (1, 1));
        assert_eq!(found.arms[1].values[0].difference_interval, None);
        assert_eq!(found.arms[0].violated.get("acked-durability"), Some(&3));
        assert_eq!(found.arms[1].violated.get("acked-durability"), Some(&0));
    }
}
