//! A schedule: what a seed makes of a plan. Plain data, decided before the run.

use crate::anchor::Anchor;
use crate::describe::{verb, words};
use crate::moment::{Aim, Moment};
use crate::plan::{Action, Fault, FaultKind, Plan, PlannedRecord, Producer, Target, When};
use crate::{entity, stream};
use ackproof_types::{Delay, Micros, ProducerIndex, Record, RecordId};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The fault timeline of one seed, in the order of time.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The seed.
    pub seed: u64,
    /// Faults, by time; one that waits for something stands where its file has it.
    pub faults: Vec<ScheduledFault>,
}

/// One fault with everything decided that does not depend on the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledFault {
    /// The entry of `faults` it comes from.
    pub entry: usize,
    /// When it starts.
    pub start: Start,
    /// How long it lasts; none: until the load ends.
    pub lasts: Option<Micros>,
    /// What, and to whom. `any …` is decided by `pick` among the candidates of the run.
    pub kind: FaultKind,
    /// Chooses among candidates: modulo their number.
    pub pick: u64,
}

/// When a fault starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At this time.
    At(Micros),
    /// This long after something happened for the first time.
    After(Anchor, Micros),
    /// At a moment.
    On(Wait),
}

/// A fault that waits for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// From when on.
    pub from: Micros,
    /// When it gives up; none: with the load.
    pub until: Option<Micros>,
    /// For what.
    pub moment: Moment,
    /// How much later it strikes.
    pub plus: Micros,
}

/// Draws from `range`, both ends included.
pub fn draw(rng: &mut ChaCha8Rng, range: Delay) -> Micros {
    if range.min == range.max {
        range.min
    } else {
        Micros(rng.random_range(range.min.0..=range.max.0))
    }
}

impl Schedule {
    /// The schedule of `plan` under `seed`. Every entry of the file draws from streams of its own, named
    /// by what it does to whom: removing one, or changing how long one lasts, moves no other.
    #[must_use]
    pub fn new(plan: &Plan, seed: u64) -> Self {
        let mut faults: Vec<(Micros, ScheduledFault)> = Vec::new();
        let mut alike: BTreeMap<String, u64> = BTreeMap::new();
        for (entry, fault) in plan.faults.iter().enumerate() {
            let name = identity(fault, plan);
            let nth = alike.entry(name.clone()).or_default();
            let purpose = |what: &str| stream(seed, &format!("fault {what} {name}"), *nth);
            let (mut when, mut which) = (purpose("when"), purpose("which"));
            let (mut length, mut whom) = (purpose("length"), purpose("whom"));
            let starts = starts(&mut when, fault.when);
            let starts = match &fault.aim {
                Some(aim) => aimed(&mut purpose("moment"), aim, &starts, plan.load),
                None => starts,
            };
            for start in starts {
                let kind = weighted(&mut which, &fault.choices);
                let lasts = kind.lasts.map(|range| draw(&mut length, range));
                let pick = whom.random();
                let place = match start {
                    Start::At(at) | Start::On(Wait { from: at, .. }) => at,
                    Start::After(..) => faults.last().map_or(Micros::ZERO, |(at, _)| *at),
                };
                for kind in each(kind, plan) {
                    faults.push((place, ScheduledFault { entry, start, lasts, kind, pick }));
                }
            }
            *nth += 1;
        }
        faults.sort_by_key(|(place, _)| *place);
        Self { seed, faults: faults.into_iter().map(|(_, fault)| fault).collect() }
    }
}

impl Schedule {
    /// What an order from outside comes to at the time `now`, as the entry `entry` behind those of the file.
    #[must_use]
    pub fn ordered(
        plan: &Plan,
        seed: u64,
        (entry, fault): (usize, &Fault),
        now: Micros,
    ) -> Vec<ScheduledFault> {
        let mut rng = stream(seed, "ordered fault", entry as u64);
        let start = match (fault.when, &fault.aim) {
            (When::After { anchor, plus }, _) => Start::After(anchor, plus),
            (_, Some(aim)) => {
                let moment = *weighted(&mut rng, &aim.moments);
                let plus = draw(&mut rng, aim.plus);
                moment.map_or(Start::At(now), |moment| {
                    Start::On(Wait { from: now, until: None, moment, plus })
                })
            }
            _ => Start::At(now),
        };
        let kind = weighted(&mut rng, &fault.choices);
        let lasts = kind.lasts.map(|range| draw(&mut rng, range));
        let pick = rng.random();
        let each = each(kind, plan).into_iter();
        each.map(|kind| ScheduledFault { entry, start, lasts, kind, pick }).collect()
    }
}

/// `starts`, each at the first moment of the kind drawn for it, before the next one is due, or so much later than
/// that. One that waits for no moment is as much later than it is due, within the load.
fn aimed(rng: &mut ChaCha8Rng, aim: &Aim, starts: &[Start], load: Micros) -> Vec<Start> {
    let aim_at = |(place, start): (usize, &Start)| {
        let moment = *weighted(rng, &aim.moments);
        let plus = draw(rng, aim.plus);
        let Start::At(from) = *start else { return *start };
        let Some(moment) = moment else { return Start::At((from + plus).min(load)) };
        let next = starts.get(place + 1).and_then(|next| match next {
            Start::At(at) => Some(*at),
            Start::After(..) | Start::On(_) => None,
        });
        Start::On(Wait { from, until: aim.until.or(next), moment, plus })
    };
    starts.iter().enumerate().map(aim_at).collect()
}

/// `kind` for each process that it hits: what hits all members of a group, all brokers or a zone, is a fault of
/// each, but for a rolling restart, which is one.
fn each(kind: &FaultKind, plan: &Plan) -> Vec<FaultKind> {
    match kind.target {
        Target::AllMembers(group) if !matches!(kind.action, Action::RollingRestart(_)) => {
            let members = 0..plan.groups[usize::from(group)].members;
            let of = |member| FaultKind { target: Target::Member(group, member), ..kind.clone() };
            members.map(of).collect()
        }
        Target::AllBrokers(of) if !matches!(kind.action, Action::RollingRestart(_)) => {
            let clusters = plan.numbered().filter(|(id, _)| of.is_none_or(|of| of == *id));
            let brokers = clusters.flat_map(|(id, _)| plan.brokers_of(id));
            let of = |broker| FaultKind { target: Target::Broker(broker), ..kind.clone() };
            brokers.map(of).collect()
        }
        Target::Zone(zone) => {
            let hits = |target| {
                // A member has nothing to flush: without power it ends.
                let ends = kind.action == Action::PowerLoss && matches!(target, Target::Member(..));
                let action = if ends { Action::Crash } else { kind.action.clone() };
                FaultKind { target, action, ..kind.clone() }
            };
            plan.in_zone(zone).into_iter().map(hits).collect()
        }
        _ => vec![kind.clone()],
    }
}

/// What an entry does to whom, in words.
fn identity(fault: &Fault, plan: &Plan) -> String {
    let kinds = fault.choices.iter();
    kinds.map(|(_, kind)| format!("{} {};", verb(&kind.action), words(kind.target, plan))).collect()
}

/// One of `choices`, by weight.
fn weighted<'c, T>(rng: &mut ChaCha8Rng, choices: &'c [(u32, T)]) -> &'c T {
    let total: u64 = choices.iter().map(|(weight, _)| u64::from(*weight)).sum();
    let mut ticket = rng.random_range(0..total.max(1));
    let hit = choices.iter().find(|(weight, _)| {
        let hit = ticket < u64::from(*weight);
        ticket = ticket.saturating_sub(u64::from(*weight));
        hit
    });
    hit.map_or(&choices[0].1, |(_, one)| one)
}

fn starts(rng: &mut ChaCha8Rng, when: When) -> Vec<Start> {
    match when {
        When::At(at) => vec![Start::At(at)],
        When::After { anchor, plus } => vec![Start::After(anchor, plus)],
        When::OnceBetween { from, to } => {
            vec![Start::At(draw(rng, Delay { min: from, max: to }))]
        }
        When::Between { from, to, every } => {
            let mut starts = Vec::new();
            let mut at = from + draw(rng, every);
            while at <= to {
                starts.push(Start::At(at));
                at = at + draw(rng, every).max(Micros(1));
            }
            starts
        }
    }
}

/// The records of one producer instance with their times, in order; generated while it is read, so
/// that its memory does not grow. Reading it again from the start gives the same.
#[derive(Clone, Debug)]
pub struct Workload {
    index: ProducerIndex,
    next: u32,
    source: Source,
}

/// Where the records of a workload come from.
#[derive(Clone, Debug)]
enum Source {
    Drawn(Box<Drawn>),
    Listed(Arc<[PlannedRecord]>),
}

/// Records by a rate, drawn.
#[derive(Clone, Debug)]
struct Drawn {
    times: ChaCha8Rng,
    key: ChaCha8Rng,
    length: ChaCha8Rng,
    interval: Micros,
    keys: u32,
    size: (u32, u32),
    left: u32,
    at: Micros,
    until: Micros,
}

impl Workload {
    /// The workload of one `instance` of `producer`, the process `index` of all producers, under `seed`;
    /// it ends with the load.
    #[must_use]
    pub fn new(
        seed: u64,
        (index, instance): (ProducerIndex, u16),
        producer: &Producer,
        load: Micros,
    ) -> Self {
        let listed = producer.sends.as_ref().and_then(|sends| sends.get(usize::from(instance)));
        let source = match listed {
            Some(records) => Source::Listed(Arc::clone(records)),
            None => Source::Drawn(Box::new(Drawn::new(seed, instance, producer, load))),
        };
        Self { index, next: 0, source }
    }
}

impl Drawn {
    fn new(seed: u64, instance: u16, producer: &Producer, load: Micros) -> Self {
        let entity = entity(&format!("{}-{instance}", producer.name));
        Self {
            times: stream(seed, "times of records", entity),
            key: stream(seed, "keys of records", entity),
            length: stream(seed, "sizes of records", entity),
            interval: producer.interval,
            keys: producer.keys,
            size: producer.size,
            left: producer.records.unwrap_or(u32::MAX),
            at: producer.start,
            until: load,
        }
    }

    fn next(&mut self) -> Option<PlannedRecord> {
        if self.left == 0 || self.at > self.until {
            return None;
        }
        self.left -= 1;
        let key = (self.keys > 0).then(|| self.key.random_range(0..self.keys));
        let size = self.length.random_range(self.size.0..=self.size.1);
        let at = self.at;
        // Around the mean by half of it: steady enough to reason about, not in lockstep.
        let spread = Delay {
            min: Micros(self.interval.0 / 2),
            max: Micros(self.interval.0 + self.interval.0 / 2),
        };
        self.at = self.at + draw(&mut self.times, spread);
        Some(PlannedRecord { at, key, size })
    }
}

impl Iterator for Workload {
    type Item = (Micros, Record);

    fn next(&mut self) -> Option<Self::Item> {
        let PlannedRecord { at, key, size } = match &mut self.source {
            Source::Drawn(drawn) => drawn.next()?,
            Source::Listed(records) => *records.get(usize::try_from(self.next).ok()?)?,
        };
        let id = RecordId { producer: self.index, number: self.next };
        self.next += 1;
        Some((at, Record { id, key, size }))
    }
}
