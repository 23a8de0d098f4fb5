//! The controller: the one writer of the metadata log (Kafka: `QuorumController`).
//!
//! It stands for the whole quorum: one process, whose append is the commit (R5.1). It knows brokers
//! by their registrations and heartbeats alone; clients never speak to it.
//!
//! - `log` its disk · `election` who leads · `lifecycle` registration, heartbeats, fencing
//! - `partitions` creation of topics and partitions, in-sync sets, elections by timer

mod election;
mod lifecycle;
mod log;
mod partitions;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test names only the answer it expects")]
mod tests;

pub use log::MetadataLog;

use crate::config::ClusterConfig;
use crate::machine::{ConnectionId, Input, InputOf, Machine, Outbox, Peer, Ticket, To};
use crate::message::{
    ControllerRequest, ControllerResponse, CorrelationId, Message, MetadataFetchRequest, Request,
    Response,
};
use crate::metadata::{MetadataImage, MetadataRecord};
use crate::observation::Observation;
use crate::profile::Rule;
use crate::variant::Variant;
use ackproof_types::{
    BrokerEpoch, BrokerId, Delay, ErrorCode, Micros, ProducerId, Timestamp, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How long a fetch of the metadata log parks (R5.26).
const METADATA_FETCH_MAX_WAIT: Micros = Micros::from_millis(500);
/// Producer ids handed out at a time (Kafka: `ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`).
const PRODUCER_ID_BLOCK: u32 = 1000;

/// The timers of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A broker was not heard of for `broker.session.timeout.ms`.
    Session(BrokerId),
    /// Look for a broker to fence: one whose session is over (R5.11).
    StaleCheck,
    /// A parked fetch of the metadata log by this broker has waited long enough.
    Observer(BrokerId),
    /// Look for leaderless partitions that may elect uncleanly (R5.22).
    UncleanElection,
    /// Give partitions back to their preferred leaders (R5.23).
    PreferredElection,
}

/// What the surroundings ask of a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControllerCall {
    /// An administrator wants the topic to have so many partitions in all (KIP-195). The request does not go
    /// over the network.
    CreatePartitions(TopicId, u16),
}

/// The controller. What is not in the metadata log is lost at a restart (R5.12).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Controller {
    config: Arc<ClusterConfig>,
    log: Vec<Arc<MetadataRecord>>,
    image: MetadataImage,
    contacts: BTreeMap<BrokerId, Contact>,
    /// Brokers whose session has not expired.
    sessions: BTreeSet<BrokerId>,
    /// Brokers whose session has expired, oldest first, until the check fences them.
    stale: Vec<BrokerId>,
    observers: BTreeMap<BrokerId, Observer>,
    /// So many records are flushed: only they count, and are told to brokers (R5.1, R5.30).
    committed: usize,
    /// Flushes under way, each with the number of records it covers.
    flushing: VecDeque<(Ticket, usize)>,
    /// Answers that wait for the record before this offset.
    deferred: VecDeque<Deferred>,
}

/// An answer that waits (Kafka: `DeferredEventQueue`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Deferred {
    /// For so many records.
    upto: usize,
    connection: ConnectionId,
    message: Message,
}

/// What heartbeats told of a broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Contact {
    /// The metadata offset it has applied, exclusive.
    metadata_offset: u64,
    /// Everyone must have applied this much before it may go (R5.14).
    controlled_shutdown_offset: Option<u64>,
}

/// A parked fetch of the metadata log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Observer {
    connection: ConnectionId,
    correlation: CorrelationId,
    offset: u64,
}

type Out = Outbox<Timer, MetadataRecord>;

impl Machine for Controller {
    type Config = Arc<ClusterConfig>;
    type Timer = Timer;
    type Disk = MetadataLog;
    type Call = ControllerCall;

    fn boot(config: &Self::Config, disk: &MetadataLog, _: Timestamp, out: &mut Out) -> Self {
        let mut image = MetadataImage::default();
        for record in disk.records() {
            image.apply(record);
        }
        let settings = &config.broker;
        for broker in image.brokers.keys() {
            // R5.12: every clock starts anew.
            out.arm(Timer::Session(*broker), settings.broker_session_timeout);
        }
        // A check of a controller that has been up for long: where in its period a session ends is
        // arbitrary.
        out.arm(Timer::StaleCheck, Delay::rest_of(lifecycle::stale_check_interval(settings)));
        // R17.14.
        let all = !config.profile.has(Rule::FencedBrokersUntracked);
        let tracked = image.brokers.iter().filter(|(_, known)| all || !known.fenced);
        let sessions = tracked.map(|(broker, _)| *broker).collect();
        if settings.auto_leader_rebalance {
            out.arm(Timer::PreferredElection, settings.leader_imbalance_check_interval);
        }
        if config.topics.iter().any(|topic| topic.unclean_leader_election) {
            out.arm(Timer::UncleanElection, settings.unclean_leader_election_interval);
        }
        Self {
            config: Arc::clone(config),
            log: disk.records().to_vec(),
            committed: disk.records().len(),
            flushing: VecDeque::new(),
            deferred: VecDeque::new(),
            image,
            contacts: BTreeMap::new(),
            sessions,
            stale: Vec::new(),
            observers: BTreeMap::new(),
        }
    }

    fn step(&mut self, _: Timestamp, input: InputOf<Self>, out: &mut Out) {
        let end = self.log.len();
        match input {
            Input::Deliver { from, message: Message::Request(correlation, request) } => {
                self.request(from, correlation, request, out);
            }
            Input::Fire(timer) => self.fire(timer, out),
            Input::Flushed(ticket) => self.flushed(ticket, out),
            Input::Deliver { from, message: Message::Response(_, response) } => {
                out.misplaced(To::Route(from.route), response.name());
            }
            Input::Deliver { from, message: Message::Throttled(..) } => {
                out.misplaced(To::Route(from.route), "Throttled");
            }
            // It opens no connections, and `acks=0` is not its.
            Input::Deliver { message: Message::NoResponse(_), .. }
            | Input::SendCompleted(_)
            | Input::Disconnected(_) => {}
            Input::Call(ControllerCall::CreatePartitions(topic, count)) => {
                self.create_partitions(topic, count, out);
            }
        }
        if self.log.len() > end {
            self.flushing.push_back((out.flush(), self.log.len()));
        }
    }

    fn check(&self) {
        self.check_commits();
        self.check_sessions();
        self.check_partitions();
    }
}

impl Controller {
    /// R5.1: what is told is committed; answers wait in the order of the log.
    fn check_commits(&self) {
        assert!(self.committed <= self.log.len(), "more is flushed than written");
        assert!(self.deferred.iter().all(|it| it.upto > self.committed), "{:?}", self.deferred);
        assert!(self.deferred.iter().is_sorted_by_key(|it| it.upto), "{:?}", self.deferred);
    }

    /// R5.11: a session lives or has expired.
    fn check_sessions(&self) {
        assert!(
            self.stale.iter().all(|broker| !self.sessions.contains(broker)),
            "{:?}",
            self.stale
        );
    }

    /// R5.18, R5.20: an in-sync set is never empty and within the replicas; who leads is a replica.
    fn check_partitions(&self) {
        for (id, state) in &self.image.partitions {
            assert!(!state.isr.is_empty(), "R5.20: {id:?}");
            assert!(state.isr.iter().all(|one| state.replicas.contains(one)), "{id:?}: {state:?}");
            let leads = state.leader.is_none_or(|leader| state.replicas.contains(&leader));
            assert!(leads, "R5.18: {id:?}: {state:?}");
        }
    }
}

impl Controller {
    /// Brokers whose session has not expired.
    pub(crate) fn sessions(&self) -> &BTreeSet<BrokerId> {
        &self.sessions
    }

    /// The metadata as of the end of the log.
    #[must_use]
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    fn request(&mut self, from: Peer, correlation: CorrelationId, request: Request, out: &mut Out) {
        let Request::Controller(request) = request else {
            return out.misplaced(To::Connection(from.connection), request.name());
        };
        let response = match request {
            ControllerRequest::BrokerRegistration(request) => {
                ControllerResponse::BrokerRegistration(self.register(&request, out))
            }
            ControllerRequest::BrokerHeartbeat(request) => {
                ControllerResponse::BrokerHeartbeat(self.heartbeat(&request, out))
            }
            ControllerRequest::AlterPartition(request) => {
                ControllerResponse::AlterPartition(self.alter_partitions(&request, out))
            }
            ControllerRequest::AllocateProducerIds(broker, epoch) => {
                ControllerResponse::AllocateProducerIds(
                    self.allocate_producer_ids(broker, epoch, out),
                )
            }
            ControllerRequest::MetadataFetch(request) => {
                return self.fetch(from.connection, correlation, request, out);
            }
        };
        let response = Response::Controller(response);
        let message = Message::Response(correlation, response);
        if self.log.len() > self.committed {
            let (upto, connection) = (self.log.len(), from.connection);
            self.deferred.push_back(Deferred { upto, connection, message });
        } else {
            out.reply(from.connection, message);
        }
    }

    /// R5.1, R5.30: what is flushed is committed.
    fn flushed(&mut self, ticket: Ticket, out: &mut Out) {
        while let Some((_, upto)) = self.flushing.pop_front_if(|(asked, _)| *asked <= ticket) {
            self.committed = upto;
        }
        while let Some(answer) = self.deferred.pop_front_if(|it| it.upto <= self.committed) {
            out.reply(answer.connection, answer.message);
        }
        self.answer_observers(out);
    }

    fn fire(&mut self, timer: Timer, out: &mut Out) {
        match timer {
            Timer::Session(broker) => self.expire(broker),
            Timer::StaleCheck => self.fence_stale(out),
            Timer::Observer(broker) => {
                if let Some(observer) = self.observers.remove(&broker) {
                    self.answer(observer, out);
                }
            }
            Timer::UncleanElection => {
                out.arm(timer, self.config.broker.unclean_leader_election_interval);
                self.elect_leaderless(out);
            }
            Timer::PreferredElection => {
                out.arm(timer, self.config.broker.leader_imbalance_check_interval);
                self.elect_preferred(out);
            }
        }
    }

    /// Appends a record, which commits and applies it (R5.1).
    fn append(&mut self, record: MetadataRecord, out: &mut Out) {
        self.image.apply(&record);
        self.log.push(Arc::new(record.clone()));
        out.write(record);
    }

    /// The offset of the next record.
    fn log_end(&self) -> u64 {
        u64::try_from(self.log.len()).expect("a length fits 64 bits")
    }

    /// R5.7.
    fn check_epoch(&self, broker: BrokerId, epoch: BrokerEpoch) -> Result<(), ErrorCode> {
        match self.image.brokers.get(&broker) {
            Some(registration) if registration.epoch == epoch => Ok(()),
            Some(_) | None => Err(ErrorCode::StaleBrokerEpoch),
        }
    }

    fn allocate_producer_ids(
        &mut self,
        broker: BrokerId,
        epoch: BrokerEpoch,
        out: &mut Out,
    ) -> Result<(ProducerId, u32), ErrorCode> {
        self.check_epoch(broker, epoch)?;
        let first = if self.config.variants.has(Variant::ProducerIdReused) {
            0
        } else {
            self.image.next_producer_id
        };
        let next = ProducerId(first + i64::from(PRODUCER_ID_BLOCK));
        self.append(MetadataRecord::ProducerIds { broker, next }, out);
        Ok((ProducerId(first), PRODUCER_ID_BLOCK))
    }

    /// R5.26: answers at once if there is something to tell, else parks.
    fn fetch(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        request: MetadataFetchRequest,
        out: &mut Out,
    ) {
        let observer = Observer { connection, correlation, offset: request.offset };
        if request.offset < self.committed as u64 {
            self.answer(observer, out);
        } else {
            // A fetch still parked from a connection before can have no reader any more.
            self.observers.insert(request.broker, observer);
            out.arm(Timer::Observer(request.broker), METADATA_FETCH_MAX_WAIT);
        }
    }

    fn answer(&self, observer: Observer, out: &mut Out) {
        let from = usize::try_from(observer.offset).unwrap_or(usize::MAX);
        let records = self.log.get(from..self.committed).unwrap_or_default().to_vec();
        let response = Response::Controller(ControllerResponse::MetadataFetch(records));
        out.reply(observer.connection, Message::Response(observer.correlation, response));
    }

    fn answer_observers(&mut self, out: &mut Out) {
        for (broker, observer) in std::mem::take(&mut self.observers) {
            out.disarm(Timer::Observer(broker));
            self.answer(observer, out);
        }
    }
}

/// `isr` ascending, as the history has it.
fn ascending(isr: &[BrokerId]) -> Arc<[BrokerId]> {
    let mut isr = isr.to_vec();
    isr.sort_unstable();
    isr.into()
}

/// What a new state of a partition is on record as.
fn observation(
    partition: TopicPartition,
    before: Option<&crate::metadata::PartitionRegistration>,
    change: &election::Change,
) -> Option<Observation> {
    let state = &change.state;
    match before {
        Some(before) if before.leader == state.leader => (before.isr != state.isr).then(|| {
            let (before, isr) = (ascending(&before.isr), ascending(&state.isr));
            Observation::IsrChanged { partition, before, isr }
        }),
        Some(_) | None => Some(Observation::LeaderElected {
            partition,
            leader: state.leader,
            epoch: state.leader_epoch,
            isr: ascending(&state.isr),
            unclean: change.unclean,
        }),
    }
}
