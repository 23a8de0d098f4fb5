//! The controller, driven by hand.

mod administration;
mod topics;

use super::*;
use crate::config::{BrokerSettings, LogConfig, TopicConfig};
use crate::driver::{After, Process};
use crate::machine::{Channel, Effect, EffectOf, Route};
use crate::message::quorum::{FetchOfLog, Fetched, LogEnd, Member};
use crate::message::{
    AlterPartitionRequest, BrokerHeartbeatRequest, BrokerRegistrationRequest, ControllerRequest,
    ControllerResponse, HeartbeatState, IsrProposal, IsrState,
};
use crate::metadata::PartitionRegistration;
use crate::profile::Profile;
use crate::variant::{Variant, Variants};
use ackproof_types::{
    ControllerId, FeatureUpdate, KafkaVersion, LeaderEpoch, PartitionEpoch, Server, TopicId,
};

const CONTROLLER: ControllerId = ControllerId(0);

struct Driver {
    process: Process<Controller>,
}

fn config(unclean: bool, variants: Variants) -> ControllerConfig {
    let topic = TopicConfig {
        partitions: 1,
        replication_factor: 3,
        min_insync_replicas: 2,
        unclean_leader_election: unclean,
        max_message_bytes: 1 << 20,
        log: LogConfig::with_segments_of(1 << 30),
    };
    let cluster = ClusterConfig {
        brokers: [1, 2, 3].map(BrokerId).into(),
        controllers: [CONTROLLER].into(),
        group_names: Default::default(),
        topics: vec![topic],
        racks: Default::default(),
        later: BTreeSet::new(),
        consumer_offsets: TopicId(9),
        broker: BrokerSettings::default(),
        profile: Profile::default(),
        variants,
    };
    ControllerConfig { id: CONTROLLER, cluster: Arc::new(cluster) }
}

impl Driver {
    fn new(unclean: bool, variants: Variants) -> Self {
        let mut process = Process::new(config(unclean, variants));
        let after = process.boot(Timestamp::START, &mut Vec::new());
        assert_eq!(after, After::Runs);
        Self { process }
    }

    fn controller(&self) -> &Controller {
        self.process.machine().expect("it runs")
    }

    fn step(&mut self, input: InputOf<Controller>) -> Vec<EffectOf<Controller>> {
        let mut effects = Vec::new();
        let after = self.process.step(Timestamp::START, input, &mut effects);
        assert_eq!(after, After::Runs);
        self.process.check();
        effects
    }

    /// All three brokers serve; partition 0 is led by 1.
    fn running(unclean: bool) -> Self {
        Self::running_with(unclean, Variants::default())
    }

    fn running_with(unclean: bool, variants: Variants) -> Self {
        let mut driver = Self::new(unclean, variants);
        for broker in 1..=3 {
            driver.register(broker, 7).unwrap();
        }
        for broker in 1..=3 {
            driver.beat(broker, false, false);
        }
        driver
    }

    fn ask(&mut self, request: Request) -> Vec<EffectOf<Controller>> {
        let from = Peer {
            connection: ConnectionId(1),
            route: Route { to: Server::Controller(CONTROLLER), channel: Channel::Lifecycle },
        };
        let message = Message::Request(CorrelationId(0), request);
        self.step(Input::Deliver { from, message })
    }

    fn answer(&mut self, request: Request) -> Response {
        let effects = self.ask(request);
        let responses: Vec<Response> = effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Send { message: Message::Response(_, response), .. } => Some(response),
                _ => None,
            })
            .collect();
        responses.into_iter().next().expect("an answer")
    }

    fn register(&mut self, broker: u16, incarnation: u64) -> Result<BrokerEpoch, ErrorCode> {
        let broker = BrokerId(broker);
        let request = BrokerRegistrationRequest {
            broker,
            incarnation,
            version: KafkaVersion::default(),
            previous_epoch: None,
            offline: Arc::default(),
        };
        match self.answer(Request::Controller(ControllerRequest::BrokerRegistration(request))) {
            Response::Controller(ControllerResponse::BrokerRegistration(result)) => result,
            other => panic!("{other:?}"),
        }
    }

    fn epoch(&self, broker: u16) -> BrokerEpoch {
        self.controller().image.brokers[&BrokerId(broker)].epoch
    }

    fn beat(&mut self, broker: u16, want_fence: bool, want_shutdown: bool) -> HeartbeatState {
        let request = BrokerHeartbeatRequest {
            broker: BrokerId(broker),
            epoch: self.epoch(broker),
            metadata_offset: self.controller().log_end(),
            want_fence,
            want_shutdown,
            offline: Arc::default(),
        };
        match self.answer(Request::Controller(ControllerRequest::BrokerHeartbeat(request))) {
            Response::Controller(ControllerResponse::BrokerHeartbeat(result)) => result.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn fire(&mut self, timer: Timer) -> Vec<EffectOf<Controller>> {
        self.step(Input::Fire(timer))
    }

    fn expire(&mut self, broker: u16) {
        self.fire(Timer::Session(BrokerId(broker)));
        self.fire(Timer::StaleCheck);
    }

    fn is_fenced(&self, broker: u16) -> bool {
        self.controller().image.brokers[&BrokerId(broker)].fenced
    }

    fn partition(&self) -> &PartitionRegistration {
        &self.controller().image.partitions[&TopicPartition::new(TopicId(0), 0)]
    }

    fn alter(&mut self, change: impl FnOnce(&mut IsrProposal)) -> Result<IsrState, ErrorCode> {
        let state = self.partition().clone();
        let mut proposal = IsrProposal {
            partition: TopicPartition::new(TopicId(0), 0),
            leader_epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
            isr: vec![(BrokerId(1), self.epoch(1)), (BrokerId(2), self.epoch(2))],
            recovering: false,
        };
        change(&mut proposal);
        let request = AlterPartitionRequest {
            broker: BrokerId(1),
            epoch: self.epoch(1),
            partitions: vec![proposal],
        };
        match self.answer(Request::Controller(ControllerRequest::AlterPartition(request))) {
            Response::Controller(ControllerResponse::AlterPartition(Ok(mut verdicts))) => {
                verdicts.remove(0).1
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn registration_is_refused_while_a_session_lives() {
    let mut driver = Driver::running(false);
    assert_eq!(driver.register(1, 8), Err(ErrorCode::DuplicateBrokerRegistration), "R5.4");
    assert_eq!(driver.register(1, 7), Ok(driver.epoch(1)), "the same process");
    let before = driver.epoch(1);
    driver.expire(1);
    assert!(driver.register(1, 8).unwrap() > before, "after the session a new epoch");
}

/// A request of a dead process may come late: the one that registered meanwhile is not unfenced yet, and
/// must not lose its epoch to it.
#[test]
fn a_session_lives_before_its_broker_is_unfenced() {
    let mut driver = Driver::running(false);
    driver.expire(1);
    let living = driver.register(1, 9).unwrap();
    assert_eq!(driver.register(1, 8), Err(ErrorCode::DuplicateBrokerRegistration), "R5.4");
    assert_eq!(driver.epoch(1), living);
    driver.expire(1);
    assert!(driver.register(1, 8).unwrap() > living);
}

/// R5.11: between the end of a session and the check that sees it.
#[test]
fn a_session_that_is_over_waits_for_the_check() {
    let mut driver = Driver::running(false);
    for broker in [3, 1] {
        driver.fire(Timer::Session(BrokerId(broker)));
        assert!(!driver.is_fenced(broker), "the check is yet to come");
    }
    driver.fire(Timer::StaleCheck);
    assert!(driver.is_fenced(3) && !driver.is_fenced(1), "one an event, the oldest first");
    driver.beat(1, false, false);
    driver.fire(Timer::StaleCheck);
    assert!(!driver.is_fenced(1), "heard of before the check");

    driver.fire(Timer::Session(BrokerId(1)));
    driver.register(1, 8).expect("its session is over");
    assert_eq!(driver.partition().leader, Some(BrokerId(2)), "the process that led has ended");
}

#[test]
fn fencing_elects_in_order_and_never_empties_the_set() {
    let mut driver = Driver::running(false);
    driver.expire(1);
    assert_eq!(driver.partition().leader, Some(BrokerId(2)), "next in order");
    driver.expire(3);
    driver.expire(2);
    assert_eq!(
        (driver.partition().leader, driver.partition().isr.clone()),
        (None, vec![BrokerId(2)])
    );
    driver.beat(1, false, false);
    assert_eq!(driver.partition().leader, None, "not in sync and not unclean");
    driver.register(2, 9).unwrap();
    driver.beat(2, false, false);
    assert_eq!(driver.partition().leader, Some(BrokerId(2)), "last replica standing");
}

#[test]
fn unclean_election_where_the_topic_allows_it() {
    let mut driver = Driver::running(true);
    driver.expire(2);
    driver.expire(3);
    driver.expire(1);
    driver.beat(3, false, false);
    assert_eq!(driver.partition().leader, Some(BrokerId(3)), "R5.22");
    assert!(driver.partition().recovering, "R5.21");
}

#[test]
fn controlled_shutdown_moves_leaders_first() {
    let mut driver = Driver::running(false);
    let first = driver.beat(1, false, true);
    assert!(!first.should_shutdown && !first.is_fenced, "it led: not yet");
    assert_eq!(driver.partition().leader, Some(BrokerId(2)), "moved");
    assert!(!driver.beat(1, false, true).should_shutdown, "the others do not know yet");
    driver.beat(2, false, false);
    driver.beat(3, false, false);
    assert!(driver.beat(1, false, true).should_shutdown, "R5.14");
    assert!(driver.register(1, 8).is_err(), "R5.4, 4.0: its session lives");
    driver.expire(1);
    assert!(driver.register(1, 8).is_ok(), "its session is over");
}

#[test]
fn alter_partition_is_validated_in_order() {
    let mut driver = Driver::running(false);
    let stale = AlterPartitionRequest {
        broker: BrokerId(1),
        epoch: BrokerEpoch(99),
        partitions: Vec::new(),
    };
    let refused = driver.answer(Request::Controller(ControllerRequest::AlterPartition(stale)));
    assert!(matches!(
        refused,
        Response::Controller(ControllerResponse::AlterPartition(Err(ErrorCode::StaleBrokerEpoch)))
    ));
    let nowhere = driver.alter(|p| p.partition.partition = 9);
    assert_eq!(nowhere, Err(ErrorCode::UnknownTopicOrPartition));
    let newer = driver.alter(|p| p.leader_epoch = LeaderEpoch(9));
    assert_eq!(newer, Err(ErrorCode::NotController));
    let older = driver.alter(|p| p.leader_epoch = LeaderEpoch(-1));
    assert_eq!(older, Err(ErrorCode::FencedLeaderEpoch));
    let version = driver.alter(|p| p.partition_epoch = PartitionEpoch(-1));
    assert_eq!(version, Err(ErrorCode::InvalidUpdateVersion));
    let leaderless = driver.alter(|p| p.isr.retain(|(broker, _)| *broker != BrokerId(1)));
    assert_eq!(leaderless, Err(ErrorCode::InvalidRequest));
    let former = driver.alter(|p| p.isr[1].1 = BrokerEpoch(99));
    assert_eq!(former, Err(ErrorCode::IneligibleReplica), "KIP-903");
    let shrunk = driver.alter(|_| ()).unwrap();
    assert_eq!((shrunk.leader_epoch, shrunk.partition_epoch), (LeaderEpoch(0), PartitionEpoch(1)));
    assert_eq!(driver.alter(|_| ()).unwrap(), shrunk, "the same again is no change");
}

#[test]
fn a_fenced_or_restarted_broker_stays_out_and_a_stale_proposal_is_refused() {
    let propose = |variants: &[Variant], former: bool| {
        let mut driver = Driver::running_with(false, variants.iter().copied().collect());
        let stale = driver.partition().partition_epoch;
        driver.expire(2);
        driver.alter(|proposal| {
            let version = if former { stale } else { proposal.partition_epoch };
            proposal.partition_epoch = version;
        })
    };
    assert_eq!(propose(&[], false), Err(ErrorCode::IneligibleReplica), "W5, R3.8");
    assert_eq!(propose(&[], true), Err(ErrorCode::InvalidUpdateVersion), "R3.8");
    let fenced = propose(&[Variant::FencedBrokerJoinsIsr], false).expect("the bug");
    assert_eq!(fenced.isr, [BrokerId(1), BrokerId(2)], "a dead member");
    let both = [Variant::FencedBrokerJoinsIsr, Variant::IsrChangeWithoutVersion];
    assert!(propose(&both, true).is_ok(), "the bug");
}

#[test]
fn metadata_fetch_parks_until_there_is_news() {
    let mut driver = Driver::running(false);
    let offset = driver.controller().log_end();
    let fetch = Request::Controller(ControllerRequest::MetadataFetch(FetchOfLog {
        member: Member::Observer(BrokerId(2)),
        epoch: ControllerEpoch(1),
        end: LogEnd { epoch: ControllerEpoch(1), offset },
        high_watermark: offset,
        snapshot: None,
    }));
    let effects = driver.ask(fetch);
    let parked = Timer::Quorum(raft::Timer::Parked(Member::Observer(BrokerId(2))));
    assert!(matches!(effects[..], [Effect::Arm { timer, .. }] if timer == parked));
    driver.fire(Timer::Session(BrokerId(1)));
    let news = driver.fire(Timer::StaleCheck).into_iter().find_map(|effect| match effect {
        Effect::Send {
            message:
                Message::Response(_, Response::Controller(ControllerResponse::MetadataFetch(it))),
            ..
        } => Some(it),
        _ => None,
    });
    let Some(Ok(Fetched::Entries { entries, .. })) = news.map(|answer| answer.result) else {
        panic!("no records");
    };
    assert_eq!(entries.len(), 2, "election and fencing");
}

proptest::proptest! {
    #[test]
    fn in_sync_sets_are_never_empty_and_epochs_never_fall(
        unclean: bool,
        steps in proptest::collection::vec((1_u16..=3, 0_u8..4), 0..60),
    ) {
        let mut driver = Driver::running(unclean);
        for (number, (broker, what)) in (100..).zip(steps) {
            let before = driver.partition().clone();
            match what {
                0 => driver.expire(broker),
                1 => { let _refused_or_not = driver.register(broker, number); },
                2 => { driver.beat(broker, false, true); },
                _ => { driver.beat(broker, false, false); },
            }
            let after = driver.partition();
            assert!(!after.isr.is_empty(), "R5.20: {after:?}");
            assert!(after.leader.is_none_or(|leader| after.isr.contains(&leader)), "{after:?}");
            assert!(after.leader_epoch >= before.leader_epoch, "{before:?} {after:?}");
            assert!(after.partition_epoch >= before.partition_epoch, "{before:?} {after:?}");
            assert!(after == &before || after.partition_epoch > before.partition_epoch, "R5.24");
        }
    }
}

/// KAFKA-19047 (R17.15): a broker that has stopped cleanly may come back before its session is over.
#[test]
fn a_line_decides_whether_a_clean_restart_waits_for_the_session() {
    for (version, waits) in [(KafkaVersion::V4_0, true), (KafkaVersion::V4_1, false)] {
        let mut cluster = ClusterConfig::clone(&config(false, Variants::default()).cluster);
        cluster.profile.version = version;
        let mut driver = Driver {
            process: Process::new(ControllerConfig { id: CONTROLLER, cluster: Arc::new(cluster) }),
        };
        assert_eq!(driver.process.boot(Timestamp::START, &mut Vec::new()), After::Runs);
        driver.register(1, 7).unwrap();
        // It is fenced, and its session lives.
        let again = driver.register(1, 8);
        assert_eq!(again == Err(ErrorCode::DuplicateBrokerRegistration), waits, "{version}");
    }
}

/// KIP-584, R17.1: `FeatureControlManager#updateFeatures`.
#[test]
fn features_wait_for_the_last_broker_and_eligible_replicas_go_with_theirs() {
    let mut cluster = ClusterConfig::clone(&config(false, Variants::default()).cluster);
    cluster.profile.version = KafkaVersion::V4_4;
    let mut driver = Driver {
        process: Process::new(ControllerConfig { id: CONTROLLER, cluster: Arc::new(cluster) }),
    };
    assert_eq!(driver.process.boot(Timestamp::START, &mut Vec::new()), After::Runs);
    for broker in 1..=3 {
        driver.register(broker, 7).unwrap();
    }
    let update = |driver: &mut Driver, features| {
        let effects = driver.step(Input::Call(ControllerCall::UpdateFeatures(features)));
        effects.iter().any(|one| matches!(one, Effect::Observe(Observation::FeaturesUpdated(_))))
    };
    // The brokers here register as 4.0.
    assert!(!update(&mut driver, FeatureUpdate::of_release(KafkaVersion::V4_4)));
    let level =
        |level| FeatureUpdate { eligible_leader_replicas: Some(level), ..FeatureUpdate::default() };
    let on = level(1);
    assert!(update(&mut driver, on), "4.0 knows the feature");
    assert!(!update(&mut driver, on), "nothing changes");
    for broker in 1..=3 {
        driver.beat(broker, false, false);
    }
    driver.expire(2);
    driver.expire(3);
    assert_eq!(driver.partition().elr, [BrokerId(3)]);
    assert!(update(&mut driver, level(0)), "it may be switched off");
    assert_eq!(driver.partition().elr, []);
}

/// KIP-195. Nothing of a topic that exists changes.
#[test]
fn a_topic_gets_partitions_whose_replicas_serve() {
    let mut driver = Driver::running(false);
    driver.expire(1);
    let before = driver.controller().image().partitions.clone();
    for (topic, count) in [(TopicId(0), 1), (TopicId(0), 0), (TopicId(3), 4)] {
        let call = ControllerCall::CreatePartitions(topic, count);
        let refused = Observation::OrderRefused("CreatePartitions", ErrorCode::InvalidPartitions);
        assert_eq!(driver.step(Input::Call(call)), [Effect::Observe(refused)], "{count}");
    }
    let effects = driver.step(Input::Call(ControllerCall::CreatePartitions(TopicId(0), 3)));
    let added = Observation::PartitionsAdded { topic: TopicId(0), partitions: 3 };
    assert!(effects.contains(&Effect::Observe(added)), "{effects:?}");
    let after = &driver.controller().image().partitions;
    assert_eq!((before.len(), after.len()), (1, 3));
    assert!(before.iter().all(|(id, state)| after.get(id) == Some(state)));
    for number in 1..3 {
        let state = &after[&TopicPartition::new(TopicId(0), number)];
        assert_eq!(state.replicas.len(), 3, "{state:?}");
        assert_eq!(state.replicas[2], BrokerId(1), "who does not serve comes last: {state:?}");
        assert_eq!(
            (state.isr.as_slice(), state.leader),
            (&state.replicas[..2], Some(state.isr[0]))
        );
    }
}
