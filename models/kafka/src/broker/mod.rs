//! The broker process: routes messages to partitions, coordinator and lifecycle; owns no rule itself.
//!
//! - [`lifecycle`] registration, heartbeats, shutdown · [`metadata`] following the metadata log
//! - [`produce`] appends and their wait for replicas · [`fetch`] reads and their parking
//! - [`high_watermark`] what follows when it moves
//! - [`session`] what a follower asked for · [`replication`] fetching as a follower
//! - [`isr`] proposals to the controller · [`controllers`] which one that is
//! - [`partitions`] the replicas it hosts
//! - [`retention`] where logs begin · [`cleaner`] when logs are compacted · [`storage`] directories that fail
//! - [`quota`] how much a client may write and read · [`coordination`] the group coordinator's place in the broker
//!
//! Kafka: `KafkaApis`, `ReplicaManager`, `BrokerServer`.

mod cleaner;
mod controllers;
mod coordination;
mod fetch;
mod high_watermark;
mod isr;
mod lifecycle;
mod metadata;
mod partitions;
mod produce;
mod quota;
mod replication;
mod retention;
mod session;
mod storage;

pub use crate::log::disk::{BrokerDisk, BrokerWrite};

use crate::config::{BrokerConfig, ClusterConfig, TopicConfig};
use crate::group::{GroupCoordinator, GroupTimer};
use crate::harm::Trouble;
use crate::log::ReplicaLog;
use crate::machine::{Channel, ConnectionId, Input, InputOf, Machine, Outbox, Peer, Route, To};
use crate::message::{ControllerResponse, CorrelationId, Message, Request, Response};
use crate::metadata::MetadataImage;
use crate::observation::Observation;
use crate::partition::leader::{LagTick, Surroundings};
use ackproof_types::{
    BrokerEpoch, BrokerId, Delay, LogDir, Server, Timestamp, TopicId, TopicPartition,
};
use partitions::Partitions;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The effects of a broker.
pub type Out = Outbox<Timer, BrokerWrite>;

/// What the surroundings ask of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BrokerCall {
    /// Shut down cleanly (SIGTERM): controlled shutdown, close the logs, exit (R5.17, R1.21).
    Shutdown,
    /// A log directory cannot be written from here on, or can again. What was given up stays so.
    Storage(LogDir, Option<Trouble>),
}

/// The timers of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Time for the next registration or heartbeat.
    Lifecycle,
    /// The registration or heartbeat under way was not answered.
    LifecycleTimeout,
    /// Time to ask again for metadata records.
    MetadataRetry,
    /// The metadata fetch under way was not answered.
    MetadataTimeout,
    /// `replica.lag.time.max.ms` / 2 has passed: look for lagging replicas (R3.3).
    LagCheck,
    /// `replica.high.watermark.checkpoint.interval.ms` has passed (R1.23).
    HighWatermarkCheckpoint,
    /// `log.flush.scheduler.interval.ms` has passed (R1.7).
    FlushCheck,
    /// `log.retention.check.interval.ms` has passed (R1.18).
    Retention,
    /// `log.cleaner.backoff.ms` has passed (R1.19).
    Cleaner,
    /// `log.flush.start.offset.checkpoint.interval.ms` has passed (R1.23).
    LogStartCheckpoint,
    /// `quota.window.size.seconds` have passed.
    QuotaWindow,
    /// `producer.id.expiration.check.interval.ms` has passed (R6.35).
    ProducerExpiration,
    /// A produce request waited its `timeout` for replicas (R4.7).
    ProduceWait(u64),
    /// A fetch was parked for its `max_wait` (R2.16).
    FetchWait(u64),
    /// The fetch to this leader was not answered within `replica.socket.timeout.ms`.
    FetcherTimeout(BrokerId),
    /// The fetcher to this leader may try again (R2.6).
    FetcherBackoff(BrokerId),
    /// This partition may be fetched again (R2.6).
    PartitionBackoff(TopicPartition),
    /// Time to send proposals again (R3.10).
    AlterPartitionRetry,
    /// The AlterPartition under way was not answered.
    AlterPartitionTimeout,
    /// The request for producer ids was not answered.
    ProducerIdsTimeout,
    /// The controller has not heard of a failed directory for `log.dir.failure.timeout.ms`.
    LogDirFailure(LogDir),
    /// A timer of the group coordinator.
    Group(GroupTimer),
}

/// What decisions about a partition depend on besides the partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Env {
    pub(crate) id: BrokerId,
    pub(crate) cluster: Arc<ClusterConfig>,
    pub(crate) image: MetadataImage,
    /// Altered settings of topics that it goes by: what the image has is not in force before the roles are.
    pub(crate) altered: BTreeMap<TopicId, TopicConfig>,
    pub(crate) tick: LagTick,
    /// When the step under way takes place: what a coordinator writes bears it (R9.37).
    pub(crate) now: Timestamp,
}

impl Env {
    pub(crate) fn around(&self, partition: TopicPartition) -> Surroundings<'_> {
        Surroundings {
            id: self.id,
            image: &self.image,
            tick: self.tick,
            min_isr: usize::from(self.topic(partition.topic).min_insync_replicas),
            variants: self.cluster.variants,
        }
    }

    /// The settings of a topic that this broker goes by.
    pub(crate) fn topic(&self, topic: TopicId) -> &TopicConfig {
        self.altered.get(&topic).unwrap_or_else(|| self.cluster.topic(topic))
    }
}

/// A broker process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Broker {
    env: Env,
    partitions: Partitions,
    loaded: BTreeMap<TopicPartition, ReplicaLog>,
    storage: storage::Storage,
    lifecycle: lifecycle::Lifecycle,
    channels: controllers::Channels,
    metadata: metadata::MetadataFollower,
    produce: produce::ProducePurgatory,
    fetch: fetch::FetchPurgatory,
    fetchers: BTreeMap<BrokerId, replication::Fetcher>,
    proposals: isr::Proposals,
    quotas: quota::Quotas,
    producer_ids: produce::ProducerIds,
    coordinator: GroupCoordinator,
    next_correlation: u64,
}

impl Machine for Broker {
    type Config = BrokerConfig;
    type Timer = Timer;
    type Disk = BrokerDisk;
    type Call = BrokerCall;

    fn boot(config: &BrokerConfig, disk: &BrokerDisk, now: Timestamp, out: &mut Out) -> Self {
        let settings = config.cluster.broker;
        let mut loaded: BTreeMap<TopicPartition, ReplicaLog> = BTreeMap::new();
        for (id, log) in disk.logs() {
            let kept = config.cluster.topic(id.topic).log;
            let mut log = ReplicaLog::load(id, Some(log), kept);
            if !disk.was_closed(disk.place(id).unwrap_or_default())
                && let Some((from, to)) = log.cut_damage(out)
            {
                out.observe(Observation::Truncated { partition: id, from, to });
            }
            if let Some((from, to)) = log.recover(out) {
                out.observe(Observation::Truncated { partition: id, from, to });
            }
            loaded.insert(id, log);
        }
        let mut broker = Self {
            env: Env {
                id: config.id,
                cluster: Arc::clone(&config.cluster),
                image: MetadataImage::default(),
                altered: BTreeMap::new(),
                tick: LagTick(0),
                now,
            },
            partitions: Partitions::new(&config.cluster),
            loaded,
            storage: storage::Storage::new(disk, settings.log_dirs),
            lifecycle: lifecycle::Lifecycle::new(disk),
            channels: controllers::Channels::default(),
            metadata: metadata::MetadataFollower::default(),
            produce: produce::ProducePurgatory::default(),
            fetch: fetch::FetchPurgatory::default(),
            fetchers: BTreeMap::new(),
            proposals: isr::Proposals::default(),
            quotas: quota::Quotas::default(),
            producer_ids: produce::ProducerIds::default(),
            coordinator: GroupCoordinator::new(Arc::clone(&config.cluster), config.id),
            next_correlation: 0,
        };
        out.write(BrokerWrite::Started);
        for dir in broker.storage.offline() {
            out.write(BrokerWrite::Offline(*dir));
        }
        if !disk.can_start(settings.log_dirs) {
            out.exit();
            return broker;
        }
        broker.register(out);
        broker.fetch_metadata(out);
        // Neither keeps step with the other brokers of a cluster that has been up for long: how far a
        // fault is from the next check, and from the last checkpoint, is arbitrary.
        out.arm(Timer::LagCheck, Delay::rest_of(broker.lag_check_interval()));
        let checkpoint = settings.high_watermark_checkpoint_interval;
        out.arm(Timer::HighWatermarkCheckpoint, Delay::rest_of(checkpoint));
        if config.cluster.topics.iter().any(|topic| topic.log.flush_age.is_some()) {
            out.arm(Timer::FlushCheck, settings.log_initial_task_delay);
        }
        broker.begin_log_tasks(out);
        broker.begin_quotas(out);
        out.arm(Timer::ProducerExpiration, settings.producer_id_expiration_check_interval);
        broker
    }

    fn step(&mut self, now: Timestamp, input: InputOf<Self>, out: &mut Out) {
        self.env.now = now;
        if self.lifecycle.is_closing() && !matches!(input, Input::Flushed(_)) {
            return;
        }
        match input {
            Input::Deliver { from, message } => match message {
                Message::Request(correlation, request) => {
                    self.request(from, correlation, request, out);
                }
                Message::Response(correlation, response) => {
                    self.response(from, correlation, response, out);
                }
                Message::NoResponse(_) => {}
                // No quota of a client is about a replica, or about what a broker asks a controller.
                Message::Throttled(..) => {
                    out.misplaced(To::Route(from.route), "Throttled");
                    self.disconnected(from.route, out);
                }
            },
            Input::SendCompleted(_) => {}
            Input::Disconnected(route) => self.disconnected(route, out),
            Input::Fire(timer) => self.fire(timer, out),
            Input::Flushed(ticket) => self.flushed(ticket, out),
            Input::Call(BrokerCall::Shutdown) => self.shutdown(out),
            Input::Call(BrokerCall::Storage(dir, trouble)) => self.dir_changed(dir, trouble),
        }
    }

    fn check(&self) {
        self.partitions.check();
        self.produce.check();
        self.coordinator.check();
    }
}

impl Broker {
    fn settings(&self) -> &crate::config::BrokerSettings {
        &self.env.cluster.broker
    }

    fn correlation(&mut self) -> CorrelationId {
        self.next_correlation += 1;
        CorrelationId(self.next_correlation)
    }

    /// This process's registration; UNKNOWN before it has one.
    fn epoch(&self) -> BrokerEpoch {
        self.lifecycle.epoch().unwrap_or(BrokerEpoch::UNKNOWN)
    }

    fn request(&mut self, from: Peer, correlation: CorrelationId, request: Request, out: &mut Out) {
        if !self.lifecycle.serves() {
            // The ports are not open yet (R5.9): whoever tries is turned away.
            out.close(To::Connection(from.connection));
            return;
        }
        let to = from.connection;
        match request {
            Request::ApiVersions => reply(to, correlation, Response::ApiVersions, out),
            Request::Produce(request) => self.handle_produce(to, correlation, request, out),
            Request::Fetch(request) => self.handle_fetch(to, correlation, request, out),
            Request::ListOffsets(asked) => {
                let listed = asked.iter().map(|one| (one.partition, self.list_offset(one)));
                reply(to, correlation, Response::ListOffsets(listed.collect()), out);
            }
            Request::OffsetsForLeaderEpoch(asked) => {
                let ends = asked.iter().map(|one| (one.partition, self.epoch_end(one)));
                reply(to, correlation, Response::OffsetsForLeaderEpoch(ends.collect()), out);
            }
            Request::Metadata(topics) => {
                reply(to, correlation, Response::Metadata(self.describe(&topics)), out);
            }
            Request::DescribeTopicPartitions(topics) => {
                let (brokers, partitions) = self.describe_with_replicas(&topics);
                let answer = Response::DescribeTopicPartitions(brokers, partitions);
                reply(to, correlation, answer, out);
            }
            Request::FindCoordinator(group) => {
                let found = self.find_coordinator(group);
                reply(to, correlation, Response::FindCoordinator(found), out);
            }
            Request::InitProducerId => self.init_producer_id(to, correlation, out),
            Request::Group(request) => self.handle_group(to, correlation, &request, out),
            Request::Controller(_) => out.misplaced(To::Connection(to), request.name()),
        }
    }

    fn response(
        &mut self,
        from: Peer,
        correlation: CorrelationId,
        response: Response,
        out: &mut Out,
    ) {
        match (from.route.to, response) {
            (Server::Broker(leader), Response::Fetch(partitions)) => {
                self.fetched(leader, correlation, partitions, out);
            }
            (Server::Broker(leader), Response::ListOffsets(answers)) => {
                self.ranges_told(leader, &answers, out);
            }
            (Server::Broker(leader), Response::FetchSessionRefused(_)) => {
                self.session_refused(leader, correlation, out);
            }
            (Server::Controller(_), Response::Controller(response)) => {
                self.controller_answered(from.route, correlation, response, out);
            }
            (_, response) => {
                out.misplaced(To::Route(from.route), response.name());
                self.disconnected(from.route, out);
            }
        }
    }

    fn controller_answered(
        &mut self,
        route: Route,
        correlation: CorrelationId,
        response: ControllerResponse,
        out: &mut Out,
    ) {
        if response.is_refused_by_a_standby() {
            self.lose_controller(route.channel);
        }
        match response {
            ControllerResponse::BrokerRegistration(result) => {
                self.registered(correlation, result, out);
            }
            ControllerResponse::BrokerHeartbeat(result) => {
                self.heartbeat_answered(correlation, result, out);
            }
            ControllerResponse::AlterPartition(result) => self.altered(correlation, result, out),
            ControllerResponse::AllocateProducerIds(result) => self.ids_allocated(result, out),
            ControllerResponse::MetadataFetch(answer) => {
                self.metadata_fetched(correlation, answer, out);
            }
            ControllerResponse::Quorum(_) => {
                out.misplaced(To::Route(route), response.name());
                self.disconnected(route, out);
            }
        }
    }

    fn disconnected(&mut self, route: Route, out: &mut Out) {
        match (route.to, route.channel) {
            (Server::Broker(leader), _) => self.fetcher_failed(leader, out),
            (Server::Controller(from), Channel::MetadataLog) => self.metadata_lost(from, out),
            (Server::Controller(_), channel) if self.controller(channel) != Some(route) => {}
            (Server::Controller(_), Channel::Lifecycle) => self.lifecycle_failed(out),
            (Server::Controller(_), _) => self.controller_channel_failed(out),
        }
    }

    fn fire(&mut self, timer: Timer, out: &mut Out) {
        match timer {
            Timer::Lifecycle => self.lifecycle_due(out),
            Timer::LifecycleTimeout => {
                if let Some(route) = self.controller(Channel::Lifecycle) {
                    out.close(To::Route(route));
                }
                self.lifecycle_failed(out);
            }
            Timer::MetadataRetry => self.fetch_metadata(out),
            Timer::MetadataTimeout => self.metadata_timed_out(out),
            Timer::LagCheck => self.check_lag(out),
            Timer::HighWatermarkCheckpoint => {
                self.try_all_dirs(out);
                self.checkpoint_high_watermarks(out);
                out.arm(timer, self.settings().high_watermark_checkpoint_interval);
            }
            Timer::FlushCheck => self.flush_old_logs(out),
            Timer::Retention => self.retain(out),
            Timer::Cleaner => self.clean(out),
            Timer::LogStartCheckpoint => {
                self.checkpoint_starts(out);
                out.arm(timer, self.settings().log_start_offset_checkpoint_interval);
            }
            Timer::QuotaWindow => self.next_quota_window(out),
            Timer::ProducerExpiration => {
                self.expire_producers();
                out.arm(timer, self.settings().producer_id_expiration_check_interval);
            }
            Timer::ProduceWait(id) => self.produce_timed_out(id, out),
            Timer::FetchWait(id) => self.fetch_wait_over(id, out),
            Timer::FetcherTimeout(leader) => {
                out.close(To::Route(replica_fetcher(leader)));
                self.fetcher_failed(leader, out);
            }
            Timer::FetcherBackoff(leader) => self.fetcher_may_retry(leader, out),
            Timer::PartitionBackoff(partition) => self.partition_may_retry(partition, out),
            Timer::AlterPartitionRetry => self.send_proposals(out),
            Timer::AlterPartitionTimeout | Timer::ProducerIdsTimeout => {
                self.controller_channel_failed(out);
            }
            Timer::LogDirFailure(_) => self.shutdown(out),
            Timer::Group(timer) => self.group_fire(timer, out),
        }
    }
}

/// The connection of the replica fetcher to `leader`.
fn replica_fetcher(leader: BrokerId) -> Route {
    Route { to: Server::Broker(leader), channel: Channel::Fetcher }
}

fn reply(to: ConnectionId, correlation: CorrelationId, response: Response, out: &mut Out) {
    out.reply(to, Message::Response(correlation, response));
}
