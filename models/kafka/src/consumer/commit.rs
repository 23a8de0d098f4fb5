//! Committing offsets: waited for, once, or by interval (R8.12, R8.14 to R8.16). It does not know why
//! the application commits what it commits.
//!
//! Kafka: `ConsumerCoordinator#commitOffsetsSync`, `#commitOffsetsAsync`,
//! `#maybeAutoCommitOffsetsAsync`.

use super::application::After;
use super::{Consumer, Out, Purpose, Timer};
use crate::assignor::RebalanceProtocol;
use crate::client::backoff::once_more;
use crate::message::{CommittedOffset, GroupRequest, OffsetCommitRequest, Request};
use crate::observation::Observation;
use crate::profile::Rule;
use crate::variant::Variant;
use ackproof_types::GroupProtocol;
use ackproof_types::mix::mix;
use ackproof_types::{
    CommitStrategy, ErrorCode, GenerationId, Micros, Offset, OnCommitFailure, TopicPartition,
};
use std::sync::Arc;

/// Why an attempt was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// `commitAsync`.
    Async,
    /// The interval of auto-commit.
    Auto,
    /// The commit of this number is waited for.
    Waited(u64),
}

/// A commit request under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    kind: Kind,
    generation: GenerationId,
    offsets: Arc<[(TopicPartition, Offset)]>,
    /// What the callback of `commitAsync` may send again.
    again: Vec<(TopicPartition, CommittedOffset)>,
}

/// The commit that the application waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Waited {
    offsets: Vec<(TopicPartition, CommittedOffset)>,
    /// An attempt is under way: its offsets as observed.
    under_way: Option<Arc<[(TopicPartition, Offset)]>>,
    cooling: bool,
    failures: u32,
}

/// Commits under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Commits {
    /// `auto.commit.interval.ms` has passed since the last.
    pub(super) auto_due: bool,
    /// An interval commit takes what this poll returns.
    overtaken: bool,
    /// Decides which thread is faster.
    coin: u64,
    waited: Option<Waited>,
    /// `commitAsync` while the coordinator is looked up, in order.
    queued: Vec<Vec<(TopicPartition, CommittedOffset)>>,
    /// `commitAsync` that failed so that a retry may help: what callbacks send again, in order.
    failed: Vec<Vec<(TopicPartition, CommittedOffset)>>,
    /// The number of `waited`: answers to older ones are no news.
    number: u64,
    /// `commitSync` threw `RebalanceInProgressException`: the application polls, and then commits again.
    pub(super) again: bool,
}

impl Commits {
    /// Whether something is still to be sent, or is waited for.
    pub(super) fn is_busy(&self) -> bool {
        self.waited.is_some() || !self.queued.is_empty()
    }

    pub(super) fn cooled(&mut self) {
        if let Some(waited) = &mut self.waited {
            waited.cooling = false;
        }
    }
}

/// Whether the same commit may be sent again.
fn is_retriable(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
            | ErrorCode::NetworkException
            | ErrorCode::RequestTimedOut
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
    )
}

/// Whether a commit that failed so may take effect (R9.4).
fn is_ambiguous(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
            | ErrorCode::NetworkException
            | ErrorCode::RequestTimedOut
            | ErrorCode::UnknownServerError
            // One of the topics is deleted; what is committed of the others is written.
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
    )
}

impl Consumer {
    /// `commitSync`: goes on with `after` once it is decided, at the latest after `patience` (R8.14), at
    /// once if there is nothing to commit.
    pub(super) fn commit_and_wait(
        &mut self,
        offsets: Vec<(TopicPartition, CommittedOffset)>,
        after: After,
        patience: Micros,
        out: &mut Out,
    ) {
        if offsets.is_empty() {
            return self.after_commit(after, out);
        }
        self.application.wait_for_commit(after);
        self.commit_in_background(offsets, patience, out);
    }

    /// The same, while the application goes on: a cooperative member is about to join (R9.25).
    pub(super) fn commit_in_background(
        &mut self,
        offsets: Vec<(TopicPartition, CommittedOffset)>,
        patience: Micros,
        out: &mut Out,
    ) {
        self.commits.number += 1;
        self.commits.waited =
            Some(Waited { offsets, under_way: None, cooling: false, failures: 0 });
        out.arm(Timer::CommitDeadline, patience);
        self.send_waiting_commit(out);
    }

    /// Sends the commit that is waited for, if it is not under way and can be sent now.
    pub(super) fn send_waiting_commit(&mut self, out: &mut Out) {
        let number = self.commits.number;
        let Some(waited) = &self.commits.waited else { return };
        if waited.under_way.is_some() || waited.cooling || self.coordinator_route().is_none() {
            return;
        }
        // R8.16: fails at once without a generation to commit in; nothing is sent.
        if !self.may_commit() {
            let error = self.refuse_commit(out);
            self.commit_thrown(error);
            return self.commit_decided(out);
        }
        let sent = self.send_commit(Kind::Waited(number), waited.offsets.clone(), out);
        if let Some(waited) = &mut self.commits.waited {
            waited.under_way = sent;
        }
    }

    /// `commitAsync`: one attempt (R8.15), as soon as the coordinator can be reached. Callbacks of earlier
    /// ones go first (Kafka: `invokeCompletedOffsetCommitCallbacks`).
    pub(super) fn commit_async(
        &mut self,
        offsets: Vec<(TopicPartition, CommittedOffset)>,
        out: &mut Out,
    ) {
        self.run_commit_callbacks(out);
        self.begin_async(offsets, out);
    }

    /// Whether callbacks of `commitAsync` send again what a retry may help.
    pub(super) fn sends_again(&self) -> bool {
        self.config.application.consuming.on_commit_failure == OnCommitFailure::SendAgain
    }

    /// The callbacks of failed `commitAsync`, in poll or in `commitAsync`. The offsets may have been overtaken
    /// (F25), and their partitions may be another member's by now (F29).
    pub(super) fn run_commit_callbacks(&mut self, out: &mut Out) {
        for offsets in std::mem::take(&mut self.commits.failed) {
            self.begin_async(offsets, out);
        }
    }

    fn begin_async(&mut self, offsets: Vec<(TopicPartition, CommittedOffset)>, out: &mut Out) {
        if self.coordinator_route().is_some() {
            self.send_async_commit(offsets, out);
        } else if !offsets.is_empty() {
            self.commits.queued.push(offsets);
        }
    }

    /// Sends what waited for the coordinator, or for the next try of a connection to it.
    pub(super) fn send_queued_commits(&mut self, out: &mut Out) {
        if self.commits.queued.is_empty() || self.coordinator_route().is_none() {
            return;
        }
        for offsets in std::mem::take(&mut self.commits.queued) {
            self.send_async_commit(offsets, out);
        }
    }

    /// The lookup of the coordinator failed, and with it what waited for it: nothing was sent, and callbacks
    /// are told (Kafka: `ConsumerCoordinator#commitOffsetsAsync`, `RetriableCommitFailedException`).
    pub(super) fn fail_queued_commits(&mut self, error: ErrorCode, out: &mut Out) {
        let is_sent_again = self.sends_again();
        for offsets in std::mem::take(&mut self.commits.queued) {
            let group = self.config.group;
            let seen = offsets.iter().map(|(one, at)| (*one, at.offset)).collect();
            let maybe_written = false;
            out.observe(Observation::CommitFailed { group, offsets: seen, error, maybe_written });
            if is_sent_again {
                self.commits.failed.push(offsets);
            }
        }
    }

    fn send_async_commit(
        &mut self,
        offsets: Vec<(TopicPartition, CommittedOffset)>,
        out: &mut Out,
    ) {
        if self.may_commit() || offsets.is_empty() {
            self.send_commit(Kind::Async, offsets, out);
        } else {
            self.refuse_commit(out);
        }
    }

    /// R8.16: the client itself refuses, and nothing is sent. With which error.
    fn refuse_commit(&self, out: &mut Out) -> ErrorCode {
        let error = self.membership.classic.refusal();
        self.observe_outcome(Arc::default(), Err(error), out);
        error
    }

    /// R8.12: inside poll, of what earlier polls returned. A member of a consumer group waits for the
    /// coordinator and for the commit before a revocation.
    pub(super) fn auto_commit_if_due(&mut self, out: &mut Out) {
        let must_wait = match self.config.group_protocol {
            GroupProtocol::Classic => false,
            GroupProtocol::Consumer => {
                self.coordinator_route().is_none() || self.commits.waited.is_some()
            }
        };
        if !must_wait && std::mem::take(&mut self.commits.auto_due) {
            if self.is_overtaken() {
                self.commits.overtaken = true;
            } else {
                self.auto_commit(out);
            }
        }
    }

    /// `auto.commit.interval.ms` is over. Some clients commit then, by a thread of their own, what they have
    /// handed to the application (librdkafka: `rd_kafka_offset_store`, stored before the message is returned).
    pub(super) fn commit_what_was_handed_out(&mut self, out: &mut Out) {
        let by_itself = self.config.application.commit == CommitStrategy::AutoInBackground;
        let can = self.coordinator_route().is_some() && self.may_commit();
        if by_itself && can && std::mem::take(&mut self.commits.auto_due) {
            self.auto_commit(out);
        }
    }

    /// R17.46: whether the thread that polls is faster than the network thread, which has a commit to make of
    /// what earlier polls returned. In Kafka that is chance.
    fn is_overtaken(&mut self) -> bool {
        if self.config.variants.has(Variant::AutocommitPrefetch) {
            return true;
        }
        let may_be = self.config.group_protocol == GroupProtocol::Consumer
            && self.config.profile.has(Rule::CommitRacesPoll);
        if may_be {
            self.commits.coin = mix(self.commits.coin ^ self.config.salt);
        }
        may_be && self.commits.coin & 1 == 1
    }

    /// The commit that the thread which polls has overtaken.
    pub(super) fn overtaken_commit(&mut self, out: &mut Out) {
        if std::mem::take(&mut self.commits.overtaken) {
            self.auto_commit(out);
        }
    }

    fn auto_commit(&mut self, out: &mut Out) {
        out.arm(Timer::AutoCommit, self.config.auto_commit_interval);
        let offsets = self.positions.consumed();
        self.send_commit(Kind::Auto, offsets, out);
    }

    /// One attempt. None: it cannot be sent now, or there is nothing to commit.
    fn send_commit(
        &mut self,
        kind: Kind,
        offsets: Vec<(TopicPartition, CommittedOffset)>,
        out: &mut Out,
    ) -> Option<Arc<[(TopicPartition, Offset)]>> {
        if offsets.is_empty() || !self.may_commit() {
            return None;
        }
        let (claim, route) = (self.claim()?, self.coordinator_route()?);
        let seen: Arc<[_]> = offsets.iter().map(|(one, at)| (*one, at.offset)).collect();
        let group = self.config.group;
        out.observe(Observation::CommitSent { group, offsets: Arc::clone(&seen) });
        let is_sent_again = kind == Kind::Async && self.sends_again();
        let again = if is_sent_again { offsets.clone() } else { Vec::new() };
        let (generation, seen_then) = (claim.generation, Arc::clone(&seen));
        let attempt = Attempt { kind, generation, offsets: seen_then, again };
        let by_id = self.config.group_protocol == GroupProtocol::Consumer
            && self.config.profile.has(Rule::CommittedByTopicId);
        let mut offsets = offsets;
        if by_id {
            let metadata = self.metadata();
            offsets.iter_mut().for_each(|(place, _)| *place = metadata.place_of(*place));
        }
        let request = OffsetCommitRequest { claim, offsets, by_id };
        let request = Request::Group(GroupRequest::OffsetCommit(request));
        self.send(route, request, Purpose::Commit(attempt), out);
        Some(seen)
    }

    /// An attempt was answered, or will not be.
    pub(super) fn commit_answered(
        &mut self,
        attempt: Attempt,
        result: Result<(), ErrorCode>,
        out: &mut Out,
    ) {
        let Attempt { kind, generation, offsets, again } = attempt;
        let abandoned = match kind {
            Kind::Waited(number) => number != self.commits.number || self.commits.waited.is_none(),
            Kind::Async | Kind::Auto => false,
        };
        if !abandoned {
            self.observe_outcome(offsets, result, out);
        }
        let Err(error) = result else {
            if kind == Kind::Waited(self.commits.number) {
                self.commit_decided(out);
            }
            return;
        };
        // The attempt is settled before the error is: that may fail others (R9.38).
        match kind {
            Kind::Waited(_) if abandoned => {}
            Kind::Waited(_) if is_retriable(error) && !self.gives_up_revoking() => {
                self.cool_commit(out);
            }
            Kind::Waited(_) if self.may_be_repeated(error) => self.cool_commit(out),
            Kind::Waited(_) => {
                self.commit_refused(generation, error, out);
                self.commit_thrown(error);
                return self.commit_decided(out);
            }
            Kind::Auto if is_retriable(error) => {
                out.arm(Timer::AutoCommit, self.retry_backoff());
            }
            Kind::Async if is_retriable(error) && !again.is_empty() => {
                self.commits.failed.push(again);
            }
            Kind::Auto | Kind::Async => {}
        }
        self.commit_refused(generation, error, out);
    }

    fn observe_outcome(
        &self,
        offsets: Arc<[(TopicPartition, Offset)]>,
        result: Result<(), ErrorCode>,
        out: &mut Out,
    ) {
        let group = self.config.group;
        out.observe(match result {
            Ok(()) => Observation::Committed { group, offsets },
            Err(error) => {
                let maybe_written = is_ambiguous(error);
                Observation::CommitFailed { group, offsets, error, maybe_written }
            }
        });
    }

    /// As the documentation of `commitSync` advises. An eager member has nothing to commit by then.
    fn commit_thrown(&mut self, error: ErrorCode) {
        self.commits.again |= error == ErrorCode::RebalanceInProgress
            && self.application.committing().is_some()
            && self.config.rebalance_protocol() == RebalanceProtocol::Cooperative;
    }

    /// The variant that does not send the commit before a revocation again.
    fn gives_up_revoking(&self) -> bool {
        let revokes = matches!(self.application.committing(), None | Some(After::Revoke));
        revokes && self.config.variants.has(Variant::AsyncCommitOnRevoke)
    }

    /// R8.17: the commit before a revocation.
    fn may_be_repeated(&self, error: ErrorCode) -> bool {
        self.application.committing().is_none() && self.has_another_epoch(error)
    }

    fn cool_commit(&mut self, out: &mut Out) {
        // R8.17: when the commit before a revocation has failed, it takes the positions of that moment.
        let renews = self.application.committing().is_none()
            && self.config.group_protocol == GroupProtocol::Consumer;
        let renewed = renews.then(|| self.positions.consumed());
        // Nothing is left to commit: that is done (`CommitRequestManager#requestAutoCommit`).
        if renewed.as_ref().is_some_and(Vec::is_empty) {
            return self.commit_decided(out);
        }
        let Some(waited) = &mut self.commits.waited else { return };
        if let Some(offsets) = renewed {
            waited.offsets = offsets;
        }
        waited.under_way = None;
        waited.cooling = true;
        let failures = waited.failures;
        waited.failures = once_more(failures);
        out.arm(Timer::CommitBackoff, self.retry_backoff_after(failures));
    }

    /// R8.14: the time is up; what is under way may still take effect.
    pub(super) fn commit_deadline(&mut self, out: &mut Out) {
        let under_way = self.commits.waited.as_mut().and_then(|waited| waited.under_way.take());
        if let Some(offsets) = under_way {
            self.observe_outcome(offsets, Err(ErrorCode::RequestTimedOut), out);
        }
        self.commit_decided(out);
    }

    fn commit_decided(&mut self, out: &mut Out) {
        if self.commits.waited.take().is_none() {
            return;
        }
        out.disarm(Timer::CommitDeadline);
        out.disarm(Timer::CommitBackoff);
        match self.application.committing() {
            Some(after) => self.after_commit(after, out),
            None => self.rebalance_prepared(),
        }
    }
}
