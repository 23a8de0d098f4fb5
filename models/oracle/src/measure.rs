//! Counts of records and groups, and how often each witness occurred. It judges nothing.

use crate::context::Context;
use crate::history::{Entry, Event, PositionSource, ProcessEnd};
use crate::record_set::RecordSet;
use crate::verdict::{GroupCounts, RecordCounts};
use ackproof_types::{BrokerId, NodeId, Offset, RecordId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

macro_rules! witnesses {
    ($($name:ident),* $(,)?) => {
        /// Names of all witnesses.
        pub const WITNESSES: &[&str] = &[$(stringify!($name)),*];

        #[derive(Debug, Default)]
        struct Witnesses { $($name: u64,)* }

        impl Witnesses {
            fn by_name(&self) -> BTreeMap<&'static str, u64> {
                BTreeMap::from([$((stringify!($name), self.$name)),*])
            }
        }
    };
}

witnesses! {
    coordinator_moved, duplicate_batch, epoch_bumped, fenced, isr_expanded, isr_shrunk,
    leader_elected, not_enough_replicas, offline, position_reset, process_crashed,
    process_restarted, rebalance, redelivered, retried, truncated, unclean_election,
}

// What is known of a record, one byte each.
const SENT: u8 = 1;
const ACKED: u8 = 2;
const FAILED: u8 = 4;
const READ: u8 = 8;

/// Counts in the making.
#[derive(Debug)]
pub struct Measure {
    context: Arc<Context>,
    // Flags by producer and number.
    records: Vec<Vec<u8>>,
    log_duplicates: u64,
    read_complete: bool,
    groups: Vec<(GroupCounts, RecordSet)>,
    witnesses: Witnesses,
    isr: BTreeMap<TopicPartition, usize>,
    coordinated: BTreeSet<TopicPartition>,
    ended: BTreeSet<NodeId>,
}

impl Measure {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(context: Arc<Context>) -> Self {
        let group = |name: &str| GroupCounts { group: name.to_owned(), ..GroupCounts::default() };
        let groups =
            context.groups.iter().map(|info| (group(&info.name), RecordSet::default())).collect();
        Self {
            records: vec![Vec::new(); context.producers.len()],
            context,
            log_duplicates: 0,
            read_complete: false,
            groups,
            witnesses: Witnesses::default(),
            isr: BTreeMap::new(),
            coordinated: BTreeSet::new(),
            ended: BTreeSet::new(),
        }
    }

    fn flags(&mut self, id: RecordId) -> &mut u8 {
        let (producer, number) = (id.producer.index(), id.number as usize);
        if self.records.len() <= producer {
            self.records.resize_with(producer + 1, Vec::new);
        }
        let flags = &mut self.records[producer];
        if flags.len() <= number {
            flags.resize(number + 1, 0);
        }
        &mut flags[number]
    }

    /// Takes one entry.
    pub fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            // What the application sends again has no certain failure any more.
            Event::Sent { record, .. } => {
                let flags = self.flags(record.id);
                *flags = (*flags | SENT) & !FAILED;
            }
            Event::Rejected { record, .. } => *self.flags(record.id) |= SENT | FAILED,
            Event::Acked { base_offset, records, .. } if *base_offset != Offset::UNKNOWN => {
                for record in records.iter() {
                    *self.flags(record.id) |= ACKED;
                }
            }
            Event::Failed { records, maybe_written, .. } => {
                for record in records.iter() {
                    let flags = self.flags(record.id);
                    *flags = if *maybe_written { *flags & !FAILED } else { *flags | FAILED };
                }
            }
            Event::Polled { group, records, .. } => {
                self.groups[group.index()].0.delivered += records.len() as u64;
            }
            Event::Processed { group, record, .. } => {
                let (counts, processed) = &mut self.groups[group.index()];
                counts.processed += 1;
                if processed.insert(record.id) {
                    counts.distinct += 1;
                } else {
                    counts.duplicates += 1;
                    self.witnesses.redelivered += 1;
                }
            }
            Event::FinalRead { records, .. } => {
                for record in records.iter() {
                    let flags = self.flags(record.id);
                    let again = *flags & READ != 0;
                    *flags |= READ;
                    self.log_duplicates += u64::from(again);
                }
            }
            Event::FinalReadDone { .. } => self.read_complete = true,
            _ => self.witness(entry),
        }
    }

    fn witness(&mut self, entry: &Entry) {
        let witnesses = &mut self.witnesses;
        match &entry.event {
            Event::LeaderElected { partition, leader, isr, unclean, .. } => {
                let (partition, unclean) = (*partition, *unclean);
                self.elected(partition, leader.is_some(), isr, unclean);
            }
            Event::IsrChanged { partition, before, isr } => {
                witnesses.isr_shrunk += u64::from(before.iter().any(|id| !isr.contains(id)));
                witnesses.isr_expanded += u64::from(isr.iter().any(|id| !before.contains(id)));
                self.isr.insert(*partition, isr.len());
            }
            Event::Rebalanced { .. } => witnesses.rebalance += 1,
            Event::NotEnoughReplicas { .. } => witnesses.not_enough_replicas += 1,
            Event::Truncated { .. } => witnesses.truncated += 1,
            Event::Retried { .. } => witnesses.retried += 1,
            Event::DuplicateBatch { .. } => witnesses.duplicate_batch += 1,
            Event::ProducerEpochBumped { .. } => witnesses.epoch_bumped += 1,
            Event::CoordinatorLoaded { partition } => {
                witnesses.coordinator_moved += u64::from(!self.coordinated.insert(*partition));
            }
            Event::Fenced { .. } => witnesses.fenced += 1,
            Event::ProcessEnded(end) => {
                witnesses.process_crashed += u64::from(*end == ProcessEnd::Crash);
                self.ended.insert(entry.node);
            }
            Event::ProcessStarted => {
                witnesses.process_restarted += u64::from(self.ended.remove(&entry.node));
            }
            Event::Positioned { source, .. } => match source {
                PositionSource::OutOfRangeEarliest
                | PositionSource::OutOfRangeLatest
                | PositionSource::Truncated => witnesses.position_reset += 1,
                PositionSource::Committed
                | PositionSource::NoCommitEarliest
                | PositionSource::NoCommitLatest => {}
            },
            _ => {}
        }
    }

    fn elected(&mut self, partition: TopicPartition, led: bool, isr: &[BrokerId], unclean: bool) {
        let before = self.isr.insert(partition, isr.len());
        let witnesses = &mut self.witnesses;
        witnesses.unclean_election += u64::from(unclean);
        witnesses.offline += u64::from(!led);
        witnesses.isr_shrunk += u64::from(before.is_some_and(|before| isr.len() < before));
        // The first election of a partition is its creation.
        witnesses.leader_elected += u64::from(led && before.is_some());
    }

    /// The counts, and the witnesses by name.
    ///
    /// # Panics
    /// Never: indices and numbers came from the types that they are turned back into.
    #[must_use]
    pub fn conclude(self) -> (RecordCounts, Vec<GroupCounts>, BTreeMap<&'static str, u64>) {
        let mut counts =
            RecordCounts { log_duplicates: self.log_duplicates, ..RecordCounts::default() };
        for flags in self.records.iter().flatten().filter(|flags| **flags & SENT != 0) {
            let (acked, failed) = (flags & ACKED != 0, flags & FAILED != 0);
            counts.sent += 1;
            counts.acked += u64::from(acked);
            counts.failed += u64::from(!acked && failed);
            counts.unknown += u64::from(!acked && !failed);
            let gone = self.read_complete && flags & READ == 0;
            counts.lost += u64::from(gone && (acked || !failed));
        }
        let mut groups = Vec::with_capacity(self.groups.len());
        for (info, (mut group, processed)) in self.context.groups.iter().zip(self.groups) {
            for (index, producer) in self.context.producers.iter().enumerate() {
                if !info.topics.contains(&producer.topic) {
                    continue;
                }
                for (number, _) in
                    self.records[index].iter().enumerate().filter(|(_, flags)| **flags & READ != 0)
                {
                    let id = RecordId {
                        producer: ackproof_types::ProducerIndex(
                            u16::try_from(index).expect("a producer's index is a u16"),
                        ),
                        number: u32::try_from(number).expect("a record's number is a u32"),
                    };
                    group.skipped += u64::from(!processed.contains(id));
                }
            }
            groups.push(group);
        }
        (counts, groups, self.witnesses.by_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_history::*;
    use ackproof_types::ErrorCode;

    #[test]
    fn records_and_groups_are_counted() {
        let failed = |number: u32, maybe_written: bool| {
            let (records, error) = (slice(&[number]), ErrorCode::DeliveryTimeout);
            (4, Event::Failed { partition: P, records, error, maybe_written })
        };
        let mut measure = Measure::new(Arc::new(context()));
        let events = vec![
            sent(0),
            sent(1),
            sent(2),
            sent(3),
            acked(0, &[0, 3]),
            failed(1, false),
            failed(2, true),
            polled(0, &[0]),
            processed(0, 0),
            processed(0, 0),
            final_read(0, &[0, 0, 2]),
            final_done(3),
        ];
        for entry in entries(events) {
            measure.observe(&entry);
        }
        let (records, groups, witnesses) = measure.conclude();
        let expected =
            RecordCounts { sent: 4, acked: 2, failed: 1, unknown: 1, lost: 1, log_duplicates: 1 };
        assert_eq!(records, expected);
        let group = &groups[0];
        assert_eq!((group.delivered, group.processed, group.distinct), (1, 2, 1));
        assert_eq!((group.duplicates, group.skipped), (1, 1));
        assert_eq!(witnesses["redelivered"], 1);
        assert_eq!(witnesses.len(), WITNESSES.len());
    }

    #[test]
    fn only_repeated_elections_are_witnesses() {
        let mut measure = Measure::new(Arc::new(context()));
        for entry in entries(vec![elected(1, 0, &[1, 2, 3]), elected(2, 1, &[2, 3])]) {
            measure.observe(&entry);
        }
        let (_, _, witnesses) = measure.conclude();
        assert_eq!((witnesses["leader_elected"], witnesses["isr_shrunk"]), (1, 1));
    }
}
