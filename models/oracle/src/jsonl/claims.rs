//! What lines say of each other, where two of them cannot both be true: a member processes at an offset
//! the record that it polled there, a producer's record is acknowledged where it was sent, and no more
//! often than it was sent. It judges no cluster: whatever Kafka or a bug of it could have done is read.
//!
//! Only one client is held against itself, within one life. Another member may find another record at an
//! offset: the log may have been cut. After a rebalance so may the same one, while it still works on what
//! it polled before, or while another member of its process does.

use crate::history::Event;
use ackproof_types::{GroupId, NodeId, Offset, RecordId, RecordSlice, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// What each member polled in this life.
    polled: BTreeMap<(NodeId, GroupId, TopicPartition), Polled>,
    /// By producer and number.
    sends: Vec<Vec<Sends>>,
    /// Logs that were read to their end.
    read: BTreeSet<TopicPartition>,
}

/// What a member polled of a partition.
#[derive(Debug, Default)]
struct Polled {
    /// By offset, since the last rebalance; none: two were polled there, so that either may be worked on.
    records: BTreeMap<i64, Option<RecordId>>,
    /// Below this it polled before the last rebalance, and may work on that still.
    before: i64,
}

/// The calls of `send` for one record.
#[derive(Clone, Copy, Debug, Default)]
struct Sends {
    calls: u8,
    acked: u8,
    failed: u8,
    to: To,
}

/// Where a record was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum To {
    /// Nowhere yet.
    #[default]
    None,
    /// To this partition, each time.
    Partition(u16),
    /// To several, or it is not on record.
    Any,
}

impl Claims {
    /// Takes an event at `node`.
    ///
    /// # Errors
    /// How it contradicts what was said before. `name` and `place` are the words for records and
    /// partitions.
    pub(super) fn check(
        &mut self,
        node: NodeId,
        event: &Event,
        name: impl Fn(RecordId) -> String,
        place: impl Fn(TopicPartition) -> String,
    ) -> Result<(), String> {
        match event {
            Event::Sent { record, partition } => self.sent(record.id, *partition),
            Event::Acked { partition, records, .. } => {
                return self.acked(*partition, records, name, place);
            }
            Event::Failed { records, .. } | Event::Unsent { records } => {
                return self.failed(records, name);
            }
            Event::FinalRead { partition, .. } | Event::FinalReadDone { partition, .. }
                if self.read.contains(partition) =>
            {
                return Err(format!("{} was read to its end before", place(*partition)));
            }
            Event::FinalReadDone { partition, .. } => {
                self.read.insert(*partition);
            }
            Event::LeaderElected { isr, .. } | Event::IsrChanged { isr, .. } => {
                let again = isr.iter().enumerate().find(|(index, one)| isr[..*index].contains(one));
                if let Some((_, broker)) = again {
                    return Err(format!("broker {} is twice in one in-sync set", broker.0));
                }
            }
            Event::Polled { group, partition, base_offset, records } => {
                self.poll((node, *group, *partition), *base_offset, records);
            }
            Event::Processed { group, partition, offset, record, .. } => {
                let polled = self.polled.get(&(node, *group, *partition));
                let there =
                    polled.and_then(|polled| polled.records.get(&offset.0).copied().flatten());
                if let Some(there) = there.filter(|there| *there != record.id) {
                    let (there, here, place) = (name(there), name(record.id), place(*partition));
                    return Err(format!(
                        "{here} is processed at {place} offset {offset}, where this member polled \
                         {there}"
                    ));
                }
            }
            Event::Assigned { group, partitions, .. }
            | Event::Revoked { group, partitions, .. }
            | Event::Lost { group, partitions, .. } => {
                for partition in partitions.iter() {
                    if let Some(polled) = self.polled.get_mut(&(node, *group, *partition)) {
                        let last = std::mem::take(&mut polled.records).pop_last();
                        let end = last.map_or(0, |(offset, _)| offset.saturating_add(1));
                        polled.before = polled.before.max(end);
                    }
                }
            }
            Event::ProcessStarted | Event::ProcessEnded(_) => {
                self.polled.retain(|(member, ..), _| *member != node);
            }
            _ => {}
        }
        Ok(())
    }

    fn poll(&mut self, key: (NodeId, GroupId, TopicPartition), from: Offset, polled: &RecordSlice) {
        let known = self.polled.entry(key).or_default();
        for (offset, record) in (from.0..).zip(polled.iter()) {
            if offset < known.before {
                continue;
            }
            let at = known.records.entry(offset).or_insert(Some(record.id));
            if *at != Some(record.id) {
                *at = None;
            }
        }
    }

    fn sends(&mut self, id: RecordId) -> &mut Sends {
        let (producer, number) = (id.producer.index(), id.number as usize);
        if self.sends.len() <= producer {
            self.sends.resize_with(producer + 1, Vec::new);
        }
        let sends = &mut self.sends[producer];
        if sends.len() <= number {
            sends.resize(number + 1, Sends::default());
        }
        &mut sends[number]
    }

    fn sent(&mut self, id: RecordId, partition: Option<TopicPartition>) {
        let sends = self.sends(id);
        sends.calls = sends.calls.saturating_add(1);
        sends.to = match (sends.to, partition) {
            (To::None, Some(to)) => To::Partition(to.partition),
            (To::Partition(before), Some(to)) if before == to.partition => sends.to,
            _ => To::Any,
        };
    }

    fn acked(
        &mut self,
        partition: TopicPartition,
        records: &RecordSlice,
        name: impl Fn(RecordId) -> String,
        place: impl Fn(TopicPartition) -> String,
    ) -> Result<(), String> {
        for record in records.iter() {
            let sends = self.sends(record.id);
            if let To::Partition(number) = sends.to
                && number != partition.partition
            {
                let to = place(TopicPartition { partition: number, ..partition });
                let (what, at) = (name(record.id), place(partition));
                return Err(format!("{what} was sent to {to} and is acknowledged in {at}"));
            }
            // A counter that is full says nothing any more.
            if sends.acked == sends.calls && sends.calls < u8::MAX {
                let (what, calls) = (name(record.id), sends.calls);
                return Err(format!("{what} is acknowledged again, and was sent {}", times(calls)));
            }
            if sends.has_no_call_left() {
                let (what, calls) = (name(record.id), sends.calls);
                return Err(format!(
                    "{what} is acknowledged and has failed, and was sent {}",
                    times(calls)
                ));
            }
            sends.acked = sends.acked.saturating_add(1);
        }
        Ok(())
    }

    fn failed(
        &mut self,
        records: &RecordSlice,
        name: impl Fn(RecordId) -> String,
    ) -> Result<(), String> {
        for record in records.iter() {
            let sends = self.sends(record.id);
            if sends.has_no_call_left() {
                let (what, calls) = (name(record.id), sends.calls);
                let before =
                    if sends.failed > 0 { "fails again" } else { "fails and is acknowledged" };
                return Err(format!("{what} {before}, and was sent {}", times(calls)));
            }
            sends.failed = sends.failed.saturating_add(1);
        }
        Ok(())
    }
}

impl Sends {
    /// Whether every call of `send` has its outcome. A counter that is full says nothing any more.
    const fn has_no_call_left(self) -> bool {
        self.calls < u8::MAX && self.acked.saturating_add(self.failed) >= self.calls
    }
}

fn times(count: u8) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}
