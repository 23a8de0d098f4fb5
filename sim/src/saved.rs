//! A run as a schedule file: every record and fault of it, decided, so that the file gives the same run.
//!
//! A fault on a broker is tied to what the broker appended last before it, if the run stays the same with
//! it: an edited file, or a changed model, then keeps the race that the fault won, where a time would
//! miss it. It knows no failure; [`crate::shrink`] does.

use crate::document;
use crate::recorder::Trace;
use crate::run::{RunOutcome, run};
use ackproof_oracle::history::{Entry, Event};
use ackproof_scenario::anchor::{Anchor, Content, Place};
use ackproof_scenario::durations::spell;
use ackproof_scenario::plan::{Plan, Target};
use ackproof_scenario::schedule::{ScheduledFault, Start};
use ackproof_scenario::write;
use ackproof_types::{Micros, NodeId, Offset, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// A fault is tied to nothing that happened longer ago.
const NEAR: Micros = Micros::from_secs(1);

/// The schedule file of the run of `plan` that ended in `outcome`; `command` is the one that ran it.
///
/// # Errors
/// Why one of the runs that check the file came to no end.
pub fn save(plan: &Plan, outcome: &RunOutcome, command: &str) -> Result<String, String> {
    let anchored = anchored(plan, outcome)?;
    let (mut faults, mut notes) = (outcome.schedule.clone(), BTreeMap::new());
    let mut tie = |numbers: &[usize]| {
        for number in numbers {
            let Some((start, at)) = anchored.get(number) else { continue };
            faults[*number].start = *start;
            notes.insert(*number, format!("at {}", spell(*at)));
        }
    };
    let numbers: Vec<usize> = anchored.keys().copied().collect();
    // All together, or else one by one: what does not give the same run keeps its time.
    if is_same(plan, outcome, &anchored, &numbers)? {
        tie(&numbers);
    } else {
        let mut good: Vec<usize> = Vec::new();
        for number in numbers {
            let more = [&good[..], &[number]].concat();
            if is_same(plan, outcome, &anchored, &more)? {
                good = more;
            }
        }
        tie(&good);
    }
    let tree = write::tree(plan, outcome.seed, &faults);
    Ok(write::text(&tree, &header(command, outcome), &notes))
}

fn header(command: &str, outcome: &RunOutcome) -> Vec<String> {
    vec![
        "A schedule: every record and every fault of one run, decided. Edit it; the same file gives".to_owned(),
        "the same run: `ackproof replay` this file.".to_owned(),
        String::new(),
        format!("Saved from: {command}"),
        format!("with the digest {:032x}", outcome.digest),
    ]
}

/// Whether the run stays the same when these faults are tied.
fn is_same(
    plan: &Plan,
    outcome: &RunOutcome,
    anchored: &BTreeMap<usize, (Start, Micros)>,
    numbers: &[usize],
) -> Result<bool, String> {
    let mut faults = outcome.schedule.clone();
    for number in numbers {
        faults[*number].start = anchored[number].0;
    }
    let text = write::text(&write::tree(plan, outcome.seed, &faults), &[], &BTreeMap::new());
    let (saved, _warnings) = document::load(&text, "saved", &[])
        .map_err(|found| format!("the schedule of a run does not load: {found:?}"))?;
    let again = run(&saved, outcome.seed, None).map_err(|failure| failure.to_string())?;
    Ok(again.digest == outcome.digest)
}

/// What each fault on a broker can be tied to, with the time at which it strikes.
fn anchored(plan: &Plan, outcome: &RunOutcome) -> Result<BTreeMap<usize, (Start, Micros)>, String> {
    let wanted = |fault: &ScheduledFault| {
        matches!(fault.start, Start::At(_))
            && matches!(fault.kind.target, Target::Broker(_) | Target::LeaderOf(..))
    };
    if !outcome.schedule.iter().any(wanted) {
        return Ok(BTreeMap::new());
    }
    let appends = Appends::of(plan, outcome.seed)?;
    let tied = outcome.schedule.iter().enumerate().filter(|(_, fault)| wanted(fault));
    let tied = tied.filter_map(|(number, fault)| {
        let Start::At(at) = fault.start else { return None };
        let (anchor, since) = appends.before(at, fault.kind.target)?;
        Some((number, (Start::After(anchor, Micros(at.0 - since.0)), at)))
    });
    Ok(tied.collect())
}

/// What leaders appended of the application's records, in order.
struct Appends(Vec<Append>);

struct Append {
    at: Micros,
    node: NodeId,
    partition: TopicPartition,
    /// Its last offset.
    offset: Offset,
    /// It is what `broker-1 appends …` would wait for.
    is_first_of_broker: bool,
    /// It is what `leader of … appends …` would wait for.
    is_first_of_leader: bool,
}

impl Appends {
    fn of(plan: &Plan, seed: u64) -> Result<Self, String> {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&kept);
        let (mut by_broker, mut by_leader) = (BTreeSet::new(), BTreeSet::new());
        let trace: Trace = Box::new(move |entry: &Entry, _| {
            let Event::Appended { partition, next_offset, records, as_leader, .. } = &entry.event
            else {
                return;
            };
            if records.is_empty() {
                return;
            }
            let offset = Offset(next_offset.0 - 1);
            let is_first_of_broker = by_broker.insert((entry.node, *partition, offset));
            if *as_leader {
                let is_first_of_leader = by_leader.insert((*partition, offset));
                let (at, node) = (Micros(entry.at.as_micros()), entry.node);
                let partition = *partition;
                let append =
                    Append { at, node, partition, offset, is_first_of_broker, is_first_of_leader };
                keep.lock().unwrap_or_else(PoisonError::into_inner).push(append);
            }
        });
        run(plan, seed, Some(trace)).map_err(|failure| failure.to_string())?;
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Self(std::mem::take(&mut *kept)))
    }

    /// The last append before `at` that a fault on `target` can be tied to, and when it was.
    fn before(&self, at: Micros, target: Target) -> Option<(Anchor, Micros)> {
        let near = self.0.iter().rev().skip_while(|one| one.at >= at);
        let mut near = near.take_while(|one| one.at + NEAR >= at);
        let last = near.find(|one| match target {
            Target::Broker(broker) => one.node == NodeId(broker) && one.is_first_of_broker,
            Target::LeaderOf(topic, number) => {
                one.partition == TopicPartition::new(topic, number) && one.is_first_of_leader
            }
            _ => false,
        })?;
        let TopicPartition { topic, partition } = last.partition;
        let place = Place { topic, partition, offset: last.offset.0 };
        Some((Anchor::Appends(target, Content::At(place)), last.at))
    }
}
