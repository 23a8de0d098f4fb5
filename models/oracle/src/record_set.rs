//! Sets of records and tables over offsets in little memory. They know no event.

use ackproof_types::{ProducerIndex, RecordId};
use std::collections::BTreeMap;

/// A set of records: one bit a record, since numbers are dense within a producer.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordSet {
    producers: Vec<Vec<u64>>,
}

impl RecordSet {
    /// Adds `id`; whether it is new.
    pub(crate) fn insert(&mut self, id: RecordId) -> bool {
        let producer = id.producer.index();
        if self.producers.len() <= producer {
            self.producers.resize_with(producer + 1, Vec::new);
        }
        let words = &mut self.producers[producer];
        let (word, bit) = place(id);
        if words.len() <= word {
            words.resize(word + 1, 0);
        }
        let new = words[word] & bit == 0;
        words[word] |= bit;
        new
    }

    /// Whether it holds `id`.
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

const CHUNK: usize = 256;

/// A table from offsets to records, 8 bytes an offset where neighbours are filled.
#[derive(Clone, Debug, Default)]
pub(crate) struct OffsetTable {
    chunks: BTreeMap<i64, Box<[u64; CHUNK]>>,
}

impl OffsetTable {
    /// Enters `id` at `offset` unless something is there already, and returns what was there.
    pub(crate) fn enter(&mut self, offset: i64, id: RecordId) -> Option<RecordId> {
        let chunk = CHUNK as i64;
        let at = usize::try_from(offset.rem_euclid(chunk)).expect("a remainder is not negative");
        let slots =
            self.chunks.entry(offset.div_euclid(chunk)).or_insert_with(|| Box::new([0; CHUNK]));
        // 0 marks the empty slot, so ids are shifted by one.
        if slots[at] == 0 {
            slots[at] = id.as_u64() + 1;
            return None;
        }
        let found = slots[at] - 1;
        let producer = ProducerIndex(u16::try_from(found >> 32).expect("it came from a u16"));
        let number = u32::try_from(found & u64::from(u32::MAX)).expect("masked to 32 bits");
        Some(RecordId { producer, number })
    }
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
    fn a_table_keeps_the_first() {
        let mut table = OffsetTable::default();
        assert_eq!(table.enter(300, id(2, 9)), None);
        assert_eq!(table.enter(300, id(2, 10)), Some(id(2, 9)));
    }
}
