//! Which records have a later one of the same key, where topics are compacted: they may be gone. It judges nothing.
//!
//! A key is a number, the same for all who write to a topic. Keeps 16 bytes a record of these topics.

use crate::context::Context;
use crate::history::{Entry, Event};
use ackproof_types::{Offset, RecordId, TopicPartition};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Superseded {
    keys: BTreeMap<RecordId, u32>,
    /// Where the last record of each key lies in the logs at the end.
    last: BTreeMap<(TopicPartition, u32), Offset>,
}

impl Superseded {
    pub(crate) fn observe(&mut self, entry: &Entry, context: &Context) {
        match &entry.event {
            Event::Sent { record, .. } => {
                let topic = context.producer(record.id.producer).topic;
                if let Some(key) = record.key.filter(|_| context.topics[topic.index()].compacted) {
                    self.keys.insert(record.id, key);
                }
            }
            Event::FinalRead { partition, base_offset, records } if !self.keys.is_empty() => {
                for (index, record) in records.iter().enumerate() {
                    if let Some(key) = self.keys.get(&record.id) {
                        self.last.insert((*partition, *key), base_offset.plus(index));
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether a log has a later record of its key than the one at `offset`.
    pub(crate) fn is(&self, place: TopicPartition, offset: Offset, id: RecordId) -> bool {
        let last = self.keys.get(&id).and_then(|key| self.last.get(&(place, *key)));
        last.is_some_and(|last| *last > offset)
    }

    /// Whether the two records are of one key.
    pub(crate) fn same(&self, one: RecordId, other: RecordId) -> bool {
        self.keys.get(&one).is_some_and(|key| self.keys.get(&other) == Some(key))
    }
}
