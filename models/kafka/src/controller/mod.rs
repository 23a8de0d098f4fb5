//! A controller: one voter of the quorum that keeps the metadata log, and its only writer while it is the active
//! one (Kafka: `QuorumController`).
//!
//! It knows brokers by their registrations and heartbeats alone; clients never speak to it. With one controller a
//! flush is the commit.
//!
//! - `office` becoming the active one, commits, and giving it up · `port` the quorum's messages
//! - `election` who leads · `lifecycle` registration, heartbeats, fencing
//! - `administration` what administrators ask for · `storage` log directories that fail
//! - `reassignment` replicas that move
//! - `partitions` creation of topics and partitions, in-sync sets, elections by timer

mod administration;
mod election;
mod lifecycle;
mod office;
mod partitions;
mod port;
mod reassignment;
mod snapshots;
mod storage;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test names only the answer it expects")]
mod tests;

use crate::config::{ClusterConfig, ControllerConfig, TopicSetting};
use crate::machine::{Channel, ConnectionId, Input, InputOf, Machine, Outbox, Peer, Route, To};
use crate::message::{
    ControllerRequest, ControllerResponse, CorrelationId, Message, Request, Response,
};
use crate::metadata::{MetadataImage, MetadataRecord, PartitionRegistration};
use crate::observation::Observation;
use crate::raft::disk::{QuorumDisk, QuorumWrite};
use crate::raft::{self, Asker, Life, Replica, VoterConfig};
use crate::variant::Variant;
use ackproof_types::{
    BrokerEpoch, BrokerId, ControllerEpoch, ErrorCode, FeatureUpdate, ProducerId, Server,
    Timestamp, TopicId, TopicPartition,
};
use port::Wire;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// The disk of a controller.
pub type MetadataLog = QuorumDisk<Arc<MetadataRecord>>;
/// A change of it.
pub type MetadataWrite = QuorumWrite<Arc<MetadataRecord>>;

/// Producer ids handed out at a time (Kafka: `ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`).
const PRODUCER_ID_BLOCK: u32 = 1000;

/// The timers of a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A broker was not heard of for `broker.session.timeout.ms`.
    Session(BrokerId),
    /// Look for a broker to fence: one whose session is over (R5.11).
    StaleCheck,
    /// A timer of the quorum.
    Quorum(raft::Timer),
    /// Look for leaderless partitions that may elect uncleanly (R5.22).
    UncleanElection,
    /// Give partitions back to their preferred leaders (R5.23).
    PreferredElection,
    /// Fold the metadata log (KIP-630).
    Snapshot,
}

/// What the surroundings ask of a controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ControllerCall {
    /// An administrator wants the topic to have so many partitions in all (KIP-195). The request does not go
    /// over the network.
    CreatePartitions(TopicId, u16),
    /// An administrator creates a topic that was deleted, or was not there yet. The request does not go over the
    /// network.
    CreateTopic(TopicId),
    /// An administrator deletes a topic. The request does not go over the network.
    DeleteTopic(TopicId),
    /// An administrator wants a leader for a partition that has none, in sync or not (KIP-460). The request does
    /// not go over the network.
    ElectUnclean(TopicPartition),
    /// An administrator alters a setting of a topic (KIP-339). The request does not go over the network.
    AlterConfig(TopicId, TopicSetting),
    /// An administrator wants these replicas of a partition, or none of what is under way (KIP-455). The request does
    /// not go over the network.
    Reassign(TopicPartition, Option<Arc<[BrokerId]>>),
    /// An administrator finalizes feature levels (KIP-584). The request does not go over the network.
    UpdateFeatures(FeatureUpdate),
    /// Stop in good order: the active controller has the others elect at once.
    Shutdown,
}

/// A controller. What is not in the metadata log is lost at a restart (R5.12).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Controller {
    config: Arc<ClusterConfig>,
    raft: Replica<Arc<MetadataRecord>>,
    office: Office,
    /// The metadata: of the active controller as of the end of its log, else of what is committed (R5.1).
    image: MetadataImage,
    /// So many entries are committed, and whoever waits for them has been told.
    told: u64,
    contacts: BTreeMap<BrokerId, Contact>,
    /// Brokers whose session has not expired.
    sessions: BTreeSet<BrokerId>,
    /// Brokers whose session has expired, oldest first, until the check fences them.
    stale: Vec<BrokerId>,
    /// Answers that wait for the record before this offset.
    deferred: VecDeque<Deferred>,
    /// Facts that wait likewise.
    facts: VecDeque<(u64, Observation)>,
}

/// What a controller is to the brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Office {
    /// It follows the log, and decides nothing.
    Standby,
    /// It decides, in this epoch (R5.31).
    Active(ControllerEpoch),
}

/// An answer that waits (Kafka: `DeferredEventQueue`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Deferred {
    /// For so many entries.
    upto: u64,
    connection: ConnectionId,
    correlation: CorrelationId,
    response: ControllerResponse,
}

/// What heartbeats told of a broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Contact {
    /// The metadata offset it has applied, exclusive.
    metadata_offset: u64,
    /// Everyone must have applied this much before it may go (R5.14).
    controlled_shutdown_offset: Option<u64>,
}

type Out = Outbox<Timer, MetadataWrite>;

impl Machine for Controller {
    type Config = ControllerConfig;
    type Timer = Timer;
    type Disk = MetadataLog;
    type Call = ControllerCall;

    fn boot(config: &Self::Config, disk: &MetadataLog, _: Timestamp, out: &mut Out) -> Self {
        let ControllerConfig { id, cluster } = config;
        let voter = Arc::new(VoterConfig {
            id: *id,
            voters: Arc::clone(&cluster.controllers),
            settings: cluster.broker.quorum,
            profile: cluster.profile,
            variants: cluster.variants,
        });
        let mut controller = Self {
            config: Arc::clone(cluster),
            raft: Replica::boot(voter, disk, &mut Wire(out)),
            office: Office::Standby,
            image: MetadataImage::default(),
            told: 0,
            contacts: BTreeMap::new(),
            sessions: BTreeSet::new(),
            stale: Vec::new(),
            deferred: VecDeque::new(),
            facts: VecDeque::new(),
        };
        controller.await_snapshot(out);
        controller.keep_up(out);
        controller.raft.end_step(&mut Wire(out));
        controller
    }

    fn step(&mut self, _: Timestamp, input: InputOf<Self>, out: &mut Out) {
        match input {
            Input::Deliver { from, message: Message::Request(correlation, request) } => {
                self.request(from, correlation, request, out);
            }
            Input::Deliver { from, message: Message::Response(correlation, response) } => {
                self.response(from.route, correlation, response, out);
            }
            Input::Fire(timer) => self.fire(timer, out),
            Input::Flushed(ticket) => self.raft.flushed(ticket, &mut Wire(out)),
            Input::Deliver { from, message: Message::Throttled(..) } => {
                out.misplaced(To::Route(from.route), "Throttled");
                self.disconnected(from.route, out);
            }
            Input::Disconnected(route) => self.disconnected(route, out),
            // `acks=0` is not its.
            Input::Deliver { message: Message::NoResponse(_), .. } | Input::SendCompleted(_) => {}
            Input::Call(ControllerCall::Shutdown) => self.raft.stop(&mut Wire(out)),
            Input::Call(call) => self.administer(call, out),
        }
        self.keep_up(out);
        self.raft.end_step(&mut Wire(out));
        if self.raft.life() == Life::MayStop {
            out.exit();
        }
    }

    fn check(&self) {
        self.raft.check();
        self.check_commits();
        self.check_sessions();
        self.check_partitions();
    }
}

impl Controller {
    /// R5.1: what is told is committed; answers wait in the order of the log.
    fn check_commits(&self) {
        assert!(self.told <= self.raft.high_watermark(), "more is told than committed");
        assert!(self.deferred.iter().all(|it| it.upto > self.told), "{:?}", self.deferred);
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

    /// R5.18, R5.20: an in-sync set is within the replicas, and never empty but with eligible leader
    /// replicas; who leads is a replica.
    fn check_partitions(&self) {
        for (id, state) in &self.image.partitions {
            assert!(!state.isr.is_empty() || self.has_eligible_replicas(), "R5.20: {id:?}");
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
        let asker = Asker { connection: from.connection, correlation };
        let response = match request {
            ControllerRequest::MetadataFetch(request) => {
                return self.raft.fetch_request(asker, request, &mut Wire(out));
            }
            ControllerRequest::Quorum(request) => {
                return self.raft.request(asker, &request, &mut Wire(out));
            }
            request if !self.is_active() => office::not_controller(&request),
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
        };
        if self.is_active() && self.log_end() > self.told {
            let (upto, connection) = (self.log_end(), from.connection);
            self.deferred.push_back(Deferred { upto, connection, correlation, response });
        } else {
            let message = Message::Response(correlation, Response::Controller(response));
            out.reply(from.connection, message);
        }
    }

    fn response(
        &mut self,
        route: Route,
        correlation: CorrelationId,
        response: Response,
        out: &mut Out,
    ) {
        match (route, response) {
            (
                Route { to: Server::Controller(voter), channel: Channel::MetadataLog },
                Response::Controller(ControllerResponse::MetadataFetch(answer)),
            ) => self.raft.fetched(voter, correlation.0, answer, &mut Wire(out)),
            (
                Route { to: Server::Controller(voter), channel: Channel::Quorum },
                Response::Controller(ControllerResponse::Quorum(answer)),
            ) => self.raft.answered(voter, correlation.0, &answer, &mut Wire(out)),
            (_, response) => {
                out.misplaced(To::Route(route), response.name());
                self.disconnected(route, out);
            }
        }
    }

    fn disconnected(&mut self, route: Route, out: &mut Out) {
        let Server::Controller(voter) = route.to else { return };
        if route.channel == Channel::MetadataLog {
            self.raft.fetch_disconnected(voter, &mut Wire(out));
        } else {
            self.raft.disconnected(voter, &mut Wire(out));
        }
    }

    fn fire(&mut self, timer: Timer, out: &mut Out) {
        match timer {
            Timer::Session(broker) => self.expire(broker),
            Timer::StaleCheck => self.fence_stale(out),
            Timer::Snapshot => self.snapshot_is_due(out),
            Timer::Quorum(timer) => self.raft.fire(timer, &mut Wire(out)),
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

    /// Appends a record and applies it, before it is committed (R5.1).
    fn append(&mut self, record: MetadataRecord, out: &mut Out) {
        self.image.apply(&record);
        self.raft.append(Arc::new(record), &mut Wire(out));
    }

    /// Puts on record what the last record says, once it is committed.
    fn observe(&mut self, fact: Observation) {
        self.facts.push_back((self.log_end(), fact));
    }

    /// As [`Self::observe`], of the next record.
    fn announce(&mut self, fact: Observation) {
        self.facts.push_back((self.log_end() + 1, fact));
    }

    /// The offset of the next record.
    pub(crate) fn log_end(&self) -> u64 {
        self.raft.log_end()
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
}

/// `isr` ascending, as the history has it.
fn ascending(isr: &[BrokerId]) -> Arc<[BrokerId]> {
    let mut isr = isr.to_vec();
    isr.sort_unstable();
    isr.into()
}

/// What a new state of a partition is on record as.
fn observations(
    partition: TopicPartition,
    before: Option<&PartitionRegistration>,
    state: &PartitionRegistration,
    unclean: bool,
) -> impl Iterator<Item = Observation> + use<> {
    let led = match before {
        Some(before)
            if (before.leader, before.leader_epoch) == (state.leader, state.leader_epoch) =>
        {
            let (before, isr) = (ascending(&before.isr), ascending(&state.isr));
            (before != isr).then_some(Observation::IsrChanged { partition, before, isr })
        }
        Some(_) | None => Some(Observation::LeaderElected {
            partition,
            leader: state.leader,
            epoch: state.leader_epoch,
            isr: ascending(&state.isr),
            unclean,
        }),
    };
    let known = before.map_or((&[][..], None), |it| (&it.elr[..], it.last_leader));
    let eligible = (known != (&state.elr[..], state.last_leader)).then(|| {
        let (elr, last_leader) = (ascending(&state.elr), state.last_leader);
        Observation::EligibleChanged { partition, elr, last_leader }
    });
    let assigned =
        before.filter(|it| (&it.replicas, &it.adding) != (&state.replicas, &state.adding));
    let reassigned = assigned.map(|_| Observation::ReplicasChanged {
        partition,
        replicas: state.replicas[..].into(),
        adding: state.adding[..].into(),
    });
    reassigned.into_iter().chain(led).chain(eligible)
}
