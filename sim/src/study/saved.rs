//! A run as a schedule file: every record and fault of it, decided, so that the file gives the same run.
//!
//! A fault on a broker is tied to what the broker appended last before it, if the run stays the same with
//! it: an edited file, or a changed model, then keeps the race that the fault won, where a time would
//! miss it. It knows no failure; [`super::shrink`] does.

use crate::world::document;
use crate::world::nemesis::FaultRecord;
use crate::world::recorder::Trace;
use crate::world::run::{RunOutcome, run};
use ackproof_oracle::history::{Entry, Event};
use ackproof_scenario::anchor::{Anchor, Content, Place};
use ackproof_scenario::durations::spell;
use ackproof_scenario::plan::{Plan, Target};
use ackproof_scenario::schedule::{ScheduledFault, Start};
use ackproof_scenario::write;
use ackproof_types::words::plural;
use ackproof_types::{Micros, NodeId, Offset, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// A fault is tied to nothing that happened longer ago.
const NEAR: Micros = Micros::from_secs(1);

/// The schedule file of the run of `plan` that ended in `outcome`; `command` is the one that ran it. Faults
/// that found nobody to hit are left out, if the run comes to the same without them: a schedule whose faults
/// do not strike is inconclusive.
///
/// # Errors
/// Why one of the runs that check the file came to no end.
pub fn save(plan: &Plan, outcome: &RunOutcome, command: &str) -> Result<String, String> {
    let decided = Decided::of(plan, outcome)?;
    let anchored = anchored(plan, &decided)?;
    let (mut faults, mut notes) = (decided.faults.clone(), BTreeMap::new());
    let mut tie = |numbers: &[usize]| {
        for number in numbers {
            let Some((start, at)) = anchored.get(number) else { continue };
            faults[*number].start = *start;
            notes.insert(*number, format!("at {}", spell(*at)));
        }
    };
    let numbers: Vec<usize> = anchored.keys().copied().collect();
    // All together, or else one by one: what does not give the same run keeps its time.
    if decided.is_same(plan, &anchored, &numbers)? {
        tie(&numbers);
    } else {
        let mut good: Vec<usize> = Vec::new();
        for number in numbers {
            let more = [&good[..], &[number]].concat();
            if decided.is_same(plan, &anchored, &more)? {
                good = more;
            }
        }
        tie(&good);
    }
    let tree = write::tree(plan, decided.seed, &faults);
    Ok(write::text(&tree, &decided.header(command), &notes))
}

/// A run with what is decided in it.
struct Decided {
    seed: u64,
    faults: Vec<ScheduledFault>,
    digest: u128,
    /// Faults that are left out.
    idle: usize,
}

impl Decided {
    fn of(plan: &Plan, outcome: &RunOutcome) -> Result<Self, String> {
        let (seed, faults, digest) = (outcome.seed, outcome.schedule.clone(), outcome.digest);
        let whole = Self { seed, faults, digest, idle: 0 };
        let struck = |number: &usize| {
            let of = |one: &&FaultRecord| one.number as usize == *number;
            outcome.faults.iter().filter(of).any(|one| one.target.is_some())
        };
        let kept: Vec<usize> = (0..whole.faults.len()).filter(struck).collect();
        let idle = whole.faults.len() - kept.len();
        if idle == 0 {
            return Ok(whole);
        }
        let faults: Vec<ScheduledFault> =
            kept.into_iter().map(|number| whole.faults[number].clone()).collect();
        let again = run_of(plan, seed, &faults)?;
        let same = facts(&again) == facts(outcome);
        Ok(if same { Self { seed, faults, digest: again.digest, idle } } else { whole })
    }

    fn header(&self, command: &str) -> Vec<String> {
        let mut lines = vec![
            "A schedule: every record and every fault of one run, decided. Edit it; the same file gives".to_owned(),
            "the same run: `ackproof replay` this file.".to_owned(),
            String::new(),
            format!("Saved from: {command}"),
            format!("with the digest {:032x}", self.digest),
        ];
        if self.idle > 0 {
            let idle = plural(self.idle as u64, "fault");
            lines.push(format!("without {idle} that found nobody to hit"));
        }
        lines
    }

    /// Whether the run stays the same when these faults are tied.
    fn is_same(
        &self,
        plan: &Plan,
        anchored: &BTreeMap<usize, (Start, Micros)>,
        numbers: &[usize],
    ) -> Result<bool, String> {
        let mut faults = self.faults.clone();
        for number in numbers {
            faults[*number].start = anchored[number].0;
        }
        Ok(run_of(plan, self.seed, &faults)?.digest == self.digest)
    }
}

/// The run of a schedule file of `plan` with these faults.
fn run_of(plan: &Plan, seed: u64, faults: &[ScheduledFault]) -> Result<RunOutcome, String> {
    let text = write::text(&write::tree(plan, seed, faults), &[], &BTreeMap::new());
    let (saved, _warnings) = document::load(&text, "saved", &[])
        .map_err(|found| format!("the schedule of a run does not load: {found:?}"))?;
    run(&saved, seed, None).map_err(|failure| failure.to_string())
}

/// What a run came to, apart from the numbers of its faults, which are in its digest.
fn facts(outcome: &RunOutcome) -> impl PartialEq + use<> {
    let findings = &outcome.findings;
    let properties = findings.properties.iter().map(|one| {
        (one.name, one.judgement, one.witnesses, one.violation_count, one.causes.clone())
    });
    let properties: Vec<_> = properties.collect();
    (properties, findings.records.clone(), findings.groups.clone(), outcome.entries)
}

/// What each fault on a broker can be tied to, with the time at which it strikes.
fn anchored(plan: &Plan, decided: &Decided) -> Result<BTreeMap<usize, (Start, Micros)>, String> {
    let wanted = |fault: &ScheduledFault| {
        matches!(fault.start, Start::At(_))
            && matches!(fault.kind.target, Target::Broker(_) | Target::LeaderOf(..))
    };
    if !decided.faults.iter().any(wanted) {
        return Ok(BTreeMap::new());
    }
    let appends = Appends::of(plan, decided.seed)?;
    let tied = decided.faults.iter().enumerate().filter(|(_, fault)| wanted(fault));
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
