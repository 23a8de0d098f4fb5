//! Breadth-first search over all interleavings of a small world.
//!
//! Level by level: every state that takes so many steps and no fewer. So the first state that breaks an
//! invariant is reached by a shortest way. States are known by 64 bits of hash (hash compaction), and what is
//! found does not depend on the number of threads: of several ways to a state that are equally long, the
//! smallest is kept.

use super::known::{Known, Origin};
use super::packed::{Memo, Packed, Parts};
use super::store::Bytes;
use ackproof_kafka::replicas::{Invariant, Replicas, Step};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// States that a thread takes at a time.
const CHUNK: usize = 1024;
/// Bytes of a state that waits to be looked at.
const WAITING: usize = size_of::<State>();

/// What a search may cost and what ends it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest way.
    pub depth: u16,
    /// So many states at most.
    pub states: usize,
    /// So many bytes of memory at most, roughly.
    pub memory: usize,
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
    /// They take more memory than allowed.
    Memory,
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
    /// States of a level that was not searched whole.
    pub deeper: usize,
    /// Broken invariants, in the order in which they were met.
    pub broken: Vec<Counterexample>,
    /// Why it ended.
    pub end: End,
    /// Steps that were tried.
    pub tried: usize,
}

/// A state: its hash, and the world.
type State = (u64, Packed);

/// What one thread keeps.
#[derive(Default)]
struct Worker {
    steps: Vec<Step>,
    memo: Memo,
    reached: Reached,
    /// Bytes of this worker that the others know of.
    told: usize,
}

/// What all threads share.
struct Search<'a> {
    limits: &'a Limits,
    stop: &'a AtomicBool,
    known: Known,
    parts: Parts,
    /// Bytes of the frontier that is looked at, and of what each thread keeps.
    bytes: AtomicUsize,
}

impl Search<'_> {
    /// Bytes of memory, roughly.
    fn bytes(&self) -> usize {
        self.known.bytes() + self.parts.bytes() + self.bytes.load(Ordering::Relaxed)
    }
}

/// Searches from `start` until there is no more, a limit is met, or `stop` is set; `told` hears of each level.
pub fn search(
    start: Replicas,
    limits: &Limits,
    stop: &AtomicBool,
    mut told: impl FnMut(&Level),
) -> Found {
    let (known, parts) = (Known::new(), Parts::new(start));
    let all = Search { limits, stop, known, parts, bytes: AtomicUsize::new(0) };
    let mut bytes = Bytes::default();
    let first = all.parts.start(&mut bytes);
    let root = all.parts.hash(&first, &mut bytes);
    all.known.insert(root, Origin { parent: root, step: Step::Produce(0), depth: 0 });
    let (levels, broken) = (Vec::new(), Vec::new());
    let mut found = Found { levels, deeper: 0, broken, end: End::Exhausted, tried: 0 };
    let mut frontier = vec![vec![(root, first)]];
    let mut states = 1;
    let mut workers: Vec<Worker> = (0..limits.jobs.get()).map(|_| Worker::default()).collect();
    for depth in 1..=limits.depth {
        let left = limits.states.saturating_sub(states);
        let Reached { next, broken, tried, end } =
            all.level(frontier, &mut workers, depth, (left, &found));
        let new = next.iter().map(Vec::len).sum();
        found.tried += tried;
        found.met(&all.known, &broken);
        let enough =
            !found.broken.is_empty() && (found.broken.len() == Invariant::ALL.len() || !limits.all);
        if let Some(end) = end {
            found.deeper = new;
            found.end = if enough { End::Found } else { end };
            return found;
        }
        states += new;
        let reached = Level { depth, new, states };
        found.levels.push(reached);
        if enough {
            found.end = End::Found;
            return found;
        }
        if new == 0 {
            return found;
        }
        told(&reached);
        frontier = next;
    }
    found.end = End::Depth;
    found
}

impl Found {
    /// Takes in what was broken.
    fn met(&mut self, known: &Known, broken: &[(Invariant, u64)]) {
        for invariant in Invariant::ALL {
            let first = broken.iter().filter(|(one, _)| *one == invariant).map(|(_, state)| *state);
            if let Some(state) = first.min() {
                self.broken.push(Counterexample { invariant, steps: known.way_to(state) });
            }
        }
    }
}

/// What lies one step further.
#[derive(Default)]
struct Reached {
    /// In pieces: a large vector that grows would need its memory twice.
    next: Vec<Vec<State>>,
    broken: Vec<(Invariant, u64)>,
    tried: usize,
    /// Why it was not looked at whole.
    end: Option<End>,
}

impl Search<'_> {
    /// All that is one step further than `frontier`; it ends early with more than `left` states.
    fn level(
        &self,
        frontier: Vec<Vec<State>>,
        workers: &mut [Worker],
        depth: u16,
        (left, found): (usize, &Found),
    ) -> Reached {
        let asked: Vec<Invariant> = Invariant::ALL
            .into_iter()
            .filter(|one| found.broken.iter().all(|broken| broken.invariant != *one))
            .collect();
        let pieces = Mutex::new(frontier.into_iter());
        let take = || pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
        let (count, ended) = (AtomicUsize::new(0), Mutex::new(None));
        let over = AtomicBool::new(false);
        let work = |worker: &mut Worker| {
            while !over.load(Ordering::Relaxed)
                && let Some(piece) = take()
            {
                let new = worker.expand_all(&piece, self, depth, &asked);
                self.bytes
                    .fetch_sub(piece.len() * WAITING * usize::from(depth > 1), Ordering::Relaxed);
                let full = count.fetch_add(new, Ordering::Relaxed) + new > left;
                let end = match () {
                    () if self.stop.load(Ordering::Relaxed) => End::Stopped,
                    () if full => End::States,
                    () if self.bytes() > self.limits.memory => End::Memory,
                    () => continue,
                };
                over.store(true, Ordering::Relaxed);
                ended.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(end);
            }
            std::mem::take(&mut worker.reached)
        };
        let work = &work;
        let parts: Vec<Reached> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                workers.iter_mut().map(|worker| scope.spawn(move || work(worker))).collect();
            let joined = threads.into_iter().map(|one| one.join());
            joined.map(|one| one.expect("a machine keeps its invariants")).collect()
        });
        let end = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut all = Reached { end, ..Reached::default() };
        for part in parts {
            all.next.extend(part.next);
            all.broken.extend(part.broken);
            all.tried += part.tried;
        }
        all
    }
}

impl Worker {
    /// Looks at all that is one step further than a piece; how many states are new.
    fn expand_all(
        &mut self,
        piece: &[State],
        all: &Search<'_>,
        depth: u16,
        asked: &[Invariant],
    ) -> usize {
        let mut new = 0;
        for state in piece {
            new += self.expand(*state, all, depth, asked);
        }
        let (before, now) = (self.told, self.memo.size());
        self.told = now;
        all.bytes.fetch_add(new * WAITING + now.saturating_sub(before), Ordering::Relaxed);
        new
    }

    fn expand(
        &mut self,
        (state, packed): State,
        all: &Search<'_>,
        depth: u16,
        asked: &[Invariant],
    ) -> usize {
        let whole = all.parts.world(&packed);
        let mut steps = std::mem::take(&mut self.steps);
        let mut new = 0;
        whole.steps(&mut steps);
        for step in steps.drain(..) {
            let Some(next) = self.memo.after(&all.parts, (&packed, &whole), step) else { continue };
            self.reached.tried += 1;
            if next == packed {
                continue;
            }
            let reached = all.parts.hash(&next, &mut self.memo.bytes);
            if !all.known.insert(reached, Origin { parent: state, step, depth }) {
                continue;
            }
            let world = all.parts.world(&next);
            let broken = asked.iter().filter(|one| !world.holds(**one));
            self.reached.broken.extend(broken.map(|one| (*one, reached)));
            self.reached.keep((reached, next));
            new += 1;
        }
        self.steps = steps;
        new
    }
}

impl Reached {
    fn keep(&mut self, state: State) {
        match self.next.last_mut().filter(|piece| piece.len() < CHUNK) {
            Some(piece) => piece.push(state),
            None => {
                let mut piece = Vec::with_capacity(CHUNK);
                piece.push(state);
                self.next.push(piece);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::world;
    use super::*;
    use crate::world::document;
    use ackproof_kafka::replicas::{Bounds, Grain};
    use std::collections::BTreeSet;
    use std::hash::{DefaultHasher, Hash, Hasher};

    fn start(bounds: Bounds) -> Replicas {
        let text = include_str!("../../../../scenarios/explore/replication.json");
        let (plan, _) = document::load(text, "replication.json", &[]).expect("a scenario");
        world(&plan, bounds).expect("a world")
    }

    const BOUNDS: Bounds = Bounds {
        records: 1,
        epochs: 2,
        changes: 2,
        crashes: 0,
        power_losses: 0,
        grain: Grain::Fetch,
        mended: true,
    };

    fn limits(depth: u16) -> Limits {
        let jobs = NonZeroUsize::new(2).expect("two");
        Limits { depth, states: usize::MAX, memory: usize::MAX, jobs, all: true }
    }

    /// How many worlds are new at each depth, without parts and memos.
    fn plainly(start: Replicas, depth: u16) -> Vec<usize> {
        let hash = |world: &Replicas| {
            let mut hasher = DefaultHasher::new();
            world.hash(&mut hasher);
            hasher.finish()
        };
        let mut known = BTreeSet::from([hash(&start)]);
        let mut frontier = vec![start];
        let mut levels = Vec::new();
        for _ in 0..depth {
            let mut next = Vec::new();
            for world in &frontier {
                let mut steps = Vec::new();
                world.steps(&mut steps);
                let after = steps.into_iter().filter_map(|step| world.after(step, &mut |_, _| {}));
                next.extend(after.filter(|world| known.insert(hash(world))));
            }
            levels.push(next.len());
            frontier = next;
        }
        levels
    }

    #[test]
    fn with_parts_and_memos_the_same_states_are_found() {
        let finer = Bounds { grain: Grain::Message, ..BOUNDS };
        let hard = Bounds { crashes: 1, power_losses: 1, ..BOUNDS };
        for (bounds, depth) in [(BOUNDS, 7), (finer, 6), (hard, 5)] {
            let stop = AtomicBool::new(false);
            let found = search(start(bounds), &limits(depth), &stop, |_| {});
            let new: Vec<usize> = found.levels.iter().map(|level| level.new).collect();
            assert_eq!(new, plainly(start(bounds), depth), "{bounds:?}");
            assert!(found.tried > 0);
        }
    }

    #[test]
    fn a_search_ends_when_its_memory_is_full_or_it_is_stopped() {
        let stop = AtomicBool::new(false);
        let small = Limits { memory: 20 << 20, ..limits(20) };
        let found = search(start(BOUNDS), &small, &stop, |_| {});
        assert_eq!(found.end, End::Memory);
        assert!(found.levels.len() >= 3 && found.deeper > 0, "{found:?}");
        stop.store(true, Ordering::Relaxed);
        assert_eq!(search(start(BOUNDS), &small, &stop, |_| {}).end, End::Stopped);
    }
}
