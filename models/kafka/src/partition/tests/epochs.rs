//! What a leader notes of its leadership.

use super::*;

/// R1.12, KAFKA-7415. Without the note a follower that fetches is out of range, and R2.11 leads it on: random clusters
/// do not tell the difference.
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
