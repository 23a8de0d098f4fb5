//! Breadth-first search over all interleavings of a small world.
//!
//! Level by level: every state that takes so many steps and no fewer. So the first state that breaks an
//! invariant is reached by a shortest way. States are known by 64 bits of hash (hash compaction), and what is
//! found does not depend on the number of threads: of several ways to a state that are equally long, the
//! smallest is kept.

use ackproof_kafka::replicas::{Invariant, Replicas, Step};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::{Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use xxhash_rust::xxh3::xxh3_64;

/// States that a thread takes at a time.
const CHUNK: usize = 256;
/// Parts of the set of known states, each with a lock of its own.
const SHARDS: usize = 256;

/// What a search may cost and what ends it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest way.
    pub depth: u16,
    /// So many states at most.
    pub states: usize,
    /// Threads.
    pub jobs: NonZeroUsize,
    /// Go on until each invariant is broken, instead of the first.
    pub all: bool,
}

/// A level that was searched whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Steps from the beginning.
    pub depth: u16,
    /// States that take so many.
    pub new: usize,
    /// States up to here.
    pub states: usize,
}

/// A broken invariant, and a shortest way to where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// Which.
    pub invariant: Invariant,
    /// The steps, from the beginning.
    pub steps: Vec<Step>,
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// There are no more states.
    Exhausted,
    /// The depth was reached.
    Depth,
    /// There are more states than allowed.
    States,
    /// What was looked for was found.
    Found,
    /// Somebody stopped it.
    Stopped,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Levels, in order.
    pub levels: Vec<Level>,
    /// Broken invariants, in the order in which they were met.
    pub broken: Vec<Counterexample>,
    /// Why it ended.
    pub end: End,
    /// Steps that were tried.
    pub tried: usize,
}

/// How a state was reached first.
#[derive(Clone, Copy)]
struct Origin {
    parent: u64,
    step: Step,
    depth: u16,
}

type Shard = HashTable<(u64, Origin)>;

/// All known states.
struct Known(Vec<Mutex<Shard>>);

impl Known {
    fn new() -> Self {
        Self((0..SHARDS).map(|_| Mutex::new(Shard::new())).collect())
    }

    fn shard(&self, state: u64) -> &Mutex<Shard> {
        // The table takes its own bits from the other end.
        &self.0[usize::try_from(state >> 32).unwrap_or_default() % SHARDS]
    }

    /// Whether it is new. Of ways of one length the smallest is kept.
    fn insert(&self, state: u64, origin: Origin) -> bool {
        let mut shard = self.shard(state).lock().unwrap_or_else(PoisonError::into_inner);
        match shard.entry(state, |(known, _)| *known == state, |(known, _)| *known) {
            Entry::Vacant(place) => {
                place.insert((state, origin));
                true
            }
            Entry::Occupied(mut place) => {
                let (_, known) = place.get_mut();
                let order = |one: &Origin| (one.depth, one.parent, one.step);
                if order(&origin) < order(known) {
                    *known = origin;
                }
                false
            }
        }
    }

    fn way_to(&self, mut state: u64) -> Vec<Step> {
        let mut steps = Vec::new();
        loop {
            let shard = self.shard(state).lock().unwrap_or_else(PoisonError::into_inner);
            let known = shard.find(state, |(known, _)| *known == state);
            let Some((_, origin)) = known.filter(|(_, origin)| origin.depth > 0) else { break };
            steps.push(origin.step);
            state = origin.parent;
        }
        steps.reverse();
        steps
    }
}

/// What one thread keeps.
#[derive(Default)]
struct Worker {
    steps: Vec<Step>,
    bytes: Bytes,
    reached: Reached,
}

/// Gathers what is hashed.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
    fn finish(&self) -> u64 {
        xxh3_64(&self.0)
    }
}

impl Bytes {
    fn of(&mut self, world: &Replicas) -> u64 {
        self.0.clear();
        world.hash(self);
        self.finish()
    }
}

/// Searches from `start`; `told` hears of each level, and says whether to go on.
pub fn search(start: Replicas, limits: &Limits, mut told: impl FnMut(&Level) -> bool) -> Found {
    let known = Known::new();
    let root = Bytes::default().of(&start);
    known.insert(root, Origin { parent: root, step: Step::Produce(0), depth: 0 });
    let mut found = Found { levels: Vec::new(), broken: Vec::new(), end: End::Exhausted, tried: 0 };
    let mut frontier = vec![(root, start)];
    let mut states = 1;
    for depth in 1..=limits.depth {
        let left = limits.states.saturating_sub(states);
        let Reached { next, broken, tried } =
            level(&frontier, &known, depth, (limits, left, &found));
        found.tried += tried;
        if next.len() > left {
            found.end = End::States;
            return found;
        }
        states += next.len();
        let reached = Level { depth, new: next.len(), states };
        found.levels.push(reached);
        for invariant in Invariant::ALL {
            let first = broken.iter().filter(|(one, _)| *one == invariant).map(|(_, state)| *state);
            if let Some(state) = first.min() {
                found.broken.push(Counterexample { invariant, steps: known.way_to(state) });
            }
        }
        let all = found.broken.len() == Invariant::ALL.len();
        if !found.broken.is_empty() && (all || !limits.all) {
            found.end = End::Found;
            return found;
        }
        if next.is_empty() {
            return found;
        }
        if !told(&reached) {
            found.end = End::Stopped;
            return found;
        }
        frontier = next;
    }
    found.end = End::Depth;
    found
}

/// What lies one step further.
#[derive(Default)]
struct Reached {
    next: Vec<(u64, Replicas)>,
    broken: Vec<(Invariant, u64)>,
    tried: usize,
}

/// All that is one step further than `frontier`; it ends early with more than `left` states.
fn level(
    frontier: &[(u64, Replicas)],
    known: &Known,
    depth: u16,
    (limits, left, found): (&Limits, usize, &Found),
) -> Reached {
    let asked: Vec<Invariant> = Invariant::ALL
        .into_iter()
        .filter(|one| found.broken.iter().all(|broken| broken.invariant != *one))
        .collect();
    let (taken, count, full) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        let mut worker = Worker::default();
        while !full.load(Ordering::Relaxed) {
            let from = taken.fetch_add(CHUNK, Ordering::Relaxed);
            if from >= frontier.len() {
                break;
            }
            let before = worker.reached.next.len();
            for (state, world) in &frontier[from..frontier.len().min(from + CHUNK)] {
                worker.expand(*state, world, known, depth, &asked);
            }
            let new = worker.reached.next.len() - before;
            if count.fetch_add(new, Ordering::Relaxed) + new > left {
                full.store(true, Ordering::Relaxed);
            }
        }
        worker.reached
    };
    let parts: Vec<Reached> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..limits.jobs.get()).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|one| one.join().expect("a machine keeps its invariants")).collect()
    });
    let mut all = Reached::default();
    for part in parts {
        all.next.extend(part.next);
        all.broken.extend(part.broken);
        all.tried += part.tried;
    }
    all
}

impl Worker {
    fn expand(
        &mut self,
        state: u64,
        world: &Replicas,
        known: &Known,
        depth: u16,
        asked: &[Invariant],
    ) {
        let mut steps = std::mem::take(&mut self.steps);
        world.steps(&mut steps);
        for step in steps.drain(..) {
            let Some(next) = world.after(step, &mut |_, _| {}) else { continue };
            self.reached.tried += 1;
            let reached = self.bytes.of(&next);
            if !known.insert(reached, Origin { parent: state, step, depth }) {
                continue;
            }
            let broken = asked.iter().filter(|one| !next.holds(**one));
            self.reached.broken.extend(broken.map(|one| (*one, reached)));
            self.reached.next.push((reached, next));
        }
        self.steps = steps;
    }
}
