//! A schedule: what a seed makes of a plan. Plain data, decided before the run.

use crate::plan::{FaultKind, Plan, Producer, When};
use crate::stream;
use ackproof_types::{Delay, Micros, ProducerIndex, Record, RecordId};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The fault timeline of one seed, in the order of time.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The seed.
    pub seed: u64,
    /// Faults, by time.
    pub faults: Vec<ScheduledFault>,
}

/// One fault with everything decided that does not depend on the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledFault {
    /// When it starts.
    pub at: Micros,
    /// How long it lasts; none: until the load ends.
    pub lasts: Option<Micros>,
    /// What, and to whom. `any …` is decided by `pick` among the candidates of the run.
    pub kind: FaultKind,
    /// Chooses among candidates: modulo their number.
    pub pick: u64,
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
    /// The schedule of `plan` under `seed`. Every fault of the file has a stream of its own, so that
    /// removing one moves no other.
    #[must_use]
    pub fn new(plan: &Plan, seed: u64) -> Self {
        let mut faults = Vec::new();
        for (index, fault) in plan.faults.iter().enumerate() {
            let mut rng = stream(seed, "fault", index as u64);
            for at in times(&mut rng, fault.when) {
                let total: u32 = fault.choices.iter().map(|(weight, _)| weight).sum();
                let mut ticket = rng.random_range(0..total.max(1));
                let kind = fault
                    .choices
                    .iter()
                    .find(|(weight, _)| {
                        let hit = ticket < *weight;
                        ticket = ticket.saturating_sub(*weight);
                        hit
                    })
                    .map_or(&fault.choices[0].1, |(_, kind)| kind);
                let lasts = kind.lasts.map(|range| draw(&mut rng, range));
                faults.push(ScheduledFault { at, lasts, kind: kind.clone(), pick: rng.random() });
            }
        }
        faults.sort_by_key(|fault| fault.at);
        Self { seed, faults }
    }
}

fn times(rng: &mut ChaCha8Rng, when: When) -> Vec<Micros> {
    match when {
        When::At(at) => vec![at],
        When::OnceBetween { from, to } => vec![draw(rng, Delay { min: from, max: to })],
        When::Between { from, to, every } => {
            let mut times = Vec::new();
            let mut at = from + draw(rng, every);
            while at <= to {
                times.push(at);
                at = at + draw(rng, every).max(Micros(1));
            }
            times
        }
    }
}

/// The records of one producer instance with their times, in order; generated while it is read, so
/// that its memory does not grow. Reading it again from the start gives the same.
#[derive(Clone, Debug)]
pub struct Workload {
    rng: ChaCha8Rng,
    index: ProducerIndex,
    interval: Micros,
    keys: u32,
    size: (u32, u32),
    next: u32,
    records: u32,
    at: Micros,
    until: Micros,
}

impl Workload {
    /// The workload of instance `index`, one of `producer`'s, under `seed`; it ends with the load.
    #[must_use]
    pub fn new(seed: u64, index: ProducerIndex, producer: &Producer, load: Micros) -> Self {
        Self {
            rng: stream(seed, "workload", u64::from(index.0)),
            index,
            interval: producer.interval,
            keys: producer.keys,
            size: producer.size,
            next: 0,
            records: producer.records.unwrap_or(u32::MAX),
            at: producer.start,
            until: load,
        }
    }
}

impl Iterator for Workload {
    type Item = (Micros, Record);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.records || self.at > self.until {
            return None;
        }
        let id = RecordId { producer: self.index, number: self.next };
        let key = (self.keys > 0).then(|| self.rng.random_range(0..self.keys));
        let size = self.rng.random_range(self.size.0..=self.size.1);
        let at = self.at;
        self.next += 1;
        // Around the mean by half of it: steady enough to reason about, not in lockstep.
        let spread = Delay {
            min: Micros(self.interval.0 / 2),
            max: Micros(self.interval.0 + self.interval.0 / 2),
        };
        self.at = self.at + draw(&mut self.rng, spread);
        Some((at, Record { id, key, size }))
    }
}
