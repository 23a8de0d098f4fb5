//! What is deleted from the beginning of logs or with its topic, and which of it a group had not processed. It judges nothing.
//!
//! A replica that deletes need not be the one that is read at the end: what a final log still holds, or holds
//! another record in place of, is no deletion. Keeps 8 bytes an acknowledged record of the logs, and a line for each
//! that is gone and was not processed.

use super::Open;
use super::progress::Progress;
use crate::cause::LossCause;
use crate::context::Context;
use crate::history::{Entry, Event, StartReason};
use crate::places::Places;
use crate::record_set::OffsetTable;
use ackproof_types::{GroupId, LeaderEpoch, NodeId, Offset, RecordId, Timestamp, TopicPartition};

/// A record that is deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    seq: u64,
    at: Timestamp,
    pub(super) partition: TopicPartition,
    offset: Offset,
    pub(super) id: RecordId,
    /// Where the log begins since, and why; none: the end tells of it.
    pub(super) start: Offset,
    pub(super) why: Option<StartReason>,
    /// It went with its topic.
    pub(super) with_topic: bool,
    /// It was acknowledged after that a replica had deleted it.
    is_late: bool,
    /// The group had passed it before, by a commit or a position of its own.
    pub(super) was_passed: bool,
}

impl Gone {
    /// Who deleted it.
    pub(super) const fn cause(&self) -> LossCause {
        if self.with_topic { LossCause::TopicDeleted } else { LossCause::Retention }
    }
}

/// The log of a partition.
#[derive(Debug, Default)]
struct Log {
    acked: OffsetTable,
    /// Who leads, in which epoch, and where its log ended when it took the lead.
    led: Option<(NodeId, LeaderEpoch, Offset)>,
    /// Where a replica of it began so far, at the latest.
    begun: Offset,
    /// Where it begins at the end.
    start: Offset,
}

#[derive(Debug, Default)]
pub(super) struct Deleted {
    logs: Places<Log>,
    unread: Vec<(GroupId, Gone)>,
    /// What was deleted with its topic, and when that was on record.
    topics: Vec<(u64, Timestamp, Vec<TopicPartition>)>,
}

impl Deleted {
    /// A leadership begins with a log that ends at `end`: what was acknowledged above is not in it.
    pub(super) fn led(
        &mut self,
        node: NodeId,
        partition: TopicPartition,
        (epoch, end): (LeaderEpoch, Offset),
    ) {
        let log = self.logs.of(partition);
        if log.led.is_none_or(|(_, led, _)| led < epoch) {
            log.acked.cut(end.0);
            log.led = Some((node, epoch, end));
        }
    }

    /// Records were acknowledged.
    pub(super) fn acked(&mut self, event: &Event, context: &Context) {
        let Event::Acked { partition, base_offset, by, records } = event else { return };
        let log = self.logs.of(*partition);
        for (index, record) in records.iter().enumerate() {
            let offset = base_offset.plus(index);
            // What a deposed leader had alone is cut off.
            let deposed = log.led.zip(*by).is_some_and(|((leader, _, end), by)| {
                context.process(by) != leader && offset >= end
            });
            if !deposed {
                log.acked.enter(offset.0, record.id);
            }
        }
    }

    /// What is deleted now.
    pub(super) fn observe(&mut self, entry: &Entry) -> Vec<Gone> {
        let (partition, start, why) = match &entry.event {
            Event::LogStartMoved { partition, to, why, .. } => (*partition, *to, Some(*why)),
            Event::FinalReadDone { partition, start, .. } => {
                self.logs.of(*partition).start = *start;
                (*partition, *start, None)
            }
            _ => return Vec::new(),
        };
        let (seq, at, was_passed) = (entry.seq, entry.at, false);
        let log = self.logs.of(partition);
        let begun = log.begun;
        log.begun = begun.max(start);
        let gone = log.acked.take_below(start.0).map(|(offset, id)| {
            let (offset, is_late) = (Offset(offset), offset < begun.0);
            let with_topic = false;
            Gone { seq, at, partition, offset, id, start, why, with_topic, is_late, was_passed }
        });
        gone.collect()
    }

    /// A topic is deleted, with all that these partitions hold.
    pub(super) fn delete_topic(&mut self, entry: &Entry, all: Vec<TopicPartition>) -> Vec<Gone> {
        let gone = self.take(entry.seq, entry.at, &all);
        self.topics.push((entry.seq, entry.at, all));
        gone
    }

    /// What a leader acknowledged in topics that were deleted before it heard of that: it is gone as well.
    pub(super) fn acked_late(&mut self) -> Vec<Gone> {
        let topics = std::mem::take(&mut self.topics);
        topics.into_iter().flat_map(|(seq, at, all)| self.take(seq, at, &all)).collect()
    }

    fn take(&mut self, seq: u64, at: Timestamp, all: &[TopicPartition]) -> Vec<Gone> {
        let mut gone = Vec::new();
        for &partition in all {
            let (log, end) = (self.logs.of(partition), Offset(i64::MAX));
            log.start = end;
            gone.extend(log.acked.take_below(end.0).map(|(offset, id)| Gone {
                seq,
                at,
                partition,
                offset: Offset(offset),
                id,
                start: end,
                why: None,
                with_topic: true,
                is_late: false,
                was_passed: false,
            }));
        }
        gone
    }

    /// `group` had not processed it.
    pub(super) fn keep(&mut self, group: GroupId, gone: Gone, progress: &Progress) {
        // Where the log is on record, it had the record until now, and a reset that passed it is to blame.
        let passed = progress.standing.passed(gone.offset);
        let was_there = (gone.why.is_some() || gone.with_topic) && !gone.is_late;
        let was_passed = passed && (was_there || !progress.was_reset(gone.offset));
        self.unread.push((group, Gone { was_passed, ..gone }));
    }

    /// All that is gone at the end and was not processed when it went.
    pub(super) fn unread(&mut self) -> Vec<(Open, Gone)> {
        let mut all = std::mem::take(&mut self.unread);
        let start = |partition| self.logs.get(partition).map_or(Offset(0), |log| log.start);
        all.retain(|(_, gone)| gone.offset < start(gone.partition));
        let open = |(group, gone): (GroupId, Gone)| {
            let Gone { seq, at, partition, offset, id, .. } = gone;
            (Open { seq, at, group, partition, offset, id }, gone)
        };
        all.into_iter().map(open).collect()
    }
}
