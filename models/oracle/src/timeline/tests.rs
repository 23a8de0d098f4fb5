//! What a timeline shows of histories written by hand.

use super::*;
use crate::test_history::*;

fn shown(events: Vec<(u16, Event)>, near: &[Timestamp]) -> (Vec<String>, u64) {
    let mut timeline = Timeline::new(Arc::new(context()));
    for mut entry in entries(events) {
        // Ten entries a second.
        entry.at = Timestamp::from_micros(entry.seq / 2 * 200_000);
        timeline.observe(&entry);
    }
    let (items, omitted) = timeline.conclude(near);
    (items.into_iter().map(|item| item.text).collect(), omitted)
}

fn in_offsets((node, mut event): (u16, Event)) -> (u16, Event) {
    if let Event::LeaderElected { partition, .. } | Event::IsrChanged { partition, .. } = &mut event
    {
        partition.topic = ackproof_types::TopicId::CONSUMER_OFFSETS;
    }
    (node, event)
}

fn fault(number: u32, node: u16, text: &str) -> (u16, Event) {
    let target = Some(NodeId(node));
    (node, Event::FaultStarted { fault: number, target, text: text.into() })
}

#[test]
fn a_crash_reads_as_fault_fencing_election_and_return() {
    let isr = |before: &[u16], after: &[u16]| {
        let set = |ids: &[u16]| ids.iter().map(|&id| BrokerId(id)).collect();
        let (before, isr) = (set(before), set(after));
        (0, Event::IsrChanged { partition: P, before, isr })
    };
    let events = vec![
        phase(Phase::Load),
        (2, Event::ProcessStarted),
        elected(2, 0, &[1, 2, 3]),
        in_offsets(elected(2, 0, &[1, 2, 3])),
        fault(0, 2, "broker-2 crashed (leader of payments-0) for 20s"),
        (2, Event::ProcessEnded(ProcessEnd::Crash)),
        elected(3, 1, &[1, 3]),
        (0, Event::Fenced { broker: BrokerId(2) }),
        in_offsets(elected(3, 1, &[1, 3])),
        (2, Event::FaultEnded { fault: 0 }),
        (2, Event::Unfenced { broker: BrokerId(2) }),
        isr(&[1, 3], &[1, 2, 3]),
        in_offsets(isr(&[1, 3], &[1, 2, 3])),
        phase(Phase::Settle),
        phase(Phase::End),
    ];
    assert_eq!(
        shown(events, &[]).0,
        [
            "fault: broker-2 crashed (leader of payments-0) for 20s",
            "broker-2 fenced: it may not lead",
            "broker-3 elected for payments-0 and 1 of __consumer_offsets",
            "over: broker-2 crashed",
            "in-sync set of payments-0 and 1 of __consumer_offsets: +broker-2",
            "all faults over, settling begins",
        ]
    );
}

#[test]
fn rebalances_in_a_row_are_one_item() {
    let rebalanced = |generation| {
        let (group, generation) = (G, GenerationId(generation));
        let reason = [None, Some(RebalanceReason::Left), Some(RebalanceReason::Joined)];
        let reason = reason[usize::try_from(generation.0).unwrap().min(2)];
        (1, Event::Rebalanced { group, generation, members: 2, reason })
    };
    let said = |generations: &[i32]| {
        shown(generations.iter().map(|number| rebalanced(*number)).collect(), &[]).0
    };
    let expected = "ledger rebalanced: generations 1 to 3, now 2 members; a member left, \
                    a member joined (2 times)";
    assert_eq!(said(&[1, 2, 3]), [expected]);
    assert_eq!(said(&[2]), ["ledger rebalanced: generation 2, 2 members; a member joined"]);
    assert_eq!(said(&[0]), ["ledger rebalanced: generation 0, 2 members"], "not on record");
}

#[test]
fn a_process_that_ends_by_itself_is_told() {
    let events = vec![(5, Event::ProcessStarted), (5, Event::ProcessEnded(ProcessEnd::Clean))];
    assert_eq!(shown(events, &[]).0, ["ledger-0 stopped"]);
}

#[test]
fn a_long_run_keeps_its_ends_and_what_is_near_a_violation() {
    let events: Vec<_> = (0..100).map(|n| fault(n, 1, &format!("reset broker-{n}"))).collect();
    let (texts, omitted) = shown(events, &[Timestamp::from_micros(5_000_000)]);
    assert_eq!(omitted, 100 - SHOWN as u64);
    assert_eq!(texts.len(), SHOWN + 2, "{texts:?}");
    let has = |n: u32| texts.contains(&format!("fault: reset broker-{n}"));
    assert!(has(0) && has(5) && !has(6) && !has(40), "the beginning: {texts:?}");
    assert!(has(50) && has(45) && has(55), "near the violation: {texts:?}");
    assert!(!has(93) && has(94) && has(99), "the end: {texts:?}");
    assert!(texts.contains(&"… 38 more before this".to_owned()), "{texts:?}");
}
