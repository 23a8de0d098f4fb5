//! A disk under any writes, flushes and losses of power: what was flushed stays, and what is left is a log
//! that could have been.

use super::disk::{BrokerDisk, BrokerWrite};
use super::stored::StoredLog;
use super::*;
use crate::config::CleanupPolicy;
use crate::machine::{Disk, Effect};
use crate::message::Payload;
use crate::variant::Variants;
use ackproof_types::{ProducerIndex, Record, RecordId, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;

const ID: TopicPartition = TopicPartition { topic: ackproof_types::TopicId(1), partition: 0 };

#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many records, in an epoch that may be new.
    Append(u8, bool),
    /// This share of the log goes, in sixteenths.
    Truncate(u8),
    Checkpoint,
    /// The flushes that were asked for end.
    Flush,
    /// Of each log's changes since the last flush this share survives, in sixteenths.
    LosePower(u8),
    Kill,
    /// Retention keeps so many bytes.
    Retain(u16),
    /// What is committed is compacted.
    Compact,
    /// The log of its leader begins at this share of it, in sixteenths, or above its end.
    BeginAt(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (1..4_u8, prop::bool::weighted(0.2)).prop_map(|(n, new)| Step::Append(n, new)),
        2 => (0..16_u8).prop_map(Step::Truncate),
        2 => Just(Step::Checkpoint),
        3 => Just(Step::Flush),
        2 => (0..17_u8).prop_map(Step::LosePower),
        1 => Just(Step::Kill),
        3 => (0..900_u16).prop_map(Step::Retain),
        1 => (0..18_u8).prop_map(Step::BeginAt),
        2 => Just(Step::Compact),
    ];
    prop::collection::vec(step, 1..80)
}

/// A log with its disk, and every state since the last flush, which a loss of power may leave.
struct World {
    log: ReplicaLog,
    disk: BrokerDisk,
    out: Outbox<(), BrokerWrite>,
    possible: Vec<Vec<(Offset, LeaderEpoch)>>,
    epoch: LeaderEpoch,
    written: u32,
}

fn contents(stored: &StoredLog) -> Vec<(Offset, LeaderEpoch)> {
    stored.batches.iter().map(|batch| (batch.base_offset, batch.leader_epoch)).collect()
}

/// The keys of a batch, and where they lie.
fn keyed(batch: &RecordBatch) -> Vec<(Option<u32>, Offset)> {
    let places = batch.records();
    let places = places.iter().enumerate();
    places.map(|(index, record)| (record.key, batch.base_offset.plus(index))).collect()
}

impl World {
    fn new() -> Self {
        Self {
            log: ReplicaLog::load(ID, None, LogConfig::with_segments_of(300)),
            disk: BrokerDisk::default(),
            out: Outbox::default(),
            possible: vec![Vec::new()],
            epoch: LeaderEpoch(0),
            written: 0,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Append(count, is_new) => {
                if is_new {
                    self.epoch = self.epoch.next();
                    self.log.begin_epoch(self.epoch, &mut self.out);
                }
                self.log.append(self.batch(count), &mut self.out);
                self.written += u32::from(count);
            }
            Step::Truncate(share) => {
                let to = Offset(self.log.end().0 * i64::from(share) / 16);
                self.log.truncate(to, &mut self.out);
                self.epoch = self.epoch.next();
            }
            Step::Checkpoint => {
                self.log.set_high_watermark(self.log.end());
                self.log.checkpoint_high_watermark(&mut self.out);
            }
            Step::Flush => {
                self.log.flush(&mut self.out);
                self.perform();
                let mut flushed = self.disk.clone();
                flushed.lose_power(&mut |_| 0);
                // An epoch that was folded at the end of an empty log has nothing in it.
                let mut stored = self.stored();
                stored.epochs.truncate_from_end(stored.end);
                assert_eq!(flushed.log(ID).cloned().unwrap_or_default(), stored);
            }
            Step::LosePower(share) => self.lose_power(share),
            Step::Retain(bytes) => {
                self.log.config.retention_bytes = Some(bytes.into());
                let (before, high) = (self.log.start(), self.log.high_watermark());
                let now = Timestamp::START;
                for one in self.log.retain(now, Variants::default(), &mut self.out) {
                    assert!(before <= one.from && one.from < one.to && one.to <= high, "R1.18");
                }
            }
            Step::Compact => self.compact(),
            Step::BeginAt(share) => {
                let at = Offset(self.log.end().0 * i64::from(share) / 16);
                if at > self.log.end() {
                    self.log.start_over(at, &mut self.out);
                } else {
                    self.log.begin_at_least_at(at, &mut self.out);
                }
                self.log.checkpoint_start(&mut self.out);
            }
            Step::Kill => {
                let before = contents(&self.stored());
                self.restart();
                assert_eq!(contents(&self.stored()), before, "a process takes nothing with it");
            }
        }
        self.perform();
    }

    fn lose_power(&mut self, share: u8) {
        let (before, end) = (contents(&self.stored()), self.log.end());
        // A cut within a batch leaves a hole at the end, which is no record.
        let last = self.log.stored.batches.last().map(|batch| batch.next_offset());
        let is_full = last == Some(end);
        let lost = self.disk.lose_power(&mut |changes| changes * usize::from(share) / 16);
        self.restart();
        self.stored().check(false);
        let left = contents(&self.stored());
        let gone = before.iter().find(|batch| !left.contains(batch));
        // A log that had started over has its older batches again, and ends before what is gone.
        let told = |base: &Offset| lost.first().is_some_and(|tail| tail.to <= *base);
        assert!(gone.is_none_or(|(base, _)| told(base)), "{lost:?}: {gone:?}");
        let is_whole = is_full && gone.is_none() && self.log.end() >= end;
        assert!(!is_whole || lost.is_empty(), "{lost:?}: nothing is gone");
        assert!(self.possible.contains(&left), "{left:?} was never: {:?}", self.possible);
        self.possible = vec![left];
    }

    /// R1.19: the newest of each key stays, and nothing goes that is not committed or that is written to.
    fn compact(&mut self) {
        let newest = |log: &ReplicaLog| {
            let all = log.batches().flat_map(|batch| keyed(&batch));
            all.collect::<BTreeMap<_, _>>()
        };
        let (before, active) = (newest(&self.log), self.log.stored.segments.last().copied());
        self.log.config.cleanup = CleanupPolicy::CompactAndDelete;
        self.log.config.compaction.min_dirty_ppm = 0;
        let now = Timestamp::START;
        let done = self.log.compact(now, Variants::default(), &mut self.out);
        assert_eq!(newest(&self.log), before, "R1.19: the newest of each key stays");
        if let Some((_, to)) = done {
            assert!(to <= self.log.high_watermark() && Some(to) <= active, "R1.19");
            // What a loss of power may leave of the segment that is written to lies behind it.
            self.perform();
            let mut front = contents(&self.stored());
            front.retain(|(base, _)| *base < to);
            for state in &mut self.possible {
                state.retain(|(base, _)| *base >= to);
                state.splice(..0, front.iter().copied());
            }
        }
    }

    fn batch(&self, count: u8) -> Arc<RecordBatch> {
        let id = |number| RecordId { producer: ProducerIndex(0), number };
        let records = (self.written..self.written + u32::from(count)).map(|number| Record {
            id: id(number),
            key: Some(number % 5),
            size: 100,
        });
        Arc::new(RecordBatch {
            base_offset: self.log.end(),
            leader_epoch: self.epoch,
            producer: None,
            max_timestamp: Timestamp::START,
            size: 100 * u32::from(count),
            payload: Payload::Records(records.collect()),
        })
    }

    fn stored(&self) -> StoredLog {
        self.disk.log(ID).cloned().unwrap_or_default()
    }

    fn restart(&mut self) {
        self.log = ReplicaLog::load(ID, self.disk.log(ID), LogConfig::with_segments_of(300));
        self.log.recover(&mut self.out);
        self.epoch = self.epoch.next();
    }

    fn perform(&mut self) {
        for effect in self.out.drain() {
            match effect {
                Effect::Write(write) => {
                    let flushes = matches!(
                        write,
                        BrokerWrite::Log(_, LogWrite::RecoveryPoint(_) | LogWrite::StartOver(_))
                    );
                    let cut = write.cut();
                    self.disk.apply(write);
                    let stored = self.disk.log(ID).expect("written to");
                    stored.check(true);
                    // What is cut does not come back, but for a batch that was split.
                    if let Some((_, to)) = cut {
                        for state in &mut self.possible {
                            state.retain(|(base, _)| *base < to);
                        }
                        let mut without = self.possible.clone();
                        for state in &mut without {
                            state.pop();
                        }
                        self.possible.append(&mut without);
                    }
                    if flushes {
                        self.possible.clear();
                    }
                    self.possible.push(contents(stored));
                }
                other => panic!("a log does not {other:?}"),
            }
        }
        self.log.check();
        assert_eq!(self.log.stored, self.stored(), "process and disk hold the same");
    }
}

proptest! {
    #[test]
    fn a_loss_of_power_leaves_what_was_flushed_and_a_log_that_was(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
    }
}

#[test]
fn a_time_is_found_at_the_first_batch_that_is_new_enough() {
    let mut world = World::new();
    let at = Timestamp::from_micros;
    for (base, micros) in [(0, 10), (1, 30), (2, 20)] {
        let mut batch = Arc::unwrap_or_clone(world.batch(1));
        (batch.base_offset, batch.max_timestamp) = (Offset(base), at(micros));
        world.log.append(Arc::new(batch), &mut world.out);
    }
    let first = |micros| world.log.first_since(at(micros));
    assert_eq!(
        [first(0), first(10), first(11)],
        [Some(Offset(0)), Some(Offset(0)), Some(Offset(1))]
    );
    assert_eq!([first(20), first(30), first(31)], [Some(Offset(1)), Some(Offset(1)), None]);
}

#[test]
fn a_segment_rolls_by_size_or_by_what_its_records_bear() {
    let mut world = World::new();
    let mut append = |bytes, at| {
        let mut batch = Arc::unwrap_or_clone(world.batch(1));
        (batch.size, batch.max_timestamp) = (bytes, Timestamp::from_micros(at));
        world.log.append(Arc::new(batch), &mut world.out);
        world.log.stored.segments.iter().map(|base| base.0).collect::<Vec<_>>()
    };
    let week = 7 * 24 * 60 * 60 * 1_000_000;
    assert_eq!(append(100, 5), [0; 0]);
    assert_eq!(append(200, week + 5), [0; 0], "neither above 300 bytes nor above a week");
    assert_eq!(append(1, 7), [2], "above 300 bytes");
    assert_eq!(append(1, week + 8), [2, 3], "a week after the first record of the segment");
    // However late it comes, an older record makes no segment old.
    assert_eq!(append(1, 9), [2, 3]);
}

/// A log of one-record batches of 100 bytes, three a segment, each a second after the one before; all is committed.
fn aged(count: u8) -> World {
    let mut world = World::new();
    for second in 0..count {
        let mut batch = Arc::unwrap_or_clone(world.batch(1));
        batch.max_timestamp = Timestamp::from_micros(u64::from(second) * 1_000_000);
        world.log.append(Arc::new(batch), &mut world.out);
    }
    world.log.set_high_watermark(world.log.end());
    world
}

fn retained(world: &mut World, second: u64) -> Vec<(i64, i64)> {
    let now = Timestamp::from_micros(second * 1_000_000);
    let moved = world.log.retain(now, Variants::default(), &mut world.out);
    world.perform();
    moved.iter().map(|one| (one.from.0, one.to.0)).collect()
}

#[test]
fn segments_go_by_age_whole_and_up_to_the_high_watermark() {
    let mut world = aged(8);
    world.log.config.retention_time = Some(Micros::from_secs(5));
    assert_eq!(retained(&mut world, 7), [], "the first segment's newest record is 5 s old");
    assert_eq!(retained(&mut world, 8), [(0, 3)]);
    assert_eq!(world.log.read(Offset(3), Offset(8), 1000, true).len(), 5);
    world.log.set_high_watermark(Offset(5));
    assert_eq!(retained(&mut world, 100), [], "R1.18: 5 is not committed");
    world.log.set_high_watermark(Offset(8));
    assert_eq!(retained(&mut world, 100), [(3, 8)], "all, and a new segment begins");
    assert_eq!((world.log.start(), world.log.end()), (Offset(8), Offset(8)));
    assert_eq!(retained(&mut world, 200), [], "an empty segment stays");
}

#[test]
fn segments_go_by_size_and_what_a_leader_says_is_taken_up_to_the_high_watermark() {
    let mut world = aged(8);
    world.log.config.retention_bytes = Some(450);
    assert_eq!(retained(&mut world, 8), [(0, 3)], "of 800 bytes 350 are too many: one segment");
    world.log.set_high_watermark(Offset(7));
    let moved = world.log.begin_at_least_at(Offset(8), &mut world.out);
    assert_eq!(moved.map(|one| (one.from.0, one.to.0)), Some((3, 7)));
    assert_eq!(retained(&mut world, 8), [], "its segments are deleted without a further move");
    assert_eq!(world.stored().base, Offset(6));
    world.perform();
    world.log.truncate(Offset(4), &mut world.out);
    assert_eq!((world.log.start(), world.log.end()), (Offset(4), Offset(4)), "R1.16");
    world.perform();
}
