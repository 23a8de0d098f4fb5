//! Processing in the poll loop, record by record, and what follows a record whose attempts have all
//! failed. What it commits is decided in `offsets`.

use super::application::{After, Phase, Then};
use super::{Consumer, Out, Timer};
use crate::config::ApplicationConfig;
use crate::message::CommittedOffset;
use crate::observation::Observation;
use ackproof_types::{
    CommitEvery, CommitStrategy, Delay, Lane, LeaderEpoch, Offset, OnRecordFailure, Record,
    RecordId, TopicPartition,
};
use std::collections::BTreeMap;

/// Whether this attempt at a record fails, in this life of the process: a fixed mix (splitmix64) of its
/// arguments.
pub(super) fn fails(settings: &ApplicationConfig, id: RecordId, attempt: u32, life: u64) -> bool {
    let attempt = u64::from(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut mix = id.as_u64() ^ settings.salt ^ life ^ attempt;
    for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        mix = (mix ^ (mix >> 30)).wrapping_mul(factor);
    }
    (mix ^ (mix >> 31)) % 1_000_000 < u64::from(settings.failures_per_million)
        || settings.fails.contains(&id)
}

impl ApplicationConfig {
    /// From a failed attempt to the end of the next one.
    pub(super) fn again_after(&self) -> Delay {
        let (process, pause) = (self.process, self.consuming.backoff);
        Delay { min: process.min + pause.min, max: process.max + pause.max }
    }
}

/// The record at hand, with the epoch of its batch.
#[derive(Clone, Copy, Debug)]
struct AtHand {
    partition: TopicPartition,
    /// The same, by the id of the topic.
    place: TopicPartition,
    offset: Offset,
    epoch: LeaderEpoch,
    record: Record,
}

impl Consumer {
    /// The attempt at the record at hand is over. Whether the poll loop has something to do.
    pub(super) fn attempt_over(&mut self, out: &mut Out) -> bool {
        let settings = &self.config.application;
        let application = &mut self.application;
        application.working = false;
        let Some(run) = application.queue.front() else { return false };
        let id = run.records[run.done].id;
        let before = application.sought.get(&id).copied().unwrap_or(0);
        let attempt = before.saturating_add(application.failed_attempts);
        let failed = fails(settings, id, attempt, application.life);
        if failed && application.failed_attempts + 1 < settings.attempts {
            application.failed_attempts += 1;
            application.working = true;
            out.arm(Timer::Process, settings.again_after());
            return false;
        }
        if failed {
            return self.record_failed(out);
        }
        self.application.sought.remove(&id);
        self.record_processed(false, out)
    }

    /// The record at hand, which is no longer at hand.
    fn take_record(&mut self) -> Option<AtHand> {
        let application = &mut self.application;
        let run = application.queue.front_mut()?;
        let (partition, place, epoch) = (run.partition, run.place(), run.epoch);
        let (offset, record) = (run.base.plus(run.done), run.records[run.done]);
        run.done += 1;
        if run.done == run.records.len() {
            application.queue.pop_front();
        }
        application.queued -= 1;
        application.failed_attempts = 0;
        Some(AtHand { partition, place, offset, epoch, record })
    }

    fn record_processed(&mut self, dead_lettered: bool, out: &mut Out) -> bool {
        let Some(done) = self.take_record() else { return false };
        let AtHand { place: partition, offset, record, .. } = done;
        let group = self.config.group;
        out.observe(Observation::Processed { group, partition, offset, record, dead_lettered });
        let lane = if dead_lettered { Lane::DeadLetters } else { Lane::Results };
        self.send_on(lane, (partition, offset), record, out);
        self.record_done(done, out)
    }

    /// The application is done with a record, and may commit.
    fn record_done(&mut self, done: AtHand, out: &mut Out) -> bool {
        let AtHand { partition, offset, epoch, .. } = done;
        if let Some(owned) = self.positions.owned.get_mut(&partition) {
            owned.work.finish(offset);
        }
        self.note(partition, offset);
        self.ledger.finished = self.ledger.finished.saturating_add(1);
        let settings = &self.config.application;
        if settings.commit == CommitStrategy::SyncPerRecord {
            let next = CommittedOffset { offset: offset + 1, leader_epoch: epoch };
            return self.once_settled(Then::Record(partition, self.shifted(next)), out);
        }
        if let Some(CommitEvery::Records(many)) = settings.consuming.commit_every
            && self.ledger.finished >= many
            && settings.commit.is_after_batch()
        {
            return self.once_settled(Then::Commit, out);
        }
        self.next_record(out)
    }

    /// Every attempt at the record at hand has failed.
    fn record_failed(&mut self, out: &mut Out) -> bool {
        match self.config.application.consuming.on_failure {
            OnRecordFailure::DeadLetter => return self.record_processed(true, out),
            OnRecordFailure::Skip => {
                let Some(done) = self.give_up(out) else { return false };
                return self.record_done(done, out);
            }
            OnRecordFailure::SeekBack => self.seek_back(out),
            OnRecordFailure::DropPoll => while self.give_up(out).is_some() {},
            OnRecordFailure::Throw => {
                self.application.queue.clear();
                (self.application.queued, self.application.failed_attempts) = (0, 0);
                return self.once_settled(Then::Close, out);
            }
        }
        self.once_settled(Then::Poll, out)
    }

    /// Nothing comes of the record at hand.
    fn give_up(&mut self, out: &mut Out) -> Option<AtHand> {
        let done = self.take_record()?;
        let AtHand { place: partition, offset, record, .. } = done;
        let group = self.config.group;
        out.observe(Observation::GaveUp { group, partition, offset, record });
        Some(done)
    }

    /// Seeks each partition of the poll back to its first record that is not done, as Spring's
    /// `DefaultErrorHandler` does. How often a record failed is remembered.
    fn seek_back(&mut self, out: &mut Out) {
        let application = &mut self.application;
        let failed = application.failed_attempts.saturating_add(1);
        if let Some(run) = application.queue.front() {
            let tries = application.sought.entry(run.records[run.done].id).or_default();
            *tries = tries.saturating_add(failed);
        }
        let mut first: BTreeMap<TopicPartition, Offset> = BTreeMap::new();
        for run in std::mem::take(&mut application.queue) {
            first.entry(run.partition).or_insert(run.base.plus(run.done));
        }
        (application.queued, application.failed_attempts) = (0, 0);
        for (partition, offset) in first {
            self.seek(partition, offset, out);
        }
    }

    /// Goes to the next record, or on after the last. Whether the poll loop has something to do.
    pub(super) fn next_record(&mut self, out: &mut Out) -> bool {
        if self.application.queued > 0 {
            self.application.work(&self.config.application, out);
            return self.resume(out);
        }
        self.once_settled(Then::Batch, out)
    }

    /// All that poll returned is done. Whether the poll loop has something to do.
    pub(super) fn poll_done(&mut self, out: &mut Out) -> bool {
        match self.config.application.commit {
            CommitStrategy::SyncAfterBatch | CommitStrategy::AsyncAfterBatch
                if self.owes_commit() =>
            {
                self.commit_own(After::Poll, out);
            }
            CommitStrategy::SyncAfterBatch
            | CommitStrategy::AsyncAfterBatch
            | CommitStrategy::Auto
            | CommitStrategy::AutoInBackground
            | CommitStrategy::SyncPerRecord
            | CommitStrategy::BeforeProcessing
            | CommitStrategy::Never => self.enter_poll(out),
            CommitStrategy::AutoWithHandOff => {
                if self.application.phase == Phase::Draining {
                    self.exit_if_done(out);
                }
                return self.resume(out);
            }
        }
        true
    }
}
