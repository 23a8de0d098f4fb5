//! The application around the consumer: the thread that polls (R8.4, F22). What it does with a record is
//! `processing`'s business, or that of the workers in `pool`; what it commits is decided in `offsets`.

use super::fetcher::{self, Run};
use super::{Consumer, Out, Timer};
use crate::assignor::RebalanceProtocol;
use crate::config::ApplicationConfig;
use crate::machine::Channel;
use crate::message::CommittedOffset;
use crate::observation::Observation;
use crate::variant::Variant;
use ackproof_types::mix::mix;
use ackproof_types::{
    CommitStrategy, Micros, OnRecordFailure, RecordId, Timestamp, TopicPartition,
};
use std::collections::{BTreeMap, VecDeque};

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
    /// The next poll, unless the workers have too much to do.
    HandOver,
    /// Giving up the partitions, then joining (R9.24).
    Revoke,
    /// Leaving the group.
    Close,
}

/// What follows once all that is awaited has its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Then {
    /// The commit of one record.
    Record(TopicPartition, CommittedOffset),
    /// A commit in the middle of a poll.
    Commit,
    /// What follows the last record of a poll.
    Batch,
    /// The next poll, after an exception.
    Poll,
    /// The end, after an exception.
    Close,
}

/// What the thread that polls is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    /// It is in `poll()`.
    #[default]
    Polling,
    /// It processes what poll returned.
    Processing,
    /// It waits for the outcomes of what it sent on.
    Flushing(Then),
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
    pub(super) phase: Phase,
    /// Asked to leave at the next poll.
    leaving: bool,
    /// Told not to poll.
    stalled: bool,
    /// It has no subscription.
    pub(super) unsubscribed: bool,
    /// The heartbeat thread left the group while this one waited in poll.
    unaware: bool,
    /// Returned from poll, not yet processed.
    pub(super) queue: VecDeque<Run>,
    /// Records in `queue` that are not done.
    pub(super) queued: usize,
    /// Failed attempts at the record at hand.
    pub(super) failed_attempts: u32,
    /// Failed attempts at records that it sought back to.
    pub(super) sought: BTreeMap<RecordId, u32>,
    /// Another number in each life of its process, if what fails in one may go well in the next.
    pub(super) life: u64,
    /// An attempt is running.
    pub(super) working: bool,
}

impl Application {
    pub(super) fn new(settings: &ApplicationConfig, now: Timestamp) -> Self {
        let throws = settings.consuming.on_failure == OnRecordFailure::Throw;
        Self { life: if throws { mix(now.bits()) } else { 0 }, ..Self::default() }
    }

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
            Phase::Polling
            | Phase::Processing
            | Phase::Flushing(_)
            | Phase::Committing(_)
            | Phase::Idle => false,
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

    /// The thread does not poll.
    pub(super) fn idle(&mut self) {
        self.phase = Phase::Idle;
    }

    /// The commit waited for, as what follows it.
    pub(super) fn committing(&self) -> Option<After> {
        match self.phase {
            Phase::Committing(after) => Some(after),
            Phase::Polling
            | Phase::Processing
            | Phase::Flushing(_)
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

    pub(super) fn work(&mut self, settings: &ApplicationConfig, out: &mut Out) {
        self.working = true;
        out.arm(Timer::Process, settings.process);
    }
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
    pub(super) fn enter_poll(&mut self, out: &mut Out) {
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

    /// Records that were returned and are not done.
    fn in_hand(&self) -> usize {
        self.application.queued + self.pool.in_hand()
    }

    /// Polls again if nothing keeps it from it. Whether it does.
    pub(super) fn resume(&mut self, out: &mut Out) -> bool {
        let application = &self.application;
        let ready = application.phase == Phase::Idle
            && !application.stalled
            && !application.unsubscribed
            && self.in_hand() <= self.queue_limit();
        if ready {
            self.enter_poll(out);
        }
        ready
    }

    /// Goes on with `poll()` while the thread is in it.
    pub(super) fn poll(&mut self, now: Timestamp, out: &mut Out) {
        if std::mem::take(&mut self.application.unaware) && self.application.is_polling() {
            // What has come is returned before the thread looks at the group again.
            self.return_records(out);
        }
        while self.application.phase == Phase::Polling && self.poll_once(now, out) {}
        // Each thing that it waits for makes another round.
        if self.application.is_polling() {
            self.polls(out);
        }
    }

    /// Whether something happened that makes another round worth while.
    fn poll_once(&mut self, now: Timestamp, out: &mut Out) -> bool {
        if self.application.leaving {
            self.close(out);
            return false;
        }
        if self.application.stalled {
            self.application.phase = Phase::Idle;
            return false;
        }
        if self.application.unsubscribed {
            self.unsubscribe(out);
            return false;
        }
        self.run_commit_callbacks(out);
        if self.commit_while_idle(out) || self.take_part(out) {
            return true;
        }
        if self.may_look_up_positions() {
            self.update_positions(now, out);
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
        let is_automatic = self.config.application.commit.is_automatic();
        let protocol = self.config.rebalance_protocol();
        let listens = protocol == RebalanceProtocol::Eager && self.listens(&[]);
        let offsets = if is_automatic {
            self.positions.consumed()
        } else if listens {
            self.to_commit()
        } else {
            Vec::new()
        };
        if offsets.is_empty() {
            self.after_commit(After::Revoke, out);
            return true;
        }
        let goes_on = self.config.variants.has(Variant::FetchWhileRevoking);
        let patience = if is_automatic {
            self.config.max_poll_interval
        } else {
            self.config.default_api_timeout
        };
        match protocol {
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
        let metadata = self.client.metadata();
        fetcher::collect(&mut self.fetcher, &mut self.positions, metadata, limit, |run| {
            *queued += run.records.len();
            out.observe(Observation::Polled {
                group,
                partition: run.place(),
                base_offset: run.base,
                records: run.records.clone(),
            });
            queue.push_back(run);
        });
        if self.application.queued == before {
            return false;
        }
        if self.pool.is_there() {
            let runs = std::mem::take(&mut self.application.queue);
            self.application.queued = 0;
            self.hand_over(runs, out);
            if self.owes_commit() {
                self.commit_own(After::HandOver, out);
            } else {
                self.after_commit(After::HandOver, out);
            }
            return self.application.phase == Phase::Polling;
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
            | CommitStrategy::AutoInBackground
            | CommitStrategy::SyncAfterBatch
            | CommitStrategy::AsyncAfterBatch
            | CommitStrategy::SyncPerRecord
            | CommitStrategy::Never => self.after_commit(After::Batch, out),
        }
        false
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
            After::HandOver => {
                self.application.phase = Phase::Idle;
                self.resume(out);
            }
            After::Revoke => {
                self.revoke(out);
                self.enter_poll(out);
            }
            After::Close => self.application.phase = Phase::Closing,
        }
    }

    /// `close()`: commits if that is automatic (R8.12), or if a rebalance listener does, then leaves.
    pub(super) fn close(&mut self, out: &mut Out) {
        out.arm(Timer::Close, CLOSE_TIMEOUT);
        let listens = self.listens(&[]);
        let offsets = if self.config.application.commit.is_automatic() {
            self.positions.consumed()
        } else if listens {
            self.to_commit()
        } else {
            Vec::new()
        };
        self.commit_and_wait(offsets, After::Close, CLOSE_TIMEOUT, out);
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
        self.exit_if_done(out);
    }

    /// The process ends, unless something is in hand.
    pub(super) fn exit_if_done(&mut self, out: &mut Out) {
        if self.in_hand() == 0 {
            self.application.phase = Phase::Exited;
            out.exit();
        }
    }
}
