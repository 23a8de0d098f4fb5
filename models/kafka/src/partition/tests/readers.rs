//! Where consumers are sent to read.

use super::*;

/// KIP-392: of those near that are in sync and have the offset, the one that is most caught up.
#[test]
fn a_consumer_is_sent_to_a_follower_that_has_what_it_reads() {
    let mut replicas = Replicas::new();
    (1..=3).for_each(|broker| replicas.apply(broker, &registration(1, 0, &[1, 2, 3])));
    replicas.produce(1, 2);
    let chosen = |replicas: &mut Replicas, offset, near: fn(BrokerId) -> bool| {
        let leader = replicas.nodes[0].leader().expect("it leads");
        leader.read_replica(Offset(offset), near).map(|broker| broker.0)
    };
    assert_eq!(chosen(&mut replicas, 0, |_| true), None, "none has fetched yet");
    for _ in 0..2 {
        replicas.fetch(2, 1);
    }
    replicas.fetch(3, 1);
    assert_eq!(chosen(&mut replicas, 0, |_| true), Some(2));
    assert_eq!(chosen(&mut replicas, 0, |broker| broker.0 == 3), Some(3), "nearer");
    assert_eq!(chosen(&mut replicas, 1, |broker| broker.0 == 3), None, "it has not claimed that");
    assert_eq!(chosen(&mut replicas, 0, |_| false), None);
    let smaller = registration(1, 0, &[1, 3]);
    replicas.apply(1, &PartitionRegistration { partition_epoch: PartitionEpoch(9), ..smaller });
    assert_eq!(chosen(&mut replicas, 0, |_| true), Some(3), "2 is out of sync");
}
