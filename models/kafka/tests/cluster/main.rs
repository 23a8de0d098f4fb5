//! Controller and brokers together, without a simulator: worked timelines (`W…`) and random faults.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test names only what it looks for")]

mod driver;
mod log_tape;
mod log_timelines;
mod members;
mod random;
mod running;
mod tape;
mod timelines;
mod watch;

use ackproof_kafka::message::{
    Acks, FetchPartition, FetchRequest, FetchSession, ListOffsetsPartition, OffsetSpec, Payload,
    ProduceRequest, ProducerStamp, RecordBatch, Request, Response,
};
use ackproof_kafka::observation::Observation;
use ackproof_types::{
    ErrorCode, KafkaVersion, LeaderEpoch, Micros, NodeId, Offset, ProducerEpoch, ProducerId,
    ProducerIndex, Record, RecordId, Sequence, Timestamp,
};
use driver::{Cluster, PAYMENTS, Setting};
use std::sync::Arc;

const SECOND: Micros = Micros::from_secs(1);

fn record(number: u32) -> Record {
    Record { id: RecordId { producer: ProducerIndex(0), number }, key: None, size: 100 }
}

fn batch(number: u32, producer: Option<ProducerStamp>) -> RecordBatch {
    RecordBatch {
        base_offset: Offset(0),
        leader_epoch: LeaderEpoch::UNKNOWN,
        producer,
        max_timestamp: Timestamp::START,
        size: 100,
        payload: Payload::Records(Arc::new([record(number)])),
    }
}

fn send(cluster: &mut Cluster, to: u16, number: u32, acks: Acks, batch: RecordBatch) {
    let timeout = Micros::from_secs(30);
    let request = ProduceRequest { acks, timeout, batches: vec![(PAYMENTS, batch)] };
    cluster.request(to, number, Request::Produce(request));
}

/// With `acks=all`, watched.
fn produce(cluster: &mut Cluster, to: u16, number: u32) {
    cluster.watch.expected.insert(u64::from(number), record(number));
    send(cluster, to, number, Acks::All, batch(number, None));
}

/// What a client asks that reads from `offset` on.
fn fetch(offset: Offset) -> Request {
    let part = FetchPartition {
        partition: PAYMENTS,
        offset,
        leader_epoch: LeaderEpoch::UNKNOWN,
        last_fetched_epoch: LeaderEpoch::UNKNOWN,
        log_start: Offset::UNKNOWN,
        max_bytes: 1 << 20,
    };
    Request::Fetch(FetchRequest {
        replica: None,
        rack: None,
        max_wait: Micros::ZERO,
        min_bytes: 1,
        max_bytes: 1 << 20,
        session: FetchSession::Sessionless,
        partitions: vec![part],
    })
}

/// The answer to produce request `number`.
fn answer(cluster: &Cluster, number: u32) -> Option<Result<Offset, ErrorCode>> {
    cluster.answers.iter().find_map(|(correlation, response)| match response {
        Response::Produce(parts, _) if correlation.0 == u64::from(number) => Some(parts[0].1),
        _ => None,
    })
}

fn log_len(cluster: &Cluster, id: u16) -> usize {
    cluster.watch.logs.get(&NodeId(id)).map_or(0, Vec::len)
}

#[test]
fn w1_a_new_leader_hides_its_log_until_its_followers_have_fetched() {
    let mut cluster = Cluster::new();
    let first = cluster.leader().expect("elected");
    let (second, third) = (first % 3 + 1, (first + 1) % 3 + 1);
    produce(&mut cluster, first, 0);
    cluster.run_for(Micros::from_millis(3));
    assert_eq!((log_len(&cluster, second), answer(&cluster, 0)), (1, None));
    cluster.kill(first);
    cluster.cut(third, second);
    cluster.run_for(Micros::from_secs(11));
    assert_eq!(cluster.leader(), Some(second));
    let told = |cluster: &mut Cluster, number: u32, spec| {
        let leader_epoch = LeaderEpoch::UNKNOWN;
        let asked = ListOffsetsPartition { partition: PAYMENTS, leader_epoch, spec };
        cluster.request(second, number, Request::ListOffsets(vec![asked]));
        cluster.run_for(Micros::from_millis(10));
        let listed = cluster.answers.iter().find(|(it, _)| it.0 == u64::from(number));
        match listed {
            Some((_, Response::ListOffsets(parts))) => parts[0].1.map(|listed| listed.offset),
            other => panic!("{other:?}"),
        }
    };
    let now = OffsetSpec::Since(Timestamp::from_micros(1));
    for (number, spec) in (1..).zip([OffsetSpec::Latest, OffsetSpec::Since(Timestamp::START), now])
    {
        let answer = told(&mut cluster, number, spec);
        assert_eq!(answer, Err(ErrorCode::OffsetNotAvailable), "R2.20 {spec:?}");
    }
    cluster.heal();
    cluster.run_for(Micros::from_secs(2));
    assert_eq!(told(&mut cluster, 4, OffsetSpec::Latest), Ok(Offset(1)), "R2.18");
    assert_eq!(told(&mut cluster, 5, OffsetSpec::Since(Timestamp::START)), Ok(Offset(0)));
    assert_eq!(told(&mut cluster, 6, now), Ok(Offset::UNKNOWN), "R17.51: nothing is so new");
}

#[test]
fn w6_a_dead_follower_stalls_acks_until_it_is_fenced() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader().expect("elected");
    cluster.kill(leader % 3 + 1);
    produce(&mut cluster, leader, 0);
    cluster.run_for(Micros::from_secs(5));
    assert_eq!(answer(&cluster, 0), None, "the session of the dead still runs");
    cluster.run_for(Micros::from_secs(7));
    assert_eq!(answer(&cluster, 0), Some(Ok(Offset(0))), "fenced, and no error in between");
    assert_eq!(cluster.isr().len(), 2);
}

#[test]
fn w6_without_a_controller_the_records_stay_and_commit_when_it_returns() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader().expect("elected");
    let (dead, alive) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    cluster.kill(0);
    cluster.kill(dead);
    produce(&mut cluster, leader, 0);
    cluster.run_for(Micros::from_secs(60));
    assert_eq!(answer(&cluster, 0), Some(Err(ErrorCode::RequestTimedOut)), "R4.7");
    assert!(cluster.watch.committed.is_empty(), "R3.4: a proposed shrink lowers nothing");
    assert_eq!((log_len(&cluster, leader), log_len(&cluster, alive)), (1, 1));
    cluster.boot(0);
    cluster.run_for(Micros::from_secs(12));
    assert_eq!(cluster.watch.committed.len(), 1, "ambiguous, then committed");
}

#[test]
fn w7_a_zombie_leader_serves_on_but_commits_nothing() {
    let mut cluster = Cluster::new();
    let zombie = cluster.leader().expect("elected");
    produce(&mut cluster, zombie, 0);
    cluster.run_for(SECOND);
    assert_eq!(answer(&cluster, 0), Some(Ok(Offset(0))));
    cluster.isolate(zombie);
    produce(&mut cluster, zombie, 1);
    send(&mut cluster, zombie, 2, Acks::Leader, batch(2, None));
    cluster.run_for(SECOND);
    assert_eq!(answer(&cluster, 2), Some(Ok(Offset(2))), "R2.24: it takes acks=1");
    cluster.run_for(Micros::from_secs(50));
    assert_eq!(answer(&cluster, 1), Some(Err(ErrorCode::RequestTimedOut)), "its HW is frozen");
    let successor = cluster.leader().expect("elected without it");
    assert_ne!(successor, zombie);
    produce(&mut cluster, successor, 3);
    cluster.run_for(SECOND);
    assert_eq!(answer(&cluster, 3), Some(Ok(Offset(1))));
    cluster.heal();
    cluster.run_for(Micros::from_secs(10));
    let cut = cluster.observed.iter().any(|(node, seen)| {
        let (from, to) = (Offset(3), Offset(1));
        *node == NodeId(zombie) && *seen == Observation::Truncated { partition: PAYMENTS, from, to }
    });
    assert!(cut, "its tail is gone, the acks=1 record with it");
    assert_eq!(cluster.isr().len(), 3);
}

#[test]
fn w10_a_new_leader_knows_a_batch_that_it_replicated() {
    let mut cluster = Cluster::new();
    let first = cluster.leader().expect("elected");
    let stamp =
        ProducerStamp { id: ProducerId(9), epoch: ProducerEpoch(0), base_sequence: Sequence(0) };
    // Its response is lost with the leader.
    send(&mut cluster, first, 0, Acks::All, batch(0, Some(stamp)));
    cluster.run_for(Micros::from_millis(3));
    assert_eq!(answer(&cluster, 0), None);
    assert_eq!(log_len(&cluster, first % 3 + 1), 1, "replicated");
    cluster.kill(first);
    cluster.run_for(Micros::from_secs(12));
    let second = cluster.leader().expect("elected");
    send(&mut cluster, second, 1, Acks::All, batch(0, Some(stamp)));
    cluster.run_for(SECOND);
    assert_eq!(answer(&cluster, 1), Some(Ok(Offset(0))), "the original offset");
    assert_eq!(cluster.watch.committed.len(), 1, "one copy");
}

#[test]
fn below_the_minimum_nothing_is_written() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader().expect("elected");
    (1..=3).filter(|id| *id != leader).for_each(|id| cluster.kill(id));
    cluster.run_for(Micros::from_secs(25));
    produce(&mut cluster, leader, 0);
    send(&mut cluster, leader, 1, Acks::Leader, batch(1, None));
    cluster.run_for(SECOND);
    assert_eq!(answer(&cluster, 0), Some(Err(ErrorCode::NotEnoughReplicas)), "R4.3");
    assert_eq!(answer(&cluster, 1), Some(Ok(Offset(0))), "acks=1 does not ask");
    assert!(cluster.watch.committed.is_empty(), "R2.17: nor is it visible");
}

#[test]
fn a_shrink_waits_for_the_lag_and_a_fenced_leader_for_its_return() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader().expect("elected");
    let slow = leader % 3 + 1;
    // It stays in touch with the controller.
    cluster.cut(slow, leader);
    produce(&mut cluster, leader, 0);
    cluster.run_for(Micros::from_secs(25));
    assert_eq!(cluster.isr().len(), 3, "R3.3: never before replica.lag.time.max.ms");
    cluster.run_for(Micros::from_secs(25));
    assert_eq!(cluster.isr().len(), 2, "and at most half as long after it");
    cluster.heal();
    cluster.run_for(Micros::from_secs(3));
    assert_eq!(cluster.isr().len(), 3, "R3.6");
}

#[test]
fn a_fast_restart_waits_for_the_session_of_the_process_before() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader().expect("elected");
    cluster.kill(leader);
    cluster.boot(leader);
    let started = |cluster: &Cluster| {
        let starts = cluster.observed.iter().filter(|(node, seen)| {
            *node == NodeId(leader) && matches!(seen, Observation::BrokerStarted { .. })
        });
        starts.count()
    };
    cluster.run_for(Micros::from_secs(6));
    assert_eq!(started(&cluster), 1, "R5.4: DUPLICATE_BROKER_REGISTRATION");
    cluster.run_for(Micros::from_secs(15));
    assert_eq!(started(&cluster), 2);
    assert_eq!(cluster.isr().len(), 3);
}

#[test]
fn a_clean_shutdown_hands_over_and_since_4_1_a_restart_is_immediate() {
    let mut cluster = Cluster::with(Setting { version: KafkaVersion::V4_1, ..Setting::default() });
    let leader = cluster.leader().expect("elected");
    cluster.shut_down(leader);
    cluster.run_for(Micros::from_secs(5));
    assert!(!cluster.is_up(leader), "R5.17");
    assert_ne!(cluster.leader(), Some(leader));
    assert_eq!(cluster.isr().len(), 2);
    cluster.boot(leader);
    cluster.run_for(Micros::from_secs(2));
    assert_eq!(cluster.isr().len(), 3, "its session was over");
}

/// R1.21, R5.30: whatever the page cache held, a clean stop and a committed record are on the disk.
#[test]
fn a_clean_stop_and_the_metadata_log_survive_a_loss_of_power() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader().expect("a leader");
    produce(&mut cluster, leader, 0);
    cluster.run_for(Micros::from_secs(1));
    let before = cluster.watch.committed.clone();
    assert_eq!(before.len(), 1);
    (1..=3).for_each(|id| {
        cluster.shut_down(id);
        cluster.run_for(Micros::from_secs(10));
        assert!(!cluster.is_up(id), "it has stopped");
    });
    (0..=3).for_each(|id| cluster.lose_power(id, 0));
    (0..=3).for_each(|id| cluster.boot(id));
    cluster.run_for(Micros::from_secs(20));
    let leader = cluster.leader().expect("the metadata log is whole");
    produce(&mut cluster, leader, 1);
    cluster.run_for(Micros::from_secs(2));
    assert_eq!(cluster.watch.committed[..1], before, "no record is lost");
    assert_eq!(cluster.watch.committed.len(), 2);
}

/// R1.20: what a process that was killed had not flushed is gone with the power; its disk is still a log.
#[test]
fn a_killed_broker_that_loses_power_comes_back_with_less() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader().expect("a leader");
    produce(&mut cluster, leader, 0);
    cluster.run_for(Micros::from_secs(1));
    let follower = (1..=3).find(|id| *id != leader).expect("three brokers");
    cluster.lose_power(follower, 0);
    cluster.watch.logs.remove(&NodeId(follower));
    cluster.run_for(Micros::from_secs(15));
    cluster.boot(follower);
    cluster.run_for(Micros::from_secs(15));
    assert_eq!(cluster.watch.logs[&NodeId(follower)], cluster.watch.committed, "it fetched anew");
}
