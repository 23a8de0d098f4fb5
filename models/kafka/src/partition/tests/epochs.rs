//! What a leader notes of its leadership.

use super::*;
use crate::message::FetchingReplica;

/// R1.12, KAFKA-7415.
#[test]
fn a_leader_notes_its_epoch_before_its_first_record() {
    let noted = |variants: &[Variant]| {
        let mut replicas = Replicas::with(variants);
        replicas.apply(1, &registration(1, 4, &[1, 2, 3]));
        replicas.nodes[0].log.latest_epoch()
    };
    assert_eq!(noted(&[]), LeaderEpoch(4));
    assert_eq!(noted(&[Variant::EpochStartOnlyOnAppend]), LeaderEpoch::UNKNOWN);
}

/// R2.3: a follower that is behind in epochs is refused, so what it has fetched in another epoch does not count. In
/// the random clusters, as in Kafka, hardly anybody leads again without having followed in between, and then both
/// bugs show nothing.
#[test]
fn what_was_fetched_in_another_epoch_counts_only_with_a_bug() {
    let follows = |variants: &[Variant]| {
        let mut replicas = Replicas::with(variants);
        replicas.apply(1, &registration(1, 4, &[1, 2, 3]));
        replicas.apply(2, &registration(1, 3, &[1, 2, 3]));
        let variants = replicas.variants;
        let asked = replicas.nodes[1].ask(BrokerId(1), 1_000, variants).expect("it follows");
        replicas.nodes[0].check_epoch(asked.leader_epoch)
    };
    assert_eq!(follows(&[]), Err(ErrorCode::FencedLeaderEpoch));
    assert_eq!(follows(&[Variant::NoEpochInFetch]), Ok(()));

    let mut replicas = Replicas::with(&[Variant::UnfencedHighWatermarkAdvance]);
    replicas.apply(1, &registration(1, 4, &[1, 2, 3]));
    replicas.produce(1, 1);
    for follower in [2, 3] {
        let (broker, epoch) = (BrokerId(follower), BrokerEpoch(i64::from(follower)));
        let (claims, when) = ((FetchingReplica { broker, epoch }, Offset(1)), LagTick(0));
        let refused = Err(ErrorCode::FencedLeaderEpoch);
        let leader = &mut replicas.nodes[0];
        assert!(!leader.fetched_unfenced(&refused, claims, (when, Variants::default())));
        assert!(leader.fetched_unfenced(&refused, claims, (when, replicas.variants)));
    }
    let around = Surroundings {
        id: BrokerId(1),
        image: &replicas.image,
        tick: LagTick(0),
        min_isr: 2,
        variants: replicas.variants,
    };
    assert!(replicas.nodes[0].maybe_advance(around, &mut Out::default()), "they are believed");
}

/// R2.15: Kafka keeps what was claimed; mended rules do not, as the follower may have cut its log since.
#[test]
fn a_leader_that_is_elected_again_keeps_claims_unless_it_is_mended() {
    let advances = |variants: Variants| {
        let mut replicas = Replicas::with(&[]);
        replicas.variants = variants;
        replicas.apply(1, &registration(1, 4, &[1, 2]));
        replicas.produce(1, 1);
        let leader = replicas.nodes[0].leader().expect("it leads");
        leader.fetched(BrokerId(2), BrokerEpoch(2), Offset(1), Offset(1), LagTick(0));
        replicas.apply(1, &registration(1, 6, &[1, 2]));
        let around = Surroundings {
            id: BrokerId(1),
            image: &replicas.image,
            tick: LagTick(0),
            min_isr: 2,
            variants,
        };
        replicas.nodes[0].maybe_advance(around, &mut Out::default())
    };
    assert!(advances(Variants::default()));
    assert!(!advances(Variants::default().mended()));
}
