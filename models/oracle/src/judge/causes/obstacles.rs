//! What stands in the way of records: a history for each obstacle.

use super::{Events, Told, crashed, told, wait};
use crate::cause::Obstacle;
use crate::history::Event;
use crate::obstacles::Obstacles;
use crate::pace::Longest;
use crate::test_history::*;
use ackproof_types::{BrokerId, GenerationId, RebalanceReason, Timestamp};
use std::sync::Arc;

fn isr(ids: &[u16]) -> (u16, Event) {
    let all = [1, 2, 3].map(BrokerId);
    let isr = ids.iter().copied().map(BrokerId).collect();
    (0, Event::IsrChanged { partition: P, before: all.into(), isr })
}

fn offline() -> (u16, Event) {
    let (node, mut event) = elected(1, 1, &[1]);
    if let Event::LeaderElected { leader, .. } = &mut event {
        *leader = None;
    }
    (node, event)
}

/// Why the group had another owner.
const WHY: Option<RebalanceReason> = Some(RebalanceReason::SessionExpired);

fn handed_over() -> Events {
    let rebalanced =
        Event::Rebalanced { group: G, generation: GenerationId(2), members: 1, reason: WHY };
    vec![assigned(5, 1), crashed(5), (1, rebalanced), assigned(6, 2)]
}

fn in_sync(last: Events) -> Told {
    told([&[elected(1, 0, &[1, 2, 3])][..], &last].concat())
}

rows! { obstacles: Obstacle {
    NoLeader, in_sync(vec![offline(), wait(), wait()]);
    Failover, in_sync(vec![crashed(1), wait(), elected(2, 1, &[2, 3])]);
    Follower, in_sync(vec![crashed(3), wait(), isr(&[1, 2])]);
    MinInsyncReplicas(_) = 2, in_sync(vec![isr(&[1]), wait(), isr(&[1, 2])]);
    NoOwner(_) = WHY, told(handed_over());
} }

/// From the second entry to the last, records are not moved.
#[test]
fn every_obstacle_has_a_history() {
    for (obstacle, Told { context, events }) in obstacles() {
        let entries = entries(events);
        let mut obstacles = Obstacles::new(Arc::new(context));
        entries.iter().for_each(|entry| obstacles.observe(entry));
        let until = entries.last().expect("a history").at;
        let since = Timestamp::from_micros(1_000_000);
        let stall = Longest { partition: P, since, until };
        let (writes, reads) = (obstacles.of_writes(&stall), obstacles.of_reads(G, &stall));
        let found = writes.or(reads).map(|cause| cause.obstacle);
        assert_eq!(found, Some(obstacle));
    }
}
