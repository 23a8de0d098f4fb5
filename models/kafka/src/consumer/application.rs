//! The application around the consumer: its poll loop and its processing, record by record (R8.4,
//! F22). What the commits cost is `commit`'s business.

use super::fetcher::{self, Run};
use super::{Consumer, Out, Timer};
use crate::assignor::RebalanceProtocol;
use crate::config::ApplicationConfig;
use crate::machine::Channel;
use crate::message::CommittedOffset;
use crate::observation::Observation;
use crate::variant::Variant;
use ackproof_types::{CommitStrategy, Micros, RecordId};
use std::collections::VecDeque;

/// The default timeout of `close()` (R8.12).
const CLOSE_TIMEOUT: Micros = Micros::from_secs(30);
/// How many polls' worth of records workers may have waiting before the poll loop waits for them.
const QUEUED_POLLS: usize = 4;

/// What follows a commit that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum After {
    /// The next record.
    Record,
    /// The first record of the batch.
    Batch,
    /// The next poll.
    Poll,
    /// Giving up the partitions, then joining (R9.24).
    Revoke,
    /// Leaving the group.
    Close,
}

/// What the thread that polls is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Phase {
    /// It is in `poll()`.
    #[default]
    Polling,
    /// It processes what poll returned.
    Processing,
    /// It waits for a commit.
    Committing(After),
    /// It does not poll: stalled, or the workers' queue is full.
    Idle,
    /// It closes the consumer, and waits for commits to be sent (R8.12).
    Closing,
    /// It waits for the coordinator's last answers.
    Leaving,
    /// It has closed the consumer and waits for the workers.
    Draining,
    /// It has ended.
    Exited,
}

/// The application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Application {
    phase: Phase,
    /// Asked to leave at the next poll.
    leaving: bool,
    /// Told not to poll.
    stalled: bool,
    /// The heartbeat thread left the group while this one waited in poll.
    unaware: bool,
    /// Returned from poll, not yet processed.
    queue: VecDeque<Run>,
    /// Records in `queue` that are not done.
    queued: usize,
    /// Failed attempts at the record at hand.
    failed_attempts: u32,
    /// An attempt is running.
    working: bool,
}

impl Application {
    /// As many records wait as are counted, and an attempt is at one of them.
    pub(super) fn check(&self) {
        let waiting: usize = self.queue.iter().map(|run| run.records.len() - run.done).sum();
        assert_eq!(waiting, self.queued, "R8.4");
        assert!(!self.working || self.queued > 0, "nothing to work at");
    }

    pub(super) fn has_exited(&self) -> bool {
        self.phase == Phase::Exited
    }

    /// It was asked to leave, or is to.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Whether the consumer is closed or on its way.
    pub(super) fn is_closing(&self) -> bool {
        match self.phase {
            Phase::Committing(After::Close)
            | Phase::Closing
            | Phase::Leaving
            | Phase::Draining
            | Phase::Exited => true,
            Phase::Polling | Phase::Processing | Phase::Committing(_) | Phase::Idle => false,
        }
    }

    /// Whether the thread is inside the consumer, as opposed to between polls.
    pub(super) fn is_polling(&self) -> bool {
        let in_poll = matches!(self.phase, Phase::Polling | Phase::Committing(After::Revoke));
        self.is_closing() || (in_poll && !self.stalled)
    }

    /// The group is left, and nothing has woken the thread that polls.
    pub(super) fn leave_unaware(&mut self) {
        self.unaware = self.phase == Phase::Polling;
    }

    /// The commit waited for, as what follows it.
    pub(super) fn committing(&self) -> Option<After> {
        match self.phase {
            Phase::Committing(after) => Some(after),
            Phase::Polling
            | Phase::Processing
            | Phase::Idle
            | Phase::Closing
            | Phase::Leaving
            | Phase::Draining
            | Phase::Exited => None,
        }
    }

    pub(super) fn wait_for_commit(&mut self, after: After) {
        self.phase = Phase::Committing(after);
    }

    fn work(&mut self, settings: &ApplicationConfig, out: &mut Out) {
        self.working = true;
        out.arm(Timer::Process, settings.process);
    }
}

/// Whether this attempt at a record fails: a fixed mix (splitmix64) of its arguments.
fn fails(record: RecordId, attempt: u32, salt: u64, per_million: u32) -> bool {
    let mut mix = record.as_u64() ^ salt ^ u64::from(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        mix = (mix ^ (mix >> 30)).wrapping_mul(factor);
    }
    (mix ^ (mix >> 31)) % 1_000_000 < u64::from(per_million)
}

impl Consumer {
    /// The call to leave: obeyed between batches, at once while idle.
    pub(super) fn leave_asked(&mut self) {
        self.application.leaving = true;
        if self.application.phase == Phase::Idle {
            self.application.phase = Phase::Polling;
        }
    }

    /// The thread calls `poll()`, and is in it until that returns records.
    fn enter_poll(&mut self, out: &mut Out) {
        self.application.phase = Phase::Polling;
        self.polls(out);
    }

    /// R8.10: a round of `poll()` begins (Kafka: `AbstractCoordinator#pollHeartbeat`).
    fn polls(&self, out: &mut Out) {
        out.arm(Timer::MaxPoll, self.config.max_poll_interval);
    }

    /// The application stops polling, or polls again.
    pub(super) fn stall(&mut self, stalled: bool, out: &mut Out) {
        if stalled && self.application.is_polling() && !self.application.is_closing() {
            // R8.10: its last poll is the one it is in.
            self.polls(out);
        }
        self.application.stalled = stalled;
        self.resume(out);
    }

    fn queue_limit(&self) -> usize {
        QUEUED_POLLS * self.config.max_poll_records
    }

    /// Polls again if nothing keeps it from it. Whether it does.
    fn resume(&mut self, out: &mut Out) -> bool {
        let application = &self.application;
        let ready = application.phase == Phase::Idle
            && !application.stalled
            && application.queued <= self.queue_limit();
        if ready {
            self.enter_poll(out);
        }
        ready
    }

    /// Goes on with `poll()` while the thread is in it.
    pub(super) fn poll(&mut self, out: &mut Out) {
        if std::mem::take(&mut self.application.unaware) && self.application.is_polling() {
            // What has come is returned before the thread looks at the group again.
            self.return_records(out);
        }
        while self.application.phase == Phase::Polling && self.poll_once(out) {}
        // Each thing that it waits for makes another round.
        if self.application.is_polling() {
            self.polls(out);
        }
    }

    /// Whether something happened that makes another round worth while.
    fn poll_once(&mut self, out: &mut Out) -> bool {
        if self.application.leaving {
            self.close(out);
            return false;
        }
        if self.application.stalled {
            self.application.phase = Phase::Idle;
            return false;
        }
        if self.take_part(out) {
            return true;
        }
        if self.may_look_up_positions() {
            self.update_positions(out);
        }
        // Kafka looks into its buffer even while the coordinator is unknown; partitions that were
        // revoked have none (R9.24).
        let returned = self.return_records(out);
        self.overtaken_commit(out);
        self.fetch(out);
        returned
    }

    /// R8.12, R9.24: `onJoinPrepare`. Whether the poll has something more to do.
    pub(super) fn prepare_join(&mut self, out: &mut Out) -> bool {
        let offsets = self.positions.consumed();
        let patience = self.config.max_poll_interval;
        if !self.config.application.commit.is_automatic() || offsets.is_empty() {
            self.after_commit(After::Revoke, out);
            return true;
        }
        let goes_on = self.config.variants.has(Variant::FetchWhileRevoking);
        match self.config.rebalance_protocol() {
            RebalanceProtocol::Eager if !goes_on => {
                self.commit_and_wait(offsets, After::Revoke, patience, out);
                true
            }
            RebalanceProtocol::Eager | RebalanceProtocol::Cooperative => {
                self.membership.classic.prepare_join();
                self.commit_in_background(offsets, patience, out);
                false
            }
        }
    }

    /// `poll()` returns, if there are records.
    pub(super) fn return_records(&mut self, out: &mut Out) -> bool {
        let Application { queue, queued, .. } = &mut self.application;
        let (group, before) = (self.config.group, *queued);
        let limit = self.config.max_poll_records;
        fetcher::collect(&mut self.fetcher, &mut self.positions, limit, |run| {
            *queued += run.records.len();
            out.observe(Observation::Polled {
                group,
                partition: run.partition,
                base_offset: run.base,
                records: run.records.clone(),
            });
            queue.push_back(run);
        });
        if self.application.queued == before {
            return false;
        }
        match self.config.application.commit {
            CommitStrategy::BeforeProcessing => {
                let offsets = self.positions.consumed();
                self.commit_and_wait(offsets, After::Batch, self.config.default_api_timeout, out);
            }
            CommitStrategy::AutoWithHandOff => {
                // F22: the workers get them, the loop goes on.
                if !self.application.working {
                    self.application.work(&self.config.application, out);
                }
                self.application.phase = Phase::Idle;
                return self.resume(out);
            }
            CommitStrategy::Auto
            | CommitStrategy::SyncAfterBatch
            | CommitStrategy::AsyncAfterBatch
            | CommitStrategy::SyncPerRecord => self.after_commit(After::Batch, out),
        }
        false
    }

    /// The attempt at the record at hand is over. Whether the poll loop has something to do.
    pub(super) fn attempt_over(&mut self, out: &mut Out) -> bool {
        let settings = &self.config.application;
        let application = &mut self.application;
        application.working = false;
        let Some(run) = application.queue.front_mut() else { return false };
        let record = run.records[run.done];
        let attempt = application.failed_attempts;
        let failed = fails(record.id, attempt, settings.salt, settings.failures_per_million);
        if failed && attempt + 1 < settings.attempts {
            application.failed_attempts += 1;
            application.work(settings, out);
            return false;
        }
        let (partition, offset) = (run.partition, run.base.plus(run.done));
        out.observe(Observation::Processed {
            group: self.config.group,
            partition,
            offset,
            record,
            dead_lettered: failed,
        });
        let next = CommittedOffset { offset: offset + 1, leader_epoch: run.epoch };
        run.done += 1;
        if run.done == run.records.len() {
            application.queue.pop_front();
        }
        application.queued -= 1;
        application.failed_attempts = 0;
        if settings.commit == CommitStrategy::SyncPerRecord {
            let patience = self.config.default_api_timeout;
            self.commit_and_wait(vec![(partition, next)], After::Record, patience, out);
            return true;
        }
        self.next_record(out)
    }

    /// Goes to the next record, or on after the last. Whether the poll loop has something to do.
    fn next_record(&mut self, out: &mut Out) -> bool {
        if self.application.queued > 0 {
            self.application.work(&self.config.application, out);
            return self.resume(out);
        }
        match self.config.application.commit {
            CommitStrategy::SyncAfterBatch => {
                let offsets = self.positions.consumed();
                self.commit_and_wait(offsets, After::Poll, self.config.default_api_timeout, out);
            }
            CommitStrategy::AsyncAfterBatch => {
                self.commit_async(out);
                self.enter_poll(out);
            }
            CommitStrategy::Auto
            | CommitStrategy::SyncPerRecord
            | CommitStrategy::BeforeProcessing => self.enter_poll(out),
            CommitStrategy::AutoWithHandOff => {
                if self.application.phase == Phase::Draining {
                    self.exit(out);
                }
                return self.resume(out);
            }
        }
        true
    }

    /// Goes on after a commit that was waited for, however it ended.
    pub(super) fn after_commit(&mut self, after: After, out: &mut Out) {
        match after {
            After::Record => {
                self.application.phase = Phase::Processing;
                self.next_record(out);
            }
            After::Batch => {
                self.application.phase = Phase::Processing;
                self.application.work(&self.config.application, out);
            }
            After::Poll => self.enter_poll(out),
            After::Revoke => {
                self.revoke(out);
                self.enter_poll(out);
            }
            After::Close => self.application.phase = Phase::Closing,
        }
    }

    /// `close()`: commits if that is automatic (R8.12), then leaves.
    fn close(&mut self, out: &mut Out) {
        out.arm(Timer::Close, CLOSE_TIMEOUT);
        if self.config.application.commit.is_automatic() {
            let offsets = self.positions.consumed();
            self.commit_and_wait(offsets, After::Close, CLOSE_TIMEOUT, out);
        } else {
            self.after_commit(After::Close, out);
        }
    }

    /// Goes on with the close: leaves once commits are sent, ends once the coordinator has answered.
    pub(super) fn go_on_closing(&mut self, out: &mut Out) {
        if self.application.phase == Phase::Closing && !self.commits.is_busy() {
            self.application.phase = Phase::Leaving;
            self.leave_for_good(out);
        }
        if self.application.phase == Phase::Leaving
            && !self.client.has_requests(Channel::Coordinator)
        {
            self.closed(out);
        }
    }

    /// `close()` has taken its time: tells the group, and waits for nothing more.
    pub(super) fn close_timed_out(&mut self, out: &mut Out) {
        if self.application.phase != Phase::Leaving {
            self.leave_for_good(out);
        }
        self.closed(out);
    }

    /// The consumer is closed: the process ends once the workers are done.
    fn closed(&mut self, out: &mut Out) {
        self.application.phase = Phase::Draining;
        out.disarm(Timer::Close);
        if self.application.queued == 0 {
            self.exit(out);
        }
    }

    fn exit(&mut self, out: &mut Out) {
        self.application.phase = Phase::Exited;
        out.exit();
    }
}
