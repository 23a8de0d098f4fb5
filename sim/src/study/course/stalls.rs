//! Partitions to which writes stand still: records were sent there, and for more than a second none was acknowledged.

use super::Places;
use ackproof_oracle::history::{Entry, Event};
use ackproof_oracle::pace::STALL;
use ackproof_types::{RecordSlice, TopicPartition};
use std::collections::BTreeMap;

/// What waits at one partition.
#[derive(Debug, Default)]
struct Waiting {
    records: usize,
    /// Since the first of them was sent, or since the last was acknowledged.
    since: u64,
}

/// Stalls in the making.
#[derive(Debug, Default)]
pub(super) struct Stalls {
    waiting: BTreeMap<TopicPartition, Waiting>,
    /// From when to when, each of one partition.
    spans: Vec<(u64, u64)>,
    seen: Option<u64>,
}

impl Stalls {
    pub(super) fn observe(&mut self, entry: &Entry, places: &Places) {
        let at = entry.at.as_micros();
        match &entry.event {
            Event::Sent { partition: Some(partition), .. } if places.contains_key(partition) => {
                self.seen.get_or_insert(at);
                let one = self.waiting.entry(*partition).or_default();
                if one.records == 0 {
                    one.since = at;
                }
                one.records += 1;
            }
            Event::Acked { partition, records, .. } => self.settles(at, *partition, records),
            Event::Failed { partition: Some(partition), records, .. } => {
                self.settles(at, *partition, records);
            }
            _ => {}
        }
    }

    fn settles(&mut self, at: u64, partition: TopicPartition, records: &RecordSlice) {
        let Some(one) = self.waiting.get_mut(&partition) else { return };
        if at - one.since > STALL.0 {
            self.spans.push((one.since, at));
        }
        one.records = one.records.saturating_sub(records.len());
        one.since = at;
    }

    /// How many partitions stood still, from each instant at which that changed.
    pub(super) fn counted(self) -> Vec<(u64, f64)> {
        let Some(first) = self.seen else { return Vec::new() };
        let mut changes: Vec<(u64, f64)> =
            self.spans.iter().flat_map(|(from, to)| [(*from, 1.0), (*to, -1.0)]).collect();
        changes.sort_by_key(|(at, _)| *at);
        let mut now = 0.0;
        let counts = changes.into_iter().map(|(at, change)| {
            now += change;
            (at, now)
        });
        std::iter::once((first, 0.0)).chain(counts).collect()
    }
}
