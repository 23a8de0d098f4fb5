//! What stands in the way of a stall, and what only happens beside it.

use super::*;
use crate::history::ProcessEnd;
use crate::test_history::*;
use ackproof_types::{GenerationId, Timestamp, TopicId};

const HOME: TopicPartition = TopicPartition { topic: TopicId::CONSUMER_OFFSETS, partition: 0 };

/// Entries a second apart; a stall of `P` from the second `since` to the second `until`.
fn found(
    events: Vec<(u16, Event)>,
    (since, until): (u64, u64),
    group: Option<GroupId>,
) -> Option<String> {
    let mut context = context();
    context.topics[0].replication_factor = 1;
    let context = Arc::new(context);
    let mut obstacles = Obstacles::new(Arc::clone(&context));
    entries(events).iter().for_each(|entry| obstacles.observe(entry));
    let second = |second: u64| Timestamp::from_micros(second * 1_000_000);
    let longest = Longest { partition: P, since: second(since), until: second(until) };
    let cause = match group {
        None => obstacles.of_writes(&longest),
        Some(group) => obstacles.of_reads(group, &longest),
    };
    cause.map(|cause| format!("{}: {}", cause.name(), cause.about(&context)))
}

fn offline(epoch: i32) -> (u16, Event) {
    let (node, mut event) = elected(1, epoch, &[1]);
    if let Event::LeaderElected { leader, .. } = &mut event {
        *leader = None;
    }
    (node, event)
}

fn in_offsets((node, mut event): (u16, Event)) -> (u16, Event) {
    if let Event::LeaderElected { partition, .. } = &mut event {
        *partition = HOME;
    }
    (node, event)
}

const CRASH: Event = Event::ProcessEnded(ProcessEnd::Crash);

#[test]
fn a_leader_that_is_down_stands_in_the_way_until_another_leads() {
    let events = vec![elected(1, 0, &[1, 2, 3]), (1, CRASH), phase(crate::history::Phase::Load)];
    let events = [events, vec![elected(2, 1, &[2, 3])]].concat();
    let told = found(events.clone(), (1, 4), None).expect("it is on record");
    assert!(
        told.starts_with("failover: broker.session.timeout.ms: the leader of payments-0"),
        "{told}"
    );
    // Of a longer stall it explains too little.
    assert_eq!(found(events, (1, 60), None), None);
}

#[test]
fn a_replica_in_sync_that_is_down_is_waited_for() {
    let shrunk = Event::IsrChanged {
        partition: P,
        before: [BrokerId(1), BrokerId(2), BrokerId(3)].into(),
        isr: [BrokerId(1), BrokerId(2)].into(),
    };
    let load = phase(crate::history::Phase::Load);
    let events = vec![elected(1, 0, &[1, 2, 3]), (3, CRASH), load, (0, shrunk)];
    let told = found(events.clone(), (1, 4), None).expect("it is on record");
    assert!(told.starts_with("slow-replica: acks=all waits for every replica in sync"), "{told}");
    assert_eq!(found(events, (3, 9), None), None, "it is out of sync");
}

#[test]
fn too_few_replicas_in_sync_name_the_setting() {
    let isr = |count: usize| {
        let of = |count| (1..=count).map(BrokerId).collect::<Vec<_>>().into();
        let (before, isr) = (of(3), of(u16::try_from(count).expect("few")));
        (0, Event::IsrChanged { partition: P, before, isr })
    };
    let told = found(vec![elected(1, 0, &[1, 2, 3]), isr(1), isr(1), isr(2)], (1, 3), None);
    let words = "min-insync-replicas: min.insync.replicas=2 with replication.factor=3: payments-0 had \
                 fewer replicas in sync";
    assert_eq!(told.as_deref(), Some(words));
    assert_eq!(found(vec![elected(1, 0, &[1, 2, 3]), isr(2), isr(2)], (1, 2), None), None);
}

#[test]
fn a_group_stands_still_without_the_partition_of_its_commits() {
    let events = vec![in_offsets(elected(2, 0, &[2])), in_offsets(offline(1)), assigned(5, 1)];
    let told = found(events.clone(), (1, 9), Some(G)).expect("it is on record");
    let words = "no-leader: offsets.topic.replication.factor=1: __consumer_offsets-0 had no leader";
    assert!(told.starts_with(words), "{told}");
    // It is no matter of writes.
    assert_eq!(found(events, (1, 9), None), None);
}

#[test]
fn a_partition_without_an_owner_tells_why_it_got_another() {
    let reason = Some(RebalanceReason::SessionExpired);
    let generation = GenerationId(2);
    let rebalanced = Event::Rebalanced { group: G, generation, members: 1, reason };
    let events = vec![assigned(5, 1), (5, CRASH), (1, rebalanced), assigned(6, 2)];
    let told = found(events.clone(), (1, 3), Some(G)).expect("it is on record");
    let words = "no-owner: no member owned payments-0 until the group rebalanced: session.timeout.ms of a \
                 member ran out";
    assert_eq!(told, words);
    // A follower that is down all the while takes nobody's partition away.
    let lagging = [vec![elected(1, 0, &[1, 2, 3]), (3, CRASH)], events].concat();
    assert_eq!(found(lagging, (3, 5), Some(G)).as_deref(), Some(words));
}

#[test]
fn a_fault_that_ends_at_one_follower_does_not_free_another() {
    let started = |fault, node| {
        (0, Event::FaultStarted { fault, target: Some(NodeId(node)), text: "paused".into() })
    };
    let ended = |fault| (0, Event::FaultEnded { fault });
    let shrunk = Event::IsrChanged {
        partition: P,
        before: [BrokerId(1), BrokerId(2), BrokerId(3)].into(),
        isr: [BrokerId(1), BrokerId(2)].into(),
    };
    let hit = [started(0, 3), started(1, 2), ended(1)];
    let load = phase(crate::history::Phase::Load);
    let events = [&[elected(1, 0, &[1, 2, 3])][..], &hit, &[load, (0, shrunk)]].concat();
    let told = found(events, (1, 6), None).expect("it is on record");
    assert!(told.starts_with("slow-replica"), "{told}");
}

#[test]
fn after_a_move_to_one_replica_the_minimum_is_not_to_blame() {
    let moved = Event::ReplicasChanged {
        partition: P,
        replicas: Arc::new([BrokerId(2)]),
        adding: Arc::new([]),
    };
    let load = || phase(crate::history::Phase::Load);
    let events = vec![elected(2, 0, &[1, 2, 3]), (0, moved), elected(2, 1, &[2]), load(), load()];
    assert_eq!(found(events.clone(), (2, 5), None), None, "one is enough");
    let (node, mut down) = elected(2, 2, &[2]);
    if let Event::LeaderElected { leader, .. } = &mut down {
        *leader = None;
    }
    let events = [events, vec![(node, down), load(), load()]].concat();
    let told = found(events, (5, 8), None).expect("it is on record");
    assert_eq!(
        told,
        "no-leader: a move to one replica: payments-0 had no leader without its only replica"
    );
}

#[test]
fn another_minimum_is_named_from_when_it_holds() {
    let altered = |least| Event::TopicAltered {
        topic: TopicId(1),
        min_insync_replicas: least,
        unclean_leader_election: false,
    };
    let load = || phase(crate::history::Phase::Load);
    let events = vec![elected(1, 0, &[1, 2]), (0, altered(3)), load(), load()];
    let told = found(events, (1, 4), None).expect("it is on record");
    assert!(told.contains("min.insync.replicas=3"), "{told}");
    let events = vec![elected(1, 0, &[1]), load(), load(), (0, altered(9)), load()];
    let told = found(events, (0, 3), None).expect("it is on record");
    assert!(told.contains("min.insync.replicas=2"), "{told}");
}
