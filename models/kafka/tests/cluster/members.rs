//! Consumers of one consumer group (KIP-848) around its coordinator: they come and go, and no partition
//! ever has two owners (R9.33).

use crate::driver::{Cluster, Setting};
use crate::produce;
use ackproof_kafka::assignor::Assignor;
use ackproof_kafka::config::{ApplicationConfig, ConsumerConfig, OutputsConfig, ResetTo};
use ackproof_kafka::observation::Observation;
use ackproof_kafka::variant::Variants;
use ackproof_types::GroupProtocol;
use ackproof_types::{
    BrokerId, CommitStrategy, Consuming, GroupId, Micros, NodeId, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};

const PARTITIONS: u16 = 6;

pub(crate) fn config(node: NodeId, commit: CommitStrategy) -> ConsumerConfig {
    let ms = Micros::from_millis;
    ConsumerConfig {
        group: GroupId(0),
        group_name: "ledger".into(),
        topics: [TopicId(1)].into(),
        offsets_partitions: 5,
        bootstrap: [1, 2, 3].map(BrokerId).into(),
        application: ApplicationConfig {
            process: ms(3000).into(),
            failures_per_million: 0,
            fails: [].into(),
            attempts: 1,
            salt: 0,
            commit,
            consuming: Consuming::default(),
            outputs: OutputsConfig::default(),
        },
        auto_commit_interval: ms(5000),
        auto_offset_reset: Some(ResetTo::Earliest),
        client_rack: None,
        assigned: None,
        has_group_id: true,
        variants: Variants::default(),
        profile: ackproof_kafka::profile::Profile::default(),
        group_protocol: GroupProtocol::Consumer,
        group_remote_assignor: None,
        session_timeout: ms(45_000),
        heartbeat_interval: ms(3000),
        partition_assignment_strategy: [Assignor::Range].into(),
        group_instance_id: None,
        max_poll_interval: ms(300_000),
        max_poll_records: 500,
        fetch_min_bytes: 1,
        fetch_max_wait: ms(500),
        fetch_max_bytes: 1 << 20,
        max_partition_fetch_bytes: 1 << 20,
        request_timeout: ms(30_000),
        default_api_timeout: ms(60_000),
        retry_backoff: ms(100),
        retry_backoff_max: ms(1000),
        metadata_max_age: ms(300_000),
        salt: u64::from(node.0),
    }
}

/// Who owns what, from what the members tell.
#[derive(Default)]
struct Owners {
    seen: usize,
    owned: BTreeMap<NodeId, BTreeSet<TopicPartition>>,
}

impl Owners {
    fn follow(&mut self, cluster: &Cluster) {
        for (node, fact) in &cluster.observed[self.seen..] {
            match fact {
                Observation::Assigned { partitions, .. } => {
                    self.owned.insert(*node, partitions.iter().copied().collect());
                }
                Observation::Revoked { partitions, .. } | Observation::Lost { partitions, .. } => {
                    let owned = self.owned.entry(*node).or_default();
                    owned.retain(|one| !partitions.contains(one));
                }
                _ => continue,
            }
            let all: Vec<_> = self.owned.values().flatten().collect();
            let different: BTreeSet<_> = all.iter().collect();
            assert_eq!(all.len(), different.len(), "R9.33: {:?} after {fact:?}", self.owned);
        }
        self.seen = cluster.observed.len();
    }

    fn run(&mut self, cluster: &mut Cluster, seconds: u64) {
        cluster.run_for(Micros::from_secs(seconds));
        self.follow(cluster);
    }

    /// Every partition has an owner, and each of `members` its fair share.
    fn settled(&self, members: &[NodeId]) {
        let sizes: Vec<usize> = members.iter().map(|node| self.owned[node].len()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), usize::from(PARTITIONS), "{:?}", self.owned);
        let share = usize::from(PARTITIONS) / members.len();
        assert!(sizes.iter().all(|size| *size == share), "{sizes:?}");
    }
}

#[test]
fn members_come_and_go_and_no_partition_has_two_owners() {
    let [a, b, c, d] = [11, 12, 13, 14].map(NodeId);
    for commit in [CommitStrategy::Auto, CommitStrategy::SyncAfterBatch] {
        let mut cluster = Cluster::with(Setting { partitions: PARTITIONS, ..Setting::default() });
        let mut owners = Owners::default();
        let leader = cluster.leader().expect("a leader");
        (0..5).for_each(|number| produce(&mut cluster, leader, number));
        cluster.start(a, config(a, commit));
        owners.run(&mut cluster, 5);
        owners.settled(&[a]);
        // It is in the middle of a batch. Whoever else joins waits for its next poll.
        cluster.start(b, config(b, commit));
        cluster.start(c, config(c, commit));
        owners.run(&mut cluster, 40);
        owners.settled(&[a, b, c]);
        cluster.leave(a);
        owners.run(&mut cluster, 20);
        owners.settled(&[b, c]);
        // Its session ends: only then has anybody else what it had (R9.33).
        owners.owned.remove(&b);
        cluster.kill_consumer(b);
        cluster.start(d, config(d, commit));
        owners.run(&mut cluster, 40);
        assert!(owners.owned[&c].len() + owners.owned[&d].len() < usize::from(PARTITIONS));
        owners.run(&mut cluster, 30);
        owners.settled(&[c, d]);
        // Each broker in turn, and so the coordinator at some time.
        for id in 1..=3 {
            cluster.kill(id);
            owners.run(&mut cluster, 30);
            cluster.boot(id);
            owners.run(&mut cluster, 30);
            owners.settled(&[c, d]);
        }
        let committed = cluster.observed.iter().any(|(_, fact)| {
            matches!(fact, Observation::Committed { offsets, .. } if offsets.iter().any(|(_, at)| at.0 == 5))
        });
        assert!(committed, "somebody read all and said so");
    }
}
