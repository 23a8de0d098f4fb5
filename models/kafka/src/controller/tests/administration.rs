//! What administrators ask for, and every refusal of an AlterPartition.

use super::*;

/// KIP-339, R17.8.
#[test]
fn another_minimum_clears_who_is_eligible_and_another_setting_does_not() {
    let mut cluster = ClusterConfig::clone(&config(false, Variants::default()).cluster);
    cluster.profile.version = KafkaVersion::V4_1;
    cluster.profile.features.eligible_leader_replicas = 1;
    let mut driver = Driver {
        process: Process::new(ControllerConfig { id: CONTROLLER, cluster: Arc::new(cluster) }),
    };
    assert_eq!(driver.process.boot(Timestamp::START, &mut Vec::new()), After::Runs);
    for broker in 1..=3 {
        driver.register(broker, 7).unwrap();
    }
    for broker in 1..=3 {
        driver.beat(broker, false, false);
    }
    driver.expire(2);
    driver.expire(3);
    let before = driver.partition().clone();
    assert_eq!(
        (before.isr.as_slice(), before.elr.as_slice()),
        (&[BrokerId(1)][..], &[BrokerId(3)][..])
    );
    let alter = |driver: &mut Driver, setting| {
        driver.step(Input::Call(ControllerCall::AlterConfig(TopicId(0), setting)))
    };
    let altered = |min_insync_replicas, unclean_leader_election| {
        Effect::Observe(Observation::TopicAltered {
            topic: TopicId(0),
            min_insync_replicas,
            unclean_leader_election,
        })
    };
    let effects = alter(&mut driver, TopicSetting::UncleanLeaderElection(true));
    assert!(effects.contains(&altered(2, true)), "{effects:?}");
    assert!(
        effects.iter().any(|one| matches!(one, Effect::Arm { timer: Timer::UncleanElection, .. }))
    );
    assert_eq!(driver.partition(), &before, "eligible as before");
    assert_eq!(alter(&mut driver, TopicSetting::UncleanLeaderElection(true)), [], "it is so");
    let effects = alter(&mut driver, TopicSetting::MinInsyncReplicas(2));
    assert!(effects.contains(&altered(2, true)), "also with the same value: {effects:?}");
    let after = driver.partition();
    assert_eq!(
        (after.elr.as_slice(), &after.isr, after.leader),
        (&[][..], &before.isr, before.leader)
    );
    assert_eq!(after.partition_epoch, before.partition_epoch.next());
    assert_eq!(after.leader_epoch, before.leader_epoch);
    alter(&mut driver, TopicSetting::MinInsyncReplicas(1));
    driver.expire(1);
    assert_eq!(driver.partition().elr, [BrokerId(1)], "who was in sync under the new one");
}

fn ids(ids: &[u16]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

/// A fourth broker serves as well.
fn four() -> Driver {
    let mut driver = Driver::running(false);
    driver.register(4, 7).unwrap();
    driver.beat(4, false, false);
    driver
}

fn reassign(driver: &mut Driver, to: Option<&[u16]>) -> Vec<EffectOf<Controller>> {
    let replicas = to.map(|to| ids(to).into());
    let partition = TopicPartition::new(TopicId(0), 0);
    driver.step(Input::Call(ControllerCall::Reassign(partition, replicas)))
}

fn refusal(error: ErrorCode) -> EffectOf<Controller> {
    Effect::Observe(Observation::OrderRefused("AlterPartitionReassignments", error))
}

fn in_sync(driver: &mut Driver, isr: &[u16]) -> Result<IsrState, ErrorCode> {
    let members: Vec<_> = isr.iter().map(|one| (BrokerId(*one), driver.epoch(*one))).collect();
    driver.alter(|proposal| proposal.isr = members)
}

/// KIP-455.
#[test]
fn a_partition_moves_once_its_new_replicas_are_in_sync() {
    let mut driver = four();
    reassign(&mut driver, Some(&[4, 2, 3]));
    let state = driver.partition().clone();
    assert_eq!(
        (&state.replicas, &state.adding, &state.removing),
        (&ids(&[4, 2, 3, 1]), &ids(&[4]), &ids(&[1]))
    );
    assert_eq!(
        (state.leader, state.leader_epoch, state.isr.len()),
        (Some(BrokerId(1)), LeaderEpoch(0), 3)
    );
    let answer = in_sync(&mut driver, &[1, 2, 3, 4]);
    assert_eq!(
        answer,
        Err(ErrorCode::NewLeaderElected),
        "it took effect, and whoever asked is gone"
    );
    let state = driver.partition();
    assert_eq!((&state.replicas, &state.isr), (&ids(&[4, 2, 3]), &ids(&[4, 2, 3])));
    assert!(!state.is_reassigned());
    assert_eq!((state.leader, state.leader_epoch), (Some(BrokerId(4)), LeaderEpoch(1)));
}

/// R3.12: whoever was a replica must not count any more, although the leader stays.
#[test]
fn replicas_that_go_raise_the_leader_epoch() {
    let mut driver = four();
    reassign(&mut driver, Some(&[1, 2, 4]));
    let answer = in_sync(&mut driver, &[1, 2, 3, 4]).expect("it leads on");
    assert_eq!((answer.leader_epoch, &answer.isr[..]), (LeaderEpoch(1), &ids(&[1, 2, 4])[..]));
    let effects = reassign(&mut driver, Some(&[2, 1, 4]));
    assert!(driver.partition().leader_epoch == LeaderEpoch(1), "nobody goes: {effects:?}");
    assert_eq!(driver.partition().replicas, ids(&[2, 1, 4]));
    // Fewer replicas: nobody is added, and it is over at once.
    reassign(&mut driver, Some(&[2]));
    let state = driver.partition();
    assert_eq!(
        (&state.replicas, &state.isr, state.leader),
        (&ids(&[2]), &ids(&[2]), Some(BrokerId(2)))
    );
}

#[test]
fn a_move_is_given_up_and_a_senseless_one_is_refused() {
    let mut driver = four();
    let before = driver.partition().clone();
    for refused in [&[][..], &[1, 1, 2], &[1, 2, 9]] {
        let invalid = [refusal(ErrorCode::InvalidReplicaAssignment)];
        assert_eq!(reassign(&mut driver, Some(refused)), invalid, "{refused:?}");
    }
    let none = [refusal(ErrorCode::NoReassignmentInProgress)];
    assert_eq!(reassign(&mut driver, None), none, "nothing is under way");
    assert_eq!(reassign(&mut driver, Some(&[1, 2, 3])), [], "it is so");
    reassign(&mut driver, Some(&[4]));
    assert_eq!(driver.partition().replicas, ids(&[4, 1, 2, 3]));
    reassign(&mut driver, None);
    let after = driver.partition();
    assert_eq!(
        (&after.replicas, &after.isr, after.is_reassigned()),
        (&before.replicas, &before.isr, false)
    );
}

/// R3.8, row by row in Kafka's order (`validateAlterPartitionData`).
#[test]
fn every_refusal_of_an_alter_partition_has_its_error() {
    let mut driver = four();
    let e = |driver: &Driver, one: u16| (BrokerId(one), driver.epoch(one));
    let newer = driver.alter(|it| it.partition_epoch = PartitionEpoch(9));
    assert_eq!(newer, Err(ErrorCode::NotController), "a newer version than the controller has");
    let twice = [e(&driver, 1), e(&driver, 1)].to_vec();
    assert_eq!(driver.alter(|it| it.isr = twice), Err(ErrorCode::InvalidRequest), "twice");
    let stranger = [e(&driver, 1), e(&driver, 4)].to_vec();
    assert_eq!(driver.alter(|it| it.isr = stranger), Err(ErrorCode::InvalidRequest), "no replica");
    assert_eq!(driver.alter(|it| it.recovering = true), Err(ErrorCode::InvalidRequest), "of two");
    let alone = [e(&driver, 1)].to_vec();
    let back = driver.alter(|it| (it.isr, it.recovering) = (alone, true));
    assert_eq!(back, Err(ErrorCode::InvalidRequest), "nobody goes back to recovering");
    let unknown = [e(&driver, 1), (BrokerId(2), BrokerEpoch::UNKNOWN)].to_vec();
    assert!(
        driver.alter(|it| it.isr = unknown).is_ok(),
        "whoever names no epoch is not asked for it"
    );
    driver.beat(2, false, true);
    let leaving = in_sync(&mut driver, &[1, 2]);
    assert_eq!(leaving, Err(ErrorCode::IneligibleReplica), "shutting down");
    // Broker 1 does not lead any more: the epoch says so first.
    driver.beat(1, false, true);
    let old = driver.alter(|it| it.leader_epoch = LeaderEpoch(0));
    assert_eq!(old, Err(ErrorCode::FencedLeaderEpoch));
    assert_eq!(driver.alter(|_| ()), Err(ErrorCode::InvalidRequest), "it is not the leader");
}

/// KIP-584: `ClusterControlManager#registerBroker`.
#[test]
fn a_broker_that_is_too_old_for_the_finalized_level_does_not_register() {
    let mut cluster = ClusterConfig::clone(&config(false, Variants::default()).cluster);
    cluster.profile.version = KafkaVersion::V4_4;
    cluster.profile.features.metadata_version = KafkaVersion::V4_4;
    let mut driver = Driver {
        process: Process::new(ControllerConfig { id: CONTROLLER, cluster: Arc::new(cluster) }),
    };
    assert_eq!(driver.process.boot(Timestamp::START, &mut Vec::new()), After::Runs);
    // The brokers here register as 4.0.
    assert_eq!(driver.register(1, 7), Err(ErrorCode::UnsupportedVersion));
}
