//! Histories and how long their partitions were without a leader, or an owner. Entries are a second apart.

use super::*;
use crate::history::ProcessEnd;
use crate::test_history::{G, P, acked, assigned, context, elected, entries, sent};
use ackproof_types::MemberId;

/// Members at nodes 5 and 6, as in [`crate::test_history::context`].
const LEDGER: [u16; 2] = [5, 6];

fn moves(events: Vec<(u16, Event)>) -> (Option<Histogram>, Option<Histogram>) {
    let mut moves = Moves::new(Arc::new(context()));
    entries(events).iter().for_each(|entry| moves.observe(entry));
    let (failover, mut handovers) = moves.conclude(1);
    (failover, handovers.remove(0))
}

/// Lengths in seconds: how many, the longest, their sum.
fn seconds(of: Option<Histogram>) -> Option<(u64, u64, u64)> {
    let second = |us: u64| us / 1_000_000;
    of.map(|of| (of.count(), second(of.longest().map_or(0, |one| one.0)), second(of.sum())))
}

fn failover(events: Vec<(u16, Event)>) -> Option<(u64, u64, u64)> {
    seconds(moves(events).0)
}

fn handover(events: Vec<(u16, Event)>) -> Option<(u64, u64, u64)> {
    seconds(moves(events).1)
}

fn fault(number: u32, target: u16) -> (u16, Event) {
    let target = Some(NodeId(target));
    (
        target.map_or(0, |node| node.0),
        Event::FaultStarted { fault: number, target, text: "".into() },
    )
}

fn over(number: u32) -> (u16, Event) {
    (0, Event::FaultEnded { fault: number })
}

fn crashed(node: u16) -> (u16, Event) {
    (node, Event::ProcessEnded(ProcessEnd::Crash))
}

fn started(node: u16) -> (u16, Event) {
    (node, Event::ProcessStarted)
}

fn unfenced(broker: u16) -> (u16, Event) {
    (0, Event::Unfenced { broker: BrokerId(broker) })
}

fn revoked(node: u16) -> (u16, Event) {
    let member = MemberId(u64::from(node));
    (node, Event::Revoked { group: G, member, partitions: [P].into() })
}

fn lost(node: u16) -> (u16, Event) {
    let member = MemberId(u64::from(node));
    (node, Event::Lost { group: G, member, partitions: [P].into() })
}

/// Something that does not matter: a second passes.
fn wait() -> (u16, Event) {
    sent(0)
}

#[test]
fn a_failover_is_from_the_hit_to_another_leader() {
    let events = vec![elected(1, 0, &[1, 2]), fault(7, 1), wait(), wait(), elected(2, 1, &[2])];
    assert_eq!(failover(events), Some((1, 3, 3)));
    let alone = vec![elected(1, 0, &[1, 2]), crashed(1), wait(), wait(), elected(2, 1, &[2])];
    assert_eq!(failover(alone), Some((1, 3, 3)));
}

#[test]
fn an_end_is_the_hit_whatever_slowed_the_process_down_before() {
    let slow = [fault(6, 1), wait(), fault(7, 1), crashed(1), wait()];
    let events = [vec![elected(1, 0, &[1, 2])], slow.to_vec(), vec![elected(2, 1, &[2])]].concat();
    assert_eq!(failover(events), Some((1, 2, 2)));
    let [one, two] = LEDGER;
    let slow = [fault(6, one), wait(), fault(7, one), crashed(one), wait()];
    let events = [vec![assigned(one, 1)], slow.to_vec(), vec![assigned(two, 2)]].concat();
    assert_eq!(handover(events), Some((1, 2, 2)));
}

#[test]
fn time_without_any_leader_belongs_to_it() {
    let events =
        vec![elected(1, 0, &[1]), crashed(1), elected(0, 1, &[1]), wait(), elected(2, 2, &[2])];
    assert_eq!(failover(events), Some((1, 3, 3)));
}

#[test]
fn a_fault_that_ends_before_an_election_hit_nothing() {
    let events = vec![elected(1, 0, &[1, 2]), fault(7, 1), over(7), elected(2, 1, &[1, 2])];
    assert_eq!(failover(events), Some((0, 0, 0)));
}

#[test]
fn who_crashed_is_gone_even_when_its_fault_is_over() {
    let back = vec![
        elected(1, 0, &[1, 2]),
        fault(7, 1),
        crashed(1),
        over(7),
        started(1),
        elected(2, 1, &[2]),
    ];
    assert_eq!(failover(back), Some((1, 3, 3)));
}

#[test]
fn who_serves_or_leads_again_was_followed_by_nobody() {
    let serves = vec![elected(1, 0, &[1, 2]), crashed(1), unfenced(1), elected(2, 1, &[1, 2])];
    assert_eq!(failover(serves), Some((0, 0, 0)));
    let leads = vec![elected(1, 0, &[1]), crashed(1), elected(1, 1, &[1]), elected(2, 2, &[1, 2])];
    assert_eq!(failover(leads), Some((0, 0, 0)));
}

#[test]
fn who_does_not_lead_now_is_followed_by_nobody() {
    let follower = vec![elected(1, 0, &[1, 2]), crashed(3), elected(2, 1, &[2])];
    assert_eq!(failover(follower), Some((0, 0, 0)));
    let before = vec![crashed(1), elected(1, 0, &[1, 2]), elected(2, 1, &[2])];
    assert_eq!(failover(before), Some((0, 0, 0)));
}

#[test]
fn without_elections_or_assignments_nothing_can_be_told() {
    assert_eq!(moves(vec![crashed(1), sent(0), acked(0, &[0]), crashed(5)]), (None, None));
    let (_, event) = elected(1, 0, &[1]);
    let Event::LeaderElected { leader, epoch, isr, unclean, .. } = event else { unreachable!() };
    let partition = TopicPartition::new(ackproof_types::TopicId::CONSUMER_OFFSETS, 0);
    let offsets = Event::LeaderElected { partition, leader, epoch, isr, unclean };
    assert_eq!(failover(vec![(0, offsets)]), None, "Kafka's own topic is not the user's");
}

#[test]
fn a_partition_given_back_is_handed_over_to_anybody() {
    let [one, two] = LEDGER;
    let moved = vec![assigned(one, 1), revoked(one), wait(), assigned(two, 2)];
    assert_eq!(handover(moved), Some((1, 2, 2)));
    let back = vec![assigned(one, 1), revoked(one), assigned(one, 2), assigned(one, 3)];
    assert_eq!(handover(back), Some((1, 1, 1)));
}

#[test]
fn a_partition_of_a_hit_member_counts_from_the_hit() {
    let [one, two] = LEDGER;
    let paused = vec![assigned(one, 1), fault(7, one), wait(), wait(), assigned(two, 2), lost(one)];
    assert_eq!(handover(paused), Some((1, 3, 3)));
    let stalled = vec![assigned(one, 1), fault(7, one), lost(one), over(7), assigned(two, 2)];
    assert_eq!(handover(stalled), Some((1, 3, 3)));
    let crashed = vec![assigned(one, 1), fault(7, one), crashed(one), over(7), assigned(two, 2)];
    assert_eq!(handover(crashed), Some((1, 2, 2)));
}

#[test]
fn a_member_that_gives_back_in_good_order_was_not_hit() {
    let [one, two] = LEDGER;
    let slow = vec![assigned(one, 1), fault(7, one), wait(), revoked(one), assigned(two, 2)];
    assert_eq!(handover(slow), Some((1, 1, 1)));
}

#[test]
fn a_pause_that_moves_nothing_counts_nothing() {
    let [one, two] = LEDGER;
    let paused = vec![assigned(one, 1), fault(7, one), over(7), assigned(one, 2)];
    assert_eq!(handover(paused), Some((0, 0, 0)));
    let frozen = vec![assigned(one, 1), fault(7, one), assigned(one, 2), over(7), assigned(two, 3)];
    assert_eq!(handover(frozen), Some((0, 0, 0)));
}

#[test]
fn who_starts_again_is_somebody_else() {
    let one = LEDGER[0];
    let events = vec![assigned(one, 1), crashed(one), started(one), assigned(one, 2)];
    assert_eq!(handover(events), Some((1, 2, 2)));
}

#[test]
fn who_owns_nothing_loses_nothing() {
    let [one, two] = LEDGER;
    let events = vec![assigned(one, 1), crashed(two), revoked(two), lost(two), assigned(one, 2)];
    assert_eq!(handover(events), Some((0, 0, 0)));
    assert_eq!(
        handover(vec![revoked(one), assigned(one, 1), wait(), revoked(one)]),
        Some((0, 0, 0))
    );
}
