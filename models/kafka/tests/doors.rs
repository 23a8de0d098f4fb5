//! A message at the wrong door: whatever a peer sends, nobody panics; who neither asked for it nor answers it
//! ends the connection, and that is on record.

use ackproof_kafka::assignor::Assignor;
use ackproof_kafka::broker::Broker;
use ackproof_kafka::client::ClientSettings;
use ackproof_kafka::config::{
    ApplicationConfig, BrokerConfig, BrokerSettings, ClusterConfig, Compression, ConsumerConfig,
    ControllerConfig, LogConfig, OutputsConfig, ProducerConfig, TopicConfig,
};
use ackproof_kafka::consumer::Consumer;
use ackproof_kafka::controller::Controller;
use ackproof_kafka::driver::{After, Process};
use ackproof_kafka::machine::{
    Channel, ConnectionId, Effect, EffectOf, Input, Machine, Peer, Route, To,
};
use ackproof_kafka::message::quorum::{
    Answer, FetchOfLog, Fetched, LogEnd, Member, Poll, QuorumReply, QuorumRequest, VoteRequest,
};
use ackproof_kafka::message::{
    Acks, AlterPartitionRequest, BrokerHeartbeatRequest, BrokerRegistrationRequest,
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, ControllerRequest,
    ControllerResponse, CorrelationId, FetchRequest, FetchSession, FetchingReplica, GroupRequest,
    GroupResponse, Message, MetadataResponse, OffsetFetchRequest, ProduceRequest, Request,
    Response,
};
use ackproof_kafka::mirror::{Mirror, MirrorConfig, SideConfig};
use ackproof_kafka::observation::Observation;
use ackproof_kafka::producer::Producer;
use ackproof_kafka::profile::Profile;
use ackproof_kafka::reader::{Reader, ReaderConfig};
use ackproof_kafka::variant::Variants;
use ackproof_types::{
    BrokerEpoch, BrokerId, CommitStrategy, Consuming, ControllerEpoch, ControllerId, ErrorCode,
    GroupId, GroupProtocol, Lane, MemberEpoch, MemberId, Micros, ProducerIndex, RebalanceReason,
    Sending, Server, Timestamp, TopicId, TopicPartition,
};
use std::sync::Arc;

const ONE: BrokerId = BrokerId(1);
const CONTROLLER: ControllerId = ControllerId(0);
/// No cluster has such a partition.
const NOWHERE: TopicPartition = TopicPartition { topic: TopicId(99), partition: 7 };

/// A request of each kind, about things that do not exist where it can be about something.
fn requests() -> Vec<Request> {
    let fetch = |replica, session| {
        Request::Fetch(FetchRequest {
            replica,
            rack: None,
            max_wait: Micros::ZERO,
            min_bytes: 1,
            max_bytes: 1,
            session,
            partitions: Vec::new(),
        })
    };
    let replica = FetchingReplica { broker: BrokerId(77), epoch: BrokerEpoch(3) };
    let group = GroupId(99);
    vec![
        Request::ApiVersions,
        Request::Produce(ProduceRequest {
            acks: Acks::All,
            timeout: Micros::ZERO,
            batches: Vec::new(),
        }),
        fetch(None, FetchSession::Sessionless),
        fetch(Some(replica), FetchSession::Sessionless),
        Request::ListOffsets(Vec::new()),
        Request::OffsetsForLeaderEpoch(Vec::new()),
        Request::Metadata(vec![NOWHERE.topic]),
        Request::FindCoordinator(group),
        Request::InitProducerId,
        Request::Group(GroupRequest::LeaveGroup(group, MemberId(5), RebalanceReason::Left)),
        Request::Group(GroupRequest::OffsetFetch(OffsetFetchRequest {
            group,
            member: Some((MemberId(5), MemberEpoch(9))),
            partitions: Some(vec![NOWHERE]),
        })),
        Request::Group(GroupRequest::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatRequest {
            topics: Some([NOWHERE.topic].into()),
            owned: Some([NOWHERE].into()),
            ..ConsumerGroupHeartbeatRequest::new(group, MemberId(5), MemberEpoch(9))
        })),
        Request::Controller(ControllerRequest::BrokerRegistration(BrokerRegistrationRequest {
            broker: BrokerId(77),
            incarnation: 1,
            version: ackproof_types::KafkaVersion::default(),
            previous_epoch: None,
            offline: [NOWHERE].into(),
        })),
        Request::Controller(ControllerRequest::BrokerHeartbeat(BrokerHeartbeatRequest {
            broker: BrokerId(77),
            epoch: BrokerEpoch(9),
            metadata_offset: 3,
            want_fence: false,
            want_shutdown: true,
            offline: [NOWHERE].into(),
        })),
        Request::Controller(ControllerRequest::AlterPartition(AlterPartitionRequest {
            broker: BrokerId(77),
            epoch: BrokerEpoch(9),
            partitions: Vec::new(),
        })),
        Request::Controller(ControllerRequest::AllocateProducerIds(BrokerId(77), BrokerEpoch(9))),
    ]
}

/// What controllers ask each other, and observers ask them.
fn of_the_quorum() -> Vec<Request> {
    vec![
        Request::Controller(ControllerRequest::MetadataFetch(FetchOfLog {
            member: Member::Observer(BrokerId(77)),
            epoch: ControllerEpoch(i32::MAX),
            end: LogEnd { epoch: ControllerEpoch(9), offset: u64::MAX },
            high_watermark: u64::MAX,
            snapshot: None,
        })),
        Request::Controller(ControllerRequest::Quorum(QuorumRequest::Vote(VoteRequest {
            candidate: ControllerId(77),
            epoch: ControllerEpoch(9),
            end: LogEnd { epoch: ControllerEpoch(9), offset: u64::MAX },
            poll: Poll::Real,
        }))),
        Request::Controller(ControllerRequest::Quorum(QuorumRequest::BeginEpoch {
            leader: ControllerId(77),
            epoch: ControllerEpoch(9),
        })),
    ]
}

/// A response of each kind.
fn responses() -> Vec<Response> {
    let error = ErrorCode::UnknownServerError;
    vec![
        Response::ApiVersions,
        Response::Produce(vec![(NOWHERE, Err(error))], Vec::new()),
        Response::Fetch(Vec::new()),
        Response::FetchSessionRefused(error),
        Response::ListOffsets(Vec::new()),
        Response::OffsetsForLeaderEpoch(Vec::new()),
        Response::Metadata(MetadataResponse { brokers: [ONE].into(), partitions: Vec::new() }),
        Response::FindCoordinator(Err(error)),
        Response::InitProducerId(Err(error)),
        Response::Group(GroupResponse::Heartbeat(Err(error))),
        Response::Group(GroupResponse::OffsetCommit(Ok(()))),
        Response::Group(GroupResponse::ConsumerGroupHeartbeat(Ok(
            ConsumerGroupHeartbeatResponse {
                epoch: MemberEpoch(9),
                heartbeat_interval: Micros::ZERO,
                assignment: Some([NOWHERE].into()),
            },
        ))),
        Response::Controller(ControllerResponse::BrokerHeartbeat(Err(error))),
        Response::Controller(ControllerResponse::AlterPartition(Err(error))),
        Response::Controller(ControllerResponse::MetadataFetch(Answer {
            leader: Some(ControllerId(77)),
            epoch: ControllerEpoch(9),
            result: Ok(Fetched::Diverging(LogEnd { epoch: ControllerEpoch(9), offset: 3 })),
        })),
        Response::Controller(ControllerResponse::Quorum(Answer {
            leader: Some(ControllerId(77)),
            epoch: ControllerEpoch(9),
            result: Ok(QuorumReply::Granted),
        })),
    ]
}

fn cluster() -> Arc<ClusterConfig> {
    let topic = TopicConfig {
        partitions: 1,
        replication_factor: 1,
        min_insync_replicas: 1,
        unclean_leader_election: false,
        max_message_bytes: 1 << 20,
        log: LogConfig::with_segments_of(1 << 20),
    };
    Arc::new(ClusterConfig {
        brokers: [ONE].into(),
        controllers: [CONTROLLER].into(),
        topics: vec![topic, topic],
        racks: Default::default(),
        later: std::collections::BTreeSet::new(),
        consumer_offsets: TopicId(0),
        group_names: vec!["ledger".into()],
        broker: BrokerSettings::default(),
        profile: Profile::default(),
        variants: Variants::default(),
    })
}

/// What a machine does with `message` on `route`, right after its start.
fn takes<M: Machine>(config: M::Config, route: Route, message: Message) -> Vec<EffectOf<M>> {
    let mut process = Process::<M>::new(config);
    let mut effects = Vec::new();
    assert_eq!(process.boot(Timestamp::START, &mut effects), After::Runs);
    effects.clear();
    let from = Peer { connection: ConnectionId(5), route };
    let input = Input::Deliver { from, message };
    assert_eq!(process.step(Timestamp::START, input, &mut effects), After::Runs);
    process.check();
    effects
}

/// Whether the connection ended, and that is on record.
fn is_turned_away<T, W>(effects: &[Effect<T, W>], route: Route) -> bool {
    let ends = [To::Connection(ConnectionId(5)), To::Route(route)];
    let on_record =
        effects.iter().any(|it| matches!(it, Effect::Observe(Observation::Misplaced(_))));
    on_record && effects.iter().any(|it| matches!(it, Effect::Close(to) if ends.contains(to)))
}

fn every<M: Machine>(config: &M::Config, route: Route, mut meant: impl FnMut(&Request) -> bool) {
    let id = CorrelationId(1);
    for request in requests().into_iter().chain(of_the_quorum()) {
        let (is_meant, name) = (meant(&request), format!("{request:?}"));
        let effects = takes::<M>(config.clone(), route, Message::Request(id, request));
        assert!(is_meant || is_turned_away(&effects, route), "{name}: {effects:?}");
    }
    for response in responses() {
        // Numbers that nobody used, and one that may be in flight.
        for id in [CorrelationId(1), CorrelationId(77)] {
            takes::<M>(config.clone(), route, Message::Response(id, response.clone()));
        }
    }
}

fn to_broker(channel: Channel) -> Route {
    Route { to: Server::Broker(ONE), channel }
}

fn controller() -> ControllerConfig {
    ControllerConfig { id: CONTROLLER, cluster: cluster() }
}

#[test]
fn a_controller_answers_its_own_requests_alone() {
    let route = Route { to: Server::Controller(CONTROLLER), channel: Channel::Lifecycle };
    every::<Controller>(&controller(), route, |it| matches!(it, Request::Controller(_)));
}

#[test]
fn a_broker_takes_no_request_of_a_controller() {
    let config = BrokerConfig { id: ONE, cluster: cluster() };
    // Its ports are not open yet: whatever comes is turned away, and no more is said.
    every::<Broker>(&config, to_broker(Channel::Data), |_| true);
}

/// A quota is of clients: nobody holds up what servers ask.
#[test]
fn servers_are_told_of_no_quota() {
    let answer = Message::Response(CorrelationId(1), Response::Fetch(Vec::new()));
    let throttled = Message::Throttled(Micros(1), Box::new(answer));
    let route = Route { to: Server::Controller(CONTROLLER), channel: Channel::Lifecycle };
    let effects = takes::<Controller>(controller(), route, throttled.clone());
    assert!(is_turned_away(&effects, route), "{effects:?}");
    let config = BrokerConfig { id: ONE, cluster: cluster() };
    let route = to_broker(Channel::Fetcher);
    let effects = takes::<Broker>(config, route, throttled);
    assert!(is_turned_away(&effects, route), "{effects:?}");
}

fn producer(bootstrap: Arc<[BrokerId]>) -> ProducerConfig {
    let ms = Micros::from_millis;
    ProducerConfig {
        index: ProducerIndex(0),
        topic: TopicId(1),
        bootstrap,
        acks: Acks::All,
        enable_idempotence: true,
        retries: 3,
        max_in_flight: 5,
        linger: ms(5),
        batch_size: 200,
        buffer_memory: 1 << 20,
        max_request_size: 1 << 20,
        max_block: ms(60_000),
        request_timeout: ms(30_000),
        delivery_timeout: ms(120_000),
        retry_backoff: ms(100),
        retry_backoff_max: ms(1000),
        metadata_max_age: ms(300_000),
        compression: Compression::NONE,
        adaptive_partitioning: true,
        availability_timeout: Micros::ZERO,
        ignore_keys: false,
        flush_waits_for_parts: true,
        sending: Sending::default(),
        salt: 7,
        variants: Variants::default(),
    }
}

#[test]
fn clients_answer_nobody() {
    let ms = Micros::from_millis;
    let bootstrap: Arc<[BrokerId]> = [ONE].into();
    every::<Producer>(&producer(Arc::clone(&bootstrap)), to_broker(Channel::Data), |_| false);
    let consumer = ConsumerConfig {
        group: GroupId(0),
        group_name: "ledger".into(),
        topics: [TopicId(1)].into(),
        offsets_partitions: 1,
        bootstrap: Arc::clone(&bootstrap),
        application: ApplicationConfig {
            process: ms(1).into(),
            failures_per_million: 0,
            fails: [].into(),
            attempts: 1,
            salt: 0,
            commit: CommitStrategy::Auto,
            consuming: Consuming::default(),
            outputs: OutputsConfig::default(),
        },
        auto_commit_interval: ms(5000),
        auto_offset_reset: None,
        client_rack: None,
        assigned: None,
        has_group_id: true,
        variants: Variants::default(),
        profile: Profile::default(),
        group_protocol: GroupProtocol::Classic,
        group_remote_assignor: None,
        session_timeout: ms(45_000),
        heartbeat_interval: ms(3000),
        partition_assignment_strategy: [Assignor::Range, Assignor::CooperativeSticky].into(),
        group_instance_id: None,
        max_poll_interval: ms(300_000),
        max_poll_records: 2,
        fetch_min_bytes: 1,
        fetch_max_wait: ms(500),
        fetch_max_bytes: 1 << 20,
        max_partition_fetch_bytes: 1 << 20,
        request_timeout: ms(30_000),
        default_api_timeout: ms(60_000),
        retry_backoff: ms(100),
        retry_backoff_max: ms(1000),
        metadata_max_age: ms(300_000),
        salt: 0,
    };
    every::<Consumer>(&consumer, to_broker(Channel::Data), |_| false);
    let partitions = vec![TopicPartition::new(TopicId(1), 0)];
    let reader = ReaderConfig { bootstrap, partitions, max_bytes: 1 << 20, salt: 0 };
    every::<Reader>(&reader, to_broker(Channel::Data), |_| false);
}

#[test]
fn a_mirror_answers_nobody_on_either_side() {
    let ms = Micros::from_millis;
    let side = |broker: BrokerId| SideConfig {
        client: ClientSettings {
            bootstrap: [broker].into(),
            max_in_flight: 5,
            request_timeout: ms(30_000),
            retry_backoff: ms(100),
            retry_backoff_max: ms(1000),
            metadata_max_age: ms(300_000),
            salt: 0,
        },
        topic: TopicId(1),
        min_bytes: 1,
        max_wait: ms(500),
        max_bytes: 1 << 20,
        partition_max_bytes: 1 << 20,
    };
    let mirror = MirrorConfig {
        group: GroupId(0),
        source: side(ONE),
        target: side(BrokerId(2)),
        partitions: 1,
        producer: producer([BrokerId(2)].into()),
        flush_interval: ms(60_000),
        offset_lag_max: 100,
        checkpoint_interval: Some(ms(60_000)),
        sync_interval: Some(ms(60_000)),
        groups: vec![(GroupId(1), GroupId(2))],
        variants: Variants::default(),
    };
    for broker in [ONE, BrokerId(2)] {
        for channel in [Channel::Data, Channel::Coordinator, Channel::Output(Lane::Results)] {
            let route = Route { to: Server::Broker(broker), channel };
            every::<Mirror>(&mirror, route, |_| false);
        }
    }
}
