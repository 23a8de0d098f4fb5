//! Collects what is needed to tell how a record fared, a few words per batch, and writes it as lines.
//! It judges nothing.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::report::instant;
use ackproof_types::{
    BrokerId, LeaderEpoch, NodeId, Offset, RecordId, RecordSlice, Timestamp, TopicPartition,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lines of one story at most.
const LINES: usize = 24;

/// One step in the life of a partition.
#[derive(Debug)]
enum Step {
    Acked { base: Offset, records: RecordSlice, by: BrokerId },
    Appended { base: Offset, records: RecordSlice, epoch: LeaderEpoch, as_leader: bool },
    Truncated { from: Offset, to: Offset },
    Elected { leader: Option<BrokerId>, epoch: LeaderEpoch, unclean: bool },
}

/// What happened to the records of a run, by partition.
#[derive(Debug)]
pub struct Story {
    context: Arc<Context>,
    steps: BTreeMap<TopicPartition, Vec<(Timestamp, NodeId, Step)>>,
    // First sends, by producer and number; u64::MAX marks none.
    sent: Vec<Vec<u64>>,
}

impl Story {
    /// Nothing yet.
    #[must_use]
    pub const fn new(context: Arc<Context>) -> Self {
        Self { context, steps: BTreeMap::new(), sent: Vec::new() }
    }

    /// Takes one entry.
    pub fn observe(&mut self, entry: &Entry) {
        let (partition, step) = match &entry.event {
            Event::Sent { record, .. } => return self.note_send(record.id, entry.at),
            Event::Acked { partition, base_offset, by, records } => {
                let (base, by) = (*base_offset, *by);
                (*partition, Step::Acked { base, records: records.clone(), by })
            }
            Event::Appended { partition, epoch, base_offset, records, as_leader, .. }
                if !records.is_empty() =>
            {
                let (base, epoch, as_leader) = (*base_offset, *epoch, *as_leader);
                let records = records.clone();
                (*partition, Step::Appended { base, records, epoch, as_leader })
            }
            Event::Truncated { partition, from, to } => {
                (*partition, Step::Truncated { from: *from, to: *to })
            }
            Event::LeaderElected { partition, leader, epoch, unclean, .. } => {
                let (leader, epoch, unclean) = (*leader, *epoch, *unclean);
                (*partition, Step::Elected { leader, epoch, unclean })
            }
            _ => return,
        };
        self.steps.entry(partition).or_default().push((entry.at, entry.node, step));
    }

    fn note_send(&mut self, id: RecordId, at: Timestamp) {
        let producer = id.producer.index();
        if self.sent.len() <= producer {
            self.sent.resize_with(producer + 1, Vec::new);
        }
        let (times, number) = (&mut self.sent[producer], id.number as usize);
        if times.len() <= number {
            times.resize(number + 1, u64::MAX);
        }
        times[number] = times[number].min(at.as_micros());
    }

    /// The biography of `id`, acknowledged in `partition` at `offset`: a step a line.
    #[must_use]
    pub fn of(&self, id: RecordId, partition: TopicPartition, offset: Offset) -> Vec<String> {
        let context = &self.context;
        let mut lines = Vec::new();
        let sent =
            self.sent.get(id.producer.index()).and_then(|times| times.get(id.number as usize));
        if let Some(&us) = sent.filter(|us| **us != u64::MAX) {
            let producer = &context.producer(id.producer).name;
            let at = instant(Timestamp::from_micros(us));
            lines.push(format!("{at}  {producer} sent {}", context.record(id)));
        }
        let mut holders: Vec<NodeId> = Vec::new();
        for (at, node, step) in self.steps.get(&partition).into_iter().flatten() {
            let line = match step {
                Step::Acked { base, records, by } => holds(*base, records, id, offset)
                    .then(|| format!("{by} acknowledged it at offset {offset}")),
                Step::Appended { base, records, epoch, as_leader } => {
                    holds(*base, records, id, offset).then(|| {
                        holders.push(*node);
                        let role = if *as_leader { "leader" } else { "follower" };
                        let name = context.node(*node);
                        format!("{name} appended it as {role} at offset {offset}, epoch {epoch}")
                    })
                }
                Step::Truncated { from, to } => {
                    let had = holders.contains(node) && *to <= offset;
                    had.then(|| {
                        holders.retain(|holder| holder != node);
                        let name = context.node(*node);
                        format!(
                            "{name} truncated its log from {from} to {to}: the record is gone there"
                        )
                    })
                }
                Step::Elected { leader: Some(leader), epoch, unclean } => {
                    let without = !holders.is_empty() && !holders.contains(&NodeId::from(*leader));
                    (without || *unclean).then(|| {
                        let how = if *unclean { "elected uncleanly" } else { "elected" };
                        let what = if without { ", without the record" } else { "" };
                        format!("{leader} {how} (epoch {epoch}){what}")
                    })
                }
                Step::Elected { leader: None, epoch, .. } => (!holders.is_empty())
                    .then(|| format!("the partition went offline (epoch {epoch})")),
            };
            lines.extend(line.map(|line| format!("{}  {line}", instant(*at))));
        }
        if lines.len() > LINES {
            let omitted = lines.len() - LINES;
            lines.truncate(LINES);
            lines.push(format!("… and {omitted} more"));
        }
        lines
    }
}

/// Whether a batch holds `id` at `offset`.
fn holds(base: Offset, records: &RecordSlice, id: RecordId, offset: Offset) -> bool {
    usize::try_from(offset - base)
        .ok()
        .and_then(|index| records.get(index))
        .is_some_and(|record| record.id == id)
}
