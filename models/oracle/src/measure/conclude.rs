//! What the counts add up to once a history is over.

use super::{ACKED, AGAIN, Counts, FAILED, Measure, READ, RESTARTED, SENT, UNTOLD, record_id};
use crate::context::ProducerContext;
use crate::told::{Told, Why};
use crate::verdict::RecordCounts;
use ackproof_types::GroupId;

impl Measure {
    /// The counts.
    ///
    /// # Panics
    /// Never: indices and numbers came from the types that they are turned back into.
    #[must_use]
    pub fn conclude(mut self) -> Counts {
        let read: Vec<bool> = self
            .context
            .producers
            .iter()
            .map(|producer| self.read.is_whole(producer.topic))
            .collect();
        self.count_open();
        self.count_left();
        let mut counts = RecordCounts {
            log_duplicates: self.log_duplicates.values().sum(),
            log_duplicate_causes: self.log_duplicates,
            reordered: self.reordered.values().sum(),
            reorder_causes: self.reordered,
            behind_expired: self.outcomes.expired(),
            open_at_end: self.open_at_end,
            ..RecordCounts::default()
        };
        let all = self.records.iter().enumerate();
        let all = all.flat_map(|(producer, flags)| {
            flags.iter().enumerate().map(move |(number, flags)| (producer, number, flags))
        });
        let mut told = self.told.take();
        for (producer, number, flags) in all.filter(|(_, _, flags)| **flags & SENT != 0) {
            let (acked, failed) = (flags & ACKED != 0, flags & FAILED != 0);
            counts.sent += 1;
            counts.copies += u64::from(self.copies.is_copy(record_id(producer, number)));
            counts.sent_again += u64::from(flags & (AGAIN | RESTARTED) == AGAIN);
            counts.acked += u64::from(acked);
            counts.failed += u64::from(!acked && failed);
            counts.unknown += u64::from(!acked && !failed);
            let gone = read[producer] && flags & READ == 0;
            counts.lost += u64::from(gone && acked && flags & UNTOLD == 0);
            if acked {
                continue;
            }
            let record = record_id(producer, number);
            let cause = self.outcomes.of(&self.context, record);
            let causes =
                if failed { &mut counts.failure_causes } else { &mut counts.unknown_causes };
            *causes.entry(cause).or_default() += 1;
            counts.dropped += u64::from(cause.end.is_told());
            // Where it was written is not on record: retention may have taken it.
            let may_retire = |one: &ProducerContext| self.retired.contains(&one.topic);
            let retired = self.context.producers.get(producer).is_some_and(may_retire);
            if let Some(told) = &mut told
                && (failed || gone && !retired)
            {
                let why = Why::Unwritten(cause);
                told.push(Told { record, group: None, entry: None, why });
            }
            if gone && !failed && !retired {
                counts.unknown_absent += 1;
                *counts.absent_causes.entry(cause).or_default() += 1;
            }
        }
        let groups = self.groups.into_iter().map(|(group, _)| group).collect();
        let (witnesses, mut pace) =
            (self.witnesses.by_name(), self.clocks.conclude(self.last, &self.obstacles));
        let handovers;
        (pace.failover, handovers) = self.moves.conclude(pace.groups.len());
        for (group, handover) in pace.groups.iter_mut().zip(handovers) {
            group.handover = handover;
        }
        Counts { records: counts, groups, witnesses, pace, told: told.unwrap_or_default() }
    }

    /// What a group had not processed when it was read: skipped, or not come to yet.
    fn count_open(&mut self) {
        self.note_passed();
        for (group, place, offset, id) in std::mem::take(&mut self.open) {
            let index = GroupId(u16::try_from(group).expect("a group's id is a u16"));
            // What it processes is not on record.
            let is_silent = self.groups[group].0.processed == 0 && self.running.contains(&group);
            let is_theirs = self.copies.has_passed(index, id);
            let is_excused = self.copies.is_excused(index) && !is_theirs;
            if is_silent || is_excused || self.has_done(index, id) {
                continue;
            }
            let standing = self.standings.get(index, place);
            let passed = standing.is_some_and(|standing| standing.passed(offset));
            // The replica that it read from may have compacted it away.
            if passed && self.superseded.is(place, offset, id) {
                continue;
            }
            let (counts, _) = &mut self.groups[group];
            *if passed { &mut counts.skipped } else { &mut counts.backlog } += 1;
        }
    }
}
