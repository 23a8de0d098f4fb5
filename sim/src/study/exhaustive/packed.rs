//! A world as the numbers of its parts, and what a step makes of them.
//!
//! There are far fewer parts than worlds: a world is a choice of them (collapse compression). A step reads few of
//! them, so what it does is looked up where it was done before.

use super::store::{Bytes, Shared, Store};
use ackproof_kafka::replicas::parts::{Counts, Quorum, Reach, Replica};
use ackproof_kafka::replicas::{Replicas, Step};
use hashbrown::HashTable;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The most brokers that a world has.
pub(super) const MOST_BROKERS: usize = 5;

/// Entries of a memo after which it begins anew, and just as many as fit into a table of a power of two.
const MEMO: usize = (1 << 21) / 8 * 7;

/// A world in few bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Packed {
    quorum: u32,
    counts: u32,
    replicas: [u32; MOST_BROKERS],
}

/// The parts of all worlds that were met.
#[derive(Debug)]
pub(super) struct Parts {
    /// Any world: what does not change is the same in all.
    start: Replicas,
    brokers: usize,
    /// With the numbers of the oldest and the newest state of the cluster.
    quorums: Shared<Quorum, (u32, u32)>,
    /// With the number of the state of the cluster that it knows.
    replicas: Shared<Replica, Option<u32>>,
    counts: Store<Counts, ()>,
}

impl Parts {
    pub(super) fn new(start: Replicas) -> Self {
        let brokers = start.brokers().len();
        let (quorums, replicas, counts) = (Shared::new(), Shared::new(), Store::new());
        Self { start, brokers, quorums, replicas, counts }
    }

    pub(super) fn start(&self, bytes: &mut Bytes) -> Packed {
        let parts = self.start.parts();
        let mut packed = Packed {
            quorum: self.quorum(parts.quorum, bytes),
            counts: self.counts(parts.counts, bytes),
            replicas: [0; MOST_BROKERS],
        };
        for (number, replica) in packed.replicas.iter_mut().zip(parts.replicas) {
            *number = self.replica(replica, bytes);
        }
        packed
    }

    fn quorum(&self, quorum: &Arc<Quorum>, bytes: &mut Bytes) -> u32 {
        self.quorums.number(Arc::clone(quorum), bytes, |quorum, bytes| {
            (bytes.long(|state| self.start.hash_quorum(quorum, state)), quorum.span())
        })
    }

    fn replica(&self, replica: &Arc<Replica>, bytes: &mut Bytes) -> u32 {
        self.replicas.number(Arc::clone(replica), bytes, |replica, bytes| {
            (bytes.long(|state| self.start.hash_replica(replica, state)), replica.knows())
        })
    }

    fn counts(&self, counts: &Counts, bytes: &mut Bytes) -> u32 {
        let alike = |counts: &Counts, bytes: &mut Bytes| bytes.long(|state| counts.hash(state));
        self.counts.number(counts.clone(), bytes, |counts, bytes| (alike(counts, bytes), ()))
    }

    pub(super) fn world(&self, packed: &Packed) -> Replicas {
        let replica = |number: &u32| Arc::clone(&self.replicas.get(*number).part);
        let replicas = packed.replicas[..self.brokers].iter().map(replica).collect();
        let quorum = Arc::clone(&self.quorums.get(packed.quorum).part);
        self.start.with(quorum, replicas, self.counts.get(packed.counts).part.clone())
    }

    /// `next`, which is what became of `before`.
    fn pack(
        &self,
        next: &Replicas,
        (before, whole): (&Packed, &Replicas),
        bytes: &mut Bytes,
    ) -> Packed {
        let (new, old) = (next.parts(), whole.parts());
        let mut packed = *before;
        if !Arc::ptr_eq(new.quorum, old.quorum) {
            packed.quorum = self.quorum(new.quorum, bytes);
        }
        if new.counts != old.counts {
            packed.counts = self.counts(new.counts, bytes);
        }
        let pairs = new.replicas.iter().zip(old.replicas);
        for (number, (new, old)) in packed.replicas.iter_mut().zip(pairs) {
            if !Arc::ptr_eq(new, old) {
                *number = self.replica(new, bytes);
            }
        }
        packed
    }

    /// The hash of the world, which alike worlds have in common. Images are told from the newest.
    pub(super) fn hash(&self, packed: &Packed, bytes: &mut Bytes) -> u64 {
        let quorum = self.quorums.get(packed.quorum);
        let newest = quorum.note.1;
        bytes.short(|state| {
            state.write_u128(quorum.alike);
            state.write_u128(self.counts.get(packed.counts).alike);
            for number in &packed.replicas[..self.brokers] {
                let replica = self.replicas.get(*number);
                state.write_u128(replica.alike);
                state.write_u32(replica.note.map_or(u32::MAX, |known| newest - known));
            }
        })
    }

    /// Bytes of memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.quorums.bytes() + self.replicas.bytes() + self.counts.bytes()
    }
}

/// What a step reads, or what becomes of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Few {
    counts: u32,
    quorum: u32,
    brokers: [u32; 2],
}

/// What a step does not read.
const NOTHING: u32 = u32::MAX;

/// A fast hash for keys of a few small numbers.
#[derive(Default)]
struct Mix(u64);

impl Mix {
    fn add(&mut self, more: u64) {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let product = u128::from(self.0 ^ more) * u128::from(ODD);
        #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
        let halves = (product as u64, (product >> 64) as u64);
        self.0 = (halves.0 ^ halves.1).wrapping_add(ODD);
    }
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.add(u64::from(*byte)));
    }
    fn write_u8(&mut self, more: u8) {
        self.add(u64::from(more));
    }
    fn write_u32(&mut self, more: u32) {
        self.add(u64::from(more));
    }
    fn write_isize(&mut self, more: isize) {
        self.add(more.unsigned_abs() as u64);
    }
    fn write_usize(&mut self, more: usize) {
        self.add(more as u64);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

fn hash_of(key: impl Hash) -> u64 {
    let mut mix = Mix::default();
    key.hash(&mut mix);
    mix.finish()
}

/// Which parts a step reads.
#[derive(Clone, Copy)]
struct Reads {
    quorum: bool,
    places: [Option<u8>; 2],
}

impl Reads {
    /// None: all.
    fn of(step: Step) -> Option<Self> {
        Some(match step.reach() {
            Reach::Broker(at) => Self { quorum: false, places: [Some(at), None] },
            Reach::Brokers(at, other) => Self { quorum: false, places: [Some(at), Some(other)] },
            Reach::Controller => Self { quorum: true, places: [None, None] },
            Reach::ControllerAnd(at) => Self { quorum: true, places: [Some(at), None] },
            Reach::All => return None,
        })
    }

    fn few(self, from: &Packed) -> Few {
        let broker = |at: Option<u8>| at.map_or(NOTHING, |at| from.replicas[usize::from(at)]);
        let quorum = if self.quorum { from.quorum } else { NOTHING };
        Few { counts: from.counts, quorum, brokers: self.places.map(broker) }
    }

    fn put(self, few: Few, mut into: Packed) -> Packed {
        into.counts = few.counts;
        if self.quorum {
            into.quorum = few.quorum;
        }
        for (at, number) in self.places.into_iter().zip(few.brokers) {
            if let Some(at) = at {
                into.replicas[usize::from(at)] = number;
            }
        }
        into
    }
}

/// What one thread remembers of steps.
#[derive(Default)]
pub(super) struct Memo {
    /// What becomes of what a step reads; none: it leads beyond the bounds.
    steps: HashTable<(Step, Few, Option<Few>)>,
    /// What a controller becomes that forgets what is older than a number.
    forgets: HashTable<(u32, u32, u32)>,
    pub(super) bytes: Bytes,
}

impl Memo {
    /// The world after `step`; none: beyond the bounds. `whole` is `before` unpacked.
    pub(super) fn after(
        &mut self,
        parts: &Parts,
        (before, whole): (&Packed, &Replicas),
        step: Step,
    ) -> Option<Packed> {
        let Some(reads) = Reads::of(step) else {
            let next = whole.before_forgetting(step)?;
            let next = parts.pack(&next, (before, whole), &mut self.bytes);
            return Some(self.forget(parts, next));
        };
        let few = reads.few(before);
        let hash = hash_of((step, few));
        let same = |(of, read, _): &(Step, Few, Option<Few>)| *of == step && *read == few;
        let became = if let Some((_, _, became)) = self.steps.find(hash, same) {
            *became
        } else {
            let next = whole.before_forgetting(step);
            let next = next.map(|next| parts.pack(&next, (before, whole), &mut self.bytes));
            debug_assert!(
                next.is_none_or(|next| reads.put(reads.few(&next), *before) == next),
                "{step} changes more than it says"
            );
            let became = next.map(|next| reads.few(&next));
            if self.steps.len() >= MEMO {
                self.steps.clear();
            }
            let entry = (step, few, became);
            self.steps.insert_unique(hash, entry, |(step, few, _)| hash_of((*step, *few)));
            became
        };
        let next = reads.put(became?, *before);
        Some(self.forget(parts, next))
    }

    /// What every running broker knows is nobody's news.
    fn forget(&mut self, parts: &Parts, mut packed: Packed) -> Packed {
        let quorum = parts.quorums.get(packed.quorum);
        let (oldest, newest) = quorum.note;
        let brokers = packed.replicas[..parts.brokers].iter();
        let known = brokers.filter_map(|number| parts.replicas.get(*number).note).min();
        let known = known.unwrap_or(newest);
        if oldest >= known {
            return packed;
        }
        let key = (packed.quorum, known);
        let hash = hash_of(key);
        let found = self.forgets.find(hash, |(of, than, _)| (*of, *than) == key);
        packed.quorum = if let Some((_, _, became)) = found {
            *became
        } else {
            let rest = Arc::new(quorum.part.without(known));
            let became = parts.quorum(&rest, &mut self.bytes);
            let entry = (key.0, key.1, became);
            self.forgets.insert_unique(hash, entry, |(of, than, _)| hash_of((*of, *than)));
            became
        };
        packed
    }

    /// Bytes of memory.
    pub(super) fn size(&self) -> usize {
        self.steps.allocation_size() + self.forgets.allocation_size()
    }
}
