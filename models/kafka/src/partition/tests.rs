//! Worked timelines of replication (`W…`) and a property test over random leaderships. `table` prints what
//! every input does to every role.

mod epochs;
mod readers;
mod table;

use super::leader::LagTick;
use super::*;
use crate::config::{BrokerSettings, ClusterConfig, LogConfig, TopicConfig};
use crate::machine::{Disk, Effect, Outbox};
use crate::message::{Payload, ProducerStamp};
use crate::metadata::{BrokerRegistration, MetadataImage};
use crate::profile::Profile;
use ackproof_types::{
    BrokerEpoch, BrokerId, ControllerId, ProducerEpoch, ProducerId, ProducerIndex, Record,
    RecordId, Sequence, Timestamp, TopicId,
};
use proptest::prelude::*;

type Out = Outbox<(), BrokerWrite>;

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
        elr: Vec::new(),
        last_leader: None,
        leader: Some(BrokerId(leader)),
        leader_epoch: LeaderEpoch(epoch),
        partition_epoch: PartitionEpoch(epoch),
        recovering: false,
        adding: Vec::new(),
        removing: Vec::new(),
    }
}

/// Three replicas of one partition, driven by hand.
struct Replicas {
    nodes: Vec<Partition>,
    image: MetadataImage,
    cluster: ClusterConfig,
    next_record: u32,
    variants: Variants,
}

impl Replicas {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(variants: &[Variant]) -> Self {
        let mut image = MetadataImage::default();
        for broker in 1..=3 {
            let registration = BrokerRegistration {
                epoch: BrokerEpoch(i64::from(broker)),
                incarnation: 1,
                version: ackproof_types::KafkaVersion::default(),
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
            log: LogConfig::with_segments_of(1_000_000),
        };
        let cluster = ClusterConfig {
            brokers: [1, 2, 3].map(BrokerId).into(),
            controllers: [ControllerId(0)].into(),
            racks: Default::default(),
            later: Default::default(),
            consumer_offsets: TopicId(0),
            topics: vec![topic, topic],
            group_names: Vec::new(),
            broker: BrokerSettings::default(),
            profile: Profile::default(),
            variants: Variants::default(),
        };
        let load = || {
            Partition::new(ID, ReplicaLog::load(ID, None, LogConfig::with_segments_of(1_000_000)))
        };
        Self {
            nodes: vec![load(), load(), load()],
            image,
            cluster,
            next_record: 0,
            variants: variants.iter().copied().collect(),
        }
    }

    fn apply(&mut self, to: u16, state: &PartitionRegistration) {
        let around = Surroundings {
            id: BrokerId(to),
            image: &self.image,
            tick: LagTick(0),
            min_isr: self.cluster.topics[1].effective_min_isr(),
            variants: self.variants,
        };
        self.nodes[usize::from(to) - 1].apply(state, around, &mut Out::default());
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
            variants: self.variants,
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
            batches = node.log.read(offset, end, 1_000_000, true);
        }
        let high_watermark = node.log.high_watermark();
        let node = &mut self.nodes[usize::from(follower) - 1];
        match diverging {
            Some(end) => node.truncate_on_divergence(end, Variants::default(), out),
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

/// A log of `(epoch, first, one past the last)`, as a follower got it.
fn copied(log: &[(i32, i64, i64)]) -> Partition {
    let mut replica =
        Partition::new(ID, ReplicaLog::load(ID, None, LogConfig::with_segments_of(1_000_000)));
    for (epoch, from, to) in log {
        let count = u32::try_from(to - from).expect("small");
        let mut batch = batch(u32::try_from(*from).expect("small"), count);
        (batch.base_offset, batch.leader_epoch) = (Offset(*from), LeaderEpoch(*epoch));
        assert!(replica.append_as_follower(&Arc::new(batch), &mut Out::default()));
    }
    replica
}

fn parts(leader: &Partition, follower: &Partition) -> Option<EpochEnd> {
    let (end, epoch) = (follower.log.end(), follower.log.latest_epoch());
    leader.divergence(end, epoch, Variants::default()).expect("the leader knows")
}

#[test]
fn w3_logs_that_parted_twice_meet_in_two_rounds() {
    let leader = copied(&[(1, 0, 5), (2, 5, 8), (4, 8, 9)]);
    let mut follower = copied(&[(1, 0, 5), (3, 5, 7)]);
    let first = parts(&leader, &follower).expect("they part");
    assert_eq!(first, EpochEnd { epoch: LeaderEpoch(2), end: Offset(8) });
    follower.truncate_on_divergence(first, Variants::default(), &mut Out::default());
    assert_eq!((follower.log.end(), follower.log.latest_epoch()), (Offset(5), LeaderEpoch(1)));
    assert_eq!(parts(&leader, &follower), None);
}

#[test]
fn w4_an_epoch_that_wrote_nothing_still_cuts() {
    let mut leader = copied(&[(4, 0, 10)]);
    leader.log.begin_epoch(LeaderEpoch(5), &mut Out::default());
    leader.log.begin_epoch(LeaderEpoch(6), &mut Out::default());
    let mut follower = copied(&[(4, 0, 10), (4, 10, 12)]);
    let end = parts(&leader, &follower).expect("they part");
    assert_eq!(end, EpochEnd { epoch: LeaderEpoch(4), end: Offset(10) });
    follower.truncate_on_divergence(end, Variants::default(), &mut Out::default());
    assert_eq!(follower.log.end(), Offset(10));
    // R1.15: its own empty epoch goes without any data.
    follower.log.begin_epoch(LeaderEpoch(5), &mut Out::default());
    let end = parts(&leader, &follower).expect("5 is not the leader's");
    follower.truncate_on_divergence(end, Variants::default(), &mut Out::default());
    assert_eq!((follower.log.end(), follower.log.latest_epoch()), (Offset(10), LeaderEpoch(4)));
}

/// Broker 3 is outside the set of leader 1 and asks to join with everything it has.
fn joining(variants: &[Variant]) -> Replicas {
    let mut replicas = Replicas::with(variants);
    (1..=3).for_each(|broker| replicas.apply(broker, &registration(1, 0, &[1, 2])));
    replicas.produce(1, 2);
    (0..2).for_each(|_| _ = (replicas.fetch(2, 1), replicas.fetch(3, 1)));
    replicas
}

fn expands(replicas: &mut Replicas, leader: u16, joiner: u16) -> bool {
    let around = Surroundings {
        id: BrokerId(leader),
        image: &replicas.image,
        tick: LagTick(0),
        min_isr: 2,
        variants: replicas.variants,
    };
    let node = &mut replicas.nodes[usize::from(leader) - 1];
    let high_watermark = node.log.high_watermark();
    node.leader().expect("it leads").maybe_expand(BrokerId(joiner), high_watermark, around)
}

#[test]
fn w5_a_pending_join_holds_the_high_watermark_back_until_it_is_refused() {
    let mut replicas = joining(&[]);
    assert!(expands(&mut replicas, 1, 3));
    let again = BrokerEpoch(90);
    // It restarts: not eligible under its old epoch, but still in the maximal set.
    replicas.image.brokers.get_mut(&BrokerId(3)).expect("known").epoch = again;
    replicas.produce(1, 1);
    (0..2).for_each(|_| _ = replicas.fetch(2, 1));
    assert_eq!(replicas.high_watermark(1), 2, "R2.17: the maximal in-sync set");
    replicas.nodes[0].leader().expect("it leads").refused();
    replicas.produce(1, 1);
    (0..2).for_each(|_| _ = replicas.fetch(2, 1));
    assert_eq!(replicas.high_watermark(1), 4, "R3.10");
}

#[test]
fn a_replica_joins_only_past_the_start_of_the_epoch() {
    for variants in [&[][..], &[Variant::IsrJoinBeforeEpochStart]] {
        let mut replicas = joining(variants);
        // 2 takes over with one record more than its own high watermark, and more than 3 has.
        replicas.produce(1, 1);
        replicas.fetch(2, 1);
        let next = registration(2, 1, &[1, 2]);
        (2..=3).for_each(|broker| replicas.apply(broker, &next));
        replicas.fetch(3, 2);
        let at_stale = replicas.high_watermark(2) <= 2;
        assert!(at_stale, "1 has not fetched");
        assert_eq!(expands(&mut replicas, 2, 3), !variants.is_empty(), "R3.6, KAFKA-7128");
    }
}

#[test]
fn requests_of_another_leadership_and_stale_metadata_are_refused() {
    let mut replicas = Replicas::new();
    let state = registration(1, 5, &[1, 2, 3]);
    replicas.apply(1, &state);
    let check = |replicas: &Replicas, epoch| replicas.nodes[0].check_epoch(LeaderEpoch(epoch));
    assert_eq!(check(&replicas, 5), Ok(()));
    assert_eq!(check(&replicas, -1), Ok(()), "not asked for");
    assert_eq!(check(&replicas, 4), Err(ErrorCode::FencedLeaderEpoch));
    assert_eq!(check(&replicas, 6), Err(ErrorCode::UnknownLeaderEpoch));
    let former = PartitionRegistration { isr: vec![BrokerId(1)], ..state };
    replicas.apply(1, &PartitionRegistration { partition_epoch: PartitionEpoch(4), ..former });
    let leader = replicas.nodes[0].leader().expect("it leads");
    assert_eq!(leader.isr_len(), 3, "R2.22: an older partition epoch changes nothing");
}

#[test]
fn a_member_is_removed_at_the_check_of_kafkas_clock_and_only_when_committed() {
    let mut replicas = Replicas::new();
    (1..=3).for_each(|broker| replicas.apply(broker, &registration(1, 0, &[1, 2, 3])));
    replicas.produce(1, 1);
    let mut shrinks = |tick| {
        let around = Surroundings {
            id: BrokerId(1),
            image: &replicas.image,
            tick: LagTick(tick),
            min_isr: 2,
            variants: Variants::default(),
        };
        let node = &mut replicas.nodes[0];
        let end = node.log.end();
        let leader = node.leader().expect("it leads");
        (leader.maybe_shrink(end, around), leader.isr_len(), leader.maximal_isr_len())
    };
    // Caught up before the first check, so 30 s are over between the second and the third.
    assert_eq!((1..=2).map(|tick| shrinks(tick).0).collect::<Vec<_>>(), [false, false], "R3.3");
    assert_eq!(shrinks(3), (true, 3, 3), "R3.4: proposed, not applied");
    assert!(!shrinks(4).0, "R3.1: one at a time");
}

#[test]
fn the_minimum_holds_for_the_committed_set() {
    for variants in [&[][..], &[Variant::HighWatermarkAdvanceBelowMinIsr]] {
        let mut replicas = Replicas::with(variants);
        (1..=3).for_each(|broker| replicas.apply(broker, &registration(1, 0, &[1])));
        replicas.produce(1, 1);
        (0..2).for_each(|_| _ = (replicas.fetch(2, 1), replicas.fetch(3, 1)));
        let moved = i64::from(!variants.is_empty());
        assert_eq!(replicas.high_watermark(1), moved, "R2.17, KAFKA-15583");
    }
}

#[test]
fn w11_a_gap_in_the_sequence_is_refused_and_a_new_epoch_starts_over() {
    let mut replicas = Replicas::new();
    (1..=3).for_each(|broker| replicas.apply(broker, &registration(1, 0, &[1, 2, 3])));
    let mut write = |epoch: i16, sequence: i32| {
        let stamp = ProducerStamp {
            id: ProducerId(9),
            epoch: ProducerEpoch(epoch),
            base_sequence: Sequence(sequence),
        };
        let batch = RecordBatch { producer: Some(stamp), ..batch(0, 5) };
        let placed =
            replicas.nodes[0].append_as_leader(batch, Variants::default(), &mut Out::default());
        placed.map(|placed| placed.base.0)
    };
    assert_eq!(write(0, 0), Ok(0));
    // 5 to 9 were acknowledged elsewhere and lost.
    assert_eq!(write(0, 10), Err(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(write(1, 0), Ok(5), "the loss goes unnoticed");
}

#[test]
fn restart_keeps_segments_and_snapshots_of_the_last_batch() {
    let (mut disk, mut out) = (crate::broker::BrokerDisk::default(), Out::default());
    let mut log = ReplicaLog::load(ID, None, LogConfig::with_segments_of(250));
    for nth in 0..5 {
        let mut one = batch(nth, 1);
        one.base_offset = log.end();
        one.leader_epoch = LeaderEpoch(0);
        let sequence = Sequence(i32::try_from(nth).expect("small"));
        let (id, epoch) = (ProducerId(9), ProducerEpoch(0));
        one.producer = Some(ProducerStamp { id, epoch, base_sequence: sequence });
        log.append(Arc::new(one), &mut out);
    }
    for effect in out.drain() {
        if let Effect::Write(write) = effect {
            disk.apply(write);
        }
    }
    // Two records a segment: rolled at 2 and 4.
    let reloaded = ReplicaLog::load(ID, disk.log(ID), LogConfig::with_segments_of(250));
    let stamp = |sequence| ProducerStamp {
        id: ProducerId(9),
        epoch: ProducerEpoch(0),
        base_sequence: Sequence(sequence),
    };
    let admit =
        |log: &ReplicaLog, sequence| log.producers().admit(stamp(sequence), 1, Variants::default());
    assert_eq!(admit(&log, 2), Ok(Admission::Duplicate(Offset(2), Offset(3))), "five");
    assert_eq!(admit(&reloaded, 4), Ok(Admission::Duplicate(Offset(4), Offset(5))), "R6.33");
    assert_eq!(admit(&reloaded, 3), Err(ErrorCode::OutOfOrderSequenceNumber), "R6.33");
    // R1.16: cut to 3, it starts from the snapshot at 2.
    let mut cut = reloaded;
    cut.truncate(Offset(3), &mut out);
    for effect in out.drain() {
        if let Effect::Write(write) = effect {
            disk.apply(write);
        }
    }
    let again = ReplicaLog::load(ID, disk.log(ID), LogConfig::with_segments_of(250));
    for (log, oldest) in [(&cut, 1), (&again, 2)] {
        let first = Offset(oldest.into());
        assert_eq!(admit(log, oldest), Ok(Admission::Duplicate(first, first.plus(1))));
        assert_eq!(admit(log, oldest - 1), Err(ErrorCode::OutOfOrderSequenceNumber));
        assert_eq!(admit(log, 3), Ok(Admission::Fresh));
    }
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
                let log = &node.log;
                prop_assert!(log.start() <= log.high_watermark() && log.high_watermark() <= log.end());
                for batch in log.batches() {
                    let end = log.end_of(batch.leader_epoch);
                    prop_assert_eq!(end.epoch, batch.leader_epoch, "its epoch is cached");
                    prop_assert!(batch.next_offset() <= end.end, "and reaches as far");
                }
                let covered: Vec<Record> = node
                    .log
                    .read(Offset(0), node.log.high_watermark(), u64::MAX, true)
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
