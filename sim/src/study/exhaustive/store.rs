//! Parts of worlds, each kept once and known by a number.

use hashbrown::HashTable;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Parts of the index, each with a lock of its own.
const SHARDS: usize = 64;
/// Slots double in number from one row to the next.
const ROWS: usize = 32;
/// So many bytes does a part take for each byte of it that is hashed: maps, counts of references, spare room.
const BYTES_FOR_ONE: usize = 5;

/// Gathers what is hashed.
#[derive(Default)]
pub(super) struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
    fn finish(&self) -> u64 {
        xxh3_64(&self.0)
    }
}

impl Bytes {
    /// The 64 bits of what `hash` hashes.
    pub(super) fn short(&mut self, hash: impl FnOnce(&mut Self)) -> u64 {
        self.0.clear();
        hash(self);
        xxh3_64(&self.0)
    }

    /// The 128 bits of what `hash` hashes.
    pub(super) fn long(&mut self, hash: impl FnOnce(&mut Self)) -> u128 {
        self.0.clear();
        hash(self);
        xxh3_128(&self.0)
    }
}

/// A part, and what is asked of it often.
#[derive(Debug)]
pub(super) struct Kept<T, N> {
    pub(super) part: T,
    /// Alike parts have the same.
    pub(super) alike: u128,
    pub(super) note: N,
}

type Row<T, N> = OnceLock<Box<[OnceLock<Kept<T, N>>]>>;

/// All parts of one kind. None is ever taken away, so a number is good for the whole search.
#[derive(Debug)]
pub(super) struct Store<T, N> {
    rows: [Row<T, N>; ROWS],
    /// Hash and number of each.
    index: Vec<Mutex<HashTable<(u64, u32)>>>,
    next: AtomicU32,
    bytes: AtomicUsize,
}

/// Row and place of a number.
fn place(number: u32) -> (usize, usize) {
    let nth = u64::from(number) + 1;
    let row = nth.ilog2();
    (row as usize, usize::try_from(nth - (1 << row)).unwrap_or(usize::MAX))
}

impl<T: Hash + Eq, N> Store<T, N> {
    pub(super) fn new() -> Self {
        Self {
            rows: std::array::from_fn(|_| OnceLock::new()),
            index: (0..SHARDS).map(|_| Mutex::default()).collect(),
            next: AtomicU32::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    pub(super) fn get(&self, number: u32) -> &Kept<T, N> {
        let (row, at) = place(number);
        let row = self.rows[row].get().expect("a number was given out");
        row[at].get().expect("a number was given out")
    }

    /// The number of `part`; `about` is asked for what it is alike and the note, if it is new.
    pub(super) fn number(
        &self,
        part: T,
        bytes: &mut Bytes,
        about: impl FnOnce(&T, &mut Bytes) -> (u128, N),
    ) -> u32 {
        let hash = bytes.short(|state| part.hash(state));
        let size = bytes.0.len() * BYTES_FOR_ONE + size_of::<Kept<T, N>>();
        let shard = &self.index[usize::try_from(hash >> 32).unwrap_or(0) % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |&(known, number): &(u64, u32)| known == hash && self.get(number).part == part;
        if let Some((_, number)) = shard.find(hash, same) {
            return *number;
        }
        let (alike, note) = about(&part, bytes);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (row, at) = place(number);
        let slots = || (0..1_usize << row).map(|_| OnceLock::new()).collect();
        let row = self.rows[row].get_or_init(slots);
        let _free = row[at].set(Kept { part, alike, note });
        shard.insert_unique(hash, (hash, number), |(known, _)| *known);
        self.bytes.fetch_add(size, Ordering::Relaxed);
        number
    }

    /// Bytes of memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// A part that worlds share.
pub(super) type Shared<T, N> = Store<Arc<T>, N>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_kept_once_and_found_by_its_number() {
        let store: Store<u64, ()> = Store::new();
        let mut bytes = Bytes::default();
        let mut number =
            |part: u64| store.number(part, &mut bytes, |part, _| (u128::from(*part), ()));
        for part in 0..1000 {
            assert_eq!(u64::from(number(part)), part);
        }
        assert_eq!(number(77), 77);
        assert!((0..1000).all(|part| store.get(part).part == u64::from(part)));
    }
}
