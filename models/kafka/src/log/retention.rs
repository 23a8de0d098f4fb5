//! Where a log begins, and what goes with that: retention by age and by size, and a follower that begins where its
//! leader does.
//!
//! Bounded by the high watermark, blind to consumers. When it is looked at is the broker's business. Kafka:
//! `UnifiedLog#deleteOldSegments`, `#maybeIncrementLogStartOffset`, `#truncateFullyAndStartAt` (R1.17, R1.18).

use super::{BrokerWrite, LogWrite, ReplicaLog};
use crate::machine::Outbox;
use crate::observation::StartReason;
use crate::variant::{Variant, Variants};
use ackproof_types::{Offset, Timestamp};

/// The start of a log moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartMoved {
    /// Where it was.
    pub from: Offset,
    /// Where it is.
    pub to: Offset,
    /// Why.
    pub why: StartReason,
}

/// A segment, as retention looks at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// Where the next one begins, or the log ends.
    pub(super) next: Offset,
    pub(super) size: u64,
    /// The largest CreateTime in it; none: it is empty.
    pub(super) newest: Option<Timestamp>,
}

impl ReplicaLog {
    /// R1.18: deletes the segments that are over, the oldest first, and says where the log began before and
    /// begins now.
    pub(crate) fn retain<T>(
        &mut self,
        now: Timestamp,
        variants: Variants,
        out: &mut Outbox<T, BrokerWrite>,
    ) -> Vec<StartMoved> {
        let config = self.config;
        let start = self.start;
        self.delete_while(variants, out, |one| one.next <= start);
        let mut moved = Vec::new();
        if !config.cleanup.deletes() {
            return moved;
        }
        if let Some(most) = config.retention_bytes {
            let size: u64 = self.segments().map(|one| one.size).sum();
            // Kafka keeps `most`, and less only where a segment holds more than what is above.
            let mut above = size.saturating_sub(most);
            let from = self.start;
            self.delete_while(variants, out, |one| {
                let goes = one.size > 0 && one.size <= above;
                above -= if goes { one.size } else { 0 };
                goes
            });
            moved.push(StartMoved { from, to: self.start, why: StartReason::Size });
        }
        if let Some(longest) = config.retention_time {
            let from = self.start;
            self.delete_while(variants, out, |one| {
                one.newest.is_some_and(|newest| now.since(newest) > longest)
            });
            moved.push(StartMoved { from, to: self.start, why: StartReason::Age });
        }
        moved.retain(|one| one.from < one.to);
        moved
    }

    /// R2.5: a follower begins where its leader does, but not above its own high watermark.
    pub(crate) fn begin_at_least_at<T>(
        &mut self,
        leader: Offset,
        out: &mut Outbox<T, BrokerWrite>,
    ) -> Option<StartMoved> {
        let (from, to) = (self.start, leader.min(self.high_watermark));
        (from < to).then(|| {
            self.move_start(to, out);
            StartMoved { from, to, why: StartReason::Leader }
        })
    }

    /// R1.17: nothing is left, and the log goes on at `at`.
    pub(crate) fn start_over<T>(&mut self, at: Offset, out: &mut Outbox<T, BrokerWrite>) {
        self.write(LogWrite::StartOver(at), out);
        (self.start, self.high_watermark) = (at, at);
        self.rebuild();
    }

    /// R1.14, R1.26: what is to be put right after a load. A log that ends before it begins has lost what it had
    /// not flushed; says where it ended, and where it goes on.
    pub(crate) fn recover<T>(
        &mut self,
        out: &mut Outbox<T, BrokerWrite>,
    ) -> Option<(Offset, Offset)> {
        let (end, start) = (self.end(), self.start);
        if end < start {
            self.start_over(start, out);
            return Some((end, start));
        }
        if start > Offset(0) {
            self.write(LogWrite::EpochsFrom(start), out);
        }
        None
    }

    /// R1.23: only a log that begins within its first segment is in the checkpoint.
    pub(crate) fn checkpoint_start<T>(&mut self, out: &mut Outbox<T, BrokerWrite>) {
        let start = if self.start > self.stored.base { self.start } else { Offset(0) };
        if self.stored.start != start {
            self.write(LogWrite::Start(start), out);
        }
    }

    fn move_start<T>(&mut self, to: Offset, out: &mut Outbox<T, BrokerWrite>) {
        self.start = to;
        self.write(LogWrite::EpochsFrom(to), out);
    }

    /// Deletes segments from the oldest on as long as `goes` says so, up to the high watermark. If all of them go,
    /// a new one begins first.
    fn delete_while<T>(
        &mut self,
        variants: Variants,
        out: &mut Outbox<T, BrokerWrite>,
        mut goes: impl FnMut(&Segment) -> bool,
    ) {
        let past = variants.has(Variant::DeletePastHighWatermark);
        let bound = if past { self.end() } else { self.high_watermark };
        let all = self.segments();
        let last = all.take_while(|one| one.next <= bound && goes(one)).last();
        let Some(last) = last else { return };
        if last.next == self.end() && self.active.first.is_some() {
            self.roll(out);
        }
        self.write(LogWrite::DeleteBelow(last.next), out);
        if last.next > self.start {
            self.move_start(last.next, out);
            // With the variant only.
            self.high_watermark = self.high_watermark.max(self.start);
        }
    }

    /// The segments that hold something, the oldest first.
    pub(super) fn segments(&self) -> impl Iterator<Item = Segment> + use<'_> {
        let ends = self.stored.segments.iter().copied().chain([self.end()]);
        let mut rest = self.stored.batches.as_slice();
        ends.filter_map(move |next| {
            let (here, later) = rest.split_at(rest.partition_point(|one| one.base_offset < next));
            rest = later;
            let size = here.iter().map(|one| u64::from(one.size)).sum();
            let newest = here.iter().map(|one| one.max_timestamp).reduce(Timestamp::latest);
            newest.map(|newest| Segment { next, size, newest: Some(newest) })
        })
    }
}
