//! The worked timelines of groups, as golden texts that a reviewer reads beside Kafka: real consumers, brokers and
//! a controller, and what they say. W8 a classic rebalance, W9 a handover of KIP-848, W12 a coordinator that dies.
//!
//! `BLESS=1 cargo test --release -p ackproof-kafka timeline` writes them, to `tests/timelines`.

use crate::driver::{CLIENT, Cluster, PAYMENTS, Setting};
use crate::members::config;
use crate::{SECOND, produce};
use ackproof_kafka::config::{ApplicationConfig, ConsumerConfig};
use ackproof_kafka::message::{
    CommittedOffset, GroupRequest, MemberClaim, OffsetCommitRequest, OffsetFetchRequest, Request,
};
use ackproof_kafka::observation::Observation;
use ackproof_types::{
    CommitStrategy, GenerationId, GroupId, GroupProtocol, LeaderEpoch, MemberId, Micros, NodeId,
    Offset, TopicId, TopicPartition, offsets_partition,
};
use std::fs;
use std::path::Path;

const GROUP: GroupId = GroupId(0);
const C1: NodeId = NodeId(11);
const C2: NodeId = NodeId(12);
const P1: TopicPartition = TopicPartition { topic: PAYMENTS.topic, partition: 1 };
const MILLISECOND: Micros = Micros::from_millis(1);

/// The partition of `__consumer_offsets` that keeps the group.
fn home() -> TopicPartition {
    TopicPartition::new(TopicId::CONSUMER_OFFSETS, offsets_partition("ledger", 5))
}

/// A consumer of `protocol` that works at a record for `process`.
fn member(
    node: NodeId,
    protocol: GroupProtocol,
    commit: CommitStrategy,
    process: Micros,
) -> ConsumerConfig {
    let config = config(node, commit);
    let application = ApplicationConfig { process: process.into(), ..config.application };
    ConsumerConfig { group_protocol: protocol, application, ..config }
}

/// The text as it is kept.
#[track_caller]
pub(crate) fn compare(name: &str, cluster: &Cluster) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/timelines").join(name);
    let text = cluster.tape.text();
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("it can be written");
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{name} differs:\n{text}");
}

/// A member of a group of one that has read `records`.
fn begun(partitions: u16, records: u32, config: ConsumerConfig) -> Cluster {
    let mut cluster = Cluster::with(Setting { partitions, ..Setting::default() });
    let leader = cluster.leader().expect("a leader");
    (0..records).for_each(|number| produce(&mut cluster, leader, number));
    cluster.run_for(SECOND);
    cluster.start(C1, config);
    cluster.run_for(SECOND * 15);
    let first = known_as(&cluster, C1);
    cluster.tape.member(first);
    cluster
}

/// Who coordinates the group.
fn coordinator(cluster: &Cluster) -> u16 {
    let mut leaders = cluster.observed.iter().filter_map(|(node, fact)| match fact {
        Observation::BecameLeader { partition, .. } if *partition == home() => Some(node.0),
        _ => None,
    });
    leaders.next_back().expect("somebody leads")
}

#[test]
fn timeline_w8_a_second_member_joins_a_classic_group() {
    let auto = |node| member(node, GroupProtocol::Classic, CommitStrategy::Auto, MILLISECOND);
    let mut cluster = begun(2, 5, auto(C1));
    let coordinator = NodeId(coordinator(&cluster));
    cluster.tape.run(&[(coordinator, "GC"), (C1, "C1"), (C2, "C2")]);
    cluster.tape.note("C2 starts");
    cluster.start(C2, auto(C2));
    cluster.run_for(SECOND * 8);
    compare("w8-eager-rebalance.txt", &cluster);
}

#[test]
fn timeline_w8_a_member_that_is_busy_is_left_behind() {
    let of = |node, process| {
        member(node, GroupProtocol::Classic, CommitStrategy::SyncAfterBatch, process)
    };
    let mut cluster = begun(2, 5, of(C1, SECOND * 80));
    let coordinator = NodeId(coordinator(&cluster));
    cluster.tape.run(&[(coordinator, "GC"), (C1, "C1"), (C2, "C2")]);
    cluster.tape.note("C2 starts while C1 works at a batch for 400 s");
    cluster.start(C2, of(C2, MILLISECOND));
    cluster.run_for(SECOND * 420);
    compare("w8-busy-member.txt", &cluster);
}

/// The member that a consumer is.
fn known_as(cluster: &Cluster, node: NodeId) -> MemberId {
    let mut assigned = cluster.observed.iter().filter_map(|(seen_by, fact)| match fact {
        Observation::Assigned { member, .. } if *seen_by == node => Some(*member),
        _ => None,
    });
    assigned.next_back().expect("it was assigned something")
}

fn commit(member: MemberId, epoch: i32, offset: i64) -> Request {
    let generation = GenerationId(epoch);
    let claim = MemberClaim { group: GROUP, generation, member, instance: None };
    let leader_epoch = LeaderEpoch::UNKNOWN;
    let committed = CommittedOffset { offset: Offset(offset), leader_epoch };
    let offsets = vec![(P1, committed)];
    Request::Group(GroupRequest::OffsetCommit(OffsetCommitRequest { claim, offsets, by_id: false }))
}

#[test]
fn timeline_w9_a_partition_moves_in_a_consumer_group() {
    let auto = |node| member(node, GroupProtocol::Consumer, CommitStrategy::Auto, MILLISECOND);
    let mut cluster = begun(2, 5, auto(C1));
    let coordinator = coordinator(&cluster);
    let names = [(NodeId(coordinator), "GC"), (C1, "C1"), (C2, "C2"), (CLIENT, "a thread of C1")];
    cluster.tape.run(&names);
    cluster.tape.note("C2 starts");
    cluster.start(C2, auto(C2));
    cluster.run_for(SECOND * 15);
    cluster.tape.note("a thread of C1 commits what C1 has given up");
    let first = known_as(&cluster, C1);
    for (number, epoch) in [(100, 1), (101, 2)] {
        cluster.request(coordinator, number, commit(first, epoch, 9));
        cluster.run_for(SECOND);
    }
    compare("w9-handover.txt", &cluster);
}

/// A commit that `copier` has and `other` has not, when the coordinator dies.
struct Failover {
    cluster: Cluster,
    copier: u16,
    other: u16,
}

/// Who is elected when the coordinator dies, if both others have everything.
fn heir(cluster: &Cluster, coordinator: u16) -> u16 {
    let mut probe = cluster.clone();
    probe.kill(coordinator);
    probe.run_for(SECOND * 15);
    self::coordinator(&probe)
}

/// `heir_has_it`: the one that will be elected has copied the commit.
fn failover(heir_has_it: bool) -> Failover {
    let of = member(C1, GroupProtocol::Classic, CommitStrategy::SyncAfterBatch, MILLISECOND);
    let mut cluster = begun(1, 5, of);
    let first = coordinator(&cluster);
    let heir = heir(&cluster, first);
    let third = 6 - first - heir;
    let (copier, other) = if heir_has_it { (heir, third) } else { (third, heir) };
    let names = ["broker-1", "broker-2", "broker-3"];
    let brokers = (1..).map(NodeId).zip(names);
    cluster
        .tape
        .run(&[&brokers.collect::<Vec<_>>()[..], &[(C1, "C1"), (CLIENT, "a tool")]].concat());
    cluster.tape.follow(home());
    cluster.tape.note(&format!("broker-{other} does not reach broker-{first}"));
    cluster.cut(other, first);
    cluster.run_for(SECOND);
    let leader = cluster.leader().expect("a leader");
    let before = cluster.observed.len();
    produce(&mut cluster, leader, 5);
    let copied = |cluster: &Cluster| {
        cluster.observed[before..].iter().any(|(node, fact)| {
            matches!(fact, Observation::Appended { partition, .. } if *partition == home())
                && *node == NodeId(copier)
        })
    };
    while !copied(&cluster) {
        cluster.run_for(MILLISECOND);
    }
    cluster.tape.note(&format!("broker-{first} dies"));
    cluster.kill(first);
    Failover { cluster, copier, other }
}

fn ask(cluster: &mut Cluster, to: u16, number: u32) {
    let read = OffsetFetchRequest::new(GROUP, vec![PAYMENTS]);
    cluster.request(to, number, Request::Group(GroupRequest::OffsetFetch(read)));
}

fn run_until_loaded(cluster: &mut Cluster, by: u16) {
    let before = cluster.observed.len();
    let is_loaded = |cluster: &Cluster| {
        cluster.observed[before..].iter().any(|(node, fact)| {
            matches!(fact, Observation::CoordinatorLoaded { partition } if *partition == home())
                && *node == NodeId(by)
        })
    };
    while !is_loaded(cluster) {
        cluster.run_for(MILLISECOND);
    }
}

#[test]
fn timeline_w12_the_next_coordinator_has_the_commit() {
    let Failover { mut cluster, copier, other } = failover(true);
    cluster.heal();
    // It copies nothing yet: the commit is not on two of them, so nobody may see it.
    cluster.cut(other, copier);
    run_until_loaded(&mut cluster, copier);
    ask(&mut cluster, copier, 200);
    cluster.run_for(MILLISECOND * 20);
    cluster.tape.note(&format!("broker-{other} reaches broker-{copier} again"));
    cluster.heal();
    cluster.run_for(SECOND * 3);
    compare("w12-commit-survives.txt", &cluster);
    assert_eq!(coordinator(&cluster), copier);
}

#[test]
fn timeline_w12_the_next_coordinator_has_not_the_commit() {
    let Failover { mut cluster, copier: _, other } = failover(false);
    cluster.heal();
    run_until_loaded(&mut cluster, other);
    ask(&mut cluster, other, 200);
    cluster.run_for(SECOND * 3);
    compare("w12-commit-is-cut.txt", &cluster);
    assert_eq!(coordinator(&cluster), other);
    let is_committed = |(node, fact): &(NodeId, Observation)| {
        *node == C1
            && matches!(fact, Observation::Committed { offsets, .. } if offsets[0].1 == Offset(6))
    };
    assert!(cluster.observed.iter().any(is_committed), "commitSync sends it again");
}
