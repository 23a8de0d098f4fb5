//! Worked timelines of replication (`W…`) and a property test over random leaderships.

use super::*;
use crate::config::{BrokerSettings, ClusterConfig, TopicConfig};
use crate::message::Payload;
use crate::metadata::{BrokerRegistration, MetadataImage};
use ackproof_types::BrokerEpoch;
use ackproof_types::{ProducerIndex, Record, RecordId, Timestamp, TopicId};
use proptest::prelude::*;

const ID: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };

fn record(number: u32) -> Record {
    Record { id: RecordId { producer: ProducerIndex(0), number }, key: None, size: 100 }
}

fn batch(first: u32, count: u32) -> RecordBatch {
    RecordBatch {
        base_offset: Offset(0),
        leader_epoch: LeaderEpoch::UNKNOWN,
        producer: None,
        max_timestamp: Timestamp::START,
        size: 100 * count,
        payload: Payload::Records((first..first + count).map(record).collect()),
    }
}

fn registration(leader: u16, epoch: i32, isr: &[u16]) -> PartitionRegistration {
    PartitionRegistration {
        replicas: vec![BrokerId(1), BrokerId(2), BrokerId(3)],
        isr: isr.iter().copied().map(BrokerId).collect(),
        leader: Some(BrokerId(leader)),
        leader_epoch: LeaderEpoch(epoch),
        partition_epoch: PartitionEpoch(epoch),
        recovering: false,
    }
}

/// Three replicas of one partition, driven by hand.
struct Replicas {
    nodes: Vec<Partition>,
    image: MetadataImage,
    cluster: ClusterConfig,
    next_record: u32,
}

impl Replicas {
    fn new() -> Self {
        let mut image = MetadataImage::default();
        for broker in 1..=3 {
            let registration = BrokerRegistration {
                epoch: BrokerEpoch(i64::from(broker)),
                incarnation: 1,
                fenced: false,
                in_controlled_shutdown: false,
            };
            image.brokers.insert(BrokerId(broker), registration);
        }
        let topic = TopicConfig {
            partitions: 1,
            replication_factor: 3,
            min_insync_replicas: 2,
            unclean_leader_election: false,
            max_message_bytes: 1_000_000,
            segment_bytes: 1_000_000,
        };
        let cluster = ClusterConfig {
            brokers: 3,
            topics: vec![topic, topic],
            group_names: Vec::new(),
            broker: BrokerSettings::default(),
            variants: Variants::default(),
        };
        let load = || Partition::new(ID, ReplicaLog::load(ID, None, 1_000_000));
        Self { nodes: vec![load(), load(), load()], image, cluster, next_record: 0 }
    }

    fn apply(&mut self, to: u16, state: &PartitionRegistration) {
        let tick = LagTick(0);
        let node = &mut self.nodes[usize::from(to) - 1];
        node.apply(state, BrokerId(to), tick, Variants::default(), &mut Out::default());
    }

    fn produce(&mut self, leader: u16, count: u32) {
        let batch = batch(self.next_record, count);
        self.next_record += count;
        let node = &mut self.nodes[usize::from(leader) - 1];
        node.append_as_leader(batch, Variants::default(), &mut Out::default())
            .expect("the leader appends");
    }

    /// One whole fetch: claim, then data or truncation. Returns whether the two agree.
    fn fetch(&mut self, follower: u16, leader: u16) -> bool {
        let (offset, last, epoch) = {
            let node = &self.nodes[usize::from(follower) - 1];
            (node.log.end(), node.log.latest_epoch(), node.leader_epoch)
        };
        let around = Surroundings {
            id: BrokerId(leader),
            image: &self.image,
            tick: LagTick(0),
            min_isr: self.cluster.topics[1].effective_min_isr(),
            variants: Variants::default(),
        };
        let out = &mut Out::default();
        let node = &mut self.nodes[usize::from(leader) - 1];
        node.check_epoch(epoch).expect("same epoch");
        let diverging =
            node.divergence(offset, last, Variants::default()).expect("the leader knows");
        let end = node.log.end();
        let mut batches = Vec::new();
        if diverging.is_none() {
            let claim = BrokerEpoch(i64::from(follower));
            let leader = node.leader().expect("it leads");
            leader.fetched(BrokerId(follower), claim, offset, end, LagTick(0));
            node.maybe_advance(around, out);
            batches = node.log.read(offset, end, 1_000_000);
        }
        let high_watermark = node.log.high_watermark();
        let node = &mut self.nodes[usize::from(follower) - 1];
        match diverging {
            Some(end) => node.truncate_on_divergence(end, out),
            None => {
                for batch in &batches {
                    assert!(node.append_as_follower(batch, out), "batches follow each other");
                }
                node.log.set_high_watermark(high_watermark);
            }
        }
        diverging.is_none()
    }

    fn end(&self, broker: u16) -> i64 {
        self.nodes[usize::from(broker) - 1].log.end().0
    }

    fn high_watermark(&self, broker: u16) -> i64 {
        self.nodes[usize::from(broker) - 1].log.high_watermark().0
    }
}

#[test]
fn w1_the_next_fetch_is_the_acknowledgement() {
    let mut replicas = Replicas::new();
    let first = registration(1, 0, &[1, 2, 3]);
    (1..=3).for_each(|broker| replicas.apply(broker, &first));
    replicas.produce(1, 1);
    replicas.fetch(2, 1);
    replicas.fetch(3, 1);
    assert_eq!(replicas.high_watermark(1), 0, "delivered is not yet acknowledged");
    replicas.fetch(2, 1);
    assert_eq!(replicas.high_watermark(1), 0, "broker 3 has not claimed it");
    replicas.fetch(3, 1);
    assert_eq!(replicas.high_watermark(1), 1);

    let second = registration(2, 1, &[2, 3]);
    (2..=3).for_each(|broker| replicas.apply(broker, &second));
    let leader = &mut replicas.nodes[1];
    assert_eq!(leader.leader().expect("elected").epoch_start(), Offset(1));
    replicas.fetch(3, 2);
    assert_eq!(replicas.high_watermark(2), 1);
}

#[test]
fn w2_a_zombie_leaders_tail_is_truncated() {
    let mut replicas = Replicas::new();
    let first = registration(1, 1, &[1, 2, 3]);
    (1..=3).for_each(|broker| replicas.apply(broker, &first));
    replicas.produce(1, 8);
    for _ in 0..2 {
        replicas.fetch(2, 1);
        replicas.fetch(3, 1);
    }
    replicas.produce(1, 4);
    assert_eq!((replicas.end(1), replicas.high_watermark(1)), (12, 8));
    let second = registration(2, 2, &[2, 3]);
    (1..=3).for_each(|broker| replicas.apply(broker, &second));
    replicas.produce(2, 2);
    assert!(!replicas.fetch(1, 2), "the logs part at 8");
    assert_eq!(replicas.end(1), 8);
    assert!(replicas.fetch(1, 2));
    assert_eq!(replicas.end(1), 10);
}

#[test]
fn high_watermark_waits_for_min_in_sync_replicas() {
    let mut replicas = Replicas::new();
    let alone = registration(1, 0, &[1]);
    (1..=3).for_each(|broker| replicas.apply(broker, &alone));
    replicas.produce(1, 1);
    replicas.fetch(2, 1);
    replicas.fetch(2, 1);
    assert_eq!(replicas.high_watermark(1), 0, "one replica in sync, two are the minimum");
}

proptest! {
    /// Whatever sequence of appends, fetches and clean elections: no replica ever loses what the
    /// high watermark covered, and replicas agree below it.
    #[test]
    fn committed_records_survive_clean_elections(steps in prop::collection::vec((0..4_u8, 1..=3_u16), 1..120)) {
        let mut replicas = Replicas::new();
        let mut state = registration(1, 0, &[1, 2, 3]);
        (1..=3).for_each(|broker| replicas.apply(broker, &state));
        let mut committed = Vec::new();
        for (step, broker) in steps {
            let leader = state.leader.expect("always one").0;
            match step {
                0 => replicas.produce(leader, u32::from(broker)),
                1 | 2 if broker != leader => {
                    replicas.fetch(broker, leader);
                }
                3 if broker != leader => {
                    state = registration(broker, state.leader_epoch.0 + 1, &[1, 2, 3]);
                    (1..=3).for_each(|broker| replicas.apply(broker, &state));
                }
                _ => {}
            }
            for node in &replicas.nodes {
                let covered: Vec<Record> = node
                    .log
                    .read(Offset(0), node.log.high_watermark(), u32::MAX)
                    .iter()
                    .flat_map(|batch| batch.records().to_vec())
                    .collect();
                let common = covered.len().min(committed.len());
                prop_assert_eq!(&covered[..common], &committed[..common]);
                if covered.len() > committed.len() {
                    committed = covered;
                }
            }
        }
    }
}
