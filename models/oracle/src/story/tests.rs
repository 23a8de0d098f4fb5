//! Stories of records that were lost, skipped, and processed again.

use super::*;
use crate::history::PositionSource;
use crate::test_history::*;
use ackproof_types::{GenerationId, MemberId};

fn told(group: Option<GroupId>, events: Vec<(u16, Event)>) -> Vec<String> {
    told_until(group, None, events)
}

fn told_until(
    group: Option<GroupId>,
    until: Option<u64>,
    events: Vec<(u16, Event)>,
) -> Vec<String> {
    let (record, offset) = (record(0).id, Offset(0));
    let subject = Subject { record, partition: P, offset, group, until };
    let mut story = Story::new(Arc::new(context()), &[subject]);
    for entry in entries(events) {
        story.observe(&entry);
    }
    story.of(&subject)
}

#[test]
fn a_lost_record_is_followed_from_send_to_truncation() {
    let lines = told(
        None,
        vec![
            sent(0),
            sent(1),
            appended(1, 0, 0, &[0]),
            acked(0, &[0]),
            appended(3, 0, 0, &[0]),
            appended(1, 0, 1, &[1]),
            elected(2, 1, &[2, 3]),
            (3, Event::Truncated { partition: P, from: Offset(1), to: Offset(0) }),
        ],
    );
    assert_eq!(
        lines,
        [
            "0.000s  billing-0 sent billing-0#0",
            "2.000s  broker-1 appended it as leader at offset 0, epoch 0",
            "3.000s  broker-1 acknowledged it at offset 0 (acks=all)",
            "4.000s  broker-3 appended it as follower at offset 0, epoch 0",
            "6.000s  broker-2 elected without it (epoch 1, in-sync set [2, 3])",
            "7.000s  broker-3 truncated its log from 1 to 0: gone there",
        ]
    );
}

#[test]
fn a_skipped_record_is_followed_through_the_group() {
    let lines = told(
        Some(G),
        vec![
            positioned(5, 0, PositionSource::NoCommitEarliest),
            polled(0, &[0, 1]),
            commit_sent(2),
            (5, Event::ProcessEnded(ProcessEnd::Crash)),
            positioned(6, 2, PositionSource::Committed),
            positioned(6, 2, PositionSource::Committed),
        ],
    );
    assert_eq!(
        lines,
        [
            "0.000s  ledger-0 starts at payments-0 offset 0 (no commit, reset to earliest)",
            "1.000s  ledger-0 polled offsets 0..2, the record among them",
            "2.000s  ledger-0 committed payments-0 up to 2",
            "3.000s  ledger-0 crashed without having processed it",
            "4.000s  ledger-1 starts at payments-0 offset 2 (committed)",
        ]
    );
}

#[test]
fn a_record_processed_again_is_followed_from_the_first_time_to_the_second() {
    let revoked = Event::Revoked { group: G, member: MemberId(0), partitions: Arc::new([P]) };
    let rebalanced = |generation| {
        let generation = GenerationId(generation);
        (1, Event::Rebalanced { group: G, generation, members: 2, reason: None })
    };
    let lines = told(
        Some(G),
        vec![
            sent(0),
            acked(0, &[0]),
            polled(0, &[0, 1]),
            processed(0, 0),
            (5, revoked),
            rebalanced(2),
            rebalanced(3),
            positioned(6, 0, PositionSource::NoCommitEarliest),
            polled(0, &[0, 1]),
            processed(0, 0),
            processed(0, 0),
        ],
    );
    assert_eq!(
        lines,
        [
            "2.000s  ledger-0 polled offsets 0..2, the record among them",
            "3.000s  ledger-0 processed it",
            "4.000s  ledger-0 gave payments-0 back; nothing of payments-0 was committed",
            "5.000s  ledger rebalanced: 2 members in generation 2",
            "7.000s  ledger-1 starts at payments-0 offset 0 (no commit, reset to earliest)",
            "8.000s  ledger-0 polled offsets 0..2, the record among them",
            "9.000s  ledger-0 processed it again",
        ]
    );
    let crash = (5, Event::ProcessEnded(ProcessEnd::Crash));
    let with = |commits: Vec<(u16, Event)>| {
        let mut events = vec![polled(0, &[0, 1]), processed(0, 0)];
        events.extend(commits);
        events.extend([crash.clone(), processed(0, 0)]);
        told(Some(G), events)[2..].join("\n")
    };
    let only = with(vec![committed(0)]);
    assert!(only.contains("crashed; payments-0 was committed up to 0 only"), "{only}");
    let passed = with(vec![committed(2)]);
    assert!(passed.contains("committed payments-0 up to 2\n"), "a commit that was lost: {passed}");
}

/// Each repetition has a story of its own, from the time before to its own end.
#[test]
fn a_later_repetition_is_told_from_the_one_before() {
    let generation = GenerationId(2);
    let rebalanced = Event::Rebalanced { group: G, generation, members: 1, reason: None };
    let events = vec![
        polled(0, &[0]),
        (1, rebalanced),
        (6, polled(0, &[0]).1),
        processed(0, 0),
        (6, processed(0, 0).1),
        processed(0, 0),
    ];
    let first = told_until(Some(G), Some(4), events.clone());
    assert_eq!(
        first,
        [
            "0.000s  ledger-0 polled offsets 0..1, the record among them",
            "1.000s  ledger rebalanced: 1 member in generation 2",
            "2.000s  ledger-1 polled offsets 0..1, the record among them",
            "3.000s  ledger-0 processed it",
            "4.000s  ledger-1 processed it again",
        ]
    );
    let second = told_until(Some(G), Some(5), events);
    assert_eq!(second[0], "2.000s  ledger-1 polled offsets 0..1, the record among them");
    assert_eq!(second.last().unwrap(), "5.000s  ledger-0 processed it again");
}

#[test]
fn a_long_story_keeps_its_ends() {
    let mut events = vec![sent(0), appended(1, 0, 0, &[0])];
    events.extend((1..20).map(|epoch| elected(1, epoch, &[1])));
    let lines = told(None, events);
    assert_eq!(lines.len(), LINES);
    assert_eq!(lines[FIRST], "… 12 more steps");
    assert!(lines[LINES - 1].contains("epoch 19"), "{lines:?}");
}
