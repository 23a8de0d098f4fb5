//! Which records a broker wrote again because it had forgotten their idempotent producer: all that it had of the
//! producer in the partition was older than `producer.id.expiration.ms` by then (R6.35). It judges nothing.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::places::Places;
use crate::record_set::{RecordSet, RecordTimes};
use ackproof_types::{Micros, ProducerIndex, RecordId, RecordSlice, Timestamp, TopicPartition};

/// Producers that brokers may forget, and what came after that.
#[derive(Debug)]
pub(crate) struct Expiry {
    /// By producer: how long after its newest record it is forgotten; none: a retry never comes so late.
    after: Vec<Option<Micros>>,
    /// When each record was sent that no leader has written since.
    sent: RecordTimes,
    /// By producer: what leaders have of it.
    known: Places<Vec<Known>>,
    again: RecordSet,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// One past the highest number.
    end: u32,
    /// Its newest record was sent then.
    newest: Timestamp,
}

impl Expiry {
    pub(crate) fn new(context: &Context) -> Self {
        let after = context.producers.iter().map(|one| one.limits.id_expiration).collect();
        Self {
            after,
            sent: RecordTimes::default(),
            known: Places::default(),
            again: RecordSet::default(),
        }
    }

    fn after(&self, producer: ProducerIndex) -> Option<Micros> {
        self.after.get(producer.index()).copied().flatten()
    }

    /// Takes an entry.
    pub(crate) fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Sent { record, .. } if self.after(record.id.producer).is_some() => {
                self.sent.set(record.id, entry.at.as_micros());
            }
            Event::Appended { partition, records, as_leader: true, .. } => {
                self.append(entry.at, *partition, records);
            }
            _ => {}
        }
    }

    /// A leader wrote `records`, which are of one producer.
    fn append(&mut self, at: Timestamp, partition: TopicPartition, records: &RecordSlice) {
        let Some(first) = records.first() else { return };
        let producer = first.id.producer;
        let Some(after) = self.after(producer) else { return };
        let all = self.known.of(partition);
        if all.len() <= producer.index() {
            all.resize(producer.index() + 1, Known::default());
        }
        let known = &mut all[producer.index()];
        let is_known = first.id.number < known.end;
        if is_known && at.as_micros() >= (known.newest + after).as_micros() {
            for record in records.iter() {
                self.again.insert(record.id);
            }
        }
        for record in records.iter() {
            // One that was written before has its part in it.
            let is_new = record.id.number >= known.end;
            let sent = self.sent.get(record.id).map(Timestamp::from_micros);
            self.sent.forget(record.id);
            if let Some(sent) = sent.or_else(|| is_new.then_some(at))
                && sent.as_micros() > known.newest.as_micros()
            {
                known.newest = sent;
            }
            known.end = known.end.max(record.id.number.saturating_add(1));
        }
    }

    /// Whether nobody knew the producer of `record` any more when it was written again.
    pub(crate) fn explains(&self, record: RecordId) -> bool {
        self.again.contains(record)
    }
}
