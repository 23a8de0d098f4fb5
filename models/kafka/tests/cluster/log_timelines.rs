//! The worked timelines of replication, as golden texts that a reviewer reads beside Kafka: brokers, a controller
//! and a client, and what they say of one log. W1 the way to an acknowledgement, W2 a tail that is cut, W3 logs that
//! parted twice, W4 an epoch in which nothing was written, W5 a replica that restarts while its join is proposed, W6 a
//! follower that dies, W7 a leader that nobody but clients reaches, W10 a batch that the next leader knows, W11 a gap
//! that a loss of power leaves behind a producer, W13 retention, W14 a clean restart.
//!
//! `BLESS=1 cargo test --release -p ackproof-kafka timeline` writes them, to `tests/timelines`.

use crate::driver::{CLIENT, Cluster, PAYMENTS, Setting};
use crate::running::CONTROLLER;
use crate::timelines::compare;
use crate::{SECOND, answer, batch, fetch, log_len, produce, send};
use ackproof_kafka::config::LogConfig;
use ackproof_kafka::message::{
    Acks, ControllerRequest, Message, ProducerStamp, RecordBatch, Request,
};
use ackproof_types::{
    ErrorCode, Micros, NodeId, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp,
};

const MILLISECOND: Micros = Micros::from_millis(1);

/// A cluster whose log is written down, with its leader and the two others.
fn begun() -> (Cluster, u16, u16, u16) {
    let mut cluster = Cluster::new();
    let leader = cluster.leader().expect("elected");
    record(&mut cluster);
    (cluster, leader, leader % 3 + 1, (leader + 1) % 3 + 1)
}

fn record(cluster: &mut Cluster) {
    let brokers = [(NodeId(1), "broker-1"), (NodeId(2), "broker-2"), (NodeId(3), "broker-3")];
    let names = [&[(CONTROLLER, "controller"), (CLIENT, "client")][..], &brokers].concat();
    cluster.tape.run_log(PAYMENTS, &names);
}

#[test]
fn timeline_w1_the_next_fetch_is_the_acknowledgement() {
    let (mut cluster, leader, ..) = begun();
    produce(&mut cluster, leader, 0);
    cluster.run_for(SECOND);
    compare("w1-ack-and-high-watermark.txt", &cluster);
    assert_eq!(answer(&cluster, 0), Some(Ok(Offset(0))));
}

#[test]
fn timeline_w2_a_tail_that_only_the_old_leader_had_is_cut() {
    let (mut cluster, old, ..) = begun();
    produce(&mut cluster, old, 0);
    cluster.run_for(SECOND);
    cluster.tape.note(&format!("broker-{old} is cut off from brokers and controller"));
    cluster.isolate(old);
    for number in [1, 2] {
        send(&mut cluster, old, number, Acks::Leader, batch(number, None));
    }
    cluster.run_for(SECOND * 12);
    let new = cluster.leader().expect("elected without it");
    produce(&mut cluster, new, 3);
    cluster.run_for(SECOND);
    cluster.tape.note(&format!("broker-{old} is reached again"));
    cluster.heal();
    cluster.run_for(SECOND * 10);
    compare("w2-divergence.txt", &cluster);
    assert_eq!(answer(&cluster, 2), Some(Ok(Offset(2))), "acknowledged, and cut");
}

/// So many records at `leader`, one after the other, that it acknowledges alone.
fn alone(cluster: &mut Cluster, leader: u16, numbers: std::ops::Range<u32>) {
    for number in numbers {
        send(cluster, leader, number, Acks::Leader, batch(number, None));
    }
    cluster.run_for(SECOND);
}

#[test]
fn timeline_w3_logs_that_parted_twice_meet_after_two_rounds() {
    // An unclean election brings back the one that had parted first.
    let mut cluster = Cluster::with(Setting { unclean: true, ..Setting::default() });
    let first = cluster.leader().expect("elected");
    (0..5).for_each(|number| produce(&mut cluster, first, number));
    cluster.run_for(SECOND * 2);
    let (one, other) = (first % 3 + 1, (first + 1) % 3 + 1);
    record(&mut cluster);
    cluster
        .tape
        .note(&format!("all have offsets 0 to 4; broker-{first} dies, and the others part"));
    cluster.cut(one, other);
    cluster.cut(other, one);
    cluster.kill(first);
    cluster.run_for(SECOND * 12);
    let second = cluster.leader().expect("elected");
    let third = 6 - first - second;
    cluster.tape.note(&format!("only clients reach broker-{second}"));
    cluster.isolate(second);
    alone(&mut cluster, second, 10..13);
    cluster.run_for(SECOND * 12);
    assert_eq!(cluster.leader(), Some(third));
    alone(&mut cluster, third, 20..22);
    cluster.tape.note(&format!("broker-{third} dies, and broker-{second} is reached again"));
    cluster.kill(third);
    cluster.heal();
    cluster.run_for(SECOND * 310);
    assert_eq!(cluster.leader(), Some(second));
    alone(&mut cluster, second, 30..31);
    cluster.tape.note(&format!("broker-{third} is started again"));
    cluster.boot(third);
    cluster.run_for(SECOND * 5);
    compare("w3-two-rounds.txt", &cluster);
    assert_eq!(log_len(&cluster, third), 9, "0 to 4 of the first, 5 to 7 of the second, 8");
}

#[test]
fn timeline_w4_an_epoch_without_a_record_cuts_as_well() {
    let (mut cluster, old, ..) = begun();
    (0..3).for_each(|number| produce(&mut cluster, old, number));
    cluster.run_for(SECOND);
    cluster.tape.note(&format!("broker-{old} is cut off from brokers and controller"));
    cluster.isolate(old);
    alone(&mut cluster, old, 10..12);
    cluster.run_for(SECOND * 12);
    let empty = cluster.leader().expect("elected without it");
    cluster.tape.note(&format!("broker-{empty} dies before anybody writes to it"));
    cluster.kill(empty);
    cluster.run_for(SECOND * 12);
    assert_eq!(cluster.leader(), Some(6 - old - empty));
    cluster.tape.note(&format!("broker-{old} is reached again"));
    cluster.heal();
    cluster.run_for(SECOND * 5);
    compare("w4-empty-epoch.txt", &cluster);
    assert_eq!(log_len(&cluster, old), 3);
}

#[test]
fn timeline_w5_a_replica_restarts_while_its_join_is_proposed() {
    let (mut cluster, leader, back, _) = begun();
    cluster.tape.note(&format!("broker-{back} dies"));
    cluster.kill(back);
    cluster.run_for(SECOND * 12);
    produce(&mut cluster, leader, 0);
    cluster.run_for(SECOND);
    cluster.tape.note(&format!(
        "broker-{back} is started again; that broker-{leader} proposes it, of its new broker epoch, is late"
    ));
    cluster.boot(back);
    let proposes = |message: &Message| {
        let Message::Request(_, Request::Controller(request)) = message else { return false };
        let ControllerRequest::AlterPartition(request) = request else { return false };
        request.partitions.iter().any(|one| one.partition == PAYMENTS)
    };
    cluster.hold(proposes);
    cluster.tape.note(&format!("broker-{back} loses its power, and what it had not flushed"));
    cluster.lose_power(back, 0);
    cluster.watch.cut(NodeId(back), 0);
    cluster.run_for(SECOND * 10);
    produce(&mut cluster, leader, 1);
    cluster.boot(back);
    cluster.run_for(MILLISECOND * 10);
    cluster.tape.note("the controller hears what is late");
    cluster.heal();
    cluster.run_for(SECOND * 5);
    compare("w5-stale-expansion.txt", &cluster);
    assert_eq!(answer(&cluster, 1), Some(Ok(Offset(1))));
}

#[test]
fn timeline_w11_a_loss_of_power_leaves_a_gap_behind_a_producer() {
    let (mut cluster, leader, ..) = begun();
    let stamp = |epoch, sequence| ProducerStamp {
        id: ProducerId(9),
        epoch: ProducerEpoch(epoch),
        base_sequence: Sequence(sequence),
    };
    for number in 0..4 {
        let sequence = i32::try_from(number).expect("few");
        send(&mut cluster, leader, number, Acks::All, batch(number, Some(stamp(0, sequence))));
        cluster.run_for(MILLISECOND * 10);
    }
    cluster.run_for(SECOND);
    cluster.tape.note("all three lose their power: half of what they had not flushed survives");
    for id in 1..=3 {
        cluster.lose_power(id, 8);
        cluster.watch.cut(NodeId(id), 2);
    }
    (1..=3).for_each(|id| cluster.boot(id));
    cluster.run_for(SECOND * 15);
    let leader = cluster.leader().expect("all are in sync");
    cluster.tape.note("the client knows that sequence 3 was acknowledged, and goes on");
    send(&mut cluster, leader, 4, Acks::All, batch(4, Some(stamp(0, 4))));
    cluster.run_for(SECOND);
    assert_eq!(answer(&cluster, 4), Some(Err(ErrorCode::OutOfOrderSequenceNumber)));
    cluster.tape.note(
        "nothing before it is open: the client raises its epoch, and nobody is told of the gap",
    );
    send(&mut cluster, leader, 5, Acks::All, batch(4, Some(stamp(1, 0))));
    cluster.run_for(SECOND);
    compare("w11-gap.txt", &cluster);
    assert_eq!(answer(&cluster, 5), Some(Ok(Offset(2))));
}

#[test]
fn timeline_w6_a_follower_dies() {
    let (mut cluster, leader, follower, _) = begun();
    cluster.tape.note(&format!("broker-{follower} dies"));
    cluster.kill(follower);
    produce(&mut cluster, leader, 0);
    cluster.run_for(SECOND * 12);
    compare("w6-dead-follower.txt", &cluster);
    assert_eq!(answer(&cluster, 0), Some(Ok(Offset(0))));
}

#[test]
fn timeline_w6_a_follower_dies_and_no_controller_decides() {
    let (mut cluster, leader, follower, _) = begun();
    cluster.tape.note(&format!("the controller and broker-{follower} die"));
    cluster.kill(0);
    cluster.kill(follower);
    produce(&mut cluster, leader, 0);
    cluster.run_for(SECOND * 60);
    cluster.tape.note("the controller is back");
    cluster.boot(0);
    cluster.run_for(SECOND * 12);
    compare("w6-no-controller.txt", &cluster);
    assert_eq!(answer(&cluster, 0), Some(Err(ErrorCode::RequestTimedOut)), "and it is in the log");
    assert_eq!(cluster.watch.committed.len(), 1);
}

#[test]
fn timeline_w7_only_clients_reach_the_leader() {
    let (mut cluster, zombie, ..) = begun();
    cluster.tape.note(&format!("broker-{zombie} is cut off from brokers and controller"));
    cluster.isolate(zombie);
    produce(&mut cluster, zombie, 0);
    cluster.run_for(SECOND * 50);
    cluster.tape.note(&format!("broker-{zombie} is reached again"));
    cluster.heal();
    cluster.run_for(SECOND * 10);
    compare("w7-zombie-leader.txt", &cluster);
    assert_eq!(answer(&cluster, 0), Some(Err(ErrorCode::RequestTimedOut)));
    assert!(cluster.watch.committed.is_empty());
}

#[test]
fn timeline_w10_the_next_leader_knows_the_batch() {
    let (mut cluster, first, ..) = begun();
    let stamp =
        ProducerStamp { id: ProducerId(9), epoch: ProducerEpoch(0), base_sequence: Sequence(0) };
    send(&mut cluster, first, 0, Acks::All, batch(0, Some(stamp)));
    cluster.run_for(MILLISECOND * 3);
    cluster.tape.note(&format!("broker-{first} dies with its answer"));
    cluster.kill(first);
    cluster.run_for(SECOND * 12);
    let second = cluster.leader().expect("elected");
    send(&mut cluster, second, 1, Acks::All, batch(0, Some(stamp)));
    cluster.run_for(SECOND);
    compare("w10-known-batch.txt", &cluster);
    assert_eq!(answer(&cluster, 1), Some(Ok(Offset(0))), "the offset of the first copy");
}

#[test]
fn timeline_w13_retention_overtakes_a_reader() {
    // A segment holds three records; what is older than a minute goes.
    let log = LogConfig { retention_time: Some(SECOND * 60), ..LogConfig::with_segments_of(300) };
    let mut cluster = Cluster::with(Setting { log: Some(log), ..Setting::default() });
    let leader = cluster.leader().expect("elected");
    (0..6).for_each(|number| produce(&mut cluster, leader, number));
    cluster.run_for(SECOND * 310);
    record(&mut cluster);
    cluster.tape.note("all have offsets 0 to 5, which are 310 s old");
    let now = Timestamp::from_micros(cluster.tape.now);
    let young = RecordBatch { max_timestamp: now, ..batch(6, None) };
    send(&mut cluster, leader, 6, Acks::All, young);
    cluster.run_for(SECOND * 30);
    cluster.tape.note("a client reads where it had stopped");
    cluster.request(leader, 100, fetch(Offset(1)));
    cluster.run_for(SECOND);
    compare("w13-retention.txt", &cluster);
}

#[test]
fn timeline_w14_a_leader_is_restarted_cleanly() {
    let (mut cluster, leader, ..) = begun();
    let stamp =
        ProducerStamp { id: ProducerId(9), epoch: ProducerEpoch(0), base_sequence: Sequence(0) };
    cluster.tape.note(&format!("broker-{leader} is told to stop"));
    cluster.shut_down(leader);
    send(&mut cluster, leader, 0, Acks::All, batch(0, Some(stamp)));
    cluster.run_for(SECOND * 5);
    let next = cluster.leader().expect("handed over");
    cluster.tape.note("the client sends the batch again");
    send(&mut cluster, next, 1, Acks::All, batch(0, Some(stamp)));
    cluster.run_for(SECOND);
    cluster.tape.note(&format!("broker-{leader} is started again"));
    cluster.boot(leader);
    cluster.run_for(SECOND * 15);
    compare("w14-clean-restart.txt", &cluster);
    assert_eq!(cluster.watch.committed.len(), 1, "one copy");
}
