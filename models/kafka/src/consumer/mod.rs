//! A consumer process: the `KafkaConsumer` of either `group.protocol` and the application around it. This
//! file routes inputs; it owns no rule itself.
//!
//! - [`coordinator`] whom to ask · [`membership`] the group, as a member sees it
//! - [`positions`] where to read · [`fetcher`] reading ahead
//! - [`application`] the poll loop · [`holds`] what interrupts it · [`processing`] in it · [`pool`] workers beside it
//! - [`work`] what is done · [`outputs`] what is sent on · [`offsets`] what to commit · [`commit`] committing
//!   offsets · [`successors`] topics created again

mod application;
mod commit;
mod coordinator;
mod fetcher;
mod holds;
mod membership;
mod offsets;
mod outputs;
mod pool;
mod positions;
mod processing;
mod successors;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test names only what it expects")]
mod tests;
mod work;

use crate::client::backoff::backoff;
use crate::client::network::{Completed, Failed, data};
use crate::client::{ClientSettings, Metadata, NetworkClient, NetworkTimer};
use crate::config::ConsumerConfig;
use crate::machine::{Input, InputOf, Machine, Outbox, Route, To};
use crate::message::{CorrelationId, GroupResponse, Message, Request, Response};
use ackproof_types::{
    BrokerId, Delay, ErrorCode, GenerationId, Hold, Offset, Timestamp, TopicPartition,
};
use std::convert::Infallible;
use std::sync::Arc;

/// The effects of a consumer.
pub type Out = Outbox<Timer, Infallible>;

/// What the surroundings ask of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConsumerCall {
    /// Finish the batch at hand, close the consumer (R8.12, R9.40) and exit.
    Leave,
    /// The application stops this (`true`), or does it again (`false`).
    Hold(Hold, bool),
    /// Its rebalance listener has read in its own database where to begin in a partition, and seeks there.
    Begin(TopicPartition, Offset),
}

/// The timers of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A timer of the network client.
    Network(NetworkTimer),
    /// The coordinator may be looked up again.
    CoordinatorBackoff,
    /// The group may be joined again.
    JoinBackoff,
    /// Time for a heartbeat (R8.10).
    Heartbeat,
    /// Nothing was heard of the coordinator for `session.timeout.ms` (R8.10).
    Session,
    /// `max.poll.interval.ms` has passed since the last round of a poll (R8.10).
    MaxPoll,
    /// `auto.commit.interval.ms` has passed (R8.12).
    AutoCommit,
    /// The commit that is waited for may be sent again.
    CommitBackoff,
    /// The commit that is waited for has taken too long.
    CommitDeadline,
    /// Positions may be looked up again.
    PositionBackoff,
    /// A partition in which nothing was new enough may be looked up again (KIP-1106).
    NothingSince(TopicPartition),
    /// Partitions whose fetch failed may be fetched again.
    FetchBackoff,
    /// A leader's word on where to read is as old as metadata may get (KIP-392).
    ReadReplica(TopicPartition),
    /// The attempt at a record is over.
    Process,
    /// The attempt of this worker at a record is over.
    Work(u16),
    /// The application commits again, by time.
    CommitEvery,
    /// The close has taken long enough.
    Close,
}

impl From<NetworkTimer> for Timer {
    fn from(timer: NetworkTimer) -> Self {
        Self::Network(timer)
    }
}

/// What a consumer remembers of a request under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Purpose {
    FindCoordinator,
    Join,
    Sync,
    Heartbeat(GenerationId),
    MemberHeartbeat,
    Leave,
    Commit(commit::Attempt),
    OffsetFetch,
    ListOffsets(Vec<TopicPartition>),
    Epochs(Vec<(TopicPartition, positions::Position)>),
    Fetch(BrokerId),
}

/// A consumer process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Consumer {
    config: ConsumerConfig,
    client: NetworkClient<Purpose>,
    coordinator: coordinator::Coordinator,
    membership: membership::Membership,
    positions: positions::Positions,
    fetcher: fetcher::Fetcher,
    application: application::Application,
    pool: pool::Pool,
    outputs: outputs::Outputs,
    ledger: offsets::Ledger,
    commits: commit::Commits,
}

impl Machine for Consumer {
    type Config = ConsumerConfig;
    type Timer = Timer;
    type Disk = ();
    type Call = ConsumerCall;

    fn boot(config: &ConsumerConfig, _disk: &(), now: Timestamp, out: &mut Out) -> Self {
        let mut consumer = Self {
            config: config.clone(),
            client: NetworkClient::new(client_settings(config), &config.topics),
            coordinator: coordinator::Coordinator::default(),
            membership: membership::Membership::new(config, now),
            positions: positions::Positions::default(),
            fetcher: fetcher::Fetcher::default(),
            application: application::Application::new(&config.application, now),
            pool: pool::Pool::new(config.application.consuming.workers),
            outputs: outputs::Outputs::default(),
            ledger: offsets::Ledger::default(),
            commits: commit::Commits::default(),
        };
        consumer.watch_commits(out);
        consumer.drive(now, out);
        consumer
    }

    fn step(&mut self, now: Timestamp, input: InputOf<Self>, out: &mut Out) {
        if !self.application.has_exited() {
            self.told(now, input, out);
            self.name_ids(out);
        }
    }
    fn check(&self) {
        self.client.check();
        self.application.check();
        self.check_outputs();
        self.check_ownership();
    }
}

/// What a connection of a consumer carries at a time (`ConsumerUtils`).
const MAX_IN_FLIGHT: usize = 100;

fn client_settings(config: &ConsumerConfig) -> ClientSettings {
    ClientSettings {
        bootstrap: Arc::clone(&config.bootstrap),
        max_in_flight: MAX_IN_FLIGHT,
        request_timeout: config.request_timeout,
        retry_backoff: config.retry_backoff,
        retry_backoff_max: config.retry_backoff_max,
        metadata_max_age: config.metadata_max_age,
        salt: config.salt,
    }
}

impl Consumer {
    fn told(&mut self, now: Timestamp, mut input: InputOf<Self>, out: &mut Out) {
        self.client.unthrottled(&mut input, out);
        match input {
            Input::Deliver { from, message: Message::Response(id, response) } => {
                match self.client.answered(from.route, id, response, out) {
                    Completed::Internal => {}
                    Completed::Metadata => self.metadata_updated(out),
                    Completed::Request(id, purpose, response) => {
                        self.take(from.route, id, purpose, response, out);
                    }
                    Completed::Failed(failed) => self.fail(failed, out),
                }
            }
            // Nobody connects to a consumer.
            Input::Deliver { from, message: Message::Request(_, request) } => {
                out.misplaced(To::Connection(from.connection), request.name());
            }
            // It has no disk.
            Input::Deliver { .. } | Input::Flushed(_) | Input::SendCompleted(_) => {}
            Input::Disconnected(route) => {
                let failed = self.client.disconnected(route, out);
                self.fail(failed, out);
                if self.is_coordinator(route) {
                    self.coordinator_lost(out);
                }
            }
            // Nothing but the record at hand changes, most of the time: spare the rounds.
            Input::Fire(Timer::Process) => {
                if !self.attempt_over(out) {
                    return;
                }
            }
            Input::Fire(Timer::Work(worker)) => {
                if !self.task_over(worker, out) {
                    return;
                }
            }
            // The heartbeat thread leaves, and wakes nobody.
            Input::Fire(Timer::MaxPoll) => return self.max_poll_exceeded(out),
            Input::Fire(timer) => self.fire(timer, out),
            Input::Call(ConsumerCall::Leave) => self.leave_asked(),
            Input::Call(ConsumerCall::Hold(hold, on)) => self.hold(hold, on, out),
            Input::Call(ConsumerCall::Begin(partition, offset)) => {
                self.begin_at(partition, offset, out);
            }
        }
        self.drive(now, out);
    }

    fn fire(&mut self, timer: Timer, out: &mut Out) {
        match timer {
            Timer::Network(timer) => {
                let failed = self.client.fire(timer, out);
                self.fail(failed, out);
            }
            Timer::CoordinatorBackoff => self.coordinator_cooled(),
            Timer::JoinBackoff => self.membership.classic.join_cooled(),
            Timer::Heartbeat => self.heartbeat_due(out),
            Timer::Session => self.session_over(out),
            Timer::AutoCommit => self.commits.auto_due = true,
            Timer::CommitBackoff => self.commits.cooled(),
            Timer::CommitDeadline => self.commit_deadline(out),
            Timer::PositionBackoff => self.positions.cooling = false,
            Timer::NothingSince(partition) => self.set_looking(&[partition], false),
            Timer::FetchBackoff => self.positions.undelay(),
            Timer::CommitEvery => self.commit_is_due(),
            Timer::ReadReplica(partition) => self.positions.read_from_leader(partition),
            Timer::Close => self.close_timed_out(out),
            // Taken by `step`.
            Timer::Process | Timer::Work(_) | Timer::MaxPoll => {}
        }
    }

    /// Takes an answer.
    fn take(
        &mut self,
        route: Route,
        id: CorrelationId,
        purpose: Purpose,
        response: Response,
        out: &mut Out,
    ) {
        match (purpose, response) {
            (Purpose::FindCoordinator, Response::FindCoordinator(result)) => {
                self.coordinator_found(result, out);
            }
            (Purpose::Join, Response::Group(GroupResponse::JoinGroup(response))) => {
                self.joined(id, response, out)
            }
            (Purpose::Sync, Response::Group(GroupResponse::SyncGroup(result))) => {
                self.synced(id, result, out)
            }
            (Purpose::Heartbeat(generation), Response::Group(GroupResponse::Heartbeat(result))) => {
                self.heartbeat_answered(generation, result, out);
            }
            (
                Purpose::MemberHeartbeat,
                Response::Group(GroupResponse::ConsumerGroupHeartbeat(result)),
            ) => self.member_heard(id, result, out),
            (
                Purpose::Leave,
                Response::Group(
                    GroupResponse::LeaveGroup(_) | GroupResponse::ConsumerGroupHeartbeat(_),
                ),
            ) => {}
            (Purpose::Commit(attempt), Response::Group(GroupResponse::OffsetCommit(result))) => {
                self.commit_answered(attempt, result, out);
            }
            (Purpose::OffsetFetch, Response::Group(GroupResponse::OffsetFetch(result))) => {
                self.offsets_fetched(id, result, out);
            }
            (Purpose::ListOffsets(asked), Response::ListOffsets(answers)) => {
                self.offsets_listed(&asked, &answers, out);
            }
            (Purpose::Epochs(asked), Response::OffsetsForLeaderEpoch(answers)) => {
                self.epochs_told(&asked, &answers, out);
            }
            (Purpose::Fetch(broker), Response::Fetch(partitions)) => {
                self.fetched(broker, partitions, out);
            }
            (purpose, response) => {
                let mut failed = vec![(id, purpose)];
                failed.extend(self.client.misplaced(route, response.name(), out));
                self.fail(failed, out);
            }
        }
    }

    /// Takes requests that will not be answered.
    fn fail(&mut self, failed: Failed<Purpose>, out: &mut Out) {
        for (id, purpose) in failed {
            self.fail_one(id, purpose, out);
        }
    }

    fn fail_one(&mut self, id: CorrelationId, purpose: Purpose, out: &mut Out) {
        match purpose {
            Purpose::FindCoordinator => {
                self.coordinator_found(Err(ErrorCode::NetworkException), out);
            }
            Purpose::Join => self.join_failed(id, ErrorCode::NetworkException, out),
            Purpose::Sync => self.sync_failed(id, ErrorCode::NetworkException, out),
            Purpose::Heartbeat(generation) => {
                self.heartbeat_answered(generation, Err(ErrorCode::NetworkException), out);
            }
            Purpose::MemberHeartbeat => {
                self.member_heard(id, Err(ErrorCode::NetworkException), out);
            }
            Purpose::Leave => self.coordinator_error(ErrorCode::NetworkException, out),
            Purpose::Commit(attempt) => {
                self.commit_answered(attempt, Err(ErrorCode::NetworkException), out);
            }
            Purpose::OffsetFetch => {
                self.offsets_fetched(id, Err(ErrorCode::NetworkException), out);
            }
            Purpose::ListOffsets(asked) => self.offsets_listed(&asked, &[], out),
            Purpose::Epochs(asked) => self.epochs_told(&asked, &[], out),
            Purpose::Fetch(broker) => self.fetch_failed(broker),
        }
    }

    /// Sends what can be sent: called once whenever something changed.
    fn drive(&mut self, now: Timestamp, out: &mut Out) {
        if self.application.has_exited() {
            return;
        }
        if self.client.maybe_update(out) {
            self.coordinator_may_be_looked_up();
        }
        self.find_coordinator(out);
        self.commit_what_was_handed_out(out);
        self.send_queued_commits(out);
        self.send_waiting_commit(out);
        self.prepare_in_background();
        self.poll(now, out);
        self.send_in_background(out);
        self.go_on_closing(out);
    }

    /// Sends a request under `request.timeout.ms`.
    fn send(
        &mut self,
        route: Route,
        request: Request,
        purpose: Purpose,
        out: &mut Out,
    ) -> CorrelationId {
        self.client.send(route, request, purpose, out)
    }

    /// The data connection to `broker`, if it may be used now.
    fn data_route(&self, broker: BrokerId) -> Option<Route> {
        let route = data(broker);
        (!self.client.is_unavailable(route)).then_some(route)
    }

    fn metadata(&self) -> &Metadata {
        self.client.metadata()
    }

    fn retry_backoff(&self) -> Delay {
        self.retry_backoff_after(0)
    }

    fn retry_backoff_after(&self, failures: u32) -> Delay {
        backoff(self.config.retry_backoff, self.config.retry_backoff_max, failures)
    }
}
