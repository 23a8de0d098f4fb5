//! Sets of records and tables over offsets in little memory. They know no event.

use ackproof_types::{ProducerIndex, RecordId};
use std::collections::VecDeque;

/// A set of records: one bit a record, since numbers are dense within a producer.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordSet {
    producers: Vec<Vec<u64>>,
}

impl RecordSet {
    /// Adds `id`; whether it is new.
    #[inline]
    pub(crate) fn insert(&mut self, id: RecordId) -> bool {
        let (word, bit) = place(id);
        let known = self.producers.get_mut(id.producer.index());
        let Some(bits) = known.and_then(|words| words.get_mut(word)) else {
            self.grow(id, bit);
            return true;
        };
        let new = *bits & bit == 0;
        *bits |= bit;
        new
    }

    /// Makes room for `id`, which sets its bit; once in 64 records.
    #[cold]
    fn grow(&mut self, id: RecordId, bit: u64) {
        let producer = id.producer.index();
        if self.producers.len() <= producer {
            self.producers.resize_with(producer + 1, Vec::new);
        }
        let words = &mut self.producers[producer];
        words.resize(place(id).0 + 1, 0);
        words[place(id).0] = bit;
    }

    /// Whether a record of `producer` was put in since that was cleared.
    pub(crate) fn knows(&self, producer: ProducerIndex) -> bool {
        self.producers.get(producer.index()).is_some_and(|words| !words.is_empty())
    }

    /// Whether it holds `id`.
    #[inline]
    pub(crate) fn contains(&self, id: RecordId) -> bool {
        let (word, bit) = place(id);
        self.producers
            .get(id.producer.index())
            .and_then(|words| words.get(word))
            .is_some_and(|bits| bits & bit != 0)
    }

    /// Takes `id` out; whether it was in.
    pub(crate) fn remove(&mut self, id: RecordId) -> bool {
        let (word, bit) = place(id);
        let bits =
            self.producers.get_mut(id.producer.index()).and_then(|words| words.get_mut(word));
        bits.is_some_and(|bits| {
            let was = *bits & bit != 0;
            *bits &= !bit;
            was
        })
    }

    /// Takes every record out.
    pub(crate) fn clear_all(&mut self) {
        self.producers.clear();
    }

    /// Takes every record of `producer` out.
    pub(crate) fn clear(&mut self, producer: ProducerIndex) {
        if let Some(words) = self.producers.get_mut(producer.index()) {
            words.clear();
        }
    }

    /// Its records, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = RecordId> + '_ {
        self.producers.iter().enumerate().flat_map(|(producer, words)| {
            let producer =
                ProducerIndex(u16::try_from(producer).expect("the index came from a u16"));
            words.iter().enumerate().filter(|(_, bits)| **bits != 0).flat_map(
                move |(word, &bits)| {
                    (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| {
                        let number = u32::try_from(word * 64 + bit).expect("it came from a u32");
                        RecordId { producer, number }
                    })
                },
            )
        })
    }
}

fn place(id: RecordId) -> (usize, u64) {
    ((id.number / 64) as usize, 1 << (id.number % 64))
}

/// Records whose times stand together.
const CHUNK: usize = 64;
/// No time.
const NEVER: u64 = u64::MAX;

/// When something happened to each record: 8 bytes a record that has a time, in chunks that go when the last of
/// their times does.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordTimes {
    producers: Vec<Vec<Option<Box<Chunk>>>>,
}

#[derive(Clone, Debug)]
struct Chunk {
    times: [u64; CHUNK],
    known: u8,
}

impl RecordTimes {
    /// The time of `id`.
    #[inline]
    pub(crate) fn get(&self, id: RecordId) -> Option<u64> {
        let chunks = self.producers.get(id.producer.index())?;
        let chunk = chunks.get(id.number as usize / CHUNK)?.as_ref()?;
        Some(chunk.times[id.number as usize % CHUNK]).filter(|time| *time != NEVER)
    }

    /// Gives `id` this time; the one that it had.
    pub(crate) fn set(&mut self, id: RecordId, at: u64) -> Option<u64> {
        let (producer, number) = (id.producer.index(), id.number as usize);
        if self.producers.len() <= producer {
            self.producers.resize_with(producer + 1, Vec::new);
        }
        let chunks = &mut self.producers[producer];
        if chunks.len() <= number / CHUNK {
            chunks.resize(number / CHUNK + 1, None);
        }
        let chunk = chunks[number / CHUNK]
            .get_or_insert_with(|| Box::new(Chunk { times: [NEVER; CHUNK], known: 0 }));
        let before = std::mem::replace(&mut chunk.times[number % CHUNK], at);
        let before = Some(before).filter(|before| *before != NEVER);
        chunk.known += u8::from(before.is_none());
        before
    }

    /// `id` has no time any more.
    pub(crate) fn forget(&mut self, id: RecordId) {
        let chunks = self.producers.get_mut(id.producer.index());
        let Some(place) = chunks.and_then(|all| all.get_mut(id.number as usize / CHUNK)) else {
            return;
        };
        let Some(chunk) = place else { return };
        let time = &mut chunk.times[id.number as usize % CHUNK];
        if std::mem::replace(time, NEVER) != NEVER {
            chunk.known -= 1;
            if chunk.known == 0 {
                *place = None;
            }
        }
    }
}

/// A table from offsets to records: 8 bytes an offset between the lowest and the highest.
#[derive(Clone, Debug, Default)]
pub(crate) struct OffsetTable {
    base: i64,
    // 0 marks the empty cell, so ids are shifted by one.
    cells: VecDeque<u64>,
}

impl OffsetTable {
    /// Enters `id` at `offset` and returns what was there.
    pub(crate) fn enter(&mut self, offset: i64, id: RecordId) -> Option<RecordId> {
        // Nearly always the next one.
        if usize::try_from(offset - self.base) == Ok(self.cells.len()) {
            self.cells.push_back(id.as_u64() + 1);
            return None;
        }
        let cell = self.make(offset);
        let before = *cell;
        *cell = id.as_u64() + 1;
        record(before)
    }

    /// What is at `offset`.
    pub(crate) fn get(&self, offset: i64) -> Option<RecordId> {
        record(*self.cells.get(usize::try_from(offset - self.base).ok()?)?)
    }

    /// Empties `offset` if it holds `id`; whether it did.
    pub(crate) fn strike(&mut self, offset: i64, id: RecordId) -> bool {
        let index = usize::try_from(offset - self.base).ok();
        let cell = index.and_then(|index| self.cells.get_mut(index));
        cell.filter(|cell| **cell == id.as_u64() + 1).is_some_and(|cell| {
            *cell = 0;
            true
        })
    }

    /// What is at `offset` and above, ascending.
    pub(crate) fn from(&self, offset: i64) -> impl Iterator<Item = (i64, RecordId)> + '_ {
        let skipped = usize::try_from(offset - self.base).unwrap_or(0).min(self.cells.len());
        let first = self.base + i64::try_from(skipped).expect("an index into memory");
        (first..)
            .zip(self.cells.range(skipped..))
            .filter_map(|(at, cell)| Some((at, record(*cell)?)))
    }

    /// Takes out what is below `offset`, ascending.
    pub(crate) fn take_below(
        &mut self,
        offset: i64,
    ) -> impl Iterator<Item = (i64, RecordId)> + use<> {
        let count = usize::try_from(offset - self.base).unwrap_or(0).min(self.cells.len());
        let taken: Vec<u64> = self.cells.drain(..count).collect();
        let first = self.base;
        self.base += i64::try_from(count).expect("a length in memory");
        (first..).zip(taken).filter_map(|(at, cell)| Some((at, record(cell)?)))
    }

    /// Forgets what is at `offset` and above.
    pub(crate) fn cut(&mut self, offset: i64) {
        self.cells.truncate(usize::try_from(offset - self.base).unwrap_or(0));
    }

    fn make(&mut self, offset: i64) -> &mut u64 {
        if self.cells.is_empty() {
            self.base = offset;
        }
        while offset < self.base {
            self.cells.push_front(0);
            self.base -= 1;
        }
        let index = usize::try_from(offset - self.base).expect("the base is not above");
        if self.cells.len() <= index {
            self.cells.resize(index + 1, 0);
        }
        &mut self.cells[index]
    }
}

fn record(cell: u64) -> Option<RecordId> {
    let id = cell.checked_sub(1)?;
    let producer = ProducerIndex(u16::try_from(id >> 32).expect("it came from a u16"));
    let number = u32::try_from(id & u64::from(u32::MAX)).expect("masked to 32 bits");
    Some(RecordId { producer, number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(producer: u16, number: u32) -> RecordId {
        RecordId { producer: ProducerIndex(producer), number }
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let mut set = RecordSet::default();
        assert!(set.insert(id(1, 64)) && set.insert(id(0, 3)), "both are new");
        assert!(!set.insert(id(1, 64)), "the second time it is not new");
        assert!(!set.contains(id(7, 7)), "nobody put it in");
        assert_eq!(set.iter().collect::<Vec<_>>(), [id(0, 3), id(1, 64)]);
        assert!(set.remove(id(1, 64)) && !set.remove(id(1, 64)), "it goes once");
    }

    #[test]
    fn times_are_kept_until_they_are_forgotten_and_go_by_chunks() {
        let mut times = RecordTimes::default();
        assert_eq!((times.set(id(1, 70), 5), times.set(id(1, 70), 3)), (None, Some(5)));
        times.set(id(1, 71), 9);
        assert_eq!(
            (times.get(id(1, 70)), times.get(id(1, 69)), times.get(id(0, 1))),
            (Some(3), None, None)
        );
        times.forget(id(1, 70));
        times.forget(id(1, 70));
        times.forget(id(4, 4));
        assert_eq!((times.get(id(1, 70)), times.get(id(1, 71))), (None, Some(9)));
        times.forget(id(1, 71));
        assert!(times.producers[1].iter().all(Option::is_none), "nothing is left of the chunk");
        assert_eq!(times.set(id(1, 70), 7), None, "it begins anew");
    }

    #[test]
    fn a_table_tells_what_was_there() {
        let mut table = OffsetTable::default();
        assert_eq!(table.enter(300, id(2, 9)), None);
        assert_eq!(table.enter(300, id(2, 10)), Some(id(2, 9)));
        assert_eq!(table.enter(298, id(0, 0)), None);
        assert!(!table.strike(300, id(2, 9)) && !table.strike(7, id(2, 9)), "not there");
        assert_eq!((table.get(300), table.get(299), table.get(7)), (Some(id(2, 10)), None, None));
        assert_eq!(table.from(299).collect::<Vec<_>>(), [(300, id(2, 10))]);
        let mut cut = table.clone();
        cut.cut(300);
        assert_eq!(cut.take_below(999).collect::<Vec<_>>(), [(298, id(0, 0))]);
        assert_eq!(cut.enter(300, id(0, 1)), None, "it goes on where it was cut");
        assert_eq!(cut.take_below(301).collect::<Vec<_>>(), [(300, id(0, 1))]);
        assert!(table.strike(300, id(2, 10)), "it is there");
        assert_eq!(table.from(0).collect::<Vec<_>>(), [(298, id(0, 0))]);
    }
}
